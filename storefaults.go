package poolhouse

import (
	"errors"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// busy reports whether an operation failed because a queue is full: clients get
// TooManyRequestsException (429), in the words of AWS Query Throttling.
func busy(err error) bool {
	return errors.Is(err, store.ErrQueueFull) || errors.Is(err, issuer.ErrBusy)
}

// databaseFaults are the errors of a database that cannot do now what it was asked.
var databaseFaults = []error{
	store.ErrBusy, // also ErrDiskFull, and ErrQueueFull, which busy knows first
	store.ErrReadOnly,
	store.ErrGone,
	store.ErrStopped,
	store.ErrUnavailable,
	store.ErrIndeterminate,
	store.ErrClosed,
}

// unavailable reports whether an operation failed because of the database. Nothing
// is wrong with the call: clients get the API's internal error with status 503, and
// every SDK tries again. Repeating a write whose outcome is unknown converges.
func unavailable(err error) bool {
	return slices.ContainsFunc(databaseFaults, func(fault error) bool { return errors.Is(err, fault) })
}
