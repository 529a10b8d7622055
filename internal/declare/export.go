package declare

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// found is a resource of a server with its type.
type found struct {
	kind  string
	state *state
}

// iamResources lists roles first, so that deleting in this order works.
func (s *server) iamResources(ctx context.Context) (all []found, err error) {
	for _, kind := range []struct {
		name string
		list func(context.Context) ([]string, error)
		read func(context.Context, string) (*state, error)
	}{{typeRole, s.roleNames, s.role}, {typePolicy, s.policyARNs, s.policy}, {typeOIDC, s.oidcARNs, s.oidcProvider}, {typeSAML, s.samlARNs, s.samlProvider}} {
		ids, err := kind.list(ctx)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			st, err := kind.read(ctx, id)
			if err != nil {
				return nil, err
			}
			if st != nil {
				all = append(all, found{kind.name, st})
			}
		}
	}
	return all, nil
}

// Exported is a file with what it could not hold.
type Exported struct {
	File  []byte
	Notes []string
	Pools []string // IDs
}

// Export writes the file of everything in the account and region. With usedOnly
// roles, policies and providers that no pool uses are left out.
func Export(ctx context.Context, c *Client, usedOnly bool) (*Exported, error) {
	s, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &Exported{}
	if out.Pools, err = s.poolIDs(ctx); err != nil {
		return nil, err
	}
	var all []found
	for _, id := range out.Pools {
		p, err := s.pool(ctx, id)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		all = append(all, found{typePool, p})
		a, err := s.attachment(ctx, id)
		if err != nil {
			return nil, err
		}
		if a != nil {
			all = append(all, found{typeAttachment, a})
		}
		for _, provider := range providerNames(p) {
			t, err := s.principalTags(ctx, id, provider)
			if err != nil {
				return nil, err
			}
			if t != nil {
				all = append(all, found{typeTags, t})
			}
		}
	}
	others, err := s.iamResources(ctx)
	if err != nil {
		return nil, err
	}
	used := show(properties(all))
	if usedOnly {
		for _, f := range others { // policies of the roles that are used
			if f.kind == typeRole && strings.Contains(used, `"`+f.state.id+`"`) {
				used += show(f.state.properties)
			}
		}
	}
	for _, f := range others {
		if !usedOnly || strings.Contains(used, `"`+f.state.id+`"`) {
			all = append(all, f)
		}
	}
	for _, f := range all {
		if f.kind == typeRole {
			for _, arn := range strs(f.state.properties["ManagedPolicyArns"]) {
				if strings.Contains(arn, "::aws:policy/") {
					out.Notes = append(out.Notes, fmt.Sprintf("%s uses AWS's policy %s, which Poolhouse may not know", f.state.id, arn))
				}
			}
		}
	}
	out.File, err = write(all)
	return out, err
}

func properties(all []found) (out []any) {
	for _, f := range all {
		out = append(out, f.state.properties)
	}
	return out
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9]+`)

// write writes resources as a file: IDs and ARNs of the file's own resources
// become references.
func write(all []found) ([]byte, error) {
	taken, names := map[string]bool{}, make([]string, len(all))
	references := map[string]any{}
	for i, f := range all {
		p := f.state.properties
		base := map[string]string{typePool: "Pool" + str(p["IdentityPoolName"]), typeAttachment: "Roles", typeTags: "Tags" + str(p["IdentityProviderName"]),
			typeRole: "Role" + str(p["RoleName"]), typePolicy: "Policy" + str(p["ManagedPolicyName"]), typeOIDC: "Provider" + strings.TrimPrefix(str(p["Url"]), "https://"),
			typeSAML: "Saml" + str(p["Name"])}[f.kind]
		base = notInName.ReplaceAllString(base, "")
		if _, given, ok := strings.Cut(f.state.markers[marker], "/"); ok {
			base = given // the name in the file that made it
		}
		name := base
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s%d", base, n)
		}
		taken[name], names[i] = true, name
		switch f.kind {
		case typePool:
			references[f.state.id] = yaml.MapSlice{{Key: "Ref", Value: name}}
		case typePolicy:
			references[f.state.id] = yaml.MapSlice{{Key: "Fn::GetAtt", Value: name + ".PolicyArn"}}
		case typeRole, typeOIDC, typeSAML:
			references[f.state.id] = yaml.MapSlice{{Key: "Fn::GetAtt", Value: name + ".Arn"}}
		}
	}
	var resources yaml.MapSlice
	for i, f := range all {
		p, _ := plain(normal(types[f.kind], f.state.properties)).(map[string]any)
		if mappings, ok := p["RoleMappings"].(map[string]any); ok && f.kind == typeAttachment {
			for provider, m := range mappings {
				// A mapping's key cannot be a reference; IdentityProvider can.
				if references[provider] != nil {
					m.(map[string]any)["IdentityProvider"] = provider
				}
			}
		}
		if f.kind == typeTags && references[str(p["IdentityProviderName"])] == nil && p["UseDefaults"] == nil {
			p["UseDefaults"] = false
		}
		one := yaml.MapSlice{{Key: "Type", Value: f.kind}}
		if f.kind == typePool {
			one = append(one, yaml.MapItem{Key: "Metadata", Value: yaml.MapSlice{{Key: "PoolhouseId", Value: f.state.id}}})
		}
		own := map[string]any{}
		maps.Copy(own, references)
		delete(own, f.state.id)
		if f.kind == typeAttachment || f.kind == typeTags {
			own = references
		}
		one = append(one, yaml.MapItem{Key: "Properties", Value: ordered(p, own)})
		resources = append(resources, yaml.MapItem{Key: names[i], Value: one})
	}
	var b bytes.Buffer
	if err := yaml.NewEncoder(&b, yaml.Indent(2), yaml.IndentSequence(true)).Encode(yaml.MapSlice{{Key: "Resources", Value: resources}}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ordered is v with sorted keys, and references in the place of what they mean.
func ordered(v any, references map[string]any) any {
	switch v := v.(type) {
	case string:
		if r, ok := references[v]; ok {
			return r
		}
		return v
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, ordered(one, references))
		}
		return out
	case map[string]any:
		out := yaml.MapSlice{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, yaml.MapItem{Key: key, Value: ordered(v[key], references)})
		}
		return out
	}
	return v
}
