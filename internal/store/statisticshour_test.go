package store

import (
	"testing"
	"time"
)

// Statistics of the version before hours are read, merged and removed as those of today.
func TestOlderStatisticsAreKept(t *testing.T) {
	path, db := olderDatabase(t, 22)
	hour := time.Unix(1_000_000*3600, 0).UTC()
	for _, statement := range []string{
		`INSERT INTO statistics VALUES ('1', 'r', $1, 'a', '{"signIns":1}'),
			('1', 'r', $1 + 300000, 'b', '{"signIns":2}')`,
		`INSERT INTO pool_statistics VALUES ('1', 'r', $1, 'r:p', 'a', 3, 0, '{"signIns":3}')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement, millis(hour)); err != nil {
			t.Fatal(err)
		}
	}
	noError(t, db.Close())

	s := open(t, Options{Path: path})
	rows, err := s.Statistics(t.Context(), "1", "r", "", hour, hour.Add(time.Hour))
	if err != nil || len(rows) != 2 || rows[1].Counts != `{"signIns":2}` || rows[1].Node != "b" || rows[1].Hour != nil {
		t.Errorf("of the account: %+v, %v", rows, err)
	}
	rows, err = s.Statistics(t.Context(), "1", "r", "r:p", hour, hour.Add(time.Hour))
	if err != nil || len(rows) != 1 || rows[0].Counts != `{"signIns":3}` {
		t.Errorf("of the pool: %+v, %v", rows, err)
	}
	if hours, err := s.UnmergedHours(t.Context(), hour.Add(time.Hour)); err != nil || len(hours) != 1 ||
		hours[0] != (ScopeHour{Account: "1", Region: "r", Begin: hour}) {
		t.Errorf("to be merged: %+v, %v", hours, err)
	}
}

// An hour has all rows of its account, region and time, and no other; it is found by each part of its time.
func TestMergeStatistics(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		hour := time.Unix(1_000_000*3600, 0).UTC()
		save := func(account, node string, at time.Time) {
			t.Helper()
			_, err := s.SaveStatistics(t.Context(),
				[]StatisticsRow{{Account: account, Region: "r", Node: node, Period: at, Counts: "{}"}})
			noError(t, err)
		}
		for _, node := range []string{"a", "b"} {
			save("1", node, hour.Add(-5*time.Minute))
			save("1", node, hour)
			save("1", node, hour.Add(55*time.Minute))
			save("1", node, hour.Add(time.Hour))
			save("2", node, hour)
		}

		merge := func(wantOld string, want int) {
			t.Helper()
			noError(t, s.MergeStatistics(t.Context(), ScopeHour{Account: "1", Region: "r", Begin: hour},
				func(old []byte, rows []StatisticsRow) ([]byte, error) {
					if string(old) != wantOld || len(rows) != want {
						t.Errorf("merging %d rows with %q, want %d with %q", len(rows), old, want, wantOld)
					}
					return append(old, 'x'), nil
				}))
		}
		merge("", 4)
		save("1", "late", hour.Add(30*time.Minute))
		merge("x", 1)

		for _, c := range []struct {
			account  string
			from, to time.Duration
			want     string
		}{
			{"1", 0, time.Hour, "xx"},
			{"1", 55 * time.Minute, time.Hour, "xx"},
			{"1", -time.Hour, 5 * time.Minute, "--xx"},
			{"1", time.Hour, 2 * time.Hour, "--"},
			{"1", -time.Hour, 0, "--"},
			{"2", 0, time.Hour, "--"},
		} {
			rows, err := s.Statistics(t.Context(), c.account, "r", "", hour.Add(c.from), hour.Add(c.to))
			noError(t, err)
			got := ""
			for _, row := range rows {
				if row.Hour != nil {
					got += string(row.Hour)
				} else {
					got += "-"
				}
			}
			if got != c.want {
				t.Errorf("account %s from %v to %v: %q, want %q", c.account, c.from, c.to, got, c.want)
			}
		}

		if _, err := s.RemoveStatistics(t.Context(), hour.Add(time.Minute)); err != nil {
			t.Error(err)
		}
		rows, err := s.Statistics(t.Context(), "1", "r", "", hour.Add(-time.Hour), hour.Add(time.Hour))
		if err != nil || len(rows) != 0 {
			t.Errorf("removed: %+v, %v", rows, err)
		}
	})
}
