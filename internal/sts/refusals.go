package sts

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which this package refuses.
var Refusals explain.Catalogue

// The role.
var (
	roleForm = Refusals.Add(explain.Reason{
		Code:     "role-arn",
		Check:    "role",
		Expected: "the ARN of a role",
		Got:      "{role}",
		Fix:      "pass {example}",
	})
	poolRoleForm = Refusals.Add(explain.Reason{
		Code:     "role-arn-of-pool",
		Check:    "role",
		Expected: "the ARN of a role",
		Got:      "{role}",
		Fix:      "set the pool's role to arn:{partition}:iam::{account}:role/NAME",
	})
	roleMissing = Refusals.Add(explain.Reason{
		Code:     "role-missing",
		Check:    "role",
		Expected: "a role that this server knows",
		Got:      "{role}",
		Fix:      "create the role, or correct its ARN; name and path are compared exactly",
	})
	poolRoleMissing = Refusals.Add(explain.Reason{
		Code:     "role-missing-of-pool",
		Check:    "role",
		Expected: "a role that this server knows",
		Got:      "{role}",
		Fix: "add the role to the settings, or set the pool to one that is there; name and path are compared " +
			"exactly",
	})
	roleAccount = Refusals.Add(explain.Reason{
		Code:     "role-account",
		Check:    "role account",
		Expected: "account {account}, the pool's",
		Got:      "account {other}",
		Fix:      "use a role in the pool's account",
	})
)

// What other accounts read in place of a reason that only one account may read.
var (
	roleElsewhere = Refusals.Add(explain.Reason{
		Code:     "role-elsewhere",
		Check:    "role",
		Expected: "a role that exists and lets the caller in",
		Got:      "it is missing, or does not let the caller in",
		Fix: "correct the role's ARN, or ask account {account}, which can explain the request by the same ID if " +
			"it has the role",
	})
	callerElsewhere = Refusals.Add(explain.Reason{
		Code:     "caller-elsewhere",
		Check:    "caller",
		Expected: "a request that the caller's account allows",
		Got:      "the caller's token, policies or parameters refuse it",
		Fix:      "ask account {account}, which can explain the request by the same ID",
	})
	durationElsewhere = Refusals.Add(explain.Reason{
		Code:     "session-duration-elsewhere",
		Check:    "session duration",
		Expected: "up to the role's MaxSessionDuration",
		Got:      "{duration}",
		Fix:      "ask for a shorter session, or ask account {account} to raise the maximum",
	})
)

