package logging_test

import (
	"bytes"
	"errors"
	"fmt"
	"github.com/poolhouse-id/poolhouse/internal/logging"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errDisk = errors.New("the disk is full")

// options are those of a server: the access line's fault is in three attributes.
func options() logging.FaultOptions {
	return logging.FaultOptions{
		Attributes: map[string][]string{"request": {"fault", "reason", "stack"}},
		FaultOf: func(err error) string {
			if errors.Is(err, errDisk) {
				return "disk full"
			}
			return ""
		},
	}
}

// logged is a logger over a Log, and the lines that it wrote without their times.
type logged struct {
	*slog.Logger
	log *logging.Faults
	mu  sync.Mutex
	out bytes.Buffer
}

func newLogged(o logging.FaultOptions) *logged {
	l := &logged{log: logging.NewFaults(o)}
	text := slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "since" {
			return slog.Attr{}
		}
		return a
	}})
	l.Logger = slog.New(l.log.Handler(text))

	return l
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.out.Write(p)
}

// lines returns what was written since the last call.
func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()

	text := strings.TrimSuffix(l.out.String(), "\n")
	l.out.Reset()
	if text == "" {
		return nil
	}

	return strings.Split(text, "\n")
}

// after is a minute and a little later, in a bubble.
func after() {
	<-time.After(time.Minute + time.Second)
	synctest.Wait()
}

// A fault that fails 12,703 calls is two lines: the first call's, and a minute later
// how many more there were, with the last one's details.
func TestEqualLines(t *testing.T) {
	const calls = 12_703
	call := func(l *slog.Logger, n int) {
		l.Error("request", "request_id", fmt.Sprintf("id-%d", n), "operation", []string{"GetId", "GetOpenIdToken"}[n%2],
			"reason", fmt.Sprintf(`identity us-east-1:%08x: dial tcp 10.0.0.%d:%d: connection refused`, n,
				n%250, 5432+n%2),
			"status", 500, "duration", time.Duration(n))
	}

	synctest.Test(t, func(t *testing.T) {
		l := newLogged(options())
		for n := range calls {
			call(l.Logger, n)
		}
		if got := l.lines(); len(got) != 1 || !strings.Contains(got[0], "level=ERROR msg=request request_id=id-0 ") {
			t.Fatalf("at once: %q", got)
		}

		after()
		got := l.lines()
		if len(got) != 1 ||
			!strings.Contains(got[0],
				`level=ERROR msg="repeated: request" times=12702 request_id=id-12702 operation=GetId `) {
			t.Fatalf("after a minute: %q", got)
		}

		call(l.Logger, calls)
		if got := l.lines(); len(got) != 1 || strings.Contains(got[0], "repeated") {
			t.Errorf("the next minute's first: %q", got)
		}
		after()
		if got := l.lines(); len(got) != 0 {
			t.Errorf("one line was repeated: %q", got)
		}

		// The control: without the handler each call is a line.
		var plain bytes.Buffer
		for n := range calls {
			call(slog.New(slog.NewTextHandler(&plain, nil)), n)
		}
		if n := strings.Count(plain.String(), "\n"); n != calls {
			t.Errorf("%d lines without the handler", n)
		}
	})
}

// What makes lines equal, and what does not.
func TestKinds(t *testing.T) {
	type line struct {
		level   slog.Level
		message string
		attrs   []any
	}

	bad := func(attrs ...any) line { return line{slog.LevelError, "not ready", attrs} }
	request := func(attrs ...any) line { return line{slog.LevelError, "request", attrs} }

	for name, test := range map[string]struct {
		a, b  line
		equal bool
	}{
		"same":            {bad("error", errDisk), bad("error", errDisk), true},
		"another message": {bad(), line{slog.LevelError, "stopped", nil}, false},
		"another level":   {bad(), line{slog.LevelWarn, "not ready", nil}, false},
		"another error":   {bad("error", errors.New("refused")), bad("error", errors.New("reset")), false},
		"another address": {bad("error", "dial 10.0.0.1:5432: refused"),
			bad("error", "dial 10.0.0.2:6432: refused"), true},
		"another ID": {bad("error", "pool us-east-1:1a2b: gone"), bad("error", "pool us-east-1:3c4d: gone"), true},
		"another quotation": {bad("error", `role "a b" is bad`),
			bad("error", `role "c" is bad`), true},
		"a named fault": {bad("error", fmt.Errorf("a: %w", errDisk)),
			bad("error", fmt.Errorf("b: %w", errDisk)), true},
		"another number":    {bad("failures", 1, "for", time.Second), bad("failures", 2, "for", time.Minute), true},
		"another provider":  {bad("url", "https://a"), bad("url", "https://b"), false},
		"another operation": {request("operation", "GetId"), request("operation", "UnlinkIdentity"), true},
		"another request's fault": {request("fault", "disk full", "reason", "a"),
			request("fault", "disk full", "reason", "b"), true},
		"another fault": {request("fault", "disk full"), request("fault", "read only"), false},
		"another panic": {request("reason", "panic: x", "stack", "a()"),
			request("reason", "panic: x", "stack", "b()"), false},
		"same panic": {request("stack", "goroutine 7\na(0x12)"), request("stack", "goroutine 9\na(0x3f)"), true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLogged(options())
			for _, line := range []line{test.a, test.b} {
				l.Log(t.Context(), line.level, line.message, line.attrs...)
			}

			if got := l.lines(); (len(got) == 1) != test.equal {
				t.Errorf("%q", got)
			}
		})
	}
}

