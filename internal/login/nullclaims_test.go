package login_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// null is a claim that is there and has the value null.
var null = json.RawMessage("null")

// tokenKind is one kind of JWT that somebody signs for us.
type tokenKind struct {
	claims map[string]any // that the kind has besides
	event  bool           // neither sub nor exp is needed
	verify func(f *fixture, token string) (login.Claims, error)
}

func tokenKinds(t *testing.T) map[string]tokenKind {
	idToken := func(change func(f *fixture, trust *login.Trust)) func(*fixture, string) (login.Claims, error) {
		return func(f *fixture, token string) (login.Claims, error) {
			trust := f.trust
			change(f, &trust)
			return f.verifier.Verify(explain.NewContext(t.Context(), &explain.Trace{}), trust, token)
		}
	}

	fixedKeys := func(f *fixture, trust *login.Trust) { trust.JWKSURL = f.issuer.URL + logintest.KeysPath }
	event := func(types ...string) func(*fixture, string) (login.Claims, error) {
		return func(f *fixture, token string) (login.Claims, error) {
			return f.verifier.VerifyEvent(t.Context(), f.trust, types, token)
		}
	}
	events := map[string]any{"events": map[string]any{"urn:event": map[string]any{}}}

	return map[string]tokenKind{
		"OpenID Connect": {verify: idToken(func(*fixture, *login.Trust) {})},
		"user pool": {
			claims: map[string]any{"token_use": "id"},
			verify: idToken(func(f *fixture, trust *login.Trust) {
				fixedKeys(f, trust)
				trust.Require = map[string]string{"token_use": "id"}
				trust.WrongAudience = login.MessageUnsupportedProvider
			}),
		},
		"Google": {verify: idToken(func(f *fixture, trust *login.Trust) {
			fixedKeys(f, trust)
			trust.Issuers = []string{"https://accounts.google.com", f.issuer.URL}
		})},
		"Apple": {verify: idToken(fixedKeys)},
		"Facebook Limited Login": {verify: idToken(func(f *fixture, trust *login.Trust) {
			inner := *trust
			fixedKeys(f, &inner)
			trust.Kind, trust.IDTokens = login.Facebook, &inner.Rule
		})},
		"logout token":   {claims: events, event: true, verify: event("JWT")},
		"security event": {claims: events, event: true, verify: event("JWT", "secevent+jwt")},
	}
}

// A registered claim that is null counts as absent, and 0 is a time (RFC 7519
// section 2; old Keycloak's tokens have nbf 0), in every kind of token.
func TestNullAndZeroClaims(t *testing.T) {
	for name, test := range map[string]struct {
		claims       map[string]any
		check, event string // what refuses ID tokens and events; "" = nothing
	}{
		"nbf 0":          {claims: map[string]any{"nbf": 0}},
		"nbf 0.5":        {claims: map[string]any{"nbf": 0.5}},
		"iat 0":          {claims: map[string]any{"iat": 0}},
		"nbf below 0":    {claims: map[string]any{"nbf": -1}, check: "token times", event: "token times"},
		"nbf of text":    {claims: map[string]any{"nbf": "0"}, check: "token times", event: "token times"},
		"nbf false":      {claims: map[string]any{"nbf": false}, check: "token times", event: "token times"},
		"exp 0":          {claims: map[string]any{"exp": 0}, check: "token expiry", event: "token expiry"},
		"exp null":       {claims: map[string]any{"exp": null}, check: "token claims"},
		"sub null":       {claims: map[string]any{"sub": null}, check: "token claims"},
		"aud null":       {claims: map[string]any{"aud": null}, check: "token claims", event: "token audience"},
		"iss null":       {claims: map[string]any{"iss": null}, check: "token claims", event: "token claims"},
		"nbf null":       {claims: map[string]any{"nbf": null}},
		"iat null":       {claims: map[string]any{"iat": null}},
		"azp null":       {claims: map[string]any{"azp": null}},
		"jti null":       {claims: map[string]any{"jti": null}},
		"nonce null":     {claims: map[string]any{"nonce": null}},
		"auth_time null": {claims: map[string]any{"auth_time": null}},
		"sid null":       {claims: map[string]any{"sid": null}},
		"all of them null": {claims: map[string]any{
			"nbf": null, "iat": null, "azp": null, "jti": null, "nonce": null, "amr": null, "acr": null,
		}},
		"null of an unregistered claim stays": {claims: map[string]any{"department": null}},
	} {
		for kind, k := range tokenKinds(t) {
			for _, filler := range []string{"", strings.Repeat("f", 12<<10)} { // large tokens are read in two steps
				t.Run(fmt.Sprintf("%s, %s, %d", kind, name, len(filler)), func(t *testing.T) {
					f := newFixture(t, nil)
					all := maps.Clone(k.claims)
					if all == nil {
						all = map[string]any{}
					}
					maps.Copy(all, test.claims)
					all["filler"] = filler

					c, err := k.verify(f, f.issuer.Token(all))
					want := test.check
					if k.event {
						want = test.event
					}

					var refused *login.Refused
					switch {
					case want == "" && err != nil:
						t.Fatalf("refused: %v", err)
					case want != "" && (!errors.As(err, &refused) || refused.Reason.Check != want):
						t.Fatalf("the answer is %v, want a refusal at %q", err, want)
					case want != "":
						return
					}

					if c.All["filler"] != filler {
						t.Error("a claim that decides nothing is missing")
					}

					for claim, value := range test.claims {
						_, present := c.All[claim]
						if _, isNull := value.(json.RawMessage); present == (isNull && claim != "department") {
							t.Errorf("claim %s present: %t", claim, present)
						}
					}

					if test.claims["iat"] != nil && c.IssuedAt.IsZero() != (name != "iat 0") {
						t.Errorf("issued at %v", c.IssuedAt)
					}
				})
			}
		}
	}

	// Peek, by which STS sees who signed a token, drops null too.
	f := newFixture(t, nil)
	claims, err := idtoken.Peek(f.issuer.Token(map[string]any{"azp": null, "iat": null, "nbf": 0}), 20_000)
	if _, present := claims["azp"]; err != nil || present || claims["iat"] != nil || claims["nbf"] == nil {
		t.Errorf("Peek = %v, %v", claims, err)
	}
}
