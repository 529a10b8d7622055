package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/weborigin"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Defaults of Config for routes with ForwardTo.
const (
	DefaultForwardMaxBody = 100 << 20
	DefaultMaxBodies      = 10 << 30
	DefaultBodyTime       = time.Minute
	DefaultForwardTimeout = time.Minute
)

// Bounds of forwarding.
const (
	maxForwarded   = 1024 // requests at once
	connections    = 256  // to one service
	dialTime       = 10 * time.Second
	idleConnection = 30 * time.Second
	maxAnswerHead  = 256 << 10

	// slowest is the least of a streamed body that must arrive in a second on average,
	// besides forward_timeout for all of it.
	slowest = 4 << 10
	// restTime is for the rest of a body that nobody needs any more: net/http reads some
	// of it before the answer.
	restTime = 5 * time.Second
)

// Forwarder is a reverse proxy for the routes with ForwardTo. Nothing of a request
// reaches the service before its signature holds. A body whose SHA-256 the client
// states is streamed, and cut off before its end if it is another one; any other body
// is read whole first.
type Forwarder struct {
	h         *Handler
	origins   weborigin.Origins // whose pages may call
	pages     bool              // some may
	holder    *holder
	transport *http.Transport
	inFlight  atomic.Int64
	callers   *shares // of the requests in flight
	upstream  *queues // for the connections to services
}

// newForwarder returns the Forwarder of h; nil when no route has a service.
func newForwarder(h *Handler) (*Forwarder, error) {
	if !h.routes.forwards() {
		return nil, nil
	}
	origins, err := weborigin.ParseOrigins("check.allowed_origins", h.c.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	roots, err := parseRoots(h.c.ServiceCAs)
	if err != nil {
		return nil, err
	}

	return &Forwarder{
		h:       h,
		origins: origins,
		pages:   len(h.c.AllowedOrigins) > 0,
		holder:  newHolder(h.c.ForwardMaxBody, h.c.MaxBodies),

		callers:  newShares(maxForwarded / sharesOfAll),
		upstream: newQueues(connections / sharesOfAll),
		transport: &http.Transport{
			Proxy:                  nil, // what the environment says about proxies is not for the service
			DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    dialTime,
			DisableCompression:     true, // the client's Accept-Encoding counts
			MaxConnsPerHost:        connections,
			MaxIdleConnsPerHost:    connections,
			IdleConnTimeout:        idleConnection,
			MaxResponseHeaderBytes: maxAnswerHead,
		},
	}, nil
}

// parseRoots reads PEM certificates; nil stands for the system's.
func parseRoots(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("check.ca_bundle: it has no certificate")
	}
	return roots, nil
}

// Close ends the connections to services that are not in use.
func (f *Forwarder) Close() { f.transport.CloseIdleConnections() }

// abortKey is the context's key of an *atomic.Bool: the answer has to be cut off.
type abortKey struct{}

// CutOff puts around h, which calls a Forwarder, what cuts an answer off: the service
// did, and the client must not take the part for the whole. It must be the outermost
// handler, because log and metrics are written when the ones within return.
func CutOff(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var abort atomic.Bool
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), abortKey{}, &abort)))
		if abort.Load() {
			panic(http.ErrAbortHandler)
		}
	})
}

// ServeHTTP passes a request on, or answers why not.
func (f *Forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		r.Body = &clientBody{ReadCloser: r.Body}
	}
	defer f.inFlight.Add(-1)
	defer f.endBody(w, r)
	full := f.inFlight.Add(1) > maxForwarded
	f.allowPage(w.Header(), r)
	explain.FromContext(r.Context()).Plan(forwardPlan)

	if full {
		f.refuse(w, r, &denied{
			status:  http.StatusServiceUnavailable,
			code:    "Busy",
			message: "Too many requests are under way.",
			why:     tooMany.With("limit", strconv.Itoa(maxForwarded)),
		})
		return
	}
	if isPreflight(r) && f.pages {
		f.preflight(w, r)
		return
	}

	var own charge
	defer own.end()
	p, err := f.admit(w, r, &own)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	defer p.close()
	f.pass(w, r, p)
}

// refuse answers a request that goes no further.
func (f *Forwarder) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f.endBody(w, r)
	f.h.refuse(w, r, r, err)
}

