package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
)

// within10s fails unless something becomes true in the ten seconds that the commands
// promise.
func within10s(t *testing.T, what string, holds func() bool) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()

	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within ten seconds: %s", what)
		case <-tick.C:
		}
	}
}

// privateFolder is one that nobody else can look into.
func privateFolder(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(token[:strings.Index(token, ".")])
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}

	return header.Kid
}

// The commands of the runbook, beside a running server: what leaked ends within
// ten seconds.
func TestLeakedKeysOfARunningServer(t *testing.T) {
	t.Parallel()

	data := filepath.Join(t.TempDir(), "data")
	var root accessKey
	s := serveOn(t, data, &root)
	pool, err := s.client.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:      aws.String("p"),
		DeveloperProviderName: aws.String("login.my.app"),
	})
	if err != nil {
		t.Fatal(err)
	}

	sign := func() string {
		out, err := s.client.GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: pool.IdentityPoolId,
				Logins: map[string]string{"login.my.app": "alice"}})
		if err != nil {
			t.Fatal(err)
		}
		return kidOf(t, *out.Token)
	}

	published := func(kid string) bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/.well-known/jwks_uri", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()

		body, err := io.ReadAll(response.Body)
		if err != nil || response.Header.Get("Cache-Control") != "public, max-age=60" {
			t.Fatalf("%v, %v", response.Header, err)
		}

		return strings.Contains(string(body), `"kid":"`+kid+`"`)
	}

	run := func(want string, args ...string) string {
		t.Helper()
		out, err := run1(t, append(args, "--data", data)...)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("poolhouse %s: %v, want %q in\n%s", strings.Join(args, " "), err, want, out)
		}
		return out
	}

	leaked := sign()
	if out, err := run1(t, "signing-keys", "retire", leaked, "--data", data); err == nil ||
		!strings.Contains(out, "run `poolhouse signing-keys rotate --now` first") {
		t.Errorf("the key that signs: %v\n%s", err, out)
	}

	run("`poolhouse signing-keys retire "+leaked+"` ends it", "signing-keys", "rotate", "--now", "--issuer-url", s.url)
	within10s(t, "the new key signs", func() bool { return sign() != leaked })
	run(leaked+" (RS512) is retired", "signing-keys", "retire", leaked)
	within10s(t, "the leaked key is not published", func() bool { return !published(leaked) })
	run("was retired already", "signing-keys", "retire", leaked)
	run("withdrawn", "signing-keys", "list")

	// Also the slow way, twice within the hour.
	run("", "signing-keys", "rotate", "--issuer-url", s.url)
	run("", "signing-keys", "rotate", "--issuer-url", s.url)
	if out, err := run1(t, "signing-keys", "retire", "us-east-1999", "--data", data); err == nil ||
		!strings.Contains(out, "`poolhouse signing-keys list` shows them") {
		t.Errorf("no such key: %v\n%s", err, out)
	}

	by := func(id, secret, token string) *sts.Client {
		return sts.New(sts.Options{
			BaseEndpoint:     &s.url,
			Region:           "us-east-1",
			RetryMaxAttempts: 1,
			Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
		})
	}

	session, err := by(root.id, root.secret, "").GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials
	known := func() bool {
		_, err := by(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).GetCallerIdentity(t.Context(),
			&sts.GetCallerIdentityInput{})
		return err == nil
	}

	id := regexp.MustCompile(`(?m)^([0-9a-f]{16}) +sealing`).FindStringSubmatch(run("sealing", "session-keys", "list"))
	if id == nil {
		t.Fatal("no key seals")
	}
	if out, err := run1(t, "session-keys", "retire", id[1], "--data", data); err == nil ||
		!strings.Contains(out, "run `poolhouse session-keys rotate --now` first") {
		t.Errorf("the key that seals: %v\n%s", err, out)
	}

	run("`poolhouse session-keys retire "+id[1]+"` ends them", "session-keys", "rotate", "--now")
	if !known() {
		t.Error("a rotation ended a session")
	}
	out := run("all temporary credentials (ASIA...) issued from ", "session-keys", "retire", id[1])
	within10s(t, "the session has ended", func() bool { return !known() })
	run("", "session-keys", "rotate")

	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}

	for _, secret := range []string{*c.SecretAccessKey, *c.SessionToken, root.secret} {
		if strings.Contains(out, secret) {
			t.Error("a command shows a secret")
		}
	}
}

