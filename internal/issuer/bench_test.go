package issuer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"slices"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
)

// BenchmarkSign and the bare signatures below show what a token costs
// beyond its signature. One core: add -cpu 1.
func BenchmarkSign(b *testing.B) {
	f := newFixture(b)
	i := f.issuer(b)
	c := f.claims()
	for _, algorithm := range issuer.Algorithms {
		b.Run(algorithm, func(b *testing.B) {
			b.ReportAllocs()

			for b.Loop() {
				if _, err := i.Sign(b.Context(), algorithm, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSignRate alternates tokens and bare signatures and reports the rate
// of tokens as a share of the rate of signatures. It compares tenth percentiles:
// on a busy machine the rest says more about its other work.
func BenchmarkSignRate(b *testing.B) {
	f := newFixture(b)
	private := fixedKey(b)
	i := f.issuer(b, func(o *issuer.Options) { o.SetGenerate(fixedGenerator(private)) })
	c := f.claims()

	digest := sha512.Sum512([]byte("token"))
	var tokens, signatures []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := i.Sign(b.Context(), issuer.RS512, c); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := rsa.SignPKCS1v15(nil, private, crypto.SHA512, digest[:]); err != nil {
			b.Fatal(err)
		}
		tokens = append(tokens, middle.Sub(start))
		signatures = append(signatures, time.Since(middle))
	}

	slices.Sort(tokens)
	slices.Sort(signatures)
	b.ReportMetric(float64(signatures[len(signatures)/10])/float64(tokens[len(tokens)/10]), "of-bare-rate")
}

func BenchmarkBareRSASign(b *testing.B) {
	private, err := issuer.Generate(issuer.RS512)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha512.Sum512([]byte("token"))
	b.ReportAllocs()

	for b.Loop() {
		if _, err := rsa.SignPKCS1v15(nil, private.(*rsa.PrivateKey), crypto.SHA512, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareECDSASign(b *testing.B) {
	private, err := issuer.Generate(issuer.ES256)
	if err != nil {
		b.Fatal(err)
	}
	digest := make([]byte, 32)
	b.ReportAllocs()

	for b.Loop() {
		if _, _, err := ecdsa.Sign(rand.Reader, private.(*ecdsa.PrivateKey), digest); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b)
	i := f.issuer(b)
	token := f.sign(b, i, "")
	b.ReportAllocs()

	for b.Loop() {
		if _, err := i.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
