package forwardauth

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
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
		"slow":           {step: 2 * defaultForwardTimeout, sent: 100_000, want: http.StatusRequestTimeout},
		"slow and small": {step: 2 * defaultForwardTimeout, sent: 1, want: http.StatusRequestTimeout},
	} {
		f := newFront(t, service.URL, nil)
		f.f.h.options.Now = slowClock(test.step)
		body := strings.Repeat("x", size)
		c, reader := f.raw(t, f.signed(t, "PUT", ownFile, body, true),
			"Content-Length: 200000\r\n\r\n"+body[:test.sent])
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
		f.idle()
		if !f.f.callers.take(caller, maxForwarded/sharesOfAll) || !f.f.callers.take("identity other", 1) {
			t.Fatal("the share is not what is documented, or all callers have one")
		}
		a, err := send(t, f.signed(t, "PUT", ownFile, "hello", stated))
		if err != nil || a.status != http.StatusServiceUnavailable || a.header.Get(headerReason) != "Busy" {
			t.Errorf("in flight, stated %t: %v %+v", stated, err, a)
		}

		f.f.callers.give(caller, maxForwarded/sharesOfAll)
		f.f.callers.give("identity other", 1)
		if a, err := send(t, f.signed(t, "PUT", ownFile, "hello", stated)); err != nil || a.status != http.StatusOK {
			t.Errorf("in flight before, stated %t: %v %+v", stated, err, a)
		}
	}

	f.idle()
	f.f.upstream = newQueues(2)

	var group sync.WaitGroup
	for range 2 {
		r := f.signed(t, "GET", ownFile+"?wait", "", false)
		group.Go(func() { _, _ = send(t, r) })
		<-arrived
	}

	f.f.h.c.ForwardTimeout = 100 * time.Millisecond
	a, err := send(t, f.signed(t, "GET", ownFile, "", false))
	f.f.h.c.ForwardTimeout = defaultForwardTimeout
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

	f.nothingTaken(t)
}

// behindProxy makes f believe X-Forwarded-For.
func (f *front) behindProxy(t *testing.T) {
	t.Helper()
	s, err := awsapi.New(awsapi.Options{BehindProxy: true})
	if err != nil {
		t.Fatal(err)
	}
	f.Config.Handler = s.WrapInternal("Forward", f.Config.Handler)
}

// from is a request of a client with that address; "" = it is not known.
func from(address string, r *http.Request) *http.Request {
	if address != "" {
		r.Header.Set("X-Forwarded-For", address)
	}
	return r
}

// One address cannot take all requests in flight, nor all connections to a service, however
// many identities are behind it.
func TestForwardedAddressShares(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 10)
	service := newBackend(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("wait") {
			arrived <- struct{}{}
			<-release
		}
	})
	f := newFront(t, service.URL, nil)
	f.behindProxy(t)

	clients := []struct {
		address string
		status  int // while the shares of addresses are taken
	}{
		{"192.0.2.1", http.StatusServiceUnavailable},
		{"192.0.2.2, 192.0.2.1", http.StatusServiceUnavailable},
		{"2001:db8::1", http.StatusServiceUnavailable},
		{"64:ff9b::c000:201", http.StatusServiceUnavailable}, // 192.0.2.1, translated
		{"64:ff9b::c000:202", http.StatusOK},
		{"192.0.2.2", http.StatusOK},
		{"2001:db8:0:1::1", http.StatusOK},
		{"192.0.2.1, 2001:db8:0:1::1", http.StatusOK},
		{"", http.StatusOK},
	}

	taken := []string{"address 192.0.2.1/32", "address 2001:db8::/64"}
	for _, address := range taken {
		if !f.f.addresses.take(address, maxForwarded/2) || f.f.addresses.take(address, 1) {
			t.Fatal("the share is not what is documented")
		}
	}

	for _, client := range clients {
		for _, stated := range []bool{false, true} {
			a, err := send(t, from(client.address, f.signed(t, "PUT", ownFile, "hello", stated)))
			if err != nil || a.status != client.status {
				t.Errorf("in flight, %q, stated %t: %v %+v", client.address, stated, err, a)
			}
			if steps := f.steps(); client.status != http.StatusOK && steps[len(steps)-1].Code != tooManyOfAddress.Code {
				t.Errorf("%q is explained by %+v", client.address, steps[len(steps)-1])
			}
		}
	}

	for _, address := range taken {
		f.f.addresses.give(address, maxForwarded/2)
	}

	if f.f.upstreamAddresses.most != connections/2 {
		t.Errorf("%d connections for one address", f.f.upstreamAddresses.most)
	}
	f.idle()
	f.f.upstreamAddresses = newQueues(1)

	var group sync.WaitGroup
	for _, address := range []string{"192.0.2.1", "2001:db8::2"} {
		r := from(address, f.signed(t, "GET", ownFile+"?wait", "", false))
		group.Go(func() { _, _ = send(t, r) })
		<-arrived
	}

	for _, client := range clients {
		want := client.status
		if want != http.StatusOK {
			want = http.StatusGatewayTimeout
			f.f.h.c.ForwardTimeout = 100 * time.Millisecond
		}
		a, err := send(t, from(client.address, f.signed(t, "GET", ownFile, "", false)))
		f.f.h.c.ForwardTimeout = defaultForwardTimeout

		if err != nil || a.status != want {
			t.Errorf("connections, %q: %v %+v", client.address, err, a)
		}
	}

	close(release)
	group.Wait()
	f.nothingTaken(t)
}

