package idtoken

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// FuzzJWT: no text makes the verifier panic, and the only texts that pass are
// the tokens that the provider signed.
func FuzzJWT(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	i := logintest.NewIssuer(f)
	i.SetNow(func() time.Time { return now })
	client := outbound.New(outbound.Options{Now: func() time.Time { return now }})
	f.Cleanup(client.Close)

	v := New(client, func() time.Time { return now })
	trust := Rule{
		Provider: "p", Issuers: []string{i.URL}, Audiences: []string{logintest.Audience},
		Algorithms: []string{"RS256", "PS256", "ES256", "EdDSA"}, Policy: outbound.Policy{AllowHTTP: true,
			AllowPrivate: true},
	}

	good := i.Token(nil)
	signed := map[string]bool{good: true}
	parts := strings.Split(good, ".")
	header, payload := fmt.Sprintf(`{"alg":"RS256","kid":%q}`, i.Key().ID), string(i.Payload(nil))
	f.Add(header, payload, parts[2], good)
	f.Add(`{"alg":"none"}`, payload, "", parts[0]+"."+parts[1]+".")
	f.Add(`{"alg":"HS256","alg":"RS256"}`, `{"sub":"a","Sub":"b"}`, "AA", "a.b.c.d.e")
	f.Add(`{"alg":"RS256","crit":["b64"],"b64":false}`, `{"exp":1e300}`, "AA", "{}")

	// The shapes that have fooled verifiers before, for the fuzzer to vary.
	kid := i.Key().ID
	for _, header := range []string{
		`{"alg":"PS256","kid":"` + kid + `"}`, `{"alg":"ES256","kid":"` + kid + `"}`, `{"alg":"EdDSA"}`,
		`{"ALG":"RS256","\u0061lg":"none"}`,
		`{"alg":"RS256","kid":"../../x"}`, `{"alg":"RS256","kid":null}`, `{"alg":"RS256","typ":"at+jwt"}`,
		`{"alg":"RS256","jku":"http://127.0.0.1/"}`,
		`{"alg":"RS256","jwk":{"kty":"oct","k":""}}`, `{"alg":"RS256","x":[[[[[[]]]]]]}`,
		`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`, `[]`, "\ufeff{}",
	} {
		f.Add(header, payload, parts[2], good+".")
	}

	for _, members := range []string{
		`"sub":"admin"`, `"\u0073ub":"admin"`, `"Sub":"admin"`, `"azp":null`, `"azp":"x"`, `"nbf":1e309`, `"iat":-0`,
		`"x":"\ud800"`, "\"x\":\"\xff\"",
		`"exp":9223372036854775808`, `"x":{"a":1,"a":2}`, `"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20),
	} {
		f.Add(header, strings.TrimSuffix(payload, "}")+","+members+"}", parts[2], " "+good)
	}

	f.Add(header, `{"iss":["`+i.URL+`"],"sub":1,"aud":[],"exp":"1"}`, "",
		`{"protected":"e30","payload":"e30","signature":"AA"}`)
	f.Add(header, payload+" ", strings.Repeat("A", 342), parts[0]+".."+parts[2])
	f.Fuzz(func(t *testing.T, header, payload, signature, text string) {
		b64 := base64.RawURLEncoding.EncodeToString
		for _, token := range []string{
			text,
			b64([]byte(header)) + "." + b64([]byte(payload)) + "." + parts[2],
			b64([]byte(header)) + "." + b64([]byte(payload)) + "." + signature,
			parts[0] + "." + b64([]byte(payload)) + "." + parts[2],
			parts[0] + "." + parts[1] + "." + signature,
		} {
			trace := &explain.Trace{}
			c, err := v.Verify(explain.NewContext(context.Background(), trace), &trust, token)
			var refused *Refused
			switch {
			case err == nil:
				if !signed[token] {
					t.Fatalf("a token that was never signed passed: %q", token)
				}
			case !errors.As(err, &refused):
				t.Fatalf("error %v is not *Refused", err)
			case c.All != nil:
				t.Fatal("claims beside an error")
			case refused.Message == "" || refused.Reason.Check == "" || refused.Fix == "" || !trace.Refused():
				t.Fatalf("refusal does not explain itself: %+v", refused)
			}
		}

		// The claims alone, as if they were signed.
		j := &judge{rule: &trust}
		all, err := outbound.ParseObject([]byte(payload), maxClaimsDepth, claimNames...)
		if err != nil {
			return
		}
		if !json.Valid([]byte(payload)) {
			t.Fatalf("accepted as JSON: %q", payload)
		}

		c, refused := j.judgeClaims(all, now, 5*time.Minute)
		if refused == nil && (c.Subject == "" || len(c.Subject) > MaxSubjectBytes || !explain.Printable(c.Subject) ||
			c.Issuer != i.URL || c.Audience != logintest.Audience || !now.Before(c.Expires.Add(5*time.Minute))) {
			t.Fatalf("claims that break the rules passed: %+v", c)
		}
	})
}

// FuzzJWKS: no document makes the reader panic, and every key it returns is
// strong, public and bound to its type.
func FuzzJWKS(f *testing.F) {
	i := logintest.NewIssuer(f)
	for _, algorithm := range []string{"ES256", "ES384", "ES512", "EdDSA"} {
		i.Add(logintest.NewKey(f, jose.SignatureAlgorithm(algorithm)))
	}
	f.Add(i.KeySet())
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},null,[],{"kty":"RSA","n":"AQ","e":"AQ"}]}`))
	f.Add([]byte(`{"keys":[],"keys":[]}`))

	var every struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(i.KeySet(), &every); err != nil {
		f.Fatal(err)
	}

	for _, k := range every.Keys { // sets of one key, which the fuzzer varies better than one long text
		f.Add([]byte(`{"keys":[` + string(k) + `]}`))
	}

	for _, body := range []string{
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"a"}],"Keys":[]}`,
		`{"keys":[{"kty":"OKP","crv":"X25519","x":"AA"}]}`,
		`{"keys":[{"kty":"RSA","n":"` + strings.Repeat("_", 342) + `","e":"AQAB","d":"AA","use":"sig"}]}`,
		`{"keys":[{"kty":"RSA","KTY":"oct","key_ops":["verify"],"x5c":["AA"]}]}`, `{"keys":{}}`, `{"keys":null}`, `[]`,
		"", `{"keys":[` + strings.Repeat("{},", 100) + `{}]}`,
		`{"keys":[{"kty":"RSA","kid":"\u0000","x":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + `}]} x`,
	} {
		f.Add([]byte(body))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		set, err := parseKeySet(body)
		if err != nil {
			return
		}
		if len(set.all)+set.skipped > maxKeys {
			t.Fatalf("%d keys", len(set.all)+set.skipped)
		}

		for _, k := range set.all {
			if err := checkStrength(k.key); err != nil {
				t.Fatal(err)
			}
			if need, known := algorithms[k.algorithm]; k.algorithm != "" && (!known || need.kty != k.kty) {
				t.Fatalf("key of type %s for %s", k.kty, k.algorithm)
			}

			for name, need := range algorithms {
				if k.fits(name) && need.kty != k.kty {
					t.Fatalf("key of type %s fits %s", k.kty, name)
				}
			}
		}
	})
}

