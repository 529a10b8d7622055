package issuer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	// firstTimeout bounds how long a request waits for the first keys.
	firstTimeout = 30 * time.Second
	// readTimeout bounds each statement of a poll, and of a request that reads the keys
	// because no poll did. A connection that hangs costs one poll; a later one gets another
	// connection while there is time left within Lag.
	readTimeout = 2 * time.Second
)

// Refresh reads the changes of other nodes and the command line, makes keys for
// algorithms that have none, erases private keys that no longer sign, and drops keys
// whose last token has expired. If it fails, the keys read before stay in use.
func (i *Issuer) Refresh(ctx context.Context) error {
	return i.refreshInTurn(ctx, noLimit)
}

// Run reads the keys every RefreshEvery until ctx ends.
func (i *Issuer) Run(ctx context.Context) {
	ticker := time.NewTicker(i.timing.refresh)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := i.refreshInTurn(ctx, readTimeout); err != nil && ctx.Err() == nil {
				i.options.Logger.Error("the signing keys could not be refreshed", "error", err)
			}
		}
	}
}

// refreshInTurn is Refresh with a bound on each statement.
func (i *Issuer) refreshInTurn(ctx context.Context, limit time.Duration) error {
	if err := i.acquire(ctx); err != nil {
		return err
	}
	defer i.release()

	return i.refresh(ctx, limit)
}

// acquire waits for its turn with the keys, as long as ctx's call may wait for the
// database.
func (i *Issuer) acquire(ctx context.Context) error {
	err := overload.Turn(ctx, i.refreshing, 0)
	if errors.Is(err, overload.ErrNoTurn) {
		return fmt.Errorf("%w: the signing keys are being read", store.ErrUnavailable)
	}
	return err
}

func (i *Issuer) release() { <-i.refreshing }

// refresh is Refresh for the holder of refreshing. limit bounds the read, and the change
// after it.
func (i *Issuer) refresh(ctx context.Context, limit time.Duration) error {
	now := i.options.Now() // before the read: the set is at least as new
	i.failure = i.reload(ctx, now, limit)
	if i.failure != nil {
		i.retryAt = now.Add(i.timing.refresh)
	}
	return i.failure
}

func (i *Issuer) reload(ctx context.Context, now time.Time, limit time.Duration) error {
	keys, err := i.read(ctx, limit)
	if err != nil {
		return err
	}
	if i.upToDate(keys, now) {
		return i.publish(keys, now)
	}

	// Publish what was read first: a change that hangs must not hold it back.
	absent := i.profile.missing(keys)
	if len(absent) == 0 {
		if err := i.publish(keys, now); err != nil {
			return err
		}
	}

	return i.change(ctx, now, limit, absent, i.planUpkeep)
}

func (i *Issuer) read(ctx context.Context, limit time.Duration) ([]*key, error) {
	ctx, cancel := overload.Within(ctx, limit)
	defer cancel()

	rows, err := i.options.Store.Keys(ctx, i.profile.Purpose)
	if err != nil {
		return nil, fmt.Errorf("reading the signing keys: %w", err)
	}
	return i.openAll(rows)
}

// current returns the current key set. It reads the keys if there is no set yet, or if
// the set is so old that Run must have stopped or be failing.
func (i *Issuer) current(ctx context.Context, now time.Time) (*keySet, error) {
	set := i.keys.Load()
	switch {
	case set == nil:
		if err := i.acquire(ctx); err != nil {
			return nil, fmt.Errorf("waiting for the first signing keys: %w", err)
		}
	case now.Sub(set.read).Abs() < i.timing.stale: // a clock that was set back must not extend this
		return set, nil
	default:
		select {
		case i.refreshing <- struct{}{}:
		default: // another call is reading
			if now.Sub(set.read) < min(maxUnread, i.timing.publish) {
				return set, nil
			}
			// A set as old as this one verifies or signs nothing, so wait for the reader.
			if i.acquire(ctx) != nil {
				return set, nil
			}
		}
	}

	defer i.release()

	if newer := i.keys.Load(); newer != set {
		if now.Sub(newer.read).Abs() < i.timing.stale {
			return newer, nil
		}
		set = newer // its reader began before the clock moved
	}

	if i.failure == nil || !now.Before(i.retryAt) {
		limit := firstTimeout
		if set != nil {
			limit = readTimeout
		}

		// Others need the keys too: a client that leaves must not stop this.
		if err := i.refresh(context.WithoutCancel(ctx), limit); err == nil {
			return i.keys.Load(), nil
		}
		i.options.Logger.ErrorContext(ctx, "the signing keys could not be refreshed", "error", i.failure)
	}

	if set == nil {
		return nil, fmt.Errorf("no signing keys: %w", i.failure)
	}

	return set, nil
}
