package devissuer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The page makes users, and shows what is wrong with them, escaped.
func TestMakeAUserOnThePage(t *testing.T) {
	enter := func(w *world, pairs ...string) *httptest.ResponseRecorder {
		form := url.Values{"request": {w.page(asked())}, "make": {"yes"}}
		for n := 0; n < len(pairs); n += 2 {
			form.Set(pairs[n], pairs[n+1])
		}
		return w.send("POST", "/sign-in", form)
	}

	w := newWorld(t, "")
	answer := enter(w, "new_user", "dora", "new_email", "d@example.com", "new_groups", "a, b,", "new_claims",
		`{"level": 12345678901234567890, "email": "other@example.com"}`)
	claims := payload(t, w.exchange(w.back(answer).Get("code")).ID)
	if claims["sub"] != "dora" || claims["email"] != "other@example.com" || len(claims["groups"].([]any)) != 2 {
		t.Errorf("the claims are %v", claims)
	}

	deep := strings.Repeat("[", 4200) + strings.Repeat("]", 4200)
	for name, pairs := range map[string][]string{
		"no name":      {},
		"bad name":     {"new_user", "<script>alert(1)</script>"},
		"taken":        {"new_user", "alice"},
		"no JSON":      {"new_user", "eve", "new_claims", "{"},
		"a list":       {"new_user", "eve", "new_claims", "[]"},
		"null":         {"new_user", "eve", "new_claims", "null"},
		"two objects":  {"new_user", "eve", "new_claims", "{} {}"},
		"forged iss":   {"new_user", "eve", "new_claims", `{"iss": "x"}`},
		"sub a number": {"new_user", "eve", "new_claims", `{"sub": 1}`},
		"many groups":  {"new_user", "eve", "new_groups", strings.Repeat("g,g", 101)},
		"deep":         {"new_user", "eve", "new_claims", `{"a": ` + deep + `}`},
		"large":        {"new_user", "eve", "new_claims", `{"a": "` + strings.Repeat("a", 17<<10) + `"}`},
	} {
		answer := enter(w, pairs...)
		body := answer.Body.String()
		if answer.Code != http.StatusUnprocessableEntity || !strings.Contains(body, `role="alert"`) ||
			strings.Contains(body, "<script>") || !strings.Contains(body, `name="request"`) {
			t.Errorf("%s: %d %.300s", name, answer.Code, body)
		}
		if _, err := w.users.Get("eve"); err == nil {
			t.Fatalf("%s made a user", name)
		}
	}
}

// A page of another site can sign nobody in; the same form of the own page can.
func TestFormsOfOtherSites(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"origin":     func(r *http.Request) { r.Header.Set("Origin", "http://localhost:5173") },
		"null":       func(r *http.Request) { r.Header.Set("Origin", "null") },
	} {
		w := newWorld(t, "")
		form := url.Values{"request": {w.page(asked())}, "user": {"alice"}}
		if answer := w.send("POST", "/sign-in", form, change); answer.Code != http.StatusForbidden {
			t.Errorf("%s: %d", name, answer.Code)
		}

		own := w.send("POST", "/sign-in", form, func(r *http.Request) {
			r.Header.Set("Origin", base)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		})
		w.back(own)
		if again := w.send("POST", "/sign-in", form); again.Code != 400 { // a request is good once
			t.Errorf("%s, again: %d", name, again.Code)
		}
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t, "")
	back := w.back(w.send("POST", "/sign-in", url.Values{"request": {w.page(asked())}, "cancel": {"yes"}}))
	if back.Get("error") != "access_denied" || back.Get("state") != "s&1" || w.cookie != "" {
		t.Errorf("cancelled: %v, cookie %q", back, w.cookie)
	}
}

