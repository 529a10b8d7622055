package packaging

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// python is Debian's, whose packages scripts/setup-tests.sh installs.
const python = "/usr/bin/python3"

// mostAdded bounds the lines that a suite needs for a signed-in user and a fault.
const mostAdded = 10

// A suite gets a signed-in user and a fault with few lines. The folders before and after have the same
// suite, without Poolhouse and with it; the tests of each language run the latter from the built package.
func TestFewLinesAreAdded(t *testing.T) {
	suites, err := filepath.Glob("suites/*/after")
	if err != nil || len(suites) < 4 {
		t.Fatalf("%v, %v", suites, err)
	}
	for _, after := range suites {
		before := filepath.Join(filepath.Dir(after), "before")
		// Status 1 tells that they differ.
		out, err := exec.CommandContext(t.Context(), "git", "diff", "--no-index", "--numstat", before, after).Output()
		if err == nil || len(out) == 0 {
			t.Fatalf("%s: %s, %v", after, out, err)
		}

		added := 0
		for line := range strings.Lines(string(out)) {
			n, err := strconv.Atoi(strings.Fields(line)[0])
			if err != nil {
				t.Fatal(line)
			}
			added += n
		}
		t.Logf("%s: %d lines", after, added)
		if added > mostAdded {
			t.Errorf("%s adds %d lines, more than %d:\n%s", after, added, mostAdded, out)
		}
	}
}

// suiteFolder returns a copy of a suite, with the built packages of its language.
func suiteFolder(t *testing.T, parent, suite string) string {
	t.Helper()
	folder := filepath.Join(parent, strings.ReplaceAll(suite, "/", "-"))
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("suites", suite))); err != nil {
		t.Fatal(err)
	}

	return folder
}

// fileBlock is a block with the content of a file, after a line that begins with the file's name and ends
// with a colon.
var fileBlock = regexp.MustCompile("(?m)^`([\\w./-]+)`[^\n]*:\n\n```\\w+\n((?s).*?)^```$")

// pageFolder returns a folder with the files that a page of docs/testing shows.
func pageFolder(t *testing.T, parent, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../docs/testing", page))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(parent, page)
	blocks := fileBlock.FindAllStringSubmatch(string(text), -1)
	for _, block := range blocks {
		path := filepath.Join(folder, block[1])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(block[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s shows no file", page)
	}

	return folder
}

// The README of each package shows the suite that the tests run.
func TestREADMEsShowTheSuites(t *testing.T) {
	for readme, test := range map[string]string{
		"npm/README.md":    "suites/vitest/after/albums.test.js",
		"pytest/README.md": "suites/pytest/after/test_albums.py",
		"junit/README.md":  "suites/junit/after/src/test/java/AlbumsTest.java",
	} {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		suite, err := os.ReadFile(test)
		if err != nil {
			t.Fatal(err)
		}

		_, shown, _ := strings.Cut(string(suite), "hrottling") // the body of the test with Poolhouse
		_, shown, _ = strings.Cut(shown, "\n")
		for line := range strings.Lines(shown) {
			leftOut := strings.Contains(line, "poolhouse.calls()")
			if !strings.Contains(string(text), strings.TrimSpace(line)) && !leftOut {
				t.Errorf("%s does not show %s", readme, line)
			}
		}
	}
}

// suite is a run of a test runner.
type suite struct {
	folder      string
	environment []string // more than a plain one
	command     []string
}

// ownAccount has settings for AWS itself, as in a developer's environment. No package may use them.
var ownAccount = []string{"AWS_ACCESS_KEY_ID=own", "AWS_SECRET_ACCESS_KEY=own", "AWS_SESSION_TOKEN=own",
	"AWS_SECURITY_TOKEN=own", "AWS_CREDENTIAL_EXPIRATION=2020-01-01T00:00:00Z", "AWS_PROFILE=own",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"}

// cmd returns the command, in an environment without settings of this machine's user.
func (s suite) cmd(ctx context.Context, t *testing.T) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	c.Dir = s.folder
	home, err := os.UserHomeDir() // Maven and npm keep there what they download
	if err != nil {
		t.Fatal(err)
	}
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "CI=true", "NO_COLOR=1",
		"TMPDIR=" + t.TempDir()}, s.environment...)

	return c
}

