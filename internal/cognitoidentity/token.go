package cognitoidentity

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// tokenLifetime is that of GetOpenIdToken's tokens; AWS's too.
const tokenLifetime = 10 * time.Minute

// GetOpenIdToken returns an OpenID Connect token for a guest, or for an
// identity with the logins given; it may link and merge (classic flow).
func (s *Service) GetOpenIdToken(ctx context.Context, in *GetOpenIdTokenInput) (*GetOpenIdTokenResponse, error) {
	explain.FromContext(ctx).Plan(planToken.of(in.Logins))
	identity, pool, err := s.publicIdentity(ctx, *in.IdentityId, in.Logins)
	if err != nil {
		return nil, err
	}
	if err := classicFlow(pool, in.Logins); err != nil {
		return nil, err
	}

	identity, verified, err := s.use(ctx, &pool, identity, in.Logins)
	if err != nil {
		return nil, err
	}
	// The pool may have changed while a provider was asked.
	if err := classicFlow(pool, in.Logins); err != nil {
		return nil, err
	}

	tags, err := pool.SessionTags(verified, explain.FromContext(ctx))
	if err != nil {
		return nil, awsapi.Refused(notAuthorized, reasonOf(err), "The login cannot be mapped to principal tags: %s.", err)
	}
	token, err := s.sign(ctx, pool, identity, identitypool.AMR(verified), tags, tokenLifetime)
	if err != nil {
		return nil, err
	}
	return &GetOpenIdTokenResponse{IdentityId: new(string(identity.ID)), Token: &token}, nil
}

// classicFlow refuses what a pool does not give tokens for. AllowClassicFlow false
// is answered first: the pool's owner set it, whatever the mappings.
func classicFlow(pool identitypool.Pool, logins map[string]string) error {
	switch {
	case !pool.ClassicFlow() && pool.MapsRoles():
		why := classicOffMapped.With().At(poolField(pool, "RoleMappings", ""))
		return awsapi.Refused(invalidParameter, why, messageClassicFlowOff)
	case !pool.ClassicFlow():
		why := identitypool.ClassicFlowOff.With().At(poolField(pool, "AllowClassicFlow", ""))
		return awsapi.Refused(invalidParameter, why, messageClassicFlowOff)
	case pool.MapsRoles():
		why := identitypool.ClassicFlowMapped.With().At(poolField(pool, "RoleMappings", ""))
		return awsapi.Refused(invalidParameter, why, messageClassicFlowMappings)
	}

	for _, name := range sortedNames(logins) {
		if pool.Provider(pool.StoredName(name)).Kind == identitypool.SAMLProviderKind {
			// Developer guide, "SAML identity providers": the roles are chosen by
			// the assertion, which only the enhanced flow looks at.
			return awsapi.Refused(invalidParameter, identitypool.ClassicFlowSAML.With("provider", name), messageClassicFlowSAML)
		}
	}

	return nil
}

// publicIdentity returns the identity that an unsigned call names, with its pool. It
// refuses the call when it comes too often.
func (s *Service) publicIdentity(
	ctx context.Context, id string, logins map[string]string,
) (identitypool.Identity, identitypool.Pool, error) {
	identity, pool, err := s.identityAndPool(ctx, id)
	if err == nil {
		err = s.admit(ctx, pool, logins)
	}
	return identity, pool, err
}

// use proves the logins of a call on an identity and resolves them: the
// identity returned may be another one than the call named. Proving may have
// waited for a provider; pool is then what it is afterwards.
func (s *Service) use(ctx context.Context, pool *identitypool.Pool, identity identitypool.Identity, logins map[string]string) (identitypool.Identity, []identitypool.VerifiedLogin, error) {
	if len(logins) == 0 {
		if !identity.Guest() {
			return identity, nil, identityError(identity.MayNotUse(), string(identity.ID))
		}
		return identity, nil, guestsAllowed(*pool)
	}
	verified, err := s.verifyCurrent(ctx, pool, string(identity.ID), logins, toIssue)
	if err != nil {
		return identity, nil, err
	}
	keys := identitypool.Logins(verified)
	resolved, err := s.Store.Resolve(ctx, pool.ID, identity.ID, keys, s.resolver(*pool).UseIdentity(keys))
	if err != nil {
		return identity, nil, resolveError(err, *pool, string(identity.ID))
	}
	return resolved, verified, nil
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
