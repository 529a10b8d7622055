package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/config"
)

// A login provider's setting that cannot be used is named, with the fix,
// whether the file, the name or a file that it names is at fault.
func TestProviderSettings(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"no metadata file":        {`saml_providers: [{name: A, metadata_file: none.xml}]`, []string{"saml_providers[0].metadata_file", "none.xml", "name the file"}},
		"metadata is a folder":    {`saml_providers: [{name: A, metadata_file: .}]`, []string{"saml_providers[0].metadata_file", "name the file"}},
		"metadata not given":      {`saml_providers: [{name: A}]`, []string{"saml_providers[0].metadata_file is required", "name the file"}},
		"unknown provider":        {`providers: {gogle: {}}`, []string{"gogle", "google"}},
		"no CA bundle":            {`oidc_providers: [{url: "https://a.example", client_ids: [x], ca_bundle: none.pem}]`, []string{"oidc_providers[0].ca_bundle", "none.pem"}},
		"unknown user pool check": {`user_pools: [{provider_name: a.example/x, status: {chek: push}}]`, []string{"chek", "check"}},
	} {
		path := filepath.Join(t.TempDir(), "poolhouse.yaml")
		if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load(nil, nil, path)
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

// What the file says of guests reaches the server.
func TestGuestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poolhouse.yaml")
	const document = `{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "app:Open", Resource: "*"}]}`
	if err := os.WriteFile(path, []byte("guest_policy: off\npool_guest_policies: {\"us-east-1:x\": "+document+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.Load(nil, nil, path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := serverConfig(s)
	if err != nil {
		t.Fatal(err)
	}
	if pool := c.PoolGuestPolicies["us-east-1:x"]; c.GuestPolicy != "off" || !strings.Contains(pool, `"Action":"app:Open"`) {
		t.Errorf("guest_policy = %q, of the pool %q", c.GuestPolicy, pool)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
