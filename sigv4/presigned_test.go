package sigv4

import (
	"fmt"
	"net/url"
	"testing"
	"time"
)

func TestPresignedRefusedByDefault(t *testing.T) {
	d := newPresigned()
	d.service = "cognito-identity"
	r, body := d.request()
	_, err := newVerifier().Verify(r, body, "cognito-identity")
	wantRefusal(t, err, IncompleteSignature, "Presigned requests are not supported for 'cognito-identity'")
}

func TestPresignedExpires(t *testing.T) {
	for _, c := range []struct {
		name    string
		age     time.Duration
		expires string
		code    Code
		message string
	}{
		{"within", 59 * time.Second, "60", "", ""},
		{"at the end", 60 * time.Second, "60", "", ""},
		{"over", 61 * time.Second, "60", Expired,
			"Signature expired: 20261123T115859Z is now earlier than 20261123T115900Z (20261123T120000Z - 1 min.)"},
		{"over, odd seconds", 8 * time.Second, "7", Expired, "(20261123T120000Z - 7 sec.)"},
		{"longer than the window of others", 6 * 24 * time.Hour, "604800", "", ""},
		{"from the future", -15 * time.Minute, "60", "", ""},
		{"from too far in the future", -15*time.Minute - time.Second, "60", NotYetCurrent, "Signature not yet current"},
		{"unsaid", 0, "", IncompleteSignature, "AWS query-string parameters must include 'X-Amz-Expires'. Re-examine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newPresigned()
			d.service, d.payload = "s3", unsignedPayload
			at(testTime.Add(-c.age))(d)
			d.query.Set(paramExpires, c.expires)
			if c.expires == "" {
				d.query.Del(paramExpires)
			}

			r, body := d.request()
			got, err := newVerifier().Verify(r, body, "s3")
			if c.code != "" {
				wantRefusal(t, err, c.code, c.message)
				return
			}

			if err != nil {
				t.Fatal(err)
			}
			if age, _ := time.ParseDuration(c.expires + "s"); !got.Expires.Equal(got.Date.Add(age)) {
				t.Errorf("Expires = %v", got.Expires)
			}
		})
	}
}

// TestUnsignedPayload: a service may take UNSIGNED-PAYLOAD where there is no body to bind, and nowhere else.
func TestUnsignedPayload(t *testing.T) {
	empty := fmt.Sprintf("%x", sum256(""))
	for _, c := range []struct {
		name    string
		draft   func(*draft)
		payload string
		code    Code
		message string
	}{
		{"GET, unsaid", func(d *draft) { d.payload = unsignedPayload }, unsignedPayload, "", ""},
		{"HEAD, unsaid", func(d *draft) { d.method, d.payload = "HEAD", unsignedPayload }, unsignedPayload, "", ""},
		{"GET, said", func(d *draft) { d.payload = unsignedPayload; d.query.Set(paramContentSHA256, d.payload) },
			unsignedPayload, "", ""},
		{"GET, hash of the empty body said", func(d *draft) { d.query.Set(paramContentSHA256, empty) }, empty, "", ""},
		{"GET, said in a signed header", func(d *draft) {
			d.payload = unsignedPayload
			d.header.Set(headerContentSHA256, d.payload)
			d.signed = []string{"host", "x-amz-content-sha256"}
		}, unsignedPayload, "", ""},
		{"GET, said twice and differently", func(d *draft) {
			d.payload = unsignedPayload
			d.header.Set(headerContentSHA256, unsignedPayload)
			d.query.Set(paramContentSHA256, empty)
			d.signed = []string{"host", "x-amz-content-sha256"}
		}, "", IncompleteSignature, "two different values"},
		{"GET with a body", func(d *draft) { d.payload, d.body = unsignedPayload, "x" }, "", BadSignature, mismatch},
		{"GET with a body, said", func(d *draft) {
			d.payload, d.body = unsignedPayload, "x"
			d.query.Set(paramContentSHA256, d.payload)
		}, "", IncompleteSignature, "The payload mode 'UNSIGNED-PAYLOAD' is not supported"},
		{"POST", func(d *draft) { d.method, d.payload = "POST", unsignedPayload }, "", BadSignature, mismatch},
		{"PUT, said", func(d *draft) {
			d.method, d.payload = "PUT", unsignedPayload
			d.query.Set(paramContentSHA256, d.payload)
		}, "", IncompleteSignature, "The payload mode 'UNSIGNED-PAYLOAD' is not supported"},
		{"header form", func(d *draft) {
			d.presigned, d.payload = false, unsignedPayload
			d.query = url.Values{}
			d.header.Set("X-Amz-Date", d.date)
			d.header.Set(headerContentSHA256, d.payload)
			d.signed = []string{"host", "x-amz-content-sha256", "x-amz-date"}
		}, "", IncompleteSignature, "The payload mode 'UNSIGNED-PAYLOAD' is not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newPresigned()
			d.service = "s3"
			c.draft(d)
			r, body := d.request()
			got, err := newVerifier().Verify(r, body, "s3")
			if c.code != "" {
				wantRefusal(t, err, c.code, c.message)
				return
			}

			if err != nil {
				t.Fatal(err)
			}

			if got.PayloadHash != c.payload {
				t.Errorf("PayloadHash = %q, want %q", got.PayloadHash, c.payload)
			}
		})
	}
}

// TestPresignedWindow: X-Amz-Expires means nothing to STS. A token for EKS has 60 seconds there, and lives 15 minutes.
func TestPresignedWindow(t *testing.T) {
	for _, expires := range []string{"60", "604800", ""} {
		d := newPresigned()
		at(testTime.Add(-15 * time.Minute))(d)
		d.query.Set(paramExpires, expires)
		if expires == "" {
			d.query.Del(paramExpires)
		}
		r, body := d.request()
		if got, err := newVerifier().Verify(r, body, "sts"); err != nil || !got.Expires.Equal(testTime) {
			t.Errorf("X-Amz-Expires=%s: %v, %v", expires, got.Expires, err)
		}
	}
}
