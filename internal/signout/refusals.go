package signout

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which logins are refused after a sign-out.
var Refusals explain.Catalogue

var (
	signedOutSession = Refusals.Add(explain.Reason{
		Code:     "sign-out-session",
		Check:    "sign-out",
		Expected: "a sign-in after the user's last sign-out",
		Got:      "a token whose session was signed out",
		Fix:      signInAgain,
		Message:  MessageSignedOut,
	})
	signedOutUndated = Refusals.Add(explain.Reason{
		Code:     "sign-out-undated",
		Check:    "sign-out",
		Expected: "a sign-in after the user's last sign-out",
		Got:      "a token without the time when it was issued, of a user who was signed out at {signOut}",
		Fix:      "sign in again at the provider, and have it issue iat or auth_time",
		Message:  MessageSignedOut,
	})
	signedOut = Refusals.Add(explain.Reason{
		Code:     "sign-out",
		Check:    "sign-out",
		Expected: "a sign-in after the user's last sign-out",
		Got:      "a sign-in of {signIn}, and the user was signed out at {signOut}",
		Fix:      signInAgain,
		Message:  MessageSignedOut,
	})
)

const signInAgain = "sign in again at the provider; a refreshed token of the old sign-in does not help"
