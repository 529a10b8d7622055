package idtoken_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// with returns the issuer's claims as JSON text, with members appended as they
// are: for duplicates and spellings that a map cannot hold.
func with(f *fixture, claims map[string]any, members string) []byte {
	text := strings.TrimSuffix(string(f.issuer.Payload(claims)), "}")
	return []byte(text + "," + members + "}")
}

// Every token here is signed with the provider's own key where that is
// possible, and is refused before a packet leaves: the check that refuses is
// the one that the case is about.
func TestHostileTokensSendNoPacket(t *testing.T) {
	const (
		notOIDC = idtoken.MessageNotOIDC
		badSig  = idtoken.MessageBadSignature
	)
	header := func(h map[string]any) func(*fixture) string {
		return func(f *fixture) string { return f.issuer.Key().Sign(h, f.issuer.Payload(nil)) }
	}
	claims := func(c map[string]any) func(*fixture) string {
		return func(f *fixture) string { return f.issuer.Token(c) }
	}

	rawClaims := func(drop map[string]any, members string) func(*fixture) string {
		return func(f *fixture) string { return f.issuer.Key().Sign(nil, with(f, drop, members)) }
	}
	rawHeader := func(members string) func(*fixture) string {
		return func(f *fixture) string {
			return f.issuer.Key().SignRaw([]byte(`{"alg":"RS256","kid":"`+f.issuer.Key().ID+`",`+members+`}`),
				f.issuer.Payload(nil))
		}
	}

	edit := func(change func(token string) string) func(*fixture) string {
		return func(f *fixture) string { return change(f.issuer.Token(nil)) }
	}
	plain := func(token string) func(*fixture) string { return func(*fixture) string { return token } }

	cases := []struct {
		name           string
		token          func(*fixture) string
		check, message string
	}{
		// Form.
		{"empty", plain(""), "token form", notOIDC},
		{"opaque access token", plain("EAACEdEose0cBAexample"), "token form", notOIDC},
		{"one dot", plain("a.b"), "token form", notOIDC},
		{"three dots", edit(func(s string) string { return s + ".x" }), "token form", notOIDC},
		{"encrypted token", plain("e30.AA.AA.AA.AA"), "token form", notOIDC},
		{"encrypted token without key (CVE-2026-34986)", plain(b64(`{"alg":"A128KW","enc":"A128GCM"}`) + "..AA.AA.AA"),
			"token form", notOIDC},
		{"encrypted token, huge p2c",
			plain(b64(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647}`) + ".AA.AA.AA.AA"), "token form",
			notOIDC},
		{"encrypted token, zip bomb", plain(b64(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`) + "..AA.AA.AA"),
			"token form", notOIDC},
		{"flattened JSON", plain(`{"protected":"e30","payload":"e30","signature":"AA"}`), "token form", notOIDC},
		{"general JSON with two signatures",
			plain(
				` {"payload":"e30","signatures":[{"protected":"e30","signature":"AA"},{"protected":"e30",` +
					`"signature":"AA"}]}`), "token form", notOIDC},
		{"leading blank", edit(func(s string) string { return " " + s }), "token form", notOIDC},
		{"trailing newline", edit(func(s string) string { return s + "\n" }), "token form", notOIDC},
		{"newline in signature", edit(func(s string) string { return s[:len(s)-4] + "\r\n" + s[len(s)-4:] }),
			"token form", notOIDC},
		{"NUL", edit(func(s string) string { return s + "\x00" }), "token form", notOIDC},
		{"padding", edit(func(s string) string { return s + "==" }), "token form", notOIDC},
		{"standard base64", edit(func(s string) string { return s[:len(s)-1] + "+" }), "token form", notOIDC},
		{"non-ASCII", edit(func(s string) string { return s + "é" }), "token form", notOIDC},
		{"Bearer prefix", edit(func(s string) string { return "Bearer " + s }), "token form", notOIDC},
		{"non-canonical last character", edit(lastCharacter), "token form", notOIDC},
		{"impossible base64 length", edit(func(s string) string { return s + "AAA" }), "token form", notOIDC},
		{"8 MiB", plain(strings.Repeat("a", 8<<20)), "token form", tooLong},
		{"a million dots", plain(strings.Repeat(".", 1_000_000)), "token form", tooLong},
		{"one byte too long", func(f *fixture) string {
			return padded(f, idtoken.DefaultMaxTokenBytes+1)
		}, "token form", tooLong},
		{"good but for a claim of 8 MiB", claims(map[string]any{"filler": strings.Repeat("f", 8<<20)}), "token form",
			tooLong},
		{"padding in the header", edit(func(s string) string { return strings.Replace(s, ".", "=.", 1) }), "token form",
			notOIDC},
		{"blank before the claims", edit(func(s string) string { return strings.Replace(s, ".", ". ", 1) }),
			"token form", notOIDC},
		{"detached payload",
			edit(func(s string) string { return strings.Split(s, ".")[0] + ".." + strings.Split(s, ".")[2] }),
			"token form", notOIDC},
		{"kid of 10 KiB", header(map[string]any{"kid": strings.Repeat("k", 10<<10)}), "token form", notOIDC},
		{"header too long", header(map[string]any{"x5t": strings.Repeat("a", 5000)}), "token form", notOIDC},

		// Algorithms.
		{"alg none, empty signature", plain(b64(`{"alg":"none"}`) + "." + b64(`{"sub":"admin"}`) + "."), "token form",
			notOIDC},
		{"alg none", header(map[string]any{"alg": "none"}), "signature algorithm", badSig},
		{"alg None", header(map[string]any{"alg": "None"}), "signature algorithm", badSig},
		{"alg NONE", header(map[string]any{"alg": "NONE"}), "signature algorithm", badSig},
		{"alg nOnE", header(map[string]any{"alg": "nOnE"}), "signature algorithm", badSig},
		{"alg absent", header(map[string]any{"alg": nil}), "signature algorithm", badSig},
		{"alg empty", header(map[string]any{"alg": ""}), "signature algorithm", badSig},
		{"alg a number", header(map[string]any{"alg": 256}), "signature algorithm", badSig},
		{"alg a list", header(map[string]any{"alg": []string{"RS256"}}), "signature algorithm", badSig},
		{"alg lower case", header(map[string]any{"alg": "rs256"}), "signature algorithm", badSig},
		{"alg not accepted here", header(map[string]any{"alg": "RS512"}), "signature algorithm", badSig},
		{"HS256 keyed with the PEM public key", macToken(pemKey), "signature algorithm", badSig},
		{"HS256 keyed with the DER public key", macToken(derKey), "signature algorithm", badSig},
		{"HS256 keyed with the JWK", macToken(jwkKey), "signature algorithm", badSig},
		{"HS256 keyed with nothing", macToken(func(*fixture) []byte { return nil }), "signature algorithm", badSig},

		// Header.
		{"header a list",
			func(f *fixture) string { return f.issuer.Key().SignRaw([]byte(`["RS256"]`), f.issuer.Payload(nil)) },
			"token header", notOIDC},
		{"header with trailing text", func(f *fixture) string {
			return f.issuer.Key().SignRaw([]byte(`{"alg":"RS256"}{}`), f.issuer.Payload(nil))
		}, "token header", notOIDC},
		{"header with byte order mark", func(f *fixture) string {
			return f.issuer.Key().SignRaw([]byte("\ufeff"+`{"alg":"RS256"}`), f.issuer.Payload(nil))
		}, "token header", notOIDC},
		{"header in UTF-16", func(f *fixture) string {
			return f.issuer.Key().SignRaw([]byte("{\x00}\x00"), f.issuer.Payload(nil))
		}, "token header", notOIDC},
		{"header with a comment", func(f *fixture) string {
			return f.issuer.Key().SignRaw([]byte(`{"alg":"RS256"/**/}`), f.issuer.Payload(nil))
		}, "token header", notOIDC},
		{"header not JSON",
			func(f *fixture) string { return f.issuer.Key().SignRaw([]byte(`alg=RS256`), f.issuer.Payload(nil)) },
			"token header", notOIDC},
		{"header nested deeply", rawHeader(`"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)),
			"token header", notOIDC},
		{"duplicate alg", rawHeader(`"alg":"none"`), "token header", notOIDC},
		{"duplicate alg, escaped", rawHeader(`"\u0061lg":"none"`), "token header", notOIDC},
		{"case-variant alg", rawHeader(`"Alg":"none"`), "token header", notOIDC},
		{"case-variant kid", rawHeader(`"KID":"other"`), "token header", notOIDC},
		{"Kelvin-sign kid", rawHeader(`"\u212aid":"other"`), "token header", notOIDC},
		{"crit unknown", header(map[string]any{"crit": []string{"x"}, "x": 1}), "token header", notOIDC},
		{"crit b64", header(map[string]any{"crit": []string{"b64"}, "b64": false}), "token header", notOIDC},
		{"crit empty", header(map[string]any{"crit": []string{}}), "token header", notOIDC},
		{"crit null", rawHeader(`"crit":null`), "token header", notOIDC},
		{"b64 without crit", header(map[string]any{"b64": false}), "token header", notOIDC},
		{"embedded jwk", header(map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AA"}}), "token header",
			notOIDC},
		{"embedded jwk that fits the signature", func(f *fixture) string {
			stranger := logintest.NewKey(t, jose.RS256)
			return stranger.Sign(map[string]any{"kid": f.issuer.Key().ID, "jwk": stranger.Public()},
				f.issuer.Payload(nil))
		}, "token header", notOIDC},
		{"jku to a canary", header(map[string]any{"jku": "http://127.0.0.1:1/canary"}), "token header", notOIDC},
		{"x5u to a canary", header(map[string]any{"x5u": "http://127.0.0.1:1/canary"}), "token header", notOIDC},
		{"embedded x5c", header(map[string]any{"x5c": []string{"AA"}}), "token header", notOIDC},
		{"typ at+jwt", header(map[string]any{"typ": "at+jwt"}), "token type", notOIDC},
		{"typ application/at+jwt", header(map[string]any{"typ": "application/at+jwt"}), "token type", notOIDC},
		{"typ logout+jwt", header(map[string]any{"typ": "logout+jwt"}), "token type", notOIDC},
		{"typ secevent+jwt", header(map[string]any{"typ": "secevent+jwt"}), "token type", notOIDC},
		{"typ JOSE", header(map[string]any{"typ": "JOSE"}), "token type", notOIDC},
		{"typ empty", header(map[string]any{"typ": ""}), "token type", notOIDC},
		{"typ a number", header(map[string]any{"typ": 1}), "token type", notOIDC},
		{"kid empty", header(map[string]any{"kid": ""}), "key ID", badSig},
		{"kid a number", header(map[string]any{"kid": 1}), "key ID", badSig},
		{"kid null", rawHeaderWithoutKid(`"kid":null`), "key ID", badSig},
		{"kid of 257 bytes", header(map[string]any{"kid": strings.Repeat("k", 257)}), "key ID", badSig},
		{"kid with NUL", header(map[string]any{"kid": "a\x00b"}), "key ID", badSig},
		{"kid with line end", header(map[string]any{"kid": "a\nlevel=ERROR msg=forged"}), "key ID", badSig},

		// Claims as a whole.
		{"claims a list", func(f *fixture) string { return f.issuer.Key().Sign(nil, []byte(`[]`)) }, "token claims",
			notOIDC},
		{"claims with trailing text", func(f *fixture) string {
			return f.issuer.Key().Sign(nil, append(f.issuer.Payload(nil), " x"...))
		}, "token claims", notOIDC},
		{"claims with byte order mark", func(f *fixture) string {
			return f.issuer.Key().Sign(nil, append([]byte("\ufeff"), f.issuer.Payload(nil)...))
		}, "token claims", notOIDC},
		{"claims cut short", func(f *fixture) string {
			text := f.issuer.Payload(nil)
			return f.issuer.Key().Sign(nil, text[:len(text)-1])
		}, "token claims", notOIDC},
		{"NaN in a claim", rawClaims(nil, `"x":NaN`), "token claims", notOIDC},
		{"exp Infinity", rawClaims(map[string]any{"exp": nil}, `"exp":Infinity`), "token claims", notOIDC},
		{"exp hexadecimal", rawClaims(map[string]any{"exp": nil}, `"exp":0xffffffff`), "token claims", notOIDC},
		{"exp with leading zero", rawClaims(map[string]any{"exp": nil}, `"exp":09999999999`), "token claims", notOIDC},
		{"duplicate sub", rawClaims(nil, `"sub":"admin"`), "token claims", notOIDC},
		{"duplicate sub, escaped", rawClaims(nil, `"\u0073ub":"admin"`), "token claims", notOIDC},
		{"duplicate iss", rawClaims(nil, `"iss":"https://evil.test"`), "token claims", notOIDC},
		{"duplicate aud", rawClaims(nil, `"aud":"evil"`), "token claims", notOIDC},
		{"duplicate exp", rawClaims(nil, `"exp":9999999999`), "token claims", notOIDC},
		{"duplicate name in a nested object", rawClaims(nil, `"address":{"a":1,"a":2}`), "token claims", notOIDC},
		{"case-variant beside sub", rawClaims(nil, `"Sub":"admin"`), "token claims", notOIDC},
		{"long-s beside sub", rawClaims(nil, `"\u017fub":"admin"`), "token claims", notOIDC},
		{"case-variant instead of sub", rawClaims(map[string]any{"sub": nil}, `"SUB":"admin"`), "token claims",
			notOIDC},
		{"case-variant nbf alone", rawClaims(nil, `"NBF":1`), "token claims", notOIDC},
		{"invalid UTF-8 in sub", rawClaims(map[string]any{"sub": nil}, "\"sub\":\"a\xff\""), "token claims", notOIDC},
		{"lone surrogate in sub", rawClaims(map[string]any{"sub": nil}, `"sub":"a\ud800"`), "token claims", notOIDC},
		{"claims nested deeply", rawClaims(nil, `"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)),
			"token claims", notOIDC},

		// Issuer.
		{"iss absent", claims(map[string]any{"iss": nil}), "token claims",
			"Invalid login token. Missing a required claim: iss"},
		{"iss null", rawClaims(map[string]any{"iss": nil}, `"iss":null`), "token claims",
			"Invalid login token. Missing a required claim: iss"},
		{"iss of another", claims(map[string]any{"iss": "https://evil.test"}), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"iss empty", claims(map[string]any{"iss": ""}), "token issuer", idtoken.MessageIssuerMismatch},
		{"iss a list", func(f *fixture) string { return f.issuer.Token(map[string]any{"iss": []string{f.issuer.URL}}) },
			"token issuer", idtoken.MessageIssuerMismatch},
		{"iss with slash", issuerForm(func(url string) string { return url + "/" }), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"iss in capitals", issuerForm(strings.ToUpper), "token issuer", idtoken.MessageIssuerMismatch},
		{"iss with user name", issuerForm(func(url string) string { return strings.Replace(url, "://", "://a@", 1) }),
			"token issuer", idtoken.MessageIssuerMismatch},
		{"iss with dot after host",
			issuerForm(func(url string) string { return strings.Replace(url, "127.0.0.1", "127.0.0.1.", 1) }),
			"token issuer", idtoken.MessageIssuerMismatch},
		{"iss with another port", issuerForm(func(url string) string { return url + "0" }), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"iss with the default port", issuerForm(func(url string) string { return url + ":80" }), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"iss without scheme", issuerForm(func(url string) string { return strings.TrimPrefix(url, "http://") }),
			"token issuer", idtoken.MessageIssuerMismatch},
		{"iss over https", issuerForm(func(url string) string { return strings.Replace(url, "http:", "https:", 1) }),
			"token issuer", idtoken.MessageIssuerMismatch},
		{"iss with blank", issuerForm(func(url string) string { return url + " " }), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"iss escaped", issuerForm(func(url string) string { return strings.Replace(url, "127", "%3127", 1) }),
			"token issuer", idtoken.MessageIssuerMismatch},
		{"iss in punycode", claims(map[string]any{"iss": "https://xn--ccounts-6fg.google.com"}), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"an identity pool's own token",
			claims(
				map[string]any{"iss": "https://cognito-identity.amazonaws.com",
					"aud": "us-east-1:11111111-1111-1111-1111-111111111111", "amr": []string{"authenticated"}}),
			"token issuer", idtoken.MessageIssuerMismatch},
		{"iss with query", issuerForm(func(url string) string { return url + "?" }), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"iss with international host", claims(map[string]any{"iss": "https://аccounts.google.com"}), "token issuer",
			idtoken.MessageIssuerMismatch},
		{"Google's iss under another provider", claims(map[string]any{"iss": "accounts.google.com"}), "token issuer",
			idtoken.MessageIssuerMismatch},

		// Times.
		{"exp absent", claims(map[string]any{"exp": nil}), "token claims",
			"Invalid login token. Missing a required claim: exp"},
		{"exp null", rawClaims(map[string]any{"exp": nil}, `"exp":null`), "token claims",
			"Invalid login token. Missing a required claim: exp"},
		{"exp a string", claims(map[string]any{"exp": "1900000000"}), "token times", notOIDC},
		{"exp 1e300", rawClaims(map[string]any{"exp": nil}, `"exp":1e300`), "token times", notOIDC},
		{"exp 1e999", rawClaims(map[string]any{"exp": nil}, `"exp":1e999`), "token times", notOIDC},
		{"exp negative", claims(map[string]any{"exp": -1}), "token times", notOIDC},
		{"exp zero", claims(map[string]any{"exp": 0}), "token expiry",
			fmt.Sprintf("Invalid login token. Token expired: %d >= 0", logintest.NewClock().Now().Unix())},
		{"exp 2^63", rawClaims(map[string]any{"exp": nil}, `"exp":9223372036854775808`), "token times", notOIDC},
		{"exp 2^63-1", rawClaims(map[string]any{"exp": nil}, `"exp":9223372036854775807`), "token times", notOIDC},
		{"exp a list", rawClaims(map[string]any{"exp": nil}, `"exp":[9999999999]`), "token times", notOIDC},
		{"exp true", claims(map[string]any{"exp": true}), "token times", notOIDC},
		{"nbf in 5 min 1 s", func(f *fixture) string {
			return f.issuer.Token(map[string]any{"nbf": f.Now().Add(5*time.Minute + time.Second).Unix()})
		}, "token times", notOIDC},
		{"nbf 1e300", rawClaims(nil, `"nbf":1e300`), "token times", notOIDC},
		{"iat 2^63", rawClaims(map[string]any{"iat": nil}, `"iat":9223372036854775808`), "token times", notOIDC},
		{"iat in 5 min 1 s", func(f *fixture) string {
			return f.issuer.Token(map[string]any{"iat": f.Now().Add(5*time.Minute + time.Second).Unix()})
		}, "token times", notOIDC},
		{"nbf a string", claims(map[string]any{"nbf": "0"}), "token times", notOIDC},
		{"iat in a day", func(f *fixture) string {
			return f.issuer.Token(map[string]any{"iat": f.Now().Add(24 * time.Hour).Unix()})
		}, "token times", notOIDC},
		{"iat a string", claims(map[string]any{"iat": "now"}), "token times", notOIDC},

		// Subject.
		{"sub absent", claims(map[string]any{"sub": nil}), "token claims",
			"Invalid login token. Missing a required claim: sub"},
		{"sub null", rawClaims(map[string]any{"sub": nil}, `"sub":null`), "token claims",
			"Invalid login token. Missing a required claim: sub"},
		{"sub empty", claims(map[string]any{"sub": ""}), "token subject", notOIDC},
		{"sub a number", claims(map[string]any{"sub": 42}), "token subject", notOIDC},
		{"sub an object", claims(map[string]any{"sub": map[string]any{"a": 1}}), "token subject", notOIDC},
		{"sub of 256 bytes", claims(map[string]any{"sub": strings.Repeat("s", 256)}), "token subject", notOIDC},
		{"sub with NUL", claims(map[string]any{"sub": "a\x00"}), "token subject", notOIDC},
		{"sub with line end", claims(map[string]any{"sub": "a\nb"}), "token subject", notOIDC},
		{"sub with DEL", claims(map[string]any{"sub": "a\x7f"}), "token subject", notOIDC},
		{"sub with C1 control", claims(map[string]any{"sub": "a\u0085"}), "token subject", notOIDC},
		{"sub with right-to-left override", claims(map[string]any{"sub": "user\u202enimda"}), "token subject", notOIDC},
		{"sub with zero-width space", claims(map[string]any{"sub": "user\u200b"}), "token subject", notOIDC},
		{"sub with line separator", claims(map[string]any{"sub": "a\u2028b"}), "token subject", notOIDC},

		// Audience.
		{"aud absent", claims(map[string]any{"aud": nil}), "token claims",
			"Invalid login token. Missing a required claim: aud"},
		{"aud null", rawClaims(map[string]any{"aud": nil}, `"aud":null`), "token claims",
			"Invalid login token. Missing a required claim: aud"},
		{"aud of another client", claims(map[string]any{"aud": "evil"}), "token audience",
			idtoken.MessageWrongAudience},
		{"aud in capitals", claims(map[string]any{"aud": strings.ToUpper(logintest.Audience)}), "token audience",
			idtoken.MessageWrongAudience},
		{"aud with a blank", claims(map[string]any{"aud": logintest.Audience + " "}), "token audience",
			idtoken.MessageWrongAudience},
		{"aud two clients, one foreign", claims(map[string]any{"aud": []string{logintest.Audience, "evil"}}),
			"token audience", idtoken.MessageWrongAudience},
		{"aud empty", claims(map[string]any{"aud": ""}), "token audience", notOIDC},
		{"aud empty list", claims(map[string]any{"aud": []string{}}), "token audience", notOIDC},
		{"aud a number", claims(map[string]any{"aud": 7}), "token audience", notOIDC},
		{"aud nested", claims(map[string]any{"aud": []any{[]string{logintest.Audience}}}), "token audience", notOIDC},
		{"aud with a number", claims(map[string]any{"aud": []any{logintest.Audience, 7}}), "token audience", notOIDC},
		{"aud an object", claims(map[string]any{"aud": map[string]any{logintest.Audience: true}}), "token audience",
			notOIDC},
		{"azp foreign", claims(map[string]any{"azp": "evil"}), "token authorized party", idtoken.MessageWrongAudience},
		{"azp empty", claims(map[string]any{"azp": ""}), "token authorized party", idtoken.MessageWrongAudience},
		{"azp a list", claims(map[string]any{"azp": []string{logintest.Audience}}), "token authorized party",
			idtoken.MessageWrongAudience},
	}

	for _, algorithm := range []string{"none", "None", "NONE", "nOnE"} {
		unsigned := func(tail string) func(*fixture) string {
			return func(f *fixture) string {
				return b64(`{"alg":"`+algorithm+`"}`) + "." +
					b64(string(f.issuer.Payload(map[string]any{"sub": "admin"}))) + tail
			}
		}

		cases = append(cases, []struct {
			name           string
			token          func(*fixture) string
			check, message string
		}{
			{algorithm + " and no last dot", unsigned(""), "token form", notOIDC},
			{algorithm + " and a last dot", unsigned("."), "token form", notOIDC},
			{algorithm + " and a signature of one byte", unsigned(".AA"), "signature algorithm", badSig},
		}...)
	}

	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, noNetwork(t))
			token := c.token(f)
			if c.message == tooLong {
				c.message = fmt.Sprintf(tooLong, len(token), idtoken.DefaultMaxTokenBytes)
			}
			f.refuses(t, f.trust, token, c.check, c.message)
			if n := f.issuer.Requests(); n != 0 {
				t.Errorf("the provider was asked %d times", n)
			}
		})
	}
}

