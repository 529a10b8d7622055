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
	"errors"
	"fmt"
	"io"
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
	// HashRequired: the client signed a SHA-256 of the body. The service behind
	// gets it in X-Poolhouse-Content-Sha256 and must compare.
	HashRequired = "hash-required"
	// Unchecked: nothing; UNSIGNED-PAYLOAD is accepted too.
	Unchecked = "unchecked"
	// Forwarded: everything; the proxy sends the body too.
	Forwarded = "forwarded"
)

// Defaults of Config.
const (
	DefaultPath    = "/check"
	DefaultService = auth.DefaultService
	DefaultMaxBody = 1 << 20
)

// HeaderContentSHA256 has the hash of the body that the client signed.
const HeaderContentSHA256 = "X-Poolhouse-Content-Sha256"

// HeaderReason has the code of the refusal.
const HeaderReason = "X-Poolhouse-Reason"

// Config has the settings of the endpoint.
type Config struct {
	Path      string `yaml:"path"`      // of the endpoint; "" = /check
	Request   string `yaml:"request"`   // FromOriginal (default), FromForwarded or FromRequest
	Service   string `yaml:"service"`   // for which clients sign; "" = execute-api
	Region    string `yaml:"region"`    // for which clients sign
	Body      string `yaml:"body"`      // HashRequired (default), Unchecked or Forwarded
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
	c.Path = cmp.Or(c.Path, DefaultPath)
	c.Request = cmp.Or(c.Request, FromOriginal)
	c.Service = cmp.Or(c.Service, DefaultService)
	c.Body = cmp.Or(c.Body, HashRequired)
	c.ForwardMaxBody = cmp.Or(c.ForwardMaxBody, c.MaxBody, DefaultForwardMaxBody)
	c.MaxBody = cmp.Or(c.MaxBody, DefaultMaxBody)
	c.MaxBodies = cmp.Or(c.MaxBodies, DefaultMaxBodies)
	c.BodyTime = cmp.Or(c.BodyTime, DefaultBodyTime)
	c.ForwardTimeout = cmp.Or(c.ForwardTimeout, DefaultForwardTimeout)

	return c
}

// ownPaths has the first segments of the server's other paths. The endpoint comes before
// them in the routes and would hide them.
var ownPaths = []string{
	".well-known",
	"_poolhouse",
	"authorize",
	"backchannel-logout",
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

	oneOf("request", c.Request, FromOriginal, FromForwarded, FromRequest)
	oneOf("body", c.Body, HashRequired, Unchecked, Forwarded)

	if !strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, "{} ?#%") ||
		strings.HasSuffix(c.Path, "/") || strings.Contains(c.Path, "//") {
		faults = append(faults, fmt.Errorf("check.path %q: write it like /check", c.Path))
	}

	if first, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/"), "/"); slices.Contains(ownPaths, first) {
		faults = append(faults, fmt.Errorf(
			"check.path %q: this server answers something else there; use another, such as %s",
			c.Path, DefaultPath))
	}

	if c.MaxBody < 0 {
		faults = append(faults, errors.New("check.max_body: use a positive number of bytes"))
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
	if c.Forwards() && c.Body == Forwarded {
		faults = append(faults, fmt.Errorf(
			"check.body %q: it is for proxies that ask; with forward_to, where the body "+
				"is always proven, use %s", c.Body, HashRequired))
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
	o        Options
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
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}

	routes, err := newTable(o.Config.Routes)
	if err != nil {
		return nil, err
	}

	h := &Handler{o: o, c: o.Config.withDefaults(), routes: routes}

	s3 := h.c.Service == "s3"
	rules := sigv4.Service{LiteralPath: s3, UnsignedPayload: s3}
	if h.c.Presigned {
		rules.Presigned = sigv4.PresignedExpires
	}

	h.verifier = o.Sessions.Verifier(h.c.Service, rules)
	h.forwarder, err = newForwarder(h)

	return h, err
}

// Forwarder returns the reverse proxy for the routes with ForwardTo; nil if there is
// no such route.
func (h *Handler) Forwarder() *Forwarder { return h.forwarder }

// Path returns the path of the endpoint.
func (h *Handler) Path() string { return h.c.Path }

// Below reports whether the endpoint also has the paths below Path.
func (h *Handler) Below() bool { return h.c.Request == FromRequest }

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

	o, payload, err := h.decide(r)
	header := w.Header()
	header["Cache-Control"] = noStore
	if err != nil {
		h.refuse(w, r, h.asked(r), err)
		return
	}

	for name, value := range o.Header {
		header[name] = value // shared, and never changed
	}
	header[HeaderContentSHA256] = []string{payload}
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		header["Content-Length"] = zero
		w.WriteHeader(http.StatusOK)
		return
	}

	header["Content-Type"] = jsonType
	w.WriteHeader(http.StatusOK)
	_ = json.MarshalWrite(w, contextOf(o.Principal)) // fails if the client is gone
}

