package identitypool

import (
	"slices"
	"strings"
)

// Lapsed: a token that we issued says of its identity what no longer holds. It
// is worded as a step of an explanation.
type Lapsed struct{ Check, Expected, Got, Fix string }

func (e *Lapsed) Error() string { return e.Check + ": " + e.Got }

// Proof is a login that one of our tokens was issued for.
type Proof struct {
	Config ProviderConfig // as the pool is now
	Login  Login          // as it is linked now
}

// Proofs returns the logins that the amr claim of one of our tokens speaks of, or
// a *Lapsed when the identity could not get such a token any more: guests are
// switched off, the identity has logins by now, a login was unlinked, or its
// provider or application was taken from the pool. A token lasts for minutes, one
// for developers for up to a day, and what was taken back meanwhile must not be
// had by it. One login that lapsed spoils the token: roles are chosen by all of
// amr, and the remaining logins get a new token at once.
func (p Pool) Proofs(i Identity, amr []string) ([]Proof, error) {
	again := "ask for a new token, with a login of the pool's providers that is linked to the identity"
	switch {
	case i.Disabled || i.PoolID != p.ID:
		return nil, &Lapsed{"identity of the token", "an identity that exists and is enabled", "it was deleted or merged", "call GetId again, and ask for a new token"}
	case slices.Equal(amr, []string{amrUnauthenticated}) && !p.AllowUnauthenticated:
		return nil, &Lapsed{"guest access", "AllowUnauthenticatedIdentities of the pool", "it is off by now, and the token is a guest's",
			"send a login of one of the pool's providers, or allow unauthenticated identities"}
	case slices.Equal(amr, []string{amrUnauthenticated}) && !i.Guest():
		return nil, &Lapsed{"identity of the token", "a guest, as the token says", "it has had a login since", again}
	case slices.Equal(amr, []string{amrUnauthenticated}):
		return nil, nil
	case len(amr) < 3 || len(amr)%2 != 1 || amr[0] != amrAuthenticated:
		return nil, &Lapsed{"amr of the token", "how the identity was proven", "nothing that can be judged", again}
	}

	var proofs []Proof
	for pair := range slices.Chunk(amr[1:], 2) {
		config, ok := p.configOf(pair)
		if !ok {
			return nil, &Lapsed{"provider of the token's login", "a provider of the pool", pair[0] + " is not one any more", again}
		}
		n := slices.IndexFunc(i.Logins, func(l Login) bool { return slices.Equal(p.proofOf(config, l), pair) })
		if n < 0 {
			return nil, &Lapsed{"logins of the token", "a login of " + pair[0] + " that is linked to the identity", "it is not linked any more, or is of another application", again}
		}
		proofs = append(proofs, Proof{config, i.Logins[n]})
	}
	return proofs, nil
}

// configOf finds the provider of two entries of amr. The developer provider may
// carry a public provider's name; the second entry tells them apart.
func (p Pool) configOf(pair []string) (ProviderConfig, bool) {
	if name := p.DeveloperProviderName; name != "" && pair[0] == name && strings.HasPrefix(pair[1], name+":"+string(p.ID)+":") {
		return ProviderConfig{Kind: DeveloperProviderKind, Name: name}, true
	}
	config := p.Provider(pair[0])
	return config, config.Kind != UnknownProvider && config.Kind != DeveloperProviderKind
}

// proofOf is what a login of a provider would add to amr today.
func (p Pool) proofOf(c ProviderConfig, l Login) []string {
	switch {
	case l.Provider != c.Name || (l.Kind == Developer) != (c.Kind == DeveloperProviderKind):
		return nil
	case l.Kind == Developer:
		return p.DeveloperLogin(l.Subject).AMR
	}
	return c.Verified(l.Subject, c.AppID).AMR
}
