package awsapi

import (
	"net/http"
	"sync"

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
// They have no log line and no trace; the Admission logs how many there were.
func (s *Service) admit(next http.Handler) http.Handler {
	if s.admission == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.newCall(r)
		if s.admission.Admit(c.classByHeaders()) {
			next.ServeHTTP(w, r)
			return
		}
		s.turnAway(w, r, c)
	})
}

// classByHeaders returns the class of a call whose body was not read, and sets what
// the headers tell of API and operation. Those of AWS Query name neither; of their
// APIs, signed operations are in one class and public ones in another.
func (c *call) classByHeaders() overload.Class {
	targets := c.request.Header["X-Amz-Target"]
	if len(targets) == 0 {
		if carriesSignature(c.request) {
			return overload.Administration
		}
		return overload.Reads
	}

	api, name := c.target(targets[0])
	if api == nil {
		return overload.Reads
	}
	c.api, c.op = api, api.operations[name]
	if c.op == nil {
		return overload.Reads
	}
	return c.op.class
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
	x.ResponseWriter, x.call = w, c
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

	x.refuse(&x.call, Refuse(Throttled, ""))
	if s.observe != nil {
		s.observe(&x.record)
	}

	if r.ContentLength != 0 {
		_ = control.Flush() // a client that is gone cannot be told
		discardRest(r, r.Body)
	}
}

// maxSkipped is the size of the bodies that are read and dropped for the sake of
// their connection, which a client under TLS pays more for than for its call.
const maxSkipped = 64 << 10 // bytes

var closing = []string{"close"}
