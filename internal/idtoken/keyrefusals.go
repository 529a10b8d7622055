package idtoken

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons that concern a token's signature.
var (
	providerKeys = Refusals.Add(explain.Reason{
		Code:     "provider-keys",
		Check:    "provider keys",
		Expected: "the keys of {issuer}",
		Got:      "{problem}",
		Fix:      "let this server read the provider's keys: {fix}",
	})
	signingKeyUnknown = Refusals.Add(explain.Reason{
		Code:     "signing-key-unknown",
		Check:    "signing key",
		Expected: "a key that the provider publishes",
		Got:      "key ID {id}",
		Fix: "send a token of the registered provider: its key set does not have this key. A newly published key " +
			"is found within {period}",
		Message: MessageBadSignature,
	})
	signingKeyFormer = Refusals.Add(explain.Reason{
		Code:     "signing-key-former",
		Check:    "signing key",
		Expected: "a key of {provider} on this server",
		Got:      "key ID {id}",
		Fix: "sign in again: this server has made {provider} anew or changed its keys since, or another server " +
			"issued the token",
		Message: MessageBadSignature,
	})
	signingKeyUnfit = Refusals.Add(explain.Reason{
		Code:     "signing-key-unfit",
		Check:    "signing key",
		Expected: "exactly one usable key of the provider for {algorithm}",
		Got:      "none, or several and no key ID in the token",
		Fix: "have the provider publish a usable key for this algorithm (RSA of 2048 to 8192 bits, or the " +
			"algorithm's curve) and name it in the token's header",
		Message: MessageBadSignature,
	})
	tokenSignature = Refusals.Add(explain.Reason{
		Code:     "token-signature",
		Check:    "token signature",
		Expected: "the provider's signature with {algorithm}",
		Got:      "another one",
		Fix:      "send the ID token exactly as the provider issued it: it was changed, or signed by somebody else",
		Message:  MessageBadSignature,
	})
	eventSignature = Refusals.Add(explain.Reason{
		Code:     "token-signature-event",
		Check:    "token signature",
		Expected: "a signature by a key that the provider publishes",
		Got:      "{problem}",
		Fix:      "have the provider sign with a key of its key set, and send the token unchanged",
		Message:  MessageBadSignature,
	})
)