// run runs a suite and returns what it prints. It fails the test unless the suite ends as told.
func (s suite) run(t *testing.T, passes bool) string {
	t.Helper()
	c := s.cmd(t.Context(), t)
	out, err := c.CombinedOutput()
	if (err == nil) != passes {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}

	return string(out)
}

// passes runs a suite, which must pass and tell its number of tests.
func (s suite) passes(t *testing.T, told string) {
	t.Helper()
	if out := s.run(t, true); !strings.Contains(out, told) {
		t.Errorf("%v does not tell %q:\n%s", s.command, told, out)
	}
}

// tells runs a suite that fails: it must show the last calls, with the reason of the refusal.
func (s suite) tells(t *testing.T) {
	t.Helper()
	out := s.run(t, false)
	lower := strings.ToLower(out)
	for _, want := range []string{
		"last calls of poolhouse", "getid 400 notauthorizedexception", "refused ", "; got ", "fix: ",
		"reason: token-expiry",
	} {
		if !strings.Contains(lower, want) {
			t.Errorf("%v does not tell %q:\n%s", s.command, want, out)
		}
	}
}

// connection is held open to a server. Its end is that of the server.
type connection struct{ net.Conn }

func connect(t *testing.T, endpoint string) connection {
	t.Helper()
	address, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", address.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })

	return connection{c}
}

// ends waits for the end of the server.
func (c connection) ends(t *testing.T) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the server outlived the test runner: %v", err)
	}
	var d net.Dialer
	if again, err := d.DialContext(t.Context(), "tcp", c.RemoteAddr().String()); err == nil {
		_ = again.Close()
		t.Error("the server still listens")
	}
}

// leavesNothing checks that no file is left in a folder for temporary ones.
func leavesNothing(t *testing.T, folder string) {
	t.Helper()
	left, err := fs.Glob(os.DirFS(folder), "*poolhouse*")
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// installWheel installs the built wheel, as pip does, and returns the variables for Python.
func installWheel(t *testing.T) []string {
	t.Helper()
	folder := t.TempDir()
	output(t, python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check",
		"--root-user-action", "ignore", "--target", folder, builtFile(t, "pypi/*.whl"))
	boto3, err := filepath.Abs("../clienttests/python/packages") // Debian's does not read AWS_ENDPOINT_URL_…
	if err != nil {
		t.Fatal(err)
	}

	return []string{"PYTHONPATH=" + folder + ":" + boto3, "PYTHONDONTWRITEBYTECODE=1"}
}

func TestPytestPackage(t *testing.T) {
	environment, parent := installWheel(t), t.TempDir()
	pytest := func(name string) suite {
		command := []string{python, "-W", "error::ResourceWarning", "-m", "pytest", "-q", "-p", "no:cacheprovider"}
		return suite{suiteFolder(t, parent, "pytest/"+name), environment, command}
	}
	pytest("after").passes(t, "2 passed")
	more := pytest("more")
	more.environment = append(slices.Clone(environment), ownAccount...)
	more.passes(t, "16 passed")
	pytest("seeded").passes(t, "2 passed")
	run := []string{python, "-m", "pytest", "-q", "-p", "no:cacheprovider"}
	suite{pageFolder(t, parent, "pytest.md"), environment, run}.passes(t, "4 passed")
	example := filepath.Join(parent, "example")
	if err := os.CopyFS(example, os.DirFS("../examples/pytest")); err != nil {
		t.Fatal(err)
	}
	suite{example, environment, run}.passes(t, "5 passed")

	failing := pytest("failing")
	for _, test := range []string{"fails", "is_not_set_up"} {
		suite{failing.folder, environment, append(slices.Clone(failing.command), "-k", test)}.tells(t)
	}

	// The program is a command, too.
	name := strings.TrimPrefix(strings.Split(environment[0], ":")[0], "PYTHONPATH=")
	version := suite{parent, environment, []string{python, filepath.Join(name, "bin", "poolhouse"), "version"}}
	version.passes(t, "poolhouse "+built.Version)
	chosen := "POOLHOUSE_BINARY=" + filepath.Join(name, "pytest_poolhouse/bin/poolhouse")
	version.environment = append(slices.Clone(environment), chosen)
	version.passes(t, "poolhouse "+built.Version)

	c := suite{failing.folder, environment, append(failing.command, "-k", "waits")}.cmd(t.Context(), t)
	server := connect(t, startWaiting(t, c))
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	server.ends(t)
}

// startWaiting starts a suite whose test prints the server's address and then waits. It returns the address.
func startWaiting(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = input.Close() })

	output, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = t.Output()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })

	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, "http://127.0.0.1:") {
			return strings.TrimSpace(line)
		}
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
	}
}

