package cognitoidentity

import (
	"context"
	"errors"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// GetCredentialsForIdentity returns temporary credentials for the role that the
// pool gives the identity (enhanced flow). They last one hour.
func (s *Service) GetCredentialsForIdentity(
	ctx context.Context, in *GetCredentialsForIdentityInput,
) (*GetCredentialsForIdentityResponse, error) {
	explain.FromContext(ctx).Plan(planCredentials.of(s.Providers, in.Logins))
	identity, pool, err := s.publicIdentity(ctx, *in.IdentityId, in.Logins)
	if err != nil {
		return nil, err
	}

	request := s.roleRequest(ctx, pool)
	choice := identitypool.RoleRequest{}
	if in.CustomRoleArn != nil {
		if err := s.checkCustomRole(pool, *in.CustomRoleArn); err != nil {
			return nil, err
		}
		choice.CustomARN = *in.CustomRoleArn
	}

	if token, _, ok := pool.CognitoToken(in.Logins); ok {
		claims, err := s.cognitoToken(ctx, pool, identity, in.Logins, token)
		if err != nil {
			return nil, err
		}
		choice.CognitoToken = true
		request.AMR, request.Tags, request.Provider = claims.AMR, claims.PrincipalTags, pool.DeveloperProviderName
	} else {
		used, err := s.use(ctx, pool, identity, in.Logins)
		if err != nil {
			return nil, err
		}
		identity, pool, choice.Logins = used.identity, used.pool, used.logins
		if err := s.describeLogins(ctx, pool, choice.Logins, &request); err != nil {
			return nil, err
		}
	}

	awsapi.RecordFrom(ctx).SignIn = awsapi.SignInOf(request.Guest)
	if err := chooseRole(ctx, pool, identity, choice, &request); err != nil {
		return nil, err
	}

	credentials, err := s.Credentials.AssumeRoleForIdentity(ctx, request)
	if err != nil {
		return nil, engineError(err)
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

// roleRequest returns a request for credentials of an identity of a pool, with the client of
// this call.
func (s *Service) roleRequest(ctx context.Context, pool identitypool.Pool) assume.Request {
	request := assume.NewRequest(policy.Client(awsapi.RecordFrom(ctx).Client))
	request.Account, request.Region, request.PoolID = pool.Account, pool.Region, pool.ID

	return request
}

// describeLogins puts what logins prove into a request: none are a guest's.
func (s *Service) describeLogins(
	ctx context.Context, pool identitypool.Pool, logins []identitypool.VerifiedLogin, r *assume.Request,
) error {
	r.Guest, r.Logins = len(logins) == 0, logins
	r.AMR = identitypool.AMR(logins)
	if !r.Guest {
		r.Provider = logins[0].Provider
	}
	r.SignIns = s.signInsOf(logins)

	var err error
	if r.Tags, err = pool.SessionTags(logins, explain.FromContext(ctx)); err != nil {
		return configurationError(err)
	}

	return nil
}

// chooseRole puts an identity and its role into a request.
func chooseRole(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, choice identitypool.RoleRequest,
	r *assume.Request,
) error {
	r.IdentityID, r.Predecessor = identity.ID, identity.Predecessor
	role, err := pool.ChooseRole(choice, explain.FromContext(ctx))
	if err != nil {
		return roleError(err)
	}
	r.Role = assume.ReadPoolRole(role.ARN)
	r.Role.Field = role.Field

	return nil
}

// engineError turns a refusal of the credential engine into the API's error.
func engineError(err error) error {
	switch {
	case errors.Is(err, assume.ErrDenied), errors.Is(err, session.ErrTooLarge):
		return configurationError(err)
	case errors.Is(err, assume.ErrUnavailable):
		const text = "The credential engine of this identity pool is not responding."
		return awsapi.Refused(externalService, reasonOf(err), text).Because(err)
	default:
		return err
	}
}

func configurationError(cause error) error {
	return awsapi.Refused(invalidConfiguration, reasonOf(cause), messageConfiguration).Because(cause)
}

func roleError(err error) error {
	var (
		none      *identitypool.NoRoleError
		ambiguous *identitypool.AmbiguousRoleError
		custom    *identitypool.CustomRoleError
		needed    *identitypool.RoleNeededError
		nothing   *identitypool.NoOfferedRoleError
	)

	switch {
	case errors.As(err, &none):
		return configurationError(err)
	case errors.As(err, &ambiguous), errors.As(err, &needed), errors.As(err, &nothing):
		return awsapi.Refused(notAuthorized, reasonOf(err), "%s", err)
	case errors.As(err, &custom):
		return roleRefused(custom.RoleARN, reasonOf(err)).Because(err)
	default:
		return err
	}
}

// cognitoToken proves a login with a token of GetOpenIdTokenForDeveloperIdentity, which must
// be the only login.
func (s *Service) cognitoToken(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity,
	logins map[string]string, token string,
) (issuer.Claims, error) {
	if len(logins) > 1 {
		const text = "A token of %s cannot be combined with other logins."
		service := identitypool.ServiceName(pool.Region)
		return issuer.Claims{}, awsapi.Refused(invalidParameter, cognitoTokenAlone.With(), text, service)
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
	claims, err := s.Issuer.Verify(ctx, token)
	switch {
	case errors.Is(err, issuer.ErrExpired):
		now, exp := s.Now().Unix(), claims.Expires.Unix()
		why := cognitoTokenExpired.With("time", claims.Expires.UTC().String())
		return issuer.Claims{}, awsapi.Refused(notAuthorized, why,
			"Invalid login token. Token expired: %d >= %d", now, exp)
	case errors.Is(err, issuer.ErrKeyRetired):
		why := cognitoTokenRetired.With()
		return issuer.Claims{}, awsapi.Refused(notAuthorized, why, messageNotCognitoToken).Because(err)
	case errors.Is(err, issuer.ErrNotOurs):
		why := cognitoTokenForeign.With("service", identitypool.ServiceName(pool.Region))
		return issuer.Claims{}, awsapi.Refused(notAuthorized, why, messageNotCognitoToken).Because(err)
	case err != nil:
		return issuer.Claims{}, err
	}

	if claims.Audience != string(pool.ID) || claims.PoolARN != pool.ARN() || claims.Subject != string(identity.ID) {
		return issuer.Claims{}, loginsDontMatch(cognitoTokenOther.With())
	}
	if identity.Disabled {
		return issuer.Claims{}, identityError(identity.ForbiddenError(), string(identity.ID))
	}
	if identity.Predecessor.Had(claims.IssuedAt) {
		return issuer.Claims{}, loginsDontMatch(cognitoTokenPredecessor.With())
	}
	if err := s.stillProven(ctx, pool, identity, claims); err != nil {
		return issuer.Claims{}, err
	}

	return claims, nil
}

// stillProven refuses a Cognito token if a login that it was issued for is no longer
// valid, or if none of them is a developer's: tokens of the classic flow cannot be used
// as logins.
func (s *Service) stillProven(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, c issuer.Claims,
) error {
	proofs, err := pool.Proofs(identity, c.AMR)
	if lapsed, ok := errors.AsType[*identitypool.Lapsed](err); ok {
		return loginsDontMatch(lapsed.Why)
	} else if err != nil {
		return err
	}

	isDevelopers := func(p identitypool.Proof) bool { return p.Config.Kind == identitypool.DeveloperProviderKind }
	if !slices.ContainsFunc(proofs, isDevelopers) {
		return loginsDontMatch(cognitoTokenNoDeveloper.With())
	}

	for _, proof := range proofs {
		if isDevelopers(proof) {
			continue
		}
		trust, err := s.Providers.Trust(ctx, proof.Config)
		if err != nil { // its registration is gone
			return providerError(err, pool)
		}
		if trust.Kind == login.SAML && !s.isOf(proof.Login, trust.SAML) {
			return loginsDontMatch(cognitoTokenEntity.With("provider", proof.Config.Name))
		}

		// The login itself was checked when the token was issued.
		err = s.SignOuts.CheckIssued(
			ctx, pool.Account, s.Providers.ToStored(proof.Config.Name), proof.Login.Subject, c.IssuedAt)
		if err == nil {
			err = s.UserStatus.CheckIssued(ctx, proof.Config, proof.Login.Subject, c.IssuedAt)
		}
		if err != nil {
			return loginError(err)
		}
	}

	return nil
}
