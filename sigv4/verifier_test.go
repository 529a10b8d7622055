package sigv4

import (
	"context"
	"fmt"
	"go/build"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTolerated: what real clients and proxies do to a request without changing its meaning.
func TestTolerated(t *testing.T) {
	for _, c := range []struct {
		name    string
		draft   func(*draft)
		request func(*http.Request)
	}{
		{"no blanks after commas", nil, func(r *http.Request) {
			r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ", ", ","))
		}},
		{"more blanks and a last comma", nil, func(r *http.Request) {
			r.Header.Set("Authorization", " "+strings.ReplaceAll(r.Header.Get("Authorization"), ", ", " ,  ")+", ")
		}},
		{"oldest date", at(testTime.Add(-15 * time.Minute)), nil},
		{"youngest date", at(testTime.Add(15 * time.Minute)), nil},
		{"day before in scope and date", at(testTime.Add(-12*time.Hour - time.Second)), nil},
		{"other region", func(d *draft) { d.region = "us-gov-west-1" }, nil},
		{"no session token", func(d *draft) {
			d.header.Del("X-Amz-Security-Token")
			d.signed = []string{"content-type", "host", "x-amz-date", "x-amz-target"}
		}, nil},
		{"unsigned content-type", func(d *draft) { d.signed = d.signed[1:] }, nil}, // curl and the AWS SDK for PHP
		{"changed unsigned header", nil, func(r *http.Request) { r.Header.Set("User-Agent", "other") }},
		{"header of a proxy", nil, func(r *http.Request) {
			r.Header.Set("X-Amzn-Trace-Id", "Root=1")
			r.Header.Set("Via", "1.1 x")
		}},
		{"signed length, chunked by a proxy", func(d *draft) {
			d.signed = []string{"content-length", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"}
		}, func(r *http.Request) { r.ContentLength = -1 }},
		{"Date beside X-Amz-Date", nil, func(r *http.Request) { r.Header.Set("Date", "whenever") }},
		{"Date in ISO format", func(d *draft) {
			d.header.Del("X-Amz-Date")
			d.header.Set("Date", d.date)
			d.signed = []string{"date", "host", "x-amz-security-token", "x-amz-target"}
		}, nil},
		{"Date in HTTP format", func(d *draft) {
			d.header.Del("X-Amz-Date")
			d.header.Set("Date", testTime.Format(http.TimeFormat))
			d.signed = []string{"date", "host", "x-amz-security-token", "x-amz-target"}
		}, nil},
		{"query in another order", nil, func(r *http.Request) { r.RequestURI = "/svc?b=2&a=1%20%2B%3B&" }},
		{"blank as plus", nil, func(r *http.Request) { r.RequestURI = "/svc?b=2&a=1+%2B%3B" }},
		{"absolute request target", nil,
			func(r *http.Request) { r.RequestURI = "http://broker.example:8080" + r.RequestURI }},
		{"URL rewritten by middleware", nil, func(r *http.Request) { r.URL = &url.URL{Path: "/"} }},
		{"request that did not come from a server", nil, func(r *http.Request) { r.RequestURI = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDraft()
			if c.draft != nil {
				c.draft(d)
			}
			r, body := d.request()
			if c.request != nil {
				c.request(r)
			}

			v := newVerifier()
			if strings.HasPrefix(c.name, "day before") {
				v.Now = func() time.Time { return testTime.Add(-12 * time.Hour) }
			}
			if got, err := v.Verify(r, body, "cognito-identity"); err != nil || got.Region != d.region {
				t.Errorf("Verify = %v, %v", got, err)
			}
		})
	}
}

func TestMaxSkew(t *testing.T) {
	v := newVerifier()

	v.MaxSkew = 90 * time.Second
	verify := func(when time.Time) error {
		d := newDraft()
		at(when)(d)
		r, body := d.request()
		_, err := v.Verify(r, body, "cognito-identity")
		return err
	}

	for _, age := range []time.Duration{-90 * time.Second, 0, 90 * time.Second} {
		if err := verify(testTime.Add(age)); err != nil {
			t.Errorf("%v: %v", age, err)
		}
	}
	wantRefusal(t, verify(testTime.Add(-91*time.Second)), Expired,
		"Signature expired: 20261123T115829Z is now earlier than 20261123T115830Z (20261123T120000Z - 90 sec.)")
	wantRefusal(t, verify(testTime.Add(91*time.Second)), NotYetCurrent,
		"is still later than 20261123T120130Z (20261123T120000Z + 90 sec.)")
}

func TestDefaultClock(t *testing.T) {
	d := newDraft()
	at(time.Now().UTC())(d)
	r, body := d.request()
	v := newVerifier()
	v.Now = nil
	if _, err := v.Verify(r, body, "cognito-identity"); err != nil {
		t.Error(err)
	}
}

