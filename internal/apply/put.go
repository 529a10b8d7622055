package apply

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// What brings one resource to what is wanted.

// withMarkers are the user's tags and, of a new resource, the command's own.
func (a *applier) withMarkers(ch *change, property string) map[string]any {
	all, _ := ch.want[property].(map[string]any)
	all = maps.Clone(all)
	if all == nil {
		all = map[string]any{}
	}
	if ch.have == nil {
		all[marker] = a.mark(ch.resource)
		return all
	}
	for key, value := range ch.have.markers {
		all[key] = value
	}
	return all
}

func (a *applier) putPool(ctx context.Context, ch *change) error {
	in := maps.Clone(ch.want)
	in["IdentityPoolTags"] = a.withMarkers(ch, "IdentityPoolTags")
	if ch.have != nil {
		// What apply itself noted on the pool meanwhile stays.
		now, err := a.pool(ctx, ch.have.id)
		if err != nil {
			return err
		}
		if now != nil {
			for key, value := range now.markers {
				in["IdentityPoolTags"].(map[string]any)[key] = value
			}
		}
		in["IdentityPoolId"] = ch.have.id
		return a.pools(ctx, "UpdateIdentityPool", in, nil)
	}
	var out struct{ IdentityPoolId string }
	var err error
	if id := ch.resource.PinnedID; id != "" {
		err = a.admin(ctx, "CreateIdentityPoolWithId", map[string]any{"IdentityPoolId": id, "Pool": in}, &out)
	} else {
		err = a.pools(ctx, "CreateIdentityPool", in, &out)
	}
	if id := out.IdentityPoolId; err == nil {
		a.known[ch.resource.Name] = map[string]string{"Ref": id, "Id": id, "Name": str(in["IdentityPoolName"]), "Arn": a.poolARN(id)}
	}
	return err
}

// note puts a tag on a pool that says which of its parts apply made.
func (a *applier) note(ctx context.Context, ch *change, key string) error {
	if ch.have != nil {
		return nil
	}
	return a.pools(ctx, "TagResource", map[string]any{"ResourceArn": a.poolARN(str(ch.want["IdentityPoolId"])), "Tags": map[string]any{key: a.mark(ch.resource)}}, nil)
}

func orEmpty(v any) any {
	if v == nil {
		return map[string]any{}
	}
	return v
}

func (a *applier) putAttachment(ctx context.Context, ch *change) error {
	in := map[string]any{"IdentityPoolId": ch.want["IdentityPoolId"], "Roles": orEmpty(ch.want["Roles"]), "RoleMappings": orEmpty(ch.want["RoleMappings"])}
	if err := a.pools(ctx, "SetIdentityPoolRoles", in, nil); err != nil {
		return err
	}
	return a.note(ctx, ch, markerAttachment)
}

func (a *applier) putPrincipalTags(ctx context.Context, ch *change) error {
	in := maps.Clone(ch.want)
	in["PrincipalTags"] = orEmpty(in["PrincipalTags"])
	if err := a.pools(ctx, "SetPrincipalTagAttributeMap", in, nil); err != nil {
		return err
	}
	return a.note(ctx, ch, tagsMarker(str(in["IdentityProviderName"])))
}

// retag brings the tags of an IAM resource to what is wanted.
func (a *applier) retag(ctx context.Context, ch *change, noun string, on url.Values) error {
	have, _ := ch.have.properties["Tags"].(map[string]any)
	want, _ := ch.want["Tags"].(map[string]any)
	var gone []string
	for key := range have {
		if _, stays := want[key]; !stays {
			gone = append(gone, key)
		}
	}
	slices.Sort(gone)
	if len(gone) > 0 {
		in := maps.Clone(on)
		members(in, "TagKeys", gone)
		if err := a.iam(ctx, "Untag"+noun, in, nil); err != nil {
			return err
		}
	}
	if len(want) == 0 {
		return nil
	}
	in := maps.Clone(on)
	tagMembers(in, want)
	return a.iam(ctx, "Tag"+noun, in, nil)
}

func policiesOf(p map[string]any) map[string]any {
	all := map[string]any{}
	for _, one := range asList(p["Policies"]) {
		m := one.(map[string]any)
		all[str(m["PolicyName"])] = m["PolicyDocument"]
	}
	return all
}

