package awsapi

import (
	"context"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Injector makes calls fail because a developer wants to see what clients do then. It is for development only.
type Injector interface {
	// Inject is asked once for each call of an operation of a service, before anything is checked. It may
	// wait.
	Inject(ctx context.Context, service, operation string) Injection
}

// Injection makes a call fail; the zero Injection leaves it as it is.
type Injection struct {
	Code    string // error type on the wire; "" = the operation's own answer
	Message string // "" = a text of the protocol
	Fault   string // name of the fault that a developer made, for the trace
	Cut     Cut
}

// Cut is when the connection of a call is cut.
type Cut uint8

// The times at which a connection is cut.
const (
	CutNever    Cut = iota
	CutBefore       // the operation is not carried out
	CutAfter        // it is carried out, and its answer is lost
	cutByClient     // the client has left, and the operation failed for that
)

// CutCode is the code of a call without an answer, in the log and the record of calls.
const CutCode = "ConnectionCut"

var (
	faultInjected = Refusals.Add(explain.Reason{
		Code:     "injected-faults-operation",
		Check:    "injected faults",
		Expected: "no fault for this operation",
		Got:      "the fault {fault}, which somebody injected",
		Fix:      "delete the fault: DELETE /_poolhouse/dev/faults/{fault}",
	})
	cutInjected = Refusals.Add(explain.Reason{
		Code:     "injected-faults-connection",
		Check:    "injected faults",
		Expected: "no fault for this operation",
		Got:      "the fault {fault}, which somebody injected: it cuts the connection {when}",
		Fix:      "delete the fault: DELETE /_poolhouse/dev/faults/{fault}",
	})
	clientLeft = Refusals.Add(explain.Reason{
		Code:     "client-left",
		Check:    "client",
		Expected: "a client that waits for the answer",
		Got:      "a client that has closed the connection",
		Fix:      "let the client wait longer; a fault with delay_ms makes calls as slow as this",
	})
)

// inject asks the injector about the call. done is true if the call needs no operation any more.
func (c *call) inject(ctx context.Context, x *exchange) (done bool, err error) {
	if c.injector == nil {
		return false, nil
	}

	n := c.injector.Inject(ctx, c.api.Name, c.op.name)
	x.cut = n.Cut
	x.fault = n.Fault

	switch {
	case n.Cut == CutBefore:
		return true, nil
	case n.Code != "":
		return true, c.injected(n)
	default:
		return false, nil
	}
}

// injected returns the error that the protocol writes with a code.
func (c *call) injected(n Injection) error {
	why := faultInjected.With("fault", n.Fault)
	if kind := c.kindOf(n.Code); kind != Named {
		return RefusedAs(kind, why, n.Message)
	}

	message := n.Message
	if message == "" {
		message = "A fault was injected."
	}

	return Refused(n.Code, why, "%s", message)
}

// kindOf returns the kind that the call's protocol writes with a code; Named = none. Of several it is
// the one that clients meet most.
func (c *call) kindOf(code string) Kind {
	for _, kind := range append([]Kind{InternalError, RequestExpired}, kinds...) {
		if c.protocol.word(c, kind) == code {
			return kind
		}
	}
	return Named
}

// kinds has every kind that protocols have words for.
var kinds = []Kind{
	MissingAuthentication, IncompleteSignature, UnknownKey, BadSignature, RequestExpired, InvalidToken, ExpiredToken,
	AccessDenied, UnknownOperation, Malformed, InvalidInput, Throttled, Unavailable, InternalError,
}

// hasLeft reports whether a call failed because its client did not wait for the answer. Only development tells that
// from a fault of the server: tests inject delays to see what clients do, and look at the calls then.
func (c *call) hasLeft(err error) bool {
	return err != nil && c.injector != nil && c.request.Context().Err() != nil
}

// cutOff notes that the call got no answer.
func (x *exchange) cutOff() {
	if x.cut == cutByClient {
		x.record.Status, x.record.Code = 0, CutCode
		x.record.Reason = "the client has left"
		x.trace.Refuse(clientLeft.With())

		return
	}

	when := "before the operation is carried out"
	if x.cut == CutAfter {
		when = "after the operation was carried out"
	}

	x.record.Status = 0
	if x.record.Code == "" {
		x.record.Code = CutCode
		x.trace.Refuse(cutInjected.With("fault", x.fault, "when", when))
	}
	x.record.Reason = "an injected fault cut the connection " + when
}

// CodesOf returns the error types of messages, of both protocols.
func CodesOf(messages []explain.Message) []string {
	var codes []string
	for _, m := range messages {
		for code := range strings.SplitSeq(m.Code, ",") {
			codes = append(codes, strings.TrimSpace(code))
		}
	}
	slices.Sort(codes)

	return slices.Compact(codes)
}
