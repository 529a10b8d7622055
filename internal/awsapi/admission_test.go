package awsapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// busyServer is a listening server with an operation of each class, and queues that
// a test fills.
type busyServer struct {
	*httptest.Server
	queues   map[overload.Class]*overload.Queue
	service  *Service
	observed []Record
	traces   int
}

func (b *busyServer) Refused(Refusal) { b.traces++ }

func startBusy(t *testing.T) *busyServer {
	t.Helper()
	b := newBusy(t)
	b.Start()
	return b
}

// newBusy returns a busyServer that is not started.
func newBusy(t *testing.T) *busyServer {
	t.Helper()
	b := &busyServer{queues: map[overload.Class]*overload.Queue{}}

	at := testNow
	now := func() time.Time { return at }
	for _, class := range overload.Classes() {
		b.queues[class] = overload.NewQueue(1, 1, now)
		ticket := b.queues[class].Enter()
		at = at.Add(10 * time.Millisecond)
		b.queues[class].Leave(ticket)
	}

	guard := overload.NewGuard(overload.Options{
		MaxWait: 10 * time.Millisecond,
		Queues:  b.queues,
		Delay:   func() time.Duration { return 0 },
		Now:     now,
	})

	do := func(context.Context, *nothing) (*NoOutput, error) { return nil, nil }
	signed := func(context.Context, Caller, *nothing) (*NoOutput, error) { return nil, nil }
	service, err := New(Options{
		APIs: []API{
			{Name: "store", Target: "StoreService", Operations: []Operation{
				Public("Read", overload.Reads, do),
				Public("Write", overload.Writes, do),
				Public("Token", overload.Signing, do),
				Signed("SignedToken", "store:SignedToken", signed, nil).InClass(overload.Signing),
				Signed("Describe", "store:Describe", signed, nil),
			}},
			{Name: "desk", Version: "2026-01-01", Namespace: "urn:desk", Operations: []Operation{
				Public("Show", overload.Reads, do),
				Signed("Who", "desk:Who", signed, nil),
			}},
		},
		Gate:      testGate{},
		Now:       func() time.Time { return testNow },
		NewID:     func() string { return testRequestID },
		Admission: guard,
		Recorder:  b,
		Observe:   func(r *Record) { b.observed = append(b.observed, *r) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.service = service

	mux := http.NewServeMux()
	mux.Handle("/", service)
	mux.Handle("/denied", service.Guard(func(*http.Request) *Denial { return &Denial{Message: "no"} }, service))
	mux.Handle("GET /keys", service.Wrap("Keys", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("keys"))
	})))
	b.Server = httptest.NewUnstartedServer(mux)
	t.Cleanup(b.Close)

	return b
}

// fill makes a class wait for as long as so many pieces of work of 10 ms take.
func (b *busyServer) fill(class overload.Class, n int) (empty func()) {
	var tickets []overload.Ticket
	for range n {
		tickets = append(tickets, b.queues[class].Enter())
	}

	return func() {
		for _, ticket := range tickets {
			b.queues[class].Leave(ticket)
		}
	}
}

const (
	jsonHead = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n" +
		"X-Amz-Target: StoreService.%s\r\n"
	oldHead   = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: com.example.StoreService.Token\r\n"
	queryHead = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	signature = "Authorization: AWS4-HMAC-SHA256 good\r\n"
)

