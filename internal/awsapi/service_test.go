package awsapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

func post(target, body string, header ...string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)

	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// wireCode returns the __type of an AWS JSON error, "" for a success.
func wireCode(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}

	var e struct {
		Type string `json:"__type"`
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}

	return e.Type
}

// orderGate notes in which order it is asked.
type orderGate struct {
	steps       *[]string
	fail, allow error
}

func (g orderGate) Authenticate(_ *http.Request, body []byte, service string) (Caller, error) {
	*g.steps = append(*g.steps, "authenticate "+service+" "+string(body))
	return Caller{}, g.fail
}

func (g orderGate) Authorize(_ context.Context, _ Caller, needed Access) error {
	*g.steps = append(*g.steps, "authorize "+needed.Action+" "+needed.Resource)
	return g.allow
}

type orderInput struct {
	Valid *bool `json:"Valid,omitzero"`
}

var orderSteps []string

func (in *orderInput) Validate() []Violation {
	orderSteps = append(orderSteps, "validate")
	var v Validator
	v.Bool("valid", in.Valid, true)
	return v.Violations()
}

// Every signed call takes the same steps in the same order, and the first that
// fails is the last that runs.
func TestOrderOfChecks(t *testing.T) {
	do := func(_ context.Context, _ Caller, _ *orderInput) (*NoOutput, error) {
		orderSteps = append(orderSteps, "act")
		return nil, nil
	}
	public := func(ctx context.Context, in *orderInput) (*NoOutput, error) { return do(ctx, Caller{}, in) }
	for _, tt := range []struct {
		name, op, body string
		gate           orderGate
		signed         bool
		want           []string
		code           string
	}{
		{"signed", "S", `{"Valid":true}`, orderGate{}, true,
			[]string{`authenticate store {"Valid":true}`, "validate", "authorize store:S *", "act"}, ""},
		{"not signed", "S", `{"Valid":true}`, orderGate{}, false, nil, "MissingAuthenticationTokenException"},
		{"not authentic", "S", `bad`, orderGate{fail: RefusedAs(BadSignature, nil, "")}, true,
			[]string{"authenticate store bad"}, "InvalidSignatureException"},
		{"not readable", "S", `bad`, orderGate{}, true, []string{"authenticate store bad"}, "SerializationException"},
		{"not valid", "S", `{}`, orderGate{allow: RefusedAs(AccessDenied, nil, "")}, true,
			[]string{"authenticate store {}", "validate"}, "ValidationException"},
		{"not allowed", "S", `{"Valid":true}`, orderGate{allow: RefusedAs(AccessDenied, nil, "")}, true,
			[]string{`authenticate store {"Valid":true}`, "validate", "authorize store:S *"}, "AccessDeniedException"},
		{"public", "P", `{"Valid":true}`, orderGate{fail: RefusedAs(BadSignature, nil, "")}, true,
			[]string{"validate", "act"}, ""},
		{"public not valid", "P", `{}`, orderGate{}, false, []string{"validate"}, "ValidationException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			orderSteps = nil
			tt.gate.steps = &orderSteps
			s := newTestService(t, func(o *Options) {
				o.Gate = tt.gate
				o.APIs = []API{{Name: "store", Target: "T",
					Operations: []Operation{Signed("S", "store:S", do, nil), Public("P", overload.Reads, public)}}}
			})

			r := post("T."+tt.op, tt.body)
			if tt.signed {
				r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x")
			}
			if code := wireCode(t, serve(s, r)); code != tt.code {
				t.Errorf("code %q, want %q", code, tt.code)
			}
			if diff := cmp.Diff(orderSteps, tt.want); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
		})
	}
}

// Without a Gate nothing signed is served.
func TestNoGate(t *testing.T) {
	s := newTestService(t, func(o *Options) { o.Gate = nil })
	if code := wireCode(t,
		serve(s, post("StoreService.Remove", `{}`, "Authorization", "AWS4-HMAC-SHA256 good"))); code !=
		"MissingAuthenticationTokenException" {
		t.Errorf("code %q", code)
	}
}

