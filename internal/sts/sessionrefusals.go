package sts

import "github.com/poolhouse-id/poolhouse/internal/explain"

// The session that was asked for.
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
		Fix:      "rename one: IAM compares tag keys without letter case",
	})
	tagValueForm = Refusals.Add(explain.Reason{
		Code:     "session-tags-value",
		Check:    "session tags",
		Expected: "tags that STS accepts",
		Got:      "the value of tag {key}, {bytes} bytes",
		Fix:      "map a claim with up to {limit} letters, digits, blanks and _.:/=+-@",
	})
	tagsTwice = Refusals.Add(explain.Reason{
		Code:     "session-tags-twice",
		Check:    "session tags",
		Expected: "each key once, in any letter case",
		Got:      "the same key twice",
		Fix:      "remove one of the two",
	})
	tagsInherited = Refusals.Add(explain.Reason{
		Code:     "session-tags-inherited",
		Check:    "session tags",
		Expected: "no key that the calling session passes on",
		Got:      "a key that it passes on",
		Fix:      "leave the tag out: the new session inherits it",
	})
	transitiveWithoutTag = Refusals.Add(explain.Reason{
		Code:     "transitive-tag-keys",
		Check:    "transitive tag keys",
		Expected: "keys of the session tags",
		Got:      "a key that no session tag has",
		Fix:      "pass the tag itself, too; the letter case of its key counts",
	})
	sourceIdentityInherited = Refusals.Add(explain.Reason{
		Code:     "source-identity-inherited",
		Check:    "source identity",
		Expected: "the calling session's, or none",
		Got:      "another one",
		Fix:      "leave SourceIdentity out: the new session inherits it",
	})
	durationOverRole = Refusals.Add(explain.Reason{
		Code:     "session-duration-role",
		Check:    "session duration",
		Expected: "up to {limit}",
		Got:      "{duration}",
		Fix:      "ask for a shorter session, or raise the role's MaxSessionDuration",
	})
	durationOfPool = Refusals.Add(explain.Reason{
		Code:     "session-duration-pool",
		Check:    "session duration",
		Expected: "{least} to {limit}",
		Got:      "{duration}",
		Fix:      "ask for another duration, or raise the role's max_session_duration",
	})
	durationChained = Refusals.Add(explain.Reason{
		Code:     "session-duration-chained",
		Check:    "session duration",
		Expected: "up to {limit} for a role assumed by a role",
		Got:      "{duration}",
		Fix:      "ask for an hour at most",
	})
	inlinePolicy = Refusals.Add(explain.Reason{
		Code:     "inline-session-policy",
		Check:    "inline session policy",
		Expected: "a policy of Allow and Deny statements without Principal",
		Got:      "{fault}",
		Fix: "change the session policy: send one JSON policy document whose statements have Effect, Action and " +
			"Resource, and no Principal",
	})
	managedPolicyForm = Refusals.Add(explain.Reason{
		Code:     "managed-session-policy-form",
		Check:    "managed session policy",
		Expected: "a policy of Allow and Deny statements without Principal",
		Got:      "{fault}",
		Fix: "change the session policy: send one JSON policy document whose statements have Effect, Action and " +
			"Resource, and no Principal",
	})
	managedPolicyMissing = Refusals.Add(explain.Reason{
		Code:     "managed-session-policy-missing",
		Check:    "managed session policy",
		Expected: "a managed policy of the role's account",
		Got:      "none with this ARN",
		Fix:      "create the policy, or correct its ARN",
	})
	policiesTwice = Refusals.Add(explain.Reason{
		Code:     "session-policies-twice",
		Check:    "session policies",
		Expected: "each managed policy once",
		Got:      "one of them twice",
		Fix:      "remove the second one from PolicyArns",
	})
	policiesSize = Refusals.Add(explain.Reason{
		Code:     "session-policies-size",
		Check:    "session policies",
		Expected: "up to {limit} characters together",
		Got:      "{size}",
		Fix:      "shorten the policies, or put them on the role",
	})
	tokenSize = Refusals.Add(explain.Reason{
		Code:     "session-token-size",
		Check:    "session token size",
		Expected: "up to {limit} bytes",
		Got:      "{fault}",
		Fix:      "pass fewer or shorter session policies and tags",
	})
	tokenSizeOfPool = Refusals.Add(explain.Reason{
		Code:     "session-token-size-pool",
		Check:    "session token size",
		Expected: "up to {limit} bytes",
		Got:      "{fault}",
		Fix:      "map fewer or shorter principal tags",
	})
)

// Signed callers.
var (
	contextsProvided = Refusals.Add(explain.Reason{
		Code:     "provided-contexts",
		Check:    "provided contexts",
		Expected: "none",
		Got:      "{count}",
		Fix:      "leave ProvidedContexts out: there is no context provider here",
	})
	secondFactor = Refusals.Add(explain.Reason{
		Code:     "second-factor",
		Check:    "second factor",
		Expected: "none",
		Got:      "SerialNumber or TokenCode",
		Fix:      "leave both out: access keys have no second factor here",
	})
	callerIsSession = Refusals.Add(explain.Reason{
		Code:     "caller-session",
		Check:    "caller",
		Expected: "a long-lived access key",
		Got:      "temporary credentials",
		Fix:      "sign with an access key, or use AssumeRole",
	})
	accessKeyUnknown = Refusals.Add(explain.Reason{
		Code:     "access-key-unknown-owner",
		Check:    "access key",
		Expected: "a long-lived access key of this server, or the caller's own",
		Got:      "another one",
		Fix: "call GetCallerIdentity with the keys: whose temporary credentials are can be read from their " +
			"session token only",
	})
	sessionKeyGone = Refusals.Add(explain.Reason{
		Code:     "session-token-session-key",
		Check:    "session token",
		Expected: "a token that this server made and whose key it still has",
		Got:      "session key {key}, which was retired or has ended, or is another server's",
		Fix:      "sign in again and get new credentials",
	})
)
