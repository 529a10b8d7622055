package iamapi

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Inline policies of roles, and managed policies attached to them.

type putRolePolicyInput struct {
	byRole
	PolicyName, PolicyDocument *string
}

func (in *putRolePolicyInput) Validate() []awsapi.Violation {
	return checked(
		in.field(),
		required("policyName", in.PolicyName, &policyName),
		required("policyDocument", in.PolicyDocument, &document),
	).Violations()
}

func (s *Service) putRolePolicy(
	ctx context.Context, c awsapi.Caller, in *putRolePolicyInput,
) (*awsapi.NoOutput, error) {
	if err := iam.CheckInlinePolicy(*in.PolicyDocument); err != nil {
		return nil, malformed(err)
	}

	_, err := s.updateNamed(ctx, c, in.RoleName, func(r *store.Role) error {
		policies := map[string]string{}
		maps.Copy(policies, r.Policies)
		policies[*in.PolicyName] = *in.PolicyDocument

		size := 0
		for _, document := range policies {
			size += characters(document)
		}
		if size > maxInlinePolicies {
			return refuse(limitExceeded, inlineSize.With(
				"limit", strconv.Itoa(maxInlinePolicies), "size", strconv.Itoa(size), "role", r.Name,
			).At(s.linkTo(*r, "Policies")))
		}
		r.Policies = policies

		return nil
	})
	if err == nil {
		s.warnOfKeys(ctx, "policy "+*in.PolicyName+" of role "+*in.RoleName,
			iam.IdentityPolicyWarnings(*in.PolicyDocument, false))
	}

	return nil, err
}

// rolePolicyInput names an inline policy.
type rolePolicyInput struct {
	byRole
	PolicyName *string
}

func (in *rolePolicyInput) Validate() []awsapi.Violation {
	return checked(in.field(), required("policyName", in.PolicyName, &policyName)).Violations()
}

type getRolePolicyOutput struct{ RoleName, PolicyName, PolicyDocument string }

func noRolePolicy(name string) error {
	return refuse(noSuchEntity, rolePolicyMissing.With("name", name))
}

func (s *Service) getRolePolicy(
	ctx context.Context, c awsapi.Caller, in *rolePolicyInput,
) (*getRolePolicyOutput, error) {
	r, err := s.named(ctx, c, in.RoleName)
	if err != nil {
		return nil, err
	}
	document, ok := r.Policies[*in.PolicyName]
	if !ok {
		return nil, noRolePolicy(*in.PolicyName)
	}

	return &getRolePolicyOutput{
		RoleName:       r.Name,
		PolicyName:     *in.PolicyName,
		PolicyDocument: encoded(document),
	}, nil
}

func (s *Service) deleteRolePolicy(
	ctx context.Context, c awsapi.Caller, in *rolePolicyInput,
) (*awsapi.NoOutput, error) {
	_, err := s.updateNamed(ctx, c, in.RoleName, func(r *store.Role) error {
		if _, ok := r.Policies[*in.PolicyName]; !ok {
			return noRolePolicy(*in.PolicyName)
		}
		delete(r.Policies, *in.PolicyName)
		return nil
	})
	return nil, err
}

type listRolePoliciesOutput struct {
	PolicyNames list[string]
	pageEnd
}

func (s *Service) listRolePolicies(
	ctx context.Context, c awsapi.Caller, in *ofRoleInput,
) (*listRolePoliciesOutput, error) {
	r, err := s.named(ctx, c, in.RoleName)
	if err != nil {
		return nil, err
	}

	out := &listRolePoliciesOutput{}
	out.PolicyNames.Members, out.pageEnd, err = page(
		in.paging,
		slices.Sorted(maps.Keys(r.Policies)),
		func(name string) string { return name },
	)

	return out, err
}

func noPolicy(arn string) error { return refuse(noSuchEntity, attachmentMissing.With("arn", arn)) }

func noBoundary(arn string) error { return refuse(noSuchEntity, boundaryMissing.With("arn", arn)) }

// attachable refuses a managed policy that the caller's roles cannot use.
func (s *Service) attachable(ctx context.Context, c awsapi.Caller, arn string, missing func(arn string) error) error {
	if !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":policy/") {
		return refuse(invalidInput, attachmentARN.With("arn", arn))
	}
	if err := s.view.Check(arn); err != nil {
		return wrongPartition(err)
	}

	_, _, err := s.view.PolicyNamed(ctx, accountOf(c), arn)
	if errors.Is(err, iam.ErrNotFound) {
		return missing(arn)
	}

	return err
}

