package userstatus

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which a user may no longer sign in, or for which the user
// pool could not be asked.
var Refusals explain.Catalogue

// check is the name of the check, the same as the pool's setting.
const check = "ServerSideTokenCheck"

// mayCheck describes, for refusals, a user who may sign in.
const mayCheck = "a user who may sign in to the user pool"

var (
	unanswered = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-unanswered",
		Check:    check,
		Expected: "an answer of the user pool {pool}",
		Got:      "{problem}",
		Fix:      "let this server ask the user pool: {fix}",
	})
	unknownWay = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-unset",
		Check:    check,
		Expected: mayCheck,
		Got:      "no status setting for {pool}",
		Fix: "add a status section to the user pool in the settings (admin_get_user, introspection or push), or set " +
			"ServerSideTokenCheck to false for this client",
		Message: messageRefused,
	})
	inactiveToken = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-inactive",
		Check:    check,
		Expected: mayCheck,
		Got:      "the provider's answer that the token is not active",
		Fix:      signInAgain,
		Message:  messageRefused,
	})
	otherUser = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-user",
		Check:    check,
		Expected: mayCheck,
		Got:      "the provider's answer that the token is another user's",
		Fix:      signInAgain,
		Message:  messageRefused,
	})
	otherIssuer = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-issuer",
		Check:    check,
		Expected: mayCheck,
		Got:      "the provider's answer that the token is another issuer's",
		Fix:      signInAgain,
		Message:  messageRefused,
	})
	expiredToken = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-expired",
		Check:    check,
		Expected: mayCheck,
		Got:      "the provider's answer that the token has expired",
		Fix:      signInAgain,
		Message:  messageRefused,
	})
	unknownUser = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-unknown",
		Check:    check,
		Expected: mayCheck,
		Got:      "a user whom the user pool does not know",
		Fix:      "sign in as a user whom the user pool knows",
		Message:  messageRefused,
	})
	disabledUser = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-disabled",
		Check:    check,
		Expected: mayCheck,
		Got:      "a user who is disabled",
		Fix:      askTheOwner,
		Message:  messageRefused,
	})
	otherStatus = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-status",
		Check:    check,
		Expected: mayCheck,
		Got:      "a user with a status that does not allow sign-in",
		Fix:      askTheOwner,
		Message:  messageRefused,
	})
	// The name was given to somebody else after the user was deleted.
	renamedUser = Refusals.Add(explain.Reason{
		Code:     "serversidetokencheck-name",
		Check:    check,
		Expected: mayCheck,
		Got:      "another user of this name",
		Fix:      signInAgain,
		Message:  messageRefused,
	})
)

// Fixes for refused users.
const (
	signInAgain = "sign in again at the provider: tokens from the old session stay refused"
	askTheOwner = "have the user pool's administrator allow the user to sign in again"
)
