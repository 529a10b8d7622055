package clienttests

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shellBlock is a block of shell commands, with the comment that says why it is
// not run, if there is one.
var shellBlock = regexp.MustCompile("(?m)(?:^<!-- no-run:(.*)-->\n)?^```sh\n((?s).*?)^```$")

// TestDocumentation runs the commands of every page, a page's blocks in one
// shell, beside a fresh development server. ENDPOINT is its URL. The README is
// for who has just cloned: its shell is in the repository and finds no program
// but what its own commands put on the path.
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
		if filepath.Ext(path) == ".md" {
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
		for n, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			switch reason := strings.TrimSpace(block[1]); {
			case strings.HasPrefix(block[0], "<!--") && reason == "":
				t.Errorf("%s: block %d is not run and does not say why", page, n+1)
			case reason == "":
				fmt.Fprintf(&script, "echo '--- block %d' >&2\n%s\n", n+1, block[2])
				ran++
			}
		}

		if script.Len() == 0 {
			continue
		}
		t.Run(strings.TrimPrefix(page, "../"), func(t *testing.T) {
			var options []string
			if page == "../README.md" || page == "../docs/dev.md" {
				options = []string{"--demo"} // their reader starts in a new folder
			}
			s := startDev(t, options...)
			shell := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", script.String())
			shell.Env = append(s.environment(t), "ENDPOINT="+s.info.Endpoint, "TMPDIR="+t.TempDir())
			if page == "../README.md" {
				shell.Dir = ".."
				shell.Env = append(shell.Env, goEnvironment(t)...)
				removeAfterwards(t, "../poolhouse")
			} else {
				shell.Dir = t.TempDir()
				shell.Env = withProgram(shell.Env)
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
