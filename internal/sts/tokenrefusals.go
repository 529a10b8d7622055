package sts

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Tokens of identity pools.
var (
	ownTokenExpired = Refusals.Add(explain.Reason{
		Code:     "token-expiry-own",
		Check:    "token expiry",
		Expected: "an unexpired token",
		Got:      "expired at {time}",
		Fix: "ask for a new token: they last 10 minutes, those of GetOpenIdTokenForDeveloperIdentity as long " +
			"as TokenDuration",
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
		Got:      "another token",
		Fix:      "pass the Token of GetOpenIdToken as it came",
	})
	ownIdentityReplaced = Refusals.Add(explain.Reason{
		Code:     "identity-of-the-token-replaced",
		Check:    "identity of the token",
		Expected: "the identity that the token was given for",
		Got:      "one that was deleted, and whose ID is another identity's now",
		Fix:      "ask for a new token",
	})
	ownPoolGone = Refusals.Add(explain.Reason{
		Code:     "pool-of-the-token-deleted",
		Check:    "pool of the token",
		Expected: "a pool that exists",
		Got:      "one that was deleted",
		Fix:      "ask for a token of another pool",
	})
	ownPoolOfOther = Refusals.Add(explain.Reason{
		Code:     "pool-of-the-token-account",
		Check:    "pool of the token",
		Expected: "the pool of account {account} that the token was given for",
		Got:      "an ID that is another account's now",
		Fix:      "ask for a new token",
	})
	ownProviderGone = Refusals.Add(explain.Reason{
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
		Fix: "leave ProviderId out: it is for the access tokens of these two, and an OpenID Connect token " +
			"names its issuer",
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
		Expected: "a session that has not ended",
		Got:      "one that ended at {time}",
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