// tooLong is the message for a token of too many bytes.
const tooLong = idtoken.MessageNotOIDC + " It has %d bytes; at most %d are accepted."

// lastCharacter sets bits that base64 decoders drop: the same bytes, another text.
func lastCharacter(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	at := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[at^1])
}

// padded returns a good token of exactly size bytes.
func padded(f *fixture, size int) string {
	filler := size / 2
	for range 64 {
		token := f.issuer.Token(map[string]any{"filler": strings.Repeat("f", filler)})
		if len(token) == size {
			return token
		}
		if more := (size - len(token)) * 3 / 4; more != 0 {
			filler += more
		} else {
			filler++
		}
	}

	return f.issuer.Token(map[string]any{"filler": strings.Repeat("f", size)})
}

func issuerForm(change func(url string) string) func(*fixture) string {
	return func(f *fixture) string { return f.issuer.Token(map[string]any{"iss": change(f.issuer.URL)}) }
}

func rawHeaderWithoutKid(members string) func(*fixture) string {
	return func(f *fixture) string {
		return f.issuer.Key().SignRaw([]byte(`{"alg":"RS256",`+members+`}`), f.issuer.Payload(nil))
	}
}

// macToken signs with a shared secret made of what everyone knows.
func macToken(secret func(*fixture) []byte) func(*fixture) string {
	return func(f *fixture) string {
		signed := b64(`{"alg":"HS256","kid":"`+f.issuer.Key().ID+`"}`) + "." + b64(string(f.issuer.Payload(nil)))
		mac := hmac.New(sha256.New, secret(f))
		mac.Write([]byte(signed))
		return signed + "." + b64(string(mac.Sum(nil)))
	}
}

