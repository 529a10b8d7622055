package check

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// slowClock goes on by a step each time that it is asked.
func slowClock(step time.Duration) func() time.Time {
	var mu sync.Mutex
	at := time.Now().Add(-24 * time.Hour) // deadlines are over, and no test waits for them
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(step)
		return at
	}
}

// A streamed body that arrives too slowly is refused, however often a byte comes; what
// the service takes of its time does not count.
func TestForwardedPace(t *testing.T) {
	service := newBackend(t, nil)
	const size = 200_000
	for name, test := range map[string]struct {
		step time.Duration // that each byte or piece takes
		sent int
		want int
	}{
		"fast":           {step: time.Microsecond, sent: size, want: http.StatusOK},
		"slow":           {step: 2 * DefaultForwardTimeout, sent: 100_000, want: http.StatusRequestTimeout},
		"slow and small": {step: 2 * DefaultForwardTimeout, sent: 1, want: http.StatusRequestTimeout},
	} {
		f := newFront(t, service.URL, nil)
		f.f.h.o.Now = slowClock(test.step)
		body := strings.Repeat("x", size)
		c, reader := f.raw(t, f.signed(t, "PUT", ownFile, body, true), "Content-Length: 200000\r\n\r\n"+body[:test.sent])
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("%s: %s", name, response.Status)
		}
		if steps := f.steps(); test.want != http.StatusOK && steps[len(steps)-1].Code != bodyPace.Code {
			t.Errorf("%s: explained by %+v", name, steps[len(steps)-1])
		}
	}
}

// One caller cannot take all requests in flight, nor all connections to a service.
func TestForwardedShares(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 10)
	service := newBackend(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("wait") {
			arrived <- struct{}{}
			<-release
		}
	})
	f := newFront(t, service.URL, nil)
	caller := "identity " + alice

	for _, stated := range []bool{false, true} {
		if !f.f.callers.take(caller, maxForwarded/sharesOfAll) || !f.f.callers.take("identity other", 1) {
			t.Fatal("the share is not what is documented, or all callers have one")
		}
		a, err := send(t, f.signed(t, "PUT", ownFile, "hello", stated))
		if err != nil || a.status != http.StatusServiceUnavailable || a.header.Get(HeaderReason) != "Busy" {
			t.Errorf("in flight, stated %t: %v %+v", stated, err, a)
		}
		f.f.callers.give(caller, maxForwarded/sharesOfAll)
		f.f.callers.give("identity other", 1)
		if a, err := send(t, f.signed(t, "PUT", ownFile, "hello", stated)); err != nil || a.status != http.StatusOK {
			t.Errorf("in flight before, stated %t: %v %+v", stated, err, a)
		}
	}

	f.f.upstream = newQueues(2)
	var group sync.WaitGroup
	for range 2 {
		r := f.signed(t, "GET", ownFile+"?wait", "", false)
		group.Go(func() { _, _ = send(t, r) })
		<-arrived
	}
	f.f.h.c.ForwardTimeout = 100 * time.Millisecond
	a, err := send(t, f.signed(t, "GET", ownFile, "", false))
	f.f.h.c.ForwardTimeout = DefaultForwardTimeout
	if err != nil || a.status != http.StatusGatewayTimeout {
		t.Errorf("more connections than a caller's share: %v %+v", err, a)
	}
	if leave, err := f.f.upstream.enter(t.Context(), "identity other at x"); err != nil {
		t.Errorf("another caller waits: %v", err)
	} else {
		leave()
	}
	close(release)
	group.Wait()
	if a, err := send(t, f.signed(t, "GET", ownFile, "", false)); err != nil || a.status != http.StatusOK {
		t.Errorf("afterwards: %v %+v", err, a)
	}

	f.Close() // waits for the handlers, which go on after their answers
	if len(f.f.callers.taken) > 0 || len(f.f.upstream.callers) > 0 {
		t.Errorf("shares are not given back: %v, %v", f.f.callers.taken, f.f.upstream.callers)
	}
}

// Who waits gets the slot of the one that leaves.
func TestQueues(t *testing.T) {
	q := newQueues(1)
	leave, err := q.enter(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.enter(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("entered a full queue: %v", err)
	}
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			leave, err := q.enter(t.Context(), "a")
			if err != nil {
				t.Error(err)
				return
			}
			leave()
		})
	}
	leave()
	group.Wait()
	if len(q.callers) > 0 {
		t.Errorf("left behind: %v", q.callers)
	}
}

