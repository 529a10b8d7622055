package sigv4

import (
	"fmt"
	"testing"
)

// BenchmarkVerify measures requests with small bodies on one core; the signing key is cached after the first.
func BenchmarkVerify(b *testing.B) {
	for name, d := range map[string]*draft{"header": newDraft(), "presigned": newPresigned()} {
		b.Run(name, func(b *testing.B) {
			v := newVerifier()
			r, body := d.request()
			b.ReportAllocs()

			for b.Loop() {
				if _, err := v.Verify(r, body, d.service); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "verifications/s")
		})
	}

	b.Run("wrong signature", func(b *testing.B) {
		v, d := newVerifier(), newDraft()
		d.secret = "x"
		r, body := d.request()
		b.ReportAllocs()

		for b.Loop() {
			if _, err := v.Verify(r, body, d.service); err == nil {
				b.Fatal("verifies")
			}
		}
	})

	for _, size := range []int{4 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("body of %d KiB", size>>10), func(b *testing.B) {
			v, d := newVerifier(), newDraft()
			d.body = fmt.Sprintf("%*d", size, 0)
			r, body := d.request()
			b.SetBytes(int64(size))

			for b.Loop() {
				if _, err := v.Verify(r, body, d.service); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
