package clienttests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const goExample = "../examples/go"

// TestGoExample runs the example of a Go suite as its reader does, in a module of its own.
func TestGoExample(t *testing.T) {
	for _, arguments := range [][]string{{"vet", "./..."}, {"test", "-count=1", "-vet=off", "./..."}} {
		command := exec.CommandContext(t.Context(), "go", arguments...)
		command.Dir = goExample
		// Without cgo, as the tests' own build: one cache has the libraries for both.
		command.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", arguments[0], err, out)
		}
	}
}

// aboutPoolhouse has the lines that the suite would not have without Poolhouse.
var aboutPoolhouse = regexp.MustCompile(`(?i)poolhouse|\bserver\b`)

// TestGoExampleIsShort counts the lines that Poolhouse adds to the example's suite: of the tests, of the app's
// template, and of go.mod. It counts neither the replacement nor the libraries below Poolhouse, which the go
// command writes.
func TestGoExampleIsShort(t *testing.T) {
	const most, least = 10, 5
	var added []string
	for _, name := range []string{"albums_test.go", "pool.yaml", "go.mod"} {
		text, err := os.ReadFile(filepath.Join(goExample, name))
		if err != nil {
			t.Fatal(err)
		}

		for line := range strings.Lines(string(text)) {
			isOurs := strings.HasPrefix(line, "replace ") || strings.HasPrefix(line, "//")
			if aboutPoolhouse.MatchString(line) && !(name == "go.mod" && isOurs) {
				added = append(added, name+": "+strings.TrimSpace(line))
			}
		}
	}

	if len(added) > most || len(added) < least {
		t.Errorf("%d lines are about Poolhouse, want %d to %d:\n%s", len(added), least, most, strings.Join(added, "\n"))
	}
	t.Logf("%d lines are about Poolhouse:\n%s", len(added), strings.Join(added, "\n"))
}
