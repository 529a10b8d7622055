package openloop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Dial opens a connection to an address.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// Run carries out a plan. It returns a report for each phase of each stream, in
// order. It fails only if the plan is wrong or ctx ends: what goes wrong with a
// request is in the reports.
func Run(ctx context.Context, p Plan, dial Dial) ([]Report, error) {
	if err := p.check(); err != nil {
		return nil, err
	}

	start := new(time.Time)

	streams := make([]*stream, len(p.Streams))
	var connected, finished sync.WaitGroup
	begin := make(chan struct{})
	for n := range p.Streams {
		s := newStream(&p, &p.Streams[n], dial, start, &finished)
		streams[n] = s
		for range s.Connections {
			one := s.hire()
			connected.Add(1)
			finished.Go(func() {
				one.connect(ctx)
				connected.Done()
				<-begin
				one.run(ctx)
			})
		}
	}

	connected.Wait()
	*start = time.Now()

	for _, s := range streams {
		if s.arrivals != nil {
			finished.Go(func() { s.keepUp(ctx) })
		}
	}
	close(begin)
	finished.Wait()

	var reports []Report
	for _, s := range streams {
		reports = append(reports, s.reports()...)
	}

	return reports, ctx.Err()
}

// stream is a Stream under way.
type stream struct {
	*Stream
	plan     *Plan
	dial     Dial
	begin    *time.Time
	arrivals []arrival // nil: a closed loop
	next     atomic.Int64
	finished *sync.WaitGroup
	senders  []*sender
}

func newStream(p *Plan, of *Stream, dial Dial, begin *time.Time, finished *sync.WaitGroup) *stream {
	s := &stream{Stream: of, plan: p, dial: dial, begin: begin, finished: finished}
	if of.Phases[0].Rate > 0 {
		s.arrivals = of.schedule()
	}
	return s
}

// hire makes another sender.
func (s *stream) hire() *sender {
	one := &sender{stream: s, tallies: make([]tally, len(s.Phases))}
	s.senders = append(s.senders, one)
	return one
}

// behind is how long the next request must have waited for a sender before another sender
// is made, and hirePause is the least time between two of them. On a busy machine
// everything is late for a moment; both keep it from opening thousands of connections that
// would not help.
const (
	behind    = 10 * time.Millisecond
	hirePause = time.Millisecond
)

// keepUp makes senders while requests wait for one. It is the only one to add to
// the senders once the stream is under way.
func (s *stream) keepUp(ctx context.Context) {
	tick := time.NewTicker(hirePause)
	defer tick.Stop()

	for len(s.senders) < s.MaxConnections {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}

		next := int(s.next.Load())
		if next >= len(s.arrivals) {
			return
		}
		if time.Since(s.begin.Add(s.arrivals[next].at)) >= behind {
			one := s.hire()
			s.finished.Go(func() { one.run(ctx) })
		}
	}
}

func (s *stream) reports() []Report {
	list := make([]Report, 0, len(s.Phases))
	for n, phase := range s.Phases {
		var sum tally
		for _, one := range s.senders {
			sum.add(&one.tallies[n])
		}
		list = append(list, sum.report(s.Name, phase, len(s.senders)))
	}

	return list
}

// take returns the next planned request, in the order of the times. The sender
// has it alone. false: there is none left.
func (s *stream) take(ctx context.Context) (n int, planned time.Time, phase int, ok bool) {
	n = int(s.next.Add(1) - 1)

	if s.arrivals == nil {
		now := time.Now()
		return n, now, 0, ctx.Err() == nil && now.Sub(*s.begin) < s.Phases[0].Duration
	}
	if n >= len(s.arrivals) {
		return 0, time.Time{}, 0, false
	}

	return n, s.begin.Add(s.arrivals[n].at), s.arrivals[n].phase, true
}

// sender owns one connection.
type sender struct {
	*stream
	connection *connection // nil: none, or a broken one
	tallies    []tally     // by phase
}

// run sends until no request is left. A sender that waits for its time cannot be
// given another request, but the times are taken in order: a later request
// never goes before an earlier one that could be sent.
func (s *sender) run(ctx context.Context) {
	defer s.disconnect()

	for {
		n, planned, phase, ok := s.take(ctx)
		if !ok {
			return
		}

		s.connect(ctx) // before the time, so that a new connection's handshake delays nothing
		if wait(ctx, s.onTick(planned)) != nil {
			s.tallies[phase].counts[NotSent]++
			continue
		}

		s.send(ctx, s.Requests[n%len(s.Requests)], planned, &s.tallies[phase])
	}
}

// tick is the precision of the generator's times. Requests planned within a tick are sent
// together at its end, because waking up for each costs more than the request. Latencies
// still count from the planned time.
const tick = 500 * time.Microsecond

// onTick returns the end of the tick that a planned time is in.
func (s *stream) onTick(planned time.Time) time.Time {
	since := planned.Sub(*s.begin)
	return s.begin.Add((since + tick - 1).Truncate(tick))
}

// wait returns at a time, or when ctx ends.
func wait(ctx context.Context, until time.Time) error {
	left := time.Until(until)
	if left <= 0 {
		return ctx.Err()
	}

	timer := time.NewTimer(left)
	defer timer.Stop()

	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send makes one planned request and accounts for it.
func (s *sender) send(ctx context.Context, request []byte, planned time.Time, t *tally) {
	sent := time.Now()
	if sent.Sub(planned) > s.plan.Patience {
		t.counts[NotSent]++
		return
	}
	t.delays = append(t.delays, sent.Sub(planned))

	if s.connect(ctx); s.connection == nil { // it broke, or could not be made, before the time
		t.counts[Reset]++
		t.surprise = cmp.Or(t.surprise, "no connection could be opened")
		return
	}

	answer, err := s.connection.exchange(request, planned.Add(s.plan.Timeout))
	now := time.Now()
	if err != nil || answer.closes {
		s.disconnect()
	}

	outcome := s.judge(answer, err, now.Sub(planned))
	t.counts[outcome]++
	switch outcome {
	case OK, Late:
		t.accepted = append(t.accepted, now.Sub(planned))
		t.service = append(t.service, now.Sub(sent))
	case Refused:
		t.refused = append(t.refused, now.Sub(planned))
	default:
		t.surprise = cmp.Or(t.surprise, surprise(answer, err))
	}
}

func (s *sender) judge(a answer, err error, took time.Duration) Outcome {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return TimedOut
	case err != nil:
		return Reset
	case a.status == 429:
		return Refused
	case a.status >= 500:
		return ServerError
	case a.status != 200 || !a.contains(s.Member):
		return Unexpected
	case took > s.plan.Patience:
		return Late
	}

	return OK
}

func surprise(a answer, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %.200s", a.status, a.body)
}

// connect opens the sender's connection if it has none. Whoever sends next finds
// out if that failed.
func (s *sender) connect(ctx context.Context) {
	if s.connection != nil {
		return
	}

	ctx, cancel := context.WithTimeout(ctx, s.plan.Patience)
	defer cancel()

	if c, err := s.dial(ctx, s.plan.Address); err == nil {
		s.connection = &connection{Conn: c}
	}
}

func (s *sender) disconnect() {
	if s.connection != nil {
		_ = s.connection.Close() // nothing more is expected of it
		s.connection = nil
	}
}
