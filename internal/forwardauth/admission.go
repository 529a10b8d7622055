package forwardauth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// admittedRequest is a request that may go on to its service.
type admittedRequest struct {
	session *gate.Session
	hash    string // X-Poolhouse-Content-Sha256
	service *url.URL

	length   int64
	held     *held     // the body, if it was read first
	streamed *streamed // the body, if its SHA-256 was stated
}

func (a *admittedRequest) close() {
	if a.held != nil {
		a.held.Close()
	}
}

// serviceURL returns the scheme and host of the service, for messages.
func (a *admittedRequest) serviceURL() string { return a.service.Scheme + "://" + a.service.Host }

// admit verifies and authorises a request. It reads the body only if the signature
// cannot be checked without it.
func (f *Forwarder) admit(w http.ResponseWriter, r *http.Request, charged *charge) (*admittedRequest, error) {
	asked, err := checkOriginalParts(r.Method, r.RequestURI, r.Host, r.ContentLength)
	asked.direct, asked.hasBody = true, r.ContentLength != 0
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
		return f.admitRead(w, r, asked, segments, charged)
	}

	return f.admitUnread(r, asked, segments, charged)
}

// checkHops refuses headers that change the request on its way: Upgrade, after which
// nothing is signed, and Connection, which removes headers.
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

// checkSpelling refuses headers that a service could mistake for an X-Amz-… header. A
// signature must cover those, but not a header in another spelling.
func checkSpelling(h http.Header) error {
	for name := range h {
		if folded := foldExtension(name); strings.HasPrefix(folded, "X-Amz-") && folded != name {
			return forbidden("AmbiguousHeader", "The header "+name+" could be read as "+folded+".",
				headerSpelling.With("header", shownHeader(name), "name", shownHeader(folded)))
		}
	}
	return nil
}

// needsBody reports whether the signature cannot be checked without the body: there is a
// body, and the client does not state its SHA-256.
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

// admitUnread does the work of admit if the signature can be checked without the body.
func (f *Forwarder) admitUnread(
	r *http.Request, asked original, segments []string, charged *charge,
) (*admittedRequest, error) {
	h := f.h
	proven, signature, err := h.verifyWith(r, asked, func(request *http.Request) (sigv4.Result, error) {
		return h.verifier.VerifyUnread(request, asked.length, h.c.Service)
	})
	if err != nil {
		return nil, err
	}

	hashed := signature.PayloadHash != unsignedPayload
	if !hashed && asked.hasBody && h.c.Body != unchecked { // a presigned read must not have a body
		return nil, unproven()
	}

	if err := f.begin(r, charged, proven); err != nil {
		return nil, err
	}
	admitted, err := f.permit(r, asked, segments, proven, &signature)
	if err != nil {
		return nil, err
	}

	admitted.length = asked.length
	if hashed { // also without a body: the stated hash must be that of the empty one
		admitted.streamed = newStreamed(r.Body, signature.PayloadHash)
	}

	return admitted, nil
}

// permit is like Handler.permit, but refuses routes without ForwardTo.
func (f *Forwarder) permit(
	r *http.Request, asked original, segments []string, session *gate.Session, signature *sigv4.Result,
) (*admittedRequest, error) {
	needed, err := f.h.permit(r, asked, segments, session, signature)
	if err != nil {
		return nil, err
	}
	if err := checkForwarded(needed); err != nil {
		return nil, err
	}

	return &admittedRequest{session: session, hash: signature.PayloadHash, service: needed.service}, nil
}

func checkForwarded(m match) error {
	if m.service != nil {
		return nil
	}
	return forbidden("NotForwarded", "The route of this request is not forwarded.",
		routeStays.With("match", m.route).At(setting("routes")))
}

// admitRead does the work of admit if the body must be read before the signature can be
// checked. It checks all but the signature first, so that nobody without a session of
// this account can make it hold a body.
func (f *Forwarder) admitRead(
	w http.ResponseWriter, r *http.Request, asked original, segments []string, charged *charge,
) (_ *admittedRequest, err error) {
	h := f.h
	claimed, err := f.checkHead(r, asked, segments)
	if err != nil {
		return nil, err
	}
	if err := f.beginUnproven(r, charged, claimed); err != nil {
		return nil, err
	}

	body, err := f.read(w, r, claimed)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			body.Close()
		}
	}()

	proven, signature, err := h.verifyWith(r, asked, func(request *http.Request) (sigv4.Result, error) {
		return h.verifier.VerifyHashed(request, body.size, body.sum, h.c.Service)
	})
	if err != nil {
		return nil, err
	}

	if err := f.begin(r, charged, proven); err != nil {
		return nil, err
	}
	if err := body.chargeTo(callerName(proven), unprovenName(proven)); err != nil {
		return nil, f.unread(r, err, false)
	}

	admitted, err := f.permit(r, asked, segments, proven, &signature)
	if err != nil {
		return nil, err
	}
	admitted.held, admitted.length = body, body.size

	return admitted, nil
}

