package overload_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// fixture is a Guard whose clock stands still, over queues that a test fills.
type fixture struct {
	*overload.Guard
	at       time.Time
	late     time.Duration // that goroutines wait for a processor
	signing  *overload.Queue
	writes   *overload.Queue
	database *overload.Queue
	log      bytes.Buffer
}

func newFixture(maxWait time.Duration) *fixture {
	f := &fixture{at: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time { return f.at }
	f.signing = overload.NewQueue(2, 1, now).Computing()
	f.writes = overload.NewQueue(1, 256, now)
	f.database = overload.NewQueue(8, 1, now)
	f.Guard = overload.NewGuard(overload.Options{
		MaxWait:  maxWait,
		Queues:   map[overload.Class]*overload.Queue{overload.Signing: f.signing, overload.Writes: f.writes},
		Database: f.database,
		Delay:    func() time.Duration { return f.late },
		Now:      now,
		Logger:   slog.New(slog.NewTextHandler(&f.log, nil)),
	})

	return f
}

func (f *fixture) pass(d time.Duration) { f.at = f.at.Add(d) }

// work has a queue do one piece of work, alone, that takes d.
func (f *fixture) work(q *overload.Queue, d time.Duration) {
	ticket := q.Enter()
	f.pass(d)
	q.Worked(d)
	q.Leave(ticket)
}

// fill puts n pieces of work in a queue, and returns what takes them out again.
func fill(q *overload.Queue, n int) (empty func()) {
	tickets := make([]overload.Ticket, n)
	for i := range tickets {
		tickets[i] = q.Enter()
	}

	return func() {
		for _, t := range tickets {
			q.Leave(t)
		}
	}
}

// windows lets n windows pass in each of which so many calls come and are answered.
func (f *fixture) windows(n int, c overload.Class, come, answered int) {
	for range n {
		for range come {
			f.Begin(c)
		}

		for range answered {
			f.End(c)
		}
		f.pass(20 * time.Millisecond)
		f.Admit(overload.Administration) // whoever comes looks at the window that is over
	}
}

// share returns how many of 80 calls are admitted.
func (f *fixture) share(c overload.Class) int {
	n := 0
	for range 80 {
		if f.Admit(c) {
			n++
		}
	}
	return n
}

// A queue's estimate is the time that work of the same kind waits.
func TestLineWait(t *testing.T) {
	for _, c := range []struct {
		name           string
		workers, batch int
		took           time.Duration // of one piece, alone
		present        int
		stands         time.Duration // nothing has left for so long
		want           time.Duration
	}{
		{"empty", 2, 1, time.Millisecond, 0, 0, 0},
		{"a worker is free", 2, 1, time.Millisecond, 1, 0, 0},
		{"next", 2, 1, time.Millisecond, 2, 0, time.Millisecond / 2},
		{"forty before it", 2, 1, time.Millisecond, 40, 0, 39 * time.Millisecond / 2},
		{"one group of writes", 1, 256, 5 * time.Millisecond, 200, 0, 0},
		{"two groups of writes", 1, 256, 5 * time.Millisecond, 511, 0, 5 * time.Millisecond},
		{"a long one beside free workers", 8, 1, time.Millisecond, 1, time.Minute, 0},
		{"a disk that hangs", 1, 256, 5 * time.Millisecond, 1, time.Second, 995 * time.Millisecond},
		{"a server that hangs", 2, 1, time.Millisecond, 2, time.Second, 999 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := time.Unix(0, 0)
			q := overload.NewQueue(c.workers, c.batch, func() time.Time { return at })
			ticket := q.Enter()
			at = at.Add(c.took)
			q.Leave(ticket)

			fill(q, c.present)
			at = at.Add(c.stands)
			if got := q.Wait(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// The time of work that waited in a queue is a share of the time that it was there.
func TestLineMeasuresServiceNotWaiting(t *testing.T) {
	at := time.Unix(0, 0)

	q := overload.NewQueue(2, 1, func() time.Time { return at })
	tickets := make([]overload.Ticket, 100)
	for i := range tickets {
		tickets[i] = q.Enter()
	}

	for i := 0; i < len(tickets); i += 2 { // two workers, a millisecond each
		at = at.Add(time.Millisecond)
		q.Leave(tickets[i])
		q.Leave(tickets[i+1])
	}
	if got := q.Service(); got < 900*time.Microsecond || got > 1100*time.Microsecond {
		t.Errorf("a piece takes %s, want about 1ms", got)
	}
}

// A pause of the whole process is not taken for slow work, and work that became slow
// is soon known.
func TestComputingQueue(t *testing.T) {
	at := time.Unix(0, 0)

	q := overload.NewQueue(2, 1, func() time.Time { return at }).Computing()
	for range 10 {
		q.Worked(time.Millisecond)
	}
	fill(q, 62)
	at = at.Add(time.Second)
	q.Worked(time.Second)
	q.Worked(time.Second)
	if got := q.Wait(); got > 50*time.Millisecond {
		t.Errorf("after a pause one would wait %s", got)
	}

	for range 40 {
		q.Worked(4 * time.Millisecond)
	}
	if got := q.Service(); got < 3900*time.Microsecond {
		t.Errorf("a piece of 4ms takes %s", got)
	}
}

// Work that was turned away or given up does not pass for work that is done.
func TestQueueDrop(t *testing.T) {
	at := time.Unix(0, 0)
	q := overload.NewQueue(1, 1, func() time.Time { return at })
	ticket := q.Enter()
	at = at.Add(10 * time.Millisecond)
	q.Leave(ticket)

	q.Enter()
	at = at.Add(time.Second)

	for range 100 {
		q.Drop(q.Enter())
	}
	if q.Service() != 10*time.Millisecond || q.Wait() != 990*time.Millisecond {
		t.Errorf("service %s, wait %s", q.Service(), q.Wait())
	}
}

// Each class is refused for what it waits for itself, and goes on when others must
// not.
func TestClassesAreApart(t *testing.T) {
	all := overload.Classes()
	for _, c := range []struct {
		name    string
		busy    func(*fixture)
		refused []overload.Class
	}{
		{"nothing", func(*fixture) {}, nil},
		{"the signer", func(f *fixture) {
			f.work(f.signing, time.Millisecond)
			fill(f.signing, 300)
		}, []overload.Class{overload.Signing}},
		{"the disk", func(f *fixture) {
			f.work(f.writes, 10*time.Millisecond)
			fill(f.writes, 3000)
		}, []overload.Class{overload.Writes}},
		{"a disk that hangs", func(f *fixture) {
			f.work(f.writes, 10*time.Millisecond)
			fill(f.writes, 1)
			f.pass(time.Second)
		}, []overload.Class{overload.Writes}},
		{"a slow disk, which is not overloaded", func(f *fixture) {
			f.work(f.writes, 80*time.Millisecond)
			fill(f.writes, 700)
		}, nil},
		{"the database", func(f *fixture) {
			f.work(f.database, 10*time.Millisecond)
			fill(f.database, 120) // 140 ms
		}, []overload.Class{overload.Reads, overload.Writes, overload.Signing}},
		{"the database, with keys that somebody makes up", func(f *fixture) {
			f.work(f.database, 10*time.Millisecond)
			fill(f.database, 500)
		}, overload.Classes()},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(10 * time.Millisecond)
			c.busy(f)

			var refused []overload.Class
			for _, class := range all {
				if !f.Admit(class) {
					refused = append(refused, class)
				}
			}
			if len(refused) != len(c.refused) {
				t.Fatalf("refused %v, want %v", refused, c.refused)
			}

			for i := range refused {
				if refused[i] != c.refused[i] {
					t.Errorf("refused %v, want %v", refused, c.refused)
				}
			}

			if off := newFixture(0); true {
				c.busy(off)

				for _, class := range all {
					if !off.Admit(class) {
						t.Errorf("%s is refused although max_wait is 0", class)
					}
				}
			}
		})
	}
}

// signer is two workers that make a signature in a millisecond each, and what waits
// for them.
type signer struct {
	f       *fixture
	waiting []overload.Ticket
	since   []time.Time
	longest time.Duration // that one waited which was admitted in this run
}

// run lets so many milliseconds pass. arrive tells how many calls come in one, of
// which answered were answered in the one before. It returns how many were answered
// and refused.
func (s *signer) run(ms int, arrive func(ms, answered int) int) (answered, refused int) {
	s.longest = 0
	last := 0
	for n := range ms {
		for range arrive(n, last) {
			if !s.f.Admit(overload.Signing) || !s.f.Begin(overload.Signing) {
				refused++
				continue
			}
			s.waiting = append(s.waiting, s.f.signing.Enter())
			s.since = append(s.since, s.f.at)
		}

		s.f.pass(time.Millisecond)

		last = min(2, len(s.waiting))
		for i := range last {
			s.f.signing.Worked(time.Millisecond)
			s.f.signing.Leave(s.waiting[i])
			s.f.End(overload.Signing)
			s.longest = max(s.longest, s.f.at.Sub(s.since[i]))
		}

		s.waiting, s.since = s.waiting[last:], s.since[last:]
		answered += last
	}

	return answered, refused
}

// open is an open loop: so many calls a millisecond, whatever is answered.
func open(n int) func(int, int) int { return func(int, int) int { return n } }

// closed is a closed loop of clients who all come at once, and then again as soon
// as they are answered.
func closed(clients int) func(int, int) int {
	return func(ms, answered int) int {
		if ms == 0 {
			return clients
		}
		return answered
	}
}

// What comes faster than it is answered is refused beyond max_wait; the rest is
// answered in time and at the full rate. Clients that wait for their answers, and
// bursts, are not refused: what waits does not grow.
func TestBoundOfTheWaiting(t *testing.T) {
	for _, c := range []struct {
		name    string
		arrive  func(int, int) int
		refuses bool
		within  time.Duration // an answer, once the start is over
		start   time.Duration // within which it comes then; 0 = the longer bound
	}{
		{"half of the rate", open(1), false, 5 * time.Millisecond, 0},
		{"the rate", open(2), false, 5 * time.Millisecond, 0},
		{"twice the rate", open(4), true, 15 * time.Millisecond, 45 * time.Millisecond},
		{"ten times the rate", open(20), true, 15 * time.Millisecond, 0},
		{"a little more than the rate", func(ms, _ int) int { return 2 + ms%2 }, true, 15 * time.Millisecond, 0},
		{"64 clients in turn", closed(64), false, 40 * time.Millisecond, 0},
		{"1000 clients in turn", closed(1000), true, 110 * time.Millisecond, 0},
		{"a burst a second", func(ms, _ int) int {
			if ms%1000 == 0 {
				return 100
			}
			return 0
		}, false, 60 * time.Millisecond, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(10 * time.Millisecond)
			s := &signer{f: f}
			f.work(f.signing, time.Millisecond)
			_, first := s.run(1000, c.arrive)
			if c.start == 0 {
				c.start = 125 * time.Millisecond
			}
			if s.longest > c.start {
				t.Errorf("one waited %s at the start, want %s at most", s.longest, c.start)
			}

			again := c.arrive
			if c.name == "64 clients in turn" || c.name == "1000 clients in turn" {
				again = func(_, answered int) int { return answered }
				s.run(1, open(2)) // who were just answered
			}

			answered, refused := s.run(3000, again)
			if (first+refused > 0) != c.refuses {
				t.Errorf("refused %d and %d", first, refused)
			}
			if s.longest > c.within {
				t.Errorf("one waited %s, want %s at most", s.longest, c.within)
			}
			if c.refuses && answered < 5900 { // of 6000
				t.Errorf("%d are answered in 3 s, want nearly 6000", answered)
			}
		})
	}
}

// Once nobody was refused for a second, the longer bound applies again.
func TestRecovery(t *testing.T) {
	f := newFixture(10 * time.Millisecond)
	s := &signer{f: f}
	s.run(1000, open(20))
	if _, refused := s.run(100, closed(64)); refused == 0 {
		t.Error("a burst is not refused although calls were just refused")
	}
	s.run(2000, open(1))
	if _, refused := s.run(100, closed(64)); refused > 0 {
		t.Errorf("%d are refused two seconds after the overload", refused)
	}
}

// The signer goes on at its full rate while processors are late with refusing many.
func TestRefusingLeavesTheSignerItsWork(t *testing.T) {
	for _, late := range []time.Duration{10 * time.Millisecond, 90 * time.Millisecond} {
		f := newFixture(10 * time.Millisecond)
		s := &signer{f: f}
		f.late = late
		s.run(1000, open(20))
		if answered, _ := s.run(1000, open(20)); answered < 1950 { // of 2000
			t.Errorf("%d are answered in a second with processors %s late, want nearly 2000", answered, late)
		}

		if s.longest > 11*time.Millisecond {
			t.Errorf("one waited %s", s.longest)
		}
	}
}

// Processors that stay late have ever more calls refused, some always admitted, and
// signed calls last; when they are in time again, all are.
func TestLateProcessors(t *testing.T) {
	f := newFixture(10 * time.Millisecond)
	f.late = 30 * time.Millisecond
	f.windows(2, overload.Reads, 10, 10)
	if got := f.share(overload.Reads); got != 80 {
		t.Errorf("%d of 80 after two late windows, want all", got)
	}
	f.windows(3, overload.Reads, 10, 10)
	if got := f.share(overload.Reads); got != 50 {
		t.Errorf("%d of 80 after five late windows, want 50", got)
	}
	f.windows(100, overload.Reads, 10, 10)

	for class, want := range map[overload.Class]int{
		overload.Reads:          10,
		overload.Writes:         10,
		overload.Signing:        80,
		overload.Authentication: 80,
		overload.Administration: 80,
	} {
		if got := f.share(class); got != want {
			t.Errorf("%s: %d of 80 while processors stay late, want %d", class, got, want)
		}
	}

	f.late = 0
	f.windows(8, overload.Reads, 10, 10)
	if got := f.share(overload.Reads); got != 80 {
		t.Errorf("%d of 80 after recovery, want all", got)
	}
}

// What was measured before a pause refuses nobody after it.
func TestFirstCallsAfterAFlood(t *testing.T) {
	for _, c := range []struct {
		pause time.Duration
		want  int // of 80
	}{
		{20 * time.Millisecond, 20},
		{60 * time.Millisecond, 40},
		{140 * time.Millisecond, 80},
		{time.Hour, 80},
	} {
		f := newFixture(10 * time.Millisecond)
		f.late = 30 * time.Millisecond
		f.windows(100, overload.Reads, 10, 10)
		if c.pause < time.Second { // else what is measured is still of the flood
			f.late = 0
		}
		f.pass(c.pause)
		if got := f.share(overload.Reads); got != c.want {
			t.Errorf("%d of 80 are admitted %s after a flood, want %d", got, c.pause, c.want)
		}
	}

	f := newFixture(10 * time.Millisecond)
	s := &signer{f: f}
	f.work(f.signing, time.Millisecond)
	s.run(1000, open(20))
	s.run(100, open(0))
	f.pass(time.Hour)
	if _, refused := s.run(100, closed(64)); refused > 0 {
		t.Errorf("%d of the first burst are refused an hour after a flood", refused)
	}
}

// Processors that are in time again, if only just, have all admitted in the end.
func TestRecoveryWhileNearlyLate(t *testing.T) {
	f := newFixture(10 * time.Millisecond)
	f.late = 30 * time.Millisecond
	f.windows(100, overload.Reads, 10, 10)
	f.late = 15 * time.Millisecond
	f.windows(10, overload.Reads, 10, 10)
	if got := f.share(overload.Reads); got > 30 {
		t.Errorf("%d of 80 after ten windows, want few", got)
	}
	f.windows(100, overload.Reads, 10, 10)
	if got := f.share(overload.Reads); got != 80 {
		t.Errorf("%d of 80 after two seconds, want all", got)
	}
}

// However short max_wait is, one piece of work waits for a worker that is busy, or
// workers would be idle between two calls.
func TestWorkLongerThanTheBound(t *testing.T) {
	f := newFixture(10 * time.Millisecond)
	for range 100 {
		f.signing.Worked(12 * time.Millisecond)
	}

	for range 100 { // strict
		f.pass(20 * time.Millisecond)
		empty := fill(f.signing, 40)
		f.Admit(overload.Signing)
		empty()
	}

	f.late = 30 * time.Millisecond
	for present, admitted := range []bool{true, true, true, true, false} {
		empty := fill(f.signing, present)
		if got := f.Admit(overload.Signing); got != admitted {
			t.Errorf("two workers with %d pieces of work: admitted %v, want %v", present, got, admitted)
		}
		empty()
	}
}

// However many calls come, only so many are under way, with max_wait 0 as well.
func TestCallsUnderWayAreBounded(t *testing.T) {
	for _, maxWait := range []time.Duration{0, 10 * time.Millisecond} {
		for _, class := range overload.Classes() {
			f := newFixture(maxWait)
			begun := 0
			for f.Begin(class) {
				if begun++; begun > 10000 {
					t.Fatalf("%s is not bounded", class)
				}
			}

			if f.InFlight(class) != int64(begun) || f.Refused(class, overload.InFlight) != 1 {
				t.Errorf("%s: %d begun, %d under way, %d refused", class, begun, f.InFlight(class),
					f.Refused(class, overload.InFlight))
			}
			if maxWait > 0 && f.Admit(class) {
				t.Errorf("%s: one more is admitted", class)
			}
			f.End(class)

			if !f.Admit(class) || !f.Begin(class) {
				t.Errorf("%s: refused although one has ended", class)
			}
		}
	}
}

// The log has the first refusal at once, then one line a minute with how many there
// were, and the rest when the flood or the server ends.
func TestRefusalsAreSummarised(t *testing.T) {
	for name, stops := range map[string]bool{"the flood ends": false, "the server ends": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log lockedBuffer
				queue := overload.NewQueue(1, 1, time.Now)
				queue.Enter()
				<-time.After(time.Second) // nothing is done for so long

				g := overload.NewGuard(overload.Options{
					MaxWait: 10 * time.Millisecond,
					Queues:  map[overload.Class]*overload.Queue{overload.Writes: queue},
					Delay:   func() time.Duration { return 0 },
					Now:     time.Now,
					Logger:  slog.New(slog.NewTextHandler(&log, nil)),
				})

				ctx, stop := context.WithCancel(t.Context())
				defer stop()

				go g.Run(ctx)
				<-time.After(70 * time.Second) // also the first refusal after a quiet minute is told at once

				for range 1000 {
					g.Admit(overload.Writes)
				}
				if n := strings.Count(log.String(), "\n"); n != 1 {
					t.Errorf("%d lines tell of the first refusal", n)
				}
				if stops {
					stop()
				} else {
					<-time.After(3 * time.Minute)
				}
				synctest.Wait()

				lines := strings.Split(strings.TrimSpace(log.String()), "\n")
				if len(lines) != 2 || !strings.HasSuffix(lines[0], "writes.queue=1") ||
					!strings.HasSuffix(lines[1], "writes.queue=999") {
					t.Errorf("the log has %d lines:\n%s", len(lines), log.String())
				}
				if got := g.Refused(overload.Writes, overload.LongQueue); got != 1000 {
					t.Errorf("%d refusals are counted, want 1000", got)
				}
			})
		})
	}
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.text.String()
}

// Goroutines that wait for a processor are seen.
func TestSchedulerDelay(t *testing.T) {
	delay := overload.SchedulerDelay()
	delay()

	done := make(chan struct{})
	for range 2000 {
		go func() {
			for range 10000 { // some work, so that others wait
				select {
				case <-done:
					return
				default:
				}
			}
		}()
	}

	close(done)
	if got := delay(); got < 0 || got > time.Minute {
		t.Errorf("a delay of %s", got)
	}
}

func BenchmarkAdmit(b *testing.B) {
	g := overload.NewGuard(overload.Options{
		MaxWait: 20 * time.Millisecond,
		Queues:  map[overload.Class]*overload.Queue{overload.Signing: overload.NewQueue(2, 1, time.Now)},
		Delay:   overload.SchedulerDelay(),
		Now:     time.Now,
	})
	b.ReportAllocs()

	for b.Loop() {
		if g.Admit(overload.Signing) && g.Begin(overload.Signing) {
			g.End(overload.Signing)
		}
	}
}

func BenchmarkSchedulerDelay(b *testing.B) {
	delay := overload.SchedulerDelay()
	for b.Loop() {
		delay()
	}
}
