package session

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which a session is not minted, or no longer accepted.
var Refusals explain.Catalogue

// Session tags.
var (
	tagsCount = Refusals.Add(explain.Reason{
		Code:     "session-tags-count",
		Check:    "session tags",
		Expected: "tags that STS accepts",
		Got:      "{count} tags",
		Fix:      "map up to {limit} principal tags",
	})
	tagKeyForm = Refusals.Add(explain.Reason{
		Code:     "session-tags-key",
		Check:    "session tags",
		Expected: "tags that STS accepts",
		Got:      "tag key {key}",
		Fix:      "use 1 to {limit} letters, digits, blanks and _.:/=+-@",
	})
	tagKeyReserved = Refusals.Add(explain.Reason{
		Code:     "session-tags-reserved",
		Check:    "session tags",
		Expected: "tags that STS accepts",
		Got:      "tag key {key}",
		Fix:      "aws: is reserved; use another key",
	})
	tagKeysEqual = Refusals.Add(explain.Reason{
		Code:     "session-tags-case",
		Check:    "session tags",
		Expected: "tags that STS accepts",
		Got:      "tag keys {one} and {other}",
		Fix:      "rename one: IAM ignores the letter case of tag keys",
	})
	tagValueForm = Refusals.Add(explain.Reason{
		Code:     "session-tags-value",
		Check:    "session tags",
		Expected: "tags that STS accepts",
		Got:      "the value of tag {key}, {bytes} bytes",
		Fix:      "map a claim with up to {limit} letters, digits, blanks and _.:/=+-@",
	})
)

// Use of a session.
var (
	sessionKeyGone = Refusals.Add(explain.Reason{
		Code:     "session-token-session-key",
		Check:    "session token",
		Expected: "a token that this server issued under a key that it still has",
		Got:      "session key {key}, which was retired, has expired, or belongs to another server",
		Fix:      "sign in again and get new credentials",
	})
	sessionRevoked = Refusals.Add(explain.Reason{
		Code:     "revocation",
		Check:    "revocation",
		Expected: "a session that is still valid",
		Got:      "{reason}",
		Fix:      "sign in again and get new credentials",
	})
)
