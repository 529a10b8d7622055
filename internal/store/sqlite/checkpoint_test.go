package sqlite

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// copyOften has a log of so many pages copied back, and looked at after each commit.
func copyOften(s *notes, frames int64) {
	c := s.writer.checkpoints
	c.least, c.every = frames, 1
}

// logOf returns the log's length when no copy is under way.
func logOf(t *testing.T, s *notes) logLength {
	t.Helper()

	c := s.writer.checkpoints
	one := <-c.connections.free
	defer c.connections.put(one)

	l, err := checkpointLog(one, "NOOP")
	if err != nil {
		t.Fatal(err)
	}

	return l
}

// addNotes makes n notes, many at a time.
func addNotes(t *testing.T, s *notes, n int) {
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range n / 16 {
				addNote(t, s)
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

	for n := range 3 {
		if !startsOver(t, s) {
			t.Fatalf("the log does not start over for time %d: %+v", n+1, logOf(t, s))
		}
	}
}

func startsOver(t *testing.T, s *notes) bool {
	before := logOf(t, s).frames
	for range 50 {
		addNotes(t, s, 64)
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
	connections := s.writer.checkpoints.connections
	copying := <-connections.free // nothing is copied before the reader begins: it would read the database alone
	addNotes(t, s, 64)

	err := s.Snapshot(t.Context(), 0, func(q engine.Querier) error {
		seen := func() int64 {
			n, err := scanCount(q, `SELECT count(*) FROM notes`)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}

		before := seen()
		connections.put(copying)
		if startsOver(t, s) {
			t.Error("the log started over although a reader needs it")
		}
		if after := seen(); after != before {
			t.Errorf("the reader saw %d notes, then %d", before, after)
		}

		return nil
	})
	wantError(t, "snapshot", err, nil)
	if !startsOver(t, s) {
		t.Errorf("the log does not start over after its reader has gone: %+v", logOf(t, s))
	}
}

// What the copying connection leaves over, the writer copies between two commits.
func TestWriterCopiesTheRest(t *testing.T) {
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "test.db")})
	addNotes(t, s, 64)
	before := logOf(t, s)
	if before.copied != 0 {
		t.Fatalf("%+v is copied of so short a log", before)
	}
	leaveWord(s.writer.checkpoints.rest)

	for range 1000 {
		addNote(t, s)
		if now := logOf(t, s); now.copied > 0 || now.frames < before.frames {
			return
		}
	}

	t.Error("nothing is copied")
}
