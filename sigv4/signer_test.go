package sigv4

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	testKey    = "AKIDPOOLHOUSETEST"
	testSecret = "not/a/real+secret"
	testToken  = "not//a+real/token=="
)

var testTime = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// draft is a request about to be signed by a signer that knows no rules: it signs whatever it is told to, so tests
// can make requests that are wrong although their signature is right. It handles plain paths and queries only.
type draft struct {
	method, path, host string
	query              url.Values
	header             http.Header
	body               string

	algorithm, key, secret                  string
	date, day, region, service, terminator  string
	signed                                  []string // names, as they appear in SignedHeaders
	payload                                 string   // replaces the hash of the body
	presigned                               bool
	credential, signedHeaders, signatureHex string // replace the computed ones
}

// newDraft is a call of the JSON protocol with session credentials.
func newDraft() *draft {
	return &draft{
		method: "POST", path: "/svc", host: "broker.example:8080",
		query: url.Values{"b": {"2"}, "a": {"1 +;"}},
		header: http.Header{
			"Content-Type":         {"application/x-amz-json-1.1"},
			"X-Amz-Date":           {testTime.Format(timeFormat)},
			"X-Amz-Target":         {"AWSCognitoIdentityService.ListIdentityPools"},
			"X-Amz-Security-Token": {testToken},
			"User-Agent":           {"test"},
		},
		body:      `{"MaxResults":10}`,
		algorithm: algorithm, key: testKey, secret: testSecret,
		date: testTime.Format(timeFormat), day: testTime.Format(dateFormat), region: "eu-central-1",
		service: "cognito-identity", terminator: terminator,
		signed: []string{"content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"},
	}
}

// newPresigned is a presigned GetCallerIdentity with session credentials.
func newPresigned() *draft {
	d := newDraft()
	d.method, d.path, d.body, d.service, d.presigned = "GET", "/", "", "sts", true
	d.header = http.Header{"X-K8s-Aws-Id": {"cluster"}, "User-Agent": {"test"}}
	d.signed = []string{"host", "x-k8s-aws-id"}
	d.query = url.Values{
		"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"},
		paramExpires: {"60"}, paramToken: {testToken},
	}

	return d
}

// request signs the draft and returns it as a server receives it.
func (d *draft) request() (*http.Request, []byte) {
	scope := strings.Join([]string{d.day, d.region, d.service, d.terminator}, "/")
	credential, signedHeaders := d.key+"/"+scope, strings.Join(d.signed, ";")
	if d.credential != "" {
		credential = d.credential
	}
	if d.signedHeaders != "" {
		signedHeaders = d.signedHeaders
	}

	query := url.Values{}
	for k, v := range d.query {
		query[k] = v
	}
	if d.presigned {
		for name, value := range map[string]string{paramAlgorithm: d.algorithm, paramCredential: credential,
			paramDate: d.date, paramSignedHeaders: signedHeaders} {
			if _, set := query[name]; !set {
				query.Set(name, value)
			}
		}
	}

	encoded := strings.ReplaceAll(query.Encode(), "+", "%20")
	payload := d.payload
	if payload == "" {
		payload = fmt.Sprintf("%x", sha256.Sum256([]byte(d.body)))
	}

	canonical := d.method + "\n" + d.path + "\n" + encoded + "\n"
	for _, name := range d.signed {
		value := strings.Join(d.header.Values(name), ",")
		switch name {
		case "host":
			value = d.host
		case "content-length":
			value = fmt.Sprint(len(d.body))
		}

		canonical += name + ":" + value + "\n"
	}

	canonical += "\n" + strings.Join(d.signed, ";") + "\n" + payload
	toSign := d.algorithm + "\n" + d.date + "\n" + scope + "\n" + fmt.Sprintf("%x", sha256.Sum256([]byte(canonical)))
	k := []byte("AWS4" + d.secret)
	for _, part := range []string{d.day, d.region, d.service, d.terminator, toSign} {
		h := hmac.New(sha256.New, k)
		h.Write([]byte(part))
		k = h.Sum(nil)
	}

	signature := hex.EncodeToString(k)
	if d.signatureHex != "" {
		signature = d.signatureHex
	}

	header := d.header.Clone()
	if d.presigned {
		encoded += "&" + paramSignature + "=" + signature
	} else {
		header.Set("Authorization",
			d.algorithm+" Credential="+credential+", SignedHeaders="+signedHeaders+", Signature="+signature)
	}

	r := &http.Request{
		Method: d.method, Host: d.host, Header: header, RequestURI: d.path,
		URL: &url.URL{Path: d.path, RawQuery: encoded}, ContentLength: int64(len(d.body)),
	}
	if encoded != "" {
		r.RequestURI += "?" + encoded
	}

	return r, []byte(d.body)
}

