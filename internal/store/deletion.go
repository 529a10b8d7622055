package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// defaultDeletionBatch is how many identities one transaction removes: few
// enough that other writes hardly wait.
const defaultDeletionBatch = 500

// DeletePool deletes a pool. From the first commit on nobody finds it or its
// identities, whatever happens; then its rows are removed in batches, and
// DeletePool returns when that is done. When ctx ends earlier it returns nil and
// the removal goes on. What a crash or Close interrupts, ResumeDeletions finishes.
// Errors: ErrNotFound; ErrUnfinished when the pool is gone and its rows are not.
func (s *Store) DeletePool(ctx context.Context, id identitypool.PoolID) error {
	if !storable(string(id), maxID) {
		return notFound("identity pool")
	}
	err := s.write(ctx, func(t *tx) error {
		t.touch(poolKey(id))
		n, err := t.exec(`UPDATE pools SET deleting = TRUE, version = version + 1 WHERE pool_id = $1 AND NOT deleting`, string(id))
		if err == nil && n == 0 {
			err = notFound("identity pool")
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := s.step("hidden"); err != nil {
		return err
	}
	done := make(chan error, 1)
	remove := func() {
		err := s.removePool(context.WithoutCancel(ctx), id)
		if err != nil && !errors.Is(err, ErrClosed) {
			s.log.Error("the rows of a deleted pool are not all removed; the next start goes on", "pool", id, "err", err)
		}
		done <- err
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
	for {
		if s.isClosing() {
			return ErrClosed
		}
		more := false
		err := s.untilSettled(ctx, func() error {
			return s.write(ctx, func(t *tx) (err error) {
				more, err = removeBatch(t, id, s.deletionBatch)
				return err
			})
		})
		if err != nil {
			return fmt.Errorf("removing the identities of deleted pool %s: %w", id, err)
		}
		if err := s.step("batch"); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	s.cache.flush() // no identity of the pool may be found should its ID be used again
	err := s.untilSettled(ctx, func() error {
		return s.write(ctx, func(t *tx) error {
			// An identity whose creation began before the pool was hidden may
			// still have come in; the foreign key then refuses this statement.
			if _, err := removeBatch(t, id, s.deletionBatch); err != nil {
				return err
			}
			_, err := t.exec(`DELETE FROM pools WHERE pool_id = $1 AND deleting`, string(id))
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("removing deleted pool %s: %w", id, err)
	}
	return s.step("removed")
}

// removeBatch removes up to size identities of a hidden pool, with their logins,
// and reports whether there may be more.
func removeBatch(t *tx, id identitypool.PoolID, size int) (more bool, err error) {
	const batch = ` WHERE identity_id IN (SELECT i.identity_id FROM identities AS i JOIN pools AS p ON p.pool_id = i.pool_id AND p.deleting
		WHERE i.pool_id = $1 ORDER BY i.created, i.identity_id LIMIT $2)`
	// One that comes in between the statements has logins left: the foreign key
	// then refuses the second.
	if _, err := t.exec(`DELETE FROM logins`+batch, string(id), size); err != nil {
		return false, err
	}
	if _, err := t.exec(`DELETE FROM identities`+batch, string(id), size); err != nil {
		return false, err
	}
	// Asked, not counted: another node that removes the pool may have had the same batch.
	left, err := collect(t, scanString, `SELECT identity_id FROM identities WHERE pool_id = $1 LIMIT 1`, string(id))
	return len(left) > 0, err
}

// ResumeDeletions finishes the deletions of pools that a crash or Close
// interrupted. A server calls it after it opened the store.
func (s *Store) ResumeDeletions(ctx context.Context) error {
	var ids []string
	err := s.engine.read(ctx, func(q querier) (err error) {
		ids, err = collect(q, scanString, `SELECT pool_id FROM pools WHERE deleting ORDER BY pool_id`)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.removePool(ctx, identitypool.PoolID(id)); err != nil {
			return err
		}
	}
	return nil
}
