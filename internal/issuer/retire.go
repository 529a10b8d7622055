package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Refusals of Retire.
var (
	// ErrNoKey means that no signing key has the ID.
	ErrNoKey = errors.New("there is no such signing key")
	// ErrKeySigns means that the key signs now, so that RotateNow must come first.
	ErrKeySigns = errors.New("the key signs tokens now")
)

// Retire takes a key out of use early, after a leak. Within Lag no node publishes it or
// accepts a token that it signed. Its private half is erased, and its ID is never used
// again. Retire returns the key as it was before. Retiring a key again is no error; the
// result's Withdrawn has the time of the first. Errors: ErrNoKey, ErrKeySigns.
func (i *Issuer) Retire(ctx context.Context, id string) (KeyInfo, error) {
	if err := i.acquire(ctx); err != nil {
		return KeyInfo{}, err
	}
	defer i.release()

	var before KeyInfo
	err := i.change(ctx, i.options.Now(), noLimit, nil, func(keys []*key, _ newKeys) ([]store.Key, error) {
		rows := make([]store.Key, len(keys))
		for n, k := range keys {
			rows[n] = k.row
		}

		n := slices.IndexFunc(rows, func(r store.Key) bool { return r.ID == id })
		if n < 0 {
			return nil, ErrNoKey
		}
		now := i.options.Now()
		before = describe(rows[n], rows, now)
		if before.State == Withdrawn {
			return rows, nil
		}

		return rows, i.withdraw(rows, n, now)
	})

	return before, err
}

// RetireIn is Retire without a server, on a store that servers use. It makes no keys, so
// it needs only the options that all nodes share.
func RetireIn(ctx context.Context, s KeyStore, sealer Sealer, now func() time.Time, id string) (KeyInfo, error) {
	return retireIn(ctx, Options{Store: s, Sealer: sealer, Now: now}, id)
}

// RetireIn is the function RetireIn for an issuer with this profile.
func (p Profile) RetireIn(
	ctx context.Context, s KeyStore, sealer Sealer, now func() time.Time, id string,
) (KeyInfo, error) {
	return retireIn(ctx, Options{Store: s, Sealer: sealer, Now: now, Profile: &p}, id)
}

func retireIn(ctx context.Context, o Options, id string) (KeyInfo, error) {
	i := &Issuer{options: o, profile: o.profile(), refreshing: make(chan struct{}, 1)}
	i.order = i.profile.Algorithms

	var err error
	if i.timing, err = newTiming(i.options); err != nil {
		return KeyInfo{}, err
	}

	return i.Retire(ctx, id)
}

// withdraw changes rows in place as Retire needs.
func (i *Issuer) withdraw(rows []store.Key, n int, now time.Time) error {
	gone := &rows[n]
	var others []*store.Key // of the algorithm, the oldest first
	for m := range rows {
		if r := &rows[m]; m != n && r.Algorithm == gone.Algorithm && r.Withdrawn.IsZero() {
			others = append(others, r)
		}
	}
	slices.SortStableFunc(others, func(a, b *store.Key) int {
		return cmp.Or(a.NotBefore.Compare(b.NotBefore), a.Created.Compare(b.Created))
	})

	signer := -1
	for m, r := range others {
		if !r.NotBefore.After(now) {
			signer = m
		}
	}

	upcoming := gone.NotBefore.After(now)
	if signer < 0 || !upcoming && !others[signer].NotBefore.After(gone.NotBefore) {
		return fmt.Errorf("%w: it is the one of %s", ErrKeySigns, gone.Algorithm)
	}

	i.eraseAndWithdraw(gone, now)

	// Nodes whose clocks are slow may not have handed over to the signer yet.
	start := now.Add(-i.timing.margin)
	if s := others[signer]; s.NotBefore.After(start) {
		for _, r := range others[:signer] {
			stepBack(r, start)
		}
		s.NotBefore = start
	}

	// Keys that would have handed over to gone now hand over to the next key, or to none.
	for m := signer; m < len(others) && upcoming; m++ {
		if m+1 == len(others) {
			others[m].NotAfter = time.Time{}
		} else if end := i.publishedUntil(others[m+1].NotBefore); others[m].NotAfter.Before(end) {
			others[m].NotAfter = end
		}
	}

	return nil
}

// eraseAndWithdraw erases a key's private half. The key's tokens are refused for as long as
// they could be valid.
func (i *Issuer) eraseAndWithdraw(r *store.Key, now time.Time) {
	r.Withdrawn, r.Sealed = now, i.options.Sealer.Seal(nil, sealedFor(*r))
	if end := i.publishedUntil(now); r.NotAfter.Before(end) {
		r.NotAfter = end
	}
}