// What retire prints names the pools and engines that the settings tie to the key.
func TestRetiredKeyNamesEngines(t *testing.T) {
	data := privateFolder(t)
	settings := written(t, "poolhouse.yaml", `
issuer_url: https://id.example.com
data: `+data+`
token_algorithms: {"us-east-1:aaaaaaaa-0000-4000-8000-00000000000a": ES256}
credential_engines:
  storage: {endpoint: "https://minio.example.com", token: {algorithm: RS256}}
  files: {endpoint: "https://files.example.com", token: {algorithm: ES256, x5c: true}}
  plain: {endpoint: "https://plain.example.com"}
credential_engine: plain
pool_credential_engines:
  "us-east-1:bbbbbbbb-0000-4000-8000-00000000000b": storage
  "us-east-1:cccccccc-0000-4000-8000-00000000000c": files
`)

	server, err := poolhouse.New(t.Context(), poolhouse.Config{DataDir: data, IssuerURL: "https://id.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "signing-keys", "rotate", "--now", "--config", settings)

	listed := mustRun(t, "signing-keys", "list", "--config", settings)
	for number, want := range map[string][]string{
		"us-east-11": {"(RS512)", "all identity pools but us-east-1:aaaaaaaa-0000-4000-8000-00000000000a",
			"Credential engine plain (https://plain.example.com), for all pools without an engine of their own\n"},
		"us-east-12": {"(RS256)", "no identity pool in these settings",
			"Credential engine storage (https://minio.example.com), " +
				"for us-east-1:bbbbbbbb-0000-4000-8000-00000000000b\n"},
		"us-east-13": {"(ES256)", "the identity pools us-east-1:aaaaaaaa-0000-4000-8000-00000000000a",
			"Credential engine files (https://files.example.com), " +
				"for us-east-1:cccccccc-0000-4000-8000-00000000000c; it gets the key's certificate"},
	} {
		key := regexp.MustCompile(number + `-[0-9a-f]{16}`).FindString(listed)
		out := mustRun(t, "signing-keys", "retire", key, "--config", settings)
		contains(t, out, append(want, "Within ten seconds", "revoke-session", "a minute")...)
		if n := strings.Count(out, "Credential engine "); n != 1 {
			t.Errorf("%s names %d engines:\n%s", key, n, out)
		}
	}
}

// Neither the plan of apply nor the output of export on the terminal shows the secret
// of a login provider; the exported file has it, because apply needs it.
func TestSecretsOfProvidersOnTheTerminal(t *testing.T) {
	devKeys(t)
	url := devServer(t)
	file := func(secret string) string {
		return written(t, "p.yaml", `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "us-east-1:11111111-2222-4333-8444-555555555555"}
    Properties:
      AllowUnauthenticatedIdentities: true
      SupportedLoginProviders: {accounts.google.com: 123.apps.googleusercontent.com, api.twitter.com: "consumerkey;`+
			secret+`"}
`)
	}

	first, second := "canary-first-secret", "canary-second-secret"
	var shown string
	for _, secret := range []string{first, second} {
		for _, dryRun := range []string{"--dry-run=true", "--dry-run=false"} {
			stdout, stderr, err := commandOutputs(t, "apply", "-f", file(secret), "--name", "p",
				"--endpoint", url, dryRun)
			if err != nil {
				t.Fatal(err, stderr)
			}
			shown += stdout + stderr
		}
	}

	contains(t, shown, "consumerkey;(hidden)", "123.apps.googleusercontent.com")
	exported, notes, err := commandOutputs(t, "export", "--endpoint", url)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, exported, second)
	contains(t, notes, "the file holds a secret, keep it like a password: pool "+
		"us-east-1:11111111-2222-4333-8444-555555555555, SupportedLoginProviders: api.twitter.com")

	for _, secret := range []string{first, second} {
		if strings.Contains(shown+notes, secret) {
			t.Errorf("the terminal shows %s:\n%s", secret, shown+notes)
		}
	}
}

// An old version's backup is restored with the master key at hand, and without.
// Either way its secrets are sealed when the server has started.
func TestRestoreOfAnOldBackup(t *testing.T) {
	const backup, secret = "../../internal/wiretest/testdata/upgrade/backup.gz", "fixture-consumer-secret-5f2d9a71"
	master := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("B", 32))) + "\n"
	for _, before := range []bool{true, false} {
		data := privateFolder(t)
		shows := func() bool {
			t.Helper()
			files, err := filepath.Glob(filepath.Join(data, poolhouse.DatabaseFile+"*"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}

			for _, file := range files {
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(content), secret) {
					return true
				}
			}

			return false
		}

		key := func() {
			if err := os.WriteFile(filepath.Join(data, poolhouse.MasterKeyFile), []byte(master), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if before {
			key()
		}

		mustRun(t, "restore", backup, "--data", data)
		if shows() == before {
			t.Errorf("master key there %t: the secret is in the files: %t", before, shows())
		}
		if !before {
			if _, err := command(t, "backup", filepath.Join(t.TempDir(), "b.gz"), "--data", data); err == nil ||
				!strings.Contains(err.Error(), "start a server of this version once") {
				t.Errorf("a backup of secrets in clear: %v", err)
			}
			key()
		}

		server, err := poolhouse.New(t.Context(), poolhouse.Config{DataDir: data, IssuerURL: "https://id.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		if shows() {
			t.Error("the files show the secret after the start")
		}

		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		mustRun(t, "backup", filepath.Join(t.TempDir(), "b.gz"), "--data", data)
	}
}

// After a change of the master key the server has everything that it had, under the
// new key alone.
func TestMasterKeyChange(t *testing.T) {
	data := privateFolder(t)
	old := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("B", 32))) + "\n"
	file, next := filepath.Join(data, poolhouse.MasterKeyFile), filepath.Join(data, "next.key")
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}

	mustRun(t, "restore", "../../internal/wiretest/testdata/upgrade/backup.gz", "--data", data)
	out := mustRun(t, "master-key", "change", next, "--data", data)
	contains(t, out, "secrets are encrypted with the master key in "+next)
	newServer := func() (*poolhouse.Server, error) {
		return poolhouse.New(t.Context(), poolhouse.Config{DataDir: data, IssuerURL: "https://id.example.com"})
	}
	if _, err := newServer(); err == nil || !strings.Contains(err.Error(), "the master key is not the one") {
		t.Errorf("a start with the old key: %v", err)
	}

	if _, err := command(t, "master-key", "change", next, "--data", data); err == nil ||
		!strings.Contains(err.Error(), "was already changed") {
		t.Errorf("a second change: %v", err)
	}
	if err := os.Rename(next, file); err != nil {
		t.Fatal(err)
	}

	server, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()

	web := httptest.NewServer(server)
	defer web.Close()

	client := clientOf(web.URL, "AKIA2KBIPIX5LB72STAX", "JiC2QgYveIqlOn8Z8GHTs/z4gKeddLxQMhspnHU8")

	pool, err := client.DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: aws.String("us-east-1:aaaaaaaa-0000-4000-8000-00000000000a")})
	if err != nil ||
		!strings.HasSuffix(pool.SupportedLoginProviders["api.twitter.com"], ";fixture-consumer-secret-5f2d9a71") {
		t.Errorf("%+v, %v", pool, err)
	}
}
