package iamapi

import (
	"context"
	"errors"
	"maps"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// What calls need permission for (Service Authorization Reference, "Actions,
// resources, and condition keys for AWS IAM").

// onARN asks for the resource that the input names by its ARN.
func onARN[In any](arn func(*In) *string) awsapi.Needs[In] {
	return func(_ context.Context, _ awsapi.Caller, in *In) ([]awsapi.Access, error) {
		return access(value(arn(in)), nil), nil
	}
}

// onTagged is onARN with conditions.
func onTagged[In any](of func(*In) (arn *string, conditions map[string][]string)) awsapi.Needs[In] {
	return func(_ context.Context, _ awsapi.Caller, in *In) ([]awsapi.Access, error) {
		arn, conditions := of(in)
		return access(value(arn), conditions), nil
	}
}

// onAll asks for all resources of a kind in the caller's account.
func onAll[In any](s *Service, resource string) awsapi.Needs[In] {
	return func(_ context.Context, c awsapi.Caller, _ *In) ([]awsapi.Access, error) {
		return access(s.directory.ARN(accountOf(c), resource), nil), nil
	}
}

// onRole asks for the role that the input names.
func onRole[In any](s *Service, name func(*In) *string) awsapi.Needs[In] {
	return func(ctx context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		return s.roleAccess(ctx, c, name(in), nil)
	}
}

// roleAccess is access to a role by name. One that does not exist has the root
// path; that it does not exist is for those to know who may ask.
func (s *Service) roleAccess(ctx context.Context, c awsapi.Caller, name *string, conditions map[string][]string) ([]awsapi.Access, error) {
	r, err := s.directory.NamedRole(ctx, accountOf(c), value(name))
	if errors.Is(err, iam.ErrNotFound) {
		r = store.Role{Account: accountOf(c), Name: value(name), Path: "/"}
	} else if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for k, v := range r.Tags {
		all["aws:ResourceTag/"+k] = []string{v}
		all["iam:ResourceTag/"+k] = []string{v}
	}
	if r.Boundary != "" {
		all["iam:PermissionsBoundary"] = []string{r.Boundary}
	}
	maps.Copy(all, conditions)
	return access(s.directory.RoleARN(r), all), nil
}

func (s *Service) needsCreateRole(_ context.Context, c awsapi.Caller, in *createRoleInput) ([]awsapi.Access, error) {
	conditions := tagConditions(in.Tags)
	if in.PermissionsBoundary != nil {
		conditions["iam:PermissionsBoundary"] = []string{*in.PermissionsBoundary}
	}
	return access(s.directory.RoleARN(store.Role{Account: accountOf(c), Name: *in.RoleName, Path: pathOf(in.Path)}), conditions), nil
}

func (s *Service) needsTagRole(ctx context.Context, c awsapi.Caller, in *tagRoleInput) ([]awsapi.Access, error) {
	return s.roleAccess(ctx, c, in.RoleName, tagConditions(in.Tags))
}

func (s *Service) needsUntagRole(ctx context.Context, c awsapi.Caller, in *untagRoleInput) ([]awsapi.Access, error) {
	return s.roleAccess(ctx, c, in.RoleName, keyConditions(in.TagKeys))
}

func (s *Service) needsBoundary(ctx context.Context, c awsapi.Caller, in *putRolePermissionsBoundaryInput) ([]awsapi.Access, error) {
	return s.roleAccess(ctx, c, in.RoleName, map[string][]string{"iam:PermissionsBoundary": {*in.PermissionsBoundary}})
}

func (s *Service) needsAttach(ctx context.Context, c awsapi.Caller, in *attachRolePolicyInput) ([]awsapi.Access, error) {
	return s.roleAccess(ctx, c, in.RoleName, map[string][]string{"iam:PolicyARN": {*in.PolicyArn}})
}

func (s *Service) needsDetach(ctx context.Context, c awsapi.Caller, in *detachRolePolicyInput) ([]awsapi.Access, error) {
	return s.roleAccess(ctx, c, in.RoleName, map[string][]string{"iam:PolicyARN": {*in.PolicyArn}})
}

func (s *Service) needsCreatePolicy(_ context.Context, c awsapi.Caller, in *createPolicyInput) ([]awsapi.Access, error) {
	arn := s.directory.PolicyARN(store.ManagedPolicy{Account: accountOf(c), Name: *in.PolicyName, Path: pathOf(in.Path)})
	return access(arn, tagConditions(in.Tags)), nil
}

func (s *Service) needsCreateOIDCProvider(_ context.Context, c awsapi.Caller, in *createOIDCProviderInput) ([]awsapi.Access, error) {
	arn := s.directory.OIDCProviderARN(store.OIDCProvider{Account: accountOf(c), URL: *in.Url})
	return access(arn, tagConditions(in.Tags)), nil
}

func (s *Service) needsCreateSAMLProvider(_ context.Context, c awsapi.Caller, in *createSAMLProviderInput) ([]awsapi.Access, error) {
	arn := s.directory.SAMLProviderARN(store.SAMLProvider{Account: accountOf(c), Name: *in.Name})
	return access(arn, tagConditions(in.Tags)), nil
}

func pathOf(path *string) string {
	if path == nil {
		return "/"
	}
	return *path
}
