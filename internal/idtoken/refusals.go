package idtoken

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which ID tokens and event tokens are refused.
var Refusals explain.Catalogue

// Checks are the codes of an ID token's checks, in their order. Nobody may change
// the list at run time.
var Checks = []explain.Code{
	"token-form", "token-header", "token-type", "signature-algorithm", "key-id",
	"token-claims", "token-issuer", "token-times", "token-expiry",
	"token-subject", "token-authorized-party", "token-audience", "token-use", "required-claim",
	"provider-keys", "signing-key", "token-signature",
}
