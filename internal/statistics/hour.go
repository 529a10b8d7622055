package statistics

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// The counts of an hour are stored as bytes. Numbers are unsigned varints (encoding/binary):
//
//	version
//	names of reasons:    how many, then each with its length
//	names of operations: likewise
//	periods:             how many, then each:
//	    its place in the hour, sign-ins, guests, identities
//	    refusals:  how many, then each: place of the reason, calls
//	    latencies: how many, then each: place of the operation, first bucket, how many buckets, calls of each
//
// A question about 14 days reads hundreds of hours. JSON took more than ten times as long.
const hourVersion = 1

// hourPeriods is how many periods an hour has.
const hourPeriods = int(store.StatisticsHour / Period)

// settled is how long after its end an hour is merged: no node stores its rows any more, and clocks may differ by up
// to an hour. A node that is further behind stores them again, and they count twice.
const settled = unsaved + time.Hour

var errHour = errors.New("the counts of an hour cannot be read")

// Merge makes one row of those that the nodes stored for an hour, for hours that have settled: the oldest.
// more tells whether there may be others.
func (r *Recorder) Merge(ctx context.Context) (more bool, err error) {
	hours, err := r.options.Store.UnmergedHours(ctx, r.options.Now().Add(-settled))
	if err != nil {
		return false, err
	}

	for _, hour := range hours {
		if failed := r.options.Store.MergeStatistics(ctx, hour, mergeHour(hour.Begin)); failed != nil {
			err = errors.Join(err, fmt.Errorf("statistics of %s: %w", hour.Begin, failed))
		} else {
			more = true
		}
	}

	return more, err
}

// mergeHour returns a function that adds rows to the counts of the hour that began at begin.
func mergeHour(begin time.Time) func([]byte, []store.StatisticsRow) ([]byte, error) {
	return func(old []byte, rows []store.StatisticsRow) ([]byte, error) {
		var periods [hourPeriods]Counts
		if old != nil {
			if err := readHour(old, func(n int) *Counts { return &periods[n] }); err != nil {
				return nil, err
			}
		}

		for _, row := range rows {
			var c Counts
			if err := json.Unmarshal([]byte(row.Counts), &c); err != nil {
				return nil, err
			}
			periods[row.Period.Sub(begin)/Period].Add(&c)
		}

		return hourText(&periods), nil
	}
}

// hourText returns the stored form of the periods of an hour.
func hourText(periods *[hourPeriods]Counts) []byte {
	reasons, operations := map[string]int{}, map[string]int{}
	for n := range periods {
		place(reasons, periods[n].Refused)
		place(operations, periods[n].Latency)
	}

	text := appendNames(appendNames([]byte{hourVersion}, reasons), operations)
	text = binary.AppendUvarint(text, uint64(len(periods)))
	for n := range periods {
		c := &periods[n]
		text = appendNumbers(text, int64(n), c.SignIns, c.Guests, c.Identities, int64(len(c.Refused)))
		for _, reason := range slices.Sorted(maps.Keys(c.Refused)) {
			text = appendNumbers(text, int64(reasons[reason]), c.Refused[reason])
		}

		text = binary.AppendUvarint(text, uint64(len(c.Latency)))
		for _, operation := range slices.Sorted(maps.Keys(c.Latency)) {
			first, buckets := c.Latency[operation].used()
			text = appendNumbers(text, int64(operations[operation]), int64(first), int64(len(buckets)))
			text = appendNumbers(text, buckets...)
		}
	}

	return text
}

// place gives each new name the next place.
func place[V any](places map[string]int, counts map[string]V) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if _, known := places[name]; !known {
			places[name] = len(places)
		}
	}
}

func appendNames(text []byte, places map[string]int) []byte {
	names := make([]string, len(places))
	for name, n := range places {
		names[n] = name
	}

	text = binary.AppendUvarint(text, uint64(len(names)))
	for _, name := range names {
		text = append(binary.AppendUvarint(text, uint64(len(name))), name...)
	}

	return text
}

func appendNumbers(text []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		text = binary.AppendUvarint(text, uint64(n))
	}
	return text
}

// used returns the buckets from the first to the last that is not empty.
func (h *Histogram) used() (first int, buckets []int64) {
	last := len(h)
	for last > 0 && h[last-1] == 0 {
		last--
	}

	for first < last && h[first] == 0 {
		first++
	}

	return first, h[first:last]
}

// readHour adds the counts of an hour to those that of returns for each period, nil = leave it out.
func readHour(text []byte, of func(period int) *Counts) error {
	if len(text) == 0 || text[0] != hourVersion {
		return fmt.Errorf("%w: an unknown version", errHour)
	}
	r := hourReader{text: text[1:]}
	reasons, operations := r.names(), r.names()

	for range r.number(hourPeriods) {
		n := r.number(hourPeriods - 1)
		c := of(n)
		if c == nil {
			c = new(Counts)
		}
		c.SignIns += r.count()
		c.Guests += r.count()
		c.Identities += r.count()

		for range r.number(len(reasons)) {
			if n, calls := r.number(len(reasons)-1), r.count(); r.err == nil {
				c.refuse(reasons[n], calls)
			}
		}

		for range r.number(len(operations)) {
			if n := r.number(len(operations) - 1); r.err == nil {
				r.histogram(c.latency(operations[n]))
			}
		}
	}
	if r.err == nil && len(r.text) > 0 {
		r.err = fmt.Errorf("%w: it has more bytes than an hour", errHour)
	}

	return r.err
}

// hourReader reads the stored form of an hour. After an error all that it reads is 0.
type hourReader struct {
	text []byte
	err  error
}

func (r *hourReader) count() int64 {
	n, size := binary.Uvarint(r.text)
	if size <= 0 {
		r.text, r.err = nil, errHour
		return 0
	}
	r.text = r.text[size:]

	return int64(n)
}

// number reads a number from 0 to most.
func (r *hourReader) number(most int) int {
	n := r.count()
	if n < 0 || n > int64(most) {
		r.text, r.err = nil, errHour
		return 0
	}

	return int(n)
}

func (r *hourReader) names() []string {
	count := r.number(len(r.text)) // each takes a byte at least
	names := make([]string, 0, count)
	for range count {
		size := r.number(len(r.text))
		if size > len(r.text) {
			r.text, r.err = nil, errHour
		}
		if r.err != nil {
			return nil
		}
		names = append(names, string(r.text[:size]))
		r.text = r.text[size:]
	}

	return names
}

// histogram adds what it reads to h.
func (r *hourReader) histogram(h *Histogram) {
	first := r.number(len(h))
	for n := range r.number(len(h) - first) {
		h[first+n] += r.count()
	}
}
