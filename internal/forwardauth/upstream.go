package forwardauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// forward sends an admitted request to its service and the answer to the client.
func (f *Forwarder) forward(w http.ResponseWriter, r *http.Request, admitted *admittedRequest) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()

	e := &exchange{
		forwarder:      f,
		admitted:       admitted,
		client:         r,
		timeout:        f.h.c.ForwardTimeout,
		now:            f.h.options.Now,
		ResponseWriter: w,
		ownHeader:      w.Header().Clone(),
	}
	e.watch = watch(e.timeout, func() {
		_ = http.NewResponseController(w).SetReadDeadline(past)
		if e.answering.Load() {
			_ = http.NewResponseController(w).SetWriteDeadline(past)
		}
		cancel()
	})
	defer e.watch.stop()

	if s := admitted.streamed; s != nil {
		s.source = e.body(s.source)
		if admitted.length <= withheld { // a small body is compared before the service gets anything
			if err := s.fill(); err != nil {
				e.failed(w, r, err)
				return
			}
		}
	}

	leave, err := f.enter(ctx, admitted)
	if err != nil {
		e.failed(w, r, err)
		return
	}
	defer leave()

	proxy := &httputil.ReverseProxy{
		Rewrite:        e.rewrite,
		Transport:      f.transport,
		FlushInterval:  -1, // answers may be streams
		ModifyResponse: e.answered,
		ErrorHandler:   e.failed,
		ErrorLog:       slog.NewLogLogger(f.h.options.Logger.Handler(), slog.LevelDebug),
	}
	defer e.cutOff()

	proxy.ServeHTTP(e, e.request(ctx))
	if err := admitted.streamed.fault(); err != nil { // the service answered before it had the body
		e.note(e.reason(err))
	}
}

// enter waits until the caller and the client's address may have one more connection to the
// service. Without an error, the caller of enter must call leave. The wait for the caller's
// share comes first: meanwhile the request must not occupy a place of its address.
func (f *Forwarder) enter(ctx context.Context, admitted *admittedRequest) (leave func(), err error) {
	leaveCaller, err := f.upstream.enter(ctx, callerName(admitted.session)+" at "+admitted.service.Host)
	address := addressName(ctx)
	if err != nil || address == "" {
		return leaveCaller, err
	}

	leaveAddress, err := f.upstreamAddresses.enter(ctx, address+" at "+admitted.service.Host)
	if err != nil {
		leaveCaller()
		return nil, err
	}

	return func() { leaveAddress(); leaveCaller() }, nil
}

// exchange is a request on its way to a service, and the answer on its way back. One timer
// watches the reading of the request's body and the writing of the answer.
type exchange struct {
	forwarder *Forwarder
	admitted  *admittedRequest
	client    *http.Request
	timeout   time.Duration // for a step without progress
	now       func() time.Time
	watch     *watchdog

	http.ResponseWriter
	ownHeader http.Header // headers that this server set before the service's answer

	answering atomic.Bool // whether the service has begun its answer
	reading   atomic.Bool // whether a read of the body waits for the client

	mu      sync.Mutex
	bodyErr error // error that ended the client's body too early
}

// request returns the client's request with the body for the service.
func (e *exchange) request(ctx context.Context) *http.Request {
	r := e.client.WithContext(ctx)
	r.ContentLength, r.TransferEncoding, r.Trailer = e.admitted.length, nil, nil

	switch {
	case e.admitted.length == 0:
		r.Body = http.NoBody
	case e.admitted.held != nil:
		r.Body = e.heldBody()
	case e.admitted.streamed != nil:
		r.Body = e.admitted.streamed
	default:
		r.Body = e.body(r.Body)
	}

	return r
}

