package signout_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// clock is a clock that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.now = c.now.Add(d)
}

// flakyStore fails to mark while broken.
type flakyStore struct {
	*store.Store
	broken bool
}

func (f *flakyStore) MarkSignOuts(ctx context.Context, marks ...store.SignOut) error {
	if f.broken {
		return store.ErrBusy
	}
	return f.Store.MarkSignOuts(ctx, marks...)
}

// key is a Logins key that needs escaping in a path.
const key = "idp.example/realms/a b"

type fixture struct {
	*clock
	issuer *logintest.Issuer
	store  *flakyStore
	out    *signout.Service
	web    http.Handler
	log    *strings.Builder
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 5e8, time.UTC)}, issuer: logintest.NewIssuer(t),
		log: &strings.Builder{}}
	f.issuer.SetNow(f.Now)
	opened, err := store.Open(t.Context(), store.Options{Now: f.Now})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = opened.Close() })
	f.store = &flakyStore{Store: opened}
	client := outbound.New(outbound.Options{Now: f.Now})
	t.Cleanup(client.Close)

	verifier := login.New(client, login.Options{Now: f.Now})
	trust := login.Trust{Rule: idtoken.Rule{
		Provider:  key,
		Issuers:   []string{f.issuer.URL},
		Audiences: []string{logintest.Audience},
		Policy:    outbound.Policy{AllowHTTP: true, AllowPrivate: true},
	}}
	f.out = signout.New(signout.Options{Store: f.store, Verifier: verifier, Now: f.Now,
		Logger: slog.New(slog.NewTextHandler(f.log, nil)),
		Providers: func(_ context.Context, k string) ([]signout.Provider, error) {
			switch k {
			case key, "strict":
				return []signout.Provider{{Name: key, Trust: trust, CredentialChange: k == "strict"}}, nil
			case "broken":
				return nil, store.ErrBusy
			}

			return nil, signout.ErrUnknownProvider
		}})

	mux := http.NewServeMux()
	mux.Handle("POST /backchannel-logout/{"+signout.ProviderPath+"}", f.out.BackChannelLogout())
	mux.Handle("POST /shared-signals/{"+signout.ProviderPath+"}", f.out.SharedSignals())
	f.web = mux

	return f
}

// claims are those of a verified ID token issued ago before now.
func (f *fixture) claims(ago time.Duration, more map[string]any) login.Claims {
	c := login.Claims{Subject: "alice", IssuedAt: f.Now().Truncate(time.Second).Add(-ago), All: map[string]any{}}
	for name, value := range more {
		if name == "sub" {
			c.Subject = value.(string)
		}
		if name == "iat" {
			c.IssuedAt = time.Time{}
			continue
		}
		c.All[name] = value
	}

	return c
}

// refused reports whether a login is refused as signed out.
func (f *fixture) refused(t *testing.T, c login.Claims) bool {
	t.Helper()
	trace := &explain.Trace{}
	err := f.out.Check(explain.NewContext(t.Context(), trace), "123456789012", key, c)
	var refused *login.Refused
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("Check: %v", err)
	}
	if trace.Refused() != (err != nil) ||
		err != nil && (refused.Message != signout.MessageSignedOut || !refused.SignedOut()) {
		t.Errorf("Check = %v with the trace %+v", err, trace.Steps())
	}

	return err != nil
}

func number(at time.Time) json.Number {
	text, _ := json.Marshal(at.Unix())
	return json.Number(text)
}

