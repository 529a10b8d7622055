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

// signed returns the operation of that name, which needs the permission of the same name
// for what its input names.
func signed[In, Out any, P interface {
	*In
	access(ctx context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error)
}](
	s *Service, name string, method func(*Service, context.Context, awsapi.Caller, *In) (*Out, error),
) awsapi.Operation {
	needs := func(ctx context.Context, c awsapi.Caller, in *In) ([]awsapi.Access, error) {
		needed, err := P(in).access(ctx, s, c)
		return []awsapi.Access{needed}, err
	}
	return awsapi.Signed(name, "iam:"+name, call(s, method), needs)
}

// arnAccess describes access to a resource of the caller's account by ARN.
func (s *Service) arnAccess(c awsapi.Caller, arn *string) awsapi.Access {
	return awsapi.Access{
		Resource: s.view.Directory.ToStored(awsapi.Text(arn)),
		ResourceTags: func(ctx context.Context) (map[string]string, error) {
			tags, err := s.view.Directory.ResourceTags(ctx, accountOf(c), s.view.Directory.ToStored(awsapi.Text(arn)))
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
	r, err := s.view.Directory.NamedRole(ctx, accountOf(c), awsapi.Text(name))
	if errors.Is(err, iam.ErrNotFound) {
		r = store.Role{Account: accountOf(c), Name: awsapi.Text(name), Path: "/"}
	} else if err != nil {
		return awsapi.Access{}, err
	}

	needed := awsapi.Access{
		Resource:     s.view.Directory.RoleARN(r),
		Conditions:   map[string][]string{},
		ResourceTags: func(context.Context) (map[string]string, error) { return r.Tags, nil },
	}
	if r.Boundary != "" {
		needed.Conditions[boundaryKey] = []string{r.Boundary}
	}

	return needed, nil
}

// conditioned describes access to a role with one more condition key.
func (r byRole) conditioned(
	ctx context.Context, s *Service, c awsapi.Caller, key, arn string,
) (awsapi.Access, error) {
	needed, err := r.access(ctx, s, c)
	if err != nil {
		return awsapi.Access{}, err
	}
	needed.Conditions[key] = []string{s.view.Directory.ToStored(arn)}

	return needed, nil
}

func (in *putRolePermissionsBoundaryInput) access(
	ctx context.Context, s *Service, c awsapi.Caller,
) (awsapi.Access, error) {
	return in.conditioned(ctx, s, c, boundaryKey, *in.PermissionsBoundary)
}

func (in *attachmentInput) access(ctx context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return in.conditioned(ctx, s, c, "iam:PolicyARN", *in.PolicyArn)
}

// boundaryKey is the condition key of a role's permissions boundary.
const boundaryKey = "iam:PermissionsBoundary"

func (in *createRoleInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	needed := awsapi.Access{
		Resource: s.view.Directory.RoleARN(store.Role{
			Account: accountOf(c),
			Name:    *in.RoleName,
			Path:    pathOf(in.Path),
		}),
		RequestTags: given(in.Tags),
	}
	if in.PermissionsBoundary != nil {
		needed.Conditions = map[string][]string{boundaryKey: {s.view.Directory.ToStored(*in.PermissionsBoundary)}}
	}

	return needed, nil
}

func (in *createPolicyInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	p := store.ManagedPolicy{Account: accountOf(c), Name: *in.PolicyName, Path: pathOf(in.Path)}
	return awsapi.Access{Resource: s.view.Directory.PolicyARN(p), RequestTags: given(in.Tags)}, nil
}

func (in *createOIDCProviderInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	arn := s.view.OIDCProviders().StoredARN(store.OIDCProvider{Account: accountOf(c), URL: *in.Url})
	return awsapi.Access{Resource: arn, RequestTags: given(in.Tags)}, nil
}

func (in *createSAMLProviderInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	arn := s.view.SAMLProviders().StoredARN(store.SAMLProvider{Account: accountOf(c), Name: *in.Name})
	return awsapi.Access{Resource: arn, RequestTags: given(in.Tags)}, nil
}

// Listings need permission for all resources of a kind.

func (*listRolesInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "role/"), nil
}

func (*listPoliciesInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "policy/"), nil
}

func (*listOIDCProvidersInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "oidc-provider/*"), nil
}

func (*listSAMLProvidersInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "saml-provider/*"), nil
}

func (*listUsersInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "user/"), nil
}

func (*listGroupsInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "group/"), nil
}

func (*listInstanceProfilesInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "instance-profile/"), nil
}

func (*listServerCertificatesInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "server-certificate/"), nil
}

func (*listVirtualMFADevicesInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "mfa/"), nil
}

func (in *getInstanceProfileInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return s.kindAccess(c, "instance-profile/"+*in.InstanceProfileName), nil
}

// kindAccess describes access to all resources of a kind in the caller's account.
func (s *Service) kindAccess(c awsapi.Caller, resource string) awsapi.Access {
	return awsapi.Access{Resource: s.view.Directory.ARN(accountOf(c), resource)}
}

func pathOf(path *string) string {
	if path == nil {
		return "/"
	}
	return *path
}

func (in *simulatePrincipalPolicyInput) access(
	_ context.Context, s *Service, c awsapi.Caller,
) (awsapi.Access, error) {
	return in.accessTo(s, c), nil
}

func (in *principalContextKeysInput) access(_ context.Context, s *Service, c awsapi.Caller) (awsapi.Access, error) {
	return in.accessTo(s, c), nil
}
