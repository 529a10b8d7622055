package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
)

// waitForFile reads a file as soon as it is there and has a text.
func waitForFile(t *testing.T, path, part string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()

	for {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), part) {
			return text
		}

		select {
		case <-ctx.Done():
			t.Fatalf("%s was not written", path)
		case <-tick.C:
		}
	}
}

// TestReadyFile checks that the file is there exactly while the server answers, and that a server
// finds the one that a killed server has left.
func TestReadyFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("ready", nil, 0o600); err != nil { // as mktemp does
		t.Fatal(err)
	}

	start := func() (*process, readiness) {
		t.Helper()
		p := launch(t, "dev", "--data", devFolder, "--listen", "127.0.0.1:0", "--ready-file", "ready")
		var r readiness
		pid := fmt.Sprintf(`"pid": %d,`, p.cmd.Process.Pid) // not of the file that a killed server left
		if err := json.Unmarshal(waitForFile(t, "ready", pid), &r); err != nil {
			t.Fatal(err)
		}

		// No poll: the first question is answered.
		response, err := http.Get(r.Endpoint + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("the server is not ready: %s, %v", response.Status, err)
		}
		if r.PID != p.cmd.Process.Pid || r.Region != "us-east-1" || r.Issuer != r.Endpoint+"/dev-issuer" {
			t.Errorf("the file has %+v, the process %d", r, p.cmd.Process.Pid)
		}

		return p, r
	}

	p, first := start()
	if len(first.Pools) != 0 {
		t.Errorf("a new server has %+v", first.Pools)
	}
	if out, err := run1(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--ready-file", "ready"); err == nil ||
		!strings.Contains(out, "it belongs to the server at "+first.Endpoint) {
		t.Errorf("a second server with the file: %s, %v", out, err)
	}
	file := written(t, "app.yaml", `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties: {IdentityPoolName: app, AllowUnauthenticatedIdentities: true}
`)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	if out, err := run1(t, "apply", "-f", file, "--endpoint", first.Endpoint); err != nil {
		t.Fatal(out, err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait()

	if _, err := os.Stat("ready"); err != nil {
		t.Fatal("a killed server has left no file: ", err)
	}
	p, second := start()
	if len(second.Pools) != 1 || second.Pools[0].Name != "app" || !second.Pools[0].Guests {
		t.Errorf("the file has the pools %+v", second.Pools)
	}
	if info, err := os.Stat("ready"); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file: %v, %v", info, err)
	}

	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob("*"); err != nil || len(left) != 1 || left[0] != devFolder {
		t.Errorf("after the stop the folder has %v, %v", left, err)
	}
}

// A place that cannot be written ends the start, and nothing that is there is harmed.
func TestReadyFileInABadPlace(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.txt", "my notes")
	write("package.json", `{"name":"app"}`)
	write("target", "")
	for link, target := range map[string]string{"link": at("target"), "dangling": at("nothing")} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("readonly"), 0o500); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]string{
		"notes.txt":       "no `poolhouse dev` wrote it",
		"package.json":    "no `poolhouse dev` wrote it",
		"link":            "it is a link",
		"dangling":        "it is a link",
		".":               "it is not a file",
		"missing/ready":   "cannot be written",
		"notes.txt/ready": "not a directory",
		"readonly/ready":  "cannot be written",
	} {
		if path == "readonly/ready" && (os.Getuid() == 0 || runtime.GOOS == "windows") {
			continue // root writes anywhere
		}
		out, err := run1(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--ready-file", at(path))
		if err == nil || !strings.Contains(out, want) || !strings.Contains(out, "--ready-file") {
			t.Errorf("%s: %s, %v", path, out, err)
		}
	}

	for name, want := range map[string]string{"notes.txt": "my notes", "package.json": `{"name":"app"}`, "target": ""} {
		if text, err := os.ReadFile(at(name)); err != nil || string(text) != want {
			t.Errorf("%s has %q, %v", name, text, err)
		}
	}
	if _, err := os.Lstat(at("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link was written through: %v", err)
	}
}

