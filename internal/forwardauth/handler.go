// Package forwardauth answers reverse proxies that ask whether they may pass on a
// request (forward auth): nginx auth_request, Traefik forwardAuth, Caddy
// forward_auth, Envoy ext_authz. The request must be signed (AWS Signature Version 4)
// with a role session of this server, and the role's policies must allow the action
// that the route names. A proxy sends the head of a request; Config.Body sets what is
// proven of the body. For routes with ForwardTo, Forwarder is the reverse proxy itself.
// Start reading at Handler.decide and Forwarder.admit.
package forwardauth

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/auth"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// How the body is proven (Config.Body).
const (
	// hashRequired: the client signed a SHA-256 of the body. The service behind
	// gets it in X-Poolhouse-Content-Sha256 and must compare.
	hashRequired = "hash-required"
	// unchecked: nothing; UNSIGNED-PAYLOAD is accepted too.
	unchecked = "unchecked"
	// forwarded: everything; the proxy sends the body too.
	forwarded = "forwarded"
)

// Defaults of Config.
const (
	defaultPath    = "/check"
	defaultService = auth.DefaultService
	defaultMaxBody = 1 << 20
)

// headerContentSHA256 has the hash of the body that the client signed.
const headerContentSHA256 = "X-Poolhouse-Content-Sha256"

// headerReason has the code of the refusal.
const headerReason = "X-Poolhouse-Reason"

// Config has the settings of the endpoint.
type Config struct {
	Path      string `yaml:"path"`      // of the endpoint; "" = /check
	Request   string `yaml:"request"`   // "x-original" (default), "x-forwarded" or "request"
	Service   string `yaml:"service"`   // for which clients sign; "" = execute-api
	Region    string `yaml:"region"`    // for which clients sign
	Body      string `yaml:"body"`      // "hash-required" (default), "unchecked" or "forwarded"
	MaxBody   int64  `yaml:"max_body"`  // bytes of a body that is read before its signature is checked; 0 = 1 MiB
	Presigned bool   `yaml:"presigned"` // accepts presigned URLs too
	// Routes: the first match counts; requests without a match are refused.
	Routes []Route `yaml:"routes"`

	// For routes with ForwardTo:

	// ServiceCAs are PEM certificates of CAs for services; "" = the system's.
	ServiceCAs string `yaml:"ca_bundle" file:"certificates"`
	// MaxBodies is the number of bytes of all such bodies together; 0 = 10 GiB.
	MaxBodies int64 `yaml:"max_bodies"`
	// BodyTime is the time in which such a body must arrive; 0 = a minute.
	BodyTime time.Duration `yaml:"body_time" form:"positive"`
	// ForwardTimeout is the longest silence of client or service; 0 = a minute.
	ForwardTimeout time.Duration `yaml:"forward_timeout" form:"positive"`
	// AllowedOrigins are those of pages that may call; "*" = all.
	AllowedOrigins []string `yaml:"allowed_origins"`
	// Hosts are the accepted Host headers; none = any.
	Hosts []string `yaml:"hosts"`
	// PassSignature passes the client's signature and session token on, to be verified again.
	PassSignature bool `yaml:"pass_signature"`
	// ForwardMaxBody is MaxBody for these routes; 0 = MaxBody, or 100 MiB if that is 0.
	ForwardMaxBody int64 `yaml:"-"`
}

// withDefaults returns c with defaults for fields that are not set.
func (c Config) withDefaults() Config {
	c.Path = cmp.Or(c.Path, defaultPath)
	c.Request = cmp.Or(c.Request, fromOriginal)
	c.Service = cmp.Or(c.Service, defaultService)
	c.Body = cmp.Or(c.Body, hashRequired)
	// Before MaxBody: its default is for requests that a proxy asks about only.
	c.ForwardMaxBody = cmp.Or(c.ForwardMaxBody, c.MaxBody, defaultForwardMaxBody)
	c.MaxBody = cmp.Or(c.MaxBody, defaultMaxBody)
	c.MaxBodies = cmp.Or(c.MaxBodies, defaultMaxBodies)
	c.BodyTime = cmp.Or(c.BodyTime, defaultBodyTime)
	c.ForwardTimeout = cmp.Or(c.ForwardTimeout, defaultForwardTimeout)

	return c
}

// ownPaths has the first segments of the server's other paths. The endpoint comes before
// them in the routes and would hide them.
var ownPaths = []string{
	".well-known",
	"_poolhouse",
	"authorize",
	"backchannel-logout",
	"console",
	"dev-issuer",
	"healthz",
	"metrics",
	"readyz",
	"shared-signals",
}

