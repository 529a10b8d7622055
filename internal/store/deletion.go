package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// One transaction removes at most defaultDeletionBatch identities, and fewer
// where that takes long, so that other writes hardly wait. (Each identity rewrites
// a page of two indexes of random IDs, which takes time on a slow or busy disk.)
const (
	defaultDeletionBatch = 500
	smallestBatch        = 10
	longBatch            = 25 * time.Millisecond
	shortBatch           = longBatch / 4
)

// defaultDeletionRest is the time between attempts to remove a pool's rows while the
// database does not answer.
const defaultDeletionRest = 5 * time.Second

// nextBatch returns the size of the batch after one of size identities that took took.
func nextBatch(size int, took time.Duration, most int) int {
	switch {
	case took > longBatch:
		return min(max(size/2, smallestBatch), most)
	case took < shortBatch:
		return min(size*2, most)
	}
	return size
}

// DeletePool deletes a pool. From its first commit on, nobody finds the pool or its
// identities. Then its rows are removed in batches, and DeletePool returns when
// that is done. If ctx ends earlier, it returns nil and the removal goes on.
// ResumeDeletions finishes what a crash or Close interrupts.
// Errors: ErrNotFound; ErrUnfinished when the pool is gone and its rows are not.
func (s *Store) DeletePool(ctx context.Context, id identitypool.PoolID) error {
	if !storable(string(id), maxID) {
		return notFound("identity pool")
	}

	err := s.write(ctx, func(t *engine.Tx) error {
		t.Touch(poolKey(id))
		if err := s.rememberPoolID(t, id); err != nil {
			return err
		}

		return mustFind(t, "identity pool",
			`UPDATE pools SET deleting = TRUE, version = version + 1 WHERE pool_id = $1 AND NOT deleting`, string(id))
	})
	if err != nil {
		return err
	}
	if err := s.step("hidden"); err != nil {
		return err
	}

	done := make(chan error, 1)
	remove := func() {
		ctx := overload.WithoutBudget(context.WithoutCancel(ctx))

		err := s.removePool(ctx, id)
		done <- err
		s.finishRemoval(ctx, id, err)
	}
	if !s.startDeletion(remove) {
		return nil // closing; the next start resumes
	}

	select {
	case err := <-done:
		if err == nil || errors.Is(err, ErrClosed) {
			return nil
		}
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	case <-ctx.Done():
		return nil
	}
}

// finishRemoval continues a removal that ended with err once the database works
// again. It ends with ctx and when the store is closed.
func (s *Store) finishRemoval(ctx context.Context, id identitypool.PoolID, err error) {
	if err == nil || errors.Is(err, ErrClosed) {
		return
	}
	s.log.Error("the rows of a deleted pool are not all removed yet", "pool", id, "err", err)

	for err != nil && isPassing(err) && s.restBefore(ctx) {
		err = s.removePool(ctx, id)
	}

	switch {
	case err == nil:
		s.log.Info("the rows of a deleted pool are removed now", "pool", id)
	case !errors.Is(err, ErrClosed):
		s.log.Error("the rows of a deleted pool are not all removed; the next start goes on", "pool", id, "err", err)
	}
}

// isPassing reports whether err is temporary: a later attempt may succeed.
func isPassing(err error) bool {
	return errors.Is(err, ErrUnavailable) ||
		errors.Is(err, ErrIndeterminate) && !errors.Is(err, ErrStopped) ||
		errors.Is(err, ErrBusy)
}

// restBefore waits before the next attempt; false = there should be none.
func (s *Store) restBefore(ctx context.Context) bool {
	timer := time.NewTimer(s.deletionRest)
	defer timer.Stop()

	select {
	case <-timer.C:
		return true
	case <-s.closing:
		return false
	case <-ctx.Done():
		return false
	}
}

// startDeletion runs remove in the background unless the store is closing.
func (s *Store) startDeletion(remove func()) bool {
	s.deletionsMu.Lock()
	defer s.deletionsMu.Unlock()

	if s.isClosing() {
		return false
	}
	s.deletions.Go(remove)
	return true
}

