package issuer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// maxPublished bounds the keys of one algorithm. AWS refuses key documents with more
// than 100 RSA keys, and two of our algorithms use RSA.
const maxPublished = 48

// ErrTooManyKeys means that earlier rotations left as many keys as verifiers accept.
// The wrapping error has the time from which a rotation will work.
var ErrTooManyKeys = errors.New("too many signing keys are published")

// Rotate adds a key to every algorithm. The key is published at once and signs after the
// publish delay; then its predecessor retires. Rotate may be called again before that.
// Error: ErrTooManyKeys.
func (i *Issuer) Rotate(ctx context.Context) error {
	if err := i.acquire(ctx); err != nil {
		return err
	}
	defer i.release()

	return i.change(ctx, i.options.Now(), noLimit, i.profile.Algorithms, i.rotate)
}

// RotateNow adds a key to every algorithm that signs at once, on every node within Lag.
// Keys that have not begun to sign are withdrawn. Verifiers may get a token whose key
// they do not have yet, for MaxCached at most if they honour the cache headers. Older
// keys stay published for the tokens that they signed: see Retire. Error:
// ErrTooManyKeys.
func (i *Issuer) RotateNow(ctx context.Context) error {
	if err := i.acquire(ctx); err != nil {
		return err
	}
	defer i.release()

	return i.change(ctx, i.options.Now(), noLimit, i.profile.Algorithms, i.rotateNow)
}

// newKeys holds new private keys that have no row yet, by algorithm.
type newKeys map[string]crypto.Signer

// noLimit does not bound the store's statements.
const noLimit = 0

// change lets plan rewrite the keys in the store, and publishes the result. New private
// keys for the given algorithms are made beforehand, because RSA keys take time and plan
// may run more than once. The published set counts as current from read on. limit bounds
// the store's statements.
func (i *Issuer) change(
	ctx context.Context, read time.Time, limit time.Duration, algorithms []string,
	plan func([]*key, newKeys) ([]store.Key, error),
) error {
	made, err := i.generateAll(algorithms)
	if err != nil {
		return err
	}

	ctx, cancel := overload.Within(ctx, limit)
	defer cancel()

	rows, err := i.options.Store.UpdateKeys(ctx, i.profile.Purpose, func(rows []store.Key) ([]store.Key, error) {
		keys, err := i.openAll(rows)
		if err != nil {
			return nil, err
		}

		return plan(keys, made)
	})
	if err != nil {
		return fmt.Errorf("changing the signing keys: %w", err)
	}

	keys, err := i.openAll(rows)
	if err != nil {
		return fmt.Errorf("changing the signing keys: %w", err)
	}

	return i.publish(keys, read)
}

