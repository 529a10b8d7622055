package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const unitFile = "systemd/poolhouse.service"

// unit writes the unit with another program, as systemd-analyze looks for the program.
func unit(t *testing.T, program string) string {
	t.Helper()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "ExecStart=/usr/bin/poolhouse ", "ExecStart="+program+" ", 1)
	if changed == string(text) {
		t.Fatal("the unit does not start /usr/bin/poolhouse")
	}

	path := filepath.Join(t.TempDir(), "poolhouse.service")
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func TestUnit(t *testing.T) {
	path := unit(t, "/bin/true")
	if out := output(t, "systemd-analyze", "verify", "--man=no", path); out != "" {
		t.Error(out)
	}

	// The part of the exposure that is left is the network, which the server is for.
	out := output(t, "systemd-analyze", "security", "--offline=true", "--no-pager", path)
	found := regexp.MustCompile(`Overall exposure level for poolhouse.service: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		t.Fatal(out)
	}
	if level, err := strconv.ParseFloat(found[1], 64); err != nil || level > 1.5 {
		t.Errorf("the exposure level is %s\n%s", found[1], out)
	}
}

// The unit forbids no system call that the server makes: systemd would answer it with EPERM.
func TestUnitAllowsSystemCalls(t *testing.T) {
	r, config := unpackImage(t)
	r.environment = append(os.Environ(), "POOLHOUSE_LISTEN=127.0.0.1:0", "POOLHOUSE_ISSUER_URL="+issuer)
	program := filepath.Join(r.root, config.Entrypoint[0])
	trace, data := filepath.Join(openFolder(t), "trace"), filepath.Join(r.root, "data")
	r.root, r.folder = "/", "/"
	if err := os.WriteFile(trace, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(trace, 0o666); err != nil {
		t.Fatal(err)
	}

	if status, _ := r.run(t, program, "init", "--data", data); status != 0 {
		t.Fatalf("init ends with %d", status)
	}
	t.Run("serve", func(t *testing.T) {
		// -D: the server, and not strace, gets the signal that ends it.
		url := r.start(t, "/usr/bin/strace", "-D", "-f", "-qq", "-e", "signal=none", "-o", trace, "--",
			program, "serve", "--data", data)
		if status, _ := r.run(t, program, "healthcheck", "--endpoint", url); status != 0 {
			t.Errorf("the health check ends with %d", status)
		}
	})

	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	allowed := allowedCalls(t)
	seen := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^\d+ +([a-z]\w*)\(`).FindAllStringSubmatch(string(text), -1) {
		if call := found[1]; !seen[call] && !allowed[call] {
			t.Errorf("the unit forbids %s", call)
		}
		seen[found[1]] = true
	}

	if len(seen) < 20 || !seen["epoll_pwait"] || allowed["mount"] || allowed["setuid"] {
		t.Errorf("%d calls were seen; mount allowed: %t", len(seen), allowed["mount"])
	}
}

// allowedCalls returns the system calls that the unit's filters allow.
func allowedCalls(t *testing.T) map[string]bool {
	t.Helper()
	sets, set := map[string][]string{}, ""
	for line := range strings.Lines(output(t, "systemd-analyze", "syscall-filter", "--no-pager")) {
		word := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "@"):
			set = word
		case word != "" && !strings.HasPrefix(word, "#"):
			sets[set] = append(sets[set], word)
		}
	}

	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	var add func(name string, value bool)
	add = func(name string, value bool) {
		for _, member := range sets[name] {
			if strings.HasPrefix(member, "@") {
				add(member, value)
			} else {
				allowed[member] = value
			}
		}
	}

	add("@default", true) // systemd adds it to every list
	filter := regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`)
	for _, found := range filter.FindAllStringSubmatch(string(text), -1) {
		for name := range strings.FieldsSeq(found[2]) {
			if len(sets[name]) == 0 {
				t.Fatalf("systemd has no set %s", name)
			}
			add(name, found[1] == "")
		}
	}

	return allowed
}
