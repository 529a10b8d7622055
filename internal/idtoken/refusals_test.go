package idtoken_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// What stands in the tokens of TestEveryRefusalExplains and may not be told.
var private = map[string]any{
	"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "email": "private.person@example.com", "phone_number": "+15550100123",
	"name": "Private Person", "nonce": "n-0S6_WzA2Mj-secret", "at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng",
	"groups": []string{"redundancies-in-march"}, "address": map[string]any{"street_address": "1 Secret Street"},
}

// refusal makes one refusal happen.
type refusal struct {
	name  string
	token func(f *fixture) string
	trust func(*idtoken.Rule)
	setup func(f *fixture)
}

func everyRefusal(t *testing.T) []refusal {
	personal := func(change map[string]any) map[string]any {
		claims := maps.Clone(private)
		maps.Copy(claims, change)
		return claims
	}
	signed := func(header, claims map[string]any) func(*fixture) string {
		return func(f *fixture) string { return f.issuer.Key().Sign(header, f.issuer.Payload(personal(claims))) }
	}

	raw := func(members string) func(*fixture) string {
		return func(f *fixture) string { return f.issuer.Key().Sign(nil, with(f, personal(nil), members)) }
	}
	edit := func(change func(string) string) func(*fixture) string {
		return func(f *fixture) string { return change(signed(nil, nil)(f)) }
	}
	var all []refusal
	add := func(name string, token func(*fixture) string) { all = append(all, refusal{name: name, token: token}) }

	add("too large", signed(nil, map[string]any{"filler": strings.Repeat("f", idtoken.DefaultMaxTokenBytes)}))
	add("JSON serialization", edit(func(s string) string { return `{"payload":"` + s + `"}` }))
	add("blank", edit(func(s string) string { return s + " " }))
	add("five parts", edit(func(s string) string { return s + ".AA.AA" }))
	add("opaque", edit(func(s string) string { return strings.ReplaceAll(s, ".", "") }))
	add("no signature", edit(func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }))
	add("not canonical", edit(lastCharacter))
	add("header too long", signed(map[string]any{"x": strings.Repeat("x", 5<<10)}, nil))
	add("header not JSON",
		func(f *fixture) string { return f.issuer.Key().SignRaw([]byte(`alg`), f.issuer.Payload(personal(nil))) })

	for _, name := range []string{"crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip"} {
		add("header "+name, signed(map[string]any{name: "value"}, nil))
	}
	add("access token", signed(map[string]any{"typ": "at+jwt"}, nil))
	add("alg none", signed(map[string]any{"alg": "none"}, nil))
	add("kid with line end", signed(map[string]any{"kid": "a\nb"}, nil))
	add("claims not JSON",
		func(f *fixture) string { return f.issuer.Key().Sign(nil, []byte("private.person@example.com")) })
	add("claim twice", raw(`"sub":"auth0|5f7c8ec7c33c6c004bbafe82"`))
	add("logout token of an ID token's type",
		signed(nil,
			map[string]any{
				"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
			}))
	add("claim in capitals", raw(`"NONCE":"private.person@example.com"`))

	for _, name := range []string{"iss", "sub", "aud", "exp"} {
		add("without "+name, signed(nil, map[string]any{name: nil}))
	}
	add("iss of another", signed(nil, map[string]any{"iss": "https://another.test"}))
	add("iss with slash", func(f *fixture) string { return signed(nil, map[string]any{"iss": f.issuer.URL + "/"})(f) })
	add("iss of another realm",
		func(f *fixture) string { return signed(nil, map[string]any{"iss": f.issuer.URL + "/b"})(f) })
	add("iss a list", signed(nil, map[string]any{"iss": []any{private["email"]}}))

	for _, name := range []string{"exp", "nbf", "iat"} {
		add(name+" a string", signed(nil, map[string]any{name: "tomorrow"}))
	}
	add("expired", signed(nil, map[string]any{"exp": logintest.NewClock().Now().Add(-time.Hour).Unix()}))
	add("nbf to come", signed(nil, map[string]any{"nbf": logintest.NewClock().Now().Add(time.Hour).Unix()}))
	add("iat to come", signed(nil, map[string]any{"iat": logintest.NewClock().Now().Add(time.Hour).Unix()}))
	add("sub a list", signed(nil, map[string]any{"sub": []any{private["sub"]}}))
	add("sub with line end", signed(nil, map[string]any{"sub": private["sub"].(string) + "\n"}))
	add("sub too long", signed(nil, map[string]any{"sub": strings.Repeat("auth0|5f7c8ec7c33c6c004bbafe82", 10)}))
	add("aud an object", signed(nil, map[string]any{"aud": private["address"]}))
	add("aud of another", signed(nil, map[string]any{"aud": "another-client"}))
	add("one aud of several", signed(nil, map[string]any{"aud": []string{logintest.Audience, "another-client"}}))
	add("azp of another", signed(nil, map[string]any{"azp": "another-client"}))
	add("key unknown", func(f *fixture) string {
		return logintest.NewKey(t, jose.RS256).Sign(nil, f.issuer.Payload(personal(nil)))
	})
	add("key of another algorithm", func(f *fixture) string {
		f.issuer.Add(logintest.NewKey(t, jose.ES256))
		return f.issuer.Key().Sign(map[string]any{"alg": "RS256"}, f.issuer.Payload(personal(nil)))
	})

	add("signature of another", func(f *fixture) string {
		k := logintest.NewKey(t, jose.RS256)
		k.ID = f.issuer.Key().ID
		return k.Sign(nil, f.issuer.Payload(personal(nil)))
	})

	all = append(all,
		refusal{name: "aud of a development token", token: signed(nil, map[string]any{"aud": "another-client"}),
			trust: func(t *idtoken.Rule) { t.Development = true }},
		refusal{name: "azp of a development token", token: signed(nil, map[string]any{"azp": "another-client"}),
			trust: func(t *idtoken.Rule) { t.Development = true }},
		refusal{name: "email required", token: signed(nil, nil),
			trust: func(t *idtoken.Rule) { t.Require = map[string]string{"email": "ceo@example.com"} }},
		refusal{name: "token_use required", token: signed(nil, map[string]any{"token_use": "access"}),
			trust: func(t *idtoken.Rule) { t.Require = map[string]string{"token_use": "id"} }},
		refusal{name: "no usable algorithm", token: signed(nil, nil),
			trust: func(t *idtoken.Rule) { t.Algorithms = []string{"HS256"} }},
	)
	for name, answer := range map[string]http.HandlerFunc{
		"status": status(500), "redirect": status(302, "Location", "/x"), "HTML": text("<html>"),
		"too large":      text(strings.Repeat(" ", 2<<20)),
		"compressed":     status(200, "Content-Encoding", "gzip"),
		"another issuer": text(`{"issuer":"https://another.test"}`),
	} {
		for _, path := range []string{discovery, keys} {
			all = append(all,
				refusal{name: path + " " + name, token: signed(nil, nil),
					setup: func(f *fixture) { f.issuer.Answer(path, answer) }})
		}
	}

	all = append(all,
		refusal{name: "plain http", token: signed(nil, nil), trust: func(t *idtoken.Rule) { t.AllowHTTP = false }},
		refusal{name: "private address", token: signed(nil, nil),
			trust: func(t *idtoken.Rule) { t.AllowPrivate = false }},
		refusal{name: "thumbprint without TLS", token: signed(nil, nil),
			trust: func(t *idtoken.Rule) { t.EnforceThumbprints = true }},
		refusal{name: "former key of this server", token: signed(map[string]any{"kid": "former"}, nil),
			trust: func(t *idtoken.Rule) { t.OwnKeys = []byte(`{"keys":[]}`) }},
		refusal{name: "closed", token: signed(nil, nil), setup: func(f *fixture) { f.client.Close() }},
	)

	return all
}

