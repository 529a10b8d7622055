package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// probedEngine counts writes, and answers them with err instead if that is set.
type probedEngine struct {
	engine
	writes atomic.Int64
	err    error
	wait   chan struct{} // if set, a write waits until it is closed
}

func (e *probedEngine) write(ctx context.Context, limit time.Duration, fn func(*tx) error) error {
	e.writes.Add(1)
	if e.wait != nil {
		<-e.wait
	}
	if e.err != nil {
		return e.err
	}
	return e.engine.write(ctx, limit, fn)
}

// holdWrites has the store's writes counted, and held if wait is set.
func holdWrites(s *Store) *probedEngine {
	e := &probedEngine{engine: s.engine}
	s.engine = e
	return e
}

func TestProbeWrites(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		written := func() (n int64) {
			t.Helper()
			noError(t, s.engine.read(t.Context(), func(q querier) error {
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
			e.engine = notYet{e.engine}
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
type notYet struct{ engine }

func (notYet) lastCommit() *lastCommit { return &lastCommit{clock: time.Now} }

// A commit of the last second answers without a probe, unless a write failed since.
// A transaction that changed nothing proves nothing.
func TestProbeTrustsCommits(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		e := holdWrites(s)
		noError(t, s.write(t.Context(), func(*tx) error { return nil }))
		if _, ok := s.engine.lastCommit().since(); ok {
			t.Error("an empty transaction counts as a commit")
		}
		addPool(t, s)
		before := e.writes.Load()
		wantError(t, "Probe", s.Probe(t.Context()), nil)
		if since, ok := s.engine.lastCommit().since(); !ok || since > time.Minute {
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

// After a fresh commit a probe touches no file: a file system that hangs would hang it.
func TestProbeDoesNotWaitForFiles(t *testing.T) {
	now := time.Now()
	s, w := openWriter(t, Options{clock: func() time.Time { return now }})
	addPool(t, s)
	hung := make(chan struct{})
	w.present = &presence{
		path:  w.path,
		log:   w.log,
		now:   time.Now,
		files: w.present.files,
		stat: func(path string) (os.FileInfo, error) {
			<-hung
			return os.Stat(path)
		},
	}
	release := sync.OnceFunc(func() { close(hung) })
	defer release()

	watchdog := time.AfterFunc(10*time.Second, release)
	wantError(t, "Probe", s.Probe(t.Context()), nil)
	if !s.Stats().Writable {
		t.Error("not writable")
	}
	if !watchdog.Stop() {
		t.Error("the probe waited for a file")
	}
}

// Stats has the outcome of the last commit or probe, and makes no write.
func TestWritable(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
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
			s.engine.lastCommit().forget()
			s.probes.ended = time.Time{}
			wantError(t, "Probe", s.Probe(t.Context()), nil)
			want("after a probe", true)
			s.engine.lastCommit().at.Store(nil)
		}
		if n := e.writes.Load(); n != 15 {
			t.Errorf("%d writes, want 15", n)
		}
	})
}

// The probe does not cost what the cache knows.
func TestProbeKeepsTheCache(t *testing.T) {
	s, w := openWriter(t, Options{})
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
	w.last.forget()
	wantError(t, "Probe", s.Probe(t.Context()), nil)
	noError(t, w.look())
	if !cached() {
		t.Error("the probe flushed the cache")
	}
}

// A probe needs as much room as what clients write, each time.
func TestProbeIsAsLargeAsWrites(t *testing.T) {
	s, w := openWriter(t, Options{})
	pool := addPool(t, s)
	before := logOf(t, s).frames
	addGuest(t, s, pool)
	guest := logOf(t, s).frames - before
	for range 3 {
		w.last.forget()
		s.probes.ended = time.Time{}
		before = logOf(t, s).frames
		wantError(t, "Probe", s.Probe(t.Context()), nil)
		if probe := logOf(t, s).frames - before; probe < 2*guest || probe < probeSize>>12 {
			t.Errorf("a probe writes %d pages, a guest %d", probe, guest)
		}
	}
}

// The kinds of refusal that a probe meets on SQLite.
func TestProbeOnSQLiteRefused(t *testing.T) {
	s, w := openWriter(t, Options{})
	usual := s.options.WriteTimeout
	release := hold(t, s)
	s.options.WriteTimeout = 10 * time.Millisecond
	wantError(t, "Probe behind a write that hangs", s.Probe(t.Context()), ErrBusy)
	s.options.WriteTimeout = usual
	release()
	noError(t, s.engine.write(t.Context(), 0, func(*tx) error { return nil }))
	s.probes.ended = time.Time{}
	wantError(t, "Probe afterwards", s.Probe(t.Context()), nil)
	w.last.forget()
	s.probes.ended = time.Time{}
	w.commit = func(*session) error { return codeError(13) } // SQLITE_FULL
	wantError(t, "Probe of a full disk", s.Probe(t.Context()), ErrDiskFull)
	wantFailed(t, s, false)
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
			_, err := admin.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET default_transaction_read_only = `+value+`'; END $$`)
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
		wantError(t, "a write", s.CreatePool(t.Context(), identitypool.Pool{ID: newPoolID(), Account: "1", Region: testRegion, Name: "n"}, 0), ErrReadOnly)
	}
}
