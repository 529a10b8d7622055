package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about codes, tokens and the user's own data.
var (
	writableAttribute = Refusals.Add(explain.Reason{
		Code:     "writable-attribute",
		Check:    "writable attribute",
		Expected: "an attribute that the app client may write",
		Got:      "{name}",
		Fix:      "add it to WriteAttributes of the app client; only administrators set whether an address is verified",
	})
	signUpClosed = Refusals.Add(explain.Reason{
		Code:     "sign-up-open",
		Check:    "sign-up open",
		Expected: "a pool in which users sign themselves up",
		Got:      "one with AllowAdminCreateUserOnly",
		Fix:      "create the user with AdminCreateUser, or change AdminCreateUserConfig",
	})
	signUpName = Refusals.Add(explain.Reason{
		Code:     "sign-up-preferred-name",
		Check:    "sign-up preferred name",
		Expected: "no preferred_username before the sign-up is confirmed, because the pool has it as an alias",
		Got:      "one",
		Fix:      "set it with UpdateUserAttributes after the first sign-in",
	})
	signUpConfirmed = Refusals.Add(explain.Reason{
		Code:     "sign-up-status",
		Check:    "sign-up status",
		Expected: "a user with the status UNCONFIRMED",
		Got:      "one with {status}",
		Fix:      "sign the user in",
	})
	codeWrong = Refusals.Add(explain.Reason{
		Code:     "code-value",
		Check:    "code value",
		Expected: "the newest code for the purpose",
		Got:      "another one",
		Fix:      "use the code from the terminal or the page of the server; dev.user_pool_code sets one for all",
	})
	codeExpired = Refusals.Add(explain.Reason{
		Code:     "code-in-force",
		Check:    "code in force",
		Expected: "a code that was requested, and not used or expired",
		Got:      "none",
		Fix:      "request another: sign-up codes last a day, codes for passwords an hour",
	})
	codeAttempts = Refusals.Add(explain.Reason{
		Code:     "code-attempts",
		Check:    "code attempts",
		Expected: "at most five wrong codes an hour",
		Got:      "one more",
		Fix:      "wait for an hour; an administrator can confirm the user or set the password at once",
	})
	codeAddress = Refusals.Add(explain.Reason{
		Code:     "code-address",
		Check:    "code address",
		Expected: "an address of the user that the pool can send a code to",
		Got:      "none",
		Fix:      "set AutoVerifiedAttributes of the pool, and the address of the user",
	})
	recoveryAddress = Refusals.Add(explain.Reason{
		Code:     "recovery-address",
		Check:    "recovery address",
		Expected: "a verified e-mail address or telephone number of the user",
		Got:      "none",
		Fix:      "verify the address, or set the password with AdminSetUserPassword",
	})
	passwordResettable = Refusals.Add(explain.Reason{
		Code:     "password-reset-by-the-user",
		Check:    "password reset by the user",
		Expected: "a user who has set a password",
		Got:      "one with a temporary password",
		Fix:      "sign in with the temporary password, or set another with AdminSetUserPassword",
	})
	passwordByAdmin = Refusals.Add(explain.Reason{
		Code:     "password-reset-by-the-user-closed",
		Check:    "password reset by the user",
		Expected: "AccountRecoverySetting of the pool with an address",
		Got:      "admin_only",
		Fix:      "set the password with AdminSetUserPassword",
	})
	addressAttribute = Refusals.Add(explain.Reason{
		Code:     "address-attribute",
		Check:    "address attribute",
		Expected: "email or phone_number",
		Got:      "{name}",
		Fix:      "correct AttributeName",
	})
	accessTokenInvalid = Refusals.Add(explain.Reason{
		Code:     "user-access-token",
		Check:    "user access token",
		Expected: "an access token that a user pool of this server has signed",
		Got:      "something else",
		Fix: "send AccessToken of the sign-in and not the ID token; tokens of another server, or of another issuer" +
			" setting, are not valid",
	})
	accessTokenExpired = Refusals.Add(explain.Reason{
		Code:     "user-access-token-expired",
		Check:    "user access token",
		Expected: "one that has not expired",
		Got:      "an expired one",
		Fix:      "refresh the tokens",
	})
	accessTokenRevoked = Refusals.Add(explain.Reason{
		Code:     "user-access-token-revoked",
		Check:    "user access token",
		Expected: "one that was not revoked",
		Got:      "one whose user has signed out, or whose refresh token was revoked",
		Fix:      "sign in again",
	})
	accessTokenScopes = Refusals.Add(explain.Reason{
		Code:     "user-access-token-scope",
		Check:    "user access token",
		Expected: "one with the scope aws.cognito.signin.user.admin",
		Got:      "one without it",
		Fix:      "use the access token of InitiateAuth",
	})
	refreshTokenUnknown = Refusals.Add(explain.Reason{
		Code:     "user-refresh-token",
		Check:    "user refresh token",
		Expected: "a refresh token of this app client",
		Got:      "another value",
		Fix:      "sign in again; tokens of users who signed out everywhere or were deleted are gone",
	})
	refreshTokenExpired = Refusals.Add(explain.Reason{
		Code:     "user-refresh-token-expired",
		Check:    "user refresh token",
		Expected: "one within RefreshTokenValidity of the app client",
		Got:      "an older one",
		Fix:      "sign in again",
	})
	refreshTokenRevoked = Refusals.Add(explain.Reason{
		Code:     "user-refresh-token-revoked",
		Check:    "user refresh token",
		Expected: "one that was not revoked",
		Got:      "one that was",
		Fix:      "sign in again",
	})
	refreshTokenReplaced = Refusals.Add(explain.Reason{
		Code:     "user-refresh-token-rotated",
		Check:    "user refresh token",
		Expected: "the newest refresh token of the session",
		Got:      "one that was replaced, after RetryGracePeriodSeconds",
		Fix:      "keep the refresh token of each answer",
	})
	refreshRotation = Refusals.Add(explain.Reason{
		Code:     "refresh-flow",
		Check:    "refresh flow",
		Expected: "GetTokensFromRefreshToken, because the app client rotates refresh tokens",
		Got:      "REFRESH_TOKEN_AUTH",
		Fix:      "call GetTokensFromRefreshToken, or switch RefreshTokenRotation off",
	})
	revokeClient = Refusals.Add(explain.Reason{
		Code:     "revoking-client",
		Check:    "revoking client",
		Expected: "an app client of this server, with its secret if it has one",
		Got:      "something else",
		Fix:      "correct ClientId and ClientSecret",
	})
	revokeSetting = Refusals.Add(explain.Reason{
		Code:     "token-revocation",
		Check:    "token revocation",
		Expected: "EnableTokenRevocation of the app client",
		Got:      "the setting is off",
		Fix:      "switch it on with UpdateUserPoolClient",
	})
	revokeKind = Refusals.Add(explain.Reason{
		Code:     "revocable-token",
		Check:    "revocable token",
		Expected: "a refresh token",
		Got:      "a JSON Web Token",
		Fix:      "send RefreshToken of the sign-in",
	})
)
