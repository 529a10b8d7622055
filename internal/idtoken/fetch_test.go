package idtoken_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const discovery = logintest.DiscoveryPath

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// typed answers with body and a content type.
func typed(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// Documents that are no key set or no discovery document: the login is
// Unavailable, says why, and works again once the provider is mended.
func TestBrokenProviders(t *testing.T) {
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.CopyN(z, zeros{}, 10<<20)
		_ = z.Close()
	}

	document := func(change string) func(*fixture) http.HandlerFunc {
		return func(f *fixture) http.HandlerFunc {
			return text(strings.ReplaceAll(change, "URL", f.issuer.URL))
		}
	}
	fixed := func(h http.HandlerFunc) func(*fixture) http.HandlerFunc {
		return func(*fixture) http.HandlerFunc { return h }
	}
	var sent atomic.Int64

	both := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"HTML with 200", text("<!DOCTYPE html><title>Sign in</title>"), "content type text/html"},
		{"HTML as JSON", typed("application/json", "<!DOCTYPE html><title>Sign in</title>"), "not valid"},
		{"JSON as HTML", typed("text/html; charset=utf-8", `{"issuer":"x","keys":[]}`), "content type text/html"},
		{"JSON as XML", typed("application/xml", `{"issuer":"x","keys":[]}`), "content type application/xml"},
		{"JSON as an image", typed("image/png", `{"issuer":"x","keys":[]}`), "content type image/png"},
		{"content type with control characters", typed("text/\thtml", "{}"), "content type"},
		{"a signed JWT", typed("application/json", "e30.e30.AA"), "not valid"},
		{"NaN", text(`{"issuer":"x","keys":[],"n":NaN}`), "not valid"},
		{"invalid UTF-8", text("{\"issuer\":\"\xff\",\"keys\":[{\"a\":1}],\"\xff"), "not valid"},
		{"byte order mark", text("\ufeff{}"), "not valid"},
		{"two documents", text(`{"issuer":"x","keys":[]}{"issuer":"x","keys":[]}`), "not valid"},
		{"nothing with 200", text(""), "not valid"},
		{"a list", text("[]"), "not valid"},
		{"null", text("null"), "not valid"},
		{"cut short", text(`{"keys":[{"kty":"RSA"`), "not valid"},
		{"nested deeply", text(strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000)), "not valid"},
		{"204", status(204), "status 204"},
		{"206", status(206), "status 206"},
		{"304 that was not asked for", status(304), "redirect"},
		{"401", status(401), "status 401"},
		{"404", status(404), "status 404"},
		{"429", status(429), "status 429"},
		{"500", status(500), "status 500"},
		{"gzip bomb", bomb, "compressed"},
		{"64 MiB, announced", logintest.Endless(64<<20, true, &sent), "more than 1048576 bytes"},
		{"64 MiB, chunked", logintest.Endless(64<<20, false, &sent), "more than 1048576 bytes"},
		{"header of 1 MiB", status(200, "X-Filler", strings.Repeat("x", 1<<20)), "could not be asked"},
		{"connection cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"could not be asked"},
	}

	type broken struct {
		name, path string
		answer     func(*fixture) http.HandlerFunc
		want       string
	}
	var cases []broken
	for _, b := range both {
		cases = append(cases,
			broken{"discovery: " + b.name, discovery, fixed(b.answer), b.want},
			broken{"keys: " + b.name, keys, fixed(b.answer), b.want})
	}
	const good = `"jwks_uri":"URL/jwks.json"`

	cases = append(cases,
		broken{"issuer of another", discovery, document(`{"issuer":"https://evil.test",` + good + `}`),
			"states the issuer"},
		broken{"issuer with slash", discovery, document(`{"issuer":"URL/",` + good + `}`), "states the issuer"},
		broken{"issuer absent", discovery, document(`{` + good + `}`), "states the issuer"},
		broken{"issuer a list", discovery, document(`{"issuer":["URL"],` + good + `}`), "states the issuer"},
		broken{"issuer twice", discovery, document(`{"issuer":"URL","issuer":"URL",` + good + `}`),
			"same member name twice"},
		broken{"jwks_uri absent", discovery, document(`{"issuer":"URL"}`), "no jwks_uri"},
		broken{"jwks_uri a number", discovery, document(`{"issuer":"URL","jwks_uri":1}`), "no jwks_uri"},
		broken{"jwks_uri empty", discovery, document(`{"issuer":"URL","jwks_uri":""}`), "not a plain absolute URL"},
		broken{"jwks_uri relative", discovery, document(`{"issuer":"URL","jwks_uri":"/jwks.json"}`),
			"not a plain absolute URL"},
		broken{"jwks_uri file", discovery, document(`{"issuer":"URL","jwks_uri":"file:///etc/passwd"}`),
			"not a plain absolute URL"},
		broken{"jwks_uri file on a host", discovery, document(`{"issuer":"URL","jwks_uri":"file://host/etc/passwd"}`),
			"not https"},
		broken{"jwks_uri gopher", discovery, document(`{"issuer":"URL","jwks_uri":"gopher://127.0.0.1:6379/_x"}`),
			"not https"},
		broken{"jwks_uri with user name", discovery,
			document(`{"issuer":"URL","jwks_uri":"https://a:b@issuer.test/k"}`), "not a plain absolute URL"},
		broken{"jwks_uri with line end", discovery, document(`{"issuer":"URL","jwks_uri":"https://issuer.test/\r\nx"}`),
			"not a plain absolute URL"},
		broken{"jwks_uri of 3000 bytes", discovery,
			document(`{"issuer":"URL","jwks_uri":"https://issuer.test/` + strings.Repeat("x", 3000) + `"}`),
			"too long"},
		broken{"issuer empty", discovery, document(`{"issuer":"",` + good + `}`), "states the issuer"},
		broken{"issuer in capitals", discovery, document(`{"issuer":"HTTP://127.0.0.1",` + good + `}`),
			"states the issuer"},
		broken{"issuer under another name", discovery, document(`{"Issuer":"URL",` + good + `}`), "states the issuer"},
		broken{"two spellings of jwks_uri", discovery,
			document(`{"issuer":"URL",` + good + `,"JWKS_URI":"https://evil.test/"}`), "letter case"},
		broken{"jwks_uri twice", discovery, document(`{"issuer":"URL",` + good + `,"jwks_uri":"https://evil.test/"}`),
			"same member name twice"},
		broken{"jwks_uri a list", discovery, document(`{"issuer":"URL","jwks_uri":["URL/jwks.json"]}`), "no jwks_uri"},
		broken{"jwks_uri data", discovery, document(`{"issuer":"URL","jwks_uri":"data:application/json,{}"}`),
			"not a plain absolute URL"},
		broken{"jwks_uri without scheme", discovery, document(`{"issuer":"URL","jwks_uri":"//evil.test/k"}`),
			"not https"},
		broken{"jwks_uri with backslash", discovery,
			document(`{"issuer":"URL","jwks_uri":"https://issuer.test\\@evil.test/"}`), "not a plain absolute URL"},
		broken{"jwks_uri with fragment", discovery, document(`{"issuer":"URL","jwks_uri":"https://issuer.test/#k"}`),
			"not a plain absolute URL"},
		broken{"keys null", keys, document(`{"keys":null}`), "not a list"},
		broken{"101 keys", keys, document(`{"keys":[` + strings.Repeat("{},", 100) + `{}]}`), "more than 100 keys"},
		broken{"keys absent", keys, document(`{"key":[]}`), `no member "keys"`},
		broken{"keys an object", keys, document(`{"keys":{}}`), "not a list"},
		broken{"keys twice", keys, document(`{"keys":[],"keys":[]}`), "twice"},
		broken{"keys and more text", keys, document(`{"keys":[]} x`), "not valid JSON"},
		broken{"10,000 keys", keys, document(`{"keys":[` + strings.Repeat("{},", 9999) + `{}]}`), "more than 100 keys"},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// the error must name the fault, however busy the machine is
			f := newFixture(t, func(o *outbound.Options) { o.Timeout = time.Minute })
			f.issuer.Answer(c.path, c.answer(f))
			if err := f.unavailability(t, f.issuer.Token(nil)); !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
			if n := sent.Swap(0); n > 32<<20 { // what lies in buffers counts too
				t.Errorf("%d bytes were taken", n)
			}

			f.issuer.Answer(c.path, nil)
			f.Advance(2 * time.Second) // past the pause after one failure
			f.accepts(t, f.issuer.Token(nil))
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Providers serve their documents under several content types.
func TestContentTypesOfProviders(t *testing.T) {
	for _, contentType := range []string{
		"application/json", "application/json; charset=utf-8", "Application/JSON", "application/jwk-set+json",
		"text/plain", "binary/octet-stream", "application/octet-stream", "",
	} {
		t.Run(contentType, func(t *testing.T) {
			f := newFixture(t, nil)
			f.issuer.Answer(keys, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{contentType}
				_, _ = w.Write(f.issuer.KeySet())
			})
			f.accepts(t, f.issuer.Token(nil))
		})
	}
}