func TestDeviceCode(t *testing.T) {
	const grant = "urn:ietf:params:oauth:grant-type:device_code"
	begin := func(w *world) (deviceCode, userCode string) {
		answer := w.send("POST", "/device_authorization", url.Values{"client_id": {"tv"}, "scope": {"openid"}})
		var got map[string]any
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != 200 {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		return got["device_code"].(string), got["user_code"].(string)
	}
	poll := func(w *world, code string) tokens {
		w.now = w.now.Add(time.Second)
		return w.token("client_id", "tv", "grant_type", grant, "device_code", code)
	}
	enter := func(w *world, userCode string, form url.Values) {
		page := w.send("POST", "/device", url.Values{"user_code": {userCode}})
		form.Set("request", hidden.FindStringSubmatch(page.Body.String())[1])
		if answer := w.send("POST", "/sign-in", form); answer.Code != 200 {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}

	w := newWorld(t, "")
	code, userCode := begin(w)
	if got := poll(w, code); got.Error != "authorization_pending" {
		t.Errorf("before: %+v", got)
	}
	if got := w.token("client_id", "tv", "grant_type", grant, "device_code", code); got.Error != "slow_down" {
		t.Errorf("at once: %+v", got)
	}
	enter(w, strings.ToLower(strings.ReplaceAll(userCode, "-", " ")), url.Values{"user": {"bob"}})
	if got := w.token("client_id", "other", "grant_type", grant, "device_code", code); got.Error != "invalid_grant" {
		t.Errorf("another client: %+v", got)
	}
	got := poll(w, code)
	if got.Error != "" || payload(t, got.ID)["sub"] != "b-1" || payload(t, got.ID)["aud"] != "tv" {
		t.Errorf("after: %+v", got)
	}
	if got := poll(w, code); got.Error != "expired_token" {
		t.Errorf("a second time: %+v", got)
	}

	for scope, want := range map[string]int{"openid": 200, "profile": 400, "": 400} {
		form := url.Values{"client_id": {"tv"}, "scope": {scope}}
		if answer := w.send("POST", "/device_authorization", form); answer.Code != want {
			t.Errorf("the scope %q: %d %s", scope, answer.Code, answer.Body)
		}
	}

	code, userCode = begin(w)
	enter(w, userCode, url.Values{"cancel": {"yes"}})
	if got := poll(w, code); got.Error != "access_denied" {
		t.Errorf("denied: %+v", got)
	}
	code, userCode = begin(w)
	w.now = w.now.Add(11 * time.Minute)
	if got := poll(w, code); got.Error != "expired_token" {
		t.Errorf("late: %+v", got)
	}
	for _, wrong := range []string{userCode, "", "BBBB-BBBB", strings.Repeat("B", 9000), "<b>"} {
		answer := w.send("POST", "/device", url.Values{"user_code": {wrong}})
		if answer.Code != http.StatusUnprocessableEntity || strings.Contains(answer.Body.String(), "<b>") {
			t.Errorf("the code %.20s: %d", wrong, answer.Code)
		}
	}
}

// A logout ends the session and its tokens, and tells this server and the clients.
func TestEndSession(t *testing.T) {
	w := newWorld(t, "")
	var heard []string
	hear := func(who string) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			claims := payload(t, r.PostFormValue("logout_token"))
			_, nonce := claims["nonce"]
			if claims["iss"] != w.issuer.URL || claims["sub"] != "alice" || claims["sid"] == "" || nonce ||
				claims["events"].(map[string]any)["http://schemas.openid.net/event/backchannel-logout"] == nil {
				t.Errorf("%s got %v", who, claims)
			}
			heard = append(heard, who)
		})
	}
	w.receiver = hear("this server")
	server := httptest.NewServer(hear("client"))
	defer server.Close()
	if err := w.clients.Put(devissuer.Client{ID: "shop", BackChannelLogoutURI: server.URL}); err != nil {
		t.Fatal(err)
	}

	got := w.signedIn("alice")
	silent := w.back(w.send("GET", "/authorize", asked("prompt", "none", "client_id", "shop")))
	shop := w.exchange(silent.Get("code"), "client_id", "shop")
	bob := newBrowser(w).signedIn("bob")

	end := url.Values{"id_token_hint": {got.ID}, "post_logout_redirect_uri": {callback}, "state": {"x&y"}}
	if back := w.back(w.send("GET", "/end_session", end)); back.Get("state") != "x&y" {
		t.Errorf("sent back with %v", back)
	}
	if len(heard) != 2 || w.cookie != "" {
		t.Errorf("heard %v, cookie %q", heard, w.cookie)
	}
	for name, token := range map[string]string{"own": got.Refresh, "the other client's": shop.Refresh} {
		if after := w.refresh(token, "client_id", map[string]string{"own": "poolhouse-dev"}[name]+
			map[string]string{"the other client's": "shop"}[name]); after.Error != "invalid_grant" {
			t.Errorf("the %s tokens: %+v", name, after)
		}
	}
	if after := w.refresh(bob.Refresh); after.Error != "" {
		t.Errorf("somebody else's tokens have ended: %+v", after)
	}
}

// newBrowser is another browser at the same provider.
func newBrowser(w *world) *world {
	return &world{T: w.T, now: w.now, issuer: w.issuer, users: w.users, clients: w.clients, provider: w.provider}
}

