//go:build extended

package clienttests

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// cdkApp copies cdk/app.mjs beside the newest CDK, which scripts/setup-extended.sh installs.
func cdkApp(t *testing.T) (folder string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "poolhouse-tests", "cdk", "node_modules")
	if _, err := os.Stat(filepath.Join(modules, ".bin", "cdk")); err != nil {
		missing(t, "AWS CDK is not installed: run scripts/setup-extended.sh")
	}

	folder = t.TempDir()
	app, err := os.ReadFile("cdk/app.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"app.mjs":  string(app),
		"saml.xml": samltest.New(t, time.Now(), 0).Metadata(),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}

	return folder
}

// applied has the output of apply --json.
type applied struct {
	Pools     []struct{ Name, ID string }
	Resources []struct{ Name, Type, PhysicalID, Action string }
	Outputs   map[string]struct{ Value, Unknown string }
	Skipped   []struct{ Name, Type string }
}

// What the newest CDK makes of all usual shapes is applied, and leads to credentials; the second
// time nothing changes.
func TestCDK(t *testing.T) {
	client(t, "node", "nodejs")
	folder := cdkApp(t)
	s := startDev(t)
	aws := client(t, "/usr/bin/aws", "awscli") + " --endpoint-url " + s.info.Endpoint
	shell := func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", script)
		cmd.Dir = folder
		cmd.Env = append(withProgram(s.environment(t)), "CDK_DISABLE_CLI_TELEMETRY=true")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, stderr.String())
		}

		return string(out)
	}
	const synth = `node_modules/.bin/cdk synth --app "node app.mjs" --no-notices`

	// One stack, by a pipe, to a guest's credentials.
	out := shell(synth + " Minimal | poolhouse apply -f -")
	_, pool, found := strings.Cut(out, "\noutput PoolId: ")
	if !found {
		t.Fatalf("no output PoolId:\n%s", out)
	}
	pool = strings.TrimSpace(pool)
	credentials := shell("id=$(" + aws + " cognito-identity get-id --identity-pool-id " + pool +
		" --query IdentityId --output text)\n" +
		aws + " cognito-identity get-credentials-for-identity --identity-id $id")
	if !strings.Contains(credentials, "SecretKey") {
		t.Errorf("no credentials:\n%s", credentials)
	}

	// All stacks, from their folder.
	shell(synth + " --quiet")
	var first, second applied
	for _, to := range []*applied{&first, &second} {
		if err := json.Unmarshal([]byte(shell("poolhouse apply -f cdk.out --ignore-unknown --json")), to); err != nil {
			t.Fatal(err)
		}
	}
	if len(first.Pools) != 5 || len(second.Pools) != 5 || first.Outputs["Minimal/PoolId"].Value != pool {
		t.Errorf("%d pools, then %d; %+v", len(first.Pools), len(second.Pools), first.Outputs["Minimal/PoolId"])
	}
	for _, r := range second.Resources {
		if r.Action != "none" || r.PhysicalID == "" {
			t.Errorf("the second time: %+v", r)
		}
	}
	for name, want := range map[string]string{
		"Providers/Issuer":   "idp.example.com",
		"L1/Lifetime":        "3600",
		"Amplify/authRegion": "us-east-1",
	} {
		if got := first.Outputs[name].Value; got != want {
			t.Errorf("the output %s is %q, want %q", name, got, want)
		}
	}
	if first.Outputs["Providers/UserPoolId"].Unknown == "" {
		t.Error("a user pool's ID has a value, though there is none")
	}
}
