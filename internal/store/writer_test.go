package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// openWriter opens a SQLite file and hands out its writer. Tests may change the
// writer only while it is idle.
func openWriter(t *testing.T, o Options) (*Store, *writer) {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "test.db")
	s := open(t, o)
	return s, s.engine.(*sqliteEngine).writer
}

// hold makes the writer busy until release is called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	began, end := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.engine.write(context.Background(), 0, func(*tx) error {
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

// queued waits until n requests wait for the writer.
func queued(t *testing.T, w *writer, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(w.queue) < n {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("timed out")
		}
	}
}

// Requests that wait together are one transaction, and each fails alone.
func TestGroupCommit(t *testing.T) {
	s, w := openWriter(t, Options{})
	pool := addPool(t, s)
	taken := addGuest(t, s, pool)
	commits := 0
	commit := w.commit
	w.commit = func(s *session) error { commits++; return commit(s) }

	release := hold(t, s)
	const n = 20
	results := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		id := newIdentityID()
		if i%5 == 4 {
			id = taken // a conflict in the middle of the group
		}
		wg.Go(func() {
			results[i] = s.CreateIdentity(context.Background(), identitypool.Identity{ID: id, PoolID: pool})
		})
	}
	queued(t, w, n)
	release()
	wg.Wait()
	for i, err := range results {
		if i%5 == 4 {
			wantError(t, "the conflict", err, ErrConflict)
		} else {
			wantError(t, "a member of its group", err, nil)
		}
	}
	if commits != 2 { // the one that was held, and the group
		t.Errorf("%d commits, want 2", commits)
	}
	wantRows(t, s, 1, 1+n-n/5, 0)
}

// A request that failed half-way leaves nothing of itself in its group.
func TestGroupMemberIsTakenBackWhole(t *testing.T) {
	s, w := openWriter(t, Options{})
	pool := addPool(t, s)
	half := errors.New("half-way")
	release := hold(t, s)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.write(context.Background(), func(t *tx) error {
			if err := insertIdentity(t, identitypool.Identity{ID: "half", PoolID: pool}); err != nil {
				return err
			}
			return half
		})
		wantError(t, "the half one", err, half)
	})
	wg.Go(func() {
		err := s.write(context.Background(), func(t *tx) error {
			if err := insertIdentity(t, identitypool.Identity{ID: "panic", PoolID: pool}); err != nil {
				return err
			}
			panic("half-way")
		})
		if err == nil {
			t.Error("a panic was acknowledged")
		}
	})
	wg.Go(func() {
		wantError(t, "the whole one", s.CreateIdentity(context.Background(), identitypool.Identity{ID: "whole", PoolID: pool}), nil)
	})
	queued(t, w, 3)
	release()
	wg.Wait()
	for id, want := range map[identitypool.IdentityID]error{"half": ErrNotFound, "panic": ErrNotFound, "whole": nil} {
		_, err := s.Identity(t.Context(), id)
		wantError(t, string(id), err, want)
	}
}

func TestWriteQueueIsBounded(t *testing.T) {
	s, w := openWriter(t, Options{WriteQueue: 3})
	pool := addPool(t, s)
	release := hold(t, s)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			wantError(t, "one that waits", s.CreateIdentity(context.Background(), identitypool.Identity{ID: newIdentityID(), PoolID: pool}), nil)
		})
	}
	queued(t, w, 3)
	wantError(t, "one too many", s.CreateIdentity(t.Context(), identitypool.Identity{ID: newIdentityID(), PoolID: pool}), ErrQueueFull)
	if _, err := s.Pool(t.Context(), pool); err != nil {
		t.Errorf("reading while the queue is full: %v", err)
	}
	release()
	wg.Wait()
	wantRows(t, s, 1, 3, 0)
}

// Who leaves the queue before its turn is not served; who leaves during its turn
// is, and is told that nobody knows.
func TestLeavingAWrite(t *testing.T) {
	s, w := openWriter(t, Options{})
	pool := addPool(t, s)
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		left <- s.CreateIdentity(ctx, identitypool.Identity{ID: "cancelled while waiting", PoolID: pool})
	}()
	queued(t, w, 1)
	cancel()
	err := <-left
	wantError(t, "cancelled while waiting", err, context.Canceled)
	if errors.Is(err, ErrIndeterminate) {
		t.Errorf("cancelled while waiting: %v, but it is certain", err)
	}
	s.options.WriteTimeout = 20 * time.Millisecond
	err = s.CreateIdentity(t.Context(), identitypool.Identity{ID: "too late while waiting", PoolID: pool})
	wantError(t, "too late while waiting", err, ErrBusy)
	release()

	ctx, cancel = context.WithCancel(t.Context())
	began, end := make(chan struct{}), make(chan struct{})
	go func() {
		<-began
		cancel()
	}()
	err = s.engine.write(ctx, 0, func(t *tx) error {
		close(began)
		<-end
		return insertIdentity(t, identitypool.Identity{ID: "cancelled while written", PoolID: pool})
	})
	wantError(t, "cancelled while written", err, ErrIndeterminate)
	wantError(t, "cancelled while written", err, context.Canceled)
	close(end)

	late := make(chan struct{})
	err = ErrBusy
	for errors.Is(err, ErrBusy) { // the time was up before its turn: not what is meant here
		err = s.engine.write(t.Context(), time.Millisecond, func(t *tx) error {
			<-late
			return insertIdentity(t, identitypool.Identity{ID: "too late while written", PoolID: pool})
		})
	}
	wantError(t, "too late while written", err, ErrIndeterminate)
	close(late)
	wantError(t, "the next write", s.engine.write(t.Context(), 0, func(*tx) error { return nil }), nil)
	for id, want := range map[identitypool.IdentityID]error{
		"cancelled while waiting": ErrNotFound, "too late while waiting": ErrNotFound,
		"cancelled while written": nil, "too late while written": nil,
	} {
		_, err := s.Identity(t.Context(), id)
		wantError(t, string(id), err, want)
	}
}