func TestBodyLimit(t *testing.T) {
	s := newTestService(t, nil)
	body := func(n int) string {
		return `{"StoreId":"a:0","x":"` + strings.Repeat("x", n-len(`{"StoreId":"a:0","x":""}`)) + `"}`
	}

	const limit = 512 << 10
	for _, tt := range []struct {
		name   string
		size   int
		length int64 // announced; -1 = unknown
		code   string
	}{
		{"at the limit", limit, limit, ""},
		{"at the limit, chunked", limit, -1, ""},
		{"over", limit + 1, limit + 1, "SerializationException"},
		{"over, chunked", limit + 1, -1, "SerializationException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := post("StoreService.LookUp", body(tt.size))
			r.ContentLength = tt.length
			res := serve(s, r)
			if code := wireCode(t, res); code != tt.code {
				t.Errorf("code %q, want %q", code, tt.code)
			}

			if res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Date") == "" ||
				res.Header.Get("X-Amzn-Requestid") == "" {
				t.Errorf("headers %v", res.Header)
			}
		})
	}
}

// brokenBody fails as a connection does that the client cuts.
type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }

func TestBrokenBody(t *testing.T) {
	s := newTestService(t, nil)
	for _, err := range []error{io.ErrUnexpectedEOF, errors.New("reset")} {
		r := post("StoreService.LookUp", "")
		r.Body = io.NopCloser(brokenBody{err})
		if code := wireCode(t, serve(s, r)); code != "SerializationException" {
			t.Errorf("%v: code %q", err, code)
		}
	}
}

// HSTS is for TLS only: a browser must not learn it from a plain server.
func TestStrictTransportSecurity(t *testing.T) {
	s := newTestService(t, nil)
	r := post("StoreService.LookUp", `{}`)
	if got := serve(s, r).Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("without TLS: %q", got)
	}
	r = post("StoreService.LookUp", `{}`)
	r.TLS = &tls.ConnectionState{}
	if got := serve(s, r).Header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("with TLS: %q", got)
	}
}

// Date is the clock that signatures are judged by, also when it moves.
func TestDate(t *testing.T) {
	clock := testNow
	s := newTestService(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	for _, step := range []time.Duration{0, time.Millisecond, time.Second, time.Hour, -2 * time.Hour} {
		clock = clock.Add(step)
		if got, want := serve(s, post("StoreService.LookUp", `{}`)).Header.Get("Date"),
			clock.Format(http.TimeFormat); got != want {
			t.Errorf("Date %q, want %q", got, want)
		}
	}
}

func TestRequestID(t *testing.T) {
	s := newTestService(t, func(o *Options) { o.NewID = nil })
	seen := map[string]bool{}
	for range 100 {
		id, err := uuid.Parse(serve(s, post("StoreService.LookUp", `{}`)).Header.Get("X-Amzn-Requestid"))
		if err != nil || id.Version() != 4 || seen[id.String()] {
			t.Fatalf("request ID %v: version %d, seen %t, %v", id, id.Version(), seen[id.String()], err)
		}
		seen[id.String()] = true
	}
}

// A panic costs neither the answer nor the connection, not even one in a hook.
func TestPanicKeepsTheConnection(t *testing.T) {
	hook := func() {}
	s := newTestService(t, func(o *Options) { o.Observe = func(*Record) { hook() } })

	server := httptest.NewServer(s)
	defer server.Close()

	for _, tt := range []struct {
		body   string
		hook   func()
		status int
	}{
		{`{"How":"panic"}`, func() {}, 500},
		{`{"How":"named"}`, func() { panic("metrics") }, 400},
		{`{"How":"named"}`, func() {}, 400},
	} {
		hook = tt.hook
		r, err := http.NewRequest("POST", server.URL, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}

		r.Header.Set("X-Amz-Target", "StoreService.Fail")
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if code := wireCode(t, res); res.StatusCode != tt.status || code == "" {
			t.Errorf("%s: status %d, code %q", tt.body, res.StatusCode, code)
		}
		_ = res.Body.Close()
	}
}

// A panic in a hook is logged. If the log itself panics, the answer stands.
func TestPanicInAHookIsLogged(t *testing.T) {
	for name, broken := range map[string]bool{"in the metrics": false, "in the log": true} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := io.Writer(&out)
			if broken {
				log = panickingWriter{}
			}
			s := newTestService(t, func(o *Options) {
				o.Observe = func(*Record) { panic("a bug") }
				o.Logger = slog.New(slog.NewTextHandler(log, nil))
			})

			answer := serve(s, post("StoreService.Fail", `{"How":"named"}`))
			if answer.StatusCode != 400 {
				t.Errorf("status %d", answer.StatusCode)
			}
			if logged := strings.Contains(out.String(),
				`level=ERROR msg="a hook of log or metrics panicked" panic="a bug"`); logged == broken {
				t.Errorf("logged:\n%s", out.String())
			}
		})
	}
}

