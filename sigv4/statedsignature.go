package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z" // ISO 8601 basic format
	dateFormat = "20060102"

	headerDate          = "X-Amz-Date"
	headerToken         = "X-Amz-Security-Token"
	headerContentSHA256 = "X-Amz-Content-Sha256"
)

// statedSignature holds the parameters of a signature, in either form, as the request states them. Nothing of it is
// proven.
type statedSignature struct {
	presigned     bool
	algorithm     string
	scope         Scope
	signedHeaders []string
	signature     string
	date          time.Time
	dateHeader    string // the header that date came from, in lower case; "" when presigned
	expires       string // X-Amz-Expires as sent
	token         string

	path  string // as sent
	query query
}

// Scope is the Credential of a signature: the access key and the credential scope (day, region, service, terminator).
type Scope struct {
	AccessKeyID string
	Date        string // YYYYMMDD
	Region      string
	Service     string

	terminator string
}

func (s Scope) String() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + s.terminator
}

// Terminator returns the last element of the scope, which should be aws4_request.
func (s Scope) Terminator() string { return s.terminator }

// Signed reports whether the request carries an AWS signature in any form, good or bad. A service with operations
// that need no signature treats a request as anonymous only if Signed returns false, and verifies all others: a
// client that signs must not be served as a guest because its signature is broken.
func Signed(r *http.Request) bool {
	for _, a := range r.Header["Authorization"] {
		if isSigV4(a) {
			return true
		}
	}

	_, rawQuery := wireTarget(r)
	if len(rawQuery) > maxQuery {
		return true // too long to look through; Verify refuses it
	}

	for pair := range strings.SplitSeq(rawQuery, "&") {
		rawName, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(rawName); err == nil && authParam(name) != "" {
			return true
		}
	}

	return false
}

// UnverifiedScope returns the scope that a request states. Nothing of it is proven: use it only to choose the service
// for which to verify the request. Errors are those of [Verifier.Verify] about the form of a signature.
func UnverifiedScope(r *http.Request) (Scope, error) {
	s, err := parseStatedSignature(r)
	if err != nil {
		return Scope{}, err
	}
	return s.scope, nil
}

// UnverifiedKey returns the access key ID and the session token that a request states, even if the rest of its
// signature is malformed; "" if it states none. Nothing of it is proven: use it only to find out whom a refused
// request concerns.
func UnverifiedKey(r *http.Request) (accessKeyID, sessionToken string) {
	for _, authorization := range r.Header["Authorization"] {
		if len(authorization) > maxAuthorization || !isSigV4(authorization) {
			continue
		}

		_, parameters, _ := strings.Cut(strings.Trim(authorization, " \t"), " ")
		for pair := range strings.SplitSeq(parameters, ",") {
			if credential, ok := strings.CutPrefix(strings.Trim(pair, " \t"), "Credential="); ok {
				accessKeyID, _, _ = strings.Cut(credential, "/")
				if tokens := r.Header[headerToken]; len(tokens) > 0 && len(tokens[0]) <= maxToken {
					sessionToken = tokens[0]
				}
				return accessKeyID, sessionToken
			}
		}
	}

	_, rawQuery := wireTarget(r)
	q, err := parseQuery(rawQuery)
	if err != nil {
		return "", ""
	}

	credential, _ := q.get(paramCredential)
	accessKeyID, _, _ = strings.Cut(credential, "/")
	if token, _ := q.get(paramToken); len(token) <= maxToken {
		sessionToken = token
	}

	return accessKeyID, sessionToken
}

// isSigV4 recognises all of AWS's version 4 algorithms, so that the refusal names an unsupported one.
func isSigV4(authorization string) bool {
	authorization = strings.TrimLeft(authorization, " \t")
	return len(authorization) >= 5 && strings.EqualFold(authorization[:5], "AWS4-")
}

