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

// pass sends a request to its service and the answer to the client.
func (f *Forwarder) pass(w http.ResponseWriter, r *http.Request, p *passage) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()

	x := &crossing{
		f:              f,
		p:              p,
		client:         r,
		ResponseWriter: w,
		own:            w.Header().Clone(),
	}
	x.watch = watch(f.h.c.ForwardTimeout, func() {
		_ = http.NewResponseController(w).SetReadDeadline(past)
		if x.answering.Load() {
			_ = http.NewResponseController(w).SetWriteDeadline(past)
		}
		cancel()
	})
	defer x.watch.stop()

	if s := p.streamed; s != nil {
		s.source = x.body(s.source)
		if p.length <= withheld { // a small body is compared before the service gets anything
			if err := s.fill(); err != nil {
				x.failed(w, r, err)
				return
			}
		}
	}

	leave, err := f.enter(ctx, p)
	if err != nil {
		x.failed(w, r, err)
		return
	}
	defer leave()

	proxy := &httputil.ReverseProxy{
		Rewrite:        x.rewrite,
		Transport:      f.transport,
		FlushInterval:  -1, // answers may be streams
		ModifyResponse: x.answered,
		ErrorHandler:   x.failed,
		ErrorLog:       slog.NewLogLogger(f.h.options.Logger.Handler(), slog.LevelDebug),
	}
	defer x.cutOff()

	proxy.ServeHTTP(x, x.request(ctx))
	if err := p.streamed.fault(); err != nil { // the service answered before it had the body
		x.note(x.reason(err))
	}
}

// enter waits until the caller and the client's address may have one more connection to the
// service. Without an error, the caller of enter must call leave. The wait for the caller's
// share comes first: meanwhile the request must not occupy a place of its address.
func (f *Forwarder) enter(ctx context.Context, p *passage) (leave func(), err error) {
	leaveCaller, err := f.upstream.enter(ctx, callerName(p.session)+" at "+p.service.Host)
	address := addressName(ctx)
	if err != nil || address == "" {
		return leaveCaller, err
	}

	leaveAddress, err := f.upstreamAddresses.enter(ctx, address+" at "+p.service.Host)
	if err != nil {
		leaveCaller()
		return nil, err
	}

	return func() { leaveAddress(); leaveCaller() }, nil
}

// crossing is a request on its way to a service. One timer watches the reading of its body
// and the writing of its answer.
type crossing struct {
	f      *Forwarder
	p      *passage
	client *http.Request
	watch  *watchdog
	http.ResponseWriter
	own http.Header // headers that this server set before the service's answer

	answering atomic.Bool // whether the service has begun its answer
	reading   atomic.Bool // whether a read of the body waits for the client

	mu       sync.Mutex
	bodyless error // error that ended the client's body too early
}

// request returns the client's request with the body for the service.
func (x *crossing) request(ctx context.Context) *http.Request {
	r := x.client.WithContext(ctx)
	r.ContentLength, r.TransferEncoding, r.Trailer = x.p.length, nil, nil

	switch p := x.p; {
	case p.length == 0:
		r.Body = http.NoBody
	case p.held != nil:
		r.Body = x.heldBody()
	case p.streamed != nil:
		r.Body = p.streamed
	default:
		r.Body = x.body(r.Body)
	}

	return r
}

