package login

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which logins and event tokens are refused.
var Refusals explain.Catalogue

// idTokenChecks are the checks of an ID token in their order.
var idTokenChecks = []explain.Code{
	"token-form", "token-header", "token-type", "signature-algorithm", "key-id",
	"token-claims", "token-issuer", "token-exp", "token-expiry", "token-nbf", "token-iat",
	"token-subject", "token-authorized-party", "token-audience", "token-use", "required-claim",
	"provider-keys", "signing-key", "token-signature",
}

// Checks of the credentials that only the provider's own API can judge.
var (
	facebookChecks = []explain.Code{
		"credential-form", "provider-answer", "token-at-facebook", "token-application", "token-expiry", "token-subject",
	}
	amazonChecks = []explain.Code{
		"credential-form", "provider-answer", "token-at-amazon", "token-application", "token-expiry", "token-subject",
	}
	twitterChecks = []explain.Code{
		"pool-application", "credential-form", "provider-answer", "token-at-x", "account-at-x", "token-subject",
	}
)

// Reasons that concern the form of a token.
var (
	tokenFormSize = Refusals.Add(explain.Reason{
		Code:     "token-form-size",
		Check:    "token form",
		Expected: "at most {limit} bytes (limits.token_bytes)",
		Got:      "{size} bytes",
		Fix: "send an ID token, not another document; if the provider's tokens really are this large, " +
			"raise limits.token_bytes in the settings",
		Message: MessageNotOIDC + " It has {size} bytes; at most {limit} are accepted.",
	})
	tokenFormAPISize = Refusals.Add(explain.Reason{
		Code:     "token-form-api-size",
		Check:    "token form",
		Expected: "at most {limit} bytes, the limit of the API",
		Got:      "{size} bytes",
		Fix:      "have the provider issue smaller tokens, such as with fewer groups; no setting raises this limit",
		Message:  MessageNotOIDC + " It has {size} bytes; at most {limit} are accepted.",
	})
	tokenFormBase64 = Refusals.Add(explain.Reason{
		Code:     "token-form-base64",
		Check:    "token form",
		Expected: "three parts in base64url, as RFC 4648 writes it",
		Got:      "a part with bits after its last byte",
		Fix:      "send the ID token exactly as the provider issued it; something changed its last characters",
		Message:  MessageNotOIDC,
	})
	tokenFormHeader = Refusals.Add(explain.Reason{
		Code:     "token-form-header-size",
		Check:    "token form",
		Expected: "a header of at most {limit} bytes",
		Got:      "{size} bytes",
		Fix:      "send the ID token unchanged; no provider's header is this large",
		Message:  MessageNotOIDC,
	})
	tokenFormJSON = Refusals.Add(explain.Reason{
		Code:     "token-form-json",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "JSON text",
		Fix:      "send the token in compact form; the JSON forms of RFC 7515 are not accepted",
		Message:  MessageNotOIDC,
	})
	tokenFormByte = Refusals.Add(explain.Reason{
		Code:     "token-form-byte",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "a byte that base64url does not have",
		Fix:      "send the ID token itself, without padding, blanks, quotes, a prefix such as Bearer, or line ends",
		Message:  MessageNotOIDC,
	})
	tokenFormEncrypted = Refusals.Add(explain.Reason{
		Code:     "token-form-encrypted",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "five parts, as encrypted tokens (JWE) have",
		Fix:      "have the provider issue signed, unencrypted ID tokens to this client",
		Message:  MessageNotOIDC,
	})
	tokenFormParts = Refusals.Add(explain.Reason{
		Code:     "token-form-parts",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "{parts} parts",
		Fix:      "send the provider's ID token; this looks like an opaque access token or a code",
		Message:  MessageNotOIDC,
	})
	tokenFormUnsigned = Refusals.Add(explain.Reason{
		Code:     "token-form-unsigned",
		Check:    "token form",
		Expected: signedJWT,
		Got:      "an empty part",
		Fix:      "send a signed ID token; unsigned and detached tokens are not accepted",
		Message:  MessageNotOIDC,
	})
)

const signedJWT = "a signed JWT: three base64url parts joined by dots"

