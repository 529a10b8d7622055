package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// logged is a server with the lines that it logs.
type logged struct {
	*process
	url   string
	lines *bufio.Reader
}

func launchLogged(t *testing.T, data string) *logged {
	t.Helper()
	address := listentest.FreeAddress(t)
	cmd := exec.CommandContext(t.Context(), "poolhouse", "serve", "--data", data, "--issuer-url", "http://"+address,
		"--listen", address, "--lame-duck", "0", "--log-format", "json")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}

	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	return &logged{
		process: &process{cmd: cmd, out: bufio.NewReader(stdout)},
		url:     "http://" + address,
		lines:   bufio.NewReader(stderr),
	}
}

// began reads the log until the server serves (true) or waits for another one.
func (l *logged) began() (serves bool, err error) {
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return false, err
		}
		if strings.Contains(line, `"msg":"serving"`) || strings.Contains(line, "waiting for it to end") {
			go func() { _, _ = io.Copy(io.Discard, l.lines) }()
			return !strings.Contains(line, "waiting"), nil
		}
	}
}

// Of two servers that start at once on one folder one serves. The other follows
// when the first is killed: the lock dies with its process.
func TestTwoServersOnOneFolder(t *testing.T) {
	t.Parallel()

	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	data := filepath.Join(t.TempDir(), "data")
	initialised(t, "--data", data)

	for round := range rounds {
		servers := []*logged{launchLogged(t, data), launchLogged(t, data)}
		var serving, waiting []*logged
		for _, s := range servers {
			serves, err := s.began()
			if err != nil {
				t.Fatal(err)
			}
			if serves {
				serving = append(serving, s)
			} else {
				waiting = append(waiting, s)
			}
		}

		if len(serving) != 1 {
			t.Fatalf("round %d: %d of two servers serve", round, len(serving))
		}
		waitReady(t, serving[0].url)
		if status, err := ask(t, waiting[0].url+"/healthz", "localhost"); err == nil {
			t.Errorf("round %d: the one that waits answers %d", round, status)
		}

		if err := serving[0].stop(syscall.SIGKILL); err == nil {
			t.Error("the killed one ended well")
		}
		waitReady(t, waiting[0].url)
		if err := waiting[0].stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

// What may run beside a server does; what may not is refused, and the refusal
// names the server and the folder.
func TestBesideAServer(t *testing.T) {
	t.Parallel()

	data := filepath.Join(t.TempDir(), "data")
	var key accessKey
	s := serveOn(t, data, &key)

	backup := filepath.Join(t.TempDir(), "backup.gz")
	for _, args := range [][]string{
		{"keys", "list", "--data", data},
		{"keys", "create", "--data", data},
		{"signing-keys", "list", "--data", data},
		{"session-keys", "list", "--data", data},
		{"backup", "--data", data, backup},
	} {
		if out, err := run1(t, args...); err != nil {
			t.Errorf("%v: %s", args, out)
		}
	}

	address := strings.TrimPrefix(s.url, "http://")
	newKey := filepath.Join(t.TempDir(), "new.key")
	for _, args := range [][]string{
		{"restore", "--data", data, backup},
		{"master-key", "change", "--data", data, newKey},
		{"serve", "--data", data, "--issuer-url", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"},
	} {
		out, err := run1(t, args...)
		if statusOf(err) != 1 || !strings.Contains(out, "at "+address) ||
			!strings.Contains(out, data+" is in use by poolhouse server, process ") {
			t.Errorf("%v: status %d: %s", args, statusOf(err), out)
		}
	}

	if _, err := os.Stat(newKey); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused change made %s", newKey)
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if out, err := run1(t, "master-key", "change", "--data", data, newKey); err != nil {
		t.Error(out)
	}
}

// Development has the folder for itself, too. A second server does not wait: the developer who
// started it looks at the terminal.
func TestTwoDevelopmentServersOnOneFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := launch(t, "dev", "--listen", "127.0.0.1:0", "--data", data)
	endpointIn(t, p.out)

	out, err := run1(t, "dev", "--listen", "127.0.0.1:0", "--data", data)
	if err == nil || strings.Contains(out, "waiting for it to end") ||
		!strings.Contains(out, "poolhouse development server") || !strings.Contains(out, "--memory") {
		t.Errorf("the second: %q, %v", out, err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
