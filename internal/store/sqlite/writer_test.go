package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// hold makes the writer busy until release is called.
func hold(t *testing.T, s *notes) (release func()) {
	t.Helper()

	began, end := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.Write(context.Background(), 0, func(*engine.Tx) error {
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
	taken := addNote(t, s)
	commits := 0
	commit := w.commit
	w.commit = func(s *connection) error { commits++; return commit(s) }
	release := hold(t, s)

	const n = 20
	results := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		id := newID()
		if i%5 == 4 {
			id = taken // a conflict in the middle of the group
		}
		wg.Go(func() {
			results[i] = s.add(context.Background(), id)
		})
	}

	queued(t, w, n)
	release()
	wg.Wait()

	for i, err := range results {
		if i%5 == 4 {
			wantError(t, "the conflict", err, engine.ErrConflict)
		} else {
			wantError(t, "a member of its group", err, nil)
		}
	}

	if commits != 2 { // the one that was held, and the group
		t.Errorf("%d commits, want 2", commits)
	}
	wantNotes(t, s, 1+n-n/5)
}

// A request that failed half-way leaves nothing of itself in its group.
func TestGroupMemberIsTakenBackWhole(t *testing.T) {
	s, w := openWriter(t, Options{})
	half := errors.New("half-way")
	release := hold(t, s)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Write(context.Background(), 0, func(t *engine.Tx) error {
			if err := insertNote(t, "half"); err != nil {
				return err
			}
			return half
		})
		wantError(t, "the half one", err, half)
	})

	wg.Go(func() {
		err := s.Write(context.Background(), 0, func(t *engine.Tx) error {
			if err := insertNote(t, "panic"); err != nil {
				return err
			}
			panic("half-way")
		})
		if err == nil {
			t.Error("a panic was acknowledged")
		}
	})

	wg.Go(func() {
		wantError(t, "the whole one", s.add(context.Background(), "whole"), nil)
	})
	queued(t, w, 3)
	release()
	wg.Wait()

	for id, want := range map[string]error{"half": errNotFound, "panic": errNotFound, "whole": nil} {
		err := s.find(t.Context(), id)
		wantError(t, string(id), err, want)
	}
}

func TestWriteQueueIsBounded(t *testing.T) {
	s, w := openWriter(t, Options{WriteQueue: 3})
	release := hold(t, s)

	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			wantError(t, "one that waits", s.add(context.Background(), newID()), nil)
		})
	}
	queued(t, w, 3)
	wantError(t, "one too many", s.add(t.Context(), newID()), engine.ErrQueueFull)
	if err := s.Readable(t.Context()); err != nil {
		t.Errorf("reading while the queue is full: %v", err)
	}
	release()
	wg.Wait()

	wantNotes(t, s, 3)
}

// Who leaves the queue before its turn is not served; who leaves during its turn
// is, and is told that nobody knows.
func TestLeavingAWrite(t *testing.T) {
	s, w := openWriter(t, Options{})

	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		left <- s.add(ctx, "cancelled while waiting")
	}()
	queued(t, w, 1)
	cancel()
	err := <-left
	wantError(t, "cancelled while waiting", err, context.Canceled)
	if errors.Is(err, engine.ErrIndeterminate) {
		t.Errorf("cancelled while waiting: %v, but it is certain", err)
	}

	s.limit = 20 * time.Millisecond
	err = s.add(t.Context(), "too late while waiting")
	wantError(t, "too late while waiting", err, engine.ErrBusy)
	release()

	ctx, cancel = context.WithCancel(t.Context())
	began, end := make(chan struct{}), make(chan struct{})
	go func() {
		<-began
		cancel()
	}()

	err = s.Write(ctx, 0, func(t *engine.Tx) error {
		close(began)
		<-end
		return insertNote(t, "cancelled while written")
	})
	wantError(t, "cancelled while written", err, engine.ErrIndeterminate)
	wantError(t, "cancelled while written", err, context.Canceled)
	close(end)

	late := make(chan struct{})
	err = engine.ErrBusy
	for errors.Is(err, engine.ErrBusy) { // the time was up before its turn: not what is meant here
		err = s.Write(t.Context(), time.Millisecond, func(t *engine.Tx) error {
			<-late
			return insertNote(t, "too late while written")
		})
	}

	wantError(t, "too late while written", err, engine.ErrIndeterminate)
	close(late)
	wantError(t, "the next write", s.Write(t.Context(), 0, func(*engine.Tx) error { return nil }), nil)

	for id, want := range map[string]error{
		"cancelled while waiting": errNotFound, "too late while waiting": errNotFound,
		"cancelled while written": nil, "too late while written": nil,
	} {
		err := s.find(t.Context(), id)
		wantError(t, string(id), err, want)
	}
}