func TestCheck(t *testing.T) {
	old, recent := time.Hour, -time.Second // before and after the sign-out
	for name, test := range map[string]struct {
		subject, session string
		ago              time.Duration
		claims           map[string]any
		want             bool
	}{
		"an older token":             {"alice", "", old, nil, true},
		"a newer token":              {"alice", "", recent, nil, false},
		"a token of the same second": {"alice", "", 0, nil, false},
		"another subject":            {"bob", "", old, nil, false},
		"refreshed since": {"alice", "", recent, map[string]any{"auth_time": json.Number("1")},
			true},
		"signed in since": {"alice", "", recent,
			map[string]any{"auth_time": number(time.Date(2026, 11, 23, 12, 0, 1, 0, time.UTC))}, false},
		"auth_time with a fraction": {"alice", "", recent, map[string]any{"auth_time": json.Number("1.5")},
			true},
		"auth_time later than iat": {"alice", "", old,
			map[string]any{"auth_time": json.Number("99999999999")}, true},
		"auth_time that is no number": {"alice", "", recent, map[string]any{"auth_time": "1"}, false},
		"no time at all":              {"alice", "", 0, map[string]any{"iat": nil}, true},
		"no time, nobody signed out":  {"bob", "", 0, map[string]any{"iat": nil}, false},
		"its session":                 {"", "s1", recent, map[string]any{"sid": "s1"}, true},
		"its sign-in":                 {"", "s1", recent, map[string]any{"origin_jti": "s1"}, true},
		"itself":                      {"", "s1", recent, map[string]any{"jti": "s1"}, true},
		"another session": {"", "s2", old,
			map[string]any{"sid": "s1", "jti": "j", "origin_jti": "o"}, false},
		"another session of the subject":     {"alice", "s2", old, map[string]any{"sid": "s1"}, false},
		"the session of the subject":         {"alice", "s1", old, map[string]any{"sid": "s1"}, true},
		"no session named, older":            {"alice", "s1", old, nil, true},
		"no session named, older, jti":       {"alice", "s1", old, map[string]any{"jti": "j"}, true},
		"no session named, newer":            {"alice", "s1", recent, nil, false},
		"a session called like the subject":  {"", "alice", old, nil, false},
		"a subject called like the session":  {"s1", "", old, map[string]any{"sid": "s1"}, false},
		"a session ID that is no string":     {"", "1", old, map[string]any{"sid": json.Number("1")}, false},
		"a session whose name is an empty s": {"alice", "s1", old, map[string]any{"sid": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if err := f.out.SignOut(t.Context(), signout.AllAccounts, key, test.subject, test.session,
				f.Now()); err != nil {
				t.Fatal(err)
			}
			if got := f.refused(t, f.claims(test.ago, test.claims)); got != test.want {
				t.Errorf("refused = %t, want %t", got, test.want)
			}
			f.Advance(signout.Kept + time.Second)

			if f.refused(t, f.claims(signout.Kept+time.Hour, test.claims)) {
				t.Error("the mark outlives its time")
			}
		})
	}

	f := newFixture(t)
	if err := f.out.SignOut(t.Context(), signout.AllAccounts, key, "", "", f.Now()); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("SignOut of nobody: %v", err)
	}
	_ = f.store.Close()
	var refused *login.Refused
	if err := f.out.Check(t.Context(), "123456789012", key, f.claims(0, nil)); err == nil || errors.As(err, &refused) {
		t.Errorf("Check without a database = %v, want its error", err)
	}
}

// A token of our own has the time when it was issued, not that of the login: in the second
// of the sign-out the login may have been before.
func TestCheckIssued(t *testing.T) {
	for name, test := range map[string]struct {
		subject, session string
		ago              time.Duration
		want             bool
	}{
		"an older token":                    {"alice", "", time.Hour, true},
		"a token of the second before":      {"alice", "", time.Second, true},
		"a token of the same second":        {"alice", "", 0, true},
		"a token of the next second":        {"alice", "", -time.Second, false},
		"another subject":                   {"bob", "", time.Hour, false},
		"one session, the same second":      {"alice", "s1", 0, true},
		"one session, the next second":      {"alice", "s1", -time.Second, false},
		"a session called like the subject": {"", "alice", time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if err := f.out.SignOut(t.Context(), signout.AllAccounts, key, test.subject, test.session,
				f.Now()); err != nil {
				t.Fatal(err)
			}
			issued := f.Now().Truncate(time.Second).Add(-test.ago)
			err := f.out.CheckIssued(t.Context(), "123456789012", key, "alice", issued)

			var refused *login.Refused
			if errors.As(err, &refused) != test.want || err != nil && refused == nil {
				t.Errorf("CheckIssued = %v, want a refusal: %t", err, test.want)
			}
		})
	}
}

