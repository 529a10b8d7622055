package devuserpool

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Operations that are not written yet. Remove a method when its file has it.

func (s *Service) AdminAddUserToGroup(
	ctx context.Context, c awsapi.Caller, in *AdminAddUserToGroupRequest,
) (*awsapi.NoOutput, error) {
	return nil, errUnfinished
}

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

func (s *Service) AdminListGroupsForUser(
	ctx context.Context, c awsapi.Caller, in *AdminListGroupsForUserRequest,
) (*AdminListGroupsForUserResponse, error) {
	return nil, errUnfinished
}

func (s *Service) AdminRemoveUserFromGroup(
	ctx context.Context, c awsapi.Caller, in *AdminRemoveUserFromGroupRequest,
) (*awsapi.NoOutput, error) {
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

func (s *Service) CreateGroup(
	ctx context.Context, c awsapi.Caller, in *CreateGroupRequest,
) (*CreateGroupResponse, error) {
	return nil, errUnfinished
}

func (s *Service) CreateUserPool(
	ctx context.Context, c awsapi.Caller, in *CreateUserPoolRequest,
) (*CreateUserPoolResponse, error) {
	return nil, errUnfinished
}

func (s *Service) CreateUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *CreateUserPoolClientRequest,
) (*CreateUserPoolClientResponse, error) {
	return nil, errUnfinished
}

func (s *Service) DeleteGroup(
	ctx context.Context, c awsapi.Caller, in *DeleteGroupRequest,
) (*awsapi.NoOutput, error) {
	return nil, errUnfinished
}

func (s *Service) DeleteUserPool(
	ctx context.Context, c awsapi.Caller, in *DeleteUserPoolRequest,
) (*awsapi.NoOutput, error) {
	return nil, errUnfinished
}

func (s *Service) DeleteUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *DeleteUserPoolClientRequest,
) (*awsapi.NoOutput, error) {
	return nil, errUnfinished
}

func (s *Service) DescribeUserPool(
	ctx context.Context, c awsapi.Caller, in *DescribeUserPoolRequest,
) (*DescribeUserPoolResponse, error) {
	return nil, errUnfinished
}

func (s *Service) DescribeUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *DescribeUserPoolClientRequest,
) (*DescribeUserPoolClientResponse, error) {
	return nil, errUnfinished
}

func (s *Service) GetGroup(
	ctx context.Context, c awsapi.Caller, in *GetGroupRequest,
) (*GetGroupResponse, error) {
	return nil, errUnfinished
}

func (s *Service) GetUserPoolMfaConfig(
	ctx context.Context, c awsapi.Caller, in *GetUserPoolMfaConfigRequest,
) (*GetUserPoolMfaConfigResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ListGroups(
	ctx context.Context, c awsapi.Caller, in *ListGroupsRequest,
) (*ListGroupsResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ListTagsForResource(
	ctx context.Context, c awsapi.Caller, in *ListTagsForResourceRequest,
) (*ListTagsForResourceResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ListUserPoolClients(
	ctx context.Context, c awsapi.Caller, in *ListUserPoolClientsRequest,
) (*ListUserPoolClientsResponse, error) {
	return nil, errUnfinished
}

func (s *Service) ListUserPools(
	ctx context.Context, c awsapi.Caller, in *ListUserPoolsRequest,
) (*ListUserPoolsResponse, error) {
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

func (s *Service) SetUserPoolMfaConfig(
	ctx context.Context, c awsapi.Caller, in *SetUserPoolMfaConfigRequest,
) (*SetUserPoolMfaConfigResponse, error) {
	return nil, errUnfinished
}

func (s *Service) TagResource(
	ctx context.Context, c awsapi.Caller, in *TagResourceRequest,
) (*TagResourceResponse, error) {
	return nil, errUnfinished
}

func (s *Service) UntagResource(
	ctx context.Context, c awsapi.Caller, in *UntagResourceRequest,
) (*UntagResourceResponse, error) {
	return nil, errUnfinished
}

func (s *Service) UpdateGroup(
	ctx context.Context, c awsapi.Caller, in *UpdateGroupRequest,
) (*UpdateGroupResponse, error) {
	return nil, errUnfinished
}

func (s *Service) UpdateUserPool(
	ctx context.Context, c awsapi.Caller, in *UpdateUserPoolRequest,
) (*UpdateUserPoolResponse, error) {
	return nil, errUnfinished
}

func (s *Service) UpdateUserPoolClient(
	ctx context.Context, c awsapi.Caller, in *UpdateUserPoolClientRequest,
) (*UpdateUserPoolClientResponse, error) {
	return nil, errUnfinished
}