// Calls of a class that would wait too long are answered before they have sent
// their bodies; those of other classes, and what has no class, go on; and so does
// the class once its work is done.
func TestRefusedBeforeTheBody(t *testing.T) {
	heads := map[string]struct {
		head  string
		class overload.Class
	}{
		"public":            {fmt.Sprintf(jsonHead, "Read"), overload.Reads},
		"durable":           {fmt.Sprintf(jsonHead, "Write"), overload.Writes},
		"token":             {fmt.Sprintf(jsonHead, "Token"), overload.Signing},
		"token, signed":     {fmt.Sprintf(jsonHead, "SignedToken") + signature, overload.Signing},
		"signed":            {fmt.Sprintf(jsonHead, "Describe") + signature, overload.Authentication},
		"signed by nobody":  {fmt.Sprintf(jsonHead, "Describe"), overload.Reads},
		"signed by nothing": {fmt.Sprintf(jsonHead, "Describe") + "Authorization: x\r\n", overload.Reads},
		"token, by nobody":  {fmt.Sprintf(jsonHead, "SignedToken"), overload.Reads},
		"unknown":           {fmt.Sprintf(jsonHead, "Unknown"), overload.Reads},
		"an old client":     {oldHead, overload.Signing},
		"two targets": {fmt.Sprintf(jsonHead, "Token") + "X-Amz-Target: StoreService.Read\r\n",
			overload.Signing},
		"AWS Query, public":  {queryHead, overload.Reads},
		"AWS Query, signed":  {queryHead + signature, overload.Authentication},
		"AWS Query, nothing": {queryHead + "Authorization: x\r\n", overload.Reads},
		"AWS Query, presigned": {strings.Replace(queryHead, "POST / ", "POST /?X-Amz-Signature=0 ", 1),
			overload.Authentication},
		"AWS Query, in a URL": {strings.Replace(queryHead, "POST / ", "POST /?Action=Show&Version=2026-01-01 ", 1),
			overload.Reads},
	}

	for name, c := range heads {
		t.Run(name, func(t *testing.T) {
			b := startBusy(t)
			for _, class := range overload.Classes() {
				empty := b.fill(class, 100)
				refused := b.withheld(t, c.head, class == c.class)
				if refused != (class == c.class) {
					t.Errorf("refused %v while %s wait, want %v", refused, class, class == c.class)
				}
				if keys := get(t, b.URL+"/keys"); keys != "keys" {
					t.Errorf("what has no class answers %q", keys)
				}
				empty()

				if b.withheld(t, c.head, false) {
					t.Errorf("still refused when %s do not wait any more", class)
				}
			}
		})
	}
}

// withheld sends a request without its body and reports whether it is refused
// nevertheless, which it waits for if that is expected. Then the body follows.
func (b *busyServer) withheld(t *testing.T, head string, expected bool) bool {
	t.Helper()
	c, err := net.Dial("tcp", b.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	send := func(text string) {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	const body = "{}             "
	send(head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)))

	wait := 10 * time.Millisecond
	if expected {
		wait = 10 * time.Second
	}

	_ = c.SetReadDeadline(time.Now().Add(wait))
	reader := bufio.NewReader(c)
	_, early := reader.Peek(1)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	send(body)
	code := readCode(t, reader)
	refused := code == "TooManyRequestsException" || code == "Throttling"
	if refused != (early == nil) {
		t.Errorf("answered before the body: %v, refused: %v (%s)", early == nil, refused, code)
	}

	// The connection goes on.
	if refused {
		send("GET /keys HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("the next request on the connection: %v", err)
		}

		text, _ := io.ReadAll(response.Body)
		if string(text) != "keys" {
			t.Errorf("the next request on the connection is answered with %q", text)
		}
	}

	return refused
}

