package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/bench/openloop"
)

// floodOf is a flood that holds every bar.
func floodOf(times float64) floodRow {
	held := openloop.Percentiles{P50: time.Millisecond, P99: 20 * time.Millisecond}

	return floodRow{
		Class: "Reads",
		Times: times,
		Peak:  100,
		Flood: openloop.Report{
			Duration:    time.Second,
			Counts:      openloop.Counts{openloop.OK: 90, openloop.Refused: 110},
			Accepted:    held,
			RefusedTime: held,
		},
		After:   openloop.Report{Counts: openloop.Counts{openloop.OK: 90}},
		Signed:  openloop.Report{Counts: openloop.Counts{openloop.OK: 20}, Accepted: held},
		Health:  openloop.Report{Counts: openloop.Counts{openloop.OK: 10}},
		Highest: 150 << 20,
	}
}

// Each bar is missed by what it is about, and by nothing else.
func TestBars(t *testing.T) {
	goodput := func(n int) func(*floodRow) {
		return func(f *floodRow) {
			f.Flood.Counts[openloop.Refused] += f.Flood.Counts[openloop.OK] - n
			f.Flood.Counts[openloop.OK] = n
		}
	}
	broken := func(o openloop.Outcome) func(*floodRow) { return func(f *floodRow) { f.Flood.Counts[o]++ } }

	for _, test := range []struct {
		name   string
		times  float64
		apart  bool
		spoil  func(*floodRow)
		missed string
	}{
		{name: "all is well", times: 2},
		{name: "89 % at 2", times: 2, spoil: goodput(89), missed: "goodput"},
		{name: "50 % at 10", times: 10, spoil: goodput(50)},
		{name: "49 % at 10", times: 10, spoil: goodput(49), missed: "goodput"},
		{name: "80 % at 10, apart", times: 10, apart: true, spoil: goodput(80)},
		{name: "79 % at 10, apart", times: 10, apart: true, spoil: goodput(79), missed: "goodput"},
		{name: "slow", times: 2, spoil: func(f *floodRow) { f.Flood.Accepted.P99 = 31 * time.Millisecond },
			missed: "accepted"},
		{name: "slow refusals", times: 2,
			spoil: func(f *floodRow) { f.Flood.RefusedTime.P99 = 26 * time.Millisecond }, missed: "429"},
		{name: "slow signed calls", times: 2,
			spoil: func(f *floodRow) { f.Signed.Accepted.P99 = 21 * time.Millisecond }, missed: "signed calls beside"},
		{name: "refused signed call", times: 2, spoil: func(f *floodRow) { f.Signed.Counts[openloop.Refused]++ },
			missed: "signed calls answered"},
		{name: "late probe", times: 2, spoil: func(f *floodRow) { f.Health.Counts[openloop.Late]++ }, missed: "health"},
		{name: "reset", times: 2, spoil: broken(openloop.Reset), missed: "resets"},
		{name: "time-out", times: 2, spoil: broken(openloop.TimedOut), missed: "resets"},
		{name: "5xx", times: 2, spoil: broken(openloop.ServerError), missed: "resets"},
		{name: "other", times: 2, spoil: broken(openloop.Unexpected), missed: "resets"},
		{name: "memory", times: 2, spoil: func(f *floodRow) { f.Highest = 201 << 20 }, missed: "highest"},
		{name: "no recovery", times: 2, spoil: func(f *floodRow) { f.After.Counts[openloop.Refused] += 11 },
			missed: "answered right after"},
		{name: "weak generator", times: 2, spoil: func(f *floodRow) { f.Flood.Counts[openloop.NotSent] += 11 },
			missed: "planned requests"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := floodOf(test.times)
			if test.spoil != nil {
				test.spoil(&f)
			}

			for _, b := range f.bars(test.apart) {
				if missed := test.missed != "" && strings.HasPrefix(b.text, test.missed); b.held == missed {
					t.Errorf("%s: %s, %s: held %v", b.text, b.measured, b.bound, b.held)
				}
			}
		})
	}

	nothing := floodRow{Times: 2, Peak: 100}
	for _, b := range nothing.bars(false) {
		if proves := strings.HasPrefix(b.text, "resets") || strings.HasPrefix(b.text, "429") ||
			strings.HasPrefix(b.text, "highest"); b.held && !proves {
			t.Errorf("%s is held by a flood without an answer", b.text)
		}
	}
}

// Reports go where they belong, and what follows a flood counts for recovery only.
func TestFloodTakesReports(t *testing.T) {
	var f floodRow
	n := 0
	for _, stream := range []string{floodStream, signedStream, healthStream} {
		for _, phase := range []string{floodPhase, afterPhase} {
			n++
			f.take(openloop.Report{Stream: stream, Phase: phase, Connections: n})
		}
	}

	got := []int{f.Flood.Connections, f.After.Connections, f.Signed.Connections, f.Health.Connections}
	if want := []int{1, 2, 3, 5}; !slices.Equal(got, want) {
		t.Errorf("reports %v, want %v", got, want)
	}
}

// The tables hold every flood, the peak without bars.
func TestOverloadTables(t *testing.T) {
	peak := floodOf(0)
	o := overloadUse{Cores: "here", Floods: []floodRow{peak, floodOf(2), floodOf(10)}}
	counts, bars := o.table(), o.barTable()

	if len(counts) != 4 || len(bars) != 1+2*len(peak.bars(false)) {
		t.Fatalf("%d and %d rows", len(counts), len(bars))
	}

	for _, row := range counts {
		if len(row) != len(counts[0]) {
			t.Errorf("%d cells under %d headings: %v", len(row), len(counts[0]), row)
		}
	}
	if name := bars[1][0]; !strings.HasPrefix(name, "Reads, 2 × the peak: ") {
		t.Errorf("the first bar is of %q", name)
	}
}