// A provider registered with https stays there: neither its discovery document
// nor a redirect leads to plain http.
func TestNoDowngradeToHTTP(t *testing.T) {
	for name, answer := range map[string]func(s *secure){
		"jwks_uri": func(s *secure) {
			s.issuer.Answer(discovery,
				text(`{"issuer":"https://issuer.test","jwks_uri":"http://issuer.test/jwks.json"}`))
		},
		"redirect of the discovery document": func(s *secure) {
			s.issuer.Answer(discovery, status(302, "Location", "http://issuer.test"+discovery))
		},
		"redirect of the keys": func(s *secure) {
			s.issuer.Answer(keys, status(301, "Location", "http://issuer.test"+keys))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSecure(t, nil)
			s.net.serve(t, publicAddress+":80", nil, s.issuer)
			answer(s)

			s.unavailable(t, s.issuer.Token(nil))
			if i := slices.Index(s.net.dialled(), publicAddress+":80"); i >= 0 {
				t.Error("the plain http address was asked")
			}
		})
	}
}

// A provider that withdraws every key has no valid token left.
func TestEmptyKeySet(t *testing.T) {
	f := newFixture(t, nil)
	f.issuer.Answer(keys, text(`{"keys":[]}`))
	f.refuses(t, f.trust, f.issuer.Token(nil), "signing key", idtoken.MessageBadSignature)
}

