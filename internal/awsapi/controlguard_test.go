package awsapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const controlSecret = "0123456789abcdef0123456789abcdef"

// movedListener accepts connections that come from another address than they do.
type movedListener struct {
	net.Listener

	from string
}

type movedConn struct {
	net.Conn

	from net.Addr
}

func (c movedConn) RemoteAddr() net.Addr { return c.from }

func (l movedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return movedConn{Conn: c, from: &net.TCPAddr{IP: net.ParseIP(l.from), Port: 50000}}, nil
}

// seenFrom listens for a development server's clients, who all seem to have an address.
func seenFrom(t *testing.T, from string, change ...func(*poolhouse.Config)) *wiretest.Server {
	t.Helper()
	s := wiretest.Start(t, change...)
	web := httptest.NewUnstartedServer(s.Server)
	web.Listener = movedListener{Listener: web.Listener, from: from}
	web.Start()
	t.Cleanup(web.Close)

	return &wiretest.Server{Server: s.Server, URL: web.URL, Stop: web.Close}
}

func withToken(c *poolhouse.Config) { c.DevControlToken = controlSecret }

// controlCalls are calls of every route of the control API, and of what may come to be there.
func controlCalls(routes []string) map[string]devCall {
	calls := map[string]devCall{
		"a future route":  {method: "POST", target: "/_poolhouse/dev/users", body: `{}`, header: inJSON},
		"a future API":    {method: "GET", target: "/_poolhouse/other"},
		"with a slash":    {method: "GET", target: poolhouse.DevInfoPath + "/"},
		"escaped":         {method: "GET", target: "/%5Fpoolhouse/dev%2Finfo"},
		"with dots":       {method: "POST", target: "/x/../_poolhouse/dev/token", body: `{"sub":"a"}`, header: inJSON},
		"doubled slashes": {method: "POST", target: "//_poolhouse//dev//token", body: `{"sub":"a"}`, header: inJSON},
		"preflight": {method: "OPTIONS", target: poolhouse.DevTokenPath,
			header: map[string]string{"Access-Control-Request-Method": "POST"}},
		"a call of an API": {method: "POST", target: poolhouse.DevTokenPath, header: createPool,
			body: `{"IdentityPoolName":"evil","AllowUnauthenticatedIdentities":true}`, service: "cognito-identity"},
	}
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{name}", "admin", "{id}", "fault-1", "/wait", "/wait?timeout_seconds=0").
			Replace(path)
		calls[route] = devCall{method: method, target: path, body: `{"sub":"admin"}`, header: inJSON}
	}

	return calls
}

// Other machines get nothing of the control API, whatever its path and however they write it,
// unless they have the token. This machine needs none.
func TestControlAPIOfOtherMachines(t *testing.T) {
	const far, near = "192.0.2.7", "127.0.0.1"
	unset, set := seenFrom(t, far), seenFrom(t, far, withToken)
	own, ownSet := seenFrom(t, near), seenFrom(t, "::1", withToken)
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+controlSecret) }
	alone := func(*http.Request) {}

	for name, c := range controlCalls(own.DevRoutes()) {
		got := sent(t, unset, c, alone)
		refusedPage(t, name+" without the setting", got, "dev.control_token")
		inControlForm(t, name+" without the setting", got)
		if c.service == "" { // else the header has a signature
			got = sent(t, unset, c, bearer)
			refusedPage(t, name+" with a token that nobody set", got, "dev.control_token")
		}

		got = sent(t, set, c, alone)
		if got.Status != http.StatusUnauthorized || got.Header.Get("WWW-Authenticate") != "Bearer" ||
			!strings.Contains(got.Body, "dev.control_token") || strings.Contains(got.Body, controlSecret) {
			t.Errorf("%s without the token: %d %v %s", name, got.Status, got.Header, got.Body)
		}
		inControlForm(t, name+" without the token", got)

		for what, s := range map[string]*wiretest.Server{"unset": own, "set": ownSet} {
			if got := sent(t, s, c, alone); got.Status == http.StatusForbidden || got.Status == 401 {
				t.Errorf("%s by this machine, token %s: %d %s", name, what, got.Status, got.Body)
			}
		}
		if got := sent(t, set, c, bearer); c.service == "" && (got.Status == 403 || got.Status == 401) {
			t.Errorf("%s with the token: %d %s", name, got.Status, got.Body)
		}
	}

	for _, route := range []string{
		"GET /_poolhouse/dev/info", "PUT /_poolhouse/dev/users/{name}", "POST /_poolhouse/dev/token",
		"DELETE /_poolhouse/dev/users/{name}", "POST /_poolhouse/dev/rotate-key", "GET /_poolhouse/dev/calls",
	} {
		if got := sent(t, set, controlCalls(set.DevRoutes())[route], bearer); got.Status != http.StatusOK {
			t.Errorf("%s with the token: %d %s", route, got.Status, got.Body)
		}
	}
}

