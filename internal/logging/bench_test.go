//go:build unix

package logging

import (
	"bytes"
	"github.com/poolhouse-id/poolhouse/internal/logging/logtest"
	"io"
	"testing"
	"time"
)

// BenchmarkLine is the processor time of writing a log line to a file, and to a pipe
// that another process reads: with a system call each, and through a Sink.
//
//	go test -run xxx -bench Line ./internal/logging
func BenchmarkLine(b *testing.B) {
	for _, to := range []struct {
		name string
		open func(*testing.B) io.Writer
	}{{"file", logtest.File}, {"pipe", logtest.Pipe}} {
		for _, way := range []string{"direct", "sink"} {
			b.Run(to.name+"/"+way, func(b *testing.B) {
				out := &arrivals{to: to.open(b), burst: make(chan struct{}, 1)}
				w := io.Writer(out)
				if way == "sink" {
					sink := NewSink(SinkOptions{To: out, Delay: 10 * time.Millisecond})
					b.Cleanup(func() { _ = sink.Close() })
					w = sink
				}

				line := append(bytes.Repeat([]byte{'x'}, burstSize/burstLines-1), '\n')
				burst := func() {
					for range burstLines {
						_, _ = w.Write(line)
					}
					<-out.burst
				}
				burst() // the memory is there now

				before := logtest.ProcessorTime(b)
				b.ReportAllocs()
				b.ResetTimer()

				for n := 0; n < b.N; n += burstLines {
					burst()
				}
				lines := (b.N + burstLines - 1) / burstLines * burstLines
				b.ReportMetric(float64(logtest.ProcessorTime(b)-before)/float64(lines), "cpu-ns/op")
			})
		}
	}
}

// Bursts of lines fit into a Sink.
const burstLines, burstSize = 500, 500 * 350

// arrivals tells when a burst has arrived.
type arrivals struct {
	to    io.Writer
	bytes int
	burst chan struct{}
}

func (a *arrivals) Write(p []byte) (int, error) {
	n, err := a.to.Write(p)
	if a.bytes += n; a.bytes == burstSize {
		a.bytes = 0
		a.burst <- struct{}{}
	}
	return n, err
}
