package login

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// fuzzed answers every question with one body.
type fuzzed struct {
	v     *Verifier
	trust Trust
	body  atomic.Pointer[string]
	code  atomic.Int64
}

func newFuzzed(f *testing.F, trust Trust) *fuzzed {
	z := &fuzzed{trust: trust}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(z.code.Load()))
		_, _ = w.Write([]byte(*z.body.Load()))
	}))
	f.Cleanup(server.Close)

	now := time.Unix(1_800_000_000, 0)
	client := outbound.New(
		outbound.Options{Now: func() time.Time { return now },
			Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}})
	f.Cleanup(client.Close)
	z.v = New(client, Options{Now: func() time.Time { return now }})
	z.trust.Provider, z.trust.BaseURL, z.trust.AllowHTTP = "p", "http://192.0.2.1", true
	z.trust.AllowPrivate = true

	return z
}

// verify has one answer judged: whatever it is, there is a login with a sound
// subject and the pool's application, or an error that tells what to do, without
// the credential.
func (z *fuzzed) verify(t *testing.T, token, body string, status int) (Claims, error) {
	z.body.Store(&body)
	z.code.Store(int64(status))
	trace := &explain.Trace{}

	c, err := z.v.Verify(explain.NewContext(t.Context(), trace), z.trust, token)
	var refused *Refused
	var unavailable *Unavailable
	switch {
	case err == nil:
		if status != 200 {
			t.Fatalf("status %d signs in", status)
		}
		if c.Subject == "" || len(c.Subject) > idtoken.MaxSubjectBytes || !explain.Printable(c.Subject) ||
			c.Audience != z.trust.Audiences[0] || c.All["sub"] != c.Subject {
			t.Fatalf("claims %+v", c)
		}
		if trace.Refused() {
			t.Fatal("a failed step in the trace of a login")
		}
	case errors.As(err, &refused):
		if refused.Message == "" || refused.Fix == "" || !trace.Refused() {
			t.Fatalf("refusal does not explain itself: %+v", refused)
		}
	case !errors.As(err, &unavailable) || !trace.Refused():
		t.Fatalf("error %v", err)
	}

	if err != nil && (c.All != nil || c.Subject != "") {
		t.Fatal("claims beside an error")
	}

	said := ""
	for _, s := range trace.Steps() {
		said += s.Check + s.Expected + s.Got + s.Fix
	}
	if err != nil {
		said += err.Error()
	}
	if !strings.Contains(body, token) && strings.Contains(said, token) {
		t.Fatal("the credential stands in an error or trace")
	}

	return c, err
}

func addBodies(f *testing.F, bodies ...string) {
	for _, body := range append(bodies, "", "null", "[]", "{}", "<!DOCTYPE html>", `{"id":NaN}`, `{"id":"1","id":"2"}`,
		strings.Repeat(`{"a":`, 100)) {
		for _, status := range []int{200, 400, 401, 403} {
			f.Add(body, status)
		}
	}
}

func httpStatus(code int) int { // within what a server may send as a final answer
	return 200 + (code%400+400)%400
}

func FuzzFacebookBody(f *testing.F) {
	bySecret := newFuzzed(f, Trust{Kind: Facebook, Rule: idtoken.Rule{Audiences: []string{"123"}}, AppSecret: "secret"})
	byToken := newFuzzed(f, Trust{Kind: Facebook, Rule: idtoken.Rule{Audiences: []string{"123"}}})
	addBodies(f, `{"id":"123"}`, `{"id":123}`, `{"error":{"code":190}}`, `{"error":{"code":100,"message":"m"}}`,
		`{"id":"1","data":{"app_id":"123","type":"USER","is_valid":true,"expires_at":0,"user_id":"1"}}`,
		`{"id":"1","data":{"app_id":123,"type":"PAGE","is_valid":false,"expires_at":1800000001,"user_id":1}}`)
	f.Fuzz(func(t *testing.T, body string, code int) {
		status := 200
		if code != 200 {
			status = httpStatus(code)
		}

		for _, z := range []*fuzzed{bySecret, byToken} {
			if c, err := z.verify(t, "EAAFuzzedFacebookToken", body, status); err == nil && !decimal(c.Subject) {
				t.Fatalf("subject %q", c.Subject)
			}
		}
	})
}

func FuzzAmazonBody(f *testing.F) {
	z := newFuzzed(f,
		Trust{Kind: Amazon, Rule: idtoken.Rule{Audiences: []string{"amzn1.application-oa2-client.1"}},
			VerifyPath: "/auth/o2/tokeninfo"})
	addBodies(f,
		`{"aud":"amzn1.application-oa2-client.1","user_id":"amzn1.account.A","exp":3600,`+
			`"app_id":"amzn1.application.1"}`,
		`{"app_id":"amzn1.application-oa2-client.1","user_id":"u\u202e","exp":1e300}`, `{"error":"invalid_token"}`)
	f.Fuzz(func(t *testing.T, body string, code int) {
		status := 200
		if code != 200 {
			status = httpStatus(code)
		}
		if c, err := z.verify(t, "Atza|FuzzedAmazonToken", body, status); err == nil && !c.Expires.After(z.v.now()) {
			t.Fatalf("expires at %v", c.Expires)
		}
	})
}

func FuzzTwitterBody(f *testing.F) {
	newPath := newFuzzed(f,
		Trust{Kind: Twitter, Rule: idtoken.Rule{Audiences: []string{"key"}}, AppSecret: "secret",
			VerifyPath: "/2/users/me"})
	oldPath := newFuzzed(f,
		Trust{Kind: Twitter, Rule: idtoken.Rule{Audiences: []string{"key"}}, AppSecret: "secret",
			VerifyPath: "/1.1/account/verify_credentials.json"})
	addBodies(f, `{"data":{"id":"12","name":"n","username":"u"}}`, `{"id":12,"id_str":"12"}`,
		`{"errors":[{"code":89}]}`, `{"errors":[{"code":453}]}`, `{"errors":[7]}`)
	f.Fuzz(func(t *testing.T, body string, code int) {
		status := 200
		if code != 200 {
			status = httpStatus(code)
		}

		for _, z := range []*fuzzed{newPath, oldPath} {
			z.v.answers.held.Purge() // each answer is judged for itself
			if c, err := z.verify(t, "1-FuzzedTwitterToken;fuzzedsecret", body, status); err == nil &&
				!decimal(c.Subject) {
				t.Fatalf("subject %q", c.Subject)
			}
		}
	})
}
