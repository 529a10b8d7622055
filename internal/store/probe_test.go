package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// probedEngine counts writes, and answers them with err instead if that is set.
type probedEngine struct {
	engine.Engine
	writes atomic.Int64
	err    error
	wait   chan struct{} // if set, a write waits until it is closed
}

// Write implements engine.Engine.
func (e *probedEngine) Write(ctx context.Context, limit time.Duration, fn func(*engine.Tx) error) error {
	e.writes.Add(1)
	if e.wait != nil {
		<-e.wait
	}
	if e.err != nil {
		return e.err
	}
	return e.Engine.Write(ctx, limit, fn)
}

// holdWrites has the store's writes counted, and held if wait is set.
func holdWrites(s *Store) *probedEngine {
	e := &probedEngine{Engine: s.engine}
	s.engine = e
	return e
}

func TestProbeWrites(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		written := func() (n int64) {
			t.Helper()
			noError(t, s.read(t.Context(), func(q engine.Querier) error {
				all, err := collect(q, scanInt, `SELECT written FROM write_probe`)
				if len(all) == 1 {
					n = all[0]
				}
				return err
			}))

			return n
		}

		if n := written(); n != 0 {
			t.Fatalf("before the first probe: %d", n)
		}
		wantError(t, "Probe", s.Probe(t.Context()), nil)
		if written() == 0 {
			t.Error("the probe wrote nothing")
		}
		wantError(t, "Readable", s.Readable(t.Context()), nil)

		var dump bytes.Buffer
		noError(t, s.Dump(t.Context(), &dump))
		lines, err := gzip.NewReader(&dump)
		noError(t, err)
		text, err := io.ReadAll(lines)
		noError(t, err)

		if strings.Contains(strings.ToLower(string(text)), "probe") || bytes.Count(text, []byte("\n")) != 2 {
			t.Errorf("a dump has the probe:\n%s", text)
		}
	})
}

// However many ask, one write is made, and its answer stands for a second.
func TestProbeIsShared(t *testing.T) {
	for _, failure := range []error{nil, ErrDiskFull} {
		eachEngine(t, func(t *testing.T, s *Store) {
			e := holdWrites(s)
			e.err, e.wait = failure, make(chan struct{})
			now := time.Now()
			s.probes.now = func() time.Time { return now }

			var group sync.WaitGroup
			for range 100 {
				group.Go(func() { wantError(t, "Probe", s.Probe(t.Context()), failure) })
			}
			close(e.wait)
			group.Wait()
			s.probes.mu.Lock()

			now = now.Add(probeKept - time.Millisecond)
			s.probes.mu.Unlock()
			e.Engine = notYet{Engine: e.Engine}
			wantError(t, "Probe a little later", s.Probe(t.Context()), failure)

			if n := e.writes.Load(); n != 1 {
				t.Errorf("%d writes, want 1", n)
			}

			s.probes.mu.Lock()
			now = now.Add(time.Second)
			s.probes.mu.Unlock()
			wantError(t, "Probe a second later", s.Probe(t.Context()), failure)
			if n := e.writes.Load(); n != 2 {
				t.Errorf("%d writes, want 2", n)
			}
		})
	}
}

// notYet is an engine that has not committed anything lately.
type notYet struct{ engine.Engine }

// LastCommit implements engine.Engine.
func (notYet) LastCommit() *engine.LastCommit { return engine.NewLastCommit(time.Now) }

// A commit of the last second answers without a probe, unless a write failed since.
// A transaction that changed nothing proves nothing.
func TestProbeTrustsCommits(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		e := holdWrites(s)
		noError(t, s.write(t.Context(), func(*engine.Tx) error { return nil }))
		if _, ok := s.engine.LastCommit().Since(); ok {
			t.Error("an empty transaction counts as a commit")
		}
		addPool(t, s)
		before := e.writes.Load()
		wantError(t, "Probe", s.Probe(t.Context()), nil)
		if since, ok := s.engine.LastCommit().Since(); !ok || since > time.Minute {
			t.Errorf("since the last commit: %v, %t", since, ok)
		} else if n := e.writes.Load(); since < probeKept && n != before {
			t.Errorf("%d probing writes beside real ones", n-before)
		}
	})
}

