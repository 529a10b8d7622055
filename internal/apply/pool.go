package apply

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// pool is an identity pool, with the names of the API's members.
type pool struct {
	common

	IdentityPoolName               string            `json:",omitempty"`
	AllowUnauthenticatedIdentities bool              `file:"required"`
	AllowClassicFlow               *bool             `json:",omitempty"`
	SupportedLoginProviders        map[string]string `json:",omitempty"`
	DeveloperProviderName          string            `json:",omitempty" file:"fixed,late"`
	OpenIdConnectProviderARNs      []string          `json:",omitempty"`
	SamlProviderARNs               []string          `json:",omitempty"`
	CognitoIdentityProviders       []userPool        `json:",omitempty"`
	IdentityPoolTags               tags
	CognitoEvents                  refused `json:"-"`
	CognitoStreams                 refused `json:"-"`
	PushSync                       refused `json:"-"`
}

type userPool struct {
	ProviderName         string `json:",omitempty" file:"required"`
	ClientId             string `json:",omitempty" file:"required"`
	ServerSideTokenCheck bool   `json:",omitempty"`
}

// withClient is the name that a user pool has with a client.
func (u userPool) withClient() string { return u.ProviderName + ":" + u.ClientId }

func (*pool) typeName() string { return "AWS::Cognito::IdentityPool" }

func (*pool) key(r Resource) string { return cmp.Or(r.PinnedID, r.Name) }

func (p *pool) complete(r Resource) error {
	p.IdentityPoolName = cmp.Or(p.IdentityPoolName, r.Name)
	return nil
}

func (*pool) id(_ *server, r Resource) string { return r.PinnedID }

func (p *pool) attributes(s *server, id string) map[string]string {
	if id == "" {
		return map[string]string{"Name": p.IdentityPoolName}
	}
	return map[string]string{"Ref": id, "Id": id, "Name": p.IdentityPoolName, "Arn": s.poolARN(id)}
}

func (s *server) listPools(ctx context.Context) (all []listing, err error) {
	type page struct {
		IdentityPools []struct{ IdentityPoolId string }
		NextToken     string
	}
	err = eachPoolsPage(ctx, s, "ListIdentityPools", map[string]any{}, func(p *page) (string, error) {
		for _, pool := range p.IdentityPools {
			all = append(all, listing{name: pool.IdentityPoolId})
		}
		return p.NextToken, nil
	})

	return all, err
}

// pool returns nil if there is none.
func (s *server) pool(ctx context.Context, id string) (*state, error) {
	var out map[string]json.RawMessage
	if ok, err := found(s.pools(ctx, "DescribeIdentityPool", map[string]any{"IdentityPoolId": id}, &out)); !ok {
		return nil, err
	}

	delete(out, "IdentityPoolId")
	p := &pool{}
	if err := fill(p, out); err != nil {
		return nil, err
	}
	st := &state{id: id, properties: p}
	p.IdentityPoolTags = st.userTags(p.IdentityPoolTags)

	known := schemaOf(p).fields
	for name := range sorted(out) {
		if field, ok := known[name]; !ok || field.form == formRefused {
			st.left = append(st.left, name+", which Poolhouse does not have")
		}
	}

	return st, nil
}

// poolWithoutUserPools drops logins by user pools that are left out.
func poolWithoutUserPools(f *fileReader, name string, given map[string]any) (gone string) {
	list, _ := given["CognitoIdentityProviders"].([]any)
	var kept []any
	for _, one := range list {
		if s := f.skippedUserPool(one); s != nil {
			f.note("%s has no login by %s, an %s that is left out", name, s.Name, s.Type)
			continue
		}
		kept = append(kept, one)
	}
	if len(kept) < len(list) {
		given["CognitoIdentityProviders"] = kept
	}

	return ""
}

