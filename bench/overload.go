package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/bench/openloop"
)

// floodClass is a kind of work that the server can have too much of.
type floodClass struct {
	name     string
	scenario *scenario
	times    []float64 // of the peak
}

var floodClasses = []floodClass{
	{name: "RSA signing", scenario: &scenarios[guestToken], times: []float64{2, 10}},
	{name: "Durable writes", scenario: &scenarios[newGuest], times: []float64{2, 10}},
	{name: "Reads", scenario: &scenarios[guestCredentials], times: []float64{2}},
}

// What is sent beside a flood, and how long anybody waits.
const (
	patience     = time.Second     // for an answer that counts
	floodTimeout = 5 * time.Second // for any answer
	floodSenders = 256             // connections at the begin of a flood
	mostSenders  = 8192            // of a flood, files permitting
	signedRate   = 20              // DescribeIdentityPool calls a second
	healthRate   = 10              // probes a second
	afterShare   = 0.9             // of the peak, sent right after a flood
)

// Names of streams and phases in the generator's reports.
const (
	floodStream  = "flood"
	signedStream = "signed"
	healthStream = "health"
	floodPhase   = "flood"
	afterPhase   = "after"
)

// overload measures how much of the highest rate remains under a flood of requests, and
// how much idle and slow clients cost the others.
func (b *bench) overload(ctx context.Context, r *results) (err error) {
	all, err := processors()
	if err != nil {
		return err
	}

	b.cores = splitCores(all)
	defer func() { b.cores = cores{} }()

	r.Overload.Cores, r.Overload.Apart = b.cores.text(), b.cores.apart()

	for _, class := range floodClasses {
		if !b.selected(class.scenario) {
			continue
		}
		rows, err := b.floodClass(ctx, class)
		if err != nil {
			return fmt.Errorf("%s: %w", class.name, err)
		}
		r.Overload.Floods = append(r.Overload.Floods, rows...)
	}

	if b.match != "" {
		return nil
	}
	r.Overload.Crowd, err = b.crowd(ctx)

	return err
}

// floodClass finds the peak of a class and floods it, on one server.
func (b *bench) floodClass(ctx context.Context, class floodClass) (rows []floodRow, err error) {
	d, err := b.base.copyTo(filepath.Join(b.dir, "overload"))
	if err != nil {
		return nil, err
	}

	err = b.serving(ctx, d, func(server *process) error {
		progress("%s: preparing %d users and %d guests", class.name, preparedUsers, preparedUsers)
		about, err := b.newSubjects(ctx, d, server.url)
		if err != nil {
			return err
		}

		peak, err := b.peak(ctx, class, server, about)
		if err != nil {
			return err
		}
		rows = append(rows, peak)

		for _, times := range class.times {
			row, err := b.flood(ctx, class, times, peak.Peak, server, about)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}

		return nil
	})

	return rows, err
}

// ramp is the rates at which the peak is looked for, as shares of the highest so
// far. It is climbed again from there while its last step is the best.
var ramp = []float64{0.7, 0.85, 1, 1.15, 1.3}

const ramps = 4 // at most

// peak is the highest rate that the generator sees answered within the patience:
// by a closed loop, or at a step of a ramp of planned times around it.
func (b *bench) peak(ctx context.Context, class floodClass, server *process, about *subjects) (floodRow, error) {
	requests, err := class.requests(ctx, server, about)
	if err != nil {
		return floodRow{}, err
	}
	stream := openloop.Stream{
		Name:        floodStream,
		Connections: class.scenario.connections(),
		Requests:    requests,
		Member:      class.scenario.member,
	}

	stream.Phases = []openloop.Phase{{Duration: b.rampStep}}
	warmUp, err := b.generate(ctx, planOf(server, stream))
	if err != nil {
		return floodRow{}, err
	}
	closed, err := b.measured(ctx, server, planOf(server, stream))
	if err != nil {
		return floodRow{}, err
	}
	if closed.reports[0].Counts[openloop.OK] == 0 {
		return floodRow{}, fmt.Errorf("nothing was answered: %v %s", closed.reports[0].Counts, warmUp[0].Surprise)
	}

	best, err := b.climb(ctx, server, stream, closed.reports[0])
	if err != nil {
		return floodRow{}, err
	}

	row := floodRow{
		Class:   class.name,
		Peak:    best.Goodput(),
		Planned: float64(best.Counts.Planned()) / best.Duration.Seconds(),
		Flood:   best,
		CPU:     closed.cpu,
		Highest: closed.peak,
	}
	progress("%s: peak %.0f/s (closed loop %.0f/s)", class.name, row.Peak, closed.reports[0].Goodput())

	return row, server.dropLog()
}

