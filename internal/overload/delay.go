package overload

import (
	"math"
	"runtime/metrics"
	"time"
)

// latencies is the metric of how long runnable goroutines waited for a processor.
const latencies = "/sched/latencies:seconds"

// fewest is the fewest waits that make a median; with fewer it means nothing. The runtime
// measures one in eight.
const fewest = 8

// SchedulerDelay returns a function that measures a lower bound of the median time that
// goroutines waited for a processor since its last call. It returns 0 if there were too
// few waits. It is not safe for concurrent use.
func SchedulerDelay() func() time.Duration {
	sample := []metrics.Sample{{Name: latencies}}
	var before, since []uint64

	return func() time.Duration {
		metrics.Read(sample)
		if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
			return 0 // a later runtime without the metric
		}

		h := sample[0].Value.Float64Histogram()
		if before == nil {
			before, since = make([]uint64, len(h.Counts)), make([]uint64, len(h.Counts))
		}

		var total uint64
		for i, n := range h.Counts {
			since[i] = n - before[i]
			total += since[i]
		}
		copy(before, h.Counts)
		if total < fewest {
			return 0
		}

		return median(h.Buckets, since, total)
	}
}

// median returns the lower end of the bucket with the median.
func median(bounds []float64, counts []uint64, total uint64) time.Duration {
	var seen uint64
	for i, n := range counts {
		if seen += n; 2*seen >= total {
			return time.Duration(math.Max(bounds[i], 0) * float64(time.Second))
		}
	}
	return 0
}
