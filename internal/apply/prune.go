package apply

import (
	"context"
	"net/url"
	"strings"
)

// prune lists what an earlier apply of this file made and the file no longer has.
func (a *applier) prune(ctx context.Context, resources []Resource) ([]*change, error) {
	stays := map[string]bool{}
	for _, r := range resources {
		stays[r.Name] = true
	}
	var plan []*change
	add := func(mark, kind string, remove func(context.Context) error) {
		if name, ours := strings.CutPrefix(mark, a.options.Name+"/"); ours && !stays[name] {
			plan = append(plan, &change{resource: Resource{Name: name, Type: kind}, remove: remove})
		}
	}
	pools, err := a.allPools(ctx)
	if err != nil {
		return nil, err
	}
	var whole []*state
	for _, p := range pools {
		if name, ours := strings.CutPrefix(p.markers[marker], a.options.Name+"/"); ours && !stays[name] {
			whole = append(whole, p)
			continue
		}
		add(p.markers[markerAttachment], typeAttachment, func(ctx context.Context) error {
			in := map[string]any{"IdentityPoolId": p.id, "Roles": map[string]any{}, "RoleMappings": map[string]any{}}
			if err := a.pools(ctx, "SetIdentityPoolRoles", in, nil); err != nil {
				return err
			}
			return a.untag(ctx, p.id, markerAttachment)
		})
		for _, provider := range providerNames(p) {
			key := tagsMarker(provider)
			add(p.markers[key], typeTags, func(ctx context.Context) error {
				in := map[string]any{"IdentityPoolId": p.id, "IdentityProviderName": provider, "UseDefaults": false, "PrincipalTags": map[string]any{}}
				if err := a.pools(ctx, "SetPrincipalTagAttributeMap", in, nil); err != nil {
					return err
				}
				return a.untag(ctx, p.id, key)
			})
		}
	}
	for _, p := range whole {
		add(p.markers[marker], typePool, func(ctx context.Context) error {
			return a.pools(ctx, "DeleteIdentityPool", map[string]any{"IdentityPoolId": p.id}, nil)
		})
	}
	for _, kind := range a.iamKinds() {
		all, err := readAll(ctx, kind, func(listing) bool { return true })
		if err != nil {
			return nil, err
		}
		for _, f := range all {
			add(f.state.markers[marker], f.kind, func(ctx context.Context) error { return a.deleteIAM(ctx, f) })
		}
	}
	return plan, nil
}

func (a *applier) untag(ctx context.Context, pool, key string) error {
	return a.pools(ctx, "UntagResource", map[string]any{"ResourceArn": a.poolARN(pool), "TagKeys": []string{key}}, nil)
}

func (a *applier) deleteIAM(ctx context.Context, f found) error {
	switch f.kind {
	case typeRole:
		name := str(f.state.properties["RoleName"])
		for policy := range policiesOf(f.state.properties) {
			if err := a.iam(ctx, "DeleteRolePolicy", url.Values{"RoleName": {name}, "PolicyName": {policy}}, nil); err != nil {
				return err
			}
		}
		for _, arn := range strs(f.state.properties["ManagedPolicyArns"]) {
			if err := a.iam(ctx, "DetachRolePolicy", url.Values{"RoleName": {name}, "PolicyArn": {arn}}, nil); err != nil {
				return err
			}
		}
		return a.iam(ctx, "DeleteRole", url.Values{"RoleName": {name}}, nil)
	case typePolicy:
		versions, err := a.versions(ctx, f.state.id)
		if err != nil {
			return err
		}
		for _, v := range versions { // The default goes with the policy.
			if v.IsDefaultVersion {
				continue
			}
			if err := a.deleteVersion(ctx, f.state.id, v.VersionId); err != nil {
				return err
			}
		}
		return a.iam(ctx, "DeletePolicy", url.Values{"PolicyArn": {f.state.id}}, nil)
	case typeOIDC:
		return a.iam(ctx, "DeleteOpenIDConnectProvider", url.Values{"OpenIDConnectProviderArn": {f.state.id}}, nil)
	default:
		return a.iam(ctx, "DeleteSAMLProvider", url.Values{"SAMLProviderArn": {f.state.id}}, nil)
	}
}
