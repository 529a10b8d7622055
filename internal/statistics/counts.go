package statistics

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// bounds are the upper bounds of the buckets of a Histogram, in milliseconds. What takes longer is in one more.
var bounds = [...]float64{
	.1, .2, .3, .5, .75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750,
	1000, 1500, 2000, 3000, 5000, 10000,
}

// Histogram counts calls by how long they took.
type Histogram [len(bounds) + 1]int64

func (h *Histogram) observe(took time.Duration) {
	n, _ := slices.BinarySearch(bounds[:], float64(took)/float64(time.Millisecond))
	h[n]++
}

func (h *Histogram) add(other *Histogram) {
	for n, count := range other {
		h[n] += count
	}
}

// Calls returns how many calls were counted.
func (h *Histogram) Calls() (all int64) {
	for _, count := range h {
		all += count
	}
	return all
}

// Quantile returns how many milliseconds a share of the calls took at most, such as 0.99: a bound of the bucket, so
// it may be too much by a half. Calls that took longer than ten seconds count as ten. It is 0 without calls.
func (h *Histogram) Quantile(share float64) float64 {
	all := h.Calls()
	if all == 0 {
		return 0
	}

	want, seen := share*float64(all), int64(0)
	for n, count := range h {
		if seen += count; count > 0 && float64(seen) >= want {
			return bounds[min(n, len(bounds)-1)]
		}
	}

	return bounds[len(bounds)-1]
}

// MarshalJSON leaves out the empty buckets at the end.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	last := len(h)
	for last > 0 && h[last-1] == 0 {
		last--
	}
	return json.Marshal(h[:last])
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var counts []int64
	if err := json.Unmarshal(text, &counts); err != nil {
		return err
	}
	*h = Histogram{}
	copy(h[:], counts)

	return nil
}

// Counts are the numbers of a period.
type Counts struct {
	SignIns    int64                 `json:"signIns,omitzero"`    // of users
	Guests     int64                 `json:"guests,omitzero"`     // sign-ins without a login
	Identities int64                 `json:"identities,omitzero"` // made by a sign-in
	Refused    map[string]int64      `json:"refused,omitzero"`    // by the code of the reason
	Latency    map[string]*Histogram `json:"latency,omitzero"`    // by operation; of accounts only
}

// RefusedCalls returns how many calls were refused for any reason.
func (c *Counts) RefusedCalls() (all int64) {
	for _, n := range c.Refused {
		all += n
	}
	return all
}

// Add adds other to c.
func (c *Counts) Add(other *Counts) {
	c.SignIns += other.SignIns
	c.Guests += other.Guests
	c.Identities += other.Identities
	for reason, n := range other.Refused {
		c.refuse(reason, n)
	}

	for operation, h := range other.Latency {
		c.latency(operation).add(h)
	}
}

// shrink adds the rarer half of the operations and of the reasons to Other, and returns how many calls these had.
func (c *Counts) shrink() (calls int64) {
	for _, operation := range rarer(c.Latency, (*Histogram).Calls) {
		h := c.Latency[operation]
		delete(c.Latency, operation)
		c.latency(Other).add(h)
		calls += h.Calls()
	}

	for _, reason := range rarer(c.Refused, func(n int64) int64 { return n }) {
		n := c.Refused[reason]
		delete(c.Refused, reason)
		c.refuse(Other, n)
		calls += n
	}

	return calls
}

// rarer returns the names of the half with the fewest calls, without Other.
func rarer[V any](counts map[string]V, calls func(V) int64) []string {
	names := slices.DeleteFunc(slices.Collect(maps.Keys(counts)), func(name string) bool { return name == Other })
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(calls(counts[a]), calls(counts[b])), cmp.Compare(a, b))
	})

	return names[:(len(names)+1)/2]
}

func (c *Counts) refuse(reason string, n int64) {
	if c.Refused == nil {
		c.Refused = map[string]int64{}
	}
	c.Refused[reason] += n
}

func (c *Counts) latency(operation string) *Histogram {
	if c.Latency == nil {
		c.Latency = map[string]*Histogram{}
	}
	h := c.Latency[operation]
	if h == nil {
		h = new(Histogram)
		c.Latency[operation] = h
	}

	return h
}