// The file waits until the server is ready, ends a server that cannot write it, replaces a link
// without following it, and leaves alone what another server has put there.
func TestReadyFileWaits(t *testing.T) {
	var asked atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer web.Close()

	about := func(context.Context) (readiness, error) { return readiness{Endpoint: web.URL, PID: 1}, nil }
	path := filepath.Join(t.TempDir(), "ready")
	f, err := newReadyFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	serve := func(context.Context) error {
		waitForFile(t, path, web.URL)
		if n := asked.Load(); n < 3 {
			t.Errorf("the file is there after %d questions", n)
		}
		return os.WriteFile(path, []byte("another server's"), 0o600)
	}
	if err := f.during(t.Context(), web.URL, about, serve); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "another server's" {
		t.Errorf("the other server's file: %q, %v", text, err)
	}
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}

	f = &readyFile{path: filepath.Join(t.TempDir(), "gone", "ready")}
	untilEnd := func(ctx context.Context) error { <-ctx.Done(); return nil }
	if err := f.during(t.Context(), web.URL, about, untilEnd); err == nil ||
		!strings.Contains(err.Error(), "--ready-file") {
		t.Errorf("a file that cannot be written: %v", err)
	}

	// A stop before the server is ready leaves no file.
	asked.Store(-1 << 20)
	f = &readyFile{path: filepath.Join(t.TempDir(), "ready")}
	if err := f.during(t.Context(), web.URL, about, func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a server that never was ready: %v", err)
	}
}

// TestReadyFileIsRefreshed checks that the file gets the pools that a watched seed has changed, while it is
// this server's.
func TestReadyFileIsRefreshed(t *testing.T) {
	name := "first"
	about := func(context.Context) (readiness, error) {
		return readiness{PID: 1, Pools: []poolhouse.DevPool{{Name: name}}}, nil
	}
	f := &readyFile{path: filepath.Join(t.TempDir(), "ready")}
	has := func(want string) {
		t.Helper()
		if text, _ := os.ReadFile(f.path); !strings.Contains(string(text), want) || (want == "") != (len(text) == 0) {
			t.Errorf("the file has %s, want %q", text, want)
		}
	}
	refresh := func() {
		t.Helper()
		if err := f.refresh(t.Context(), about); err != nil {
			t.Error(err)
		}
	}
	refresh()
	has("") // not ready yet

	r, _ := about(t.Context())
	if err := f.write(r); err != nil {
		t.Fatal(err)
	}
	name = "second"
	refresh()
	has("second")

	if err := os.WriteFile(f.path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	refresh()
	has("other")

	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	refresh()
	has("")
}

// TestStaleReadyFile checks that a file whose server has ended is replaced although another server has got
// its address.
func TestStaleReadyFile(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer web.Close()

	ended := exec.CommandContext(t.Context(), "poolhouse", "version")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	for pid, stale := range map[int]bool{
		ended.Process.Pid: true,
		os.Getpid():       true, // a container's predecessor
		os.Getppid():      false,
	} {
		path := filepath.Join(t.TempDir(), "ready")
		text := fmt.Sprintf(`{"endpoint": %q, "pid": %d}`, web.URL, pid)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newReadyFile(t.Context(), path); (err == nil) != stale {
			t.Errorf("process %d: %v", pid, err)
		}
	}
}

// TestLargestReadyFile checks that a server reads its file again, with as many pools as it may have of the
// longest names.
func TestLargestReadyFile(t *testing.T) {
	pool := `{"id": "us-gov-west-1:` + strings.Repeat("a", 36) + `", "name": "` + strings.Repeat(`\n`, 128) + `",
		"user_pool": {"id": "` + strings.Repeat("a", 55) + `", "client_id": "` + strings.Repeat("a", 128) + `"}}`
	pools := strings.TrimSuffix(strings.Repeat(pool+",", poolhouse.MaxDevPools), ",")
	var r readiness
	if err := json.Unmarshal([]byte(`{"pools": [`+pools+`]}`), &r); err != nil {
		t.Fatal(err)
	}
	r.Endpoint, r.PID = "http://127.0.0.1:1", os.Getpid()

	path := filepath.Join(t.TempDir(), "ready")
	f, err := newReadyFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.write(r); err != nil {
		t.Fatal(err)
	}
	if own, err := f.isOwn(); !own || err != nil {
		t.Errorf("its server reads the file: %v, %v", own, err)
	}
	if _, err := newReadyFile(t.Context(), path); err != nil {
		t.Errorf("the next server: %v", err)
	}
}
