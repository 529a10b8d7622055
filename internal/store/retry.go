package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// settleAttempts bounds how often a change that lost to another one starts
// over. Each loss means that another change succeeded.
const settleAttempts = 100

// untilSettled runs attempt until it does not lose a race: until its error is
// neither errMoved nor a violation of the schema's rules (Engine.Race). It returns
// ErrBusy after settleAttempts losses.
func (s *Store) untilSettled(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if err == nil || !errors.Is(err, errMoved) && !s.engine.Race(err) {
			return err
		}
		if n == settleAttempts {
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
