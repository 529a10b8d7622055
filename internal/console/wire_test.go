//go:build !noconsole

package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// visit sends a request to a server as a browser does, and checks the headers of an answer of the console.
func visit(t *testing.T, url, method, path string, sent map[string]string) wiretest.Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range sent {
		request.Header.Set(name, value)
	}
	if host := sent["Host"]; host != "" {
		request.Host = host
	}
	got := wiretest.Do(t, request)

	for name, want := range headers {
		if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s %s: %s = %q", method, path, name, values)
		}
	}
	if allowed := got.Header.Values("Access-Control-Allow-Origin"); len(allowed) > 0 {
		t.Errorf("%s %s: pages of %q may read it", method, path, allowed)
	}

	return got
}

// Every answer below /console/ has the headers, also those that the guards of development and not the console gives.
// The guards let the page in by the names of the server, and pages of others open it in a tab but do not read it.
func TestConsoleOnTheWire(t *testing.T) {
	on := func(c *poolhouse.Config) { c.Console = true }
	dev, production := wiretest.Start(t, on), wiretest.StartProduction(t, on).Server
	link := map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
		"Sec-Fetch-Dest": "document"}

	for _, test := range []struct {
		method, path    string
		sent            map[string]string
		dev, production int
	}{
		{"GET", "/console/", nil, 200, 200},
		{"HEAD", "/console/", nil, 200, 200},
		{"GET", "/console/?x=y", nil, 200, 200},
		{"GET", "/console/context.json", nil, 200, 200},
		{"GET", "/console//index.html", nil, 404, 404},
		{"GET", "/console/./", nil, 404, 404},
		{"GET", "/console/%2e%2e/metrics", nil, 404, 404},
		{"GET", "/console/?Action=GetCallerIdentity&Version=2011-06-15", nil, 200, 200},
		{"POST", "/console/", nil, 405, 405},
		{"POST", "/console/?Action=GetCallerIdentity&Version=2011-06-15", nil, 405, 405},
		{"OPTIONS", "/console/context.json", map[string]string{"Access-Control-Request-Method": "GET"}, 405, 405},

		{"GET", "/console/", map[string]string{"Host": "evil.example"}, 403, 200},
		{"GET", "/console/context.json", map[string]string{"Origin": "https://evil.example"}, 403, 200},
		{"GET", "/console/", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, 200},
		{"GET", "/console/", link, 200, 200},
		{"GET", "/console/context.json", link, 403, 200},
	} {
		for url, want := range map[string]int{dev.URL: test.dev, production.URL: test.production} {
			if got := visit(t, url, test.method, test.path, test.sent); got.Status != want {
				t.Errorf("%s %s with %v = %d, want %d: %s", test.method, test.path, test.sent, got.Status, want,
					got.Body)
			}
		}
	}

	got := visit(t, production.URL, "GET", "/console/context.json", nil)
	if !strings.Contains(got.Body, `"development":false`) || strings.Contains(got.Body, "userPools") ||
		!strings.Contains(got.Body, `"account":"`+production.Account()+`"`) {
		t.Errorf("context of production: %s", got.Body)
	}
}

// A server has no console unless its settings turn it on.
func TestConsoleIsOff(t *testing.T) {
	for name, s := range map[string]*wiretest.Server{
		"development": wiretest.Start(t), "production": wiretest.StartProduction(t).Server,
	} {
		for _, path := range []string{"/console", "/console/", "/console/index.html", "/console/context.json"} {
			if got := s.Get(t, path); got.Status == http.StatusOK || got.Header.Get("Content-Security-Policy") != "" {
				t.Errorf("%s: %s = %d %v", name, path, got.Status, got.Header)
			}
		}
		if s.HasConsole() || s.ConsoleHandler() != nil {
			t.Errorf("%s has a console", name)
		}
	}
}

// The handler of a console that is apart has all of the server, by the name of its URL too, and goes on after a
// reset.
func TestConsoleApart(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Console, c.ConsoleApart, c.DevConsoleURL = true, true, "http://console.example:4600/console/"
	})
	web := httptest.NewServer(s.ConsoleHandler())
	defer web.Close()

	for range 2 {
		if got := s.Get(t, "/console/"); got.Status == http.StatusOK {
			t.Errorf("the console is on the main address: %s", got.Body)
		}
		for _, host := range []string{"", "console.example:4600"} {
			if got := visit(t, web.URL, "GET", "/console/", map[string]string{"Host": host}); got.Status != 200 {
				t.Errorf("%s: %d %s", host, got.Status, got.Body)
			}
		}

		apart := &wiretest.Server{Server: s.Server, URL: web.URL}
		call := func(r *http.Request) { r.Header.Set("Origin", web.URL) }
		if got := apart.Raw(t, "ListIdentityPools", `{"MaxResults":1}`, true, call); got.Status != 200 {
			t.Errorf("a call of the page: %d %s", got.Status, got.Body)
		}
		for _, path := range []string{"/healthz", poolhouse.DevInfoPath, "/.well-known/jwks_uri"} {
			wiretest.Equal(t, path, apart.Get(t, path).Status, http.StatusOK)
		}

		if err := s.DevReset(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
}

// The page of a development server links to the console where it is.
func TestDevPageLinksToConsole(t *testing.T) {
	const url = "http://console.example:4600/console/"
	for want, change := range map[string]func(*poolhouse.Config){
		"":                     func(*poolhouse.Config) {},
		`<a href="/console/">`: func(c *poolhouse.Config) { c.Console = true },
		`<a href="` + url + `">`: func(c *poolhouse.Config) {
			c.Console, c.ConsoleApart, c.DevConsoleURL = true, true, url
		},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, wiretest.Start(t, change).URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", "text/html")
		got := wiretest.Do(t, request).Body
		if !strings.Contains(got, "<!doctype html>") || strings.Contains(got, "Console</dt>") != (want != "") ||
			!strings.Contains(got, want) {
			t.Errorf("%s: %s", want, got)
		}
	}
}
