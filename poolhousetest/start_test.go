package poolhousetest_test

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

// BenchmarkStart measures how long a test waits for a server, with all keys and what it begins with.
func BenchmarkStart(b *testing.B) {
	for name, options := range map[string][]poolhousetest.Option{
		"empty": nil,
		"demo":  {poolhousetest.Demo()},
		"seed":  {poolhousetest.Seed("../examples/go/pool.yaml")},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				server := poolhousetest.Start(b, options...)
				b.StopTimer()
				server.Stop()
				b.StartTimer()
			}
		})
	}
}
