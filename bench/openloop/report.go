package openloop

import (
	"cmp"
	"slices"
	"time"
)

// Outcome is the end of a planned request.
type Outcome int

// A planned request ends in exactly one of these.
const (
	OK          Outcome = iota // 200 with the expected member, within the plan's patience
	Late                       // the same, but after the patience
	Refused                    // 429
	ServerError                // 5xx
	Unexpected                 // any other answer
	Reset                      // the connection was refused, reset, or closed before the answer was whole
	TimedOut                   // no answer within the plan's timeout
	NotSent                    // the generator had no free connection within the patience
	outcomes
)

// Counts are planned requests by outcome.
type Counts [outcomes]int

// Planned is the number of all planned requests.
func (c *Counts) Planned() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

// Broken counts the requests that got no proper answer, by the server's fault.
func (c *Counts) Broken() int { return c[ServerError] + c[Unexpected] + c[Reset] + c[TimedOut] }

// Percentiles of durations. They are 0 if nothing was measured.
type Percentiles struct{ P50, P99, Max time.Duration }

// Report counts the outcomes of one phase of a stream, and has their times.
type Report struct {
	Stream, Phase string
	Duration      time.Duration // of the phase
	Counts        Counts
	Connections   int // that the stream had at most

	Accepted    Percentiles // of OK and Late, from the planned time
	Service     Percentiles // of OK and Late, from the moment of sending: blind to requests that waited to be sent
	RefusedTime Percentiles // of Refused, from the planned time
	Delay       Percentiles // from the planned time to the moment of sending

	// Surprise is the beginning of the first answer or error among the broken
	// ones; "" if there was none.
	Surprise string
}

// Goodput is the rate of requests that were answered OK, a second.
func (r *Report) Goodput() float64 { return float64(r.Counts[OK]) / r.Duration.Seconds() }

// tally collects what one connection sees of one phase.
type tally struct {
	counts                             Counts
	accepted, service, refused, delays []time.Duration
	surprise                           string
}

func (t *tally) add(other *tally) {
	for outcome, count := range other.counts {
		t.counts[outcome] += count
	}

	t.accepted = append(t.accepted, other.accepted...)
	t.service = append(t.service, other.service...)
	t.refused = append(t.refused, other.refused...)
	t.delays = append(t.delays, other.delays...)

	t.surprise = cmp.Or(t.surprise, other.surprise)
}

func (t *tally) report(stream string, phase Phase, connections int) Report {
	return Report{
		Connections: connections,
		Stream:      stream,
		Phase:       phase.Name,
		Duration:    phase.Duration,
		Counts:      t.counts,
		Accepted:    percentiles(t.accepted),
		Service:     percentiles(t.service),
		RefusedTime: percentiles(t.refused),
		Delay:       percentiles(t.delays),
		Surprise:    t.surprise,
	}
}

// percentiles sorts list. The pth percentile is the smallest value that at least
// p % of all values do not exceed (nearest rank).
func percentiles(list []time.Duration) Percentiles {
	if len(list) == 0 {
		return Percentiles{}
	}

	slices.Sort(list)
	rank := func(p int) time.Duration { return list[(len(list)*p+99)/100-1] }

	return Percentiles{P50: rank(50), P99: rank(99), Max: list[len(list)-1]}
}
