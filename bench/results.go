package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
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
	Overload  overloadUse
	Memory    memoryUse
	Start     startTimes
	Growth    growthTable
	Lists     listTable
	Recording recordingTable
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
	Connections   int
	Rate          float64 // requests a second, median of the rounds
	Against       yardstick
	Other         float64 // of the yardstick, likewise
	Ratio         float64 // median of each round's ratio
	Lowest        float64 // ratio of a round
	Highest       float64
	Floor         float64 // 0 = none
	CPU, OtherCPU float64 // microseconds of the server's processor time per request; 0 = no server
	Requests      int     // answered in all rounds
	Refused       int     // beside them
}

// refusedBound is the most refused requests per answered one. With more, the row would
// measure refusals.
const refusedBound = 0.001

// met reports whether the row holds its floor.
func (r *rateRow) met() bool {
	return r.Ratio >= r.Floor && float64(r.Refused) <= refusedBound*float64(r.Requests)
}

type latencyRow struct {
	Operation  string
	Rate       float64
	Ours, Bare latency
}

type latency struct {
	P50, P95, P99 time.Duration
	CPU           float64 // microseconds of the server's processor time per request
	Refused       int
}

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
	CPU       []float64 // microseconds of the server's processor time per request
	Fall      float64   // share lost from the first size to the last
	Floor     float64   // of Fall; 0 = none
}

// render writes the results as Markdown.
func (r *results) render() string {
	var b strings.Builder
	for _, t := range append([]table{r.Machine.table()}, r.tables()...) {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		t.write(&b)
	}

	return b.String()
}

// tables returns those of the parts that were measured.
func (r *results) tables() []table {
	return slices.DeleteFunc([]table{
		rateTable(rateHeading, r.Rates),
		rateTable(loginHeading, r.Logins),
		checkTable(r.Checks),
		r.Engine.table(),
		latencyTable(r.Latencies),
		r.Overload.table(),
		r.Overload.barTable(),
		resourceTable(r.Memory, r.Start),
		r.Growth.table(),
		r.Lists.table(),
		r.Recording.table(),
	}, func(t table) bool { return len(t) < 2 })
}

// replaceTables puts each table of r into a file in place of the one whose heading begins alike, or behind all others,
// under a line that tells when it was measured: the machine's table is about the others.
func replaceTables(path string, r *results) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w (run the command from the repository's root)", err)
	}
	_, text, _, err := cutResults(old)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}

	blocks := strings.Split(strings.TrimSpace(text), "\n\n")
	for _, t := range r.tables() {
		var b strings.Builder
		fmt.Fprintf(&b, "Measured apart from the others, %s, load before %s:\n\n", r.Machine.Date, r.Machine.Load)
		t.write(&b)
		blocks = replaceBlock(blocks, headingOf(t[0][0]), strings.TrimSpace(b.String()))
	}

	return writeResults(path, strings.Join(blocks, "\n\n")+"\n")
}

// headingOf returns the begin of a table with a first cell, up to figures that may change.
func headingOf(cell string) string {
	name, _, _ := strings.Cut(cell, ",")
	return "| " + name
}

// replaceBlock replaces the block that begins with heading, and the line before that tells when it was measured.
func replaceBlock(blocks []string, heading, made string) []string {
	at := slices.IndexFunc(blocks, func(block string) bool { return strings.HasPrefix(block, heading) })
	if at < 0 {
		return append(blocks, made)
	}
	first := at
	if at > 0 && strings.HasPrefix(blocks[at-1], "Measured apart") {
		first--
	}

	return slices.Replace(blocks, first, at+1, made)
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