// nodeFolder returns a folder above which Node.js finds the packages of other people that suites use.
func nodeFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	packages, err := filepath.Abs("npm/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(packages, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}

	return folder
}

// installNode installs the built packages into a copy of a suite, as npm does.
func installNode(t *testing.T, parent, name string) string {
	t.Helper()
	folder := suiteFolder(t, parent, name)
	installNodeInto(t, folder)

	return folder
}

func installNodeInto(t *testing.T, folder string) {
	t.Helper()
	description := filepath.Join(folder, "package.json")
	text, err := os.ReadFile(description)
	if err == nil {
		err = os.Remove(description) // its dependencies are above
	}
	if err != nil {
		text = []byte(`{"private": true, "type": "module"}`)
	}
	install := suite{folder, nil, []string{"npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock",
		"--offline", "--prefix", folder, builtFile(t, "npm/poolhouse-[0-9]*.tgz"),
		builtFile(t, "npm/poolhouse-linux-x64-*.tgz")}}
	install.run(t, true)
	if err := os.WriteFile(description, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVitestPackage(t *testing.T) {
	parent := nodeFolder(t)
	page := pageFolder(t, parent, "vitest.md")
	installNodeInto(t, page)
	suite{page, []string{"PATH=" + filepath.Join(parent, "node_modules/.bin") + ":" + os.Getenv("PATH")},
		[]string{"npm", "test"}}.passes(t, "4 passed")

	vitest := []string{"node", filepath.Join(parent, "node_modules/vitest/vitest.mjs"), "run", "--reporter=verbose"}
	after := installNode(t, parent, "vitest/after")
	suite{after, nil, vitest}.passes(t, "2 passed")
	chosen := []string{"POOLHOUSE_BINARY=" + filepath.Join(after, "node_modules/@poolhouse/linux-x64/bin/poolhouse")}
	suite{after, chosen, vitest}.passes(t, "2 passed")

	more := installNode(t, parent, "vitest/more")
	suite{more, ownAccount, vitest}.passes(t, "14 passed")
	suite{more, nil, []string{"node", filepath.Join(parent, "node_modules/typescript/bin/tsc")}}.run(t, true)

	failing := installNode(t, parent, "vitest/failing")
	suite{failing, nil, append(vitest, "-t", "fails")}.tells(t)

	// The launcher stands for the program, with its exit status.
	program := filepath.Join(failing, "node_modules/.bin/poolhouse")
	suite{failing, nil, []string{program, "version"}}.passes(t, "poolhouse "+built.Version)
	suite{failing, chosen, []string{program, "version"}}.passes(t, "poolhouse "+built.Version)
	refused := suite{failing, nil, []string{program, "dev", "--unknown"}}.cmd(t.Context(), t)
	if err := refused.Run(); refused.ProcessState.ExitCode() != 1 {
		t.Errorf("the launcher ended with %v", err)
	}

	// A worker of the runner is killed.
	told := filepath.Join(t.TempDir(), "told")
	if output, err := exec.CommandContext(t.Context(), "mkfifo", told).CombinedOutput(); err != nil {
		t.Fatal(string(output), err)
	}
	run := suite{failing, []string{"TOLD=" + told}, append(vitest, "-t", "waits", "--pool=forks")}
	waiting := run.cmd(t.Context(), t)
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = waiting.Process.Kill() })

	text, err := os.ReadFile(told)
	if err != nil {
		t.Fatal(err)
	}
	var endpoint string
	var worker int
	if _, err := fmt.Sscan(string(text), &endpoint, &worker); err != nil {
		t.Fatal(err)
	}
	server := connect(t, endpoint)
	process, err := os.FindProcess(worker)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.ends(t)
	_ = waiting.Process.Kill()
	_ = waiting.Wait()
}

func TestJestPackage(t *testing.T) {
	parent := nodeFolder(t)
	jest := []string{"node", "--experimental-vm-modules", filepath.Join(parent, "node_modules/jest/bin/jest.js")}
	suite{installNode(t, parent, "jest/after"), nil, jest}.passes(t, "2 passed")
	suite{installNode(t, parent, "jest/failing"), nil, jest}.tells(t)
}
