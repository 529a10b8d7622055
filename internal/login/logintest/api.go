package logintest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// API is what the stand-ins for provider APIs have in common. It is safe for
// concurrent use, but for URL.
type API struct {
	URL string // without trailing slash

	mu       sync.Mutex
	now      func() time.Time
	answer   http.HandlerFunc
	requests []*http.Request
	keep     int // of the requests, the latest; 0 keeps all
}

// serve starts the API on a loopback port; the test's end stops it.
func (a *API) serve(tb testing.TB, h http.HandlerFunc) {
	tb.Helper()
	a.now = time.Now
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.requests = append(a.requests, r.Clone(r.Context()))
		if a.keep > 0 && len(a.requests) > a.keep {
			a.requests = slices.Delete(a.requests, 0, len(a.requests)-a.keep)
		}
		answer := a.answer
		a.mu.Unlock()
		if answer == nil {
			answer = h
		}
		answer(w, r)
	}))
	tb.Cleanup(server.Close)
	a.URL = server.URL
}

// Answer replaces every answer, to play a broken or hostile provider; nil
// restores them. Requests are recorded all the same.
func (a *API) Answer(h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = h
}

// SetNow makes the API live by another clock.
func (a *API) SetNow(now func() time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = now
}

// KeepRequests keeps only the latest n requests, for callers who make many.
func (a *API) KeepRequests(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keep = n
}

// Requests returns what was asked so far.
func (a *API) Requests() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]*http.Request(nil), a.requests...)
}

func (a *API) time() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now()
}

// JSON answers with value, and status.
func JSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client may have gone
}
