package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// process is the real program, running.
type process struct {
	cmd  *exec.Cmd
	out  *bufio.Reader
	done chan error
}

// launch starts the program with arguments.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "poolhouse", args...)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, out: bufio.NewReader(stdout), done: make(chan error, 1)}
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	return p
}

// stop ends the program and returns its error.
func (p *process) stop(signal os.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, p.out)
	return p.cmd.Wait()
}

// waitReady polls /readyz; each try is a connection, which paces the loop.
func waitReady(t *testing.T, url string) {
	t.Helper()
	waitFor(t, http.DefaultClient, url)
}

func waitFor(t *testing.T, client *http.Client, url string) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()

	for {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}

		select {
		case <-ctx.Done():
			t.Fatal("the server did not become ready")
		case <-tick.C:
		}
	}
}

func run1(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "poolhouse", args...).CombinedOutput()
	return string(out), err
}

func TestDev(t *testing.T) {
	p := launch(t, "dev", "--memory", "--listen", "127.0.0.1:0")
	endpoint := endpointIn(t, p.out)
	waitReady(t, endpoint)
	text, err := run1(t, "dev", "info", "--endpoint", endpoint, "--json")
	if err != nil {
		t.Fatal(text)
	}

	var info map[string]string
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		t.Fatal(err)
	}

	for name, want := range map[string]string{"endpoint": endpoint, "region": "us-east-1",
		"account_id": "000000000000", "access_key_id": "test", "secret_access_key": "test",
		"issuer": endpoint + "/dev-issuer", "oidc_provider_arn": "arn:aws:iam::000000000000:oidc-provider/" +
			strings.TrimPrefix(endpoint, "http://") + "/dev-issuer",
		"login_key": strings.TrimPrefix(endpoint, "http://") + "/dev-issuer", "audience": "poolhouse-dev"} {
		if info[name] != want {
			t.Errorf("%s = %q, want %q", name, info[name], want)
		}
	}

	token, err := run1(t, "dev", "token", "--endpoint", endpoint, "--sub", "alice", "--aud", "x",
		"--expires-in", "5m", "--claim", "email=a@b.c", "--claim", `groups=["a"]`)
	if err != nil || strings.Count(token, ".") != 2 || strings.Count(token, "\n") != 1 {
		t.Errorf("token = %q, %v", token, err)
	}

	if out, err := run1(t, "dev", "token", "--endpoint", endpoint, "--sub", "alice", "--claim", "iss=x"); err ==
		nil || !strings.Contains(out, `"iss" is set by the issuer`) {
		t.Errorf("reserved claim: %q, %v", out, err)
	}
	if out, err := run1(t, "healthcheck", "--endpoint", endpoint); err != nil {
		t.Error(out)
	}

	// A refusal is explained on the terminal, and afterwards by its request ID.
	client := ci.New(ci.Options{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if _, err := client.GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: aws.String("us-east-1:00000000-0000-4000-8000-000000000000")}); err == nil {
		t.Fatal("an unknown pool has identities")
	}

	var request string
	for request == "" {
		line, err := p.out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, after, ok := strings.Cut(line, "(request "); ok {
			request = strings.TrimSuffix(strings.TrimSpace(after), ")")
		}
	}

	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	if out, err := run1(t, "explain", request, "--endpoint", endpoint); err != nil ||
		!strings.Contains(out, "GetId: ResourceNotFoundException") {
		t.Errorf("explain = %q, %v", out, err)
	}

	pool, err := client.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true})
	if err != nil {
		t.Fatal(err)
	}

	guest, err := client.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: pool.IdentityPoolId})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := run1(t, "identity", "lookup", "--identity-id", *guest.IdentityId, "--endpoint", endpoint); err !=
		nil || !strings.Contains(out, *pool.IdentityPoolId) {
		t.Errorf("lookup = %q, %v", out, err)
	}

	if out, err := run1(t, "identity", "sign-out", "--provider", "idp.example", "--subject", "alice",
		"--session", "s", "--endpoint", endpoint); err != nil ||
		!strings.Contains(out, "signed out at idp.example, as of 2") {
		t.Errorf("sign-out = %q, %v", out, err)
	}
	if out, err := run1(t, "identity", "sign-out", "--provider", "idp.example", "--endpoint", endpoint); err == nil {
		t.Errorf("sign-out of nobody = %q", out)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

// Development logs in the format that the settings say, warnings and worse
// unless they say so, too.
func TestDevLogFormat(t *testing.T) {
	for name, test := range map[string]struct {
		args     []string
		json, no bool
	}{
		"json":            {args: []string{"--log-format", "json"}, json: true},
		"text":            {args: []string{"--log-format", "text"}},
		"auto in a pipe":  {json: true},
		"text with level": {args: []string{"--log-format", "text", "--log-level", "warn"}},
		"silent":          {args: []string{"--log-level", "error"}, no: true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "poolhouse",
				append([]string{"dev", "--memory", "--listen", "127.0.0.1:0"}, test.args...)...)
			var logged bytes.Buffer
			cmd.Stderr = &logged
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}

			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}

			out := bufio.NewReader(stdout)
			endpoint := endpointIn(t, out)
			client := ci.New(ci.Options{
				BaseEndpoint: &endpoint,
				Region:       "us-east-1",
				Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
			})
			pool, err := client.CreateIdentityPool(t.Context(),
				&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")})
			if err != nil {
				t.Fatal(err)
			}

			// Warned about: nobody has defined the role.
			if _, err := client.SetIdentityPoolRoles(t.Context(),
				&ci.SetIdentityPoolRolesInput{IdentityPoolId: pool.IdentityPoolId,
					Roles: map[string]string{"authenticated": "arn:aws:iam::000000000000:role/Undefined"}}); err !=
				nil {
				t.Fatal(err)
			}

			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, out)
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(logged.String()), "\n")

			warned, isJSON := strings.Contains(lines[0], "role/Undefined"), json.Valid([]byte(lines[0]))
			if warned == test.no || warned && isJSON != test.json || strings.Contains(logged.String(), "INFO") {
				t.Errorf("logged:\n%s", logged.String())
			}
		})
	}

	if out, err := run1(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--log-format", "xml"); err == nil ||
		!strings.Contains(out, `log_format = "xml" (flag --log-format): use auto, text or json`) {
		t.Errorf("xml: %q, %v", out, err)
	}
}

