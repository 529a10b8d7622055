package apply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

const (
	region  = "us-east-1"
	poolOne = "us-east-1:11111111-2222-4333-8444-555555555555"
	poolTwo = "us-east-1:22222222-2222-4333-8444-555555555555"
)

// rig is a server in this process, with a client that notes its calls.
type rig struct {
	t       *testing.T
	handler http.Handler
	client  *apply.Client
	// transcript has the output of commands, and the calls that change something, in
	// the order in which they come.
	transcript strings.Builder
	calls      []string // operations, in order
	// refuse answers an operation in the server's place; nil = the server answers.
	refuse func(operation string) *http.Response
	waits  []time.Duration
}

// newRig starts an empty development server.
func newRig(t *testing.T, change ...func(*poolhouse.Config)) *rig {
	t.Helper()

	config := poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:4599"}
	for _, f := range change {
		f(&config)
	}
	server, err := poolhouse.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })

	return rigAt(t, server)
}

// rigAt makes a client of a handler.
func rigAt(t *testing.T, handler http.Handler) *rig {
	t.Helper()
	r := &rig{t: t, handler: handler}
	r.client = &apply.Client{
		Endpoint:    func(string) string { return "http://127.0.0.1:4599" },
		Credentials: sigv4.Credentials{AccessKeyID: "test", SecretAccessKey: "test"},
		Region:      region,
		IAMRegion:   region,
		HTTP:        &http.Client{Transport: r},
		Now:         time.Now,
		Wait: func(_ context.Context, d time.Duration) error {
			r.waits = append(r.waits, d)
			return nil
		},
	}

	return r
}

// RoundTrip gives a call to the server, and notes it.
func (r *rig) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
	}

	operation, input := called(request, body)
	r.calls = append(r.calls, operation)
	if !reads.MatchString(operation) {
		fmt.Fprintf(&r.transcript, "> %s%s\n", operation, input)
	}
	if r.refuse != nil {
		if answer := r.refuse(operation); answer != nil {
			return answer, nil
		}
	}

	in := request.Clone(request.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.Host = request.URL.Host
	answer := httptest.NewRecorder()
	r.handler.ServeHTTP(answer, in)

	return answer.Result(), nil
}

// reads matches the operations that change nothing.
var reads = regexp.MustCompile("^(Get|List|Describe|Lookup)")

// called returns the operation of a call, and its input for people.
func called(request *http.Request, body []byte) (operation, input string) {
	if target := request.Header.Get("X-Amz-Target"); target != "" {
		_, operation, _ = strings.Cut(target, ".")
		var members map[string]any
		if json.Unmarshal(body, &members) != nil {
			return operation, " " + string(body)
		}

		for _, name := range slices.Sorted(maps.Keys(members)) {
			value, _ := json.Marshal(members[name])
			input += "\n>   " + name + ": " + string(value)
		}

		return operation, input
	}

	form, err := url.ParseQuery(string(body))
	if err != nil || request.Method == http.MethodGet {
		return "Get " + request.URL.Path, ""
	}
	operation = form.Get("Action")

	for _, name := range slices.Sorted(maps.Keys(form)) {
		if name != "Action" && name != "Version" {
			input += "\n>   " + name + ": " + strings.ReplaceAll(form.Get(name), "\n", " ")
		}
	}

	return operation, input
}

// answer is an answer of a server that stands in for another one.
func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func readAll(t *testing.T, text string) *apply.File {
	t.Helper()
	file, err := apply.Read([]byte(text), apply.ReadOptions{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}

	return file
}

func readFile(t *testing.T, text string) []apply.Resource {
	t.Helper()
	return readAll(t, text).Resources
}

// run applies a file, and returns the transcript of that.
func (r *rig) run(text string, change ...func(*apply.Options)) (string, error) {
	r.t.Helper()

	o := apply.Options{Name: "shop", Out: &r.transcript}
	for _, f := range change {
		f(&o)
	}
	r.transcript.Reset()
	r.calls = nil
	_, err := apply.Apply(r.t.Context(), r.client, readAll(r.t, text), o)

	return r.transcript.String(), err
}

func dryRun(o *apply.Options) { o.DryRun = true }
func prune(o *apply.Options)  { o.Prune = true }

// must applies a file that must be good.
func (r *rig) must(text string, change ...func(*apply.Options)) string {
	r.t.Helper()
	out, err := r.run(text, change...)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}

	return out
}

// refused applies a file that is refused before anything is changed.
func (r *rig) refused(text, want string, change ...func(*apply.Options)) {
	r.t.Helper()
	out, err := r.run(text, change...)
	wantError(r.t, err, want)
	if strings.Contains("\n"+out, "\n> ") {
		r.t.Errorf("something was changed:\n%s", out)
	}
}

func exportWith(ctx context.Context, r *rig, fromAWS bool) (*apply.Exported, error) {
	known, err := iam.ReadAWSPolicies("")
	if err != nil {
		return nil, err
	}

	return apply.Export(ctx, r.client, apply.ExportOptions{FromAWS: fromAWS, AWSPolicies: known})
}

func applyExport(r *rig) (*apply.Exported, error) { return exportWith(r.t.Context(), r, false) }

func (r *rig) export(fromAWS bool) *apply.Exported {
	r.t.Helper()
	out, err := exportWith(r.t.Context(), r, fromAWS)
	if err != nil {
		r.t.Fatal(err)
	}

	return out
}

func (r *rig) iam(operation string, in url.Values) {
	r.t.Helper()
	if err := r.client.Query(r.t.Context(), "iam", "2010-05-08", operation, in, nil); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) pools(operation string, in, out any) {
	r.t.Helper()
	err := r.client.JSON(r.t.Context(), "cognito-identity", "AWSCognitoIdentityService", operation, in, out)
	if err != nil {
		r.t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()

	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func lacks(t *testing.T, text string, unwanted ...string) {
	t.Helper()

	for _, one := range unwanted {
		if strings.Contains(text, one) {
			t.Errorf("%q is in:\n%s", one, text)
		}
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: -want +got\n%s", what, d)
	}
}
