package awsapi_test

import (
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// headers of a test's request, by name; two values are two headers.
type headers map[string][]string

func request(method, target, host string, h headers) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	for name, values := range h {
		r.Header[name] = values
	}
	return r
}

func newGuard(t *testing.T) *awsapi.BrowserGuard {
	t.Helper()
	g, err := awsapi.NewBrowserGuard(awsapi.BrowserGuardOptions{
		URLs:  []string{"https://ID.example.com:8443/base", "http://127.0.0.1:4599", "://", "http://["},
		Hosts: []string{"Poolhouse.Test", "other.test."},
		Origins: []string{"https://app.test", "https://port.test:8443", "https://standard.test:443",
			"chrome-extension://abcdef"},
		Navigations: []string{"/authorize"},
		Pages:       []string{"/"},
		Frames:      func(r *http.Request) bool { return r.URL.Path == "/authorize" && r.URL.RawQuery == "silent" },
		CallsByGet:  func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Has("Action") },
	})
	if err != nil {
		t.Fatal(err)
	}

	return g
}

func TestHosts(t *testing.T) {
	g := newGuard(t)
	for host, allowed := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:4599": true, "127.0.0.1:": true, "192.168.1.7:80": true, "8.8.8.8": true,
		"0.0.0.0:4599": true,
		"[::1]":        true, "[::1]:4599": true, "[fe80::1%25eth0]:4599": true, "[fe80::1%eth0]": true,
		"[::ffff:127.0.0.1]:1": true,
		"localhost":            true, "LOCALHOST:4599": true, "localhost.": true, "localhost.:4599": true,
		"app.localhost": true, "a.b.LocalHost:1": true, "app.localhost.": true,
		"poolhouse": true, "my_service:4599": true, "Desktop-1": true, "2130706433": true, "0x7f000001:4599": true,
		"id.example.com": true, "ID.EXAMPLE.COM:1": true, "id.example.com.": true,
		"host.docker.internal": true, "HOST.docker.internal.:4599": true,
		"poolhouse.test": true, "POOLHOUSE.test:4599": true, "poolhouse.test.": true, "other.test": true,

		"": false, ":4599": false, ".": false, "evil.example": false, "evil.example:4599": false,
		"evil.example.": false, "EVIL.EXAMPLE": false,
		"localhost.evil.example": false, "127.0.0.1.evil.example": false, "127.0.0.1.nip.io": false,
		"evillocalhost.example": false, "notlocalhost.test": false,
		"ai.": false, "poolhouse.": false, ".localhost": false, "a..localhost": false, "localhost..": false,
		"evil.poolhouse.test": false, "poolhouse.test.evil.example": false, "sub.id.example.com": false,
		"example.com":     false,
		"docker.internal": false, "evil.host.docker.internal": false,
		"localhost@evil.example": false, "evil.example@localhost": false, "localhost:4599@evil.example": false,
		"user:password@127.0.0.1": false,
		"localhost:x":             false, "localhost:99999": false, "localhost:-1": false, "localhost:+80": false,
		"localhost:80:80": false, "evil.example:80:localhost": false,
		"::1": false, "[::1": false, "::1]": false, "[]": false, "[localhost]": false, "[127.0.0.1]": false,
		"[::1]evil.example": false, "[::1]:80.evil.example": false, "evil.example[::1]": false,
		"127.1": false, "0x7f.1": false, "0177.0.0.1": false, "256.0.0.1": false,
		"localhost ": false, " localhost": false, "local host": false, "localhost,evil.example": false,
		"localhost/evil.example": false, "localhost#evil.example": false, "localhost?": false,
		`localhost\evil.example`: false,
		"evil。example":           false, "evil．example": false, "localhost。evil": false, "evil%2eexample": false,
		"localhost\x00.evil.example": false, "ⓛocalhost": false, "host.doc\u212aer.internal": false,
		"localho\u017ft": false,
		"-localhost":     false, "xn--nxasmq6b.example": false, strings.Repeat("a.", 130) + "localhost": false,
	} {
		refusal := g.Check(request("GET", "/", host, nil))
		if got := refusal == nil; got != allowed {
			t.Errorf("Host %q: allowed = %v", host, got)
		}
		if refusal != nil && (!strings.Contains(refusal.Message, "dev.allowed_hosts") ||
			!strings.Contains(refusal.Why.Fix, "dev.allowed_hosts")) {
			t.Errorf("Host %q: %+v does not name the setting", host, refusal)
		}
	}
}

