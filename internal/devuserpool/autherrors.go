package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/awsapi"

// Exceptions of the API model that sign-ins and users' own calls have.
const (
	userNotConfirmed     = "UserNotConfirmedException"
	passwordReset        = "PasswordResetRequiredException"
	expiredCode          = "ExpiredCodeException"
	codeMismatched       = "CodeMismatchException"
	refreshTokenReuse    = "RefreshTokenReuseException"
	unauthorized         = "UnauthorizedException"
	unsupportedOperation = "UnsupportedOperationException"
	unsupportedTokenType = "UnsupportedTokenTypeException"
)

// incorrect is the answer to a wrong password, and to a user who does not exist.
func incorrect() *awsapi.Error {
	return awsapi.Refused(notAuthorized, passwordWrong.With(), "Incorrect username or password.")
}

func tooManyAttempts() error {
	return awsapi.Refused(notAuthorized, passwordAttempts.With(), "Password attempts exceeded")
}

func userDisabled() error {
	return awsapi.Refused(notAuthorized, userOff.With(), "User is disabled.")
}

func resetRequired() error {
	return awsapi.Refused(passwordReset, userReset.With(), "Password reset required for the user")
}

// userGone is the answer to a token of a user who was deleted.
func userGone() error {
	return awsapi.Refused(userNotFound, userDeleted.With(), "User does not exist.")
}
