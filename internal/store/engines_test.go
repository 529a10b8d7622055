package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// engines are all ways to open a store. Tests with eachEngine hold for all of them, so that
// they behave as one store.
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
		t.Run(e.name, func(t *testing.T) {
			o := e.options(t)
			o.PublicApp = publicApp
			test(t, o)
		})
	}
}

// publicApp stands for the table of login providers: all values of two of them are secret.
func publicApp(provider, app string) bool {
	return provider != "api.twitter.com" && provider != "www.digits.com" && !strings.ContainsAny(app, ";|= ")
}

// open opens a store that logs to the test and is closed at its end.
func open(tb testing.TB, o Options) *Store {
	tb.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(tb.Output(), nil))
	}
	if o.PublicApp == nil {
		o.PublicApp = publicApp
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

// openFile opens a SQLite file.
func openFile(tb testing.TB) *Store {
	tb.Helper()
	return open(tb, Options{Path: filepath.Join(tb.TempDir(), "test.db")})
}

// hold makes the writer busy until release is called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()

	began, end := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.engine.Write(context.Background(), 0, func(*engine.Tx) error {
			close(began)
			<-end
			return nil
		})
	}()
	<-began

	return sync.OnceFunc(func() {
		close(end)
		if err := <-done; err != nil {
			t.Errorf("the write that held the writer: %v", err)
		}
	})
}

// waitingWrites returns how many writes wait for the writer of SQLite.
func waitingWrites(s *Store) int {
	pools := s.engine.Usage()
	return pools[len(pools)-1].Waiting
}

// queued waits until n writes wait for the writer of SQLite.
func queued(t *testing.T, s *Store, n int) {
	t.Helper()

	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()

	for waitingWrites(s) < n {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("timed out")
		}
	}
}

// lookForOthers returns when the cache has seen what other processes wrote before the
// call. ask asks the writer for a look; it is that of the cache if no test replaced it.
func lookForOthers(t *testing.T, s *Store, ask func()) {
	t.Helper()

	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()

	for range 2 { // the first may have begun before the call
		s.cache.fresh.Store(false)

		for ask(); !s.cache.fresh.Load(); {
			select {
			case <-tick.C:
				ask() // a look that was under way may have taken the first
			case <-t.Context().Done():
				t.Fatal("timed out")
			}
		}
	}
}

// framesOf returns how many pages the write-ahead log has.
func framesOf(t *testing.T, s *Store) (frames int64) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.options.Path)
	noError(t, err)

	defer db.Close()

	var busy, copied int64
	noError(t, db.QueryRowContext(t.Context(), `PRAGMA wal_checkpoint(NOOP)`).Scan(&busy, &frames, &copied))

	return frames
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
