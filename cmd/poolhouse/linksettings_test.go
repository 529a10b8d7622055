package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linkedSettings are the paths that links of refusals have: explain.Setting and Link.In make them.
// NAME stands for a name that an operator chooses.
var linkedSettings = []string{
	"roles[0].trust_policy", "roles[0].policies", "roles[0].permissions_boundary", "roles[0].max_session_duration",
	"oidc_providers[0].client_ids", "oidc_providers[0].url", "oidc_providers[0].allowed_algs",
	"saml_providers[0].audiences", "saml_providers[0].recipients", "saml_providers[0].metadata_file",
	"providers.facebook.limited_login", "user_pools", "chosen_ids",
	"roles", "oidc_providers", "saml_providers",
	"limits.token_bytes", "limits.logins_per_identity", "limits.pools",
	"address_limits.guest_rate", "address_limits.refused_login_rate", "rate_limits.operations.cognito-identity:GetId",
	"dev.allowed_hosts", "dev.allowed_origins", "dev.control_token", "allowed_origins",
	"credential_engines.NAME.roles", "credential_engines.NAME.role_session_name", "credential_engines.NAME.endpoint",
	"credential_engines.NAME.token.claims",
	"check", "check.allowed_origins", "check.body", "check.body_time", "check.forward_timeout", "check.hosts",
	"check.max_bodies", "check.max_body", "check.region", "check.request", "check.routes", "check.service",
}

// unknownAt reports whether the settings file cannot have a path.
func unknownAt(t *testing.T, path string) bool {
	t.Helper()
	text := "1"
	for _, part := range slices.Backward(strings.Split(path, ".")) {
		name, list := strings.CutSuffix(part, "[0]")
		if list {
			text = "[" + text + "]"
		}
		text = `{"` + name + `": ` + text + "}"
	}

	file := filepath.Join(t.TempDir(), "poolhouse.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := load(nil, nil, file)

	return err != nil && strings.Contains(err.Error(), "unknown setting")
}

// Every link to the settings file leads to a setting.
func TestLinkedSettingsExist(t *testing.T) {
	for _, path := range linkedSettings {
		if unknownAt(t, path) {
			t.Errorf("the settings file has no %s", path)
		}
	}
	for _, path := range []string{"roles[0].trust", "limits.tokens", "check.nothing", "credential_engines.NAME.role"} {
		if !unknownAt(t, path) {
			t.Errorf("%s is taken for a setting", path)
		}
	}
}

// linkedHere matches the settings that sources name.
var linkedHere = regexp.MustCompile(`(?:explain\.Setting|\)\.In|\bsetting)\("([a-z_.]+)"\)`)

// No source links to a setting that the list above lacks.
func TestLinkedSettingsAreListed(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(filepath.Join("..", "..", "internal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range linkedHere.FindAllStringSubmatch(string(text), -1) {
			seen++
			if !slices.ContainsFunc(linkedSettings, func(s string) bool {
				return s == m[1] || strings.HasSuffix(s, "."+m[1])
			}) {
				t.Errorf("%s: %s is not listed", path, m[1])
			}
		}

		return err
	})
	if err != nil || seen < 20 {
		t.Errorf("%d found: %v", seen, err)
	}
}
