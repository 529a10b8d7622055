package poolhouse

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// metrics counts requests by operation and outcome on a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	// byOutcome keeps the series of successes at hand, so that the hot path
	// hashes no labels.
	success map[string]success
}

type success struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func newMetrics(version string, apis []awsapi.API, database databaseStats) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "poolhouse_requests_total", Help: "API requests by operation and outcome (OK or the error type)."},
			[]string{"operation", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "poolhouse_request_seconds", Help: "Time to answer, in seconds.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}},
			[]string{"operation"}),
		success: map[string]success{},
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "poolhouse_build_info", Help: "1, with the version as label.",
		ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, build, databaseMetrics{database}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, api := range apis {
		for _, op := range api.Operations {
			m.success[op.Name()] = success{m.requests.WithLabelValues(op.Name(), "OK"), m.duration.WithLabelValues(op.Name())}
		}
	}
	return m
}

// observe counts one finished request. Operation names come from the table of
// operations and outcomes from the error types, so the series are bounded.
func (m *metrics) observe(r *awsapi.Record) {
	known, ok := m.success[r.Operation]
	if ok {
		known.duration.Observe(r.Duration.Seconds())
	}
	switch {
	case ok && r.Code == "":
		known.requests.Inc()
	case r.Code == "":
		m.requests.WithLabelValues(r.Operation, "OK").Inc()
	default:
		m.requests.WithLabelValues(r.Operation, r.Code).Inc()
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 5 * time.Second, MaxRequestsInFlight: 4})
}
