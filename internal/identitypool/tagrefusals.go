package identitypool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons for which claims cannot become principal tags.
var (
	principalTagValue = Refusals.Add(explain.Reason{
		Code:     "principal-tag-value",
		Check:    "principal tag",
		Expected: "one valid session tag value",
		Got:      "{problem}",
		Fix: "have the provider send another value in the claim for this tag, or map another claim with " +
			"SetPrincipalTagAttributeMap",
	})
	principalTagTwice = Refusals.Add(explain.Reason{
		Code:     "principal-tag-twice",
		Check:    "principal tag",
		Expected: "one value",
		Got:      "two logins give it different values",
		Fix:      "send one login only, or map the tag for one of the providers only",
	})
	principalTagsTogether = Refusals.Add(explain.Reason{
		Code:     "principal-tags-together",
		Check:    "principal tags",
		Expected: "tags that a session can have together",
		Got:      "{problem}",
		Fix: "change the attribute maps of the pool's providers, so that they give at most 50 tags in total, each " +
			"in one spelling",
	})
)
