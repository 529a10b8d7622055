package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a writer that blocks until it is open, as a pipe does that nobody reads.
type pipe struct {
	open chan struct{}

	mu     sync.Mutex
	text   bytes.Buffer
	writes []time.Time
	faults []fault // of the next writes, in order
}

// fault lets a write fail after n bytes.
type fault struct {
	n   int
	err error
}

func openPipe() *pipe {
	p := blockedPipe()
	close(p.open)
	return p
}

func blockedPipe() *pipe { return &pipe{open: make(chan struct{})} }

func (p *pipe) Write(b []byte) (int, error) {
	<-p.open
	p.mu.Lock()
	defer p.mu.Unlock()

	p.writes = append(p.writes, time.Now())
	if len(p.faults) > 0 {
		f := p.faults[0]
		p.faults = p.faults[1:]
		n := min(f.n, len(b))
		p.text.Write(b[:n])
		return n, f.err
	}

	return p.text.Write(b)
}

func (p *pipe) read() string {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.text.String()
}

func shortNotice(dropped uint64) []byte { return fmt.Appendf(nil, "-%d\n", dropped) }

func put(t *testing.T, s *Sink, line string) {
	t.Helper()
	if n, err := s.Write([]byte(line)); n != len(line) || err != nil {
		t.Fatalf("Write(%.20q) = %d, %v", line, n, err)
	}
}

func closed(t *testing.T, s *Sink) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Lines are written together after the delay, and at once without one.
func TestBatches(t *testing.T) {
	for _, tt := range []struct {
		delay  time.Duration
		writes []time.Duration // after the start
	}{
		{delay: 10 * time.Millisecond, writes: []time.Duration{10 * time.Millisecond, 110 * time.Millisecond}},
		{delay: 0, writes: []time.Duration{0, 4 * time.Millisecond, 8 * time.Millisecond, 100 * time.Millisecond}},
	} {
		t.Run(tt.delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := openPipe()
				s := NewSink(SinkOptions{To: p, Delay: tt.delay})
				start := time.Now()

				for _, line := range []string{"1\n", "2\n", "3\n"} {
					put(t, s, line)
					<-time.After(4 * time.Millisecond)
				}
				<-time.After(88 * time.Millisecond)
				put(t, s, "4\n")
				<-time.After(50 * time.Millisecond) // no line takes longer
				synctest.Wait()

				var writes []time.Duration
				for _, at := range p.writes {
					writes = append(writes, at.Sub(start))
				}
				if fmt.Sprint(writes) != fmt.Sprint(tt.writes) || p.read() != "1\n2\n3\n4\n" {
					t.Errorf("wrote %q at %v, want %v", p.read(), writes, tt.writes)
				}
				closed(t, s)
			})
		})
	}
}

// A burst does not wait for the delay, so that it is not dropped.
func TestBurstIsWrittenEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPipe()

		s := NewSink(SinkOptions{To: p, Size: 1000, Delay: time.Hour})
		line := strings.Repeat("x", 99) + "\n"
		for range 100 {
			put(t, s, line)
			synctest.Wait()
		}
		if s.Dropped() != 0 || p.text.Len() < 9000 {
			t.Errorf("dropped %d lines, wrote %d bytes", s.Dropped(), p.text.Len())
		}
		closed(t, s)
	})
}

// While nobody reads, Write returns, memory is bounded, and whole lines are
// dropped. The reader that comes back is told how many, where they are missing.
func TestBlockedReader(t *testing.T) {
	for name, size := range map[string]int{"small": 1000, "usual": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := blockedPipe()

				s := NewSink(SinkOptions{To: p, Size: size})
				const lines = 20000
				for n := range lines {
					put(t, s, fmt.Sprintf("%d %s\n", n, strings.Repeat("x", 90)))
					if n == 0 {
						synctest.Wait() // it is being written
					}
				}

				if held := len(s.pending) + s.writing; held > s.size || held < s.size-100 {
					t.Errorf("%d bytes wait, the bound is %d", held, s.size)
				}
				dropped := s.Dropped()
				close(p.open)
				synctest.Wait()

				put(t, s, "back\n")
				closed(t, s)
				text := p.read()
				end := fmt.Sprintf("\n%d lines were dropped here\nback\n", dropped)
				if dropped == 0 || !strings.HasSuffix(text, end) {
					t.Errorf("dropped %d; the end is %q", dropped, text[max(0, len(text)-100):])
				}
				checkLines(t, text, lines-int(dropped))
			})
		})
	}
}