func (i *Issuer) generateAll(algorithms []string) (newKeys, error) {
	signers := make([]crypto.Signer, len(algorithms))

	var group errgroup.Group
	for n, algorithm := range algorithms {
		group.Go(func() (err error) {
			signers[n], err = i.options.generate(algorithm)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("making signing keys: %w", err)
	}

	made := make(newKeys, len(algorithms))
	for n, algorithm := range algorithms {
		made[algorithm] = signers[n]
	}

	return made, nil
}

// rotate gives every signing key an end after the publish delay, and adds a successor for
// each.
func (i *Issuer) rotate(keys []*key, made newKeys) ([]store.Key, error) {
	now := i.options.Now()
	rows, err := i.scheduleEnds(keys, now, now.Add(i.timing.publish))
	if err != nil {
		return nil, err
	}
	return i.appendNewKeys(rows, i.order, made, now, now.Add(i.timing.publish))
}

// rotateNow withdraws the keys that no node signs with yet, ends all others now, and adds
// keys that sign at once.
func (i *Issuer) rotateNow(keys []*key, made newKeys) ([]store.Key, error) {
	now := i.options.Now()
	for _, k := range keys {
		// No node has signed with it yet, not even one whose clock is fast. Keep the row, so
		// that its number is never reused.
		if !k.withdrawn() && k.row.NotBefore.After(now.Add(i.timing.margin)) {
			i.eraseAndWithdraw(&k.row, now)
		}
	}

	rows, err := i.scheduleEnds(keys, now, now)
	if err != nil {
		return nil, err
	}

	// The new keys must be the youngest also on nodes whose clocks are slow.
	start := now.Add(-i.timing.margin)
	for n := range rows {
		stepBack(&rows[n], start)
	}

	return i.appendNewKeys(rows, i.order, made, now, start)
}

// scheduleEnds sets NotAfter of keys that have none: they sign until the given time. It
// leaves out keys whose last token has expired. Error: ErrTooManyKeys.
func (i *Issuer) scheduleEnds(keys []*key, now, until time.Time) ([]store.Key, error) {
	rows := make([]store.Key, 0, len(keys))
	ends := map[string][]time.Time{} // of the published keys, by algorithm
	for _, k := range keys {
		if k.ended(now) && !highest(k, keys) {
			continue
		}
		if k.row.NotAfter.IsZero() {
			k.row.NotAfter = i.publishedUntil(until)
		}
		if !k.withdrawn() && !k.ended(now) {
			ends[k.row.Algorithm] = append(ends[k.row.Algorithm], k.row.NotAfter)
		}
		rows = append(rows, k.row)
	}

	return rows, i.profile.checkRoom(ends)
}

// checkRoom returns ErrTooManyKeys unless each algorithm has room for one more key. ends
// has the times at which the published keys end.
func (p Profile) checkRoom(ends map[string][]time.Time) error {
	var full string
	var room time.Time // when all algorithms have room
	for _, algorithm := range p.Algorithms {
		times := ends[algorithm]
		if len(times) < maxPublished {
			continue
		}

		slices.SortFunc(times, time.Time.Compare)
		if from := times[len(times)-maxPublished]; from.After(room) {
			full, room = algorithm, from
		}
	}
	if full == "" {
		return nil
	}

	return fmt.Errorf("%w: %d with %s; the next rotation is possible from %s",
		ErrTooManyKeys, len(ends[full]), full, room.UTC().Format(time.RFC3339Nano))
}

// publishedUntil returns when a key that signs until the given time may be dropped: its
// last token has expired by then on every clock.
func (i *Issuer) publishedUntil(until time.Time) time.Time {
	return until.Add(i.timing.lifetime + i.timing.margin)
}

// stepBack moves a key's NotBefore to before a time, so that a key that starts at that time
// takes over from it.
func stepBack(r *store.Key, before time.Time) {
	if !r.NotBefore.Before(before) {
		r.NotBefore = before.Add(-time.Millisecond) // the store's precision
	}
}

// highest reports whether no key has a higher number. The next key gets the number after it.
func highest(k *key, keys []*key) bool {
	return !slices.ContainsFunc(keys, func(o *key) bool {
		return o.certificate.SerialNumber.Cmp(k.certificate.SerialNumber) > 0
	})
}

// upToDate reports whether planUpkeep would change nothing.
func (i *Issuer) upToDate(keys []*key, now time.Time) bool {
	return len(i.profile.missing(keys)) == 0 && !slices.ContainsFunc(keys, func(k *key) bool {
		return k.ended(now) && !highest(k, keys) || i.erasable(k, keys, now)
	})
}

// planUpkeep plans the changes that need no decision: first keys, and the end of old ones.
func (i *Issuer) planUpkeep(keys []*key, made newKeys) ([]store.Key, error) {
	now := i.options.Now()
	rows := make([]store.Key, 0, len(keys)+len(made))
	for _, k := range keys {
		switch {
		case k.ended(now) && !highest(k, keys):
			continue
		case i.erasable(k, keys, now):
			k.row.Sealed = i.options.Sealer.Seal(nil, sealedFor(k.row))
		}
		rows = append(rows, k.row)
	}

	// The first keys of an issuer sign at once, also on nodes whose clocks are slow:
	// nobody has cached anything. A key for an algorithm that is added later must be
	// published first.
	signsFrom := now.Add(-i.timing.margin)
	switch {
	case len(keys) > 0:
		signsFrom = now.Add(i.timing.publish)
	case !i.options.FirstKeysFrom.IsZero():
		signsFrom = i.options.FirstKeysFrom
	}

	absent := i.profile.missing(keys)
	order := slices.DeleteFunc(slices.Clone(i.order), func(a string) bool { return !slices.Contains(absent, a) })

	return i.appendNewKeys(rows, order, made, now, signsFrom)
}

// appendNewKeys appends one new key for each algorithm to rows.
func (i *Issuer) appendNewKeys(
	rows []store.Key, algorithms []string, made newKeys, now, signsFrom time.Time,
) ([]store.Key, error) {
	for _, algorithm := range algorithms {
		private := made[algorithm]
		if private == nil { // the algorithm lost its key after made was filled
			var err error
			if private, err = i.options.generate(algorithm); err != nil {
				return nil, fmt.Errorf("making a signing key: %w", err)
			}
			made[algorithm] = private
		}

		from := signsFrom
		for _, r := range rows { // of two rotations at the same moment the second wins
			if r.Algorithm == algorithm && r.Withdrawn.IsZero() && !r.NotBefore.Before(from) {
				from = r.NotBefore.Add(time.Millisecond)
			}
		}

		row, err := i.newRow(private, algorithm, rows, now, from)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}

	return rows, nil
}

// ended reports whether the last token that the key can have signed has expired.
func (k *key) ended(now time.Time) bool { return ended(k.row, now) }

// withdrawn reports whether Retire took the key out of use.
func (k *key) withdrawn() bool { return !k.row.Withdrawn.IsZero() }

func ended(r store.Key, now time.Time) bool { return !r.NotAfter.IsZero() && !now.Before(r.NotAfter) }

// erasable reports whether the successor has signed for so long that no node can still sign
// with this key, however slow its clock.
func (i *Issuer) erasable(k *key, keys []*key, now time.Time) bool {
	if k.private == nil {
		return false
	}
	return slices.ContainsFunc(keys, func(o *key) bool {
		return o.row.Algorithm == k.row.Algorithm && !o.withdrawn() &&
			o.row.NotBefore.After(k.row.NotBefore) && !now.Before(o.row.NotBefore.Add(i.timing.margin))
	})
}