// What a client announces takes no room; what arrives does, from the shares of all
// callers that it is charged to.
func TestForwardedRoom(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, func(c *Config) { c.MaxBody, c.MaxBodies = 3<<20, 4<<20 })
	key := f.key
	f.key.SecretAccessKey = "made up"
	for range 10 {
		_, reader := f.raw(t, f.signed(t, "PUT", ownFile, "hello", false),
			"Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n")
		if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("%v %q", err, line)
		}
	}
	f.key = key
	if a, err := send(t, f.signed(t, "PUT", ownFile, "hello", false)); err != nil || a.status != http.StatusOK {
		t.Errorf("beside bodies that were announced: %v %+v", err, a)
	}

	h := newHolder(1<<20, 16<<20)
	h.folder = t.TempDir()
	body := bytes.NewReader(make([]byte, 1<<20))
	hold := func(callers ...string) (*held, error) {
		body.Reset(make([]byte, 1<<20))
		return h.hold(body, -1, callers...)
	}
	var kept []*held
	for range 2 {
		b, err := hold("key a", "address 1")
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, b)
	}
	for _, callers := range [][]string{{"key a", "address 2"}, {"key b", "address 1"}} {
		if _, err := hold(callers...); !errors.Is(err, errNoShare) {
			t.Errorf("%s: %v", callers, err)
		}
	}
	b, err := hold("key b", "address 2")
	if err != nil {
		t.Fatalf("another caller: %v", err)
	}
	for _, b := range append(kept, b) {
		b.Close()
	}
	if _, err := h.hold(iotest.ErrReader(io.ErrUnexpectedEOF), 5, "key a"); err == nil {
		t.Error("a body that broke off is whole")
	}
	if len(h.shares.taken) > 0 || h.total.left.Load() != 16<<20 {
		t.Errorf("room is not given back: %v, %d", h.shares.taken, h.total.left.Load())
	}
}

// An answer does not wait for a body that the client never sends.
func TestForwardedRest(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, func(c *Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	preflight := func(origin string) string {
		return "OPTIONS " + ownFile + " HTTP/1.1\r\nHost: x\r\nOrigin: " + origin + "\r\nAccess-Control-Request-Method: PUT\r\n"
	}
	for name, head := range map[string]string{
		"unsigned":          "PUT " + ownFile + " HTTP/1.1\r\nHost: x\r\n",
		"malformed":         "PUT * HTTP/1.1\r\nHost: x\r\n",
		"preflight":         preflight("https://app.example.com"),
		"foreign preflight": preflight("https://evil.example.com"),
	} {
		for _, framing := range []string{"Content-Length: 10\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"} {
			c := f.dial(t)
			if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, head+framing); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Errorf("%s, %q: %v", name, framing, err)
				continue
			}
			_ = response.Body.Close()
			if !response.Close {
				t.Errorf("%s, %q: the connection goes on", name, framing)
			}
		}
	}
}

// The policies are asked before a body is read, and leave to the signature what only that
// tells.
func TestForwardedHeadPolicies(t *testing.T) {
	service := newBackend(t, nil)
	allow := func(condition string) string {
		return `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":` + condition + `}`
	}
	for name, test := range map[string]struct {
		statements string
		reads      bool // the body before the answer
		ok         bool
	}{
		"allowed":                 {allow(`{"Null":{"aws:PrincipalTag/none":"true"}}`), true, true},
		"silent":                  {allow(`{"Null":{"aws:PrincipalTag/none":"false"}}`), false, false},
		"by the signature":        {allow(`{"StringEquals":{"s3:authType":"REST-HEADER"}}`), true, true},
		"not by the signature":    {allow(`{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}`), true, false},
		"age":                     {allow(`{"NumericLessThan":{"s3:signatureAge":"600000"}}`), true, true},
		"denied by the signature": {allow(`{"Null":{"aws:PrincipalTag/none":"true"}}`) + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}}`, true, true},
		"another key":             {allow(`{"StringEquals":{"s3:ExistingObjectTag/a":"b"}}`), false, false},
	} {
		f := newFrontWith(t, test.statements, service.URL, nil)
		c, reader := f.raw(t, f.signed(t, "PUT", ownFile, "hello", false), "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		line, err := reader.ReadString('\n')
		if reads := strings.Contains(line, "100 Continue"); err != nil || reads != test.reads {
			t.Errorf("%s: %v %q", name, err, line)
		}
		if !test.reads {
			continue
		}
		if _, err := io.WriteString(c, "hello"); err != nil {
			t.Fatal(err)
		}
		_, _ = reader.ReadString('\n')
		line, err = reader.ReadString('\n')
		if ok := strings.Contains(line, "200 OK"); err != nil || ok != test.ok {
			t.Errorf("%s: %v %q", name, err, line)
		}
	}
}
