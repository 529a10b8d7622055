package identitypool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons that concern the identity of logins, and who may use it.
var (
	identityDisabled = Refusals.Add(explain.Reason{
		Code:     "identity-disabled",
		Check:    "identity",
		Expected: "an enabled identity",
		Got:      "one that was merged into another identity and disabled",
		Fix:      "delete the identity ID that the client stored, and call GetId again with the same logins",
	})
	identityNoLogin = Refusals.Add(explain.Reason{
		Code:     "identity-no-login",
		Check:    "identity",
		Expected: "a login that is linked to the identity, which is not a guest",
		Got:      "no login",
		Fix:      "send a login that is linked to the identity, or use a guest's identity ID",
	})
	identityAbandoned = Refusals.Add(explain.Reason{
		Code:     "identity-abandoned",
		Check:    "identity",
		Expected: "an identity that has a login, or never had one",
		Got:      "one whose last login was unlinked",
		Fix:      "call GetId to get another identity: nobody can use this one any more",
	})
	notLinked = Refusals.Add(explain.Reason{
		Code:     "linked-logins",
		Check:    "linked logins",
		Expected: "at least one login that is linked to the identity",
		Got:      "logins that are not linked to it",
		Fix:      "send a login that the identity already has, or call GetId to find the login's own identity",
	})
	noLogins = Refusals.Add(explain.Reason{
		Code:     "linked-logins-none",
		Check:    "linked logins",
		Expected: "at least one login that is linked to the identity",
		Got:      "no login",
		Fix:      "send a linked login in Logins",
	})
	allUnlinked = Refusals.Add(explain.Reason{
		Code:     "linked-logins-abandoned",
		Check:    "linked logins",
		Expected: "at least one login that is linked to the identity",
		Got:      "an identity that has no login any more",
		Fix:      "call GetId to find the login's own identity: nobody can use this one",
	})
	neverLinked = Refusals.Add(explain.Reason{
		Code:     "linked-logins-guest",
		Check:    "linked logins",
		Expected: "at least one login that is linked to the identity",
		Got:      "a guest identity, which never had a login",
		Fix: "there is nothing to unlink from a guest; to link a login, send it with this identity ID " +
			"to GetCredentialsForIdentity or GetOpenIdToken",
	})
	developerUserTaken = Refusals.Add(explain.Reason{
		Code:     "developer-user-identifier-taken",
		Check:    "developer user identifier",
		Expected: "an identifier that is new, or that belongs to the identity in IdentityId",
		Got:      "one that belongs to another identity",
		Fix:      "leave IdentityId out, or merge the two with MergeDeveloperIdentities",
	})
	developerUserUnknown = Refusals.Add(explain.Reason{
		Code:     "developer-user-identifier-unknown",
		Check:    "developer user identifier",
		Expected: "an identifier that is registered in the pool",
		Got:      "one that is not registered",
		Fix: "register the user with GetOpenIdTokenForDeveloperIdentity, or check the identifier: " +
			"it is compared byte by byte",
	})
	linkOwners = Refusals.Add(explain.Reason{
		Code:     "link-owners",
		Check:    "link",
		Expected: "logins that can share one identity",
		Got:      "they belong to different identities",
		Fix: "sign in with one login at a time; to merge the identities, call GetOpenIdToken or " +
			"GetCredentialsForIdentity with all logins and the ID of the identity to keep",
	})
	linkOther = Refusals.Add(explain.Reason{
		Code:     "link-other-identity",
		Check:    "link",
		Expected: "logins that are new or belong to the same identity",
		Got:      "one belongs to another identity",
		Fix: "leave that login out, unlink it from the other identity with UnlinkIdentity first, " +
			"or name the identity that it belongs to",
	})
	linkSecondUser = Refusals.Add(explain.Reason{
		Code:     "link-second-user",
		Check:    "link",
		Expected: "one user of each public provider on an identity",
		Got:      "an identity that already has a different user of this provider",
		Fix:      "sign in with one login at a time, or unlink the other user first",
	})
	linkLimit = Refusals.Add(explain.Reason{
		Code:     "link-limit",
		Check:    "link",
		Expected: "at most {limit} logins on one identity",
		Got:      "{count} with this one",
		Fix:      "unlink a login that is no longer used, or raise limits.logins_per_identity",
	})
)

