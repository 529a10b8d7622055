package login_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// Examine returns the claims of an ID token that it refuses, and Verify none.
func TestExamineIDToken(t *testing.T) {
	f := newFixture(t, nil)
	past := f.Now().Add(-time.Hour).Unix()

	for name, c := range map[string]struct {
		claims map[string]any
		good   bool
	}{
		"good":    {good: true},
		"expired": {claims: map[string]any{"exp": past, "iat": past - 1}},
	} {
		trace := &explain.Trace{}
		token := f.issuer.Token(c.claims)
		got, proven, err := f.verifier.Examine(explain.NewContext(t.Context(), trace), f.trust, token)
		if got.Subject != "user-1" || !proven || (err == nil) != c.good || trace.Refused() == c.good {
			t.Errorf("%s: %+v, proven %t, %v", name, got, proven, err)
		}
		if c.good {
			continue
		}

		for _, step := range trace.Steps() {
			if !step.OK && step.Provider != f.trust.Provider {
				t.Errorf("%s: the refusal is of provider %q", name, step.Provider)
			}
		}
		if got, _, err := f.verify(t, f.trust, token); err == nil || got.Subject != "" {
			t.Errorf("%s: Verify returns %+v, %v", name, got, err)
		}
	}
}

// Other credentials are proved or say nothing. A kind that no protocol has is a fault, not a refusal.
func TestExamineOtherKinds(t *testing.T) {
	v, _, idp, trust := samlVerifier(t)
	got, proven, err := v.Examine(t.Context(), trust, idp.Response(t, samltest.Login{}))
	if err != nil || !proven || got.Subject != "alice" {
		t.Errorf("a response: %+v, proven %t, %v", got, proven, err)
	}

	got, proven, err = v.Examine(t.Context(), trust, samltest.Encode(idp.Unsigned(samltest.Login{})))
	if _, ok := errors.AsType[*login.Refused](err); !ok || proven || got.All != nil {
		t.Errorf("an unsigned response: %+v, proven %t, %v", got, proven, err)
	}

	trust.Kind = "unknown"
	_, proven, err = v.Examine(t.Context(), trust, "x")
	if _, ok := errors.AsType[*login.Refused](err); ok || err == nil || proven {
		t.Errorf("an unknown kind: proven %t, %v", proven, err)
	}
}

// X is asked each time that a credential is examined: sign-ins must neither gain nor lose an answer by it.
func TestExamineKeepsNoAnswer(t *testing.T) {
	f, api := newTwitter(t)
	asked := func() int { return len(api.Requests()) }
	api.KeepRequests(100)
	examine := func() {
		t.Helper()
		before := asked()
		if _, proven, err := f.verifier.Examine(t.Context(), f.trust, f.token); err != nil || !proven {
			t.Fatalf("proven %t, %v", proven, err)
		}
		if asked() != before+1 {
			t.Errorf("Examine asked %d times", asked()-before)
		}
	}
	verify := func(requests int) {
		t.Helper()
		before := asked()
		f.accepts(t, f.token)
		if asked() != before+requests {
			t.Errorf("Verify asked %d times, want %d", asked()-before, requests)
		}
	}

	examine()
	verify(1)
	examine()
	verify(0)

	api.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	if _, proven, err := f.verifier.Examine(t.Context(), f.trust, f.token); err == nil || proven {
		t.Errorf("a withdrawn token: proven %t, %v", proven, err)
	}
}

// Attributes that a person states become the claims that a response with them gives.
func TestStatedOfSAML(t *testing.T) {
	v, _, idp, trust := samlVerifier(t)
	const role = "arn:aws:iam::000000000000:role/A"
	proved, err := v.Verify(t.Context(), trust, idp.Response(t, samltest.Login{Attributes: []samltest.Attribute{
		samltest.Roles(role + "," + corpSAML),
		{Name: "mail", Values: []string{"alice@example.com"}},
		{Name: "groups", Values: []string{"x", "y"}},
	}}))
	if err != nil {
		t.Fatal(err)
	}

	stated, err := login.Stated(t.Context(), trust, map[string]any{
		samltest.Role: role + "," + corpSAML,
		"mail":        "alice@example.com",
		"groups":      []any{"x", "y"},
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "alice",
	})
	want := login.Claims{Subject: proved.Subject, All: proved.All, Roles: proved.Roles}
	if diff := cmp.Diff(want, stated); err != nil || diff != "" {
		t.Errorf("%v (-proved +stated):\n%s", err, diff)
	}

	trace := &explain.Trace{}
	ctx := explain.NewContext(t.Context(), trace)
	for name, value := range map[string]any{
		"https://aws.amazon.com/SAML/Attributes/SessionDuration":   "1",
		"https://aws.amazon.com/SAML/Attributes/RoleSessionName":   []any{"two", "names"},
		"https://aws.amazon.com/SAML/Attributes/PrincipalTag:Team": 7,
	} {
		got, err := login.Stated(ctx, trust, map[string]any{name: value})
		if _, ok := errors.AsType[*login.Refused](err); !ok || got.All != nil || !trace.Refused() {
			t.Errorf("%s = %v: %+v, %v", name, value, got, err)
		}
	}
}

func TestStatedOfIDToken(t *testing.T) {
	claims := map[string]any{"iss": "https://idp.example", "sub": "alice", "aud": logintest.Audience, "x": true}
	got, err := login.Stated(t.Context(), login.Trust{}, claims)
	want := login.Claims{
		Issuer: "https://idp.example", Subject: "alice", Audience: logintest.Audience, All: claims,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