// An address that answers elsewhere is not followed: not to another host, not
// to the same one.
func TestRedirectsAreNotFollowed(t *testing.T) {
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	defer canary.Close()

	for _, path := range []string{discovery, keys} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			for _, target := range []string{canary.URL, "http://169.254.169.254/latest/meta-data/", "/elsewhere",
				"file:///etc/passwd"} {
				t.Run(fmt.Sprintf("%s %d to %s", path, code, target), func(t *testing.T) {
					f := newFixture(t, nil)
					f.issuer.Answer("/elsewhere",
						func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
					f.issuer.Answer(path, status(code, "Location", target))
					if err := f.unavailability(t, f.issuer.Token(nil)); !strings.Contains(err.Error(),
						fmt.Sprintf("redirect (%d)", code)) {
						t.Error(err)
					}
				})
			}
		}
	}
}

// Without the development switches, plain http and in-house addresses are refused.
func TestPolicy(t *testing.T) {
	t.Run("http refused", func(t *testing.T) {
		f := newFixture(t, noNetwork(t))
		f.trust.AllowHTTP = false
		if err := f.unavailability(t, f.issuer.Token(nil)); !strings.Contains(err.Error(), "not https") {
			t.Error(err)
		}
	})

	t.Run("loopback refused", func(t *testing.T) {
		f := newFixture(t, noNetwork(t))
		f.trust.AllowPrivate = false
		if err := f.unavailability(t, f.issuer.Token(nil)); !strings.Contains(err.Error(),
			"no address that may be asked") {
			t.Error(err)
		}
	})

	t.Run("what one policy fetched is not used under another", func(t *testing.T) {
		f := newFixture(t, nil)
		token := f.issuer.Token(nil)
		f.accepts(t, token)

		for _, change := range []func(*idtoken.Rule){
			func(trust *idtoken.Rule) { trust.AllowHTTP = false },
			func(trust *idtoken.Rule) { trust.AllowPrivate = false },
			func(trust *idtoken.Rule) { trust.EnforceThumbprints = true },
		} {
			lax := f.trust
			change(&f.trust)
			f.unavailable(t, token)
			f.trust = lax
		}
	})

	t.Run("proxies of the environment are ignored", func(t *testing.T) {
		t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
		t.Setenv("http_proxy", "http://127.0.0.1:1")
		f := newFixture(t, nil)
		f.accepts(t, f.issuer.Token(nil))
	})
}

