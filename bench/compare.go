package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// savedFigures are the figures of one run, to compare with another's.
type savedFigures struct {
	Date, CPU, Go, Load string
	Cores               int
	Figures             []savedFigure
}

// savedFigure is one figure of the tables.
type savedFigure struct {
	Name   string // of what was measured
	Unit   string
	Value  float64
	Higher bool // a higher value is a better one
}

// saved returns all figures of the run.
func (r *results) saved() *savedFigures {
	s := &savedFigures{
		Date:  r.Machine.Date,
		CPU:   r.Machine.CPU,
		Go:    r.Machine.Go,
		Load:  r.Machine.Load,
		Cores: r.Machine.Cores,
	}

	for _, row := range append(append([]rateRow{}, r.Rates...), r.Logins...) {
		s.more(row.Operation, "/s", row.Rate)
		s.more(row.Operation, "ratio to "+string(row.Against), row.Ratio)
		s.less(row.Operation, cpuUnit, row.CPU)
	}

	for _, row := range r.Checks {
		s.less(row.text, "µs", row.Micros)
	}
	if r.Engine.Measured {
		s.less("Credentials from MinIO", "ratio", r.Engine.Ratio)
	}

	for _, row := range r.Latencies {
		s.less(row.Operation+", open loop", "p50 ms", inMillis(row.Ours.P50))
		s.less(row.Operation+", open loop", "p99 ms", inMillis(row.Ours.P99))
		s.less(row.Operation+", open loop", cpuUnit, row.Ours.CPU)
	}
	s.addOverload(&r.Overload)
	if r.Memory.Idle > 0 {
		s.less("Resident memory, idle after start", "MiB", inMiB(r.Memory.Idle))
		s.less("Resident memory, idle connections", "MiB", inMiB(r.Memory.Connected))
	}
	if r.Start.Runs > 0 {
		s.less("`poolhouse dev`, exec to welcome", "ms", inMillis(r.Start.Welcome))
		s.less("`poolhouse dev`, exec to /readyz 200", "ms", inMillis(r.Start.Ready))
	}

	for _, row := range r.Growth.Rows {
		for n, size := range r.Growth.Sizes {
			name := fmt.Sprintf("%s, %d identities", row.Operation, size)
			s.more(name, "/s", row.Rates[n])
			s.less(name, cpuUnit, row.CPU[n])
		}
	}

	for _, row := range r.Lists.Rows {
		s.addTimes(row.Operation+", SQLite", row.SQLite)
		s.addTimes(row.Operation+", PostgreSQL", row.PostgreSQL)
	}

	return s
}

func (s *savedFigures) addTimes(name string, t listTimes) {
	s.less(name, "p99 ms", inMillis(t.P99))
	s.less(name, cpuUnit, t.CPU)
}

const cpuUnit = "CPU µs/request"

func (s *savedFigures) addOverload(o *overloadUse) {
	for n := range o.Floods {
		f := &o.Floods[n]
		s.more(f.name(), "OK within 1 s, /s", f.Flood.Goodput())
		s.less(f.name(), "CPU µs/answer", f.CPU)
		s.less(f.name(), "p99 ms", inMillis(f.Flood.Accepted.P99))
		s.less(f.name(), "highest RSS, MiB", inMiB(f.Highest))
		if f.Times > 0 {
			s.more(f.name(), "share of the peak", f.share())
			s.less(f.name(), "signed p99 ms", inMillis(f.Signed.Accepted.P99))
		}
	}
	if o.Crowd.Measured {
		s.less(o.Crowd.name(), "growth, MiB", inMiB(o.Crowd.Growth))
		s.less(o.Crowd.name(), "p99 ms", inMillis(o.Crowd.After.Accepted.P99))
	}
}

func (s *savedFigures) more(name, unit string, value float64) {
	s.Figures = append(s.Figures, savedFigure{Name: name, Unit: unit, Value: value, Higher: true})
}

func (s *savedFigures) less(name, unit string, value float64) {
	s.Figures = append(s.Figures, savedFigure{Name: name, Unit: unit, Value: value})
}

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func inMiB(bytes int64) float64        { return float64(bytes) / (1 << 20) }

func (s *savedFigures) write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func loadFigures(path string) (*savedFigures, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s savedFigures
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}

	return &s, nil
}

// compare returns a Markdown table of the figures that both runs have, and how much
// better or worse each became.
func (s *savedFigures) compare(now *savedFigures) string {
	type key struct{ name, unit string }

	before := map[key]float64{}
	for _, f := range s.Figures {
		before[key{f.Name, f.Unit}] = f.Value
	}

	t := table{{
		"Compared with " + s.Date,
		"Unit",
		"Before (load " + s.Load + ")",
		"Now (load " + now.Load + ")",
		"Now / before",
		"Better is",
	}}
	for _, f := range now.Figures {
		old, ok := before[key{f.Name, f.Unit}]
		if !ok || old == 0 {
			continue
		}
		better := "less"
		if f.Higher {
			better = "more"
		}
		change := fmt.Sprintf("%.3f", f.Value/old)
		t = append(t, []string{f.Name, f.Unit, figureText(old), figureText(f.Value), change, better})
	}

	var b strings.Builder
	t.write(&b)

	return b.String()
}

// figureText returns a figure with its significant digits.
func figureText(value float64) string {
	if value >= 100 {
		return fmt.Sprintf("%.0f", value)
	}
	return fmt.Sprintf("%.3g", value)
}
