package main

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// TestWelcomeIsQuoted checks that a shell takes every value of the lines to paste as text.
func TestWelcomeIsQuoted(t *testing.T) {
	const evil = "x$(id)`id`; id"
	info := poolhouse.DevInfo{
		Endpoint:        evil,
		Region:          evil,
		AccessKeyID:     evil,
		SecretAccessKey: evil,
		OIDCProviderARN: evil,
		LoginKey:        evil,
	}

	for _, pools := range [][]poolhouse.DevPool{nil, {{ID: evil, Guests: true, Trusts: true}}} {
		var out strings.Builder
		welcome{Info: info, Pools: pools}.print(&out)

		_, shell, found := strings.Cut(out.String(), "# For the AWS SDKs")
		if !found || !strings.Contains(shell, "'"+evil+"'") {
			t.Fatalf("no lines for a shell: %s", &out)
		}
		if left := strings.ReplaceAll(shell, "'"+evil+"'", ""); strings.Contains(left, "id)") {
			t.Errorf("a value without quotes:\n%s", left)
		}
	}
}

// TestIssuerURLsForShells checks which characters an issuer URL may have: it is in lines that people paste.
func TestIssuerURLsForShells(t *testing.T) {
	for text, good := range map[string]bool{
		"http://127.0.0.1:4599":                true,
		"http://[::1]:4599":                    true,
		"https://id.example/realms/a_b~c+d%20": true,
		"http://x/$(id)":                       false,
		"http://x/`id`":                        false,
		"http://x/;id":                         false,
		"http://x/a&b":                         false,
		"http://x/'a":                          false,
		`http://x/"a`:                          false,
		"http://x/<a>":                         false,
		`http://x/\a`:                          false,
	} {
		if err := issuer.CheckURL(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
