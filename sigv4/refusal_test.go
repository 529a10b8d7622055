package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS " +
	"Secret Access Key and signing method. Consult the service documentation for details."

// A refusal case is one change to a good request: to the draft, so that the signature is right for the changed
// request and only the rule under test can refuse it, or to the request after it was signed.
type refusalCase struct {
	name    string
	draft   func(*draft)
	request func(r *http.Request, body *[]byte)
	code    Code
	message string
}

func (c refusalCase) run(t *testing.T, newDraft func() *draft) {
	d := newDraft()
	service := d.service
	if c.draft != nil {
		c.draft(d)
	}
	r, body := d.request()
	if c.request != nil {
		c.request(r, &body)
	}

	got, err := newVerifier().Verify(r, body, service)
	wantRefusal(t, err, c.code, c.message)
	if got.AccessKeyID != "" || got.SignedHeaders != nil {
		t.Errorf("Verify refuses and returns %v", got)
	}
	if c.code != MissingAuthentication && !Signed(r) {
		t.Error("Signed = false: the request would be taken for an anonymous one")
	}
}

func authorization(old, replacement string) func(*http.Request, *[]byte) {
	return func(r *http.Request, _ *[]byte) {
		a := r.Header.Get("Authorization")
		if !strings.Contains(a, old) {
			panic(fmt.Sprintf("%q is not in %q", old, a))
		}
		r.Header.Set("Authorization", strings.Replace(a, old, replacement, 1))
	}
}

func target(old, replacement string) func(*http.Request, *[]byte) {
	return func(r *http.Request, _ *[]byte) {
		if !strings.Contains(r.RequestURI, old) {
			panic(fmt.Sprintf("%q is not in %q", old, r.RequestURI))
		}
		r.RequestURI = strings.Replace(r.RequestURI, old, replacement, 1)
	}
}

func setHeader(name string, values ...string) func(*http.Request, *[]byte) {
	return func(r *http.Request, _ *[]byte) { r.Header[name] = values }
}

