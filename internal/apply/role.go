package apply

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const defaultMaxSession = "3600"

// role is a role with its inline policies.
type role struct {
	common

	RoleName                 string   `file:"fixed"`
	Path                     string   `file:"fixed"`
	Description              string   `file:"blank"`
	AssumeRolePolicyDocument document `file:"required"`
	MaxSessionDuration       integer
	PermissionsBoundary      string
	ManagedPolicyArns        []string
	Tags                     tags
	Policies                 []inlinePolicy
}

type inlinePolicy struct {
	PolicyName     string   `file:"required"`
	PolicyDocument document `file:"required"`
}

func (*role) typeName() string { return "AWS::IAM::Role" }

// key ignores case and path: names that differ in them are one name.
func (r *role) key(Resource) string { return strings.ToLower(r.RoleName) }

func (r *role) complete(file Resource) error {
	r.RoleName = cmp.Or(r.RoleName, file.serverName())
	r.Path = cmp.Or(r.Path, "/")
	r.MaxSessionDuration = cmp.Or(r.MaxSessionDuration, defaultMaxSession)

	names := map[string]bool{}
	for _, policy := range r.Policies {
		if names[policy.PolicyName] {
			return fmt.Errorf("two of its Policies have the PolicyName %q", policy.PolicyName)
		}
		names[policy.PolicyName] = true
	}

	return nil
}

func (r *role) id(s *server, _ Resource) string { return s.arn("role" + r.Path + r.RoleName) }

func (r *role) attributes(_ *server, id string) map[string]string {
	return map[string]string{"Ref": r.RoleName, "Arn": id}
}

func (r *role) byName() map[string]document {
	all := map[string]document{}
	for _, policy := range r.Policies {
		all[policy.PolicyName] = policy.PolicyDocument
	}
	return all
}

func (r *role) documents() []policyText {
	all := []policyText{{
		name:     "AssumeRolePolicyDocument",
		text:     string(r.AssumeRolePolicyDocument),
		check:    checkTrust,
		always:   true,
		warnings: iam.TrustPolicyWarnings,
	}}
	for name, text := range sorted(r.byName()) {
		all = append(all, policyText{
			name:     "policy " + name,
			text:     string(text),
			check:    iam.CheckInlinePolicy,
			warnings: policyWarnings,
		})
	}

	return all
}

// checkTrust checks a trust policy as it will be: what is not known yet in it is the
// ID of a pool.
func checkTrust(text string) error {
	_, err := iam.CheckTrustPolicy(notKnownYet.ReplaceAllString(text, "us-east-1:00000000-0000-0000-0000-000000000000"))
	return err
}

func policyWarnings(text string) []string { return iam.IdentityPolicyWarnings(text, false) }

func (s *server) listRoles(ctx context.Context) (all []listing, err error) {
	type member struct{ RoleName, Arn, AssumeRolePolicyDocument string }
	roles, err := listIAM[member](ctx, s, "ListRoles", url.Values{})
	for _, r := range roles {
		all = append(all, listing{name: r.RoleName, arn: r.Arn, trust: r.AssumeRolePolicyDocument})
	}

	return all, err
}

// role returns nil if there is none.
func (s *server) role(ctx context.Context, name string) (*state, error) {
	var out struct {
		Role struct {
			RoleName, Arn, Path, Description string
			AssumeRolePolicyDocument         string
			MaxSessionDuration               integer
			Boundary                         string   `xml:"PermissionsBoundary>PermissionsBoundaryArn"`
			Tags                             []xmlTag `xml:"Tags>member"`
		} `xml:"GetRoleResult>Role"`
	}
	if ok, err := found(s.iam(ctx, "GetRole", url.Values{"RoleName": {name}}, &out)); !ok {
		return nil, err
	}

	policies, err := s.inlinePolicies(ctx, name)
	if err != nil {
		return nil, err
	}
	attached, err := s.attachedPolicies(ctx, name)
	if err != nil {
		return nil, err
	}

	st := &state{id: out.Role.Arn}
	st.properties = &role{
		RoleName:                 out.Role.RoleName,
		Path:                     out.Role.Path,
		Description:              out.Role.Description,
		AssumeRolePolicyDocument: newDocument(s.principalsOf(decodePolicy(out.Role.AssumeRolePolicyDocument))),
		MaxSessionDuration:       cmp.Or(out.Role.MaxSessionDuration, defaultMaxSession),
		PermissionsBoundary:      out.Role.Boundary,
		ManagedPolicyArns:        attached,
		Tags:                     st.userTags(tagMap(out.Role.Tags)),
		Policies:                 policies,
	}

	return st, nil
}

