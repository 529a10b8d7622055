package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// hanging is a server that may hang. It notes when a client has given up.
type hanging struct{ hangs, givenUp atomic.Bool }

// guest signs a guest in, for the agents of a test. It returns the user's folder, in which the test is, too.
func guest(t *testing.T, h *hanging) (home string) {
	t.Helper()
	home = t.TempDir()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if h.hangs.Load() {
			select {
			case <-r.Context().Done():
				h.givenUp.Store(true)
			case <-ended:
			}
		}
		_, _ = io.WriteString(w, `{"IdentityId": "us-east-1:11111111-1111-4111-8111-111111111111", "Credentials": {
			"AccessKeyId": "ASIAOFTHEGUEST", "SecretKey": "s", "SessionToken": "t", "Expiration": 4102444800}}`)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })

	t.Chdir(home)
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, "config"), "XDG_STATE_HOME": filepath.Join(home, "state"),
		"AWS_CONFIG_FILE": os.DevNull, "AWS_REGION": "us-east-1", "DBUS_SESSION_BUS_ADDRESS": "", profileVariable: "g",
	} {
		t.Setenv(name, value)
	}
	if out, err := run1(t, "login", "--endpoint", server.URL, "--storage", "file",
		"--identity-pool", "us-east-1:00000000-0000-4000-8000-000000000001"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	return home
}

// ready starts an agent without a program, and waits until it has printed its environment.
func ready(t *testing.T, args ...string) *process {
	t.Helper()
	p := launch(t, append([]string{"agent"}, args...)...)
	lines := bufio.NewScanner(p.out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), tokenFileVariable) {
			return p
		}
	}
	t.Fatal("the agent did not become ready")

	return nil
}

func TestAgentFlags(t *testing.T) {
	guest(t, new(hanging))
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"environment file with a program": {
			[]string{"--env-file", "e", "--", "true"}, "--env-file is for an agent without",
		},
		"profile without a file": {[]string{"--credentials-profile", "a", "--", "true"}, "give both"},
		"program without --":     {[]string{"true"}, "write the program after --"},
	} {
		out, err := run1(t, append([]string{"agent"}, test.args...)...)
		if err == nil || !strings.Contains(out, test.want) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}

	out, err := run1(t, "agent", "--credentials-file", "c", "--credentials-profile", "a", "--", "cat", "c")
	if err != nil || !strings.Contains(out, "[a]\naws_access_key_id = ASIAOFTHEGUEST\n") {
		t.Errorf("with all that is needed: %v, %s", err, out)
	}
}

// Files of others are neither replaced nor removed, whichever flag names them.
func TestAgentSparesFiles(t *testing.T) {
	guest(t, new(hanging))
	const mine = "MY=data\n"
	for _, flag := range []string{"--env-file", "--credentials-file"} {
		if err := os.WriteFile("mine", []byte(mine), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := run1(t, "agent", flag, "mine")
		if text, readErr := os.ReadFile("mine"); err == nil || readErr != nil || string(text) != mine {
			t.Errorf("%s: %v, %s; the file has %s, %v", flag, err, out, text, readErr)
		}
	}

	// What is added while the agent runs stays, and is no failure.
	p := ready(t, "--env-file", "e", "--credentials-file", "c")
	out, err := run1(t, "agent", "--credentials-file", "c")
	if err == nil || !strings.Contains(out, "another agent keeps") {
		t.Errorf("a second agent: %v, %s", err, out)
	}
	for _, path := range []string{"e", "c"} {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(file, mine); errors.Join(err, file.Close()) != nil {
			t.Error(err)
		}
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("the agent ended with %v", err)
	}
	for _, path := range []string{"e", "c"} {
		if text, err := os.ReadFile(path); err != nil || !strings.HasSuffix(string(text), mine) {
			t.Errorf("%s has %s, %v", path, text, err)
		}
	}
}

// An agent removes all its files when it is stopped, also by the end of its terminal.
func TestAgentLeavesNothing(t *testing.T) {
	heedHangUps(t)
	home := guest(t, new(hanging))
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		p := ready(t, "--env-file", "e", "--credentials-file", "c")
		if err := p.stop(end); err != nil {
			t.Errorf("%v: the agent ended with %v", end, err)
		}
		for _, path := range []string{"e", "c"} {
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v: %s was left: %v", end, path, err)
			}
		}
		left, err := filepath.Glob(filepath.Join(home, "state", "poolhouse", "agents", "*.token"))
		if err != nil || len(left) != 0 {
			t.Errorf("%v: left: %q, %v", end, left, err)
		}
	}
}

