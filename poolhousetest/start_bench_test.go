package poolhousetest_test

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// BenchmarkStart measures how long a test waits for a server.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		server := poolhousetest.Start(b)
		b.StopTimer()
		server.Stop()
		b.StartTimer()
	}
}