// After a commit failed nothing is acknowledged any more, by this process.
func TestFailedCommitStopsWriting(t *testing.T) {
	s, w := openWriter(t, Options{})
	pool := addPool(t, s)
	before := addGuest(t, s, pool)
	broken := errors.New("fsync: input/output error")
	w.commit = func(*session) error { return broken }

	err := s.CreateIdentity(t.Context(), identitypool.Identity{ID: "lost", PoolID: pool})
	wantError(t, "the write whose commit failed", err, broken)
	wantError(t, "the write whose commit failed", err, ErrIndeterminate)
	wantError(t, "the write whose commit failed", err, ErrStopped)

	w.mu.Lock() // the writer is idle; let a later commit work, so that only the stop can refuse
	w.commit = func(s *session) error { _, err := s.exec("COMMIT"); return err }
	w.mu.Unlock()
	err = s.CreateIdentity(t.Context(), identitypool.Identity{ID: "later", PoolID: pool})
	wantError(t, "a later write", err, ErrStopped)
	if errors.Is(err, ErrIndeterminate) {
		t.Errorf("a later write: %v, but it is certain", err)
	}
	wantError(t, "Ping", s.Ping(t.Context()), ErrStopped)
	if _, err := s.Identity(t.Context(), before); err != nil {
		t.Errorf("reading what is durable: %v", err)
	}
	_, err = s.Identity(t.Context(), "lost")
	wantError(t, "reading what is not", err, ErrNotFound)
}

// A full disk refuses writes while it is full, and only then.
func TestFullDisk(t *testing.T) {
	s, w := openWriter(t, Options{})
	pool := addPool(t, s)
	kept := addGuest(t, s, pool)
	limit := func(pragma string) {
		t.Helper()
		one, err := w.sessions.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.sessions.put(one)
		if _, err := collect(one, scanInt, pragma); err != nil {
			t.Fatal(err)
		}
	}
	limit("PRAGMA max_page_count = 1") // SQLite makes it the present size
	var full error
	written := 0
	for full == nil && written < 10_000 {
		if full = s.CreateIdentity(t.Context(), identitypool.Identity{ID: newIdentityID(), PoolID: pool}); full == nil {
			written++
		}
	}
	wantError(t, "a write to a full disk", full, ErrBusy)
	if errors.Is(full, ErrStopped) || errors.Is(full, ErrIndeterminate) {
		t.Errorf("a write to a full disk: %v", full)
	}
	if _, err := s.Identity(t.Context(), kept); err != nil {
		t.Errorf("reading: %v", err)
	}
	wantError(t, "Ping", s.Ping(t.Context()), nil)
	wantRows(t, s, 1, int64(1+written), 0)
	limit("PRAGMA max_page_count = 1000000")
	addGuest(t, s, pool)
	wantRows(t, s, 1, int64(2+written), 0)
}

// Another process that holds the database makes a write fail for certain.
func TestLockedByAnotherProcess(t *testing.T) {
	s, w := openWriter(t, Options{})
	pool := addPool(t, s)
	one, err := w.sessions.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := collect(one, scanInt, "PRAGMA busy_timeout = 20"); err != nil { // not five seconds
		t.Fatal(err)
	}
	w.sessions.put(one)
	other := open(t, s.options)
	release := hold(t, other)
	wantError(t, "a write meanwhile", s.CreateIdentity(t.Context(), identitypool.Identity{ID: newIdentityID(), PoolID: pool}), ErrBusy)
	release()
	addGuest(t, s, pool)
	wantRows(t, s, 1, 1, 0)
}

// Close finishes what was accepted.
func TestCloseFinishesWhatWaits(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "test.db")}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w := s.engine.(*sqliteEngine).writer
	pool := addPool(t, s)
	release := hold(t, s)
	const n = 10
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			wantError(t, "accepted before Close", s.CreateIdentity(context.Background(), identitypool.Identity{ID: newIdentityID(), PoolID: pool}), nil)
		})
	}
	queued(t, w, n)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	release()
	wg.Wait()
	wantError(t, "Close", <-closed, nil)
	wantRows(t, open(t, o), 1, n, 0)
}
