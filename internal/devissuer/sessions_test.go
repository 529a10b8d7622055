package devissuer_test

import (
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// signOut agrees to the page that a logout shows, if it shows one.
func (w *world) signOut(form url.Values) {
	w.Helper()
	page := w.send("GET", "/end_session", form)
	found := hidden.FindStringSubmatch(page.Body.String())
	if found == nil {
		return
	}
	if answer := w.send("POST", "/sign-out", url.Values{"request": {found[1]}, "agree": {"yes"}}); answer.Code >= 400 {
		w.Fatalf("the logout is %d %s", answer.Code, answer.Body)
	}
}

// A code from before a logout gives no tokens after it; without the logout it does.
func TestLogoutEndsCodes(t *testing.T) {
	for name, logout := range map[string]bool{"logout": true, "no logout": false} {
		w := newWorld(t, "")
		code := w.code(asked(), "alice")
		if logout {
			w.signOut(nil)
		}
		if got := w.exchange(code); (got.Error == "invalid_grant") != logout {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A device for which a person signed in before a logout gets no tokens after it.
func TestLogoutEndsDevices(t *testing.T) {
	for name, logout := range map[string]bool{"logout": true, "no logout": false} {
		w := newWorld(t, "")
		code := w.deviceFor("bob")
		if logout {
			w.signOut(nil)
		}

		got := w.token("client_id", "tv", "grant_type", "urn:ietf:params:oauth:grant-type:device_code",
			"device_code", code)
		if (got.Error == "expired_token") != logout {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// An app ends its own session, although the browser has another since: its tokens end, and it hears of
// its own session.
func TestLogoutOfAFormerSession(t *testing.T) {
	for name, second := range map[string]string{"the same person again": "alice", "another person": "bob"} {
		w := newWorld(t, "")
		heard := map[string]string{} // subject by session
		w.receiver = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			claims := payload(t, r.PostFormValue("logout_token"))
			heard[claims["sid"].(string)] = claims["sub"].(string)
		})

		first := w.signedIn("alice")
		later := w.exchange(w.code(asked("prompt", "login"), second))
		w.signOut(url.Values{"id_token_hint": {first.ID}})
		for which, got := range map[string]tokens{"first": first, "later": later} {
			if status, _ := w.userinfo(got.Access); status != http.StatusUnauthorized {
				t.Errorf("%s: userinfo of the %s: %d", name, which, status)
			}
			if after := w.refresh(got.Refresh); after.Error != "invalid_grant" {
				t.Errorf("%s: refresh of the %s: %+v", name, which, after)
			}
			claims := payload(t, got.ID)
			if heard[claims["sid"].(string)] != claims["sub"] {
				t.Errorf("%s: of the %s session was heard %v, want %v", name, which, heard, claims)
			}
		}
	}
}

// Sessions and tokens are a person's: whoever gets the name later has neither.
func TestNameOfAnotherPerson(t *testing.T) {
	for name, subject := range map[string]string{"another": "other", "the same": "alice"} {
		w := newWorld(t, "")
		got := w.signedIn("alice")
		if err := w.users.Put(devuser.User{Name: "alice", Subject: subject}); err != nil {
			t.Fatal(err)
		}

		same := subject == "alice"
		if status, _ := w.userinfo(got.Access); (status == 200) != same {
			t.Errorf("%s: userinfo: %d", name, status)
		}
		silent := w.back(w.send("GET", "/authorize", asked("prompt", "none")))
		if (silent.Get("error") == "login_required") == same {
			t.Errorf("%s: prompt none: %v", name, silent)
		}
		if after := w.refresh(got.Refresh); (after.Error == "") != same {
			t.Errorf("%s: refresh: %+v", name, after)
		}
	}
}

// Only a refresh token that was good ends the grant when it comes again.
func TestInventedRefreshTokens(t *testing.T) {
	w := newWorld(t, "")
	got := w.signedIn("alice")
	grant, _, _ := strings.Cut(got.Refresh, ".")
	for name, token := range map[string]string{
		"invented": grant + ".invented", "empty": grant + ".", "without a secret": grant, "access token": got.Access,
	} {
		if after := w.refresh(token); after.Error != "invalid_grant" {
			t.Errorf("%s: %+v", name, after)
		}
	}
	if after := w.refresh(got.Refresh); after.Error != "" {
		t.Errorf("the good one afterwards: %+v", after)
	}
}

// An access token with fewer scopes tells less.
func TestScopesOfAnAccessToken(t *testing.T) {
	w := newWorld(t, "")
	if err := w.clients.Put(devissuer.Client{ID: "shop", Secret: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	got := w.signedIn("alice")
	narrow := w.refresh(got.Refresh, "scope", "openid")

	for name, test := range map[string]struct {
		token string
		email bool
	}{"all": {got.Access, true}, "narrow": {narrow.Access, false}} {
		if _, info := w.userinfo(test.token); strings.Contains(info, "alice@example.com") != test.email {
			t.Errorf("%s: userinfo %s", name, info)
		}

		answer := w.send("POST", "/introspect", url.Values{
			"token": {test.token}, "client_id": {"shop"}, "client_secret": {"s3cret"},
		}).Body.String()
		if !strings.Contains(answer, `"active":true`) || strings.Contains(answer, "email") != test.email {
			t.Errorf("%s: introspection %s", name, answer)
		}
	}
}

// Programs learn by the header that their access token is not good (RFC 6750, section 3).
func TestBadAccessToken(t *testing.T) {
	w := newWorld(t, "")
	for name, test := range map[string]struct{ header, challenge string }{
		"bad":  {"Bearer bad", `Bearer realm="poolhouse dev", error="invalid_token"`},
		"none": {"", `Bearer realm="poolhouse dev"`},
	} {
		answer := w.send("GET", "/userinfo", nil, func(r *http.Request) {
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
		})
		if answer.Code != http.StatusUnauthorized || answer.Header().Get("WWW-Authenticate") != test.challenge ||
			strings.Contains(answer.Body.String(), "invalid_token") != (test.header != "") {
			t.Errorf("%s: %d %v %s", name, answer.Code, answer.Header(), answer.Body)
		}
	}
}

// A logout token is no ID token, although the same key signs it.
func TestLogoutTokenAsAHint(t *testing.T) {
	w := newWorld(t, "")
	logoutToken := ""
	w.receiver = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		logoutToken = r.PostFormValue("logout_token")
	})
	got := w.signedIn("alice")
	w.signOut(url.Values{"id_token_hint": {got.ID}})
	for name, test := range map[string]struct {
		token string
		want  int
	}{"ID token": {got.ID, 200}, "logout token": {logoutToken, 400}} {
		answer := w.send("GET", "/end_session", url.Values{"id_token_hint": {test.token}})
		if answer.Code != test.want {
			t.Errorf("%s: %d", name, answer.Code)
		}
	}
}

// Requests that wait keep little of the forms that they came in.
func TestMemoryOfRequests(t *testing.T) {
	w := newWorld(t, "")
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) //nolint:gosec // less than 2^63 bytes
	}

	before := inUse()
	for name, value := range map[string]string{
		"prompt": strings.Repeat("a ", 20<<10), "scope": "openid " + strings.Repeat("b ", 20<<10),
		"ignored": strings.Repeat("c", 60<<10),
	} {
		for range 200 {
			w.page(asked(name, value))
		}
	}
	if grown := inUse() - before; grown > 6<<20 {
		t.Errorf("600 requests of 40 KiB and more take %d bytes", grown)
	}
	runtime.KeepAlive(w)
}

// A refresh token that comes again ends all, however often it was replaced since; at the endpoint for
// revocation, too.
func TestOldRefreshTokens(t *testing.T) {
	for name, use := range map[string]func(w *world, token string){
		"refresh": func(w *world, token string) {
			if got := w.refresh(token); got.Error != "invalid_grant" || !strings.Contains(got.Text, "used before") {
				t.Errorf("the first one again: %+v", got)
			}
		},
		"revocation": func(w *world, token string) {
			w.send("POST", "/revoke", url.Values{"token": {token}, "client_id": {"poolhouse-dev"}})
		},
		"nothing":        func(*world, string) {},
		"another client": func(w *world, token string) { w.refresh(token, "client_id", "other") },
		"another client's revocation": func(w *world, token string) {
			w.send("POST", "/revoke", url.Values{"token": {token}, "client_id": {"other"}})
		},
	} {
		w := newWorld(t, t.TempDir())
		first := w.signedIn("alice")
		last := first
		for range 25 {
			last = w.refresh(last.Refresh)
		}
		w.start()

		use(w, first.Refresh)
		ends := name == "refresh" || name == "revocation"
		if status, _ := w.userinfo(last.Access); (status == http.StatusUnauthorized) != ends {
			t.Errorf("%s: userinfo: %d", name, status)
		}
		if after := w.refresh(last.Refresh); (after.Error != "") != ends {
			t.Errorf("%s: the last one: %+v", name, after)
		}
	}
}

// Two browsers may open the page of one device: the first answer counts.
func TestSecondAnswerForADevice(t *testing.T) {
	for first, second := range map[string]string{"bob": "alice", "cancel": "alice", "alice": "cancel"} {
		w := newWorld(t, "")
		code, userCode := w.device()
		forms := []url.Values{}
		for _, who := range []string{first, second} {
			page := w.send("POST", "/device", url.Values{"user_code": {userCode}}).Body.String()
			form := url.Values{"request": {hidden.FindStringSubmatch(page)[1]}, "user": {who}}
			if who == "cancel" {
				form.Set("cancel", "yes")
			}
			forms = append(forms, form)
		}

		if answer := w.send("POST", "/sign-in", forms[0]); answer.Code != http.StatusOK {
			t.Errorf("%s: %d %s", first, answer.Code, answer.Body)
		}
		answer := newBrowser(w).send("POST", "/sign-in", forms[1])
		if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "has its answer") {
			t.Errorf("%s after %s: %d %s", second, first, answer.Code, answer.Body)
		}

		got := w.token("client_id", "tv", "grant_type", "urn:ietf:params:oauth:grant-type:device_code",
			"device_code", code)
		switch first {
		case "cancel":
			if got.Error != "access_denied" {
				t.Errorf("cancelled first: %+v", got)
			}
		default:
			if want, _ := w.users.Get(first); got.Error != "" || payload(t, got.ID)["sub"] != want.Subject {
				t.Errorf("%s first: %+v", first, got)
			}
		}
	}
}
