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

type policyVersion struct {
	Document         *string `xml:",omitempty"`
	VersionId        string
	IsDefaultVersion bool
	CreateDate       string
}

// arnOf returns the ARN of p, which belongs to AWS or to an account.
func (s *Service) arnOf(p store.ManagedPolicy) string { return s.directory.PolicyARN(p) }

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
		IsAttachable:                  !s.directory.InSettings(p),
		CreateDate:                    timestamp(p.Created),
		UpdateDate:                    timestamp(fromMillis(updated)),
	}
}

func (s *Service) wholePolicy(ctx context.Context, c awsapi.Caller, p store.ManagedPolicy) (*policyOutput, error) {
	uses, err := s.directory.PolicyUses(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}
	out := s.listedPolicy(p, uses)
	out.Description, out.Tags = text(p.Description), new(tagsOf(p.Tags))
	return &policyOutput{out}, nil
}

type policyOutput struct{ Policy managedPolicy }

func versionName(number int) string { return "v" + strconv.Itoa(number) }

func versionOf(p store.ManagedPolicy, v store.PolicyVersion, whole bool) policyVersion {
	out := policyVersion{
		VersionId:        versionName(v.Number),
		IsDefaultVersion: v.Number == p.Default,
		CreateDate:       timestamp(fromMillis(v.Created)),
	}
	if whole {
		out.Document = new(encoded(v.Document))
	}

	return out
}

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
	p, own, err := s.directory.PolicyNamed(ctx, accountOf(c), *arn)
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
	p, err = s.directory.UpdatePolicy(ctx, accountOf(c), p.Name, change)
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
	p, err := s.directory.CreatePolicy(ctx, store.ManagedPolicy{
		Account:     accountOf(c),
		Name:        *in.PolicyName,
		Path:        pathOf(in.Path),
		Description: value(in.Description),
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
	s.warnOfKeys(ctx, s.directory.PolicyARN(p), iam.IdentityPolicyWarnings(*in.PolicyDocument, false))

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

type getPolicyInput struct{ PolicyArn *string }

func (in *getPolicyInput) Validate() []awsapi.Violation {
	return checked(required("policyArn", in.PolicyArn, &arn)).Violations()
}

func (s *Service) getPolicy(ctx context.Context, c awsapi.Caller, in *getPolicyInput) (*policyOutput, error) {
	p, _, err := s.policyNamed(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return s.wholePolicy(ctx, c, p)
}

type deletePolicyInput struct{ PolicyArn *string }

func (in *deletePolicyInput) Validate() []awsapi.Violation {
	return checked(required("policyArn", in.PolicyArn, &arn)).Violations()
}

func (s *Service) deletePolicy(ctx context.Context, c awsapi.Caller, in *deletePolicyInput) (*awsapi.NoOutput, error) {
	p, err := s.ownPolicy(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}

	err = s.directory.DeletePolicy(ctx, accountOf(c), p.Name, func(p store.ManagedPolicy) error {
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
	Scope             *string
	OnlyAttached      *bool
	PathPrefix        *string
	PolicyUsageFilter *string
	Marker            *string
	MaxItems          *int
}

func (in *listPoliciesInput) Validate() []awsapi.Violation {
	return listed(
		paging{in.Marker, in.MaxItems},
		optional("scope", in.Scope, &policyScope),
		optional("pathPrefix", in.PathPrefix, &pathPrefix),
		optional("policyUsageFilter", in.PolicyUsageFilter, &policyUsage),
	)
}

// wants reports whether the request asks for a policy with these uses.
func (in *listPoliciesInput) wants(used map[store.PolicyUsage]int) bool {
	switch value(in.PolicyUsageFilter) {
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
	p := paging{in.Marker, in.MaxItems}
	after, err := p.afterName()
	if err != nil {
		return nil, err
	}
	uses, err := s.directory.PolicyUses(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}

	of := policySelection{
		aws:        value(in.Scope) != "Local",
		own:        value(in.Scope) != "AWS",
		pathPrefix: value(in.PathPrefix),
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
		aws := s.directory.AWSPolicies()
		slices.SortFunc(aws, func(a, b store.ManagedPolicy) int { return strings.Compare(listKey(a), listKey(b)) })
		keep(aws)
	}

	from, isOwn := strings.CutPrefix(after, ownKey)
	if !isOwn {
		from = ""
	}

	for of.own && len(found) < limit {
		batch, err := s.directory.Policies(ctx, accountOf(c), of.pathPrefix, from, policyBatch)
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

type createPolicyVersionInput struct {
	PolicyArn      *string
	PolicyDocument *string
	SetAsDefault   *bool
}

func (in *createPolicyVersionInput) Validate() []awsapi.Violation {
	return checked(
		required("policyArn", in.PolicyArn, &arn),
		required("policyDocument", in.PolicyDocument, &document),
	).Violations()
}

type policyVersionOutput struct{ PolicyVersion policyVersion }

func (s *Service) createPolicyVersion(
	ctx context.Context, c awsapi.Caller, in *createPolicyVersionInput,
) (*policyVersionOutput, error) {
	if err := checkManaged(*in.PolicyDocument); err != nil {
		return nil, err
	}

	now := s.now().UnixMilli()
	p, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) error {
		if len(p.Versions) >= maxPolicyVersions {
			return refuse(limitExceeded, policyVersionQuota.With("limit", strconv.Itoa(maxPolicyVersions)))
		}

		p.Versions = append(p.Versions, store.PolicyVersion{Number: p.Next, Document: *in.PolicyDocument, Created: now})
		if in.SetAsDefault != nil && *in.SetAsDefault {
			p.Default = p.Next
		}
		p.Next++
		p.Updated = now

		return nil
	})
	if err != nil {
		return nil, err
	}
	s.warnOfKeys(ctx, *in.PolicyArn, iam.IdentityPolicyWarnings(*in.PolicyDocument, false))

	return &policyVersionOutput{versionOf(p, p.Versions[len(p.Versions)-1], false)}, nil
}

type getPolicyVersionInput struct{ PolicyArn, VersionId *string }

func (in *getPolicyVersionInput) Validate() []awsapi.Violation {
	return checked(
		required("policyArn", in.PolicyArn, &arn),
		required("versionId", in.VersionId, &versionID),
	).Violations()
}

func versionMissing(arn, version string) error {
	return refuse(noSuchEntity, policyVersionMissing.With("arn", arn, "version", version).Of(arn))
}

// versionNumbered returns the version of p that a request names, such as v2.
func versionNumbered(p store.ManagedPolicy, name string) (store.PolicyVersion, bool) {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
	if err != nil {
		return store.PolicyVersion{}, false
	}
	return p.Version(number)
}

func (s *Service) getPolicyVersion(
	ctx context.Context, c awsapi.Caller, in *getPolicyVersionInput,
) (*policyVersionOutput, error) {
	p, _, err := s.policyNamed(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, ok := versionNumbered(p, *in.VersionId)
	if !ok {
		return nil, versionMissing(*in.PolicyArn, *in.VersionId)
	}

	return &policyVersionOutput{versionOf(p, v, true)}, nil
}

type listPolicyVersionsInput struct {
	PolicyArn *string
	Marker    *string
	MaxItems  *int
}

func (in *listPolicyVersionsInput) Validate() []awsapi.Violation {
	return listed(paging{in.Marker, in.MaxItems}, required("policyArn", in.PolicyArn, &arn))
}

type listPolicyVersionsOutput struct {
	Versions list[policyVersion]
	pageEnd
}

// listPolicyVersions lists the newest version first, as AWS does.
func (s *Service) listPolicyVersions(
	ctx context.Context, c awsapi.Caller, in *listPolicyVersionsInput,
) (*listPolicyVersionsOutput, error) {
	p, _, err := s.policyNamed(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}

	versions := slices.Clone(p.Versions)
	slices.Reverse(versions)

	out := &listPolicyVersionsOutput{}
	// Keys must ascend, and the numbers descend.
	versions, out.pageEnd, err = page(paging{in.Marker, in.MaxItems}, versions, func(v store.PolicyVersion) string {
		return fmt.Sprintf("%010d", 1<<31-v.Number)
	})
	for _, v := range versions {
		out.Versions.Members = append(out.Versions.Members, versionOf(p, v, false))
	}

	return out, err
}

type setDefaultPolicyVersionInput struct{ PolicyArn, VersionId *string }

func (in *setDefaultPolicyVersionInput) Validate() []awsapi.Violation {
	return checked(
		required("policyArn", in.PolicyArn, &arn),
		required("versionId", in.VersionId, &versionID),
	).Violations()
}

func (s *Service) setDefaultPolicyVersion(
	ctx context.Context, c awsapi.Caller, in *setDefaultPolicyVersionInput,
) (*awsapi.NoOutput, error) {
	_, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) error {
		v, ok := versionNumbered(*p, *in.VersionId)
		if !ok {
			return versionMissing(*in.PolicyArn, *in.VersionId)
		}
		p.Default, p.Updated = v.Number, s.now().UnixMilli()
		return nil
	})

	return nil, err
}

type deletePolicyVersionInput struct{ PolicyArn, VersionId *string }

func (in *deletePolicyVersionInput) Validate() []awsapi.Violation {
	return checked(
		required("policyArn", in.PolicyArn, &arn),
		required("versionId", in.VersionId, &versionID),
	).Violations()
}

func (s *Service) deletePolicyVersion(
	ctx context.Context, c awsapi.Caller, in *deletePolicyVersionInput,
) (*awsapi.NoOutput, error) {
	_, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) error {
		v, ok := versionNumbered(*p, *in.VersionId)
		switch {
		case !ok:
			return versionMissing(*in.PolicyArn, *in.VersionId)
		case v.Number == p.Default:
			return refuse(deleteConflict, policyVersionDefault.With())
		}

		p.Versions = slices.DeleteFunc(p.Versions, func(other store.PolicyVersion) bool {
			return other.Number == v.Number
		})
		p.Updated = s.now().UnixMilli()

		return nil
	})

	return nil, err
}

type listEntitiesForPolicyInput struct {
	PolicyArn         *string
	EntityFilter      *string
	PathPrefix        *string
	PolicyUsageFilter *string
	Marker            *string
	MaxItems          *int
}

func (in *listEntitiesForPolicyInput) Validate() []awsapi.Violation {
	return listed(
		paging{in.Marker, in.MaxItems},
		required("policyArn", in.PolicyArn, &arn),
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
	users, err := s.directory.PolicyUsers(ctx, accountOf(c), *in.PolicyArn)
	if err != nil {
		return nil, err
	}

	usage := map[string]store.PolicyUsage{
		"PermissionsPolicy": store.AttachedUsage, "PermissionsBoundary": store.BoundaryUsage,
	}[value(in.PolicyUsageFilter)]
	var roles []policyRole
	for _, u := range users {
		r := policyRole{u.Role.Name, u.Role.ID}
		if (usage == "" || u.Usage == usage) &&
			strings.HasPrefix(u.Role.Path, value(in.PathPrefix)) && !slices.Contains(roles, r) {
			roles = append(roles, r)
		}
	}
	out.PolicyRoles.Members, out.pageEnd, err = page(paging{in.Marker, in.MaxItems}, roles, func(r policyRole) string {
		return strings.ToLower(r.RoleName)
	})

	return out, err
}

type tagPolicyInput struct {
	PolicyArn *string
	Tags      []tag
}

func (in *tagPolicyInput) Validate() []awsapi.Violation {
	return checkTags(checked(required("policyArn", in.PolicyArn, &arn)), in.Tags, true)
}

func (s *Service) tagPolicy(ctx context.Context, c awsapi.Caller, in *tagPolicyInput) (*awsapi.NoOutput, error) {
	_, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) (err error) {
		p.Tags, err = addTags(p.Tags, in.Tags)
		return err
	})
	return nil, err
}

type untagPolicyInput struct {
	PolicyArn *string
	TagKeys   []string
}

func (in *untagPolicyInput) Validate() []awsapi.Violation {
	return checkTagKeys(checked(required("policyArn", in.PolicyArn, &arn)), in.TagKeys)
}

func (s *Service) untagPolicy(ctx context.Context, c awsapi.Caller, in *untagPolicyInput) (*awsapi.NoOutput, error) {
	_, err := s.updatePolicy(ctx, c, in.PolicyArn, func(p *store.ManagedPolicy) error {
		p.Tags = removeTags(p.Tags, in.TagKeys)
		return nil
	})
	return nil, err
}

type listPolicyTagsInput struct {
	PolicyArn *string
	Marker    *string
	MaxItems  *int
}

func (in *listPolicyTagsInput) Validate() []awsapi.Violation {
	return listed(paging{in.Marker, in.MaxItems}, required("policyArn", in.PolicyArn, &arn))
}

func (s *Service) listPolicyTags(ctx context.Context, c awsapi.Caller, in *listPolicyTagsInput) (*tagList, error) {
	p, _, err := s.policyNamed(ctx, c, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return listTags(paging{in.Marker, in.MaxItems}, p.Tags)
}
