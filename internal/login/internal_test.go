package login

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

func TestBreaker(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	b := &breaker{}
	fail := func(want bool) {
		t.Helper()
		if got := b.allow(now); got != want {
			t.Fatalf("allow = %v, want %v", got, want)
		}
		if want {
			b.done(now, false)
		}
	}
	fail(true)
	fail(true)
	// A success in between starts the count anew.
	b.allow(now)
	b.done(now, true)
	fail(true)
	fail(true)
	fail(true)
	for _, pause := range []time.Duration{5, 10, 20, 40, 60, 60} {
		fail(false)
		now = now.Add(pause*time.Second - 1)
		fail(false)
		now = now.Add(1)
		fail(true) // the trial
	}
	now = now.Add(time.Minute)
	if !b.allow(now) || b.allow(now) {
		t.Error("not exactly one trial at a time")
	}
	b.done(now, true)
	for range 2 {
		if !b.allow(now) {
			t.Error("not closed after a good answer")
		}
	}
	// Requests under way together that all fail open it for one pause only.
	b = &breaker{}
	for range 10 {
		b.allow(now)
	}
	for range 10 {
		b.done(now, false)
	}
	now = now.Add(5 * time.Second)
	fail(true)
}

func TestFoldCase(t *testing.T) {
	for name, want := range map[string]string{
		"sub": "sub", "Sub": "sub", "SUB": "sub", "\u017fub": "sub", "\u212aid": "kid", "cognito:groups": "cognito:groups",
		"É": foldCase("é"), "ß": foldCase("ẞ"), "Σ": foldCase("ς"), "": "", "İss": "İss",
	} {
		if got := foldCase(name); got != want {
			t.Errorf("foldCase(%q) = %q, want %q", name, got, want)
		}
	}
}

// What foldCase equates is what strings.EqualFold, and so most JSON readers, equate.
func FuzzFoldCase(f *testing.F) {
	f.Add("Sub", "sub")
	f.Add("\u017fub", "SUB")
	f.Fuzz(func(t *testing.T, a, b string) {
		if (foldCase(a) == foldCase(b)) != strings.EqualFold(a, b) && strings.ToValidUTF8(a, "") == a && strings.ToValidUTF8(b, "") == b {
			t.Errorf("%q and %q: folded %q and %q, EqualFold %v", a, b, foldCase(a), foldCase(b), strings.EqualFold(a, b))
		}
	})
}

func TestMaxAge(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                                       0,
		"public, max-age=19800, must-revalidate": 19800 * time.Second,
		"max-age=60, max-age=30":                 30 * time.Second,
		"max-age=60, no-cache":                   0,
		"no-store":                               0,
		"max-age":                                0,
		"max-age=1.5":                            0,
		"max-age=-5":                             0,
		"s-maxage=60":                            0,
		"max-age=2147483648":                     0,
		`Max-Age="60"`:                           60 * time.Second,
	} {
		if got := maxAge([]string{value}); got != want {
			t.Errorf("maxAge(%q) = %v, want %v", value, got, want)
		}
	}
	if got := maxAge([]string{"max-age=60", "no-store"}); got != 0 {
		t.Errorf("two headers: %v, want 0", got)
	}
}

// A document that makes the reader panic is the provider's failure, not the process's end.
func TestReaderPanic(t *testing.T) {
	i := logintest.NewIssuer(t)
	v := New(Options{})
	defer v.Close()
	p := &published[int]{v: v, url: i.URL + logintest.KeysPath, policy: policy{allowHTTP: true, allowPrivate: true},
		parse: func([]byte) (int, error) { panic("reader") }}
	_, err := p.get(t.Context(), time.Now())
	var failed *fetchError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("get = %v", err)
	}
}

// However many providers come by, a bounded number is held, and those that gave
// way are asked again.
func TestProvidersHeldAreBounded(t *testing.T) {
	i := logintest.NewIssuer(t)
	i.Answer("/", nil)
	v := New(Options{MaxProviders: 3})
	defer v.Close()
	trust := Trust{Provider: "p", Issuers: []string{i.URL}, Audiences: []string{logintest.Audience}, AllowHTTP: true, AllowPrivate: true}
	token := i.Token(nil)
	for n := range 20 {
		path := fmt.Sprintf("/keys-%d", n%10)
		i.Answer(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(i.KeySet()) })
		trust.JWKSURL = i.URL + path
		if _, err := v.Verify(t.Context(), trust, token); err != nil {
			t.Fatal(err)
		}
		if held := v.keySets.cache.Len(); held > 3 {
			t.Fatalf("%d key sets are held, want at most 3", held)
		}
	}
	if n := i.Requests(); n != 20 {
		t.Errorf("%d fetches, want 20", n)
	}
}

