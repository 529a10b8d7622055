package packaging

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const configFile = "/etc/poolhouse/poolhouse.yaml"

// contents are the files that deb and rpm install, with their modes.
var contents = map[string]os.FileMode{
	"/usr/bin/poolhouse":                               0o755,
	"/usr/lib/systemd/system/poolhouse.service":        0o644,
	"/usr/lib/sysusers.d/poolhouse.conf":               0o644,
	"/usr/lib/tmpfiles.d/poolhouse.conf":               0o644,
	configFile:                                         0o644, // the installation makes it 0640
	"/usr/share/doc/poolhouse/copyright":               0o644,
	"/usr/share/doc/poolhouse/THIRD_PARTY_LICENSES.md": 0o644,
}

func checkContents(t *testing.T, root string) {
	t.Helper()
	for name, mode := range contents {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Mode() != mode || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if out := output(t, filepath.Join(root, "/usr/bin/poolhouse"), "version"); !strings.Contains(out, built.Version) {
		t.Errorf("the program prints %s", out)
	}
}

func TestDebContents(t *testing.T) {
	file := builtFile(t, "poolhouse_*_amd64.deb")
	fields := output(t, "dpkg-deb", "--field", file)
	for _, want := range []string{
		"Package: poolhouse\n", "Architecture: amd64\n", "Section: net\n", "Homepage: https://",
	} {
		if !strings.Contains(fields, want) {
			t.Errorf("%q is not in\n%s", want, fields)
		}
	}

	// A snapshot is older than its release.
	version := strings.TrimSpace(output(t, "dpkg-deb", "--field", file, "Version"))
	release, _, _ := strings.Cut(built.Version, "-")
	output(t, "dpkg", "--compare-versions", version, "lt", release)
	output(t, "dpkg", "--compare-versions", version, "gt", "0.0.9")

	root := t.TempDir()
	output(t, "dpkg-deb", "--raw-extract", file, root)
	checkContents(t, root)
	kept, err := os.ReadFile(filepath.Join(root, "DEBIAN/conffiles"))
	if err != nil || string(kept) != configFile+"\n" {
		t.Errorf("dpkg would keep changes of %q, %v", kept, err)
	}
}

// TestDebInstalls installs the package into a folder, with its scripts, and goes the way of
// docs/install.md.
func TestDebInstalls(t *testing.T) {
	r := room{root: openFolder(t), folder: "/"}
	for _, folder := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(r.root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(r.root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	dpkg := func(arguments ...string) {
		t.Helper()
		output(t, "dpkg", append([]string{"--root=" + r.root, "--force-script-chrootless", "--log=/dev/null"},
			arguments...)...)
	}
	file := builtFile(t, "poolhouse_*_amd64.deb")
	dpkg("--install", file)
	r.user = userOf(t, r.root)
	for name, want := range map[string]string{
		"/var/lib/poolhouse": fmt.Sprintf("drwx------ %d %d", r.user, r.user),
		"/etc/poolhouse":     fmt.Sprintf("drwxr-x--- 0 %d", r.user),
		configFile:           fmt.Sprintf("-rw-r----- 0 %d", r.user),
	} {
		info, err := os.Stat(filepath.Join(r.root, name))
		if err != nil {
			t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t)
		if got := fmt.Sprintf("%s %d %d", info.Mode(), owner.Uid, owner.Gid); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}

	const program = "/usr/bin/poolhouse"
	if status, _ := r.run(t, program, "serve", "--config", configFile); status != 1 {
		t.Errorf("serve without an issuer ends with %d", status)
	}
	change(t, filepath.Join(r.root, configFile), "# issuer_url:", "issuer_url:")
	change(t, filepath.Join(r.root, configFile), "127.0.0.1:4599", "127.0.0.1:0")
	if status, _ := r.run(t, program, "serve", "--config", configFile); status != 4 {
		t.Errorf("serve before init ends with %d", status)
	}
	if status, out := r.run(t, program, "init", "--config", configFile); status != 0 {
		t.Fatalf("init ends with %d: %s", status, out)
	}
	t.Run("serve", func(t *testing.T) {
		url := r.start(t, program, "serve", "--config", configFile)
		if status, _ := r.run(t, program, "healthcheck", "--endpoint", url); status != 0 {
			t.Errorf("the health check ends with %d", status)
		}
	})

	dpkg("--install", file) // as an upgrade
	if text, err := os.ReadFile(filepath.Join(r.root, configFile)); err != nil ||
		!strings.Contains(string(text), "\nissuer_url:") {
		t.Errorf("an upgrade changed the settings: %s, %v", text, err)
	}
	dpkg("--purge", "poolhouse")
	if _, err := os.Stat(filepath.Join(r.root, "var/lib/poolhouse/poolhouse.db")); err != nil {
		t.Error(err) // the data stays
	}
	if _, err := os.Stat(filepath.Join(r.root, program)); err == nil {
		t.Error("the program stays")
	}
}

// userOf returns the number of the user that the installation has made.
func userOf(t *testing.T, root string) uint32 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}

	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if fields[0] != "poolhouse" {
			continue
		}
		number, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil || number == 0 || fields[5] != "/var/lib/poolhouse" || !strings.HasSuffix(fields[6], "/nologin") {
			t.Fatal(line)
		}

		return uint32(number)
	}
	t.Fatalf("there is no user poolhouse:\n%s", text)

	return 0
}

// change replaces text in a file.
func change(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s lacks %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestRPM(t *testing.T) {
	file := builtFile(t, "poolhouse-*.x86_64.rpm")
	query := func(arguments ...string) string {
		t.Helper()
		options := []string{"--dbpath", t.TempDir(), "-qp", "--nosignature", file}
		return output(t, "rpm", append(options, arguments...)...)
	}
	if got := query("--queryformat", "%{NAME} %{ARCH} %{LICENSE}"); got != "poolhouse x86_64 Apache-2.0" {
		t.Error(got)
	}
	if got := strings.Fields(query("--configfiles")); !slices.Equal(got, []string{configFile}) {
		t.Errorf("rpm would keep changes of %v", got)
	}
	scripts := query("--scripts")
	for _, want := range []string{"postinstall", "preuninstall", "postuninstall", "systemd-sysusers", "try-restart"} {
		if !strings.Contains(scripts, want) {
			t.Errorf("%s is not in\n%s", want, scripts)
		}
	}

	root := t.TempDir()
	output(t, "rpm", "--root", root, "--nodeps", "--noscripts", "--nosignature", "--install", file)
	output(t, "rpm", "--root", root, "--verify", "poolhouse") // digests, modes, owners
	checkContents(t, root)
}

// The scripts are for every POSIX shell, and do nothing to systemd in an upgrade but restart.
func TestScripts(t *testing.T) {
	for _, script := range []string{"postinstall", "preremove", "postremove"} {
		output(t, "dash", "-n", "scripts/"+script+".sh")
	}
}
