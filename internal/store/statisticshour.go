package store

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// StatisticsHour is the length of the hours that MergeStatistics makes.
const StatisticsHour = time.Hour

// ScopeHour names an hour of an account and region.
type ScopeHour struct {
	Account, Region string
	Begin           time.Time
}

// unmergedRows is how many rows UnmergedHours looks at, so that it costs no more after days without it.
const unmergedRows = 5000

const unmergedText = `SELECT DISTINCT account, region, period - period % $1 FROM
	(SELECT account, region, period FROM statistics WHERE period < $2 ORDER BY period LIMIT $3) AS l`

// UnmergedHours returns hours before a time in which nodes have rows of their own: the oldest.
func (s *Store) UnmergedHours(ctx context.Context, before time.Time) ([]ScopeHour, error) {
	scan := func(row scanner) (h ScopeHour, err error) {
		var begin int64
		err = row.Scan(&h.Account, &h.Region, &begin)
		h.Begin = fromMillis(begin)
		return h, err
	}

	return readAll(ctx, s, scan, unmergedText,
		StatisticsHour.Milliseconds(), millis(before.Truncate(StatisticsHour)), unmergedRows)
}

// MergeStatistics replaces the nodes' rows of an hour by one row. merge returns its counts from those that the hour
// has had so far (nil = none) and the rows. The hour must have settled: a node that stores its row again would be
// counted twice. If merge fails, nothing changes. Several nodes may call it at once.
func (s *Store) MergeStatistics(
	ctx context.Context, h ScopeHour, merge func(hour []byte, rows []StatisticsRow) ([]byte, error),
) error {
	begin, end := millis(h.Begin), millis(h.Begin.Add(StatisticsHour))
	scan := func(row scanner) (r StatisticsRow, err error) {
		var period int64
		err = row.Scan(&period, &r.Node, &r.Counts)
		r.Account, r.Region, r.Period = h.Account, h.Region, fromMillis(period)
		return r, err
	}

	return s.write(ctx, func(t *engine.Tx) error {
		// Who deletes the rows has them: another node waits here, and then finds none.
		rows, err := collect(t, scan, `DELETE FROM statistics
			WHERE account = $1 AND region = $2 AND period >= $3 AND period < $4
			RETURNING period, node, counts`, h.Account, h.Region, begin, end)
		if err != nil || len(rows) == 0 {
			return err
		}
		t.Wrote = true

		// In one statement, so that nobody changes what is read here.
		old, err := collect(t, scanBytes, `UPDATE statistics_hours SET counts = counts
			WHERE account = $1 AND region = $2 AND period = $3 RETURNING counts`, h.Account, h.Region, begin)
		if err != nil {
			return err
		}
		// If another node makes the hour now, from rows that came later, the insertion fails, and all stays as it was.
		text := `INSERT INTO statistics_hours (account, region, period, counts) VALUES ($1, $2, $3, $4)`
		var counts []byte
		if len(old) > 0 {
			text = `UPDATE statistics_hours SET counts = $4 WHERE account = $1 AND region = $2 AND period = $3`
			counts = old[0]
		}

		if counts, err = merge(counts, rows); err != nil {
			return err
		}
		_, err = t.Exec(text, h.Account, h.Region, begin, counts)

		return err
	})
}
