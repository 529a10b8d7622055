package idtoken

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons that concern the claims of a token.
var (
	tokenClaims = Refusals.Add(explain.Reason{
		Code:     "token-claims",
		Check:    "token claims",
		Expected: "a JSON object with unique names",
		Got:      "{problem}",
		Fix:      "send an ID token of the provider; this value does not have the claims of an ID token",
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
		Got:      "a security event token (RFC 8417), which has a claim events",
		Fix: "send the provider's ID token. Logout tokens and security events go to the sign-out receivers; they " +
			"are not logins",
		Message: MessageNotOIDC,
	})
	tokenClaimsMissing = Refusals.Add(explain.Reason{
		Code:     "token-claims-missing",
		Check:    "token claims",
		Expected: "a claim {claim}",
		Got:      "none",
		Fix:      "send the provider's ID token; every ID token has {claim} (access tokens often lack it)",
		Message:  messageMissingClaim + "{claim}",
	})
	tokenIssuer = Refusals.Add(explain.Reason{
		Code:     "token-issuer",
		Check:    "token issuer",
		Expected: "{issuers}",
		Got:      "{issuer}",
		Fix: "put the token under the Logins key of the provider that issued it: the key is the token's iss " +
			"without https://",
		Message: MessageIssuerMismatch,
	})
	tokenIssuerForm = Refusals.Add(explain.Reason{
		Code:     "token-issuer-form",
		Check:    "token issuer",
		Expected: "{issuers}",
		Got:      "{issuer}",
		Fix:      "have the provider issue iss as a string: the URL that it is registered with",
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
		Fix: "register the provider exactly as it writes its iss, or have the provider write iss as it is " +
			"registered; {where}",
		Message: MessageIssuerMismatch,
	})
	tokenTime = Refusals.Add(explain.Reason{
		Code:     "token-times-form",
		Check:    "token times",
		Expected: "{claim} as a number of seconds since 1970",
		Got:      "{value}",
		Fix:      "have the provider issue {claim} as a JSON number",
		Message:  MessageNotOIDC,
	})
	tokenFuture = Refusals.Add(explain.Reason{
		Code:     "token-times-future",
		Check:    "token times",
		Expected: "{claim} of at most {latest}",
		Got:      "{at}",
		Fix:      "compare this server's clock with the provider's: the token is from the future",
		Message:  MessageNotOIDC,
	})
	tokenExpiry = Refusals.Add(explain.Reason{
		Code:     "token-expiry",
		Check:    "token expiry",
		Expected: "after {earliest}",
		Got:      "expired at {exp}",
		Fix: "sign in again, or refresh the ID token before using it; if the token is fresh, compare this server's " +
			"clock with the provider's",
		Message: MessageExpired + "{now} >= {seconds}",
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
		Fix:      "sign in with a client that is accepted, or {accept}",
		Message:  "{message}",
	})
	tokenAudienceList = Refusals.Add(explain.Reason{
		Code:     "token-audience-list",
		Check:    "token audience",
		Expected: "{clients}, all of the token's audiences, or azp",
		Got:      "{audience}",
		Fix:      "have the provider issue one audience or azp, or {accept}",
		Message:  "{message}",
	})
	tokenAuthorizedParty = Refusals.Add(explain.Reason{
		Code:     "token-authorized-party",
		Check:    "token authorized party",
		Expected: "{clients}",
		Got:      "{client}",
		Fix:      "sign in with a client that is accepted, or {accept}",
		Message:  "{message}",
	})
	developmentAudience = Refusals.Add(explain.Reason{
		Code:     "token-audience-development",
		Check:    "token audience",
		Expected: "{clients}",
		Got:      "{audience}",
		Fix: "list the client under Clients in a seed if an app signed in with it; of `poolhouse dev token` leave " +
			"out --aud, or set --aud {clients}",
		Message: "{message}",
	})
	developmentParty = Refusals.Add(explain.Reason{
		Code:     "token-authorized-party-development",
		Check:    "token authorized party",
		Expected: "{clients}",
		Got:      "{client}",
		Fix: "list the client under Clients in a seed if an app signed in with it; of `poolhouse dev token` leave " +
			"out the claim azp, or set --claim azp={clients}",
		Message: "{message}",
	})
	eventAudience = Refusals.Add(explain.Reason{
		Code:     "token-audience-event",
		Check:    "token audience",
		Expected: "{clients}",
		Got:      "{audience}",
		Fix: "register the token's audience as a client ID of the provider, or have the provider issue the token " +
			"for a registered client ID",
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
		Fix:      "send the token with the claim {claim} set to {want}",
		Message:  MessageNotOIDC,
	})
)
