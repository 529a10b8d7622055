package iamapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// role is a role in a response.
type role struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              *string `xml:",omitempty"`
	MaxSessionDuration       int
	PermissionsBoundary      *permissionsBoundary `xml:",omitempty"`
	Tags                     *list[tag]           `xml:",omitempty"`
	RoleLastUsed             *empty               `xml:",omitempty"` // empty: use is not recorded
}

type permissionsBoundary struct {
	PermissionsBoundaryType string
	PermissionsBoundaryArn  string
}

// listedRole returns a role as listings show it.
func (s *Service) listedRole(r store.Role) role {
	return role{
		Path:                     r.Path,
		RoleName:                 r.Name,
		RoleId:                   r.ID,
		Arn:                      s.view.RoleARN(r),
		CreateDate:               timestamp(r.Created),
		AssumeRolePolicyDocument: encoded(r.Trust),
		Description:              text(r.Description),
		MaxSessionDuration:       r.MaxSession,
	}
}

// wholeRole returns a role as it is shown alone: with its boundary and its tags.
func (s *Service) wholeRole(r store.Role) role {
	out := s.listedRole(r)
	if r.Boundary != "" {
		out.PermissionsBoundary = &permissionsBoundary{
			PermissionsBoundaryType: "Policy",
			PermissionsBoundaryArn:  r.Boundary,
		}
	}
	if len(r.Tags) > 0 {
		out.Tags = new(tagsOf(r.Tags))
	}
	out.RoleLastUsed = &empty{}

	return out
}

type roleOutput struct{ Role role }

// roleWords returns the texts about the role of that name.
func roleWords(name string) words {
	return words{
		what:     "role",
		section:  "roles",
		missing:  "The role with name " + name + " cannot be found.",
		conflict: "Role with name " + name + " already exists.",
		quota:    fmt.Sprintf("Cannot exceed quota for RolesPerAccount: %d", iam.MaxRoles),
	}
}

// updateNamed changes the caller's role of that name.
func (s *Service) updateNamed(
	ctx context.Context, c awsapi.Caller, name *string, change func(*store.Role) error,
) (store.Role, error) {
	r, err := s.view.UpdateRole(ctx, accountOf(c), *name, change)
	return r, roleWords(*name).fault(err)
}

// named returns the caller's role of that name.
func (s *Service) named(ctx context.Context, c awsapi.Caller, name *string) (store.Role, error) {
	r, err := s.view.NamedRole(ctx, accountOf(c), *name)
	return r, roleWords(*name).fault(err)
}

// checkTrust refuses a trust policy that is malformed or too long, or that names
// roles which do not exist.
func (s *Service) checkTrust(ctx context.Context, c awsapi.Caller, name, document string) error {
	trust, err := iam.CheckTrustPolicy(document)
	if err != nil {
		return malformed(err)
	}
	if size := characters(document); size > maxTrustPolicy {
		return refuse(limitExceeded, trustSize.With(
			"limit", strconv.Itoa(maxTrustPolicy), "size", strconv.Itoa(size),
		).Of(name))
	}

	for _, arn := range trust.ARNs {
		if err := s.view.Check(arn); err != nil {
			return wrongPrincipal(err)
		}
	}
	if err := s.checkPrincipals(ctx, c, name, trust.Principals); err != nil {
		return err
	}

	s.warnOfKeys(ctx, "trust policy of role "+name, iam.TrustPolicyWarnings(document))
	if !trust.AsksForAMR {
		s.logger.WarnContext(ctx,
			"a trust policy does not ask for cognito-identity.amazonaws.com:amr, so a guest of the pool can assume "+
				"the role through the classic flow",
			"role", name)
	}

	return nil
}