// Each sign-out clears away expired marks, so that they do not pile up.
func TestExpiredMarksGo(t *testing.T) {
	f := newFixture(t)
	for _, s := range []string{"a", "b", "c"} {
		if err := f.out.SignOut(t.Context(), signout.AllAccounts, key, s, "", f.Now()); err != nil {
			t.Fatal(err)
		}
	}
	f.Advance(signout.Kept + time.Second)
	if err := f.out.SignOut(t.Context(), signout.AllAccounts, key, "d", "", f.Now()); err != nil {
		t.Fatal(err)
	}
	if n, err := f.store.RemoveSignOuts(t.Context(), f.Now(), 10); n != 0 || err != nil {
		t.Errorf("%d expired marks are left, %v", n, err)
	}
}

// null is a claim that is there and has the value null, which counts as absent.
var null = json.RawMessage("null")

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutToken makes a logout token; a claim or header given as nil is left out.
func (f *fixture) logoutToken(claims, header map[string]any) string {
	all := map[string]any{"sub": "alice", "jti": "1", "exp": nil,
		"events": map[string]any{logoutEvent: map[string]any{}}}
	for name, value := range claims {
		all[name] = value
	}

	typ := map[string]any{"typ": "logout+jwt"}
	for name, value := range header {
		typ[name] = value
	}

	return f.issuer.Key().Sign(typ, f.issuer.Payload(all))
}

func (f *fixture) post(t *testing.T, path, media, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	w := httptest.NewRecorder()
	f.web.ServeHTTP(w, r)
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("the answer may be stored")
	}

	for part := range strings.SplitSeq(body, ".") {
		if len(part) > 40 &&
			(strings.Contains(f.log.String(), part[:40]) || strings.Contains(w.Body.String(), part[:40])) {
			t.Error("the token is in the log or the answer")
		}
	}

	return w
}

func (f *fixture) logout(t *testing.T, token string) *httptest.ResponseRecorder {
	return f.post(t, "/backchannel-logout/"+url.PathEscape(key), "application/x-www-form-urlencoded",
		url.Values{"logout_token": {token}}.Encode())
}