// A page can choose the host that a proxy forwards, too.
func TestForwardedHostsAreIgnored(t *testing.T) {
	g := newGuard(t)
	forwarded := headers{"X-Forwarded-Host": {"localhost"}, "Forwarded": {"host=localhost"},
		"X-Original-Host": {"localhost"}, "X-Host": {"localhost"}}
	if g.Check(request("GET", "/", "evil.example", forwarded)) == nil {
		t.Error("a forwarded host is believed")
	}
	if g.Check(request("GET", "/", "localhost", headers{"X-Forwarded-Host": {"evil.example"}})) != nil {
		t.Error("a forwarded host is looked at")
	}
}

func TestOrigins(t *testing.T) {
	g := newGuard(t)
	const own = "127.0.0.1:4599"
	for _, test := range []struct {
		origin, webHost string
		allowed         bool
	}{
		{"http://localhost:5173", own, true},
		{"https://localhost", own, true},
		{"capacitor://localhost", own, true},
		{"tauri://localhost", own, true},
		{"ionic://localhost", own, true},
		{"app://localhost", own, true},
		{"capacitor://app.localhost", own, true},
		{"capacitor://127.0.0.1:8080", own, true},
		{"app://[::1]", own, true},
		{"HTTP://LOCALHOST:1", own, true},
		{"http://localhost.:5173", own, true},
		{"http://app.localhost:5173", own, true},
		{"http://127.0.0.1", own, true},
		{"http://127.9.9.9:80", own, true},
		{"http://[::1]:5173", own, true},
		{"http://[::ffff:127.0.0.1]:5173", own, true},
		{"http://web:8080", own, true},
		{"http://0xweb", own, true},
		{"http://web1", own, true},
		{"http://134744072", own, false}, // 8.8.8.8 for browsers, as are the next
		{"http://0x08080808:80", own, false},
		{"http://0X8080808", own, false},
		{"http://01002004010", own, false},
		{"http://0x", own, false},
		{"https://my-laptop", own, true},
		{"https://app.test", own, true},
		{"https://APP.test:443", own, true},
		{"https://port.test:8443", own, true},
		{"https://standard.test", own, true},
		{"chrome-extension://abcdef", own, true},
		// The host that the request names.
		{"http://192.168.1.7:5173", "192.168.1.7:4599", true},
		{"https://192.168.1.7", "192.168.1.7:4599", true},
		{"http://[2001:db8::1]:5173", "[2001:db8:0::1]:4599", true},
		{"http://id.example.com:5173", "ID.example.com", true},
		{"http://host.docker.internal:3000", "host.docker.internal:4599", true},
		{"http://poolhouse.test:3000", "poolhouse.test:4599", true},

		{"null", own, false},
		{"", own, false},
		{"*", own, false},
		{"http://", own, false},
		{"://localhost", own, false},
		{"localhost", own, false},
		{"http:localhost", own, false},
		{"http://evil.example", own, false},
		{"http://evil.example:4599", own, false},
		{"http://localhost.evil.example", own, false},
		{"http://127.0.0.1.evil.example", own, false},
		{"http://evil.example.", own, false},
		{"http://ai.", own, false},
		{"http://192.168.1.7:5173", own, false},
		{"http://192.168.1.8:5173", "192.168.1.7:4599", false},
		{"http://0.0.0.0:5173", own, false},
		{"http://[fe80::1]", own, false},
		{"http://128.0.0.1", own, false},
		{"http://127.1", own, false},
		{"http://id.example.com", own, false},
		{"http://poolhouse.test:3000", own, false},
		{"http://host.docker.internal:3000", own, false},
		{"http://sub.id.example.com", "id.example.com", false},
		{"http://app.test", own, false},
		{"https://app.test:8443", own, false},
		{"https://port.test", own, false},
		{"https://sub.app.test", own, false},
		{"https://app.test.evil.example", own, false},
		{"https://app.test@evil.example", own, false},
		{"http://localhost@evil.example", own, false},
		{"http://evil.example@localhost", own, false},
		{"http://localhost:5173/", own, false},
		{"http://localhost:5173/path", own, false},
		{"http://localhost?x", own, false},
		{"http://localhost#x", own, false},
		{"http://localhost http://evil.example", own, false},
		{"http://localhost, http://evil.example", own, false},
		{"http://localhost:", own, false},
		{"http://localhost:99999", own, false},
		{"1http://localhost", own, false},
		{"http ://localhost", own, false},
		{"http://evil。example", own, false},
		{"file://", own, false},
		{"chrome-extension://ghijkl", own, false},
		{"moz-extension://0b1c2d3e-0000-4000-8000-000000000000", own, false},
		{"vscode-webview://0a1b2c", own, false},
		// A name without a dot is the developer's with http and https only.
		{"ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", own, false},
		{"ipns://k51qzi5uqu5d", own, false},
		{"isolated-app://aerugqztij5biqquuk3mfwpsaibuegaqcitgfchwuosuofdjabzqaaic", own, false},
		{"chrome://newtab", own, false},
		{"chrome-untrusted://new-tab-page", own, false},
		{"about://blank", own, false},
		{"vscode-file://vscode-app", own, false},
		{"capacitor://app", own, false},
		{"ws://web", own, false},
		{"ipfs://poolhouse", "poolhouse:4599", false},
		{"isolated-app://poolhouse.test", "poolhouse.test", false},
		{"app://192.168.1.7", "192.168.1.7:4599", false},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
			for _, site := range []string{"", "cross-site", "same-site", "same-origin", "none"} {
				h := headers{"Origin": {test.origin}}
				if site != "" {
					h["Sec-Fetch-Site"] = []string{site}
				}
				refusal := g.Check(request(method, "/", test.webHost, h))
				if got := refusal == nil; got != test.allowed {
					t.Errorf("%s by %q to %s, %s: allowed = %v", method, test.origin, test.webHost, site, got)
				}

				if refusal != nil && (!strings.Contains(refusal.Message, "dev.allowed_origins") ||
					!strings.Contains(refusal.Why.Fix, "dev.allowed_origins")) {
					t.Errorf("%+v does not name the setting", refusal)
				}
			}
		}
	}
}

