package idtoken_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// Forgeries that play with the algorithm under a published key.
func TestForgedSignatures(t *testing.T) {
	every := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	tamper := func(f *fixture) string { // another subject under the signature of a good token
		parts := strings.Split(f.issuer.Token(nil), ".")
		return parts[0] + "." + b64(string(f.issuer.Payload(map[string]any{"sub": "admin"}))) + "." + parts[2]
	}

	cases := []struct {
		name  string
		token func(t *testing.T, f *fixture) string
		check string
	}{
		{"claims changed", func(_ *testing.T, f *fixture) string { return tamper(f) }, "token signature"},
		{"header changed", func(_ *testing.T, f *fixture) string {
			parts := strings.Split(f.issuer.Token(nil), ".")
			return b64(`{"alg":"RS256","kid":"`+f.issuer.Key().ID+`","x":1}`) + "." + parts[1] + "." + parts[2]
		}, "token signature"},
		{"signature cut short", func(_ *testing.T, f *fixture) string {
			parts := strings.Split(f.issuer.Token(nil), ".")
			return parts[0] + "." + parts[1] + "." + parts[2][:340] // 255 of 256 bytes
		}, "token signature"},
		{"PS256 header over an RS256 key", func(_ *testing.T, f *fixture) string {
			return f.issuer.Key().Sign(map[string]any{"alg": "PS256"}, f.issuer.Payload(nil))
		}, "signing key"},
		{"real PS256 signature by an RS256 key", func(_ *testing.T, f *fixture) string {
			k := *f.issuer.Key()
			k.Algorithm = jose.PS256
			return k.Sign(nil, f.issuer.Payload(nil))
		}, "signing key"},
		{"PS256 signature with another salt length than its digest's (RFC 7518 section 3.5)",
			func(t *testing.T, f *fixture) string {
				f.issuer.Add(logintest.NewKey(t, jose.PS256))
				return shortSalt(t, f)
			}, "token signature"},
		{"RS256 header over a PS256 key", func(t *testing.T, f *fixture) string {
			f.issuer.Add(logintest.NewKey(t, jose.PS256))
			return f.issuer.Key().Sign(map[string]any{"alg": "RS256"}, f.issuer.Payload(nil))
		}, "signing key"},
		{"ES256 header under an RSA key", func(_ *testing.T, f *fixture) string {
			return f.issuer.Key().Sign(map[string]any{"alg": "ES256"}, f.issuer.Payload(nil))
		}, "signing key"},
		{"ES256 header over a P-384 key", func(t *testing.T, f *fixture) string {
			f.issuer.Add(logintest.NewKey(t, jose.ES384))
			return f.issuer.Key().Sign(map[string]any{"alg": "ES256"}, f.issuer.Payload(nil))
		}, "signing key"},
		{"psychic signature: r = s = 0", func(t *testing.T, f *fixture) string {
			f.issuer.Add(logintest.NewKey(t, jose.ES256))
			parts := strings.Split(f.issuer.Token(nil), ".")
			return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
		}, "token signature"},
		{"ECDSA signature in ASN.1", func(t *testing.T, f *fixture) string {
			f.issuer.Add(logintest.NewKey(t, jose.ES256))
			parts := strings.Split(f.issuer.Token(nil), ".")
			digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
			der, err := f.issuer.Key().Private.Sign(rand.Reader, digest[:], nil)
			if err != nil {
				t.Fatal(err)
			}
			return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(der)
		}, "token signature"},
		{"Ed25519 signature of zeros", func(t *testing.T, f *fixture) string {
			f.issuer.Add(logintest.NewKey(t, jose.EdDSA))
			parts := strings.Split(f.issuer.Token(nil), ".")
			return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
		}, "token signature"},
	}

	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.trust.Algorithms = every
			token := c.token(t, f)
			f.refuses(t, f.trust, token, c.check, idtoken.MessageBadSignature)
			f.accepts(t, f.issuer.Token(nil)) // the key itself is fine
		})
	}
}

