package devuserpool

import (
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Exceptions of the API model.
const (
	invalidParameter     = "InvalidParameterException"
	invalidPassword      = "InvalidPasswordException"
	notAuthorized        = "NotAuthorizedException"
	resourceNotFound     = "ResourceNotFoundException"
	userNotFound         = "UserNotFoundException"
	usernameExists       = "UsernameExistsException"
	aliasExists          = "AliasExistsException"
	groupExists          = "GroupExistsException"
	limitExceeded        = "LimitExceededException"
	unsupportedState     = "UnsupportedUserStateException"
	userNotConfirmed     = "UserNotConfirmedException"
	passwordReset        = "PasswordResetRequiredException"
	expiredCode          = "ExpiredCodeException"
	codeMismatched       = "CodeMismatchException"
	refreshTokenReuse    = "RefreshTokenReuseException"
	unauthorized         = "UnauthorizedException"
	unsupportedOperation = "UnsupportedOperationException"
	unsupportedTokenType = "UnsupportedTokenTypeException"
)

// poolNotFound is AWS's error for a pool that the caller does not have.
func poolNotFound(id string) *awsapi.Error {
	return awsapi.Refused(resourceNotFound, poolUnknown.With("pool", explain.ShownText(id)),
		"User pool %s does not exist.", id)
}

// userMissing is AWS's error for administrators.
func userMissing() *awsapi.Error {
	return awsapi.Refused(userNotFound, userUnknown.With(), "User does not exist.")
}

// stateError turns an error of State into the API's. Refusals pass as they are.
func stateError(err error, pool string) error {
	switch {
	case errors.Is(err, errNoPool):
		return poolNotFound(pool)
	case errors.Is(err, errPoolTaken):
		return awsapi.Refused(invalidParameter, poolTaken.With(), "The user pool ID is taken.")
	case errors.Is(err, errClientTaken):
		return awsapi.Refused(invalidParameter, clientTaken.With(), "The client ID is taken.")
	case errors.Is(err, errPools):
		return tooMany("user pools", maxPools)
	case errors.Is(err, errPoolBytes):
		return tooMany("bytes of a user pool", maxPoolBytes)
	default:
		return err
	}
}

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
