package cognitoidentity

import (
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Reasons for which a pool is not made.
var (
	regionLength = Refusals.Add(explain.Reason{
		Code:     "region-length",
		Check:    "region",
		Expected: "a name of at most {limit} characters: it is part of the pool's ID",
		Got:      "{region}",
		Fix:      "sign the call for a region with a shorter name",
	})
	regionForm = Refusals.Add(explain.Reason{
		Code:     "region-form",
		Check:    "region",
		Expected: "a name that begins with a letter, and has only lower-case letters, digits and dashes",
		Got:      "{region}",
		Fix:      "sign the call for a region with another name",
	})

	idChoice = Refusals.Add(explain.Reason{
		Code:     "choice-of-an-id",
		Check:    "choice of an ID",
		Expected: "a call by the server's own account (account_id)",
		Got:      "a call by account {account}",
		Fix:      "let the server choose, or ask its operator to set chosen_ids to all",
	})
	poolIDForm = Refusals.Add(explain.Reason{
		Code:     "pool-id-form",
		Check:    "pool ID",
		Expected: "{region}:GUID, with the GUID in lower case",
		Got:      "an ID of another form or region",
		Fix:      "write the ID as it was issued, and sign the call for the region at its beginning",
	})
	pinnedIDForm = Refusals.Add(explain.Reason{
		Code:     "pool-id-form-of-the-tag",
		Check:    "pool ID",
		Expected: "{region}:GUID in the tag " + identitypool.CustomIDTag + ", or the GUID alone, in lower case",
		Got:      "a value of another form or region",
		Fix: "write the GUID as 8-4-4-4-12 hexadecimal digits in lower case, and sign the call for the region at " +
			"the beginning of the ID; or leave the tag out",
	})
	poolIDTaken = Refusals.Add(explain.Reason{
		Code:     "pool-id-taken",
		Check:    "pool ID",
		Expected: "an ID that no account has now and no other account had before",
		Got:      "an ID that is taken",
		Fix: "choose another ID, or let the server choose: an ID belongs to the first account that had it, even " +
			"after the pool is deleted",
	})
	poolLimit = Refusals.Add(explain.Reason{
		Code:     "pool-limit",
		Check:    "pool limit",
		Expected: "at most {limit} identity pools of this account in this region",
		Got:      "one more",
		Fix:      "delete a pool that is not used any more, or ask the operator to raise limits.pools",
	})
)

// Reasons for which a pool does not get a login provider.
var (
	userPoolMember = Refusals.Add(explain.Reason{
		Code:     "user-pool-provider-member",
		Check:    "user pool provider",
		Expected: "ProviderName and ClientId",
		Got:      "one of them is not there",
		Fix:      "give both in every element of CognitoIdentityProviders",
	})
	userPoolLocal = Refusals.Add(explain.Reason{
		Code:     "user-pool-provider-local",
		Check:    "user pool provider",
		Expected: "{right} or {local}, the names of this user pool",
		Got:      "{name}",
		Fix:      "write {right}",
	})
	userPoolForm = Refusals.Add(explain.Reason{
		Code:     "user-pool-provider-form",
		Check:    "user pool provider",
		Expected: "a name like {example}, or the name of a user pool in the settings",
		Got:      "{name}",
		Fix: "write the user pool's name in this form, without https://; " +
			"list user pools outside AWS in user_pools",
	})
	userPoolRegions = Refusals.Add(explain.Reason{
		Code:     "user-pool-provider-regions",
		Check:    "user pool provider",
		Expected: "one region in the host and in the user pool's ID",
		Got:      "{name}",
		Fix:      "use the ID's region in the host, too: {right}",
	})
	userPoolTwice = Refusals.Add(explain.Reason{
		Code:     "user-pool-provider-twice",
		Check:    "user pool provider",
		Expected: "each user pool with each client once",
		Got:      "{name} with client {client} twice",
		Fix:      "leave one of the two out",
	})
	userPoolLimit = Refusals.Add(explain.Reason{
		Code:     "user-pool-provider-limit",
		Check:    "user pool provider",
		Expected: "at most {limit} user pool clients",
		Got:      "{count}",
		Fix:      "leave out clients that nobody uses, or ask the operator to raise limits.user_pool_providers",
	})

	providerARNForm = Refusals.Add(explain.Reason{
		Code:     "provider-arn-form",
		Check:    "provider ARN",
		Expected: "arn:PARTITION:iam::ACCOUNT:oidc-provider/ISSUER",
		Got:      "{arn}",
		Fix:      "write the ARN that CreateOpenIDConnectProvider returned; SAML providers go into SamlProviderARNs",
	})
	providerARNTwice = Refusals.Add(explain.Reason{
		Code:     "provider-arn-twice",
		Check:    "provider ARN",
		Expected: "each provider once, and one provider for each issuer",
		Got:      "{providers}",
		Fix:      "leave one of the two out: only one provider of an issuer can verify logins",
	})
	samlProviderAccount = Refusals.Add(explain.Reason{
		Code:     "provider-arn-account",
		Check:    "provider ARN",
		Expected: "a SAML provider of account {account}: arn:{partition}:iam::{account}:saml-provider/NAME",
		Got:      "{arn}",
		Fix:      "create the SAML provider in the pool's account with CreateSAMLProvider, and give its ARN",
	})

	loginProviderUnknown = Refusals.Add(explain.Reason{
		Code:     "supported-login-provider",
		Check:    "supported login provider",
		Expected: "{names}",
		Got:      "{name}",
		Fix: "register other issuers with CreateOpenIDConnectProvider and give OpenIdConnectProviderARNs; " +
			"user pools go into CognitoIdentityProviders",
	})

	developerNameChange = Refusals.Add(explain.Reason{
		Code:     "developer-provider-name-change",
		Check:    "developer provider name",
		Expected: "{have}, which the pool has",
		Got:      "another",
		Fix:      "leave DeveloperProviderName out, or create another pool: it cannot be changed once it is set",
	})
	developerNameTaken = Refusals.Add(explain.Reason{
		Code:     "developer-provider-name-taken",
		Check:    "developer provider name",
		Expected: "a name that no login provider has",
		Got:      "{name}, the name of a login provider",
		Fix: "use your own name, such as login.mycompany.myapp: if both had one name, users of the login provider " +
			"could not sign in",
	})
	developerNameShared = Refusals.Add(explain.Reason{
		Code:     "developer-provider-name-shared",
		Check:    "developer provider name",
		Expected: "no login provider with the name {name}, which the developer provider has",
		Got:      "one is in the pool's configuration",
		Fix: "leave the login provider out, or create another pool for it: the developer provider's name " +
			"cannot be changed",
	})
)

// Reasons for which a pool does not get tags.
var (
	poolTagLimit = Refusals.Add(explain.Reason{
		Code:     "pool-tags-limit",
		Check:    "pool tags",
		Expected: "at most {limit} tags",
		Got:      "{count}",
		Fix:      "remove tags with UntagResource first",
	})
	poolTagReserved = Refusals.Add(explain.Reason{
		Code:     "pool-tags-reserved",
		Check:    "pool tags",
		Expected: "keys that do not begin with aws:",
		Got:      "a key that does",
		Fix:      "leave the tag out: only AWS services may set such tags",
	})
	poolTagAlphabet = Refusals.Add(explain.Reason{
		Code:     "pool-tags-alphabet",
		Check:    "pool tags",
		Expected: "letters, digits, white space and _.:/=+-@",
		Got:      "another character",
		Fix:      "leave other characters out of the tags' keys and values",
	})
	poolARNForm = Refusals.Add(explain.Reason{
		Code:     "pool-arn",
		Check:    "pool ARN",
		Expected: "arn:PARTITION:cognito-identity:REGION:ACCOUNT:identitypool/REGION:GUID",
		Got:      "{arn}",
		Fix:      "write the ARN with the partition and the ID that belong to its region",
	})
)

// Reasons for which a provider does not get a map of principal tags, or has no map.
var (
	tagMapSize = Refusals.Add(explain.Reason{
		Code:     "principal-tag-map-size",
		Check:    "principal tag map",
		Expected: "at most {limit} bytes of tag keys and claim names",
		Got:      "{count}",
		Fix:      "map fewer claims, or give the tags shorter keys",
	})
	tagMapKeys = Refusals.Add(explain.Reason{
		Code:     "principal-tag-map-keys",
		Check:    "principal tag map",
		Expected: "tag keys that a session can have together",
		Got:      "{problem}",
		Fix:      "change the keys of PrincipalTags so that they are valid tag keys; the values are names of claims",
	})
	tagMapProvider = Refusals.Add(explain.Reason{
		Code:     "principal-tag-map-provider",
		Check:    "principal tag map",
		Expected: "a provider of the pool: {names}",
		Got:      "{name}",
		Fix: "write the provider as the pool has it, without https://, or add it to the pool with " +
			"UpdateIdentityPool first",
	})
	tagMapClient = Refusals.Add(explain.Reason{
		Code:     "principal-tag-map-client",
		Check:    "principal tag map",
		Expected: "{userpool}, without a client ID",
		Got:      "{name}",
		Fix:      "leave :CLIENT_ID out: a map is for all clients of a user pool, unlike a role mapping",
	})
	tagMapDeveloper = Refusals.Add(explain.Reason{
		Code:     "principal-tag-map-developer",
		Check:    "principal tag map",
		Expected: "a provider whose logins have claims",
		Got:      "{name}, the developer provider",
		Fix:      "pass PrincipalTags to GetOpenIdTokenForDeveloperIdentity for each user",
	})
	tagMapNone = Refusals.Add(explain.Reason{
		Code:     "principal-tag-map-none",
		Check:    "principal tag map",
		Expected: "a map that was set for {name}",
		Got:      "no map was ever set",
		Fix:      "call SetPrincipalTagAttributeMap for this provider first; a map may be empty",
	})
	tagMapNobody = Refusals.Add(explain.Reason{
		Code:     "principal-tag-map-none-provider",
		Check:    "principal tag map",
		Expected: "a provider of the pool: {names}",
		Got:      "{name}, which cannot have a map",
		Fix:      "use the name of a provider as the pool has it; a user pool's name has no :CLIENT_ID here",
	})
)

// Reasons for which a pool does not get roles or role mappings.
var (
	mappingProvider = Refusals.Add(explain.Reason{
		Code:     "role-mapping-provider",
		Check:    "role mapping",
		Expected: "a provider of the pool: {names}",
		Got:      "{name}",
		Fix:      "write the provider as the pool has it, without https://; a user pool with :CLIENT_ID",
	})
	mappingTwice = Refusals.Add(explain.Reason{
		Code:     "role-mapping-twice",
		Check:    "role mapping",
		Expected: "one role mapping for each provider",
		Got:      "another for {issuer}",
		Fix:      "leave one of the two out",
	})
	mappingResolution = Refusals.Add(explain.Reason{
		Code:     "role-mapping-resolution",
		Check:    "role mapping",
		Expected: "AmbiguousRoleResolution",
		Got:      "it is not there",
		Fix:      "add AuthenticatedRole or Deny: this decides if no role or several roles match",
	})
	mappingRulesMissing = Refusals.Add(explain.Reason{
		Code:     "role-mapping-rules-missing",
		Check:    "role mapping",
		Expected: "RulesConfiguration, because the type is Rules",
		Got:      "it is not there",
		Fix:      "add the rules, or use the type Token",
	})
	mappingRulesOfToken = Refusals.Add(explain.Reason{
		Code:     "role-mapping-rules-of-token",
		Check:    "role mapping",
		Expected: "no RulesConfiguration, because the type is Token",
		Got:      "it is there",
		Fix:      "leave the rules out, or use the type Rules",
	})
	mappingRulesLimit = Refusals.Add(explain.Reason{
		Code:     "role-mapping-rules-limit",
		Check:    "role mapping",
		Expected: "at most {limit} rules",
		Got:      "{count} rules",
		Fix:      "merge rules, or ask the operator to raise limits.rules_per_mapping",
	})

	roleForm = Refusals.Add(explain.Reason{
		Code:     "role-form",
		Check:    "role",
		Expected: "the ARN of a role",
		Got:      "{count} bytes of other text",
		Fix:      "write it as {example}",
	})
	roleOfAnother = Refusals.Add(explain.Reason{
		Code:     "role-of-another-account",
		Check:    "role",
		Expected: "a role of the pool's account, {account}",
		Got:      "{arn}",
		Fix:      "name a role of account {account}; roles of other accounts are for the classic flow",
	})
	rolePass = Refusals.Add(explain.Reason{
		Code:     "role-pass",
		Check:    "role",
		Expected: "permission for iam:PassRole on {arn}",
		Got:      "the caller's policies do not give it",
		Fix: "allow iam:PassRole on the role in a policy of the caller's role; the policy of an access key " +
			"cannot be changed: call with another key in place of {key}",
	})
)

// Reasons for which a list is not continued, or identities are not loaded.
var (
	pageTokenForeign = Refusals.Add(explain.Reason{
		Code:     "page-token",
		Check:    "page token",
		Expected: "the NextToken of the previous page of the same list",
		Got:      "another token, or an altered one",
		Fix:      "leave NextToken out to begin with the first page",
	})
	loadPoolMissing = Refusals.Add(explain.Reason{
		Code:     "load-pool",
		Check:    "load",
		Expected: "IdentityPoolId",
		Got:      "it is not there",
		Fix:      "name the pool that the identities belong to",
	})
	loadLimit = Refusals.Add(explain.Reason{
		Code:     "load-limit",
		Check:    "load",
		Expected: "at most {limit} identities in a call",
		Got:      "{count}",
		Fix:      "send the others in further calls",
	})
)

// Checks of the operations on pools, in their order.
var (
	configurationChecks = []explain.Code{
		explain.CodeOf("provider partition"),
		explain.CodeOf("user pool provider"),
		explain.CodeOf("user pool host"),
		explain.CodeOf("provider ARN"),
		explain.CodeOf("supported login provider"),
		explain.CodeOf("developer provider name"),
		explain.CodeOf("pool tags"),
	}
	newPoolChecks = []explain.Code{
		explain.CodeOf("region"),
		explain.CodeOf("choice of an ID"),
		explain.CodeOf("pool ID"),
	}
	createPoolChecks = slices.Concat(newPoolChecks, configurationChecks, []explain.Code{explain.CodeOf("pool limit")})
	updatePoolChecks = slices.Concat([]explain.Code{checkPool}, configurationChecks)
	namedPoolChecks  = []explain.Code{checkPool}
	taggedPoolChecks = []explain.Code{
		explain.CodeOf("pool partition"),
		explain.CodeOf("pool ARN"),
		checkPool,
		explain.CodeOf("pool tags"),
	}
	listedTagsChecks = []explain.Code{
		explain.CodeOf("pool partition"),
		explain.CodeOf("pool ARN"),
		checkPool,
	}
	setTagMapChecks = []explain.Code{
		checkPool,
		explain.CodeOf("provider partition"),
		explain.CodeOf("principal tag map"),
	}
	setRolesChecks = []explain.Code{
		checkPool,
		explain.CodeOf("provider partition"),
		explain.CodeOf("role mapping"),
		explain.CodeOf("role partition"),
		explain.CodeOf("role"),
	}
	listPoolsChecks = []explain.Code{explain.CodeOf("page token")}
	loadChecks      = []explain.Code{
		explain.CodeOf("load"),
		checkPool,
		explain.CodeOf("choice of an ID"),
	}
)

// checkPool checks that the pool exists and belongs to the caller's account.
var checkPool = explain.CodeOf("identity pool")
