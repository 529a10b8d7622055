package provider

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which this package refuses logins and ARNs.
var Refusals explain.Catalogue

// Reasons about Logins keys, compared with the pool's providers and the token's issuer.
var (
	providerCognitoToken = Refusals.Add(explain.Reason{
		Code:     "login-provider-own-token",
		Check:    "login provider",
		Expected: "a public login provider",
		Got:      "{provider}",
		Fix:      "pass a token that Poolhouse issued to GetCredentialsForIdentity, as the only login",
	})
	providerDeveloper = Refusals.Add(explain.Reason{
		Code:     "login-provider-developer",
		Check:    "login provider",
		Expected: "a public login provider",
		Got:      "{provider}, the pool's developer provider",
		Fix: "call GetOpenIdTokenForDeveloperIdentity from your server, signed, and pass its token " +
			"under {service}",
	})
	providersNone = Refusals.Add(explain.Reason{
		Code:     "login-provider-none",
		Check:    "login provider",
		Expected: "a login provider of the pool",
		Got:      "a pool without any",
		Fix:      "add the provider {key} to {field} of the identity pool",
	})
	providerUnknown = Refusals.Add(explain.Reason{
		Code:     "login-provider",
		Check:    "login provider",
		Expected: "{providers}",
		Got:      "{key}",
		Fix:      "add the provider to {field} of the identity pool, or sign in through a provider of the pool",
	})
	providerNear = Refusals.Add(explain.Reason{
		Code:     "login-provider-spelling",
		Check:    "login provider",
		Expected: "{provider}",
		Got:      "{key}: the key {difference}",
		Fix:      "the key {difference}; write {provider}",
	})
	providerTwoNames = Refusals.Add(explain.Reason{
		Code:     "login-provider-two-names",
		Check:    "login provider",
		Expected: "{provider}",
		Got:      "{key}, which is also the issuer of the token; it {difference}",
		Fix: "sign in at the identity provider under the address that the pool has, {provider}, " +
			"or add {key} to the pool as another provider",
	})
	providerHidden = Refusals.Add(explain.Reason{
		Code:     "login-provider-form",
		Check:    "login provider",
		Expected: "{providers}",
		Got:      "{key}",
		Fix:      "use the name of one of the pool's providers as the key in Logins",
	})
	providerSwapped = Refusals.Add(explain.Reason{
		Code:     "login-provider-swapped",
		Check:    "login provider",
		Expected: "the provider's name as the key, and its token as the value",
		Got:      "a key of {size} bytes, with the value {value}",
		Fix:      "swap the two: {value} is the key, and the token is the value",
	})
	providerUnverifiable = Refusals.Add(explain.Reason{
		Code:     "login-provider-unsupported",
		Check:    "login provider",
		Expected: "a provider whose logins this version can verify",
		Got:      "{provider}",
		Fix:      "sign in through another provider of the pool",
	})
	providerEnded = Refusals.Add(explain.Reason{
		Code:     "login-provider-ended",
		Check:    "login provider",
		Expected: "a provider whose logins can be verified",
		Got:      "{provider}",
		Fix: "the Digits service ended in 2017: sign these users in through another provider, or set " +
			"base_url for digits in the settings to a service that answers like X's API",
	})
	userPoolMissing = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-user-pool",
		Check:    "OpenID Connect provider",
		Expected: "a user pool that this server has",
		Got:      "{name}; this server has no user pool {id}, or no longer",
		Fix: "create the user pool on this server, with the ID in the tag _custom_id_ if it must stay the same, and " +
			"have its ID in the identity pool and in the app; then sign in again",
	})
	providerConsumerKey = Refusals.Add(explain.Reason{
		Code:     "login-provider-consumer-key",
		Check:    "login provider",
		Expected: "the pool's value for {provider} as a consumer key and its secret, joined by one ;",
		Got:      "something else",
		Fix:      "set the value to the API key and the API key secret of the application, joined by one ;",
	})
	oidcUnregistered = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-registration",
		Check:    "OpenID Connect provider",
		Expected: "a registered provider",
		Got:      "{arn}, which is not registered",
		Fix: "call CreateOpenIDConnectProvider with the URL https://{issuer}, " +
			"or add it to oidc_providers in the settings",
	})
	samlUnregistered = Refusals.Add(explain.Reason{
		Code:     "saml-provider-registration",
		Check:    "SAML provider",
		Expected: "a registered provider",
		Got:      "{arn}, which is not registered",
		Fix: "call CreateSAMLProvider with the identity provider's metadata, " +
			"or add it to saml_providers in the settings",
	})
	tokenUnreadable = Refusals.Add(explain.Reason{
		Code:     "token-form-key",
		Check:    "token form",
		Expected: "a signed ID token of {key}",
		Got:      "a value that is not one",
		Fix:      "send the provider's ID token exactly as it came, as the value of its key in Logins",
	})
	tokenUnreadableNear = Refusals.Add(explain.Reason{
		Code:     "token-form-spelling",
		Check:    "token form",
		Expected: "{provider}, or a signed ID token",
		Got:      "a value that is not an ID token, under {key}: the key {difference}",
		Fix:      "the key {difference}; write {provider}",
	})
	issuerMissing = Refusals.Add(explain.Reason{
		Code:     "token-claims-issuer",
		Check:    "token claims",
		Expected: "a claim iss",
		Got:      "none",
		Fix:      "send the provider's ID token: every ID token has iss",
	})
	issuerOfPool = Refusals.Add(explain.Reason{
		Code:     "token-issuer-key",
		Check:    "token issuer",
		Expected: "{named}",
		Got:      "{issuer}",
		Fix:      "the key {difference}; write {provider}",
	})
	issuerNear = Refusals.Add(explain.Reason{
		Code:     "token-issuer-names",
		Check:    "token issuer",
		Expected: "{expected}, of the pool's provider {provider}",
		Got:      "{issuer}: it {difference}",
		Fix: "have the identity provider issue tokens as {expected}, and write {provider} as the key " +
			"in Logins; or use a separate issuer for the pool's provider",
	})
	issuerElsewhere = Refusals.Add(explain.Reason{
		Code:     "token-issuer-pool",
		Check:    "token issuer",
		Expected: "{named}",
		Got:      "{issuer}",
		Fix: "send a token of one of the pool's providers under its own key ({providers}); " +
			"the pool does not have the token's issuer",
	})
	issuerNoProviders = Refusals.Add(explain.Reason{
		Code:     "token-issuer-no-providers",
		Check:    "token issuer",
		Expected: "{named}",
		Got:      "{issuer}",
		Fix: "write the token's issuer without its scheme as the key in Logins, " +
			"and add that provider to the identity pool, which has none",
	})
	loginTwice = Refusals.Add(explain.Reason{
		Code:     "login-provider-twice",
		Check:    "login provider",
		Expected: "each provider once",
		Got:      "{key}, another name of a provider that is already in Logins",
		Fix:      "send one login of {name}",
	})
)