// idle waits for the handlers, which go on after their answers.
func (f *front) idle() {
	for f.f.inFlight.Load() > 0 {
		runtime.Gosched()
	}
}

// nothingTaken ends f and looks whether all shares were given back.
func (f *front) nothingTaken(t *testing.T) {
	t.Helper()
	f.Close() // waits for the handlers, too

	for name, s := range map[string]*shares{
		"callers":   f.f.callers,
		"addresses": f.f.addresses,
		"bodies":    f.f.holder.shares,
	} {
		if len(s.taken) > 0 {
			t.Errorf("shares of %s are not given back: %v", name, s.taken)
		}
	}

	if len(f.f.upstream.callers) > 0 || len(f.f.upstreamAddresses.callers) > 0 {
		t.Errorf("slots are not given back: %v, %v", f.f.upstream.callers, f.f.upstreamAddresses.callers)
	}
}

// Who knows a session's token but not its secret takes nothing from the session.
func TestForwardedUnprovenShares(t *testing.T) {
	const caller, forged = "identity " + alice, "unproven identity " + alice
	amounts := make(chan [4]int64, 1)
	var f *front
	service := newBackend(t, func(_ http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("look") {
			return
		}

		requests, bodies := f.f.callers, f.f.holder.shares
		amounts <- [4]int64{requests.of(caller), requests.of(forged), bodies.of(caller), bodies.of(forged)}
	})
	f = newFront(t, service.URL, nil)
	f.behindProxy(t)

	if a, err := send(t, f.signed(t, "PUT", ownFile+"?look", "hello", false)); err != nil || a.status != http.StatusOK {
		t.Fatalf("%v %+v", err, a)
	}
	if got := <-amounts; got != [4]int64{1, 0, 5, 0} {
		t.Errorf("a request whose signature holds is charged %v", got)
	}

	f.idle()
	f.f.callers = newShares(2)
	f.f.holder.shares = newShares(8)
	key := f.key
	f.key.SecretAccessKey = "made up"

	var clients []net.Conn
	for range 2 {
		c, reader := f.raw(t, from("192.0.2.9", f.signed(t, "PUT", ownFile, "12345678", false)),
			"Content-Length: 8\r\nExpect: 100-continue\r\n\r\n")
		if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("%v %q", err, line)
		}
		clients = append(clients, c)
	}

	a, err := send(t, f.signed(t, "PUT", ownFile, "hello", false))
	if err != nil || a.status != http.StatusServiceUnavailable || a.header.Get(headerReason) != "Busy" {
		t.Errorf("more than the share: %v %+v", err, a)
	}
	if steps := f.steps(); steps[len(steps)-1].Code != tooManyUnproven.Code {
		t.Errorf("explained by %+v", steps[len(steps)-1])
	}

	f.key = key
	for _, method := range []string{"GET", "PUT"} {
		body := strings.TrimPrefix("hello"+method, "helloGET")
		if a, err := send(t, f.signed(t, method, ownFile, body, true)); err != nil || a.status != http.StatusOK {
			t.Errorf("%s of the session's owner: %v %+v", method, err, a)
		}
	}

	for _, c := range clients {
		_ = c.Close()
	}
	f.nothingTaken(t)
}

// The share of bodies that is not proven to be a caller's is not the caller's.
func TestForwardedUnprovenBodies(t *testing.T) {
	service := newBackend(t, nil)
	f := newFront(t, service.URL, nil)
	f.f.holder.shares = newShares(8)

	for name, test := range map[string]struct {
		taken  string
		status int
	}{
		"none":     {"identity other", http.StatusOK},
		"unproven": {"unproven identity " + alice, http.StatusServiceUnavailable},
		"proven":   {"identity " + alice, http.StatusServiceUnavailable},
	} {
		f.idle()
		f.f.holder.shares.take(test.taken, 4)
		a, err := send(t, f.signed(t, "PUT", ownFile, "hello", false))
		if err != nil || a.status != test.status {
			t.Errorf("%s: %v %+v", name, err, a)
		}
		if a, err := send(t, f.signed(t, "PUT", ownFile, "hello", true)); err != nil || a.status != http.StatusOK {
			t.Errorf("%s, stated: %v %+v", name, err, a)
		}
		f.f.holder.shares.give(test.taken, 4)
	}

	f.nothingTaken(t)
}

// of returns the share that a caller has taken.
func (s *shares) of(caller string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.taken[caller]
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
		return "OPTIONS " + ownFile + " HTTP/1.1\r\nHost: x\r\nOrigin: " + origin +
			"\r\nAccess-Control-Request-Method: PUT\r\n"
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
		"allowed":              {allow(`{"Null":{"aws:PrincipalTag/none":"true"}}`), true, true},
		"silent":               {allow(`{"Null":{"aws:PrincipalTag/none":"false"}}`), false, false},
		"by the signature":     {allow(`{"StringEquals":{"s3:authType":"REST-HEADER"}}`), true, true},
		"not by the signature": {allow(`{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}`), true, false},
		"age":                  {allow(`{"NumericLessThan":{"s3:signatureAge":"600000"}}`), true, true},
		"denied by the signature": {allow(`{"Null":{"aws:PrincipalTag/none":"true"}}`) +
			`,{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}}`, true, true},
		"another key": {allow(`{"StringEquals":{"s3:ExistingObjectTag/a":"b"}}`), false, false},
	} {
		f := newFrontWith(t, test.statements, service.URL, nil)
		c, reader := f.raw(t, f.signed(t, "PUT", ownFile, "hello", false),
			"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
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
