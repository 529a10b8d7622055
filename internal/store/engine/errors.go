package engine

import (
	"errors"
	"fmt"
)

// The errors that callers tell apart with errors.Is.
var (
	// ErrConflict: the row exists already; for Load, the store is not empty.
	ErrConflict = errors.New("already exists")
	// ErrBusy: the write was not done: the queue is full, the disk is full, another
	// process holds the database, or changes to the same rows kept getting in first.
	// Nothing was written; trying again later is right.
	ErrBusy = errors.New("the store cannot take the write now")
	// ErrIndeterminate: the write may or may not be done, now or shortly. It is
	// never done by half, and repeating the operation converges.
	ErrIndeterminate = errors.New("the outcome of the write is unknown")
	// ErrStopped: a commit, or copying the write-ahead log back, failed on SQLite.
	// What the disk holds is then unknown, so no write is acknowledged until the
	// process is started anew.
	ErrStopped = errors.New("the store stopped writing after a disk failure; check the disk, then restart")
	// ErrDamaged means that pages of the SQLite file contradict each other or are no
	// database. It always comes with ErrStopped.
	ErrDamaged = errors.New("the database is damaged")
	// ErrQueueFull means that as many writes wait as may; nothing was begun. Also ErrBusy.
	ErrQueueFull = fmt.Errorf("%w: too many writes are waiting", ErrBusy)
	// ErrDiskFull means that the disk took no more; the database is as it was. Also ErrBusy.
	ErrDiskFull = fmt.Errorf("%w: the disk is full", ErrBusy)
	// ErrReadOnly means that the database's file or server takes no writes now.
	ErrReadOnly = errors.New("the database takes no writes")
	// ErrGone means that the database's file is no longer in its folder: what
	// would be written could not be found again.
	ErrGone = errors.New("the database file is gone from its folder")
	// ErrUnavailable means that the database did not answer in time, or not at
	// all, and that nothing was written.
	ErrUnavailable = errors.New("the database does not answer")
	// ErrClosed: the store was closed.
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
