package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// loadBalancer sends calls to a server until two probes of /readyz in a row have
// failed, as load balancers do.
type loadBalancer struct {
	url     string
	key     accessKey
	options func() *http.Transport

	down   atomic.Bool
	calls  atomic.Int64
	failed atomic.Int64
	first  atomic.Pointer[error]
}

const (
	probeInterval = 20 * time.Millisecond
	probeFailures = 2
	lbClients     = 6 // half of them connect anew for each call
)

func (b *loadBalancer) run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { b.probe(ctx) })

	for n := range lbClients {
		group.Go(func() {
			transport := b.options()
			transport.DisableKeepAlives = n%2 == 1
			defer transport.CloseIdleConnections()

			b.call(ctx, &http.Client{Transport: transport})
		})
	}
	group.Wait()
}

func (b *loadBalancer) probe(ctx context.Context) {
	transport := b.options()
	transport.DisableKeepAlives = true
	client := &http.Client{Transport: transport, Timeout: time.Second}

	tick := time.NewTicker(probeInterval)
	defer tick.Stop()

	for failures := 0; failures < probeFailures; {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/readyz", nil)
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		if failures++; err == nil && response.StatusCode == http.StatusOK {
			failures = 0
		}
		<-tick.C
	}

	b.down.Store(true)
}

func (b *loadBalancer) call(ctx context.Context, client *http.Client) {
	api := ci.New(ci.Options{
		BaseEndpoint:     &b.url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		HTTPClient:       client,
		Credentials:      b.key.provider(),
	})
	for !b.down.Load() {
		_, err := api.ListIdentityPools(ctx, &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
		b.calls.Add(1)
		if err != nil {
			b.failed.Add(1)
			b.first.CompareAndSwap(nil, &err)
		}
	}
}

// stopsUnderLoad stops a server as often as told while clients call it, and
// returns how many calls failed.
func stopsUnderLoad(t *testing.T, stops int, lameDuck time.Duration, overTLS bool) (failed int64) {
	t.Helper()
	folder := t.TempDir()
	data := filepath.Join(folder, "data")
	key := initialised(t, "--data", data)
	scheme, more := "http", []string{"--lame-duck", lameDuck.String()}
	var roots *x509.CertPool
	if overTLS {
		cert, private := writePair(t, folder, "id.example")
		text, err := os.ReadFile(cert)
		if err != nil {
			t.Fatal(err)
		}
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		scheme, more = "https", append(more, "--tls-cert", cert, "--tls-key", private)
	}

	for range stops {
		address := listentest.FreeAddress(t)
		b := &loadBalancer{url: scheme + "://" + address, key: key, options: func() *http.Transport {
			return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: overTLS}
		}}
		p := launch(t, append([]string{"serve", "--data", data, "--issuer-url", "http://127.0.0.1:1",
			"--listen", address, "--log-level", "error"}, more...)...)
		waitFor(t, &http.Client{Transport: b.options()}, b.url)

		var group sync.WaitGroup
		group.Go(func() { b.run(t.Context()) })

		for b.calls.Load() < 50 {
			<-time.After(time.Millisecond)
		}
		begin := time.Now()
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Errorf("the server: %v", err)
		}

		if took := time.Since(begin); took < lameDuck {
			t.Errorf("it stopped after %v, before its lame-duck time of %v", took, lameDuck)
		}

		group.Wait()
		if n := b.failed.Load(); n > 0 {
			t.Logf("%d of %d calls failed, the first: %v", n, b.calls.Load(), *b.first.Load())
		}
		failed += b.failed.Load()
	}

	return failed
}

// Clients that follow /readyz lose no call when a server stops; without a
// lame-duck time they do.
func TestStopsUnderLoad(t *testing.T) {
	t.Parallel()

	stops := 10
	if testing.Short() {
		stops = 2
	}

	for name, overTLS := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if failed := stopsUnderLoad(t, stops, time.Second, overTLS); failed > 0 {
				t.Errorf("%d calls failed in %d stops", failed, stops)
			}
		})
	}

	t.Run("no lame duck", func(t *testing.T) {
		if failed := stopsUnderLoad(t, 2, 0, false); failed == 0 {
			t.Error("no call failed: the test proves nothing")
		}
	})
}

// What a server does between a signal and its end, and that another ends it at once.
func TestLameDuck(t *testing.T) {
	t.Parallel()

	for name, signal := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			metrics := listentest.FreeAddress(t)
			var key accessKey
			s := serveOn(t, filepath.Join(t.TempDir(), "data"), &key, "--lame-duck", "25s", "--metrics-listen", metrics)
			if err := s.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			waitStopping(t, s.url)

			for url, want := range map[string]int{
				s.url + "/healthz":              http.StatusOK,
				s.url + "/.well-known/jwks_uri": http.StatusOK,
				"http://" + metrics + "/readyz": http.StatusServiceUnavailable,
			} {
				if status, err := ask(t, url, "localhost"); err != nil || status != want {
					t.Errorf("%s: %d, %v", url, status, err)
				}
			}

			list := &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}
			if _, err := s.client.ListIdentityPools(t.Context(), list); err != nil {
				t.Errorf("a call on a new connection: %v", err)
			}

			begin := time.Now()
			if err := s.stop(signal); err == nil || !strings.Contains(err.Error(), "signal: ") {
				t.Errorf("the second signal: %v", err)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("the second signal took %v", took)
			}
		})
	}
}

