package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/devseed"
)

// hostile are values that a shell must take literally.
var hostile = []string{
	"plain", "http://127.0.0.1:4599", "us-east-1:1111", "a b", "$(touch pwned)", "`touch pwned`", "it's", `say "hi"`,
	`back\slash`, "$HOME", "a;b", "#x", "~", "!!", "-n", "a'$(id)'\"b\"", `\'`, "%s%n", "{a,b}", "*", "=",
}

// Values come out of a shell as they went in.
func TestEnvForShells(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, value := range hostile {
		script := envFormats["sh"]([]variable{{name: "POOLHOUSE_TEST", value: value}}) + `printf %s "$POOLHOUSE_TEST"`
		for _, shell := range []string{"/bin/sh", "/bin/bash"} {
			out, err := exec.CommandContext(t.Context(), shell, "-eu", "-c", script).CombinedOutput()
			if err != nil || string(out) != value {
				t.Errorf("%s gives %q for %q: %v", shell, out, value, err)
			}
		}
	}

	if files, err := filepath.Glob("*"); err != nil || len(files) > 0 {
		t.Errorf("the values were run: %v, %v", files, err)
	}
}

// The formats of shells that tests do not have, and of .env files.
func TestEnvFormats(t *testing.T) {
	tests := []struct{ format, value, want string }{
		{"sh", "a", "export V=a\n"},
		{"sh", "it's", `export V='it'\''s'` + "\n"},
		{"sh", "", "unset V\n"},
		{"fish", "us-east-1:1", "set -gx V 'us-east-1:1'\n"},
		{"fish", `it's $x (y) \`, `set -gx V 'it\'s $x (y) \\'` + "\n"},
		{"fish", "", "set -e V\n"},
		{"powershell", "it's $x", "$env:V = 'it''s $x'\n"},
		{"powershell", "", "$env:V = $null\n"},
		{"dotenv", "http://127.0.0.1:4599", "V=http://127.0.0.1:4599\n"},
		{"dotenv", "us-east-1:1111-2222", "V=us-east-1:1111-2222\n"},
		{"dotenv", "a $b #c", "V='a $b #c'\n"},
		{"dotenv", `it's "$x" \`, `V="it's \"\$x\" \\"` + "\n"},
		{"dotenv", "", "V=\n"},
		{"json", `"`, "{\n  \"V\": \"\\\"\"\n}\n"},
		{"json", "", "{\n  \"V\": \"\"\n}\n"},
	}

	for _, test := range tests {
		if got := envFormats[test.format]([]variable{{name: "V", value: test.value}}); got != test.want {
			t.Errorf("%s of %q = %q, want %q", test.format, test.value, got, test.want)
		}
	}
}

// TestDevEnv checks that a server on any port is found by the folder in which it was started, and
// that what `dev env` prints leads clients to it and to its pool.
func TestDevEnv(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(endpointVariable, "")
	p := launch(t, "dev", "--listen", "127.0.0.1:0")
	endpoint := endpointIn(t, p.out)
	client := clientOf(endpoint, "test", "test")
	pool := func(name string) string {
		t.Helper()
		made, err := client.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String(name), AllowUnauthenticatedIdentities: name == "one",
		})
		if err != nil {
			t.Fatal(err)
		}

		return *made.IdentityPoolId
	}
	env := func(arguments ...string) map[string]string {
		t.Helper()
		text, err := run1(t, append([]string{"dev", "env", "--format", "json"}, arguments...)...)
		var variables map[string]string
		if err != nil || json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &variables) != nil {
			t.Fatalf("%v: %s, %v", arguments, text, err)
		}

		return variables
	}

	if got := env(); got[poolVariable] != devseed.DemoPool {
		t.Errorf("with the demo pool: %v", got)
	}
	_, err := client.DeleteIdentityPool(t.Context(),
		&ci.DeleteIdentityPoolInput{IdentityPoolId: aws.String(devseed.DemoPool)})
	if err != nil {
		t.Fatal(err)
	}

	none := env()
	if _, there := none[poolVariable]; there || none["AWS_ENDPOINT_URL_STS"] != endpoint {
		t.Errorf("without pools: %v", none)
	}
	one := pool("one")
	if got := env(); got[poolVariable] != one {
		t.Errorf("with one pool: %v", got)
	}
	other := pool("other")
	for wanted, id := range map[string]string{one: one, "one": one, "other": other} {
		if got := env("--pool", wanted); got[poolVariable] != id {
			t.Errorf("--pool %s: %v", wanted, got)
		}
	}
	if got := env(); got[poolVariable] != "" || got["AWS_REGION"] != "us-east-1" {
		t.Errorf("with two pools: %v", got)
	}

	// A shell that has another server's values, and a session token of other keys.
	shell := exec.CommandContext(t.Context(), "/bin/sh", "-euc", `eval "$(poolhouse dev env --pool one)"
echo "$AWS_ENDPOINT_URL_COGNITO_IDENTITY $AWS_ENDPOINT_URL_IAM $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY"
echo "$AWS_REGION $AWS_DEFAULT_REGION $POOLHOUSE_POOL_ID ${AWS_SESSION_TOKEN-unset}"
poolhouse dev info | grep -c "$AWS_ENDPOINT_URL_STS/dev-issuer"; poolhouse dev token --sub a | cut -c 1-3`)
	shell.Env = append(shell.Environ(), "AWS_SESSION_TOKEN=old", endpointVariable+"=http://127.0.0.1:1")
	out, err := shell.CombinedOutput()
	want := endpoint + " " + endpoint + " test test\nus-east-1 us-east-1 " + one + " unset\n1\neyJ\n"
	if err != nil || string(out) != want {
		t.Errorf("the shell has\n%s(%v), want\n%s", out, err, want)
	}

	amplify, err := run1(t, "dev", "env", "--format", "amplify", "--pool", "one")
	if err != nil || !strings.Contains(amplify, `"identityPoolId": "`+one+`"`) ||
		!strings.Contains(amplify, `"identityPoolEndpoint": "`+endpoint+`"`) ||
		!strings.Contains(amplify, `"allowGuestAccess": true`) {
		t.Errorf("amplify: %s, %v", amplify, err)
	}

	if out, err := run1(t, "dev", "env", "--format", "amplify"); err == nil ||
		!strings.Contains(out, "choose with --pool") {
		t.Errorf("amplify without a pool: %s, %v", out, err)
	}

	pool("one")
	_, err = client.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("demo"),
		IdentityPoolTags: map[string]string{"_custom_id_": devseed.DemoPool},
	})
	if got := env(); err != nil || got[poolVariable] != devseed.DemoPool {
		t.Errorf("with the demo pool among others: %v, %v", got, err)
	}
	for want, arguments := range map[string][]string{
		"no pool of this name":             {"--pool", "none"},
		"several pools have this name":     {"--pool", "one"},
		"use one of amplify, dotenv, fish": {"--format", "xml"},
		"uses the data folder elsewhere":   {"--data", "elsewhere"},
		"Give its URL with --endpoint":     {"--endpoint", "http://127.0.0.1:1"},
	} {
		if out, err := run1(t, append([]string{"dev", "env"}, arguments...)...); err == nil ||
			!strings.Contains(out, want) {
			t.Errorf("%v: %s, %v", arguments, out, err)
		}
	}

	// After a kill the lock file is still there.
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()
	if out, err := run1(t, "dev", "env"); err == nil || !strings.Contains(out, "still running there?") {
		t.Errorf("of a server that was killed: %s, %v", out, err)
	}
}

