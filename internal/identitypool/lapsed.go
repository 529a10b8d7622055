package identitypool

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Lapsed is the error for a Cognito token whose claims about its identity are no longer
// true.
type Lapsed struct{ Why *explain.Refusal }

func (e *Lapsed) Error() string { return e.Why.Error() }

// Unwrap returns the reason.
func (e *Lapsed) Unwrap() error { return e.Why }

// Proof is a login for which a Cognito token was issued.
type Proof struct {
	Config ProviderConfig // the pool's present settings
	Login  Login          // as linked at present
}

// Proofs returns the logins that the amr claim of a Cognito token names. It returns a
// *Lapsed if the identity could no longer get such a token: guests are switched off,
// the identity has logins now, a login was unlinked, or its provider or application
// was removed from the pool.
//
// A token is valid for minutes, a developer's for up to a day, and must not give
// access that was revoked since it was issued. One lapsed login makes the whole token
// lapse: roles depend on all of amr, and a new token for the other logins is one call
// away.
func (p Pool) Proofs(i Identity, amr []string) ([]Proof, error) {
	switch {
	case i.Disabled || i.PoolID != p.ID:
		return nil, &Lapsed{Why: TokenIdentityGone.With()}
	case slices.Equal(amr, []string{amrUnauthenticated}):
		return nil, p.guestProof(i)
	case len(amr) < 3 || len(amr)%2 != 1 || amr[0] != amrAuthenticated:
		return nil, &Lapsed{Why: tokenAMR.With()}
	}

	amr = p.StoredNames(amr) // tokens have the partition of the pool's region
	var proofs []Proof
	for pair := range slices.Chunk(amr[1:], 2) {
		config, ok := p.configOf(pair)
		if !ok {
			return nil, &Lapsed{Why: tokenProviderGone.With("provider", pair[0])}
		}
		n := slices.IndexFunc(i.Logins, func(l Login) bool { return slices.Equal(p.proofOf(config, l), pair) })
		if n < 0 {
			return nil, &Lapsed{Why: tokenLoginGone.With("provider", pair[0])}
		}
		proofs = append(proofs, Proof{Config: config, Login: i.Logins[n]})
	}

	return proofs, nil
}

// guestProof returns a *Lapsed if the identity could no longer get a guest's token.
func (p Pool) guestProof(i Identity) error {
	switch {
	case !p.AllowUnauthenticated:
		return &Lapsed{Why: tokenGuestsOff.With().At(p.ID.Link("AllowUnauthenticatedIdentities"))}
	case !i.Guest():
		return &Lapsed{Why: tokenIdentityLinked.With()}
	}
	return nil
}

// configOf finds the provider of a pair of entries of amr. The developer provider may
// have a public provider's name; the second entry distinguishes them.
func (p Pool) configOf(pair []string) (ProviderConfig, bool) {
	name := p.DeveloperProviderName
	if name != "" && pair[0] == name && strings.HasPrefix(pair[1], name+":"+string(p.ID)+":") {
		return ProviderConfig{Kind: DeveloperProviderKind, Name: name}, true
	}

	config := p.Provider(pair[0])
	return config, config.Kind != UnknownProvider && config.Kind != DeveloperProviderKind
}

// proofOf returns the entries that a login of a provider now adds to amr.
func (p Pool) proofOf(c ProviderConfig, l Login) []string {
	switch {
	case l.Provider != c.Name || (l.Kind == Developer) != (c.Kind == DeveloperProviderKind):
		return nil
	case l.Kind == Developer:
		return p.DeveloperLogin(l.Subject).AMR
	}
	return c.Verified(l.Subject, c.AppID).AMR
}
