package cognitoidentity

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/sts"
)

// GetCredentialsForIdentity returns temporary credentials for the role that the
// pool gives the identity (enhanced flow). They last one hour.
func (s *Service) GetCredentialsForIdentity(ctx context.Context, in *GetCredentialsForIdentityInput) (*GetCredentialsForIdentityResponse, error) {
	identity, pool, err := s.publicIdentity(ctx, *in.IdentityId, in.Logins)
	if err != nil {
		return nil, err
	}
	client := awsapi.RecordFrom(ctx).Client
	request := sts.Request{Account: pool.Account, Region: pool.Region, PoolID: pool.ID, SourceIP: client.IP, SecureTransport: client.TLS}
	choice := identitypool.RoleRequest{}
	if in.CustomRoleArn != nil {
		if err := s.checkCustomRole(pool, *in.CustomRoleArn); err != nil {
			return nil, err
		}
		choice.CustomARN = *in.CustomRoleArn
	}
	if token, _, ok := pool.OwnToken(in.Logins); ok {
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
	request.IdentityID, request.Predecessor = identity.ID, identity.Predecessor
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

// ownToken proves a login by a token of GetOpenIdTokenForDeveloperIdentity, which must
// be the only login.
func (s *Service) ownToken(ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, logins map[string]string, token string) (issuer.Claims, error) {
	if len(logins) > 1 {
		explain.FromContext(ctx).Fail("logins", "the token of GetOpenIdTokenForDeveloperIdentity alone", "other logins beside it",
			"link the other logins with GetOpenIdTokenForDeveloperIdentity first")
		return issuer.Claims{}, awsapi.Errorf(invalidParameter, "A token of %s cannot be combined with other logins.", identitypool.ServiceName(pool.Region))
	}

	claims, err := s.proveOwn(ctx, pool, identity, token)
	s.Addresses.Checked(ctx, token, err)
	return claims, err
}

// proveOwn proves a token of GetOpenIdTokenForDeveloperIdentity. It must name this
// identity and pool, and its developer user must still be linked: unlinking takes
// effect at once, not when the token runs out.
func (s *Service) proveOwn(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, token string,
) (issuer.Claims, error) {
	trace := explain.FromContext(ctx)
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
		trace.Fail("own token", "a token that this server signed", "another one", "pass the token of GetOpenIdTokenForDeveloperIdentity under "+identitypool.ServiceName(pool.Region))
		return issuer.Claims{}, awsapi.Errorf(notAuthorized, messageNotOwnToken).Because(err)
	case err != nil:
		return issuer.Claims{}, err
	}
	if claims.Audience != string(pool.ID) || claims.PoolARN != pool.ARN() || claims.Subject != string(identity.ID) {
		trace.Fail("own token", "a token for this identity", "a token for another identity", "use the identity ID that came with the token")
		return issuer.Claims{}, s.resolveError(ctx, identitypool.ErrLoginsDontMatch, pool, string(identity.ID))
	}
	if identity.Disabled {
		return issuer.Claims{}, s.resolveError(ctx, identitypool.ErrForbidden, pool, string(identity.ID))
	}
	if identity.Predecessor.Had(claims.IssuedAt) {
		trace.Fail("own token", "a token for this identity", "a token for the identity that had the ID before it was deleted",
			"call GetOpenIdTokenForDeveloperIdentity again")
		return issuer.Claims{}, s.resolveError(ctx, identitypool.ErrLoginsDontMatch, pool, string(identity.ID))
	}
	if err := s.stillProven(ctx, pool, identity, claims); err != nil {
		return issuer.Claims{}, err
	}
	return claims, nil
}

// stillProven makes sure that every login that one of our tokens was issued for is
// as good as it was, and that one of them is a developer's: tokens of the classic
// flow are no logins.
func (s *Service) stillProven(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, c issuer.Claims,
) error {
	trace := explain.FromContext(ctx)
	refused := func(check, expected, got, fix string) error {
		trace.Fail(check, expected, got, fix)
		return s.resolveError(ctx, identitypool.ErrLoginsDontMatch, pool, string(identity.ID))
	}

	proofs, err := pool.Proofs(identity, c.AMR)
	if lapsed, ok := errors.AsType[*identitypool.Lapsed](err); ok {
		return refused(lapsed.Check, lapsed.Expected, lapsed.Got, lapsed.Fix)
	} else if err != nil {
		return err
	}
	isDevelopers := func(p identitypool.Proof) bool { return p.Config.Kind == identitypool.DeveloperProviderKind }
	if !slices.ContainsFunc(proofs, isDevelopers) {
		return refused("own token", "a developer user that is linked to the identity", "the token is of none",
			"pass the token of GetOpenIdTokenForDeveloperIdentity")
	}

	for _, proof := range proofs {
		if isDevelopers(proof) {
			continue
		}
		trust, err := s.trust(ctx, proof.Config)
		if err != nil { // its registration is gone
			return err
		}
		if trust.Kind == login.SAML && !s.isOf(proof.Login, trust.SAML) {
			return refused("provider of the token's login", "the identity provider that the login is of",
				proof.Config.Name+" is another one by now", "sign in again, and ask for a new token")
		}
		// The login itself was looked at when the token was issued.
		err = s.SignOuts.CheckIssued(ctx, pool.Account, s.home(proof.Config.Name), proof.Login.Subject, c.IssuedAt)
		if err != nil {
			return loginError(err)
		}
	}
	return nil
}
