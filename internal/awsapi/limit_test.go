package awsapi

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// calls is a Limiter that notes what it counts, and refuses after as many calls.
type calls struct {
	counted []string
	allowed int
}

func (c *calls) Count(_ context.Context, account, service, operation string) error {
	c.counted = append(c.counted, account+" "+service+":"+operation)
	if len(c.counted) > c.allowed {
		e := RefusedAs(Throttled, nil, "")
		e.RetryAfter = 1100 * time.Millisecond
		return e
	}
	return nil
}

// limitedService has a public operation that belongs to an account, and a signed one.
func limitedService(t *testing.T, limiter Limiter, log *bytes.Buffer) *Service {
	t.Helper()
	public := Public("Public", overload.Reads, func(ctx context.Context, _ *struct{}) (*NoOutput, error) {
		return nil, Count(ctx, "000000000001")
	})
	nobodys := Public("Nobodys", overload.Reads, func(ctx context.Context, _ *struct{}) (*NoOutput, error) {
		return nil, Count(ctx, "")
	})

	signed := Signed("Signed", "a:Signed", func(context.Context, Caller, *struct{}) (*NoOutput, error) {
		return nil, nil
	}, nil)

	return newTestService(t, func(o *Options) {
		o.APIs = []API{
			{Name: "a", Target: "A", Operations: []Operation{public, nobodys, signed}},
			{Name: "q", Version: "1", Operations: []Operation{public}},
		}
		o.Limiter = limiter
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
}

// A refusal tells when to call again, in the words that SDKs retry, and writes no
// line of its own.
func TestThrottledAnswers(t *testing.T) {
	query := httptest.NewRequest(http.MethodPost, "/?Action=Public&Version=1", nil)
	for _, test := range []struct {
		name   string
		r      *http.Request
		status int
		text   string
	}{
		{"AWS JSON", post("A.Public", "{}"), http.StatusTooManyRequests, `"__type":"TooManyRequestsException"`},
		{"AWS Query", query, http.StatusBadRequest, "<Code>Throttling</Code>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			w := httptest.NewRecorder()
			limitedService(t, &calls{}, &log).ServeHTTP(w, test.r)

			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("answer = %d %s", w.Code, w.Body)
			}
			if got := w.Header().Get("Retry-After"); got != "2" { // rounded up
				t.Errorf("Retry-After = %q", got)
			}
			if log.Len() > 0 {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

// A signed call counts for its caller before its input is read; a public one for the
// account that the operation finds, if there is one.
func TestWhoIsCounted(t *testing.T) {
	limiter := &calls{allowed: 9}
	s := limitedService(t, limiter, new(bytes.Buffer))

	for _, r := range []*http.Request{
		post("A.Public", "{}", "Authorization", "good"),
		post("A.Nobodys", "{}"),
		post("A.Signed", "not JSON", "Authorization", "good"),
		post("A.Signed", "{}"),
		post("A.Unknown", "{}", "Authorization", "good"),
	} {
		serve(s, r)
	}

	want := "000000000001 a:Public; 111122223333 a:Signed"
	if got := strings.Join(limiter.counted, "; "); got != want {
		t.Errorf("counted %s, want %s", got, want)
	}
	if err := Count(t.Context(), "000000000001"); err != nil {
		t.Errorf("outside a request: %v", err)
	}
}
