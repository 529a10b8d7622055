package iamapi

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// The permissions that calls need (Service Authorization Reference, "Actions,
// resources, and condition keys for AWS IAM"). ARNs have the stored partition, which
// policies had to name before; the authoriser also knows the call's partition.

// onARN asks for the resource that the input names by its ARN.
func onARN[In any](s *Service, arn func(*In) *string) awsapi.Needs[In] {
	return func(_ context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		return one(s.arnAccess(c, arn(in))), nil
	}
}

// onTagged asks for the resource that the input names by its ARN, and for the tags
// that the operation sets.
func onTagged[In any](s *Service, of func(*In) (arn *string, tags []tag)) awsapi.Needs[In] {
	return func(_ context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		arn, tags := of(in)
		needed := s.arnAccess(c, arn)
		needed.RequestTags = given(tags)
		return one(needed), nil
	}
}

// onUntagged asks for the resource that the input names by its ARN, and for the
// keys of the tags that the operation removes.
func onUntagged[In any](s *Service, of func(*In) (arn *string, keys []string)) awsapi.Needs[In] {
	return func(_ context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		arn, keys := of(in)
		needed := s.arnAccess(c, arn)
		needed.TagKeys = keys
		return one(needed), nil
	}
}

// onAll asks for all resources of a kind in the caller's account.
func onAll[In any](s *Service, resource string) awsapi.Needs[In] {
	return func(_ context.Context, c awsapi.Caller, _ *In) ([]awsapi.Access, error) {
		return one(awsapi.Access{Resource: s.directory.Directory.ARN(accountOf(c), resource)}), nil
	}
}

// onRole asks for the role that the input names.
func onRole[In any](s *Service, name func(*In) *string) awsapi.Needs[In] {
	return func(ctx context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		needed, err := s.roleAccess(ctx, c, name(in))
		return one(needed), err
	}
}

// one returns the permission for the operation's own action on one resource.
func one(needed awsapi.Access) []awsapi.Access { return []awsapi.Access{needed} }

// arnAccess describes access to a resource of the caller's account by ARN.
func (s *Service) arnAccess(c awsapi.Caller, arn *string) awsapi.Access {
	return awsapi.Access{
		Resource: s.directory.Home(value(arn)),
		ResourceTags: func(ctx context.Context) (map[string]string, error) {
			tags, err := s.directory.Directory.ResourceTags(ctx, accountOf(c), s.directory.Home(value(arn)))
			if errors.Is(err, iam.ErrNotFound) {
				return nil, nil
			}
			return tags, err
		},
	}
}

// roleAccess describes access to a role by name. For a role that does not exist it
// assumes the path "/": only callers with permission may learn that it is missing.
func (s *Service) roleAccess(ctx context.Context, c awsapi.Caller, name *string) (awsapi.Access, error) {
	r, err := s.directory.Directory.NamedRole(ctx, accountOf(c), value(name))
	if errors.Is(err, iam.ErrNotFound) {
		r = store.Role{Account: accountOf(c), Name: value(name), Path: "/"}
	} else if err != nil {
		return awsapi.Access{}, err
	}

	needed := awsapi.Access{
		Resource:     s.directory.Directory.RoleARN(r),
		Conditions:   map[string][]string{},
		ResourceTags: func(context.Context) (map[string]string, error) { return r.Tags, nil },
	}
	if r.Boundary != "" {
		needed.Conditions["iam:PermissionsBoundary"] = []string{r.Boundary}
	}

	return needed, nil
}

func (s *Service) needsCreateRole(_ context.Context, c awsapi.Caller, in *createRoleInput) ([]awsapi.Access, error) {
	arn := s.directory.Directory.RoleARN(store.Role{Account: accountOf(c), Name: *in.RoleName, Path: pathOf(in.Path)})
	needed := awsapi.Access{Resource: arn, RequestTags: given(in.Tags)}
	if in.PermissionsBoundary != nil {
		needed.Conditions = map[string][]string{"iam:PermissionsBoundary": {s.directory.Home(*in.PermissionsBoundary)}}
	}
	return one(needed), nil
}

func (s *Service) needsTagRole(ctx context.Context, c awsapi.Caller, in *tagRoleInput) ([]awsapi.Access, error) {
	needed, err := s.roleAccess(ctx, c, in.RoleName)
	needed.RequestTags = given(in.Tags)
	return one(needed), err
}

func (s *Service) needsUntagRole(ctx context.Context, c awsapi.Caller, in *untagRoleInput) ([]awsapi.Access, error) {
	needed, err := s.roleAccess(ctx, c, in.RoleName)
	needed.TagKeys = in.TagKeys
	return one(needed), err
}

// needsWith asks for a role, with one more condition key.
func (s *Service) needsWith(
	ctx context.Context, c awsapi.Caller, role *string, key, value string,
) ([]awsapi.Access, error) {
	needed, err := s.roleAccess(ctx, c, role)
	if err != nil {
		return nil, err
	}
	needed.Conditions[key] = []string{value}
	return one(needed), nil
}

func (s *Service) needsBoundary(
	ctx context.Context, c awsapi.Caller, in *putRolePermissionsBoundaryInput,
) ([]awsapi.Access, error) {
	return s.needsWith(ctx, c, in.RoleName, "iam:PermissionsBoundary", s.directory.Home(*in.PermissionsBoundary))
}

func (s *Service) needsAttach(
	ctx context.Context, c awsapi.Caller, in *attachRolePolicyInput,
) ([]awsapi.Access, error) {
	return s.needsWith(ctx, c, in.RoleName, "iam:PolicyARN", s.directory.Home(*in.PolicyArn))
}

func (s *Service) needsDetach(
	ctx context.Context, c awsapi.Caller, in *detachRolePolicyInput,
) ([]awsapi.Access, error) {
	return s.needsWith(ctx, c, in.RoleName, "iam:PolicyARN", s.directory.Home(*in.PolicyArn))
}

func (s *Service) needsCreatePolicy(
	_ context.Context, c awsapi.Caller, in *createPolicyInput,
) ([]awsapi.Access, error) {
	arn := s.directory.Directory.PolicyARN(store.ManagedPolicy{
		Account: accountOf(c), Name: *in.PolicyName, Path: pathOf(in.Path),
	})
	return one(awsapi.Access{Resource: arn, RequestTags: given(in.Tags)}), nil
}

func (s *Service) needsCreateOIDCProvider(
	_ context.Context, c awsapi.Caller, in *createOIDCProviderInput,
) ([]awsapi.Access, error) {
	arn := s.directory.Directory.OIDCProviderARN(store.OIDCProvider{Account: accountOf(c), URL: *in.Url})
	return one(awsapi.Access{Resource: arn, RequestTags: given(in.Tags)}), nil
}

func (s *Service) needsCreateSAMLProvider(
	_ context.Context, c awsapi.Caller, in *createSAMLProviderInput,
) ([]awsapi.Access, error) {
	arn := s.directory.Directory.SAMLProviderARN(store.SAMLProvider{Account: accountOf(c), Name: *in.Name})
	return one(awsapi.Access{Resource: arn, RequestTags: given(in.Tags)}), nil
}

func pathOf(path *string) string {
	if path == nil {
		return "/"
	}
	return *path
}
