package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/poolhouse-id/poolhouse/bench/openloop"
)

// Bars of a server with more to do than it can.
const (
	goodputTwice    = 0.9 // of the peak, at twice the peak
	goodputTenfold  = 0.5 // at ten times the peak, with the generator on the same cores
	goodputApart    = 0.8 // at ten times the peak, with the generator on other cores
	recoveredShare  = 0.9 // of what is sent right after a flood
	sentShare       = 0.95
	acceptedBar     = 30 * time.Millisecond // p99
	signedBar       = 20 * time.Millisecond // p99
	refusedBar      = 25 * time.Millisecond // p99
	floodMemory     = 200 << 20             // bytes, resident
	crowdMemory     = 400 << 20             // bytes, of growth
	crowdPercentile = 2.0                   // of the p99 without the crowd
)

// overloadUse holds the figures of the part about overload.
type overloadUse struct {
	Cores  string // where the generator ran
	Apart  bool
	Floods []floodRow
	Crowd  crowdUse
}

// floodRow is a class at a multiple of its peak, or the peak itself.
type floodRow struct {
	Class                        string
	Times                        float64 // of the peak; 0: the row of the peak
	Peak                         float64 // a second
	Planned                      float64 // a second
	Flood, After, Signed, Health openloop.Report
	CPU                          float64 // microseconds of the server's processor time per answer
	Highest                      int64   // resident memory in bytes
}

// take puts a report where it belongs.
func (f *floodRow) take(r openloop.Report) {
	switch {
	case r.Stream == floodStream && r.Phase == floodPhase:
		f.Flood = r
	case r.Stream == floodStream:
		f.After = r
	case r.Phase != floodPhase: // of the others, the time beside the flood counts
	case r.Stream == signedStream:
		f.Signed = r
	case r.Stream == healthStream:
		f.Health = r
	}
}

func (f *floodRow) name() string {
	if f.Times == 0 {
		return f.Class + ", peak"
	}
	return fmt.Sprintf("%s, %g × the peak", f.Class, f.Times)
}

// share is the goodput as a share of the peak.
func (f *floodRow) share() float64 { return ratio(f.Flood.Goodput(), f.Peak) }

// sent is the share of planned requests that the generator could send.
func (f *floodRow) sent() float64 {
	planned := f.Flood.Counts.Planned()
	return ratio(float64(planned-f.Flood.Counts[openloop.NotSent]), float64(planned))
}

// recovered is the share of the requests right after the flood that were
// answered.
func (f *floodRow) recovered() float64 { return answered(&f.After) }

func answered(r *openloop.Report) float64 {
	return ratio(float64(r.Counts[openloop.OK]), float64(r.Counts.Planned()))
}