// Without an ID token of the session the person decides.
func TestEndSessionAsks(t *testing.T) {
	w := newWorld(t, "")
	alice := w.signedIn("alice")
	other := newBrowser(w)
	bob := other.signedIn("bob")
	for name, form := range map[string]url.Values{
		"nothing":    nil,
		"client":     {"client_id": {"poolhouse-dev"}, "post_logout_redirect_uri": {callback}},
		"of another": {"id_token_hint": {bob.ID}},
	} {
		answer := w.send("GET", "/end_session", form)
		if answer.Code != 200 || !strings.Contains(answer.Body.String(), "Sign out") {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	if status, _ := w.userinfo(alice.Access); status != 200 {
		t.Fatal("the session ended although nobody agreed")
	}

	page := w.send("GET", "/end_session", nil).Body.String()
	w.send("POST", "/sign-out", url.Values{"request": {hidden.FindStringSubmatch(page)[1]}, "agree": {"yes"}})
	if status, _ := w.userinfo(alice.Access); status != http.StatusUnauthorized || w.cookie != "" {
		t.Errorf("after agreeing: %d", status)
	}

	for name, form := range map[string]url.Values{
		"foreign redirect": {"id_token_hint": {bob.ID}, "post_logout_redirect_uri": {"https://evil.example"}},
		"no client":        {"post_logout_redirect_uri": {callback}},
		"another client":   {"id_token_hint": {bob.ID}, "client_id": {"other"}},
		"no token":         {"id_token_hint": {"eyJ"}},
	} {
		answer := other.send("GET", "/end_session", form)
		if answer.Code != 400 || answer.Header().Get("Location") != "" {
			t.Errorf("%s: %d %v", name, answer.Code, answer.Header())
		}
	}
}

func TestClientsWithSecrets(t *testing.T) {
	w := newWorld(t, "")
	err := w.clients.Put(devissuer.Client{ID: "shop", Secret: "s3cret", RedirectURIs: []string{callback}})
	if err != nil {
		t.Fatal(err)
	}
	form := asked("client_id", "shop", "code_challenge", "", "code_challenge_method", "")
	for name, pairs := range map[string][]string{
		"no secret": {}, "another": {"client_secret", "other"}, "assertion": {"client_assertion", "eyJ",
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	} {
		pairs = append([]string{"client_id", "shop", "code_verifier", ""}, pairs...)
		got := w.exchange(w.code(form, "alice"), pairs...)
		if got.Error != "invalid_client" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	got := w.exchange(w.code(form, "alice"), "client_id", "shop", "client_secret", "s3cret", "code_verifier", "")
	if got.Error != "" {
		t.Fatalf("with its secret: %+v", got)
	}
	if public := w.exchange(w.code(asked(), "alice"), "client_secret", "s3cret"); public.Error != "invalid_client" ||
		!strings.Contains(public.Text, "public") {
		t.Errorf("a public client with a secret: %+v", public)
	}

	introspect := func(token, secret string) string {
		return w.send("POST", "/introspect", url.Values{"token": {token}, "client_id": {"shop"},
			"client_secret": {secret}}).Body.String()
	}
	if text := introspect(got.Access, "s3cret"); !strings.Contains(text, `"active":true`) ||
		!strings.Contains(text, `"username":"alice"`) {
		t.Errorf("introspection: %s", text)
	}
	if text := introspect(got.Access, "other"); strings.Contains(text, "active") {
		t.Errorf("introspection with another secret: %s", text)
	}
	w.send("POST", "/revoke", url.Values{"token": {got.Access}, "client_id": {"poolhouse-dev"}}) // not its client
	if text := introspect(got.Access, "s3cret"); !strings.Contains(text, `"active":true`) {
		t.Errorf("after another client revoked it: %s", text)
	}
	w.send("POST", "/revoke", url.Values{"token": {got.Access}, "client_id": {"shop"}, "client_secret": {"s3cret"}})
	if text := introspect(got.Access, "s3cret"); strings.TrimSpace(text) != `{"active":false}` {
		t.Errorf("after it was revoked: %s", text)
	}
}

// A rotated key verifies its tokens until they expire.
func TestRotate(t *testing.T) {
	w := newWorld(t, t.TempDir())
	ids := func() (list []string) {
		body, _, err := w.issuer.Document(t.Context(), w.issuer.URL+"/jwks")
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err == nil {
			err = json.Unmarshal(body, &set)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Keys {
			if key["d"] != nil {
				t.Error("a private key is published")
			}
			list = append(list, key["kid"].(string))
		}
		return list
	}

	before := w.signedIn("alice")
	first := ids()
	kid, err := w.issuer.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, again := range []bool{false, true} {
		if again {
			w.start()
		}
		if got := ids(); len(got) != 2 || got[0] != kid || got[1] != first[0] || kid == first[0] {
			t.Errorf("after a rotation, restarted %v: %v, before %v", again, got, first)
		}
		silent := w.back(w.send("GET", "/authorize", asked("prompt", "none", "id_token_hint", before.ID)))
		if silent.Get("code") == "" {
			t.Errorf("a token of the former key, restarted %v: %v", again, silent)
		}
	}
	if strings.Count(readFile(t, w.folder+"/key"), `"d"`) != 1 {
		t.Error("the file keeps the former key's private part")
	}

	w.now = w.now.Add(25 * time.Hour)
	if got := ids(); len(got) != 1 || got[0] != kid {
		t.Errorf("after a day: %v", got)
	}
}

// Whatever comes is answered, and with no status of the server's own faults.
func TestHostileRequests(t *testing.T) {
	w := newWorld(t, "")
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)

	good := w.signedIn("alice")
	bodies := []string{
		"", "%", "a=%zz", strings.Repeat("a=b&", 20000), "grant_type=authorization_code", "grant_type=x&grant_type=y",
		"grant_type=refresh_token&client_id=a", "grant_type=refresh_token&client_id=a&refresh_token=.",
		"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c",
		"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&client_id=a&subject_token=b&subject_token_type=c",
		"grant_type=client_credentials&client_id=a", "grant_type=password&client_id=a&username=b&password=c",
		"grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=a&device_code=b",
		"client_id=\x00&token=\xff", "client_id=a&token=" + strings.Repeat(".", 1000), "max_age=-1&client_id=a",
		"client_id=a&redirect_uri=" + callback + "&ui_locales=%FF&scope=openid", "request=x", "user_code=%00",
		"id_token_hint=" + strings.Repeat("a", 30000), "access_token=a.b", "client_id=a&client_assertion=b",
	}
	headers := []func(*http.Request){
		func(*http.Request) {},
		func(r *http.Request) { r.Header.Set("Authorization", "Basic !!!") },
		func(r *http.Request) { r.SetBasicAuth("%zz", "%zz") },
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat(".", 9000)) },
		func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") },
		func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		func(r *http.Request) { r.Header.Set("Cookie", "poolhouse-dev-00000000=x; x") },
	}
	for _, path := range []string{
		"/authorize", "/token", "/userinfo", "/introspect", "/revoke", "/end_session", "/device_authorization",
		"/device",
		"/sign-in", "/sign-out", "/jwks", "/.well-known/openid-configuration", "/", "/healthz", "/ready", "/keys",
	} {
		for _, body := range bodies {
			for n, change := range headers {
				for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE"} {
					answer := w.send(method, path, nil, func(r *http.Request) {
						if method == "POST" {
							r.Body = io.NopCloser(strings.NewReader(body))
						} else {
							r.URL.RawQuery = body
						}
					}, change)
					if answer.Code >= 500 {
						t.Errorf("%s %s %.60q, header %d: %d %s", method, path, body, n, answer.Code, answer.Body)
					}
				}
			}
		}
	}

	for name, secret := range map[string]string{
		"access token":  good.Access,
		"refresh token": good.Refresh,
		"ID token":      good.ID,
		"state":         "s&1",
		"cookie":        w.cookie,
	} {
		if secret == "" || strings.Contains(log.String()+w.log.String(), secret) {
			t.Errorf("the log has the %s", name)
		}
	}
	if log.Len() == 0 {
		t.Error("the library logs nothing here, so this test sees nothing")
	}
}

// Pages of foreign origins read nothing; those that may call do, without cookies.
func TestCORS(t *testing.T) {
	w := newWorld(t, "")
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks", "/userinfo", "/token"} {
		for origin, want := range map[string]string{
			"http://localhost:5173": "http://localhost:5173",
			"https://evil.example":  "",
			"null":                  "",
		} {
			answer := w.send("OPTIONS", path, nil, func(r *http.Request) {
				r.Header.Set("Origin", origin)
				r.Header.Set("Access-Control-Request-Method", "POST")
				r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
			})
			h := answer.Header()
			if h.Get("Access-Control-Allow-Origin") != want || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s for %s: %v", path, origin, h)
			}
		}
	}

	if answer := w.send("GET", "/authorize", asked(), func(r *http.Request) {
		r.Header.Set("Origin", "http://localhost:5173")
	}); answer.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages can read the page to sign in")
	}
}

// The pages have a guard; what programs call has not.
func TestGuardedPages(t *testing.T) {
	w := newWorld(t, "")
	p, err := devissuer.NewProvider(devissuer.ProviderOptions{
		Issuer: w.issuer, Users: w.users, Clients: w.clients, Now: time.Now,
		GuardPage: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.provider = p
	for _, path := range []string{"/authorize", "/sign-in", "/device", "/end_session", "/sign-out"} {
		if answer := w.send("GET", path, asked()); answer.Code != http.StatusTeapot {
			t.Errorf("%s has no guard: %d", path, answer.Code)
		}
	}
	if answer := w.send("GET", "/jwks", nil); answer.Code != 200 {
		t.Errorf("the keys: %d", answer.Code)
	}
}
