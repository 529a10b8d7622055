package idtoken

import (
	"fmt"
	"strings"

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

	// For credentials that their provider itself did not accept. AWS's wording is not
	// known, except for the expiry, which old clients quote.
	MessageNotAccepted  = "Invalid login token. The login provider does not accept it."
	MessageTokenExpired = "Invalid login token. Token is expired."

	messageMissingClaim = "Invalid login token. Missing a required claim: " // + name
	MessageExpired      = "Invalid login token. Token expired: "            // + now + " >= " + exp, epoch seconds
)

// Refused is the error for a credential that did not prove its login.
type Refused struct {
	// Refusal names the check that did not pass; its Message is for the wire. Subjects
	// and other personal values in it are masked.
	*explain.Refusal
}

// Error returns one line for the log. It quotes no part of the credential except
// issuer, audience and header names.
func (r *Refused) Error() string { return "login refused: " + r.Refusal.Error() }

// Unwrap returns the refusal.
func (r *Refused) Unwrap() error { return r.Refusal }

// Expired reports whether the credential was refused for its age.
func (r *Refused) Expired() bool {
	return r.Message == MessageTokenExpired || strings.HasPrefix(r.Message, MessageExpired)
}

// ByClock reports whether the clock decided: the credential is too old, or from the future.
func (r *Refused) ByClock() bool {
	return r.Expired() || r.Reason.Code == tokenFuture.Code
}

// MissingClaim returns the name of the claim that a refused token lacks, or "".
func (r *Refused) MissingClaim() string {
	name, _ := strings.CutPrefix(r.Message, messageMissingClaim)
	if name == r.Message {
		return ""
	}
	return name
}

// ByProvider reports whether it was the provider that refused the credential.
func (r *Refused) ByProvider() bool { return r.Message == MessageNotAccepted }

// SignedOut reports whether the credential is good, but its user has signed out since.
func (r *Refused) SignedOut() bool { return r.Reason.Check == "sign-out" }

// Unavailable is the error for a credential that could not be judged because
// its provider could not be asked and no usable keys were held. The credential may
// be good: the client may try again.
type Unavailable struct {
	Provider string // the Logins key
	Cause    error
	// Refusal explains the cause, and is in the trace already. It may be nil.
	Refusal *explain.Refusal
}

func (u *Unavailable) Error() string {
	return fmt.Sprintf("login provider %s could not be asked: %v", u.Provider, u.Cause)
}

// Unwrap returns the cause.
func (u *Unavailable) Unwrap() error { return u.Cause }
