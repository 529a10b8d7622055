package apply

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// poolRoles are the roles of a pool, and its rules for choosing one.
type poolRoles struct {
	common

	IdentityPoolId string `file:"required,fixed"`
	Roles          map[string]string
	RoleMappings   map[string]roleMapping
}

type roleMapping struct {
	IdentityProvider        string     `json:",omitempty"`
	Type                    string     `json:",omitempty" file:"required"`
	AmbiguousRoleResolution string     `json:",omitempty"`
	RulesConfiguration      *roleRules `json:",omitempty"`
}

type roleRules struct {
	Rules []roleRule `json:",omitempty" file:"required,ordered"`
}

type roleRule struct {
	Claim     string `json:",omitempty" file:"required"`
	MatchType string `json:",omitempty" file:"required"`
	RoleARN   string `json:",omitempty" file:"required"`
	Value     string `json:",omitempty" file:"required"`
}

func (*poolRoles) typeName() string { return "AWS::Cognito::IdentityPoolRoleAttachment" }

func (p *poolRoles) key(Resource) string { return p.IdentityPoolId }

// complete gives each mapping the key that the API wants: the name of its provider.
func (p *poolRoles) complete(Resource) error {
	byProvider := map[string]roleMapping{}
	for key, m := range p.RoleMappings {
		key, m.IdentityProvider = cmp.Or(m.IdentityProvider, key), ""
		if _, twice := byProvider[key]; twice {
			return fmt.Errorf("two role mappings are for %s", key)
		}
		byProvider[key] = m
	}
	p.RoleMappings = byProvider

	if p.Roles == nil {
		p.Roles = map[string]string{}
	}

	return nil
}

// rolesWithoutUserPools drops role mappings for user pools that are left out. With another provider, or
// for a pool of another file, what needs something that is left out is an error: without the mapping,
// logins would get the pool's default role.
func rolesWithoutUserPools(f *fileReader, name string, given map[string]any) (gone string) {
	if _, ofThisFile := given["IdentityPoolId"].(*Reference); !ofThisFile {
		return ""
	}

	mappings, _ := given["RoleMappings"].(map[string]any)
	for key, one := range sorted(mappings) {
		mapping, _ := one.(map[string]any)
		if s := f.skippedUserPool(mapping["IdentityProvider"]); s != nil {
			f.note("%s has no role mapping %s: it is for %s, an %s that is left out", name, key, s.Name, s.Type)
			delete(mappings, key)
		}
	}

	return ""
}

func (*poolRoles) markerKey() string { return markerRoles }

func (p *poolRoles) read(ctx context.Context, s *server) (*state, error) {
	in, out := map[string]any{"IdentityPoolId": p.IdentityPoolId}, &poolRoles{}
	ok, err := found(s.pools(ctx, "GetIdentityPoolRoles", in, out))
	if !ok || len(out.Roles) == 0 && len(out.RoleMappings) == 0 {
		return nil, err
	}
	out.IdentityPoolId = p.IdentityPoolId

	return &state{id: p.IdentityPoolId, properties: out}, nil
}

func (p *poolRoles) find(ctx context.Context, a *applier, _ Resource) (*state, error) {
	return a.findPart(ctx, p, p.IdentityPoolId)
}

func (p *poolRoles) put(ctx context.Context, a *applier, ch *change) error {
	return a.setPart(ctx, ch, "SetIdentityPoolRoles", p, p.IdentityPoolId)
}

func (*poolRoles) remove(ctx context.Context, s *server, id string) error {
	none := &poolRoles{
		IdentityPoolId: id,
		Roles:          map[string]string{},
		RoleMappings:   map[string]roleMapping{},
	}
	return s.clearPart(ctx, "SetIdentityPoolRoles", none, id)
}

func (*poolRoles) label(id string) string { return "roles of pool " + id }

func (*poolRoles) title() string { return "Roles" }

// rekey gives mappings of the file's own providers other keys: a key cannot be a
// reference, IdentityProvider can.
func (p *poolRoles) rekey(l *links, names []string) {
	renamed := map[string]roleMapping{}
	for provider, m := range p.RoleMappings {
		if l.references[provider] != nil {
			m.IdentityProvider = provider
			provider = names[l.indexOf[provider]]
		}
		renamed[provider] = m
	}
	p.RoleMappings = renamed
}

// findPart reads a part of a pool. The pool may be known after apply only.
func (a *applier) findPart(ctx context.Context, p part, poolID string) (*state, error) {
	if strings.HasPrefix(poolID, knownAfterApply) {
		return nil, nil
	}

	st, err := p.read(ctx, a.server)
	if st == nil || err != nil {
		return nil, err
	}
	whole, err := a.pool(ctx, poolID)
	if whole == nil || err != nil {
		return nil, err
	}
	st.markers = map[string]string{marker: whole.markers[p.markerKey()]}

	return st, nil
}

// setPart sets a part of a pool, and marks a new part on the pool.
func (a *applier) setPart(ctx context.Context, ch *change, operation string, p part, poolID string) error {
	if err := a.pools(ctx, operation, p, nil); err != nil || ch.have != nil {
		return err
	}
	in := map[string]any{"ResourceArn": a.poolARN(poolID), "Tags": tags{p.markerKey(): a.owner(ch.resource)}}

	return a.pools(ctx, "TagResource", in, nil)
}

// clearPart sets a part of a pool to nothing, and removes its mark.
func (s *server) clearPart(ctx context.Context, operation string, none part, poolID string) error {
	if err := s.pools(ctx, operation, none, nil); err != nil {
		return err
	}
	in := map[string]any{"ResourceArn": s.poolARN(poolID), "TagKeys": []string{none.markerKey()}}

	return s.pools(ctx, "UntagResource", in, nil)
}
