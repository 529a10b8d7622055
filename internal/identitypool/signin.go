package identitypool

import (
	"cmp"
	"time"
)

// SignIn is a sign-in of a user at a user pool.
type SignIn struct {
	Provider string // the user pool's name at AWS
	Subject  string
	// ID is that which all tokens of the sign-in have in common (SignInID); "" = it is not known.
	ID string
	// Until is the latest time at which the sign-in can have been, if ID is "".
	Until time.Time
}

// SignInID returns the ID of the sign-in from which a user pool's token with these claims came: origin_jti, or
// event_id in tokens that cannot be revoked; "" = the token has none.
func SignInID(claims map[string]any) string {
	origin, _ := claims["origin_jti"].(string)
	event, _ := claims["event_id"].(string)

	return cmp.Or(origin, event)
}

// Standing is what has become of a sign-in at a user pool of this server.
type Standing int

// The standings.
const (
	NotHere      Standing = iota // the user pool is elsewhere
	Good                         // the user is still signed in
	SignedOut                    // the user signed out, or the refresh token was revoked
	UserDisabled                 // the user may not sign in
	UserDeleted                  // the user pool does not know the user
	UserPoolGone                 // this server does not have the user pool
)

// Ended reports whether nothing may be given for the sign-in any more.
func (s Standing) Ended() bool { return s > Good }

// Checks reports whether the pool asks a user pool for the server-side check of tokens, for any
// of its clients.
func (p Pool) Checks(provider string) bool { return len(p.Provider(provider).ServerSideTokenCheck) > 0 }
