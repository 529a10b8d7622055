// Package devfault makes calls, login providers and the database of a `poolhouse dev` fail because a test
// wants to see what clients do then. Start at Engine.
package devfault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Any is the name that stands for all operations or providers.
const Any = "*"

// Bounds of faults.
const (
	MaxFaults = 100
	MaxDelay  = time.Minute
	MaxCount  = 1_000_000 // of Times and After

	maxName    = 256 // bytes
	maxMessage = 1024
)

// Answers of a provider at fault.
const (
	Down        = "down"         // nobody can be reached
	Slow        = "slow"         // the answer comes late
	BadStatus   = "status"       // the answer has the status Fault.Status
	ForeignKeys = "foreign_keys" // the published keys are not those that sign
	Garbage     = "garbage"      // the answer is no JSON
)

// Parts of the database's work.
const (
	Reads  = "reads"
	Writes = "writes"
	All    = "all"
)

// Errors of the database.
const (
	Unavailable    = "unavailable"     // it does not answer
	DiskFull       = "disk_full"       // nothing is written
	ReadOnly       = "read_only"       // nothing is written
	UnknownOutcome = "unknown_outcome" // all is written, and the caller does not learn of it
)

// Times at which a connection is cut.
const (
	BeforeCall = "before" // the operation is not carried out
	AfterCall  = "after"  // it is carried out, and its answer is lost
)

// Fault describes what fails. It names one of Operation, Provider and Database.
type Fault struct {
	// ID is chosen by the engine.
	ID string `json:"id,omitempty"`

	// Operation is the name of an operation of any API, such as GetId, or Any. Service is the signing name
	// of its API; "" = every API that has the operation.
	Operation string `json:"operation,omitempty"`
	Service   string `json:"service,omitempty"`
	// Error is the error type to answer, such as TooManyRequestsException, in place of the operation's
	// answer. For the database it is Unavailable, DiskFull, ReadOnly or UnknownOutcome.
	Error string `json:"error,omitempty"`
	// Message is the text of the error; "" = that of the protocol.
	Message string `json:"message,omitempty"`
	// Disconnect cuts the connection BeforeCall or AfterCall: before or after the operation is carried out.
	Disconnect string `json:"disconnect,omitempty"`

	// Provider is a login provider by its key in Logins, or Any.
	Provider string `json:"provider,omitempty"`
	// Answer is Down, Slow, BadStatus, ForeignKeys or Garbage.
	Answer string `json:"answer,omitempty"`
	// Status is the HTTP status of BadStatus, 400 to 599; 0 = 503.
	Status int `json:"status,omitempty"`

	// Database is Reads, Writes or All.
	Database string `json:"database,omitempty"`

	// Delay is the time to wait before, at most MaxDelay.
	Delay time.Duration `json:"-"`

	// After is the number of matching calls, requests or statements to leave alone first, and Times the
	// number that fail then; 0 = all until the fault is deleted.
	After int `json:"after,omitempty"`
	Times int `json:"times,omitempty"`

	// Hits is how often the fault came true. The engine counts it.
	Hits int `json:"hits"`
}

// Errors of the engine.
var (
	// ErrInvalid means that a fault contradicts itself, or names what the server does not have.
	ErrInvalid = errors.New("invalid fault")
	// ErrTooMany means that there are MaxFaults already.
	ErrTooMany = fmt.Errorf("there are %d faults already: delete some", MaxFaults)
	// ErrNotFound means that there is no such fault.
	ErrNotFound = errors.New("there is no such fault")
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// check refuses a fault that cannot come true, whatever operations the server has.
func (f Fault) check() error {
	named := 0
	for _, name := range []string{f.Operation, f.Provider, f.Database} {
		if name != "" {
			named++
		}
	}

	switch {
	case named != 1:
		return invalid("name one of operation, provider and database")
	case len(f.Operation) > maxName || len(f.Provider) > maxName || len(f.Service) > maxName || len(f.Error) > maxName:
		return invalid("a name has more than %d bytes", maxName)
	case len(f.Message) > maxMessage:
		return invalid("message has more than %d bytes", maxMessage)
	case f.Delay < 0 || f.Delay > MaxDelay:
		return invalid("delay_ms is 0 to %d", MaxDelay.Milliseconds())
	case f.After < 0 || f.After > MaxCount || f.Times < 0 || f.Times > MaxCount:
		return invalid("after and times are 0 to %d", MaxCount)
	}

	switch {
	case f.Operation != "":
		return f.checkOperation()
	case f.Provider != "":
		return f.checkProvider()
	default:
		return f.checkDatabase()
	}
}

func (f Fault) checkOperation() error {
	switch {
	case f.Answer != "" || f.Status != 0:
		return invalid("answer and status are for a provider")
	case f.Disconnect != "" && f.Disconnect != BeforeCall && f.Disconnect != AfterCall:
		return invalid("disconnect is %s or %s", BeforeCall, AfterCall)
	case f.Disconnect != "" && f.Error != "":
		return invalid("give error or disconnect, not both")
	case f.Disconnect == "" && f.Error == "" && f.Delay == 0:
		return invalid("give error, disconnect or delay_ms")
	case f.Message != "" && f.Error == "":
		return invalid("message is the text of an error: give error")
	default:
		return nil
	}
}

func (f Fault) checkProvider() error {
	answers := []string{Down, Slow, BadStatus, ForeignKeys, Garbage}

	switch {
	case f.Service != "" || f.Error != "" || f.Message != "" || f.Disconnect != "":
		return invalid("service, error, message and disconnect are for an operation: a provider has answer")
	case !slices.Contains(answers, f.Answer):
		return invalid("answer is one of %s", strings.Join(answers, ", "))
	case f.Status != 0 && f.Answer != BadStatus:
		return invalid("status is for the answer %s", BadStatus)
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return invalid("status is 400 to 599")
	default:
		return nil
	}
}

func (f Fault) checkDatabase() error {
	names := []string{Unavailable, DiskFull, ReadOnly, UnknownOutcome}
	onlyWrites := f.Error == DiskFull || f.Error == ReadOnly || f.Error == UnknownOutcome

	switch {
	case f.Service != "" || f.Message != "" || f.Disconnect != "" || f.Answer != "" || f.Status != 0:
		return invalid("service, message, disconnect, answer and status are not for the database")
	case !slices.Contains([]string{Reads, Writes, All}, f.Database):
		return invalid("database is %s, %s or %s", Reads, Writes, All)
	case f.Error != "" && !slices.Contains(names, f.Error):
		return invalid("error is one of %s", strings.Join(names, ", "))
	case onlyWrites && f.Database != Writes:
		return invalid("error %s is for the database's writes", f.Error)
	case f.Error == "" && f.Delay == 0:
		return invalid("give error or delay_ms")
	default:
		return nil
	}
}
