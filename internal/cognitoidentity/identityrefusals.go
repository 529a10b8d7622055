package cognitoidentity

import (
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Reasons about the pools and identities that a call names.
var (
	poolUnknown = Refusals.Add(explain.Reason{
		Code:     "identity-pool",
		Check:    "identity pool",
		Expected: "a pool that exists, in the account and region of the call",
		Got:      "none with this ID",
		Fix: "check the pool's ID, and the keys that the call is signed with; ListIdentityPools lists the pools " +
			"that they can use",
	})
	poolRegion = Refusals.Add(explain.Reason{
		Code:     "identity-pool-region",
		Check:    "identity pool",
		Expected: "a pool of the region {signed}, which the call was signed for",
		Got:      "an ID of {region}, in a call that was signed for {signed}",
		Fix:      "sign for {region}: set the client's region, or AWS_REGION, to {region}; or correct the pool's ID",
	})
	poolUnknownPublic = Refusals.Add(explain.Reason{
		Code:     "identity-pool-public",
		Check:    "identity pool",
		Expected: "a pool that exists on this server",
		Got:      "none with this ID",
		Fix: "correct the pool's ID, or the endpoint, in the application: ListIdentityPools and " +
			"poolhouse export show the IDs; the pool may have been deleted",
	})
	poolDeleted = Refusals.Add(explain.Reason{
		Code:     "identity-pool-deleted",
		Check:    "identity pool",
		Expected: "a pool that exists",
		Got:      "one that was deleted during the call",
		Fix:      "use another pool",
	})
	identityRegion = Refusals.Add(explain.Reason{
		Code:     "identity-region",
		Check:    "identity",
		Expected: "an identity of the region {signed}, which the call was signed for",
		Got:      "an ID of {region}, in a call that was signed for {signed}",
		Fix: "sign for {region}: set the client's region, or AWS_REGION, to {region}; " +
			"or correct the identity ID",
	})
	identityUnknownSigned = Refusals.Add(explain.Reason{
		Code:     "identity-unknown-signed",
		Check:    "identity",
		Expected: "an identity that exists, in the account, region and pool of the call",
		Got:      "none with this ID",
		Fix: "check the identity ID, the pool ID if the call has one, and the keys that the call is signed with; " +
			"ListIdentities lists the identities of a pool",
	})
	identityUnknown = Refusals.Add(explain.Reason{
		Code:     "identity-unknown",
		Check:    "identity",
		Expected: "an identity that exists on this server",
		Got:      "none with this ID",
		Fix: "delete the identity ID that the client stored (browsers keep it in the site's storage) and call " +
			"GetId: the identity or its pool was deleted, the ID belongs to another server, or it is from a " +
			"`poolhouse dev` that kept nothing or was reset",
	})
	guestsOff = Refusals.Add(explain.Reason{
		Code:     "guest-access",
		Check:    "guest access",
		Expected: "AllowUnauthenticatedIdentities of the pool",
		Got:      "the setting is off, and there are no Logins",
		Fix:      "send a login of one of the pool's providers, or allow unauthenticated identities",
	})
	guestsOffDeveloper = Refusals.Add(explain.Reason{
		Code:     "guest-access-developer",
		Check:    "guest access",
		Expected: "AllowUnauthenticatedIdentities of the pool",
		Got:      "the setting is off, there are no Logins, and {provider} is the pool's only login provider",
		Fix: "call GetOpenIdTokenForDeveloperIdentity from your server, signed, and send its token, " +
			"or allow unauthenticated identities",
	})
	guestsOffNoProviders = Refusals.Add(explain.Reason{
		Code:     "guest-access-only",
		Check:    "guest access",
		Expected: "AllowUnauthenticatedIdentities of the pool",
		Got:      "the setting is off, there are no Logins, and the pool has no login providers",
		Fix:      "allow unauthenticated identities, or add a login provider to the pool and send its logins",
	})
	pageTokenOld = Refusals.Add(explain.Reason{
		Code:     "page-token-old",
		Check:    "page token",
		Expected: "a NextToken of this version",
		Got:      "one without a position in the list",
		Fix:      "start again without NextToken",
	})
	publicOnly = Refusals.Add(explain.Reason{
		Code:     "logins-to-remove",
		Check:    "logins to remove",
		Expected: "public login providers",
		Got:      "{provider}, the pool's developer provider",
		Fix:      "call UnlinkDeveloperIdentity from your server, signed",
	})
)

// Reasons about flows, and about Cognito tokens as logins.
var (
	classicOffMapped = Refusals.Add(explain.Reason{
		Code:     "classic-flow-closed",
		Check:    "classic flow",
		Expected: "AllowClassicFlow true, or never set, and no role mappings",
		Got:      "false, and a pool with role mappings",
		Fix:      "call GetCredentialsForIdentity; the role mappings close this flow even if AllowClassicFlow is true",
	})
	cognitoTokenAlone = Refusals.Add(explain.Reason{
		Code:     "logins-own-token",
		Check:    "logins",
		Expected: "the token of GetOpenIdTokenForDeveloperIdentity alone",
		Got:      "other logins in addition to it",
		Fix:      "link the other logins with GetOpenIdTokenForDeveloperIdentity first",
	})
	cognitoTokenExpired = Refusals.Add(explain.Reason{
		Code:     "own-token-expired",
		Check:    "own token",
		Expected: "an unexpired token",
		Got:      "one that expired at {time}",
		Fix:      "call GetOpenIdTokenForDeveloperIdentity again",
	})
	cognitoTokenRetired = Refusals.Add(explain.Reason{
		Code:     "own-token-key",
		Check:    "own token",
		Expected: "a token whose signing key is in use",
		Got:      "one whose signing key was retired",
		Fix:      "call GetOpenIdTokenForDeveloperIdentity again",
	})
	cognitoTokenForeign = Refusals.Add(explain.Reason{
		Code:     "own-token-signature",
		Check:    "own token",
		Expected: "a token that this server signed",
		Got:      "another one",
		Fix:      "pass the token of GetOpenIdTokenForDeveloperIdentity under {service}",
	})
	cognitoTokenOther = Refusals.Add(explain.Reason{
		Code:     "own-token-identity",
		Check:    "own token",
		Expected: "a token for this identity",
		Got:      "a token for another identity",
		Fix:      "use the identity ID that came with the token",
	})
	cognitoTokenPredecessor = Refusals.Add(explain.Reason{
		Code:     "own-token-predecessor",
		Check:    "own token",
		Expected: "a token for this identity",
		Got:      "a token for the identity that had the ID before it was deleted",
		Fix:      "call GetOpenIdTokenForDeveloperIdentity again",
	})
	cognitoTokenNoDeveloper = Refusals.Add(explain.Reason{
		Code:     "own-token-developer",
		Check:    "own token",
		Expected: "a developer user that is linked to the identity",
		Got:      "a token that belongs to none",
		Fix:      "pass the token of GetOpenIdTokenForDeveloperIdentity",
	})
	cognitoTokenEntity = Refusals.Add(explain.Reason{
		Code:     "provider-of-the-token-entity",
		Check:    "provider of the token",
		Expected: "the identity provider of the login",
		Got:      "{provider}, which is a different identity provider now",
		Fix:      "sign in again, and ask for a new token",
	})
)

// Reasons about the calls of developers' backends.
var (
	developerNone = Refusals.Add(explain.Reason{
		Code:     "developer-provider-unset",
		Check:    "developer provider",
		Expected: "a pool with a DeveloperProviderName",
		Got:      "a pool without any",
		Fix:      "set DeveloperProviderName with UpdateIdentityPool",
	})
	developerMissing = Refusals.Add(explain.Reason{
		Code:     "developer-provider-missing",
		Check:    "developer provider",
		Expected: "Logins with the key {provider}",
		Got:      "none",
		Fix:      "use {provider} as the key, and the user's identifier as the value",
	})
	developerOther = Refusals.Add(explain.Reason{
		Code:     "developer-provider-name",
		Check:    "developer provider",
		Expected: "the pool's DeveloperProviderName, {provider}",
		Got:      "{name}",
		Fix:      "write {provider}",
	})
	developerUserLong = Refusals.Add(explain.Reason{
		Code:     "developer-user-identifier-size",
		Check:    "developer user identifier",
		Expected: "at most {limit} characters",
		Got:      "{size} characters",
		Fix:      "use a shorter, unique identifier, such as a hash of the long one",
	})
	developerUserOther = Refusals.Add(explain.Reason{
		Code:     "developer-user-identifier-identity",
		Check:    "developer user identifier",
		Expected: "an identifier that belongs to the identity in IdentityId",
		Got:      "one that belongs to another identity",
		Fix: "call LookupDeveloperIdentity with only DeveloperUserIdentifier to find its identity, and send " +
			"that IdentityId",
	})
	lookupEmpty = Refusals.Add(explain.Reason{
		Code:     "lookup-key",
		Check:    "lookup key",
		Expected: "IdentityId, DeveloperUserIdentifier, or both",
		Got:      "neither",
		Fix:      "send one of the two",
	})
	sessionTagsBad = Refusals.Add(explain.Reason{
		Code:     "principal-tags-call",
		Check:    "principal tags",
		Expected: "tags that STS accepts",
		Got:      "{problem}",
		Fix:      "change PrincipalTags, or leave them out",
	})
)

// reasonOf returns the reason that an error of another package carries, if any.
func reasonOf(err error) *explain.Refusal {
	why, _ := errors.AsType[*explain.Refusal](err)
	return why
}