// checkLines expects the first n numbered lines, whole and in order.
func checkLines(t *testing.T, text string, n int) {
	t.Helper()

	next := 0
	for line := range strings.Lines(text) {
		if line == fmt.Sprintf("%d %s\n", next, strings.Repeat("x", 90)) {
			next++
		}
	}
	if next != n {
		t.Errorf("%d lines came through whole and in order, want %d", next, n)
	}
}

// The notice does not wait for another line.
func TestNoticeWithoutAnotherLine(t *testing.T) {
	long := strings.Repeat("x", 99) + "\n"
	for name, lines := range map[string][]string{
		"a line larger than the bound":   {long + long},
		"lines while others are written": {"1\n", long, "2\n", long},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := blockedPipe()

				s := NewSink(SinkOptions{To: p, Size: 100, Notice: shortNotice})
				for _, line := range lines {
					put(t, s, line)
					synctest.Wait()
				}
				close(p.open)
				synctest.Wait()
				if text, missing := p.read(), fmt.Sprintf("-%d\n", s.Dropped()); s.Dropped() == 0 ||
					len(lines) == 1 && text != missing || !strings.HasSuffix(text, "-1\n") {
					t.Errorf("wrote %q, dropped %d", text, s.Dropped())
				}
				closed(t, s)
			})
		})
	}
}

// Close writes what waits, and gives up after two seconds.
func TestClose(t *testing.T) {
	failing := make([]fault, 100)
	for i := range failing {
		failing[i].err = errors.New("broken pipe")
	}

	for name, tt := range map[string]struct {
		blocked bool
		faults  []fault
		want    error
		took    time.Duration
	}{
		"reader":             {},
		"nobody reads":       {blocked: true, want: errNotFlushed, took: 2 * time.Second},
		"the pipe is closed": {faults: failing, want: errNotFlushed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pipe := blockedPipe()
				pipe.faults = tt.faults
				if !tt.blocked {
					close(pipe.open)
				}
				s := NewSink(SinkOptions{To: pipe, Delay: time.Minute})
				put(t, s, "last words\n")

				start := time.Now()
				if err := s.Close(); !errors.Is(err, tt.want) || time.Since(start) != tt.took {
					t.Errorf("Close() = %v after %v, want %v after %v", err, time.Since(start), tt.want, tt.took)
				}
				if tt.want == nil && pipe.read() != "last words\n" {
					t.Errorf("wrote %q", pipe.read())
				}
				if err := s.Close(); !errors.Is(err, tt.want) {
					t.Errorf("second Close() = %v", err)
				}

				put(t, s, "too late\n")
				if s.Dropped() != 1 {
					t.Errorf("dropped %d", s.Dropped())
				}
				if tt.blocked {
					close(pipe.open)
				}
			})
		})
	}
}

// After a fault it goes on where the write stopped: no line is torn or lost.
func TestFaults(t *testing.T) {
	full := errors.New("no space left on device")
	for name, faults := range map[string][]fault{
		"nothing written":      {{n: 0, err: full}},
		"in the middle":        {{n: 3, err: full}, {n: 1, err: full}},
		"at the end of a line": {{n: 6, err: io.ErrShortWrite}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := openPipe()
				p.faults = faults
				s := NewSink(SinkOptions{To: p, Delay: time.Millisecond})
				put(t, s, "first\n")
				put(t, s, "second\n")
				<-time.After(time.Minute)
				put(t, s, "third\n")
				closed(t, s)

				if p.read() != "first\nsecond\nthird\n" || s.Dropped() != 0 {
					t.Errorf("wrote %q, dropped %d", p.read(), s.Dropped())
				}
			})
		})
	}
}