// A server that is no `poolhouse dev` cannot make the output of `dev env` run anything.
func TestDevEnvOfAStranger(t *testing.T) {
	for _, region := range []string{"x\ny", "a\u2019b", "\x1b[31m"} {
		info, err := json.Marshal(map[string]string{"region": region, "access_key_id": "test"})
		if err != nil {
			t.Fatal(err)
		}
		s := controlClient{endpoint: jsonServer(t, map[string]string{
			"/_poolhouse/dev/info": string(info), "/_poolhouse/dev/pools": `{"pools":[]}`,
		})}
		if got, err := s.environment(t.Context(), chosenPool{}); err == nil {
			t.Errorf("%q: %v", region, got)
		}
	}
}

// TestDevOfAnotherName checks that `poolhouse dev` honours issuer_url from every source, and that a
// start on a folder whose issuer had another name says so.
func TestDevOfAnotherName(t *testing.T) {
	t.Chdir(t.TempDir())
	file := written(t, "poolhouse.yaml", "issuer_url: http://file.test:1\n")
	for _, test := range []struct {
		environment string
		arguments   []string
		want        string
	}{
		{"", []string{"--config", file}, "http://file.test:1"},
		{"http://environment.test:2/", []string{"--config", file}, "http://environment.test:2"},
		{"http://environment.test:2", []string{"--config", file, "--issuer-url", "http://flag.test:3"},
			"http://flag.test:3"},
	} {
		if test.environment != "" {
			t.Setenv("POOLHOUSE_ISSUER_URL", test.environment)
		}
		p := launch(t, append([]string{"dev", "--listen", "127.0.0.1:0", "--log-level", "warn"}, test.arguments...)...)
		endpoint := endpointIn(t, p.out)

		var info map[string]string
		text, err := run1(t, "dev", "info", "--json")
		if err != nil || json.Unmarshal([]byte(text), &info) != nil {
			t.Fatal(text, err)
		}
		if info["issuer"] != test.want+"/dev-issuer" || info["endpoint"] != endpoint {
			t.Errorf("%v: %v", test.arguments, info)
		}
		if status, err := ask(t, endpoint+"/healthz", strings.TrimPrefix(test.want, "http://")); err != nil ||
			status != 200 {
			t.Errorf("%s: %d, %v", test.want, status, err)
		}
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}

	for _, bad := range []string{"poolhouse:4599", "http://u:p@poolhouse", "ftp://poolhouse"} {
		out, err := run1(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--issuer-url", bad)
		if err == nil || !strings.Contains(out, "issuer_url") || strings.Contains(out, "u:p") {
			t.Errorf("%s: %s, %v", bad, out, err)
		}
	}
}
