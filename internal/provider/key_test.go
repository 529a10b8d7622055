package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// unsignedToken has the form of an ID token, with claims that nothing proves.
func unsignedToken(t *testing.T, claims map[string]any) string {
	t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString

	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode(text) + "." + encode([]byte("signature"))
}

// refuseKey explains the refusal of one login that the pool cannot have.
func refuseKey(r *Registry, pool identitypool.Pool, key, value string) (explain.Step, error) {
	logins := []Login{{Config: identitypool.ProviderConfig{Name: key}, Token: value}}
	err := r.wrongKey(context.Background(), pool, logins, nil)
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Why == nil {
		return explain.Step{}, err
	}

	return refused.Why.Step(), err
}

// Whoever calls without a signature chooses key and issuer. What they are compared with
// does not grow with the issuer, nor with the pool.
func TestComparisonsAreBounded(t *testing.T) {
	pool := identitypool.Pool{Account: "000000000000", Region: "us-east-1"}
	for n := range 1000 {
		arn := fmt.Sprintf("arn:aws:iam::000000000000:oidc-provider/idp%d.example/realms/%d", n, n)
		pool.OIDCProviderARNs = append(pool.OIDCProviderARNs, arn)
	}
	r := New(Options{})
	base := testing.AllocsPerRun(1, func() { pool.PublicProviderNames() })

	for name, login := range map[string]struct{ key, issuer string }{
		"a long issuer":         {"idp.example", "https://" + strings.Repeat("a.", 3<<10)},
		"an issuer of 36 KB":    {"idp.example", "https://" + strings.Repeat("a.", 18<<10)},
		"another issuer":        {"idp.example", "https://other.example"},
		"a key of all its size": {strings.Repeat("a.", 60) + "example", ""},
		"a key that is no host": {strings.Repeat("a", 128), ""},
	} {
		issuer := login.issuer
		if issuer == "" {
			issuer = "https://" + login.key
		}

		token := unsignedToken(t, map[string]any{"iss": issuer})
		allocations := testing.AllocsPerRun(1, func() {
			if _, err := refuseKey(r, pool, login.key, token); err == nil {
				t.Errorf("%s: the login was taken", name)
			}
		})
		if limit := 4*base + 2000; allocations > limit {
			t.Errorf("%s: %.0f allocations, want at most %.0f", name, allocations, limit)
		}
	}

	// A provider of the issuer's host is found among all of them.
	step, _ := refuseKey(r, pool, "idp.example", unsignedToken(t, map[string]any{
		"iss": "https://idp999.example/realms/999/",
	}))
	if step.Code != "token-issuer-names" || !strings.Contains(step.Fix, "idp999.example/realms/999") {
		t.Errorf("explained by %+v", step)
	}
}

// A value under a name that is none is shown if it is a provider's name. It may be the
// identifier of a user otherwise, whatever its form.
func TestSwappedLogins(t *testing.T) {
	const token = "eyJhbGciOiJub25lIn0.e30.c2ln"
	saml := "arn:aws:iam::000000000000:saml-provider/Corp"
	pool := identitypool.Pool{
		Account:          "000000000000",
		Region:           "us-east-1",
		OIDCProviderARNs: []string{"arn:aws:iam::000000000000:oidc-provider/idp.example/realms/a"},
		SAMLProviderARNs: []string{saml},
	}
	r := New(Options{})

	for value, swapped := range map[string]bool{
		"idp.example/realms/a":  true,
		saml:                    true,
		"accounts.google.com":   true,
		"graph.facebook.com":    true,
		"alice.smith":           false,
		"alice.smith.com":       false,
		"https://alice.example": false,
		"idp.example/realms/b":  false,
		"42":                    false,
	} {
		for _, key := range []string{"My App", "login my app", token, "(null)"} {
			step, err := refuseKey(r, pool, key, value)
			if (step.Code == "login-provider-swapped") != swapped {
				t.Errorf("%q under %q: explained by %+v (%v)", value, key, step, err)
			}
			if text := fmt.Sprint(step); !swapped && strings.Contains(text, value+" ") ||
				strings.Contains(text, "alice") || strings.Contains(text, "eyJ") {
				t.Errorf("%q under %q: the explanation shows it: %+v", value, key, step)
			}
		}
	}
}

// What the issuer is compared with makes sense under keys that are no issuers, too.
func TestIssuersThatKeysName(t *testing.T) {
	pool := identitypool.Pool{
		Account:          "000000000000",
		Region:           "us-east-1",
		OIDCProviderARNs: []string{"arn:aws:iam::000000000000:oidc-provider/idp.example"},
	}
	token := unsignedToken(t, map[string]any{"iss": "https://elsewhere.example"})

	for key, want := range map[string]string{
		"other.example":         "https://other.example or http://other.example",
		"accounts.google.com":   "https://accounts.google.com or accounts.google.com",
		"https://other.example": "the issuer that the key names",
		"http://127.0.0.1:4599": "the issuer that the key names",
		"arn:aws:iam::000000000000:oidc-provider/other.example": "the issuer that the key names",
		"My App": "the issuer that the key names",
	} {
		step, err := refuseKey(New(Options{}), pool, key, token)
		if step.Check != "token issuer" || step.Expected != want {
			t.Errorf("%s: explained by %+v (%v), want %q", key, step, err, want)
		}
	}
}
