package forwardauth

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// requestFacts answers for the condition keys of the request that the proxy asks
// about, one by one, as policies ask for them. What the service behind could read
// otherwise than this server is not known.
type requestFacts struct {
	h                *Handler
	question         *http.Request // the proxy's, with the headers of the client
	uri              string        // that the client asked for
	action, resource string

	presigned   bool
	signed      time.Time
	payloadHash string

	headOnly bool // the signature is not known yet
}

// ofSignature reports whether u is a key whose value only the signature tells.
func ofSignature(u policy.Unknown) bool {
	return slices.Contains(signatureKeys, strings.ToLower(u.Key))
}

var signatureKeys = []string{"s3:authtype", "s3:signatureage", "s3:x-amz-content-sha256"}

// Err is nil: nothing is looked up.
func (f *requestFacts) Err() error { return nil }

// Condition implements iam.Facts.
func (f *requestFacts) Condition(key string) (values []string, known bool) {
	switch key {
	case "aws:requestedregion":
		return []string{f.h.c.Region}, true
	case "aws:resourceaccount":
		account := iam.ResourceAccount(f.resource)
		return []string{account}[:min(1, len(account))], account != ""
	case "aws:useragent":
		return f.header("User-Agent")
	case "aws:referer":
		return f.header("Referer")
	case "aws:securetransport", "aws:sourceip":
		return f.client(key)
	}

	if f.headOnly && slices.Contains(signatureKeys, key) {
		return nil, false
	}
	service, _, _ := strings.Cut(f.action, ":")
	if name, ok := strings.CutPrefix(key, "s3:"); ok && strings.EqualFold(service, "s3") {
		return f.s3(name)
	}
	return nil, iam.CheckEndpoint.Knows(key, f.action)
}

// client tells how the client came, which only the proxy knows.
func (f *requestFacts) client(key string) (values []string, known bool) {
	client := awsapi.RecordFrom(f.question.Context()).Client
	switch {
	case !f.h.o.BehindProxy:
		return nil, false
	case key == "aws:securetransport":
		return []string{strconv.FormatBool(client.TLS)}, true
	case !client.IP.IsValid():
		return nil, false
	default:
		return []string{client.IP.String()}, true
	}
}

// s3 gives the value of one of S3's condition keys (Amazon S3 user guide, "Bucket
// policies and user policies", condition keys).
func (f *requestFacts) s3(name string) (values []string, known bool) {
	switch name {
	case "authtype":
		if f.presigned {
			return []string{"REST-QUERY-STRING"}, true
		}
		return []string{"REST-HEADER"}, true
	case "signatureversion":
		return []string{"AWS4-HMAC-SHA256"}, true
	case "signatureage":
		age := max(0, f.h.o.Now().Sub(f.signed).Milliseconds())
		return []string{strconv.FormatInt(age, 10)}, true
	case "x-amz-content-sha256":
		return []string{f.payloadHash}, true
	case "prefix", "delimiter", "max-keys":
		return f.query(name)
	case "versionid":
		return f.query("versionId")
	case "if-match", "if-none-match":
		return f.header(name)
	case "object-lock-legal-hold", "object-lock-mode", "object-lock-retain-until-date":
		return f.hoistable("x-amz-" + name)
	}

	if iam.S3Keys.Has("s3:" + name) {
		return f.hoistable(name)
	}
	return nil, false
}

// hoistable is header for those headers that S3 takes from the query, too. Which of
// the two a service goes by is not known.
func (f *requestFacts) hoistable(name string) (values []string, known bool) {
	if values, known := f.query(name); len(values) > 0 || !known {
		return nil, false
	}
	return f.header(name)
}

// header gives the value of a header of the client, as the proxy passed it on. One
// that came twice, or in a spelling that some services take for it, is not known.
func (f *requestFacts) header(name string) (values []string, known bool) {
	for given, list := range f.question.Header {
		switch {
		case strings.EqualFold(given, name):
			values = append(values, list...)
		case strings.EqualFold(foldHeader(given), name):
			return nil, false
		}
	}

	if len(values) > 1 {
		return nil, false
	}
	return values, true
}

// query gives the value of a parameter of the request's query. It is not known
// where servers read queries differently: a parameter that comes twice, semicolons,
// blanks written as +, names in another case or spelling, double escapes.
func (f *requestFacts) query(name string) (values []string, known bool) {
	_, query, _ := strings.Cut(f.uri, "?")
	if strings.Contains(query, ";") {
		return nil, false
	}

	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		given, err := url.PathUnescape(rawName)
		switch {
		case err != nil:
			return nil, false
		case given != name && resembles(given, name):
			return nil, false
		case given != name:
			continue
		}

		value, ok := plainValue(rawValue)
		if !ok || len(values) > 0 {
			return nil, false
		}
		values = []string{value}
	}

	return values, true
}

// resembles reports whether some server could take a parameter of the name given
// for the one called name.
func resembles(given, name string) bool {
	return foldParameter(given) == foldParameter(name)
}

// plainValue decodes a value that every server decodes alike.
func plainValue(raw string) (value string, ok bool) {
	if strings.Contains(raw, "+") {
		return "", false
	}
	value, err := url.PathUnescape(raw)
	if err != nil || strings.ContainsFunc(value, isControl) {
		return "", false
	}

	again, err := url.PathUnescape(value)
	return value, err != nil || again == value
}