func TestRefusalsHeaderForm(t *testing.T) {
	manyNames := make([]string, 5000)
	for i := range manyNames {
		manyNames[i] = fmt.Sprintf("x-%05d", i)
	}

	for _, c := range []refusalCase{
		// the request is not the one that was signed
		{"body changed", nil, func(_ *http.Request, body *[]byte) { (*body)[1] ^= 1 }, BadSignature, mismatch},
		{"body cut", nil, func(_ *http.Request, body *[]byte) { *body = (*body)[:5] }, BadSignature, mismatch},
		{"body gone", nil, func(_ *http.Request, body *[]byte) { *body = nil }, BadSignature, mismatch},
		{"method changed", nil, func(r *http.Request, _ *[]byte) { r.Method = "PUT" }, BadSignature, mismatch},
		{"method in lower case", nil, func(r *http.Request, _ *[]byte) { r.Method = "post" }, BadSignature, mismatch},
		{"path changed", nil, target("/svc", "/svd"), BadSignature, mismatch},
		{"path in upper case", nil, target("/svc", "/SVC"), BadSignature, mismatch},
		{"path with slash", nil, target("/svc", "/svc/"), BadSignature, mismatch},
		{"path escaped", nil, target("/svc", "/%73vc"), BadSignature, mismatch},
		{"query changed", nil, target("b=2", "b=3"), BadSignature, mismatch},
		{"query name changed", nil, target("b=2", "c=2"), BadSignature, mismatch},
		{"query parameter gone", nil, target("&b=2", ""), BadSignature, mismatch},
		{"query parameter added", nil, target("b=2", "b=2&c=3"), BadSignature, mismatch},
		{"query value with literal plus", nil, target("%20%2B", "+%20"), BadSignature, mismatch},
		{"host changed", nil, func(r *http.Request, _ *[]byte) { r.Host = "other.example" }, BadSignature, mismatch},
		{"host without port", nil, func(r *http.Request, _ *[]byte) { r.Host = "broker.example" }, BadSignature,
			mismatch},
		{"target changed", nil, setHeader("X-Amz-Target", "AWSCognitoIdentityService.DeleteIdentityPool"),
			BadSignature, mismatch},
		{"target in lower case", nil, setHeader("X-Amz-Target", "awscognitoidentityservice.listidentitypools"),
			BadSignature, mismatch},
		{"target gone", nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Amz-Target") }, BadSignature,
			"The header 'x-amz-target' is in SignedHeaders but not in the request."},
		{"target twice", nil, setHeader("X-Amz-Target", "AWSCognitoIdentityService.ListIdentityPools",
			"AWSCognitoIdentityService.DeleteIdentityPool"), IncompleteSignature,
			"The header 'X-Amz-Target' must be sent once."},
		{"signed header changed", nil, setHeader("Content-Type", "application/json"), BadSignature, mismatch},
		{"date moved by a second", nil, setHeader("X-Amz-Date", testTime.Add(time.Second).Format(timeFormat)),
			BadSignature, mismatch},
		{"other token", nil, setHeader("X-Amz-Security-Token", ""), BadSignature, mismatch},
		{"signature bit", func(d *draft) { d.signatureHex = strings.Repeat("0", 64) }, nil, BadSignature, mismatch},
		{"signature in upper case", nil, func(r *http.Request, _ *[]byte) {
			a, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", a+"Signature="+strings.ToUpper(s))
		}, BadSignature, mismatch},
		{"signature cut", nil, func(r *http.Request, _ *[]byte) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", a[:len(a)-1])
		}, BadSignature, mismatch},
		{"signature not hexadecimal", func(d *draft) { d.signatureHex = "abc" }, nil, BadSignature, mismatch},
		{"wrong secret", func(d *draft) { d.secret += "x" }, nil, BadSignature, mismatch},
		{"zero signing key", func(d *draft) {
			r, body := d.request()
			s, err := parseStatedSignature(r)
			if err != nil {
				panic(err)
			}
			sum := sha256.Sum256(body)
			payload, _ := s.payloadHash(r, Service{}, int64(len(body)), hex.EncodeToString(sum[:]))
			canonical, _ := s.canonicalRequest(nil, r, Service{}, int64(len(body)), payload, false)
			d.signatureHex = string(SigningKey{}.sign(s.stringToSign(canonical)))
		}, nil, BadSignature, mismatch},

		// the signature is right, but does not cover what it must
		{"unsigned target", func(d *draft) { d.signed = d.signed[:4] }, nil, BadSignature,
			"'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."},
		{"unsigned session token", func(d *draft) { d.signed = append(d.signed[:3:3], "x-amz-target") }, nil,
			BadSignature, "'X-Amz-Security-Token' must be a 'SignedHeader'"},
		{"unsigned host", func(d *draft) { d.signed = append([]string{"content-type"}, d.signed[2:]...) }, nil,
			BadSignature, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"unsigned date", func(d *draft) {
			d.signed = []string{"content-type", "host", "x-amz-security-token",
				"x-amz-target"}
		}, nil, BadSignature, "'X-Amz-Date' must be a 'SignedHeader'"},
		{"unsigned Date", func(d *draft) {
			d.header.Del("X-Amz-Date")
			d.header.Set("Date", d.date)
			d.signed = []string{"host", "x-amz-security-token", "x-amz-target"}
		}, nil, BadSignature, "'Date' must be a 'SignedHeader'"},
		{"another unsigned x-amz header", func(d *draft) { d.header.Set("X-Amz-Anything", "1") }, nil, BadSignature,
			"'X-Amz-Anything' must be a 'SignedHeader'"},
		{"unsigned x-amz header with a raw key", nil, setHeader("x-amz-anything", "1"), BadSignature,
			"'x-amz-anything' must be a 'SignedHeader'"},
		{"signed x-amz header twice", func(d *draft) {
			d.header["X-Amz-Other"] = []string{"1", "2"}
			d.signed = []string{"host", "x-amz-date", "x-amz-other", "x-amz-security-token", "x-amz-target"}
		}, nil, IncompleteSignature, "The header 'X-Amz-Other' must be sent once."},

		// payload
		{"stated hash of another body", func(d *draft) {
			d.payload = strings.Repeat("0", 64)
			d.header.Set(headerContentSHA256, d.payload)
			d.signed = []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target"}
		}, nil, BadSignature, "The provided 'x-amz-content-sha256' header does not match what was computed."},
		{"stated hash, body changed", func(d *draft) {
			d.header.Set(headerContentSHA256, "dda8f3a5e1a8a4b4b0e2b4b3a2b1c0d9")
			d.signed = []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target"}
		}, nil, BadSignature, "does not match what was computed."},
		{"unsigned payload", func(d *draft) {
			d.payload = unsignedPayload
			d.header.Set(headerContentSHA256, d.payload)
			d.signed = []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target"}
		}, nil, IncompleteSignature, "The payload mode 'UNSIGNED-PAYLOAD' is not supported"},
		{"unsigned payload unsaid", func(d *draft) { d.payload = unsignedPayload }, nil, BadSignature, mismatch},
		{"streaming payload", func(d *draft) {
			d.payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
			d.header.Set(headerContentSHA256, d.payload)
			d.signed = []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target"}
		}, nil, IncompleteSignature, "The payload mode 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' is not supported"},
		{"streaming unsigned payload", func(d *draft) {
			d.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
			d.header.Set(headerContentSHA256, d.payload)
			d.signed = []string{"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target"}
		}, nil, IncompleteSignature, "The payload mode 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' is not supported"},

		// scope
		{"other service", func(d *draft) { d.service = "sts" }, nil, WrongScope,
			"Credential should be scoped to correct service: 'cognito-identity'."},
		{"service in upper case", func(d *draft) { d.service = "Cognito-Identity" }, nil, WrongScope,
			"Credential should be scoped to correct service: 'cognito-identity'."},
		{"no region", func(d *draft) { d.region = "" }, nil, WrongScope,
			"Credential should be scoped to a valid region, not ''."},
		{"region in upper case", func(d *draft) { d.region = "EU-central-1" }, nil, WrongScope,
			"Credential should be scoped to a valid region, not 'EU-central-1'."},
		{"long region", func(d *draft) { d.region = strings.Repeat("x", 5000) }, nil, WrongScope,
			"not '" + strings.Repeat("x", 100) + "...'."},
		{"region with line break", func(d *draft) { d.region = "eu\ncentral" }, nil, WrongScope, "not 'eu?central'."},
		{"region changed", nil, authorization("eu-central-1", "eu-central-2"), BadSignature, mismatch},
		{"terminator", func(d *draft) { d.terminator = "aws5_request" }, nil, WrongScope,
			"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."},
		{"day before", func(d *draft) { d.day = "20261122" }, nil, WrongScope,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261122' " +
				"!= '20261123', from '20261123T120000Z'."},
		{"all of them", func(d *draft) { d.day, d.region, d.service, d.terminator = "d", "R", "s", "t" }, nil,
			WrongScope,
			"Credential should be scoped to a valid region, not 'R'. Credential should be scoped to correct " +
				"service: 'cognito-identity'. Credential should be scoped with a valid terminator: 'aws4_request', " +
				"not 't'. Date in Credential scope does not match"},

		// time
		{"expired", at(testTime.Add(-15*time.Minute - time.Second)), nil, Expired,
			"Signature expired: 20261123T114459Z is now earlier than 20261123T114500Z (20261123T120000Z - 15 min.)"},
		{"not yet current", at(testTime.Add(15*time.Minute + time.Second)), nil, NotYetCurrent,
			"Signature not yet current: 20261123T121501Z is still later than 20261123T121500Z (20261123T120000Z " +
				"+ 15 min.)"},
		{"date of another format", nil, setHeader("X-Amz-Date", "2026-11-23T12:00:00Z"), IncompleteSignature,
			"Date must be in ISO-8601 'basic format'. Got '2026-11-23T12:00:00Z'. " +
				"See http://en.wikipedia.org/wiki/ISO_8601"},
		{"date with fraction", nil, setHeader("X-Amz-Date", "20261123T120000.5Z"), IncompleteSignature,
			"Date must be in ISO-8601 'basic format'."},
		{"HTTP date in X-Amz-Date", nil, setHeader("X-Amz-Date", testTime.Format(http.TimeFormat)),
			IncompleteSignature, "Date must be in ISO-8601 'basic format'."},
		{"impossible date", nil, setHeader("X-Amz-Date", "20261323T120000Z"), IncompleteSignature,
			"Date must be in ISO-8601 'basic format'."},
		{"two dates", nil, setHeader("X-Amz-Date", "20261123T120000Z", "20261123T120000Z"), IncompleteSignature,
			"must be sent once"},
		{"HTTP date with fraction", func(d *draft) {
			d.header.Del("X-Amz-Date")
			d.header.Set("Date", "Mon, 23 Nov 2026 12:00:00.5 GMT")
			d.signed = []string{"date", "host", "x-amz-security-token", "x-amz-target"}
		}, nil, IncompleteSignature, "Date must be in ISO-8601 'basic format'."},
		{"two Date headers", nil, func(r *http.Request, _ *[]byte) {
			r.Header.Del("X-Amz-Date")
			r.Header["Date"] = []string{"20261123T120000Z", "20261123T120000Z"}
		}, IncompleteSignature, "The header 'date' must be sent once."},
		{"two session tokens", nil, setHeader("X-Amz-Security-Token", testToken, testToken), IncompleteSignature,
			"The header 'X-Amz-Security-Token' must be sent once."},
		{"no date", nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-Amz-Date") }, IncompleteSignature,
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with " +
				"SHA-256 and encoded with Base64) Authorization="},

		// form
		{"no signature", nil, func(r *http.Request, _ *[]byte) { r.Header.Del("Authorization") },
			MissingAuthentication, "Request is missing Authentication Token"},
		{"empty Authorization", nil, setHeader("Authorization", ""), MissingAuthentication,
			"Request is missing Authentication Token"},
		{"bearer token", nil, setHeader("Authorization", "Bearer abc"), MissingAuthentication,
			"Request is missing Authentication Token"},
		{"only the algorithm", nil, setHeader("Authorization", "AWS4-HMAC-SHA256"), IncompleteSignature,
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' " +
				"parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and " +
				"encoded with Base64) Authorization="},
		{"no Credential", nil,
			authorization("Credential="+testKey+"/20261123/eu-central-1/cognito-identity/aws4_request, ", ""),
			IncompleteSignature, "Authorization header requires 'Credential' parameter. (Hashed"},
		{"empty Signature", nil, func(r *http.Request, _ *[]byte) {
			a, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", a+"Signature=")
		}, IncompleteSignature, "Authorization header requires 'Signature' parameter. (Hashed"},
		{"parameter without equal sign", nil, authorization("Signature=", "Signature"), IncompleteSignature,
			"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded " +
				"with Base64): '"},
		{"parameter in lower case", nil, authorization("Signature=", "signature="), IncompleteSignature,
			"Authorization header has an unknown parameter 'signature'."},
		{"parameter twice", nil, authorization("Credential=", "Credential=x, Credential="), IncompleteSignature,
			"Authorization header has 'Credential' more than once."},
		{"two Authorization headers", nil, func(r *http.Request, _ *[]byte) {
			r.Header["Authorization"] = append(r.Header["Authorization"], r.Header["Authorization"][0])
		}, IncompleteSignature, "The Authorization header must be sent once."},
		{"AWS and bearer Authorization", nil, func(r *http.Request, _ *[]byte) {
			r.Header["Authorization"] = append([]string{"Bearer x"}, r.Header["Authorization"]...)
		}, IncompleteSignature, "The Authorization header must be sent once."},
		{"algorithm in lower case", func(d *draft) { d.algorithm = "aws4-hmac-sha256" }, nil, IncompleteSignature,
			"Unsupported AWS 'algorithm': 'aws4-hmac-sha256' (only AWS4-HMAC-SHA256 for now). "},
		{"version 4A", func(d *draft) { d.algorithm = "AWS4-ECDSA-P256-SHA256" }, nil, IncompleteSignature,
			"Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'"},
		{"four parts of Credential", func(d *draft) { d.credential = "a/b/c/d" }, nil, IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, " +
				"got 'a/b/c/d'"},
		{"six parts of Credential", func(d *draft) { d.credential = "a/b/c/d/e/f" }, nil, IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements"},
		{"thousands of slashes in Credential", func(d *draft) { d.credential = strings.Repeat("/", 6000) }, nil,
			IncompleteSignature, "Credential must have exactly 5 slash-delimited elements"},
		{"signed headers unsorted", func(d *draft) { d.signed[0], d.signed[1] = d.signed[1], d.signed[0] }, nil,
			IncompleteSignature, "SignedHeaders must be header names in lower case, sorted, each once."},
		{"signed headers in upper case",
			func(d *draft) { d.signedHeaders = "Content-Type;host;x-amz-date;x-amz-security-token;x-amz-target" },
			nil, IncompleteSignature, "SignedHeaders must be header names in lower case"},
		{"signed header twice", func(d *draft) { d.signed = append([]string{"content-type"}, d.signed...) }, nil,
			IncompleteSignature, "SignedHeaders must be header names in lower case, sorted, each once."},
		{"empty signed header", func(d *draft) { d.signed = append([]string{""}, d.signed...) }, nil,
			IncompleteSignature, "SignedHeaders must be header names"},
		{"signed header that is no name", func(d *draft) { d.signed = append([]string{"a\nb"}, d.signed...) }, nil,
			IncompleteSignature, "SignedHeaders must be header names"},
		{"signed header that is absent", nil, authorization("SignedHeaders=", "SignedHeaders=absent;"), BadSignature,
			"The header 'absent' is in SignedHeaders but not in the request."},
		{"line break in a header", func(d *draft) {
			d.header.Set("X-Amz-Target", "A\nx-amz-tarpit:B")
		}, nil, IncompleteSignature, "The header 'x-amz-target' has a line break in its value."},

		// both forms at once
		{"with a presigned query", nil, func(r *http.Request, _ *[]byte) {
			other, _ := newPresigned().request()
			r.RequestURI = other.RequestURI
		}, IncompleteSignature, "Only one auth mechanism allowed"},
		{"with X-Amz-Signature in the query", func(d *draft) { d.query.Set(paramSignature, "0") }, nil,
			IncompleteSignature, "Only one auth mechanism allowed"},
		{"with X-Amz-Security-Token in the query", func(d *draft) { d.query.Set(paramToken, testToken) }, nil,
			IncompleteSignature, "Only one auth mechanism allowed"},
		{"with X-Amz-Date in the query", func(d *draft) { d.query.Set(paramDate, d.date) }, nil, IncompleteSignature,
			"Only one auth mechanism allowed"},
		{"with x-amz-credential in the query", func(d *draft) { d.query.Set("x-amz-credential", "x") }, nil,
			IncompleteSignature, "The query parameter 'x-amz-credential' must be spelled 'X-Amz-Credential'."},

		// query
		{"query parameter twice", func(d *draft) { d.query["a"] = []string{"1", "2"} }, nil, IncompleteSignature,
			"The query parameter 'a' must be sent once."},
		{"query parameter twice, escaped", nil, target("b=2", "b=2&%62=2"), IncompleteSignature,
			"The query parameter 'b' must be sent once."},
		{"bare semicolon", nil, target("b=2", "b=2;c=3"), MalformedQuery, "The query string contains a bare ';'"},
		{"illegal escape", nil, target("b=2", "b=%zz"), MalformedQuery,
			"The query string contains an illegal % escape."},
		{"cut escape", nil, target("b=2", "b=%2"), MalformedQuery, "The query string contains an illegal % escape."},

		// bounds
		{"huge Authorization", nil, authorization("Signature=", "Signature="+strings.Repeat("0", 10<<10)),
			IncompleteSignature, "The Authorization header is longer than 8192 bytes."},
		{"thousands of signed headers", func(d *draft) { d.signedHeaders = strings.Join(manyNames[:900], ";") }, nil,
			IncompleteSignature, "SignedHeaders has more than 64 names."},
		{"thousands of signed headers in a huge header", func(d *draft) {
			d.signedHeaders = strings.Join(manyNames,
				";")
		}, nil, IncompleteSignature, "The Authorization header is longer than 8192 bytes."},
		{"huge signed header", func(d *draft) { d.header.Set("Content-Type", strings.Repeat("x", 100<<10)) }, nil,
			IncompleteSignature, "The signed headers are longer than 65536 bytes."},
		{"huge session token", func(d *draft) { d.header.Set("X-Amz-Security-Token", strings.Repeat("x", 9<<10)) },
			nil, IncompleteSignature, "The session token is longer than 8192 bytes."},
		{"huge query", func(d *draft) { d.query.Set("a", strings.Repeat("x", 40<<10)) }, nil, IncompleteSignature,
			"The query string is longer than 32768 bytes."},
		{"hundreds of query parameters", func(d *draft) {
			for i := range 300 {
				d.query.Set(fmt.Sprint("p", i), "")
			}
		}, nil, IncompleteSignature, "The query string has more than 256 parameters."},

		// credentials
		{"unknown key", func(d *draft) { d.key = "AKIDOTHER" }, nil, UnknownKey,
			"The security token included in the request is invalid."},
		{"key in lower case", func(d *draft) { d.key = strings.ToLower(testKey) }, nil, UnknownKey,
			"The security token included in the request is invalid."},
		{"no key", func(d *draft) { d.key = "" }, nil, UnknownKey,
			"The security token included in the request is invalid."},
		{"token of another session", func(d *draft) { d.header.Set("X-Amz-Security-Token", "other") }, nil,
			InvalidToken, "The security token included in the request is invalid."},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newDraft) })
	}
}

