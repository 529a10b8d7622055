package admincli

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// wholePool has the answers of all operations that read a part of a pool.
type wholePool struct {
	Pool          pool
	Roles         map[string]string          `json:",omitempty"`
	RoleMappings  map[string]json.RawMessage `json:",omitempty"`
	PrincipalTags map[string]principalTags   `json:",omitempty"` // by provider
}

// pool has the members of CreateIdentityPool and DescribeIdentityPool.
type pool struct {
	IdentityPoolId                 string            `json:",omitempty"`
	IdentityPoolName               string            `json:",omitempty"`
	AllowUnauthenticatedIdentities bool              //nolint:tagliatelle // the API's name
	AllowClassicFlow               *bool             `json:",omitempty"`
	SupportedLoginProviders        map[string]string `json:",omitempty"`
	DeveloperProviderName          string            `json:",omitempty"`
	OpenIdConnectProviderARNs      []string          `json:",omitempty"`
	CognitoIdentityProviders       []userPool        `json:",omitempty"`
	SamlProviderARNs               []string          `json:",omitempty"`
	IdentityPoolTags               map[string]string `json:",omitzero"` // empty = remove all
}

type userPool struct {
	ProviderName         string `json:",omitempty"`
	ClientId             string `json:",omitempty"`
	ServerSideTokenCheck bool
}

type principalTags struct {
	UseDefaults   bool
	PrincipalTags map[string]string `json:",omitempty"`
}

func (o Options) poolShow() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:     "show POOL_ID",
		Short:   "Show a pool with its roles, role rules and principal tags",
		Example: "  poolhouse pool show us-east-1:00000000-0000-4000-8000-000000000001 -o yaml",
		Args:    cobra.ExactArgs(1),
	}, showPool)
	c.ValidArgsFunction = o.completer(poolNames)
	addForm(c)

	return c
}

func showPool(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	whole, err := readPool(ctx, client, args[0])
	if err != nil {
		return err
	}

	return show(c, whole, whole.lines)
}

func (w *wholePool) lines(t *lines) {
	p := w.Pool
	t.add("pool", p.IdentityPoolId)
	t.add("name", p.IdentityPoolName)
	t.add("guests", yesNo(p.AllowUnauthenticatedIdentities))
	t.add("classic flow", yesNo(p.AllowClassicFlow == nil || *p.AllowClassicFlow))
	t.named("developer provider", p.DeveloperProviderName)

	for _, name := range slices.Sorted(maps.Keys(p.SupportedLoginProviders)) {
		t.add("provider", name, p.SupportedLoginProviders[name])
	}

	for _, arn := range slices.Concat(p.OpenIdConnectProviderARNs, p.SamlProviderARNs) {
		t.add("provider", arn)
	}

	for _, u := range p.CognitoIdentityProviders {
		t.add("provider", u.ProviderName, u.ClientId)
	}

	for _, kind := range slices.Sorted(maps.Keys(w.Roles)) {
		t.add(kind+" role", w.Roles[kind])
	}

	for _, provider := range slices.Sorted(maps.Keys(w.RoleMappings)) {
		t.add("role mapping", provider, string(w.RoleMappings[provider]))
	}

	for _, provider := range slices.Sorted(maps.Keys(w.PrincipalTags)) {
		t.add("principal tags", provider, w.PrincipalTags[provider].String())
	}

	for _, key := range slices.Sorted(maps.Keys(p.IdentityPoolTags)) {
		t.add("tag", key, p.IdentityPoolTags[key])
	}
}

// String returns the tags as pairs of tag and claim.
func (p principalTags) String() string {
	if p.UseDefaults {
		return "the defaults"
	}

	var pairs []string
	for _, tag := range slices.Sorted(maps.Keys(p.PrincipalTags)) {
		pairs = append(pairs, tag+"="+p.PrincipalTags[tag])
	}

	return strings.Join(pairs, " ")
}

// readPool reads a pool with what belongs to it.
func readPool(ctx context.Context, client *apply.Client, id string) (*wholePool, error) {
	whole := &wholePool{}
	in := members{"IdentityPoolId": id}
	if err := pools(ctx, client, "DescribeIdentityPool", in, &whole.Pool); err != nil {
		return nil, err
	}
	var roles struct {
		Roles        map[string]string
		RoleMappings map[string]json.RawMessage
	}
	if err := pools(ctx, client, "GetIdentityPoolRoles", in, &roles); err != nil {
		return nil, err
	}
	whole.Roles, whole.RoleMappings = roles.Roles, roles.RoleMappings

	var err error
	whole.PrincipalTags, err = readPrincipalTags(ctx, client, id)

	return whole, err
}

// readPrincipalTags returns the principal tags of a pool's providers, without providers whose map is empty.
func readPrincipalTags(ctx context.Context, client *apply.Client, pool string) (map[string]principalTags, error) {
	all := map[string]principalTags{}
	for in := (members{"IdentityPoolId": pool}); ; {
		var page struct {
			PrincipalTagMaps []struct {
				IdentityProviderName string
				principalTags
			}
			NextToken string
		}
		if err := client.Admin(ctx, "ListPrincipalTagMaps", in, &page); err != nil {
			return nil, err
		}

		for _, m := range page.PrincipalTagMaps {
			if m.UseDefaults || len(m.PrincipalTags) > 0 {
				all[m.IdentityProviderName] = m.principalTags
			}
		}
		if page.NextToken == "" {
			return all, nil
		}
		in["NextToken"] = page.NextToken
	}
}