// inControlForm fails the test unless a refusal has the form of the control API, whatever was asked.
func inControlForm(t *testing.T, what string, got wiretest.Answer) {
	t.Helper()
	var body map[string]string
	err := json.Unmarshal([]byte(got.Body), &body)
	if kind := got.Header.Get("Content-Type"); err != nil || len(body) != 1 || body["error"] == "" ||
		kind != "application/json" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %s %s", what, kind, got.Body)
	}
}

// Pages and form posts get refusals of the control API in its form, and those of the AWS APIs in AWS's.
func TestControlAPIRefusesPagesInItsForm(t *testing.T) {
	s := wiretest.Start(t)
	foreign := func(r *http.Request) {
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	got := sent(t, s, devCall{method: "POST", target: poolhouse.DevResetPath, body: "empty=true"}, foreign)
	refusedPage(t, "reset", got, "dev.allowed_origins")
	inControlForm(t, "reset", got)

	got = sent(t, s, devCall{method: "POST", target: "/", body: "Action=GetCallerIdentity"}, foreign)
	refusedPage(t, "an API of AWS", got, "dev.allowed_origins")
	if !strings.HasPrefix(got.Body, "<ErrorResponse") {
		t.Errorf("an API of AWS refuses a page with %s", got.Body)
	}
}

// What is no control token.
func TestControlTokens(t *testing.T) {
	s := seenFrom(t, "192.0.2.7", withToken)
	token := controlCalls(s.DevRoutes())["POST "+poolhouse.DevTokenPath]
	for name, header := range map[string][]string{
		"empty":          {""},
		"scheme alone":   {"Bearer"},
		"no token":       {"Bearer "},
		"another":        {"Bearer " + wiretest.Flip(controlSecret)},
		"its beginning":  {"Bearer " + controlSecret[:31]},
		"more":           {"Bearer " + controlSecret + "0"},
		"a blank before": {"Bearer  " + controlSecret},
		"Basic":          {"Basic " + controlSecret},
		"no scheme":      {controlSecret},
		"twice":          {"Bearer " + controlSecret, "Bearer " + controlSecret},
		"long":           {"Bearer " + strings.Repeat("a", 8<<10)},
	} {
		got := sent(t, s, token, func(r *http.Request) { r.Header["Authorization"] = header })
		if got.Status != http.StatusUnauthorized || strings.Contains(got.Body, "eyJ") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}

	for name, change := range map[string]func(*http.Request){
		"in the query": func(r *http.Request) { r.URL.RawQuery = "access_token=" + controlSecret },
		"as the proxy's": func(r *http.Request) {
			r.Header.Set("Proxy-Authorization", "Bearer "+controlSecret)
		},
		"claimed to be local": func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") },
	} {
		if got := sent(t, s, token, change); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}

	got := sent(t, s, token, func(r *http.Request) { r.Header.Set("Authorization", "bearer "+controlSecret) })
	wiretest.Equal(t, "status with the scheme in lower case", got.Status, http.StatusOK)

	// The token does not open the server to pages of other origins.
	got = sent(t, s, token, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+controlSecret)
		r.Header.Set("Origin", "https://evil.example")
	})
	refusedPage(t, "a page with the token", got, "dev.allowed_origins")
}

