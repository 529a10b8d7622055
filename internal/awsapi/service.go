// Package awsapi serves AWS-style APIs: AWS JSON 1.1 and AWS Query on one port, from
// tables of operations. It implements the protocols, the order of checks and the texts
// of errors. It does not know what an API's operations mean.
//
// Start reading at Operation (a row of a table) and Service.ServeHTTP.
//
// Protocols: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html and
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html.
package awsapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// API describes one API service: how requests name it, and its operations.
type API struct {
	Name         string // signing name, e.g. sts
	Target       string // AWS JSON: the part of X-Amz-Target before the operation; "" = no AWS JSON
	Version      string // AWS Query: the Version parameter; "" = no AWS Query
	Namespace    string // AWS Query: the XML namespace of answers
	InternalCode string // the type of an internal error; "" = the protocol's
	InvalidCode  string // the type of an input that breaks the model's constraints; "" = the protocol's
	Operations   []Operation
	// Absent tells why the server has no operation of this API, and what to do instead: "it has no …". ""
	// = it has some.
	Absent   string
	Statuses map[string]int // HTTP status by error code, for errors that operations name; default 400
	// Codes are the error types that operations name, and Exceptions those of one operation, if the API's
	// model tells. Both are for ErrorNames alone.
	Codes      []string
	Exceptions func(operation string) []string
}

// Options configures a Service. Only APIs is required.
type Options struct {
	APIs     []API // the first with a Target is the default of AWS JSON
	Gate     Gate  // nil = every signed operation is refused
	Logger   *slog.Logger
	Now      func() time.Time
	NewID    func() string // request IDs; nil = UUIDv4
	Observe  func(*Record) // called after each request, for metrics; must not keep it
	Recorder Recorder      // nil = refusals are not kept
	Limiter  Limiter       // nil = accounts may call as often as they like
	// FaultOf names the fault behind an error, such as a database that does not answer,
	// or returns ""; nil = faults have no names.
	FaultOf func(error) string
	MaxBody int64 // bytes; 0 = 512 KiB
	// Admission refuses calls of the APIs before their bodies are read; nil = none.
	Admission Admission
	// Busy and Unavailable recognise temporary errors of operations: Busy too many
	// requests, Unavailable for example a database that takes none now; nil = no error
	// is temporary.
	Busy, Unavailable func(error) bool
	// DatabaseTime bounds how long a call waits for the database in total; 0 = no bound.
	DatabaseTime time.Duration
	// CheckOrigin denies calls of pages that may not call; nil = all may.
	CheckOrigin func(*http.Request) *Denial
	// BehindProxy means that every request comes through a proxy that sets
	// X-Forwarded-For and X-Forwarded-Proto.
	BehindProxy bool
	// Injector makes calls fail on request; nil = none, as always in production.
	Injector Injector
	// Date is the clock of the Date header; nil = Now.
	Date func() time.Time
}

// Service is an http.Handler that serves several APIs on one port. It ignores path and
// Host, because clients set arbitrary endpoints.
type Service struct {
	gate     Gate
	logger   *slog.Logger
	now      func() time.Time
	newID    func() string
	observe  func(*Record)
	recorder Recorder
	limiter  Limiter
	faultOf  func(error) string
	maxBody  int64
	// databaseTime bounds the budget of a call.
	databaseTime time.Duration
	// admission to behindProxy: see Options.
	admission         Admission
	busy, unavailable func(error) bool
	checkOrigin       func(*http.Request) *Denial
	behindProxy       bool
	injector          Injector
	dateNow           func() time.Time

	targets  map[string]*api // by X-Amz-Target prefix
	fallback *api            // for other prefixes
	versions map[string]*api // by Version
	date     dateHeader
	handler  http.Handler
}

// api is an API with its operations by name.
type api struct {
	API
	operations map[string]*Operation
}

// New returns a Service. It fails if two APIs or operations share a name.
func New(o Options) (*Service, error) {
	s := &Service{
		gate:         o.Gate,
		logger:       cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		now:          o.Now,
		newID:        o.NewID,
		observe:      o.Observe,
		recorder:     o.Recorder,
		limiter:      o.Limiter,
		faultOf:      o.FaultOf,
		maxBody:      cmp.Or(o.MaxBody, 512<<10),
		databaseTime: o.DatabaseTime,
		admission:    o.Admission,
		busy:         o.Busy,
		unavailable:  o.Unavailable,
		checkOrigin:  o.CheckOrigin,
		behindProxy:  o.BehindProxy,
		injector:     o.Injector,
		dateNow:      o.Date,
		targets:      map[string]*api{},
		versions:     map[string]*api{},
	}

	if s.now == nil {
		s.now = time.Now
	}
	if s.dateNow == nil {
		s.dateNow = s.now
	}
	if s.newID == nil {
		s.newID = uuid.NewString
	}

	for _, a := range o.APIs {
		if err := s.add(a); err != nil {
			return nil, err
		}
	}

	s.handler = s.cors("", s.admit(s.WrapInternal("", s.limitBody("", http.HandlerFunc(s.dispatch)))))

	return s, nil
}