// parseStatedSignature reads the signature's parameters from the Authorization header or from the query, never from
// both: attackers have bypassed other verifiers through a second place that nobody checked.
func parseStatedSignature(r *http.Request) (*statedSignature, error) {
	path, rawQuery := wireTarget(r)
	q, err := parseQuery(rawQuery)
	if err != nil {
		return nil, err
	}

	inQuery := false
	for i := range q {
		p := authParam(q[i].name)
		if p == "" {
			continue
		}
		if p != q[i].name {
			return nil, refuse(IncompleteSignature, PartForm,
				"The query parameter '%s' must be spelled '%s'.", quoted(q[i].name), p)
		}
		inQuery = true
	}

	authorization := r.Header["Authorization"]
	s := &statedSignature{path: path, query: q}
	switch {
	case len(authorization) > 0 && inQuery:
		return nil, refuse(IncompleteSignature, PartForm,
			"Only one auth mechanism allowed: either the Authorization header or X-Amz-* query parameters, not both.")
	case len(authorization) > 1:
		return nil, refuse(IncompleteSignature, PartForm, "The Authorization header must be sent once.")
	case len(authorization) == 1 && isSigV4(authorization[0]):
		err = s.parseHeaderForm(r.Header, authorization[0])
	case inQuery:
		err = s.parseQueryForm(r.Header)
	default:
		err = refuse(MissingAuthentication, PartScheme, msgMissing)
	}
	if err != nil {
		return nil, err
	}

	return s, nil
}

func (s *statedSignature) parseHeaderForm(h http.Header, authorization string) error {
	if len(authorization) > maxAuthorization {
		return refuse(IncompleteSignature, PartForm,
			"The Authorization header is longer than %d bytes.", maxAuthorization)
	}
	authorization = strings.Trim(authorization, " \t")

	algorithm, list, _ := strings.Cut(authorization, " ")
	p, err := parseParameters(list, authorization)
	if err != nil {
		return err
	}

	date, dateHeader := h[headerDate], "x-amz-date"
	if len(date) == 0 {
		date, dateHeader = h["Date"], "date"
	}

	var missing strings.Builder
	for _, name := range [...]string{"Credential", "Signature", "SignedHeaders"} {
		if *p.named(name) == "" {
			missing.WriteString("Authorization header requires '" + name + "' parameter. ")
		}
	}
	if len(date) == 0 {
		missing.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if missing.Len() > 0 {
		return refuse(IncompleteSignature, PartForm,
			"%s(Hashed with SHA-256 and encoded with Base64) Authorization=%s", missing.String(), digest(authorization))
	}
	if len(date) > 1 {
		return refuse(IncompleteSignature, PartHeader, "The header '%s' must be sent once.", dateHeader)
	}

	s.algorithm, s.dateHeader = algorithm, dateHeader
	if len(h[headerToken]) > 0 {
		s.token = h[headerToken][0] // checkCoverage refuses a second one
	}

	return s.parseValues(p.credential, p.signedHeaders, p.signature, date[0])
}

// parameters are those of the Authorization header.
type parameters struct{ credential, signedHeaders, signature string }

// named returns the parameter of that name; nil if there is no such parameter.
func (p *parameters) named(name string) *string {
	switch name {
	case "Credential":
		return &p.credential
	case "SignedHeaders":
		return &p.signedHeaders
	case "Signature":
		return &p.signature
	}

	return nil
}

// parseParameters reads list, the parameters of the Authorization header, which a refusal
// shows as a hash.
func parseParameters(list, authorization string) (p parameters, err error) {
	for pair := range strings.SplitSeq(list, ",") {
		pair = strings.Trim(pair, " \t")
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return p, refuse(IncompleteSignature, PartForm,
				"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and "+
					"encoded with Base64): '%s'.",
				digest(authorization))
		}

		field := p.named(name)
		if field == nil {
			return p, refuse(IncompleteSignature, PartForm,
				"Authorization header has an unknown parameter '%s'.", quoted(name))
		}
		if *field != "" {
			return p, refuse(IncompleteSignature, PartForm, "Authorization header has '%s' more than once.", name)
		}
		*field = value
	}

	return p, nil
}

