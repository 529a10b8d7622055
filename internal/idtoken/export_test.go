package idtoken

// ForgetProofs makes every token new to v.
func ForgetProofs(v *Verifier) { v.proved.Purge() }

// The comparison of issuers, for tests.
type Nearness = nearness

const (
	OtherIssuer   = otherHost
	OtherPath     = otherPath
	OtherSpelling = otherSpelling
	SameIssuer    = sameIssuer
)

var CompareIssuers = compareIssuers
