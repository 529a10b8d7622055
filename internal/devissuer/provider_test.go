package devissuer_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// world is a provider with a clock, and a browser with a cookie.
type world struct {
	*testing.T

	now      time.Time
	folder   string // of its files; "" = none
	issuer   *devissuer.Issuer
	users    *devuser.Store
	clients  *devissuer.Clients
	provider *devissuer.Provider
	receiver http.Handler
	cookie   string
	log      bytes.Buffer
}

const (
	base      = "http://127.0.0.1:4599"
	callback  = "http://localhost:5173/cb"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func newWorld(t *testing.T, folder string) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC), folder: folder, clients: &devissuer.Clients{}}
	w.start()
	for _, u := range []devuser.User{
		{Name: "alice", Subject: "alice", Claims: map[string]any{
			"name": "Alice", "email": "alice@example.com", "cognito:groups": []any{"admins"}, "nonce": "forged",
		}},
		{Name: "bob", Subject: "b-1"},
	} {
		if err := w.users.Put(u); err != nil {
			t.Fatal(err)
		}
	}

	return w
}

// start starts the provider, again too.
func (w *world) start() {
	w.Helper()
	keyFile, usersFile, grantsFile := "", "", ""
	if w.folder != "" {
		keyFile, usersFile, grantsFile = w.folder+"/key", w.folder+"/users", w.folder+"/grants"
	}
	now := func() time.Time { return w.now }

	var err error
	if w.issuer, err = devissuer.New(base, "poolhouse-dev", keyFile, now, nil); err != nil {
		w.Fatal(err)
	}
	if w.users, err = devuser.Open(usersFile); err != nil {
		w.Fatal(err)
	}
	w.provider, err = devissuer.NewProvider(devissuer.ProviderOptions{
		Issuer:     w.issuer,
		Users:      w.users,
		Clients:    w.clients,
		GrantsFile: grantsFile,
		AllowsOrigin: func(origin, _ string) bool {
			return strings.HasPrefix(origin, "http://localhost:") || strings.HasPrefix(origin, "http://127.0.0.1:") ||
				strings.HasSuffix(origin, "://localhost")
		},
		Trusted: func(id string) bool { return id == "poolhouse-dev" },
		Receiver: http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
			if w.receiver != nil {
				w.receiver.ServeHTTP(answer, r)
			}
		}),
		Now:    now,
		Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	if err != nil {
		w.Fatal(err)
	}
}