func (s *statedSignature) parseQueryForm(h http.Header) error {
	var missing strings.Builder
	value := func(name string) string {
		v, _ := s.query.get(name)
		if v == "" {
			missing.WriteString("AWS query-string parameters must include '" + name + "'. ")
		}
		return v
	}

	s.presigned = true
	s.algorithm = value(paramAlgorithm)
	credential := value(paramCredential)
	signature := value(paramSignature)
	signedHeaders := value(paramSignedHeaders)
	date := value(paramDate)
	if missing.Len() > 0 {
		return refuse(IncompleteSignature, PartForm, "%sRe-examine the query-string parameters.", missing.String())
	}

	for _, name := range []string{headerDate, headerToken} {
		if len(h[name]) > 0 {
			return refuse(IncompleteSignature, PartForm,
				"The header '%s' is not allowed in a presigned request.", strings.ToLower(name))
		}
	}

	s.expires, _ = s.query.get(paramExpires)
	s.token, _ = s.query.get(paramToken)

	return s.parseValues(credential, signedHeaders, signature, date)
}

// parseValues reads the values that both forms share.
func (s *statedSignature) parseValues(credential, signedHeaders, signature, date string) error {
	if len(s.token) > maxToken {
		return refuse(IncompleteSignature, PartToken, "The session token is longer than %d bytes.", maxToken)
	}

	var ok bool
	if s.date, ok = parseDate(date, s.dateHeader == "date"); !ok {
		return refuse(IncompleteSignature, PartDate,
			"Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601",
			quoted(date))
	}

	if strings.Count(signedHeaders, ";") >= maxSignedHeaders {
		return refuse(IncompleteSignature, PartSignedHeaders, "SignedHeaders has more than %d names.", maxSignedHeaders)
	}

	s.signedHeaders = strings.Split(signedHeaders, ";")
	for i, name := range s.signedHeaders {
		if !headerName(name) || i > 0 && name <= s.signedHeaders[i-1] {
			return refuse(IncompleteSignature, PartSignedHeaders,
				"SignedHeaders must be header names in lower case, sorted, each once. Got '%s'.", quoted(signedHeaders))
		}
	}

	if s.algorithm != algorithm {
		return refuse(IncompleteSignature, PartAlgorithm,
			"Unsupported AWS 'algorithm': '%s' (only AWS4-HMAC-SHA256 for now). ", quoted(s.algorithm))
	}

	parts := strings.SplitN(credential, "/", 6)
	if len(parts) != 5 {
		return refuse(IncompleteSignature, PartCredential,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'",
			quoted(credential))
	}
	s.scope = Scope{
		AccessKeyID: parts[0],
		Date:        parts[1],
		Region:      parts[2],
		Service:     parts[3],
		terminator:  parts[4],
	}
	s.signature = signature

	return nil
}

// parseDate reads ISO 8601 basic format. A Date header may also have HTTP's own format (RFC 9110 section 5.6.7):
// botocore signs Date instead of X-Amz-Date if the application sets it, and writes GMT as "-0000".
func parseDate(s string, httpDate bool) (time.Time, bool) {
	if len(s) == len(timeFormat) { // time.Parse would take fractions of a second
		if t, err := time.Parse(timeFormat, s); err == nil {
			return t, true
		}
	}

	if httpDate {
		if local, ok := strings.CutSuffix(s, " -0000"); ok {
			s = local + " GMT"
		}
		if t, err := time.Parse(http.TimeFormat, s); err == nil && len(s) == len(http.TimeFormat) {
			return t.UTC(), true
		}
	}

	return time.Time{}, false
}

// headerName reports whether s is a token of RFC 9110 section 5.6.2 without upper-case letters.
func headerName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_!#$%&'*+.^`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// digest replaces an Authorization header in messages, as on AWS: the header itself may contain a secret.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}
