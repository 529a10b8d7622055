package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// The reference in docs/ is written from the settings.
func TestReferenceIsUpToDate(t *testing.T) {
	have, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != reference() {
		t.Error("docs/configuration.md differs from the table: run `poolhouse config --docs > docs/configuration.md`")
	}
}

// The YAML of the reference is a settings file that loads, and every key in it exists.
func TestReferenceLoads(t *testing.T) {
	_, text, _ := strings.Cut(reference(), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	_, file, err := parseText("reference", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Roles) != 1 || len(file.OIDCProviders) != 1 || len(file.SAMLProviders) != 1 ||
		len(file.UserPools) != 1 || len(file.TokenAlgorithms) != 1 || len(file.Roles[0].Policies) != 1 {
		t.Errorf("the reference defines %+v", file)
	}
	if file.GuestPolicy != "aws" ||
		!strings.Contains(string(file.PoolGuestPolicies["us-east-1:11111111-2222-3333-4444-555555555555"]),
			`"Action":"s3:GetObject"`) {
		t.Errorf("guest policies = %s, %s", file.GuestPolicy, file.PoolGuestPolicies)
	}

	want := `"cognito-identity.amazonaws.com:aud":"us-east-1:11111111-2222-3333-4444-555555555555"`
	if !strings.Contains(string(file.Roles[0].TrustPolicy), want) {
		t.Errorf("trust policy = %s", file.Roles[0].TrustPolicy)
	}
}

// The reference shows the settings of each login provider.
func TestReferenceHasEveryProvider(t *testing.T) {
	_, text, _ := strings.Cut(reference(), "\nproviders:")
	text, _, _ = strings.Cut(text, "\nuser_pools:")
	for _, name := range provider.Default().Settings() {
		if !strings.Contains(text, "\n  "+name+":") {
			t.Errorf("the reference lacks providers.%s", name)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"listen", "database", "data", "issuer_url"}
	for name, want := range map[string]string{"lisen": "listen", "databse": "database", "issuerurl": "issuer_url",
		"dta": "data", "zzzzzz": ""} {
		if got := explain.Nearest(name, names); got != want {
			t.Errorf("spelling.Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestEverySettingHasOneName(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range newSettings().rows {
		if seen[r.Name] || r.Help == "" || !strings.HasSuffix(r.Help, ".") {
			t.Errorf("setting %s: repeated, or its help is no sentence", r.Name)
		}
		seen[r.Name] = true
		if err := r.check(r.Standard); err != nil {
			t.Errorf("default of %s: %v", r.Name, err)
		}
	}
}

// parseText reads the text of a settings file.
func parseText(path string, text []byte) (map[string]any, settingsFile, error) {
	return parseSettings(path, text, newSettings().rows)
}

// Whatever is in the file, it is taken or refused, and its secrets are not shown.
func FuzzParse(f *testing.F) {
	_, text, _ := strings.Cut(reference(), "```yaml\n")
	f.Add(text)
	f.Add("limits: 3")
	f.Add("roles: [1]")
	f.Add(`roles: [{arn: "arn:aws:iam::000000000000:role/A", policies: !!str 5}]`) // the YAML library panics
	f.Add("oidc_providers: {a: b}")
	f.Fuzz(func(t *testing.T, text string) {
		values, _, err := parseText("f", []byte(text))
		if err != nil {
			return
		}

		for key, v := range values {
			_, _ = scalar(v)
			if key == "" {
				t.Error("a setting without a name was taken")
			}
		}
	})
}