func TestBackChannelLogout(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Unix()
	for name, test := range map[string]struct {
		claims, header map[string]any
		refused        bool // the token
		out, outSid    bool // alice's older token, and that of session s1
	}{
		"by subject":             {nil, nil, false, true, true},
		"by session":             {map[string]any{"sub": nil, "sid": "s1"}, nil, false, false, true},
		"by both":                {map[string]any{"sid": "s1"}, nil, false, true, true},
		"by both, other session": {map[string]any{"sid": "s2"}, nil, false, true, false},
		"of another user":        {map[string]any{"sub": "bob"}, nil, false, false, false},
		"no type":                {nil, map[string]any{"typ": nil}, false, true, true},
		"type JWT":               {nil, map[string]any{"typ": "JWT"}, false, true, true},
		"with an expiry":         {map[string]any{"exp": now + 120}, nil, false, true, true},
		"two minutes old":        {map[string]any{"iat": now - 120}, nil, false, true, true},
		"an ID token":            {map[string]any{"events": nil}, map[string]any{"typ": "JWT"}, true, false, false},
		"an access token":        {nil, map[string]any{"typ": "at+jwt"}, true, false, false},
		"a security event":       {nil, map[string]any{"typ": "secevent+jwt"}, true, false, false},
		"with a nonce":           {map[string]any{"nonce": "n"}, nil, true, false, false},
		"with a nonce null":      {map[string]any{"nonce": null}, nil, false, true, true},
		"with a sid null":        {map[string]any{"sid": null}, nil, false, true, true},
		"with an exp null":       {map[string]any{"exp": null}, nil, false, true, true},
		"nbf 0":                  {map[string]any{"nbf": 0}, nil, false, true, true},
		"nbf null":               {map[string]any{"nbf": null}, nil, false, true, true},
		"jti null":               {map[string]any{"jti": null}, nil, true, false, false},
		"iat null":               {map[string]any{"iat": null}, nil, true, false, false},
		"iat 0":                  {map[string]any{"iat": 0}, nil, true, false, false},
		"exp 0":                  {map[string]any{"exp": 0}, nil, true, false, false},
		"sub and sid null":       {map[string]any{"sub": null, "sid": null}, nil, true, false, false},
		"with an empty nonce":    {map[string]any{"nonce": nil, "Nonce": "n"}, nil, true, false, false},
		"of another event": {
			map[string]any{"events": map[string]any{"http://schemas.openid.net/event/other": map[string]any{}}}, nil,
			true, false, false,
		},
		"event that is a string": {map[string]any{"events": map[string]any{logoutEvent: "yes"}}, nil, true, false,
			false},
		"event that is null": {map[string]any{"events": map[string]any{logoutEvent: nil}}, nil, true, false,
			false},
		"events that are a list":  {map[string]any{"events": []string{logoutEvent}}, nil, true, false, false},
		"neither sub nor sid":     {map[string]any{"sub": nil}, nil, true, false, false},
		"sid of a number":         {map[string]any{"sid": 1}, nil, true, false, false},
		"empty sid":               {map[string]any{"sid": ""}, nil, true, false, false},
		"sub of a number":         {map[string]any{"sub": 1}, nil, true, false, false},
		"no jti":                  {map[string]any{"jti": nil}, nil, true, false, false},
		"jti of a number":         {map[string]any{"jti": 1}, nil, true, false, false},
		"no iat":                  {map[string]any{"iat": nil}, nil, true, false, false},
		"eight minutes old":       {map[string]any{"iat": now - 480}, nil, true, false, false},
		"of the future":           {map[string]any{"iat": now + 480}, nil, true, false, false},
		"expired":                 {map[string]any{"exp": now - 400}, nil, true, false, false},
		"for somebody else":       {map[string]any{"aud": "other"}, nil, true, false, false},
		"of another issuer":       {map[string]any{"iss": "https://evil.example"}, nil, true, false, false},
		"unsigned":                {nil, map[string]any{"alg": "none"}, true, false, false},
		"of an algorithm not set": {nil, map[string]any{"alg": "PS256"}, true, false, false},
		"of an unknown key":       {nil, map[string]any{"kid": "unknown"}, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			w := f.logout(t, f.logoutToken(test.claims, test.header))
			if refused := w.Code != http.StatusOK; refused != test.refused {
				t.Fatalf("answer %d %s, refused should be %t", w.Code, w.Body, test.refused)
			}
			if test.refused {
				var answer struct {
					Error       string `json:"error"`
					Description string `json:"error_description"`
				}
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusBadRequest ||
					answer.Error != "invalid_request" || answer.Description == "" {
					t.Errorf("answer %d %s", w.Code, w.Body)
				}
			}

			if got := f.refused(t, f.claims(time.Hour, nil)); got != test.out {
				t.Errorf("alice's older token is refused: %t, want %t", got, test.out)
			}
			if got := f.refused(t, f.claims(time.Hour, map[string]any{"sid": "s1"})); got != test.outSid {
				t.Errorf("the older token of session s1 is refused: %t, want %t", got, test.outSid)
			}
			if f.refused(t, f.claims(-time.Second, nil)) {
				t.Error("a later sign-in is refused")
			}
		})
	}
}

