package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// TestDevKeepsItsData checks that a pool, a signed-in user's identity and tokens of the
// development issuer survive a restart in the folder that dev makes by itself.
func TestDevKeepsItsData(t *testing.T) {
	t.Chdir(t.TempDir())
	address := listentest.FreeAddress(t)
	start := func() (*process, *ci.Client) {
		p := launch(t, "dev", "--listen", address)
		url := endpointIn(t, p.out)
		return p, ci.New(ci.Options{
			BaseEndpoint: &url,
			Region:       "us-east-1",
			Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		})
	}

	p, client := start()
	var info struct {
		OIDCProviderARN string `json:"oidc_provider_arn"`
		LoginKey        string `json:"login_key"`
	}
	text, err := run1(t, "dev", "info", "--endpoint", "http://"+address, "--json")
	if err != nil || json.Unmarshal([]byte(text), &info) != nil {
		t.Fatal(text, err)
	}
	pool, err := client.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("kept"),
		AllowUnauthenticatedIdentities: true,
		OpenIdConnectProviderARNs:      []string{info.OIDCProviderARN},
	})
	if err != nil {
		t.Fatal(err)
	}

	token, err := run1(t, "dev", "token", "--endpoint", "http://"+address, "--sub", "alice")
	if err != nil {
		t.Fatal(token, err)
	}
	alice := &ci.GetIdInput{
		IdentityPoolId: pool.IdentityPoolId,
		Logins:         map[string]string{info.LoginKey: strings.TrimSpace(token)},
	}
	before, err := client.GetId(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	// The token from before the restart is still good: the issuer has kept its key.
	p, client = start()
	after, err := client.GetId(t.Context(), alice)
	if err != nil || *after.IdentityId != *before.IdentityId {
		t.Errorf("after the restart alice is %v (%v), before %s", after, err, *before.IdentityId)
	}

	// A browser gets the page, in development only.
	page, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	page.Header.Set("Accept", "text/html")
	answer, err := http.DefaultClient.Do(page)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "<strong>kept</strong>") ||
		!strings.Contains(string(body), "<strong>GetId</strong>") {
		t.Errorf("the page: %d %s", answer.StatusCode, body)
	}

	ignored, err := os.ReadFile(filepath.Join(devFolder, ".gitignore"))
	if string(ignored) != "*\n" {
		t.Errorf(".gitignore = %q, %v", ignored, err)
	}

	out, err := run1(t, "dev", "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, "is in use by poolhouse development server") ||
		!strings.Contains(out, "--memory") {
		t.Errorf("a second server: %s, %v", out, err)
	}
	if out, err := run1(t, "dev", "reset"); err == nil || !strings.Contains(out, "is in use by") {
		t.Errorf("a reset under the server: %s, %v", out, err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if out, err := run1(t, "dev", "reset"); err != nil || !strings.Contains(out, "deleted") {
		t.Errorf("the reset: %s, %v", out, err)
	}
	p, client = start()
	if _, err := client.GetId(t.Context(), alice); err == nil {
		t.Error("the pool survived a reset")
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// TestDevInMemoryMakesNothing checks that --memory leaves the current folder as it was.
func TestDevInMemoryMakesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	p := launch(t, "dev", "--memory", "--listen", "127.0.0.1:0")
	endpointIn(t, p.out)
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("the folder has %v, %v", entries, err)
	}

	if out, err := run1(t, "dev", "--memory", "--data", "d"); err == nil || !strings.Contains(out, "give one of them") {
		t.Errorf("memory and data: %s, %v", out, err)
	}
}

// TestDevResetTouchesNothingElse checks that a reset deletes only what a development server wrote.
func TestDevResetTouchesNothingElse(t *testing.T) {
	t.Chdir(t.TempDir())
	production := filepath.Join(t.TempDir(), "data")
	initialised(t, "--data", production)
	refused := func(arguments ...string) {
		t.Helper()
		if out, err := run1(t, arguments...); err == nil || !strings.Contains(out, "nothing was deleted") {
			t.Errorf("%v: %s, %v", arguments, out, err)
		}
	}
	refused("dev", "reset")
	refused("dev", "reset", "--data", production)

	// Not even where a development server was before: the database decides.
	key := filepath.Join(production, poolhouse.DevIssuerKeyFile)
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("dev", "reset", "--data", production)
	if _, err := os.Stat(filepath.Join(production, "poolhouse.db")); err != nil {
		t.Error(err)
	}

	seed := filepath.Join(t.TempDir(), "seed.yaml")
	pools := "Resources: {Users: {Type: AWS::Cognito::UserPool}}"
	if err := os.WriteFile(seed, []byte(pools), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "dev", "--listen", "127.0.0.1:0", "--seed", seed)
	url, _ := firstLines(t, p)
	if _, err := run1(t, "dev", "token", "--endpoint", url, "--sub", "a"); err != nil { // waits for the key
		t.Fatal(err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	userPools := poolhouse.DevUserPoolsFolder
	if kept, err := filepath.Glob(filepath.Join(devFolder, userPools, "*.json")); len(kept) != 1 || err != nil {
		t.Fatalf("the user pool is in %v, %v", kept, err)
	}
	for _, name := range []string{
		"mine", ".poolhouse-new-1", "poolhouse.db-journal", poolhouse.DevSignInsFile,
		userPools + "/.poolhouse-new-1",
	} {
		if err := os.WriteFile(filepath.Join(devFolder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A first start that was interrupted has left no key.
	if err := os.Remove(filepath.Join(devFolder, poolhouse.DevIssuerKeyFile)); err != nil {
		t.Fatal(err)
	}
	if out, err := run1(t, "dev", "reset"); err != nil {
		t.Fatal(out, err)
	}

	var left []string
	entries, err := os.ReadDir(devFolder)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if !slices.Equal(left, []string{".gitignore", "mine"}) || err != nil {
		t.Errorf("the reset left %v, %v", left, err)
	}

	mine := filepath.Join(devFolder, userPools, "mine.json") // no user pool has the ID
	if err := errors.Join(os.Mkdir(filepath.Dir(mine), 0o700), os.WriteFile(mine, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if out, err := run1(t, "dev", "reset"); err != nil {
		t.Fatal(out, err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

// TestDevInAFolderThatCannotBeWritten checks that the refusal names the way without a folder.
func TestDevInAFolderThatCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, devFolder), nil, 0o600); err != nil { // a file in its place
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "poolhouse", "dev", "--listen", "127.0.0.1:0")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "--memory") {
		t.Errorf("dev = %s, %v", out, err)
	}
}