type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("the log is broken") }

// Other handlers get the same headers, log and protection.
func TestWrap(t *testing.T) {
	var seen []Record
	s := newTestService(t, func(o *Options) { o.Observe = func(r *Record) { seen = append(seen, *r) } })

	for _, tt := range []struct {
		handler http.HandlerFunc
		status  int
	}{
		{func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }, 200},
		{func(http.ResponseWriter, *http.Request) {}, 200},
		{http.NotFound, 404},
		{func(http.ResponseWriter, *http.Request) { panic("wrapped") }, 500},
		{func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}, 413},
	} {
		seen = nil
		r := httptest.NewRequest("POST", "/other", strings.NewReader(strings.Repeat("x", 512<<10+1)))
		res := serve(s.Wrap("Other", tt.handler), r)
		if res.StatusCode != tt.status || res.Header.Get("Access-Control-Allow-Origin") != "*" ||
			res.Header.Get("X-Amzn-Requestid") != testRequestID {
			t.Errorf("status %d, want %d; headers %v", res.StatusCode, tt.status, res.Header)
		}

		if len(seen) != 1 || seen[0].Operation != "Other" || seen[0].Status != tt.status {
			t.Errorf("observed %+v, want status %d", seen, tt.status)
		}
	}
}

// http.ResponseController must find the connection's writer.
func TestResponseController(t *testing.T) {
	s := newTestService(t, nil)
	h := s.Wrap("Flush", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}))
	serve(h, httptest.NewRequest("GET", "/", nil))
}

func TestNewRefusesAmbiguousTables(t *testing.T) {
	op := Operation{name: "A"}
	for name, apis := range map[string][]API{
		"operation twice": {{Name: "x", Target: "T", Operations: []Operation{op, op}}},
		"target twice":    {{Target: "T"}, {Target: "T"}},
		"version twice":   {{Version: "1"}, {Version: "1"}},
	} {
		if _, err := New(Options{APIs: apis}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestTimestamp(t *testing.T) {
	for _, tt := range []struct {
		ms   int64
		want string
	}{
		{1762676752000, "1762676752"},
		{1762676752123, "1762676752.123"},
		{1762676752100, "1762676752.1"},
		{1762676752001, "1762676752.001"},
		{0, "0"},
		{1, "0.001"},
		{253402300799999, "253402300799.999"},
	} {
		got, err := json.Marshal(At(time.UnixMilli(tt.ms).Add(999 * time.Microsecond)))
		if err != nil || string(got) != tt.want {
			t.Errorf("%d ms = %s, want %s (%v)", tt.ms, got, tt.want, err)
		}
	}

	if now := time.Now(); !At(now).Time().Equal(now) {
		t.Error("Time does not return the time")
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("why")
	e := Refused("AnException", nil, "what %d", 1).Because(cause)
	if e.Error() != "AnException: what 1: why" || !errors.Is(e, cause) {
		t.Errorf("%v", e)
	}
	if got := RefusedAs(BadSignature, nil, "").Error(); got != "InvalidSignatureException" {
		t.Errorf("%s", got)
	}
	if got := Internal(cause).Error(); got != "InternalErrorException: why" {
		t.Errorf("%s", got)
	}
}
