package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// What a caller asked to wait is not in the histogram of how long calls take.
func TestWaitsAreNotObserved(t *testing.T) {
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "x", Buckets: []float64{1}})
	m := &Metrics{success: map[string]success{"ListRefusals": {
		requests: prometheus.NewCounter(prometheus.CounterOpts{}),
		duration: histogram,
	}}}
	for range 3 {
		m.Observe(&awsapi.Record{
			Operation: "ListRefusals",
			Duration:  20 * time.Second,
			Waited:    19500 * time.Millisecond,
		})
	}

	registry := prometheus.NewRegistry()
	registry.MustRegister(histogram)
	families, err := registry.Gather()
	if err != nil || families[0].Metric[0].Histogram.GetSampleSum() != 1.5 {
		t.Errorf("%v, %v", families, err)
	}
}