// checkPrincipals refuses roles, and sessions of roles, that an account of this
// server does not have. For principals that it cannot look up it only logs a
// warning; so it does for roles if unknown ones are accepted.
func (s *Service) checkPrincipals(ctx context.Context, c awsapi.Caller, name string, principals []string) error {
	isOurs := func(ctx context.Context, account identitypool.AccountID) (bool, error) {
		if account == accountOf(c) {
			return true, nil
		}
		return s.hasAccount(ctx, account)
	}

	found, err := s.view.Directory.LookUp(ctx, principals, isOurs)
	if err != nil {
		return err
	}

	if len(found.Missing) > 0 && !s.acceptUnknown {
		return refuse(malformedDocument, principalMissing.With("principal", found.Missing[0]).Of(name))
	}

	for _, principal := range slices.Concat(found.Missing, found.Unknown) {
		s.logger.WarnContext(ctx, "a trust policy names a principal that this server does not know",
			"role", name, "principal", principal)
	}

	return nil
}

type createRoleInput struct {
	RoleName                 *string
	AssumeRolePolicyDocument *string
	Path                     *string
	Description              *string
	MaxSessionDuration       *int
	PermissionsBoundary      *string
	Tags                     []tag
}

func (in *createRoleInput) Validate() []awsapi.Violation {
	v := checked(
		required("roleName", in.RoleName, &roleName),
		required("assumeRolePolicyDocument", in.AssumeRolePolicyDocument, &document),
		optional("path", in.Path, &rolePath),
		optional("description", in.Description, &roleDescription),
		optional("permissionsBoundary", in.PermissionsBoundary, &arn),
	)
	v.Integer("maxSessionDuration", in.MaxSessionDuration, &maxSession, false)

	return checkTags(v, in.Tags, false)
}

func (s *Service) createRole(ctx context.Context, c awsapi.Caller, in *createRoleInput) (*roleOutput, error) {
	if err := s.checkTrust(ctx, c, *in.RoleName, *in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	tags, err := addTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}

	r := store.Role{
		Account:     accountOf(c),
		Name:        *in.RoleName,
		Path:        pathOf(in.Path),
		Description: awsapi.Text(in.Description),
		Trust:       *in.AssumeRolePolicyDocument,
		MaxSession:  maxSession.Min,
		Tags:        tags,
		Boundary:    awsapi.Text(in.PermissionsBoundary),
	}
	if in.MaxSessionDuration != nil {
		r.MaxSession = *in.MaxSessionDuration
	}
	if r.Boundary != "" {
		if err := s.attachable(ctx, c, r.Boundary, noBoundary); err != nil {
			return nil, err
		}
	}

	made, err := s.view.CreateRole(ctx, r)
	if errors.Is(err, store.ErrPolicyNotFound) {
		return nil, noBoundary(r.Boundary)
	}
	if err != nil {
		return nil, roleWords(*in.RoleName).fault(err)
	}

	out := s.wholeRole(made)
	out.RoleLastUsed = nil // as in AWS: nobody can have used it yet

	return &roleOutput{Role: out}, nil
}

// roleInput is the input of operations on a role that need no more than its name.
type roleInput struct{ byRole }

func (in *roleInput) Validate() []awsapi.Violation { return checked(in.field()).Violations() }

// ofRoleInput is the input of listings of the things that a role has.
type ofRoleInput struct {
	byRole
	paging
}

func (in *ofRoleInput) Validate() []awsapi.Violation { return listed(in.paging, in.field()) }

func (s *Service) getRole(ctx context.Context, c awsapi.Caller, in *roleInput) (*roleOutput, error) {
	r, err := s.named(ctx, c, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &roleOutput{Role: s.wholeRole(r)}, nil
}

type updateRoleInput struct {
	byRole
	Description        *string
	MaxSessionDuration *int
}

func (in *updateRoleInput) Validate() []awsapi.Violation {
	v := checked(
		in.field(),
		optional("description", in.Description, &roleDescription),
	)
	v.Integer("maxSessionDuration", in.MaxSessionDuration, &maxSession, false)
	return v.Violations()
}

func (s *Service) updateRole(ctx context.Context, c awsapi.Caller, in *updateRoleInput) (*empty, error) {
	_, err := s.updateNamed(ctx, c, in.RoleName, func(r *store.Role) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			r.MaxSession = *in.MaxSessionDuration
		}
		return nil
	})

	return &empty{}, err
}

type updateRoleDescriptionInput struct {
	byRole
	Description *string
}

