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
		"no metadata file":        {`saml_providers: [{name: A, metadata_file: none.xml}]`, []string{"saml_providers[0].metadata_file", "none.xml", "name a file"}},
		"metadata is a folder":    {`saml_providers: [{name: A, metadata_file: .}]`, []string{"saml_providers[0].metadata_file", "name a file"}},
		"metadata not given":      {`saml_providers: [{name: A}]`, []string{"saml_providers[0].metadata_file is required", "name the file"}},
		"unknown provider":        {`providers: {gogle: {}}`, []string{"gogle", "google"}},
		"no CA bundle":            {`oidc_providers: [{url: "https://a.example", client_ids: [x], ca_bundle: none.pem}]`, []string{"oidc_providers[0].ca_bundle", "none.pem", "name a file"}},
		"no user pool CA bundle":  {`user_pools: [{provider_name: a.example/x, ca_bundle: none.pem}]`, []string{"user_pools[0].ca_bundle", "none.pem", "name a file"}},
		"no certificates":         {`user_pools: [{provider_name: a.example/x, ca_bundle: poolhouse.yaml}]`, []string{"user_pools[0].ca_bundle", "holds no certificate"}},
		"no region certificates":  {`user_pool_regions: {us-east-1: {endpoint: "https://a.example", ca_bundle: poolhouse.yaml}}`, []string{"user_pool_regions.us-east-1.ca_bundle", "holds no certificate"}},
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
