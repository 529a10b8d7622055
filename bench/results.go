package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// readme is the file that holds the results, from the repository's root.
const readme = "bench/README.md"

// The results are between these lines.
const (
	beginMark = "<!-- results:begin -->"
	endMark   = "<!-- results:end -->"
)

// results is everything that one run measured.
type results struct {
	Machine   machine
	Rates     []rateRow
	Logins    []rateRow // credentials by kind of login provider
	Latencies []latencyRow
	Memory    memoryUse
	Start     startTimes
	Growth    growthTable
	Checks    []checkRow
	Engine    engineUse
}

type machine struct {
	Date, CPU, Go, Kernel, Filesystem, Load string
	Cores                                   int
	Fsync                                   time.Duration
}

type rateRow struct {
	Operation     string
	Rate          float64 // requests a second, median of the rounds
	Against       yardstick
	Other         float64 // of the yardstick, likewise
	Ratio         float64 // median of each round's ratio
	Lowest        float64 // ratio of a round
	Highest       float64
	Floor         float64 // 0 = none
	CPU, OtherCPU float64 // microseconds of the server's processor time per request; 0 = no server
}

type latencyRow struct {
	Operation  string
	Rate       float64
	Ours, Bare latency
}

type latency struct{ P50, P95, P99 time.Duration }

type memoryUse struct {
	Idle, Connected int64 // bytes
	Connections     int
}

type startTimes struct {
	Runs                    int
	Welcome, Ready, Slowest time.Duration
}

type growthTable struct {
	Sizes []int
	Rows  []growthRow
}

type growthRow struct {
	Operation string
	Rates     []float64
	Fall      float64 // share lost from the first size to the last
	Floor     float64 // of Fall; 0 = none
}

// met is how a floor is said to be held.
func met(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

// table is a Markdown table.
type table [][]string

func (t table) write(b *strings.Builder) {
	for n, cells := range t {
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
		if n == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(cells)) + "\n")
		}
	}
}

// Headings of the tables.
var (
	machineHeading = []string{"Machine", ""}
	rateHeading    = []string{"Operation, 64 connections", "Poolhouse /s", "Compared with", "its /s", "Ratio", "Lowest–highest", "Floor", "Met", "CPU µs/request", "its CPU"}
	loginHeading   = append([]string{"Credentials by login, 64 connections"}, rateHeading[1:]...)
	latencyHeading = []string{"Operation, open loop", "Sent /s", "p50 ms", "p95 ms", "p99 ms", "net/http p50", "p95", "p99"}
	resourceHead   = []string{"Resource", "Measured", "Floor", "Met"}
	growthName     = "Identities in the store"
	fallName       = "Fall"
)

// rateTable is the rates under a heading.
func rateTable(heading []string, rows []rateRow) table {
	rates := table{heading}
	for _, row := range rows {
		floor, held := "none", "–"
		if row.Floor > 0 {
			floor, held = fmt.Sprintf("%.2f", row.Floor), met(row.Ratio >= row.Floor)
		}
		otherCPU := "–"
		if row.OtherCPU > 0 {
			otherCPU = fmt.Sprintf("%.0f", row.OtherCPU)
		}
		rates = append(rates, []string{row.Operation, fmt.Sprintf("%.0f", row.Rate), string(row.Against), fmt.Sprintf("%.0f", row.Other),
			fmt.Sprintf("%.3f", row.Ratio), fmt.Sprintf("%.3f–%.3f", row.Lowest, row.Highest), floor, held, fmt.Sprintf("%.0f", row.CPU), otherCPU})
	}
	return rates
}

// render writes the results as Markdown.
func (r *results) render() string {
	var b strings.Builder
	m := r.Machine
	table{machineHeading,
		{"Date", m.Date}, {"CPU", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores)}, {"Go", m.Go}, {"Kernel", m.Kernel},
		{"Disk", fmt.Sprintf("%s, fsync of 4 KiB %d µs", m.Filesystem, m.Fsync.Microseconds())},
		{"Load before", m.Load},
	}.write(&b)
	b.WriteString("\n")
	rateTable(rateHeading, r.Rates).write(&b)
	b.WriteString("\n")
	rateTable(loginHeading, r.Logins).write(&b)
	b.WriteString("\n")
	checkTable(r.Checks).write(&b)
	b.WriteString("\n")
	r.Engine.table().write(&b)
	b.WriteString("\n")
	late := table{latencyHeading}
	for _, row := range r.Latencies {
		cells := []string{row.Operation, fmt.Sprintf("%.0f", row.Rate)}
		for _, l := range []latency{row.Ours, row.Bare} {
			cells = append(cells, millis(l.P50), millis(l.P95), millis(l.P99))
		}
		late = append(late, cells)
	}
	late.write(&b)
	b.WriteString("\n")
	table{resourceHead,
		{"Resident memory, idle after start", mib(r.Memory.Idle), "< " + mib(idleFloor), met(r.Memory.Idle < idleFloor)},
		{fmt.Sprintf("Resident memory, %d idle connections", r.Memory.Connections), mib(r.Memory.Connected), "–", "–"},
		{fmt.Sprintf("`poolhouse dev`, exec to welcome, median of %d", r.Start.Runs), millis(r.Start.Welcome) + " ms", "< " + millis(startFloor) + " ms", met(r.Start.Welcome < startFloor)},
		{fmt.Sprintf("`poolhouse dev`, exec to /readyz 200, median of %d", r.Start.Runs), millis(r.Start.Ready) + " ms", "< " + millis(startFloor) + " ms", met(r.Start.Ready < startFloor)},
		{"`poolhouse dev`, exec to /readyz 200, slowest", millis(r.Start.Slowest) + " ms", "–", "–"},
	}.write(&b)
	b.WriteString("\n")
	heading := []string{growthName}
	for _, size := range r.Growth.Sizes {
		heading = append(heading, strconv.Itoa(size)+" /s")
	}
	growth := table{append(heading, fallName, "Floor", "Met")}
	for _, row := range r.Growth.Rows {
		cells := []string{row.Operation}
		for _, rate := range row.Rates {
			cells = append(cells, fmt.Sprintf("%.0f", rate))
		}
		floor, held := "none", "–"
		if row.Floor > 0 {
			floor, held = fmt.Sprintf("≤ %.0f %%", 100*row.Floor), met(row.Fall <= row.Floor)
		}
		growth = append(growth, append(cells, fmt.Sprintf("%.1f %%", 100*row.Fall), floor, held))
	}
	growth.write(&b)
	return b.String()
}

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64)
}
func mib(bytes int64) string {
	return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 1, 64) + " MiB"
}

// writeResults puts text between the marks of a file.
func writeResults(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w (run the command from the repository's root)", err)
	}
	before, _, after, err := cutResults(old)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	made := bytes.Join([][]byte{before, []byte("\n\n" + text + "\n"), after}, nil)
	return os.WriteFile(path, made, 0o644)
}

// cutResults splits a file at its marks, which stay with before and after.
func cutResults(file []byte) (before []byte, text string, after []byte, err error) {
	begin, end := bytes.Index(file, []byte(beginMark)), bytes.Index(file, []byte(endMark))
	if begin < 0 || end < begin {
		return nil, "", nil, errors.New("the marks " + beginMark + " and " + endMark + " are not there, in this order")
	}
	begin += len(beginMark)
	return file[:begin], strings.Trim(string(file[begin:end]), "\n") + "\n", file[end:], nil
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)