// Reasons about ARNs of registered providers. The ARN of an OpenID Connect provider contains
// only the issuer's host and path.
var (
	providerARNIssuer = Refusals.Add(explain.Reason{
		Code:     "provider-arn-issuer",
		Check:    "provider ARN",
		Expected: "the issuer's host and path after oidc-provider/, without https://, user, query or fragment",
		Got:      "{arn}",
		Fix:      "write {right}",
	})
	oidcProviderIssuer = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-issuer",
		Check:    "OpenID Connect provider",
		Expected: "an ARN with the issuer's host and path only, such as {right}",
		Got:      "{arn} in the pool; no provider can be registered with this ARN",
		Fix: "replace the ARN in OpenIdConnectProviderARNs of the pool by {right}; the key in Logins is the part " +
			"after oidc-provider/",
	})
	oidcProviderAccount = Refusals.Add(explain.Reason{
		Code:     "openid-connect-provider-account",
		Check:    "OpenID Connect provider",
		Expected: "a provider of the pool's account, {account}",
		Got:      "{arn} of account {other}",
		Fix: "replace it in OpenIdConnectProviderARNs of the pool by the ARN of a provider for {issuer} in account " +
			"{account}; if there is none yet, register one with CreateOpenIDConnectProvider or in oidc_providers " +
			"of the settings",
	})
	providerPartition = Refusals.Add(explain.Reason{
		Code:     "provider-partition",
		Check:    "provider partition",
		Expected: "a provider's ARN in {partition}, the partition of the pool's region",
		Got:      "{arn}",
		Fix:      "write {right}",
	})
)
