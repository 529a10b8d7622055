package cognitoidentity

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// GetCredentialsForIdentity returns temporary credentials for the role that the
// pool gives the identity (enhanced flow). They last one hour.
func (s *Service) GetCredentialsForIdentity(ctx context.Context, in *GetCredentialsForIdentityInput) (*GetCredentialsForIdentityResponse, error) {
	identity, pool, err := s.publicIdentity(ctx, *in.IdentityId)
	if err != nil {
		return nil, err
	}
	client := awsapi.RecordFrom(ctx).Client
	request := sts.Request{Account: pool.Account, Region: pool.Region, PoolID: pool.ID, SourceIP: client.IP, SecureTransport: client.TLS}
	choice := identitypool.RoleRequest{}
	if in.CustomRoleArn != nil {
		choice.CustomARN = *in.CustomRoleArn
	}
	if token, ok := in.Logins[identitypool.OwnProvider]; ok {
		claims, err := s.ownToken(ctx, pool, identity, in.Logins, token)
		if err != nil {
			return nil, err
		}
		choice.OwnToken = true
		request.AMR, request.Tags, request.Provider = claims.AMR, claims.PrincipalTags, pool.DeveloperProviderName
	} else {
		identity, choice.Logins, err = s.use(ctx, &pool, identity, in.Logins)
		if err != nil {
			return nil, err
		}
		request.Guest = len(choice.Logins) == 0
		request.AMR = identitypool.AMR(choice.Logins)
		if !request.Guest {
			request.Provider = choice.Logins[0].Provider
		}
		if request.Tags, err = pool.SessionTags(choice.Logins, explain.FromContext(ctx)); err != nil {
			return nil, configurationError(err)
		}
	}
	request.IdentityID = identity.ID
	if request.RoleARN, err = pool.ChooseRole(choice, explain.FromContext(ctx)); err != nil {
		return nil, roleError(err)
	}
	credentials, err := s.Credentials.AssumeRoleForIdentity(ctx, request)
	if errors.Is(err, sts.ErrDenied) || errors.Is(err, sts.ErrTooLarge) {
		return nil, configurationError(err)
	} else if errors.Is(err, sts.ErrUnavailable) {
		return nil, awsapi.Errorf(externalService, "The credential engine of this identity pool is not responding.").Because(err)
	} else if err != nil {
		return nil, err
	}
	return &GetCredentialsForIdentityResponse{
		IdentityId: new(string(identity.ID)),
		Credentials: &Credentials{
			AccessKeyId:  &credentials.AccessKeyID,
			SecretKey:    &credentials.SecretAccessKey,
			SessionToken: &credentials.SessionToken,
			Expiration:   awsapi.At(credentials.Expiration),
		},
	}, nil
}

func configurationError(cause error) error {
	return awsapi.Errorf(invalidConfiguration, messageConfiguration).Because(cause)
}

func roleError(err error) error {
	var none *identitypool.NoRoleError
	var ambiguous *identitypool.AmbiguousRoleError
	var custom *identitypool.CustomRoleError
	var needed *identitypool.RoleNeededError
	var nothing *identitypool.NoOfferedRoleError
	switch {
	case errors.As(err, &none):
		return configurationError(err)
	case errors.As(err, &ambiguous):
		return awsapi.Errorf(notAuthorized, "%s", ambiguous.Error())
	case errors.As(err, &needed):
		return awsapi.Errorf(notAuthorized, "%s", needed.Error())
	case errors.As(err, &nothing):
		return awsapi.Errorf(notAuthorized, "%s", nothing.Error())
	case errors.As(err, &custom):
		return roleForbidden(custom.RoleARN).Because(err)
	default:
		return err
	}
}

// ownToken proves a login by a token of GetOpenIdTokenForDeveloperIdentity. It
// must name this identity and pool, and its developer user must still be
// linked: unlinking takes effect at once, not when the token runs out.
func (s *Service) ownToken(ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, logins map[string]string, token string) (issuer.Claims, error) {
	trace := explain.FromContext(ctx)
	if len(logins) > 1 {
		trace.Fail("logins", "the token of GetOpenIdTokenForDeveloperIdentity alone", "other logins beside it",
			"link the other logins with GetOpenIdTokenForDeveloperIdentity first")
		return issuer.Claims{}, awsapi.Errorf(invalidParameter, "A token of %s cannot be combined with other logins.", identitypool.OwnProvider)
	}
	claims, err := s.Issuer.Verify(ctx, token)
	switch {
	case errors.Is(err, issuer.ErrExpired):
		now, exp := s.Now().Unix(), claims.Expires.Unix()
		trace.Fail("own token", "an unexpired token", "it expired at "+claims.Expires.UTC().String(), "call GetOpenIdTokenForDeveloperIdentity again")
		return issuer.Claims{}, awsapi.Errorf(notAuthorized, "Invalid login token. Token expired: %s >= %s", strconv.FormatInt(now, 10), strconv.FormatInt(exp, 10))
	case errors.Is(err, issuer.ErrKeyRetired):
		trace.Fail("own token", "a token whose signing key is in use", err.Error(),
			"call GetOpenIdTokenForDeveloperIdentity again")
		return issuer.Claims{}, awsapi.Errorf(notAuthorized, messageNotOwnToken).Because(err)
	case errors.Is(err, issuer.ErrNotOurs):
		trace.Fail("own token", "a token that this server signed", "another one", "pass the token of GetOpenIdTokenForDeveloperIdentity under "+identitypool.OwnProvider)
		return issuer.Claims{}, awsapi.Errorf(notAuthorized, messageNotOwnToken).Because(err)
	case err != nil:
		return issuer.Claims{}, err
	}
	if claims.Audience != string(pool.ID) || claims.Subject != string(identity.ID) {
		trace.Fail("own token", "a token for this identity", "a token for another identity", "use the identity ID that came with the token")
		return issuer.Claims{}, s.resolveError(ctx, identitypool.ErrLoginsDontMatch, pool, string(identity.ID))
	}
	if identity.Disabled {
		return issuer.Claims{}, s.resolveError(ctx, identitypool.ErrForbidden, pool, string(identity.ID))
	}
	if !s.stillLinked(pool, identity, claims.AMR) {
		trace.Fail("own token", "a developer user that is linked to the identity", "the token's user is not", "call GetOpenIdTokenForDeveloperIdentity again")
		return issuer.Claims{}, s.resolveError(ctx, identitypool.ErrLoginsDontMatch, pool, string(identity.ID))
	}
	return claims, nil
}

// stillLinked reports whether a developer user that the token's amr names is
// linked to the identity. Tokens of the classic flow name none.
func (s *Service) stillLinked(pool identitypool.Pool, identity identitypool.Identity, amr []string) bool {
	if pool.DeveloperProviderName == "" {
		return false
	}
	prefix := pool.DeveloperProviderName + ":" + string(pool.ID) + ":"
	return slices.ContainsFunc(amr, func(entry string) bool {
		user, ok := strings.CutPrefix(entry, prefix)
		return ok && identity.HasLogin(pool.DeveloperLogin(user).Login)
	})
}