// Reasons that concern the header of a token.
var (
	tokenHeader = Refusals.Add(explain.Reason{
		Code:     "token-header",
		Check:    "token header",
		Expected: "a JSON object with unique names",
		Got:      "{problem}",
		Fix:      "send an ID token of the provider; the header of this value is not that of an ID token",
		Message:  MessageNotOIDC,
	})
	tokenHeaderCrit = Refusals.Add(explain.Reason{
		Code:     "token-header-crit",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name} is present",
		Fix:      "have the provider issue plain ID tokens: it demands a header extension that is not supported",
		Message:  MessageNotOIDC,
	})
	tokenHeaderPayload = Refusals.Add(explain.Reason{
		Code:     "token-header-payload",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name} is present",
		Fix:      "have the provider issue tokens with an encoded payload",
		Message:  MessageNotOIDC,
	})
	tokenHeaderKey = Refusals.Add(explain.Reason{
		Code:     "token-header-key",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name} is present",
		Fix:      "have the provider leave {name} out of the header: keys come from its key set only",
		Message:  MessageNotOIDC,
	})
	tokenHeaderEncrypted = Refusals.Add(explain.Reason{
		Code:     "token-header-encrypted",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name} is present",
		Fix:      "have the provider issue signed, unencrypted ID tokens to this client",
		Message:  MessageNotOIDC,
	})
	tokenHeaderCompressed = Refusals.Add(explain.Reason{
		Code:     "token-header-compressed",
		Check:    "token header",
		Expected: "no parameter {name}",
		Got:      "{name} is present",
		Fix:      "have the provider issue uncompressed ID tokens",
		Message:  MessageNotOIDC,
	})
	tokenType = Refusals.Add(explain.Reason{
		Code:     "token-type",
		Check:    "token type",
		Expected: "JWT",
		Got:      "{type}",
		Fix:      "send the ID token; an access, logout or event token of the same issuer is not a login",
		Message:  MessageNotOIDC,
	})
	eventType = Refusals.Add(explain.Reason{
		Code:     "token-type-event",
		Check:    "token type",
		Expected: "{types}",
		Got:      "{type}",
		Fix:      "have the provider send the token that this address is for, with its type in the header",
		Message:  MessageNotOIDC,
	})
	algorithmNotListed = Refusals.Add(explain.Reason{
		Code:     "signature-algorithm",
		Check:    "signature algorithm",
		Expected: "{algorithms}",
		Got:      "{algorithm}",
		Fix: "have the provider sign ID tokens with an accepted algorithm, or add {algorithm} to allowed_algs of the " +
			"provider in oidc_providers of the settings",
		Message: MessageBadSignature,
	})
	algorithmUnsupported = Refusals.Add(explain.Reason{
		Code:     "signature-algorithm-unsupported",
		Check:    "signature algorithm",
		Expected: "{algorithms}",
		Got:      "{algorithm}",
		Fix:      "have the provider sign ID tokens with an accepted algorithm; no setting admits this one",
		Message:  MessageBadSignature,
	})
	keyID = Refusals.Add(explain.Reason{
		Code:     "key-id",
		Check:    "key ID",
		Expected: "a printable string of 1 to 256 bytes",
		Got:      "{id}",
		Fix:      "send the provider's ID token unchanged; no provider issues such a key ID",
		Message:  MessageBadSignature,
	})
)

