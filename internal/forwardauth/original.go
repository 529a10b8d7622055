package forwardauth

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Places where a proxy describes the client's request (Config.Request).
const (
	// fromOriginal: X-Original-Method, X-Original-URI and X-Original-Host, as
	// configured in nginx; X-Original-Content-Length is optional.
	fromOriginal = "x-original"
	// fromForwarded: X-Forwarded-Method, -Uri and -Host, as Traefik and Caddy send
	// them; X-Forwarded-Content-Length is optional.
	fromForwarded = "x-forwarded"
	// fromRequest: the request itself, its path after the endpoint's, as Envoy
	// sends it.
	fromRequest = "request"
)

// maxURI bounds the length of a request's target; package sigv4 bounds the rest.
const maxURI = 40 << 10

// original is the request that the client sent to the proxy.
type original struct {
	method, uri, host string
	path              string // as sent, without the query
	length            int64  // of the body; -1 = not known
	hasBody           bool   // whether a body is known; false = none, or not known
	direct            bool   // whether the client itself sent the request to this server
}

// readOriginal reads the client's request from the proxy's. It refuses values that are
// missing, repeated or malformed, and guesses nothing.
func (h *Handler) readOriginal(r *http.Request) (original, error) {
	var method, uri, host string
	length := int64(-1)

	if h.c.Request == fromRequest {
		rest, ok := strings.CutPrefix(r.RequestURI, h.c.Path)
		if !ok {
			return original{}, fmt.Errorf("the request's target does not begin with %s", h.c.Path)
		}
		method, uri, host = r.Method, rest, r.Host
	} else {
		prefix := "X-Original-"
		if h.c.Request == fromForwarded {
			prefix = "X-Forwarded-"
		}

		var err error
		for _, header := range []struct {
			name string
			to   *string
		}{{prefix + "Method", &method}, {prefix + "Uri", &uri}, {prefix + "Host", &host}} {
			if *header.to, err = once(r.Header, header.name); err != nil {
				return original{}, err
			}
		}
		if length, err = contentLength(r.Header[prefix+"Content-Length"]); err != nil {
			return original{}, err
		}
	}

	asked, err := checkOriginalParts(method, uri, host, length)
	asked.hasBody = length > 0 || r.ContentLength != 0 // a proxy sends a body only if it has the client's

	return asked, err
}

// checkOriginalParts returns the client's request, or the part that is malformed.
func checkOriginalParts(method, uri, host string, length int64) (original, error) {
	switch {
	case !isMethod(method):
		return original{}, errors.New("the original method is not one")
	case len(uri) > maxURI || !strings.HasPrefix(uri, "/") || !isTarget(uri):
		return original{}, errors.New("the original URI is not a path and query")
	case !isHost(host):
		return original{}, errors.New("the original host is not one")
	}

	path, _, _ := strings.Cut(uri, "?")

	return original{
		method: method,
		uri:    uri,
		host:   host,
		path:   path,
		length: length,
	}, nil
}

// signedRequest returns the request as the client signed it: a shallow copy of r, which has the
// client's headers.
func (o original) signedRequest(r *http.Request) *http.Request {
	c := *r
	c.Method, c.RequestURI, c.Host = o.method, o.uri, o.host

	return &c
}

// asked returns the client's request about which a proxy asks with r, or r itself if the
// client's request cannot be read.
func (h *Handler) asked(r *http.Request) *http.Request {
	asked, err := h.readOriginal(r)
	if err != nil {
		return r
	}

	return asked.signedRequest(r)
}

// once returns the value of a header that must be present exactly once.
func once(h http.Header, name string) (string, error) {
	values := h[name]
	switch {
	case len(values) == 0 || values[0] == "":
		return "", fmt.Errorf("the proxy sends no %s", name)
	case len(values) > 1:
		return "", fmt.Errorf("the header %s came %d times", name, len(values))
	}
	return values[0], nil
}

func contentLength(values []string) (int64, error) {
	if len(values) == 0 || len(values) == 1 && values[0] == "" { // Caddy sends "" for requests without a length
		return -1, nil
	}

	n, err := strconv.ParseUint(values[0], 10, 62)
	if err != nil || len(values) > 1 {
		return 0, errors.New("the original content length is not one number")
	}

	return int64(n), nil
}

// isTarget reports whether s has only characters of a request's target: no
// blanks, no control characters, no fragment.
func isTarget(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' || c == '\\' })
}

// isHost reports whether s has only characters of host:port. A list of hosts, which a
// chain of proxies makes, is refused.
func isHost(s string) bool {
	return s != "" && len(s) <= 300 && !strings.ContainsFunc(s, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.ContainsRune(".-_:[]", c))
	})
}