// send sends a request as the browser does, and keeps the cookie that it gets.
func (w *world) send(method, path string, form url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	w.Helper()
	target := base + devissuer.Path + path
	request := httptest.NewRequest(method, target, nil)
	if method == http.MethodPost {
		request = httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else if form != nil {
		request.URL.RawQuery = form.Encode()
	}
	if w.cookie != "" {
		request.Header.Set("Cookie", w.cookie)
	}
	for _, edit := range change {
		edit(request)
	}

	answer := httptest.NewRecorder()
	w.provider.ServeHTTP(answer, request)
	for _, c := range answer.Result().Cookies() {
		w.cookie = c.Name + "=" + c.Value
		if c.MaxAge < 0 {
			w.cookie = ""
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != devissuer.Path {
			w.Errorf("the cookie is %v", c)
		}
	}

	return answer
}

// asked is an authorization request, with changes; "" removes a parameter.
func asked(pairs ...string) url.Values {
	form := url.Values{"client_id": {"poolhouse-dev"}, "redirect_uri": {callback}, "response_type": {"code"},
		"scope": {"openid email offline_access"}, "state": {"s&1"}, "nonce": {"n-1"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for n := 0; n < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
		if pairs[n+1] == "" {
			form.Del(pairs[n])
		}
	}

	return form
}

var hidden = regexp.MustCompile(`name="request" value="([^"]+)"`)

// page returns the secret of the page that an authorization request shows.
func (w *world) page(form url.Values) string {
	w.Helper()
	answer := w.send("GET", "/authorize", form)
	found := hidden.FindStringSubmatch(answer.Body.String())
	if answer.Code != http.StatusOK || found == nil {
		w.Fatalf("the page is %d %v %s", answer.Code, answer.Header(), answer.Body)
	}

	return found[1]
}

// back returns the parameters with which an answer sends the browser back.
func (w *world) back(answer *httptest.ResponseRecorder) url.Values {
	w.Helper()
	location, err := url.Parse(answer.Header().Get("Location"))
	if err != nil || answer.Code != http.StatusSeeOther || !strings.HasPrefix(location.String(), callback) {
		w.Fatalf("not sent back: %d %v %s", answer.Code, answer.Header(), answer.Body)
	}

	return location.Query()
}

// code returns the code of a sign-in.
func (w *world) code(form url.Values, user string) string {
	w.Helper()
	back := w.back(w.send("POST", "/sign-in", url.Values{"request": {w.page(form)}, "user": {user}}))
	if back.Get("state") != form.Get("state") || back.Get("iss") != w.issuer.URL || back.Get("code") == "" {
		w.Fatalf("sent back with %v", back)
	}

	return back.Get("code")
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
	Text    string `json:"error_description"`
}

// token asks the token endpoint.
func (w *world) token(pairs ...string) tokens {
	w.Helper()
	form := url.Values{"client_id": {"poolhouse-dev"}}
	for n := 0; n < len(pairs); n += 2 {
		form.Set(pairs[n], pairs[n+1])
	}

	answer := w.send("POST", "/token", form)
	var got tokens
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || (answer.Code == 200) != (got.Error == "") ||
		answer.Header().Get("Cache-Control") != "no-store" {
		w.Fatalf("the token endpoint answered %d %v %s", answer.Code, answer.Header(), answer.Body)
	}

	return got
}

func (w *world) exchange(code string, pairs ...string) tokens {
	w.Helper()
	return w.token(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", callback,
		"code_verifier", verifier}, pairs...)...)
}

func (w *world) refresh(token string, pairs ...string) tokens {
	w.Helper()
	return w.token(append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

func (w *world) signedIn(user string) tokens {
	w.Helper()
	got := w.exchange(w.code(asked(), user))
	if got.Error != "" {
		w.Fatalf("no tokens: %+v", got)
	}

	return got
}

func (w *world) userinfo(token string) (int, string) {
	answer := w.send("GET", "/userinfo", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
	return answer.Code, strings.TrimSpace(answer.Body.String())
}

// payload returns the claims of a token.
func payload(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %s", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}

	return claims
}

func TestSignInWithACode(t *testing.T) {
	w := newWorld(t, "")
	code := w.code(asked(), "alice")
	got := w.exchange(code)
	claims := payload(t, got.ID)
	for name, want := range map[string]any{
		"iss": w.issuer.URL, "sub": "alice", "aud": "poolhouse-dev", "azp": "poolhouse-dev", "nonce": "n-1",
		"email": "alice@example.com", "name": nil, "iat": float64(w.now.Unix()), "exp": float64(w.now.Unix() + 3600),
		"auth_time": float64(w.now.Unix()), "cognito:groups": "[admins]",
	} {
		if value := claims[name]; value != want && fmt.Sprint(value) != want {
			t.Errorf("the claim %s is %v, want %v", name, value, want)
		}
	}
	if claims["sid"] == "" || claims["at_hash"] == "" || got.Expires != 3600 ||
		got.Scope != "openid email offline_access" {
		t.Errorf("tokens are %+v with %v", got, claims)
	}

	status, info := w.userinfo(got.Access)
	if status != 200 || info != `{"cognito:groups":["admins"],"email":"alice@example.com","sub":"alice"}` {
		t.Errorf("userinfo is %d %s", status, info)
	}

	// A code that comes again was stolen.
	if again := w.exchange(code); again.Error != "invalid_grant" {
		t.Errorf("the code again: %+v", again)
	}
	if status, _ := w.userinfo(got.Access); status != http.StatusUnauthorized {
		t.Errorf("userinfo after the code came again: %d", status)
	}
	if after := w.refresh(got.Refresh); after.Error != "invalid_grant" {
		t.Errorf("refresh after the code came again: %+v", after)
	}
}

func TestCodesThatAreRefused(t *testing.T) {
	for name, pairs := range map[string][]string{
		"another client":       {"client_id", "other"},
		"another redirect_uri": {"redirect_uri", callback + "2"},
		"another verifier":     {"code_verifier", "X" + verifier[1:]},
		"no verifier":          {"code_verifier", ""},
		"invented":             {"code", "invented"},
		"late":                 nil,
	} {
		w := newWorld(t, "")
		code := w.code(asked(), "alice")
		if name == "late" {
			w.now = w.now.Add(61 * time.Second)
		}
		if got := w.exchange(code, pairs...); got.Error != "invalid_grant" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	w := newWorld(t, "")
	first := w.signedIn("alice")
	second := w.refresh(first.Refresh, "scope", "openid")
	claims := payload(t, second.ID)
	if second.Refresh == first.Refresh || claims["sub"] != "alice" || claims["email"] != nil || claims["nonce"] != nil {
		t.Fatalf("refreshed: %+v %v", second, claims)
	}
	if wider := w.refresh(second.Refresh, "scope", "openid phone"); wider.Error != "invalid_scope" {
		t.Errorf("a wider scope: %+v", wider)
	}
	if other := w.refresh(second.Refresh, "client_id", "other"); other.Error != "invalid_grant" {
		t.Errorf("another client: %+v", other)
	}
	third := w.refresh(second.Refresh)
	if third.Error != "" {
		t.Fatalf("refreshed again: %+v", third)
	}

	// The first one comes again: nobody knows who stole it.
	if got := w.refresh(first.Refresh); got.Error != "invalid_grant" {
		t.Errorf("an old token: %+v", got)
	}
	if got := w.refresh(third.Refresh); got.Error != "invalid_grant" {
		t.Errorf("the newest one after an old one came again: %+v", got)
	}
	if status, _ := w.userinfo(third.Access); status != http.StatusUnauthorized {
		t.Errorf("userinfo after an old refresh token came again: %d", status)
	}
}

// Sign-ins outlive a restart, in a file that is useless for whoever reads it.
func TestSignInsSurviveARestart(t *testing.T) {
	w := newWorld(t, t.TempDir())
	got := w.signedIn("alice")
	text := readFile(t, w.folder+"/grants")
	_, cookie, _ := strings.Cut(w.cookie, "=")
	secrets := map[string]string{"refresh token": got.Refresh, "access token": got.Access, "cookie": cookie}
	for name, token := range secrets {
		secret := token[strings.LastIndex(token, ".")+1:]
		if secret == "" || strings.Contains(text, secret) {
			t.Errorf("the file has the %s", name)
		}
	}

	w.start()
	if status, _ := w.userinfo(got.Access); status != 200 {
		t.Errorf("userinfo after a restart: %d", status)
	}
	if again := w.back(w.send("GET", "/authorize", asked("prompt", "none"))); again.Get("code") == "" {
		t.Errorf("the session is gone: %v", again)
	}
	next := w.refresh(got.Refresh)
	if next.Error != "" {
		t.Fatalf("refresh after a restart: %+v", next)
	}

	w.now = w.now.Add(31 * 24 * time.Hour)
	if late := w.refresh(next.Refresh); late.Error != "invalid_grant" {
		t.Errorf("after a month: %+v", late)
	}

	writeFile(t, w.folder+"/grants", "{")
	_, err := devissuer.NewProvider(devissuer.ProviderOptions{
		Issuer: w.issuer, Users: w.users, Clients: w.clients, GrantsFile: w.folder + "/grants", Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), devissuer.ErrGrants.Error()) {
		t.Errorf("a damaged file: %v", err)
	}
}

// A user who is deleted gets no more tokens.
func TestDeletedUser(t *testing.T) {
	w := newWorld(t, "")
	got := w.signedIn("alice")
	if err := w.users.Delete("alice"); err != nil {
		t.Fatal(err)
	}
	if after := w.refresh(got.Refresh); after.Error != "invalid_grant" {
		t.Errorf("refresh: %+v", after)
	}
	if status, _ := w.userinfo(got.Access); status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d", status)
	}
	if back := w.back(w.send("GET", "/authorize", asked("prompt", "none"))); back.Get("error") != "login_required" {
		t.Errorf("prompt none: %v", back)
	}
}

// What a client does wrong, it hears.
func TestAuthorizationRefusals(t *testing.T) {
	long := strings.Repeat("a", 5000)

	for name, test := range map[string]struct {
		pairs []string
		want  string
	}{
		"no PKCE":          {[]string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		"plain PKCE":       {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"no method":        {[]string{"code_challenge_method", ""}, "invalid_request"},
		"short challenge":  {[]string{"code_challenge", "abc"}, "invalid_request"},
		"implicit":         {[]string{"response_type", "id_token"}, "unsupported_response_type"},
		"no type":          {[]string{"response_type", ""}, "unsupported_response_type"},
		"no scope":         {[]string{"scope", ""}, "invalid_scope"},
		"foreign scope":    {[]string{"scope", "admin"}, "invalid_scope"},
		"without openid":   {[]string{"scope", "profile offline_access"}, "invalid_scope"},
		"request object":   {[]string{"request", "eyJ"}, "request_not_supported"},
		"request URI":      {[]string{"request_uri", "https://x.example"}, "request_uri_not_supported"},
		"form_post":        {[]string{"response_mode", "form_post"}, "invalid_request"},
		"none with login":  {[]string{"prompt", "none login"}, "invalid_request"},
		"none, nobody":     {[]string{"prompt", "none"}, "login_required"},
		"negative max_age": {[]string{"max_age", "-1"}, "invalid_request"},
		"max_age in words": {[]string{"max_age", "soon"}, "invalid_request"},
		"invented hint":    {[]string{"id_token_hint", "a.b.c"}, "invalid_request"},
		"long nonce":       {[]string{"nonce", long}, "invalid_request"},
		"long login_hint":  {[]string{"login_hint", long}, "invalid_request"},
	} {
		w := newWorld(t, "")
		back := w.back(w.send("GET", "/authorize", asked(test.pairs...)))
		if back.Get("error") != test.want || back.Get("error_description") == "" ||
			back.Get("state") != "s&1" || back.Get("code") != "" {
			t.Errorf("%s: %v", name, back)
		}
	}
}

// Nobody is sent to where an answer must not go; the page tells why.
func TestRedirectsThatAreRefused(t *testing.T) {
	w := newWorld(t, "")
	if err := w.clients.Put(devissuer.Client{ID: "fixed", RedirectURIs: []string{callback}}); err != nil {
		t.Fatal(err)
	}
	for name, pairs := range map[string][]string{
		"foreign":       {"redirect_uri", "https://evil.example/cb"},
		"userinfo":      {"redirect_uri", "http://localhost:5173@evil.example/"},
		"javascript":    {"redirect_uri", "javascript:alert(1)"},
		"data":          {"redirect_uri", "data:text/html,x"},
		"file":          {"redirect_uri", "file:///etc/passwd"},
		"script's host": {"redirect_uri", "javascript://localhost/%0aalert(1)"},
		"file's host":   {"redirect_uri", "file://localhost/etc/passwd"},
		"web view":      {"redirect_uri", "capacitor://evil.example/cb"},
		"view's host":   {"redirect_uri", "capacitor:/cb"},
		"fragment":      {"redirect_uri", callback + "#x"},
		"relative":      {"redirect_uri", "/cb"},
		"no host":       {"redirect_uri", "http:///cb"},
		"line break":    {"redirect_uri", callback + "\r\nX: y"},
		"not described": {"client_id", "fixed", "redirect_uri", callback + "2"},
		"no client":     {"client_id", ""},
		"client's form": {"client_id", "<b>"},
		"no redirect":   {"redirect_uri", ""},
		"long":          {"redirect_uri", callback + strings.Repeat("a", 3000)},
	} {
		answer := w.send("GET", "/authorize", asked(pairs...))
		body := answer.Body.String()
		if answer.Code != 400 || answer.Header().Get("Location") != "" || !strings.Contains(body, "<h1>") ||
			strings.Contains(body, "<b>") {
			t.Errorf("%s: %d %v %s", name, answer.Code, answer.Header(), answer.Body)
		}
	}

	for name, pairs := range map[string][]string{
		"described": {"client_id", "fixed"},
		"app":       {"redirect_uri", "com.example.app:/cb"},
		"Capacitor": {"redirect_uri", "capacitor://localhost/"},
		"Ionic":     {"redirect_uri", "ionic://localhost/cb"},
		"Tauri":     {"redirect_uri", "tauri://localhost"},
		"Android":   {"redirect_uri", "https://localhost/cb"},
		"query":     {"redirect_uri", callback + "?a=b"},
	} {
		if answer := w.send("GET", "/authorize", asked(pairs...)); answer.Code != 200 {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
}

func TestPrompts(t *testing.T) {
	w := newWorld(t, "")
	hint := w.signedIn("alice").ID
	w.now = w.now.Add(time.Minute)
	ask := func(pairs ...string) string { return w.send("GET", "/authorize", asked(pairs...)).Body.String() }
	silent := func(pairs ...string) string {
		back := w.back(w.send("GET", "/authorize", asked(append([]string{"prompt", "none"}, pairs...)...)))
		if code := back.Get("code"); code != "" {
			return fmt.Sprint(payload(t, w.exchange(code).ID)["sub"])
		}
		return back.Get("error")
	}

	const goOn = `name="continue"`
	for name, test := range map[string]struct {
		got  string
		want bool
	}{
		"no prompt":       {ask(), true},
		"select_account":  {ask("prompt", "select_account"), true},
		"consent":         {ask("prompt", "consent"), true},
		"login":           {ask("prompt", "login"), false},
		"young enough":    {ask("max_age", "60"), true},
		"too old":         {ask("max_age", "59"), false},
		"hint of another": {ask("login_hint", "bob"), false},
		"unknown hint":    {ask("login_hint", "new@example.com"), false},
		"its own hint":    {ask("login_hint", "ALICE@example.com"), true},
		"acr_values":      {ask("acr_values", "urn:x"), true},
	} {
		if strings.Contains(test.got, goOn) != test.want {
			t.Errorf("%s: the page offers to continue: %v", name, !test.want)
		}
	}
	if page := ask("login_hint", "b-1"); strings.Index(page, `value="bob"`) > strings.Index(page, `value="alice"`) {
		t.Error("the user of login_hint is not the first")
	}
	cookie := w.cookie
	for name, cookie := range map[string]string{"another browser": "", "a session": cookie} {
		w.cookie = cookie
		page := ask("login_hint", "new@example.com")
		if !strings.Contains(page, `value="new@example.com"`) || strings.Count(page, " autofocus") != 1 ||
			!regexp.MustCompile(`name="new_user"[^>]* autofocus`).MatchString(page) {
			t.Errorf("%s: an unknown login_hint does not fill the fields", name)
		}
	}
	w.cookie = cookie

	for name, test := range map[string][2]string{
		"none":             {silent(), "alice"},
		"with its hint":    {silent("id_token_hint", hint), "alice"},
		"too old":          {silent("max_age", "59"), "login_required"},
		"young enough":     {silent("max_age", "60"), "alice"},
		"hint of somebody": {silent("id_token_hint", newWorld(t, "").signedIn("bob").ID), "invalid_request"},
	} {
		if test[0] != test[1] {
			t.Errorf("prompt none, %s: %s, want %s", name, test[0], test[1])
		}
	}

	// Continue keeps the time of the sign-in; prompt login makes a new one.
	began := w.now.Add(-time.Minute).Unix()
	answer := w.send("POST", "/sign-in", url.Values{"request": {w.page(asked())}, "continue": {"yes"}})
	if at := payload(t, w.exchange(w.back(answer).Get("code")).ID)["auth_time"]; at != float64(began) {
		t.Errorf("auth_time after continue: %v, want %v", at, began)
	}
	forced := url.Values{"request": {w.page(asked("prompt", "login"))}, "continue": {"yes"}}
	if answer := w.send("POST", "/sign-in", forced); answer.Header().Get("Location") != "" {
		t.Errorf("prompt login lets continue: %v", answer.Header())
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
