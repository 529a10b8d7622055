package issuer_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// A shaped token has the header and claims asked for, verifies with the
// published keys, and is not taken for one of Sign's.
func TestSignShaped(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	set, _ := fetch(t, i)
	for _, algorithm := range issuer.Algorithms {
		for _, typ := range []string{"", "JWT", "JWS"} {
			c := f.claims()
			c.PoolARN, c.PrincipalTags, c.AMR = "", nil, nil
			token, err := i.SignShaped(t.Context(), issuer.Shape{
				Algorithm:   algorithm,
				Type:        typ,
				Certificate: typ == "JWT",
				Issuer:      "https://other.example",
				Extra:       map[string]any{"policy": "reader", "azp": "client"},
			}, c)
			if err != nil {
				t.Fatal(err)
			}

			parts := strings.Split(token, ".")
			head := map[string]any{}
			text, _ := base64.RawURLEncoding.DecodeString(parts[0])
			if err := json.Unmarshal(text, &head); err != nil {
				t.Fatal(err)
			}
			if (typ == "") != (head["typ"] == nil) || typ != "" && head["typ"] != typ || head["alg"] != algorithm ||
				(head["x5c"] != nil) != (typ == "JWT") {
				t.Errorf("%s %q: header %s", algorithm, typ, text)
			}

			signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
			if err != nil {
				t.Fatal(err)
			}
			payload, err := signed.Verify(set.Key(head["kid"].(string))[0].Key)
			if err != nil {
				t.Fatalf("%s %q: %v", algorithm, typ, err)
			}

			got := map[string]any{}
			if err := json.Unmarshal(payload, &got); err != nil {
				t.Fatal(err)
			}
			if id, _ := got["jti"].(string); len(id) != 36 {
				t.Errorf("jti is %v", got["jti"])
			}

			delete(got, "jti")
			want := map[string]any{"sub": c.Subject, "aud": c.Audience, "iss": "https://other.example",
				"policy": "reader", "azp": "client",
				"iat": float64(c.IssuedAt.Unix()), "exp": float64(c.Expires.Unix())}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		}
	}

	for _, algorithm := range issuer.Algorithms {
		token, err := i.SignShaped(t.Context(), issuer.Shape{Algorithm: algorithm, Type: "JWS"}, f.claims())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.Verify(t.Context(), token); !errors.Is(err, issuer.ErrNotOurs) {
			t.Errorf("%s: Verify takes a shaped token for a login: %v", algorithm, err)
		}
	}
}

func TestShapeFaults(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	for name, shape := range map[string]issuer.Shape{
		"algorithm":    {Algorithm: "none"},
		"symmetric":    {Algorithm: "HS256"},
		"own claim":    {Extra: map[string]any{"sub": "x"}},
		"no name":      {Extra: map[string]any{"": "x"}},
		"jti":          {Extra: map[string]any{"jti": "x"}},
		"issuer":       {Issuer: "https://a.example/"},
		"no JSON":      {Extra: map[string]any{"f": func() {}}},
		"invalid text": {Extra: map[string]any{"f": "\xff"}},
	} {
		if token, err := i.SignShaped(t.Context(), shape, f.claims()); err == nil || token != "" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}

	late := f.claims()
	late.Expires = late.IssuedAt.Add(2 * issuer.MaxTokenLifetime)
	if _, err := i.SignShaped(t.Context(), issuer.Shape{}, late); err == nil {
		t.Error("a token that outlives its key")
	}
	nobody := f.claims()
	nobody.Subject = ""
	if _, err := i.SignShaped(t.Context(), issuer.Shape{}, nobody); err == nil {
		t.Error("a token about nobody")
	}
}
