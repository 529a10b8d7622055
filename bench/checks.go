package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// checkRow is a Go benchmark that runs inside one process, on one core.
type checkRow struct {
	name    string // of the benchmark
	text    string
	folder  string
	longest float64 // microseconds; 0 = no bound
	ratio   float64 // to five HMAC-SHA256, at least; 0 = no floor

	Micros, Ratio float64 // medians; Ratio is 0 when there is none
}

// checkBenchmarks lists the benchmarks that the table shows.
var checkBenchmarks = []checkRow{
	{name: "BenchmarkCheck", text: "Forward auth, session known", folder: "./internal/forwardauth", longest: 50,
		ratio: 0.4},
	{name: "BenchmarkMiddleware", text: "Package auth, session known", folder: "./auth", longest: 50, ratio: 0.4},
	{name: "BenchmarkEvaluateCognitoTrust", text: "A role's trust policy", folder: "./internal/iam/policy", longest: 5},
}

const checkRounds = 5

// checks runs the benchmarks of the code that checks other services' requests.
func (b *bench) checks(ctx context.Context, r *results) error {
	for _, row := range checkBenchmarks {
		progress("%s", row.name)
		run := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+row.name+"$", "-cpu", "1", "-count",
			strconv.Itoa(checkRounds), row.folder)
		run.Stderr = os.Stderr
		out, err := run.Output()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", row.name, err, out)
		}

		var micros, ratios []float64
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, row.name) {
				continue
			}
			nanos, ok := figure(line, "ns/op")
			if !ok {
				return fmt.Errorf("%s: no time in %q", row.name, line)
			}

			micros = append(micros, nanos/1e3)
			if ratio, ok := figure(line, "ratio"); ok {
				ratios = append(ratios, ratio)
			}
		}
		if len(micros) != checkRounds || len(ratios) != checkRounds && row.ratio > 0 {
			return fmt.Errorf("%s: %d results, want %d\n%s", row.name, len(micros), checkRounds, out)
		}

		row.Micros = median(micros)
		if len(ratios) > 0 {
			row.Ratio = median(ratios)
		}
		r.Checks = append(r.Checks, row)
	}

	return nil
}

var figures = regexp.MustCompile(`([0-9.]+) (\S+)`)

// figure finds the value of a unit in a line of a Go benchmark.
func figure(line, unit string) (float64, bool) {
	for _, m := range figures.FindAllStringSubmatch(line, -1) {
		if m[2] == unit {
			value, err := strconv.ParseFloat(m[1], 64)
			return value, err == nil
		}
	}
	return 0, false
}

func checkTable(rows []checkRow) table {
	t := table{{"In one process, on one core", "µs", "a second", "Bound", "Met", "Ratio to 5 HMAC-SHA256", "Floor",
		"Met"}}
	for _, row := range rows {
		ratio, floor, held := "–", "–", "–"
		if row.ratio > 0 {
			ratio, floor, held = fmt.Sprintf("%.2f", row.Ratio), fmt.Sprintf("%.2f",
				row.ratio), met(row.Ratio >= row.ratio)
		}
		t = append(t, []string{row.text, fmt.Sprintf("%.2f", row.Micros), fmt.Sprintf("%.0f", 1e6/row.Micros),
			fmt.Sprintf("≤ %.0f µs", row.longest), met(row.Micros <= row.longest), ratio, floor, held})
	}

	return t
}
