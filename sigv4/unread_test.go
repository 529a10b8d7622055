package sigv4

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The signature binds what the client states about a body that is not at hand; what contradicts it is refused.
func TestVerifyUnread(t *testing.T) {
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte("body")))
	stating := func(value string) *draft {
		d := newDraft()
		d.body = "body"
		d.payload = value
		d.header.Set("X-Amz-Content-Sha256", value)
		d.signed = []string{"content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
			"x-amz-target"}
		return d
	}

	silent := newDraft()
	silent.body = ""
	sized := newDraft()
	sized.body = ""
	sized.header.Set("Content-Length", "0")
	sized.signed = append([]string{"content-length"}, sized.signed...)
	s3 := newPresigned()
	s3.service, s3.payload = "s3", unsignedPayload
	s3.query.Set("X-Amz-Expires", "60")

	for name, test := range map[string]struct {
		draft  *draft
		length int64
		hash   string // "" = refused
		code   Code
	}{
		"states the hash":            {stating(hash), 4, hash, ""},
		"of a body of any length":    {stating(hash), -1, hash, ""},
		"states none, has no body":   {silent, 0, emptyHash, ""},
		"states none, who knows":     {silent, -1, emptyHash, ""},
		"states none, has a body":    {silent, 1, "", BadSignature},
		"states the empty, has one":  {stating(emptyHash), 4, "", BadSignature},
		"unsigned":                   {stating(unsignedPayload), 4, unsignedPayload, ""},
		"presigned for S3":           {s3, -1, unsignedPayload, ""},
		"streaming":                  {stating("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), 4, "", IncompleteSignature},
		"no hash":                    {stating(strings.ToUpper(hash)), 4, "", IncompleteSignature},
		"signs a length":             {sized, 0, emptyHash, ""},
		"signs a length, other":      {sized, 1, "", BadSignature},
		"signs a length not told on": {sized, -1, "", IncompleteSignature},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := test.draft.request()
			result, err := newVerifier().VerifyUnread(r, test.length, test.draft.service)
			if test.hash != "" {
				if err != nil || result.PayloadHash != test.hash {
					t.Errorf("VerifyUnread = %q, %v; want %q", result.PayloadHash, err, test.hash)
				}
				return
			}

			if refusal, ok := errors.AsType[*Error](err); !ok || refusal.Code != test.code {
				t.Errorf("VerifyUnread = %v, want %s", err, test.code)
			}
		})
	}

	r, _ := stating(hash).request()
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	_, err := newVerifier().VerifyUnread(r, -1, "cognito-identity")
	wantRefusal(t, err, BadSignature, msgMismatch)
}

// With a signing key the verdict is the same as with the secret.
func TestSigningKeys(t *testing.T) {
	keyed := func(err error) *Verifier {
		v := newVerifier()
		v.Credentials = nil
		v.SigningKeys = func(_ context.Context, scope Scope, token string) (SigningKey, error) {
			if scope.AccessKeyID != testKey || token != testToken {
				return SigningKey{}, ErrUnknownKey
			}
			return DeriveSigningKey(testSecret, scope.Date, scope.Region, scope.Service), err
		}

		return v
	}

	d := newDraft()
	r, body := d.request()
	if result, err := keyed(nil).Verify(r, body, d.service); err != nil || result.AccessKeyID != testKey {
		t.Errorf("Verify = %v, %v", result, err)
	}

	_, err := keyed(nil).Verify(r, []byte("other"), d.service)
	wantRefusal(t, err, BadSignature, msgMismatch)
	_, err = keyed(ErrExpiredToken).Verify(r, body, d.service)
	wantRefusal(t, err, ExpiredToken, msgExpiredToken)
	d.key = "AKIDOTHER"
	r, body = d.request()
	_, err = keyed(nil).Verify(r, body, d.service)
	wantRefusal(t, err, UnknownKey, msgInvalidToken)

	down := errors.New("down")
	r, body = newDraft().request()
	if _, err := keyed(down).Verify(r, body, "cognito-identity"); !errors.Is(err, down) {
		t.Errorf("Verify = %v, want %v", err, down)
	}

	both := keyed(nil)
	both.Credentials = newVerifier().Credentials
	if _, err := both.Verify(r, body, "cognito-identity"); err == nil {
		t.Error("two sources of keys are taken")
	}
	key := DeriveSigningKey(testSecret, testTime.Format(dateFormat), "eu-central-1", "s3")
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Trim(text, "REDACT ") != "" {
		t.Errorf("a signing key is printed: %s", text)
	}
}

// BenchmarkSigningKey is Verify with a signing key at hand against the five HMACs of a signature without one, on one
// core. The ratio shows the cost of verifying beyond cryptography.
func BenchmarkSigningKey(b *testing.B) {
	d := newDraft()
	v := newVerifier()
	key := DeriveSigningKey(testSecret, d.day, d.region, d.service)
	v.Credentials = nil
	v.SigningKeys = func(context.Context, Scope, string) (SigningKey, error) { return key, nil }
	r, body := d.request()
	b.ReportAllocs()

	for b.Loop() {
		if _, err := v.Verify(r, body, d.service); err != nil {
			b.Fatal(err)
		}
	}
	took := b.Elapsed()
	hmacs := timeHMACs(b.N)
	b.ReportMetric(float64(hmacs)/float64(took), "ratio")
}

// timeHMACs is how long n times five HMAC-SHA256 of a string to sign take.
func timeHMACs(n int) time.Duration {
	key, text := make([]byte, sha256.Size), make([]byte, 120)
	begin := time.Now()

	for range 5 * n {
		h := hmac.New(sha256.New, key)
		h.Write(text)
		h.Sum(key[:0])
	}

	return time.Since(begin)
}