func derKey(f *fixture) []byte {
	der, err := x509.MarshalPKIXPublicKey(f.issuer.Key().Private.Public())
	if err != nil {
		panic(err)
	}
	return der
}

func pemKey(f *fixture) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: derKey(f)})
}

func jwkKey(f *fixture) []byte {
	text, err := json.Marshal(f.issuer.Key().Public())
	if err != nil {
		panic(err)
	}
	return text
}

// A registration that names algorithms this package must never verify does not
// switch them on.
func TestAlgorithmsThatCannotBeEnabled(t *testing.T) {
	f := newFixture(t, noNetwork(t))
	f.trust.Algorithms = []string{"none", "None", "HS256", "HS512", "", "RSA1_5"}
	for _, algorithm := range f.trust.Algorithms {
		token := f.issuer.Key().Sign(map[string]any{"alg": algorithm}, f.issuer.Payload(nil))
		f.refuses(t, f.trust, token, "signature algorithm", idtoken.MessageBadSignature)
	}
	f.refuses(t, f.trust, macToken(pemKey)(f), "signature algorithm", idtoken.MessageBadSignature)
	f.trust.Algorithms = []string{}
	f.refuses(t, f.trust, f.issuer.Token(nil), "signature algorithm", idtoken.MessageBadSignature)
}

