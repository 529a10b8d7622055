package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// met is the word for a floor that is held, or not.
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
	rateHeading    = []string{
		"Operation, closed loop", "Connections", "Poolhouse /s", "CPU µs/request", "Refused",
		"Compared with", "its /s", "its CPU", "Ratio", "Lowest–highest", "Floor", "Met",
	}
	loginHeading   = append([]string{"Credentials by login, closed loop"}, rateHeading[1:]...)
	latencyHeading = []string{
		"Operation, open loop", "Sent /s", "CPU µs/request", "Refused", "p50 ms", "p95 ms", "p99 ms",
		"net/http p50", "p95", "p99", "its CPU",
	}
	resourceHead = []string{"Resource", "Measured", "Floor", "Met"}
	growthName   = "Identities in the store"
	fallName     = "Fall"
)

func (m *machine) table() table {
	return table{
		machineHeading,
		{"Date", m.Date},
		{"CPU", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores)},
		{"Go", m.Go},
		{"Kernel", m.Kernel},
		{"Disk", fmt.Sprintf("%s, fsync of 4 KiB %d µs", m.Filesystem, m.Fsync.Microseconds())},
		{"Load before", m.Load},
	}
}

// rateTable is the rates under a heading.
func rateTable(heading []string, rows []rateRow) table {
	rates := table{heading}
	for _, row := range rows {
		floor, held := "none", "–"
		if row.Floor > 0 {
			floor, held = fmt.Sprintf("%.2f", row.Floor), met(row.met())
		}
		otherCPU := "–"
		if row.OtherCPU > 0 {
			otherCPU = fmt.Sprintf("%.0f", row.OtherCPU)
		}

		rates = append(rates, []string{
			row.Operation,
			strconv.Itoa(row.Connections),
			fmt.Sprintf("%.0f", row.Rate),
			fmt.Sprintf("%.1f", row.CPU),
			refusals(row.Refused),
			string(row.Against),
			fmt.Sprintf("%.0f", row.Other),
			otherCPU,
			fmt.Sprintf("%.3f", row.Ratio),
			fmt.Sprintf("%.3f–%.3f", row.Lowest, row.Highest),
			floor,
			held,
		})
	}

	return rates
}

// refusals makes those show that should not be there.
func refusals(n int) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("**%d**", n)
}

func latencyTable(rows []latencyRow) table {
	late := table{latencyHeading}
	for _, row := range rows {
		late = append(late, []string{
			row.Operation,
			fmt.Sprintf("%.0f", row.Rate),
			fmt.Sprintf("%.1f", row.Ours.CPU),
			refusals(row.Ours.Refused),
			millis(row.Ours.P50), millis(row.Ours.P95), millis(row.Ours.P99),
			millis(row.Bare.P50), millis(row.Bare.P95), millis(row.Bare.P99),
			fmt.Sprintf("%.0f", row.Bare.CPU),
		})
	}

	return late
}

func resourceTable(m memoryUse, s startTimes) table {
	started := func(what string, took time.Duration) []string {
		return []string{
			fmt.Sprintf("`poolhouse dev`, exec to %s, median of %d", what, s.Runs),
			millis(took) + " ms", "< " + millis(startFloor) + " ms", met(took < startFloor),
		}
	}

	if m.Idle == 0 && s.Runs == 0 {
		return nil
	}

	return table{
		resourceHead,
		{"Resident memory, idle after start", mib(m.Idle), "< " + mib(idleFloor), met(m.Idle < idleFloor)},
		{fmt.Sprintf("Resident memory, %d idle connections", m.Connections), mib(m.Connected), "–", "–"},
		started("welcome", s.Welcome),
		started("/readyz 200", s.Ready),
		{"`poolhouse dev`, exec to /readyz 200, slowest", millis(s.Slowest) + " ms", "–", "–"},
	}
}

func (g *growthTable) table() table {
	heading := []string{growthName}
	for _, size := range g.Sizes {
		heading = append(heading, strconv.Itoa(size)+" /s", "CPU µs")
	}

	growth := table{append(heading, fallName, "Floor", "Met")}
	for _, row := range g.Rows {
		cells := []string{row.Operation}
		for n, rate := range row.Rates {
			cells = append(cells, fmt.Sprintf("%.0f", rate), fmt.Sprintf("%.1f", row.CPU[n]))
		}
		floor, held := "none", "–"
		if row.Floor > 0 {
			floor, held = fmt.Sprintf("≤ %.0f %%", 100*row.Floor), met(row.Fall <= row.Floor)
		}
		growth = append(growth, append(cells, fmt.Sprintf("%.1f %%", 100*row.Fall), floor, held))
	}

	return growth
}

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64)
}

func mib(bytes int64) string {
	return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 1, 64) + " MiB"
}