// rewrite sets the target and the headers of the request to the service.
func (x *crossing) rewrite(r *httputil.ProxyRequest) {
	// Opaque is sent as it is: exactly the path and query that were signed.
	r.Out.URL = &url.URL{Scheme: x.p.service.Scheme, Host: x.p.service.Host, Opaque: r.In.RequestURI}
	r.Out.Host = r.In.Host
	r.Out.Trailer = nil // no signature covers trailers
	delete(r.Out.Header, "Expect")

	if x.p.held != nil {
		r.Out.GetBody = func() (io.ReadCloser, error) { return x.heldBody(), nil }
	}

	for name := range r.Out.Header {
		if tellsOfClient(foldHeader(name)) {
			delete(r.Out.Header, name)
		}
	}

	if !x.f.h.c.PassSignature {
		for _, name := range []string{"Authorization", "X-Amz-Security-Token", "X-Amz-Date"} {
			delete(r.Out.Header, name)
		}
	}

	behind := x.f.h.options.BehindProxy
	if behind {
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}
	r.SetXForwarded()
	if proto := r.In.Header.Get("X-Forwarded-Proto"); behind && (proto == "http" || proto == "https") {
		r.Out.Header["X-Forwarded-Proto"] = []string{proto}
	}

	for name, value := range x.p.session.Header {
		r.Out.Header[name] = slices.Clone(value)
	}
	r.Out.Header[headerContentSHA256] = []string{x.p.hash}
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
func (x *crossing) answered(answer *http.Response) error {
	if answer.StatusCode < http.StatusOK || answer.StatusCode > 999 { // net/http would panic
		return errNoStatus
	}

	x.filter(answer.Header)
	x.filter(answer.Trailer) // those announced; answerBody filters those that arrive
	answer.Body = &answerBody{
		ReadCloser: answer.Body,
		answer:     answer,
		filter:     x.filter,
	}
	x.answering.Store(true)

	return nil
}

// errNoStatus is the fault of an answer whose status does not exist in HTTP.
var errNoStatus = errors.New("its status is not one")

// filter removes the headers that only this server may set from an answer, in every spelling.
func (x *crossing) filter(header http.Header) {
	for name := range header {
		folded := foldHeader(name)
		ours := reserved(folded) || folded == "X-Amzn-Requestid"
		cors := x.f.pages && strings.HasPrefix(folded, "Access-Control-")
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
func (x *crossing) WriteHeader(status int) {
	if status < http.StatusOK {
		x.filter(x.Header())
		x.ResponseWriter.WriteHeader(status)
		return
	}

	header := x.Header()
	for name, values := range x.own {
		for _, value := range values {
			if !slices.Contains(header[name], value) {
				header[name] = append(header[name], value)
			}
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

// failed answers the client if the service does not, or if the body is not the signed one.
func (x *crossing) failed(w http.ResponseWriter, _ *http.Request, err error) {
	if x.watch.fired.Load() {
		endConnection(w)
	}
	x.f.refuse(w, x.client, x.reason(errors.Join(err, x.p.streamed.fault())))
}

// reason returns the reason why a request got no answer.
func (x *crossing) reason(err error) *denied {
	service, limit := x.p.service.Scheme+"://"+x.p.service.Host, x.f.h.c.ForwardTimeout.String()
	var network net.Error

	switch {
	case errors.Is(err, errOtherSum):
		return forbidden("BodyMismatch", "The body is not the one that was signed.", x.p.streamed.otherSum())
	case errors.Is(x.bodyError(), errSlow):
		return &denied{
			status:  http.StatusRequestTimeout,
			code:    "RequestTimeout",
			message: "The body arrived too slowly.",
			why:     bodyPace.With("limit", limit, "pace", strconv.Itoa(slowest)).At(setting("forward_timeout")),
		}
	case x.watch.fired.Load() && x.reading.Load():
		return &denied{
			status:  http.StatusRequestTimeout,
			code:    "RequestTimeout",
			message: "The body did not arrive in time.",
			why:     bodyIdle.With("limit", limit).At(setting("forward_timeout")),
		}
	case x.watch.fired.Load(), errors.As(err, &network) && network.Timeout():
		return &denied{
			status:  http.StatusGatewayTimeout,
			code:    "ServiceTimeout",
			message: "The service behind did not answer in time.",
			why:     serviceSlow.With("service", service, "limit", limit).At(setting("forward_timeout")),
		}
	case x.bodyError() != nil, x.client.Context().Err() != nil:
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
func (x *crossing) cutOff() {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}

	ctx := x.client.Context()
	d := x.reason(x.p.streamed.fault())
	if d.code == "ServiceUnreachable" {
		d.code, d.why = "ServiceAborted", serviceCut.With("service", x.p.service.Scheme+"://"+x.p.service.Host)
	}

	x.note(d)
	if abort, ok := ctx.Value(abortKey{}).(*atomic.Bool); ok {
		abort.Store(true)
	}
}

// note records the refusal of a request whose answer has already begun.
func (x *crossing) note(d *denied) {
	ctx := x.client.Context()
	explain.FromContext(ctx).Refuse(d.why)
	d.note(awsapi.RecordFrom(ctx))
}

// Write passes on a part of the answer.
func (x *crossing) Write(p []byte) (int, error) {
	x.watch.progress()
	return x.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *crossing) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// bodyError returns the error that ended the client's body too early.
func (x *crossing) bodyError() error {
	x.mu.Lock()
	defer x.mu.Unlock()

	return x.bodyless
}

// body returns a client's body whose progress x watches.
func (x *crossing) body(source io.ReadCloser) io.ReadCloser {
	return &watchedBody{
		x:          x,
		ReadCloser: source,
	}
}

// heldBody returns the body that was read, from its beginning.
func (x *crossing) heldBody() io.ReadCloser {
	return &progressBody{
		watch:      x.watch,
		ReadCloser: x.p.held.Reader(),
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
	x *crossing
	io.ReadCloser

	arrived int64
	waited  time.Duration // for the client; time of the service does not count
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.x.reading.Store(true)
	began := b.x.f.h.options.Now()
	n, err := b.ReadCloser.Read(p)
	b.waited += b.x.f.h.options.Now().Sub(began)
	b.arrived += int64(n)

	if err == nil && b.waited > b.x.f.h.c.ForwardTimeout+time.Duration(b.arrived)*time.Second/slowest {
		err = errSlow
	}

	if n > 0 || errors.Is(err, io.EOF) {
		b.x.reading.Store(false)
		b.x.watch.progress()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.x.mu.Lock()
		b.x.bodyless = err
		b.x.mu.Unlock()
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