// A probe is answered in time, also while a write hangs; later ones begin no second
// write while the first is under way.
func TestProbeIsBounded(t *testing.T) {
	s := open(t, Options{})
	e := holdWrites(s)
	e.wait = make(chan struct{})

	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		began := time.Now()
		wantError(t, "Probe", s.Probe(ctx), ErrBusy)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("the probe took %v", took)
		}
		cancel()
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "Probe for a client that has gone", s.Probe(ctx), context.Canceled)
	if n := e.writes.Load(); n != 1 {
		t.Errorf("%d writes are under way, want 1", n)
	}
	close(e.wait)
}

// Stats has the outcome of the last commit or probe, and makes no write.
func TestWritable(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		at := newClock()
		o.clock = at.now
		s := open(t, o)
		want := func(when string, writable bool) {
			t.Helper()
			if s.Stats().Writable != writable {
				t.Errorf("%s: writable is %t", when, !writable)
			}
		}
		want("at first", true)

		e := holdWrites(s)
		for _, fault := range []error{ErrDiskFull, ErrQueueFull, ErrIndeterminate, ErrUnavailable, ErrGone} {
			e.err, s.probes.ended = fault, time.Time{}
			wantError(t, "Probe", s.Probe(t.Context()), fault)
			want(fault.Error(), false)

			e.err = nil
			addPool(t, s)
			want("after a commit", true)
			s.engine.LastCommit().Forget()
			s.probes.ended = time.Time{}
			wantError(t, "Probe", s.Probe(t.Context()), nil)
			want("after a probe", true)
			at.advance(2 * probeKept)
		}

		if n := e.writes.Load(); n != 15 {
			t.Errorf("%d writes, want 15", n)
		}
	})
}