// Reasons that concern the claims of a token.
var (
	tokenClaims = Refusals.Add(explain.Reason{
		Code:     "token-claims",
		Check:    "token claims",
		Expected: "a JSON object with unique names",
		Got:      "{problem}",
		Fix:      "send an ID token of the provider; the claims of this value are not those of an ID token",
		Message:  MessageNotOIDC,
	})
	eventClaims = Refusals.Add(explain.Reason{
		Code:     "token-claims-event-json",
		Check:    "token claims",
		Expected: "a JSON object with unique names",
		Got:      "{problem}",
		Fix:      "have the provider send a valid token",
		Message:  MessageNotOIDC,
	})
	tokenClaimsEvent = Refusals.Add(explain.Reason{
		Code:     "token-claims-event",
		Check:    "token claims",
		Expected: "an ID token",
		Got:      "a security event token (RFC 8417): it has a claim events",
		Fix: "send the provider's ID token. Logout tokens and security events go to the sign-out receivers and are " +
			"no logins",
		Message: MessageNotOIDC,
	})
	tokenClaimsMissing = Refusals.Add(explain.Reason{
		Code:     "token-claims-missing",
		Check:    "token claims",
		Expected: "a claim {claim}",
		Got:      "none",
		Fix:      "send the provider's ID token; a token without {claim} is not one (access tokens often lack it)",
		Message:  messageMissingClaim + "{claim}",
	})
	tokenIssuer = Refusals.Add(explain.Reason{
		Code:     "token-issuer",
		Check:    "token issuer",
		Expected: "{issuers}",
		Got:      "{issuer}",
		Fix: "put the token under the Logins key of the provider that issued it: its iss without https:// is that " +
			"provider's key",
		Message: MessageIssuerMismatch,
	})
	tokenIssuerForm = Refusals.Add(explain.Reason{
		Code:     "token-issuer-form",
		Check:    "token issuer",
		Expected: "{issuers}",
		Got:      "{issuer}",
		Fix:      "have the provider issue its iss as a string, the URL under which it is registered",
		Message:  MessageIssuerMismatch,
	})
	tokenIssuerPath = Refusals.Add(explain.Reason{
		Code:     "token-issuer-path",
		Check:    "token issuer",
		Expected: "{issuers}",
		Got:      "{issuer}, another issuer on the same host: {difference}",
		Fix: "sign in at the registered issuer (the realm, tenant or user pool is part of it), or put the token " +
			"under the Logins key of the issuer that it names",
		Message: MessageIssuerMismatch,
	})
	tokenIssuerSpelling = Refusals.Add(explain.Reason{
		Code:     "token-issuer-spelling",
		Check:    "token issuer",
		Expected: "{issuers}",
		Got:      "{issuer}, which differs only {difference}",
		Fix: "register the provider under the name that it puts into iss, character by character, or have the " +
			"provider put the registered one there; {where}",
		Message: MessageIssuerMismatch,
	})
	tokenExp = Refusals.Add(explain.Reason{
		Code:     "token-exp",
		Check:    "token exp",
		Expected: "a number of seconds since 1970",
		Got:      "{value}",
		Fix:      "have the provider issue exp as a JSON number",
		Message:  MessageNotOIDC,
	})
	tokenExpiry = Refusals.Add(explain.Reason{
		Code:     "token-expiry",
		Check:    "token expiry",
		Expected: "after {earliest}",
		Got:      "expired at {exp}",
		Fix: "sign in again, or refresh the ID token before using it; if the token is fresh, compare this server's " +
			"clock with the provider's",
		Message: messageExpired + "{now} >= {seconds}",
	})
	tokenNbf = Refusals.Add(explain.Reason{
		Code:     "token-nbf",
		Check:    "token nbf",
		Expected: "a number of seconds since 1970",
		Got:      "{value}",
		Fix:      "have the provider issue nbf as a JSON number",
		Message:  MessageNotOIDC,
	})
	tokenNbfFuture = Refusals.Add(explain.Reason{
		Code:     "token-nbf-future",
		Check:    "token nbf",
		Expected: "at most {latest}",
		Got:      "{at}",
		Fix:      "compare this server's clock with the provider's: the token is from the future",
		Message:  MessageNotOIDC,
	})
	tokenIat = Refusals.Add(explain.Reason{
		Code:     "token-iat",
		Check:    "token iat",
		Expected: "a number of seconds since 1970",
		Got:      "{value}",
		Fix:      "have the provider issue iat as a JSON number",
		Message:  MessageNotOIDC,
	})
	tokenIatFuture = Refusals.Add(explain.Reason{
		Code:     "token-iat-future",
		Check:    "token iat",
		Expected: "at most {latest}",
		Got:      "{at}",
		Fix:      "compare this server's clock with the provider's: the token is from the future",
		Message:  MessageNotOIDC,
	})
	tokenSubject = Refusals.Add(explain.Reason{
		Code:     "token-subject",
		Check:    "token subject",
		Expected: "a string of 1 to 255 bytes without control or invisible characters",
		Got:      "{subject}",
		Fix:      "have the provider issue a plain, stable user ID as sub",
		Message:  MessageNotOIDC,
	})
	tokenAudienceForm = Refusals.Add(explain.Reason{
		Code:     "token-audience-form",
		Check:    "token audience",
		Expected: "a string or a list of strings",
		Got:      "{audience}",
		Fix:      "have the provider issue aud as the client ID or a list of client IDs",
		Message:  MessageNotOIDC,
	})
	tokenAudience = Refusals.Add(explain.Reason{
		Code:     "token-audience",
		Check:    "token audience",
		Expected: "{clients}",
		Got:      "{audience}",
		Fix:      "add this client ID {where}, or sign in with a client that is accepted",
		Message:  "{message}",
	})
	tokenAudienceList = Refusals.Add(explain.Reason{
		Code:     "token-audience-list",
		Check:    "token audience",
		Expected: "{clients}, all of the token's audiences, or azp",
		Got:      "{audience}",
		Fix:      "have the provider issue one audience or azp, or add the other client IDs {where}",
		Message:  "{message}",
	})
	tokenAuthorizedParty = Refusals.Add(explain.Reason{
		Code:     "token-authorized-party",
		Check:    "token authorized party",
		Expected: "{clients}",
		Got:      "{client}",
		Fix:      "add this client ID {where}, or sign in with a client that is accepted",
		Message:  "{message}",
	})
	developmentAudience = Refusals.Add(explain.Reason{
		Code:     "token-audience-development",
		Check:    "token audience",
		Expected: "{clients}",
		Got:      "{audience}",
		Fix:      "make the token with `poolhouse dev token` without --aud, or with --aud {clients}",
		Message:  "{message}",
	})
	developmentParty = Refusals.Add(explain.Reason{
		Code:     "token-authorized-party-development",
		Check:    "token authorized party",
		Expected: "{clients}",
		Got:      "{client}",
		Fix:      "make the token with `poolhouse dev token` without the claim azp, or with --claim azp={clients}",
		Message:  "{message}",
	})
	eventAudience = Refusals.Add(explain.Reason{
		Code:     "token-audience-event",
		Check:    "token audience",
		Expected: "{clients}",
		Got:      "{audience}",
		Fix: "register the token's audience as a client ID of the provider, or have the provider address the token " +
			"to one",
		Message: MessageWrongAudience,
	})
	tokenUse = Refusals.Add(explain.Reason{
		Code:     "token-use",
		Check:    "token use",
		Expected: "{want}",
		Got:      "{got}",
		Fix: "send the token whose claim token_use is {want}; for user pools that is the ID token, not the access " +
			"token",
		Message: MessageNotOIDC,
	})
	requiredClaim = Refusals.Add(explain.Reason{
		Code:     "required-claim",
		Check:    "required claim",
		Expected: "{want}",
		Got:      "{got}",
		Fix:      "send the token whose claim {claim} is {want}",
		Message:  MessageNotOIDC,
	})
)

