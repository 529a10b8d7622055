package packaging

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runnerOf has the environment and files that a runner of GitHub gives to the scripts of an action.
type runnerOf struct {
	folder      string
	environment []string
}

func newRunner(t *testing.T, inputs ...string) runnerOf {
	t.Helper()
	r := runnerOf{folder: t.TempDir()}
	r.environment = append([]string{"RUNNER_TEMP=" + r.folder}, inputs...)
	for _, name := range []string{"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE"} {
		path := filepath.Join(r.folder, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r.environment = append(r.environment, name+"="+path)
	}

	return r
}

// told returns the values that an action has told by one of the runner's files.
func (r runnerOf) told(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.folder, file))
	if err != nil {
		t.Fatal(err)
	}

	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = value
	}

	return values
}

// releases serves the built archive as the forge does, with a list of checksums.
func releases(t *testing.T, sums func(string) string) string {
	t.Helper()
	list, err := os.ReadFile(builtFile(t, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	archive := builtFile(t, "poolhouse_*_linux_amd64.tar.gz")
	folder := "/v" + built.Version + "/"
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case folder + filepath.Base(archive):
			http.ServeFile(w, r, archive)
		case folder + "checksums.txt":
			_, _ = w.Write([]byte(sums(string(list))))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)

	return web.URL
}

func unchanged(text string) string { return text }

func TestAction(t *testing.T) {
	action, err := filepath.Abs("action")
	if err != nil {
		t.Fatal(err)
	}
	address := releases(t, unchanged)
	inputs := []string{"INPUT_START=true", "GITHUB_ACTION_REF=v" + built.Version, "INPUT_RELEASES=" + address}
	r := newRunner(t, append(inputs, ownAccount...)...)
	out := suite{action, r.environment, []string{"node", "main.mjs"}}.run(t, true)
	warning := "a job that sets AWS_PROFILE, AWS_CREDENTIAL_EXPIRATION, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n"
	if !strings.Contains(out, "Poolhouse answers at") || !strings.Contains(out, warning) {
		t.Errorf("the action tells %s", out)
	}

	endpoint := r.told(t, "GITHUB_OUTPUT")["endpoint"]
	server := connect(t, endpoint)
	environment := r.told(t, "GITHUB_ENV")
	if environment["AWS_ENDPOINT_URL_COGNITO_IDENTITY"] != endpoint || environment["POOLHOUSE_POOL_ID"] == "" {
		t.Errorf("the job's environment has %v", environment)
	}
	if token, is := environment["AWS_SESSION_TOKEN"]; !is || token != "" {
		t.Errorf("the job keeps the session token %q of other keys", token)
	}
	var program string
	for folder := range r.told(t, "GITHUB_PATH") {
		program = filepath.Join(folder, "poolhouse")
	}
	token := output(t, program, "dev", "token", "--endpoint", endpoint, "--user", "alice")
	if !strings.HasPrefix(token, "eyJ") {
		t.Errorf("a token: %s", token)
	}

	state := []string{}
	for name, value := range r.told(t, "GITHUB_STATE") {
		state = append(state, "STATE_"+name+"="+value)
	}
	out = suite{action, append(r.environment, state...), []string{"node", "post.mjs"}}.run(t, true)
	found := regexp.MustCompile(`::stop-commands::(\S+)\n`).FindStringSubmatch(out)
	if found == nil || !strings.Contains(out, endpoint) || !strings.Contains(out, "::"+found[1]+"::\n") {
		t.Errorf("the log is not shown, or could have commands:\n%s", out)
	}
	server.ends(t)
}

func TestActionSeeds(t *testing.T) {
	action, err := filepath.Abs("action")
	if err != nil {
		t.Fatal(err)
	}
	seed, err := filepath.Abs("suites/pytest/seeded/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	address := releases(t, unchanged)
	install := newRunner(t, "INPUT_START=false", "INPUT_VERSION="+built.Version, "INPUT_RELEASES="+address)
	suite{action, install.environment, []string{"node", "main.mjs"}}.passes(t, "Installed Poolhouse "+built.Version)
	if got := install.told(t, "GITHUB_STATE"); len(got) > 0 {
		t.Errorf("a server was started: %v", got)
	}

	r := newRunner(t, "INPUT_START=true", "INPUT_VERSION="+built.Version, "INPUT_RELEASES="+address,
		"INPUT_SEED=\n"+seed+"\n", "INPUT_ARGUMENTS=--log-level info")
	suite{action, r.environment, []string{"node", "main.mjs"}}.run(t, true)
	state := r.told(t, "GITHUB_STATE")
	endpoint := r.told(t, "GITHUB_OUTPUT")["endpoint"]
	server := connect(t, endpoint)
	users := output(t, "curl", "-s", endpoint+"/_poolhouse/dev/users")
	if !strings.Contains(users, `"ann"`) || strings.Contains(users, `"alice"`) {
		t.Errorf("the users are %s", users)
	}
	suite{action, append(r.environment, "STATE_pid="+state["pid"]), []string{"node", "post.mjs"}}.run(t, true)
	server.ends(t)
}

// Whatever is not as it should be ends the job with an error, and starts nothing.
func TestActionRefuses(t *testing.T) {
	action, err := filepath.Abs("action")
	if err != nil {
		t.Fatal(err)
	}
	good := releases(t, unchanged)
	changed := releases(t, strings.NewReplacer("0", "1", "a", "b").Replace)
	for want, inputs := range map[string][]string{
		"does not have the checksum": {"INPUT_VERSION=" + built.Version, "INPUT_RELEASES=" + changed},
		"404 Not Found":              {"INPUT_VERSION=9.9.9", "INPUT_RELEASES=" + good},
		"http://127.0.0.1:1/v":       {"INPUT_VERSION=9.9.9", "INPUT_RELEASES=http://127.0.0.1:1"},
		"is no version":              {"GITHUB_ACTION_REF=main", "INPUT_RELEASES=" + good},
		"did not start": {"INPUT_VERSION=" + built.Version, "INPUT_RELEASES=" + good,
			"INPUT_SEED=gone.yaml"},
	} {
		r := newRunner(t, append(inputs, "INPUT_START=true")...)
		out := suite{action, r.environment, []string{"node", "main.mjs"}}.run(t, false)
		if !strings.Contains(out, "::error::") || !strings.Contains(out, want) {
			t.Errorf("%v: %s, want %s", inputs, out, want)
		}
	}
}
