package metrics

import (
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// faultNames has the names of faults, for the log and the metric. The first error in the
// list that an error wraps counts, so narrower ones come first.
var faultNames = []struct {
	err  error
	name string
}{
	{err: store.ErrDamaged, name: "database_damaged"},
	{err: store.ErrQueueFull, name: "write_queue_full"},
	{err: issuer.ErrBusy, name: "signing_queue_full"},
	{err: store.ErrDiskFull, name: "disk_full"},
	{err: store.ErrReadOnly, name: "database_read_only"},
	{err: store.ErrGone, name: "database_gone"},
	{err: store.ErrStopped, name: "writing_stopped"},
	{err: store.ErrUnavailable, name: "database_unavailable"},
	{err: store.ErrIndeterminate, name: "write_outcome_unknown"},
	{err: store.ErrBusy, name: "database_busy"},
	{err: store.ErrClosed, name: "database_closed"},
}

// providerUnavailable is the fault of a login provider that does not answer.
const providerUnavailable = "provider_unavailable"

// FaultOf returns the name of the fault of an error, "" if it has none.
func FaultOf(err error) string {
	for _, f := range faultNames {
		if errors.Is(err, f.err) {
			return f.name
		}
	}
	if _, ok := errors.AsType[*login.Unavailable](err); ok {
		return providerUnavailable
	}

	return ""
}