// AWS prints both times in epoch seconds; five minutes of clock difference pass.
func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		late   time.Duration
		passes bool
	}{{-time.Hour, true}, {0, true}, {5*time.Minute - time.Second, true}, {5 * time.Minute, false}, {time.Hour,
		false}} {
		t.Run(c.late.String(), func(t *testing.T) {
			f := newFixture(t, nil)
			exp := f.Now().Add(-c.late).Unix()
			token := f.issuer.Token(map[string]any{"exp": exp})
			if c.passes {
				if got := f.accepts(t, token).Expires.Unix(); got != exp {
					t.Errorf("Expires = %d, want %d", got, exp)
				}
				return
			}

			f.refuses(t, f.trust, token, "token expiry",
				fmt.Sprintf("Invalid login token. Token expired: %d >= %d", f.Now().Unix(), exp))
		})
	}
}

// A token of one client or issuer never passes for another: only the diagonal does.
func TestTokenCrossMatrix(t *testing.T) {
	f := newFixture(t, nil)
	other := newFixture(t, nil)
	other.issuer.SetNow(f.Now)

	type registration struct {
		name  string
		trust idtoken.Rule
		token string
	}
	var all []registration
	for _, issuer := range []*fixture{f, other} {
		for _, client := range []string{"web", "ios"} {
			trust := issuer.trust
			trust.Audiences = []string{client}
			all = append(all,
				registration{issuer.issuer.URL + " " + client, trust,
					issuer.issuer.Token(map[string]any{"aud": client})})
		}
	}

	for i, r := range all {
		for k, s := range all {
			_, _, err := f.verify(t, r.trust, s.token)
			if (err == nil) != (i == k) {
				t.Errorf("token of %s under %s: error %v", s.name, r.name, err)
			}
		}
	}
}

