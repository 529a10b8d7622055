package adminapi

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

type lookupIdentityInput struct {
	IdentityPoolId *string
	ProviderName   *string
	Subject        *string
	IdentityId     *string
}

type lookupIdentityOutput struct {
	IdentityId     string
	IdentityPoolId string
	Disabled       bool
	MergedTo       string `json:",omitzero"`
	Logins         []lookupLogin
}

type lookupLogin struct {
	ProviderName string
	Subject      string
	Kind         string // public or developer
}

// lookupIdentity finds the identity of a login, or the logins of an identity with their
// subjects, within the caller's account and region.
func (s *Service) lookupIdentity(
	ctx context.Context, c awsapi.Caller, in *lookupIdentityInput,
) (*lookupIdentityOutput, error) {
	identity, pool, err := s.findIdentity(ctx, c, in)
	if errors.Is(err, store.ErrNotFound) {
		why := identityMissing.With("account", c.Account, "region", c.Region)
		return nil, awsapi.Refused("ResourceNotFoundException", why, "No such identity in this account and region.")
	} else if err != nil {
		return nil, err
	}

	return shownIdentity(identity, pool), nil
}

func shownIdentity(identity identitypool.Identity, pool identitypool.Pool) *lookupIdentityOutput {
	out := &lookupIdentityOutput{
		IdentityId:     string(identity.ID),
		IdentityPoolId: string(identity.PoolID),
		Disabled:       identity.Disabled,
		MergedTo:       string(identity.MergedTo),
		Logins:         []lookupLogin{},
	}
	for _, l := range identity.Logins {
		out.Logins = append(out.Logins, lookupLogin{
			ProviderName: pool.ShownName(l.Provider),
			Subject:      l.Subject,
			Kind:         string(l.Kind),
		})
	}

	return out
}

// findIdentity returns the identity that the input names, and its pool. Error:
// store.ErrNotFound, also for other accounts and regions.
func (s *Service) findIdentity(
	ctx context.Context, c awsapi.Caller, in *lookupIdentityInput,
) (identity identitypool.Identity, pool identitypool.Pool, err error) {
	switch {
	case in.IdentityId != nil && in.IdentityPoolId == nil && in.ProviderName == nil && in.Subject == nil:
		identity, err = s.options.Store.Identity(ctx, identitypool.IdentityID(*in.IdentityId))
		if err == nil {
			pool, err = s.ownPool(ctx, c, identity.PoolID)
		}
	case in.IdentityId == nil && in.IdentityPoolId != nil && in.ProviderName != nil && in.Subject != nil:
		pool, err = s.ownPool(ctx, c, identitypool.PoolID(*in.IdentityPoolId))
		if err == nil {
			identity, err = s.identityOf(ctx, pool, *in.ProviderName, *in.Subject)
		}
	default:
		err = missing("either IdentityId, or IdentityPoolId with ProviderName and Subject")
	}

	return identity, pool, err
}

// ownPool returns a pool of the caller's account and region. Error: store.ErrNotFound.
func (s *Service) ownPool(ctx context.Context, c awsapi.Caller, id identitypool.PoolID) (identitypool.Pool, error) {
	pool, err := s.options.Store.Pool(ctx, id)
	if err != nil {
		return identitypool.Pool{}, err
	}
	if string(pool.Account) != c.Account || pool.Region != c.Region {
		return identitypool.Pool{}, store.ErrNotFound
	}

	return pool, nil
}

// identityOf finds the pool's identity that has a provider's subject as a login. The name may
// be an alias of the provider, unless a provider of the pool has that name.
func (s *Service) identityOf(
	ctx context.Context, pool identitypool.Pool, provider, subject string,
) (identitypool.Identity, error) {
	if provider == pool.DeveloperProviderName {
		return s.options.Store.IdentityByLogin(ctx, pool.ID, pool.DeveloperLogin(subject).Login)
	}

	provider = pool.StoredName(provider)
	if pool.Provider(provider).Kind == identitypool.UnknownProvider {
		name, err := s.options.Providers.Name(ctx, pool.Account, provider)
		if err != nil {
			return identitypool.Identity{}, err
		}
		provider = name
	}

	logins, err := s.options.Pools.LoginsOf(ctx, provider, subject)
	if err != nil {
		return identitypool.Identity{}, err
	}

	for _, login := range logins {
		identity, err := s.options.Store.IdentityByLogin(ctx, pool.ID, login)
		if !errors.Is(err, store.ErrNotFound) {
			return identity, err
		}
	}

	return identitypool.Identity{}, store.ErrNotFound
}