// rewrite sets the target and the headers of the request to the service.
func (e *exchange) rewrite(r *httputil.ProxyRequest) {
	service := e.admitted.service
	// Opaque is sent as it is: exactly the path and query that were signed.
	r.Out.URL = &url.URL{Scheme: service.Scheme, Host: service.Host, Opaque: r.In.RequestURI}
	r.Out.Host = r.In.Host
	r.Out.Trailer = nil // no signature covers trailers
	delete(r.Out.Header, "Expect")

	if e.admitted.held != nil {
		r.Out.GetBody = func() (io.ReadCloser, error) { return e.heldBody(), nil }
	}

	for name := range r.Out.Header {
		if tellsOfClient(foldHeader(name)) {
			delete(r.Out.Header, name)
		}
	}

	settings, options := &e.forwarder.h.c, &e.forwarder.h.options
	if !settings.PassSignature {
		for _, name := range []string{"Authorization", "X-Amz-Security-Token", "X-Amz-Date"} {
			delete(r.Out.Header, name)
		}
	}

	if options.BehindProxy {
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}
	r.SetXForwarded()
	if proto := r.In.Header.Get("X-Forwarded-Proto"); options.BehindProxy && (proto == "http" || proto == "https") {
		r.Out.Header["X-Forwarded-Proto"] = []string{proto}
	}

	for name, value := range e.admitted.session.Header {
		r.Out.Header[name] = slices.Clone(value)
	}
	r.Out.Header[headerContentSHA256] = []string{e.admitted.hash}
}

// tellsOfClient reports whether a service could take a header of this folded name for a
// proxy's description of the client or its request.
func tellsOfClient(folded string) bool {
	switch folded {
	case "X-Real-Ip", "Forwarded", "X-Forwarded", "X-Host", "X-Host-Override", "X-Http-Host-Override":
		return true
	default:
		return strings.HasPrefix(folded, "X-Forwarded-") || strings.HasPrefix(folded, "X-Original-")
	}
}

// answered removes headers from the service's answer that only this server may set.
func (e *exchange) answered(answer *http.Response) error {
	if answer.StatusCode < http.StatusOK || answer.StatusCode > 999 { // net/http would panic
		return errNoStatus
	}

	e.filter(answer.Header)
	e.filter(answer.Trailer) // those announced; answerBody filters those that arrive
	answer.Body = &answerBody{
		ReadCloser: answer.Body,
		answer:     answer,
		filter:     e.filter,
	}
	e.answering.Store(true)

	return nil
}

// errNoStatus is the fault of an answer whose status does not exist in HTTP.
var errNoStatus = errors.New("its status is not one")

// filter removes the headers that only this server may set from an answer, in every spelling.
func (e *exchange) filter(header http.Header) {
	for name := range header {
		folded := foldHeader(name)
		ours := reserved(folded) || folded == "X-Amzn-Requestid"
		cors := e.forwarder.pages && strings.HasPrefix(folded, "Access-Control-")
		if ours || cors {
			delete(header, name)
		}
	}
}

// answerBody filters the trailers of an answer, which arrive at the end of its body.
type answerBody struct {
	io.ReadCloser
	answer *http.Response
	filter func(http.Header)
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.filter(b.answer.Trailer)
	}
	return n, err
}

// WriteHeader passes on a status. Statuses 1xx may come before that of the answer; after each,
// ReverseProxy deletes all headers, including this server's.
func (e *exchange) WriteHeader(status int) {
	if status < http.StatusOK {
		e.filter(e.Header())
		e.ResponseWriter.WriteHeader(status)
		return
	}

	header := e.Header()
	for name, values := range e.ownHeader {
		for _, value := range values {
			if !slices.Contains(header[name], value) {
				header[name] = append(header[name], value)
			}
		}
	}
	e.ResponseWriter.WriteHeader(status)
}

// failed answers the client if the service does not, or if the body is not the signed one.
func (e *exchange) failed(w http.ResponseWriter, _ *http.Request, err error) {
	if e.watch.fired.Load() {
		endConnection(w)
	}
	e.forwarder.refuse(w, e.client, e.reason(errors.Join(err, e.admitted.streamed.fault())))
}

// reason returns the reason why a request got no answer.
func (e *exchange) reason(err error) *denied {
	service, limit := e.admitted.serviceURL(), e.timeout.String()
	var network net.Error

	switch {
	case errors.Is(err, errOtherSum):
		return forbidden("BodyMismatch", "The body is not the one that was signed.", e.admitted.streamed.otherSum())
	case errors.Is(e.bodyError(), errSlow):
		return &denied{
			status:  http.StatusRequestTimeout,
			code:    "RequestTimeout",
			message: "The body arrived too slowly.",
			why:     bodyPace.With("limit", limit, "pace", strconv.Itoa(slowest)).At(setting("forward_timeout")),
		}
	case e.watch.fired.Load() && e.reading.Load():
		return &denied{
			status:  http.StatusRequestTimeout,
			code:    "RequestTimeout",
			message: "The body did not arrive in time.",
			why:     bodyIdle.With("limit", limit).At(setting("forward_timeout")),
		}
	case e.watch.fired.Load(), errors.As(err, &network) && network.Timeout():
		return &denied{
			status:  http.StatusGatewayTimeout,
			code:    "ServiceTimeout",
			message: "The service behind did not answer in time.",
			why:     serviceSlow.With("service", service, "limit", limit).At(setting("forward_timeout")),
		}
	case e.bodyError() != nil, e.client.Context().Err() != nil:
		return aborted()
	default:
		return &denied{
			status:  http.StatusBadGateway,
			code:    "ServiceUnreachable",
			message: "The service behind does not answer.",
			why:     serviceDown.With("service", service, "fault", faultOf(err)).At(setting("routes")),
		}
	}
}

