package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	redacted        = "REDACTED"
)

// checkCoverage refuses a signature that leaves out the host, the date, or any x-amz-* header that is present.
// On the JSON protocol x-amz-target is the operation: unsigned, it would turn a captured body into another call.
// AWS asks for the same in "Create a canonical request",
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (s *statedSignature) checkCoverage(h http.Header) error {
	if !s.signs("host") {
		return refuse(BadSignature, PartCoverage,
			"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.").named("host")
	}
	if s.dateHeader != "" && !s.signs(s.dateHeader) {
		return refuse(BadSignature, PartCoverage,
			"'%s' must be a 'SignedHeader' in the AWS Authorization.",
			textproto.CanonicalMIMEHeaderKey(s.dateHeader)).named(s.dateHeader)
	}

	const prefix = "x-amz-"
	for key, values := range h {
		if len(key) < len(prefix) || !strings.EqualFold(key[:len(prefix)], prefix) {
			continue
		}
		if !s.signsKey(key) {
			return refuse(BadSignature, PartCoverage,
				"'%s' must be a 'SignedHeader' in the AWS Authorization.", quoted(key)).named(key)
		}
		if len(values) != 1 { // the signature binds the joined values, a handler reads the first
			return refuse(IncompleteSignature, PartHeader, "The header '%s' must be sent once.", quoted(key)).named(key)
		}
	}

	return nil
}

