package stsapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// The checks of each operation, in their order. Package login plans the checks of a
// login provider's token, in between.
var (
	tokenPlan       = []explain.Code{"provider-id", "token-form"}
	accessTokenPlan = []explain.Code{
		"sts-arn-partition", "role", "session-duration", "trust-policy", "application-of-the-token",
	}
	idTokenPlan = []explain.Code{
		"sts-arn-partition", "role", "session-duration", "token-audience", "openid-connect-provider",
		"application-of-the-token", "trust-policy",
	}
	cognitoTokenPlan = []explain.Code{
		"sts-arn-partition", "role", "session-duration", "token-expiry", "token-signature", "identity-of-the-token",
		"pool-of-the-token", "classic-flow", "openid-connect-provider", "token", "session-tags", "transitive-tag-keys",
		"trust-policy", "age-of-the-trust-policy", "inline-session-policy", "managed-session-policy",
		"session-policies", "session-token-size",
	}
	provenTokenPlan = []explain.Code{
		"token-claims", "token-claims-for-the-session", "session-tags", "transitive-tag-keys", "trust-policy",
		"inline-session-policy", "sts-arn-partition", "managed-session-policy", "session-policies",
		"session-token-size",
	}

	samlPlan = []explain.Code{
		"sts-arn-partition", "role", "saml-provider", "saml-issue-instant", "saml-assertion", "saml-attribute-role",
		"saml-attribute-rolesessionname", "session-tags", "transitive-tag-keys", "session-duration", "saml-session",
		"trust-policy", "inline-session-policy", "managed-session-policy", "session-policies", "session-token-size",
	}
	assumeRolePlan = []explain.Code{
		"sts-arn-partition", "second-factor", "provided-contexts", "source-identity", "session-tags",
		"transitive-tag-keys", "role", "trust-policy", "policies", "session-duration", "inline-session-policy",
		"managed-session-policy", "session-policies", "session-token-size",
	}
	sessionTokenPlan = []explain.Code{"caller", "second-factor", "session-token-size"}
	federationPlan   = []explain.Code{
		"caller", "session-tags", "inline-session-policy", "sts-arn-partition", "managed-session-policy",
		"session-policies", "session-token-size",
	}
	webTokenPlan = []explain.Code{
		"token-subject-mode", "token-scope", "session-tags", "token-lifetime", "web-identity-federation", "token-size",
	}
	keyInfoPlan = []explain.Code{"access-key"}
)

// planOf returns the checks of AssumeRoleWithWebIdentity for a kind of token.
func planOf(kind tokenKind) []explain.Code {
	switch kind {
	case cognitoToken:
		return cognitoTokenPlan
	case accessToken:
		return accessTokenPlan
	default:
		return idTokenPlan
	}
}
