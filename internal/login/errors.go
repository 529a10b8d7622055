package login

import (
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Messages that AWS puts on the wire, under NotAuthorizedException. All are
// observed, none is documented.
const (
	MessageNotOIDC             = "Invalid login token. Not a valid OpenId Connect identity token."
	MessageIssuerMismatch      = "Invalid login token. Issuer doesn't match providerName"
	MessageBadSignature        = "Invalid login token. Couldn't verify signed token."
	MessageWrongAudience       = "Invalid login token. Incorrect token audience."
	MessageUnsupportedProvider = "Token is not from a supported provider of this identity pool."

	messageMissingClaim = "Invalid login token. Missing a required claim: " // + name
	messageExpired      = "Invalid login token. Token expired: "            // + now + " >= " + exp, epoch seconds
)

// Refused is the error for a credential that did not prove its login.
type Refused struct {
	// Refusal is the check that did not pass; its Message is for the wire. Subjects and
	// other personal values in it are masked.
	*explain.Refusal
}

// Error is one line for the log. It holds no part of the credential but its
// issuer, audience and header names.
func (r *Refused) Error() string { return "login refused: " + r.Refusal.Error() }

// Unwrap returns the refusal.
func (r *Refused) Unwrap() error { return r.Refusal }

// Unavailable is the error for a credential that could not be judged because
// its provider could not be asked and nothing usable was held. It says nothing
// about the credential: the client may try again.
type Unavailable struct {
	Provider string // Trust.Provider
	Cause    error
	// Refusal explains the cause; it is in the trace already. nil = nothing does.
	Refusal *explain.Refusal
}

func (u *Unavailable) Error() string {
	return fmt.Sprintf("login provider %s could not be asked: %v", u.Provider, u.Cause)
}

// Unwrap returns the cause.
func (u *Unavailable) Unwrap() error { return u.Cause }
