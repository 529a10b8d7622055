package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// selected reports whether -match asks for a scenario.
func (b *bench) selected(s *scenario) bool { return strings.Contains(s.name, b.match) }

// rates measures each operation and its yardstick in turn, in rounds.
func (b *bench) rates(ctx context.Context, r *results) error {
	wanted := func(list []scenario) bool {
		return slices.ContainsFunc(list, func(s scenario) bool { return b.selected(&s) })
	}

	if wanted(scenarios) {
		err := b.both(ctx, func(p *pair) (err error) {
			r.Rates, err = b.compareAll(ctx, p, 0, scenarios)
			return err
		})
		if err != nil {
			return err
		}
	}

	if !wanted(loginScenarios) {
		return nil
	}

	return b.withLogins(ctx, func(p *pair) (err error) {
		r.Logins, err = b.compareAll(ctx, p, len(scenarios), loginScenarios)
		return err
	})
}

// compareAll measures those of list that -match selects; the first has the
// number first.
func (b *bench) compareAll(ctx context.Context, p *pair, first int, list []scenario) ([]rateRow, error) {
	var rows []rateRow
	for n := range list {
		s := &list[n]
		if !b.selected(s) {
			continue
		}

		row, err := b.compare(ctx, p, first+n, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}

		rows = append(rows, row)
		b.rate[s.name] = row.Rate
		progress("%s: %.0f/s, %s %.0f/s, ratio %.3f, %.0f µs of processor time each, %d refused",
			s.name, row.Rate, row.Against, row.Other, row.Ratio, row.CPU, row.Refused)
	}

	return rows, nil
}

// side is one of the two that are compared.
type side struct {
	measure func(during time.Duration) (outcome, error)
	process *process // nil: this one
	load    *load    // nil: none
	rates   []float64
	cpu     []float64 // microseconds per request
	refused int
	total   int // requests, without the refused ones
}

func (s *side) close() {
	if s.load != nil {
		s.load.close()
	}
}

// compare measures a scenario and its yardstick in alternating rounds. number is the
// scenario's number at the bare server.
func (b *bench) compare(ctx context.Context, p *pair, number int, s *scenario) (rateRow, error) {
	ours, other, err := b.sides(ctx, p, number, s)
	if err != nil {
		return rateRow{}, err
	}
	defer ours.close()
	defer other.close()

	server := p.serverOf(s)
	signed := time.Now()
	var ratios []float64
	for round := -1; round < b.rounds; round++ {
		if s.signed && time.Since(signed) > signatureLife-time.Minute {
			if ours.load.targets, err = s.targets(ctx, p.server.url, p.about); err != nil {
				return rateRow{}, err
			}
			signed = time.Now()
		}

		order := []*side{other, ours}
		if round%2 != 0 { // so that a machine that slows down favours neither
			order = []*side{ours, other}
		}

		for _, one := range order {
			if err := one.run(b, round < 0); err != nil {
				return rateRow{}, err
			}
			if err := errors.Join(p.server.dropLog(), server.dropLog()); err != nil {
				return rateRow{}, err
			}
		}

		if round >= 0 {
			ratios = append(ratios, ours.rates[round]/other.rates[round])
		}
	}

	row := rateRow{
		Operation:   s.name,
		Connections: s.connections(),
		Against:     s.against,
		Floor:       s.floor,
		Rate:        median(ours.rates),
		Other:       median(other.rates),
		Ratio:       median(ratios),
		CPU:         median(ours.cpu),
		OtherCPU:    median(other.cpu),
		Refused:     ours.refused,
		Requests:    ours.total,
	}
	row.Lowest, row.Highest = ratios[0], ratios[len(ratios)-1] // median sorted them

	return row, nil
}

// sides are the server under a scenario, and the scenario's yardstick.
func (b *bench) sides(ctx context.Context, p *pair, number int, s *scenario) (ours, other *side, err error) {
	server := p.serverOf(s)
	targets, err := s.targets(ctx, server.url, p.about)
	if err != nil {
		return nil, nil, err
	}
	ours = closedSide(ctx, newLoad(targets, s), server)

	switch s.against {
	case cryptoRSA:
		ours.measure = func(during time.Duration) (outcome, error) { return lightly(ctx, ours.load, during) }
		other = &side{measure: func(during time.Duration) (outcome, error) {
			rate, err := signRate(ctx, b.issuer.key, during)
			return outcome{rate: rate}, err
		}}
	case oneIssuer:
		one, err := plainTargets(p.server.url, s.operation, p.about.mixed())
		if err != nil {
			return nil, nil, err
		}
		other = closedSide(ctx, newLoad(one, s), p.server)
	default:
		other = closedSide(ctx, newLoad(bareTargets(targets, p.bare.url, number), s), p.bare)
	}

	return ours, other, nil
}

func closedSide(ctx context.Context, l *load, of *process) *side {
	return &side{
		measure: func(during time.Duration) (outcome, error) { return l.closedLoop(ctx, during) },
		process: of,
		load:    l,
	}
}

// lightly leaves the cores to the server: a generator with little to do would
// spend a second processor's time on looking for work, and interrupt a signature
// at each answer.
func lightly(ctx context.Context, l *load, during time.Duration) (o outcome, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))

	err = asBatchWork(func() (err error) {
		o, err = l.lightLoop(ctx, during)
		return err
	})

	return o, err
}

func (s *side) run(b *bench, warmUp bool) error {
	during := b.round
	if warmUp {
		during = b.warmUp
	}

	var before, after time.Duration
	var err error
	if s.process != nil {
		if before, err = s.process.cpu(); err != nil {
			return err
		}
	}
	o, err := s.measure(during)
	if err != nil || warmUp {
		return err
	}
	if s.process != nil {
		if after, err = s.process.cpu(); err != nil {
			return err
		}
		s.cpu = append(s.cpu, microsEach(after-before, o.requests))
	}

	s.rates = append(s.rates, o.rate)
	s.refused += o.refused
	s.total += o.requests

	return nil
}

// microsEach is a processor time in microseconds per request.
func microsEach(spent time.Duration, requests int) float64 {
	return float64(spent.Microseconds()) / float64(max(1, requests))
}
