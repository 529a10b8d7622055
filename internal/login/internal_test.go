package login

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

func TestUnknownKind(t *testing.T) {
	client := outbound.New(outbound.Options{})
	defer client.Close()

	v := New(client, Options{})
	if _, err := v.Verify(t.Context(), Trust{Kind: "kerberos"}, "x"); err == nil ||
		!strings.Contains(err.Error(), `unknown kind "kerberos"`) {
		t.Errorf("Verify = %v", err)
	}
}

func TestValidate(t *testing.T) {
	good := Trust{Rule: idtoken.Rule{Provider: "p", Issuers: []string{"https://issuer.test"}, Audiences: []string{"a"}}}
	if err := good.Validate(); err != nil {
		t.Errorf("good trust: %v", err)
	}

	for _, c := range []struct {
		name   string
		change func(*Trust)
		want   string // "" is good
	}{
		{"kind", func(t *Trust) { t.Kind = "x" }, "kind x"},
		{"no issuer", func(t *Trust) { t.Issuers = nil }, "issuers []"},
		{"no audience", func(t *Trust) { t.Audiences = nil }, "client_ids []"},
		{"empty audience", func(t *Trust) { t.Audiences = []string{""} }, "client_ids [an empty string]"},
		{"no algorithm", func(t *Trust) { t.Algorithms = []string{} }, "allowed_algs []"},
		{"alg none", func(t *Trust) { t.Algorithms = []string{"RS256", "none"} }, "allowed_algs none"},
		{"alg HS256", func(t *Trust) { t.Algorithms = []string{"HS256"} }, "allowed_algs HS256"},
		{"all algorithms", func(t *Trust) { t.Algorithms = []string{"RS256", "PS512", "ES384", "EdDSA"} }, ""},
		{"http issuer", func(t *Trust) { t.Issuers = []string{"http://issuer.test"} }, "not https"},
		{"http issuer allowed", func(t *Trust) { t.Issuers = []string{"http://issuer.test"}; t.AllowHTTP = true }, ""},
		{"issuer without scheme", func(t *Trust) { t.Issuers = []string{"issuer.test"} }, "not a plain absolute URL"},
		{"issuer without scheme, keys known",
			func(t *Trust) { t.Issuers = []string{"issuer.test"}; t.JWKSURL = "https://issuer.test/k" }, ""},
		{"discovery address", func(t *Trust) { t.DiscoveryURL = "file:///x" }, "discovery_url"},
		{"key address", func(t *Trust) { t.JWKSURL = "http://issuer.test/k" }, "jwks_url"},
		{"thumbprints missing", func(t *Trust) { t.EnforceThumbprints = true }, "thumbprints []"},
		{"thumbprint short", func(t *Trust) { t.Thumbprints = []string{"abcd"} }, "thumbprints abcd"},
		{"thumbprint capitals", func(t *Trust) { t.Thumbprints = []string{strings.Repeat("AB", 20)} }, "40 lower-case"},
		{"thumbprint good",
			func(t *Trust) { t.Thumbprints = []string{strings.Repeat("ab", 20)}; t.EnforceThumbprints = true }, ""},
		{"thumbprint without TLS", func(t *Trust) {
			t.Thumbprints, t.EnforceThumbprints = []string{strings.Repeat("ab", 20)}, true
			t.Issuers, t.AllowHTTP = []string{"http://issuer.test"}, true
		}, "do not enforce thumbprints"},
		{"password", func(t *Trust) { t.JWKSURL = "https://u:canary@issuer.test/k?k=canary" },
			"https://xxxxx@issuer.test/k?xxxxx"},
		{"password in no URL", func(t *Trust) { t.JWKSURL = "https://u:can%ary@issuer.test/k" }, "(not shown)"},
		{"CA bundle", func(t *Trust) { t.CABundle = "x" }, "ca_bundle"},
	} {
		trust := good
		c.change(&trust)
		err := trust.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
