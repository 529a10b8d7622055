package main

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/conformance"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// conformanceServer runs a server that every probe passes at, with its keys in the environment.
func conformanceServer(t *testing.T) string {
	t.Helper()
	s := poolhousetest.Start(t, func(c *poolhouse.Config) { c.AcceptUnknownRoles = false })
	key := s.AccessKey(t)
	t.Setenv("AWS_ACCESS_KEY_ID", key.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", key.SecretAccessKey)
	t.Setenv("AWS_REGION", poolhouse.DevRegion)

	return s.URL
}

// Our own server passes; the object and the file have every probe.
func TestConformanceOfOurServer(t *testing.T) {
	endpoint, file := conformanceServer(t), filepath.Join(t.TempDir(), "junit.xml")
	out := mustRun(t, "conformance", "--endpoint", endpoint, "--json", "--junit", file)

	var report struct {
		Passed, Failed int
		Probes         []struct {
			ID, Outcome, Source, Cite string
			Expected                  map[string]any
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if report.Failed != 0 || report.Passed < 250 || len(report.Probes) != report.Passed {
		t.Errorf("%d passed and %d failed, of %d", report.Passed, report.Failed, len(report.Probes))
	}
	for _, p := range report.Probes {
		if p.Source == "" || p.Cite == "" || len(p.Expected) == 0 {
			t.Errorf("%+v", p)
		}
	}

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Suites []struct {
			Tests int `xml:"tests,attr"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &suites); err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, s := range suites.Suites {
		all += s.Tests
	}
	if all != len(report.Probes) {
		t.Errorf("the file has %d probes, the object %d", all, len(report.Probes))
	}
}

// The exit status tells a server that differs from one that could not be asked.
func TestConformanceExitStatuses(t *testing.T) {
	endpoint := conformanceServer(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(other.Close)

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	empty := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	withPassword := strings.Replace(other.URL, "//", "//me:hidden@", 1)
	for _, c := range []struct {
		name string
		args []string
		want int
		text string
	}{
		{"ours", []string{"--endpoint", endpoint, "--only", "tokens,guest-off"}, 0, "recorded"},
		{"another", []string{"--endpoint", other.URL}, 1, "probes failed at " + other.URL},
		{"a password", []string{"--endpoint", withPassword, "--only", "pools"}, 1, "probes failed at http://xxxxx@"},
		{"nobody", []string{"--endpoint", gone.URL}, 2, "the endpoint does not answer"},
		{"no URL", []string{"--endpoint", "localhost"}, 2, "must be the URL of a server"},
		{"a query", []string{"--endpoint", other.URL + "?x=1"}, 2, "URL without a query"},
		{"no such probe", []string{"--only", "nothing"}, 2, "the families are authentication, "},
		{"one name of no probe", []string{"--only", "tokens,tgas"}, 2, `"tgas" names no probe`},
		{"no name", []string{"--only", ""}, 2, "is a variable empty?"},
		{"a name that is empty", []string{"--only", "tokens,"}, 2, `"" names no probe`},
		{"no account", []string{"--endpoint", endpoint, "--account", "1234"}, 2, "no account ID"},
		{"an empty token", []string{"--oidc-token-file", empty, "--oidc-key", "idp.example", "--oidc-provider-arn",
			"arn:aws:iam::000000000000:oidc-provider/idp.example"}, 2, "is empty"},
		{"no such flag", []string{"--jsn"}, 2, "did you mean --json"},
		{"an argument", []string{"x"}, 2, "unknown command"},
		{"a negative rate", []string{"--rate", "-1"}, 2, "--rate"},
		{"no time", []string{"--endpoint", endpoint, "--timeout", "0s"}, 2, "--timeout must be positive"},
		{"half a provider", []string{"--oidc-key", "idp.example"}, 2, "belong together"},
		{"another region", []string{"--endpoint", "https://sts.eu-west-1.amazonaws.com"}, 2, "set AWS_REGION"},
		{"a list", []string{"--list"}, 0, "guest-off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := command(t, append([]string{"conformance"}, c.args...)...)
			if got := exitStatus(err); got != c.want {
				t.Errorf("status %d, want %d: %v", got, c.want, err)
			}
			if err != nil {
				out += err.Error()
			}
			if !strings.Contains(out, c.text) || strings.Contains(out, "hidden") {
				t.Errorf("no %q in %s", c.text, out)
			}
		})
	}
}

// Without keys the signed probes are not run, and none of them passes.
func TestConformanceWithoutKeys(t *testing.T) {
	endpoint := conformanceServer(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	out, err := command(t, "conformance", "--endpoint", endpoint, "--only", "required", "--json")
	if exitStatus(err) != statusCouldNotRun || !strings.Contains(err.Error(), "probes were not run: set the keys") {
		t.Fatalf("%v\n%s", err, out)
	}

	var report struct {
		Failed int
		Probes []struct{ ID, Call, Outcome, Reason string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	skipped := 0
	for _, p := range report.Probes {
		if p.Outcome == "not run" && strings.Contains(p.Reason, "keys") {
			skipped++
		}
	}
	if report.Failed > 0 || skipped < 30 {
		t.Errorf("%d failed, %d were not run for the lack of keys", report.Failed, skipped)
	}
}

// Two signals that come together, as timeout(1) sends them, are one request to stop: the command deletes the pools that
// it made, and then ends.
func TestConformanceStopsInOrder(t *testing.T) {
	address, err := url.Parse(conformanceServer(t))
	if err != nil {
		t.Fatal(err)
	}
	var made, deleted atomic.Int32
	var stop sync.Once
	started := make(chan struct{})
	cmd := exec.CommandContext(t.Context(), "poolhouse", "conformance", "--rate", "20", "--endpoint")
	cmd.Stderr = t.Output()
	proxy := httputil.NewSingleHostReverseProxy(address)
	proxy.ModifyResponse = func(response *http.Response) error {
		_, operation, _ := strings.Cut(response.Request.Header.Get("X-Amz-Target"), ".")
		switch {
		case response.StatusCode != http.StatusOK:
		case operation == "CreateIdentityPool":
			made.Add(1)
			stop.Do(func() {
				<-started
				_ = cmd.Process.Signal(syscall.SIGTERM)
				_ = cmd.Process.Signal(os.Interrupt)
			})
		case operation == "DeleteIdentityPool":
			deleted.Add(1)
		}

		return nil
	}
	web := httptest.NewServer(proxy)
	defer web.Close()

	cmd.Args = append(cmd.Args, web.URL)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)

	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() < 0 {
		t.Errorf("the command ended with %v", err)
	}
	if made.Load() == 0 || deleted.Load() != made.Load() {
		t.Errorf("%d pools were made, and %d deleted", made.Load(), deleted.Load())
	}
}

// AWS serves each API at its own address; every other server serves all at one.
func TestConformanceEndpoints(t *testing.T) {
	t.Setenv("AWS_REGION", "cn-north-1")
	c := conformanceCommand()
	c.SetContext(t.Context())
	if err := c.Flags().Set("endpoint", "https://cognito-identity.cn-north-1.amazonaws.com.cn"); err != nil {
		t.Fatal(err)
	}
	kit, err := conformanceKit(c)
	if err != nil {
		t.Fatal(err)
	}

	for service, want := range map[string]string{
		"cognito-identity": "https://cognito-identity.cn-north-1.amazonaws.com.cn",
		"sts":              "https://sts.cn-north-1.amazonaws.com.cn",
		"iam":              "https://iam.cn-north-1.amazonaws.com.cn",
	} {
		if got := kit.Endpoint(service); got != want {
			t.Errorf("%s at %s, want %s", service, got, want)
		}
	}
	if kit.Pause == 0 || kit.IAMRegion != "cn-north-1" {
		t.Errorf("pause %v, region of IAM %s", kit.Pause, kit.IAMRegion)
	}
}

// docs/conformance-probes.md lists the probes as they are.
func TestConformanceReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance-probes.md")
	if err != nil {
		t.Fatal(err)
	}
	probes, err := conformance.Probes()
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != conformance.Reference(probes) {
		t.Error("docs/conformance-probes.md is old: run make generate")
	}
}