// After a commit failed nothing is acknowledged any more, by this process.
func TestFailedCommitStopsWriting(t *testing.T) {
	s, w := openWriter(t, Options{})
	before := addNote(t, s)
	broken := errors.New("fsync: input/output error")
	w.commit = func(*connection) error { return broken }

	err := s.add(t.Context(), "lost")
	wantError(t, "the write whose commit failed", err, broken)
	wantError(t, "the write whose commit failed", err, engine.ErrIndeterminate)
	wantError(t, "the write whose commit failed", err, engine.ErrStopped)

	w.mu.Lock() // the writer is idle; let a later commit work, so that only the stop can refuse
	w.commit = func(s *connection) error { _, err := s.Exec("COMMIT"); return err }
	w.mu.Unlock()
	err = s.add(t.Context(), "later")
	wantError(t, "a later write", err, engine.ErrStopped)
	if errors.Is(err, engine.ErrIndeterminate) {
		t.Errorf("a later write: %v, but it is certain", err)
	}
	wantError(t, "Failure", s.Failure(), engine.ErrStopped)
	if err := s.find(t.Context(), before); err != nil {
		t.Errorf("reading what is durable: %v", err)
	}

	err = s.find(t.Context(), "lost")
	wantError(t, "reading what is not", err, errNotFound)
}

// A full disk refuses writes while it is full, and only then.
func TestFullDisk(t *testing.T) {
	s, w := openWriter(t, Options{})
	kept := addNote(t, s)
	limit := func(pragma string) {
		t.Helper()
		one, err := w.connections.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.connections.put(one)

		if _, err := scanCount(one, pragma); err != nil {
			t.Fatal(err)
		}
	}
	limit("PRAGMA max_page_count = 1") // SQLite makes it the present size

	var full error
	written := 0
	for full == nil && written < 10_000 {
		if full = s.add(t.Context(), newID()); full == nil {
			written++
		}
	}

	wantError(t, "a write to a full disk", full, engine.ErrBusy)
	if errors.Is(full, engine.ErrStopped) || errors.Is(full, engine.ErrIndeterminate) {
		t.Errorf("a write to a full disk: %v", full)
	}
	if err := s.find(t.Context(), kept); err != nil {
		t.Errorf("reading: %v", err)
	}

	wantError(t, "Failure", s.Failure(), nil)
	wantNotes(t, s, int64(1+written))
	limit("PRAGMA max_page_count = 1000000")
	addNote(t, s)

	wantNotes(t, s, int64(2+written))
}

// Another process that holds the database makes a write fail for certain.
func TestLockedByAnotherProcess(t *testing.T) {
	s, w := openWriter(t, Options{})
	one, err := w.connections.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scanCount(one, "PRAGMA busy_timeout = 20"); err != nil { // not five seconds
		t.Fatal(err)
	}

	w.connections.put(one)
	other := open(t, Options{Path: w.path})
	release := hold(t, other)
	wantError(t, "a write meanwhile", s.add(t.Context(), newID()), engine.ErrBusy)
	release()
	addNote(t, s)

	wantNotes(t, s, 1)
}

// Close finishes what was accepted.
func TestCloseFinishesWhatWaits(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "test.db")}
	s, err := openNotes(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w := s.writer

	release := hold(t, s)
	const n = 10
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			wantError(t, "accepted before Close", s.add(context.Background(), newID()), nil)
		})
	}
	queued(t, w, n)

	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	release()
	wg.Wait()

	wantError(t, "Close", <-closed, nil)
	wantNotes(t, open(t, o), n)
}