// counting checks that each write is of whole lines, and short enough for a pipe.
type counting struct {
	t     *testing.T
	lines [][]byte
}

func (c *counting) Write(b []byte) (int, error) {
	if b[len(b)-1] != '\n' || len(b) > chunk && bytes.IndexByte(b, '\n') != len(b)-1 {
		c.t.Errorf("a write of %d bytes is not of whole lines, or could mix with others", len(b))
	}

	for line := range bytes.Lines(b) {
		c.lines = append(c.lines, bytes.Clone(line))
	}
	return len(b), nil
}

// Lines of any size come through whole and in order, or are counted.
func FuzzSizes(f *testing.F) {
	f.Add(uint64(1), uint16(100), uint16(0))
	f.Add(uint64(2), uint16(9000), uint16(20000))
	f.Add(uint64(3), uint16(1), uint16(4096))
	f.Add(uint64(4), uint16(4096), uint16(4097))
	f.Add(uint64(5), uint16(60000), uint16(50000))
	f.Fuzz(func(t *testing.T, seed uint64, longest, size uint16) {
		random := rand.New(rand.NewPCG(seed, seed))
		out := &counting{t: t}
		s := NewSink(SinkOptions{To: out, Size: int(size), Delay: time.Duration(seed%2) * time.Microsecond,
			Notice: shortNotice})

		var sent [][]byte
		for n := range 200 {
			line := fmt.Appendf(nil, "%d %s\n", n, strings.Repeat("x", random.IntN(int(longest)+1)))
			sent = append(sent, line)
			put(t, s, string(line))
		}
		closed(t, s)

		var told uint64
		for _, line := range out.lines {
			var n uint64
			if _, err := fmt.Sscanf(string(line), "-%d\n", &n); err == nil {
				sent, told = sent[n:], told+n // exactly here they are missing
				continue
			}
			if len(sent) == 0 || !bytes.Equal(line, sent[0]) {
				t.Fatalf("%.20q came, want %.20q", line, sent[0])
			}
			sent = sent[1:]
		}

		if len(sent) > 0 || told != s.Dropped() {
			t.Errorf("%d lines are missing; told of %d, dropped %d", len(sent), told, s.Dropped())
		}
	})
}

// Many write at once: each one's lines stay whole and in order.
func TestConcurrentWriters(t *testing.T) {
	out := &counting{t: t}

	s := NewSink(SinkOptions{To: out, Delay: time.Millisecond})
	const writers, lines = 8, 500
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := range lines {
				_, _ = fmt.Fprintf(s, "%d %d\n", w, n)
			}
		})
	}

	group.Wait()
	closed(t, s)

	var next [writers]int
	for _, line := range out.lines {
		var w, n int
		if _, err := fmt.Sscanf(string(line), "%d %d\n", &w, &n); err != nil || n != next[w] {
			t.Fatalf("%q came, want line %d of writer %d (%v)", line, next[w], w, err)
		}
		next[w]++
	}

	if s.Dropped() != 0 || len(out.lines) != writers*lines {
		t.Errorf("%d lines came, %d were dropped", len(out.lines), s.Dropped())
	}
}

// A write allocates nothing once the memory is there.
func TestWriteAllocatesNothing(t *testing.T) {
	p := blockedPipe()
	s := NewSink(SinkOptions{To: p})
	defer func() { close(p.open); closed(t, s) }()

	line := []byte(strings.Repeat("x", 299) + "\n")
	s.mu.Lock()
	s.pending = make([]byte, 0, 2*defaultSize)
	s.mu.Unlock()
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.Write(line) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
