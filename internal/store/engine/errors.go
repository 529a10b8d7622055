package engine

import (
	"errors"
	"fmt"
)

// The errors that callers tell apart with errors.Is.
var (
	// ErrConflict means that the row exists already or, for Load, that the store is not
	// empty.
	ErrConflict = errors.New("already exists")
	// ErrBusy means that the write was not done: the queue is full, the disk is full,
	// another process holds the database, or changes to the same rows kept getting in
	// first. Nothing was written; a later try may work.
	ErrBusy = errors.New("the store cannot take the write now")
	// ErrIndeterminate means that the write may or may not be done, now or shortly. It
	// is never done by half, and repeating the operation converges.
	ErrIndeterminate = errors.New("the outcome of the write is unknown")
	// ErrStopped means that on SQLite a commit failed, or copying the write-ahead log
	// back did. The content of the disk is then unknown, so no write is acknowledged
	// until the process is restarted.
	ErrStopped = errors.New("the store stopped writing after a disk failure; check the disk, then restart")
	// ErrDamaged means that pages of the SQLite file contradict each other or are no
	// database. It always comes with ErrStopped.
	ErrDamaged = errors.New("the database is damaged")
	// ErrQueueFull means that the queue of writes is full; nothing was begun. Also ErrBusy.
	ErrQueueFull = fmt.Errorf("%w: too many writes are waiting", ErrBusy)
	// ErrDiskFull means that the disk is full; the database is unchanged. Also ErrBusy.
	ErrDiskFull = fmt.Errorf("%w: the disk is full", ErrBusy)
	// ErrReadOnly means that the database's file or server takes no writes now.
	ErrReadOnly = errors.New("the database takes no writes")
	// ErrGone means that the database's file is no longer in its folder: nobody could
	// find the written data again.
	ErrGone = errors.New("the database file is gone from its folder")
	// ErrUnavailable means that the database did not answer in time, or not at
	// all, and that nothing was written.
	ErrUnavailable = errors.New("the database does not answer")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// StopError reports why a store acknowledges no more writes for as long as it is
// open. It is an ErrStopped, and ErrDamaged or ErrGone where that is the cause.
type StopError struct {
	Doing string // what failed
	Path  string // the database file; empty in memory
	Cure  string // what the operator can do
	Err   error
}

func (e *StopError) Error() string {
	where := ""
	if e.Path != "" {
		where = " in " + e.Path
	}
	return fmt.Sprintf("writing stopped: %s failed%s: %v; %s", e.Doing, where, e.Err, e.Cure)
}

// Unwrap returns the cause and ErrStopped.
func (e *StopError) Unwrap() []error { return []error{ErrStopped, e.Err} }