// Lines below warnings are all written.
func TestAccessLines(t *testing.T) {
	l := newLogged(options())
	for range 1000 {
		l.Info("request", "outcome", "OK")
	}
	if n := len(l.lines()); n != 1000 {
		t.Errorf("%d lines", n)
	}
}

// Lines that count already are all written, however soon they follow each other.
func TestSummaries(t *testing.T) {
	l := newLogged(logging.FaultOptions{Summaries: []string{"calls are refused"}})
	for n := range 3 {
		l.Warn("calls are refused", "class", "reads", "calls", n)
		l.Warn("another warning", "n", n)
	}
	if n := len(l.lines()); n != 4 {
		t.Errorf("%d lines, want three summaries and one other", n)
	}
}

// Faults that come in turn are counted apart, and told in the order in which they began.
func TestInterleaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogged(options())
		for n := range 300 {
			l.Error(fmt.Sprintf("fault %c", 'a'+n%3), "n", n)
			<-time.After(time.Millisecond)
		}
		if got := l.lines(); len(got) != 3 {
			t.Errorf("%q", got)
		}
		after()
		got := strings.Join(l.lines(), "\n")

		want := `level=ERROR msg="repeated: fault a" times=99 n=297
level=ERROR msg="repeated: fault b" times=99 n=298
level=ERROR msg="repeated: fault c" times=99 n=299`
		if got != want {
			t.Errorf("%s", got)
		}
	})
}

// A fault that lasts is a line at its beginning and a count each minute, and the counts
// add up to the calls.
func TestLastingFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogged(options())
		for range 600 { // ten minutes
			l.Warn("engine gave no answer")
			<-time.After(time.Second)
		}
		after()

		sum, lines := 0, l.lines()
		for _, line := range lines {
			n := 1
			if _, times, found := strings.Cut(line, "times="); found {
				_, _ = fmt.Sscan(times, &n)
			}
			sum += n
		}

		if sum != 600 || len(lines) > 20 {
			t.Errorf("%d lines stand for %d", len(lines), sum)
		}
	})
}

// However many faults there are, the memory is bounded: what is beyond is counted
// together, warnings and errors apart. Room comes back with time.
func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.MaxKinds = 10

		l := newLogged(o)
		for n := range 10_000 {
			l.Warn("not taken", "provider", fmt.Sprint("p", n))
		}
		l.Error("writing stopped")
		l.Error("writing stopped")
		l.Error("the disk is full")
		if n := len(l.lines()); n != 13 {
			t.Errorf("%d lines at once, want ten warnings, one for the rest, and two errors", n)
		}

		after()
		if got := strings.Join(l.lines(), "\n"); !strings.Contains(got,
			`"repeated: not taken" times=9989 provider=p9999`) ||
			!strings.Contains(got, `"repeated: writing stopped" times=1`) || strings.Count(got, "\n") != 1 {
			t.Errorf("counts:\n%s", got)
		}
		l.Warn("not taken", "provider", "another")
		l.Warn("not taken", "provider", "one more")
		if n := len(l.lines()); n != 2 {
			t.Errorf("%d lines a minute later", n)
		}
	})
}

// Close writes what was counted, once; later lines pass.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLogged(options())
		for range 5 {
			l.Error("fault")
		}
		_ = l.lines()

		for range 2 {
			if err := l.log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := l.lines(); len(got) != 1 || !strings.Contains(got[0], "times=4") {
			t.Errorf("at the end: %q", got)
		}

		l.Error("fault")
		l.Error("fault")
		if got := l.lines(); len(got) != 2 {
			t.Errorf("after the end: %q", got)
		}
		after()
		if got := l.lines(); len(got) != 0 {
			t.Errorf("a minute after the end: %q", got)
		}
	})
}

// Attributes and groups of a logger are part of its lines, and of their kinds.
func TestWith(t *testing.T) {
	l := newLogged(options())

	a, b, group := l.With("part", "a"), l.With("part", "b"), l.WithGroup("g")
	for range 3 {
		a.Error("fault", "n", 1)
		b.Error("fault", "n", 1)
		group.Error("fault", "n", 1)
	}
	if got := l.lines(); len(got) != 3 {
		t.Errorf("at once: %q", got)
	}
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}

	got := strings.Join(l.lines(), "\n")
	for _, want := range []string{"part=a times=2", "part=b times=2", "g.n=1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// The injected clock decides when a minute is over, even one that is set back.
func TestClock(t *testing.T) {
	for _, step := range []time.Duration{time.Minute, -time.Hour} {
		now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
		o := options()
		o.Now = func() time.Time { return now }
		l := newLogged(o)
		l.Error("fault")
		l.Error("fault")
		now = now.Add(step)
		l.Error("fault")
		if got := l.lines(); len(got) != 3 || !strings.Contains(got[1], "times=1") {
			t.Errorf("clock moved by %s: %q", step, got)
		}
		_ = l.log.Close()
	}
}

// Many goroutines lose no line (for the race detector).
func TestConcurrent(t *testing.T) {
	l := newLogged(options())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for n := range 1000 {
				l.Error("fault", "kind", fmt.Sprint(n%4))
			}
		})
	}

	group.Wait()
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}

	sum := 0
	for _, line := range l.lines() {
		n := 1
		if _, times, found := strings.Cut(line, "times="); found {
			_, _ = fmt.Sscan(times, &n)
		}
		sum += n
	}

	if sum != 8000 {
		t.Errorf("%d lines are told of, of 8000", sum)
	}
}