func (s *server) inlinePolicies(ctx context.Context, role string) (all []inlinePolicy, err error) {
	names, err := listIAM[string](ctx, s, "ListRolePolicies", url.Values{"RoleName": {role}})
	if err != nil {
		return nil, err
	}

	for _, name := range names {
		var out struct {
			Document string `xml:"GetRolePolicyResult>PolicyDocument"`
		}
		if err := s.iam(ctx, "GetRolePolicy", url.Values{"RoleName": {role}, "PolicyName": {name}}, &out); err != nil {
			return nil, err
		}
		all = append(all, inlinePolicy{PolicyName: name, PolicyDocument: newDocument(decodePolicy(out.Document))})
	}

	return all, nil
}

func (s *server) attachedPolicies(ctx context.Context, role string) (arns []string, err error) {
	type member struct{ PolicyArn string }
	policies, err := listIAM[member](ctx, s, "ListAttachedRolePolicies", url.Values{"RoleName": {role}})
	for _, p := range policies {
		arns = append(arns, p.PolicyArn)
	}

	return arns, err
}

// principalsOf returns a trust policy whose principals have the partition of the
// server's region: it may have been written when all regions had one, and another is
// refused when it is written again.
func (s *server) principalsOf(document any) any {
	trust, _ := document.(map[string]any)
	statements, isList := trust["Statement"].([]any)
	if !isList {
		statements = []any{trust["Statement"]}
	}

	inPartition := func(leaf any) any {
		if text, isText := leaf.(string); isText {
			return identitypool.InPartition(text, s.partition)
		}
		return leaf
	}
	for _, statement := range statements {
		elements, _ := statement.(map[string]any)
		for _, name := range []string{"Principal", "NotPrincipal"} {
			if who, has := elements[name]; has {
				elements[name] = mapLeaves(who, inPartition)
			}
		}
	}

	return document
}

func (r *role) find(ctx context.Context, a *applier, _ Resource) (*state, error) {
	return a.role(ctx, r.RoleName)
}

func (r *role) planned(ctx context.Context, a *applier, ch *change) error {
	have := &role{}
	if ch.have == nil {
		a.coming[r.id(a.server, ch.resource)] = true
	} else {
		have = ch.have.properties.(*role)
	}

	return r.checkPolicies(ctx, a, have)
}

func (r *role) put(ctx context.Context, a *applier, ch *change) error {
	have, on := &role{}, url.Values{"RoleName": {r.RoleName}}
	opensLast := len(r.Policies)+len(r.ManagedPolicyArns) > 0
	if ch.have == nil {
		if err := r.create(ctx, a, ch, on, opensLast); err != nil {
			return err
		}
	} else {
		have = ch.have.properties.(*role)
		opensLast = opensLast && have.isClosed()
		if err := r.update(ctx, a, have, on, opensLast); err != nil {
			return err
		}
	}

	if err := r.putPolicies(ctx, a, have, on); err != nil {
		return err
	}
	if opensLast {
		if err := r.open(ctx, a, on); err != nil {
			return err
		}
	}
	if r.PermissionsBoundary != "" || have.PermissionsBoundary == "" {
		return nil
	}

	// A boundary goes last: policies that it bounded may have been to go, too.
	return a.iam(ctx, "DeleteRolePermissionsBoundary", on, nil)
}

// create makes a role without its policies. If it opens last, nobody may assume it yet.
func (r *role) create(ctx context.Context, a *applier, ch *change, on url.Values, opensLast bool) error {
	trust := closedTrust
	if !opensLast {
		trust = cmp.Or(a.trustNow(r), closedTrust)
	}
	in := with(on, "Path", r.Path, "MaxSessionDuration", string(r.MaxSessionDuration),
		"AssumeRolePolicyDocument", trust)
	if r.Description != "" {
		in.Set("Description", r.Description)
	}
	if r.PermissionsBoundary != "" {
		in.Set("PermissionsBoundary", r.PermissionsBoundary)
	}
	tagMembers(in, a.withMarkers(ch, r.Tags))
	if err := a.iam(ctx, "CreateRole", in, nil); err != nil {
		return err
	}

	delete(a.coming, r.id(a.server, ch.resource))

	return a.openTrusts(ctx)
}

// open gives a role that has all its policies its trust policy, unless that waits for other roles.
func (r *role) open(ctx context.Context, a *applier, on url.Values) error {
	trust := a.trustNow(r)
	if trust == "" {
		return nil
	}
	return a.iam(ctx, "UpdateAssumeRolePolicy", with(on, "PolicyDocument", trust), nil)
}

// isClosed reports whether nobody may assume a role, because apply stopped before it opened it.
func (r *role) isClosed() bool {
	closed, err := parseJSON(closedTrust)
	return err == nil && r.AssumeRolePolicyDocument == newDocument(closed)
}