// faultOf returns the last cause of an error, without addresses.
func faultOf(err error) string {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Op + ": " + operation.Err.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it closed the connection"
	}
	return shownHeader(fmt.Sprint(err))
}

// cutOff handles the panic of ReverseProxy for an answer that could not be passed on whole.
func (e *exchange) cutOff() {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}

	ctx := e.client.Context()
	d := e.reason(e.admitted.streamed.fault())
	if d.code == "ServiceUnreachable" {
		d.code, d.why = "ServiceAborted", serviceCut.With("service", e.admitted.serviceURL())
	}

	e.note(d)
	if abort, ok := ctx.Value(abortKey{}).(*atomic.Bool); ok {
		abort.Store(true)
	}
}

// note records the refusal of a request whose answer has already begun.
func (e *exchange) note(d *denied) {
	ctx := e.client.Context()
	explain.FromContext(ctx).Refuse(d.why)
	d.note(awsapi.RecordFrom(ctx))
}

// Write passes on a part of the answer.
func (e *exchange) Write(p []byte) (int, error) {
	e.watch.progress()
	return e.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// bodyError returns the error that ended the client's body too early.
func (e *exchange) bodyError() error {
	e.mu.Lock()
	defer e.mu.Unlock()

	return e.bodyErr
}

// body returns a client's body whose progress e watches.
func (e *exchange) body(source io.ReadCloser) io.ReadCloser {
	return &watchedBody{
		exchange:   e,
		ReadCloser: source,
	}
}

// heldBody returns the body that was read, from its beginning.
func (e *exchange) heldBody() io.ReadCloser {
	return &progressBody{
		watch:      e.watch,
		ReadCloser: e.admitted.held.Reader(),
	}
}

// progressBody reports progress when the service reads from a body.
type progressBody struct {
	watch *watchdog
	io.ReadCloser
}

func (b *progressBody) Read(p []byte) (int, error) {
	b.watch.progress()
	return b.ReadCloser.Read(p)
}

// watchedBody is the client's body. It fails if the body arrives too slowly.
type watchedBody struct {
	exchange *exchange
	io.ReadCloser

	arrived int64
	waited  time.Duration // for the client; time of the service does not count
}

func (b *watchedBody) Read(p []byte) (int, error) {
	e := b.exchange
	e.reading.Store(true)
	began := e.now()
	n, err := b.ReadCloser.Read(p)
	b.waited += e.now().Sub(began)
	b.arrived += int64(n)

	if err == nil && b.waited > e.timeout+time.Duration(b.arrived)*time.Second/slowest {
		err = errSlow
	}

	if n > 0 || errors.Is(err, io.EOF) {
		e.reading.Store(false)
		e.watch.progress()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		e.mu.Lock()
		e.bodyErr = err
		e.mu.Unlock()
	}

	return n, err
}

// watchdog calls a function if there was no progress for a time.
type watchdog struct {
	limit time.Duration
	fired atomic.Bool

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func watch(limit time.Duration, expire func()) *watchdog {
	w := &watchdog{limit: limit}
	w.mu.Lock()
	defer w.mu.Unlock()

	w.timer = time.AfterFunc(limit, func() {
		w.mu.Lock()
		defer w.mu.Unlock()

		if !w.ended {
			w.fired.Store(true)
			expire()
		}
	})

	return w
}

// progress restarts the timer.
func (w *watchdog) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()

	if !w.ended && !w.fired.Load() {
		w.timer.Reset(w.limit)
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()

	w.ended = true
	w.timer.Stop()
}