// signsKey is like signs, for a header key in any case.
func (s *statedSignature) signsKey(key string) bool {
	for _, name := range s.signedHeaders {
		if len(name) == len(key) && strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

func (s *statedSignature) signs(name string) bool {
	_, found := slices.BinarySearch(s.signedHeaders, name)
	return found
}

// payloadHash returns the last line of the canonical request: the hash of the body in hand, with which every hash
// that the client states must agree. Only a presigned GET or HEAD without a body may be signed as UNSIGNED-PAYLOAD,
// and only for a service that allows it: there is nothing left to bind.
//
// computed is the SHA-256 of the body in hexadecimal.
func (s *statedSignature) payloadHash(r *http.Request, rules Service, length int64, computed string) (string, error) {
	want := computed
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	unsigned := rules.UnsignedPayload && s.presigned && length == 0 && reads
	if unsigned {
		want = unsignedPayload
	}

	stated := s.statedHashes(r)
	for i, v := range stated {
		switch {
		case i > 0 && v != stated[0]:
			return "", refuse(IncompleteSignature, PartPayload,
				"The request states two different values for X-Amz-Content-Sha256.")
		case v == computed, unsigned && v == unsignedPayload:
			want = v
		case v == unsignedPayload || strings.HasPrefix(v, "STREAMING-"):
			return "", refuse(IncompleteSignature, PartPayload,
				"The payload mode '%s' is not supported: X-Amz-Content-Sha256 must be the SHA-256 of the body.",
				quoted(v))
		default:
			return "", refuse(BadSignature, PartPayload,
				"The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
	}

	return want, nil
}

// statedHashes returns the values of X-Amz-Content-Sha256 in the headers and, of a presigned request, in the query.
func (s *statedSignature) statedHashes(r *http.Request) []string {
	stated := r.Header[headerContentSHA256]
	if v, ok := s.query.get(paramContentSHA256); ok && s.presigned {
		stated = append(slices.Clip(stated), v)
	}

	return stated
}

// hashLength is the length of a SHA-256 in hexadecimal.
const hashLength = 2 * sha256.Size

// emptyHash is the hash of the empty body.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// statedHash returns the last line of the canonical request if the body is not at hand: the hash that the client
// states, which the signature then binds. A client that states none has signed the empty body, or UNSIGNED-PAYLOAD if
// the request is presigned and the service expects it. length is that of the body, -1 if it is not known.
func (s *statedSignature) statedHash(r *http.Request, rules Service, length int64) (string, error) {
	want := emptyHash
	if s.presigned && rules.UnsignedPayload {
		want = unsignedPayload
	}

	stated := s.statedHashes(r)
	for i, v := range stated {
		switch {
		case i > 0 && v != stated[0]:
			return "", refuse(IncompleteSignature, PartPayload,
				"The request states two different values for X-Amz-Content-Sha256.")
		case v != unsignedPayload && !isHash(v):
			return "", refuse(IncompleteSignature, PartPayload,
				"The payload mode '%s' is not supported: X-Amz-Content-Sha256 must be the SHA-256 of the body or "+
					"UNSIGNED-PAYLOAD.",
				quoted(v))
		}
		want = v
	}

	if want == emptyHash && length > 0 {
		return "", refuse(BadSignature, PartPayload,
			"The signature is that of an empty body, and the request has one of %d bytes: state its SHA-256 in "+
				"X-Amz-Content-Sha256.",
			length)
	}
	if length < 0 && s.signs("content-length") {
		return "", refuse(IncompleteSignature, PartSignedHeaders,
			"Content-Length is among the SignedHeaders, and the proxy in front does not pass it on.")
	}

	return want, nil
}

func isHash(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return len(s) == hashLength
}

// canonicalRequest appends step 1 of the signature to b. With redact it hides the session token.
func (s *statedSignature) canonicalRequest(
	b []byte, r *http.Request, rules Service, bodyLen int64, payloadHash string, redact bool,
) ([]byte, error) {
	path, err := canonicalPath(s.path, rules.LiteralPath)
	if err != nil {
		return nil, err
	}

	b = append(b, r.Method...)
	b = append(b, '\n')
	b = append(b, path...)
	b = append(b, '\n')
	b = s.appendQuery(b, redact)
	b = append(b, '\n')
	if b, err = s.appendHeaders(b, r, bodyLen, redact); err != nil {
		return nil, err
	}

	b = append(b, '\n')
	for i, name := range s.signedHeaders {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')

	return append(b, payloadHash...), nil
}

// stringToSign returns the text that a key signs, for a canonical request.
func (s *statedSignature) stringToSign(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	var room [256]byte

	b := append(room[:0], algorithm+"\n"...)
	b = append(s.date.AppendFormat(b, timeFormat), '\n')
	for _, part := range [...]string{s.scope.Date, s.scope.Region, s.scope.Service} {
		b = append(append(b, part...), '/')
	}
	b = append(append(b, s.scope.terminator...), '\n')

	return string(hex.AppendEncode(b, sum[:]))
}

func (s *statedSignature) appendQuery(b []byte, redact bool) []byte {
	first := true
	for i := range s.query {
		p := &s.query[i]
		if p.name == paramSignature {
			continue
		}
		if !first {
			b = append(b, '&')
		}
		first = false

		b = append(b, p.encName...)
		b = append(b, '=')
		if redact && p.name == paramToken {
			b = append(b, redacted...)
		} else {
			b = append(b, p.encValue...)
		}
	}

	return b
}

// appendHeaders appends one line for each signed header. net/http keeps the host apart. It may drop the length, and
// proxies rewrite it: a client that signs the length has signed that of the body in hand.
func (s *statedSignature) appendHeaders(b []byte, r *http.Request, bodyLen int64, redact bool) ([]byte, error) {
	start := len(b)
	for _, name := range s.signedHeaders {
		b = append(b, name...)
		b = append(b, ':')

		from := len(b)
		switch {
		case name == "host":
			b = appendTrimmed(b, r.Host)
		case name == "content-length":
			b = strconv.AppendInt(b, bodyLen, 10)
		case redact && name == "x-amz-security-token":
			b = append(b, redacted...)
		default:
			values := r.Header[canonicalName(name)]
			if len(values) == 0 {
				return nil, refuse(BadSignature, PartSignedHeaders,
					"The header '%s' is in SignedHeaders but not in the request.", quoted(name)).named(name)
			}

			for i, v := range values {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendTrimmed(b, v)
			}
		}

		if slices.Contains(b[from:], '\n') { // no HTTP server lets one through; another line would be a forgery
			return nil, refuse(IncompleteSignature, PartHeader,
				"The header '%s' has a line break in its value.", quoted(name)).named(name)
		}

		b = append(b, '\n')
		if len(b)-start > maxHeaderBytes {
			return nil, refuse(IncompleteSignature, PartSignedHeaders,
				"The signed headers are longer than %d bytes.", maxHeaderBytes)
		}
	}

	return b, nil
}

// canonicalNames has the headers that AWS clients sign, so that no request has to build their names again.
var canonicalNames = map[string]string{
	"x-amz-content-sha256":  headerContentSHA256,
	"x-amz-date":            headerDate,
	"x-amz-security-token":  headerToken,
	"x-amz-target":          "X-Amz-Target",
	"x-amz-user-agent":      "X-Amz-User-Agent",
	"amz-sdk-invocation-id": "Amz-Sdk-Invocation-Id",
	"amz-sdk-request":       "Amz-Sdk-Request",
}

// canonicalName returns the key under which net/http keeps a header.
func canonicalName(name string) string {
	if known, ok := canonicalNames[name]; ok {
		return known
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

// appendTrimmed drops blanks around a header value and reduces several blanks within it to one.
func appendTrimmed(b []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	for {
		i := strings.Index(v, "  ")
		if i < 0 {
			return append(b, v...)
		}
		b = append(b, v[:i+1]...)
		v = strings.TrimLeft(v[i:], " ")
	}
}

// canonicalPath returns the path for the canonical request. S3 takes it as it is, escaped once. All other services
// remove dot segments and empty segments and escape the path as it was sent once more: clients escape it twice.
func canonicalPath(sent string, literal bool) (string, error) {
	if sent == "" {
		return "/", nil
	}
	if literal {
		decoded, err := url.PathUnescape(sent)
		if err != nil {
			return "", refuse(MalformedQuery, PartQuery, "The path contains an illegal %% escape.")
		}
		return escape(decoded, true), nil
	}

	return escape(normalPath(sent), true), nil
}

func normalPath(p string) string {
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") && p[0] == '/' {
		return p
	}

	var kept []string
	for segment := range strings.SplitSeq(p, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	if len(kept) == 0 {
		return "/"
	}

	n := "/" + strings.Join(kept, "/")
	if strings.HasSuffix(p, "/") {
		n += "/"
	}

	return n
}
