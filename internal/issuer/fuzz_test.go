package issuer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// Only what was signed is accepted, byte for byte, and refusals are typed.
func FuzzVerifyOwn(f *testing.F) {
	fix := newFixture(f)
	i := fix.issuer(f)
	signed := map[string]bool{}
	for _, algorithm := range issuer.Algorithms {
		token := fix.sign(f, i, algorithm)
		signed[token] = true
		f.Add(token)
		f.Add(strings.ToUpper(token))
		f.Add(token + ".")
		f.Add(token[:len(token)-1])
		f.Add(token[:strings.LastIndexByte(token, '.')+1])
	}

	f.Add("a.b.c")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := i.Verify(t.Context(), token)
		if (err == nil) != signed[token] {
			t.Errorf("Verify = %v for %q", err, token)
		}
		if err != nil && !errors.Is(err, issuer.ErrNotOurs) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// What is accepted as claims means the same when it is written again.
func FuzzReadClaims(f *testing.F) {
	fix := newFixture(f)
	i := fix.issuer(f)
	c := fix.claims()
	c.PrincipalTags = map[string]string{"a": "b"}
	payload, err := i.AppendClaims(c)
	if err != nil {
		f.Fatal(err)
	}

	f.Add(payload)
	f.Add([]byte(`{"sub":"s","aud":"a","iss":"https://id.example","exp":1}`))
	f.Add([]byte(`{"sub":"s","sub":"t"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := i.ReadClaims(payload)
		if err != nil {
			if !errors.Is(err, issuer.ErrNotOurs) {
				t.Error(err)
			}
			return
		}

		again, err := i.AppendClaims(c)
		if err != nil {
			t.Fatal(err)
		}

		got, err := i.ReadClaims(again)
		if len(c.AMR) == 0 {
			c.AMR = nil
		}
		if len(got.AMR) == 0 {
			got.AMR = nil
		}
		if diff := cmp.Diff(c, got); err != nil || diff != "" {
			t.Errorf("%v (-read +read again)\n%s", err, diff)
		}
	})
}