// The role's trust policy, where no condition is in the way.
var (
	trustMissing = Refusals.Add(explain.Reason{
		Code:     "trust-policy-missing",
		Check:    "trust policy",
		Expected: "a trust policy",
		Got:      "none",
		Fix:      "give the role a trust policy",
	})
	trustFault = Refusals.Add(explain.Reason{
		Code:     "trust-policy-fault",
		Check:    "trust policy",
		Expected: "{expected}",
		Got:      "{where}: {got}; a trust policy that would be refused today lets nobody in",
		Fix:      "{fix}",
	})
	trustDenies = Refusals.Add(explain.Reason{
		Code:     "trust-policy-deny",
		Check:    "trust policy",
		Expected: "no Deny statement for {action}",
		Got:      "an explicit Deny in {statement} for {principal} on {role}",
		Fix:      "change or remove that statement of the trust policy: no Allow outweighs it",
	})
	trustDeniesUnknown = Refusals.Add(explain.Reason{
		Code:     "trust-policy-deny-unknown",
		Check:    "trust policy",
		Expected: "no Deny statement for {action}",
		Got:      "an explicit Deny in {cause}",
		Fix: "remove {key} from the trust policy, or have the identity provider give a value that the operator " +
			"can compare; docs/iam.md lists the keys that are known",
	})
	trustNotText = Refusals.Add(explain.Reason{
		Code:     "trust-policy-utf8",
		Check:    "trust policy",
		Expected: "a request that is valid UTF-8",
		Got:      "a request that is not, which no policy can be held against",
		Fix:      "correct the encoding of the request's parameters, or of the token's claims at the provider",
	})
	trustEmpty = Refusals.Add(explain.Reason{
		Code:     "trust-policy-empty",
		Check:    "trust policy",
		Expected: "a statement that allows {action}",
		Got:      "no Allow statement",
		Fix:      "add an Allow statement for {principal} and {action} to the trust policy, or choose another role",
	})
	trustEmptyPool = Refusals.Add(explain.Reason{
		Code:     "trust-policy-empty-pool",
		Check:    "trust policy",
		Expected: "a statement that allows {action}",
		Got:      "no Allow statement",
		Fix:      "add to the trust policy: {statement}",
	})
	trustPrincipal = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "none: {got}",
		Fix:      "add the principal and the action to the trust policy, or choose another role",
	})
	trustPrincipalPool = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal-pool",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "none: {got}",
		Fix:      "add to the trust policy: {statement}",
	})
	trustPrincipalSpelling = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal-spelling",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{statement} is for {written}",
		Fix:      "write the principal of {statement} as {principal}: {cause}",
	})
	trustPrincipalExcluded = Refusals.Add(explain.Reason{
		Code:     "trust-policy-principal-excluded",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{statement} excludes it with NotPrincipal",
		Fix:      "take the principal out of the NotPrincipal of {statement}",
	})
	trustAction = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}; it has the principal",
		Fix:      "add {action} to the Action of {statement} of the trust policy",
	})
	trustActionExcluded = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-excluded",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{statement} excludes the action with NotAction",
		Fix:      "take {action} out of the NotAction of {statement} of the trust policy",
	})
	trustTags = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-tags",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix: "the session has tags, which need sts:TagSession beside {assume} in the Action of the trust " +
			"policy's statement",
	})
	trustPoolTags = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-principal-tags",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix: "the identity has principal tags, which need sts:TagSession beside sts:AssumeRoleWithWebIdentity " +
			"in the Action of the trust policy's statement; or remove the pool's principal tag mapping",
	})
	trustSourceIdentity = Refusals.Add(explain.Reason{
		Code:     "trust-policy-action-source-identity",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix: "the session has a source identity, which needs sts:SetSourceIdentity beside {assume} in the Action " +
			"of the trust policy's statement",
	})
	trustResource = Refusals.Add(explain.Reason{
		Code:     "trust-policy-resource",
		Check:    "trust policy",
		Expected: "a statement for {principal} that allows {action} on {role}",
		Got:      "{got}",
		Fix:      "remove the Resource from {statement}: a trust policy is about its role",
	})
)

