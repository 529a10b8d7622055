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
	if len(first.Pools) != 6 || len(second.Pools) != 6 || first.Outputs["Minimal/PoolId"].Value != pool {
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
	for _, r := range first.Skipped {
		if strings.HasPrefix(r.Type, "AWS::Cognito::") {
			t.Errorf("left out: %+v", r)
		}
	}

	// A user of a group of the stack's user pool gets the group's role.
	of := func(output string) string { return first.Outputs["Users/"+output].Value }
	who := shell("idp() { " + aws + ` cognito-idp "$@" --output text; }
pools() { ` + aws + ` cognito-identity "$@" --output text; }
users=` + of("UserPoolId") + " client=" + of("ClientId") + " provider=" + of("Provider") + `
idp sign-up --client-id $client --username ann@example.com --password Secret12345 > sign-up
idp admin-confirm-sign-up --user-pool-id $users --username ann@example.com
idp admin-add-user-to-group --user-pool-id $users --username ann@example.com --group-name editors
token=$(idp initiate-auth --client-id $client --auth-flow USER_PASSWORD_AUTH --query AuthenticationResult.IdToken \
  --auth-parameters USERNAME=ann@example.com,PASSWORD=Secret12345)
id=$(pools get-id --identity-pool-id ` + of("PoolId") + ` --logins $provider=$token --query IdentityId)
read -r key secret session <<< "$(pools get-credentials-for-identity --identity-id $id --logins $provider=$token \
  --query 'Credentials.[AccessKeyId,SecretKey,SessionToken]')"
AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$session ` + aws +
		` sts get-caller-identity --query Arn --output text`)
	if !strings.HasSuffix(who, ":assumed-role/Editor/CognitoIdentityCredentials\n") {
		t.Errorf("a user of the stack's user pool is %s", who)
	}
}