// endpointIn reads the address from a server's first line.
func endpointIn(t *testing.T, out *bufio.Reader) string {
	t.Helper()
	first, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(first[strings.Index(first, "http://"):])
}

// A development database is not for production.
func TestServeRefusesDevelopmentKeys(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := launch(t, "dev", "--listen", "127.0.0.1:0", "--data", data)
	if _, err := p.out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	out, err := run1(t, "serve", "--data", data, "--issuer-url", "http://127.0.0.1:1", "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, `"data" (`+data+`) holds the development key "test"`) ||
		!strings.Contains(out, "poolhouse keys delete test") {
		t.Errorf("serve = %q, %v", out, err)
	}
}

// Nor does development touch a production database, by whatever setting it is
// led there: its keys are public knowledge.
func TestDevRefusesProductionData(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	var key accessKey
	s := serveOn(t, data, &key)
	if err := s.stop(syscall.SIGTERM); err != nil { // beside the server, the lock on the folder keeps development out
		t.Fatal(err)
	}

	for name, test := range map[string]struct {
		environment, want string
		args              []string
	}{
		"folder on the command line": {"", `"data" (` + data + `) holds the production data of account`,
			[]string{"--data", data}},
		"folder in the environment": {"POOLHOUSE_DATA=" + data, "holds the production data of account", nil},
		"database in the environment": {"POOLHOUSE_DATABASE=postgres://u:hunter2@127.0.0.1:1/x",
			`database = "********" (environment POOLHOUSE_DATABASE): poolhouse dev does not use a database from the ` +
				`environment: unset`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "poolhouse",
				append([]string{"dev", "--listen", "127.0.0.1:0"}, test.args...)...)
			cmd.Env = append(os.Environ(), test.environment)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.want) || strings.Contains(string(out), "hunter2") {
				t.Errorf("dev = %q, %v", out, err)
			}
		})
	}

	s = serveOn(t, data, &key)
	known := ci.New(ci.Options{
		BaseEndpoint:     &s.url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	if _, err := known.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}); err ==
		nil || !strings.Contains(err.Error(), "UnrecognizedClientException") {
		t.Errorf("the development keys at a production server: %v", err)
	}

	if out, err := run1(t, "keys", "list", "--data", data); err != nil || strings.Contains(out, "test") {
		t.Errorf("keys = %q, %v", out, err)
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// accessKey is an access key with its secret.
type accessKey struct{ id, secret string }

// provider returns the key for the AWS SDK.
func (k accessKey) provider() credentials.StaticCredentialsProvider {
	return credentials.NewStaticCredentialsProvider(k.id, k.secret, "")
}

// initialised runs `poolhouse init` and returns the key that it shows.
func initialised(t *testing.T, args ...string) accessKey {
	t.Helper()
	out, err := run1(t, append([]string{"init", "--log-level", "error"}, args...)...)
	if err != nil {
		t.Fatal(out)
	}
	return keyIn(t, bufio.NewReader(strings.NewReader(out)))
}

// server is `poolhouse serve` on a data folder.
type server struct {
	*process
	url    string
	client *ci.Client
}

// serveOn starts a server on a data folder. If key is zero, it initialises the folder first, and
// sets key.
func serveOn(t *testing.T, data string, key *accessKey, more ...string) *server {
	t.Helper()
	address := listentest.FreeAddress(t)
	url := "http://" + address
	if *key == (accessKey{}) {
		*key = initialised(t, "--data", data)
	}
	p := launch(t,
		append([]string{"serve", "--data", data, "--issuer-url", url, "--listen", address, "--log-level", "error",
			"--lame-duck", "0"}, more...)...)
	waitReady(t, url)

	return &server{p, url, ci.New(ci.Options{BaseEndpoint: &url, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: key.provider()})}
}

// The program is killed at random moments while it answers writes; nothing it
// answered may be missing after the restart.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()

	kills := 50
	if testing.Short() {
		kills = 10
	}

	data := filepath.Join(t.TempDir(), "data")
	var key accessKey
	s := serveOn(t, data, &key)
	pool, err := s.client.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true,
			DeveloperProviderName: aws.String("login.my.app")})
	if err != nil {
		t.Fatal(err)
	}

	total := 0
	for round := range kills {
		acknowledged := writeUntilKilled(t, s, *pool.IdentityPoolId, round)
		total += len(acknowledged)

		s = serveOn(t, data, &key)
		for user, id := range acknowledged {
			if !strings.HasPrefix(user, "user") {
				if _, err := s.client.DescribeIdentity(t.Context(),
					&ci.DescribeIdentityInput{IdentityId: &id}); err != nil {
					t.Fatalf("round %d: the guest %s was acknowledged and is gone: %v", round, id, err)
				}
				continue
			}

			found, err := s.client.LookupDeveloperIdentity(t.Context(), &ci.LookupDeveloperIdentityInput{
				IdentityPoolId:          pool.IdentityPoolId,
				DeveloperUserIdentifier: &user,
			})
			if err != nil || *found.IdentityId != id {
				t.Fatalf("round %d: the identity of %s was acknowledged as %s: %v", round, user, id, err)
			}
		}
	}

	if total < kills {
		t.Errorf("only %d writes were acknowledged in %d rounds: the test proves nothing", total, kills)
	}
	t.Logf("%d acknowledged writes over %d kills", total, kills)
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// writeUntilKilled writes from many clients, kills the server at a random
// moment, and returns what was acknowledged: user or number to identity ID.
func writeUntilKilled(t *testing.T, s *server, pool string, round int) map[string]string {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var mu sync.Mutex
	acknowledged := map[string]string{}

	started := make(chan struct{}, 1)
	var group sync.WaitGroup
	for writer := range 8 {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name, id := fmt.Sprintf("%d-%d-%d", round, writer, n), ""
				if writer%2 == 0 {
					out, err := s.client.GetId(ctx, &ci.GetIdInput{IdentityPoolId: &pool})
					if err != nil {
						return
					}
					id = *out.IdentityId
				} else {
					name = "user" + name
					out, err := s.client.GetOpenIdTokenForDeveloperIdentity(ctx,
						&ci.GetOpenIdTokenForDeveloperIdentityInput{
							IdentityPoolId: &pool,
							Logins:         map[string]string{"login.my.app": name},
						})
					if err != nil {
						return
					}
					id = *out.IdentityId
				}

				mu.Lock()
				acknowledged[name] = id
				mu.Unlock()

				select {
				case started <- struct{}{}:
				default:
				}
			}
		})
	}

	<-started
	<-time.After(time.Duration(rand.IntN(60)) * time.Millisecond) // the random moment
	var exit *exec.ExitError
	if err := s.stop(syscall.SIGKILL); !errors.As(err, &exit) {
		t.Fatalf("killed: %v", err)
	}
	cancel()
	group.Wait()

	return acknowledged
}

