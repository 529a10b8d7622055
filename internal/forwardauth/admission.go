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

// passage is a request that may go to its service.
type passage struct {
	opened  *gate.Session
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
	asked.direct = true
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
	if err := f.begin(r, own, o); err != nil {
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
	r *http.Request, asked original, segments []string, o *gate.Session, signature *sigv4.Result,
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
	if err := f.beginUnproven(r, own, session); err != nil {
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
	if err := f.begin(r, own, o); err != nil {
		return nil, err
	}
	if err := body.chargeTo(callerName(o), unprovenName(o)); err != nil {
		return nil, f.unread(r, err, false)
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
func (f *Forwarder) checkHead(r *http.Request, asked original, segments []string) (*gate.Session, error) {
	h := f.h
	request := asked.of(r.WithContext(r.Context()))
	result, err := h.verifier.VerifyUnread(request, 0, h.c.Service)
	session := gate.SessionOf(result)

	refused, ok := errors.AsType[*sigv4.Error](err)
	switch {
	case err == nil:
	case !ok:
		return nil, err
	case refused.Code == sigv4.BadSignature && refused.CanonicalRequest != "":
		// Everything holds but the signature, which is that of another body.
	default:
		return nil, h.signatureRefused(request, asked, refused)
	}

	awsapi.RecordFrom(r.Context()).Account = string(session.Content.Account)
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
	session = session.In(h.c.Region)
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
func (h *Handler) authorizeHead(r *http.Request, o *gate.Session, facts *requestFacts) error {
	err := h.o.Authorizer.Authorize(r.Context(), o.Caller, iam.Access{
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

// endConnection makes the answer the last one of its connection: net/http may have met the
// deadline past there while no body was read, and then calls all later requests cancelled.
func endConnection(w http.ResponseWriter) { w.Header().Set("Connection", "close") }

// read reads the body of a request, within the time that it may take. Nobody has
// proven yet to be the caller that the request names: it is charged to a share of its own for
// that, and to the client's address.
func (f *Forwarder) read(w http.ResponseWriter, r *http.Request, o *gate.Session) (*held, error) {
	callers := []string{unprovenName(o)}
	if address := addressName(r.Context()); address != "" {
		callers = append(callers, address)
	}
	limit := watch(f.h.c.BodyTime, func() {
		_ = http.NewResponseController(w).SetReadDeadline(past) // a writer without deadlines is none of a network
	})
	body, err := f.holder.hold(r.Body, r.ContentLength, callers...)
	limit.stop()

	late := limit.fired.Load()
	if late {
		endConnection(w)
	}
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
