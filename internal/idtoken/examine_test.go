package idtoken_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// Examine reports every check that fails, and returns Verify's error. It asks a provider only about
// tokens of its own, and calls nothing proved that has no good signature.
func TestExamine(t *testing.T) {
	f := newFixture(t, nil)
	past := f.Now().Add(-time.Hour).Unix()
	otherKey := logintest.NewKey(t, "RS256")

	for name, c := range map[string]struct {
		token  string
		proven bool
		failed []string // checks, in order
		client string   // "" = the claims have none
		asked  bool
	}{
		"good": {token: f.issuer.Token(nil), proven: true, client: logintest.Audience, asked: true},
		"expired": {
			token:  f.issuer.Token(map[string]any{"exp": past, "iat": past - 1}),
			proven: true, failed: []string{"token expiry"}, client: logintest.Audience, asked: true,
		},
		"expired, of another client": {
			token:  f.issuer.Token(map[string]any{"exp": past, "iat": past - 1, "aud": "other"}),
			proven: true, failed: []string{"token expiry", "token audience"}, client: "other", asked: true,
		},
		"without a subject and an end": {
			token:  f.issuer.Token(map[string]any{"sub": nil, "exp": nil}),
			proven: true, failed: []string{"token claims", "token claims"}, client: logintest.Audience, asked: true,
		},
		"with a foreign key's signature": {
			token:  otherKey.Sign(map[string]any{"kid": f.issuer.Key().ID}, f.issuer.Payload(nil)),
			failed: []string{"token signature"}, client: logintest.Audience, asked: true,
		},
		"expired, with a foreign key's signature": {
			token: otherKey.Sign(map[string]any{"kid": f.issuer.Key().ID},
				f.issuer.Payload(map[string]any{"exp": past, "iat": past - 1})),
			failed: []string{"token expiry", "token signature"}, client: logintest.Audience, asked: true,
		},
		"of another issuer, and expired": {
			token:  f.issuer.Token(map[string]any{"iss": "https://other.example", "exp": past, "iat": past - 1}),
			failed: []string{"token issuer", "token expiry"}, client: logintest.Audience,
		},
		"of a sign-out": {
			token:  f.issuer.Token(map[string]any{"events": map[string]any{}}),
			failed: []string{"token claims"},
		},
		"that is no JWT": {token: "nothing", failed: []string{"token form"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.verifier.Forget()
			before, trace := f.issuer.Requests(), &explain.Trace{}
			ctx := explain.NewContext(t.Context(), trace.For(f.trust.Provider))
			got, proven, err := f.verifier.Examine(ctx, &f.trust, c.token)

			var failed []string
			for _, step := range trace.Steps() {
				if !step.OK {
					failed = append(failed, step.Check)
				}
			}
			if diff := cmp.Diff(c.failed, failed); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
			if proven != c.proven || got.Audience != c.client || (f.issuer.Requests() > before) != c.asked {
				t.Errorf("proven %t, client %q, %d requests", proven, got.Audience, f.issuer.Requests()-before)
			}

			_, verified := f.verifier.Verify(t.Context(), &f.trust, c.token)
			if message(err) != message(verified) {
				t.Errorf("Examine: %v; Verify: %v", err, verified)
			}
		})
	}
}

// message returns what the app would read; "" if the token is good.
func message(err error) string {
	refused, ok := errors.AsType[*idtoken.Refused](err)
	switch {
	case ok:
		return refused.Message + " " + string(refused.Reason.Code)
	case err != nil:
		return err.Error()
	}
	return ""
}

// That the provider cannot be asked proves nothing, and hides no earlier refusal.
func TestExamineWithoutKeys(t *testing.T) {
	f := newFixture(t, nil)
	f.issuer.Answer(logintest.KeysPath, logintest.Answer(500, "text/plain", ""))

	_, proven, err := f.verifier.Examine(t.Context(), &f.trust, f.issuer.Token(nil))
	if _, ok := errors.AsType[*idtoken.Unavailable](err); !ok || proven {
		t.Errorf("a good token: proven %t, %v", proven, err)
	}

	_, proven, err = f.verifier.Examine(t.Context(), &f.trust, f.issuer.Token(map[string]any{"aud": "other"}))
	if _, ok := errors.AsType[*idtoken.Refused](err); !ok || proven {
		t.Errorf("another client's: proven %t, %v", proven, err)
	}
}

// What a person states about a token is read as the token would be.
func TestStated(t *testing.T) {
	for text, want := range map[string]idtoken.Claims{
		`{"iss":"i","sub":"s","aud":"a","exp":1,"iat":0}`: {
			Issuer: "i", Subject: "s", Audience: "a", Expires: time.Unix(1, 0), IssuedAt: time.Unix(0, 0),
		},
		`{"aud":["a","b"]}`:            {Audience: "a"},
		`{"aud":["a"],"azp":"client"}`: {Audience: "client"},
		`{"aud":"a","azp":7}`:          {},
		`{"aud":"a","azp":null}`:       {Audience: "a"},
		`{"iss":1,"sub":[],"exp":"x"}`: {},
		`{}`:                           {},
	} {
		claims, err := idtoken.ParseClaims([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}

		got := idtoken.Stated(claims)
		if diff := cmp.Diff(claims, got.All); diff != "" {
			t.Errorf("%s: all claims (-want +got):\n%s", text, diff)
		}
		if got.Issuer != want.Issuer || got.Subject != want.Subject || got.Audience != want.Audience ||
			!got.Expires.Equal(want.Expires) || !got.IssuedAt.Equal(want.IssuedAt) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestParseClaimsRefuses(t *testing.T) {
	for _, text := range []string{
		``, `[]`, `null`, `{"a":1,"a":2}`, `{"Sub":"x"}`, `{} {}`,
		strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20),
		`{"a":"` + strings.Repeat("x", idtoken.DefaultMaxTokenBytes) + `"}`,
	} {
		if claims, err := idtoken.ParseClaims([]byte(text)); err == nil {
			t.Errorf("%.40s is read as %v", text, claims)
		}
	}
}
