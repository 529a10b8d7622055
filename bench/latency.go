package main

import (
	"context"
	"fmt"
	"time"
)

// loadShare is the open loop's rate as a share of the highest: below saturation.
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

			row, err := b.latencyOf(ctx, p, n, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			r.Latencies = append(r.Latencies, row)
			progress("%s at %.0f/s: p50 %v p95 %v p99 %v", s.name, row.Rate, row.Ours.P50, row.Ours.P95, row.Ours.P99)

			if err := p.server.dropLog(); err != nil {
				return err
			}
		}

		return nil
	})
}

// latencyOf measures one operation. number is its number at the bare server.
func (b *bench) latencyOf(ctx context.Context, p *pair, number int, s *scenario) (latencyRow, error) {
	targets, err := s.targets(ctx, p.server.url, p.about)
	if err != nil {
		return latencyRow{}, err
	}

	whole := newLoad(targets, s)
	defer whole.close()

	bare := newLoad(bareTargets(targets, p.bare.url, number), s)
	defer bare.close()

	warm, err := whole.closedLoop(ctx, b.warmUp)
	if err != nil {
		return latencyRow{}, err
	}
	if _, err := bare.closedLoop(ctx, b.warmUp/4); err != nil {
		return latencyRow{}, err
	}

	highest, ok := b.rate[s.name]
	if !ok {
		highest = warm.rate
	}
	rate := int(highest * loadShare)

	row := latencyRow{Operation: s.name, Rate: float64(rate)}
	if row.Bare, err = steady(ctx, bare, p.bare, rate, b.latency); err != nil {
		return latencyRow{}, err
	}
	row.Ours, err = steady(ctx, whole, p.server, rate, b.latency)

	return row, err
}

// steady measures a load at a rate, with the server's processor time.
func steady(ctx context.Context, l *load, server *process, rate int, during time.Duration) (latency, error) {
	before, err := server.cpu()
	if err != nil {
		return latency{}, err
	}

	o, err := l.openLoop(ctx, rate, during)
	if err != nil {
		return latency{}, err
	}
	after, err := server.cpu()
	if err != nil {
		return latency{}, err
	}

	if o.rate < 0.9*float64(rate) {
		return latency{}, fmt.Errorf("%.0f requests a second were answered of %d, and %d refused in all: "+
			"the machine is busy", o.rate, rate, o.refused)
	}

	return latency{
		P50:     o.percentile(0.50),
		P95:     o.percentile(0.95),
		P99:     o.percentile(0.99),
		CPU:     microsEach(after-before, o.requests),
		Refused: o.refused,
	}, nil
}
