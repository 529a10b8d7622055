package awsapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

type recorder []Refusal

func (r *recorder) Refused(f Refusal) { *r = append(*r, f) }

// logged serves r and returns the log lines, the records and the refusals.
func logged(t *testing.T, r *http.Request) (lines []map[string]any, seen []Record, refusals recorder, text string) {
	t.Helper()
	var out bytes.Buffer
	clock := testNow
	s := newTestService(t, func(o *Options) {
		o.Logger = slog.New(slog.NewJSONHandler(&out, nil))
		o.Observe = func(r *Record) { seen = append(seen, *r) }
		o.Recorder = &refusals
		o.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	})
	serve(s, r)

	for line := range strings.Lines(out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, "time")
		lines = append(lines, m)
	}

	return lines, seen, refusals, out.String()
}

func TestAccessLog(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request *http.Request
		want    map[string]any
	}{
		{"success", post("StoreService.Put", `{"Id":"a:0"}`, "Authorization", "AWS4-HMAC-SHA256 good",
			"X-Amz-User-Agent", "aws-amplify/6", "User-Agent", "Browser"),
			map[string]any{"level": "INFO", "msg": "request", "request_id": testRequestID, "service": "store",
				"operation": "Put", "account": "111122223333",
				"region": "eu-central-1", "access_key_id": "good", "status": 200.0, "duration": 1e9,
				"user_agent": "aws-amplify/6", "outcome": "OK"}},

		{"refusal", post("StoreService.Fail", `{"How":"named"}`, "User-Agent", "Boto3/1"),
			map[string]any{"level": "INFO", "msg": "request", "request_id": testRequestID, "service": "store",
				"operation": "Fail", "status": 400.0,
				"duration": 1e9, "user_agent": "Boto3/1", "outcome": "StoreClosedException", "reason": "Store 'ä\n" +
					"\"1\"' is closed; it's late.",
				"check": map[string]any{"code": "door", "name": "door", "expected": "open", "got": "closed",
					"fix": "wait"}}},

		{"unknown operation", post("StoreService.Nope", `{}`),
			map[string]any{"level": "INFO", "msg": "request", "request_id": testRequestID, "status": 400.0,
				"duration": 1e9,
				"outcome":  "UnknownOperationException", "reason": "Operation 'Nope' is not an operation of store.",
				"check": map[string]any{"code": "operation-unknown", "name": "operation",
					"expected": "an operation that this server has",
					"got":      "'Nope' of store", "fix": operationUnknown.Fix}}},

		{"validation", post("StoreService.LookUp", `{"StoreId":"s3cr3t!"}`),
			map[string]any{"level": "INFO", "msg": "request", "request_id": testRequestID, "service": "store",
				"operation": "LookUp", "status": 400.0,
				"duration": 1e9, "outcome": "ValidationException",
				"reason": `1 validation error detected: Value at 'storeId' failed to satisfy constraint: Member ` +
					`must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+`,
				"check": map[string]any{"code": "input-constraint", "name": "input", "subject": "storeId",
					"got":      "a value of 7 characters in another form",
					"expected": `a value of the form [\w-]+:[0-9a-f-]+`,
					"fix":      "write the value in this form, with no blanks, quotes or line ends around it"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines, _, _, _ := logged(t, tt.request)
			if diff := cmp.Diff(lines, []map[string]any{tt.want}); diff != "" {
				t.Errorf("got -, want +\n%s", diff)
			}
		})
	}
}

// An internal error's cause is in the log, at level ERROR, and nowhere else.
func TestInternalErrorIsLogged(t *testing.T) {
	lines, seen, refusals, _ := logged(t, post("StoreService.Fail", `{"How":"internal"}`))
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["reason"] != "disk s3cr3t is full" {
		t.Errorf("log %v", lines)
	}
	if len(seen) != 1 || seen[0].Code != "InternalErrorException" || seen[0].Status != 500 {
		t.Errorf("observed %+v", seen)
	}
	if len(refusals) != 1 || strings.Contains(refusals[0].Message, "s3cr3t") {
		t.Errorf("recorded %+v", refusals)
	}
}

// Refusals of a flood are for whoever looks closely, and their durations for nobody;
// a queue of this server that is full is a fault, with its name.
func TestThrottledCallsInTheLog(t *testing.T) {
	full := errors.New("full")
	for name, c := range map[string]struct {
		err       error
		level     string
		throttled bool
	}{
		"a limit": {RefusedAs(Throttled, nil, ""), "DEBUG", true},
		"a queue": {full, "WARN", false},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			var seen Record
			fail := func(context.Context, *nothing) (*nothing, error) { return nil, c.err }
			s := newTestService(t, func(o *Options) {
				o.APIs = []API{{
					Name:       "store",
					Target:     "T",
					Operations: []Operation{Public("Fail", overload.Reads, fail)},
				}}
				o.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
				o.Observe = func(r *Record) { seen = *r }
				o.Busy = func(err error) bool { return errors.Is(err, full) }
				o.FaultOf = func(error) string { return "queue_full" }
			})
			if code := wireCode(t, serve(s, post("T.Fail", "{}"))); code != "TooManyRequestsException" {
				t.Error(code)
			}

			if !strings.Contains(out.String(), "level="+c.level) || seen.Throttled != c.throttled {
				t.Errorf("throttled: %v, want %v; %s", seen.Throttled, c.throttled, out.String())
			}
			if strings.Contains(out.String(), "fault=queue_full") == c.throttled {
				t.Errorf("log: %s", out.String())
			}
		})
	}
}

