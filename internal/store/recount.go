package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

const (
	// recountPage is how many identities one read of a count returns.
	recountPage = 2000
	// recountSkew is how much the clocks of the nodes may differ.
	recountSkew = 5 * time.Second
	// recountSettle is how long a count waits after its time before it reads, so that changes that were under
	// way at that time have ended, on nodes with a slow clock, too.
	recountSettle = defaultWriteTimeout + recountSkew
	// recountFlushed is how long a count then waits for what the nodes have gathered.
	recountFlushed = 2 * FlushEvery
	// recountRounds is how often a pool is counted again in which identities were deleted or loaded meanwhile.
	recountRounds = 3
	// recountAbandoned is how old a count is that has certainly ended without a result.
	recountAbandoned = time.Hour
)

// RecountOptions says what Recount counts.
type RecountOptions struct {
	// Uncounted restricts the count to pools of older versions that were never counted, and are not being counted.
	Uncounted bool
	// Progress is called after each step; nil = nobody.
	Progress func(RecountProgress)
}

// RecountProgress tells how far a count is.
type RecountProgress struct {
	Pools, Counted int   // pools to count, and counted so far
	Identities     int64 // read so far
	Waiting        bool  // for other nodes
}

// RecountResult is the outcome of a count.
type RecountResult struct {
	Pools      int   // counted
	Identities int64 // in all of them
	Corrected  int   // pools whose number was wrong
	// Disturbed are pools in which identities were deleted or loaded during each count: their number may be wrong
	// by as many.
	Disturbed []identitypool.PoolID
}

// Recount counts the identities of all pools and corrects their numbers, while servers go on. It reads in pages and
// locks nothing for long. A count has a time: it counts what was made until then, and adds what nodes report as made
// later. So nothing is lost or counted twice, as long as the clocks of the nodes differ by less than five seconds and
// nodes store what they gathered every FlushEvery. Deletions and loads may be on both sides; then the pool is
// counted again, at most three times. It takes about half a minute more than the reads. A later count of the same
// pool ends an earlier one.
func (s *Store) Recount(ctx context.Context, o RecountOptions) (RecountResult, error) {
	ctx = overload.WithoutBudget(ctx)
	pools, err := s.poolsToCount(ctx, o.Uncounted)
	if err != nil || len(pools) == 0 {
		return RecountResult{}, err
	}

	r := &recount{store: s, options: o, progress: RecountProgress{Pools: len(pools)}}
	for round := 1; len(pools) > 0; round++ {
		if pools, err = r.round(ctx, pools, round == recountRounds); err != nil {
			return r.result, err
		}
		r.options.Uncounted = false // those that this count has claimed
	}

	return r.result, nil
}

// poolsToCount returns the pools that exist, or those without a number.
func (s *Store) poolsToCount(ctx context.Context, uncounted bool) ([]identitypool.PoolID, error) {
	ids, err := readAll(ctx, s, scanString, `SELECT p.pool_id
		FROM pools AS p LEFT JOIN pool_counts AS c ON c.pool_id = p.pool_id
		WHERE NOT p.deleting AND (NOT $1 OR NOT COALESCE(c.counted, FALSE)) ORDER BY p.pool_id`, uncounted)
	return convert(ids, func(id string) identitypool.PoolID { return identitypool.PoolID(id) }), err
}

// recount is a count under way.
type recount struct {
	store    *Store
	options  RecountOptions
	progress RecountProgress
	result   RecountResult
}

func (r *recount) report(change func(*RecountProgress)) {
	change(&r.progress)
	if r.options.Progress != nil {
		r.options.Progress(r.progress)
	}
}

// wait lets the nodes finish and store their changes.
func (r *recount) wait(ctx context.Context, d time.Duration) error {
	r.report(func(p *RecountProgress) { p.Waiting = true })
	defer r.report(func(p *RecountProgress) { p.Waiting = false })

	return r.store.recountWait(ctx, d)
}

// round counts pools once, and returns those that must be counted again. The last round takes every number.
func (r *recount) round(
	ctx context.Context, pools []identitypool.PoolID, last bool,
) (again []identitypool.PoolID, err error) {
	s := r.store
	now := s.now()
	until := periodEnd(now.Add(recountSkew)) // later than all that nodes have stored

	claimed, err := r.claim(ctx, pools, until)
	if err != nil {
		return nil, err
	}
	r.progress.Pools -= len(pools) - len(claimed)
	if len(claimed) == 0 {
		return nil, nil
	}
	if err := r.wait(ctx, fromMillis(until).Sub(now)+recountSettle); err != nil {
		return nil, err
	}

	numbers := make([]int64, len(claimed))
	for n, pool := range claimed {
		if numbers[n], err = r.count(ctx, pool, until); err != nil {
			return nil, err
		}
	}

	if err := r.wait(ctx, recountFlushed); err != nil {
		return nil, err
	}

	for n, pool := range claimed {
		disturbed, err := r.finish(ctx, pool, until, numbers[n], last)
		if err != nil {
			return nil, err
		}
		if disturbed && !last {
			again = append(again, pool)
			continue
		}
		if disturbed {
			r.result.Disturbed = append(r.result.Disturbed, pool)
		}
		r.report(func(p *RecountProgress) { p.Counted++ })
	}

	return again, nil
}