// endBody gives what has not arrived of a body a little time: net/http waits for a part of
// it before it sends an answer, and the client may have sent it before it reads one. A
// connection whose body has ended gets no deadline: it may serve the next request.
func (f *Forwarder) endBody(w http.ResponseWriter, r *http.Request) {
	if body, ok := r.Body.(*clientBody); !ok || body.ended.Load() {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(f.h.o.Now().Add(restTime)) // without deadlines w is none of a network
}

// clientBody notes whether a body was read to its end.
type clientBody struct {
	io.ReadCloser
	ended atomic.Bool
}

func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.ended.Store(true)
	}
	return n, err
}

// charge is the share of a caller that a request in flight takes.
type charge struct {
	of     *shares
	caller string
}

// begin charges a request to the caller of its session, unless it was before.
func (f *Forwarder) begin(c *charge, o *opened) error {
	if c.of != nil {
		return nil
	}
	if caller := o.callerName(); f.callers.take(caller, 1) {
		c.of, c.caller = f.callers, caller
		return nil
	}

	return &denied{
		status:  http.StatusServiceUnavailable,
		code:    "Busy",
		message: "Too many requests of this identity are under way.",
		why:     tooManyOfOne.With("limit", strconv.FormatInt(f.callers.most, 10)),
	}
}

func (c *charge) end() {
	if c.of != nil {
		c.of.give(c.caller, 1)
	}
}

// isPreflight reports whether a browser asks whether a page may send a request. It
// never signs that.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != "" && r.Header.Get("Authorization") == ""
}

// allowPage lets the pages of allowed origins read the answer.
func (f *Forwarder) allowPage(header http.Header, r *http.Request) {
	if !f.pages {
		return
	}
	header["Vary"] = []string{"Origin"}
	if origin := r.Header["Origin"]; len(origin) == 1 && f.origins.Allows(r) {
		header["Access-Control-Allow-Origin"] = origin
		header["Access-Control-Expose-Headers"] = []string{"*"}
	}
}

// preflightAge is how long browsers may remember the answer to a preflight, in seconds.
const preflightAge = "7200"

// preflight answers for the service. What a page may send is for the signature and the
// policies to decide.
func (f *Forwarder) preflight(w http.ResponseWriter, r *http.Request) {
	if !f.origins.Allows(r) {
		f.refuse(w, r, forbidden("ForeignOrigin", "Pages of this origin may not call.",
			preflightOther.With("origin", shownHeader(r.Header.Get("Origin"))).At(setting("allowed_origins"))))
		return
	}

	f.endBody(w, r)
	header := w.Header()
	if method := r.Header.Get("Access-Control-Request-Method"); isMethod(method) {
		header["Access-Control-Allow-Methods"] = []string{method}
	}
	if names := r.Header["Access-Control-Request-Headers"]; len(names) == 1 && isHeaderList(names[0]) {
		header["Access-Control-Allow-Headers"] = names
	}
	header["Access-Control-Max-Age"] = []string{preflightAge}
	w.WriteHeader(http.StatusNoContent)
}

// isHeaderList reports whether s may be echoed as a list of header names.
func isHeaderList(s string) bool {
	const most = 4096
	return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return r > '~' || !isLower(byte(r)) && !isUpper(byte(r)) && !isDigit(byte(r)) && !strings.ContainsRune("-_,. ", r)
	})
}

// passage is a request that may go to its service.
type passage struct {
	opened  *opened
	hash    string // X-Poolhouse-Content-Sha256
	service *url.URL

	length   int64
	held     *held     // the body, where it was read
	streamed *streamed // the body, where its SHA-256 was stated
}

func (p *passage) close() {
	if p.held != nil {
		p.held.Close()
	}
}