func (s *Service) add(a API) error {
	v := &api{API: a, operations: map[string]*Operation{}}
	for i := range a.Operations {
		op := &a.Operations[i]
		if v.operations[op.name] != nil {
			return fmt.Errorf("awsapi: %s has two operations %s", a.Name, op.name)
		}
		v.operations[op.name] = op
	}

	if a.Target != "" {
		if s.targets[a.Target] != nil {
			return fmt.Errorf("awsapi: two APIs have the target %s", a.Target)
		}
		s.targets[a.Target] = v
		if s.fallback == nil {
			s.fallback = v
		}
	}
	if a.Version != "" {
		if s.versions[a.Version] != nil {
			return fmt.Errorf("awsapi: two APIs have the version %s", a.Version)
		}
		s.versions[a.Version] = v
	}

	return nil
}

// ServeHTTP answers one request, always with a request ID and a Date, and with CORS
// headers for pages that may call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// call is a request that is being answered.
type call struct {
	*Service
	protocol protocol
	api      *api
	op       *Operation
	request  *http.Request
	body     []byte
	form     parameters // AWS Query: of body and URL
	caller   Caller
}

// nobody is the API of a request that names none.
var nobody = &api{}

func (s *Service) newCall(r *http.Request) call {
	c := call{Service: s, request: r, protocol: jsonProtocol, api: nobody}
	if isQuery(r) {
		c.protocol = queryProtocol
	}
	return c
}

// protocol has the differences between AWS JSON and AWS Query.
type protocol interface {
	// find sets c.api and c.op to what the request names.
	find(c *call) error
	// decode reads the request's input into in, a pointer to a struct.
	decode(c *call, in any) error
	// answer writes out; nil is an empty answer. It fails before it writes.
	answer(x *exchange, c *call, out any) error
	// refuse writes e and returns it as written.
	refuse(x *exchange, c *call, e *Error) wireError
	// word returns the error type that stands for a kind.
	word(c *call, kind Kind) string
}

// dispatch answers an API request: read the body, find the operation, run it, write the
// outcome.
func (s *Service) dispatch(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)

	buf := getBuffer()
	defer putBuffer(buf)

	x.call = s.newCall(r)
	c := &x.call
	err := readBody(buf, r, s.maxBody)
	if err == nil {
		c.body = buf.Bytes()
		err = c.protocol.find(c)
	}
	if err != nil {
		c.attribute(x)
	}

	var out any
	if err == nil {
		x.record.Service, x.record.Operation = c.api.Name, c.op.name
		out, err = c.runOrFail(r.Context(), x)
	}
	if err == nil {
		err = c.protocol.answer(x, c, out)
	}

	switch {
	case c.hasLeft(err):
		x.cut = cutByClient
	case err != nil:
		x.refuse(c, err)
	}
	if x.cut != CutNever {
		x.cutOff()
	}
}

// refuse answers with err as c's protocol writes it.
func (x *exchange) refuse(c *call, err error) {
	e := c.asAnswer(err)
	if !x.turnedAway {
		x.explain(c, e, err)
	}

	switch {
	case e.RetryAfter > 0:
		x.Header().Set("Retry-After", wholeSeconds(e.RetryAfter))
	case e.Kind == Throttled, e.Kind == Unavailable:
		x.Header()["Retry-After"] = retryAfter
	}

	wire := c.protocol.refuse(x, c, e)
	x.record.Code, x.message = wire.code, wire.message
	if e.log != "" {
		x.message = e.log
	}

	x.record.Reason = x.message
	x.record.Throttled = e.Kind == Throttled && e.Cause == nil
	x.record.Authorized = x.record.Authorized && e.Kind != AccessDenied // operations have checks of their own
	x.busy = e.Kind == Throttled && e.Cause != nil
	if e.Cause != nil && c.faultOf != nil {
		x.record.Fault = c.faultOf(e.Cause)
	}

	switch {
	case e.Cause == nil:
	case e.Kind == InternalError:
		x.record.Reason = e.Cause.Error()
	default:
		x.record.Reason += " Cause: " + e.Cause.Error()
	}
}

// explain records in the trace why a call is refused. e is the Error made from err.
func (x *exchange) explain(c *call, e *Error, err error) {
	for _, f := range e.violations[:min(len(e.violations), maxListed)] {
		x.trace.Refuse(f.Why())
	}

	why := e.Why
	if why == nil {
		why, _ = errors.AsType[*explain.Refusal](err)
	}
	if why == nil && e.Kind == InternalError {
		why = serverFault.With("fault", c.fault(e.Cause), "request", x.record.RequestID)
	}
	x.trace.Refuse(why)
}

