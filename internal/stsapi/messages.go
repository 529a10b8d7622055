package stsapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Messages lists the texts of refused calls for docs/errors.md.
var Messages = []explain.Message{
	{
		Code:    "AccessDeniedException, AccessDenied",
		Text:    "Cannot call GetFederationToken with session credentials",
		Reasons: []explain.Code{"caller-session"},
	},
	{
		Code:    "AccessDeniedException, AccessDenied",
		Text:    "Cannot call GetSessionToken with session credentials",
		Reasons: []explain.Code{"caller-session"},
	},
	{
		Code: "InvalidIdentityToken",
		Text: "Couldn't retrieve verification key from your identity provider,  please reference " +
			"AssumeRoleWithWebIdentity documentation for requirements",
		When: "The provider's discovery document or keys could not be fetched.",
		Fix:  "let this server reach the provider's addresses, and check its certificate",
	},
	{
		Code:    "ValidationError",
		Text:    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
		Reasons: []explain.Code{"session-tags-twice"},
	},
	{
		Code: "InvalidIdentityToken",
		Text: "Incorrect token audience",
		When: "The role or the provider does not list the application that the token is for.",
		Fix: "add the token's `aud` (or `azp`) to the client IDs of the provider, and to the " +
			"conditions of the trust policy",
		Reasons: []explain.Code{"application-of-the-token", "application-of-the-token-unnamed"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "Issuer not present in specified provider",
		Reasons: []explain.Code{"saml-issuer", "saml-response-issuer"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "Missing a required claim: {value}.",
		When:    "The token lacks a claim that STS needs.",
		Fix:     "let the provider put `iss`, `sub`, `aud`, `iat` and `exp` into the token",
		Reasons: []explain.Code{"token-claims-at-sts"},
	},
	{
		Code:    "AccessDeniedException, AccessDenied",
		Text:    "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
		Reasons: []explain.Code{"second-factor"},
	},
	{
		Code: "InvalidIdentityToken",
		Text: "No OpenIDConnect provider found in your account for {issuer}",
		Reasons: []explain.Code{
			"openid-connect-provider",
			"openid-connect-provider-google",
			"openid-connect-provider-spelling",
		},
	},
	{
		Code: "AccessDeniedException, AccessDenied",
		Text: "Not authorized to perform {value}",
		When: "The role does not exist, or its trust policy does not let this caller in.",
		Fix:  "check the role's ARN, and its trust policy: principal, action and conditions",
	},
	{
		Code: "ValidationError",
		Text: "One of the specified transitive tag keys can't be set because it conflicts with a " +
			"transitive tag key from the calling session.",
		Reasons: []explain.Code{"session-tags-inherited"},
	},
	{
		Code:    "ValidationError",
		Text:    "Policy {value} does not exist or is not attachable.",
		Reasons: []explain.Code{"managed-session-policy-form", "managed-session-policy-missing"},
	},
	{
		Code:    "ValidationError",
		Text:    "ProvidedContexts are not supported.",
		Reasons: []explain.Code{"provided-contexts"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "Response does not contain the required audience.",
		Reasons: []explain.Code{"saml-audience", "saml-audience-none"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "Response signature invalid",
		When:    "The signature of the response is not by a certificate of the registered metadata.",
		Fix:     "register the provider's present metadata; send the response unchanged",
		Reasons: []explain.Code{"saml-signature"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
		Reasons: []explain.Code{"saml-attribute-value"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "RoleSessionName is required in AuthnResponse",
		Reasons: []explain.Code{"saml-attribute-rolesessionname-missing"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    `Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`,
		Reasons: []explain.Code{"saml-attribute-value"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "Specified provider doesn't exist",
		Reasons: []explain.Code{"saml-provider-missing"},
	},
	{
		Code: "InvalidIdentityToken",
		Text: "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
		When: "WebIdentityToken is no ID token.",
		Fix:  "send the provider's ID token; an access token has no use here",
	},
	{
		Code:    "ValidationError",
		Text:    "The ProviderId is not supported: use {value}, and leave it out for OpenID Connect providers.",
		Reasons: []explain.Code{"provider-id"},
	},
	{
		Code: "InvalidIdentityToken",
		Text: "The SAML assertion is not valid.",
		When: "The assertion is not one that STS accepts: its form, its subject or its conditions.",
		Fix: "send the provider's response as it came, in Base64, soon after the sign-in; register " +
			"its present metadata",
	},
	{
		Code:    "ExpiredTokenException",
		Text:    "The SAML session has ended.",
		Reasons: []explain.Code{"saml-session"},
	},
	{
		Code:    "ValidationError",
		Text:    "The access key ID is not known.",
		Reasons: []explain.Code{"access-key-unknown-owner"},
	},
	{
		Code: "IDPCommunicationError",
		Text: "The identity provider could not be reached. Try again.",
		When: "The provider that has to judge the token does not answer.",
		Fix:  "call again after a pause; let this server reach the provider",
	},
	{
		Code: "IDPRejectedClaim",
		Text: "The identity provider rejected the claim.",
		When: "The provider, a sign-out or a change of the pool has ended the token.",
		Fix:  "let the user sign in again",
		Reasons: []explain.Code{
			"classic-flow-saml",
			"openid-connect-provider-deleted",
			"classic-flow",
			"classic-flow-role-mappings",
		},
	},
	{
		Code:    "ValidationError",
		Text:    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
		Reasons: []explain.Code{"session-duration-chained"},
	},
	{
		Code:    "ValidationError",
		Text:    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
		Reasons: []explain.Code{"session-duration-role"},
	},
	{
		Code:    "PackedPolicyTooLarge",
		Text:    "The session policies and session tags do not fit the session token.",
		Reasons: []explain.Code{"session-token-size"},
	},
	{
		Code:    "ValidationError",
		Text:    "The session policies have a duplicate ARN.",
		Reasons: []explain.Code{"session-policies-twice"},
	},
	{
		Code:    "PackedPolicyTooLarge",
		Text:    "The session policies have {size} characters together; {limit} are allowed.",
		Reasons: []explain.Code{"session-policies-size"},
	},
	{
		Code: "ValidationError",
		Text: "The session tags are not valid: {value}.",
		When: "The tags of the call or of the token break a rule of STS.",
		Fix: "send at most 50 tags, with keys of at most 128 and values of at most 256 allowed " +
			"characters, each key once",
	},
	{
		Code:    "ValidationError",
		Text:    "The specified transitive tag key must be included in the requested tags.",
		Reasons: []explain.Code{"transitive-tag-keys"},
	},
	{
		Code: "InvalidIdentityToken",
		Text: "The web identity token provided could not be validated. See the " +
			"AssumeRoleWithWebIdentity documentation for requirements.",
		When: "The token's signature, issuer or times are wrong, or it is a Cognito token of another server.",
		Fix: "get a new token; check that the provider's discovery document is the issuer's, and that " +
			"the clocks agree",
		Reasons: []explain.Code{"token-expiry-own", "token-signature-retired", "token-signature-own"},
	},
	{
		Code:    "InvalidIdentityToken",
		Text:    "Token audience contains more than one audience while authorized party is not present",
		Reasons: []explain.Code{"token-audience-several"},
	},
	{
		Code: "ExpiredTokenException",
		Text: "Token expired",
		When: "The token is older than its lifetime.",
		Fix:  "get a new token from the provider",
	},
	{
		Code: "ExpiredTokenException",
		Text: "Token expired: current date/time {now} must be before the expiration date/time {exp}",
		When: "The token is older than its lifetime.",
		Fix:  "get a new token from the provider",
	},
	{
		Code:    "ExpiredTokenException",
		Text:    "Token must be redeemed within 5 minutes of issuance",
		Reasons: []explain.Code{"saml-issue-instant-age"},
	},
	{
		Code:    "ValidationError",
		Text:    "{value} is invalid",
		Reasons: []explain.Code{"role-arn", "saml-provider-arn", "saml-provider-missing"},
	},
	{
		Code:    "ValidationError",
		Text:    "{arn} is invalid. In the partition {partition} it is {right}.",
		Reasons: []explain.Code{"sts-arn-partition"},
	},
	{
		Code:    "JWTPayloadSizeExceededException",
		Text:    messagePayload,
		Reasons: []explain.Code{"token-size-web-identity"},
	},
	{
		Code:    "OutboundWebIdentityFederationDisabledException",
		Text:    messageFederationOff,
		Reasons: []explain.Code{"web-identity-federation"},
	},
	{
		Code:    "SessionDurationEscalationException",
		Text:    messageEscalation,
		Reasons: []explain.Code{"token-lifetime-session"},
	},
	{
		Code:    "ValidationError",
		Text:    messageSubjectMode,
		Reasons: []explain.Code{"token-subject-mode"},
	},
	{
		Code:    "ValidationError",
		Text:    messageScope,
		Reasons: []explain.Code{"token-scope"},
	},
}
