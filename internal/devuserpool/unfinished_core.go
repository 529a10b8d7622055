package devuserpool

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Operations that are not written yet. Remove a method when its file has it.

func (s *Service) AdminConfirmSignUp(
	ctx context.Context, c awsapi.Caller, in *AdminConfirmSignUpRequest,
) (*AdminConfirmSignUpResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminCreateUser(
	ctx context.Context, c awsapi.Caller, in *AdminCreateUserRequest,
) (*AdminCreateUserResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminDeleteUser(
	ctx context.Context, c awsapi.Caller, in *AdminDeleteUserRequest,
) (*awsapi.NoOutput, error) {
	return nil, errUnfinished
}

func (s *Service) AdminDeleteUserAttributes(
	ctx context.Context, c awsapi.Caller, in *AdminDeleteUserAttributesRequest,
) (*AdminDeleteUserAttributesResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminDisableUser(
	ctx context.Context, c awsapi.Caller, in *AdminDisableUserRequest,
) (*AdminDisableUserResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminEnableUser(
	ctx context.Context, c awsapi.Caller, in *AdminEnableUserRequest,
) (*AdminEnableUserResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminGetUser(
	ctx context.Context, c awsapi.Caller, in *AdminGetUserRequest,
) (*AdminGetUserResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminResetUserPassword(
	ctx context.Context, c awsapi.Caller, in *AdminResetUserPasswordRequest,
) (*AdminResetUserPasswordResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminSetUserPassword(
	ctx context.Context, c awsapi.Caller, in *AdminSetUserPasswordRequest,
) (*AdminSetUserPasswordResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminUpdateUserAttributes(
	ctx context.Context, c awsapi.Caller, in *AdminUpdateUserAttributesRequest,
) (*AdminUpdateUserAttributesResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminUserGlobalSignOut(
	ctx context.Context, c awsapi.Caller, in *AdminUserGlobalSignOutRequest,
) (*AdminUserGlobalSignOutResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ListUsers(
	ctx context.Context, c awsapi.Caller, in *ListUsersRequest,
) (*ListUsersResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ListUsersInGroup(
	ctx context.Context, c awsapi.Caller, in *ListUsersInGroupRequest,
) (*ListUsersInGroupResponse, error) {
	return nil, errUnfinished
}

