package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// databaseStats has the database's figures: *store.Store.
type databaseStats interface{ Stats() store.Stats }

// databaseMetrics reads the figures at each scrape (prometheus.Collector).
type databaseMetrics struct{ databaseStats }

var (
	databaseConnections = describe("connections",
		"Connections to the database that are in use or idle.", "pool", "state")
	databaseMost = describe("connections_max",
		"Connections to the database that there may be.", "pool")
	databaseWaiting = describe("waiting",
		"Callers that wait for a connection to the database, or writes for their turn.", "pool")
	databaseWaits = describe("waits_total",
		"How often a caller had to wait for a connection to PostgreSQL.", "pool")
	databaseWaitSeconds = describe("wait_seconds_total",
		"Time that callers waited for a connection to PostgreSQL, in seconds.", "pool")
	databaseCommits = describe("commit_seconds",
		"Time that successful commits took until they were durable, in seconds.")
	databaseWritable = describe("writable",
		"1, or 0 while no write can succeed as far as the last commit or readiness probe tells.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("poolhouse_database_"+name, help, labels, nil)
}

// Describe sends the descriptions of the metrics that Collect sends.
func (m databaseMetrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		databaseConnections,
		databaseMost,
		databaseWaiting,
		databaseWaits,
		databaseWaitSeconds,
		databaseCommits,
		databaseWritable,
	} {
		descriptions <- d
	}
}

// Collect sends the present figures.
func (m databaseMetrics) Collect(figures chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value int, labels ...string) {
		figures <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		figures <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}

	stats := m.Stats()
	for _, p := range stats.Pools {
		gauge(databaseConnections, p.InUse, p.Pool, "in_use")
		gauge(databaseConnections, p.Idle, p.Pool, "idle")
		gauge(databaseMost, p.Most, p.Pool)
		gauge(databaseWaiting, p.Waiting, p.Pool)
		counter(databaseWaits, float64(p.Waits), p.Pool)
		counter(databaseWaitSeconds, p.Waited.Seconds(), p.Pool)
	}

	writable := 0
	if stats.Writable {
		writable = 1
	}
	gauge(databaseWritable, writable)

	commits := stats.Commits
	buckets := make(map[float64]uint64, len(commits.Buckets))
	for bound, count := range commits.Buckets {
		buckets[bound.Seconds()] = count
	}

	figures <- prometheus.MustNewConstHistogram(databaseCommits, commits.Count, commits.Sum.Seconds(), buckets)
}
