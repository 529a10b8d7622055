package awsapi

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// Admission decides which calls are answered at all. An *overload.Guard is one.
type Admission interface {
	// Admit reports whether a call may go on. Only its headers have arrived.
	Admit(class overload.Class) bool
	// Begin notes that a call begins, once all of it has arrived. It returns false if
	// the call may not go on after all. Each call that begins must end.
	Begin(class overload.Class) bool
	End(class overload.Class)
}

// retryAfter is the header that tells clients to try again, in seconds. SDKs ignore it
// and follow their own rules; proxies and other programs read it.
var retryAfter = []string{"1"}

// admit turns calls away before anything else is done for them, even before their
// bodies are read: an overloaded server refuses most of its calls. These refusals
// have no log line and no trace; the Admission logs their number.
func (s *Service) admit(next http.Handler) http.Handler {
	if s.admission == nil {
		return next
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.newCall(r)
		c.findByHeaders()

		if s.admission.Admit(c.classByHeaders()) {
			next.ServeHTTP(w, r)
			return
		}

		s.turnAway(w, r, c)
	})
}

// findByHeaders sets API and operation as far as the headers name them.
func (c *call) findByHeaders() {
	targets := c.request.Header["X-Amz-Target"]
	if len(targets) == 0 {
		return
	}
	if api, name := c.target(targets[0]); api != nil {
		c.api, c.op = api, api.operations[name]
	}
}

// classByHeaders returns the class of a call whose body was not read. Headers of AWS
// Query do not name the operation; these APIs have one class for signed operations
// and one for public ones. An operation in another class is admitted again (begin). A
// call to administration starts as Authentication, because anybody can make up a
// signature.
func (c *call) classByHeaders() overload.Class {
	signed := looksSigned(c.request)
	switch {
	case c.protocol == queryProtocol && signed:
		return overload.Authentication
	case c.protocol == queryProtocol, c.op == nil, c.op.Signed() && !signed:
		return overload.Reads
	case c.op.class == overload.Administration:
		return overload.Authentication
	}

	return c.op.class
}

// looksSigned reports whether r seems to be signed. It proves nothing.
func looksSigned(r *http.Request) bool {
	const scheme = "AWS4-"
	authorization := r.Header.Get("Authorization")
	return len(authorization) > len(scheme) && strings.EqualFold(authorization[:len(scheme)], scheme) ||
		strings.Contains(r.URL.RawQuery, "X-Amz-Signature=")
}

// begin notes that a call begins in the class of its operation. If its headers put it
// into another class, it must be admitted again. Administrators need not: they were
// admitted within the same bounds before they proved who they are, and only their
// number counts now.
func (c *call) begin() bool {
	if c.admission == nil {
		return true
	}

	class, before := c.op.class, c.classByHeaders()
	proven := class == overload.Administration && before == overload.Authentication
	if class != before && !proven && !c.admission.Admit(class) {
		return false
	}

	return c.admission.Begin(c.op.class)
}

// end notes that a call has been answered.
func (c *call) end() {
	if c.admission != nil {
		c.admission.End(c.op.class)
	}
}

// prove checks the signature of a call. Until it is proven, a call counts in a class
// for that alone: made-up signatures must not take an administrator's place.
func (c *call) prove(r *http.Request) (Caller, error) {
	if c.admission != nil {
		if !c.admission.Begin(overload.Authentication) {
			why := overloaded.With("class", overload.Authentication.String())
			return Caller{}, RefusedAs(Throttled, why, "")
		}
		defer c.admission.End(overload.Authentication)
	}

	return c.gate.Authenticate(r, c.body, c.api.Name)
}

// turnedAway holds exchanges of calls that were turned away. An overloaded server
// turns most calls away, and the garbage collector would pay for each.
var turnedAway = sync.Pool{New: func() any { return new(exchange) }}

// turnAway answers a call that is not admitted.
func (s *Service) turnAway(w http.ResponseWriter, r *http.Request, c call) {
	x := turnedAway.Get().(*exchange)
	defer func() {
		*x = exchange{} // the answer's headers are copies since WriteHeader
		turnedAway.Put(x)
	}()

	x.ResponseWriter, x.call, x.turnedAway = w, c, true
	x.record.RequestID, x.record.Service, x.record.Start = s.newID(), c.api.Name, s.now()
	if c.op != nil {
		x.record.Operation = c.op.name
	}
	x.requestID[0] = x.record.RequestID
	w.Header()["X-Amzn-Requestid"] = x.requestID[:]

	control := http.NewResponseController(w)
	short := 0 <= r.ContentLength && r.ContentLength <= maxSkipped && r.Header.Get("Expect") == ""
	if short {
		_ = control.EnableFullDuplex() // answer now, not after the body; HTTP/2 always does
	} else if r.ProtoMajor == 1 {
		w.Header()["Connection"] = closing // nor does net/http wait for the body then
	}

	x.refuse(&x.call, &Error{Kind: Throttled}) // without a reason: no trace is kept
	s.observed(&x.record)

	if r.ContentLength == 0 {
		return
	}

	_ = control.Flush() // a client that is gone cannot be told
	_ = control.SetReadDeadline(machineClock().Add(drainTime))
	body := r.Body
	if !short { // net/http gives clients that send more the same time to read the answer
		body = http.MaxBytesReader(w, body, s.maxBody)
	}

	err := discardRest(r, body)
	if err != nil && r.ProtoMajor == 1 && short {
		// The answer came before the body. net/http would keep the connection, and
		// read the rest of the body as the next request.
		panic(http.ErrAbortHandler)
	}
}

// machineClock is the clock for deadlines of connections. Tests may replace the clock
// of answers, not this one.
var machineClock = time.Now

// drainTime is how long a client that was turned away may go on sending its body.
const drainTime = time.Second

// maxSkipped is the size up to which a body is read and dropped to keep its
// connection: a new TLS connection costs the client more than its call.
const maxSkipped = 64 << 10 // bytes

var closing = []string{"close"}
