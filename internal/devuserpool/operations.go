package devuserpool

import (
	"context"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// Operations is the API's table: a row for each operation that is simulated, then those of the model that
// are refused. A row has the name and the method; its constructor tells on which resource the caller needs
// the permission, and whether it is a public operation.
func (s *Service) Operations() []awsapi.Operation {
	rows := []awsapi.Operation{
		onPool(s, "AddCustomAttributes", s.AddCustomAttributes),
		onPool(s, "AdminAddUserToGroup", s.AdminAddUserToGroup),
		onPool(s, "AdminConfirmSignUp", s.AdminConfirmSignUp),
		onPool(s, "AdminCreateUser", s.AdminCreateUser),
		onPool(s, "AdminDeleteUser", s.AdminDeleteUser),
		onPool(s, "AdminDeleteUserAttributes", s.AdminDeleteUserAttributes),
		onPool(s, "AdminDisableUser", s.AdminDisableUser),
		onPool(s, "AdminEnableUser", s.AdminEnableUser),
		onPool(s, "AdminGetUser", s.AdminGetUser),
		onPool(s, "AdminInitiateAuth", s.AdminInitiateAuth),
		onPool(s, "AdminListGroupsForUser", s.AdminListGroupsForUser),
		onPool(s, "AdminRemoveUserFromGroup", s.AdminRemoveUserFromGroup),
		onPool(s, "AdminResetUserPassword", s.AdminResetUserPassword),
		onPool(s, "AdminRespondToAuthChallenge", s.AdminRespondToAuthChallenge),
		onPool(s, "AdminSetUserPassword", s.AdminSetUserPassword),
		onPool(s, "AdminUpdateUserAttributes", s.AdminUpdateUserAttributes),
		onPool(s, "AdminUserGlobalSignOut", s.AdminUserGlobalSignOut),
		public("ChangePassword", s.ChangePassword),
		public("ConfirmForgotPassword", s.ConfirmForgotPassword),
		public("ConfirmSignUp", s.ConfirmSignUp),
		onPool(s, "CreateGroup", s.CreateGroup),
		awsapi.Signed("CreateUserPool", "cognito-idp:CreateUserPool", s.CreateUserPool, createNeeds),
		onPool(s, "CreateUserPoolClient", s.CreateUserPoolClient),
		onPool(s, "DeleteGroup", s.DeleteGroup),
		public("DeleteUser", s.DeleteUser),
		public("DeleteUserAttributes", s.DeleteUserAttributes),
		onPool(s, "DeleteUserPool", s.DeleteUserPool),
		onPool(s, "DeleteUserPoolClient", s.DeleteUserPoolClient),
		onPool(s, "DescribeUserPool", s.DescribeUserPool),
		onPool(s, "DescribeUserPoolClient", s.DescribeUserPoolClient),
		public("ForgotPassword", s.ForgotPassword),
		onPool(s, "GetGroup", s.GetGroup),
		public("GetTokensFromRefreshToken", s.GetTokensFromRefreshToken),
		public("GetUser", s.GetUser),
		public("GetUserAttributeVerificationCode", s.GetUserAttributeVerificationCode),
		onPool(s, "GetUserPoolMfaConfig", s.GetUserPoolMfaConfig),
		public("GlobalSignOut", s.GlobalSignOut),
		public("InitiateAuth", s.InitiateAuth),
		public("ListDevices", s.ListDevices),
		onPool(s, "ListGroups", s.ListGroups),
		onARN(s, "ListTagsForResource", s.ListTagsForResource),
		onPool(s, "ListUserPoolClients", s.ListUserPoolClients),
		awsapi.Signed("ListUserPools", "cognito-idp:ListUserPools", s.ListUserPools, nil),
		onPool(s, "ListUsers", s.ListUsers),
		onPool(s, "ListUsersInGroup", s.ListUsersInGroup),
		public("ResendConfirmationCode", s.ResendConfirmationCode),
		public("RespondToAuthChallenge", s.RespondToAuthChallenge),
		public("RevokeToken", s.RevokeToken),
		onPool(s, "SetUserPoolMfaConfig", s.SetUserPoolMfaConfig),
		public("SignUp", s.SignUp),
		onARN(s, "TagResource", s.TagResource),
		onARN(s, "UntagResource", s.UntagResource),
		onPool(s, "UpdateGroup", s.UpdateGroup),
		public("UpdateUserAttributes", s.UpdateUserAttributes),
		onPool(s, "UpdateUserPool", s.UpdateUserPool),
		onPool(s, "UpdateUserPoolClient", s.UpdateUserPoolClient),
		public("VerifyUserAttribute", s.VerifyUserAttribute),
	}

	return append(rows, refusedRows(rows)...)
}

// public is the row of an operation that needs no signature.
func public[In, Out any](name string, do func(context.Context, *In) (*Out, error)) awsapi.Operation {
	return awsapi.Public(name, overload.Writes, do)
}

// inPool is an input that names a pool.
type inPool[In any] interface {
	*In
	pool() string // ID
}

// onPool is the row of an operation that needs the permission on the pool that its input names.
func onPool[In, Out any, P inPool[In]](
	s *Service, name string, do func(context.Context, awsapi.Caller, *In) (*Out, error),
) awsapi.Operation {
	needs := func(_ context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		return []awsapi.Access{s.access(c, poolARN(c.Region, c.Account, P(in).pool()))}, nil
	}
	return awsapi.Signed(name, Name+":"+name, do, needs)
}

// onResource is an input that names a pool by its ARN.
type onResource[In any] interface {
	*In
	resource() string               // ARN
	newTags() map[string]string     // that the call sets
	formerTags() (tagKeys []string) // that it removes
}

// onARN is the row of an operation that needs the permission on the resource that its input names.
func onARN[In, Out any, P onResource[In]](
	s *Service, name string, do func(context.Context, awsapi.Caller, *In) (*Out, error),
) awsapi.Operation {
	needs := func(_ context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		needed := s.access(c, P(in).resource())
		needed.RequestTags = awsapi.TagsOf(P(in).newTags())
		needed.TagKeys = P(in).formerTags()
		return []awsapi.Access{needed}, nil
	}

	return awsapi.Signed(name, Name+":"+name, do, needs)
}

// createNeeds asks for the permission on all resources, with the tags of the new pool.
func createNeeds(_ context.Context, _ awsapi.Caller, in *CreateUserPoolRequest) ([]awsapi.Access, error) {
	return []awsapi.Access{{RequestTags: awsapi.TagsOf(in.UserPoolTags)}}, nil
}

// access is access to the pool with an ARN.
func (s *Service) access(c awsapi.Caller, arn string) awsapi.Access {
	return awsapi.Access{
		Resource: arn,
		ResourceTags: func(context.Context) (map[string]string, error) {
			p, err := s.State.view(arn[strings.LastIndexByte(arn, '/')+1:])
			if err != nil || p.Account != c.Account || p.Region != c.Region {
				return nil, nil //nolint:nilerr // there is no such pool, and IAM decides first
			}
			return p.Settings.UserPoolTags, nil
		},
	}
}

// poolARN returns the name of a pool in policies.
func poolARN(region, account, id string) string {
	return "arn:" + identitypool.Partition(region) + ":cognito-idp:" + region + ":" + account + ":userpool/" + id
}

// callerPool returns a pool of the caller's account and region. The error for other accounts' pools is
// exactly that for pools that do not exist. Nobody may change the pool.
func (s *Service) callerPool(ctx context.Context, c awsapi.Caller, id string) (*Pool, error) {
	p, err := s.State.view(id)
	if err != nil || p.Account != c.Account || p.Region != c.Region {
		return nil, poolNotFound(id)
	}
	note(ctx, p)

	return p, nil
}

// changeCallerPool changes a pool of the caller's account and region.
func (s *Service) changeCallerPool(
	ctx context.Context, c awsapi.Caller, id string, edit func(*Pool) error,
) error {
	if _, err := s.callerPool(ctx, c, id); err != nil {
		return err
	}
	return stateError(s.State.change(id, edit), id)
}

// note puts the pool in the request's log line.
func note(ctx context.Context, p *Pool) {
	r := awsapi.RecordFrom(ctx)
	r.Account, r.Region, r.Pool = p.Account, p.Region, p.ID
}
