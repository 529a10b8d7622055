package devuserpool

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Operations that are not written yet. Remove a method when its file has it.

var errUnfinished = errors.New("not written yet")

// sendCode makes a code for a user, keeps it in u and shows it to the developer. attribute is where the
// code goes to: email or phone_number.
func (s *Service) sendCode(ctx context.Context, p *Pool, u *User, purpose, attribute string) error {
	return errUnfinished
}

func (s *Service) ChangePassword(
	ctx context.Context, in *ChangePasswordRequest,
) (*ChangePasswordResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ConfirmForgotPassword(
	ctx context.Context, in *ConfirmForgotPasswordRequest,
) (*ConfirmForgotPasswordResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ConfirmSignUp(
	ctx context.Context, in *ConfirmSignUpRequest,
) (*ConfirmSignUpResponse, error) {
	return nil, errUnfinished
}

func (s *Service) DeleteUser(
	ctx context.Context, in *DeleteUserRequest,
) (*awsapi.NoOutput, error) {
	return nil, errUnfinished
}

func (s *Service) DeleteUserAttributes(
	ctx context.Context, in *DeleteUserAttributesRequest,
) (*DeleteUserAttributesResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ForgotPassword(
	ctx context.Context, in *ForgotPasswordRequest,
) (*ForgotPasswordResponse, error) {
	return nil, errUnfinished
}

func (s *Service) GetTokensFromRefreshToken(
	ctx context.Context, in *GetTokensFromRefreshTokenRequest,
) (*GetTokensFromRefreshTokenResponse, error) {
	return nil, errUnfinished
}

func (s *Service) GetUser(
	ctx context.Context, in *GetUserRequest,
) (*GetUserResponse, error) {
	return nil, errUnfinished
}

func (s *Service) GetUserAttributeVerificationCode(
	ctx context.Context, in *GetUserAttributeVerificationCodeRequest,
) (*GetUserAttributeVerificationCodeResponse, error) {
	return nil, errUnfinished
}

func (s *Service) GlobalSignOut(
	ctx context.Context, in *GlobalSignOutRequest,
) (*GlobalSignOutResponse, error) {
	return nil, errUnfinished
}

func (s *Service) InitiateAuth(
	ctx context.Context, in *InitiateAuthRequest,
) (*InitiateAuthResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ListDevices(
	ctx context.Context, in *ListDevicesRequest,
) (*ListDevicesResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ResendConfirmationCode(
	ctx context.Context, in *ResendConfirmationCodeRequest,
) (*ResendConfirmationCodeResponse, error) {
	return nil, errUnfinished
}

func (s *Service) RespondToAuthChallenge(
	ctx context.Context, in *RespondToAuthChallengeRequest,
) (*RespondToAuthChallengeResponse, error) {
	return nil, errUnfinished
}

func (s *Service) RevokeToken(
	ctx context.Context, in *RevokeTokenRequest,
) (*RevokeTokenResponse, error) {
	return nil, errUnfinished
}

func (s *Service) SignUp(
	ctx context.Context, in *SignUpRequest,
) (*SignUpResponse, error) {
	return nil, errUnfinished
}

func (s *Service) UpdateUserAttributes(
	ctx context.Context, in *UpdateUserAttributesRequest,
) (*UpdateUserAttributesResponse, error) {
	return nil, errUnfinished
}

func (s *Service) VerifyUserAttribute(
	ctx context.Context, in *VerifyUserAttributeRequest,
) (*VerifyUserAttributeResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminInitiateAuth(
	ctx context.Context, c awsapi.Caller, in *AdminInitiateAuthRequest,
) (*AdminInitiateAuthResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminRespondToAuthChallenge(
	ctx context.Context, c awsapi.Caller, in *AdminRespondToAuthChallengeRequest,
) (*AdminRespondToAuthChallengeResponse, error) {
	return nil, errUnfinished
}
