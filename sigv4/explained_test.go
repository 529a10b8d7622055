package sigv4

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A refusal tells in fields what came and what was expected, as far as it was read.
func TestErrorFields(t *testing.T) {
	secretInPlace := func(r *http.Request, _ *[]byte) {
		a := r.Header.Get("Authorization")
		r.Header.Set("Authorization", strings.Replace(a, "Credential=", "Credential=PLANTED/", 1))
	}
	for _, test := range []struct {
		name  string
		draft func(*draft)
		after func(*http.Request, *[]byte)
		parts []Part
		check func(e *Error) bool
	}{
		{"wrong secret", func(d *draft) { d.secret = "x" }, nil, []Part{PartSignature}, func(e *Error) bool {
			return e.Scope.Service == "cognito-identity" && e.Scope.Terminator() == terminator &&
				e.StringToSign != "" &&
				slices.Contains(e.SignedHeaders, "host") && e.Host != "" && !e.SignedAt.IsZero()
		}},
		{"unknown key", func(d *draft) { d.key = "AKIDPOOLHOUSENOTX" }, nil, []Part{PartAccessKey},
			func(e *Error) bool {
				return e.AccessKeyID == "AKIDPOOLHOUSENOTX" && e.CanonicalRequest == "" && e.HasToken
			}},
		{"a part too many", nil, secretInPlace, []Part{PartCredential}, func(e *Error) bool {
			return strings.Contains(e.Message, "PLANTED") && !strings.Contains(e.Unquoted, "PLANTED")
		}},
		{"two faults of the scope", nil, func(r *http.Request, _ *[]byte) {
			a := strings.Replace(r.Header.Get("Authorization"), "/cognito-identity/aws4_request", "/s3/PLANTED", 1)
			r.Header.Set("Authorization", a)
		}, []Part{PartService, PartTerminator}, func(e *Error) bool {
			return e.Service == "cognito-identity" && strings.Contains(e.Message, "PLANTED") &&
				!strings.Contains(e.Unquoted, "PLANTED")
		}},
		{"a header added", nil, setHeader("X-Amz-Added", "1"), []Part{PartCoverage},
			func(e *Error) bool { return e.Name == "X-Amz-Added" }},
		{"nothing signed", nil, func(r *http.Request, _ *[]byte) { r.Header.Del("Authorization") },
			[]Part{PartScheme}, func(e *Error) bool {
				return e.SignedAt.IsZero() && e.AccessKeyID == "" && !e.Now.IsZero()
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDraft()
			if test.draft != nil {
				test.draft(d)
			}
			r, body := d.request()
			if test.after != nil {
				test.after(r, &body)
			}
			_, err := newVerifier().Verify(r, body, "cognito-identity")

			e, ok := errors.AsType[*Error](err)
			if !ok || !slices.Equal(e.Parts, test.parts) || !test.check(e) {
				t.Errorf("%+v", e)
			}
		})
	}
}

// The distance of the clocks can be read, and how much of it is allowed.
func TestErrorTellsTheClock(t *testing.T) {
	for ahead, code := range map[time.Duration]Code{time.Hour: Expired, -time.Hour: NotYetCurrent} {
		v := newVerifier()
		now := v.Now().Add(ahead)
		v.Now = func() time.Time { return now }
		r, body := newDraft().request()
		_, err := v.Verify(r, body, "cognito-identity")

		e, _ := errors.AsType[*Error](err)
		if e.Code != code || e.Now.Sub(e.SignedAt).Round(time.Minute) != ahead || e.Window != defaultSkew ||
			!slices.Equal(e.Parts, []Part{PartClock}) {
			t.Errorf("%v: %+v", ahead, e)
		}
	}
}

// An Error that Credentials return again and again is not changed.
func TestErrorOfCredentialsStays(t *testing.T) {
	shared := &Error{Code: UnknownKey, Message: "mine"}
	v := newVerifier()
	v.Credentials = func(_ context.Context, _, _ string) (string, error) { return "", shared }
	r, body := newDraft().request()
	_, err := v.Verify(r, body, "cognito-identity")
	if e, ok := errors.AsType[*Error](err); !ok || e.Message != "mine" || e.Service == "" || shared.Service != "" {
		t.Errorf("%+v, %+v", err, shared)
	}
}
