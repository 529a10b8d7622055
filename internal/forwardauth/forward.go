package forwardauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/gate"
)

// Defaults of Config for routes with ForwardTo.
const (
	defaultForwardMaxBody = 100 << 20
	defaultMaxBodies      = 10 << 30
	defaultBodyTime       = time.Minute
	defaultForwardTimeout = time.Minute
)

// Bounds of forwarding.
const (
	maxForwarded   = 1024 // requests at once
	connections    = 256  // to one service
	dialTime       = 10 * time.Second
	idleConnection = 30 * time.Second
	maxAnswerHead  = 256 << 10

	// slowest is the number of bytes of a streamed body that must arrive in a second on
	// average, with forward_timeout in addition for the whole body.
	slowest = 4 << 10
	// restTime is the time for the rest of a body that nobody needs any more: net/http
	// reads some of it before the answer.
	restTime = 5 * time.Second
)

// Forwarder is a reverse proxy for the routes with ForwardTo. Nothing of a request
// reaches the service before its signature is verified. A body whose SHA-256 the client
// states is streamed, and cut off before its end if the SHA-256 is wrong. Any other body
// is read whole first.
type Forwarder struct {
	h         *Handler
	origins   awsapi.Origins // whose pages may call
	pages     bool           // whether any may
	holder    *holder
	transport *http.Transport
	inFlight  atomic.Int64

	// Shares of the requests in flight, and queues for the connections to services.
	callers           *shares
	addresses         *shares
	upstream          *queues
	upstreamAddresses *queues
}

// newForwarder returns the Forwarder of h; nil if no route has a service.
func newForwarder(h *Handler) (*Forwarder, error) {
	if !h.routes.forwards() {
		return nil, nil
	}

	origins, err := awsapi.ParseOrigins("check.allowed_origins", h.c.AllowedOrigins)
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

		callers:           newShares(maxForwarded / sharesOfAll),
		addresses:         newShares(maxForwarded / sharesOfAddresses),
		upstream:          newQueues(connections / sharesOfAll),
		upstreamAddresses: newQueues(connections / sharesOfAddresses),
		transport: &http.Transport{
			Proxy:                  nil, // the environment's proxies are not for services
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

// parseRoots reads PEM certificates; nil means the system's.
func parseRoots(pem string) (*x509.CertPool, error) {
	if pem == "" {
		return nil, nil
	}

	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(pem)) {
		return nil, errors.New("check.ca_bundle: it has no certificate")
	}

	return roots, nil
}

// Close closes the idle connections to services.
func (f *Forwarder) Close() { f.transport.CloseIdleConnections() }

// abortKey is the context key of an *atomic.Bool: whether the answer must be cut off.
type abortKey struct{}

// CutOff wraps h, which calls a Forwarder. If a service cuts off its answer, CutOff cuts off
// the client's too, so that the client does not take the part for the whole. It must be the
// outermost handler, because the inner ones write log and metrics when they return.
func CutOff(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var abort atomic.Bool
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), abortKey{}, &abort)))
		if abort.Load() {
			panic(http.ErrAbortHandler)
		}
	})
}

// ServeHTTP forwards a request, or refuses it.
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

	var charged charge
	defer f.end(&charged)

	admitted, err := f.admit(w, r, &charged)
	if err != nil {
		f.refuse(w, r, err)
		return
	}
	defer admitted.close()

	f.forward(w, r, admitted)
}

// refuse answers a request that is not forwarded.
func (f *Forwarder) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f.endBody(w, r)
	f.h.refuse(w, r, r, err)
}

// endBody sets a short deadline for the rest of a body: net/http waits for a part of it
// before it sends an answer, and the client may send all of it before it reads an answer. A
// connection whose body has ended gets no deadline: it may serve the next request.
func (f *Forwarder) endBody(w http.ResponseWriter, r *http.Request) {
	if body, ok := r.Body.(*clientBody); !ok || body.ended.Load() {
		return
	}

	// It fails only for writers outside a network, which have no deadlines.
	_ = http.NewResponseController(w).SetReadDeadline(f.h.options.Now().Add(restTime))
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

// charge names the caller and the address to which a request in flight is charged; "" = none yet.
type charge struct {
	caller  string
	address string
}

// begin charges a request to the caller of its session and to the client's address.
func (f *Forwarder) begin(r *http.Request, c *charge, proven *gate.Session) error {
	return f.charge(r, c, callerName(proven), tooManyOfOne.With("limit", f.callers.limit()))
}

// beginUnproven is like begin, for a request whose signature is not verified yet. Afterwards
// begin moves the charge to the caller.
func (f *Forwarder) beginUnproven(r *http.Request, c *charge, claimed *gate.Session) error {
	return f.charge(r, c, unprovenName(claimed), tooManyUnproven.With("limit", f.callers.limit()))
}

// charge charges a request to caller, instead of to an earlier one, and once to the client's
// address. full is the refusal if the caller's share is used up.
func (f *Forwarder) charge(r *http.Request, c *charge, caller string, full *explain.Refusal) error {
	if !f.callers.take(caller, 1) {
		return busy("identity", full)
	}
	if c.caller != "" {
		f.callers.give(c.caller, 1)
	}
	c.caller = caller

	address := addressName(r.Context())
	if address == "" || c.address != "" {
		return nil
	}
	if !f.addresses.take(address, 1) {
		return busy("address", tooManyOfAddress.With("limit", f.addresses.limit()))
	}
	c.address = address

	return nil
}

// busy refuses a request of a caller or address that has too many in flight.
func busy(of string, why *explain.Refusal) *denied {
	return &denied{
		status:  http.StatusServiceUnavailable,
		code:    "Busy",
		message: "Too many requests of this " + of + " are under way.",
		why:     why,
	}
}

// end ends the charges of a request.
func (f *Forwarder) end(c *charge) {
	if c.caller != "" {
		f.callers.give(c.caller, 1)
	}
	if c.address != "" {
		f.addresses.give(c.address, 1)
	}
}

// isPreflight reports whether a request is a browser's question whether a page may send
// another request. Browsers never sign it.
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

// preflightAge is the time, in seconds, for which browsers may remember an answer to a preflight.
const preflightAge = "7200"

// preflight answers in place of the service. It allows all methods and headers: signature and
// policies decide about the request itself.
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
	if names := r.Header["Access-Control-Request-Headers"]; len(names) == 1 && awsapi.IsHeaderList(names[0]) {
		header["Access-Control-Allow-Headers"] = names
	}
	header["Access-Control-Max-Age"] = []string{preflightAge}
	w.WriteHeader(http.StatusNoContent)
}
