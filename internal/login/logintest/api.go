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

// API is the common part of the stand-ins for provider APIs. It is safe for
// concurrent use, except for URL.
type API struct {
	URL string // without trailing slash

	mu       sync.Mutex
	now      func() time.Time
	answer   http.HandlerFunc
	requests []*http.Request
	keep     int // number of requests kept, the latest; 0 keeps all
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

// Answer replaces every response, to play a broken or hostile provider; nil
// restores them. Requests are still recorded.
func (a *API) Answer(h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.answer = h
}

// SetNow sets the API's clock.
func (a *API) SetNow(now func() time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.now = now
}

// KeepRequests keeps only the latest n requests, for tests that send many.
func (a *API) KeepRequests(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.keep = n
}

// Requests returns the requests received so far.
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

// JSON responds with a status, and value as JSON.
func JSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client may have gone
}
