package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// authMessages lists the texts of refused calls of users.
var authMessages = []explain.Message{
	{
		Code:    "ResourceNotFoundException",
		Text:    "User pool client {id} does not exist.",
		Reasons: []explain.Code{"user-pool-client"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "App client {client} is not configured for secret but secret hash was received",
		Reasons: []explain.Code{"secret-hash-unexpected"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Client {client} is configured with secret but SECRET_HASH was not received",
		Reasons: []explain.Code{"secret-hash-missing"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Unable to verify secret hash for client {client}",
		Reasons: []explain.Code{"secret-hash"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "SecretHash does not match for the client: {client}",
		Reasons: []explain.Code{"secret-hash-of-the-refresh"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Unable to verify secret for client {client}",
		Reasons: []explain.Code{"client-secret"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "{flow} is not enabled for the client.",
		Reasons: []explain.Code{"auth-flow"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "{flow} flow not enabled for this client",
		Reasons: []explain.Code{"auth-flow"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Auth flow not enabled for this client",
		Reasons: []explain.Code{"auth-flow"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Initiate Auth method not supported.",
		Reasons: []explain.Code{"auth-flow-operation"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Missing required parameter {name}",
		Reasons: []explain.Code{"auth-parameter"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Parameter {name} is too long.",
		Reasons: []explain.Code{"auth-parameter-size"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid SRP_A.",
		Reasons: []explain.Code{"srp-value"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.",
		Reasons: []explain.Code{"timestamp-of-the-proof"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid session for the user.",
		Reasons: []explain.Code{"sign-in-session"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid session for the user, session is expired.",
		Reasons: []explain.Code{"sign-in-session-expired"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Invalid session for the user, session can only be used once.",
		Reasons: []explain.Code{"sign-in-session-used"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Incorrect username or password.",
		Reasons: []explain.Code{"user-and-password"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Password attempts exceeded",
		Reasons: []explain.Code{"password-attempts"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Temporary password has expired and must be reset by an administrator.",
		Reasons: []explain.Code{"temporary-password"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password not long enough",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must not start or end with a space",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have uppercase characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have lowercase characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have numeric characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "InvalidPasswordException",
		Text:    "Password did not conform with policy: Password must have symbol characters",
		Reasons: []explain.Code{"password-policy"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User is disabled.",
		Reasons: []explain.Code{"user-enabled"},
	},
	{
		Code:    "UserNotConfirmedException",
		Text:    "User is not confirmed.",
		Reasons: []explain.Code{"user-confirmed"},
	},
	{
		Code:    "PasswordResetRequiredException",
		Text:    "Password reset required for the user",
		Reasons: []explain.Code{"user-password-reset"},
	},
	{
		Code:    "UserNotFoundException",
		Text:    "User does not exist.",
		Reasons: []explain.Code{"user-of-the-token", "user-of-the-pool"},
	},
	{
		Code:    "UserNotFoundException",
		Text:    "Username/client id combination not found.",
		Reasons: []explain.Code{"user-of-the-pool"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid attributes given, {name} is missing",
		Reasons: []explain.Code{"required-attribute"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "A client attempted to write unauthorized attribute",
		Reasons: []explain.Code{"writable-attribute"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "SignUp is not permitted for this user pool",
		Reasons: []explain.Code{"sign-up-open"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Preferred username cannot be provided for unconfirmed account",
		Reasons: []explain.Code{"sign-up-preferred-name"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User cannot be confirmed. Current status is {status}",
		Reasons: []explain.Code{"sign-up-status"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "User is already confirmed.",
		Reasons: []explain.Code{"sign-up-status"},
	},
	{
		Code:    "AliasExistsException",
		Text:    "An account with the {attribute} already exists.",
		Reasons: []explain.Code{"user-name-alias"},
	},
	{
		Code:    "CodeMismatchException",
		Text:    "Invalid verification code provided, please try again.",
		Reasons: []explain.Code{"code-value"},
	},
	{
		Code:    "ExpiredCodeException",
		Text:    "Invalid code provided, please request a code again.",
		Reasons: []explain.Code{"code-in-force"},
	},
	{
		Code:    "LimitExceededException",
		Text:    "Attempt limit exceeded, please try after some time.",
		Reasons: []explain.Code{"code-attempts", "password-attempts"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Auto verification not turned on.",
		Reasons: []explain.Code{"code-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "User does not have a value for the attribute {name}.",
		Reasons: []explain.Code{"code-address"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid attribute {name}: only email and phone_number can be verified.",
		Reasons: []explain.Code{"address-attribute"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Cannot reset password for the user as there is no registered/verified email or phone_number",
		Reasons: []explain.Code{"recovery-address"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "User password cannot be reset in the current state.",
		Reasons: []explain.Code{"password-reset-by-the-user"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Contact administrator to reset password.",
		Reasons: []explain.Code{"password-reset-by-the-user-closed"},
	},
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
		Code:    "UnauthorizedException",
		Text:    "Invalid client.",
		Reasons: []explain.Code{"revoking-client"},
	},
	{
		Code:    "UnsupportedOperationException",
		Text:    "Token revocation is not enabled for this client.",
		Reasons: []explain.Code{"token-revocation"},
	},
	{
		Code:    "UnsupportedTokenTypeException",
		Text:    "Unsupported token type.",
		Reasons: []explain.Code{"revocable-token"},
	},
}
