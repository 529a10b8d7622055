package cognitoidentity

import "github.com/poolhouse-id/poolhouse/internal/explain"

var (
	tryMembers = Refusals.Add(explain.Reason{
		Code:     "try-members",
		Check:    "try",
		Expected: "{members}",
		Got:      "other members",
		Fix:      "send members that go together",
	})
	tryClaimsForm = Refusals.Add(explain.Reason{
		Code:     "try-claims",
		Check:    "try",
		Expected: "one JSON object in Claims, within the limits of a token",
		Got:      "{problem}",
		Fix:      "send the claims as they stand in the token's payload",
	})
	examinedProvider = Refusals.Add(explain.Reason{
		Code:     "examined-provider",
		Check:    "examined provider",
		Expected: "a SAML provider of the pool with the entity ID {issuer}",
		Got:      "no such provider in the pool",
		Fix:      "register the metadata of this identity provider, and add its ARN to the pool",
	})
	examinedOpaque = Refusals.Add(explain.Reason{
		Code:     "examined-provider-opaque",
		Check:    "examined provider",
		Expected: "a token that names its issuer, or ProviderName",
		Got:      "a token that only its provider can read",
		Fix:      "give ProviderName: this server asks only that provider about the token",
	})
)