// Reasons that concern a token's signature.
var (
	providerKeys = Refusals.Add(explain.Reason{
		Code:     "provider-keys",
		Check:    "provider keys",
		Expected: "the keys of {issuer}",
		Got:      "{problem}",
		Fix:      "let this server read the provider's keys: {fix}",
	})
	signingKeyUnknown = Refusals.Add(explain.Reason{
		Code:     "signing-key-unknown",
		Check:    "signing key",
		Expected: "a key that the provider publishes",
		Got:      "key ID {id}",
		Fix: "send a token of the registered provider: its key set has no such key. A key published a moment ago is " +
			"found within {period}",
		Message: MessageBadSignature,
	})
	signingKeyUnfit = Refusals.Add(explain.Reason{
		Code:     "signing-key-unfit",
		Check:    "signing key",
		Expected: "exactly one usable key of the provider for {algorithm}",
		Got:      "none, or several and no key ID in the token",
		Fix: "have the provider publish a usable key for this algorithm (RSA of 2048 to 8192 bits, or the " +
			"algorithm's curve) and name it in the token's header",
		Message: MessageBadSignature,
	})
	tokenSignature = Refusals.Add(explain.Reason{
		Code:     "token-signature",
		Check:    "token signature",
		Expected: "the provider's signature with {algorithm}",
		Got:      "another one",
		Fix:      "send the ID token exactly as the provider issued it: it was changed, or signed by somebody else",
		Message:  MessageBadSignature,
	})
	eventSignature = Refusals.Add(explain.Reason{
		Code:     "token-signature-event",
		Check:    "token signature",
		Expected: "a signature by a key that the provider publishes",
		Got:      "{problem}",
		Fix:      "have the provider sign with a key of its key set, and send the token unchanged",
		Message:  MessageBadSignature,
	})
)