// decided returns the steps of a refused call, and notes which of them decided it. A
// refusal without a failed step gets one, so that everybody who asks gets an answer.
func (x *exchange) decided() []explain.Step {
	steps := x.trace.Steps()
	deciding, ok := explain.Deciding(steps)
	if !ok {
		x.trace.Refuse(unexplained.With("outcome", x.record.Code))
		steps = x.trace.Steps()
		deciding, _ = explain.Deciding(steps)
	}

	x.record.ReasonCode = deciding.Code

	return steps
}

// wholeSeconds rounds d up, so that a client that waits as long is not too early.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// signedChecks and publicChecks list, in order, the checks before an operation's own.
// The Gate's come first.
var (
	signedChecks = []explain.Code{
		"signature-form", "signature-time", "signed-headers", "credential-scope", "signed-body", "access-key",
		"session-token", "revocation", "request-signature", "account-call-rate", "server-load",
		"request-body", "input", "policies",
	}
	publicChecks = []explain.Code{"server-load", "request-body", "input"}
)

// runOrFail is run, unless a developer wants the call to fail.
func (c *call) runOrFail(ctx context.Context, x *exchange) (any, error) {
	if done, err := c.inject(ctx, x); done {
		return nil, err
	}
	return c.run(ctx, x)
}

// run takes one operation through its checks. Signed: authenticate, count for the
// caller's account, decode, validate, authorise, act. Public: decode, validate, act;
// the operation calls Count once it knows the account.
func (c *call) run(ctx context.Context, x *exchange) (any, error) {
	if c.op.Signed() {
		x.trace.Plan(signedChecks)
		if err := c.authenticate(x); err != nil {
			return nil, err
		}
		if err := Count(ctx, c.caller.Account); err != nil {
			return nil, err
		}
	} else {
		x.trace.Plan(publicChecks)
	}

	if !c.begin() {
		return nil, RefusedAs(Throttled, overloaded.With("class", c.op.class.String()), "")
	}
	defer c.end()

	out, err := c.op.serve(ctx, c)
	if err != nil && c.op.lookup && !x.record.Authorized {
		x.record.Authorized = c.permitted(ctx)
	}

	return out, err
}

// permitted reports whether the caller of a refused lookup may look things up, although the input does not tell
// what. It leaves no step in the trace.
func (c *call) permitted(ctx context.Context) bool {
	untraced := explain.NewContext(ctx, nil)
	needed := Access{Action: c.op.action, Resource: "*", ResourceTags: UnknownTags}

	return c.gate.Authorize(untraced, c.caller, needed) == nil
}

func (c *call) authenticate(x *exchange) error {
	switch {
	case !carriesSignature(c.request):
		return RefusedAs(MissingAuthentication, signatureMissing.With("service", c.api.Name), "")
	case c.gate == nil:
		return RefusedAs(MissingAuthentication, signatureUnasked.With(), "")
	}

	caller, err := c.prove(c.request)
	if err != nil {
		return err
	}
	c.caller = caller
	x.record.Account, x.record.Region, x.record.AccessKeyID = caller.Account, caller.Region, caller.AccessKeyID

	return nil
}

// attribute finds the account of a call that is refused before its operation is known.
// The signature serves only that purpose: it does not change the answer.
func (c *call) attribute(x *exchange) {
	if c.gate == nil || !carriesSignature(c.request) {
		return
	}

	untraced := c.request.WithContext(explain.NewContext(c.request.Context(), nil))
	caller, err := c.prove(untraced)
	if err != nil {
		return // the gate has noted the account of the key
	}
	x.record.Account, x.record.Region, x.record.AccessKeyID = caller.Account, caller.Region, caller.AccessKeyID
}

// carriesSignature reports whether r is signed at all, in a header or presigned.
func carriesSignature(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || strings.Contains(r.URL.RawQuery, "X-Amz-")
}

// read decodes and validates the input.
func (c *call) read(in any) error {
	if err := c.protocol.decode(c, in); err != nil {
		return err
	}

	if v, ok := in.(interface{ Validate() []Violation }); ok {
		if found := v.Validate(); len(found) > 0 {
			return Invalid(found)
		}
	}

	return nil
}

func (c *call) authorize(ctx context.Context, action string, needed []Access) error {
	for _, n := range needed {
		n.Action = cmp.Or(n.Action, action)
		n.Resource = cmp.Or(n.Resource, "*")
		if err := c.gate.Authorize(ctx, c.caller, n); err != nil {
			return err
		}
	}

	return nil
}

// newExchange starts the record of a request.
func (s *Service) newExchange(w http.ResponseWriter, r *http.Request, operation string) (*exchange, *http.Request) {
	x := &exchange{ResponseWriter: w, record: Record{
		RequestID: s.newID(),
		Operation: operation,
		Start:     s.now(),
		UserAgent: userAgent(r),
		Client:    clientOf(r, s.behindProxy),
	}}
	x.trace.Reserve(x.steps[:])
	x.budget.Limit(s.databaseTime, s.now)
	x.context = exchangeContext{Context: r.Context(), x: x}

	return x, r.WithContext(&x.context)
}
