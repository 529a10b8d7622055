package devuserpool

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// Identity pools ask user pools for the keys that prove tokens, and whether a sign-in still counts. They
// ask each time, in this process, so that a change counts at once.

var _ provider.LocalUserPools = (*State)(nil)

// noKeys is a key set that proves nothing.
var noKeys = []byte(`{"keys":[]}`)

// UserPool returns what proves the tokens of a pool; false = there is none with the ID. With keys
// that cannot be read it proves nothing.
func (s *State) UserPool(id string) (provider.LocalUserPool, bool) {
	p, err := s.view(id)
	if err != nil {
		return provider.LocalUserPool{}, false
	}

	local := provider.LocalUserPool{Name: p.ProviderName(), AWSIssuer: p.AWSIssuer, Keys: noKeys}
	set, err := p.keySet()
	if err != nil {
		return local, true
	}
	if text, err := json.Marshal(set); err == nil {
		local.Keys = text
	}

	return local, true
}

// Standing returns whether a sign-in still counts, and if not, why. One with an ID counts as long as its refresh
// token does: exactly, unlike times, which tokens have in whole seconds.
func (s *State) Standing(signIn identitypool.SignIn) identitypool.Standing {
	name, _ := identitypool.ParseUserPool(signIn.Provider)
	p, err := s.view(name.ID)
	if err != nil || p.ProviderName() != signIn.Provider {
		return identitypool.UserPoolGone
	}

	for _, u := range p.Users {
		if u.Sub == signIn.Subject {
			return u.standing(signIn)
		}
	}

	return identitypool.UserDeleted
}

func (u User) standing(signIn identitypool.SignIn) identitypool.Standing {
	switch {
	case !u.Enabled:
		return identitypool.UserDisabled
	case u.Status == statusResetRequired: // as for the user's own calls; a new password lets sign-ins count again
		return identitypool.SignedOut
	case u.ended(signIn.ID, signIn.Until):
		return identitypool.SignedOut
	default:
		return identitypool.Good
	}
}

// ended reports whether what was issued for a sign-in was revoked, its client was deleted, or the user has
// signed out since. id is the sign-in's (identitypool.SignInID). Without it, because a Cognito token came
// between, a sign-in ends by the time of a sign-out alone. Such times are in whole seconds: those of the second
// of the sign-out have ended, unless the user has signed in again within it.
func (u User) ended(id string, issued time.Time) bool {
	isLive := func(t RefreshToken) bool { return (t.Origin == id || t.Event == id) && !t.Revoked }
	if id == "" {
		out := u.SignedOutAt.Unix()
		if u.SignedOutAt.IsZero() || issued.Unix() > out {
			return false
		}
		isLive = func(t RefreshToken) bool {
			return issued.Unix() == out && t.SignIn.Unix() == out && !t.Revoked
		}
	}

	return !slices.ContainsFunc(u.RefreshTokens, isLive)
}

// Changes counts the changes of all pools.
func (s *State) Changes() uint64 { return s.changes.Load() }
