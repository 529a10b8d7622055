package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// fault classifies result codes of SQLite by their meaning for the writes that follow.
type fault int

const (
	noFault       fault = iota // the statement's own error: a constraint, a syntax error
	faultBusy                  // another process, or too little memory or file handles: a later try may work
	faultFull                  // the disk or the quota: works again when there is room
	faultReadOnly              // the file or its folder takes no writes
	faultGone                  // the file is no longer where it was
	faultDisk                  // the content of the disk is unknown: no write may be acknowledged any more
	faultDamage                // the pages contradict each other, or are no database
)

// extendedFaults has the extended result codes that do not mean what their primary
// code means. https://www.sqlite.org/rescode.html
var extendedFaults = map[int]fault{
	// Too little memory, or a lock that the system did not grant: nothing was written.
	sqlite3.SQLITE_IOERR_NOMEM:             faultBusy,
	sqlite3.SQLITE_IOERR_BLOCKED:           faultBusy,
	sqlite3.SQLITE_IOERR_LOCK:              faultBusy,
	sqlite3.SQLITE_IOERR_RDLOCK:            faultBusy,
	sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK: faultBusy,
	sqlite3.SQLITE_IOERR_SHMLOCK:           faultBusy,
	// No folder for a temporary file: the database's own files are unchanged.
	sqlite3.SQLITE_IOERR_GETTEMPPATH: faultBusy,
	// The log's index could not grow, which takes space like anything else.
	sqlite3.SQLITE_IOERR_SHMSIZE:    faultFull,
	sqlite3.SQLITE_READONLY_DBMOVED: faultGone,
	sqlite3.SQLITE_IOERR_CORRUPTFS:  faultDamage,
}

// primaryFaults has all other codes. A code in neither table is no fault.
var primaryFaults = map[int]fault{
	sqlite3.SQLITE_BUSY:     faultBusy,
	sqlite3.SQLITE_LOCKED:   faultBusy,
	sqlite3.SQLITE_PROTOCOL: faultBusy,
	sqlite3.SQLITE_NOMEM:    faultBusy,
	sqlite3.SQLITE_FULL:     faultFull,
	sqlite3.SQLITE_READONLY: faultReadOnly,
	sqlite3.SQLITE_PERM:     faultReadOnly,
	sqlite3.SQLITE_CANTOPEN: faultReadOnly,
	// fsync, write, truncate and read errors: the kernel may have dropped pages
	// that it had accepted, and a second fsync that succeeds proves nothing.
	sqlite3.SQLITE_IOERR:   faultDisk,
	sqlite3.SQLITE_CORRUPT: faultDamage,
	sqlite3.SQLITE_NOTADB:  faultDamage,
}

// resultCode returns the extended result code of err, or 0 if err is not SQLite's.
func resultCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	if e, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return e.Code()
	}

	return 0
}

// faultOf classifies err. full reports whether the folder takes no more bytes:
// SQLite reports a full disk as such, but an exceeded quota as any failed write.
func faultOf(err error, full func() bool) fault {
	code := resultCode(err)
	if code == sqlite3.SQLITE_IOERR_WRITE && full != nil && full() {
		return faultFull
	}
	if code&0xff == sqlite3.SQLITE_CANTOPEN && outOfHandles() {
		return faultBusy
	}
	if f, ok := extendedFaults[code]; ok {
		return f
	}

	return primaryFaults[code&0xff]
}

// outOfHandles reports whether this process or the system has reached its limit of
// open files. SQLite reports that as a file that cannot be opened.
func outOfHandles() bool {
	file, err := os.Open(os.DevNull) // never the database: closing that would drop SQLite's locks
	if err != nil {
		return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
	}
	_ = file.Close() // nothing was written
	return false
}

// certainAtCommit reports whether a COMMIT that failed with err certainly left
// nothing behind. The log's index grows after the log was synced, so a commit that
// fails there can reappear at the next start.
func certainAtCommit(err error) bool {
	switch code := resultCode(err); code {
	case sqlite3.SQLITE_IOERR_WRITE:
		return true // a frame was not written, and the log's checksums end before it
	default:
		return code&0xff == sqlite3.SQLITE_BUSY || code&0xff == sqlite3.SQLITE_FULL ||
			code&0xff == sqlite3.SQLITE_READONLY
	}
}

const (
	cureDisk = "check the disk and the kernel's log, then start again; " +
		"what was acknowledged before is in the write-ahead log"
	cureDamage = "stop, copy the data folder away, check the disk, and restore the newest backup"
	cureGone   = "put the data folder back or restore the newest backup, then start again"
)

// stopError returns the StopError for a fault met while doing something.
func stopError(doing, path string, f fault, err error) *engine.StopError {
	if f == faultDamage {
		return &engine.StopError{
			Doing: doing,
			Path:  path,
			Cure:  cureDamage,
			Err:   fmt.Errorf("%w: %w", engine.ErrDamaged, err),
		}
	}

	return &engine.StopError{
		Doing: doing,
		Path:  path,
		Cure:  cureDisk,
		Err:   err,
	}
}
