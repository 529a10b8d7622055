package clienttests

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shellBlock is a block of shell commands, with the comment that tells why it is
// not run, if there is one.
var shellBlock = regexp.MustCompile("(?m)(?:^<!-- no-run:(.*)-->\n)?^```sh\n((?s).*?)^```$")

// fileBlock is a block with the content of a file, after a line that begins with the file's
// name and ends with a colon.
var fileBlock = regexp.MustCompile("(?m)^`([\\w./-]+)`[^\n]*:\n\n```\\w+\n((?s).*?)^```$")

// callFunction is a shell function that one page of the admin API defines, and callLink the others' link to it.
var callFunction = regexp.MustCompile(`(?ms)^call\(\) \{\n.*?^\}\n`)

const (
	callPage = "../docs/admin-api/README.md"
	callLink = "[`call`](README.md#call-an-operation)"
)

// serverOptions has the options of the server that a page's reader starts.
var serverOptions = map[string][]string{
	// These readers start in a new folder.
	"../README.md":           {"--demo"},
	"../docs/control-api.md": {"--demo"},
	"../docs/dev.md":         {"--demo"},
	"../docs/cli-login.md":   {"--demo"},
	"../docs/agent.md":       {"--demo"},
	"../docs/cli.md":         {"--demo"},
	// As the page tells.
	"../docs/conformance.md": {"--strict-roles"},
}

// TestDocumentation runs the commands of every page, a page's blocks in one
// shell, beside a fresh development server. ENDPOINT is its URL. The shell is in
// a folder with the files that the page shows, or with a copy of the example that
// the page belongs to. The README is for who has just cloned: its shell is in the
// repository and finds no program but what its own commands put on the path. The other pages' AWS CLI is forked;
// TestForkedAWS holds it to the one that starts.
func TestDocumentation(t *testing.T) {
	client(t, "/usr/bin/aws", "awscli")
	var pages []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != "..") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" && filepath.Dir(path) != clientsFolder { // TestClientPages runs those
			pages = append(pages, path)
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	ran := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}

		var script strings.Builder
		if strings.Contains(string(text), callLink) {
			script.WriteString(definedCall(t))
		}
		blocks := ran
		for n, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			switch reason := strings.TrimSpace(block[1]); {
			case strings.HasPrefix(block[0], "<!--") && reason == "":
				t.Errorf("%s: block %d is not run and does not say why", page, n+1)
			case reason == "":
				fmt.Fprintf(&script, "echo '--- block %d' >&2\n%s\n", n+1, block[2])
				ran++
			}
		}

		if ran == blocks {
			continue
		}
		t.Run(strings.TrimPrefix(page, "../"), func(t *testing.T) {
			s := startDev(t, serverOptions[page]...)
			shell := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", script.String())
			shell.Env = append(s.environment(t), "ENDPOINT="+s.info.Endpoint, "TMPDIR="+t.TempDir())
			if page == "../README.md" {
				shell.Dir = ".."
				shell.Env = append(shell.Env, goEnvironment(t)...)
				removeAfterwards(t, "../poolhouse")
			} else {
				shell.Dir = pageFolder(t, page)
				shell.Env = withBrowser(t, withProgram(before(forkedAWS(t), shell.Env)))
			}

			if out, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}

	if ran < 10 {
		t.Errorf("%d blocks ran: the pages are not found, or hardly anything of them is shown to work", ran)
	}
}

// definedCall returns the function that callPage defines.
func definedCall(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(callPage)
	if err != nil {
		t.Fatal(err)
	}

	found := callFunction.FindString(string(text))
	if found == "" {
		t.Fatalf("%s does not define call", callPage)
	}

	return found
}

// pageFolder makes the folder that a page's commands run in.
func pageFolder(t *testing.T, page string) string {
	t.Helper()

	folder := t.TempDir()
	if example := filepath.Dir(page); strings.HasPrefix(example, "../examples/") {
		copyExample(t, example, folder)
	}
	for name, content := range pageFiles(t, page) {
		writeFile(t, filepath.Join(folder, name), content)
	}

	if _, err := os.Stat(filepath.Join(folder, "package.json")); err == nil {
		linkPackages(t, folder)
	}

	return folder
}

// pageFiles returns the files that a page shows, by name.
func pageFiles(t *testing.T, page string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}

	files := map[string]string{}
	for _, block := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		files[block[1]] = block[2]
	}

	return files
}

// writeFile writes a file and makes the folders above it. A shell script can be run.
func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}

	mode := os.FileMode(0o600)
	if filepath.Ext(path) == ".sh" {
		mode = 0o700
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// copyExample copies the files of an example that are in the repository.
func copyExample(t *testing.T, example, folder string) {
	t.Helper()

	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = example
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}

	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, name), string(content))
	}
}

// linkPackages gives a folder the npm packages of these tests.
func linkPackages(t *testing.T, folder string) {
	t.Helper()
	packages, err := filepath.Abs("js/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(packages, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
}

// The parts of a page that tests run are found.
func TestPageFiles(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	writeFile(t, page, "`a.py`:\n\n```python\na\n```\n\n`src/b.js` does it:\n\n```js\nb\n\n```\n"+
		"`no file`:\n\n```text\nc\n```\n\nThe file `d`:\n\n```text\nd\n```\n")

	want := map[string]string{"a.py": "a\n", "src/b.js": "b\n\n"}
	if got := pageFiles(t, page); !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// goEnvironment keeps Go's caches for a shell with another home.
func goEnvironment(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB",
		"GOFLAGS").Output()
	if err != nil {
		t.Fatal(err)
	}

	environment := []string{"CGO_ENABLED=0"} // as the tests' own build: one cache serves both
	for i, value := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		environment = append(environment,
			[]string{"GOCACHE=", "GOMODCACHE=", "GOPROXY=", "GOSUMDB=", "GOFLAGS="}[i]+value)
	}

	return environment
}

// removeAfterwards removes what a test builds, unless it was there before.
func removeAfterwards(t *testing.T, path string) {
	if _, err := os.Stat(path); err == nil {
		return
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	})
}

// The example that the program itself prints works when it is pasted, though the
// program is not on the path, as after `go run`.
func TestWelcome(t *testing.T) {
	client(t, "/usr/bin/aws", "awscli")
	for _, options := range [][]string{nil, {"--demo"}} {
		pasteWelcome(t, startDev(t, options...))
	}
}

// pasteWelcome runs what a server printed for a shell.
func pasteWelcome(t *testing.T, s *server) {
	t.Helper()
	_, pasted, found := strings.Cut(s.text(), "\n# For the AWS SDKs")
	if !found {
		t.Fatalf("the first lines are not there:\n%s", s.text())
	}
	pasted = "# For the AWS SDKs" + pasted
	if before, _, log := strings.Cut(pasted, "\ntime="); log {
		pasted = before
	}
	shell := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", pasted)
	shell.Env = plainEnvironment(t)

	out, err := shell.CombinedOutput()
	if err != nil || strings.Count(string(out), "IdentityId") != 2 {
		t.Errorf("%v\n%s\n%s", err, pasted, out)
	}
}
