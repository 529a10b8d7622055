package issuer_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

var update = flag.Bool("update", false, "rewrite golden files")

// fixedKey is the key of the golden tokens. It protects nothing.
func fixedKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rsa.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}

	return key.(*rsa.PrivateKey)
}

func fixedGenerator(fixed *rsa.PrivateKey) func(string) (crypto.Signer, error) {
	return func(algorithm string) (crypto.Signer, error) {
		if algorithm == issuer.ES256 {
			return ready.generate(algorithm)
		}
		return fixed, nil
	}
}

// The bytes of a token, signature included: PKCS #1 v1.5 is deterministic. The
// claims are of the shapes that AWS's samples have.
func TestGoldenTokens(t *testing.T) {
	f := newFixture(t)
	fixed := fixedKey(t)
	i := f.issuer(t, func(o *issuer.Options) { o.SetGenerate(fixedGenerator(fixed)) })
	guest, user, tagged := f.claims(), f.claims(), f.claims()
	guest.AMR = []string{"unauthenticated"}
	user.AMR = []string{"authenticated", "graph.facebook.com", "graph.facebook.com:app:user"}
	user.Expires = user.IssuedAt.Add(issuer.MaxTokenLifetime)
	tagged.PrincipalTags = map[string]string{"team": "blue & \"green\"", "cost center": "1/2", "é": "<>\u2028"}
	tagged.Expires = tagged.IssuedAt.Add(15 * time.Minute).Add(999 * time.Millisecond)

	for name, test := range map[string]struct {
		algorithm string
		claims    issuer.Claims
	}{
		"guest_default": {"", guest},
		"guest_rs256":   {issuer.RS256, guest},
		"user_rs512":    {issuer.RS512, user},
		"tags_rs512":    {issuer.RS512, tagged},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := i.Sign(t.Context(), test.algorithm, test.claims)
			if err != nil {
				t.Fatal(err)
			}

			got := readable(t, token)
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}

	// Nothing but the standard library vouches for the signature here.
	token, err := i.Sign(t.Context(), "", guest)
	if err != nil {
		t.Fatal(err)
	}
	dot := strings.LastIndexByte(token, '.')
	digest := sha512.Sum512([]byte(token[:dot]))

	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || rsa.VerifyPKCS1v15(&fixed.PublicKey, crypto.SHA512, digest[:], signature) != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
}

// readable shows a token's parts, and the token.
func readable(t *testing.T, token string) string {
	t.Helper()
	var text strings.Builder
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token has %d parts", len(parts))
	}

	for _, part := range parts[:2] {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(decoded)
		text.WriteByte('\n')
	}

	return text.String() + token + "\n"
}

func TestSignAndVerify(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	plain, tagged, long := f.claims(), f.claims(), f.claims()
	tagged.PrincipalTags = map[string]string{"b": "2", "a": "1"}
	long.PrincipalTags = map[string]string{}

	for n := range 50 { // the most that a session may have, at their longest
		long.PrincipalTags[strings.Repeat(string(rune('a'+n%26)), 127)+string(rune('0'+n/26))] = strings.Repeat("ü",
			256)
	}

	for name, c := range map[string]issuer.Claims{"plain": plain, "tagged": tagged, "all tags": long} {
		for _, algorithm := range append([]string{""}, issuer.Algorithms...) {
			token, err := i.Sign(t.Context(), algorithm, c)
			if err != nil {
				t.Fatal(err)
			}
			got, err := i.Verify(t.Context(), token)
			if diff := cmp.Diff(c, got); err != nil || diff != "" {
				t.Errorf("%s %s: %v (-want +got):\n%s", name, algorithm, err, diff)
			}

			want := algorithm
			if want == "" {
				want = issuer.RS512
			}

			signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(want)})
			if err != nil {
				t.Fatal(err)
			}
			set, _ := fetch(t, i)
			if _, err := signed.Verify(set); err != nil {
				t.Errorf("%s %s: go-jose: %v", name, algorithm, err)
			}
		}
	}
}