func readCode(t *testing.T, reader *bufio.Reader) string {
	t.Helper()
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, rest, found := strings.Cut(string(text), "<Code>"); found {
		code, _, _ := strings.Cut(rest, "<")
		return code
	}

	return strings.TrimSuffix(response.Header.Get("X-Amzn-Errortype"), ":")
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// The refusal has what every answer has, in the words of its protocol, and costs
// no trace.
func TestRefusalOfABusyServer(t *testing.T) {
	b := startBusy(t)
	b.fill(overload.Reads, 100)
	b.fill(overload.Authentication, 100)

	for name, c := range map[string]struct {
		kind, target, authorization string
		status                      int
		body                        string
	}{
		"AWS JSON": {"application/x-amz-json-1.1", "StoreService.Read", "", 429,
			`{"__type":"TooManyRequestsException","message":"Rate exceeded"}`},
		"AWS Query": {"application/x-www-form-urlencoded", "", "AWS4-HMAC-SHA256 good", 400,
			`<ErrorResponse xmlns="http://webservices.amazon.com/AWSFault/2005-15-09"><Error><Type>Sender</Type>` +
				`<Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>` + testRequestID +
				`</RequestId></ErrorResponse>`},
	} {
		t.Run(name, func(t *testing.T) {
			b.observed = nil
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}

			r.Header.Set("Content-Type", c.kind)
			r.Header.Set("Origin", "https://app.example")
			if c.target != "" {
				r.Header.Set("X-Amz-Target", c.target)
			}
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}

			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()

			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.status || string(body) != c.body {
				t.Errorf("%d %s", response.StatusCode, body)
			}

			for header, want := range map[string]string{
				"Retry-After":                 "1",
				"X-Amzn-Requestid":            testRequestID,
				"Date":                        testNow.Format(http.TimeFormat),
				"Access-Control-Allow-Origin": "*",
			} {
				if got := response.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}

			if b.traces > 0 || len(b.observed) != 1 || b.observed[0].Code == "" || b.observed[0].Status != c.status {
				t.Errorf("%d traces, observed %+v", b.traces, b.observed)
			}
		})
	}

	r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, b.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()

	if response.StatusCode != http.StatusOK {
		t.Errorf("a preflight gets %s", response.Status)
	}
}

// Whatever a client sends, it reads its refusal and no reset connection.
func TestRefusalReachesWhoSendsMuch(t *testing.T) {
	b := startBusy(t)
	b.fill(overload.Reads, 100)

	for name, c := range map[string]struct {
		body   func() io.Reader
		expect bool
	}{
		"small":            {func() io.Reader { return strings.NewReader("{}") }, false},
		"nearly too large": {func() io.Reader { return strings.NewReader(strings.Repeat(" ", 500<<10)) }, false},
		"too large":        {func() io.Reader { return strings.NewReader(strings.Repeat(" ", 5<<20)) }, false},
		"unannounced": {
			func() io.Reader { return io.MultiReader(strings.NewReader(strings.Repeat(" ", 5<<20))) }, false,
		},
		"unannounced and small":  {func() io.Reader { return io.MultiReader(strings.NewReader("{}")) }, false},
		"waits for leave":        {func() io.Reader { return strings.NewReader("{}") }, true},
		"waits for leave, large": {func() io.Reader { return strings.NewReader(strings.Repeat(" ", 5<<20)) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			for range 10 {
				client := &http.Client{Transport: &http.Transport{
					DisableKeepAlives:     true,
					ExpectContinueTimeout: 10 * time.Second,
				}}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL, c.body())
				if err != nil {
					t.Fatal(err)
				}

				r.Header.Set("X-Amz-Target", "StoreService.Read")
				if c.expect {
					r.Header.Set("Expect", "100-continue")
				}

				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(response.Body)
				_ = response.Body.Close()

				if err != nil || response.StatusCode != http.StatusTooManyRequests || len(text) == 0 {
					t.Errorf("%d %s, %v", response.StatusCode, text, err)
				}
			}
		})
	}
}