// newVerifier knows one key, with or without a session token, and two services.
func newVerifier() *Verifier {
	return &Verifier{
		Credentials: func(_ context.Context, accessKeyID, sessionToken string) (string, error) {
			if accessKeyID != testKey {
				return "", ErrUnknownKey
			}
			if sessionToken != "" && sessionToken != testToken {
				return "", ErrInvalidToken
			}
			return testSecret, nil
		},
		Services: map[string]Service{
			"cognito-identity": {},
			"sts":              {Presigned: PresignedWindow},
			"s3":               {Presigned: PresignedExpires, LiteralPath: true, UnsignedPayload: true},
		},
		Now: func() time.Time { return testTime },
	}
}

func wantRefusal(t *testing.T, err error, code Code, message string) {
	t.Helper()
	refusal, ok := err.(*Error)
	if !ok {
		t.Fatalf("Verify = %v (%T), want an *Error with code %s", err, err, code)
	}
	if refusal.Code != code || !strings.Contains(refusal.Message, message) {
		t.Errorf("Verify = %s: %q, want %s: …%q…", refusal.Code, refusal.Message, code, message)
	}
	if len(refusal.Message) > 1000 {
		t.Errorf("the message has %d bytes: %.200s", len(refusal.Message), refusal.Message)
	}

	for _, secret := range []string{testSecret, testToken} {
		if strings.Contains(refusal.Error(), secret) || strings.Contains(refusal.CanonicalRequest, secret) ||
			strings.Contains(refusal.CanonicalRequest, url.QueryEscape(secret)) {
			t.Errorf("the refusal tells %q: %s\n%s", secret, refusal, refusal.CanonicalRequest)
		}
	}

	if i := strings.IndexFunc(refusal.Message, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		t.Errorf("the message has an unprintable character at %d: %q", i, refusal.Message)
	}
}

func TestVerifyHeaderForm(t *testing.T) {
	r, body := newDraft().request()
	got, err := newVerifier().Verify(r, body, "cognito-identity")
	if err != nil {
		t.Fatal(err)
	}

	want := Result{
		AccessKeyID: testKey, SessionToken: testToken, Region: "eu-central-1", Service: "cognito-identity",
		Date: testTime, Expires: testTime.Add(15 * time.Minute), SignedHeaders: newDraft().signed,
		PayloadHash: fmt.Sprintf("%x", sha256.Sum256(body)),
	}
	wantResult(t, got, want)
}

func TestVerifyQueryForm(t *testing.T) {
	r, body := newPresigned().request()
	got, err := newVerifier().Verify(r, body, "sts")
	if err != nil {
		t.Fatal(err)
	}

	want := Result{
		AccessKeyID: testKey, SessionToken: testToken, Region: "eu-central-1", Service: "sts",
		Date: testTime, Expires: testTime.Add(15 * time.Minute), SignedHeaders: []string{"host", "x-k8s-aws-id"},
		Presigned:   true,
		PayloadHash: fmt.Sprintf("%x", sha256.Sum256(nil)),
	}
	wantResult(t, got, want)
	var log bytes.Buffer
	fmt.Fprintf(&log, "%v %+v %s %v", got, got, got, got.LogValue())

	if strings.Contains(log.String(), testToken) {
		t.Errorf("a printed Result tells the session token: %s", log.String())
	}
}

func wantResult(t *testing.T, got, want Result) {
	t.Helper()
	if !slices.Equal(got.SignedHeaders, want.SignedHeaders) || !got.Date.Equal(want.Date) ||
		!got.Expires.Equal(want.Expires) {
		t.Errorf("Verify = %#v, want %#v", got, want)
	}
	if g, w := fmt.Sprint(got.AccessKeyID, got.SessionToken, got.Region, got.Service, got.Presigned, got.PayloadHash),
		fmt.Sprint(want.AccessKeyID, want.SessionToken, want.Region, want.Service, want.Presigned,
			want.PayloadHash); g != w {
		t.Errorf("Verify = %s, want %s", g, w)
	}
}

func sum256(s string) [sha256.Size]byte { return sha256.Sum256([]byte(s)) }
