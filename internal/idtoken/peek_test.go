package idtoken

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The issuer is read alone. That it is missing, no text or too long is told apart from a
// value that is no token.
func TestPeekIssuer(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	for claims, want := range map[string]struct {
		issuer string
		has    bool
		bad    bool
	}{
		`{"sub":"a","iss":"https://idp.example","n":[1,{"a":2}]}`: {issuer: "https://idp.example", has: true},
		`{"iss":["https://idp.example"]}`:                         {has: true},
		`{"iss":"` + strings.Repeat("a", 36<<10) + `"}`:           {has: true},
		`{"iss":""}`:            {has: true},
		`{"iss":null}`:          {},
		`{"sub":"a"}`:           {},
		`{"iss":"a","iss":"b"}`: {bad: true},
		`{"Iss":"a"}`:           {bad: true},
		`{"iss":"a"`:            {bad: true},
		`[]`:                    {bad: true},
	} {
		token := encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("x"))
		issuer, has, err := PeekIssuer(token, 0)
		if issuer != want.issuer || has != want.has || (err != nil) != want.bad {
			t.Errorf("%.60s: %q, %t, %v", claims, issuer, has, err)
		}
	}

	if _, _, err := PeekIssuer("no token", 0); err == nil {
		t.Error("a text that is no token was read")
	}
}
