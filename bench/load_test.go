package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// everyThird refuses each third request.
func everyThird(t *testing.T) *httptest.Server {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if n.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = io.WriteString(w, `{"IdentityId":"us-east-1:1"}`)
	}))
	t.Cleanup(s.Close)

	return s
}

func targetsAt(t *testing.T, url string) []vegeta.Target {
	t.Helper()
	one, err := target(url, "GetId", map[string]any{"IdentityPoolId": "us-east-1:1"})
	if err != nil {
		t.Fatal(err)
	}
	return []vegeta.Target{one}
}

// A refusal never passes for an answer, whichever client sends the load.
func TestRefusalsAreCounted(t *testing.T) {
	s := everyThird(t)
	for name, measure := range map[string]func(*load) (outcome, error){
		"closed loop": func(l *load) (outcome, error) { return l.closedLoop(t.Context(), 100*time.Millisecond) },
		"open loop":   func(l *load) (outcome, error) { return l.openLoop(t.Context(), 300, 200*time.Millisecond) },
		"light loop":  func(l *load) (outcome, error) { return l.lightLoop(t.Context(), 100*time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoad(targetsAt(t, s.URL), &scenario{member: `{"IdentityId":"us-east-1:`, few: 4})
			defer l.close()

			o, err := measure(l)
			if err != nil {
				t.Fatal(err)
			}
			if third := (o.requests + o.refused) / 3; o.refused < third-4 || o.refused > third+4 {
				t.Errorf("%d answered, %d refused, want a third", o.requests, o.refused)
			}
		})
	}
}

func TestOnlyRefusalsAreNoRate(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer s.Close()

	l := newLoad(targetsAt(t, s.URL), &scenario{member: "x", few: 2})
	defer l.close()

	if o, err := l.closedLoop(t.Context(), 50*time.Millisecond); err == nil {
		t.Errorf("closed loop: %+v", o)
	}
	if o, err := l.lightLoop(t.Context(), 50*time.Millisecond); err == nil {
		t.Errorf("light loop: %+v", o)
	}
}

func TestRefusedRowsMissTheirFloor(t *testing.T) {
	for _, test := range []struct {
		row  rateRow
		held bool
	}{
		{row: rateRow{Ratio: 0.9, Floor: 0.9, Requests: 1000}, held: true},
		{row: rateRow{Ratio: 0.9, Floor: 0.9, Requests: 1000, Refused: 1}, held: true},
		{row: rateRow{Ratio: 0.9, Floor: 0.9, Requests: 1000, Refused: 2}},
		{row: rateRow{Ratio: 0.89, Floor: 0.9, Requests: 1000}},
	} {
		if held := test.row.met(); held != test.held {
			t.Errorf("%+v: %v", test.row, held)
		}
	}
}

// What prepares a measurement comes again when it is refused.
func TestCallComesAgain(t *testing.T) {
	s := everyThird(t)
	for range 6 {
		if _, err := call(t.Context(), s.URL, "GetId", map[string]any{}); err != nil {
			t.Error(err)
		}
	}
}