// A name that resolves to a public address while it is checked and to a private
// one while it is dialled gains nothing: each fetch resolves once and dials
// what it checked.
func TestDNSRebinding(t *testing.T) {
	s := newSecure(t, nil)
	s.trust.JWKSURL = "https://issuer.test/jwks.json"
	s.net.name("issuer.test", publicAddress, "127.0.0.1")
	s.net.serve(t, "127.0.0.1:443", s.ca.leaf(t, "issuer.test").server(),
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("the private address was asked")
		}))
	token := s.issuer.Token(map[string]any{"exp": s.Now().Add(100 * time.Hour).Unix()})
	s.accepts(t, token)
	if n := len(s.net.lookups); n != 1 {
		t.Errorf("%d look-ups for one fetch, want 1", n)
	}

	s.Advance(2 * time.Hour)
	s.accepts(t, token) // refreshes in the background
	s.client.WaitIdle()
	if n := len(s.net.lookups); n != 2 {
		t.Errorf("%d look-ups for two fetches, want 2", n)
	}
	if got, want := s.net.dialled(), []string{publicAddress + ":443"}; !slices.Equal(got, want) {
		t.Errorf("dialled %v, want %v", got, want)
	}
}

// Hosts whose addresses must not be asked, in the spellings that have slipped
// through other filters.
func TestForbiddenHosts(t *testing.T) {
	for _, c := range []struct{ host, resolves string }{
		{"127.0.0.1", ""}, {"[::1]", ""}, {"10.1.2.3", ""}, {"169.254.169.254", ""}, {"[fd00:ec2::254]", ""},
		{"[::ffff:127.0.0.1]", ""}, {"[::ffff:93.184.215.14]", ""}, {"[64:ff9b::7f00:1]", ""}, {"[fe80::1%25eth0]", ""},
		{"localhost", "127.0.0.1"}, {"2130706433", "127.0.0.1"}, {"0x7f000001", "127.0.0.1"},
		{"0177.0.0.1", "127.0.0.1"}, {"127.1", "127.0.0.1"},
		{"metadata.google.internal", "169.254.169.254"}, {"mapped.test", "::ffff:169.254.169.254"},
		{"mapped-private.test", "::ffff:10.0.0.1"},
		{"translated.test", "64:ff9b::a9fe:a9fe"}, {"zero.test", "0.0.0.0"}, {"six.test", "::"},
		{"unique.test", "fd12::1"}, {"shared.test", "100.64.0.1"},
	} {
		t.Run(c.host, func(t *testing.T) {
			s := newSecure(t, nil)
			if c.resolves != "" {
				s.net.name(c.host, c.resolves)
			}

			for _, trust := range []func(){
				func() { s.trust.JWKSURL = "https://" + c.host + "/jwks.json" },
				func() { // the same through jwks_uri
					s.trust.JWKSURL = ""
					s.issuer.Answer(discovery,
						text(`{"issuer":"https://issuer.test","jwks_uri":"https://`+c.host+`/jwks.json"}`))
				},
			} {
				trust()
				s.unavailable(t, s.issuer.Token(nil))
			}

			for _, address := range s.net.dialled() {
				if address != publicAddress+":443" {
					t.Errorf("dialled %s", address)
				}
			}
		})
	}

	t.Run("public beside private", func(t *testing.T) {
		s := newSecure(t, nil)
		s.net.names["issuer.test"] = func() []netip.Addr {
			return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::ffff:" + publicAddress)}
		}
		s.accepts(t, s.issuer.Token(nil))

		for _, address := range s.net.dialled() {
			if address != publicAddress+":443" {
				t.Errorf("dialled %s", address)
			}
		}
	})

	t.Run("private allowed, metadata still not", func(t *testing.T) {
		s := newSecure(t, nil)
		s.trust.AllowPrivate = true
		s.net.name("issuer.test", "10.0.0.1")
		s.net.serve(t, "10.0.0.1:443", s.ca.leaf(t, "issuer.test").server(), s.issuer)
		s.accepts(t, s.issuer.Token(nil))
		s.trust.JWKSURL = "https://metadata.test/jwks.json"
		s.net.name("metadata.test", "169.254.169.254")
		s.unavailable(t, s.issuer.Token(nil))
	})
}