func (a *applier) putRole(ctx context.Context, ch *change) error {
	w, name := ch.want, str(ch.want["RoleName"])
	on := func(more ...string) url.Values {
		v := url.Values{"RoleName": {name}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	have := map[string]any{}
	boundary := str(w["PermissionsBoundary"])
	trust := a.trustNow(name, show(w["AssumeRolePolicyDocument"]))
	if ch.have == nil {
		in := on("Path", str(w["Path"]), "AssumeRolePolicyDocument", cmp.Or(trust, closedTrust),
			"MaxSessionDuration", str(w["MaxSessionDuration"]))
		if d := str(w["Description"]); d != "" {
			in.Set("Description", d)
		}
		if boundary != "" {
			in.Set("PermissionsBoundary", boundary)
		}
		tagMembers(in, a.withMarkers(ch, "Tags"))
		if err := a.iam(ctx, "CreateRole", in, nil); err != nil {
			return err
		}
		delete(a.coming, a.arnOf(typeRole, w))
		if err := a.openTrusts(ctx); err != nil {
			return err
		}
	} else {
		have = ch.have.properties
		// What it trusts already may be gone, which is no reason to refuse another
		// change.
		if trust != "" && changes(ch, "AssumeRolePolicyDocument") {
			if err := a.iam(ctx, "UpdateAssumeRolePolicy", on("PolicyDocument", trust), nil); err != nil {
				return err
			}
		}
		if err := a.iam(ctx, "UpdateRole", on("Description", str(w["Description"]), "MaxSessionDuration", str(w["MaxSessionDuration"])), nil); err != nil {
			return err
		}
		if boundary != "" && boundary != str(have["PermissionsBoundary"]) {
			if err := a.iam(ctx, "PutRolePermissionsBoundary", on("PermissionsBoundary", boundary), nil); err != nil {
				return err
			}
		}
		if err := a.retag(ctx, ch, "Role", on()); err != nil {
			return err
		}
	}
	was, is := policiesOf(have), policiesOf(w)
	for _, policy := range slices.Sorted(maps.Keys(is)) {
		if len(differences("", plain(was[policy]), plain(is[policy]))) == 0 {
			continue
		}
		if err := a.iam(ctx, "PutRolePolicy", on("PolicyName", policy, "PolicyDocument", show(is[policy])), nil); err != nil {
			return err
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(was)) {
		if _, stays := is[policy]; !stays {
			if err := a.iam(ctx, "DeleteRolePolicy", on("PolicyName", policy), nil); err != nil {
				return err
			}
		}
	}
	err := each(strs(have["ManagedPolicyArns"]), strs(w["ManagedPolicyArns"]), func(arn string, add bool) error {
		operation := "DetachRolePolicy"
		if add {
			operation = "AttachRolePolicy"
		}
		return a.iam(ctx, operation, on("PolicyArn", arn), nil)
	})
	if err != nil || boundary != "" || str(have["PermissionsBoundary"]) == "" {
		return err
	}
	// A boundary goes last: policies that it bounded may have been to go, too.
	return a.iam(ctx, "DeleteRolePermissionsBoundary", on(), nil)
}

// closedTrust is the trust policy of a role until the roles that it trusts are
// made: nobody may assume it.
const closedTrust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:*"}]}`

// waitingTrust is a trust policy that names roles which are still to be made. The
// server takes none that names a role which does not exist, itself included.
type waitingTrust struct {
	role     string
	document string
	needs    []string // ARNs
}

// trustNow returns the trust policy that a role can have now; "" when that has to
// wait for roles that are still to be made.
func (a *applier) trustNow(role, document string) string {
	trust, err := iam.CheckTrustPolicy(document)
	if err != nil {
		return document // the server says why not
	}

	w := waitingTrust{role: role, document: document}
	for arn := range a.coming {
		if slices.ContainsFunc(trust.Principals, func(p string) bool { return p == arn || iam.IsSessionOf(p, arn) }) {
			w.needs = append(w.needs, arn)
		}
	}
	if len(w.needs) == 0 {
		return document
	}
	a.waiting = append(a.waiting, w)
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

// changes reports whether the plan changes a property, or something in it.
func changes(ch *change, property string) bool {
	return slices.ContainsFunc(ch.fields, func(f Field) bool {
		top, _, _ := strings.Cut(f.Path, ".")
		return top == property
	})
}

// each calls do for what is added, then for what is gone.
func each(was, is []string, do func(one string, add bool) error) error {
	for _, one := range is {
		if !slices.Contains(was, one) {
			if err := do(one, true); err != nil {
				return err
			}
		}
	}
	for _, one := range was {
		if !slices.Contains(is, one) {
			if err := do(one, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *applier) putPolicy(ctx context.Context, ch *change) error {
	w := ch.want
	arn := a.arnOf(typePolicy, w)
	if ch.have == nil {
		in := url.Values{"PolicyName": {str(w["ManagedPolicyName"])}, "Path": {str(w["Path"])}, "PolicyDocument": {show(w["PolicyDocument"])}}
		if d := str(w["Description"]); d != "" {
			in.Set("Description", d)
		}
		tagMembers(in, a.withMarkers(ch, "Tags"))
		return a.iam(ctx, "CreatePolicy", in, nil)
	}
	on := url.Values{"PolicyArn": {arn}}
	if documentChanges(ch) {
		// Only what the plan has shown goes. Where the room is gone since, the
		// next call says so.
		if ch.version != "" {
			if err := a.deleteVersion(ctx, arn, ch.version); err != nil && !missing(err) {
				return err
			}
		}
		in := url.Values{"PolicyArn": {arn}, "PolicyDocument": {show(w["PolicyDocument"])}, "SetAsDefault": {"true"}}
		if err := a.iam(ctx, "CreatePolicyVersion", in, nil); err != nil {
			return err
		}
	}
	return a.retag(ctx, ch, "Policy", on)
}

type policyVersion struct {
	VersionId        string
	IsDefaultVersion bool
}

func (a *applier) versions(ctx context.Context, arn string) ([]policyVersion, error) {
	var out struct {
		Versions []policyVersion `xml:"ListPolicyVersionsResult>Versions>member"`
	}
	err := a.iam(ctx, "ListPolicyVersions", url.Values{"PolicyArn": {arn}}, &out)
	return out.Versions, err
}

func (a *applier) deleteVersion(ctx context.Context, arn, version string) error {
	return a.iam(ctx, "DeletePolicyVersion", url.Values{"PolicyArn": {arn}, "VersionId": {version}}, nil)
}

func (a *applier) putOIDC(ctx context.Context, ch *change) error {
	w := ch.want
	if ch.have == nil {
		in := url.Values{"Url": {str(w["Url"])}}
		members(in, "ClientIDList", strs(w["ClientIdList"]))
		members(in, "ThumbprintList", strs(w["ThumbprintList"]))
		tagMembers(in, a.withMarkers(ch, "Tags"))
		return a.iam(ctx, "CreateOpenIDConnectProvider", in, nil)
	}
	on := url.Values{"OpenIDConnectProviderArn": {ch.have.id}}
	err := each(strs(ch.have.properties["ClientIdList"]), strs(w["ClientIdList"]), func(id string, add bool) error {
		operation, in := "RemoveClientIDFromOpenIDConnectProvider", maps.Clone(on)
		if add {
			operation = "AddClientIDToOpenIDConnectProvider"
		}
		in.Set("ClientID", id)
		return a.iam(ctx, operation, in, nil)
	})
	if err != nil {
		return err
	}
	if prints := strs(w["ThumbprintList"]); len(prints) > 0 {
		in := maps.Clone(on)
		members(in, "ThumbprintList", prints)
		if err := a.iam(ctx, "UpdateOpenIDConnectProviderThumbprint", in, nil); err != nil {
			return err
		}
	}
	return a.retag(ctx, ch, "OpenIDConnectProvider", on)
}

func (a *applier) putSAML(ctx context.Context, ch *change) error {
	w := ch.want
	if ch.have == nil {
		in := url.Values{"Name": {str(w["Name"])}, "SAMLMetadataDocument": {str(w["SamlMetadataDocument"])}}
		tagMembers(in, a.withMarkers(ch, "Tags"))
		return a.iam(ctx, "CreateSAMLProvider", in, nil)
	}
	on := url.Values{"SAMLProviderArn": {ch.have.id}}
	if str(w["SamlMetadataDocument"]) != str(ch.have.properties["SamlMetadataDocument"]) {
		in := maps.Clone(on)
		in.Set("SAMLMetadataDocument", str(w["SamlMetadataDocument"]))
		if err := a.iam(ctx, "UpdateSAMLProvider", in, nil); err != nil {
			return err
		}
	}
	return a.retag(ctx, ch, "SAMLProvider", on)
}
