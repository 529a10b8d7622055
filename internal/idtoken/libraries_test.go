package idtoken_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// Every token here was accepted by at least one widely used library, among
// go-oidc, go-jose, golang-jwt and jwx, in the versions of late 2026. None
// passes here. Each is signed by the provider's own key, or is a good token in
// another spelling, so that nothing but the named fault can refuse it.
func TestTokensThatLibrariesAccept(t *testing.T) {
	sign := func(header, claims map[string]any) func(*fixture) string {
		return func(f *fixture) string { return f.issuer.Key().Sign(header, f.issuer.Payload(claims)) }
	}
	members := func(drop []string, text string) func(*fixture) string {
		return func(f *fixture) string {
			without := map[string]any{}
			for _, name := range drop {
				without[name] = nil
			}
			return f.issuer.Key().Sign(nil, with(f, without, strings.ReplaceAll(text, "ISSUER", f.issuer.URL)))
		}
	}

	header := func(text string) func(*fixture) string {
		return func(f *fixture) string {
			return f.issuer.Key().SignRaw([]byte(`{"alg":"RS256","kid":"`+f.issuer.Key().ID+`",`+text+`}`),
				f.issuer.Payload(nil))
		}
	}

	spelled := func(change func(string) string) func(*fixture) string {
		return func(f *fixture) string { return change(f.issuer.Token(nil)) }
	}
	flattened := func(token string) string {
		p := strings.Split(token, ".")
		return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
	}
	for _, c := range []struct {
		name  string
		token func(*fixture) string
		check string
	}{
		{"unknown crit", sign(map[string]any{"crit": []string{"exp"}, "exp": 1}, nil), "token header"},
		{"crit b64", sign(map[string]any{"crit": []string{"b64"}, "b64": false}, nil), "token header"},
		{"PS256 in the header, RS256 signature and key", sign(map[string]any{"alg": "PS256"}, nil), "signing key"},
		{"sub twice, the last one admin", members(nil, `"sub":"admin"`), "token claims"},
		{"iss twice", members(nil, `"iss":"ISSUER"`), "token claims"},
		{"alg twice", header(`"alg":"RS256"`), "token header"},
		{"all names in wrong case",
			members([]string{"iss", "aud", "sub", "exp"},
				`"Iss":"ISSUER","Aud":"`+logintest.Audience+`","Sub":"user-1","Exp":1900000000`), "token claims"},
		{"sub, then Sub", members(nil, `"Sub":"admin"`), "token claims"},
		{"exp missing", sign(nil, map[string]any{"exp": nil}), "token claims"},
		{"exp null", members([]string{"exp"}, `"exp":null`), "token claims"},
		{"exp a string", sign(nil, map[string]any{"exp": "1900000000"}), "token times"},
		{"sub missing", sign(nil, map[string]any{"sub": nil}), "token claims"},
		{"iat a day ahead", func(f *fixture) string {
			return f.issuer.Token(
				map[string]any{"iat": f.Now().Add(24 * time.Hour).Unix(), "exp": f.Now().Add(25 * time.Hour).Unix()})
		}, "token times"},
		{"JSON serialization", spelled(flattened), "token form"},
		{"leading blank", spelled(func(s string) string { return " " + s }), "token form"},
		{"line end inside the signature",
			spelled(func(s string) string { return s[:len(s)-10] + "\n" + s[len(s)-10:] }), "token form"},
		{"last character not canonical", spelled(lastCharacter), "token form"},
		{"padded base64", spelled(func(s string) string { return s + "==" }), "token form"},
		{"text after the claims", func(f *fixture) string {
			return f.issuer.Key().Sign(nil, append(f.issuer.Payload(nil), `{"sub":"admin"}`...))
		}, "token claims"},
		{"invalid UTF-8 in sub", members([]string{"sub"}, "\"sub\":\"a\xff\""), "token claims"},
		{"a claim of 8 MiB", sign(nil, map[string]any{"filler": strings.Repeat("f", 8<<20)}), "token form"},
		{"PS256 salt of another length", func(f *fixture) string {
			f.issuer.Add(logintest.NewKey(t, jose.PS256))
			return shortSalt(t, f)
		}, "token signature"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.trust.Algorithms = []string{"RS256", "PS256"}
			token := c.token(f)
			_, _, err := f.verify(t, f.trust, token)
			var refused *idtoken.Refused
			if !errors.As(err, &refused) || refused.Reason.Check != c.check {
				t.Errorf("Verify = %v, want *Refused at %q", err, c.check)
			}
			f.accepts(t, f.issuer.Token(nil)) // nothing else is wrong
		})
	}
}

// What some of the same libraries refuse, and a provider may send, passes.
func TestTokensThatLibrariesRefuse(t *testing.T) {
	f := newFixture(t, nil)
	// no leeway for exp in go-oidc
	f.accepts(t, f.issuer.Token(map[string]any{"exp": f.Now().Add(-time.Minute).Unix()}))
	// no key without kid in jwx
	f.accepts(t, f.issuer.Key().Sign(map[string]any{"kid": nil}, f.issuer.Payload(nil)))
	// white space is JSON
	f.accepts(t, f.issuer.Key().Sign(nil, append([]byte(" \r\n\t"), append(f.issuer.Payload(nil), ' ')...)))
}
