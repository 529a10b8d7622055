package cognitoidentity

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// Lifetimes of Cognito tokens, as at AWS. The reason token-expiry-own of stsapi and the
// documents name them, too (grep for "10 minutes").
const (
	openIDTokenLifetime    = 10 * time.Minute // GetOpenIdToken
	developerTokenLifetime = 15 * time.Minute // GetOpenIdTokenForDeveloperIdentity without TokenDuration
)

// GetOpenIdToken returns a Cognito token for a guest, or for an identity with the
// given logins (classic flow). It may link logins and merge identities.
func (s *Service) GetOpenIdToken(ctx context.Context, in *GetOpenIdTokenInput) (*GetOpenIdTokenResponse, error) {
	explain.FromContext(ctx).Plan(planToken.of(s.Providers, in.Logins))
	identity, pool, err := s.publicIdentity(ctx, *in.IdentityId, in.Logins)
	if err != nil {
		return nil, err
	}
	if err := classicFlow(pool, in.Logins); err != nil {
		return nil, err
	}

	used, err := s.use(ctx, pool, identity, in.Logins)
	if err != nil {
		return nil, err
	}
	// The pool may have changed while a provider was asked.
	if err := classicFlow(used.pool, in.Logins); err != nil {
		return nil, err
	}

	awsapi.RecordFrom(ctx).SignIn = awsapi.SignInOf(len(used.logins) == 0)
	tags, err := used.pool.SessionTags(used.logins, explain.FromContext(ctx))
	if err != nil {
		return nil, awsapi.Refused(notAuthorized, reasonOf(err),
			"The login cannot be mapped to principal tags: %s.", err)
	}
	token, err := s.sign(ctx, used.pool, used.identity, identitypool.AMR(used.logins), tags, openIDTokenLifetime)
	if err != nil {
		return nil, err
	}

	return &GetOpenIdTokenResponse{IdentityId: new(string(used.identity.ID)), Token: &token}, nil
}

// classicFlow refuses calls if the pool does not allow the classic flow for the logins.
// AllowClassicFlow false comes first: the pool's owner set it, with or without mappings.
func classicFlow(pool identitypool.Pool, logins map[string]string) error {
	switch {
	case !pool.ClassicFlow() && pool.MapsRoles():
		why := classicOffMapped.With().At(pool.ID.Link("RoleMappings"))
		return awsapi.Refused(invalidParameter, why, messageClassicFlowOff)
	case !pool.ClassicFlow():
		why := identitypool.ClassicFlowOff.With().At(pool.ID.Link("AllowClassicFlow"))
		return awsapi.Refused(invalidParameter, why, messageClassicFlowOff)
	case pool.MapsRoles():
		why := identitypool.ClassicFlowMapped.With().At(pool.ID.Link("RoleMappings"))
		return awsapi.Refused(invalidParameter, why, messageClassicFlowMappings)
	}

	if len(pool.SAMLProviderARNs) == 0 {
		return nil
	}

	for _, name := range slices.Sorted(maps.Keys(logins)) {
		if pool.Provider(pool.StoredName(name)).Kind == identitypool.SAMLProviderKind {
			// Developer guide, "SAML identity providers": the assertion chooses the
			// roles, and only the enhanced flow reads it.
			return awsapi.Refused(invalidParameter,
				identitypool.ClassicFlowSAML.With("provider", name), messageClassicFlowSAML)
		}
	}

	return nil
}

// publicIdentity returns the identity that an unsigned call names, with its pool. It
// applies the rate limits.
func (s *Service) publicIdentity(
	ctx context.Context, id string, logins map[string]string,
) (identitypool.Identity, identitypool.Pool, error) {
	identity, pool, err := s.anyIdentity(ctx, id)
	if err == nil {
		err = s.admit(ctx, pool, logins)
	}
	return identity, pool, err
}

// usable is the outcome of resolving a call's logins. The identity may be another one than
// the call named, and the pool may have changed while a provider was asked.
type usable struct {
	identity identitypool.Identity
	pool     identitypool.Pool
	logins   []identitypool.VerifiedLogin // none for a guest
}

// use proves the logins of a call on an identity of a pool and resolves them.
func (s *Service) use(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, logins map[string]string,
) (usable, error) {
	if len(logins) == 0 {
		if !identity.Guest() {
			return usable{}, identityError(identity.ForbiddenError(), string(identity.ID))
		}
		return usable{identity: identity, pool: pool}, guestsAllowed(pool)
	}

	verified, pool, err := s.proveLogins(ctx, pool, string(identity.ID), logins, toIssue)
	if err != nil {
		return usable{}, err
	}
	keys := identitypool.Logins(verified)
	resolved, err := s.Store.Resolve(ctx, pool.ID, identity.ID, keys, s.resolver(pool).UseIdentity(keys))
	if err != nil {
		return usable{}, resolveError(err, pool, string(identity.ID))
	}

	return usable{identity: resolved, pool: pool, logins: verified}, nil
}

func (s *Service) sign(
	ctx context.Context, pool identitypool.Pool, identity identitypool.Identity, amr []string,
	tags map[string]string, lifetime time.Duration,
) (string, error) {
	now := s.Now()

	return s.Issuer.Sign(ctx, s.Algorithms[pool.ID], issuer.Claims{
		Subject:       string(identity.ID),
		Audience:      string(pool.ID),
		AMR:           pool.ShownNames(amr),
		PoolARN:       pool.ARN(),
		PrincipalTags: tags,
		IssuedAt:      identity.Predecessor.After(now),
		Expires:       now.Add(lifetime),
	})
}
