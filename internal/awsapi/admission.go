package awsapi

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// Admission decides which calls are answered at all; *overload.Guard is one.
type Admission interface {
	// Admit reports whether a call may go on whose headers have come.
	Admit(class overload.Class) bool
	// Begin notes that a call begins that has come in whole; false if it may not
	// after all. Each call that begins ends.
	Begin(class overload.Class) bool
	End(class overload.Class)
}

// retryAfter is the header of answers to calls that should come again, in seconds.
// SDKs wait by rules of their own; proxies and other programs read it.
var retryAfter = []string{"1"}

// admit turns calls away before their bodies are read, and before anything else is
// done for them: while a server is overloaded its refusals are most of its answers.
// These have no log line and no trace; the Admission logs how many there were.
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

// findByHeaders sets what the headers tell of API and operation.
func (c *call) findByHeaders() {
	targets := c.request.Header["X-Amz-Target"]
	if len(targets) == 0 {
		return
	}
	if api, name := c.target(targets[0]); api != nil {
		c.api, c.op = api, api.operations[name]
	}
}

// classByHeaders returns the class in which a call is admitted whose body was not
// read. Headers of AWS Query do not name the operation; of these APIs, signed
// operations are in one class and public ones in another. Administration begins with
// a proven signature: anybody can make one up.
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

// looksSigned reports whether r carries what may be a signature. Nothing is proven.
func looksSigned(r *http.Request) bool {
	const scheme = "AWS4-"
	authorization := r.Header.Get("Authorization")
	return len(authorization) > len(scheme) && strings.EqualFold(authorization[:len(scheme)], scheme) ||
		strings.Contains(r.URL.RawQuery, "X-Amz-Signature=")
}

// begin notes that a call begins in the class of its operation. A call whose headers
// had it admitted in another class must be admitted in this one as well; but
// administrators were admitted in the same bounds before they proved who they are,
// and only their number counts now.
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

// end notes that a call that began is answered.
func (c *call) end() {
	if c.admission != nil {
		c.admission.End(c.op.class)
	}
}

// prove looks at the signature of a call. Calls are bounded apart until they have
// proven who sent them: made-up signatures must take no administrator's place.
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

// turnedAway holds exchanges of calls that were turned away: most calls are, while
// a server is overloaded, and their memory would be the collector's load.
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
	if !short { // net/http gives who sends more than that time to read the answer
		body = http.MaxBytesReader(w, body, s.maxBody)
	}
	err := discardRest(r, body)
	if err != nil && r.ProtoMajor == 1 && short {
		// net/http would keep the connection of an answer that came before the body,
		// and take the rest of the body for the next request.
		panic(http.ErrAbortHandler)
	}
}

// machineClock is the clock of connections' deadlines, whatever the clock of answers.
var machineClock = time.Now

// drainTime is how long a client that was turned away may still send its body.
const drainTime = time.Second

// maxSkipped is the size of the bodies that are read and dropped for the sake of
// their connection, which a client under TLS pays more for than for its call.
const maxSkipped = 64 << 10 // bytes

var closing = []string{"close"}