// claim begins the count of pools, and returns those whose count this one is.
func (r *recount) claim(
	ctx context.Context, pools []identitypool.PoolID, until int64,
) (claimed []identitypool.PoolID, err error) {
	abandoned := until - recountAbandoned.Milliseconds()
	for batch := range slices.Chunk(pools, flushPools) {
		part, err := writeResult(ctx, r.store, func(t *engine.Tx) (part []identitypool.PoolID, err error) {
			for _, pool := range batch {
				if _, err := t.Exec(`INSERT INTO pool_counts (pool_id, identities, counted, counted_until,
						recount_until, recount_later, recount_disturbed)
					SELECT p.pool_id, 0, FALSE, 0, 0, 0, 0 FROM pools AS p WHERE p.pool_id = $1 AND NOT p.deleting
					ON CONFLICT (pool_id) DO NOTHING`, string(pool)); err != nil {
					return nil, err
				}
				n, err := t.Exec(`UPDATE pool_counts SET recount_until = $1, recount_later = 0, recount_disturbed = 0
					WHERE pool_id = $2 AND recount_until < $1
						AND (NOT $3 OR NOT counted AND recount_until < $4)`,
					until, string(pool), r.options.Uncounted, abandoned)
				if err != nil {
					return nil, err
				}
				if n > 0 {
					part = append(part, pool)
				}
			}

			return part, nil
		})
		if err != nil {
			return nil, err
		}
		claimed = append(claimed, part...)
	}

	return claimed, nil
}

// recountText reads a page of the identities of a pool that were made until a time.
const recountText = `SELECT created, identity_id FROM identities
	WHERE pool_id = $1 AND (created, identity_id) > ($2, $3) AND created <= $4
	ORDER BY created, identity_id LIMIT $5`

// count reads how many identities of a pool were made until a time.
func (r *recount) count(ctx context.Context, pool identitypool.PoolID, until int64) (n int64, err error) {
	after := Place{}
	for {
		page, err := readAll(ctx, r.store, scanPlace, recountText,
			string(pool), millis(after.Created), string(after.ID), until, r.store.recountPage)
		if err != nil {
			return 0, err
		}
		if len(page) == 0 {
			return n, nil
		}

		n += int64(len(page))
		after = page[len(page)-1]
		r.report(func(p *RecountProgress) { p.Identities += int64(len(page)) })
		if err := r.store.step("counted page"); err != nil {
			return 0, err
		}
	}
}

func scanPlace(row scanner) (p Place, err error) {
	var created int64
	err = row.Scan(&created, &p.ID)
	p.Created = fromMillis(created)
	return p, err
}

// finish stores a number, and reports whether it may be wrong because of changes during the count. Then it is
// stored only if force is set.
func (r *recount) finish(
	ctx context.Context, pool identitypool.PoolID, until, n int64, force bool,
) (disturbed bool, err error) {
	type row struct{ identities, later, disturbed int64 }
	found, err := writeResult(ctx, r.store, func(t *engine.Tx) (found []row, err error) {
		// The row is locked first: on PostgreSQL, a flush could otherwise come between reading and writing.
		if _, err := t.Exec(`UPDATE pool_counts SET recount_until = recount_until
			WHERE pool_id = $1 AND recount_until = $2`, string(pool), until); err != nil {
			return nil, err
		}
		found, err = collect(t, func(s scanner) (r row, err error) {
			err = s.Scan(&r.identities, &r.later, &r.disturbed)
			return r, err
		}, `SELECT identities, recount_later, recount_disturbed FROM pool_counts
			WHERE pool_id = $1 AND recount_until = $2`, string(pool), until)
		if err != nil || len(found) == 0 || found[0].disturbed > 0 && !force {
			return found, err
		}

		_, err = t.Exec(`UPDATE pool_counts SET identities = $1, counted = TRUE, counted_until = recount_until,
				recount_until = 0, recount_later = 0, recount_disturbed = 0
			WHERE pool_id = $2 AND recount_until = $3`, n+found[0].later, string(pool), until)

		return found, err
	})
	if err != nil || len(found) == 0 { // none: the pool was deleted, or another count has begun
		return false, err
	}
	disturbed = found[0].disturbed > 0
	if disturbed && !force {
		return true, nil
	}

	r.result.Pools++
	r.result.Identities += n + found[0].later
	if found[0].identities != n+found[0].later {
		r.result.Corrected++
	}

	return disturbed, nil
}

// countAgainEvery is how often a server looks for pools that have no number.
const countAgainEvery = 10 * time.Minute

// RunCounts stores the changes of the numbers of identities every FlushEvery, and counts the pools of older versions,
// until ctx ends. Close stores the last changes.
func (s *Store) RunCounts(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)

		for {
			result, err := s.Recount(ctx, RecountOptions{Uncounted: true})
			switch {
			case err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed):
				s.log.Warn("the identities of older pools could not be counted; the next attempt is in ten minutes",
					"error", err)
			case result.Pools > 0:
				s.log.Info("the identities of pools were counted",
					"pools", result.Pools, "identities", result.Identities)
			}
			if rest(ctx, countAgainEvery) != nil {
				return
			}
		}
	}()

	defer func() { <-done }()

	failing := false
	for rest(ctx, FlushEvery) == nil {
		err := s.FlushCounts(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			s.log.Warn("numbers of identities could not be stored; they are kept and stored later", "error", err)
		}
		failing = err != nil
	}
}