// Values of headers that never change. Answers share the slices.
var (
	noStore  = []string{"no-store"}
	zero     = []string{"0"}
	jsonType = []string{"application/json"}
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
	return answer{p, requestContext{p.RequestIdentity(), authorizer{p.IAMAuthorizer()}}}
}

// decide verifies and authorises the request that the proxy asks about. An error
// that is not a *denied means that no decision was possible.
func (h *Handler) decide(r *http.Request) (*gate.Session, string, error) {
	asked, err := h.readOriginal(r)
	if err != nil {
		return nil, "", forbidden("MissingOriginalRequest",
			"The proxy does not say what was asked for: "+err.Error()+".",
			originalUnreadable.With("fault", err.Error()).At(setting("request")))
	}

	segments, err := h.unambiguous(r, asked)
	if err != nil {
		return nil, "", err
	}

	o, signature, err := h.verify(r, asked)
	if err != nil {
		return nil, "", err
	}

	if _, err := h.permit(r, asked, segments, o, &signature); err != nil {
		return nil, "", err
	}

	return o, signature.PayloadHash, nil
}

// permit returns the route of a request whose signature is valid, if the session may do
// the route's action.
func (h *Handler) permit(
	r *http.Request, asked original, segments []string, o *gate.Session, signature *sigv4.Result,
) (match, error) {
	_, query, _ := strings.Cut(asked.uri, "?")
	needed, err := h.routes.find(asked.method, segments, query)
	if err != nil {
		return match{}, err
	}
	if err := h.checkAccount(o); err != nil {
		return match{}, err
	}

	facts := requestFacts{
		h:           h,
		question:    r,
		uri:         asked.uri,
		action:      needed.action,
		resource:    needed.resource,
		presigned:   signature.Presigned,
		signed:      signature.Date,
		payloadHash: signature.PayloadHash,
	}
	if err := h.authorize(r.Context(), o, &facts); err != nil {
		return match{}, err
	}

	if isS3(needed.action) {
		if err := h.authorizeSource(r, o, &facts); err != nil {
			return match{}, err
		}
	}

	return needed, nil
}

// checkAccount refuses sessions of other accounts.
func (h *Handler) checkAccount(o *gate.Session) error {
	if string(o.Content.Account) == h.o.Account {
		return nil
	}
	return forbidden("AccessDenied", "The session belongs to another account.",
		accountOther.With("want", h.o.Account, "account", string(o.Content.Account)))
}

// authorizeSource checks whether the session may read the object that the request copies,
// if it copies one.
func (h *Handler) authorizeSource(r *http.Request, o *gate.Session, facts *requestFacts) error {
	source, uri, err := h.source(r.Header)
	if err != nil || source == nil {
		return err
	}

	get := *facts
	get.uri, get.action, get.resource = uri, source.action, source.resource
	return h.authorize(r.Context(), o, &get)
}

// unambiguous returns the segments of the path. It refuses a request that the service could
// read differently from this server.
func (h *Handler) unambiguous(r *http.Request, asked original) ([]string, error) {
	for name, values := range r.Header {
		folded := foldExtension(name)
		if folded == "" {
			continue
		}

		if overridingHeader(folded, values, asked) {
			return nil, overridden("header " + name)
		}
		if reserved(folded) {
			return nil, forbidden("ReservedHeader",
				"The header "+name+" is this server's to set: a client may not send it.",
				headerReserved.With("prefixes", strings.Join(reservedPrefixes, " or "), "header", name))
		}
	}

	_, query, _ := strings.Cut(asked.uri, "?")
	if name := overridingPair(query, asked.method); name != "" {
		return nil, overridden("query parameter " + name)
	}

	segments, err := splitPath(asked.path)
	if err == nil && h.c.Service != "s3" && slices.ContainsFunc(segments, hasParameters) {
		err = errParameters // but S3's keys may have semicolons
	}
	if err != nil {
		return nil, forbidden("AmbiguousPath", "The path could be read in two ways: "+err.Error()+".",
			pathAmbiguous.With("fault", err.Error()))
	}

	return segments, nil
}

// overridden refuses a request in which a header or a parameter names another request.
func overridden(name string) error {
	return forbidden("OverriddenRequest", "The "+name+" asks the service for something else than the request itself.",
		requestOverridden.With("where", name))
}

// authorize checks whether the session's policies allow the action of facts.
func (h *Handler) authorize(ctx context.Context, o *gate.Session, facts *requestFacts) error {
	err := h.o.Authorizer.Authorize(ctx, o.Caller, facts.access())
	d, ok := errors.AsType[*iam.DeniedError](err)
	if !ok {
		return err
	}

	return forbidden("AccessDenied", d.Error(), d.Why)
}