// Reasons that concern the role of an identity.
var (
	defaultRoleUnset = Refusals.Add(explain.Reason{
		Code:     "default-role",
		Check:    "default role",
		Expected: "a role for {kind} identities",
		Got:      "none",
		Fix:      "call SetIdentityPoolRoles with Roles.{kind}",
	})
	severalRoles = Refusals.Add(explain.Reason{
		Code:     "role-mapping-several",
		Check:    "role mapping",
		Expected: "one role for all logins",
		Got:      "{roles}",
		Fix:      "send only the login whose role is wanted, or name one of the roles in CustomRoleArn",
	})
	noMappedRole = Refusals.Add(explain.Reason{
		Code:     "role-mapping-no-role",
		Check:    "role mapping",
		Expected: "a role chosen by type {type}",
		Got:      "{got}",
		Fix:      "add a matching rule or role claim, or set AmbiguousRoleResolution to AuthenticatedRole",
	})
	roleClaimsCount = Refusals.Add(explain.Reason{
		Code:     "role-claims-count",
		Check:    "role claims",
		Expected: "at most {limit} roles in cognito:roles",
		Got:      "{count} entries",
		Fix:      "have the user pool put fewer roles into the token",
	})
	roleClaimsForm = Refusals.Add(explain.Reason{
		Code:     "role-claims-form",
		Check:    "role claims",
		Expected: "cognito:roles as a list of role ARNs, and cognito:preferred_role as text",
		Got:      "{problem}",
		Fix:      "correct the claims in the user pool's pre token generation trigger",
	})
	roleClaimsPreferred = Refusals.Add(explain.Reason{
		Code:     "role-claims-preferred",
		Check:    "role claims",
		Expected: "cognito:preferred_role as one of cognito:roles",
		Got:      "one that is not among them",
		Fix: "have the user pool put the preferred role into cognito:roles too, or do so in a pre token generation " +
			"trigger",
	})
	samlNoRole = Refusals.Add(explain.Reason{
		Code:     "saml-roles-none",
		Check:    "SAML roles",
		Expected: "a value of the Role attribute with {provider}",
		Got:      "none",
		Fix: "have the identity provider send the role's ARN, a comma and {provider} " +
			"as a value of the Role attribute",
	})
	samlSeveralRoles = Refusals.Add(explain.Reason{
		Code:     "saml-roles-several",
		Check:    "SAML roles",
		Expected: "CustomRoleArn, because the assertion offers several roles",
		Got:      "{offered}",
		Fix:      "name one of the roles in CustomRoleArn",
	})
	customNotOffered = Refusals.Add(explain.Reason{
		Code:     "customrolearn-saml",
		Check:    "CustomRoleArn",
		Expected: "{offered}",
		Got:      "{custom}",
		Fix: "name one of the roles that the assertion offers through {provider}, " +
			"or have the identity provider offer this one",
	})
	customNotDefault = Refusals.Add(explain.Reason{
		Code:     "customrolearn-default",
		Check:    "CustomRoleArn",
		Expected: "{role}",
		Got:      "{custom}",
		Fix:      "leave CustomRoleArn out, or give the provider a role mapping that offers the role",
	})
	customOneRole = Refusals.Add(explain.Reason{
		Code:     "customrolearn-one-role",
		Check:    "CustomRoleArn",
		Expected: "{role}",
		Got:      "{custom}",
		Fix:      "leave CustomRoleArn out: guests and developers' users have one role only",
	})
	customNotInToken = Refusals.Add(explain.Reason{
		Code:     "customrolearn-token",
		Check:    "CustomRoleArn",
		Expected: "one of the token's cognito:roles",
		Got:      "{custom}; {got}",
		Fix:      "have the user pool put the role in the token, or leave CustomRoleArn out",
	})
	customNoRule = Refusals.Add(explain.Reason{
		Code:     "customrolearn-rules",
		Check:    "CustomRoleArn",
		Expected: "the RoleARN of a matching rule of {key}",
		Got:      "{custom}",
		Fix:      "add a rule for this role that the user's claims match, or leave CustomRoleArn out",
	})
)

