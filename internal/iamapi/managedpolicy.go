package iamapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// managedPolicy is a managed policy in a response.
type managedPolicy struct {
	PolicyName                    string
	PolicyId                      string
	Arn                           string
	Path                          string
	DefaultVersionId              string
	AttachmentCount               int
	PermissionsBoundaryUsageCount int
	IsAttachable                  bool
	Description                   *string `xml:",omitempty"`
	CreateDate                    string
	UpdateDate                    string
	Tags                          *list[tag] `xml:",omitempty"`
}

// arnOf returns the ARN of p, which belongs to AWS or to an account.
func (s *Service) arnOf(p store.ManagedPolicy) string { return s.view.PolicyARN(p) }

// listedPolicy returns a managed policy as listings show it.
func (s *Service) listedPolicy(p store.ManagedPolicy, uses map[string]map[store.PolicyUsage]int) managedPolicy {
	used := uses[s.arnOf(p)]

	updated := p.Updated
	if updated == 0 {
		updated = p.Created.UnixMilli()
	}
	if p.Created.IsZero() {
		updated = 0
	}

	return managedPolicy{
		PolicyName:                    p.Name,
		PolicyId:                      p.ID,
		Arn:                           s.arnOf(p),
		Path:                          p.Path,
		DefaultVersionId:              versionName(p.Default),
		AttachmentCount:               used[store.AttachedUsage],
		PermissionsBoundaryUsageCount: used[store.BoundaryUsage],
		IsAttachable:                  !s.view.Directory.InSettings(p),
		CreateDate:                    timestamp(p.Created),
		UpdateDate:                    timestamp(fromMillis(updated)),
	}
}

func (s *Service) wholePolicy(ctx context.Context, c awsapi.Caller, p store.ManagedPolicy) (*policyOutput, error) {
	uses, err := s.view.PolicyUses(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}
	out := s.listedPolicy(p, uses)
	out.Description, out.Tags = text(p.Description), new(tagsOf(p.Tags))
	return &policyOutput{Policy: out}, nil
}

type policyOutput struct{ Policy managedPolicy }

func managedWords(arn string) words {
	return words{
		what:    "policy",
		section: "roles", // where a role's boundary is
		missing: "Policy " + arn + " was not found.",
		quota:   fmt.Sprintf("Cannot exceed quota for PoliciesPerAccount: %d", iam.MaxPolicies),
	}
}

// policyNamed returns the managed policy with that ARN, and whether the caller's
// account owns it.
func (s *Service) policyNamed(ctx context.Context, c awsapi.Caller, arn *string) (store.ManagedPolicy, bool, error) {
	p, own, err := s.view.PolicyNamed(ctx, accountOf(c), *arn)
	return p, own, managedWords(*arn).fault(err)
}

// ownPolicy returns the managed policy with that ARN. It refuses AWS's, which
// cannot be changed.
func (s *Service) ownPolicy(ctx context.Context, c awsapi.Caller, arn *string) (store.ManagedPolicy, error) {
	p, own, err := s.policyNamed(ctx, c, arn)
	if err == nil && !own {
		err = refuse("AccessDenied", policyOfAWS.With("arn", *arn).Of(*arn))
	}
	return p, err
}

// updatePolicy changes the caller's managed policy with that ARN.
func (s *Service) updatePolicy(
	ctx context.Context, c awsapi.Caller, arn *string, change func(*store.ManagedPolicy) error,
) (store.ManagedPolicy, error) {
	p, err := s.ownPolicy(ctx, c, arn)
	if err != nil {
		return p, err
	}
	p, err = s.view.Directory.UpdatePolicy(ctx, accountOf(c), p.Name, change)
	return p, managedWords(*arn).fault(err)
}

func checkManaged(document string) error {
	if err := iam.CheckManagedPolicy(document); err != nil {
		return malformed(err)
	}
	if size := characters(document); size > maxManagedPolicy {
		return refuse(limitExceeded, documentSize.With(
			"limit", strconv.Itoa(maxManagedPolicy), "size", strconv.Itoa(size),
		))
	}

	return nil
}

type createPolicyInput struct {
	PolicyName     *string
	Path           *string
	PolicyDocument *string
	Description    *string
	Tags           []tag
}

func (in *createPolicyInput) Validate() []awsapi.Violation {
	return checkTags(checked(
		required("policyName", in.PolicyName, &policyName),
		optional("path", in.Path, &policyPath),
		required("policyDocument", in.PolicyDocument, &document),
		optional("description", in.Description, &description),
	), in.Tags, false)
}

