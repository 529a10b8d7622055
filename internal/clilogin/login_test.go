package clilogin

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoginWithABrowser(t *testing.T) {
	r := newRig(t)
	r.login()

	status, err := r.Whoami(t.Context(), "photos")
	if err != nil || status.Subject != "alice" || !strings.Contains(status.RoleARN, ":assumed-role/User/") ||
		status.Issuer != r.issuer.URL || status.IdentityID == "" || !status.Renewable {
		t.Errorf("whoami: %+v, %v", status, err)
	}
	if !strings.Contains(strings.Join(r.notices, "\n"), r.issuer.URL+"/authorize?") {
		t.Errorf("the address is not printed: %q", r.notices)
	}

	// Others may not read what is kept, and the profile has no secret.
	err = filepath.WalkDir(filepath.Dir(r.o.Folders.State), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && path != filepath.Dir(r.o.Folders.State) && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}

		return err
	})
	if err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(r.profilePath("photos"))
	if err != nil || strings.Contains(string(text), "refresh") || strings.Contains(string(text), "eyJ") {
		t.Errorf("the profile is %s, %v", text, err)
	}
}

func TestLoginWithADevice(t *testing.T) {
	r := newRig(t)
	r.profile.Flow = FlowDevice
	r.login()

	if told := strings.Join(r.notices, "\n"); !strings.Contains(told, "ABCD-EFGH") ||
		!strings.Contains(told, r.issuer.URL+"/enter") {
		t.Errorf("told: %q", told)
	}
	if r.kept().Subject != "alice" {
		t.Errorf("the subject is %q", r.kept().Subject)
	}
}

