package devissuer_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// as signs another user in, in the same browser.
func (w *world) as(user string) tokens {
	w.Helper()
	got := w.exchange(w.code(asked("prompt", "login"), user))
	if got.Error != "" {
		w.Fatalf("no tokens: %+v", got)
	}

	return got
}

// A logout in a browser ends all that people have got there, also those who signed in before somebody else.
func TestLogoutEndsReplacedSessions(t *testing.T) {
	const kept = "access token, refresh token, code, device code"
	for name, test := range map[string]struct {
		logout func(w *world, alice held)
		alive  string
	}{
		"no logout": {func(w *world, _ held) { w.as("bob") }, kept},
		"ID token of the later": {func(w *world, _ held) {
			w.signOut(url.Values{"id_token_hint": {w.as("bob").ID}})
		}, ""},
		"ID token of the later, without a cookie": {func(w *world, _ held) {
			bob := w.as("bob")
			w.cookie = ""
			w.signOut(url.Values{"id_token_hint": {bob.ID}})
		}, ""},
		"ID token of the former": {func(w *world, alice held) {
			w.as("bob")
			w.signOut(url.Values{"id_token_hint": {alice.tokens.ID}})
		}, ""},
		"the page": {func(w *world, _ held) {
			w.as("bob")
			page := w.send("GET", "/end_session", nil).Body.String()
			if !strings.Contains(page, "<strong>bob</strong>") || !strings.Contains(page, "<strong>alice</strong>") {
				t.Errorf("the page does not name both: %s", page)
			}
			w.signOut(nil)
		}, ""},
		"after a restart": {func(w *world, _ held) {
			w.as("bob")
			w.start()
			w.signOut(nil)
		}, ""},
		"the third": {func(w *world, _ held) {
			w.as("bob")
			w.as("carol")
			w.signOut(nil)
		}, ""},
		"the second was deleted": {func(w *world, _ held) {
			w.as("bob")
			w.control("DELETE", "bob", "")
			w.as("carol")
			w.signOut(nil)
		}, ""},
		"back again": {func(w *world, alice held) {
			bob := w.as("bob")
			again := w.as("alice")

			if payload(t, again.ID)["sid"] != payload(t, alice.tokens.ID)["sid"] {
				t.Error("the session of the same user does not go on")
			}
			w.signOut(url.Values{"id_token_hint": {again.ID}})
			if after := w.refresh(bob.Refresh); after.Error != "invalid_grant" {
				t.Errorf("bob's: %+v", after)
			}
		}, ""},
		"another browser": {func(w *world, _ held) {
			other := newBrowser(w)
			other.signedIn("bob")
			other.signOut(nil)
		}, kept + ", session"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			w.control("PUT", "carol", "{}")
			alice := w.hold("alice")

			test.logout(w, alice)
			if got := strings.Join(w.alive(alice), ", "); got != test.alive {
				t.Errorf("%q is alive, want %q", got, test.alive)
			}
		})
	}
}

// Whoever has an ID token of a former session only, and not its browser, ends no other.
func TestLogoutOfAFormerSessionAlone(t *testing.T) {
	w := newWorld(t, "")
	w.control("PUT", "carol", "{}")
	alice, bob, carol := w.signedIn("alice"), w.as("bob"), w.as("carol")
	newBrowser(w).signOut(url.Values{"id_token_hint": {bob.ID}})
	for name, test := range map[string]struct {
		token string
		ended bool
	}{"alice": {alice.Refresh, false}, "bob": {bob.Refresh, true}, "carol": {carol.Refresh, false}} {
		if after := w.refresh(test.token); (after.Error == "invalid_grant") != test.ended {
			t.Errorf("%s: %+v", name, after)
		}
	}
}

// Everybody whose session ends is told of, to this server and to clients.
func TestLogoutTellsOfReplacedSessions(t *testing.T) {
	w := newWorld(t, "")
	var heard []string
	w.receiver = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		claims := payload(t, r.PostFormValue("logout_token"))
		heard = append(heard, fmt.Sprint(claims["sub"], " ", claims["sid"]))
	})

	var want []string
	for _, got := range []tokens{w.signedIn("alice"), w.as("bob")} {
		claims := payload(t, got.ID)
		want = append(want, fmt.Sprint(claims["sub"], " ", claims["sid"]))
	}
	w.signOut(nil)
	slices.Sort(heard)
	if slices.Sort(want); !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
}

// A browser in which very many people sign in makes room for itself: the sessions of other browsers stay.
// Those that go take their tokens with them, because no logout would find these.
func TestManyPeopleInOneBrowser(t *testing.T) {
	w := newWorld(t, "")
	other := newBrowser(w)
	other.signedIn("bob")
	alice := w.signedIn("alice")

	const most = 500 // sessions
	people := make([]devuser.User, most)
	for n := range people {
		name := fmt.Sprint("u", n)
		people[n] = devuser.User{Name: name, Subject: name}
	}
	w.put(people...)
	for n, u := range people {
		if n == most-2 {
			if alice = w.refresh(alice.Refresh); alice.Error != "" {
				t.Fatalf("alice's with %d others: %+v", n, alice)
			}
		}
		w.now = w.now.Add(time.Second)
		w.code(asked("prompt", "login"), u.Name)
	}

	if after := w.refresh(alice.Refresh); after.Error != "invalid_grant" {
		t.Errorf("alice's: %+v", after)
	}
	for name, browser := range map[string]*world{"this": w, "the other": other} {
		silent := w.back(browser.send("GET", "/authorize", asked("prompt", "none")))
		if silent.Get("code") == "" {
			t.Errorf("%s browser: %v", name, silent)
		}
	}
}
