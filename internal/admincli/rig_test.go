package admincli_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/admincli"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// rig runs commands against a server whose clock stands still.
type rig struct {
	*poolhousetest.Server

	key  sigv4.Credentials
	wait func(time.Duration) // called instead of a pause

	mutex sync.Mutex
	lost  bool           // no call reaches the server
	other string         // host of a server that takes the place of the first; "" = none
	after int            // the calls of an operation that still reach the first
	calls map[string]int // by operation
}

// began is the time of a rig's server.
var began = time.Date(2026, time.December, 1, 9, 30, 0, 0, time.UTC)

func newRig(t *testing.T) *rig {
	t.Helper()
	clock := poolhousetest.NewClock()
	clock.Stop()
	clock.Set(began)
	s := poolhousetest.Start(t, poolhousetest.Demo(), clock.AddTo)
	key := s.AccessKey(t)

	return &rig{
		Server: s,
		key:    sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey},
		wait:   func(d time.Duration) { t.Errorf("a call was throttled, or the server lost: pause of %s", d) },
		calls:  map[string]int{},
	}
}

// RoundTrip counts the call.
func (r *rig) RoundTrip(request *http.Request) (*http.Response, error) {
	operation := request.Header.Get("X-Amz-Target")
	if operation == "" && request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		clone := request.Clone(request.Context())
		clone.Body = body
		operation = "iam." + clone.FormValue("Action")
	}

	r.mutex.Lock()
	operation = operation[strings.LastIndex(operation, ".")+1:]
	r.calls[operation]++
	lost, other, replaced := r.lost, r.other, r.calls[operation] > r.after
	r.mutex.Unlock()
	if other != "" && replaced {
		request = request.Clone(request.Context())
		request.Host, request.URL.Host = request.URL.Host, other // the signature names the first
	}
	if lost {
		return nil, fmt.Errorf("connection refused \x1b[31m")
	}

	return http.DefaultTransport.RoundTrip(request)
}

func (r *rig) lose(lost bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.lost = lost
}

// replace lets another server answer, after a number of calls of each operation.
func (r *rig) replace(by *rig, after int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.other, r.after = strings.TrimPrefix(by.URL, "http://"), after
}

func (r *rig) called(operation string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.calls[operation]
}

func (r *rig) client(*cobra.Command) (*apply.Client, error) {
	return &apply.Client{
		Endpoint:    func(string) string { return r.URL },
		Credentials: r.key,
		Region:      "us-east-1",
		IAMRegion:   "us-east-1",
		HTTP:        &http.Client{Transport: r},
		Now:         r.Clock.Now,
		Wait: func(ctx context.Context, d time.Duration) error {
			r.wait(d)
			return ctx.Err()
		},
	}, nil
}

// root returns the command that the program's users call.
func (r *rig) root() *cobra.Command {
	o := admincli.Options{
		Client:      r.client,
		AddEndpoint: func(c *cobra.Command) { c.Flags().String("endpoint", "", "URL of the server") },
		SigningHelp: "It signs.",
		Reasons:     []string{"pool-unknown", "token-audience"},
	}
	root := &cobra.Command{Use: "poolhouse", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(admincli.Commands(o)...)
	root.AddCommand(admincli.Explain(o, func() string { return "# Reasons\n" }))

	return root
}

// run runs a command line with text on its standard input.
func (r *rig) run(t *testing.T, stdin string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, notes strings.Builder
	root := r.root()
	root.SetArgs(arguments)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&notes)
	err = root.ExecuteContext(t.Context())

	return out.String(), notes.String(), err
}

// must runs a command line that succeeds.
func (r *rig) must(t *testing.T, arguments ...string) string {
	t.Helper()
	out, notes, err := r.run(t, "", arguments...)
	if err != nil {
		t.Fatalf("poolhouse %s: %v\n%s%s", strings.Join(arguments, " "), err, out, notes)
	}
	return out
}
