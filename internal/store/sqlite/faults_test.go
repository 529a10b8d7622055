package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// codeError is an error of SQLite with a result code.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("result code %d", int(e)) }
func (e codeError) Code() int     { return int(e) }

// What each result code means, when the folder has room and when it has not.
func TestSQLiteFaults(t *testing.T) {
	for _, test := range []struct {
		code       int
		want, full fault
	}{
		{code: sqlite3.SQLITE_CONSTRAINT_UNIQUE, want: noFault, full: noFault},
		{code: sqlite3.SQLITE_ERROR, want: noFault, full: noFault},

		{code: sqlite3.SQLITE_BUSY, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_BUSY_SNAPSHOT, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_LOCKED, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_PROTOCOL, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_NOMEM, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_IOERR_NOMEM, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_IOERR_LOCK, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_IOERR_SHMLOCK, want: faultBusy, full: faultBusy},
		{code: sqlite3.SQLITE_IOERR_GETTEMPPATH, want: faultBusy, full: faultBusy},

		{code: sqlite3.SQLITE_FULL, want: faultFull, full: faultFull},
		{code: sqlite3.SQLITE_IOERR_SHMSIZE, want: faultFull, full: faultFull},
		{code: sqlite3.SQLITE_IOERR_WRITE, want: faultDisk, full: faultFull},

		{code: sqlite3.SQLITE_READONLY, want: faultReadOnly, full: faultReadOnly},
		{code: sqlite3.SQLITE_READONLY_DIRECTORY, want: faultReadOnly, full: faultReadOnly},
		{code: sqlite3.SQLITE_READONLY_CANTINIT, want: faultReadOnly, full: faultReadOnly},
		{code: sqlite3.SQLITE_READONLY_DBMOVED, want: faultGone, full: faultGone},
		{code: sqlite3.SQLITE_CANTOPEN, want: faultReadOnly, full: faultReadOnly},
		{code: sqlite3.SQLITE_CANTOPEN_ISDIR, want: faultReadOnly, full: faultReadOnly},
		{code: sqlite3.SQLITE_PERM, want: faultReadOnly, full: faultReadOnly},

		// An fsync that failed because the disk is full leaves as little known as any other.
		{code: sqlite3.SQLITE_IOERR_FSYNC, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_DIR_FSYNC, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_TRUNCATE, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_READ, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_SHORT_READ, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_FSTAT, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_UNLOCK, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_SHMMAP, want: faultDisk, full: faultDisk},
		{code: sqlite3.SQLITE_IOERR_DATA, want: faultDisk, full: faultDisk},

		{code: sqlite3.SQLITE_IOERR_CORRUPTFS, want: faultDamage, full: faultDamage},
		{code: sqlite3.SQLITE_CORRUPT, want: faultDamage, full: faultDamage},
		{code: sqlite3.SQLITE_CORRUPT_INDEX, want: faultDamage, full: faultDamage},
		{code: sqlite3.SQLITE_NOTADB, want: faultDamage, full: faultDamage},
	} {
		err := fmt.Errorf("wrapped: %w", codeError(test.code))
		if got := faultOf(err, func() bool { return false }); got != test.want {
			t.Errorf("code %d: %v, want %v", test.code, got, test.want)
		}

		if got := faultOf(err, func() bool { return true }); got != test.full {
			t.Errorf("code %d in a full folder: %v, want %v", test.code, got, test.full)
		}
	}
}

// What a fault at the commit answers, and whether writing goes on when it is over.
func TestFaultsAtCommit(t *testing.T) {
	for name, test := range map[string]struct {
		code    int
		full    bool
		is      []error
		unknown bool // the outcome of the write
		stops   bool
	}{
		"another process": {code: sqlite3.SQLITE_BUSY, is: []error{engine.ErrBusy}},
		"disk full":       {code: sqlite3.SQLITE_FULL, is: []error{engine.ErrDiskFull, engine.ErrBusy}},
		"quota exceeded":  {code: sqlite3.SQLITE_IOERR_WRITE, full: true, is: []error{engine.ErrDiskFull}},
		"full at the index": {code: sqlite3.SQLITE_IOERR_SHMSIZE, is: []error{engine.ErrDiskFull},
			unknown: true},
		"no memory":   {code: sqlite3.SQLITE_IOERR_NOMEM, is: []error{engine.ErrBusy}, unknown: true},
		"read-only":   {code: sqlite3.SQLITE_READONLY, is: []error{engine.ErrReadOnly}},
		"write error": {code: sqlite3.SQLITE_IOERR_WRITE, is: []error{engine.ErrStopped}, unknown: true, stops: true},
		"fsync error": {code: sqlite3.SQLITE_IOERR_FSYNC, is: []error{engine.ErrStopped}, unknown: true, stops: true},
		"fsync error when full": {code: sqlite3.SQLITE_IOERR_FSYNC, full: true, is: []error{engine.ErrStopped},
			unknown: true, stops: true},
		"damaged pages": {code: sqlite3.SQLITE_CORRUPT, is: []error{engine.ErrStopped, engine.ErrDamaged},
			unknown: true, stops: true},
		"no database": {code: sqlite3.SQLITE_NOTADB, is: []error{engine.ErrStopped, engine.ErrDamaged},
			unknown: true, stops: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, w := openWriter(t, Options{})
			works := w.commit
			w.commit = func(*connection) error { return codeError(test.code) }
			w.full = func() bool { return test.full }

			err := s.add(t.Context(), newID())
			for _, want := range test.is {
				wantError(t, "the write", err, want)
			}
			if got := errors.Is(err, engine.ErrIndeterminate); got != test.unknown {
				t.Errorf("outcome unknown: %t, want %t (%v)", got, test.unknown, err)
			}

			wantFailed(t, s, test.stops)
			if err := s.Readable(t.Context()); err != nil {
				t.Errorf("reading: %v", err)
			}
			wantError(t, "Readable", s.Readable(t.Context()), nil)

			w.commit = works // the writer is idle
			if test.stops {
				wantError(t, "a later write", s.add(t.Context(), newID()), engine.ErrStopped)
				wantError(t, "Probe", s.Probe(t.Context()), engine.ErrStopped)
				return
			}
			addNote(t, s)
			wantError(t, "Probe", s.Probe(t.Context()), nil)
		})
	}
}

