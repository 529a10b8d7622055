package awsapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Kind names a refusal that all API services share. Each protocol has its own words for
// it. The zero Kind means that Error.Code names the refusal.
type Kind uint8

// The kinds of refusal.
const (
	Named                 Kind = iota // Error.Code is the code on the wire
	MissingAuthentication             // a signed operation was called unsigned
	IncompleteSignature               // the signature's parts are missing or malformed
	UnknownKey                        // no such access key, or it is disabled
	BadSignature                      // the signature does not match the request
	RequestExpired                    // signed too long ago, or in the future
	InvalidToken                      // this server did not issue the session token
	ExpiredToken                      // the session token has expired
	AccessDenied                      // IAM does not allow the call
	UnknownOperation                  // no such operation
	Malformed                         // the request cannot be read
	InvalidInput                      // the input breaks the model's constraints
	Throttled                         // too many requests
	Unavailable                       // for example, the database takes no writes now
	InternalError                     // a fault of this server
)

// Error is a refusal by an operation, independent of the protocol. Layers below the
// operations return their own errors. An error of another type is an internal error,
// whose text stays in the log.
type Error struct {
	Kind    Kind
	Code    string // the error type on the wire, such as AccessDenied; only if Kind is Named
	Status  int    // HTTP status; 0 = the protocol's choice
	Message string // for the client; "" = the protocol's text for Kind
	Cause   error  // added for the log
	// Why is the check that refused, for the trace; nil = the trace has it already, or
	// the request could not be read.
	Why *explain.Refusal

	// RetryAfter is how long to wait before calling again, for the header Retry-After in
	// whole seconds; 0 = unknown.
	RetryAfter time.Duration

	log string // for the log instead of Message, when Message quotes the request

	violations []Violation // of the input: reasons besides Why
}

// Refused returns the error of a failed check, with its code on the wire and a message.
// The trace gets why when the call is answered.
func Refused(code string, why *explain.Refusal, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Why: why}
}

// RefusedAs is Refused for a kind that each protocol has its own words for. An empty
// message means AWS's text for the kind.
func RefusedAs(kind Kind, why *explain.Refusal, message string) *Error {
	return &Error{Kind: kind, Message: message, Why: why}
}

// Invalid returns the validation error for found, in AWS's words.
func Invalid(found []Violation) *Error {
	// A secret in the wrong member may go back to its sender, but not into the log.
	return &Error{
		Kind:       InvalidInput,
		Message:    violationsMessage(found, true),
		log:        violationsMessage(found, false),
		violations: found,
	}
}

// LogAs returns a copy of e that logs text instead of the message: a client may have
// sent a secret in the wrong member.
func (e *Error) LogAs(text string) *Error {
	c := *e
	c.log = text
	return &c
}

// Internal returns an internal error. Only the log sees cause.
func Internal(cause error) *Error { return &Error{Kind: InternalError, Cause: cause} }

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error returns the type and message and, after a colon, the cause.
func (e *Error) Error() string {
	s := e.Code
	if e.Kind != Named {
		s = jsonWords[e.Kind].code
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}

	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// RefusalCode returns the code on the wire of a named refusal; "" = it is of a kind that all services share.
func (e *Error) RefusalCode() string { return e.Code }

// asError finds the Error in err; any other error becomes an internal error.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Internal(err)
}

// asAnswer finds the Error in err. An error that Options.Busy or Options.Unavailable
// recognises is never the caller's fault, whatever the operation returns for it: it is
// temporary, and clients try again.
func (s *Service) asAnswer(err error) *Error {
	switch {
	case s.busy != nil && s.busy(err):
		return RefusedAs(Throttled, queueFull.With("fault", s.fault(err)), "").Because(err)
	case s.unavailable != nil && s.unavailable(err):
		return RefusedAs(Unavailable, databaseAway.With("fault", s.fault(err)), "").Because(err)
	}

	return asError(err)
}

// fault names err for a reason. Its text stays in the log.
func (s *Service) fault(err error) string {
	if s.faultOf != nil && err != nil {
		if name := s.faultOf(err); name != "" {
			return strings.ReplaceAll(name, "_", " ")
		}
	}
	return "an unexpected error"
}

// wireError is an Error as one protocol and service writes it.
type wireError struct {
	code    string
	status  int
	message string
}

// words are a protocol's code, status and standard text for a Kind.
type words struct {
	code    string
	status  int
	message string
}

// translate finds code, status and text of e in table and in the codes of api.
func translate(e *Error, table *[InternalError + 1]words, status map[string]int, api *API) wireError {
	if e.Kind == Named {
		w := wireError{code: e.Code, status: e.Status, message: e.Message}
		w.status = cmp.Or(w.status, api.Statuses[e.Code], status[e.Code], http.StatusBadRequest)
		return w
	}

	t := table[e.Kind]
	w := wireError(t)
	switch {
	case e.Kind == InternalError:
		w.code = cmp.Or(api.InternalCode, w.code)
		return w // never e.Message: it may quote internals
	case e.Kind == Unavailable: // the internal error is the nearest in the model
		w.code = cmp.Or(api.InternalCode, w.code)
	case e.Kind == InvalidInput:
		w.code = cmp.Or(api.InvalidCode, w.code)
	}

	w.message = cmp.Or(e.Message, w.message)
	w.status = cmp.Or(e.Status, w.status)

	return w
}

// ErrorNames returns the error types with which an operation may answer, sorted; nil = there is no such
// operation.
func (a *API) ErrorNames(operation string) []string {
	known := slices.ContainsFunc(a.Operations, func(o Operation) bool { return o.name == operation })
	if !known {
		return nil
	}

	names := slices.Clone(a.Codes)
	if a.Exceptions != nil {
		names = slices.Clone(a.Exceptions(operation))
	}

	words := &queryWords
	if a.Target != "" {
		words = &jsonWords
	}

	for _, kind := range kinds {
		names = append(names, translate(&Error{Kind: kind}, words, nil, a).code)
	}
	slices.Sort(names)

	return slices.Compact(names)
}

// word returns the error type that stands for a kind.
func (awsJSON) word(c *call, kind Kind) string {
	return translate(&Error{Kind: kind}, &jsonWords, jsonStatus, &c.api.API).code
}

func (awsQuery) word(c *call, kind Kind) string {
	return translate(&Error{Kind: kind}, &queryWords, queryStatus, &c.api.API).code
}