// Without a browser the device flow is chosen, if the issuer has it. A person who opens the address has one.
func TestFlow(t *testing.T) {
	with, without := New(Options{Open: func(context.Context, string) error { return nil }}), New(Options{})
	printing := New(Options{PrintOnly: true})
	both := issuer{Authorization: "https://a", Device: "https://d"}

	for _, test := range []struct {
		client *Client
		issuer issuer
		kept   Flow
		want   Flow
	}{
		{with, both, "", FlowBrowser},
		{without, both, "", FlowDevice},
		{without, issuer{Authorization: "https://a"}, "", FlowBrowser},
		{with, issuer{Device: "https://d"}, "", FlowDevice},
		{with, both, FlowDevice, FlowDevice},
		{without, both, FlowBrowser, FlowBrowser},
		{printing, both, "", FlowBrowser},
		{printing, both, FlowDevice, FlowDevice},
		{printing, issuer{Device: "https://d"}, "", FlowDevice},
	} {
		if got := test.client.flowAt(Profile{Flow: test.kept}, test.issuer); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// A person who opens the printed address signs in, and no browser is opened.
func TestPrintOnly(t *testing.T) {
	r := newRig(t)
	r.o.PrintOnly = true
	opened := false
	r.o.Open = func(context.Context, string) error { opened = true; return nil }
	r.o.Notice = func(text string) {
		for line := range strings.Lines(text) {
			address := strings.TrimSpace(line)
			if !strings.HasPrefix(address, r.issuer.URL+"/authorize?") {
				continue
			}
			if err := r.open(t.Context(), address); err != nil {
				t.Error(err)
			}
		}
	}
	r.Client = New(r.o)
	r.login()

	if opened || r.kept().Subject != "alice" {
		t.Errorf("opened: %t, the subject is %q", opened, r.kept().Subject)
	}
}

func TestGuest(t *testing.T) {
	r := newRig(t)
	r.profile.Issuer, r.profile.ClientID = "", ""
	r.login()
	first, id := r.credentials(), r.kept().IdentityID

	r.clock.Advance(2 * time.Hour)
	if second := r.credentials(); second == first || r.kept().IdentityID != id {
		t.Errorf("the guest became %s, was %s", r.kept().IdentityID, id)
	}
	r.login()
	if r.kept().IdentityID != id {
		t.Error("a second login made another guest")
	}

	if unrevoked, err := r.Logout(t.Context(), "photos", false); unrevoked != nil || err != nil {
		t.Error(unrevoked, err)
	}
	if r.credentials(); r.kept().IdentityID == id {
		t.Error("the guest is the same after the logout")
	}
}

func TestBasicFlow(t *testing.T) {
	r := newRig(t)
	r.profile.BasicFlow, r.profile.RoleARN = true, testRole
	r.login()

	status, err := r.Whoami(t.Context(), "photos")
	if err != nil || !strings.Contains(status.RoleARN, ":assumed-role/User/") {
		t.Errorf("%+v, %v", status, err)
	}
	if n := r.requests.count["GetOpenIdToken"]; n != 1 || r.requests.count["GetCredentialsForIdentity"] > 0 {
		t.Errorf("the requests were %v", r.requests.count)
	}
}

func TestLogout(t *testing.T) {
	r := newRig(t)
	r.login()
	token := r.kept().RefreshToken

	if unrevoked, err := r.Logout(t.Context(), "photos", false); unrevoked != nil || err != nil {
		t.Error(unrevoked, err)
	}
	if len(r.issuer.revoked) != 1 || r.issuer.revoked[0] != token {
		t.Errorf("revoked: %q, want %q", r.issuer.revoked, token)
	}
	if _, err := r.Credentials(t.Context(), "photos"); !isSignIn(err) {
		t.Errorf("after the logout: %v", err)
	}

	// The sign-in is forgotten also if the issuer cannot be told.
	r.login()
	r.issuer.Close()
	if unrevoked, err := r.Logout(t.Context(), "photos", true); unrevoked == nil || err != nil {
		t.Error(unrevoked, err)
	}
	if _, err := os.Stat(r.signInPath("photos")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the sign-in is there: %v", err)
	}
	if names, err := r.Profiles(); len(names) > 0 || err != nil {
		t.Errorf("profiles %q, %v", names, err)
	}
}

func isSignIn(err error) bool {
	_, is := errors.AsType[*SignInError](err)
	return is
}

func isUntrusted(err error) bool {
	_, is := errors.AsType[*UntrustedError](err)
	return is
}

// endless writes until the reader goes.
func endless(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	for err := error(nil); err == nil; {
		_, err = w.Write([]byte(strings.Repeat(" ", 64<<10)))
	}
}

// An issuer that lies gets no sign-in, and its errors have no secret.
func TestHostileIssuer(t *testing.T) {
	at := func(path string, answer http.HandlerFunc) func(*rig) {
		return func(r *rig) {
			r.issuer.intercept = func(w http.ResponseWriter, q *http.Request) bool {
				if q.URL.Path == path {
					answer(w, q)
				}
				return q.URL.Path == path
			}
		}
	}
	elsewhere := func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
	}
	answering := func(changes map[string]any) func(*rig) { return func(r *rig) { r.issuer.answer = changes } }
	claiming := func(changes map[string]any) func(*rig) { return func(r *rig) { r.issuer.claims = changes } }
	publishing := func(changes map[string]any) func(*rig) { return func(r *rig) { r.issuer.discovery = changes } }
	back := func(change func(url.Values)) func(*rig) { return func(r *rig) { r.back = change } }
	forEver := func(w http.ResponseWriter, _ *http.Request) { endless(w) }
	const discovery = "/.well-known/openid-configuration"

	for name, test := range map[string]struct {
		lie  func(*rig)
		want string
	}{
		"other nonce":      {claiming(map[string]any{"nonce": "n"}), "nonce"},
		"no nonce":         {claiming(map[string]any{"nonce": nil}), "nonce"},
		"other audience":   {claiming(map[string]any{"aud": "another"}), "audience"},
		"azp alone":        {claiming(map[string]any{"aud": "another", "azp": testClient}), "another client"},
		"other issuer":     {claiming(map[string]any{"iss": "https://a.example"}), "issuer"},
		"alg none":         {claiming(map[string]any{"alg": "none"}), "not accepted"},
		"expired":          {claiming(map[string]any{"exp": 1}), "clock of this machine"},
		"no subject":       {claiming(map[string]any{"sub": nil}), "not accepted"},
		"no ID token":      {answering(map[string]any{"id_token": nil}), "no ID token"},
		"no access token":  {answering(map[string]any{"access_token": nil}), "no token response"},
		"text as ID token": {answering(map[string]any{"id_token": "secret-text"}), "not accepted"},

		"iss of another": {back(func(q url.Values) { q.Set("iss", "https://a.example") }), "issuer"},
		"no iss":         {back(func(q url.Values) { q.Del("iss") }), "does not name its issuer"},
		"no code":        {back(func(q url.Values) { q.Del("code") }), "no code"},
		"two codes":      {back(func(q url.Values) { q.Add("code", "b") }), "twice"},
		"other code":     {back(func(q url.Values) { q.Set("code", "b") }), "invalid_grant"},
		"refused": {func(r *rig) {
			r.back = func(q url.Values) { q.Set("error", "access_denied"); q.Set("error_description", "\x1b[2Jno") }
		}, "access_denied"},

		"discovery of another":   {publishing(map[string]any{"issuer": "https://a.example"}), "states"},
		"token endpoint by http": {publishing(map[string]any{"token_endpoint": "http://a.example/t"}), "https"},
		"keys by ftp":            {publishing(map[string]any{"jwks_uri": "ftp://a.example/t"}), "https"},
		"no token endpoint":      {publishing(map[string]any{"token_endpoint": nil}), "lacks"},

		"endless discovery":   {at(discovery, forEver), "more than"},
		"endless tokens":      {at("/token", forEver), "127.0.0.1"},
		"endless keys":        {at("/jwks", forEver), "more than"},
		"discovery elsewhere": {at(discovery, elsewhere), "redirect"},
		"tokens elsewhere":    {at("/token", elsewhere), "redirect"},
		"keys elsewhere":      {at("/jwks", elsewhere), "redirect"},
		"a page": {at("/token", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte("<html>the-code secret-text"))
		}), "no error code"},
		"fault": {at("/token", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }), "status 500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newIssuerRig(t)
			test.lie(r)

			err := r.Login(t.Context(), r.profile, LoginOptions{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q in it", err, test.want)
			}
			for _, secret := range []string{"eyJ", "the-code", "access-", "refresh-", "secret-text", "\x1b"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error has %q: %v", secret, err)
				}
			}
			if r.requests.count["GetId"] > 0 {
				t.Error("the pool was asked")
			}
			if names, err := r.Profiles(); len(names) > 0 || err != nil {
				t.Errorf("profiles %q, %v", names, err)
			}
		})
	}
}