func (s *Store) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// removePool removes the rows of a hidden pool. Running it twice at once, on
// two nodes perhaps, does no harm.
func (s *Store) removePool(ctx context.Context, id identitypool.PoolID) error {
	for size := s.deletionBatch; ; {
		if s.isClosing() {
			return ErrClosed
		}

		more, began := false, s.options.Now()
		err := s.retryRaces(ctx, func() error {
			return s.write(ctx, func(t *engine.Tx) (err error) {
				began = s.options.Now()
				more, err = s.removeBatch(t, id, size)
				return err
			})
		})
		if err != nil {
			return fmt.Errorf("removing the identities of deleted pool %s: %w", id, err)
		}
		if err := s.step("batch"); err != nil {
			return err
		}

		size = nextBatch(size, s.options.Now().Sub(began), s.deletionBatch)
		if !more {
			break
		}
	}

	s.cache.Flush() // if the pool's ID is used again, none of its old identities may be found
	err := s.retryRaces(ctx, func() error {
		return s.write(ctx, func(t *engine.Tx) error {
			// An identity whose creation began before the pool was hidden may
			// still have arrived; the foreign key then refuses this statement.
			if _, err := s.removeBatch(t, id, s.deletionBatch); err != nil {
				return err
			}
			if err := s.rememberPoolID(t, id); err != nil {
				return err
			}
			if _, err := t.Exec(`DELETE FROM pool_counts WHERE EXISTS
				(SELECT 1 FROM pools AS p WHERE p.pool_id = pool_counts.pool_id AND p.deleting)
				AND pool_id = $1`, string(id)); err != nil {
				return err
			}
			_, err := t.Exec(`DELETE FROM pools WHERE pool_id = $1 AND deleting`, string(id))

			return err
		})
	})
	if err != nil {
		return fmt.Errorf("removing deleted pool %s: %w", id, err)
	}

	s.counts.forget(id)

	return s.step("removed")
}

// deletionBatchOf selects the first $2 identities of the hidden pool $1, by the
// index identities_by_time.
const deletionBatchOf = `FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id AND p.deleting
		WHERE i.pool_id = $1 ORDER BY i.created, i.identity_id LIMIT $2`

// removeBatch removes up to size identities of a hidden pool, with their logins,
// remembers their IDs, and reports whether there may be more.
func (s *Store) removeBatch(t *engine.Tx, id identitypool.PoolID, size int) (more bool, err error) {
	if _, err := t.Exec(`INSERT INTO former_ids (`+formerIDColumns+`)
		SELECT 'identity', i.identity_id, p.account, 0, CAST($3 AS BIGINT) `+deletionBatchOf+`
		`+rememberLater, string(id), size, millis(s.now())); err != nil {
		return false, err
	}

	// An identity that arrives between the statements stays for the next batch:
	// without a login because its ID is not remembered yet, and with one because
	// the foreign key refuses the second deletion.
	if _, err := t.Exec(`DELETE FROM logins WHERE identity_id IN (SELECT i.identity_id `+deletionBatchOf+`)`,
		string(id), size); err != nil {
		return false, err
	}
	if _, err := t.Exec(`DELETE FROM identities WHERE identity_id IN (SELECT i.identity_id `+deletionBatchOf+`)
		AND EXISTS (SELECT 1 FROM former_ids AS f WHERE f.kind = 'identity' AND f.id = identities.identity_id)`,
		string(id), size); err != nil {
		return false, err
	}
	// Not counted: another node that removes the pool may have had the same batch.
	left, err := collect(t, scanString, `SELECT identity_id FROM identities WHERE pool_id = $1 LIMIT 1`, string(id))

	return len(left) > 0, err
}

// ResumeDeletions finishes the deletions of pools that a crash or Close
// interrupted. A server calls it after it opened the store. It waits while the
// database does not answer.
func (s *Store) ResumeDeletions(ctx context.Context) error {
	ids, err := readAll(ctx, s, scanString, `SELECT pool_id FROM pools WHERE deleting ORDER BY pool_id`)
	if err != nil {
		return err
	}

	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}

		err := s.removePool(ctx, identitypool.PoolID(id))
		if err != nil && !isPassing(err) {
			return err
		}
		s.finishRemoval(ctx, identitypool.PoolID(id), err)
	}

	return nil
}