func (*pool) find(ctx context.Context, a *applier, r Resource) (*state, error) {
	if r.PinnedID != "" {
		return a.pool(ctx, r.PinnedID)
	}

	all, err := a.all(ctx, types[r.Type])
	if err != nil {
		return nil, err
	}

	var ours *state
	for _, p := range all {
		if p.markers[marker] != a.owner(r) {
			continue
		}
		if ours != nil { // two applies at once made one each
			return nil, fmt.Errorf("the pools %s and %s both have the tag %s: %s: delete one, or its tag",
				ours.id, p.id, marker, a.owner(r))
		}
		ours = p
	}

	return ours, nil
}

func (*pool) planned(_ context.Context, a *applier, ch *change) error {
	if id := ch.resource.PinnedID; ch.have == nil && id != "" && !strings.HasPrefix(id, a.Region+":") {
		return fmt.Errorf("%s is %s, which is not of the region %s", pinned, id, a.Region)
	}
	return nil
}

// parts are the roles, and the principal tags under every name that the pool's
// providers have.
func (p *pool) parts(id string) []part {
	names := slices.Collect(maps.Keys(p.SupportedLoginProviders))
	for _, arn := range slices.Concat(p.OpenIdConnectProviderARNs, p.SamlProviderARNs) {
		names = append(names, arn)
		if _, issuer, ok := strings.Cut(arn, ":oidc-provider/"); ok {
			names = append(names, issuer)
		}
	}

	for _, u := range p.CognitoIdentityProviders {
		names = append(names, u.ProviderName, u.withClient())
	}
	if p.DeveloperProviderName != "" {
		names = append(names, p.DeveloperProviderName)
	}
	slices.Sort(names)

	all := []part{&poolRoles{IdentityPoolId: id}}
	for _, name := range slices.Compact(names) {
		all = append(all, &principalTags{IdentityPoolId: id, IdentityProviderName: name, unread: !p.readsTags(name)})
	}

	return all
}

// readsTags reports whether logins get the principal tags under a name. Servers once
// took maps under USER_POOL:CLIENT and the developer provider's name, and never
// applied them.
func (p *pool) readsTags(key string) bool {
	return key != p.DeveloperProviderName &&
		!slices.ContainsFunc(p.CognitoIdentityProviders, func(u userPool) bool { return key == u.withClient() })
}

func (p *pool) put(ctx context.Context, a *applier, ch *change) error {
	in := *p
	in.IdentityPoolTags = a.withMarkers(ch, p.IdentityPoolTags)
	if ch.have != nil {
		// What apply itself noted on the pool meanwhile stays.
		now, err := a.pool(ctx, ch.have.id)
		if err != nil {
			return err
		}
		if now != nil {
			maps.Copy(in.IdentityPoolTags, now.markers)
		}

		return a.pools(ctx, "UpdateIdentityPool", struct {
			pool
			IdentityPoolId string
		}{pool: in, IdentityPoolId: ch.have.id}, nil)
	}

	var out struct{ IdentityPoolId string }
	var err error
	if id := ch.resource.PinnedID; id != "" {
		err = a.Admin(ctx, "CreateIdentityPoolWithId", map[string]any{"IdentityPoolId": id, "Pool": in}, &out)
	} else {
		err = a.pools(ctx, "CreateIdentityPool", in, &out)
	}
	if err == nil {
		a.known[ch.resource.Name] = p.attributes(a.server, out.IdentityPoolId)
	}

	return err
}

func (*pool) remove(ctx context.Context, s *server, id string) error {
	return s.pools(ctx, "DeleteIdentityPool", map[string]any{"IdentityPoolId": id}, nil)
}

func (*pool) label(id string) string { return "pool " + id }

func (p *pool) title() string { return "Pool" + p.IdentityPoolName }

func (*pool) accept(e *exporter, id string) bool {
	e.pools = append(e.pools, id)
	return true
}

// judge tells which login providers have values with secrets.
func (p *pool) judge(e *exporter, id string) {
	for key, app := range sorted(p.SupportedLoginProviders) {
		if !provider.Default().PublicApp(key, app) {
			e.secrets = append(e.secrets, p.label(id)+", "+loginProviders+": "+shownProvider(key))
		}
	}
}
