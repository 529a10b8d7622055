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

// requestFacts has the values of the condition keys of the request that the proxy asks
// about, and finds each when a policy asks for it. A value is not known if the service
// behind could read it differently from this server.
type requestFacts struct {
	h                *Handler
	request          *http.Request // the proxy's request, with the headers of the client
	uri              string        // of the client's request
	action, resource string

	presigned   bool
	signed      time.Time
	payloadHash string

	headOnly bool // whether the signature is not checked yet
}

// ofSignature reports whether the value of a key depends on the signature.
func ofSignature(u policy.Unknown) bool {
	return slices.Contains(signatureKeys, strings.ToLower(u.Key))
}

var signatureKeys = []string{"s3:authtype", "s3:signatureage", "s3:x-amz-content-sha256"}

// access returns the permission that the request needs, with its facts.
func (f *requestFacts) access() iam.Access {
	return iam.Access{Action: f.action, Resource: f.resource, Context: policy.RequestContext{
		Client:          f.client,
		Region:          f.h.c.Region,
		ResourceAccount: iam.ResourceAccount(f.resource),
		Service:         f.service,
	}}
}

// client finds the keys of the client. Only the proxy knows the client's connection.
func (f *requestFacts) client(key string) (values []string, known bool) {
	switch {
	case key == "aws:useragent":
		return f.header("User-Agent")
	case key == "aws:referer":
		return f.header("Referer")
	case !f.h.options.BehindProxy:
		return nil, false
	default:
		return policy.Client(awsapi.RecordFrom(f.request.Context()).Client).Find(key)
	}
}

// service finds the keys of the service behind the proxy.
func (f *requestFacts) service(key string) (values []string, known bool) {
	if f.headOnly && slices.Contains(signatureKeys, key) {
		return nil, false
	}

	service, _, _ := strings.Cut(f.action, ":")
	if name, ok := strings.CutPrefix(key, "s3:"); ok && strings.EqualFold(service, "s3") {
		return f.s3(name)
	}

	return nil, iam.CheckEndpoint.Knows(key, f.action)
}

// s3 returns the value of one of S3's condition keys (Amazon S3 user guide, "Bucket
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
		age := max(0, f.h.options.Now().Sub(f.signed).Milliseconds())
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

// hoistable is like header, for headers that S3 also takes from the query. If the query
// has one, the value is not known: services differ in which of the two they use.
func (f *requestFacts) hoistable(name string) (values []string, known bool) {
	if values, known := f.query(name); len(values) > 0 || !known {
		return nil, false
	}
	return f.header(name)
}

// header returns the value of a header of the client, as the proxy passed it on. It is not
// known if the header came twice, or in another spelling that some services accept.
func (f *requestFacts) header(name string) (values []string, known bool) {
	for given, list := range f.request.Header {
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

// query returns the value of a parameter of the request's query. It is not known
// if servers read the query differently: a parameter that comes twice, semicolons,
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

// resembles reports whether some server could read the parameter name given
// as name.
func resembles(given, name string) bool {
	return foldParameter(given) == foldParameter(name)
}

// plainValue decodes a value; ok is false if servers could decode it differently.
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
