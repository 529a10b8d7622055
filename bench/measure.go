package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pair is the real server with all that its requests need.
type pair struct {
	server  *process
	bare    *process
	many    *process // likewise, with a thousand issuers; nil in the main table
	about   *subjects
	samples map[string][]byte
}

// both starts the real server on a copy of the base deployment, and the bare
// one with samples of its answers.
func (b *bench) both(ctx context.Context, do func(*pair) error) error {
	d, err := b.base.copyTo(filepath.Join(b.dir, "main"))
	if err != nil {
		return err
	}
	return b.serving(ctx, d, func(server *process) (err error) {
		p := &pair{server: server, samples: map[string][]byte{}}
		progress("preparing %d users and %d guests", preparedUsers, preparedUsers)
		if p.about, err = b.newSubjects(ctx, d, server.url); err != nil {
			return err
		}
		for n, s := range scenarios {
			targets, err := s.targets(ctx, server.url, p.about)
			if err != nil {
				return err
			}
			sample, err := send(ctx, targets[0])
			if err != nil {
				return err
			}
			p.samples[strconv.Itoa(n)] = sample
		}
		if p.bare, err = b.startBare(ctx, p.samples); err != nil {
			return err
		}
		defer func() { _ = p.bare.stop() }() // it has no orderly end: the signal is its end
		return do(p)
	})
}

// serverOf is the server that a scenario is about.
func (p *pair) serverOf(s *scenario) *process {
	if s.against == oneIssuer {
		return p.many
	}
	return p.server
}

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
		progress("%s: %.0f/s, %s %.0f/s, ratio %.3f", s.name, row.Rate, row.Against, row.Other, row.Ratio)
	}
	return rows, nil
}

// side is one of the two that are compared.
type side struct {
	measure func(during time.Duration) (requests int, rate float64, err error)
	process *process // nil: this one
	rates   []float64
	cpu     []float64 // microseconds per request
}

func (b *bench) compare(ctx context.Context, p *pair, number int, s *scenario) (rateRow, error) {
	server := p.serverOf(s)
	targets, err := s.targets(ctx, server.url, p.about)
	if err != nil {
		return rateRow{}, err
	}
	closed := func(l *load) func(time.Duration) (int, float64, error) {
		return func(during time.Duration) (int, float64, error) {
			o, err := l.closedLoop(ctx, during)
			return o.requests, o.rate, err
		}
	}
	real := newLoad(targets, s.member)
	defer real.close()
	ours := &side{measure: closed(real), process: server}
	var other *side
	switch s.against {
	case cryptoRSA:
		// The cores are the server's here: a generator with little to do would spend
		// a second processor's time on looking for work, and interrupt a signature
		// at each answer.
		ours.measure = func(during time.Duration) (int, float64, error) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			var o outcome
			err := asBatchWork(func() (err error) {
				o, err = real.lightLoop(ctx, during)
				return err
			})
			return o.requests, o.rate, err
		}
		other = &side{measure: func(during time.Duration) (int, float64, error) {
			rate, err := signRate(ctx, b.issuer.key, during)
			return 0, rate, err
		}}
	case oneIssuer:
		one := newLoad(nil, s.member)
		defer one.close()
		if one.targets, err = plainTargets(p.server.url, s.operation, p.about.mixed()); err != nil {
			return rateRow{}, err
		}
		other = &side{measure: closed(one), process: p.server}
	default:
		bare := newLoad(bareTargets(targets, p.bare.url, number), s.member)
		defer bare.close()
		other = &side{measure: closed(bare), process: p.bare}
	}
	signed := time.Now()
	var ratios []float64
	for round := -1; round < b.rounds; round++ {
		order := []*side{other, ours}
		if round%2 != 0 { // so that a machine that slows down favours neither
			order = []*side{ours, other}
		}
		if s.signed && time.Since(signed) > signatureLife-time.Minute {
			if real.targets, err = s.targets(ctx, p.server.url, p.about); err != nil {
				return rateRow{}, err
			}
			signed = time.Now()
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
	row := rateRow{Operation: s.name, Against: s.against, Floor: s.floor,
		Rate: median(ours.rates), Other: median(other.rates), Ratio: median(ratios), CPU: median(ours.cpu), OtherCPU: median(other.cpu)}
	row.Lowest, row.Highest = ratios[0], ratios[len(ratios)-1] // median sorted them
	return row, nil
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
	requests, rate, err := s.measure(during)
	if err != nil || warmUp {
		return err
	}
	s.rates = append(s.rates, rate)
	if s.process != nil {
		if after, err = s.process.cpu(); err != nil {
			return err
		}
		s.cpu = append(s.cpu, float64((after-before).Microseconds())/float64(requests))
	}
	return nil
}

// loadShare is how much of the highest rate the open loop sends: below
// saturation.
const loadShare = 0.5

// latencies measures each operation at half its highest rate, and the bare
// handler at the same rate.
func (b *bench) latencies(ctx context.Context, r *results) error {
	return b.both(ctx, func(p *pair) error {
		for n := range scenarios {
			s := &scenarios[n]
			if !b.selected(s) {
				continue
			}
			targets, err := s.targets(ctx, p.server.url, p.about)
			if err != nil {
				return err
			}
			highest, ok := b.rate[s.name]
			real := newLoad(targets, s.member)
			warm, err := real.closedLoop(ctx, b.warmUp)
			if err != nil {
				return errors.Join(fmt.Errorf("%s: %w", s.name, err))
			}
			if !ok {
				highest = warm.rate
			}
			rate := int(highest * loadShare)
			row := latencyRow{Operation: s.name}
			bare := newLoad(bareTargets(targets, p.bare.url, n), s.member)
			if _, err := bare.closedLoop(ctx, b.warmUp/4); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			for _, one := range []struct {
				load *load
				into *latency
			}{{bare, &row.Bare}, {real, &row.Ours}} {
				o, err := one.load.openLoop(ctx, rate, b.latency)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				if o.rate < 0.9*float64(rate) {
					return fmt.Errorf("%s: %.0f requests a second were asked for and %.0f were made: the machine is busy", s.name, float64(rate), o.rate)
				}
				*one.into = latency{P50: o.percentile(0.50), P95: o.percentile(0.95), P99: o.percentile(0.99)}
				one.load.close()
			}
			row.Rate = float64(rate)
			r.Latencies = append(r.Latencies, row)
			progress("%s at %d/s: p50 %v p95 %v p99 %v", s.name, rate, row.Ours.P50, row.Ours.P95, row.Ours.P99)
			if err := p.server.dropLog(); err != nil {
				return err
			}
		}
		return nil
	})
}