// What pages make browsers send without Origin, and what others send.
func TestFetchMetadata(t *testing.T) {
	g := newGuard(t)
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	navigate := headers{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"},
		"Sec-Fetch-Dest": {"document"}}
	with := func(h headers, name string, values ...string) headers {
		c := headers{name: values}
		for n, v := range h {
			if n != name {
				c[n] = v
			}
		}
		return c
	}

	for name, test := range map[string]struct {
		method, target, webHost string
		headers                 headers
		allowed                 bool
	}{
		"program":            {"POST", "/", "127.0.0.1", nil, true},
		"program, presigned": {"GET", "/?Action=A", "127.0.0.1", headers{"User-Agent": {"curl/8.0"}}, true},
		"Node's fetch": {"POST", "/", "127.0.0.1",
			headers{"Sec-Fetch-Mode": {"cors"}, "User-Agent": {"node"}}, true},
		"address typed": {"GET", "/?Action=A", "127.0.0.1",
			headers{"Sec-Fetch-Site": {"none"}, "User-Agent": {firefox}}, true},
		"same origin":          {"GET", "/healthz", "127.0.0.1", headers{"Sec-Fetch-Site": {"same-origin"}}, true},
		"same site, address":   {"GET", "/healthz", "192.168.1.7", headers{"Sec-Fetch-Site": {"same-site"}}, true},
		"same site, localhost": {"GET", "/healthz", "localhost", headers{"Sec-Fetch-Site": {"same-site"}}, true},
		"same site, name without a dot": {"GET", "/healthz", "devbox",
			headers{"Sec-Fetch-Site": {"same-site"}}, true},
		"same site, sibling name": {"GET", "/?Action=A", "id.example.com",
			headers{"Sec-Fetch-Site": {"same-site"}}, false},
		"cross-site GET":         {"GET", "/healthz", "127.0.0.1", headers{"Sec-Fetch-Site": {"cross-site"}}, false},
		"cross-site POST":        {"POST", "/", "127.0.0.1", headers{"Sec-Fetch-Site": {"cross-site"}}, false},
		"cross-site HEAD":        {"HEAD", "/", "127.0.0.1", headers{"Sec-Fetch-Site": {"cross-site"}}, false},
		"cross-site OPTIONS":     {"OPTIONS", "/", "127.0.0.1", headers{"Sec-Fetch-Site": {"cross-site"}}, false},
		"cross-site, other case": {"GET", "/", "127.0.0.1", headers{"Sec-Fetch-Site": {"Cross-Site"}}, false},
		"unknown value":          {"GET", "/", "127.0.0.1", headers{"Sec-Fetch-Site": {"new-value"}}, false},
		"empty value":            {"GET", "/", "127.0.0.1", headers{"Sec-Fetch-Site": {""}}, false},
		"two values":             {"GET", "/", "127.0.0.1", headers{"Sec-Fetch-Site": {"none", "cross-site"}}, false},
		"two origins": {"POST", "/", "127.0.0.1",
			headers{"Origin": {"http://localhost", "http://evil.example"}}, false},
		"two origins, the same": {"POST", "/", "127.0.0.1",
			headers{"Origin": {"http://localhost", "http://localhost"}}, false},
		"browser without metadata, call":    {"GET", "/?Action=A", "0.0.0.0", headers{"User-Agent": {firefox}}, false},
		"browser without metadata, reading": {"GET", "/healthz", "192.168.1.7", headers{"User-Agent": {firefox}}, true},

		"navigation to sign in": {"GET", "/authorize", "127.0.0.1", navigate, true},
		"navigation, same site": {"GET", "/authorize", "id.example.com",
			with(navigate, "Sec-Fetch-Site", "same-site"), true},
		"navigation, rebound":            {"GET", "/authorize", "evil.example", navigate, false},
		"navigation to the page":         {"GET", "/", "127.0.0.1", navigate, true},
		"navigation with a query":        {"GET", "/?Action=GetSessionToken", "127.0.0.1", navigate, false},
		"the page in a frame":            {"GET", "/", "127.0.0.1", with(navigate, "Sec-Fetch-Dest", "iframe"), false},
		"navigation to another page":     {"GET", "/healthz", "127.0.0.1", navigate, false},
		"navigation to the API":          {"GET", "/?Action=A", "127.0.0.1", navigate, false},
		"navigation to a path below":     {"GET", "/authorize/x", "127.0.0.1", navigate, false},
		"navigation to another spelling": {"GET", "//authorize", "127.0.0.1", navigate, false},
		"frame to sign in": {"GET", "/authorize", "127.0.0.1",
			with(navigate, "Sec-Fetch-Dest", "iframe"), false},
		"image of sign in": {"GET", "/authorize", "127.0.0.1",
			with(with(navigate, "Sec-Fetch-Dest", "image"), "Sec-Fetch-Mode", "no-cors"), false},
		"form posted to sign in": {"POST", "/authorize", "127.0.0.1",
			with(navigate, "Origin", "http://evil.example"), false},
		"form posted to sign in, no origin": {"POST", "/authorize", "127.0.0.1", navigate, false},
		"fetch of sign in": {"GET", "/authorize", "127.0.0.1",
			headers{"Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"cors"},
				"Sec-Fetch-Dest": {"empty"}}, false},
	} {
		if got := g.Check(request(test.method, test.target, test.webHost, test.headers)) == nil; got != test.allowed {
			t.Errorf("%s: allowed = %v", name, got)
		}
	}
}