// Answers that do not belong to the sign-in do not end it, and the first that does is the only one.
func TestForeignCallbacks(t *testing.T) {
	r := newRig(t)
	r.o.Open = func(ctx context.Context, address string) error {
		asked, err := url.Parse(address)
		if err != nil {
			return err
		}
		callback := asked.Query().Get("redirect_uri")
		state := asked.Query().Get("state")

		for _, foreign := range []struct {
			method, address, host string
			status                int
		}{
			{http.MethodGet, callback + "?code=evil&state=wrong&iss=" + r.issuer.URL, "", 400},
			{http.MethodGet, callback + "?code=evil", "", 400},
			{http.MethodGet, callback + "?code=evil&state=" + state + "&state=" + state, "", 400},
			{http.MethodGet, callback + "?code=%zz&state=" + state, "", 400},
			{http.MethodPost, callback + "?code=evil&state=" + state, "", 404},
			{http.MethodGet, callback + "/more?code=evil&state=" + state, "", 404},
			{http.MethodGet, callback + "?code=evil&state=" + state, "evil.example", 404},
		} {
			if got := r.visit(foreign.method, foreign.address, foreign.host); got != foreign.status {
				t.Errorf("%s %s gets status %d", foreign.method, foreign.address, got)
			}
		}

		return r.open(ctx, address)
	}
	r.Client = New(r.o)
	r.login()

	if r.kept().Subject != "alice" {
		t.Errorf("the subject is %q", r.kept().Subject)
	}
}

// A second answer with the right state is refused.
func TestOneCallback(t *testing.T) {
	r := newRig(t)
	first := make(chan struct{})
	r.issuer.intercept = func(_ http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path == "/token" {
			<-first // the sign-in, and its port, wait
		}
		return false
	}
	r.o.Open = func(_ context.Context, address string) error {
		asked, err := url.Parse(address)
		if err != nil {
			return err
		}
		query := asked.Query()
		r.issuer.set(func() { r.issuer.challenge, r.issuer.nonce = query.Get("code_challenge"), query.Get("nonce") })
		back := query.Get("redirect_uri") + "?" + url.Values{
			"code": {"the-code"}, "state": {query.Get("state")}, "iss": {r.issuer.URL},
		}.Encode()

		go func() {
			defer close(first)

			if got := r.visit(http.MethodGet, back, ""); got != 200 {
				t.Errorf("the first gets status %d", got)
			}
			if got := r.visit(http.MethodGet, back, ""); got != 400 {
				t.Errorf("the second gets status %d", got)
			}
		}()

		return nil
	}
	r.Client = New(r.o)
	r.login()
}

// The wait for a person is bounded, and ends with the command.
func TestNobodySignsIn(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.o.Open = func(context.Context, string) error { cancel(); return nil }
	r.Client = New(r.o)
	if err := r.Login(ctx, r.profile, LoginOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}

	expired, cancel := context.WithTimeoutCause(t.Context(), 0, nil)
	defer cancel()
	if err := waited(expired); !errors.Is(err, errWaited) {
		t.Errorf("after the time: %v", err)
	}
}

// silent is a server that answers nothing.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSlowIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := newWeb(silent{}).get(t.Context(), "https://issuer.example")
		if _, is := errors.AsType[*UnavailableError](err); !is || time.Since(start) != exchangeTime {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestClientSecret(t *testing.T) {
	r := newRig(t)
	seen := ""
	r.issuer.intercept = func(_ http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path == "/token" {
			_, seen, _ = q.BasicAuth()
		}
		return false
	}
	if err := r.Login(t.Context(), r.profile, LoginOptions{ClientSecret: "of-the-client"}); err != nil {
		t.Fatal(err)
	}
	if seen != "of-the-client" {
		t.Errorf("the issuer got %q", seen)
	}

	r.login() // the secret is kept
	if seen != "of-the-client" {
		t.Errorf("at the second login the issuer got %q", seen)
	}
}