// A condition of the trust policy that does not hold, in the statement that came closest.
var (
	conditionUnknown = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-unknown",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{key} cannot be evaluated here{also}",
		Fix: "remove {key} from the trust policy, or have the identity provider give a value that the operator " +
			"can compare; docs/iam.md lists the keys that are known",
	})
	conditionKeySpelling = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-key",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "the request does not have that key, but {right}{also}",
		Fix:      "write the condition key as {right}: {cause}",
	})
	conditionSpelling = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-spelling",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "correct the value in this condition of the trust policy: {cause}",
	})
	conditionPool = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-pool",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the role trusts another pool: add {pool} to this condition, or give the pool a role that trusts " +
			"it",
	})
	conditionGuest = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-guest",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the role is not for guests: give the pool another unauthenticated role, or add unauthenticated to " +
			"this condition",
	})
	conditionSignIn = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-amr",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the role is not for how this user signed in: choose another role, or add one of the request's amr " +
			"values to this condition",
	})
	conditionOtherGuest = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-guest-identity",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the role is for other identities: give the pool another unauthenticated role, or add the guest's " +
			"identity ID to this condition",
	})
	conditionIdentity = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-identity",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "the role is for other identities: choose another role, or add {identity} to this condition",
	})
	conditionPoolTags = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-principal-tags",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "compare the pool's principal tag mapping with this condition of the trust policy",
	})
	conditionExternalID = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-external-id",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "pass the ExternalId that the role's owner gave to the caller, or change this condition of the trust " +
			"policy",
	})
	conditionExcluded = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-excluded",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "the condition excludes this request: change this condition of the trust policy, or choose another " +
			"role",
	})
	conditionAbsent = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition-absent",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix: "change this condition of the trust policy, choose another role, or have the request carry the key; " +
			"it has {keys}",
	})
	conditionValue = Refusals.Add(explain.Reason{
		Code:     "trust-policy-condition",
		Check:    "trust policy",
		Expected: "{condition}",
		Got:      "{got}{also}",
		Fix:      "change this condition of the trust policy, or choose another role",
	})
	trustOlderThanPool = Refusals.Add(explain.Reason{
		Code:     "age-of-the-trust-policy",
		Check:    "age of the trust policy",
		Expected: "one that was written after account {account} had the pool {pool}",
		Got:      "one that is older than the pool, which is another account's",
		Fix: "if the role is for this pool, write its trust policy again: UpdateAssumeRolePolicy with the same " +
			"document, or, in the settings, with another Sid",
	})
)

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
		Fix:      "tag keys that differ by case are one to IAM; rename one",
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
		Expected: "each key once, whatever its case",
		Got:      "one twice",
		Fix:      "remove one of the two",
	})
	tagsInherited = Refusals.Add(explain.Reason{
		Code:     "session-tags-inherited",
		Check:    "session tags",
		Expected: "no key that the calling session hands on",
		Got:      "one of them",
		Fix:      "leave the tag out: the new session inherits it",
	})
	transitiveWithoutTag = Refusals.Add(explain.Reason{
		Code:     "transitive-tag-keys",
		Check:    "transitive tag keys",
		Expected: "keys of the session tags",
		Got:      "another key",
		Fix:      "pass the tag itself, too; its key is compared with case",
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
		Fix: "temporary keys of others are known to nobody but their session token: call GetCallerIdentity with " +
			"them",
	})
	sessionKeyGone = Refusals.Add(explain.Reason{
		Code:     "session-token-session-key",
		Check:    "session token",
		Expected: "a token that this server made and whose key it still has",
		Got:      "session key {key}, which was retired or has ended, or is another server's",
		Fix:      "sign in again and get new credentials",
	})
)

// Tokens of identity pools.
var (
	ownTokenExpired = Refusals.Add(explain.Reason{
		Code:     "token-expiry-own",
		Check:    "token expiry",
		Expected: "an unexpired token",
		Got:      "expired at {time}",
		Fix:      "ask for a new token: they last 10 minutes, those for developers as long as was asked for",
	})
	ownTokenRetired = Refusals.Add(explain.Reason{
		Code:     "token-signature-retired",
		Check:    "token signature",
		Expected: "a token whose signing key is in use",
		Got:      "{fault}",
		Fix:      "ask for a new token",
	})
	ownTokenForged = Refusals.Add(explain.Reason{
		Code:     "token-signature-own",
		Check:    "token signature",
		Expected: "a token that this server signed",
		Got:      "another one",
		Fix:      "pass the Token of GetOpenIdToken as it came",
	})
	ownIdentityReplaced = Refusals.Add(explain.Reason{
		Code:     "identity-of-the-token-replaced",
		Check:    "identity of the token",
		Expected: "the identity that the token was given for",
		Got:      "it was deleted, and its ID is another identity's now",
		Fix:      "ask for a new token",
	})
	ownPoolGone = Refusals.Add(explain.Reason{
		Code:     "pool-of-the-token-deleted",
		Check:    "pool of the token",
		Expected: "a pool that exists",
		Got:      "it was deleted",
		Fix:      "ask for a token of another pool",
	})
	ownPoolOfOther = Refusals.Add(explain.Reason{
		Code:     "pool-of-the-token-account",
		Check:    "pool of the token",
		Expected: "the pool of account {account} that the token was given for",
		Got:      "the ID is another account's now",
		Fix:      "ask for a new token",
	})
	ownProviderGone = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-deleted",
		Check:    "OpenID Connect provider",
		Expected: "a registered provider",
		Got:      "{provider} is not registered any more",
		Fix:      "register the provider, or sign in through another one",
	})
)