func (r *role) update(ctx context.Context, a *applier, have *role, on url.Values, opensLast bool) error {
	// What it trusts already may be gone, which is no reason to refuse another
	// change.
	trust := ""
	if !opensLast {
		trust = a.trustNow(r)
	}
	if trust != "" && r.AssumeRolePolicyDocument != have.AssumeRolePolicyDocument {
		if err := a.iam(ctx, "UpdateAssumeRolePolicy", with(on, "PolicyDocument", trust), nil); err != nil {
			return err
		}
	}

	in := with(on, "Description", r.Description, "MaxSessionDuration", string(r.MaxSessionDuration))
	if err := a.iam(ctx, "UpdateRole", in, nil); err != nil {
		return err
	}
	if boundary := r.PermissionsBoundary; boundary != "" && boundary != have.PermissionsBoundary {
		in := with(on, "PermissionsBoundary", boundary)
		if err := a.iam(ctx, "PutRolePermissionsBoundary", in, nil); err != nil {
			return err
		}
	}

	return a.retag(ctx, have.Tags, r.Tags, "Role", on)
}

// closedTrust is the trust policy of a role until it has its policies, and the roles that it trusts
// are made: nobody may assume it.
const closedTrust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:*"}]}`

// trusts are the trust policies that wait for roles of the file. The server takes
// none that names a role which does not exist, itself included.
type trusts struct {
	coming  map[string]bool // ARNs of roles that are still to be made
	waiting []waitingTrust
}

type waitingTrust struct {
	role     string
	document string
	needs    []string // ARNs
}

// trustNow returns the trust policy that a role can have now; "" if that has to wait
// for roles that are still to be made.
func (t *trusts) trustNow(r *role) string {
	document := string(r.AssumeRolePolicyDocument)
	trust, err := iam.CheckTrustPolicy(document)
	if err != nil {
		return document // the server refuses it with the reason
	}

	w := waitingTrust{role: r.RoleName, document: document}
	for arn := range t.coming {
		if slices.ContainsFunc(trust.Principals, func(p string) bool { return p == arn || iam.IsSessionOf(p, arn) }) {
			w.needs = append(w.needs, arn)
		}
	}
	if len(w.needs) == 0 {
		return document
	}
	t.waiting = append(t.waiting, w)

	return ""
}

// openTrusts sets the trust policies that wait for nothing any more.
func (a *applier) openTrusts(ctx context.Context) error {
	var still []waitingTrust
	for _, w := range a.waiting {
		if slices.ContainsFunc(w.needs, func(arn string) bool { return a.coming[arn] }) {
			still = append(still, w)
			continue
		}
		in := url.Values{"RoleName": {w.role}, "PolicyDocument": {w.document}}
		if err := a.iam(ctx, "UpdateAssumeRolePolicy", in, nil); err != nil {
			return err
		}
	}
	a.waiting = still

	return nil
}

func (r *role) remove(ctx context.Context, s *server, _ string) error {
	on := url.Values{"RoleName": {r.RoleName}}
	names := slices.Sorted(maps.Keys(r.byName()))
	if err := s.eachValue(ctx, "DeleteRolePolicy", on, "PolicyName", names); err != nil {
		return err
	}
	if err := s.eachValue(ctx, "DetachRolePolicy", on, "PolicyArn", r.ManagedPolicyArns); err != nil {
		return err
	}

	return s.iam(ctx, "DeleteRole", on, nil)
}

func (r *role) label(string) string { return "role " + r.RoleName }

func (r *role) title() string { return "Role" + r.RoleName }

func (r *role) judge(e *exporter, id string) {
	r.ManagedPolicyArns = slices.DeleteFunc(r.ManagedPolicyArns, func(arn string) bool {
		unknown := e.unknownToUs(arn)
		if unknown {
			e.note(r.label(id), "AWS's policy %s, whose content Poolhouse does not know: "+
				"without it the role may do less", arn)
			e.lacks = true
		}
		return unknown
	})

	if boundary := r.PermissionsBoundary; e.unknownToUs(boundary) {
		// Without it the role may do more.
		e.note(r.label(id), "its permissions boundary is AWS's policy %s, whose content Poolhouse does not know: "+
			"it stays in the file, and apply stops at it", boundary)
		e.lacks = true
	}
}

// carryOver tells how to bring managed policies of AWS along.
const carryOver = "to keep them, write them to a file (aws iam get-account-authorization-details --filter " +
	"AWSManagedPolicy), name it in the server's setting managed_policies_file and in --managed-policies here, and " +
	"run this command again"

// unknownToUs reports whether an ARN is one of a policy of AWS that the server does not
// know. What comes from Poolhouse is known.
func (e *exporter) unknownToUs(arn string) bool {
	return e.fromAWS && strings.Contains(arn, ":iam::aws:policy/") && !e.known.Knows(arn)
}

// notKnownYet finds what stands in a plan for what is known after apply.
var notKnownYet = regexp.MustCompile(regexp.QuoteMeta(knownAfterApply) + `[^)]*\)`)
