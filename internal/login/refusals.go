package login

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which logins and event tokens are refused.
var Refusals explain.Catalogue

// idTokenChecks are the checks of an ID token in their order.
var idTokenChecks = []explain.Code{
	"token-form", "token-header", "token-type", "signature-algorithm", "key-id",
	"token-claims", "token-issuer", "token-times", "token-expiry",
	"token-subject", "token-authorized-party", "token-audience", "token-use", "required-claim",
	"provider-keys", "signing-key", "token-signature",
}

// Checks of the credentials that only the provider's own API can judge.
var (
	facebookChecks = []explain.Code{
		"credential-form", "provider-answer", "token-at-facebook", "token-application", "token-expiry", "token-subject",
	}
	amazonChecks = []explain.Code{
		"credential-form", "provider-answer", "token-at-amazon", "token-application", "token-expiry", "token-subject",
	}
	twitterChecks = []explain.Code{
		"pool-application", "credential-form", "provider-answer", "token-at-x", "account-at-x", "token-subject",
	}
)