func TestPanicIsLogged(t *testing.T) {
	for _, how := range []string{"panic", "nil map"} {
		lines, _, _, _ := logged(t, post("StoreService.Fail", `{"How":"`+how+`"}`))
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["operation"] != "Fail" ||
			!strings.HasPrefix(lines[0]["reason"].(string), "panic: ") ||
			!strings.Contains(lines[0]["stack"].(string), "wire_test.go") {
			t.Errorf("%s: log %v", how, lines)
		}
	}
}

// A preflight costs no log line: there is one before every call of some clients.
func TestPreflightIsNotLogged(t *testing.T) {
	if lines, seen, _, _ := logged(t, httptest.NewRequest("OPTIONS", "/", nil)); len(lines) != 0 || len(seen) != 0 {
		t.Errorf("log %v, observed %v", lines, seen)
	}
}

// Neither bodies nor credentials reach the log, whatever goes wrong.
func TestNoSecretsInTheLog(t *testing.T) {
	const secret = "s3cr3t"

	for _, r := range []*http.Request{
		post("StoreService.LookUp", `{"StoreId":"a:0","Keys":{"p":"s3cr3t"}}`),
		post("StoreService.LookUp", `{"StoreId":"a:0","Keys":{"p":["s3cr3t"]}}`),
		post("StoreService.LookUp", `{"StoreId":"s3cr3t"}`),
		post("StoreService.LookUp", `{"Keys":{"s3cr3t":""}}`),
		post("StoreService.LookUp", `s3cr3t`),
		post("StoreService.LookUp", `{"s3cr3t `+strings.Repeat("x", 100)+`":{"a":1,"a":2}}`),
		post("StoreService.Put", `{}`, "Authorization", "s3cr3t"),
		post("StoreService.Put", `{}`, "Authorization", "AWS4-HMAC-SHA256 bad", "X-Amz-Security-Token", "s3cr3t"),
		post("StoreService.s3cr3t "+strings.Repeat("x", 100), `{}`),
		httptest.NewRequest("GET", "/?Action=Who&Version=2011-06-15&X-Amz-Signature=s3cr3t&X-Amz-Credential=bad", nil),
		httptest.NewRequest("GET", "/?Action=Show&Version=2011-06-15&DurationSeconds=s3cr3t", nil),
	} {
		if _, _, refusals, text := logged(t, r); strings.Contains(text, secret) {
			t.Errorf("%s %v: log %s", r.URL, r.Header, text)
		} else {
			for _, f := range refusals {
				if strings.Contains(f.Message, secret) {
					t.Errorf("%s %v: recorded %+v", r.URL, r.Header, f)
				}
			}
		}
	}
}

// The recorder gets refusals with their trace, and successes not at all.
func TestRecorder(t *testing.T) {
	_, _, refusals, _ := logged(t, post("StoreService.LookUp", `{"StoreId":"a:0"}`))
	if len(refusals) != 0 {
		t.Errorf("a success was recorded: %+v", refusals)
	}

	_, _, refusals, _ = logged(t, post("StoreService.Fail", `{"How":"status"}`))
	want := recorder{{
		Time: testNow.Add(2 * time.Second), RequestID: testRequestID, Service: "store", Operation: "Fail",
		Code: "IDPRejectedClaim", Message: "no", Status: 403,
		Steps:  []explain.Step{{Code: "door", Check: "door", Expected: "open", Got: "closed", Fix: "wait"}},
		Reason: "door", Address: netip.MustParseAddr("192.0.2.1"),
	}}
	if diff := cmp.Diff(refusals, want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("got -, want +\n%s", diff)
	}
}

// A forgotten signature is explained, not only refused.
func TestMissingSignatureIsExplained(t *testing.T) {
	_, _, refusals, _ := logged(t, post("StoreService.Put", `{}`))
	if len(refusals) != 1 || len(refusals[0].Steps) != 1 || refusals[0].Steps[0].Check != "request signature" ||
		refusals[0].Steps[0].Fix == "" {
		t.Errorf("recorded %+v", refusals)
	}
}

// What an operation notes about its request reaches log and metrics.
func TestRecordFrom(t *testing.T) {
	var seen Record
	s := newTestService(t, func(o *Options) {
		o.Observe = func(r *Record) { seen = *r }
		o.APIs = []API{{Name: "store", Target: "T",
			Operations: []Operation{
				Public("Note", overload.Reads, func(ctx context.Context, _ *nothing) (*nothing, error) {
					r := RecordFrom(ctx)
					r.Pool, r.Account = "pool-1", "111122223333"
					r.Add(slog.String("role", "r"))
					return &nothing{}, nil
				})}}}
	})
	serve(s, post("T.Note", `{}`))
	if seen.Pool != "pool-1" || seen.Account != "111122223333" || len(seen.Attrs) != 1 || seen.Status != 200 {
		t.Errorf("record %+v", seen)
	}
	RecordFrom(context.Background()).Pool = "outside of a request" // must not panic
}