// verify checks the signature and, as Config.Body requires, the body.
func (h *Handler) verify(r *http.Request, asked original) (*gate.Session, sigv4.Result, error) {
	if h.c.Body != Forwarded {
		return h.verifyWith(r, asked, func(request *http.Request) (sigv4.Result, error) {
			return h.verifier.VerifyUnread(request, asked.length, h.c.Service)
		})
	}

	body, err := h.readBody(r, asked)
	if err != nil {
		return nil, sigv4.Result{}, err
	}
	if name := overriddenByBody(r.Header, body, asked.method); name != "" {
		return nil, sigv4.Result{}, overridden(name)
	}

	return h.verifyWith(r, asked, func(request *http.Request) (sigv4.Result, error) {
		return h.verifier.Verify(request, body, h.c.Service)
	})
}

// verifyWith checks the signature with one of the verifier's methods, which gets the
// request as the client signed it. Then it checks the region and whether the signature
// covers the body. The session's ARNs have the partition of that region.
func (h *Handler) verifyWith(
	r *http.Request, asked original, verify func(*http.Request) (sigv4.Result, error),
) (*gate.Session, sigv4.Result, error) {
	request := asked.of(r.WithContext(r.Context()))
	result, err := verify(request)
	o := gate.SessionOf(result)

	record := awsapi.RecordFrom(r.Context())
	if o != nil {
		record.Account = string(o.Content.Account)
	}

	if refused, ok := errors.AsType[*sigv4.Error](err); ok {
		return nil, sigv4.Result{}, h.signatureRefused(request, asked, refused)
	}
	if err != nil {
		return nil, sigv4.Result{}, err
	}

	record.AccessKeyID = result.AccessKeyID

	if result.Region != h.c.Region {
		return nil, sigv4.Result{}, forbidden(string(sigv4.WrongScope),
			"Credential should be scoped to a valid region: '"+h.c.Region+"'.",
			regionOther.With("want", h.c.Region, "region", result.Region).At(setting("region")))
	}

	reads := asked.method == http.MethodGet || asked.method == http.MethodHead
	bodyless := result.Presigned && reads && asked.length <= 0
	if h.c.Body == HashRequired && result.PayloadHash == unsignedPayload && !bodyless {
		return nil, sigv4.Result{}, unproven()
	}

	return o.In(h.c.Region), result, nil
}

// unproven refuses a body that the signature does not cover.
func unproven() *denied {
	return forbidden("UnsignedPayload", "The request must state the SHA-256 of its body in X-Amz-Content-Sha256.",
		hashMissing.With().At(setting("body")))
}

// readBody reads the body that the proxy forwards.
func (h *Handler) readBody(r *http.Request, asked original) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, h.c.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading the forwarded body: %w", err)
	}

	if int64(len(body)) > h.c.MaxBody {
		return nil, tooLarge(h.c.MaxBody)
	}
	if asked.length > int64(len(body)) {
		return nil, forbidden("BodyMissing", "The proxy did not forward the body.",
			bodyMissing.With("length", strconv.FormatInt(asked.length, 10), "got", strconv.Itoa(len(body))))
	}

	return body, nil
}

func tooLarge(limit int64) *denied {
	return forbidden("BodyTooLarge", "The body is too large to be verified.",
		bodyLarge.With("limit", strconv.FormatInt(limit, 10)).At(setting("max_body")))
}

// reservedPrefixes has the prefixes of headers that only this server may set.
var reservedPrefixes = []string{"X-Amz-Cognito-Identity-", "X-Poolhouse-"}

// reserved reports whether a service could mistake a header of this folded name for one
// of this server's.
func reserved(folded string) bool {
	return slices.ContainsFunc(reservedPrefixes, func(prefix string) bool { return strings.HasPrefix(folded, prefix) })
}

const unsignedPayload = "UNSIGNED-PAYLOAD"

// owner returns the account of the key that the client's request names.
func (h *Handler) owner(signed *http.Request) identitypool.AccountID {
	return h.o.Owner(signed.Context(), signed)
}

// refuse answers an error of decide; signed is the request as the client signed it.
// nginx passes on 401 and 403. It answers any other status but 2xx with an internal
// error, which refuses too.
func (h *Handler) refuse(w http.ResponseWriter, r, signed *http.Request, err error) {
	d, ok := errors.AsType[*denied](err)
	if !ok {
		h.o.Logger.ErrorContext(r.Context(), "a request could not be checked", "error", err)
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

	var body bytes.Buffer
	_ = json.MarshalWrite(&body, struct { // no such value fails
		Code    string `json:"code"`
		Message string `json:"message"`
	}{d.code, d.message})

	header := w.Header()
	header["Cache-Control"] = noStore
	header[HeaderReason] = []string{d.code}
	header["Content-Type"] = jsonType
	header["Content-Length"] = []string{strconv.Itoa(body.Len())}
	if d.status == http.StatusServiceUnavailable {
		header["Retry-After"] = []string{"1"}
	}
	if d.status == http.StatusUnauthorized {
		header["Www-Authenticate"] = []string{"AWS4-HMAC-SHA256"}
	}

	w.WriteHeader(d.status)
	_, _ = w.Write(body.Bytes()) // fails if the client is gone
}