// checkHead does all checks that do not need the body: the signature is complete, current
// and of a session of this account, the route is forwarded, and the session may do the
// route's action. It returns the session that the request claims; its signature is not proven.
func (f *Forwarder) checkHead(r *http.Request, asked original, segments []string) (*gate.Session, error) {
	h := f.h
	request := asked.signedRequest(r)
	result, err := h.verifier.VerifyUnread(request, 0, h.c.Service)
	claimed := gate.SessionOf(result)

	refused, ok := errors.AsType[*sigv4.Error](err)
	switch {
	case err == nil:
	case !ok:
		return nil, err
	case refused.Code == sigv4.BadSignature && refused.CanonicalRequest != "":
		// All is valid but the signature, which is that of another body.
	default:
		return nil, h.signatureRefused(request, asked, refused)
	}

	// claimed is never nil here: the verifier found its key before it compared signatures.
	awsapi.RecordFrom(r.Context()).Account = string(claimed.Content.Account)

	_, query, _ := strings.Cut(asked.uri, "?")
	needed, err := h.routes.find(asked.method, segments, query)
	if err != nil {
		return nil, err
	}
	if err := checkForwarded(needed); err != nil {
		return nil, err
	}
	if err := h.checkAccount(claimed); err != nil {
		return nil, err
	}
	claimed = claimed.In(h.c.Region)

	return claimed, h.authorizeHead(r, claimed, &requestFacts{
		h:        h,
		request:  r,
		uri:      asked.uri,
		action:   needed.action,
		resource: needed.resource,
		headOnly: true,
	})
}

// authorizeHead checks the policies before the signature. If their decision depends on the
// signature, it leaves the decision to authorize.
func (h *Handler) authorizeHead(r *http.Request, claimed *gate.Session, facts *requestFacts) error {
	err := h.options.Authorizer.Authorize(r.Context(), claimed.Caller, facts.access())
	if err == nil {
		return nil
	}
	if d, ok := errors.AsType[*iam.DeniedError](err); ok && slices.ContainsFunc(d.Unknown, ofSignature) {
		return nil
	}

	return h.authorize(r.Context(), claimed, facts)
}

// past is a deadline that ends all waiting for a connection.
var past = time.Unix(1, 0)

// endConnection makes the answer the last one of its connection: net/http may have met the
// deadline past while it read no body, and then treats all later requests as cancelled.
func endConnection(w http.ResponseWriter) { w.Header().Set("Connection", "close") }

// read reads the body of a request, within BodyTime. The caller is not proven yet, so the
// body is charged to a separate share for unproven callers, and to the client's address.
func (f *Forwarder) read(w http.ResponseWriter, r *http.Request, claimed *gate.Session) (*held, error) {
	callers := []string{unprovenName(claimed)}
	if address := addressName(r.Context()); address != "" {
		callers = append(callers, address)
	}

	limit := watch(f.h.c.BodyTime, func() {
		_ = http.NewResponseController(w).SetReadDeadline(past) // fails only outside a network
	})
	body, err := f.holder.hold(r.Body, r.ContentLength, callers...)
	limit.stop()

	late := limit.fired.Load()
	if late {
		endConnection(w)
	}
	if late && err == nil { // it arrived a moment too late, and the connection has the deadline
		body.Close()
	}
	if err == nil && !late {
		return body, nil
	}

	return nil, f.unread(r, err, late)
}

// unread returns the refusal of a request whose body could not be read.
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
		f.h.options.Logger.ErrorContext(r.Context(), "a body cannot be kept in a temporary file", "error", store)
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

// aborted refuses a request whose client has hung up and does not read the answer.
func aborted() *denied {
	return &denied{
		status:  http.StatusBadRequest,
		code:    "RequestAborted",
		message: "The request ended before its body.",
		why:     bodyCut.With(),
	}
}
