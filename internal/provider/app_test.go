package provider_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// The client secrets of the providers are never shown nor stored in clear, whichever
// provider they stand at; application IDs are.
func TestPublicApp(t *testing.T) {
	table := provider.Default()
	const hex = "0123456789abcdef0123456789abcdef"
	for app, public := range map[string]bool{
		"":                 true,
		"1234567890123456": true,
		"client":           true,
		"com.example.app":  true,
		"123456789012-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com": true,
		"123456789012-" + hex + ".apps.googleusercontent.com":                      true,
		"amzn1.application-oa2-client." + hex:                                      true,
		"amzn1.application." + hex:                                                 true,
		"0b5c7d5e-3f2a-4c1b-9d8e-7f6a5b4c3d2e":                                     true,

		"GOCSPX-abcdefghijklmnopqrstuvwxyz12":                 false,
		"gocspx-abcdefghijklmnopqrstuvwxyz12":                 false,
		"1234.apps.googleusercontent.com:GOCSPX-abcdefghijkl": false,
		"amzn1.oa2-cs.v1." + hex + hex:                        false,
		"AMZN1.OA2-CS.v1." + hex:                              false,
		"amzn1.application-oa2-client." + hex + ":" + hex:     false,
		hex:                  false,
		strings.ToUpper(hex): false,
		hex + hex:            false,
		"1234:" + hex:        false,
		"1234/" + hex:        false,
		"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJYIn0.c2lnbmF0dXJl": false,
		"1234|SECRET": false,
		"key;SECRET":  false,
	} {
		for _, key := range []string{"accounts.google.com", "appleid.apple.com", "graph.facebook.com",
			"www.amazon.com"} {
			if got := table.PublicApp(key, app); got != public {
				t.Errorf("PublicApp(%q, %q) = %t", key, app, got)
			}
		}

		if shown := table.ShownApp("accounts.google.com", app); !public && app != "" &&
			(strings.Contains(shown, "SECRET") || strings.Contains(strings.ToLower(shown), hex) ||
				strings.Contains(strings.ToUpper(shown), "GOCSPX")) {
			t.Errorf("ShownApp(%q) = %q", app, shown)
		}

		for _, key := range []string{"api.twitter.com", "www.digits.com"} {
			if table.PublicApp(key, app) {
				t.Errorf("PublicApp(%q, %q)", key, app)
			}
		}
	}
}
