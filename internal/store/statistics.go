package store

import (
	"context"
	"errors"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// StatisticsRow has one node's counts for an account and region in one period.
type StatisticsRow struct {
	Account, Region string
	Period          time.Time           // its begin
	Node            string              // a process
	Pool            identitypool.PoolID // "" = the account's row
	// SignIns and Refused repeat what is in Counts, of rows with a Pool.
	SignIns, Refused int64
	Counts           string // JSON of at most MostStatistics bytes
	// Hour has the counts of all nodes in the hour that begins at Period, as MergeStatistics stored them; nil in
	// rows of one node.
	Hour []byte
}

// MostStatistics is how many bytes the counts of a row may have.
const MostStatistics = maxText

// Check reports whether SaveStatistics takes the row. Error: ErrInvalid.
func (r StatisticsRow) Check() error {
	return errors.Join(
		checkText("account", r.Account, maxID),
		checkText("region", r.Region, maxID),
		checkText("pool ID", string(r.Pool), maxID),
		checkID("node", r.Node),
		checkText("counts", r.Counts, maxText),
	)
}

const (
	// statisticsBatch is how many rows of statistics one transaction writes or removes.
	statisticsBatch = 100
	// wholeAccount is how many rows of one account and region a transaction writes, so that readers find the same
	// calls in the account's row as in those of its pools.
	wholeAccount = 1000
)

// rowsOfBatch returns how many of the rows, which are sorted by account and region, the next transaction writes: those
// of as many accounts as a batch has room for, or of one.
func rowsOfBatch(rows []StatisticsRow) (size int) {
	for size < len(rows) {
		end := size
		for end < len(rows) && rows[end].Account == rows[size].Account && rows[end].Region == rows[size].Region {
			end++
		}
		if size > 0 && end > statisticsBatch {
			break
		}
		size = end
	}

	return min(size, wholeAccount)
}

// SaveStatistics stores rows of periods in which an account or a pool of it got calls, and replaces those that a
// node has stored before: a hundred in a transaction, or up to a thousand of one account. The rows are sorted by
// account and region. Error: ErrInvalid, and then nothing is stored. It returns how many were stored.
func (s *Store) SaveStatistics(ctx context.Context, rows []StatisticsRow) (stored int, err error) {
	for _, r := range rows {
		if err := r.Check(); err != nil {
			return 0, err
		}
	}

	for stored < len(rows) {
		batch := rows[stored : stored+rowsOfBatch(rows[stored:])]
		err := s.write(ctx, func(t *engine.Tx) error {
			for _, r := range batch {
				if err := saveStatistics(t, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return stored, err
		}
		stored += len(batch)
	}

	return stored, nil
}

func saveStatistics(t *engine.Tx, r StatisticsRow) error {
	if r.Pool != "" {
		_, err := t.Exec(`
			INSERT INTO pool_statistics (account, region, period, pool_id, node, sign_ins, refused, counts)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (account, region, period, pool_id, node)
			DO UPDATE SET sign_ins = excluded.sign_ins, refused = excluded.refused, counts = excluded.counts`,
			r.Account, r.Region, millis(r.Period), string(r.Pool), r.Node, r.SignIns, r.Refused, r.Counts)
		return err
	}

	_, err := t.Exec(`INSERT INTO statistics (account, region, period, node, counts) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, region, period, node) DO UPDATE SET counts = excluded.counts`,
		r.Account, r.Region, millis(r.Period), r.Node, r.Counts)

	return err
}

// Statistics returns what is stored of an account and region about the time [from, to): rows whose periods begin in
// it, of one pool unless pool is "", and hours (Hour is set) that have a part in it. The order is that of time.
func (s *Store) Statistics(
	ctx context.Context, account, region string, pool identitypool.PoolID, from, to time.Time,
) ([]StatisticsRow, error) {
	if !storable(account, maxID) || !storable(region, maxID) || !storable(string(pool), maxID) {
		return nil, nil
	}
	scan := func(row scanner) (r StatisticsRow, err error) {
		var period int64
		err = row.Scan(&period, &r.Node, &r.Counts, &r.Hour)
		r.Account, r.Region, r.Pool, r.Period = account, region, pool, fromMillis(period)
		return r, err
	}

	if pool == "" {
		return readAll(ctx, s, scan, statisticsText,
			account, region, millis(from), millis(to), millis(from.Add(-StatisticsHour)))
	}

	return readAll(ctx, s, scan, poolStatisticsText,
		account, region, millis(from), millis(to), string(pool))
}

const (
	// In one statement, so that rows which become an hour meanwhile are seen once.
	statisticsText = `SELECT period, node, counts, CAST(NULL AS BYTEA) FROM statistics
			WHERE account = $1 AND region = $2 AND period >= $3 AND period < $4
		UNION ALL SELECT period, '', '', counts FROM statistics_hours
			WHERE account = $1 AND region = $2 AND period > $5 AND period < $4 ORDER BY 1`
	poolStatisticsText = `SELECT period, node, counts, CAST(NULL AS BYTEA) FROM pool_statistics
		WHERE account = $1 AND region = $2 AND period >= $3 AND period < $4 AND pool_id = $5 ORDER BY period`
)

// RemoveStatistics removes up to 100 rows of each kind whose periods began before a time, and reports whether there
// may be more.
func (s *Store) RemoveStatistics(ctx context.Context, before time.Time) (more bool, err error) {
	removed, err := writeResult(ctx, s, func(t *engine.Tx) (most int64, err error) {
		for _, text := range []string{
			`DELETE FROM statistics WHERE (account, region, period, node) IN
				(SELECT account, region, period, node FROM statistics WHERE period < $1 LIMIT $2)`,
			`DELETE FROM statistics_hours WHERE (account, region, period) IN
				(SELECT account, region, period FROM statistics_hours WHERE period < $1 LIMIT $2)`,
			`DELETE FROM pool_statistics WHERE (account, region, period, pool_id, node) IN
				(SELECT account, region, period, pool_id, node FROM pool_statistics WHERE period < $1 LIMIT $2)`,
		} {
			n, err := t.Exec(text, millis(before), statisticsBatch)
			if err != nil {
				return 0, err
			}
			most = max(most, n)
		}

		return most, nil
	})

	return removed == statisticsBatch, err
}
