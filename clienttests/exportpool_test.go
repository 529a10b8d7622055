package clienttests

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostileValue ends quotations, and begins templates and commands, in shells, HCL, JSON and YAML.
const hostileValue = "it's ${x} %{y} $${z} $(id) `id` \"q\" \\ é\n}\n# ok"

// hostilePool makes a pool with everything that an export has, and returns its ID.
func hostilePool(t *testing.T, s *server) string {
	t.Helper()
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const role = "arn:aws:iam::000000000000:role/user"

	var made struct{ IdentityPoolId string }
	out := s.aws(t, "cognito-identity", "create-identity-pool", "--cli-input-json", text(map[string]any{
		"IdentityPoolName": "my pool", "AllowUnauthenticatedIdentities": true, "AllowClassicFlow": false,
		"DeveloperProviderName":   "login.my.app",
		"SupportedLoginProviders": map[string]string{"accounts.google.com": "app"},
		"CognitoIdentityProviders": []map[string]any{{
			"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_abc", "ClientId": "abc",
			"ServerSideTokenCheck": true,
		}},
		"IdentityPoolTags": map[string]string{"team": "a + b"},
	}))
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	s.aws(t, "cognito-identity", "set-identity-pool-roles", "--cli-input-json", text(map[string]any{
		"IdentityPoolId": made.IdentityPoolId,
		"Roles":          map[string]string{"authenticated": role, "unauthenticated": role},
		"RoleMappings": map[string]any{"accounts.google.com": map[string]any{
			"Type": "Rules", "AmbiguousRoleResolution": "Deny",
			"RulesConfiguration": map[string]any{"Rules": []map[string]string{
				{"Claim": "it's\"${x}", "MatchType": "Equals", "Value": hostileValue, "RoleARN": role},
				{"Claim": "%{y}", "MatchType": "Contains", "Value": "'", "RoleARN": role},
			}},
		}},
	}))
	s.aws(t, "cognito-identity", "set-principal-tag-attribute-map", "--identity-pool-id", made.IdentityPoolId,
		"--identity-provider-name", "accounts.google.com", "--no-use-defaults", "--principal-tags", "dept=hd")

	return made.IdentityPoolId
}

// described returns all that a server tells about a pool, without its ID and apply's marks.
func described(t *testing.T, s *server, id string) string {
	t.Helper()
	all := map[string]any{}
	for name, operation := range map[string][]string{
		"pool":  {"describe-identity-pool"},
		"roles": {"get-identity-pool-roles"},
		"tags":  {"get-principal-tag-attribute-map", "--identity-provider-name", "accounts.google.com"},
	} {
		var out map[string]any
		text := s.aws(t, append(append([]string{"cognito-identity"}, operation...), "--identity-pool-id", id)...)
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		delete(out, "IdentityPoolId")
		tags, _ := out["IdentityPoolTags"].(map[string]any)
		for key := range tags {
			if strings.HasPrefix(key, "poolhouse:applied") {
				delete(tags, key)
			}
		}
		all[name] = out
	}

	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// A pool that is exported and made on another server is equal, with hostile texts, too.
func TestExportedPoolIsEqual(t *testing.T) {
	from := startDev(t)
	id := hostilePool(t, from)
	want := described(t, from, id)
	if !strings.Contains(want, "$(id)") || !strings.Contains(want, "dept") {
		t.Fatalf("the pool is %s", want)
	}

	t.Run("cli", func(t *testing.T) {
		to := startDev(t)
		// Older versions of the AWS CLI read no endpoint from the environment.
		script := "aws() { command aws --endpoint-url " + to.info.Endpoint + " \"$@\"; }\n" +
			from.poolhouse(t, "pool", "export", id, "--format", "cli")
		run := exec.CommandContext(t.Context(), "sh", "-c", script)
		run.Env, run.Dir = to.environment(t), t.TempDir()
		var faults strings.Builder
		run.Stderr = &faults
		out, err := run.Output()
		if err != nil {
			t.Fatalf("%v: %s%s", err, out, faults.String())
		}
		if got := described(t, to, strings.TrimSpace(string(out))); got != want {
			t.Errorf("made:\n%s\nwant:\n%s", got, want)
		}
		if left, _ := filepath.Glob(filepath.Join(run.Dir, "*")); len(left) > 0 {
			t.Errorf("a text was carried out: %v", left)
		}
	})
	t.Run("yaml", func(t *testing.T) {
		to := startDev(t)
		file := filepath.Join(t.TempDir(), "pool.yaml")
		writeFile(t, file, from.poolhouse(t, "pool", "export", id))
		to.poolhouse(t, "apply", "-f", file)
		if got := described(t, to, id); got != want {
			t.Errorf("made:\n%s\nwant:\n%s", got, want)
		}
		if out := to.poolhouse(t, "apply", "-f", file); strings.Contains(out, "\n~ ") {
			t.Errorf("the second time changes something:\n%s", out)
		}
	})
}
