// Package metrics exports metrics for Prometheus. It also has the names and reasons of
// faults, for metrics, the log and readiness probes. Start reading at Metrics.Observe and
// FaultOf.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// Metrics counts requests by operation and outcome, on a separate registry.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	limited  *prometheus.CounterVec
	faults   *prometheus.CounterVec
	refusals *prometheus.CounterVec
	reasons  map[string]bool // codes of the catalogues
	// success has the series of successes, so that the hot path hashes no labels.
	success map[string]success
}

type success struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

// New returns metrics for the operations of apis, the database, and the reasons in the
// catalogues of chapters.
func New(version string, apis []awsapi.API, database databaseStats, chapters []explain.Chapter) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poolhouse_requests_total",
			Help: "API requests by operation and outcome (OK or the error type).",
		}, []string{"operation", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "poolhouse_request_seconds",
			Help:    "Time to answer, in seconds.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"operation"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poolhouse_rate_limited_total",
			Help: "API requests refused by a rate limit (account, guests, refused_logins), by operation.",
		}, []string{"limit", "operation"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poolhouse_faults_total",
			Help: "Failed API requests by the fault that they met, if it has a name.",
		}, []string{"fault"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poolhouse_refusals_total",
			Help: "Refused API requests by the code of the reason (docs/errors.md; other = none of them) " +
				"and operation.",
		}, []string{"reason", "operation"}),
		reasons: map[string]bool{},
		success: map[string]success{},
	}

	for _, c := range chapters {
		for _, r := range c.Reasons {
			m.reasons[string(r.Code)] = true
		}
	}

	m.faults.WithLabelValues(providerUnavailable) // 0 until the first one: a rate needs an earlier value

	for _, f := range faultNames {
		m.faults.WithLabelValues(f.name)
	}

	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "poolhouse_build_info",
		Help:        "1, with the version as label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.requests,
		m.duration,
		m.limited,
		m.faults,
		m.refusals,
		build,
		databaseMetrics{databaseStats: database},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)

	for _, api := range apis {
		for _, op := range api.Operations {
			m.success[op.Name()] = success{
				requests: m.requests.WithLabelValues(op.Name(), "OK"),
				duration: m.duration.WithLabelValues(op.Name()),
			}
		}
	}

	return m
}

// CountLogDrops exports the number of dropped log lines.
func (m *Metrics) CountLogDrops(dropped func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "poolhouse_log_lines_dropped_total",
		Help: "Lines of log and standard output that were dropped because they were not read in time.",
	}, func() float64 { return float64(dropped()) }))
}

// CountStatisticsOverflow exports the number of calls that statistics count without their account, pool, operation
// or reason.
func (m *Metrics) CountStatisticsOverflow(overflowed func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "poolhouse_statistics_overflow_total",
		Help: "Calls that statistics count as \"other\", without room for their account, pool, operation or reason.",
	}, func() float64 { return float64(overflowed()) }))
}

// Watch exports waits, calls in flight and refusals of a Guard, by class of calls.
func (m *Metrics) Watch(g *overload.Guard) {
	for _, class := range overload.Classes() {
		labels := prometheus.Labels{"class": class.String()}
		wait := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "poolhouse_overload_wait_seconds",
			Help:        "How long a call would wait for its work now, estimated, by class.",
			ConstLabels: labels,
		}, func() float64 { return g.Wait(class).Seconds() })
		inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "poolhouse_calls_in_flight",
			Help:        "Calls that are being answered, by class.",
			ConstLabels: labels,
		}, func() float64 { return float64(g.InFlight(class)) })
		m.registry.MustRegister(wait, inFlight)

		for _, reason := range overload.Reasons() {
			m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name:        "poolhouse_overload_refusals_total",
				Help:        "Calls refused because the server is overloaded, by class and by what was overloaded.",
				ConstLabels: prometheus.Labels{"class": class.String(), "reason": reason.String()},
			}, func() float64 { return float64(g.Refused(class, reason)) }))
		}
	}
}

// Observe counts one finished request. The number of series is bounded: operation names
// come from the table of operations, outcomes from the error types, faults from FaultOf.
func (m *Metrics) Observe(r *awsapi.Record) {
	known, ok := m.success[r.Operation]
	if ok && !r.Throttled {
		known.duration.Observe(r.Work().Seconds())
	}
	if r.Fault != "" {
		m.faults.WithLabelValues(r.Fault).Inc()
	}

	switch {
	case ok && r.Code == "":
		known.requests.Inc()
	case r.Code == "":
		m.requests.WithLabelValues(r.Operation, "OK").Inc()
	default:
		m.requests.WithLabelValues(r.Operation, r.Code).Inc()
		if r.ReasonCode != "" { // calls refused by overload have none, and are counted by class
			m.refusals.WithLabelValues(m.reason(r), r.Operation).Inc()
		}
	}
}

// reason returns the label for the reason of a refusal. It is a code of the catalogues, so
// that the number of series is bounded.
func (m *Metrics) reason(r *awsapi.Record) string {
	if code := string(r.ReasonCode); m.reasons[code] {
		return code
	}
	return "other"
}

// RateLimited counts a request that a rate limit refused. Both labels have a fixed set of values.
func (m *Metrics) RateLimited(limit, operation string) {
	m.limited.WithLabelValues(limit, operation).Inc()
}

// Handler returns the HTTP handler that Prometheus scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 5 * time.Second, MaxRequestsInFlight: 4})
}