// climb sends at higher and higher rates and returns the step with the highest
// goodput, or the best so far.
func (b *bench) climb(ctx context.Context, server *process, stream openloop.Stream, best openloop.Report) (
	openloop.Report, error,
) {
	most, err := senders(server, best.Goodput())
	if err != nil {
		return best, err
	}
	stream.Connections, stream.MaxConnections, stream.Poisson = floodSenders, most, true

	for range ramps {
		from := best.Goodput()
		stream.Phases = nil
		for _, share := range ramp {
			stream.Phases = append(stream.Phases, openloop.Phase{Duration: b.rampStep, Rate: share * from})
		}
		steps, err := b.generate(ctx, planOf(server, stream))
		if err != nil {
			return best, err
		}

		highest := 0
		for n, step := range steps {
			if step.Goodput() > best.Goodput() {
				best, highest = step, n
			}
		}
		if highest < len(ramp)-1 {
			break
		}
	}

	return best, nil
}

// flood sends a multiple of the peak, with signed calls and health probes beside
// it, and then a little less than the peak.
func (b *bench) flood(ctx context.Context, class floodClass, times, peak float64, server *process, about *subjects) (
	floodRow, error,
) {
	requests, err := class.requests(ctx, server, about)
	if err != nil {
		return floodRow{}, err
	}
	signed, err := signedRequests(ctx, server, about)
	if err != nil {
		return floodRow{}, err
	}

	most, err := senders(server, peak)
	if err != nil {
		return floodRow{}, err
	}

	phases := func(during, after float64) []openloop.Phase {
		return []openloop.Phase{
			{Name: floodPhase, Duration: b.flooding, Rate: during},
			{Name: afterPhase, Duration: b.recovering, Rate: after},
		}
	}
	m, err := b.measured(ctx, server, planOf(server, openloop.Stream{
		Name:           floodStream,
		Phases:         phases(times*peak, afterShare*peak),
		Poisson:        true,
		Seed:           uint64(times),
		Connections:    floodSenders,
		MaxConnections: most,
		Requests:       requests,
		Member:         class.scenario.member,
	}, openloop.Stream{
		Name:        signedStream,
		Phases:      phases(signedRate, signedRate),
		Poisson:     true,
		Connections: signedRate,
		Requests:    signed,
		Member:      describeScenario.member,
	}, openloop.Stream{
		Name:        healthStream,
		Phases:      phases(healthRate, healthRate),
		Connections: healthRate,
		Requests:    [][]byte{[]byte("GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n")},
	}))
	if err != nil {
		return floodRow{}, err
	}

	row := floodRow{Class: class.name, Times: times, Peak: peak, Planned: times * peak, CPU: m.cpu, Highest: m.peak}
	for _, report := range m.reports {
		row.take(report)
	}
	progress("%s at %g times the peak: %.0f/s of %.0f/s, p99 %v, outcomes %v",
		class.name, times, row.Flood.Goodput(), peak, row.Flood.Accepted.P99, row.Flood.Counts)

	return row, server.dropLog()
}

// senders is the number of connections that a flood may open. With so many, a server
// without a bound would queue requests for far longer than anybody waits.
func senders(server *process, peak float64) (int, error) {
	files, err := filesOf(server)
	if err != nil {
		return 0, err
	}
	wanted := int(3 * peak * patience.Seconds())
	return max(floodSenders, min(wanted, mostSenders, files-otherFiles)), nil
}

// describeScenario is the signed call beside a flood.
var describeScenario = &scenarios[signedDescription]

func (c *floodClass) requests(ctx context.Context, server *process, about *subjects) ([][]byte, error) {
	return requestsOf(ctx, c.scenario, server, about)
}

func signedRequests(ctx context.Context, server *process, about *subjects) ([][]byte, error) {
	return requestsOf(ctx, describeScenario, server, about)
}

func requestsOf(ctx context.Context, s *scenario, server *process, about *subjects) ([][]byte, error) {
	list, err := s.targets(ctx, server.url, about)
	if err != nil {
		return nil, err
	}
	return rawRequests(list)
}

func planOf(server *process, streams ...openloop.Stream) openloop.Plan {
	return openloop.Plan{
		Address:  strings.TrimPrefix(server.url, "http://"),
		Streams:  streams,
		Patience: patience,
		Timeout:  floodTimeout,
	}
}

// measurement has the results of a plan, and its cost to the server.
type measurement struct {
	reports []openloop.Report
	cpu     float64 // microseconds per answered request, refusals included
	peak    int64   // resident memory in bytes
}

func (b *bench) measured(ctx context.Context, server *process, p openloop.Plan) (m measurement, err error) {
	if err := server.forgetPeak(); err != nil {
		return m, err
	}
	before, err := server.cpu()
	if err != nil {
		return m, err
	}

	if m.reports, err = b.generate(ctx, p); err != nil {
		return m, err
	}

	after, err := server.cpu()
	if err != nil {
		return m, err
	}
	m.peak, err = server.peak()

	answered := 0
	for _, report := range m.reports {
		answered += report.Counts[openloop.OK] + report.Counts[openloop.Late] + report.Counts[openloop.Refused]
	}
	m.cpu = microsEach(after-before, answered)

	return m, errors.Join(err, ctx.Err())
}