func TestSigned(t *testing.T) {
	for _, c := range []struct {
		target, authorization string
		want                  bool
	}{
		{"/", "", false},
		{"/?Action=GetId&x-amz-other=1&X-Amz-Content-Sha256=x", "", false},
		{"/", "Bearer AWS4-", false},
		{"/", "Basic QVdTNC0=", false},
		{"/", "AWS4-HMAC-SHA256", true},
		{"/", "aws4-anything", true},
		{"/", " AWS4-HMAC-SHA256 x", true},
		{"/?X-Amz-Signature=", "", true},
		{"/?x-amz-credential=x", "", true},
		{"/?a=1&X-Amz-%44ate", "", true},
		{"/?%zz&X-Amz-Expires=1", "", true},
		{"/?a=" + strings.Repeat("x", maxQuery), "", true},
	} {
		r := &http.Request{RequestURI: c.target, Header: http.Header{}}
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}

		if got := Signed(r); got != c.want {
			t.Errorf("Signed(%.40s, %q) = %v", c.target, c.authorization, got)
		}
	}
}

func TestUnverifiedScope(t *testing.T) {
	for _, d := range []*draft{newDraft(), newPresigned()} {
		r, _ := d.request()
		r.Host = "unproven"
		got, err := UnverifiedScope(r)
		if want := (Scope{testKey, d.day, d.region, d.service, terminator}); err != nil || got != want {
			t.Errorf("UnverifiedScope = %v, %v, want %v", got, err, want)
		}
	}

	_, err := UnverifiedScope(&http.Request{RequestURI: "/"})
	wantRefusal(t, err, MissingAuthentication, "")
}

// TestMismatchShowsWhatWasComputed: AWS tells the developer the canonical request; so do we, without the token.
func TestMismatchShowsWhatWasComputed(t *testing.T) {
	d := newDraft()
	d.secret = "other"
	r, body := d.request()
	_, err := newVerifier().Verify(r, body, "cognito-identity")
	wantRefusal(t, err, BadSignature, mismatch)

	refusal := err.(*Error)
	want := "POST\n/svc\na=1%20%2B%3B&b=2\ncontent-type:application/x-amz-json-1.1\nhost:broker.example:8080\n" +
		"x-amz-date:20261123T120000Z\n" +
		"x-amz-security-token:REDACTED\nx-amz-target:AWSCognitoIdentityService.ListIdentityPools\n\n" +
		"content-type;host;x-amz-date;x-amz-security-token;x-amz-target\n" + fmt.Sprintf("%x", sum256(string(body)))
	if refusal.CanonicalRequest != want {
		t.Errorf("CanonicalRequest = %q, want %q", refusal.CanonicalRequest, want)
	}
	if !strings.HasPrefix(refusal.StringToSign,
		"AWS4-HMAC-SHA256\n20261123T120000Z\n20261123/eu-central-1/cognito-identity/aws4_request\n") {
		t.Errorf("StringToSign = %q", refusal.StringToSign)
	}

	p := newPresigned()
	p.secret = "other"
	r, body = p.request()
	_, err = newVerifier().Verify(r, body, "sts")
	wantRefusal(t, err, BadSignature, mismatch)
	if shown := err.(*Error).CanonicalRequest; !strings.Contains(shown,
		"X-Amz-Security-Token=REDACTED&X-Amz-SignedHeaders=host") {
		t.Errorf("CanonicalRequest = %q", shown)
	}
}

// TestBoundedWork: requests beyond the limits are refused before a secret is looked up, and cheaply.
func TestBoundedWork(t *testing.T) {
	v := newVerifier()
	v.Credentials = func(context.Context, string, string) (string, error) {
		t.Error("a secret was looked up")
		return "", ErrUnknownKey
	}

	names := make([]string, 20000)
	for i := range names {
		names[i] = fmt.Sprintf("x-%06d", i)
	}

	many := strings.Join(names, ";")
	for name, newRequest := range map[string]func() (*http.Request, []byte){
		"signed headers": func() (*http.Request, []byte) {
			d := newDraft()
			d.signedHeaders = many
			return d.request()
		},
		"presigned signed headers": func() (*http.Request, []byte) {
			d := newPresigned()
			d.signedHeaders = many[:20000]
			return d.request()
		},
		"parameters": func() (*http.Request, []byte) {
			r, body := newPresigned().request()
			r.RequestURI += strings.Repeat("&a", 15000)
			return r, body
		},
		"Authorization parameters": func() (*http.Request, []byte) {
			r, body := newDraft().request()
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 "+strings.Repeat("a=b,", 100000))
			return r, body
		},
	} {
		r, body := newRequest()
		if n := testing.AllocsPerRun(10, func() {
			_, err := v.Verify(r, body, "sts")
			wantRefusal(t, err, IncompleteSignature, "")
		}); n > 200 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	v := newVerifier()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 50 {
				d := newDraft()
				d.region = fmt.Sprintf("r-%d", i)
				if worker%2 == 1 {
					d.secret = "x"
				}
				r, body := d.request()

				got, err := v.Verify(r, body, "cognito-identity")
				if (err == nil) != (worker%2 == 0) || err == nil && got.Region != d.region {
					t.Errorf("worker %d: %v, %v", worker, got, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestStandardLibraryOnly holds the promise of the package comment.
func TestStandardLibraryOnly(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}

	for _, path := range p.Imports {
		if strings.Contains(path, ".") {
			t.Errorf("the package imports %s", path)
		}
	}
}
