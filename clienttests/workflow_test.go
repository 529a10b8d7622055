package clienttests

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

const workflowPage = "../docs/testing/github-actions.md"

// workflow has those parts of a workflow of GitHub Actions that the page uses.
type workflow struct {
	Name        string            `yaml:"name"`
	On          []string          `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]job    `yaml:"jobs"`
}

type job struct {
	RunsOn string            `yaml:"runs-on"`
	Env    map[string]string `yaml:"env"`
	Steps  []step            `yaml:"steps"`
}

type step struct {
	Name string            `yaml:"name"`
	Uses string            `yaml:"uses"`
	With map[string]string `yaml:"with"`
	If   string            `yaml:"if"`
	Run  string            `yaml:"run"`
}

var knownAction = regexp.MustCompile(`^actions/(checkout|setup-go)@v\d+$`)

// TestWorkflow runs the steps of the workflow in docs/testing/github-actions.md in order, as a
// runner of GitHub does: each in a shell, with what earlier steps wrote to GITHUB_ENV and
// GITHUB_PATH. A stand-in for the go command installs the program under test.
func TestWorkflow(t *testing.T) {
	client(t, "/usr/bin/aws", "awscli")
	files := pageFiles(t, workflowPage)
	folder := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(folder, name), content)
	}

	var w workflow
	if err := yaml.UnmarshalWithOptions([]byte(files[".github/workflows/test.yml"]), &w, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if len(w.Jobs) != 1 || w.Permissions["contents"] != "read" || !slices.Contains(w.On, "pull_request") {
		t.Fatalf("got %+v", w)
	}

	r := newRunner(t, folder)
	ran := 0
	for _, j := range w.Jobs {
		maps.Copy(r.env, j.Env)
		for _, s := range j.Steps {
			switch {
			case s.Uses != "":
				if !knownAction.MatchString(s.Uses) || s.Run != "" {
					t.Errorf("the step %+v uses something else than GitHub's own actions", s)
				}
			case s.If == "failure()":
			case s.If != "":
				t.Errorf("the step %s has a condition that this test does not know: %s", s.Name, s.If)
			default:
				r.run(t, s)
				ran++
			}
		}
	}

	if ran < 3 {
		t.Errorf("%d steps ran", ran)
	}
}

// runner does for the steps of one job what a runner of GitHub does.
type runner struct {
	folder, envFile, pathFile string

	env  map[string]string // of all further steps
	path []string          // before that of the machine
}

func newRunner(t *testing.T, folder string) *runner {
	t.Helper()
	state, home := t.TempDir(), t.TempDir()
	r := &runner{
		folder:   folder,
		envFile:  filepath.Join(state, "env"),
		pathFile: filepath.Join(state, "path"),
		env:      map[string]string{"GOPATH": filepath.Join(home, "go")},
		path:     []string{filepath.Join(home, "tools")},
	}

	writeFile(t, r.envFile, "")
	writeFile(t, r.pathFile, "")
	goCommand := filepath.Join(home, "tools", "go.sh")
	writeFile(t, goCommand, `#!/bin/bash
case "$*" in
"env GOPATH") echo "$GOPATH" ;;
"install github.com/poolhouse-id/poolhouse/cmd/poolhouse@latest")
	mkdir -p "$GOPATH/bin" && ln -s "`+binary+`" "$GOPATH/bin/poolhouse" ;;
*) echo "go $*: not expected here" >&2; exit 1 ;;
esac
`)
	if err := os.Rename(goCommand, strings.TrimSuffix(goCommand, ".sh")); err != nil {
		t.Fatal(err)
	}

	return r
}

// run runs a step. What it leaves running ends with the test, as it ends with a job.
func (r *runner) run(t *testing.T, s step) {
	t.Helper()

	script := filepath.Join(t.TempDir(), "step.sh")
	writeFile(t, script, s.Run)
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = output.Close() }()

	// GitHub's shell where a step names none has -e alone; with `shell: bash` also pipefail.
	shell := exec.CommandContext(t.Context(), "/bin/bash", "-e", script)
	shell.Dir, shell.Stdout, shell.Stderr = r.folder, output, output
	shell.Env = r.environment(t)
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.WaitDelay = time.Second
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-shell.Process.Pid, syscall.SIGTERM) })

	if err := shell.Wait(); err != nil {
		text, _ := os.ReadFile(output.Name())
		log, _ := os.ReadFile(filepath.Join(r.folder, "poolhouse.log"))
		t.Fatalf("%s: %v\n%s\n%s", s.Name, err, text, tail(string(log)))
	}

	for line := range linesOf(t, r.envFile) {
		name, value, found := strings.Cut(line, "=")
		if !found {
			t.Fatalf("%s wrote %q to GITHUB_ENV", s.Name, line)
		}
		r.env[name] = value
	}
	for line := range linesOf(t, r.pathFile) {
		r.path = append(r.path, line)
	}
}

func (r *runner) environment(t *testing.T) []string {
	t.Helper()
	environment := append(plainEnvironment(t), "GITHUB_ENV="+r.envFile, "GITHUB_PATH="+r.pathFile, "CI=true")
	for name, value := range r.env {
		environment = append(environment, fmt.Sprintf("%s=%s", name, value))
	}

	path, _ := strings.CutPrefix(environment[0], "PATH=")

	return append(environment, "PATH="+strings.Join(r.path, ":")+":"+path)
}

// linesOf empties a file and returns its lines.
func linesOf(t *testing.T, path string) func(yield func(string) bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}

	return func(yield func(string) bool) {
		for line := range strings.Lines(string(text)) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}
