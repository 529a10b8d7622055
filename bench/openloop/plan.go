// Package openloop sends HTTP requests at planned times, however long answers
// take, and accounts for each of them.
//
// A closed loop waits for an answer before it sends the next request, so a
// server that stalls is asked less and its stall is hardly seen. Users do not
// wait for each other: here the times are fixed beforehand, each latency counts
// from the planned time, and each planned request ends in exactly one outcome.
//
// The client is small, because it shares the machine with the server: whole
// requests are prepared beforehand, answers are parsed no further than needed,
// and each connection has one request under way.
package openloop

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Plan lists the requests of one run.
type Plan struct {
	Address string // host and port
	Streams []Stream

	// Patience is the time, from the planned time on, in which an answer must arrive to
	// count as OK. A request also waits for a free connection for as long.
	Patience time.Duration

	// Timeout is how long a request waits for its answer, from its planned time on.
	Timeout time.Duration
}

// Stream is requests of one kind, over connections that no other stream uses.
type Stream struct {
	Name     string
	Phases   []Phase
	Poisson  bool     // random times of the same rate; false: evenly spaced
	Seed     uint64   // of the random times
	Requests [][]byte // whole HTTP/1.1 requests, sent in turn
	Member   string   // what the body of a right answer contains

	// Connections are open from the begin. More are opened, up to
	// MaxConnections, while requests wait for a free one. A bound that is too low
	// hides a server that falls behind: what waits for a connection is not in the
	// server's queue.
	Connections    int
	MaxConnections int // 0: no more
}

// Phase is a time of one rate.
type Phase struct {
	Name     string
	Duration time.Duration
	Rate     float64 // a second; 0: a closed loop, each connection sends when it has its answer
}

func (p *Plan) check() error {
	if p.Patience <= 0 || p.Timeout < p.Patience {
		return errors.New("a plan needs a patience, and a timeout that is not shorter")
	}
	if len(p.Streams) == 0 {
		return errors.New("a plan needs a stream")
	}

	for _, s := range p.Streams {
		if s.Connections <= 0 || len(s.Requests) == 0 || len(s.Phases) == 0 {
			return errors.New("stream " + s.Name + " needs connections, requests and phases")
		}

		for _, phase := range s.Phases {
			if phase.Duration <= 0 || phase.Rate < 0 || phase.Rate == 0 && len(s.Phases) > 1 {
				return errors.New("stream " + s.Name + ": a phase needs a duration and, beside others, a rate")
			}
		}
	}

	return nil
}

// arrival is a planned request.
type arrival struct {
	at    time.Duration // after the begin
	phase int
}

// schedule plans the requests of all phases, in order.
func (s *Stream) schedule() []arrival {
	random := rand.New(rand.NewPCG(s.Seed, 0)) //nolint:gosec // times of a measurement, not secrets
	var list []arrival
	var begin time.Duration

	for n, phase := range s.Phases {
		mean := float64(time.Second) / phase.Rate
		gap := func() float64 {
			if s.Poisson {
				return mean * random.ExpFloat64()
			}
			return mean
		}

		first := 0.0
		if s.Poisson {
			first = gap()
		}

		for at := first; at < float64(phase.Duration); at += gap() {
			list = append(list, arrival{at: begin + time.Duration(at), phase: n})
		}

		begin += phase.Duration
	}

	return list
}
