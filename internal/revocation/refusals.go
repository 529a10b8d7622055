package revocation

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which this package refuses.
var Refusals explain.Catalogue

var sessionRevoked = Refusals.Add(explain.Reason{
	Code:     "revocation",
	Check:    "revocation",
	Expected: "a session that goes on",
	Got:      "{reason}",
	Fix:      "sign in again and get new credentials",
})