// at signs a header-form draft at another time.
func at(when time.Time) func(*draft) {
	return func(d *draft) {
		d.date, d.day = when.Format(timeFormat), when.Format(dateFormat)
		if !d.presigned {
			d.header.Set("X-Amz-Date", d.date)
		}
	}
}

func TestRefusalsQueryForm(t *testing.T) {
	for _, c := range []refusalCase{
		{"method changed", nil, func(r *http.Request, _ *[]byte) { r.Method = "POST" }, BadSignature, mismatch},
		{"body added", nil, func(_ *http.Request, body *[]byte) { *body = []byte("Action=Other") }, BadSignature,
			mismatch},
		{"action changed", nil, target("GetCallerIdentity", "GetSessionToken"), BadSignature, mismatch},
		{"parameter added", nil, target("Version", "X=1&Version"), BadSignature, mismatch},
		{"action twice", nil, target("Action=", "Action=Other&Action="), IncompleteSignature,
			"The query parameter 'Action' must be sent once."},
		{"path changed", nil, target("/?", "/x?"), BadSignature, mismatch},
		{"host changed", nil, func(r *http.Request, _ *[]byte) { r.Host = "other.example" }, BadSignature, mismatch},
		{"expires changed", nil, target("X-Amz-Expires=60", "X-Amz-Expires=61"), BadSignature, mismatch},
		{"signed header changed", nil, setHeader("X-K8s-Aws-Id", "other"), BadSignature, mismatch},
		{"signed header gone", nil, func(r *http.Request, _ *[]byte) { r.Header.Del("X-K8s-Aws-Id") }, BadSignature,
			"The header 'x-k8s-aws-id' is in SignedHeaders but not in the request."},
		{"session token gone", nil, target(url.Values{paramToken: {testToken}}.Encode()+"&", ""), BadSignature,
			mismatch},
		{"session token added", func(d *draft) { d.query.Del(paramToken) }, target("&X-Amz-Signature",
			"&X-Amz-Security-Token="+url.QueryEscape(testToken)+"&X-Amz-Signature"), BadSignature, mismatch},
		{"signature in upper case", func(d *draft) { d.signatureHex = strings.Repeat("A", 64) }, nil, BadSignature,
			mismatch},
		{"wrong secret", func(d *draft) { d.secret += "x" }, nil, BadSignature, mismatch},
		{"unknown key", func(d *draft) { d.key = "AKIDOTHER" }, nil, UnknownKey,
			"The security token included in the request is invalid."},
		{"other service", func(d *draft) { d.service = "iam" }, nil, WrongScope,
			"Credential should be scoped to correct service: 'sts'."},
		{"terminator", func(d *draft) { d.terminator = "aws5_request" }, nil, WrongScope,
			"Credential should be scoped with a valid terminator"},
		{"day before", func(d *draft) { d.day = "20261122" }, nil, WrongScope,
			"Date in Credential scope does not match"},
		{"unsigned host", func(d *draft) { d.signed = d.signed[1:] }, nil, BadSignature,
			"'Host' or ':authority' must be a 'SignedHeader'"},
		{"unsigned x-amz header", nil, setHeader("X-Amz-Target", "Other"), BadSignature,
			"'X-Amz-Target' must be a 'SignedHeader'"},
		{"unsigned x-amz-content-sha256", nil, setHeader(headerContentSHA256, unsignedPayload), BadSignature,
			"'X-Amz-Content-Sha256' must be a 'SignedHeader'"},
		{"unsigned payload", func(d *draft) { d.payload = unsignedPayload }, nil, BadSignature, mismatch},
		{"unsigned payload stated", func(d *draft) {
			d.payload = unsignedPayload
			d.query.Set(paramContentSHA256, d.payload)
		}, nil, IncompleteSignature, "The payload mode 'UNSIGNED-PAYLOAD' is not supported"},

		{"expired", at(testTime.Add(-15*time.Minute - time.Second)), nil, Expired,
			"Signature expired: 20261123T114459Z is now earlier than 20261123T114500Z (20261123T120000Z - 15 min.)"},
		{"not yet current", at(testTime.Add(15*time.Minute + time.Second)), nil, NotYetCurrent,
			"Signature not yet current: "},
		{"expires 0", func(d *draft) { d.query.Set(paramExpires, "0") }, nil, IncompleteSignature,
			"X-Amz-Expires must be at least 1 second"},
		{"expires empty", func(d *draft) { d.query.Set(paramExpires, "") }, nil, IncompleteSignature,
			"X-Amz-Expires must be at least 1 second"},
		{"expires negative", func(d *draft) { d.query.Set(paramExpires, "-1") }, nil, IncompleteSignature,
			"X-Amz-Expires should be a number"},
		{"expires no number", func(d *draft) { d.query.Set(paramExpires, "6e1") }, nil, IncompleteSignature,
			"X-Amz-Expires should be a number"},
		{"expires over a week", func(d *draft) { d.query.Set(paramExpires, "604801") }, nil, IncompleteSignature,
			"X-Amz-Expires must be less than a week (in seconds)"},
		{"expires overflowing", func(d *draft) { d.query.Set(paramExpires, strings.Repeat("9", 40)) }, nil,
			IncompleteSignature, "X-Amz-Expires must be less than a week (in seconds)"},

		{"no signature", nil, target("&X-Amz-Signature=", "&X="), IncompleteSignature,
			"AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters."},
		{"no algorithm", func(d *draft) { d.query[paramAlgorithm] = nil }, nil, IncompleteSignature,
			"AWS query-string parameters must include 'X-Amz-Algorithm'. Re-examine"},
		{"only a signature", nil, func(r *http.Request, _ *[]byte) { r.RequestURI = "/?X-Amz-Signature=0" },
			IncompleteSignature,
			"AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must include " +
				"'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. " +
				"AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		{"algorithm", func(d *draft) { d.algorithm = "AWS4-HMAC-SHA512" }, nil, IncompleteSignature,
			"Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'"},
		{"signature twice", nil, func(r *http.Request, _ *[]byte) { r.RequestURI += "&X-Amz-Signature=0" },
			IncompleteSignature, "The query parameter 'X-Amz-Signature' must be sent once."},
		{"credential twice", nil, func(r *http.Request, _ *[]byte) { r.RequestURI += "&X-Amz-Credential=0" },
			IncompleteSignature, "The query parameter 'X-Amz-Credential' must be sent once."},
		{"parameter in lower case", nil, target("X-Amz-Date", "x-amz-date"), IncompleteSignature,
			"The query parameter 'x-amz-date' must be spelled 'X-Amz-Date'."},
		{"all parameters in lower case", nil, func(r *http.Request,
			_ *[]byte) {
			r.RequestURI = strings.ReplaceAll(r.RequestURI, "X-Amz-", "x-amz-")
		}, IncompleteSignature, "must be spelled"},
		{"line break in Credential", func(d *draft) { d.credential = "a/b/c/d\n" }, nil, IncompleteSignature,
			"got 'a/b/c/d?'"},
		{"line break in SignedHeaders", func(d *draft) { d.signedHeaders = "host\nx" }, nil, IncompleteSignature,
			"Got 'host?x'."},
		{"line break in the key", func(d *draft) { d.key = "a\nb" }, nil, UnknownKey,
			"The security token included in the request is invalid."},
		{"long key", func(d *draft) { d.key = strings.Repeat("A", 129) }, nil, UnknownKey,
			"The security token included in the request is invalid."},

		{"with an Authorization header", nil, setHeader("Authorization", "AWS4-HMAC-SHA256 Credential=x"),
			IncompleteSignature, "Only one auth mechanism allowed"},
		{"with a bearer token", nil, setHeader("Authorization", "Bearer x"), IncompleteSignature,
			"Only one auth mechanism allowed"},
		{"with an X-Amz-Date header", func(d *draft) {
			d.header.Set("X-Amz-Date", d.date)
			d.signed = []string{"host", "x-amz-date"}
		}, nil, IncompleteSignature, "The header 'x-amz-date' is not allowed in a presigned request."},
		{"with a session token header", func(d *draft) {
			d.header.Set("X-Amz-Security-Token", testToken)
			d.signed = []string{"host", "x-amz-security-token"}
		}, nil, IncompleteSignature, "The header 'x-amz-security-token' is not allowed in a presigned request."},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, newPresigned) })
	}
}
