package issuer

import (
	"context"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/budget"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Bounds on how long a request that has to read the keys itself waits for the
// store: without any keys, and with older ones to go on with.
const (
	firstTimeout = 30 * time.Second
	staleTimeout = 2 * time.Second
)

// Refresh takes up what other nodes and the command line changed, makes keys
// for algorithms that have none, erases private keys that no longer sign, and
// drops keys whose last token has expired. When it fails the keys read before
// stay in use.
func (i *Issuer) Refresh(ctx context.Context) error {
	if err := i.acquire(ctx); err != nil {
		return err
	}
	defer i.release()
	return i.refresh(ctx)
}

// Run refreshes until ctx ends.
func (i *Issuer) Run(ctx context.Context) {
	ticker := time.NewTicker(i.timing.refresh)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := i.refreshInTime(ctx); err != nil && ctx.Err() == nil {
				i.options.Logger.Error("the signing keys could not be refreshed", "error", err)
			}
		}
	}
}

// refreshInTime is Refresh with a bound: a connection that hangs must not outlast
// the database's return.
func (i *Issuer) refreshInTime(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	return i.Refresh(ctx)
}

// acquire waits for its turn with the keys, as long as the call of ctx may wait for
// the database.
func (i *Issuer) acquire(ctx context.Context) error {
	wait, cancel := budget.Bound(ctx, 0)
	defer cancel()

	select {
	case i.refreshing <- struct{}{}:
		return nil
	case <-wait.Done():
		if err := ctx.Err(); err != nil {
			return err
		}
		return fmt.Errorf("%w: the signing keys are being read", store.ErrUnavailable)
	}
}

func (i *Issuer) release() { <-i.refreshing }

// refresh is Refresh for who holds refreshing.
func (i *Issuer) refresh(ctx context.Context) error {
	now := i.options.Now() // before the read: the set is at least as new
	i.failure = i.reload(ctx, now)
	if i.failure != nil {
		i.retryAt = now.Add(i.timing.refresh)
	}
	return i.failure
}

func (i *Issuer) reload(ctx context.Context, now time.Time) error {
	rows, err := i.options.Store.Keys(ctx, purpose)
	if err != nil {
		return fmt.Errorf("reading the signing keys: %w", err)
	}
	keys, err := i.openAll(rows)
	if err != nil {
		return err
	}
	if i.settled(keys, now) {
		return i.publish(keys, now)
	}
	return i.change(ctx, now, missing(keys), i.settle)
}

// current returns the key set: the one at hand, unless there is none yet or it
// has not been read for so long that Run must have stopped, or cannot.
func (i *Issuer) current(ctx context.Context, now time.Time) (*keySet, error) {
	set := i.keys.Load()
	switch {
	case set == nil:
		if err := i.acquire(ctx); err != nil {
			return nil, fmt.Errorf("waiting for the first signing keys: %w", err)
		}
	case now.Sub(set.read) < i.timing.stale:
		return set, nil
	default:
		select {
		case i.refreshing <- struct{}{}:
		default: // somebody is at it
			return set, nil
		}
	}
	defer i.release()
	if newer := i.keys.Load(); newer != set {
		return newer, nil
	}
	if i.failure == nil || !now.Before(i.retryAt) {
		timeout := firstTimeout
		if set != nil {
			timeout = staleTimeout
		}
		// Others need the keys too: a client that leaves must not stop this.
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		if err := i.refresh(reading); err == nil {
			return i.keys.Load(), nil
		}
		i.options.Logger.ErrorContext(ctx, "the signing keys could not be refreshed", "error", i.failure)
	}
	if set == nil {
		return nil, fmt.Errorf("no signing keys: %w", i.failure)
	}
	return set, nil
}
