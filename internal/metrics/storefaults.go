package metrics

import (
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Busy reports whether an operation failed because a queue is full: clients get
// TooManyRequestsException (429), in the words of AWS Query Throttling.
func Busy(err error) bool {
	return errors.Is(err, store.ErrQueueFull) || errors.Is(err, issuer.ErrBusy)
}

// Unanswered is the reason for faults of the database without another one.
const Unanswered = "the database does not answer"

// stoppedForGood is the reason for a stop whose cause has no reason.
const stoppedForGood = "no writes: a write could not be made durable, and the process must be started anew"

// databaseFaults has the errors of a database that cannot do its work now, with the reasons
// for readiness probes. The first error in the list that an error wraps counts: the cause
// of a stop for good comes before the stop, and ErrBusy after errors that wrap it.
var databaseFaults = []struct {
	err    error
	reason string
}{
	{err: store.ErrDamaged, reason: "no writes: the database has damaged pages"},
	{err: store.ErrGone, reason: "no writes: the database file is gone from its folder"},
	{err: store.ErrStopped, reason: stoppedForGood},
	{err: store.ErrDiskFull, reason: "no writes: the disk is full"},
	{err: store.ErrReadOnly, reason: "no writes: the database is read-only"},
	{err: store.ErrUnavailable, reason: Unanswered},
	{err: store.ErrBusy, reason: "no writes: writes wait too long"},
	{err: store.ErrIndeterminate, reason: "no writes: the database does not finish them"},
	{err: store.ErrClosed, reason: "the server is stopping"},
}

// Unavailable reports whether an operation failed because of the database. The call is not
// at fault: clients get the API's internal error with status 503, and every SDK retries. A
// repeated write whose first outcome is unknown converges.
func Unavailable(err error) bool {
	for _, f := range databaseFaults {
		if errors.Is(err, f.err) {
			return true
		}
	}
	return false
}

// Unready returns the reason for a readiness probe, in one line.
func Unready(err error) string {
	for _, f := range databaseFaults {
		if errors.Is(err, f.err) {
			return f.reason
		}
	}
	return Unanswered
}