func (s *Service) createPolicy(ctx context.Context, c awsapi.Caller, in *createPolicyInput) (*policyOutput, error) {
	if err := checkManaged(*in.PolicyDocument); err != nil {
		return nil, err
	}
	tags, err := addTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}

	now := s.now().UnixMilli()
	p, err := s.view.Directory.CreatePolicy(ctx, store.ManagedPolicy{
		Account:     accountOf(c),
		Name:        *in.PolicyName,
		Path:        pathOf(in.Path),
		Description: awsapi.Text(in.Description),
		Updated:     now,
		Tags:        tags,
		Versions:    []store.PolicyVersion{{Number: 1, Document: *in.PolicyDocument, Created: now}},
		Default:     1,
		Next:        2,
	})
	if err != nil {
		w := managedWords("")
		w.conflict = "A policy called " + *in.PolicyName + " already exists. Duplicate names are not allowed."
		return nil, w.fault(err)
	}
	s.warnOfKeys(ctx, s.view.PolicyARN(p), iam.IdentityPolicyWarnings(*in.PolicyDocument, false))

	out, err := s.wholePolicy(ctx, c, p)
	if err != nil {
		return nil, err
	}
	out.Policy.Description = nil // as in AWS, where only GetPolicy shows it
	if len(p.Tags) == 0 {
		out.Policy.Tags = nil
	}

	return out, nil
}

// policyInput is the input of operations on a policy that need no more than its ARN.
type policyInput struct{ byPolicy }

func (in *policyInput) Validate() []awsapi.Violation { return checked(in.field()).Violations() }