// Requests under way when the server is told to stop are answered.
func TestGracefulStop(t *testing.T) {
	t.Parallel()

	data := filepath.Join(t.TempDir(), "data")
	var key accessKey
	s := serveOn(t, data, &key)
	pool, err := s.client.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true})
	if err != nil {
		t.Fatal(err)
	}

	if info, err := os.Stat(filepath.Join(data, "poolhouse.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("database file: %v, %v", info, err)
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	s = serveOn(t, data, &key)
	if _, err := s.client.DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: pool.IdentityPoolId}); err != nil {
		t.Error(err)
	}

	// While it serves: a backup, and a key that stops working when it is disabled.
	backup := filepath.Join(t.TempDir(), "backup.gz")
	if out, err := run1(t, "backup", "--data", data, backup); err != nil {
		t.Error(out)
	}
	if out, err := run1(t, "keys", "disable", "--data", data, key.id); err != nil {
		t.Error(out)
	}

	deadline := time.After(15 * time.Second)
	for {
		_, err := s.client.DescribeIdentityPool(t.Context(),
			&ci.DescribeIdentityPoolInput{IdentityPoolId: pool.IdentityPoolId})
		if err != nil {
			if !strings.Contains(err.Error(), "UnrecognizedClientException") {
				t.Error(err)
			}
			break
		}

		select {
		case <-deadline:
			t.Fatal("a disabled key still works after 15 seconds")
		case <-time.After(100 * time.Millisecond):
		}
	}

	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