// Real providers publish keys on another host than their issuer's.
func TestKeysOnAnotherHost(t *testing.T) {
	s := newSecure(t, nil)
	s.issuer.Answer(discovery, text(`{"issuer":"https://issuer.test","jwks_uri":"https://keys.test/jwks.json"}`))
	s.net.name("keys.test", "93.184.215.15")
	s.net.serve(t, "93.184.215.15:443", s.ca.leaf(t, "keys.test").server(), s.issuer)
	s.accepts(t, s.issuer.Token(nil))
	if got, want := s.net.dialled(), []string{publicAddress + ":443", "93.184.215.15:443"}; !slices.Equal(got, want) {
		t.Errorf("dialled %v, want %v", got, want)
	}
}

// The discovery document is held like the keys, and a key address that changed
// is found when it is refreshed.
func TestDiscoveryIsHeldAndRefreshed(t *testing.T) {
	f := newFixture(t, nil)
	for range 10 {
		f.accepts(t, f.issuer.Token(nil))
	}
	if d, k := f.issuer.Requests(discovery), f.issuer.Requests(keys); d != 1 || k != 1 {
		t.Errorf("%d discovery and %d key requests, want 1 and 1", d, k)
	}

	moved := logintest.NewIssuer(t)
	f.issuer.Answer(discovery, text(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, f.issuer.URL, moved.URL+keys)))
	f.Advance(4 * time.Minute)
	f.accepts(t, f.issuer.Token(nil)) // refreshes
	f.client.WaitIdle()
	f.accepts(t, moved.Key().Sign(nil, f.issuer.Payload(nil)))
	f.refuses(t, f.trust, f.issuer.Token(nil), "signing key", idtoken.MessageBadSignature)
}

// A registered discovery address is asked instead of the issuer's own.
func TestDiscoveryURL(t *testing.T) {
	f := newFixture(t, nil)
	f.issuer.Answer("/elsewhere", text(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, f.issuer.URL, f.issuer.URL+keys)))
	f.trust.DiscoveryURL = f.issuer.URL + "/elsewhere"
	f.accepts(t, f.issuer.Token(nil))
	if n := f.issuer.Requests(discovery); n != 0 {
		t.Errorf("the well-known address was asked %d times", n)
	}
}

// An issuer that ends in a slash drops it before the well-known path only.
func TestIssuerWithSlash(t *testing.T) {
	f := newFixture(t, nil)
	base := f.issuer.URL
	f.issuer.URL += "/"
	f.trust.Issuers = []string{f.issuer.URL}
	f.trust.JWKSURL = ""
	f.issuer.Answer("//jwks.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(f.issuer.KeySet()) })
	f.accepts(t, f.issuer.Token(nil))
	f.refuses(t, f.trust, f.issuer.Token(map[string]any{"iss": base}), "token issuer", idtoken.MessageIssuerMismatch)
}

// Who only calls the server does not learn what names resolve to in its network, or who resolves them.
// The error, for the log, has both.
func TestCallersAreNotToldNames(t *testing.T) {
	told, logged := map[string]bool{}, map[string]bool{}
	for host, resolves := range map[string]string{"absent.test": "", "private.test": "10.0.0.1"} {
		s := newSecure(t, nil)
		if resolves != "" {
			s.net.name(host, resolves)
		}
		s.trust.JWKSURL = "https://" + host + "/jwks.json"

		_, trace, err := s.verify(t, s.trust, s.issuer.Token(nil))
		steps := trace.Steps()
		last := steps[len(steps)-1]
		told[strings.ReplaceAll(last.Got+last.Fix, host, "HOST")] = true
		logged[strings.ReplaceAll(err.Error(), host, "HOST")] = true
	}

	if len(told) != 1 {
		t.Errorf("callers are told %v", told)
	}
	if len(logged) != 2 {
		t.Errorf("the log is told %v", logged)
	}
}