func (s *Service) getPolicy(ctx context.Context, c awsapi.Caller, in *policyInput) (*policyOutput, error) {
	p, _, err := s.policyNamed(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return s.wholePolicy(ctx, c, p)
}

func (s *Service) deletePolicy(ctx context.Context, c awsapi.Caller, in *policyInput) (*awsapi.NoOutput, error) {
	p, err := s.ownPolicy(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}

	err = s.view.Directory.DeletePolicy(ctx, accountOf(c), p.Name, func(p store.ManagedPolicy) error {
		if len(p.Versions) > 1 {
			return refuse(deleteConflict, policyVersionsLeft.With("count", strconv.Itoa(len(p.Versions))))
		}
		return nil
	})
	if errors.Is(err, iam.ErrConflict) {
		return nil, refuse(deleteConflict, policyAttached.With())
	}

	return nil, managedWords(*in.PolicyArn).fault(err)
}

type listPoliciesInput struct {
	paging
	Scope             *string
	OnlyAttached      *bool
	PathPrefix        *string
	PolicyUsageFilter *string
}

func (in *listPoliciesInput) Validate() []awsapi.Violation {
	return listed(
		in.paging,
		optional("scope", in.Scope, &policyScope),
		optional("pathPrefix", in.PathPrefix, &pathPrefix),
		optional("policyUsageFilter", in.PolicyUsageFilter, &policyUsage),
	)
}

// wants reports whether the request asks for a policy with these uses.
func (in *listPoliciesInput) wants(used map[store.PolicyUsage]int) bool {
	switch awsapi.Text(in.PolicyUsageFilter) {
	case "PermissionsPolicy":
		return used[store.AttachedUsage] > 0
	case "PermissionsBoundary":
		return used[store.BoundaryUsage] > 0
	}
	return in.OnlyAttached == nil || !*in.OnlyAttached || len(used) > 0
}

type listPoliciesOutput struct {
	Policies list[managedPolicy]
	pageEnd
}

// policyBatch is the number of policies that a listing reads at a time.
const policyBatch = 100

// listPolicies lists AWS's policies first, then the account's.
func (s *Service) listPolicies(
	ctx context.Context, c awsapi.Caller, in *listPoliciesInput,
) (*listPoliciesOutput, error) {
	p := in.paging
	after, err := p.afterName()
	if err != nil {
		return nil, err
	}
	uses, err := s.view.PolicyUses(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}

	of := policySelection{
		aws:        awsapi.Text(in.Scope) != "Local",
		own:        awsapi.Text(in.Scope) != "AWS",
		pathPrefix: awsapi.Text(in.PathPrefix),
		wants:      func(m store.ManagedPolicy) bool { return in.wants(uses[s.arnOf(m)]) },
	}
	found, err := s.policiesAfter(ctx, c, of, after, p.limit()+1)
	if err != nil {
		return nil, err
	}

	out := &listPoliciesOutput{}
	found, out.pageEnd = cut(p, found, listKey)
	for _, m := range found {
		out.Policies.Members = append(out.Policies.Members, s.listedPolicy(m, uses))
	}

	return out, nil
}

// policySelection selects the managed policies of a listing.
type policySelection struct {
	aws, own   bool
	pathPrefix string
	wants      func(store.ManagedPolicy) bool
}

// policiesAfter returns at most limit managed policies in a listing's order. It
// begins with the first whose key is greater than after.
func (s *Service) policiesAfter(
	ctx context.Context, c awsapi.Caller, of policySelection, after string, limit int,
) ([]store.ManagedPolicy, error) {
	var found []store.ManagedPolicy
	keep := func(all []store.ManagedPolicy) {
		for _, m := range all {
			if of.wants(m) && strings.HasPrefix(m.Path, of.pathPrefix) && listKey(m) > after && len(found) < limit {
				found = append(found, m)
			}
		}
	}

	if of.aws {
		aws := s.view.Directory.AWSPolicies()
		slices.SortFunc(aws, func(a, b store.ManagedPolicy) int { return strings.Compare(listKey(a), listKey(b)) })
		keep(aws)
	}

	from, isOwn := strings.CutPrefix(after, ownKey)
	if !isOwn {
		from = ""
	}

	for of.own && len(found) < limit {
		batch, err := s.view.Directory.Policies(ctx, accountOf(c), of.pathPrefix, from, policyBatch)
		if err != nil {
			return nil, err
		}
		keep(batch)
		if len(batch) < policyBatch {
			break
		}
		from = batch[len(batch)-1].Name
	}

	return found, nil
}

// Prefixes of keys. They put a listing in order: roles if it has any, then AWS's
// policies, then the account's; each group by lower-case name.
const (
	rolesKey = "0/"
	awsKey   = "1/"
	ownKey   = "2/"
)

func listKey(p store.ManagedPolicy) string {
	if p.Account == identitypool.AccountID("aws") {
		return awsKey + strings.ToLower(p.Name)
	}
	return ownKey + strings.ToLower(p.Name)
}

type listEntitiesForPolicyInput struct {
	byPolicy
	paging
	EntityFilter      *string
	PathPrefix        *string
	PolicyUsageFilter *string
}

func (in *listEntitiesForPolicyInput) Validate() []awsapi.Violation {
	return listed(
		in.paging,
		in.field(),
		optional("entityFilter", in.EntityFilter, &entityType),
		optional("pathPrefix", in.PathPrefix, &pathPrefix),
		optional("policyUsageFilter", in.PolicyUsageFilter, &policyUsage),
	)
}

type policyRole struct{ RoleName, RoleId string }

type listEntitiesForPolicyOutput struct {
	PolicyGroups list[empty]
	PolicyUsers  list[empty]
	PolicyRoles  list[policyRole]
	pageEnd
}

func (s *Service) listEntitiesForPolicy(
	ctx context.Context, c awsapi.Caller, in *listEntitiesForPolicyInput,
) (*listEntitiesForPolicyOutput, error) {
	if _, _, err := s.policyNamed(ctx, c, in.PolicyArn); err != nil {
		return nil, err
	}

	out := &listEntitiesForPolicyOutput{}
	if in.EntityFilter != nil && *in.EntityFilter != "Role" {
		return out, nil
	}
	users, err := s.view.PolicyUsers(ctx, accountOf(c), *in.PolicyArn)
	if err != nil {
		return nil, err
	}

	usage := map[string]store.PolicyUsage{
		"PermissionsPolicy": store.AttachedUsage, "PermissionsBoundary": store.BoundaryUsage,
	}[awsapi.Text(in.PolicyUsageFilter)]
	var roles []policyRole
	for _, u := range users {
		r := policyRole{RoleName: u.Role.Name, RoleId: u.Role.ID}
		if (usage == "" || u.Usage == usage) &&
			strings.HasPrefix(u.Role.Path, awsapi.Text(in.PathPrefix)) && !slices.Contains(roles, r) {
			roles = append(roles, r)
		}
	}
	out.PolicyRoles.Members, out.pageEnd, err = page(in.paging, roles, func(r policyRole) string {
		return strings.ToLower(r.RoleName)
	})

	return out, err
}