// Refusing what is too large or too dotted costs next to nothing.
func TestRefusingLargeTokensIsCheap(t *testing.T) {
	v := New(Options{})
	defer v.Close()
	trust := Trust{Provider: "p", Issuers: []string{"https://issuer.test"}, Audiences: []string{"a"}}
	for name, token := range map[string]string{"8 MiB": strings.Repeat("a", 8<<20), "dots": strings.Repeat(".", DefaultMaxTokenBytes), "a million dots": strings.Repeat(".", 1_000_000)} {
		allocations := testing.AllocsPerRun(10, func() {
			if _, err := v.Verify(t.Context(), trust, token); err == nil {
				t.Fatal("accepted")
			}
		})
		if allocations > 20 {
			t.Errorf("%s: %.0f allocations", name, allocations)
		}
	}
}

func TestUnknownKind(t *testing.T) {
	v := New(Options{})
	defer v.Close()
	if _, err := v.Verify(t.Context(), Trust{Provider: "p", Kind: "kerberos"}, "x"); err == nil || !strings.Contains(err.Error(), `unknown kind "kerberos"`) {
		t.Errorf("Verify = %v", err)
	}
}

func TestValidate(t *testing.T) {
	good := Trust{Provider: "p", Issuers: []string{"https://issuer.test"}, Audiences: []string{"a"}}
	if err := good.Validate(); err != nil {
		t.Errorf("good trust: %v", err)
	}
	for _, c := range []struct {
		name   string
		change func(*Trust)
		want   string // "" is good
	}{
		{"kind", func(t *Trust) { t.Kind = "x" }, "kind x"},
		{"no issuer", func(t *Trust) { t.Issuers = nil }, "issuers []"},
		{"no audience", func(t *Trust) { t.Audiences = nil }, "client_ids []"},
		{"empty audience", func(t *Trust) { t.Audiences = []string{""} }, "client_ids [an empty string]"},
		{"no algorithm", func(t *Trust) { t.Algorithms = []string{} }, "allowed_algs []"},
		{"alg none", func(t *Trust) { t.Algorithms = []string{"RS256", "none"} }, "allowed_algs none"},
		{"alg HS256", func(t *Trust) { t.Algorithms = []string{"HS256"} }, "allowed_algs HS256"},
		{"all algorithms", func(t *Trust) { t.Algorithms = []string{"RS256", "PS512", "ES384", "EdDSA"} }, ""},
		{"http issuer", func(t *Trust) { t.Issuers = []string{"http://issuer.test"} }, "not https"},
		{"http issuer allowed", func(t *Trust) { t.Issuers = []string{"http://issuer.test"}; t.AllowHTTP = true }, ""},
		{"issuer without scheme", func(t *Trust) { t.Issuers = []string{"issuer.test"} }, "not a plain absolute URL"},
		{"issuer without scheme, keys known", func(t *Trust) { t.Issuers = []string{"issuer.test"}; t.JWKSURL = "https://issuer.test/k" }, ""},
		{"discovery address", func(t *Trust) { t.DiscoveryURL = "file:///x" }, "discovery_url"},
		{"key address", func(t *Trust) { t.JWKSURL = "http://issuer.test/k" }, "jwks_url"},
		{"thumbprints missing", func(t *Trust) { t.EnforceThumbprints = true }, "thumbprints []"},
		{"thumbprint short", func(t *Trust) { t.Thumbprints = []string{"abcd"} }, "thumbprints abcd"},
		{"thumbprint capitals", func(t *Trust) { t.Thumbprints = []string{strings.Repeat("AB", 20)} }, "40 lower-case"},
		{"thumbprint good", func(t *Trust) { t.Thumbprints = []string{strings.Repeat("ab", 20)}; t.EnforceThumbprints = true }, ""},
		{"thumbprint without TLS", func(t *Trust) {
			t.Thumbprints, t.EnforceThumbprints = []string{strings.Repeat("ab", 20)}, true
			t.Issuers, t.AllowHTTP = []string{"http://issuer.test"}, true
		}, "do not enforce thumbprints"},
		{"password", func(t *Trust) { t.JWKSURL = "https://u:canary@issuer.test/k?k=canary" }, "https://xxxxx@issuer.test/k?xxxxx"},
		{"password in no URL", func(t *Trust) { t.JWKSURL = "https://u:can%ary@issuer.test/k" }, "(not shown)"},
		{"CA bundle", func(t *Trust) { t.CABundle = []byte("x") }, "ca_bundle"},
	} {
		trust := good
		c.change(&trust)
		err := trust.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