// Nesting is refused at the first level too many, however large a token the
// registration allows.
func TestDeepNestingIsRefused(t *testing.T) {
	f := newFixture(t, noNetwork(t))
	f.trust.MaxTokenBytes = 1 << 20
	for _, brackets := range []string{"[]", "{}"} {
		open, shut := brackets[:1], brackets[1:]
		if open == "{" {
			open = `{"a":`
		}
		deep := strings.Repeat(open, 100_000) + "1" + strings.Repeat(shut, 100_000)
		f.refuses(t, f.trust, f.issuer.Key().Sign(nil, with(f, nil, `"x":`+deep)), "token claims",
			idtoken.MessageNotOIDC)
		f.refuses(t, f.trust, f.issuer.Key().Sign(nil, []byte(deep)), "token claims", idtoken.MessageNotOIDC)
		f.refuses(t, f.trust, f.issuer.Key().Sign(nil, []byte(strings.Repeat(open, 100_000))), "token claims",
			idtoken.MessageNotOIDC)
	}
}

// The user pool's entry in data: which message answers a foreign client, and
// that only its ID tokens pass.
func TestUserPoolTrust(t *testing.T) {
	f := newFixture(t, nil)
	f.trust.Require = map[string]string{"token_use": "id"}
	f.trust.WrongAudience = idtoken.MessageUnsupportedProvider
	f.accepts(t, f.issuer.Token(map[string]any{"token_use": "id"}))
	f.refuses(t, f.trust, f.issuer.Token(map[string]any{"token_use": "id", "aud": "another"}), "token audience",
		idtoken.MessageUnsupportedProvider)
	f.refuses(t, f.trust, f.issuer.Token(map[string]any{"token_use": "access"}), "token use", idtoken.MessageNotOIDC)
	f.refuses(t, f.trust, f.issuer.Token(nil), "token use", idtoken.MessageNotOIDC)
	access := map[string]any{"token_use": "access", "aud": nil, "client_id": logintest.Audience}
	f.refuses(t, f.trust, f.issuer.Token(access), "token claims", "Invalid login token. Missing a required claim: aud")
}

// What is shown of a person in errors and traces does not identify them.
func TestPersonalValuesAreMasked(t *testing.T) {
	f := newFixture(t, nil)
	f.trust.Require = map[string]string{"email": "ceo@example.com"}
	const subject, email = "auth0|5f7c8ec7c33c6c004bbafe82", "somebody.private@example.com"
	token := f.issuer.Token(map[string]any{"sub": subject, "email": email})

	refused := f.refusal(t, f.trust, token, "required claim", idtoken.MessageNotOIDC)
	_, trace, err := f.verify(t, f.trust, token)

	text := fmt.Sprintf("%+v %v %+v %s", refused, err, trace.Steps(), f.log)
	for _, private := range []string{subject, email, "5f7c8ec7", "somebody"} {
		if strings.Contains(text, private) {
			t.Errorf("%q stands in %s", private, text)
		}
	}
}
