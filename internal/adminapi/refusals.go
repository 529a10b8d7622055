package adminapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which the admin API refuses calls.
var Refusals explain.Catalogue

var (
	membersMissing = Refusals.Add(explain.Reason{
		Code:     "input-members",
		Check:    "input",
		Expected: "{members}",
		Got:      "other members",
		Fix:      "send the members that the operation needs, and no others",
	})
	traceForgotten = Refusals.Add(explain.Reason{
		Code:     "refused-call",
		Check:    "refused call",
		Expected: "the request ID of a refused call of account {account} in the region {region}",
		Got:      "a request ID that is not known there",
		Fix: "set AWS_REGION to the region that the call was for, and sign with a key of its account; each node " +
			"keeps its newest {kept} refusals until it stops; the log has all",
	})
	positionForeign = Refusals.Add(explain.Reason{
		Code:     "refusals-position",
		Check:    "refusals position",
		Expected: "the Next of an earlier answer, for the same account, region and filters",
		Got:      "another text",
		Fix:      "send the Next of the last answer unchanged, with the same filters; or begin without After",
	})
	positionTwice = Refusals.Add(explain.Reason{
		Code:     "refusals-position-twice",
		Check:    "refusals position",
		Expected: "either After or FromOldest",
		Got:      "both",
		Fix:      "send After to go on, or FromOldest to begin with the oldest",
	})
	reasonUnknown = Refusals.Add(explain.Reason{
		Code:     "refusals-reason",
		Check:    "refusals reason",
		Expected: "the code of a reason",
		Got:      "another text",
		Fix:      "{hint}see docs/errors.md for the codes",
	})
	refusalWaits = Refusals.Add(explain.Reason{
		Code:     "refusals-waits",
		Check:    "refusals waits",
		Expected: "at most {account} calls of an account that wait for refusals, and {node} of all accounts at a node",
		Got:      "one more",
		Fix:      "share one waiting call among all viewers, or call without WaitSeconds",
	})
	identityMissing = Refusals.Add(explain.Reason{
		Code:     "identity-lookup",
		Check:    "identity lookup",
		Expected: "an identity of account {account} in the region {region}",
		Got:      "none",
		Fix: "sign for the pool's region, the part of its ID before the colon; check the ID, or provider and " +
			"subject",
	})
	providerScheme = Refusals.Add(explain.Reason{
		Code:     "sign-out-provider-scheme",
		Check:    "sign-out provider",
		Expected: "the provider's key in Logins",
		Got:      "a URL",
		Fix:      "leave out the scheme (https://)",
	})
	providerOpaque = Refusals.Add(explain.Reason{
		Code:     "sign-out-provider-opaque",
		Check:    "sign-out provider",
		Expected: "a provider with tokens that state when they were issued",
		Got:      "{provider}, which the server asks about each login",
		Fix:      "sign the user out at the provider: the next login with it is refused",
	})
	valueInvalid = Refusals.Add(explain.Reason{
		Code:     "input-text",
		Check:    "input",
		Expected: "text that can be stored: valid UTF-8 without NUL, of the documented length",
		Got:      "another value of {members}",
		Fix:      "shorten or correct it",
	})

	verifyDate = Refusals.Add(explain.Reason{
		Code:     "verified-scope-date",
		Check:    "verified scope",
		Expected: "a Date as YYYYMMDD, from yesterday to tomorrow",
		Got:      "another one",
		Fix:      "pass on the date of the request's credential scope, and check the clocks",
	})
	verifyNames = Refusals.Add(explain.Reason{
		Code:     "verified-scope-names",
		Check:    "verified scope",
		Expected: "Region and Service of lower-case letters, digits and hyphens",
		Got:      "other characters",
		Fix:      "pass on both from the request's credential scope, unchanged",
	})
	verifyOwn = Refusals.Add(explain.Reason{
		Code:     "verified-scope-own",
		Check:    "verified scope",
		Expected: "a service that is not this server's",
		Got:      "{service}",
		Fix: "have clients sign for your service's name: with a signing key for this server's service name, your " +
			"service could call this server",
	})
	verifyExpired = Refusals.Add(explain.Reason{
		Code:     "verified-session-expired",
		Check:    "verified session",
		Expected: "a session that has not expired",
		Got:      "one that has expired",
		Fix:      "have the client get new credentials",
	})
	verifyInvalid = Refusals.Add(explain.Reason{
		Code:     "verified-session-invalid",
		Check:    "verified session",
		Expected: "a session token of account {account} that belongs to the access key",
		Got:      "another token, or a session that was revoked",
		Fix: "have the client send the key ID and the token from one response, and get new credentials if " +
			"they were revoked",
	})

	pageForeign = Refusals.Add(explain.Reason{
		Code:     "page-token-admin",
		Check:    "page",
		Expected: "the NextToken of this operation, account and question",
		Got:      "another one",
		Fix:      "send NextToken unchanged, with the other members of the call that returned it",
	})
	inputRange = Refusals.Add(explain.Reason{
		Code:     "input-range",
		Check:    "input",
		Expected: "{expected}",
		Got:      "another value of {member}",
		Fix:      "correct {member}",
	})
	checksTooLarge = Refusals.Add(explain.Reason{
		Code:     "access-checks-size",
		Check:    "access checks",
		Expected: "checks that read up to {limit} bytes of the caller's policies",
		Got:      "more",
		Fix:      "ask for fewer permissions, or with shorter resources, in one call",
	})
	deletionMissing = Refusals.Add(explain.Reason{
		Code:     "deletion-target",
		Check:    "deletion",
		Expected: "a thing of account {account} in the region {region}",
		Got:      "none",
		Fix:      "check Kind and Id; sign for the region of the pool or identity",
	})
	poolMissing = Refusals.Add(explain.Reason{
		Code:     "identity-pool-lookup",
		Check:    "identity pool",
		Expected: "an identity pool of account {account} in the region {region}",
		Got:      "none",
		Fix:      "check IdentityPoolId, and sign for the pool's region, the part of its ID before the colon",
	})

	revokeForm = Refusals.Add(explain.Reason{
		Code:     "sessions-to-revoke",
		Check:    "sessions to revoke",
		Expected: "an ID of the right form",
		Got:      "another value",
		Fix:      "{help}",
	})
)