// A page that may call may ask in a frame who is signed in; others may not.
func TestSilentFrames(t *testing.T) {
	g := newGuard(t)
	const silent, own, app = "/authorize?silent", "127.0.0.1", "http://localhost:5173/"
	for name, test := range map[string]struct {
		method, target, webHost, referer string
		dest                             string
		allowed                          bool
	}{
		"of this machine":   {"GET", silent, own, app, "iframe", true},
		"listed":            {"GET", silent, own, "https://app.test/", "iframe", true},
		"with its path":     {"GET", silent, own, "http://localhost/a?b#c", "iframe", true},
		"of a web view":     {"GET", silent, own, "capacitor://localhost", "iframe", true},
		"foreign":           {"GET", silent, own, "http://evil.example/", "iframe", false},
		"foreign, as ours":  {"GET", silent, own, "http://localhost@evil.example/", "iframe", false},
		"foreign, its path": {"GET", silent, own, "http://evil.example/http://localhost/", "iframe", false},
		"no referrer":       {"GET", silent, own, "", "iframe", false},
		"no URL":            {"GET", silent, own, "http://[", "iframe", false},
		"rebound":           {"GET", silent, "evil.example", app, "iframe", false},
		"not silent":        {"GET", "/authorize", own, app, "iframe", false},
		"another path":      {"GET", "/?silent", own, app, "iframe", false},
		"posted":            {"POST", silent, own, app, "iframe", false},
		"an image":          {"GET", silent, own, app, "image", false},
		"an embed":          {"GET", silent, own, app, "embed", false},
	} {
		sent := headers{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {test.dest}}
		if test.referer != "" {
			sent["Referer"] = []string{test.referer}
		}

		if got := g.Check(request(test.method, test.target, test.webHost, sent)) == nil; got != test.allowed {
			t.Errorf("%s: allowed = %v", name, got)
		}
	}
}