func TestSignRefusals(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)

	for name, test := range map[string]struct {
		algorithm string
		change    func(*issuer.Claims)
		want      string
	}{
		"algorithm of secrets": {algorithm: "HS256", want: "RS512, RS256, ES256"},
		"no algorithm":         {algorithm: "none", want: `"none"`},
		"not UTF-8":            {change: func(c *issuer.Claims) { c.Subject = "\xff" }, want: "UTF-8"},
		"tag not UTF-8": {
			change: func(c *issuer.Claims) { c.PrincipalTags = map[string]string{"a": "\xc3"} }, want: "UTF-8",
		},
		"outlives its key": {
			change: func(c *issuer.Claims) { c.Expires = c.IssuedAt.Add(issuer.MaxTokenLifetime + time.Second) },
			want:   "24h",
		},
		"ends before it begins":  {change: func(c *issuer.Claims) { c.Expires = c.IssuedAt }, want: "between"},
		"has no end and no life": {change: func(c *issuer.Claims) { c.Expires = time.Time{} }, want: "between"},
	} {
		c := f.claims()
		if test.change != nil {
			test.change(&c)
		}

		if token, err := i.Sign(t.Context(), test.algorithm, c); err == nil || token != "" ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyRefusals(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	good := f.sign(t, i, "")
	foreign := f.sign(t, newFixture(t).issuer(t), "")
	elsewhere := f.sign(t, f.issuer(t, func(o *issuer.Options) { o.URL = "https://other.example" }), "")
	parts := strings.Split(good, ".")
	header := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	with := func(head string) string { return header(head) + "." + parts[1] + "." + parts[2] }

	tokens := map[string]string{
		"empty": "", "dots": "..", "no dots": "token", "one dot": parts[0] + "." + parts[1],
		"foreign key, same kid":   foreign,
		"foreign issuer, our key": elsewhere,
		"none":                    header(`{"alg":"none"}`) + "." + parts[1] + ".",
		"none with our kid":       header(`{"kid":"us-east-11","typ":"JWS","alg":"none"}`) + "." + parts[1] + ".",
		"other algorithm":         with(`{"kid":"us-east-11","typ":"JWS","alg":"RS256"}`),
		"HMAC with the key":       with(`{"kid":"us-east-11","typ":"JWS","alg":"HS512"}`),
		"other key":               with(`{"kid":"us-east-12","typ":"JWS","alg":"RS256"}`),
		"unknown key":             with(`{"kid":"us-east-19","typ":"JWS","alg":"RS512"}`),
		"other type":              with(`{"kid":"us-east-11","typ":"JWT","alg":"RS512"}`),
		"other order":             with(`{"alg":"RS512","typ":"JWS","kid":"us-east-11"}`),
		"kid twice":               with(`{"kid":"us-east-11","kid":"us-east-11","typ":"JWS","alg":"RS512"}`),
		"critical extension":      with(`{"kid":"us-east-11","typ":"JWS","alg":"RS512","crit":["b64"],"b64":false}`),
		"cut":                     good[:len(good)-1],
		"longer":                  good + "A",
		"fourth part":             good + ".x",
		"line break at the end":   good + "\n",
		"line break within":       good[:len(good)-5] + "\n" + good[len(good)-5:],
		"padded":                  good + "=",
		"leading blank":           " " + good,
		"no signature":            parts[0] + "." + parts[1] + ".",
		"claims changed":          parts[0] + "." + parts[1][:10] + "x" + parts[1][11:] + "." + parts[2],
		"last bit":                good[:len(good)-1] + string(good[len(good)-1]^1),
		"huge":                    parts[0] + "." + strings.Repeat("A", 1<<20) + "." + parts[2],
		"many dots":               strings.Repeat(".", 1<<20),
	}

	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		c, err := i.Verify(t.Context(), tokens[name])
		if !errors.Is(err, issuer.ErrNotOurs) || c.Subject != "" {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}

	if _, err := i.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(10*time.Minute - time.Second)
	if _, err := i.Verify(t.Context(), good); err != nil {
		t.Errorf("in its last second: %v", err)
	}

	f.clock.advance(time.Second)
	if c, err := i.Verify(t.Context(), good); !errors.Is(err, issuer.ErrExpired) || c.Expires != f.clock.Now() {
		t.Errorf("expired: %+v, %v", c, err)
	}
}

// Signatures of ours over payloads that we do not write.
func TestVerifyOddPayloads(t *testing.T) {
	f := newFixture(t)
	i := f.issuer(t)
	good, err := i.AppendClaims(f.claims())
	if err != nil {
		t.Fatal(err)
	}

	replace := func(from, to string) string {
		if !strings.Contains(string(good), from) {
			t.Fatalf("%s is not in %s", from, good)
		}
		return strings.Replace(string(good), from, to, 1)
	}

	for name, payload := range map[string]string{
		"none": "", "null": "null", "array": "[]", "text": `"x"`, "nothing": "{}",
		"name twice":      replace(`{"sub":`, `{"sub":"other","sub":`),
		"iss twice":       replace(`"iss":`, `"iss":"https://evil.example","iss":`),
		"unknown name":    replace(`{"sub":`, `{"policy":"allow-all","sub":`),
		"name in capital": replace(`"sub":`, `"Sub":`),
		"aud a list":      replace(`"aud":"us-east-1:pool"`, `"aud":["us-east-1:pool"]`),
		"exp a float":     replace(`"exp":1772367000`, `"exp":1772367000.5`),
		"exp text":        replace(`"exp":1772367000`, `"exp":"1772367000"`),
		"no exp":          replace(`"exp":1772367000,`, ``),
		"exp beyond all":  replace(`"exp":1772367000`, `"exp":1e30`),
		"no sub":          replace(`"sub":"us-east-1:identity",`, ``),
		"no aud":          replace(`"aud":"us-east-1:pool",`, ``),
		"issuer + slash":  replace(`https://id.example`, `https://id.example/`),
		"issuer in case":  replace(`https://id.example`, `https://ID.example`),
		"two tag values":  replace(`"iss":`, `"https://aws.amazon.com/tags":{"principal_tags":{"a":["1","2"]}},"iss":`),
		"no tag value":    replace(`"iss":`, `"https://aws.amazon.com/tags":{"principal_tags":{"a":[]}},"iss":`),
		"not UTF-8":       replace("us-east-1:identity", "\xff"),
		"trailing text":   string(good) + "{}",
	} {
		for _, algorithm := range []string{issuer.RS512, issuer.ES256} {
			token, err := i.SignAny(t.Context(), algorithm, payload)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := i.Verify(t.Context(), token); !errors.Is(err, issuer.ErrNotOurs) || c.Subject != "" {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
		}
	}

	token, err := i.SignAny(t.Context(), issuer.RS512, string(good))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Verify(t.Context(), token); err != nil {
		t.Errorf("the payload that all were made from: %v", err)
	}
}