func (in *updateRoleDescriptionInput) Validate() []awsapi.Violation {
	return checked(
		in.field(),
		required("description", in.Description, &roleDescription),
	).Violations()
}

func (s *Service) updateRoleDescription(
	ctx context.Context, c awsapi.Caller, in *updateRoleDescriptionInput,
) (*roleOutput, error) {
	r, err := s.updateNamed(ctx, c, in.RoleName, func(r *store.Role) error {
		r.Description = *in.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &roleOutput{Role: s.wholeRole(r)}, nil
}

type updateAssumeRolePolicyInput struct {
	byRole
	PolicyDocument *string
}

func (in *updateAssumeRolePolicyInput) Validate() []awsapi.Violation {
	return checked(
		in.field(),
		required("policyDocument", in.PolicyDocument, &document),
	).Violations()
}

func (s *Service) updateAssumeRolePolicy(
	ctx context.Context, c awsapi.Caller, in *updateAssumeRolePolicyInput,
) (*awsapi.NoOutput, error) {
	if err := s.checkTrust(ctx, c, *in.RoleName, *in.PolicyDocument); err != nil {
		return nil, err
	}
	_, err := s.updateNamed(ctx, c, in.RoleName, func(r *store.Role) error {
		r.WriteTrust(*in.PolicyDocument)
		return nil
	})
	return nil, err
}

// linkTo returns a link to a field of a role of this API.
func (s *Service) linkTo(r store.Role, field string) explain.Link {
	return explain.Link{
		Kind:   explain.LinkRole,
		ID:     s.view.RoleARN(r),
		Field:  field,
		Source: explain.SourceAPI,
	}
}

func (s *Service) deleteRole(ctx context.Context, c awsapi.Caller, in *roleInput) (*awsapi.NoOutput, error) {
	err := s.view.Directory.DeleteRole(ctx, accountOf(c), *in.RoleName, func(r store.Role) error {
		switch {
		case len(r.Attached) > 0:
			return refuse(deleteConflict, roleWithAttached.With(
				"policies", strings.Join(r.Attached, ", "),
			).Of(r.Name).At(s.linkTo(r, "AttachedPolicies")))
		case len(r.Policies) > 0:
			return refuse(deleteConflict, roleWithInline.With(
				"policies", strings.Join(slices.Sorted(maps.Keys(r.Policies)), ", "),
			).Of(r.Name).At(s.linkTo(r, "Policies")))
		}

		return nil
	})

	return nil, roleWords(*in.RoleName).fault(err)
}

type listRolesInput struct {
	paging
	PathPrefix *string
}

func (in *listRolesInput) Validate() []awsapi.Violation {
	return listed(in.paging, optional("pathPrefix", in.PathPrefix, &pathPrefix))
}

type listRolesOutput struct {
	Roles list[role]
	pageEnd
}

func (s *Service) listRoles(ctx context.Context, c awsapi.Caller, in *listRolesInput) (*listRolesOutput, error) {
	p := in.paging
	after, err := p.afterName()
	if err != nil {
		return nil, err
	}
	found, err := s.view.NamedRoles(ctx, accountOf(c), awsapi.Text(in.PathPrefix), after, p.limit()+1)
	if err != nil {
		return nil, err
	}

	out := &listRolesOutput{}
	found, out.pageEnd = cut(p, found, func(r store.Role) string { return strings.ToLower(r.Name) })
	for _, r := range found {
		out.Roles.Members = append(out.Roles.Members, s.listedRole(r))
	}

	return out, nil
}

type listInstanceProfilesForRoleOutput struct {
	InstanceProfiles list[empty]
	pageEnd
}

// listInstanceProfilesForRole returns an empty list: there are no instances here.
func (s *Service) listInstanceProfilesForRole(
	ctx context.Context, c awsapi.Caller, in *ofRoleInput,
) (*listInstanceProfilesForRoleOutput, error) {
	if _, err := s.named(ctx, c, in.RoleName); err != nil {
		return nil, err
	}
	return &listInstanceProfilesForRoleOutput{}, nil
}
