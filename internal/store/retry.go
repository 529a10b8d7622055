package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// errMoved means that a guarded row is no longer at the revision that the change
// was based on.
var errMoved = errors.New("changed meanwhile")

// mustChange runs a statement that is guarded by a revision. If it changes no row,
// another writer was first, and mustChange returns errMoved.
func mustChange(t *engine.Tx, text string, args ...any) error {
	n, err := t.Exec(text, args...)
	if err == nil && n == 0 {
		err = errMoved
	}
	return err
}

// mustFind runs a statement that changes the row of what. Error: ErrNotFound when there
// is no such row.
func mustFind(t *engine.Tx, what, text string, args ...any) error {
	n, err := t.Exec(text, args...)
	if err == nil && n == 0 {
		err = notFound(what)
	}
	return err
}

// raceAttempts bounds how often a change that lost to another one starts
// over. Each loss means that another change succeeded.
const raceAttempts = 100

// retryRaces runs attempt until it does not lose a race: until its error is
// neither errMoved nor a violation of the schema's rules (Engine.IsViolation). It returns
// ErrBusy after raceAttempts losses.
func (s *Store) retryRaces(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if err == nil || !errors.Is(err, errMoved) && !s.engine.IsViolation(err) {
			return err
		}
		if n == raceAttempts {
			return fmt.Errorf("%w: lost to other changes of the same rows %d times; the last: %w", ErrBusy, n, err)
		}
		if err := engine.Backoff(ctx, n); err != nil {
			return err
		}
	}
}

// later returns the later of two times, so that a clock that was set back does not
// make a row look older than it was.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