// waitStopping waits until /readyz tells that the server stops.
func waitStopping(t *testing.T, url string) {
	t.Helper()

	for deadline := time.Now().Add(10 * time.Second); ; {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", nil)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == http.StatusServiceUnavailable && string(body) == "stopping\n" &&
			response.Header.Get("Connection") != "keep-alive" {
			return
		}

		if time.Now().After(deadline) {
			t.Fatalf("/readyz is %d %q", response.StatusCode, body)
		}
	}
}

// A call that is under way when the listener closes is answered, also when it is
// slow; a connection that waits idly does not hold the server up.
func TestSlowCallIsAnswered(t *testing.T) {
	var key accessKey
	s := serveOn(t, filepath.Join(t.TempDir(), "data"), &key)
	waitFor(t, &http.Client{Transport: &http.Transport{}}, s.url) // its connection waits idly from here on

	slow, answers := beginGetID(t, s.url, `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitClosedPort(t, s.url)

	if _, err := io.WriteString(slow, "}"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the slow call: %v", err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusBadRequest {
		t.Errorf("the slow call: %d, %v", response.StatusCode, err)
	}

	_, _ = io.Copy(io.Discard, s.out)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server: %v", err)
	}
}

// beginGetID begins a call of GetId. Of the body, a JSON object, it leaves out the last byte, "}". It returns the
// connection and a reader of its answers.
func beginGetID(t *testing.T, url, body string) (net.Conn, *bufio.Reader) {
	t.Helper()

	address := strings.TrimPrefix(url, "http://")
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })

	_, err = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.1\r\n"+
		"X-Amz-Target: AWSCognitoIdentityService.GetId\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n%s",
		address, len(body), body[:len(body)-1])
	if err != nil {
		t.Fatal(err)
	}

	// The server answers 100 Continue when it reads the body. A call whose header it has not read yet is not under
	// way, and a stop may drop it.
	answers := bufio.NewReader(c)
	begun, err := http.ReadResponse(answers, nil)
	if err != nil || begun.StatusCode != http.StatusContinue {
		t.Fatalf("the call did not begin: %v, %v", begun, err)
	}

	return c, answers
}

// Another server waits for datalock.Grace after the lame duck. A server that uses
// the whole time of its stop has ended by then.
func TestStopEndsWithinGrace(t *testing.T) {
	if longest := drainTime + closeTime; longest > datalock.Grace-time.Second {
		t.Errorf("a stop takes %v after the lame duck, and %v are waited for", longest, datalock.Grace)
	}
}

// The drain ends when the last call does, at its time, or soon after the database
// failed, whatever comes first.
func TestDrain(t *testing.T) {
	const never = time.Hour
	for name, test := range map[string]struct {
		calls time.Duration // until the last call ends
		fails time.Duration // when the database does; 0 = never, below 0 = before
		want  time.Duration
		cut   bool
	}{
		"calls end":                    {calls: 2 * time.Second, want: 2 * time.Second},
		"a call does not end":          {calls: never, want: drainTime, cut: true},
		"the database fails":           {calls: never, fails: time.Second, want: time.Second + failedDrain, cut: true},
		"it fails, and calls end":      {calls: 2 * time.Second, fails: time.Second, want: 2 * time.Second},
		"it fails late":                {calls: never, fails: drainTime - time.Second, want: drainTime, cut: true},
		"failed before, and calls end": {calls: time.Second, fails: -1, want: time.Second},
		"it failed before":             {calls: never, fails: -1, want: failedDrain, cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failed := make(chan struct{})
				if test.fails < 0 {
					close(failed)
				} else if test.fails > 0 {
					time.AfterFunc(test.fails, func() { close(failed) })
				}

				begin := time.Now()
				err := drain(func(ctx context.Context) error {
					select {
					case <-time.After(test.calls):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}, failed)

				if took := time.Since(begin); took != test.want {
					t.Errorf("took %v, want %v", took, test.want)
				}
				if (err != nil) != test.cut {
					t.Errorf("drain: %v", err)
				}
			})
		})
	}
}

// A step that hangs holds nothing up for longer than the limit, and is named.
func TestCloseWithin(t *testing.T) {
	broken := errors.New("broken")
	quick := closing{what: "the quick one", end: func() error { return nil }}
	failing := closing{what: "the failing one", end: func() error { return broken }}
	for name, test := range map[string]struct {
		steps []closing
		hangs int // the number of the step that hangs; -1 = none
	}{
		"all end":        {steps: []closing{quick, quick}, hangs: -1},
		"one fails":      {steps: []closing{failing, quick}, hangs: -1},
		"the first":      {steps: []closing{quick, quick}, hangs: 0},
		"the last":       {steps: []closing{failing, quick}, hangs: 1},
		"one of several": {steps: []closing{quick, failing, quick, quick}, hangs: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wantBroken := slices.ContainsFunc(test.steps, func(c closing) bool { return c.what == failing.what })
				free := make(chan struct{})
				steps := slices.Clone(test.steps)
				if test.hangs >= 0 {
					steps[test.hangs] = closing{what: "the hanging one", end: func() error { <-free; return nil }}
				}

				begin := time.Now()
				err := closeWithin(closeTime, steps...)
				took := time.Since(begin)
				close(free)
				if errors.Is(err, broken) != wantBroken {
					t.Errorf("closeWithin: %v", err)
				}

				if test.hangs < 0 {
					if took != 0 || !wantBroken && err != nil {
						t.Errorf("took %v: %v", took, err)
					}
					return
				}

				const want = "the hanging one did not end within"
				if took != closeTime || err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("took %v: %v", took, err)
				}
			})
		})
	}
}
