package poolhousetest

import (
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/devfault"
)

// Any stands for all operations, or all login providers, in a Fault.
const Any = devfault.Any

// Fault makes something fail. It names one of Operation, Provider and Database:
//
//	Fault{Operation: "GetId", Error: "TooManyRequestsException", Times: 1} // throttle once
//	Fault{Operation: "GetCredentialsForIdentity", Disconnect: AfterCall}   // carry out, lose the answer
//	Fault{Provider: Any, Answer: Down}                                     // no login can be verified
//	Fault{Database: Writes, Error: DiskFull, After: 3}                     // three writes, then no more
//
// Of the faults that fit a call, the oldest that is due comes true. The package's own calls, such as those of
// SignIn, never fail because of one that names an operation.
type Fault struct {
	// Operation is the name of an operation of any API, such as GetId, or Any. It needs Error, Disconnect or
	// Delay. Service is the signing name of its API, such as sts; "" = every API that has the operation.
	Operation string
	Service   string
	// Error is the error type to answer in place of the operation's answer, such as
	// TooManyRequestsException; it must be one that the operation can have. Message is its text; "" = a usual
	// one. For the database, Error is Unavailable, DiskFull, ReadOnly or UnknownOutcome.
	Error   string
	Message string
	// Disconnect cuts the connection: BeforeCall or AfterCall.
	Disconnect string

	// Provider is a login provider by its key in Logins (Provider.LoginKey, or DevInfo's LoginKey for the
	// server's own), or Any. It needs Answer: Down, Slow, BadStatus, ForeignKeys or Garbage. What the
	// server has kept of the provider is forgotten when the fault begins and when it ends.
	Provider string
	Answer   string
	// Status is the HTTP status of BadStatus, 400 to 599; 0 = 503.
	Status int

	// Database is Reads, Writes or All. It needs Error or Delay.
	Database string

	// Delay is a time to wait before, at most a minute.
	Delay time.Duration

	// After is the number of calls that fit and go well before the first that fails. Times is the number
	// that fail then; 0 = all until the fault ends.
	After, Times int
}

// Values of Fault.Disconnect.
const (
	BeforeCall = devfault.BeforeCall // the operation is not carried out
	AfterCall  = devfault.AfterCall  // it is carried out, and its answer is lost
)

// Values of Fault.Answer.
const (
	Down        = devfault.Down        // nobody can be reached
	Slow        = devfault.Slow        // the answer comes after Delay
	BadStatus   = devfault.BadStatus   // the answer has the status Status
	ForeignKeys = devfault.ForeignKeys // the keys are not those that sign the tokens
	Garbage     = devfault.Garbage     // the answer is no JSON
)

// Values of Fault.Database.
const (
	Reads  = devfault.Reads
	Writes = devfault.Writes
	All    = devfault.All
)

// Values of Fault.Error for the database.
const (
	Unavailable    = devfault.Unavailable    // it does not answer
	DiskFull       = devfault.DiskFull       // nothing is written
	ReadOnly       = devfault.ReadOnly       // nothing is written
	UnknownOutcome = devfault.UnknownOutcome // all is written, and the server does not learn of it
)

// ActiveFault is a fault that Fail made.
type ActiveFault struct {
	id     string
	faults *devfault.Engine
}

// Fail makes something fail from now on. The test fails if the fault is none that can come true; its message
// has what is wrong. Errors of this type are what clients get from AWS, too, so an SDK repeats a call that is
// throttled until Times is over.
func (s *Server) Fail(t testing.TB, f Fault) *ActiveFault {
	t.Helper()
	faults := s.DevFaults()
	if faults == nil {
		t.Fatal("poolhousetest: Fail: only a development server has faults")
	}

	made, err := faults.Add(devfault.Fault{
		Operation:  f.Operation,
		Service:    f.Service,
		Error:      f.Error,
		Message:    f.Message,
		Disconnect: f.Disconnect,
		Provider:   f.Provider,
		Answer:     f.Answer,
		Status:     f.Status,
		Database:   f.Database,
		Delay:      f.Delay,
		After:      f.After,
		Times:      f.Times,
	})
	if err != nil {
		t.Fatalf("poolhousetest: Fail: %v", err)
	}

	return &ActiveFault{id: made.ID, faults: faults}
}

// Hits returns how often the fault has come true; 0 after it ended.
func (f *ActiveFault) Hits() int {
	got, err := f.faults.Get(f.id)
	if err != nil {
		return 0
	}
	return got.Hits
}

// End ends the fault. A second call does nothing.
func (f *ActiveFault) End() { _, _ = f.faults.Delete(f.id) }