// Every refusal names the provider, the check, what was expected, what came,
// and what to do; and neither it, nor the trace, nor the log holds a part of
// the token or anything about the person.
func TestEveryRefusalExplains(t *testing.T) {
	reached := map[explain.Code]bool{}
	for _, c := range everyRefusal(t) {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil)
			if c.trust != nil {
				c.trust(&f.trust)
			}
			if c.setup != nil {
				c.setup(f)
			}

			credential := c.token(f)
			_, trace, err := f.verify(t, f.trust, credential)
			if err == nil {
				t.Fatal("accepted")
			}

			var failed []explain.Step
			for _, step := range trace.Steps() {
				if step.Provider != f.trust.Provider {
					t.Errorf("a step does not name the provider: %+v", step)
				}
				if !step.OK {
					failed = append(failed, step)
				}
			}

			if len(failed) != 1 {
				t.Fatalf("%d failed steps, want 1: %+v", len(failed), failed)
			}
			step := failed[0]
			reached[step.Code] = true
			if step.Check == "" || step.Expected == "" || step.Got == "" {
				t.Errorf("refusal does not explain itself: %+v", step)
			}
			if !inPlainWords(step.Fix) {
				t.Errorf("the fix is no advice: %q", step.Fix)
			}

			said := fmt.Sprintf("%+v\n%v\n%s", trace.Steps(), err, f.log)
			var refused *idtoken.Refused
			if errors.As(err, &refused) {
				said += fmt.Sprintf("%+v", *refused)
			}
			leaks(t, said, credential)
		})
	}

	for _, r := range idtoken.Refusals {
		if !reached[r.Code] && !slices.Contains(elsewhere, r.Code) {
			t.Errorf("no case of this table leads to the reason %q", r.Code)
		}
	}
}

// elsewhere are the reasons that other tests lead to: those of Peek and of event tokens.
var elsewhere = []explain.Code{
	"token-form-api-size",
	"token-type-event", "token-claims-event-json", "token-audience-event", "token-signature-event",
}

// inPlainWords reports whether text has the form of the catalogues' advice: words that begin
// in lower case, if not with a name, without a full stop at the end.
func inPlainWords(text string) bool {
	words := strings.Fields(text)
	return len(words) >= 2 && !capitalised.MatchString(words[0]) && !strings.HasSuffix(text, ".")
}

var capitalised = regexp.MustCompile(`^[A-Z][a-z]+$`)

// leaks fails the test if what was said holds a piece of the credential, as it
// stands or decoded, or anything of private.
func leaks(t *testing.T, said, credential string) {
	t.Helper()

	const window = 12 // shorter pieces occur by chance, such as "client"
	for part := range strings.SplitSeq(credential, ".") {
		for i := 0; i+window <= len(part); i += window / 2 {
			if strings.Trim(part[i:i+window], "A") != "" && strings.Contains(said, part[i:i+window]) {
				t.Errorf("a part of the token is told: %s", part[i:i+window])
				break
			}
		}

		if signature, err := base64.RawURLEncoding.DecodeString(part); err == nil && len(signature) > window &&
			strings.Contains(said, string(signature)) {
			t.Error("a decoded part of the token is told")
		}
	}

	for _, text := range []string{
		"5f7c8ec7", "c33c6c004bbafe82", "private.person", "15550100123", "Private Person", "n-0S6_WzA2Mj",
		"MTIzNDU2Nzg5", "redundancies", "Secret Street",
	} {
		if strings.Contains(said, text) {
			t.Errorf("%q is told", text)
		}
	}
}
