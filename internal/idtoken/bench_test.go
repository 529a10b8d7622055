package idtoken_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// benchmarkVerify measures the first login with a token, whose provider's keys
// are held.
func benchmarkVerify(b *testing.B, algorithm jose.SignatureAlgorithm, claims map[string]any) {
	i := logintest.NewIssuer(b)
	i.Add(logintest.NewKey(b, algorithm))

	client := outbound.New(outbound.Options{})
	defer client.Close()

	v := idtoken.New(client, time.Now)
	trust := idtoken.Rule{
		Provider: "issuer.test", Issuers: []string{i.URL}, Audiences: []string{logintest.Audience},
		Algorithms: []string{string(algorithm)}, Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true},
	}
	token := i.Token(claims)
	if _, err := v.Verify(b.Context(), &trust, token); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(token)))
	b.ReportAllocs()

	for b.Loop() {
		idtoken.ForgetProofs(v)
		if _, err := v.Verify(b.Context(), &trust, token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify measures logins whose providers' keys are held, in turn by the
// users of each of so many providers.
func BenchmarkVerify(b *testing.B) {
	for _, issuers := range []int{1, 1000} {
		b.Run(fmt.Sprintf("issuers=%d", issuers), func(b *testing.B) {
			c := newCrowd(b, issuers)
			b.ReportAllocs()

			for b.Loop() {
				c.login(b)
			}
		})
	}
}

func BenchmarkVerifyRS256Warm(b *testing.B) { benchmarkVerify(b, jose.RS256, nil) }
func BenchmarkVerifyES256Warm(b *testing.B) { benchmarkVerify(b, jose.ES256, nil) }
func BenchmarkVerifyEdDSAWarm(b *testing.B) { benchmarkVerify(b, jose.EdDSA, nil) }

// Tokens with many groups are the large ones in practice; cost must grow with
// their size only.
func BenchmarkVerifyRS256Large(b *testing.B) {
	benchmarkVerify(b, jose.RS256,
		map[string]any{"groups": strings.Split(strings.Repeat("group-of-people,", 600), ",")})
}

// Refusing must not cost more than accepting.
func BenchmarkRefuseUnknownKeyID(b *testing.B) {
	i := logintest.NewIssuer(b)

	client := outbound.New(outbound.Options{})
	defer client.Close()

	v := idtoken.New(client, time.Now)
	trust := idtoken.Rule{
		Provider: "issuer.test", Issuers: []string{i.URL}, Audiences: []string{logintest.Audience},
		Policy: outbound.Policy{AllowHTTP: true, AllowPrivate: true},
	}
	token := i.Key().Sign(map[string]any{"kid": "unknown"}, i.Payload(nil))
	b.ReportAllocs()

	for b.Loop() {
		if _, err := v.Verify(b.Context(), &trust, token); err == nil {
			b.Fatal("a token under an unknown key ID passed")
		}
	}
}
