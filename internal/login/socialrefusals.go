package login

import (
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
)

// Reasons for credentials that only the provider's own API can judge.
var (
	providerAnswer = Refusals.Add(explain.Reason{
		Code:     "provider-answer",
		Check:    "provider answer",
		Expected: "an answer of {api} about the credential",
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
	credentialFormText = Refusals.Add(explain.Reason{
		Code:     "credential-form-text",
		Check:    "credential form",
		Expected: "{credential}: 1 to {limit} letters, digits and -._~+/=|",
		Got:      "{got}",
		Fix:      "send {credential} as it came, without blanks, quotes, a prefix such as Bearer, or line ends",
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
		Fix:      "sign in with an application that is accepted, or {accept}",
		Message:  MessageUnsupportedProvider,
	})
	tokenLapsed = Refusals.Add(explain.Reason{
		Code:     "token-expiry-provider",
		Check:    "token expiry",
		Expected: "a token that the provider still accepts for a while",
		Got:      "{end}",
		Fix:      "sign in at the provider again",
		Message:  idtoken.MessageTokenExpired,
	})
	tokenAtAmazon = Refusals.Add(explain.Reason{
		Code:     "token-at-amazon",
		Check:    "token at Amazon",
		Expected: "a valid access token",
		Got:      "Amazon's error {error}",
		Fix: "sign in with Amazon again: the token has expired (they last an hour), was withdrawn, or is not " +
			"Amazon's",
		Message: idtoken.MessageNotAccepted,
	})
	tokenAtFacebook = Refusals.Add(explain.Reason{
		Code:     "token-at-facebook",
		Check:    "token at Facebook",
		Expected: "a valid access token of a user",
		Got:      "Facebook's error {error} for {node}",
		Fix: "sign in to Facebook again. Only a user's own access token is a login, not the token of an " +
			"application or a page",
		Message: idtoken.MessageNotAccepted,
	})
	tokenAtFacebookInvalid = Refusals.Add(explain.Reason{
		Code:     "token-at-facebook-invalid",
		Check:    "token at Facebook",
		Expected: "is_valid true in the response",
		Got:      "false",
		Fix:      "sign in to Facebook again: the token was withdrawn, has expired, or is not a token of Facebook",
		Message:  idtoken.MessageNotAccepted,
	})
	facebookTokenType = Refusals.Add(explain.Reason{
		Code:     "token-type-facebook",
		Check:    "token type",
		Expected: "USER",
		Got:      "{type}",
		Fix:      "send the user's own access token, not the token of an application, a page or a system",
		Message:  idtoken.MessageNotAccepted,
	})
	tokenUser = Refusals.Add(explain.Reason{
		Code:     "token-user",
		Check:    "token user",
		Expected: "the same user from debug_token and me",
		Got:      "another one, or none",
		Fix:      "sign in to Facebook again",
		Message:  idtoken.MessageNotAccepted,
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
		Fix: "sign in with X again, and check that the pool's consumer key and secret belong to the application " +
			"that the user signed in to",
		Message: idtoken.MessageNotAccepted,
	})
	accountAtX = Refusals.Add(explain.Reason{
		Code:     "account-at-x",
		Check:    "account at X",
		Expected: "an account in good standing",
		Got:      "a suspended one",
		Fix:      "sign in with another account",
		Message:  idtoken.MessageNotAccepted,
	})
)
