package forwardauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// decide verifies and authorises the request that the proxy asks about. It returns the
// session that signed, and the hash with which the service must compare the body. An error
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

	session, signature, err := h.verify(r, asked)
	if err != nil {
		return nil, "", err
	}

	if _, err := h.permit(r, asked, segments, session, &signature); err != nil {
		return nil, "", err
	}

	return session, h.hashToCompare(&signature), nil
}

// permit returns the route of a request whose signature is valid, if the session may do
// the route's action.
func (h *Handler) permit(
	r *http.Request, asked original, segments []string, session *gate.Session, signature *sigv4.Result,
) (match, error) {
	_, query, _ := strings.Cut(asked.uri, "?")
	needed, err := h.routes.find(asked.method, segments, query)
	if err != nil {
		return match{}, err
	}
	if err := h.checkAccount(session); err != nil {
		return match{}, err
	}

	facts := requestFacts{
		h:           h,
		request:     r,
		uri:         asked.uri,
		action:      needed.action,
		resource:    needed.resource,
		presigned:   signature.Presigned,
		signed:      signature.Date,
		payloadHash: signature.PayloadHash,
	}
	if err := h.authorize(r.Context(), session, &facts); err != nil {
		return match{}, err
	}

	if isS3(needed.action) {
		if err := h.authorizeSource(r, session, &facts); err != nil {
			return match{}, err
		}
	}

	return needed, nil
}

// checkAccount refuses sessions of other accounts.
func (h *Handler) checkAccount(session *gate.Session) error {
	if string(session.Content.Account) == h.options.Account {
		return nil
	}
	return forbidden("AccessDenied", "The session belongs to another account.",
		accountOther.With("want", h.options.Account, "account", string(session.Content.Account)))
}

// authorizeSource checks whether the session may read the object that the request copies,
// if it copies one.
func (h *Handler) authorizeSource(r *http.Request, session *gate.Session, facts *requestFacts) error {
	source, uri, err := h.source(r.Header)
	if err != nil || source == nil {
		return err
	}

	get := *facts
	get.uri, get.action, get.resource = uri, source.action, source.resource
	return h.authorize(r.Context(), session, &get)
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
func (h *Handler) authorize(ctx context.Context, session *gate.Session, facts *requestFacts) error {
	err := h.options.Authorizer.Authorize(ctx, session.Caller, facts.access())
	d, ok := errors.AsType[*iam.DeniedError](err)
	if !ok {
		return err
	}

	return forbidden("AccessDenied", d.Error(), d.Why)
}

// verify checks the signature and, as Config.Body requires, the body.
func (h *Handler) verify(r *http.Request, asked original) (*gate.Session, sigv4.Result, error) {
	if h.c.Body != forwarded {
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
	request := asked.signedRequest(r)
	result, err := verify(request)
	claimed := gate.SessionOf(result)

	record := awsapi.RecordFrom(r.Context())
	if claimed != nil {
		record.Account = string(claimed.Content.Account)
	}

	if refused, ok := errors.AsType[*sigv4.Error](err); ok {
		return nil, sigv4.Result{}, h.signatureRefused(request, asked, refused)
	}
	if err != nil {
		return nil, sigv4.Result{}, err
	}

	proven := claimed
	record.AccessKeyID = result.AccessKeyID

	if result.Region != h.c.Region {
		return nil, sigv4.Result{}, forbidden(string(sigv4.WrongScope),
			"Credential should be scoped to a valid region: '"+h.c.Region+"'.",
			regionOther.With("want", h.c.Region, "region", result.Region).At(setting("region")))
	}

	if h.c.Body == hashRequired && result.PayloadHash == unsignedPayload && !mayBeUnsigned(asked, &result) {
		return nil, sigv4.Result{}, unproven()
	}

	return proven.In(h.c.Region), result, nil
}

// mayBeUnsigned reports whether hashRequired accepts UNSIGNED-PAYLOAD: for presigned reads,
// whose clients send no body. Few proxies tell that there is none, so one that is not known
// may pass: hashToCompare then makes the service refuse it.
func mayBeUnsigned(asked original, signature *sigv4.Result) bool {
	reads := asked.method == http.MethodGet || asked.method == http.MethodHead

	return signature.Presigned && reads && !asked.hasBody
}

// hashToCompare returns the hash with which the service must compare the body. Where a hash
// is required but none is signed, only the empty body is right: see mayBeUnsigned.
func (h *Handler) hashToCompare(signature *sigv4.Result) string {
	if h.c.Body == hashRequired && signature.PayloadHash == unsignedPayload {
		return emptyHash
	}
	return signature.PayloadHash
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

// Values of X-Amz-Content-Sha256.
const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptyHash       = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of the empty body
)
