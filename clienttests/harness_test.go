// Package clienttests drives the clients that people have (AWS CLI, boto3, AWS
// SDK for JavaScript) and the commands of the documentation against the real
// program, `poolhouse dev`, in a process of its own. Nothing here imports the
// server: only what it prints and answers counts.
package clienttests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// skipVariable, set to 1, makes tests whose client is not installed skip.
const skipVariable = "SKIP_MISSING_CLIENTS"

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "clienttests")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	defer func() { _ = os.RemoveAll(dir) }()

	binary = filepath.Join(dir, "poolhouse")
	build := exec.Command("go", "build", "-o", binary, "./cmd/poolhouse")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}

	return m.Run()
}

// client returns the program of a client: the one at path, where Debian has it,
// else the one of its name. Without either the test fails and names the package.
func client(t *testing.T, path, pkg string) string {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	found, err := exec.LookPath(filepath.Base(path))
	if err != nil {
		missing(t, fmt.Sprintf("%s is not installed: install the Debian package %s", filepath.Base(path), pkg))
	}

	return found
}

// missing fails the test for the lack of a client, or skips it where that is wanted.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv(skipVariable) == "1" {
		fmt.Fprintf(os.Stderr, "\n*** SKIPPED, NOTHING WAS TESTED: %s: %s ***\n\n", t.Name(), what)
		t.Skip(what)
	}
	t.Fatalf("%s (scripts/setup-tests.sh does it), or set %s=1 to skip these tests", what, skipVariable)
}

// server is a running `poolhouse dev`.
type server struct {
	info devInfo
	cmd  *exec.Cmd
	read chan struct{} // closed at the end of the output

	mu     sync.Mutex
	output bytes.Buffer // both streams
}

// devInfo is the output of `poolhouse dev info --json`.
type devInfo struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	Account         string `json:"account_id"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	Issuer          string `json:"issuer"`
	ProviderARN     string `json:"oidc_provider_arn"`
	LoginKey        string `json:"login_key"`
	Audience        string `json:"audience"`
}

// startTimeout bounds what takes milliseconds on an idle machine.
const startTimeout = time.Minute

var listensOn = regexp.MustCompile(`listens on (http://\S+)`)

// startDev runs `poolhouse dev` on a free port until the test ends, and fails
// the test unless it then stops cleanly, without having logged an error.
func startDev(t *testing.T, arguments ...string) *server {
	t.Helper()
	s := &server{read: make(chan struct{})}
	s.cmd = exec.Command(binary,
		append([]string{"dev", "--memory", "--listen", "127.0.0.1:0", "--log-level", "info", "--log-format", "text"},
			arguments...)...)
	s.cmd.Env = plainEnvironment(t)
	pipe, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}

	s.cmd.Stdout, s.cmd.Stderr = writer, writer
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()

	endpoint := make(chan string, 1)
	go func() {
		defer close(s.read)

		lines := bufio.NewReader(pipe)
		for {
			line, err := lines.ReadString('\n')
			s.mu.Lock()
			s.output.WriteString(line)
			s.mu.Unlock()
			if found := listensOn.FindStringSubmatch(line); found != nil {
				endpoint <- found[1]
			}
			if err != nil {
				return
			}
		}
	}()

	t.Cleanup(func() { s.stop(t) })

	select {
	case s.info.Endpoint = <-endpoint:
	case <-s.read:
		t.Fatalf("poolhouse dev ended:\n%s", s.text())
	case <-time.After(startTimeout):
		t.Fatalf("poolhouse dev printed no endpoint:\n%s", s.text())
	}

	if err := json.Unmarshal([]byte(s.poolhouse(t, "dev", "info", "--json")), &s.info); err != nil {
		t.Fatal(err)
	}

	return s
}

func (s *server) stop(t *testing.T) {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}

	kill := time.AfterFunc(startTimeout, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()

	<-s.read
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("poolhouse dev ended after SIGTERM with: %v", err)
	}

	for _, bad := range []string{"level=ERROR", "panic", "InternalError"} {
		if strings.Contains(s.text(), bad) {
			t.Errorf("the server said %q", bad)
		}
	}
	if t.Failed() {
		t.Logf("end of the output of poolhouse dev:\n%s", tail(s.text()))
	}
}

// text is all that the server has printed so far.
func (s *server) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.output.String()
}

// tail is the end of a long text.
func tail(text string) string {
	const most = 4000
	return text[max(0, len(text)-most):]
}

// plainEnvironment is an environment in which nothing of this machine's user
// speaks along: no AWS profile, no settings of Poolhouse, not even the program
// under test. Debian's programs come first, then those of the machine.
func plainEnvironment(t *testing.T) []string {
	path := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "poolhouse"))
		return err == nil
	})

	return []string{
		"PATH=/usr/bin:/bin:" + strings.Join(path, ":"),
		"HOME=" + t.TempDir(),
		"LANG=C.UTF-8",
		"NO_COLOR=1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
	}
}

// withProgram puts the program under test on an environment's path.
func withProgram(environment []string) []string {
	for i, entry := range environment {
		if path, found := strings.CutPrefix(entry, "PATH="); found {
			environment[i] = "PATH=" + filepath.Dir(binary) + ":" + path
		}
	}
	return environment
}

// environment returns a plain environment with the variables that the server's first lines
// tell users to export.
func (s *server) environment(t *testing.T) []string {
	return append(plainEnvironment(t),
		"AWS_ENDPOINT_URL_COGNITO_IDENTITY="+s.info.Endpoint,
		"AWS_ENDPOINT_URL_STS="+s.info.Endpoint,
		"AWS_ENDPOINT_URL_IAM="+s.info.Endpoint,
		"AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1")
}

// poolhouse runs a command of the program against s and returns what it prints.
func (s *server) poolhouse(t *testing.T, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append(arguments, "--endpoint", s.info.Endpoint)...)
	cmd.Env = append(plainEnvironment(t), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=us-east-1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("poolhouse %s: %v\n%s", strings.Join(arguments, " "), err, stderr.String())
	}

	return strings.TrimSpace(string(out))
}

// token mints an ID token of the development issuer.
func (s *server) token(t *testing.T, subject string, arguments ...string) string {
	t.Helper()
	return s.poolhouse(t, append([]string{"dev", "token", "--sub", subject}, arguments...)...)
}

// script runs a client's test script with the server's address in its
// environment and returns what it prints; a failure fails the test.
func (s *server) script(t *testing.T, dir string, more []string, name string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Dir = dir
	info, err := json.Marshal(s.info)
	if err != nil {
		t.Fatal(err)
	}

	cmd.Env = overlay(append(withProgram(s.environment(t)), "POOLHOUSE_INFO="+string(info)), more)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, t.Output()), t.Output()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(arguments, " "), err)
	}

	return out.String()
}
