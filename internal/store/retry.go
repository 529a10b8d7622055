package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// settleAttempts bounds how often a change that lost to another one starts
// over. Each loss means that another change succeeded.
const settleAttempts = 100

// untilSettled runs attempt until it does not lose a race: until its error is
// neither errMoved nor a violation of the schema's rules (engine.race). ErrBusy: it lost
// settleAttempts times.
func (s *Store) untilSettled(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if err == nil || !errors.Is(err, errMoved) && !s.engine.race(err) {
			return err
		}
		if n == settleAttempts {
			return fmt.Errorf("%w: lost to other changes of the same rows %d times; the last: %w", ErrBusy, n, err)
		}
		if err := backoff(ctx, n); err != nil {
			return err
		}
	}
}

// backoff waits a random time that grows with n to at most 50 ms, not at all at first.
func backoff(ctx context.Context, n int) error {
	if n <= 2 {
		return ctx.Err()
	}
	most := min(time.Duration(n)*time.Millisecond, 50*time.Millisecond)
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later is the later of two times: a clock that was set back does not make a
// row look older than it was.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
