package forwardauth

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Where a proxy says what the client asked for (Config.Request).
const (
	// FromOriginal: X-Original-Method, X-Original-URI and X-Original-Host, as
	// nginx is told to send them; X-Original-Content-Length may be there.
	FromOriginal = "x-original"
	// FromForwarded: X-Forwarded-Method, -Uri and -Host, as Traefik and Caddy send
	// them; X-Forwarded-Content-Length may be there.
	FromForwarded = "x-forwarded"
	// FromRequest: the request itself, its path after the endpoint's, as Envoy
	// sends it.
	FromRequest = "request"
)

// maxURI bounds a request's target; the signature's check bounds the rest.
const maxURI = 40 << 10

// original is what the client asked of the proxy.
type original struct {
	method, uri, host string
	path              string // as sent, without the query
	length            int64  // of the body; -1 = not known
	direct            bool   // the client asked here, not a proxy about it
}

// readOriginal reads it out of the proxy's question. What is missing, repeated or
// not well-formed is refused: nothing may be guessed.
func (h *Handler) readOriginal(r *http.Request) (original, error) {
	var method, uri, host string
	length := int64(-1)
	if h.c.Request == FromRequest {
		rest, ok := strings.CutPrefix(r.RequestURI, h.c.Path)
		if !ok {
			return original{}, fmt.Errorf("the request's target does not begin with %s", h.c.Path)
		}
		method, uri, host = r.Method, rest, r.Host
	} else {
		prefix := "X-Original-"
		if h.c.Request == FromForwarded {
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
	return checkOriginalParts(method, uri, host, length)
}

// checkOriginalParts returns what was asked for, or what is not well-formed about it.
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

// of returns r as the client signed it. r is changed.
func (o original) of(r *http.Request) *http.Request {
	r.Method, r.RequestURI, r.Host = o.method, o.uri, o.host

	return r
}

// asked returns the request of the client that r, a proxy's question, is about; r
// itself when that cannot be told.
func (h *Handler) asked(r *http.Request) *http.Request {
	request := r.WithContext(r.Context())
	if asked, err := h.readOriginal(r); err == nil {
		return asked.of(request)
	}

	return request
}

// once returns the value of a header that must be there once.
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
	if len(values) == 0 || len(values) == 1 && values[0] == "" { // Caddy sends one for requests that have none
		return -1, nil
	}
	n, err := strconv.ParseUint(values[0], 10, 62)
	if err != nil || len(values) > 1 {
		return 0, errors.New("the original content length is not one number")
	}
	return int64(n), nil
}

// isTarget reports whether s has only what a request's target may have: no
// blanks, no controls, no fragment.
func isTarget(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			return false
		}
	}
	return true
}

// isHost reports whether s has only what host:port may have. A list of hosts,
// which chains of proxies make, is not one.
func isHost(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".-_:[]", c) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= 300
}
