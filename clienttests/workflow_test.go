package clienttests

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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

var (
	knownAction = regexp.MustCompile(`^actions/checkout@v\d+$`)
	ownAction   = regexp.MustCompile(`^poolhouse-id/poolhouse/packaging/action@(v\d+\.\d+\.\d+)$`)
)

// TestWorkflow runs the steps of the workflow in docs/testing/github-actions.md in order, as a
// runner of GitHub does: each in a shell, with what earlier steps wrote to GITHUB_ENV and
// GITHUB_PATH. The project's own action downloads a release that has the program under test.
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
			switch own := ownAction.FindStringSubmatch(s.Uses); {
			case own != nil:
				r.use(t, own[1], s.With)
				ran++
			case s.Uses != "":
				if !knownAction.MatchString(s.Uses) || s.Run != "" {
					t.Errorf("the step %+v uses something else than GitHub's own actions", s)
				}
			case s.If != "":
				t.Errorf("the step %s has a condition that this test does not know: %s", s.Name, s.If)
			default:
				r.run(t, s)
				ran++
			}
		}
	}

	if ran < 2 {
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
	state := t.TempDir()
	r := &runner{
		folder:   folder,
		envFile:  filepath.Join(state, "env"),
		pathFile: filepath.Join(state, "path"),
		env:      map[string]string{"RUNNER_TEMP": t.TempDir()},
	}
	for _, name := range []string{"GITHUB_STATE", "GITHUB_OUTPUT"} {
		r.env[name] = filepath.Join(state, name)
		writeFile(t, r.env[name], "")
	}
	writeFile(t, r.envFile, "")
	writeFile(t, r.pathFile, "")

	return r
}

// use runs the project's own action of a tag: its script now, and the script for the end of the job with
// the test's.
func (r *runner) use(t *testing.T, tag string, with map[string]string) {
	t.Helper()
	action, err := filepath.Abs("../packaging/action")
	if err != nil {
		t.Fatal(err)
	}
	r.env["GITHUB_ACTION_REF"] = tag
	r.env["INPUT_RELEASES"], r.env["INPUT_START"] = releasesOf(t, strings.TrimPrefix(tag, "v")), "true"
	for name, value := range with {
		r.env["INPUT_"+strings.ToUpper(name)] = value
	}

	r.run(t, step{Name: "the action", Run: "node '" + action + "/main.mjs'"})
	state, _ := os.ReadFile(r.env["GITHUB_STATE"])
	for line := range strings.Lines(string(state)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		r.env["STATE_"+name] = value
	}
	t.Cleanup(func() {
		post := exec.CommandContext(context.WithoutCancel(t.Context()), "node", filepath.Join(action, "post.mjs"))
		post.Env = r.environment(t)
		out, err := post.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Token expired") {
			t.Errorf("the end of the job: %v\n%s", err, out)
		}
	})
}

// releasesOf serves a release of a version with the program under test, as the forge does.
func releasesOf(t *testing.T, version string) string {
	t.Helper()
	name := fmt.Sprintf("poolhouse_%s_%s_%s", version, runtime.GOOS, runtime.GOARCH)
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(binary, filepath.Join(root, name, "poolhouse")); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(root, name+".tar.gz")
	out, err := exec.CommandContext(t.Context(), "tar", "-czf", archive, "-C", root, name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "checksums.txt"), fmt.Sprintf("%x  %s.tar.gz\n", sha256.Sum256(text), name))
	web := httptest.NewServer(http.StripPrefix("/v"+version, http.FileServer(http.Dir(root))))
	t.Cleanup(web.Close)

	return web.URL
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
