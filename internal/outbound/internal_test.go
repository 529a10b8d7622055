package outbound

import (
	"errors"
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
		"sub": "sub", "Sub": "sub", "SUB": "sub", "\u017fub": "sub", "\u212aid": "kid",
		"cognito:groups": "cognito:groups",
		"É":              foldCase("é"), "ß": foldCase("ẞ"), "Σ": foldCase("ς"), "": "", "İss": "İss",
	} {
		if got := foldCase(name); got != want {
			t.Errorf("foldCase(%q) = %q, want %q", name, got, want)
		}
	}
}

// foldCase equates the same names as strings.EqualFold, and so as most JSON readers.
func FuzzFoldCase(f *testing.F) {
	f.Add("Sub", "sub")
	f.Add("\u017fub", "SUB")
	f.Fuzz(func(t *testing.T, a, b string) {
		if (foldCase(a) == foldCase(b)) != strings.EqualFold(a, b) && strings.ToValidUTF8(a, "") == a &&
			strings.ToValidUTF8(b, "") == b {
			t.Errorf("%q and %q: folded %q and %q, EqualFold %v", a, b, foldCase(a), foldCase(b),
				strings.EqualFold(a, b))
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

	c := New(Options{})
	defer c.Close()

	p := NewPublished(c, i.URL+logintest.KeysPath, Policy{AllowHTTP: true, AllowPrivate: true},
		func([]byte) (int, error) { panic("reader") })
	_, err := p.Get(t.Context(), time.Now())
	var failed *Error
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("Get = %v", err)
	}
}