func TestBackChannelLogoutRequests(t *testing.T) {
	f := newFixture(t)
	token := f.logoutToken(nil, nil)

	form := url.Values{"logout_token": {token}}.Encode()
	path := "/backchannel-logout/" + url.PathEscape(key)
	const media = "application/x-www-form-urlencoded"
	for name, w := range map[string]*httptest.ResponseRecorder{
		"unknown provider": f.post(t, "/backchannel-logout/other", media, form),
		"another media":    f.post(t, path, "application/json", form),
		"no token":         f.post(t, path, media, "token="+token),
		"two tokens":       f.post(t, path, media, form+"&"+form),
		"bad form":         f.post(t, path, media, "%zz"),
		"too large":        f.post(t, path, media, form+strings.Repeat("x", 40_000)),
		"not a token":      f.post(t, path, media, "logout_token=x"),
		"forged": f.logout(t,
			logintest.NewKey(t, "RS256").Sign(map[string]any{"typ": "logout+jwt", "kid": f.issuer.Key().ID},
				f.issuer.Payload(nil))),
	} {
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}

	if f.refused(t, f.claims(time.Hour, nil)) {
		t.Fatal("a refused request signed alice out")
	}
	// What could not be stored may be sent again; what was taken may not.
	f.store.broken = true
	if w := f.logout(t, token); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("while the store is broken: %d %s", w.Code, w.Body)
	}

	f.store.broken = false
	if w := f.logout(t, token); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("sent again: %d %s", w.Code, w.Body)
	}
	if w := f.logout(t, token); w.Code != http.StatusBadRequest {
		t.Errorf("replayed: %d %s", w.Code, w.Body)
	}
	if !f.refused(t, f.claims(time.Hour, nil)) {
		t.Error("alice is not signed out")
	}

	f.issuer.Rotate()
	if w := f.logout(t, f.logoutToken(map[string]any{"jti": "2"}, nil)); w.Code != http.StatusOK {
		t.Errorf("with a key published since: %d %s", w.Code, w.Body)
	}
}