// Validate returns all faults of c.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	oneOf := func(setting, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			faults = append(faults, fmt.Errorf("check.%s %q: use %s", setting, value, strings.Join(allowed, ", ")))
		}
	}

	oneOf("request", c.Request, fromOriginal, fromForwarded, fromRequest)
	oneOf("body", c.Body, hashRequired, unchecked, forwarded)

	if !strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, "{} ?#%") ||
		strings.HasSuffix(c.Path, "/") || strings.Contains(c.Path, "//") {
		faults = append(faults, fmt.Errorf("check.path %q: write it like /check", c.Path))
	}

	if first, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/"), "/"); slices.Contains(ownPaths, first) {
		faults = append(faults, fmt.Errorf(
			"check.path %q: this server answers something else there; use another, such as %s",
			c.Path, defaultPath))
	}

	if c.MaxBody < 0 {
		faults = append(faults, errors.New("check.max_body: use a positive number of bytes, or 0 for the default"))
	}
	if len(c.Routes) == 0 {
		faults = append(faults, errors.New("check.routes: without a route every request is refused; give at least one"))
	}

	for n, r := range c.Routes {
		if _, err := parseRoute(r); err != nil {
			faults = append(faults, fmt.Errorf("check.routes[%d]: %w", n, err))
		}
	}

	return errors.Join(append(faults, c.checkForwarding()...)...)
}

// Forwards reports whether some route has ForwardTo.
func (c Config) Forwards() bool {
	return slices.ContainsFunc(c.Routes, func(r Route) bool { return r.ForwardTo != "" })
}

// checkForwarding returns the faults of the settings for routes with ForwardTo.
func (c Config) checkForwarding() []error {
	var faults []error
	if c.Forwards() && c.Body == forwarded {
		faults = append(faults, fmt.Errorf(
			"check.body %q: it is for proxies that ask; with forward_to, where the body "+
				"is always proven, use %s", c.Body, hashRequired))
	}
	if c.Forwards() && c.MaxBodies < c.ForwardMaxBody {
		faults = append(faults, errors.New("check.max_bodies: use a number of bytes that is not below check.max_body"))
	}
	if c.BodyTime < 0 || c.ForwardTimeout < 0 {
		faults = append(faults, errors.New(
			"check.body_time and check.forward_timeout: use positive durations, such as 1m"))
	}

	for _, host := range c.Hosts {
		if !isHost(host) || host != strings.ToLower(host) {
			faults = append(faults, fmt.Errorf(
				"check.hosts %q: write it like files.example.com, or with a port where clients "+
					"send one, in lower case", host))
		}
	}

	_, err := awsapi.ParseOrigins("check.allowed_origins", c.AllowedOrigins)
	_, roots := parseRoots(c.ServiceCAs)

	return append(faults, err, roots)
}

// Authorizer decides whether a caller may do something: *iam.Authorizer.
type Authorizer interface {
	Authorize(ctx context.Context, c iam.Caller, access iam.Access) error
}

// Options configures a Handler.
type Options struct {
	Config     Config
	Account    string // the account whose sessions are accepted
	Sessions   *gate.Sessions
	Authorizer Authorizer
	// Owner returns the account of the key that a request names, before any check of its
	// signature; "" if there is no such key. The refusal is recorded for that account.
	Owner func(ctx context.Context, r *http.Request) identitypool.AccountID
	// BehindProxy means that X-Forwarded-For and -Proto describe the client's connection.
	BehindProxy bool
	Now         func() time.Time
	Logger      *slog.Logger // nil = none
}

// Handler is the endpoint that proxies ask.
type Handler struct {
	options  Options
	c        Config
	routes   table
	verifier *sigv4.Verifier

	forwarder *Forwarder
}

// New returns a Handler, or the faults of the settings.
func New(o Options) (*Handler, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}

	routes, err := newTable(o.Config.Routes)
	if err != nil {
		return nil, err
	}

	h := &Handler{options: o, c: o.Config.withDefaults(), routes: routes}

	s3 := h.c.Service == "s3"
	rules := sigv4.Service{LiteralPath: s3, UnsignedPayload: s3}
	if h.c.Presigned {
		rules.Presigned = sigv4.PresignedExpires
	}

	h.verifier = o.Sessions.Verifier(h.c.Service, rules)

	h.forwarder, err = newForwarder(h)
	if err != nil {
		return nil, err
	}

	return h, nil
}

// Forwarder returns the reverse proxy for the routes with ForwardTo; nil if there is
// no such route.
func (h *Handler) Forwarder() *Forwarder { return h.forwarder }

// Path returns the path of the endpoint.
func (h *Handler) Path() string { return h.c.Path }

// Below reports whether the endpoint also has the paths below Path.
func (h *Handler) Below() bool { return h.c.Request == fromRequest }