// broken counts the requests of any kind that got no proper answer.
func (f *floodRow) broken() int {
	return f.Flood.Counts.Broken() + f.After.Counts.Broken() + f.Signed.Counts.Broken() + f.Health.Counts.Broken()
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

var overloadHeading = []string{
	"Planned /s", "Sent", "OK within 1 s, /s", "of the peak", "p50 ms", "p99 ms", "Late",
	"429", "429 p99 ms", "Reset", "Timed out", "5xx", "Other", "Not sent",
	"Connections", "Signed p99 ms", "CPU µs/answer", "Highest RSS",
}

// table shows how the planned requests ended.
func (o *overloadUse) table() table {
	t := table{append([]string{"Overload, open loop, " + o.place()}, overloadHeading...)}
	for _, f := range o.Floods {
		counts := f.Flood.Counts
		signed := "–"
		if f.Times > 0 {
			signed = millis(f.Signed.Accepted.P99)
		}

		t = append(t, []string{
			f.name(),
			fmt.Sprintf("%.0f", f.Planned),
			percent(f.sent()),
			fmt.Sprintf("%.0f", f.Flood.Goodput()),
			percent(f.share()),
			millis(f.Flood.Accepted.P50),
			millis(f.Flood.Accepted.P99),
			strconv.Itoa(counts[openloop.Late]),
			strconv.Itoa(counts[openloop.Refused]),
			millis(f.Flood.RefusedTime.P99),
			strconv.Itoa(counts[openloop.Reset]),
			strconv.Itoa(counts[openloop.TimedOut]),
			strconv.Itoa(counts[openloop.ServerError]),
			strconv.Itoa(counts[openloop.Unexpected]),
			strconv.Itoa(counts[openloop.NotSent]),
			strconv.Itoa(f.Flood.Connections),
			signed,
			fmt.Sprintf("%.1f", f.CPU),
			mib(f.Highest),
		})
	}

	return t
}

func (o *overloadUse) place() string {
	if o.Cores == "" {
		return "not measured"
	}
	return o.Cores
}

// bar is one thing that must hold.
type bar struct {
	text     string
	measured string
	bound    string
	held     bool
}

// barTable is the bars, one a row.
func (o *overloadUse) barTable() table {
	t := table{{"Under load", "Measured", "Bar", "Met"}}
	add := func(of string, bars []bar) {
		for _, one := range bars {
			t = append(t, []string{of + ": " + one.text, one.measured, one.bound, met(one.held)})
		}
	}

	for _, f := range o.Floods {
		if f.Times > 0 {
			add(f.name(), f.bars(o.Apart))
		}
	}
	if o.Crowd.Measured {
		add(o.Crowd.name(), o.Crowd.bars())
	}

	return t
}

func (f *floodRow) bars(apart bool) []bar {
	goodput := goodputTwice
	if f.Times > 2 {
		goodput = goodputTenfold
		if apart {
			goodput = goodputApart
		}
	}

	sent := atLeast("planned requests that the generator sent", f.sent(), sentShare)
	broken := none("resets, time-outs, 5xx and other answers", f.broken())
	memory := below("highest resident memory", f.Highest, floodMemory)
	if !sent.held { // the rest would be figures of the generator
		return []bar{sent, broken, memory}
	}

	return []bar{
		atLeast("goodput, of the peak", f.share(), goodput),
		atMost("accepted, p99", f.Flood.Accepted.P99, acceptedBar, f.Flood.Counts[openloop.OK] > 0),
		f.refusedBar(),
		atMost("signed calls beside it, p99", f.Signed.Accepted.P99, signedBar, f.Signed.Counts[openloop.OK] > 0),
		atLeast("signed calls answered", answered(&f.Signed), 1),
		atLeast("health probes answered", answered(&f.Health), 1),
		broken,
		memory,
		atLeast("answered right after it", f.recovered(), recoveredShare),
		sent,
	}
}

// refusedBar is held by a flood in which nothing was refused: whether that was
// right shows in the goodput.
func (f *floodRow) refusedBar() bar {
	b := atMost("429, p99", f.Flood.RefusedTime.P99, refusedBar, true)
	if f.Flood.Counts[openloop.Refused] == 0 {
		b.measured = "none refused"
	}
	return b
}

func atLeast(text string, share, least float64) bar {
	return bar{text: text, measured: percent(share), bound: "≥ " + percent(least), held: share >= least}
}

// atMost is a bar that only answers can hold: without any there is no time.
func atMost(text string, took, most time.Duration, answered bool) bar {
	measured := millis(took) + " ms"
	if !answered {
		measured = "no answer"
	}
	return bar{text: text, measured: measured, bound: "≤ " + millis(most) + " ms", held: answered && took <= most}
}

func none(text string, n int) bar {
	return bar{text: text, measured: strconv.Itoa(n), bound: "0", held: n == 0}
}

func below(text string, bytes, most int64) bar {
	return bar{text: text, measured: mib(bytes), bound: "≤ " + mib(most), held: bytes <= most}
}

func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'f', 1, 64) + " %"
}