// Reasons that concern credentials that only the provider's own API can judge.
var (
	providerAnswer = Refusals.Add(explain.Reason{
		Code:     "provider-answer",
		Check:    "provider answer",
		Expected: "what {api} says about the credential",
		Got:      "{problem}",
		Fix:      "let this server ask the provider's API: {fix}",
	})
	credentialFormEmpty = Refusals.Add(explain.Reason{
		Code:     "credential-form-empty",
		Check:    "credential form",
		Expected: "{credential}: 1 to {limit} letters, digits and -._~+/=|",
		Got:      "nothing",
		Fix:      "send {credential} as the value of the Logins key",
		Message:  messageNotCredential,
	})
	credentialFormSize = Refusals.Add(explain.Reason{
		Code:     "credential-form-size",
		Check:    "credential form",
		Expected: "{credential}: 1 to {limit} letters, digits and -._~+/=|",
		Got:      "{size} bytes",
		Fix:      "send {credential} as it is; the provider issues none that is this long",
		Message:  messageNotCredential,
	})
	credentialFormByte = Refusals.Add(explain.Reason{
		Code:     "credential-form-byte",
		Check:    "credential form",
		Expected: "{credential}: 1 to {limit} letters, digits and -._~+/=|",
		Got:      "a byte that such a credential does not have",
		Fix:      "send {credential} as it is, without blanks, quotes, a prefix such as Bearer, or line ends",
		Message:  messageNotCredential,
	})
	credentialFormPair = Refusals.Add(explain.Reason{
		Code:     "credential-form-pair",
		Check:    "credential form",
		Expected: "token;secret",
		Got:      "{separators}",
		Fix:      "send the user's OAuth 1.0a access token and its secret, joined by one ; and without blanks",
		Message:  messageNotCredential,
	})
	credentialFormLimitedLogin = Refusals.Add(explain.Reason{
		Code:     "credential-form-limited-login",
		Check:    "credential form",
		Expected: "a Facebook access token",
		Got:      "a signed JWT, as Facebook's Limited Login issues them",
		Fix: "set limited_login for facebook in the settings to accept the ID tokens of Limited Login, or sign in " +
			"with tracking enabled",
		Message: messageNotCredential,
	})
	tokenApplication = Refusals.Add(explain.Reason{
		Code:     "token-application",
		Check:    "token application",
		Expected: "{applications}",
		Got:      "{application}",
		Fix:      "sign in with an application that is accepted, or add this one {where}",
		Message:  MessageUnsupportedProvider,
	})
	tokenLapsed = Refusals.Add(explain.Reason{
		Code:     "token-expiry-provider",
		Check:    "token expiry",
		Expected: "a token that the provider still accepts for a while",
		Got:      "{end}",
		Fix:      "sign in at the provider again",
		Message:  messageTokenExpired,
	})
	tokenAtAmazon = Refusals.Add(explain.Reason{
		Code:     "token-at-amazon",
		Check:    "token at Amazon",
		Expected: "a valid access token",
		Got:      "Amazon's error {error}",
		Fix:      "sign in with Amazon again: the token has expired (they last an hour), was withdrawn, or is not Amazon's",
		Message:  messageNotAccepted,
	})
	tokenAtFacebook = Refusals.Add(explain.Reason{
		Code:     "token-at-facebook",
		Check:    "token at Facebook",
		Expected: "a valid access token of a user",
		Got:      "Facebook's error {error} for {node}",
		Fix: "sign in to Facebook again. Only a user's own access token is a login: not that of an application or a " +
			"page",
		Message: messageNotAccepted,
	})
	tokenAtFacebookInvalid = Refusals.Add(explain.Reason{
		Code:     "token-at-facebook-invalid",
		Check:    "token at Facebook",
		Expected: "is_valid of the answer is true",
		Got:      "false",
		Fix:      "sign in to Facebook again: the token was withdrawn, has expired, or is not a token of Facebook",
		Message:  messageNotAccepted,
	})
	facebookTokenType = Refusals.Add(explain.Reason{
		Code:     "token-type-facebook",
		Check:    "token type",
		Expected: "USER",
		Got:      "{type}",
		Fix:      "send the user's own access token, not that of an application, a page or a system",
		Message:  messageNotAccepted,
	})
	tokenUser = Refusals.Add(explain.Reason{
		Code:     "token-user",
		Check:    "token user",
		Expected: "the same user from debug_token and me",
		Got:      "another one, or none",
		Fix:      "sign in to Facebook again",
		Message:  messageNotAccepted,
	})
	poolApplication = Refusals.Add(explain.Reason{
		Code:     "pool-application",
		Check:    "pool application",
		Expected: "a consumer key and its secret, joined by one ;",
		Got:      "something else",
		Fix: "set the pool's value for {provider} to the application's API key and API key secret, joined by ; " +
			"without blanks",
		Message: MessageUnsupportedProvider,
	})
	tokenAtX = Refusals.Add(explain.Reason{
		Code:     "token-at-x",
		Check:    "token at X",
		Expected: "an access token of the pool's application",
		Got:      "status {status}",
		Fix: "sign in with X again, and check that the pool's consumer key and secret are those of the application " +
			"that the user signed in to",
		Message: messageNotAccepted,
	})
	accountAtX = Refusals.Add(explain.Reason{
		Code:     "account-at-x",
		Check:    "account at X",
		Expected: "an account in good standing",
		Got:      "a suspended one",
		Fix:      "sign in with another account",
		Message:  messageNotAccepted,
	})
)
