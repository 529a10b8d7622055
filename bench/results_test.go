package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A part that is measured alone takes the place of its former table, whatever figures its heading has, and leaves the
// others alone.
func TestReplaceTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	const other = "| Resource | Measured |\n|---|---|\n| Memory | 1 MiB |"
	file := "before\n" + beginMark + "\n\n" + other + "\n\n" + endMark + "\nafter\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}

	for n, load := range []string{"1.00 1.00", "0.10 0.20"} {
		r := &results{Lists: listTable{Identities: 1000 * (n + 1)}}
		r.Machine.Date, r.Machine.Load = "2026-12-02", load
		r.Lists.add("ListIdentities", false, listTimes{P50: time.Millisecond})
		if err := replaceTables(path, r); err != nil {
			t.Fatal(err)
		}
	}

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]int{
		"before\n" + beginMark:              1,
		endMark + "\nafter\n":               1,
		other + "\n\n":                      1,
		"| " + listHeading:                  1,
		"2000 identities":                   1,
		"load before 0.10 0.20:\n\n| An ad": 1,
		"Measured apart":                    1,
	} {
		if got := strings.Count(string(text), part); got != want {
			t.Errorf("%q is there %d times, want %d\n%s", part, got, want, text)
		}
	}
}

// The rows of both database engines are one row of the table, and one that is slow on either misses its bound.
func TestListTable(t *testing.T) {
	l := listTable{Identities: 10}
	l.add("a", false, listTimes{P99: time.Millisecond})
	l.add("b", false, listTimes{P99: time.Millisecond})
	l.add("a", true, listTimes{P99: 3 * time.Millisecond})
	l.add("b", true, listTimes{P99: listBound})

	rows := l.table()[1:]
	if len(rows) != 2 || rows[0][5] != "3.00" || rows[0][len(rows[0])-1] != met(true) ||
		rows[1][len(rows[1])-1] != met(false) {
		t.Errorf("rows: %q", rows)
	}
}

// The ratio of a row is the middle of the starts', and what differs between two processes of one version is the worst.
func TestRecordingRow(t *testing.T) {
	var s recordingStarts
	s.add(10, 10, 10.2)
	s.add(10, 20, 20)
	s.add(10, 11, 10)
	row := s.row("GetId")
	if row.Before != 10 || row.Now != 10.5 || row.Ratio != 1.05 || row.Low != 1.01 || row.Top != 2 || row.Twice != 1.1 {
		t.Errorf("got %+v", row)
	}
}

// Rounds that other work disturbed do not count.
func TestQuickRound(t *testing.T) {
	rounds := []float64{90, 10.1, 30, 10.3, 50, 10.2, 80, 70, 60, 40}
	if got := quick(rounds); got != 10.2 {
		t.Errorf("%v is the time of a quick round", got)
	}
}