// shortSalt returns a token that the issuer's PS256 key signs with a salt of 20 bytes.
func shortSalt(t *testing.T, f *fixture) string {
	t.Helper()
	parts := strings.Split(f.issuer.Token(nil), ".")
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := f.issuer.Key().Private.Sign(rand.Reader, digest[:],
		&rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA256})
	if err != nil {
		t.Fatal(err)
	}

	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Keys that must not be used, each published beside a good one that still works.
func TestHostileKeys(t *testing.T) {
	good := logintest.NewKey(t, jose.RS256)
	modulus := func(bits int) *big.Int {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits)))
		if err != nil {
			t.Fatal(err)
		}
		return n.SetBit(n, bits-1, 1).SetBit(n, 0, 1)
	}

	jwk := func(n *big.Int, e int64) map[string]any {
		encode := func(x *big.Int) string { return base64.RawURLEncoding.EncodeToString(x.Bytes()) }
		return map[string]any{"kty": "RSA", "kid": "bad", "n": encode(n), "e": encode(big.NewInt(e))}
	}
	bad := logintest.NewKey(t, jose.RS256)
	bad.ID = "bad"
	badRSA := bad.Private.(*rsa.PrivateKey)
	own := func(change map[string]any) (map[string]any, func(*fixture) string) {
		k := jwk(badRSA.N, int64(badRSA.E))
		for name, value := range change {
			k[name] = value
		}
		return k, func(f *fixture) string { return bad.Sign(nil, f.issuer.Payload(nil)) }
	}

	type hostile struct {
		name  string
		key   any
		token func(*fixture) string
	}
	var cases []hostile
	add := func(name string, change map[string]any) {
		k, token := own(change)
		cases = append(cases, hostile{name, k, token})
	}
	add("use enc", map[string]any{"use": "enc"})
	add("key_ops without verify", map[string]any{"key_ops": []string{"encrypt"}})
	add("key_ops a string", map[string]any{"key_ops": "verify"})
	add("alg of encryption", map[string]any{"alg": "RSA-OAEP"})
	add("alg of another key type", map[string]any{"alg": "ES256"})
	add("alg a shared secret's", map[string]any{"alg": "HS256"})
	add("kty unknown", map[string]any{"kty": "XYZ"})
	add("kty absent", map[string]any{"kty": ""})
	add("n not base64", map[string]any{"n": "!!!"})
	add("n a number", map[string]any{"n": 7})
	add("e = 1", map[string]any{"e": "AQ"})
	add("e = 3", map[string]any{"e": "Aw"})
	add("e even", map[string]any{"e": "AQAC"})
	add("e of 64 bits", map[string]any{"e": "_________w8"})
	add("e of 8192 bits", map[string]any{"e": strings.Repeat("_", 1365)})

	cases = append(cases,
		hostile{"e = 1 with the signature that fits it", jwk(badRSA.N, 1),
			func(f *fixture) string { return exponentOne(f, "bad", badRSA.N) }},
		hostile{"a key of the generator of CVE-2017-15361", rocaKey(badRSA),
			func(f *fixture) string { return bad.Sign(nil, f.issuer.Payload(nil)) }},
		hostile{"512 bits", jwk(modulus(512), 65537),
			func(f *fixture) string { return bad.Sign(nil, f.issuer.Payload(nil)) }},
		hostile{"2047 bits", jwk(modulus(2047), 65537),
			func(f *fixture) string { return bad.Sign(nil, f.issuer.Payload(nil)) }},
		hostile{"16384 bits", jwk(modulus(16384), 65537),
			func(f *fixture) string { return bad.Sign(nil, f.issuer.Payload(nil)) }},
		hostile{"a shared secret", map[string]any{"kty": "oct", "kid": "bad", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
			macTokenAs("bad", "secretsecretsecretsecret")},
		hostile{"point off the curve",
			map[string]any{"kty": "EC", "kid": "bad", "crv": "P-256", "x": b64(strings.Repeat("x", 32)),
				"y": b64(strings.Repeat("y", 32))}, nil},
		hostile{"point at infinity",
			map[string]any{"kty": "EC", "kid": "bad", "crv": "P-256", "x": b64(strings.Repeat("\x00", 32)),
				"y": b64(strings.Repeat("\x00", 32))}, nil},
		hostile{"curve unknown",
			map[string]any{"kty": "EC", "kid": "bad", "crv": "secp256k1", "x": b64(strings.Repeat("x", 32)),
				"y": b64(strings.Repeat("y", 32))}, nil},
		hostile{"Ed25519 key too short", map[string]any{"kty": "OKP", "kid": "bad", "crv": "Ed25519", "x": "AAAA"},
			nil},
		hostile{"null", nil, nil},
		hostile{"a list", []any{}, nil},
		hostile{"a string", "key", nil},
		hostile{"name twice", json.RawMessage(`{"kty":"RSA","kty":"RSA"}`), nil},
		hostile{"kid in capitals and not", json.RawMessage(`{"kty":"RSA","kid":"bad","KID":"bad"}`), nil},
		hostile{"kid of 300 bytes", map[string]any{"kty": "RSA", "kid": strings.Repeat("k", 300)}, nil},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.trust.Algorithms = []string{"RS256", "ES256", "EdDSA"}
			set, err := json.Marshal(map[string]any{"keys": []any{c.key, good.Public()}})
			if err != nil {
				t.Fatal(err)
			}

			f.issuer.Answer(keys, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) })
			f.accepts(t, good.Sign(nil, f.issuer.Payload(nil)))
			if c.token == nil {
				c.token = func(f *fixture) string { return bad.Sign(nil, f.issuer.Payload(nil)) }
			}
			_, _, err = f.verify(t, f.trust, c.token(f))

			var refused *idtoken.Refused
			if !errors.As(err, &refused) || refused.Reason.Check != "signing key" &&
				refused.Reason.Check != "signature algorithm" {
				t.Errorf("token under the hostile key: %v", err)
			}
		})
	}

	t.Run("control: the same key published well", func(t *testing.T) {
		f := newFixture(t, nil)
		k, token := own(
			map[string]any{"d": "AAAA", "x5c": []string{"not a certificate"}, "x5t": "!", "unknown": map[string]any{}})
		set, err := json.Marshal(map[string]any{"keys": []any{k}, "x": 1})
		if err != nil {
			t.Fatal(err)
		}
		f.issuer.Answer(keys, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) })
		f.accepts(t, token(f))
	})
}

