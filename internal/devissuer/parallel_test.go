package devissuer_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// post sends a form of the client poolhouse-dev. Unlike send it may run in parallel.
func (w *world) post(path string, pairs ...string) tokens {
	form := url.Values{"client_id": {"poolhouse-dev"}}
	for n := 0; n < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
	}
	r := httptest.NewRequest(http.MethodPost, base+devissuer.Path+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.provider.ServeHTTP(answer, r)

	var got tokens
	_ = json.Unmarshal(answer.Body.Bytes(), &got) // an answer without JSON has no tokens
	return got
}

// refreshers refresh tokens one after the other until they may no more, all in parallel.
type refreshers struct {
	w       *world
	most    int // refreshes of each
	running sync.WaitGroup
	under   sync.WaitGroup // until each has refreshed a few times

	mu   sync.Mutex
	seen []tokens
}

// start begins with a sign-in's tokens.
func (r *refreshers) start(got tokens) {
	const before = 3
	r.note(got)
	r.under.Add(1)
	underWay := sync.OnceFunc(r.under.Done)
	r.running.Go(func() {
		defer underWay()

		for n := 1; ; n++ {
			got = r.w.post("/token", "grant_type", "refresh_token", "refresh_token", got.Refresh)
			if n == before {
				underWay()
			}
			if got.Refresh == "" {
				break
			}
			if r.note(got); n == r.most {
				break
			}
		}
	})
}

func (r *refreshers) note(got tokens) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.seen = append(r.seen, got)
}

// alive counts the tokens that are still good. The newest refresh tokens come first: a used one ends the others.
func (r *refreshers) alive() (access, refresh int) {
	for _, got := range r.seen {
		if status, _ := r.w.userinfo(got.Access); status == http.StatusOK {
			access++
		}
	}

	for _, got := range slices.Backward(r.seen) {
		if r.w.post("/token", "grant_type", "refresh_token", "refresh_token", got.Refresh).Refresh != "" {
			refresh++
		}
	}

	return access, refresh
}

// No token that came from a refresh at the moment of a sign-out, a revocation or a deletion outlives it.
func TestRefreshesBesideAnEnd(t *testing.T) {
	for name, end := range map[string]func(w *world, first []tokens){
		"sign-out": func(w *world, first []tokens) {
			w.signOut(url.Values{"id_token_hint": {first[0].ID}})
		},
		"revocation": func(w *world, first []tokens) {
			for _, got := range first {
				w.post("/revoke", "token", got.Refresh)
			}
		},
		"deletion": func(w *world, _ []tokens) {
			w.control("DELETE", "alice", "")
			w.put(devuser.User{Name: "alice", Subject: "alice"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "")
			first := []tokens{w.signedIn("alice")}
			for range 3 {
				silent := w.back(w.send("GET", "/authorize", asked("prompt", "none")))
				first = append(first, w.exchange(silent.Get("code")))
			}

			r := &refreshers{w: w, most: 15}
			for _, got := range first {
				r.start(got)
			}
			r.under.Wait()
			end(w, first)
			r.running.Wait()

			if len(r.seen) < 2*len(first) {
				t.Fatalf("%d refreshes, so that this test shows nothing", len(r.seen))
			}
			if access, refresh := r.alive(); access+refresh > 0 {
				t.Errorf("%d access tokens and %d refresh tokens of %d are alive", access, refresh, len(r.seen))
			}
		})
	}
}

// The control: what nobody ends goes on.
func TestRefreshesWithoutAnEnd(t *testing.T) {
	w := newWorld(t, "")
	r := &refreshers{w: w, most: 5}
	r.start(w.signedIn("alice"))
	r.running.Wait()
	if access, refresh := r.alive(); access != 6 || refresh != 1 {
		t.Errorf("%d access tokens and %d refresh tokens are alive", access, refresh)
	}
}

// A user whom somebody has chosen may be deleted before the session starts.
func TestSessionOfADeletedUser(t *testing.T) {
	w := newWorld(t, "")
	alice, err := w.users.Get("alice")
	if err != nil {
		t.Fatal(err)
	}
	start := func() error {
		return w.provider.StartSession(httptest.NewRecorder(), httptest.NewRequest("POST", base, nil), alice)
	}

	if err := start(); err != nil {
		t.Fatal("the control:", err)
	}
	w.control("DELETE", "alice", "")
	if err := start(); !errors.Is(err, devissuer.ErrUserGone) {
		t.Errorf("a session of nobody: %v", err)
	}
}

// Whoever signs in while the user is deleted has no session as the user who is made next.
func TestSignInsBesideADeletion(t *testing.T) {
	w := newWorld(t, "")
	var browsers []*world
	var forms []url.Values
	for range 8 {
		b := newBrowser(w)
		browsers = append(browsers, b)
		forms = append(forms, url.Values{"request": {b.page(asked())}, "user": {"alice"}})
	}

	var running sync.WaitGroup
	for n, b := range browsers {
		running.Go(func() { b.send("POST", "/sign-in", forms[n]) })
	}
	w.control("DELETE", "alice", "")
	running.Wait()
	w.put(devuser.User{Name: "alice", Subject: "alice"})

	for n, b := range browsers {
		silent := b.back(b.send("GET", "/authorize", asked("prompt", "none")))
		if silent.Get("error") != "login_required" {
			t.Errorf("browser %d: %v", n, silent)
		}
	}
}
