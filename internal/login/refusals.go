package login

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which a credential that only the provider's own API
// can judge is refused.
var Refusals explain.Catalogue

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
