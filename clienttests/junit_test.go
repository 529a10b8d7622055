//go:build extended

package clienttests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The project of docs/testing/junit.md, with Maven. The command is the page's.
func TestJUnit(t *testing.T) {
	client(t, "mvn", "maven")
	const page = "../docs/testing/junit.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}

	var command strings.Builder
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		command.WriteString(block[2])
	}
	home, err := os.UserHomeDir() // Maven keeps there what it downloads
	if err != nil {
		t.Fatal(err)
	}

	shell := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", command.String())
	shell.Dir = pageFolder(t, page)
	shell.Env = append(withProgram(plainEnvironment(t)), "HOME="+home)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	report, err := os.ReadFile(filepath.Join(shell.Dir, "target/surefire-reports/SignInTest.txt"))
	if err != nil || !strings.Contains(string(report), "Tests run: 4, Failures: 0, Errors: 0, Skipped: 0") {
		t.Errorf("Maven reports %s, %v", report, err)
	}
}