// admit verifies and authorises a request. Of its body it reads no more than the
// signature needs.
func (f *Forwarder) admit(w http.ResponseWriter, r *http.Request, own *charge) (*passage, error) {
	asked, err := checkOriginalParts(r.Method, r.RequestURI, r.Host, r.ContentLength)
	if err != nil {
		return nil, &denied{
			status:  http.StatusBadRequest,
			code:    "BadRequest",
			message: "The request cannot be forwarded: " + err.Error() + ".",
			why:     originalMalformed.With("fault", err.Error()),
		}
	}
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return nil, &denied{
			status:  http.StatusMethodNotAllowed,
			code:    "MethodNotAllowed",
			message: "The method " + r.Method + " is not forwarded.",
			why:     methodNot.With("method", r.Method),
		}
	}
	if hosts := f.h.c.Hosts; len(hosts) > 0 && !slices.Contains(hosts, strings.ToLower(r.Host)) {
		return nil, &denied{
			status:  http.StatusMisdirectedRequest,
			code:    "ForeignHost",
			message: "This server does not forward requests for this host.",
			why:     hostOther.With("host", shownHeader(r.Host)).At(setting("hosts")),
		}
	}

	segments, err := f.h.unambiguous(r, asked)
	if err != nil {
		return nil, err
	}
	if err := checkHops(r.Header); err != nil {
		return nil, err
	}
	if err := checkSpelling(r.Header); err != nil {
		return nil, err
	}

	if f.needsBody(r) {
		return f.admitRead(w, r, asked, segments, own)
	}
	return f.admitUnread(r, asked, segments, own)
}

// checkHops refuses what changes the request on its way: an upgrade, after which
// nothing is signed, and headers that Connection takes out.
func checkHops(h http.Header) error {
	if protocol := h["Upgrade"]; len(protocol) > 0 {
		return forbidden("Upgrade", "The protocol of a forwarded request cannot be changed.",
			headerUpgrade.With("protocol", shownHeader(protocol[0])))
	}

	for _, line := range h["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			switch strings.ToLower(strings.TrimSpace(option)) {
			case "", "close", "keep-alive", "te":
			default:
				return forbidden("ConnectionHeader", "The header Connection takes others out of the request.",
					headerConnection.With("options", shownHeader(option)))
			}
		}
	}
	return nil
}

// checkSpelling refuses headers that a service could take for one of X-Amz-…, which a
// signature must cover, and that it need not cover as they are spelt.
func checkSpelling(h http.Header) error {
	for name := range h {
		if folded := foldExtension(name); strings.HasPrefix(folded, "X-Amz-") && folded != name {
			return forbidden("AmbiguousHeader", "The header "+name+" could be read as "+folded+".",
				headerSpelling.With("header", shownHeader(name), "name", shownHeader(folded)))
		}
	}
	return nil
}

// needsBody reports whether the signature cannot be checked without the body: there is
// one, and the client does not state its SHA-256.
func (f *Forwarder) needsBody(r *http.Request) bool {
	if r.ContentLength == 0 || len(r.Header["X-Amz-Content-Sha256"]) > 0 {
		return false
	}

	_, query, _ := strings.Cut(r.RequestURI, "?")
	for name := range parameters(query) {
		if name == "X-Amz-Content-Sha256" || name == "X-Amz-Signature" && f.h.c.Service == "s3" {
			return false // presigned requests to S3 sign UNSIGNED-PAYLOAD
		}
	}
	return true
}

// admitUnread is admit for a request whose signature does not need the body.
func (f *Forwarder) admitUnread(
	r *http.Request, asked original, segments []string, own *charge,
) (*passage, error) {
	h := f.h
	o, signature, err := h.verifyWith(r, asked, func(request *http.Request) (sigv4.Result, error) {
		return h.verifier.VerifyUnread(request, asked.length, h.c.Service)
	})
	if err != nil {
		return nil, err
	}

	proven := signature.PayloadHash != unsignedPayload
	if !proven && asked.length != 0 && h.c.Body != Unchecked { // presigned reads may have no body, but this one has
		return nil, unproven()
	}
	if err := f.begin(own, o); err != nil {
		return nil, err
	}
	p, err := f.permit(r, asked, segments, o, &signature)
	if err != nil {
		return nil, err
	}

	p.length = asked.length
	if proven { // no body is one, too: its hash must be the stated one
		p.streamed = newStreamed(r.Body, signature.PayloadHash)
	}
	return p, nil
}

// permit is Handler.permit, for routes that are forwarded.
func (f *Forwarder) permit(
	r *http.Request, asked original, segments []string, o *opened, signature *sigv4.Result,
) (*passage, error) {
	needed, err := f.h.permit(r, asked, segments, o, signature)
	if err != nil {
		return nil, err
	}
	if err := checkForwarded(needed); err != nil {
		return nil, err
	}

	return &passage{opened: o, hash: signature.PayloadHash, service: needed.service}, nil
}