// A client that was answered before its body, and sends it late or not at all, loses
// its connection: what still comes is not taken for a request.
func TestBodyThatStalls(t *testing.T) {
	t.Parallel()

	read := fmt.Sprintf(jsonHead, "Read")
	const announced, large = "Content-Length: 60000\r\n\r\n", "Content-Length: 400000\r\n\r\n"
	for name, request := range map[string]string{
		"turned away":              read + announced,
		"turned away, in the body": read + announced + "{",
		"turned away, large":       read + large + "{",
		"turned away, chunked":     read + "Transfer-Encoding: chunked\r\n\r\n1\r\n{",
		"turned away, AWS Query":   queryHead + announced + "Action=",
		"denied":                   strings.Replace(read, "/ ", "/denied ", 1) + announced + "{",
		"refused for its body":     fmt.Sprintf(jsonHead, "Token") + announced + "{",
		"too large":                fmt.Sprintf(jsonHead, "Token") + "Content-Length: 600000\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBusy(t)
			b.Config.ReadTimeout = 200 * time.Millisecond
			b.Config.IdleTimeout = time.Minute
			b.Start()
			b.fill(overload.Reads, 100)

			client, err := net.Dial("tcp", b.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()

			if _, err := io.WriteString(client, request); err != nil {
				t.Fatal(err)
			}

			_ = client.SetReadDeadline(time.Now().Add(5 * time.Second))
			answers, err := io.ReadAll(client)
			if strings.Count(string(answers), "HTTP/1.1 ") != 1 {
				t.Errorf("answers: %s", answers)
			}
			if err == nil || errors.Is(err, syscall.ECONNRESET) {
				return
			}

			_, _ = io.WriteString(client, "GET /keys HTTP/1.1\r\nHost: x\r\n\r\n")
			_ = client.SetReadDeadline(time.Now().Add(time.Second))
			smuggled, _ := io.ReadAll(client)
			t.Errorf("the connection is open (%v), and late bytes of the body are answered: %s", err, smuggled)
		})
	}
}

// HTTP/2 knows which bytes are whose: the answer is whole, and the connection goes on.
func TestBodyThatStallsInHTTP2(t *testing.T) {
	t.Parallel()
	b := newBusy(t)
	b.EnableHTTP2 = true
	b.StartTLS()
	b.fill(overload.Reads, 100)

	never, writer := io.Pipe()
	defer writer.Close()

	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL, never)
	if err != nil {
		t.Fatal(err)
	}

	r.ContentLength = 60000
	r.Header.Set("X-Amz-Target", "StoreService.Read")
	response, err := b.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()

	if err != nil || response.StatusCode != http.StatusTooManyRequests || response.ProtoMajor != 2 || len(text) == 0 {
		t.Errorf("%s %d %q, %v", response.Proto, response.StatusCode, text, err)
	}
}

// countedBody counts how much of it is read.
type countedBody struct{ read int64 }

func (c *countedBody) Read(p []byte) (int, error) {
	c.read += int64(len(p))
	return len(p), nil
}

// What a refused client sends is dropped up to the size of a body that is taken.
func TestDroppedBodiesAreBounded(t *testing.T) {
	b := newBusy(t)
	b.Start()
	b.fill(overload.Reads, 100)

	for _, length := range []int64{-1, 1 << 40} {
		var body countedBody
		r := httptest.NewRequest(http.MethodPost, "/", &body)
		r.ContentLength = length
		r.Header.Set("X-Amz-Target", "StoreService.Read")
		if code := wireCode(t, serve(b.service, r)); code != "TooManyRequestsException" {
			t.Errorf("length %d: %s", length, code)
		}

		if body.read > 600<<10 {
			t.Errorf("length %d: %d bytes are read", length, body.read)
		}
	}
}

// Metrics that break cost a refused client nothing.
func TestRefusalWithBrokenMetrics(t *testing.T) {
	b := newBusy(t)
	b.Start()
	b.fill(overload.Reads, 100)
	b.service.observe = func(*Record) { panic("metrics") }
	if code := wireCode(t, serve(b.service, post("StoreService.Read", "{}"))); code != "TooManyRequestsException" {
		t.Error(code)
	}
}

// A header that anybody can send gives a public call no better class.
func TestForgedClass(t *testing.T) {
	b := newBusy(t)
	b.Start()
	call := func() string {
		body := "Action=Show&Version=2026-01-01"
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 good")
		text, err := io.ReadAll(serve(b.service, r).Body)
		if err != nil {
			t.Fatal(err)
		}

		return string(text)
	}

	if text := call(); !strings.Contains(text, "ShowResponse") {
		t.Error(text)
	}
	b.fill(overload.Reads, 100)
	if text := call(); !strings.Contains(text, "<Code>Throttling</Code>") {
		t.Error(text)
	}
}