// The provider's keys out of reach are no refusal: it shall try again.
func TestBackChannelLogoutWithoutKeys(t *testing.T) {
	f := newFixture(t)
	f.issuer.Answer(logintest.KeysPath,
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	if w := f.logout(t, f.logoutToken(nil, nil)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	body := url.Values{"logout_token": {f.logoutToken(nil, nil)}}.Encode()
	if w := f.post(t, "/backchannel-logout/broken", "application/x-www-form-urlencoded",
		body); w.Code != http.StatusServiceUnavailable {
		t.Errorf("with a provider that could not be looked up: %d %s", w.Code, w.Body)
	}
}

// What a provider signs is bounded; what others send does not count.
func TestRateLimit(t *testing.T) {
	f := newFixture(t)
	forger := logintest.NewKey(t, "RS256")
	for range 300 {
		if w := f.logout(t,
			forger.Sign(map[string]any{"typ": "logout+jwt", "kid": f.issuer.Key().ID},
				f.issuer.Payload(nil))); w.Code != http.StatusBadRequest {
			t.Fatalf("forged: %d", w.Code)
		}
	}

	send := func(n int) int {
		return f.logout(t, f.logoutToken(map[string]any{"jti": string(rune(n + 1000))}, nil)).Code
	}
	first := f.logoutToken(map[string]any{"jti": "first"}, nil)
	if code := f.logout(t, first).Code; code != http.StatusOK {
		t.Fatalf("first: %d", code)
	}

	for range 300 { // by whoever saw it
		if code := f.logout(t, first).Code; code != http.StatusBadRequest {
			t.Fatalf("replayed: %d", code)
		}
	}

	n := 1
	for ; n < 300; n++ {
		if code := send(n); code == http.StatusTooManyRequests {
			break
		} else if code != http.StatusOK {
			t.Fatalf("event %d: %d", n, code)
		}
	}

	if n != 200 {
		t.Errorf("%d events passed at once, want 200", n)
	}
	f.Advance(time.Second)
	if code := send(n); code != http.StatusOK {
		t.Errorf("the one that was too many, a second later: %d", code)
	}
}

const (
	caep = "https://schemas.openid.net/secevent/caep/event-type/"
	risc = "https://schemas.openid.net/secevent/risc/event-type/"
)

func TestSharedSignals(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Unix()
	type object = map[string]any

	alice := func(f *fixture) object { return object{"format": "iss_sub", "iss": f.issuer.URL, "sub": "alice"} }
	for name, test := range map[string]struct {
		provider string
		claims   func(*fixture) object
		code     string // "" = 202
		out      bool   // alice's older token
	}{
		"session revoked": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{}}, "sub_id": alice(f)}
		}, "", true},
		"account disabled, opaque": {key, func(*fixture) object {
			return object{"events": object{risc + "account-disabled": object{"reason": "hijacking"}},
				"sub_id": object{"format": "opaque", "id": "alice"}}
		}, "", true},
		"account purged, subject in the event": {key, func(f *fixture) object {
			return object{"events": object{risc + "account-purged": object{"subject": alice(f)}}}
		}, "", true},
		"subject in sub, the others null": {key, func(*fixture) object {
			return object{"events": object{caep + "session-revoked": object{"subject": nil}}, "sub": "alice",
				"sub_id": null}
		}, "", true},
		"subject in sub": {key, func(*fixture) object {
			return object{"events": object{caep + "session-revoked": object{}}, "sub": "alice"}
		}, "", true},
		"a session of the user": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{}},
				"sub_id": object{"format": "complex", "user": alice(f),
					"session": object{"format": "opaque", "id": "s1"}}}
		}, "", true},
		"six days old": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{}}, "sub_id": alice(f),
				"iat": now - 6*86400}
		}, "", false}, // taken, and from before alice's token
		"credential change, not wanted": {key, func(f *fixture) object {
			return object{"events": object{caep + "credential-change": object{"credential_type": "password"}},
				"sub_id": alice(f)}
		}, "", false},
		"credential change, wanted": {"strict", func(f *fixture) object {
			return object{"events": object{caep + "credential-change": object{"credential_type": "password"}},
				"sub_id": alice(f)}
		}, "", true},
		"an event without meaning here": {key, func(f *fixture) object {
			return object{"events": object{caep + "assurance-level-change": object{}}, "sub_id": alice(f)}
		}, "", false},
		"verification": {key, func(*fixture) object {
			return object{
				"events": object{"https://schemas.openid.net/secevent/ssf/event-type/verification": object{
					"state": "x",
				}}, "sub_id": object{"format": "opaque", "id": "stream"},
			}
		}, "", false},
		"one of several events": {key, func(f *fixture) object {
			return object{"events": object{caep + "assurance-level-change": object{},
				caep + "session-revoked": object{}}, "sub_id": alice(f)}
		}, "", true},
		"no events": {key, func(f *fixture) object { return object{"sub_id": alice(f)} }, "invalid_request", false},
		"empty events": {key, func(f *fixture) object {
			return object{"events": object{}, "sub_id": alice(f)}
		}, "invalid_request", false},
		"an event of no object": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": true}, "sub_id": alice(f)}
		}, "invalid_request", false},
		"no subject": {key,
			func(*fixture) object { return object{"events": object{caep + "session-revoked": object{}}} },
			"invalid_request", false},
		"a subject of another issuer": {key, func(*fixture) object {
			return object{"events": object{caep + "session-revoked": object{}},
				"sub_id": object{"format": "iss_sub", "iss": "https://other.example", "sub": "alice"}}
		}, "invalid_issuer", false},
		"a subject of another format": {key, func(*fixture) object {
			return object{"events": object{caep + "session-revoked": object{}},
				"sub_id": object{"format": "email", "email": "alice"}}
		}, "invalid_request", false},
		"a complex subject without user": {key, func(*fixture) object {
			return object{"events": object{caep + "session-revoked": object{}},
				"sub_id": object{"format": "complex", "session": object{"format": "opaque", "id": "s"}}}
		}, "invalid_request", false},
		"an empty subject": {key, func(*fixture) object {
			return object{"events": object{caep + "session-revoked": object{}},
				"sub_id": object{"format": "opaque", "id": ""}, "sub": "alice"}
		}, "invalid_request", false},
		"one subject three times": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{"subject": alice(f)}},
				"sub_id": object{"format": "opaque", "id": "alice"}, "sub": "alice"}
		}, "", true},
		"another subject in the event": {key, func(f *fixture) object {
			return object{"events": object{caep +
				"session-revoked": object{"subject": object{"format": "opaque", "id": "bob"}}}, "sub_id": alice(f)}
		}, "invalid_request", false},
		"another subject in sub": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{}}, "sub_id": alice(f), "sub": "bob"}
		}, "invalid_request", false},
		"another subject in sub than in the event": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{"subject": alice(f)}}, "sub": "bob"}
		}, "invalid_request", false},
		"another session in the event": {key, func(f *fixture) object {
			session := func(id string) object {
				return object{"format": "complex", "user": alice(f), "session": object{"format": "opaque", "id": id}}
			}
			return object{"events": object{caep + "session-revoked": object{"subject": session("s1")}},
				"sub_id": session("s2")}
		}, "invalid_request", false},
		"a second subject that is unreadable": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{"subject": "alice"}}, "sub_id": alice(f)}
		}, "invalid_request", false},
		"eight days old": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{}}, "sub_id": alice(f),
				"iat": now - 8*86400}
		}, "invalid_request", false},
		"for somebody else": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{}}, "sub_id": alice(f), "aud": "other"}
		}, "invalid_audience", false},
		"of another issuer": {key, func(f *fixture) object {
			return object{"events": object{caep + "session-revoked": object{}}, "sub_id": alice(f),
				"iss": "https://evil.example"}
		}, "invalid_issuer", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			claims := object{"jti": "1", "exp": nil, "sub": nil}
			for name, value := range test.claims(f) {
				claims[name] = value
			}

			token := f.issuer.Key().Sign(object{"typ": "secevent+jwt"}, f.issuer.Payload(claims))
			path := "/shared-signals/" + url.PathEscape(test.provider)
			for round := range 2 { // a transmitter may repeat itself
				w := f.post(t, path, "application/secevent+jwt", token)
				var answer struct {
					Err         string `json:"err"`
					Description string `json:"description"`
				}
				switch {
				case test.code == "" && (w.Code != http.StatusAccepted || w.Body.Len() != 0):
					t.Errorf("round %d: %d %s", round, w.Code, w.Body)
				case test.code != "" &&
					(w.Code != http.StatusBadRequest || json.Unmarshal(w.Body.Bytes(), &answer) != nil ||
						answer.Err != test.code || answer.Description == ""):
					t.Errorf("round %d: %d %s, want %s", round, w.Code, w.Body, test.code)
				}
			}

			if got := f.refused(t, f.claims(time.Hour, nil)); got != test.out {
				t.Errorf("alice's older token is refused: %t, want %t", got, test.out)
			}
		})
	}

	t.Run("other tokens", func(t *testing.T) {
		f := newFixture(t)
		body := f.issuer.Payload(object{"jti": "1", "events": object{caep + "session-revoked": object{}},
			"sub_id": alice(f)})

		path := "/shared-signals/" + url.PathEscape(key)
		for name, w := range map[string]*httptest.ResponseRecorder{
			"no type":     f.post(t, path, "application/secevent+jwt", f.issuer.Key().Sign(object{"typ": nil}, body)),
			"an ID token": f.post(t, path, "application/secevent+jwt", f.issuer.Key().Sign(nil, body)),
			"a form": f.post(t, path, "application/x-www-form-urlencoded",
				f.issuer.Key().Sign(object{"typ": "secevent+jwt"}, body)),
			"nothing": f.post(t, path, "application/secevent+jwt", ""),
			"two lines": f.post(t, path, "application/secevent+jwt",
				f.issuer.Key().Sign(object{"typ": "secevent+jwt"}, body)+"\n"),
			"somebody else": f.post(t, path, "application/secevent+jwt",
				logintest.NewKey(t, "RS256").Sign(object{"typ": "secevent+jwt"}, body)),
		} {
			if w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}

		if f.refused(t, f.claims(time.Hour, nil)) {
			t.Error("alice is signed out")
		}
	})
}

// A body that ends early, and one that never ends, are refused.
func TestBodies(t *testing.T) {
	f := newFixture(t)
	for name, body := range map[string]io.Reader{
		"broken":  io.MultiReader(strings.NewReader("logout_token="), errReader{}),
		"endless": endless{},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/backchannel-logout/"+url.PathEscape(key),
			body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		f.web.ServeHTTP(w, r)

		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