func checkForwarded(m match) error {
	if m.service != nil {
		return nil
	}
	return forbidden("NotForwarded", "The route of this request is not forwarded.",
		routeStays.With("match", m.route).At(setting("routes")))
}

// admitRead is admit for a request whose body must be read before its signature can be
// checked. Everything but the signature itself is checked before, so that whoever has
// no session of this account makes it hold nothing.
func (f *Forwarder) admitRead(
	w http.ResponseWriter, r *http.Request, asked original, segments []string, own *charge,
) (_ *passage, err error) {
	h := f.h
	session, err := f.checkHead(r, asked, segments)
	if err != nil {
		return nil, err
	}
	if err := f.begin(own, session); err != nil {
		return nil, err
	}

	body, err := f.read(w, r, session)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			body.Close()
		}
	}()

	o, signature, err := h.verifyWith(r, asked, func(request *http.Request) (sigv4.Result, error) {
		return h.verifier.VerifyHashed(request, body.size, body.sum, h.c.Service)
	})
	if err != nil {
		return nil, err
	}
	p, err := f.permit(r, asked, segments, o, &signature)
	if err != nil {
		return nil, err
	}
	p.held, p.length = body, body.size
	return p, nil
}

// checkHead checks what can be checked before the body is there: that the signature is
// complete, current and by a session of this account, that the route is forwarded, and that
// the session may do what the route needs. It returns the session that the request names.
func (f *Forwarder) checkHead(r *http.Request, asked original, segments []string) (*opened, error) {
	h := f.h
	var session *opened
	request := asked.of(r.WithContext(context.WithValue(r.Context(), openedKey{}, &session)))
	_, err := h.verifier.VerifyUnread(request, 0, h.c.Service)

	refused, ok := errors.AsType[*sigv4.Error](err)
	switch {
	case err == nil:
	case !ok:
		return nil, err
	case refused.Code == sigv4.BadSignature && refused.CanonicalRequest != "":
		// Everything holds but the signature, which is that of another body.
	default:
		return nil, h.signatureRefused(request, refused)
	}

	awsapi.RecordFrom(r.Context()).Account = string(session.session.Account)
	_, query, _ := strings.Cut(asked.uri, "?")
	needed, err := h.routes.find(asked.method, segments, query)
	if err != nil {
		return nil, err
	}
	if err := checkForwarded(needed); err != nil {
		return nil, err
	}
	if err := h.checkAccount(session); err != nil {
		return nil, err
	}
	session = session.in(h.c.Region)
	return session, h.authorizeHead(r, session, &requestFacts{
		h:        h,
		question: r,
		uri:      asked.uri,
		action:   needed.action,
		resource: needed.resource,
		headOnly: true,
	})
}

// authorizeHead asks the policies before the signature is known. If their answer depends on
// the signature, it is for authorize to give.
func (h *Handler) authorizeHead(r *http.Request, o *opened, facts *requestFacts) error {
	err := h.o.Authorizer.Authorize(r.Context(), o.caller, iam.Access{
		Action:   facts.action,
		Resource: facts.resource,
		Facts:    facts,
	})
	if err == nil {
		return nil
	}

	if d, ok := errors.AsType[*iam.DeniedError](err); ok && slices.ContainsFunc(d.Unknown, ofSignature) {
		return nil
	}
	return h.authorize(r.Context(), o, facts)
}

// past is a deadline that ends what waits for a connection.
var past = time.Unix(1, 0)

// read reads the body of a request, within the time that it may take. It is charged to the
// caller that the request names, and to the client's address.
func (f *Forwarder) read(w http.ResponseWriter, r *http.Request, o *opened) (*held, error) {
	callers := []string{o.callerName()}
	if address := addressName(r.Context()); address != "" {
		callers = append(callers, address)
	}
	limit := watch(f.h.c.BodyTime, func() {
		_ = http.NewResponseController(w).SetReadDeadline(past) // a writer without deadlines is none of a network
	})
	body, err := f.holder.hold(r.Body, r.ContentLength, callers...)
	limit.stop()

	late := limit.fired.Load()
	if late && err == nil { // it was there a moment too late, and the connection has the deadline
		body.Close()
	}
	if err == nil && !late {
		return body, nil
	}
	return nil, f.unread(r, err, late)
}