// countingAdmission admits everybody and notes who asks, and what begins and ends.
type countingAdmission struct {
	asked, begun, ended []overload.Class
	full                bool
}

func (a *countingAdmission) Admit(c overload.Class) bool {
	a.asked = append(a.asked, c)
	return true
}

func (a *countingAdmission) Begin(c overload.Class) bool {
	a.begun = append(a.begun, c)
	return !a.full
}

func (a *countingAdmission) End(c overload.Class) { a.ended = append(a.ended, c) }

// Every call that begins ends, also when it is refused or panics; it begins in the
// class that its operation has.
func TestCallsBeginAndEnd(t *testing.T) {
	var a countingAdmission
	s := newTestService(t, func(o *Options) { o.Admission = &a })

	want := []overload.Class{
		overload.Reads,
		overload.Reads,
		overload.Reads,
		overload.Authentication, // nobody takes an administrator's place without proof
		overload.Authentication, // of whom it is, whose operation is unknown
		overload.Authentication,
		overload.Administration,
	}

	serve(s, post("StoreService.LookUp", lookUpBody))
	serve(s, post("StoreService.LookUp", "{"))
	serve(s, post("StoreService.Fail", `{"How":"panic"}`))
	serve(s, post("StoreService.Remove", "{}", "Authorization", "AWS4-HMAC-SHA256 bad"))
	serve(s, post("StoreService.Unknown", "{}"))
	serve(s, post("StoreService.Unknown", "{}", "Authorization", "AWS4-HMAC-SHA256 bad"))
	serve(s, post("StoreService.Remove", "{}", "Authorization", "AWS4-HMAC-SHA256 good"))

	if diff := cmp.Diff(a.begun, want); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(a.ended, want); diff != "" {
		t.Error(diff)
	}

	a = countingAdmission{full: true}
	code := wireCode(t, serve(s, post("StoreService.LookUp", lookUpBody)))
	if code != "TooManyRequestsException" || len(a.ended) > 0 {
		t.Errorf("%s, and %d ended", code, len(a.ended))
	}
}

// Who has proven nothing counts for authentication. Administrators are not asked for
// twice: a server that admits one of eight would answer one of 64.
func TestClassesThatAreAsked(t *testing.T) {
	for _, test := range []struct {
		operation, authorization string
		want                     []overload.Class
	}{
		{"LookUp", "", []overload.Class{overload.Reads}},
		{"Remove", "", []overload.Class{overload.Reads}},
		{"Remove", "AWS4-HMAC-SHA256 bad", []overload.Class{overload.Authentication}},
		{"Remove", "AWS4-HMAC-SHA256 good", []overload.Class{overload.Authentication}},
	} {
		var a countingAdmission
		s := newTestService(t, func(o *Options) { o.Admission = &a })
		r := post("StoreService."+test.operation, "{}")
		if test.authorization != "" {
			r.Header.Set("Authorization", test.authorization)
		}
		serve(s, r)

		if diff := cmp.Diff(a.asked, test.want); diff != "" {
			t.Errorf("%s %q: %s", test.operation, test.authorization, diff)
		}
	}
}

func BenchmarkTurnAway(b *testing.B) {
	at := time.Now()

	queue := overload.NewQueue(1, 1, func() time.Time { return at })
	for range 10 {
		queue.Enter()
	}
	at = at.Add(time.Second)
	guard := overload.NewGuard(overload.Options{
		MaxWait: time.Millisecond,
		Queues:  map[overload.Class]*overload.Queue{overload.Reads: queue},
		Delay:   func() time.Duration { return 0 },
		Now:     func() time.Time { return at },
	})
	s, err := New(Options{APIs: testAPIs(), Admission: guard})
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, s)
}
