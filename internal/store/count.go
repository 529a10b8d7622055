package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// How many identities a pool has is kept in pool_counts. A node gathers its changes in memory and adds them
// every few seconds (FlushCounts), so that sign-ins of a pool do not wait for one row. What a node gathered is
// lost when it crashes; Recount corrects that.

// countPeriod is the length of the periods that changes are gathered by. A recount begins at the end of one.
const countPeriod = 5 * time.Second

// FlushEvery is how often a server should call FlushCounts. Recount relies on it.
const FlushEvery = 5 * time.Second

// flushPools is how many rows of pool_counts one transaction changes.
const flushPools = 100

// closeFlush bounds how long Close waits for the last flush.
const closeFlush = 700 * time.Millisecond

// countKey names the changes of a pool in a period, by the period's end. An identity that was made when the
// period ended is part of it.
type countKey struct {
	pool identitypool.PoolID
	end  int64 // epoch milliseconds
}

type countChange struct {
	identities int64
	// disturbing is how many changes concern identities of any age: deletions, and identities that were made
	// elsewhere. A count under way may or may not have seen them.
	disturbing int64
}

// cache: pool counts
//
// countChanges gathers the changes of the number of identities.
type countChanges struct {
	mu      sync.Mutex
	changes map[countKey]countChange
}

func periodEnd(t time.Time) int64 {
	ms, period := t.UnixMilli(), countPeriod.Milliseconds()
	return (ms + period - 1) / period * period
}

func (c *countChanges) add(key countKey, change countChange) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if c.changes == nil {
		c.changes = map[countKey]countChange{}
	}
	sum := c.changes[key]
	sum.identities += change.identities
	sum.disturbing += change.disturbing
	c.changes[key] = sum
}

// made gathers a new identity, with the time in its row.
func (c *countChanges) made(pool identitypool.PoolID, created time.Time) {
	c.add(countKey{pool, periodEnd(created)}, countChange{identities: 1})
}

// added gathers an identity that was made a moment ago, or elsewhere at another time.
func (c *countChanges) added(pool identitypool.PoolID, created, now time.Time) {
	if age := now.Sub(created); age < -recountSkew || age > recountSkew {
		c.changed(pool, 1, later(now, created))
		return
	}
	c.made(pool, created)
}

// changed gathers n identities that were added with dates of their own, or -n that were deleted.
func (c *countChanges) changed(pool identitypool.PoolID, n int64, now time.Time) {
	c.add(countKey{pool, periodEnd(now)}, countChange{identities: n, disturbing: 1})
}

// forget drops what was gathered for a pool that is gone.
func (c *countChanges) forget(pool identitypool.PoolID) {
	c.mu.Lock()
	defer c.mu.Unlock()

	maps.DeleteFunc(c.changes, func(key countKey, _ countChange) bool { return key.pool == pool })
}

// take returns the changes gathered so far, and begins anew.
func (c *countChanges) take() map[countKey]countChange {
	c.mu.Lock()
	defer c.mu.Unlock()

	taken := c.changes
	c.changes = nil

	return taken
}

// FlushCounts adds the changes that this process made to the numbers of identities. What could not be added stays
// for the next call. An unknown outcome (ErrIndeterminate) counts as added: then Recount finds the difference.
func (s *Store) FlushCounts(ctx context.Context) error {
	taken := s.counts.take()
	// Nodes change the rows in one order, so that they cannot deadlock.
	keys := slices.SortedFunc(maps.Keys(taken), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.pool, b.pool), cmp.Compare(a.end, b.end))
	})

	var errs []error
	for batch := range slices.Chunk(keys, flushPools) {
		err := s.write(ctx, func(t *engine.Tx) error {
			for _, key := range batch {
				if err := addCount(t, key, taken[key]); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			continue
		}
		errs = append(errs, err)

		if errors.Is(err, ErrIndeterminate) {
			s.log.Warn("it is not known whether numbers of identities were stored; `poolhouse recount` corrects them",
				"pools", len(batch), "error", err)
			continue
		}

		for _, key := range batch {
			s.counts.add(key, taken[key])
		}
	}

	return errors.Join(errs...)
}

// addCount adds changes to a pool's row, unless a count has seen them.
func addCount(t *engine.Tx, key countKey, change countChange) error {
	_, err := t.Exec(`UPDATE pool_counts SET
		identities = identities + CASE WHEN counted_until < CAST($1 AS BIGINT) THEN CAST($2 AS BIGINT) ELSE 0 END,
		recount_later = recount_later + CASE WHEN recount_until > 0 AND recount_until < CAST($1 AS BIGINT)
			THEN CAST($2 AS BIGINT) ELSE 0 END,
		recount_disturbed = recount_disturbed + CASE WHEN recount_until > 0 AND recount_until < CAST($1 AS BIGINT)
			THEN CAST($3 AS BIGINT) ELSE 0 END
		WHERE pool_id = $4`, key.end, change.identities, change.disturbing, string(key.pool))
	return err
}

// insertCount adds the row of a new pool, which has no identities.
func insertCount(t *engine.Tx, pool identitypool.PoolID) error {
	_, err := t.Exec(`INSERT INTO pool_counts (pool_id, identities, counted, counted_until,
			recount_until, recount_later, recount_disturbed)
		VALUES ($1, 0, TRUE, 0, 0, 0, 0)
		ON CONFLICT (pool_id) DO UPDATE SET identities = 0, counted = TRUE, counted_until = 0,
			recount_until = 0, recount_later = 0, recount_disturbed = 0`, string(pool))
	return err
}

// countLoaded counts the identities of all pools of a store that was filled in this transaction.
func countLoaded(t *engine.Tx) error {
	if _, err := t.Exec(`DELETE FROM pool_counts`); err != nil {
		return err
	}
	_, err := t.Exec(`INSERT INTO pool_counts (pool_id, identities, counted, counted_until,
			recount_until, recount_later, recount_disturbed)
		SELECT p.pool_id, (SELECT count(*) FROM identities AS i WHERE i.pool_id = p.pool_id), TRUE, 0, 0, 0, 0
		FROM pools AS p`)
	return err
}

// IdentityCount returns how many identities a pool has, disabled ones too, as far as the nodes have stored it.
// known is false as long as a pool of an older version was not counted. Error: ErrNotFound.
func (s *Store) IdentityCount(ctx context.Context, pool identitypool.PoolID) (n int64, known bool, err error) {
	if !storable(string(pool), maxID) {
		return 0, false, notFound("identity pool")
	}

	type count struct {
		n     int64
		known bool
	}
	c, err := readOne(ctx, s, "identity pool", func(row scanner) (c count, err error) {
		err = row.Scan(&c.n, &c.known)
		return c, err
	}, `SELECT COALESCE(c.identities, 0), COALESCE(c.counted, FALSE)
		FROM pools AS p LEFT JOIN pool_counts AS c ON c.pool_id = p.pool_id
		WHERE p.pool_id = $1 AND NOT p.deleting`, string(pool))

	return max(c.n, 0), c.known, err
}
