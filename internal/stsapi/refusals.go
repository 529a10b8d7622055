package stsapi

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
	roleMissing = Refusals.Add(explain.Reason{
		Code:     "role-missing",
		Check:    "role",
		Expected: "a role that this server knows",
		Got:      "{role}",
		Fix:      "create the role, or correct its ARN; name and path are compared exactly",
	})
	roleMissingAbroad = Refusals.Add(explain.Reason{
		Code:     "role-missing-account",
		Check:    "role",
		Expected: "a role that this server knows",
		Got:      "{role}, of account {other}, which is not {whose}",
		Fix: "correct the account in the ARN; a role of another account must be created in that account on this " +
			"server; name and path are compared exactly",
	})
)

// Reasons that other accounts read in place of one that only one account may read.
var (
	roleElsewhere = Refusals.Add(explain.Reason{
		Code:     "role-elsewhere",
		Check:    "role",
		Expected: "a role that exists and lets the caller in",
		Got:      "one that is missing, or does not let the caller in",
		Fix: "correct the role's ARN, or ask account {account}: if it has the role, it can explain " +
			"this request ID",
	})
	callerElsewhere = Refusals.Add(explain.Reason{
		Code:     "caller-elsewhere",
		Check:    "caller",
		Expected: "a request that the caller's account allows",
		Got:      "one that the caller's token, policies or parameters refuse",
		Fix:      "ask account {account}: it can explain this request ID",
	})
	durationElsewhere = Refusals.Add(explain.Reason{
		Code:     "session-duration-elsewhere",
		Check:    "session duration",
		Expected: "up to the role's MaxSessionDuration",
		Got:      "{duration}",
		Fix:      "ask for a shorter session, or ask account {account} to raise the maximum",
	})
)

// The requested session.
var (
	tagsTwice = Refusals.Add(explain.Reason{
		Code:     "session-tags-twice",
		Check:    "session tags",
		Expected: "each key once, ignoring letter case",
		Got:      "the same key twice",
		Fix:      "remove one of the two",
	})
	tagsInherited = Refusals.Add(explain.Reason{
		Code:     "session-tags-inherited",
		Check:    "session tags",
		Expected: "no transitive tag key of the calling session",
		Got:      "one of its transitive tag keys",
		Fix:      "leave the tag out: the new session inherits it",
	})
	transitiveWithoutTag = Refusals.Add(explain.Reason{
		Code:     "transitive-tag-keys",
		Check:    "transitive tag keys",
		Expected: "keys of the session tags",
		Got:      "a key that no session tag has",
		Fix:      "pass the tag itself, too; its key must have the same letter case",
	})
	sourceIdentityInherited = Refusals.Add(explain.Reason{
		Code:     "source-identity-inherited",
		Check:    "source identity",
		Expected: "the calling session's source identity, or none",
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
		Expected: "a managed policy of the role's or the access key's account, or one of AWS that this server knows",
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
		Fix:      "call GetCallerIdentity with the keys: only the session token shows who owns temporary credentials",
	})
)

// Tokens of identity pools.
var (
	cognitoTokenExpired = Refusals.Add(explain.Reason{
		Code:     "token-expiry-own",
		Check:    "token expiry",
		Expected: "an unexpired token",
		Got:      "expired at {time}",
		Fix: "ask for a new token: tokens are valid for 10 minutes, and tokens of " +
			"GetOpenIdTokenForDeveloperIdentity for TokenDuration",
	})
	cognitoTokenRetired = Refusals.Add(explain.Reason{
		Code:     "token-signature-retired",
		Check:    "token signature",
		Expected: "a token whose signing key is in use",
		Got:      "{fault}",
		Fix:      "ask for a new token",
	})
	cognitoTokenForged = Refusals.Add(explain.Reason{
		Code:     "token-signature-own",
		Check:    "token signature",
		Expected: "a token that this server signed",
		Got:      "another token",
		Fix:      "pass the Token of GetOpenIdToken unchanged",
	})
	tokenIdentityReplaced = Refusals.Add(explain.Reason{
		Code:     "identity-of-the-token-replaced",
		Check:    "identity of the token",
		Expected: "the identity that the token was issued for",
		Got:      "one that was deleted; another identity has its ID now",
		Fix:      "ask for a new token",
	})
	tokenPoolGone = Refusals.Add(explain.Reason{
		Code:     "pool-of-the-token-deleted",
		Check:    "pool of the token",
		Expected: "a pool that exists",
		Got:      "one that was deleted",
		Fix:      "ask for a token of another pool",
	})
	tokenPoolOfOther = Refusals.Add(explain.Reason{
		Code:     "pool-of-the-token-account",
		Check:    "pool of the token",
		Expected: "the pool of account {account} that the token was issued for",
		Got:      "a pool ID that belongs to another account now",
		Fix:      "ask for a new token",
	})
	tokenProviderGone = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-deleted",
		Check:    "OpenID Connect provider",
		Expected: "a registered provider",
		Got:      "{provider}, which is not registered any more",
		Fix:      "register the provider, or sign in through another one",
	})
)

// Tokens of other providers.
var (
	providerIDUnknown = Refusals.Add(explain.Reason{
		Code:     "provider-id",
		Check:    "provider ID",
		Expected: "{names}",
		Got:      "another provider",
		Fix: "leave ProviderId out: it is only for access tokens of these two; an OpenID Connect token names its " +
			"issuer",
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
		Fix:      "register the issuer exactly as the token has it in iss",
	})
	userPoolUnregistered = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-registered-user-pool",
		Check:    "OpenID Connect provider",
		Expected: "a provider registered in account {account}",
		Got:      "none for {issuer}, the name at AWS of the user pool that issued the token",
		Fix: "call CreateOpenIDConnectProvider with the URL {issuer} and the client ID, and name that provider " +
			"in the trust policy",
	})
	trustUnnamed = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-google",
		Check:    "OpenID Connect provider",
		Expected: "a trust policy that names {name}, or a provider registered in account {account}",
		Got:      "neither for the token's issuer {issuer}",
		Fix: "name {name} as Federated principal of sts:AssumeRoleWithWebIdentity in the trust " +
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
		Expected: "an application in StringEquals {key} of the trust policy ({named})",
		Got:      "another one",
		Fix:      "add the application's ID to that condition of the trust policy",
	})
	applicationUnnamed = Refusals.Add(explain.Reason{
		Code:     "application-of-the-token-unnamed",
		Check:    "application of the token",
		Expected: "an application in StringEquals {key} of the trust policy",
		Got:      "a trust policy that names no application",
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
		Expected: "a session that has not ended",
		Got:      "one that ended at {time}",
		Fix:      "sign in again",
	})
	samlOld = Refusals.Add(explain.Reason{
		Code:     "saml-issue-instant-age",
		Check:    "SAML issue instant",
		Expected: "at most {limit} ago",
		Got:      "{time}",
		Fix:      "sign in again, and use the assertion at once",
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
