package idtoken_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// Good tokens in all their variety, so that the refusals above are not the
// work of a verifier that refuses too much.
func TestGoodTokens(t *testing.T) {
	longest := strings.Repeat("s", 255)

	cases := []struct {
		name    string
		header  map[string]any
		claims  map[string]any
		subject string
		client  string
	}{
		{name: "plain"},
		{name: "typ absent", header: map[string]any{"typ": nil}},
		{name: "typ jwt", header: map[string]any{"typ": "jwt"}},
		{name: "header with thumbprints", header: map[string]any{"x5t": "AAAA", "x5t#S256": "AAAA"}},
		{name: "kid absent, one key", header: map[string]any{"kid": nil}},
		{name: "aud a list of one", claims: map[string]any{"aud": []string{logintest.Audience}}},
		{name: "aud a list, all accepted", claims: map[string]any{"aud": []string{"second-client", logintest.Audience}},
			client: "second-client"},
		{name: "azp decides, aud is another", claims: map[string]any{"aud": "web-backend", "azp": "second-client"},
			client: "second-client"},
		{name: "exp with fraction", claims: map[string]any{"exp": 1.9e9 + 0.5}},
		{name: "iat absent", claims: map[string]any{"iat": nil}},
		{name: "nbf within skew",
			claims: map[string]any{"nbf": logintest.NewClock().Now().Add(5 * time.Minute).Unix()}},
		{name: "sub of 255 bytes", claims: map[string]any{"sub": longest}, subject: longest},
		{name: "sub with a bar", claims: map[string]any{"sub": "auth0|1"}, subject: "auth0|1"},
		{name: "sub in Hebrew", claims: map[string]any{"sub": "משתמש"}, subject: "משתמש"},
		{name: "own names that differ in letter case", claims: map[string]any{"Role": "a", "role": "b", "ROLE": "c"}},
		{name: "names with capitals",
			claims: map[string]any{"https://app.test/Roles": []string{"a"}, "givenName": "x",
				"cognito:groups": []string{"g"}}},
	}

	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.trust.Audiences = []string{logintest.Audience, "second-client"}
			got := f.accepts(t, f.issuer.Key().Sign(c.header, f.issuer.Payload(c.claims)))
			subject, client := c.subject, c.client
			if subject == "" {
				subject = "user-1"
			}
			if client == "" {
				client = logintest.Audience
			}
			if got.Subject != subject || got.Audience != client || got.Issuer != f.issuer.URL {
				t.Errorf("Verify = %+v", got)
			}

			for name := range maps.Keys(c.claims) {
				if _, present := got.All[name]; (c.claims[name] != nil) != present {
					t.Errorf("claim %q: present %v", name, present)
				}
			}
		})
	}

	t.Run("16 KiB", func(t *testing.T) {
		f := newFixture(t, nil)
		token := padded(f, idtoken.DefaultMaxTokenBytes)
		if len(token) != idtoken.DefaultMaxTokenBytes {
			t.Fatalf("made a token of %d bytes", len(token))
		}
		f.accepts(t, token)
	})

	t.Run("16 KiB, nearly all of it audiences", func(t *testing.T) {
		for _, name := range []string{"aud", "nonce", "jti"} {
			f := newFixture(t, nil)
			var value any = strings.Repeat("n", 11_400)
			if name == "aud" {
				value = strings.Split(strings.Repeat("client-of-30-characters-in-all,", 340), ",")
			}
			token := f.issuer.Token(map[string]any{name: value, "azp": logintest.Audience})
			if len(token) < 14_000 || len(token) > 16<<10 {
				t.Fatalf("made a token of %d bytes", len(token))
			}
			f.accepts(t, token)
		}
	})

	t.Run("larger where the trust allows", func(t *testing.T) {
		f := newFixture(t, nil)
		f.trust.MaxTokenBytes = 40_000
		f.accepts(t, f.issuer.Token(map[string]any{"filler": strings.Repeat("f", 20_000)}))
	})
	t.Run("claims keep every digit", func(t *testing.T) {
		f := newFixture(t, nil)
		got := f.accepts(t,
			f.issuer.Key().Sign(nil, with(f, nil, `"n":12345678901234567890.10,"o":{"a":[1,null,true]}`)))
		if got.All["n"] != json.Number("12345678901234567890.10") {
			t.Errorf("n = %#v", got.All["n"])
		}
		if text, err := json.Marshal(got.All["o"]); err != nil || string(text) != `{"a":[1,null,true]}` {
			t.Errorf("o = %s, %v", text, err)
		}
	})

	t.Run("Google's two issuers", func(t *testing.T) {
		f := newFixture(t, nil)
		f.trust.Issuers = append(f.trust.Issuers, "accounts.google.com")
		f.accepts(t, f.issuer.Token(nil))
		if got := f.accepts(t,
			f.issuer.Token(map[string]any{"iss": "accounts.google.com"})); got.Issuer != "accounts.google.com" {
			t.Errorf("Issuer = %q", got.Issuer)
		}
	})

	for _, algorithm := range []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384,
		jose.ES512, jose.EdDSA,
	} {
		t.Run(string(algorithm), func(t *testing.T) {
			f := newFixture(t, nil)
			f.issuer.Add(logintest.NewKey(t, algorithm))
			token := f.issuer.Token(nil)
			if algorithm != jose.RS256 {
				f.refuses(t, f.trust, token, "signature algorithm", idtoken.MessageBadSignature)
			}
			f.trust.Algorithms = []string{string(algorithm)}
			f.accepts(t, token)
		})
	}
}
