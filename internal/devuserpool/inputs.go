package devuserpool

// These methods tell the table of operations which pool an input names.

func (in *AddCustomAttributesRequest) pool() string         { return *in.UserPoolId }
func (in *AdminAddUserToGroupRequest) pool() string         { return *in.UserPoolId }
func (in *AdminConfirmSignUpRequest) pool() string          { return *in.UserPoolId }
func (in *AdminCreateUserRequest) pool() string             { return *in.UserPoolId }
func (in *AdminDeleteUserRequest) pool() string             { return *in.UserPoolId }
func (in *AdminDeleteUserAttributesRequest) pool() string   { return *in.UserPoolId }
func (in *AdminDisableUserRequest) pool() string            { return *in.UserPoolId }
func (in *AdminEnableUserRequest) pool() string             { return *in.UserPoolId }
func (in *AdminGetUserRequest) pool() string                { return *in.UserPoolId }
func (in *AdminInitiateAuthRequest) pool() string           { return *in.UserPoolId }
func (in *AdminListGroupsForUserRequest) pool() string      { return *in.UserPoolId }
func (in *AdminRemoveUserFromGroupRequest) pool() string    { return *in.UserPoolId }
func (in *AdminResetUserPasswordRequest) pool() string      { return *in.UserPoolId }
func (in *AdminRespondToAuthChallengeRequest) pool() string { return *in.UserPoolId }
func (in *AdminSetUserPasswordRequest) pool() string        { return *in.UserPoolId }
func (in *AdminUpdateUserAttributesRequest) pool() string   { return *in.UserPoolId }
func (in *AdminUserGlobalSignOutRequest) pool() string      { return *in.UserPoolId }
func (in *CreateGroupRequest) pool() string                 { return *in.UserPoolId }
func (in *CreateUserPoolClientRequest) pool() string        { return *in.UserPoolId }
func (in *DeleteGroupRequest) pool() string                 { return *in.UserPoolId }
func (in *DeleteUserPoolRequest) pool() string              { return *in.UserPoolId }
func (in *DeleteUserPoolClientRequest) pool() string        { return *in.UserPoolId }
func (in *DescribeUserPoolRequest) pool() string            { return *in.UserPoolId }
func (in *DescribeUserPoolClientRequest) pool() string      { return *in.UserPoolId }
func (in *GetGroupRequest) pool() string                    { return *in.UserPoolId }
func (in *GetUserPoolMfaConfigRequest) pool() string        { return *in.UserPoolId }
func (in *ListGroupsRequest) pool() string                  { return *in.UserPoolId }
func (in *ListUserPoolClientsRequest) pool() string         { return *in.UserPoolId }
func (in *ListUsersRequest) pool() string                   { return *in.UserPoolId }
func (in *ListUsersInGroupRequest) pool() string            { return *in.UserPoolId }
func (in *SetUserPoolMfaConfigRequest) pool() string        { return *in.UserPoolId }
func (in *UpdateGroupRequest) pool() string                 { return *in.UserPoolId }
func (in *UpdateUserPoolRequest) pool() string              { return *in.UserPoolId }
func (in *UpdateUserPoolClientRequest) pool() string        { return *in.UserPoolId }

// These tell it which resource an input names by its ARN, and which tags the call sets and removes.

func (in *ListTagsForResourceRequest) resource() string           { return *in.ResourceArn }
func (in *ListTagsForResourceRequest) newTags() map[string]string { return nil }
func (in *ListTagsForResourceRequest) formerTags() []string       { return nil }
func (in *TagResourceRequest) resource() string                   { return *in.ResourceArn }
func (in *TagResourceRequest) newTags() map[string]string         { return in.Tags }
func (in *TagResourceRequest) formerTags() []string               { return nil }
func (in *UntagResourceRequest) resource() string                 { return *in.ResourceArn }
func (in *UntagResourceRequest) newTags() map[string]string       { return nil }
func (in *UntagResourceRequest) formerTags() []string             { return in.TagKeys }
