package apply

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// maxVersions is how many versions a managed policy has at most (IAM User Guide,
// "IAM and AWS STS quotas").
const maxVersions = 5

// managedPolicy is a managed policy with its default version.
type managedPolicy struct {
	common

	ManagedPolicyName string   `file:"fixed"`
	Path              string   `file:"fixed"`
	Description       string   `file:"fixed,blank"`
	PolicyDocument    document `file:"required"`
	Tags              tags

	inTheWay string // version that the plan deletes to make room
}

func (*managedPolicy) typeName() string { return "AWS::IAM::ManagedPolicy" }

// key ignores case and path: names that differ in them are one name.
func (p *managedPolicy) key(Resource) string { return strings.ToLower(p.ManagedPolicyName) }

func (p *managedPolicy) complete(r Resource) error {
	p.ManagedPolicyName = cmp.Or(p.ManagedPolicyName, r.serverName())
	p.Path = cmp.Or(p.Path, "/")
	return nil
}

func (p *managedPolicy) id(s *server, _ Resource) string {
	return s.arn("policy" + p.Path + p.ManagedPolicyName)
}

func (*managedPolicy) attributes(_ *server, id string) map[string]string {
	return map[string]string{"Ref": id, "PolicyArn": id}
}

func (p *managedPolicy) documents() []policyText {
	return []policyText{{
		name:     "PolicyDocument",
		text:     string(p.PolicyDocument),
		check:    iam.CheckManagedPolicy,
		warnings: policyWarnings,
	}}
}

func (s *server) listPolicies(ctx context.Context) ([]listing, error) {
	return s.listARNs(ctx, "ListPolicies", url.Values{"Scope": {"Local"}})
}

// policy returns nil if there is none.
func (s *server) policy(ctx context.Context, arn string) (*state, error) {
	var out struct {
		Policy struct {
			PolicyName, Path, Description, DefaultVersionId string
			Tags                                            []xmlTag `xml:"Tags>member"`
		} `xml:"GetPolicyResult>Policy"`
	}
	if ok, err := found(s.iam(ctx, "GetPolicy", url.Values{"PolicyArn": {arn}}, &out)); !ok {
		return nil, err
	}

	var version struct {
		Document string `xml:"GetPolicyVersionResult>PolicyVersion>Document"`
	}
	in := url.Values{"PolicyArn": {arn}, "VersionId": {out.Policy.DefaultVersionId}}
	if err := s.iam(ctx, "GetPolicyVersion", in, &version); err != nil {
		return nil, err
	}

	st := &state{id: arn}
	st.properties = &managedPolicy{
		ManagedPolicyName: out.Policy.PolicyName,
		Path:              out.Policy.Path,
		Description:       out.Policy.Description,
		PolicyDocument:    newDocument(decodePolicy(version.Document)),
		Tags:              st.userTags(tagMap(out.Policy.Tags)),
	}

	return st, nil
}

func (p *managedPolicy) find(ctx context.Context, a *applier, r Resource) (*state, error) {
	return a.policy(ctx, p.id(a.server, r))
}

// planned makes room for another version: the oldest one that is not the default
// has to go.
func (p *managedPolicy) planned(ctx context.Context, a *applier, ch *change) error {
	a.policies.denying[p.id(a.server, ch.resource)] = p.PolicyDocument.denies()
	if ch.have == nil {
		a.policies.coming[p.id(a.server, ch.resource)] = true
		return nil
	}
	have := ch.have.properties.(*managedPolicy)
	if have.PolicyDocument == p.PolicyDocument {
		return nil
	}
	versions, err := a.versions(ctx, ch.have.id)
	if err != nil || len(versions) < maxVersions {
		return err
	}

	number := func(v policyVersion) int { n, _ := strconv.Atoi(strings.TrimPrefix(v.VersionId, "v")); return n }
	versions = slices.DeleteFunc(versions, func(v policyVersion) bool { return v.IsDefaultVersion })
	oldest := slices.MinFunc(versions, func(x, y policyVersion) int { return number(x) - number(y) })
	have.inTheWay = oldest.VersionId
	ch.notes = append(ch.notes, fmt.Sprintf("its oldest version, %s, is deleted to make room: there are %d",
		oldest.VersionId, maxVersions))

	return nil
}

func (p *managedPolicy) put(ctx context.Context, a *applier, ch *change) error {
	if ch.have == nil {
		in := url.Values{
			"PolicyName":     {p.ManagedPolicyName},
			"Path":           {p.Path},
			"PolicyDocument": {string(p.PolicyDocument)},
		}
		if p.Description != "" {
			in.Set("Description", p.Description)
		}
		tagMembers(in, a.withMarkers(ch, p.Tags))

		return a.iam(ctx, "CreatePolicy", in, nil)
	}

	have, on := ch.have.properties.(*managedPolicy), url.Values{"PolicyArn": {ch.have.id}}
	if have.PolicyDocument != p.PolicyDocument {
		// Delete only the version that the plan has shown. If there is no room since
		// then, the server refuses the next call.
		if version := have.inTheWay; version != "" {
			if err := a.deleteVersion(ctx, ch.have.id, version); err != nil && !Missing(err) {
				return err
			}
		}
		in := with(on, "PolicyDocument", string(p.PolicyDocument), "SetAsDefault", "true")
		if err := a.iam(ctx, "CreatePolicyVersion", in, nil); err != nil {
			return err
		}
	}

	return a.retag(ctx, have.Tags, p.Tags, "Policy", on)
}

type policyVersion struct {
	VersionId        string
	IsDefaultVersion bool
}

func (s *server) versions(ctx context.Context, arn string) ([]policyVersion, error) {
	return listIAM[policyVersion](ctx, s, "ListPolicyVersions", url.Values{"PolicyArn": {arn}})
}

func (s *server) deleteVersion(ctx context.Context, arn, version string) error {
	return s.iam(ctx, "DeletePolicyVersion", url.Values{"PolicyArn": {arn}, "VersionId": {version}}, nil)
}

func (*managedPolicy) remove(ctx context.Context, s *server, id string) error {
	versions, err := s.versions(ctx, id)
	if err != nil {
		return err
	}

	for _, v := range versions { // The default goes with the policy.
		if v.IsDefaultVersion {
			continue
		}
		if err := s.deleteVersion(ctx, id, v.VersionId); err != nil {
			return err
		}
	}

	return s.iam(ctx, "DeletePolicy", url.Values{"PolicyArn": {id}}, nil)
}

func (p *managedPolicy) title() string { return "Policy" + p.ManagedPolicyName }
