package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about access and refresh tokens.
var (
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
	revokeKind = Refusals.Add(explain.Reason{
		Code:     "revocable-token",
		Check:    "revocable token",
		Expected: "a refresh token",
		Got:      "a JSON Web Token",
		Fix:      "send RefreshToken of the sign-in",
	})
)

// tokenMessages lists the texts of refused calls about access and refresh tokens.
var tokenMessages = []explain.Message{
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid Access Token",
		Reasons: []explain.Code{"user-access-token"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Access Token has expired",
		Reasons: []explain.Code{"user-access-token-expired"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Access Token has been revoked",
		Reasons: []explain.Code{"user-access-token-revoked"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Access Token does not have required scopes",
		Reasons: []explain.Code{"user-access-token-scope"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid Refresh Token",
		Reasons: []explain.Code{"user-refresh-token"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Refresh Token has expired",
		Reasons: []explain.Code{"user-refresh-token-expired"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Refresh Token has been revoked",
		Reasons: []explain.Code{"user-refresh-token-revoked"},
	},
	{
		Code:    "RefreshTokenReuseException",
		Text:    "Refresh Token has been rotated",
		Reasons: []explain.Code{"user-refresh-token-rotated"},
	},
	{
		Code:    "UnsupportedOperationException",
		Text:    "Refresh token rotation is enabled for this client: use GetTokensFromRefreshToken.",
		Reasons: []explain.Code{"refresh-flow"},
	},
	{
		Code:    "UnsupportedTokenTypeException",
		Text:    "Unsupported token type.",
		Reasons: []explain.Code{"revocable-token"},
	},
}