// What a proxy or tunnel on this machine forwards is not from this machine, unless it tells so.
func TestControlAPIBehindProxies(t *testing.T) {
	for name, test := range map[string]struct {
		behindProxy bool
		header      http.Header
		allowed     bool
	}{
		"none":                 {false, nil, true},
		"tunnel":               {false, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, false},
		"tunnel, spoofed":      {false, http.Header{"X-Forwarded-For": {"127.0.0.1, 203.0.113.9"}}, false},
		"tunnel, spoofed last": {false, http.Header{"X-Forwarded-For": {"203.0.113.9", "127.0.0.1"}}, false},
		"local proxy":          {false, http.Header{"X-Forwarded-For": {"127.0.0.1"}}, true},
		"local proxy, IPv6":    {false, http.Header{"X-Forwarded-For": {"::1"}}, true},
		"unreadable":           {false, http.Header{"X-Forwarded-For": {"unknown"}}, false},
		"empty":                {false, http.Header{"X-Forwarded-For": {""}}, false},
		"Forwarded":            {false, http.Header{"Forwarded": {"for=127.0.0.1"}}, false},
		"behind_proxy, none":   {true, nil, false},
		"behind_proxy, far":    {true, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, false},
		"behind_proxy, local":  {true, http.Header{"X-Forwarded-For": {"127.0.0.1"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := seenFrom(t, "127.0.0.1", func(c *poolhouse.Config) { c.BehindProxy = test.behindProxy })

			got := sent(t, s, devCall{method: "GET", target: poolhouse.DevInfoPath}, func(r *http.Request) {
				for key, values := range test.header {
					r.Header[key] = values
				}
			})

			if allowed := got.Status == http.StatusOK; allowed != test.allowed {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
}

// The page at / tells other machines nothing about users and calls, as the control API does not.
func TestPageOfOtherMachines(t *testing.T) {
	alone := func(*http.Request) {}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+controlSecret) }
	password := func(text string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth("anybody", text) } // as a browser sends it
	}
	tunnelled := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.7") }
	open := devCall{method: "GET", target: "/", header: map[string]string{"Accept": "text/html"}}
	for name, test := range map[string]struct {
		from    string
		set     func(*poolhouse.Config)
		change  func(*http.Request)
		allowed bool
	}{
		"this machine":            {"127.0.0.1", withToken, alone, true},
		"this machine by IPv6":    {"::1", withToken, alone, true},
		"a tunnel":                {"127.0.0.1", withToken, tunnelled, false},
		"another machine":         {"192.0.2.7", func(*poolhouse.Config) {}, alone, false},
		"a token that nobody set": {"192.0.2.7", func(*poolhouse.Config) {}, bearer, false},
		"without the token":       {"192.0.2.7", withToken, alone, false},
		"with the token":          {"192.0.2.7", withToken, bearer, true},
		"with it as password":     {"192.0.2.7", withToken, password(controlSecret), true},
		"another password":        {"192.0.2.7", withToken, password(controlSecret + "x"), false},
		"no password":             {"192.0.2.7", withToken, password(""), false},
		"a password nobody set":   {"192.0.2.7", func(*poolhouse.Config) {}, password(""), false},
	} {
		s := seenFrom(t, test.from, test.set)
		got := sent(t, s, open, test.change)

		shown := strings.Contains(got.Body, "<html")
		if shown != test.allowed || (got.Status == http.StatusOK) != test.allowed {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		if !test.allowed {
			challenge := got.Header.Get("WWW-Authenticate")
			var c poolhouse.Config
			test.set(&c)
			hasToken := c.DevControlToken != ""
			if asked := strings.HasPrefix(challenge, "Basic "); asked != (got.Status == http.StatusUnauthorized) ||
				hasToken != asked {
				t.Errorf("%s: %d asks %q", name, got.Status, challenge)
			}
			if !strings.Contains(got.Body, "dev.control_token") {
				t.Errorf("%s: %s", name, got.Body)
			}
			wiretest.Equal(t, "content type", got.Header.Get("Content-Type"), "text/plain; charset=utf-8")
		}
	}
}

// Everything else of a development server is open to other machines, as it was: the APIs, and the
// documents with which they verify the issuer's tokens.
func TestOtherMachinesVerifyTokens(t *testing.T) {
	s := seenFrom(t, "192.0.2.7")
	for name, c := range devCalls {
		control := c.target == poolhouse.DevInfoPath || c.target == poolhouse.DevTokenPath
		if got := sent(t, s, c, func(*http.Request) {}); (got.Status == http.StatusForbidden) != control {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

func TestControlTokenSetting(t *testing.T) {
	for token, good := range map[string]bool{
		"":                                true,
		strings.Repeat("x", 15):           false,
		strings.Repeat("x", 16):           true,
		strings.Repeat("x", 512):          true,
		strings.Repeat("x", 513):          false,
		"with a blank in it":              false,
		"sixteen characters\n":            false,
		"kein-Schlüssel-in-ASCII-Zeichen": false,
	} {
		_, err := awsapi.NewControlGuard(awsapi.ControlGuardOptions{Prefix: "/", Token: token})
		if (err == nil) != good || err != nil &&
			(!strings.Contains(err.Error(), "dev.control_token") || strings.Contains(err.Error(), token)) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// A request as no library writes it: HTTP/1.0, a whole URL, a line of headers that is folded.
func TestControlAPIOnTheWire(t *testing.T) {
	s := seenFrom(t, "192.0.2.7")
	address := strings.TrimPrefix(s.URL, "http://")
	for _, line := range []string{
		"GET /_poolhouse/dev/info HTTP/1.0\r\n",
		"GET http://" + address + "/_poolhouse/dev/info HTTP/1.1\r\nHost: " + address + "\r\n",
		"GET /./_poolhouse/dev/info HTTP/1.1\r\nHost: " + address + "\r\n",
		"GET /_poolhouse/./dev/info?x=1 HTTP/1.1\r\nHost: " + address + "\r\n",
		"CONNECT /_poolhouse/dev/info HTTP/1.1\r\nHost: " + address + "\r\n",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "%sConnection: close\r\nAccept: text/html\r\n\r\n", line); err != nil {
			t.Fatal(err)
		}

		answer, err := io.ReadAll(bufio.NewReader(conn))
		if err != nil && len(answer) == 0 {
			t.Fatal(err)
		}
		_ = conn.Close()
		if text := string(answer); !strings.Contains(text, " 403 ") || strings.Contains(text, "secret_access_key") {
			t.Errorf("%q: %s", line, text)
		}
	}

	if !slices.Contains(s.DevRoutes(), "GET /_poolhouse/dev/info") {
		t.Error("the path of this test is not that of the API")
	}
}