func TestGuardSettings(t *testing.T) {
	for name, test := range map[string]struct {
		o    awsapi.BrowserGuardOptions
		want string
	}{
		"scheme": {awsapi.BrowserGuardOptions{Hosts: []string{"http://a.test"}},
			`dev.allowed_hosts: "http://a.test"`},
		"port":       {awsapi.BrowserGuardOptions{Hosts: []string{"a.test:4599"}}, `dev.allowed_hosts: "a.test:4599"`},
		"wildcard":   {awsapi.BrowserGuardOptions{Hosts: []string{"a.test", "*.test"}}, `dev.allowed_hosts: "*.test"`},
		"any host":   {awsapi.BrowserGuardOptions{Hosts: []string{"*"}}, `dev.allowed_hosts: "*"`},
		"empty host": {awsapi.BrowserGuardOptions{Hosts: []string{""}}, `dev.allowed_hosts: ""`},

		"any origin": {awsapi.BrowserGuardOptions{Origins: []string{"*"}}, `dev.allowed_origins: "*"`},
		"any origin, too": {awsapi.BrowserGuardOptions{Origins: []string{"http://a.test", "*"}},
			`dev.allowed_origins: "*"`},
		"hidden origin":   {awsapi.BrowserGuardOptions{Origins: []string{"null"}}, `dev.allowed_origins: "null"`},
		"host for origin": {awsapi.BrowserGuardOptions{Origins: []string{"a.test"}}, `dev.allowed_origins: "a.test"`},
		"origin and path": {awsapi.BrowserGuardOptions{Origins: []string{"http://a.test/"}},
			`dev.allowed_origins: "http://a.test/"`},
	} {
		if _, err := awsapi.NewBrowserGuard(test.o); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseOrigins(t *testing.T) {
	all, err := awsapi.ParseOrigins("allowed_origins", []string{"*"})
	if err != nil || !all.Allows(request("POST", "/", "id.example.com", headers{"Origin": {"null"}})) {
		t.Errorf("* is not any origin: %v", err)
	}

	for _, value := range []string{"", "null", "https://*.example.com", "https://a.example/", "https://a.example/x",
		"a.example", "https://u@a.example", "https://a.example:0x1", "https://ä.example", "https://a b"} {
		if _, err := awsapi.ParseOrigins("allowed_origins", []string{value}); err == nil ||
			!strings.Contains(err.Error(), "scheme://host") {
			t.Errorf("%q: %v", value, err)
		}
	}

	if _, err := awsapi.ParseOrigins("allowed_origins", []string{"*", "https://a.example"}); err == nil {
		t.Error("* beside others is taken")
	}

	list, err := awsapi.ParseOrigins("allowed_origins",
		[]string{"https://app.example.com", "https://b.example.com:8443"})
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		origins []string
		allowed bool
	}{
		{nil, true},
		{[]string{"https://app.example.com"}, true},
		{[]string{"https://APP.example.com:443"}, true},
		{[]string{"https://b.example.com:8443"}, true},
		{[]string{"https://id.example.com"}, true}, // the server's own
		{[]string{"https://id.example.com:8443"}, false},
		{[]string{"http://app.example.com"}, false},
		{[]string{"https://b.example.com"}, false},
		{[]string{"https://evil.example"}, false},
		{[]string{"http://localhost:5173"}, false},
		{[]string{"null"}, false},
		{[]string{""}, false},
		{[]string{"https://app.example.com", "https://evil.example"}, false},
	} {
		h := headers{}
		if test.origins != nil {
			h["Origin"] = test.origins
		}
		if got := list.Allows(request("POST", "/", "id.example.com", h)); got != test.allowed {
			t.Errorf("%q: allowed = %v", test.origins, got)
		}
	}
}

// Whatever a client sends, it is decided, and only what is no public name passes.
func FuzzHost(f *testing.F) {
	g, err := awsapi.NewBrowserGuard(awsapi.BrowserGuardOptions{CallsByGet: func(*http.Request) bool { return false }})
	if err != nil {
		f.Fatal(err)
	}

	for _, host := range []string{"localhost", "[::1]:80", "a.b.", "1.2.3.4", "x]y:1", "[", ":"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if g.Check(r) != nil {
			return
		}
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSuffix(host, ".")), ":")
		name = strings.TrimSuffix(name, ".")
		if last := name[strings.LastIndexByte(name, '.')+1:]; !strings.HasPrefix(host, "[") &&
			strings.Contains(name, ".") && last != "localhost" && name != "host.docker.internal" &&
			strings.Trim(last, "0123456789") != "" {
			t.Errorf("%q passes", host)
		}
	})
}