// Tokens of other providers.
var (
	providerIDUnknown = Refusals.Add(explain.Reason{
		Code:     "provider-id",
		Check:    "provider ID",
		Expected: "www.amazon.com or graph.facebook.com",
		Got:      "another provider",
		Fix:      "leave ProviderId out: tokens of OpenID Connect providers say themselves who issued them",
	})
	audiencesSeveral = Refusals.Add(explain.Reason{
		Code:     "token-audience-several",
		Check:    "token audience",
		Expected: "one audience, or azp",
		Got:      "{count} audiences",
		Fix:      "have the provider issue azp, or one audience",
	})
	claimMissing = Refusals.Add(explain.Reason{
		Code:     "token-claims-at-sts",
		Check:    "token claims",
		Expected: "a claim {claim}",
		Got:      "none",
		Fix:      "have the provider issue {claim}",
	})
	sessionClaims = Refusals.Add(explain.Reason{
		Code:     "token-claims-for-the-session",
		Check:    "token claims for the session",
		Expected: "tags and a source identity of the documented form",
		Got:      "{fault}",
		Fix: "correct the claims under https://aws.amazon.com/tags and https://aws.amazon.com/source_identity at " +
			"the provider",
	})
	providerMissing = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider",
		Check:    "OpenID Connect provider",
		Expected: "a provider registered in account {account}",
		Got:      "none for the token's issuer {issuer}",
		Fix:      "register the issuer, character by character as the token has it in iss",
	})
	googleMissing = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-google",
		Check:    "OpenID Connect provider",
		Expected: "a trust policy that names accounts.google.com, or a provider registered in account {account}",
		Got:      "neither for the token's issuer {issuer}",
		Fix: "name accounts.google.com as Federated principal of sts:AssumeRoleWithWebIdentity in the trust " +
			"policy, or register the issuer",
	})
	providerSpelling = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-spelling",
		Check:    "OpenID Connect provider",
		Expected: "the token's issuer {issuer} as it is registered in account {account}",
		Got:      "{registered}",
		Fix: "register the issuer as the token has it, {issuer}, in place of {registered}, or have the provider " +
			"issue tokens as {registered}: {cause}",
	})
	applicationOther = Refusals.Add(explain.Reason{
		Code:     "application-of-the-token",
		Check:    "application of the token",
		Expected: "one that the trust policy names by StringEquals {key} ({named})",
		Got:      "another one",
		Fix:      "add the application's ID to that condition of the trust policy",
	})
	applicationUnnamed = Refusals.Add(explain.Reason{
		Code:     "application-of-the-token-unnamed",
		Check:    "application of the token",
		Expected: "one that the trust policy names by StringEquals {key}",
		Got:      "a trust policy that names none",
		Fix:      "add the application's ID to the trust policy: \"StringEquals\": {\"{key}\": \"APPLICATION\"}",
	})
)

// SAML responses.
var (
	samlRole = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-role-at-sts",
		Check:    "SAML attribute Role",
		Expected: "{role},{provider}",
		Got:      "other pairs, or none",
		Fix:      "have the identity provider offer this role through this provider",
	})
	samlSessionName = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-rolesessionname-missing",
		Check:    "SAML attribute RoleSessionName",
		Expected: "a session name",
		Got:      "none",
		Fix: "have the identity provider send the attribute " +
			"https://aws.amazon.com/SAML/Attributes/RoleSessionName",
	})
	samlSessionOver = Refusals.Add(explain.Reason{
		Code:     "saml-session",
		Check:    "SAML session",
		Expected: "one that goes on",
		Got:      "it ended at {time}",
		Fix:      "sign in again",
	})
	samlOld = Refusals.Add(explain.Reason{
		Code:     "saml-issue-instant-age",
		Check:    "SAML issue instant",
		Expected: "at most {limit} ago",
		Got:      "{time}",
		Fix:      "sign in again, and redeem the assertion at once",
	})
	samlProviderForm = Refusals.Add(explain.Reason{
		Code:     "saml-provider-arn",
		Check:    "SAML provider",
		Expected: "the ARN of a SAML provider",
		Got:      "{provider}",
		Fix:      "pass {example}",
	})
	samlProviderMissing = Refusals.Add(explain.Reason{
		Code:     "saml-provider-missing",
		Check:    "SAML provider",
		Expected: "a provider registered in account {account}",
		Got:      "{provider}",
		Fix:      "register the provider with its metadata",
	})
)
