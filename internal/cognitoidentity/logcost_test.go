//go:build unix

package cognitoidentity_test

import (
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/logging"
	"github.com/poolhouse-id/poolhouse/internal/logging/logtest"
)

// BenchmarkServeLogged measures the cost of the log line of a credentials call: written with
// a system call each, and through a sink, into a file and into a pipe that another
// process reads. cpu-ns/op is the processor time of this process, writes/op how
// many system calls write:
//
//	go test -run xxx -bench ServeLogged .
func BenchmarkServeLogged(b *testing.B) {
	for _, c := range []struct {
		name string
		open func(*testing.B) io.Writer // nil = no log
		sink bool
	}{
		{name: "no log"},
		{name: "format only", open: func(*testing.B) io.Writer { return io.Discard }},
		{name: "file/line", open: logtest.File},
		{name: "file/sink", open: logtest.File, sink: true},
		{name: "pipe/line", open: logtest.Pipe},
		{name: "pipe/sink", open: logtest.Pipe, sink: true},
	} {
		b.Run(c.name, func(b *testing.B) {
			logger, writes := slog.New(slog.DiscardHandler), new(counted)
			if c.open != nil {
				writes.Writer = c.open(b)
				to := io.Writer(writes)
				if c.sink {
					sink := logging.NewSink(logging.SinkOptions{To: to, Delay: 10 * time.Millisecond})
					b.Cleanup(func() { _ = sink.Close() })
					defer func() { b.ReportMetric(float64(sink.Dropped()), "dropped") }()

					to = sink
				}

				logger = slog.New(slog.NewJSONHandler(to, nil))
			}

			s, pool := startHot(b, logger)
			guest := s.GetID(b, pool, nil)

			before := logtest.ProcessorTime(b)
			writes.n.Store(0)
			benchmark(b, s, "GetCredentialsForIdentity", ci.GetCredentialsForIdentityInput{IdentityId: &guest})
			b.ReportMetric(float64(logtest.ProcessorTime(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(writes.n.Load())/float64(b.N), "writes/op")
		})
	}
}

// counted counts the writes to a writer.
type counted struct {
	io.Writer
	n atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.n.Add(1)
	return c.Writer.Write(p)
}