// FuzzDiscovery: the address that a document gives is one that may be asked,
// and only the registered issuer's document gives one.
func FuzzDiscovery(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://issuer.test","jwks_uri":"https://issuer.test/jwks.json"}`))
	f.Add([]byte(`{"issuer":"https://evil.test","issuer":"https://issuer.test","jwks_uri":"file:///etc/passwd"}`))
	f.Add([]byte(`{"issuer":"https://issuer.test","jwks_uri":"http://a@169.254.169.254\\@issuer.test#"}`))

	for _, uri := range []string{
		"https://keys.test:8443/a?b=c", "https://issuer.test\\@evil.test/", "//evil.test/", "https:evil.test",
		"https://[::1%25lo]/", "HTTPS://ISSUER.TEST/",
		"https://issuer.test/%2e%2e/\\u0000", "https://issuer.test#x", "javascript:0", "https://", "",
	} {
		f.Add([]byte(`{"issuer":"https://issuer.test","jwks_uri":"` + uri + `"}`))
	}

	f.Add(
		[]byte(`{"ISSUER":"https://issuer.test","issuer":"https://issuer.test/","jwks_uri":["https://issuer.test/"]}`))
	f.Add(
		[]byte(`{"issuer":"https://issuer.test","JWKS_URI":"https://evil.test/","jwks_uri":"https://issuer.test/"} {}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		address, err := parseDiscovery(body, "https://issuer.test", false)
		if err != nil {
			return
		}
		var stated struct {
			Issuer string `json:"issuer"`
		}
		if err := json.Unmarshal(body, &stated); err != nil {
			t.Fatalf("accepted as JSON: %v", err)
		}

		u, err := outbound.CheckURL(address, false)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			t.Fatalf("address %q", address)
		}
	})
}