// denied is a refusal with its HTTP status.
type denied struct {
	status        int
	code, message string
	unquoted      string           // message without quotations from the request; "" = message
	why           *explain.Refusal // nil = already in the trace
}

// forbidden returns a refusal with status 403.
func forbidden(code, message string, why *explain.Refusal) *denied {
	return &denied{
		status:  http.StatusForbidden,
		code:    code,
		message: message,
		why:     why,
	}
}

// note records the refusal for the access log.
func (d *denied) note(record *awsapi.Record) {
	record.Code, record.Reason, record.Message = d.code, d.code, cmp.Or(d.unquoted, d.message)
}

func (d *denied) Error() string { return d.code + ": " + d.message }

// ServeHTTP answers 200 with the caller, or 401 or 403 with the reason.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	explain.FromContext(r.Context()).Plan(endpointPlan)

	session, hash, err := h.decide(r)
	header := w.Header()
	header["Cache-Control"] = noStore
	if err != nil {
		h.refuse(w, r, h.asked(r), err)
		return
	}

	for name, value := range session.Header {
		header[name] = value // shared, and never changed
	}
	header[headerContentSHA256] = []string{hash}
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		header["Content-Length"] = zero
		w.WriteHeader(http.StatusOK)
		return
	}

	header["Content-Type"] = jsonType
	w.WriteHeader(http.StatusOK)
	_ = json.MarshalWrite(w, contextOf(session.Principal)) // fails if the client is gone
}

// Values of headers that never change. Answers share the slices.
var (
	noStore  = []string{"no-store"}
	zero     = []string{"0"}
	jsonType = []string{"application/json"}
	xmlType  = []string{"application/xml"}
)

// answer is the JSON form of the caller: the Principal, and the request context
// that API Gateway puts into a backend's event.
type answer struct {
	Principal      *auth.Principal `json:"principal"`
	RequestContext requestContext  `json:"requestContext"`
}

type requestContext struct {
	Identity   auth.RequestIdentity `json:"identity"`
	Authorizer authorizer           `json:"authorizer"`
}

type authorizer struct {
	IAM auth.IAMAuthorizer `json:"iam"`
}

func contextOf(p *auth.Principal) answer {
	return answer{
		Principal: p,
		RequestContext: requestContext{
			Identity:   p.RequestIdentity(),
			Authorizer: authorizer{IAM: p.IAMAuthorizer()},
		},
	}
}

// problem is a refusal in an answer: as JSON, or for clients of S3 as S3 sends it.
type problem struct {
	XMLName   xml.Name `json:"-" xml:"Error"`
	Code      string   `json:"code" xml:"Code"`
	Message   string   `json:"message" xml:"Message"`
	RequestID string   `json:"-" xml:"RequestId"`
}

// body returns the body of an answer, and its type. SDKs that call S3 read no JSON: they would show
// their users a fault of the parser.
func (p problem) body(service string) ([]byte, []string) {
	var body bytes.Buffer
	if service != "s3" {
		_ = json.MarshalWrite(&body, p) // no such value fails
		return body.Bytes(), jsonType
	}

	body.WriteString(xml.Header)
	_ = xml.NewEncoder(&body).Encode(p) // as above

	return body.Bytes(), xmlType
}

// owner returns the account of the key that the client's request names.
func (h *Handler) owner(signed *http.Request) identitypool.AccountID {
	return h.options.Owner(signed.Context(), signed)
}

// refuse answers an error of decide; signed is the request as the client signed it.
// nginx passes on 401 and 403. It answers any other status but 2xx with an internal
// error, which refuses too.
func (h *Handler) refuse(w http.ResponseWriter, r, signed *http.Request, err error) {
	d, ok := errors.AsType[*denied](err)
	if !ok {
		h.options.Logger.ErrorContext(r.Context(), "a request could not be checked", "error", err)
		d = &denied{
			status:  http.StatusServiceUnavailable,
			code:    "Unavailable",
			message: "The request cannot be checked now.",
			why:     databaseSilent.With(),
		}
	}

	explain.FromContext(r.Context()).Refuse(d.why)
	record := awsapi.RecordFrom(r.Context())
	d.note(record)
	if record.Account == "" {
		record.Account = string(h.owner(signed))
	}

	body, contentType := problem{Code: d.code, Message: d.message, RequestID: record.RequestID}.body(h.c.Service)

	header := w.Header()
	header["Cache-Control"] = noStore
	header[headerReason] = []string{d.code}
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if d.status == http.StatusServiceUnavailable {
		header["Retry-After"] = []string{"1"}
	}
	if d.status == http.StatusUnauthorized {
		header["Www-Authenticate"] = []string{"AWS4-HMAC-SHA256"}
	}

	w.WriteHeader(d.status)
	_, _ = w.Write(body) // fails if the client is gone
}
