package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// Every provider that the settings can name is one that the server knows, and
// the other way round.
func TestProviderNames(t *testing.T) {
	var text strings.Builder
	names := provider.Default().Settings()
	for _, name := range names {
		fmt.Fprintf(&text, "  %s: {allow_private: true}\n", name)
	}
	path := filepath.Join(t.TempDir(), "poolhouse.yaml")
	if err := os.WriteFile(path, []byte("providers:\n"+text.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	s, err := load(nil, nil, path)
	if err != nil {
		t.Fatal(err)
	}

	c, err := serverConfig(s)
	if err == nil {
		err = c.Validate()
	}
	if err != nil || len(c.Providers) != len(names) {
		t.Errorf("%d of %d providers: %v", len(c.Providers), len(names), err)
	}

	c.Providers = map[string]poolhouse.ProviderOverride{"none": {}}
	err = c.Validate()
	if err == nil {
		t.Fatal("an unknown provider is accepted")
	}
	_, list, _ := strings.Cut(err.Error(), "use ")
	if known := strings.Split(list, ", "); len(known) != len(names) {
		t.Errorf("the server knows %q, the settings %d providers", known, len(names))
	}
}

// A login provider's setting that cannot be used is named, with the fix,
// whether the file, the name or a file that it names is at fault.
func TestProviderSettings(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"no metadata file": {`saml_providers: [{name: A, metadata_file: none.xml}]`,
			[]string{"saml_providers[0].metadata_file", "none.xml", "name a file"}},
		"metadata is a folder": {`saml_providers: [{name: A, metadata_file: .}]`,
			[]string{"saml_providers[0].metadata_file", "name a file"}},
		"metadata not given": {`saml_providers: [{name: A}]`,
			[]string{"saml_providers[0].metadata_file is required", "name the file"}},
		"unknown provider": {`providers: {gogle: {}}`, []string{"gogle", "google"}},
		"no CA bundle": {
			`oidc_providers: [{url: "https://a.example", client_ids: [x], ca_bundle: none.pem}]`,
			[]string{"oidc_providers[0].ca_bundle", "none.pem", "name a file"},
		},
		"no user pool CA bundle": {`user_pools: [{provider_name: a.example/x, ca_bundle: none.pem}]`,
			[]string{"user_pools[0].ca_bundle", "none.pem", "name a file"}},
		"no certificates": {`user_pools: [{provider_name: a.example/x, ca_bundle: poolhouse.yaml}]`,
			[]string{"user_pools[0].ca_bundle", "has no certificate"}},
		"no region certificates": {
			`user_pool_regions: {us-east-1: {endpoint: "https://a.example", ca_bundle: poolhouse.yaml}}`,
			[]string{"user_pool_regions.us-east-1.ca_bundle", "has no certificate"},
		},
		"unknown user pool check": {`user_pools: [{provider_name: a.example/x, status: {chek: push}}]`,
			[]string{"chek", "check"}},
	} {
		path := filepath.Join(t.TempDir(), "poolhouse.yaml")
		if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
			t.Fatal(err)
		}

		s, err := load(nil, nil, path)
		if err == nil {
			_, err = serverConfig(s)
		}
		if err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}

		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q lacks %q", name, err, want)
			}
		}
	}
}

// The settings' defaults are the server's, and each limit of a file or the
// environment reaches its own field.
func TestLimitSettings(t *testing.T) {
	limits := func(environment []string, file string) poolhouse.Limits {
		t.Helper()
		path := ""
		if file != "" {
			path = filepath.Join(t.TempDir(), "poolhouse.yaml")
			if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
		}

		s, err := load(nil, environment, path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := serverConfig(s)
		if err != nil {
			t.Fatal(err)
		}

		return c.Limits
	}

	if got := limits(nil, ""); got != poolhouse.DefaultLimits {
		t.Errorf("defaults of the settings: %+v, of the server: %+v", got, poolhouse.DefaultLimits)
	}
	want := poolhouse.Limits{
		Pools:             1,
		UserPoolProviders: 2,
		RulesPerMapping:   3,
		LoginsPerIdentity: 4,
		TagsPerPool:       5,
		TokenBytes:        6,
	}
	if got := limits(nil, "limits: {pools: 1, user_pool_providers: 2, rules_per_mapping: 3, "+
		"logins_per_identity: 4, tags_per_pool: 5, token_bytes: 6}"); got != want {
		t.Errorf("of a file: %+v", got)
	}

	if got := limits([]string{"POOLHOUSE_LIMITS_POOLS=1", "POOLHOUSE_LIMITS_USER_POOL_PROVIDERS=2",
		"POOLHOUSE_LIMITS_RULES_PER_MAPPING=3",
		"POOLHOUSE_LIMITS_LOGINS_PER_IDENTITY=4", "POOLHOUSE_LIMITS_TAGS_PER_POOL=5",
		"POOLHOUSE_LIMITS_TOKEN_BYTES=6"}, "limits: {pools: 9}"); got != want {
		t.Errorf("of the environment: %+v", got)
	}
}

// The file's settings for guests reach the server.
func TestGuestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poolhouse.yaml")
	const document = `{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "app:Open", Resource: "*"}]}`
	if err := os.WriteFile(path,
		[]byte("guest_policy: off\npool_guest_policies: {\"us-east-1:11111111-2222-3333-4444-555555555555\": "+
			document+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	s, err := load(nil, nil, path)
	if err != nil {
		t.Fatal(err)
	}

	c, err := serverConfig(s)
	if err != nil {
		t.Fatal(err)
	}
	if pool := c.PoolGuestPolicies["us-east-1:11111111-2222-3333-4444-555555555555"]; c.GuestPolicy != "off" ||
		!strings.Contains(pool, `"Action":"app:Open"`) {
		t.Errorf("guest_policy = %q, of the pool %q", c.GuestPolicy, pool)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
