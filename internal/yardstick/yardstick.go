// Package yardstick measures benchmarks beside work whose cost is well known. Only tests
// import it. Start at HMACs.
package yardstick

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"
	"time"
)

// batch is how many operations are measured before the yardstick has its turn, so that
// both run on the same machine, even if it gets slower.
const batch = 1000

// HMACs runs op as the benchmark's loop. It reports as "ratio" the time of five
// HMAC-SHA256 of a string to sign, which a request's signature (Signature Version 4) costs
// without a cached key, divided by the time of op.
func HMACs(b *testing.B, op func()) {
	b.ReportAllocs()

	n, turns, hmacs := 0, 0, time.Duration(0)
	turn := func() { hmacs += fiveHMACs(batch); turns++ }

	for b.Loop() {
		op()
		if n++; n%batch == 0 {
			b.StopTimer()
			turn()
			b.StartTimer()
		}
	}

	took := b.Elapsed()
	if turns == 0 {
		turn()
	}

	b.ReportMetric(float64(n)/took.Seconds(), "ops/s")
	b.ReportMetric(float64(hmacs)/float64(turns*batch)/(float64(took)/float64(n)), "ratio")
}

func fiveHMACs(n int) time.Duration {
	key, text := make([]byte, sha256.Size), make([]byte, 120)
	begin := time.Now()

	for range 5 * n {
		m := hmac.New(sha256.New, key)
		m.Write(text)
		m.Sum(key[:0])
	}

	return time.Since(begin)
}
