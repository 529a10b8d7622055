package store

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// copyOften has a log of so many pages copied back, and looked at after each commit.
func copyOften(s *Store, frames int64) {
	c := s.engine.(*sqliteEngine).writer.checkpoints
	c.least, c.every = frames, 1
}

// logOf returns the log's length when no copy is under way.
func logOf(t *testing.T, s *Store) logLength {
	t.Helper()
	c := s.engine.(*sqliteEngine).writer.checkpoints
	session := <-c.sessions.free
	defer c.sessions.put(session)
	l, err := checkpointLog(session, "NOOP")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// addGuests creates n guests, many at a time.
func addGuests(t *testing.T, s *Store, pool identitypool.PoolID, n int) {
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range n / 16 {
				addGuest(t, s, pool)
			}
		})
	}
	group.Wait()
}

// The log starts over again and again while others write, long before the writer
// itself would copy it.
func TestLogStartsOverBesideTheWriter(t *testing.T) {
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "test.db")})
	copyOften(s, 200)
	pool := addPool(t, s)
	for n := range 3 {
		if !startsOver(t, s, pool) {
			t.Fatalf("the log does not start over for time %d: %+v", n+1, logOf(t, s))
		}
	}
}

func startsOver(t *testing.T, s *Store, pool identitypool.PoolID) bool {
	before := logOf(t, s).frames
	for range 50 {
		addGuests(t, s, pool, 64)
		now := logOf(t, s).frames
		if now < before {
			return true
		}
		before = now
	}
	return false
}

// A reader of the log keeps it from starting over, and its view.
func TestOldReaderKeepsTheLog(t *testing.T) {
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "test.db")})
	copyOften(s, 200)
	sessions := s.engine.(*sqliteEngine).writer.checkpoints.sessions
	copying := <-sessions.free // nothing is copied before the reader begins: it would read the database alone
	pool := addPool(t, s)
	addGuests(t, s, pool, 64)
	err := s.engine.snapshot(t.Context(), 0, func(q querier) error {
		seen := func() int64 {
			n, err := collect(q, scanInt, `SELECT count(*) FROM identities`)
			if err != nil {
				t.Fatal(err)
			}
			return n[0]
		}
		before := seen()
		sessions.put(copying)
		if startsOver(t, s, pool) {
			t.Error("the log started over although a reader needs it")
		}
		if after := seen(); after != before {
			t.Errorf("the reader saw %d identities, then %d", before, after)
		}
		return nil
	})
	wantError(t, "snapshot", err, nil)
	if !startsOver(t, s, pool) {
		t.Errorf("the log does not start over after its reader has gone: %+v", logOf(t, s))
	}
}

// What the copying connection leaves over, the writer copies between two commits.
func TestWriterCopiesTheRest(t *testing.T) {
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "test.db")})
	pool := addPool(t, s)
	addGuests(t, s, pool, 64)
	before := logOf(t, s)
	if before.copied != 0 {
		t.Fatalf("%+v is copied of so short a log", before)
	}
	leaveWord(s.engine.(*sqliteEngine).writer.checkpoints.rest)
	for range 1000 {
		addGuest(t, s, pool)
		if now := logOf(t, s); now.copied > 0 || now.frames < before.frames {
			return
		}
	}
	t.Error("nothing is copied")
}