// unread tells why a body could not be read.
func (f *Forwarder) unread(r *http.Request, err error, late bool) error {
	store, unkept := errors.AsType[*storeError](err)
	switch {
	case errors.Is(err, errTooLarge):
		d := tooLarge(f.holder.most)
		d.status = http.StatusRequestEntityTooLarge
		return d
	case errors.Is(err, errNoRoom):
		return &denied{
			status:  http.StatusServiceUnavailable,
			code:    "Busy",
			message: "Too many bodies are being read.",
			why:     bodiesFull.With("limit", strconv.FormatInt(f.h.c.MaxBodies, 10)).At(setting("max_bodies")),
		}
	case errors.Is(err, errNoShare):
		return &denied{
			status:  http.StatusServiceUnavailable,
			code:    "Busy",
			message: "Too many bodies of this identity or address are being read.",
			why:     bodiesOfOne.With("limit", strconv.FormatInt(f.holder.shares.most, 10)).At(setting("max_bodies")),
		}
	case unkept:
		f.h.o.Logger.ErrorContext(r.Context(), "a body cannot be kept in a temporary file", "error", store)
		return &denied{
			status:  http.StatusServiceUnavailable,
			code:    "Unavailable",
			message: "The body cannot be kept now.",
			why:     bodyUnkept.With(),
		}
	case late:
		return &denied{
			status:  http.StatusRequestTimeout,
			code:    "RequestTimeout",
			message: "The body did not arrive in time.",
			why:     bodySlow.With("limit", f.h.c.BodyTime.String()).At(setting("body_time")),
		}
	default:
		return aborted()
	}
}

// aborted refuses a request whose client hung up, which reads the answer no more.
func aborted() *denied {
	return &denied{
		status:  http.StatusBadRequest,
		code:    "RequestAborted",
		message: "The request ended before its body.",
		why:     bodyCut.With(),
	}
}

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

	// What is small enough is compared before the service hears of it.
	if s := p.streamed; s != nil && p.length <= withheld {
		s.source = x.body(s.source)
		if err := s.fill(); err != nil {
			x.failed(w, r, err)
			return
		}
	}

	leave, err := f.upstream.enter(ctx, p.opened.callerName()+" at "+p.service.Host)
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
		ErrorLog:       slog.NewLogLogger(f.h.o.Logger.Handler(), slog.LevelDebug),
	}
	defer x.cutOff()
	proxy.ServeHTTP(x, x.request(ctx))
	if err := p.streamed.fault(); err != nil { // the service answered before it had the body
		x.note(x.reason(err))
	}
}

// crossing is a request on its way to a service: its body is read, and its answer
// written, under the watch of one timer.
type crossing struct {
	f      *Forwarder
	p      *passage
	client *http.Request
	watch  *watchdog
	http.ResponseWriter
	own http.Header // that this server set before the service's answer

	answering atomic.Bool // the service has begun its answer
	reading   atomic.Bool // the body waits for the client

	mu       sync.Mutex
	bodyless error // that ended the client's body too early
}

// request is the client's with the body that goes to the service.
func (x *crossing) request(ctx context.Context) *http.Request {
	r := x.client.WithContext(ctx)
	r.ContentLength, r.TransferEncoding, r.Trailer = x.p.length, nil, nil

	switch p := x.p; {
	case p.length == 0:
		r.Body = http.NoBody
	case p.held != nil:
		r.Body = x.heldBody()
	case p.streamed != nil:
		if _, watched := p.streamed.source.(*watchedBody); !watched {
			p.streamed.source = x.body(p.streamed.source)
		}
		r.Body = p.streamed
	default:
		r.Body = x.body(r.Body)
	}
	return r
}

// rewrite makes the request to the service.
func (x *crossing) rewrite(r *httputil.ProxyRequest) {
	// Opaque is sent as it is: the very path and query that were signed.
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
	behind := x.f.h.o.BehindProxy
	if behind {
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}
	r.SetXForwarded()
	if proto := r.In.Header.Get("X-Forwarded-Proto"); behind && (proto == "http" || proto == "https") {
		r.Out.Header["X-Forwarded-Proto"] = []string{proto}
	}

	for name, value := range x.p.opened.header {
		r.Out.Header[name] = slices.Clone(value)
	}
	r.Out.Header[HeaderContentSHA256] = []string{x.p.hash}
}

