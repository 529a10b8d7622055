// Package packaging tests the files of a release: it builds them with scripts/release.sh, looks into
// them, and runs what they contain. Without the tag extended only those for linux/amd64 are built.
package packaging

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// dist is the folder of the built files.
const dist = "../.dist-test"

// built is what GoReleaser has noted about the build.
var built struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	defer func() { _ = os.RemoveAll(dist) }()

	build := exec.Command("./scripts/release.sh")
	build.Dir = ".."
	build.Env = append(os.Environ(), "DIST="+filepath.Base(dist), "PYTHON="+python)
	if !allTargets {
		build.Env = append(build.Env, "ONLY=linux-amd64")
	}
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "scripts/release.sh: %v\n%s", err, out)
		return 1
	}

	text, err := os.ReadFile(filepath.Join(dist, "metadata.json"))
	if err == nil {
		err = json.Unmarshal(text, &built)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	return m.Run()
}

// builtFile returns the one file of the build whose name matches a pattern.
func builtFile(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	path, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}

	return path
}

// output runs a program and returns what it prints; a failure fails the test.
func output(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var faults strings.Builder
	command.Stderr = &faults
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", command, err, out, faults.String())
	}

	return string(out)
}

// openFolder returns a new folder that other users can enter, as the programs of a package or an
// image run as another user.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "packaging")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}

	return folder
}