// rocaKey returns a key of 2048 bits whose modulus is a power of 65537 modulo
// the product of small primes, as the moduli of CVE-2017-15361 are.
func rocaKey(like *rsa.PrivateKey) map[string]any {
	product := big.NewInt(1)
	for p := int64(2); p <= 701; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(p))
		}
	}
	rest := new(big.Int).Exp(big.NewInt(65537), big.NewInt(123456789), product)
	n := new(big.Int).Sub(like.N, new(big.Int).Mod(like.N, product))
	n.Add(n, rest)

	return map[string]any{"kty": "RSA", "kid": "bad", "n": base64.RawURLEncoding.EncodeToString(n.Bytes()), "e": "AQAB"}
}

// exponentOne forges a signature under an RSA key with the exponent 1: it is
// the padded digest itself.
func exponentOne(f *fixture, kid string, n *big.Int) string {
	signed := b64(`{"alg":"RS256","kid":"`+kid+`"}`) + "." +
		b64(string(f.issuer.Payload(map[string]any{"sub": "admin"})))
	digest := sha256.Sum256([]byte(signed))
	prefix := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
		0x00, 0x04, 0x20}

	em := make([]byte, (n.BitLen()+7)/8)
	for i := range em {
		em[i] = 0xff
	}
	em[0], em[1] = 0, 1
	tail := append(append([]byte{0}, prefix...), digest[:]...)
	copy(em[len(em)-len(tail):], tail)

	return signed + "." + base64.RawURLEncoding.EncodeToString(em)
}

func macTokenAs(kid, secret string) func(*fixture) string {
	return func(f *fixture) string {
		token := macToken(func(*fixture) []byte { return []byte(secret) })(f)
		_, rest, _ := strings.Cut(token, ".")
		return b64(`{"alg":"HS256","kid":"`+kid+`"}`) + "." + rest
	}
}