// tellsOfClient reports whether a service could take a header of this folded name for a
// proxy's word about the client or its request.
func tellsOfClient(folded string) bool {
	return strings.HasPrefix(folded, "X-Forwarded-") || strings.HasPrefix(folded, "X-Original-") ||
		folded == "X-Real-Ip" || folded == "Forwarded"
}

// answered takes out of the service's answer what is this server's to set.
func (x *crossing) answered(answer *http.Response) error {
	if answer.StatusCode < http.StatusOK || answer.StatusCode > 999 { // net/http would panic
		return errNoStatus
	}
	x.filter(answer.Header)
	x.filter(answer.Trailer) // as announced; answerBody looks at those that come
	answer.Body = &answerBody{
		ReadCloser: answer.Body,
		answer:     answer,
		filter:     x.filter,
	}

	x.answering.Store(true)
	return nil
}

// errNoStatus is an answer with a status that HTTP does not have.
var errNoStatus = errors.New("its status is not one")

// filter takes the headers out of an answer that are this server's to set, in every spelling.
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

// answerBody filters the trailers of an answer, which are there once its body has ended.
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

// WriteHeader passes on a status. Before that of the answer there may be others (1xx), after
// which ReverseProxy forgets all headers, this server's too.
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

// failed answers for a service that did not, or for a body that is not the signed one.
func (x *crossing) failed(w http.ResponseWriter, _ *http.Request, err error) {
	x.f.refuse(w, x.client, x.reason(errors.Join(err, x.p.streamed.fault())))
}

// reason tells why a request got no answer.
func (x *crossing) reason(err error) *denied {
	service, limit := x.p.service.Scheme+"://"+x.p.service.Host, x.f.h.c.ForwardTimeout.String()
	var network net.Error
	switch {
	case errors.Is(err, errOtherSum):
		return forbidden("BodyMismatch", "The body is not the one that was signed.", hashOther.With())
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

// faultOf is the last cause of an error, without addresses.
func faultOf(err error) string {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Op + ": " + operation.Err.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it closed the connection"
	}
	return shownHeader(fmt.Sprint(err))
}

// cutOff notes that the answer could not be passed on whole. ReverseProxy panics then.
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

// note records why a request failed whose answer has begun.
func (x *crossing) note(d *denied) {
	ctx := x.client.Context()
	explain.FromContext(ctx).Refuse(d.why)
	record := awsapi.RecordFrom(ctx)
	record.Code, record.Reason = d.code, d.code
}

// Write passes a part of the answer on.
func (x *crossing) Write(p []byte) (int, error) {
	x.watch.progress()
	return x.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *crossing) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// bodyError returns what ended the client's body too early.
func (x *crossing) bodyError() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bodyless
}

// body puts a client's body under the watch of x.
func (x *crossing) body(source io.ReadCloser) io.ReadCloser {
	return &watchedBody{
		x:          x,
		ReadCloser: source,
	}
}

// heldBody is a body that was read, from its beginning.
func (x *crossing) heldBody() io.ReadCloser { return &progressBody{x.watch, x.p.held.Reader()} }

// progressBody counts as progress what the service takes of a body.
type progressBody struct {
	watch *watchdog
	io.ReadCloser
}

func (b *progressBody) Read(p []byte) (int, error) {
	b.watch.progress()
	return b.ReadCloser.Read(p)
}

// watchedBody is the client's body.
type watchedBody struct {
	x *crossing
	io.ReadCloser

	arrived int64
	waited  time.Duration // for the client; the service may take its time
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.x.reading.Store(true)
	began := b.x.f.h.o.Now()
	n, err := b.ReadCloser.Read(p)
	b.waited += b.x.f.h.o.Now().Sub(began)
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

// watchdog calls a function when there was no progress for some time.
type watchdog struct {
	limit time.Duration
	fired atomic.Bool

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func watch(limit time.Duration, bark func()) *watchdog {
	w := &watchdog{limit: limit}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(limit, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.ended {
			w.fired.Store(true)
			bark()
		}
	})

	return w
}

// progress begins the time anew.
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
