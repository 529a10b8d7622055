package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
)

// firstLines returns what a server prints until it is ready, and the rest of its output.
func firstLines(t *testing.T, p *process) (url, text string) {
	t.Helper()
	var b strings.Builder
	for {
		line, err := p.out.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			t.Fatalf("%v after:\n%s", err, &b)
		}
		if _, after, found := strings.Cut(line, " listens on "); found {
			url = strings.TrimSpace(after)
		}
		if line == "# Try it\n" {
			return url, b.String()
		}
	}
}

// ends stops a server.
func ends(t *testing.T, p *process) {
	t.Helper()
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// TestDemoOfANewFolder checks who begins with the demo: a new .poolhouse, once, and who asks for it.
func TestDemoOfANewFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	seed := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(seed, []byte("Users: {zoe: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shows := func(want bool, arguments ...string) {
		t.Helper()
		p := launch(t, append([]string{"dev", "--listen", "127.0.0.1:0"}, arguments...)...)
		_, text := firstLines(t, p)
		if strings.Contains(text, devseed.DemoPool) != want || strings.Contains(text, "  alice, bob, carol\n") != want {
			t.Errorf("dev %v, want the demo %t:\n%s", arguments, want, text)
		}
		ends(t, p)
	}
	shows(false, "--memory")
	shows(true, "--memory", "--demo")
	shows(false, "--data", "elsewhere")
	shows(true, "--data", "elsewhere", "--demo")

	p := launch(t, "dev", "--listen", "127.0.0.1:0", "--seed", seed) // the new folder has a seed
	if _, text := firstLines(t, p); strings.Contains(text, devseed.DemoPool) || !strings.Contains(text, "\n  zoe\n") {
		t.Errorf("with a seed:\n%s", text)
	}
	ends(t, p)
	shows(false)

	if out, err := run1(t, "dev", "reset"); err != nil {
		t.Fatal(out, err)
	}
	if left, err := os.ReadDir(devFolder); err != nil || len(left) != 1 || left[0].Name() != ".gitignore" {
		t.Errorf("the reset left %v, %v", left, err)
	}
	shows(true)
	shows(true) // kept

	// Deleted by its user, it does not come back by itself.
	p = launch(t, "dev", "--listen", "127.0.0.1:0")
	url, _ := firstLines(t, p)
	prune := exec.CommandContext(t.Context(), "poolhouse",
		"apply", "--endpoint", url, "--name", "demo", "--prune", "-f", seed)
	if err := os.WriteFile(seed, []byte("Resources: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	prune.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	if out, err := prune.CombinedOutput(); err != nil || !strings.Contains(string(out), "deleted DemoPool") {
		t.Fatalf("%s, %v", out, err)
	}
	ends(t, p)
	p = launch(t, "dev", "--listen", "127.0.0.1:0")
	if _, text := firstLines(t, p); strings.Contains(text, devseed.DemoPool) {
		t.Errorf("the deleted pool came back:\n%s", text)
	}
	ends(t, p)
	shows(true, "--demo")
}

// TestDevWatchesItsSeed checks that a seed is applied before anybody is answered, again when it
// changes, and that a mistake is reported with its line and changes nothing.
func TestDevWatchesItsSeed(t *testing.T) {
	const text = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "us-east-1:11111111-2222-4333-8444-555555555555"}
    Properties:
      IdentityPoolName: first
      AllowUnauthenticatedIdentities: true
`
	seed := filepath.Join(t.TempDir(), "shop.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(seed+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(seed+".new", seed); err != nil { // as editors do
			t.Fatal(err)
		}
	}
	write(text)
	p := launch(t, "dev", "--memory", "--listen", "127.0.0.1:0", "--seed", seed, "--watch")
	url, welcomed := firstLines(t, p)
	if !strings.HasPrefix(welcomed, "Seed "+seed+": created Pool\n") ||
		!strings.Contains(welcomed, "\n  us-east-1:11111111-2222-4333-8444-555555555555  first, with guests\n") {
		t.Errorf("printed:\n%s", welcomed)
	}

	write(strings.Replace(text, "IdentityPoolName", "IdentityPoolNam", 1))
	printed := until(t, p.out, "runs on with what it had")
	if !strings.Contains(printed, seed+": line 2: unknown property of Pool ") {
		t.Errorf("printed:\n%s", printed)
	}
	write(strings.Replace(text, "first", "second", 1))
	until(t, p.out, "Seed "+seed+": updated Pool")

	apply := exec.CommandContext(t.Context(), "poolhouse", "export", "--endpoint", url)
	apply.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	if out, err := apply.Output(); err != nil || !strings.Contains(string(out), "IdentityPoolName: second") {
		t.Errorf("export: %s, %v", out, err)
	}
	ends(t, p)
}

// until reads to a line that has the text, and returns what it read.
func until(t *testing.T, out *bufio.Reader, text string) string {
	t.Helper()
	var b strings.Builder
	for {
		line, err := out.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			t.Fatalf("%v after:\n%s", err, &b)
		}
		if strings.Contains(line, text) {
			return b.String()
		}
	}
}

// TestSeedsThatDevRefuses checks that a start with a bad seed ends at once, names the place, and makes
// no folder.
func TestSeedsThatDevRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	seed := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(seed, []byte("Users:\n  alice: {iss: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for want, arguments := range map[string][]string{
		"bad.yaml: line 2: alice: invalid user": {"--seed", seed},
		"missing.yaml":                          {"--seed", "missing.yaml"},
		"name one with --seed":                  {"--watch"},
		`--seed "": name a file`:                {"--seed", ""},
		`--ready-file "": name a file`:          {"--ready-file", ""},
	} {
		out, err := run1(t, append([]string{"dev", "--listen", "127.0.0.1:0"}, arguments...)...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("dev %v = %s, %v", arguments, out, err)
		}
	}

	if _, err := os.Stat(devFolder); err == nil {
		t.Error("a folder was made")
	}
}

// TestDevInMemoryMakesNoKeyFile checks that --memory does not make the file of a master key that it
// has no use for.
func TestDevInMemoryMakesNoKeyFile(t *testing.T) {
	key := filepath.Join(t.TempDir(), "master.key")
	cmd := exec.CommandContext(t.Context(), "poolhouse", "dev", "--memory", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "POOLHOUSE_MASTER_KEY_FILE="+key)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, out: bufio.NewReader(out)}
	firstLines(t, p)
	ends(t, p)
	if _, err := os.Stat(key); err == nil {
		t.Error("the key file was made")
	}
}

// TestDamagedDevelopmentData checks that who cannot start is told how to begin anew, and can.
func TestDamagedDevelopmentData(t *testing.T) {
	t.Chdir(t.TempDir())
	const reset = "run `poolhouse dev reset` to delete"
	for file, advice := range map[string]string{
		poolhouse.DevIssuerKeyFile: reset,
		poolhouse.DatabaseFile:     reset,
		filepath.Join(poolhouse.DevUserPoolsFolder, "us-east-1_Damaged.json"): reset,
		poolhouse.DevUsersFile:   "dev-users.json to begin without it: its users are lost",
		poolhouse.DevSignInsFile: "dev-sign-ins.json to begin without it: people sign in again",
	} {
		p := launch(t, "dev", "--listen", "127.0.0.1:0")
		url, _ := firstLines(t, p)
		if out, err := run1(t, "dev", "token", "--endpoint", url, "--sub", "alice"); err != nil {
			t.Fatal(out, err)
		}
		ends(t, p)

		damage := []byte(strings.Repeat("damage ", 2000))
		path := filepath.Join(devFolder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, damage, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := run1(t, "dev", "--listen", "127.0.0.1:0")
		if err == nil || !strings.Contains(out, advice) || strings.Contains(out, "reset") != (advice == reset) {
			t.Errorf("%s: %s, %v", file, out, err)
		}

		if advice != reset {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue // the next start shows that this was enough
		}
		if out, err := run1(t, "dev", "reset"); err != nil {
			t.Fatalf("%s: the reset: %s, %v", file, out, err)
		}
	}

	// What is damaged may be production's: only in a folder of this name it is not.
	other := filepath.Join(t.TempDir(), "data")
	p := launch(t, "dev", "--listen", "127.0.0.1:0", "--data", other)
	firstLines(t, p)
	ends(t, p)
	if err := os.WriteFile(filepath.Join(other, poolhouse.DatabaseFile), []byte("damage"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run1(t, "dev", "reset", "--data", other)
	if err == nil || !strings.Contains(out, "nothing was deleted") {
		t.Errorf("the reset of another folder: %s, %v", out, err)
	}
	out, err = run1(t, "dev", "--listen", "127.0.0.1:0", "--data", other)
	if err == nil || strings.Contains(out, "dev reset") {
		t.Errorf("advice that does not help: %s, %v", out, err)
	}
}

// TestTokenNamesItsUser checks the flags of dev token.
func TestTokenNamesItsUser(t *testing.T) {
	p := launch(t, "dev", "--memory", "--demo", "--listen", "127.0.0.1:0")
	url, _ := firstLines(t, p)
	for want, arguments := range map[string][]string{
		"eyJ":                     {"--user", "bob"},
		"did you mean bob?":       {"--user", "bop"},
		"give --user and a user ": {"--user", "bob", "--sub", "x"},
		"give --user and a user":  {},
	} {
		out, err := run1(t, append([]string{"dev", "token", "--endpoint", url}, arguments...)...)
		if (err == nil) != (want == "eyJ") || !strings.Contains(out, want) {
			t.Errorf("%v: %s, %v", arguments, out, err)
		}
	}
	ends(t, p)
	_, _ = io.Copy(io.Discard, p.out)
}