// The probe does not cost what the cache knows.
func TestProbeKeepsTheCache(t *testing.T) {
	s := openFile(t)
	pool := addPool(t, s)
	id := addGuest(t, s, pool)
	if _, err := s.Identity(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	cached := func() bool {
		stripe := s.cache.stripe(identityKey(id))
		stripe.mu.Lock()
		defer stripe.mu.Unlock()

		return stripe.entries.Contains(identityKey(id))
	}

	if !cached() {
		t.Fatal("the identity is not cached, so this test shows nothing")
	}
	s.engine.LastCommit().Forget()
	wantError(t, "Probe", s.Probe(t.Context()), nil)
	lookForOthers(t, s, s.cache.look)

	if !cached() {
		t.Error("the probe flushed the cache")
	}
}

// A probe needs as much room as what clients write, each time.
func TestProbeIsAsLargeAsWrites(t *testing.T) {
	s := openFile(t)
	pool := addPool(t, s)
	before := framesOf(t, s)
	addGuest(t, s, pool)

	guest := framesOf(t, s) - before
	for range 3 {
		s.engine.LastCommit().Forget()
		s.probes.ended = time.Time{}
		before = framesOf(t, s)
		wantError(t, "Probe", s.Probe(t.Context()), nil)
		if probe := framesOf(t, s) - before; probe < 2*guest || probe < probeSize>>12 {
			t.Errorf("a probe writes %d pages, a guest %d", probe, guest)
		}
	}
}

// The kinds of refusal that a probe meets on SQLite.
func TestProbeOnSQLiteRefused(t *testing.T) {
	s := openFile(t)
	usual := s.options.WriteTimeout
	release := hold(t, s)
	s.options.WriteTimeout = 10 * time.Millisecond
	wantError(t, "Probe behind a write that hangs", s.Probe(t.Context()), ErrBusy)
	s.options.WriteTimeout = usual
	release()
	noError(t, s.engine.Write(t.Context(), 0, func(*engine.Tx) error { return nil }))
	s.probes.ended = time.Time{}

	wantError(t, "Probe afterwards", s.Probe(t.Context()), nil)
}

// SQLite refuses a probe that needs pages which the file may not have, and takes one again
// when there is room.
func TestProbeOfAFullDatabase(t *testing.T) {
	s := openFile(t)
	mayGrowTo := func(pages int64) {
		t.Helper()
		noError(t, s.engine.Write(t.Context(), 0, func(tx *engine.Tx) error {
			_, err := collect(tx, scanInt, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
			return err
		}))
		s.engine.LastCommit().Forget()
		s.probes.ended = time.Time{}
	}

	mayGrowTo(1) // SQLite takes the number of pages that it has
	wantError(t, "Probe", s.Probe(t.Context()), ErrDiskFull)
	wantError(t, "Failure", s.Failure(), nil)
	if s.Stats().Writable {
		t.Error("a full database is writable")
	}

	mayGrowTo(1 << 30)
	wantError(t, "Probe when there is room", s.Probe(t.Context()), nil)
}

// A probe after a fresh commit touches no file: a file system that hangs would hang it.
func TestProbeDoesNotWaitForFiles(t *testing.T) {
	var hangs atomic.Bool
	hung := make(chan struct{})
	s := open(t, Options{
		Path:  filepath.Join(t.TempDir(), "test.db"),
		clock: newClock().now, // stands still: the commit stays fresh
		stat: func(path string) (os.FileInfo, error) {
			if hangs.Load() {
				<-hung
			}
			return os.Stat(path)
		},
	})
	addPool(t, s)
	hangs.Store(true)

	release := sync.OnceFunc(func() { close(hung) })
	defer release()

	watchdog := time.AfterFunc(10*time.Second, release)
	wantError(t, "Probe", s.Probe(t.Context()), nil)
	if !s.Stats().Writable {
		t.Error("the store is not writable")
	}
	if !watchdog.Stop() {
		t.Error("somebody waited for a file")
	}
}

// A probe reports a database file that is lost, and one that is back.
func TestProbeOfALostFile(t *testing.T) {
	s := openFile(t)
	pool := addPool(t, s)
	path := s.options.Path

	noError(t, os.Rename(path, path+".away"))
	wantError(t, "a write", s.CreatePool(t.Context(), testPool(), 0), ErrGone)
	wantError(t, "Probe", s.Probe(t.Context()), ErrGone)
	wantError(t, "Failure", s.Failure(), nil)
	wantError(t, "Readable", s.Readable(t.Context()), nil)
	if _, err := s.Pool(t.Context(), pool); err != nil {
		t.Errorf("reading: %v", err)
	}

	noError(t, os.Rename(path+".away", path))
	addPool(t, s)
	wantError(t, "Probe when it is back", s.Probe(t.Context()), nil)
}

// A PostgreSQL server that turns read-only, as after a failover, is not ready.
func TestProbeOnReadOnlyPostgreSQL(t *testing.T) {
	for _, e := range engines {
		o := e.options(t)
		if o.URL == "" {
			continue
		}
		s := open(t, o)
		admin, err := sql.Open("pgx", o.URL)
		noError(t, err)

		defer admin.Close()

		set := func(value string) {
			t.Helper()
			_, err := admin.ExecContext(t.Context(),
				`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET `+
					`default_transaction_read_only = `+value+`'; END $$`)
			noError(t, err)
			_, err = admin.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM `+clients)
			noError(t, err)
		}

		probe := func() error {
			s.probes.mu.Lock()
			s.probes.ended = time.Time{}
			s.probes.mu.Unlock()
			return s.Probe(t.Context())
		}

		_, err = admin.ExecContext(t.Context(), `SET default_transaction_read_only = off`)
		noError(t, err)
		set("on")

		for n := 0; n < 2*defaultReadConns; n++ { // connections that the server ended are found out first
			if err = probe(); errors.Is(err, ErrReadOnly) {
				break
			}
		}
		wantError(t, "Probe of a read-only server", err, ErrReadOnly)
		wantError(t, "a write",
			s.CreatePool(t.Context(), identitypool.Pool{ID: newPoolID(), Account: "1", Region: testRegion, Name: "n"},
				0), ErrReadOnly)
	}
}