// wantFailed reports unless the store stopped for good or did not, and checks that
// the last message names the file and a cure.
func wantFailed(t *testing.T, s *notes, want bool) {
	t.Helper()

	select {
	case <-s.Failed():
		if !want {
			t.Errorf("writing stopped: %v", s.Failure())
			return
		}
	default:
		if want {
			t.Error("writing did not stop")
		}
		return
	}

	stop, ok := errors.AsType[*engine.StopError](s.Failure())
	if !ok || stop.Cure == "" || !strings.Contains(stop.Error(), s.writer.path) ||
		!strings.Contains(stop.Error(), stop.Cure) {
		t.Errorf("the cause is %v; want path and cure", s.Failure())
	}
	wantError(t, "the cause", s.Failure(), engine.ErrStopped)
}

// Faults before the commit: the statement itself meets them.
func TestFaultsInAStatement(t *testing.T) {
	for code, want := range map[int]error{
		sqlite3.SQLITE_BUSY:              engine.ErrBusy,
		sqlite3.SQLITE_IOERR_GETTEMPPATH: engine.ErrBusy,
		sqlite3.SQLITE_FULL:              engine.ErrDiskFull,
		sqlite3.SQLITE_READONLY:          engine.ErrReadOnly,
		sqlite3.SQLITE_IOERR_READ:        engine.ErrStopped,
		sqlite3.SQLITE_CORRUPT:           engine.ErrDamaged,
		sqlite3.SQLITE_IOERR_FSYNC:       engine.ErrStopped,
		sqlite3.SQLITE_CORRUPT_VTAB:      engine.ErrStopped,
	} {
		s, _ := openWriter(t, Options{})
		err := s.Write(t.Context(), 0, func(*engine.Tx) error { return codeError(code) })
		wantError(t, fmt.Sprint("code ", code), err, want)
		if errors.Is(err, engine.ErrIndeterminate) {
			t.Errorf("code %d: %v, but nothing was committed", code, err)
		}
		wantFailed(t, s, want == engine.ErrStopped || want == engine.ErrDamaged)
	}
}

// A read that meets damage ends all writing; other failures of reads do not.
func TestDamageThatAReadMeets(t *testing.T) {
	for code, want := range map[int]bool{
		sqlite3.SQLITE_CORRUPT:    true,
		sqlite3.SQLITE_NOTADB:     true,
		sqlite3.SQLITE_IOERR_READ: false,
		sqlite3.SQLITE_BUSY:       false,
	} {
		s, _ := openWriter(t, Options{})
		err := s.Read(t.Context(), func(engine.Querier) error { return codeError(code) })
		wantError(t, "the read", err, codeError(code))
		wantFailed(t, s, want)
	}
}

// Callers that wait behind a commit that fails are answered, too.
func TestWaitingCallersAreAnsweredWhenWritingStops(t *testing.T) {
	s, w := openWriter(t, Options{})

	release := hold(t, s)
	const n = 2*maxGroup + 7
	answers := make(chan error, n)
	for range n {
		go func() {
			answers <- s.add(context.Background(), newID())
		}()
	}

	queued(t, w, n)
	works := w.commit
	w.commit = func(c *connection) error { // the first is that of the write which holds the writer
		w.commit = func(*connection) error { return codeError(sqlite3.SQLITE_IOERR_FSYNC) }
		return works(c)
	}
	release()

	for range n {
		wantError(t, "a caller", <-answers, engine.ErrStopped)
	}
}
