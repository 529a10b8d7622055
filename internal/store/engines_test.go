package store

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
)

// engines is every way a store can be opened. A test that passes eachEngine
// passes on all of them, which is what makes them one store.
var engines = []struct {
	name    string
	options func(testing.TB) Options
}{
	{"sqlite-file", func(tb testing.TB) Options { return Options{Path: filepath.Join(tb.TempDir(), "test.db")} }},
	{"sqlite-file-uncached", func(tb testing.TB) Options {
		return Options{Path: filepath.Join(tb.TempDir(), "test.db"), CacheEntries: -1}
	}},
	{"sqlite-memory", func(testing.TB) Options { return Options{} }},
	{"postgresql", func(tb testing.TB) Options { return Options{URL: pgtest.URL(tb)} }},
}

func eachEngine(t *testing.T, test func(*testing.T, *Store)) {
	eachOptions(t, func(t *testing.T, o Options) { test(t, open(t, o)) })
}

func eachOptions(t *testing.T, test func(*testing.T, Options)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { test(t, e.options(t)) })
	}
}

// open opens a store that logs to the test and is closed at its end.
func open(tb testing.TB, o Options) *Store {
	tb.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(tb.Output(), nil))
	}
	s, err := Open(tb.Context(), o)
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return s
}

// clock is a settable time.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

const testRegion = "us-east-1"

func newPoolID() identitypool.PoolID { return identitypool.PoolID(testRegion + ":" + uuid.NewString()) }

func newIdentityID() identitypool.IdentityID {
	return identitypool.IdentityID(testRegion + ":" + uuid.NewString())
}

func testPool() identitypool.Pool {
	return identitypool.Pool{ID: newPoolID(), Account: "123456789012", Region: testRegion, Name: "test"}
}

// addPool creates a pool and returns its ID.
func addPool(tb testing.TB, s *Store) identitypool.PoolID {
	tb.Helper()
	p := testPool()
	if err := s.CreatePool(tb.Context(), p, 0); err != nil {
		tb.Fatalf("CreatePool: %v", err)
	}
	return p.ID
}

func addGuest(tb testing.TB, s *Store, pool identitypool.PoolID) identitypool.IdentityID {
	tb.Helper()
	id := newIdentityID()
	if err := s.CreateIdentity(tb.Context(), identitypool.Identity{ID: id, PoolID: pool}); err != nil {
		tb.Fatalf("CreateIdentity: %v", err)
	}
	return id
}

func public(provider, subject string) identitypool.Login {
	return identitypool.Login{Kind: identitypool.Public, Provider: provider, Subject: subject}
}

func developer(subject string) identitypool.Login {
	return identitypool.Login{Kind: identitypool.Developer, Provider: "login.example", Subject: subject}
}

// signIn is the simplest sensible decision: the owner of a login, or a new
// identity with all of them.
func signIn(logins []identitypool.Login) func(identitypool.View) (identitypool.Plan, error) {
	return func(v identitypool.View) (identitypool.Plan, error) {
		for _, l := range logins {
			if owner, ok := v.Owners[l]; ok {
				return identitypool.Plan{Identity: owner.ID}, nil
			}
		}
		return identitypool.Plan{Identity: newIdentityID(), Create: true, Link: logins}, nil
	}
}

// addLinked creates an identity with logins.
func addLinked(tb testing.TB, s *Store, pool identitypool.PoolID, logins ...identitypool.Login) identitypool.Identity {
	tb.Helper()
	i, err := s.Resolve(tb.Context(), pool, "", logins, signIn(logins))
	if err != nil {
		tb.Fatalf("Resolve: %v", err)
	}
	return i
}

// wantError reports unless err is want (nil for success).
func wantError(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		tb.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func numbered(prefix string, n int) string { return fmt.Sprintf("%s%04d", prefix, n) }