// Reasons that concern Cognito tokens which their identity could no longer get. For
// most a new token is the fix.
var (
	// TokenIdentityGone is also a reason of package stsapi.
	TokenIdentityGone = Refusals.Add(explain.Reason{
		Code:     "identity-of-the-token-gone",
		Check:    "identity of the token",
		Expected: "an identity that exists and is enabled",
		Got:      "one that was deleted or merged",
		Fix:      "call GetId again, and ask for a new token",
	})
	tokenIdentityLinked = Refusals.Add(explain.Reason{
		Code:     "identity-of-the-token-linked",
		Check:    "identity of the token",
		Expected: "a guest, as when the token was issued",
		Got:      "an identity that got a login since then",
		Fix:      newToken,
	})
	tokenGuestsOff = Refusals.Add(explain.Reason{
		Code:     "guest-access-token",
		Check:    "guest access",
		Expected: "AllowUnauthenticatedIdentities of the pool",
		Got:      "the setting is off now, and the token is a guest's",
		Fix:      "send a login of one of the pool's providers, or allow unauthenticated identities",
	})
	tokenAMR = Refusals.Add(explain.Reason{
		Code:     "amr-of-the-token",
		Check:    "amr of the token",
		Expected: "how the identity was proven",
		Got:      "nothing that can be judged",
		Fix:      newToken,
	})
	tokenProviderGone = Refusals.Add(explain.Reason{
		Code:     "provider-of-the-token",
		Check:    "provider of the token",
		Expected: "a provider of the pool",
		Got:      "{provider}, which the pool no longer has",
		Fix:      newToken,
	})
	tokenLoginGone = Refusals.Add(explain.Reason{
		Code:     "logins-of-the-token",
		Check:    "logins of the token",
		Expected: "a login of {provider} that is linked to the identity",
		Got:      "a login that is no longer linked, or belongs to another application",
		Fix:      newToken,
	})
)

// newToken is the fix for most lapsed tokens.
const newToken = "ask for a new token, with a login of the pool's providers that is linked to the identity"

// refused holds the reason of a decision's error, for the trace.
type refused struct{ why *explain.Refusal }

// Unwrap returns the reason.
func (r refused) Unwrap() error {
	if r.why == nil {
		return nil
	}

	return r.why
}

// Link returns a link to a field of the pool, for the advice of a refusal. A pool that
// is not stored yet has the ID "".
func (id PoolID) Link(field string) explain.Link {
	return explain.Link{
		Kind:   explain.LinkPool,
		ID:     string(id),
		Field:  field,
		Source: explain.SourceAPI,
	}
}

// Reasons that concern the classic flow, for GetOpenIdToken and for package stsapi.
var (
	ClassicFlowOff = Refusals.Add(explain.Reason{
		Code:     "classic-flow",
		Check:    "classic flow",
		Expected: "AllowClassicFlow true, or never set",
		Got:      "false",
		Fix:      "call GetCredentialsForIdentity, or set AllowClassicFlow to true",
	})
	ClassicFlowMapped = Refusals.Add(explain.Reason{
		Code:     "classic-flow-role-mappings",
		Check:    "classic flow",
		Expected: "a pool without role mappings",
		Got:      "one that has some",
		Fix:      "call GetCredentialsForIdentity, or remove RoleMappings with SetIdentityPoolRoles",
	})
	ClassicFlowSAML = Refusals.Add(explain.Reason{
		Code:     "classic-flow-saml",
		Check:    "classic flow",
		Expected: "logins that the classic flow supports",
		Got:      "{provider}, a SAML provider",
		Fix:      "call GetCredentialsForIdentity",
	})
)
