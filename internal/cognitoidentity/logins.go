package cognitoidentity

import (
	"context"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// proof is one Logins entry about to be verified.
type proof struct {
	config identitypool.ProviderConfig
	trust  login.Trust
	token  string
}

// verifyLogins proves every entry of a Logins map, or refuses the call: one bad
// login spoils the rest (developer guide, "Authentication flow"). Nothing is
// asked of any provider before all entries are known to be configured. The
// result is in the order of the provider names.
func (s *Service) verifyLogins(ctx context.Context, pool identitypool.Pool, logins map[string]string) ([]identitypool.VerifiedLogin, error) {
	if len(logins) == 0 {
		return nil, nil
	}
	trace := explain.FromContext(ctx)
	proofs := make([]proof, 0, len(logins))
	for _, name := range slices.Sorted(maps.Keys(logins)) {
		config := pool.Provider(name)
		switch {
		case name == identitypool.OwnProvider:
			trace.Fail("login provider", "a public login provider", name,
				"pass a token that Poolhouse issued to GetCredentialsForIdentity, as the only login")
			return nil, awsapi.Errorf(notAuthorized, messageOwnToken)
		case config.Kind == identitypool.DeveloperProviderKind:
			trace.Fail("login provider", "a public login provider", name+" is the pool's developer provider",
				"call GetOpenIdTokenForDeveloperIdentity from your server, signed, and pass its token under "+identitypool.OwnProvider)
			return nil, awsapi.Errorf(invalidParameter, messagePublicProvider)
		case !pool.HasPublicProviders():
			trace.Fail("login provider", "a login provider of the pool", "the pool has none",
				"add the provider "+name+" to the identity pool")
			return nil, awsapi.Errorf(notAuthorized, "Identity pool - %s does not have identity providers configured.", pool.ID)
		}
		trust, err := s.trust(ctx, config)
		if err != nil {
			if config.Kind == identitypool.UnknownProvider {
				trace.Fail("login provider", strings.Join(pool.PublicProviderNames(), ", "), name,
					"use one of the pool's providers as the key in Logins, without https://, or add this one to the pool")
			}
			return nil, err
		}
		proofs = append(proofs, proof{config, trust, logins[name]})
	}
	verified := make([]identitypool.VerifiedLogin, len(proofs))
	if len(proofs) == 1 {
		var err error
		verified[0], err = s.verify(ctx, proofs[0])
		return verified, err
	}
	// Several providers are asked at once: a slow one must cost its own time only.
	group, ctx := errgroup.WithContext(ctx)
	for i, p := range proofs {
		group.Go(func() (err error) {
			verified[i], err = s.verify(ctx, p)
			return err
		})
	}
	return verified, group.Wait()
}

func (s *Service) verify(ctx context.Context, p proof) (identitypool.VerifiedLogin, error) {
	claims, err := s.Logins.Verify(ctx, p.trust, p.token)
	if err != nil {
		return identitypool.VerifiedLogin{}, loginError(err)
	}
	if slices.Contains(p.config.ServerSideTokenCheck, claims.Audience) {
		// Never let through unchecked: the pool's owner asked for the check.
		explain.FromContext(ctx).Fail("ServerSideTokenCheck", "a user pool that can be asked about sign-out and deletion", "this version cannot ask user pools",
			"set ServerSideTokenCheck to false for client "+claims.Audience+" of "+p.config.Name)
		return identitypool.VerifiedLogin{}, awsapi.Errorf(notAuthorized, "Invalid login token. The token could not be checked with the user pool.")
	}
	v := p.config.Verified(claims.Subject, claims.Audience)
	v.Claims, v.Roles, v.Expires = claims.All, claims.Roles, claims.Expires
	return v, nil
}