// heedHangUps lets processes that the test starts end by SIGHUP, also if the test runs under nohup: what a process
// ignores its children ignore, but they begin anew with what it handles.
func heedHangUps(t *testing.T) {
	t.Helper()
	if !signal.Ignored(syscall.SIGHUP) {
		return
	}

	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(received) })
}

// Under nohup neither the agent nor its program ends with the terminal.
func TestAgentUnderNohup(t *testing.T) {
	guest(t, new(hanging))
	out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c",
		`trap "" HUP; exec poolhouse agent -- /bin/sh -c 'kill -HUP $PPID; kill -HUP $$; echo survived'`).Output()
	if err != nil || string(out) != "survived\n" {
		t.Errorf("%v, %s", err, out)
	}
}

// A server that hangs costs nobody the credentials that are good.
func TestAgentOfAHangingServer(t *testing.T) {
	var server hanging
	home := guest(t, &server)
	path := filepath.Join(home, "state", "poolhouse", "sign-ins", "g", "sign-in.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	kept := file["sign_in"].(map[string]any)["credentials"].(map[string]any)
	kept["issued"] = "2099-12-01T00:00:00Z" // by a clock that was wrong: to be renewed, but good
	if text, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}

	server.hangs.Store(true)
	p := ready(t, "--credentials-file", "c")
	if server.givenUp.Load() {
		t.Error("the agent waited until the request failed")
	}
	if text, err := os.ReadFile("c"); err != nil || !strings.Contains(string(text), "ASIAOFTHEGUEST") {
		t.Errorf("the file has %s, %v", text, err)
	}
	_ = p.cmd.Process.Kill() // it would wait for the server
}

func TestReadToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	const long = "a-token-of-somebody"
	for name, test := range map[string]struct {
		text string
		mode fs.FileMode
		good bool
	}{
		"good":        {long, 0o600, true},
		"read only":   {long, 0o400, true},
		"line end":    {long + "\n", 0o600, false},
		"CR LF":       {long + "\r\n", 0o600, false},
		"space":       {" " + long, 0o600, false},
		"two lines":   {long + "\n" + long, 0o600, false},
		"short":       {"short", 0o600, false},
		"empty":       {"", 0o600, false},
		"for all":     {long, 0o644, runtime.GOOS == "windows"},
		"for a group": {long, 0o640, runtime.GOOS == "windows"},
	} {
		if err := errors.Join(os.WriteFile(path, []byte(test.text), 0o600), os.Chmod(path, test.mode)); err != nil {
			t.Fatal(err)
		}

		got, err := readToken(path)
		if (err == nil) != test.good || test.good && got != long ||
			err != nil && strings.Contains(err.Error(), long) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Agents that begin at once with one token file all take the token that is in it at the end.
func TestKeepTokenAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "token")
		agents := make([]agent, 4)
		var group sync.WaitGroup
		for n := range agents {
			group.Go(func() {
				if _, err := agents[n].keepToken(path); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()

		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := range agents {
			if agents[n].token != string(text) {
				t.Fatalf("agent %d takes another token than that of the file", n)
			}
		}
	}
}

// A program that cannot be run ends the agent as it would end a shell.
func TestRunProgramStatuses(t *testing.T) {
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	noFormat := filepath.Join(folder, "no-format")
	if err := errors.Join(os.WriteFile(plain, []byte("text"), 0o600),
		os.WriteFile(noFormat, []byte("text"), 0o700)); err != nil { //nolint:gosec // it must be executable
		t.Fatal(err)
	}

	for path, want := range map[string]int{
		plain:                             statusNotRunnable,
		folder:                            statusNotRunnable,
		noFormat:                          statusNotRunnable,
		filepath.Join(folder, "missing"):  statusNoProgram,
		"a-program-that-no-machine-has":   statusNoProgram,
		filepath.Join(plain, "no-folder"): statusNotRunnable,
	} {
		ended, is := errors.AsType[*programExit](runProgram([]string{path}, os.Environ()))
		if !is || ended.status != want || ended.cause == nil {
			t.Errorf("%s: %+v", path, ended)
		}
	}
}
