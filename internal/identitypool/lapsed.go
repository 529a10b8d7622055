package identitypool

import (
	"slices"
	"strings"
)

// Lapsed is the error for a token of ours that says of its identity what no longer
// holds. It is worded as a step of an explanation.
type Lapsed struct{ Check, Expected, Got, Fix string }

func (e *Lapsed) Error() string { return e.Check + ": " + e.Got }

// Proof is a login that one of our tokens was issued for.
type Proof struct {
	Config ProviderConfig // as the pool is now
	Login  Login          // as it is linked now
}

// newToken tells how to replace most lapsed tokens.
const newToken = "ask for a new token, with a login of the pool's providers that is linked to the identity"

// Proofs returns the logins that the amr claim of one of our tokens names, or a
// *Lapsed when the identity could not get such a token any more: guests are
// switched off, the identity has logins by now, a login was unlinked, or its
// provider or application was removed from the pool. A token lasts for minutes, one
// for developers for up to a day; what was revoked meanwhile must not be had with
// it. One login that lapsed spoils the token: roles are chosen by all of amr, and
// the remaining logins get a new token at once.
func (p Pool) Proofs(i Identity, amr []string) ([]Proof, error) {
	switch {
	case i.Disabled || i.PoolID != p.ID:
		return nil, &Lapsed{
			Check:    "identity of the token",
			Expected: "an identity that exists and is enabled",
			Got:      "it was deleted or merged",
			Fix:      "call GetId again, and ask for a new token",
		}
	case slices.Equal(amr, []string{amrUnauthenticated}):
		return nil, p.guestProof(i)
	case len(amr) < 3 || len(amr)%2 != 1 || amr[0] != amrAuthenticated:
		return nil, &Lapsed{
			Check:    "amr of the token",
			Expected: "how the identity was proven",
			Got:      "nothing that can be judged",
			Fix:      newToken,
		}
	}

	amr = p.StoredNames(amr) // tokens have the partition of the pool's region
	var proofs []Proof
	for pair := range slices.Chunk(amr[1:], 2) {
		config, ok := p.configOf(pair)
		if !ok {
			return nil, &Lapsed{
				Check:    "provider of the token's login",
				Expected: "a provider of the pool",
				Got:      pair[0] + " is not one any more",
				Fix:      newToken,
			}
		}
		n := slices.IndexFunc(i.Logins, func(l Login) bool { return slices.Equal(p.proofOf(config, l), pair) })
		if n < 0 {
			return nil, &Lapsed{
				Check:    "logins of the token",
				Expected: "a login of " + pair[0] + " that is linked to the identity",
				Got:      "it is not linked any more, or is of another application",
				Fix:      newToken,
			}
		}
		proofs = append(proofs, Proof{Config: config, Login: i.Logins[n]})
	}
	return proofs, nil
}

// guestProof returns a *Lapsed when the identity could not get a guest's token.
func (p Pool) guestProof(i Identity) error {
	switch {
	case !p.AllowUnauthenticated:
		return &Lapsed{
			Check:    "guest access",
			Expected: "AllowUnauthenticatedIdentities of the pool",
			Got:      "it is off by now, and the token is a guest's",
			Fix:      "send a login of one of the pool's providers, or allow unauthenticated identities",
		}
	case !i.Guest():
		return &Lapsed{
			Check:    "identity of the token",
			Expected: "a guest, as the token says",
			Got:      "it has had a login since",
			Fix:      newToken,
		}
	}
	return nil
}

// configOf finds the provider of two entries of amr. The developer provider may
// carry a public provider's name; the second entry tells them apart.
func (p Pool) configOf(pair []string) (ProviderConfig, bool) {
	name := p.DeveloperProviderName
	if name != "" && pair[0] == name && strings.HasPrefix(pair[1], name+":"+string(p.ID)+":") {
		return ProviderConfig{Kind: DeveloperProviderKind, Name: name}, true
	}
	config := p.Provider(pair[0])
	return config, config.Kind != UnknownProvider && config.Kind != DeveloperProviderKind
}

// proofOf returns what a login of a provider adds to amr today.
func (p Pool) proofOf(c ProviderConfig, l Login) []string {
	switch {
	case l.Provider != c.Name || (l.Kind == Developer) != (c.Kind == DeveloperProviderKind):
		return nil
	case l.Kind == Developer:
		return p.DeveloperLogin(l.Subject).AMR
	}
	return c.Verified(l.Subject, c.AppID).AMR
}
