package cognitoidentity

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// ErrSeed means that an identity of a seed cannot be made.
var ErrSeed = errors.New("identity of a seed")

// SeededIdentity is an identity that a development server should have. Without logins it is a
// guest.
type SeededIdentity struct {
	Pool   identitypool.PoolID
	ID     identitypool.IdentityID
	Logins []LoadedLogin
}

// Foreseen has the things that a seed makes before its identities.
type Foreseen struct {
	Pools map[identitypool.PoolID]identitypool.Pool // with ID, Region and DeveloperProviderName
	SAML  bool                                      // SAML providers, whose logins are known only then
}

// CheckSeededIdentities returns the error that SeedIdentities would have when what is foreseen is there.
// It changes nothing.
func (s *Service) CheckSeededIdentities(ctx context.Context, seeded []SeededIdentity, f Foreseen) error {
	p := s.newSeedPlan()
	p.foreseen, p.login = f, func(
		ctx context.Context, pool identitypool.Pool, in LoadedLogin,
	) (identitypool.Login, string, error) {
		l, _, problem, err := s.describedLogin(ctx, pool, in)
		return l, problem, err
	}

	return p.addAll(ctx, seeded)
}

// SeedIdentities gives pools the identities of a seed. An identity that has its logins stays as it
// is; one that lacks a login gets exactly those of the seed. All are made in one transaction, or none. The
// error is a *SeedError if the seed is at fault. No API has this operation.
func (s *Service) SeedIdentities(ctx context.Context, seeded []SeededIdentity) error {
	p := s.newSeedPlan()
	if err := p.addAll(ctx, seeded); err != nil || len(p.changes) == 0 {
		return err
	}

	var identities []identitypool.Identity
	for _, c := range p.changes {
		identities = append(identities, c.want)
	}

	return s.Store.ReplaceIdentities(ctx, identities)
}

// SeedError tells which identity of a seed cannot be made. It is an ErrSeed.
type SeedError struct {
	Index int // in the list of SeedIdentities
	Err   error
}

func (e *SeedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause, and ErrSeed.
func (e *SeedError) Unwrap() []error { return []error{ErrSeed, e.Err} }

type seededLogin struct {
	pool  identitypool.PoolID
	login identitypool.Login
}

// seedPlan has the changes that SeedIdentities will make.
type seedPlan struct {
	service  *Service
	foreseen Foreseen
	login    loginReader

	ids      map[identitypool.IdentityID]bool        // of the seed
	owners   map[seededLogin]identitypool.IdentityID // by the seed
	changes  []seedChange
	replaced map[identitypool.IdentityID]bool // of identities that the changes take the place of
}

// seedChange is an identity to be made, in place of the one that has its ID.
type seedChange struct {
	index int // in the list of SeedIdentities
	want  identitypool.Identity
}

func (s *Service) newSeedPlan() *seedPlan {
	return &seedPlan{
		service:  s,
		login:    s.loadedLogin,
		ids:      map[identitypool.IdentityID]bool{},
		owners:   map[seededLogin]identitypool.IdentityID{},
		replaced: map[identitypool.IdentityID]bool{},
	}
}

// addAll plans all identities. Error: *SeedError.
func (p *seedPlan) addAll(ctx context.Context, seeded []SeededIdentity) error {
	for n, one := range seeded {
		if err := p.add(ctx, n, one); err != nil {
			return &SeedError{Index: n, Err: err}
		}
	}

	for _, c := range p.changes {
		if err := p.checkLogins(ctx, c.want); err != nil {
			return &SeedError{Index: c.index, Err: err}
		}
	}

	return nil
}

// add plans one identity.
func (p *seedPlan) add(ctx context.Context, index int, one SeededIdentity) error {
	want, err := p.seeded(ctx, one)
	if err != nil {
		return err
	}
	if p.ids[want.ID] {
		return fmt.Errorf("the identity %s is there twice", want.ID)
	}
	p.ids[want.ID] = true

	for _, l := range want.Logins {
		key := seededLogin{pool: want.PoolID, login: l}
		if other, taken := p.owners[key]; taken {
			return fmt.Errorf("the login of %q at %s belongs to the identity %s already", l.Subject, l.Provider, other)
		}
		p.owners[key] = want.ID
	}

	have, err := p.service.Store.Identity(ctx, want.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case have.PoolID != want.PoolID:
		return fmt.Errorf("the identity %s is of the pool %s", want.ID, have.PoolID)
	case hasLogins(have, want):
		return nil
	default:
		p.replaced[want.ID] = true
	}
	p.changes = append(p.changes, seedChange{index: index, want: want})

	return nil
}

// hasLogins reports whether an identity has what the seed asks for.
func hasLogins(have, want identitypool.Identity) bool {
	if have.Disabled || len(want.Logins) == 0 && !have.Guest() && len(have.Logins) == 0 {
		return false
	}

	for _, l := range want.Logins {
		if !have.HasLogin(l) {
			return false
		}
	}

	return true
}

// checkLogins refuses a login that an identity outside the plan has.
func (p *seedPlan) checkLogins(ctx context.Context, want identitypool.Identity) error {
	for _, l := range want.Logins {
		owner, err := p.service.Store.IdentityByLogin(ctx, want.PoolID, l)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !p.replaced[owner.ID] {
			return fmt.Errorf("%q of %s has signed in before and is the identity %s: delete that identity first "+
				"(start without --seed, and call DeleteIdentities), or begin anew with `poolhouse dev reset`",
				l.Subject, l.Provider, owner.ID)
		}
	}

	return nil
}

// seeded returns the identity that a seed describes.
func (p *seedPlan) seeded(ctx context.Context, one SeededIdentity) (identitypool.Identity, error) {
	pool, err := p.pool(ctx, one.Pool)
	if err != nil {
		return identitypool.Identity{}, err
	}

	id, guest := string(one.ID), len(one.Logins) == 0
	in := LoadedIdentity{IdentityId: &id, Guest: &guest, Logins: one.Logins}
	i, problem, err := p.service.loaded(ctx, pool, in, p.login)
	if problem == unknownSAML && p.foreseen.SAML {
		problem = ""
	}
	if problem != "" {
		err = errors.New(problem)
	}

	return i, err
}

// pool returns a pool as it is, or will be.
func (p *seedPlan) pool(ctx context.Context, id identitypool.PoolID) (identitypool.Pool, error) {
	foreseen, coming := p.foreseen.Pools[id]
	pool, err := p.service.Store.Pool(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound) && coming:
		return foreseen, nil
	case errors.Is(err, store.ErrNotFound):
		return pool, fmt.Errorf("the pool %s does not exist", id)
	case err == nil && coming && foreseen.DeveloperProviderName != "":
		pool.DeveloperProviderName = foreseen.DeveloperProviderName
	}

	return pool, err
}