// usePolicy changes the caller's role of that name so that it uses a managed policy.
// missing returns the refusal if there is no such policy.
func (s *Service) usePolicy(
	ctx context.Context, c awsapi.Caller, role *string, policy string, missing func(arn string) error,
	change func(*store.Role) error,
) (*awsapi.NoOutput, error) {
	if err := s.attachable(ctx, c, policy, missing); err != nil {
		return nil, err
	}

	_, err := s.view.UpdateRole(ctx, accountOf(c), *role, change)
	if errors.Is(err, store.ErrPolicyNotFound) { // deleted meanwhile
		return nil, missing(policy)
	}
	if err == nil { // the account's own are named when they are written
		s.warnOfKeys(ctx, policy, s.view.Directory.AWSPolicyWarnings(s.view.Directory.ToStored(policy), false))
	}

	return nil, roleWords(*role).fault(err)
}

// attachmentInput names a role and a managed policy.
type attachmentInput struct {
	byRole
	PolicyArn *string
}

func (in *attachmentInput) Validate() []awsapi.Violation {
	return checked(in.field(), required("policyArn", in.PolicyArn, &arn)).Violations()
}

func (s *Service) attachRolePolicy(
	ctx context.Context, c awsapi.Caller, in *attachmentInput,
) (*awsapi.NoOutput, error) {
	return s.usePolicy(ctx, c, in.RoleName, *in.PolicyArn, noPolicy, func(r *store.Role) error {
		if slices.Contains(r.Attached, *in.PolicyArn) {
			return nil
		}
		if len(r.Attached) >= maxAttachedPolicies {
			return refuse(limitExceeded, attachmentQuota.With(
				"limit", strconv.Itoa(maxAttachedPolicies),
			).Of(r.Name).At(s.linkTo(*r, "AttachedPolicies")))
		}
		r.Attached = append(r.Attached, *in.PolicyArn)
		slices.Sort(r.Attached)

		return nil
	})
}

func (s *Service) detachRolePolicy(
	ctx context.Context, c awsapi.Caller, in *attachmentInput,
) (*awsapi.NoOutput, error) {
	arn, err := s.view.FromCall(*in.PolicyArn)
	if err != nil {
		return nil, wrongPartition(err)
	}

	_, err = s.updateNamed(ctx, c, in.RoleName, func(r *store.Role) error {
		i := slices.Index(r.Attached, arn)
		if i < 0 {
			return refuse(noSuchEntity, attachmentAbsent.With("arn", *in.PolicyArn).Of(r.Name))
		}
		r.Attached = slices.Delete(r.Attached, i, i+1)
		return nil
	})

	return nil, err
}

type listAttachedRolePoliciesInput struct {
	byRole
	paging
	PathPrefix *string
}

func (in *listAttachedRolePoliciesInput) Validate() []awsapi.Violation {
	return listed(
		in.paging,
		in.field(),
		optional("pathPrefix", in.PathPrefix, &pathPrefix),
	)
}

type attachedPolicy struct{ PolicyName, PolicyArn string }

type listAttachedRolePoliciesOutput struct {
	AttachedPolicies list[attachedPolicy]
	pageEnd
}

func (s *Service) listAttachedRolePolicies(
	ctx context.Context, c awsapi.Caller, in *listAttachedRolePoliciesInput,
) (*listAttachedRolePoliciesOutput, error) {
	r, err := s.named(ctx, c, in.RoleName)
	if err != nil {
		return nil, err
	}

	var all []attachedPolicy
	for _, arn := range r.Attached { // sorted
		_, path, _ := strings.Cut(arn, ":policy")
		if strings.HasPrefix(path, awsapi.Text(in.PathPrefix)) {
			all = append(all, attachedPolicy{PolicyName: nameOfARN(arn), PolicyArn: arn})
		}
	}

	out := &listAttachedRolePoliciesOutput{}
	out.AttachedPolicies.Members, out.pageEnd, err = page(
		in.paging, all, func(p attachedPolicy) string { return p.PolicyArn })

	return out, err
}

type putRolePermissionsBoundaryInput struct {
	byRole
	PermissionsBoundary *string
}

func (in *putRolePermissionsBoundaryInput) Validate() []awsapi.Violation {
	return checked(
		in.field(),
		required("permissionsBoundary", in.PermissionsBoundary, &arn),
	).Violations()
}

func (s *Service) putRolePermissionsBoundary(
	ctx context.Context, c awsapi.Caller, in *putRolePermissionsBoundaryInput,
) (*awsapi.NoOutput, error) {
	return s.usePolicy(ctx, c, in.RoleName, *in.PermissionsBoundary, noBoundary, func(r *store.Role) error {
		r.Boundary = *in.PermissionsBoundary
		return nil
	})
}

func (s *Service) deleteRolePermissionsBoundary(
	ctx context.Context, c awsapi.Caller, in *roleInput,
) (*awsapi.NoOutput, error) {
	_, err := s.updateNamed(ctx, c, in.RoleName, func(r *store.Role) error { r.Boundary = ""; return nil })
	return nil, err
}
