package iamapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

type getAccountAuthorizationDetailsInput struct {
	paging
	Filter []string
}

func (in *getAccountAuthorizationDetailsInput) Validate() []awsapi.Violation {
	v := checked(optional("marker", in.Marker, &markerText))
	v.List("filter", in.Filter, &awsapi.List{Element: &entityType}, false)
	v.Integer("maxItems", in.MaxItems, &maxItems, false)
	return v.Violations()
}

// wants reports whether the request asks for entities of a kind.
func (in *getAccountAuthorizationDetailsInput) wants(kind string) bool {
	return len(in.Filter) == 0 || slices.Contains(in.Filter, kind)
}

type inlinePolicy struct{ PolicyName, PolicyDocument string }

// roleDetail is a role with its policies.
type roleDetail struct {
	Path                     string
	RoleName                 string
	RoleId                   string
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	InstanceProfileList      list[empty]
	RolePolicyList           list[inlinePolicy]
	AttachedManagedPolicies  list[attachedPolicy]
	PermissionsBoundary      *permissionsBoundary `xml:",omitempty"`
	Tags                     list[tag]
	RoleLastUsed             empty
}

// policyDetail is a managed policy with its versions.
type policyDetail struct {
	managedPolicy
	PolicyVersionList list[policyVersion]
}

type getAccountAuthorizationDetailsOutput struct {
	UserDetailList  list[empty]
	GroupDetailList list[empty]
	RoleDetailList  list[roleDetail]
	Policies        list[policyDetail]
	pageEnd
}

// maxDetailBytes bounds the documents on one page. A page may have fewer entries
// than the request asks for (IAM API reference, MaxItems).
const maxDetailBytes = 1 << 20

// detail is one entry of a page, with the key that it is sorted by.
type detail struct {
	key    string
	bytes  int // size of its documents
	role   *roleDetail
	policy *policyDetail
}

// getAccountAuthorizationDetails lists roles, then AWS's policies, then the
// account's, in the order of the other listings.
func (s *Service) getAccountAuthorizationDetails(
	ctx context.Context, c awsapi.Caller, in *getAccountAuthorizationDetailsInput,
) (*getAccountAuthorizationDetailsOutput, error) {
	p := in.paging
	after, err := p.afterName()
	if err != nil {
		return nil, err
	}

	var found []detail
	if from, isRole := strings.CutPrefix(after, rolesKey); in.wants("Role") && (isRole || after == "") {
		roles, err := s.view.NamedRoles(ctx, accountOf(c), "", from, p.limit()+1)
		if err != nil {
			return nil, err
		}

		for _, r := range roles {
			found = append(found, s.roleDetail(r))
		}
	}

	of := policySelection{
		aws:   in.wants("AWSManagedPolicy"),
		own:   in.wants("LocalManagedPolicy"),
		wants: func(store.ManagedPolicy) bool { return true },
	}
	policies, err := s.policiesAfter(ctx, c, of, after, p.limit()+1-len(found))
	if err != nil {
		return nil, err
	}
	uses, err := s.view.PolicyUses(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}

	for _, m := range policies {
		found = append(found, s.policyDetail(m, uses))
	}

	page, end := cut(p.bounded(found), found, func(d detail) string { return d.key })
	out := &getAccountAuthorizationDetailsOutput{pageEnd: end}
	for _, d := range page {
		if d.role != nil {
			out.RoleDetailList.Members = append(out.RoleDetailList.Members, *d.role)
		} else {
			out.Policies.Members = append(out.Policies.Members, *d.policy)
		}
	}

	return out, nil
}

// bounded returns p with a limit that keeps the documents of found below
// maxDetailBytes. A page has at least one entry.
func (p paging) bounded(found []detail) paging {
	bytes := 0
	for n, d := range found[:min(len(found), p.limit())] {
		if bytes += d.bytes; bytes > maxDetailBytes && n > 0 {
			return paging{p.Marker, new(n)}
		}
	}
	return p
}

func (s *Service) roleDetail(r store.Role) detail {
	whole := s.wholeRole(r)
	out := &roleDetail{
		Path:                     whole.Path,
		RoleName:                 whole.RoleName,
		RoleId:                   whole.RoleId,
		Arn:                      whole.Arn,
		CreateDate:               whole.CreateDate,
		AssumeRolePolicyDocument: whole.AssumeRolePolicyDocument,
		PermissionsBoundary:      whole.PermissionsBoundary,
		Tags:                     tagsOf(r.Tags),
	}

	bytes := len(out.AssumeRolePolicyDocument)
	for _, name := range slices.Sorted(maps.Keys(r.Policies)) {
		document := encoded(r.Policies[name])
		bytes += len(document)
		out.RolePolicyList.Members = append(out.RolePolicyList.Members, inlinePolicy{name, document})
	}

	for _, arn := range r.Attached { // sorted
		out.AttachedManagedPolicies.Members = append(
			out.AttachedManagedPolicies.Members, attachedPolicy{nameOfARN(arn), arn})
	}

	return detail{key: rolesKey + strings.ToLower(r.Name), bytes: bytes, role: out}
}

func (s *Service) policyDetail(m store.ManagedPolicy, uses map[string]map[store.PolicyUsage]int) detail {
	out := &policyDetail{managedPolicy: s.listedPolicy(m, uses)}
	out.Description = text(m.Description)

	bytes := 0
	for _, v := range slices.Backward(m.Versions) { // newest first, as in ListPolicyVersions
		version := versionOf(m, v, true)
		bytes += len(*version.Document)
		out.PolicyVersionList.Members = append(out.PolicyVersionList.Members, version)
	}

	return detail{key: listKey(m), bytes: bytes, policy: out}
}
