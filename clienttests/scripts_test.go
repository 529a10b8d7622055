package clienttests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// boto3 from Debian. The tests are in python/client_test.py.
func TestBoto3(t *testing.T) {
	python := client(t, "/usr/bin/python3", "python3-boto3")
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		missing(t, python+" has no boto3: install the Debian package python3-boto3")
	}
	out := startDev(t).script(t, "python", []string{"PYTHONDONTWRITEBYTECODE=1"}, python, "client_test.py")
	if !regexp.MustCompile(`(?m)^[1-9]\d* tests passed$`).MatchString(out) {
		t.Error("the script ended without having run a test")
	}
}

// The AWS SDK for JavaScript from npm; the scripts say what is tested.
func TestJavaScript(t *testing.T) {
	node := client(t, "node", "nodejs")
	for _, algorithm := range []string{"RS512", "RS256", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			arguments := []string{"--test", "--test-reporter=tap", "flow.test.mjs"}
			s := startDev(t, "--token-algorithm", algorithm)
			out := s.script(t, "js", []string{"POOLHOUSE_ALGORITHM=" + algorithm}, node, arguments...)
			allPassed(t, out)
		})
	}
}

// allPassed fails the test unless node's test runner ran tests and all passed.
func allPassed(t *testing.T, tap string) {
	t.Helper()

	counts := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^# (\w+) (\d+)$`).FindAllStringSubmatch(tap, -1) {
		counts[found[1]] = found[2]
	}
	if counts["pass"] == "" || counts["pass"] == "0" || counts["pass"] != counts["tests"] {
		t.Errorf("node counted %v", counts)
	}
}

// The lock files pin contents, not where somebody downloaded them from.
func TestLockFiles(t *testing.T) {
	for _, folder := range []string{"js", "iamsimulate", consoleFolder, photosExample, "../packaging/npm"} {
		text, err := os.ReadFile(folder + "/package-lock.json")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"resolved"`) {
			t.Errorf("%s/package-lock.json records download addresses: run npm install with "+
				"omit-lockfile-registry-resolved=true, as its .npmrc says", folder)
		}

		packages, pinned := strings.Count(string(text), `"node_modules/`),
			strings.Count(string(text), `"integrity": "sha512-`)
		if packages == 0 || packages != pinned {
			t.Errorf("%s/package-lock.json has %d packages and %d checksums", folder, packages, pinned)
		}
	}
}

// On a bare machine the tests install what they need, compiler and all.
func TestSetupOnABareMachine(t *testing.T) {
	bare, installed := t.TempDir(), filepath.Join(t.TempDir(), "installed")
	for _, program := range []string{"ls", "id", "dirname", "env"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bare, program)); err != nil {
			t.Fatal(err)
		}
	}

	for program, does := range map[string]string{"apt-get": `echo "$@" >> "` + installed + `"`,
		"sudo": `"$@"`, "npm": ":"} {
		if err := os.WriteFile(filepath.Join(bare, program), []byte("#!/bin/bash\n"+does+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}

	setup := exec.CommandContext(t.Context(), "/bin/bash", "../scripts/setup-tests.sh")
	setup.Env = []string{"PATH=" + bare}
	if out, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(installed)
	if err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"git", "gcc"} {
		if !regexp.MustCompile(`(?m)^install .* ` + name + `( |$)`).Match(text) {
			t.Errorf("%s is not installed:\n%s", name, text)
		}
	}
}
