package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Limits of a request. All are far above the values that AWS clients reach.
const (
	maxAuthorization = 8 << 10  // bytes of the Authorization header
	maxQuery         = 32 << 10 // bytes of the raw query; a session token of 4,096 bytes may take 12 KiB of it
	maxParams        = 256      // query parameters
	maxSignedHeaders = 64       // names in SignedHeaders
	maxHeaderBytes   = 64 << 10 // bytes of canonical headers
	maxToken         = 8 << 10  // bytes of a session token; those of AWS are at most 4,096
)

// Query parameters of the presigned form. Their names are case-sensitive; other spellings are refused.
const (
	paramAlgorithm     = "X-Amz-Algorithm"
	paramCredential    = "X-Amz-Credential"
	paramDate          = "X-Amz-Date"
	paramExpires       = "X-Amz-Expires"
	paramSignedHeaders = "X-Amz-SignedHeaders"
	paramSignature     = "X-Amz-Signature"
	paramToken         = "X-Amz-Security-Token"

	// paramContentSHA256 describes the body, not the signature: alone it makes no presigned request.
	paramContentSHA256 = "X-Amz-Content-Sha256"
)

var authParams = []string{
	paramAlgorithm, paramCredential, paramDate, paramExpires, paramSignedHeaders, paramSignature, paramToken,
}

// authParam returns the correct spelling of a signature parameter, "" for any other name.
func authParam(name string) string {
	for _, p := range authParams {
		if strings.EqualFold(p, name) {
			return p
		}
	}
	return ""
}

// param is one query parameter: decoded, and encoded as in the canonical request.
type param struct {
	name, value       string
	encName, encValue string
}

type query []param // ordered by encoded name

func (q query) get(name string) (string, bool) {
	for i := range q {
		if q[i].name == name {
			return q[i].value, true
		}
	}
	return "", false
}

// parseQuery reads a raw query as net/url does ("+" is a blank), so that a handler reads the values that were verified.
// It refuses a repeated name, because the canonical form orders values and the signature would not bind their order,
// and a bare ";", which net/url drops together with its parameter.
func parseQuery(raw string) (query, error) {
	if raw == "" {
		return nil, nil
	}

	if len(raw) > maxQuery {
		return nil, refuse(IncompleteSignature, PartQuery, "The query string is longer than %d bytes.", maxQuery)
	}
	if strings.Count(raw, "&") >= maxParams {
		return nil, refuse(IncompleteSignature, PartQuery, "The query string has more than %d parameters.", maxParams)
	}

	q := make(query, 0, strings.Count(raw, "&")+1)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if strings.Contains(pair, ";") {
			return nil, refuse(MalformedQuery, PartQuery, "The query string contains a bare ';': send it as %%3B.")
		}

		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return nil, refuse(MalformedQuery, PartQuery, "The query string contains an illegal %% escape.")
		}

		q = append(q, param{name, value, escape(name, false), escape(value, false)})
	}
	slices.SortFunc(q, func(a, b param) int { return strings.Compare(a.encName, b.encName) })

	for i := 1; i < len(q); i++ {
		if q[i].encName == q[i-1].encName {
			return nil, refuse(IncompleteSignature, PartQuery,
				"The query parameter '%s' must be sent once.", quoted(q[i].name))
		}
	}

	return q, nil
}

// wireTarget returns the path and query as they were sent. Request.URL does not have them: middleware may have changed
// it, and it forgets how the path was escaped.
func wireTarget(r *http.Request) (path, rawQuery string) {
	target := r.RequestURI
	if target == "" { // not from a server
		return r.URL.EscapedPath(), r.URL.RawQuery
	}

	path, rawQuery, _ = strings.Cut(target, "?")
	if _, rest, ok := strings.Cut(path, "://"); ok && !strings.HasPrefix(path, "/") {
		path = "/" // absolute form, RFC 9112 section 3.2.2
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			path = rest[i:]
		}
	}

	return path, rawQuery
}

// escape is AWS's UriEncode: every byte but the unreserved characters of RFC 3986, upper-case hexadecimal.
func escape(s string, keepSlash bool) string {
	n := 0
	for i := 0; i < len(s); i++ {
		if !unreserved(s[i]) && !(keepSlash && s[i] == '/') {
			n++
		}
	}
	if n == 0 {
		return s
	}

	const hexDigits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+2*n)
	for i := 0; i < len(s); i++ {
		if c := s[i]; unreserved(c) || keepSlash && c == '/' {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}

	return string(b)
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
