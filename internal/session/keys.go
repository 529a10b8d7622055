package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// State is the state of a session key.
type State string

// The states of a session key, in order.
const (
	Upcoming State = "upcoming" // every node has it, but it does not seal yet
	Sealing  State = "sealing"
	Opening  State = "opening" // it seals no new sessions, but still opens those that it sealed
)

// KeyInfo describes a session key.
type KeyInfo struct {
	ID         string // 16 hexadecimal characters
	State      State
	Created    time.Time
	SealsFrom  time.Time
	SealsUntil time.Time // zero while there is no newer key
	KeptUntil  time.Time // zero while there is no newer key
}

// Refusals of Keys.Retire.
var (
	// ErrNoKey means that there is no session key with the ID.
	ErrNoKey = errors.New("there is no such session key")
	// ErrKeySeals means that the key seals now, so a rotation has to come first.
	ErrKeySeals = errors.New("the key seals new sessions now")
)

// skew is how far the clocks of nodes may differ. keepMargin is longer.
const skew = 15 * time.Minute

// Keys changes the session keys in the store while servers use them.
type Keys struct {
	Store  KeyStore
	Sealer Sealer // not needed to list and retire
	Now    func() time.Time
}

// List describes the session keys, the oldest first.
func (k Keys) List(ctx context.Context) ([]KeyInfo, error) {
	keys, err := k.Store.Keys(ctx, keyPurpose)
	if err != nil {
		return nil, err
	}
	sortKeys(keys)

	infos, now := make([]KeyInfo, len(keys)), k.Now()
	for n := range keys {
		infos[n] = describe(keys, n, now)
	}

	return infos, nil
}

// describe describes the nth of the sorted keys.
func describe(keys []store.Key, n int, now time.Time) KeyInfo {
	k := keys[n]
	info := KeyInfo{
		ID:        k.ID,
		State:     Opening,
		Created:   k.Created,
		SealsFrom: k.NotBefore,
		KeptUntil: k.NotAfter,
	}
	if n+1 < len(keys) {
		// A key whose start lies before its creation took over when it was created.
		info.SealsUntil = keys[n+1].NotBefore
		if keys[n+1].Created.After(info.SealsUntil) {
			info.SealsUntil = keys[n+1].Created
		}
	}

	switch seals := sealing(keys, func(k store.Key) time.Time { return k.NotBefore }, now); {
	case n == seals:
		info.State = Sealing
	case n > seals:
		info.State = Upcoming
	}

	return info
}

func sortKeys(keys []store.Key) {
	slices.SortStableFunc(keys, func(a, b store.Key) int {
		return cmp.Or(a.NotBefore.Compare(b.NotBefore), a.Created.Compare(b.Created))
	})
}

// Rotate adds a key. The key seals once every node has had time to read it, or at once if
// atOnce is set: nodes that see its first sessions before they have read it ask the store,
// and keys that wait for their time are removed. Sessions under older keys continue; see
// Retire.
func (k Keys) Rotate(ctx context.Context, atOnce bool) error {
	_, err := k.Store.UpdateKeys(ctx, keyPurpose, func(keys []store.Key) ([]store.Key, error) {
		// Nodes with another master key could not open a new key.
		if _, err := newKeyring(keys, k.Sealer); err != nil {
			return nil, err
		}

		now := k.Now().UTC().Truncate(time.Millisecond)
		from := now.Add(minLead)
		if atOnce {
			from = now.Add(-skew) // on nodes whose clocks are behind too
			// By this clock, waiting keys have sealed nothing. Sessions of a node whose
			// clock is ahead may end, so that a leaked key opens nothing any more.
			keys = slices.DeleteFunc(keys, func(key store.Key) bool { return key.NotBefore.After(now) })
		}

		// The new key must start last: if it seals at once, move other keys before it, else
		// move it behind them.
		for n := range keys {
			if keys[n].NotBefore.Before(from) {
				continue
			}
			if atOnce {
				keys[n].NotBefore = from.Add(-time.Millisecond)
			} else {
				from = keys[n].NotBefore.Add(time.Millisecond)
			}
		}

		if len(keys) >= maxKeys {
			return nil, fmt.Errorf("there are %d session keys: retire some, or wait until %s",
				len(keys), firstEnd(keys))
		}

		keys = append(keys, generateKey(now, from, k.Sealer))
		setEnds(keys)

		return keys, nil
	})
	if err != nil {
		return fmt.Errorf("session: changing the session keys: %w", err)
	}

	return nil
}

// maxKeys bounds the session keys that manual rotations can leave.
const maxKeys = 100

// firstEnd returns when the first of the keys is removed.
func firstEnd(keys []store.Key) string {
	var first time.Time
	for _, k := range keys {
		if !k.NotAfter.IsZero() && (first.IsZero() || k.NotAfter.Before(first)) {
			first = k.NotAfter
		}
	}
	return first.UTC().Format(time.RFC3339)
}

// Retire removes a key before its time, after a leak. Within Lag every node refuses all
// sessions that it sealed. Retire returns the key as it was before. Errors: ErrNoKey,
// ErrKeySeals.
func (k Keys) Retire(ctx context.Context, id string) (KeyInfo, error) {
	var before KeyInfo
	_, err := k.Store.UpdateKeys(ctx, keyPurpose, func(keys []store.Key) ([]store.Key, error) {
		sortKeys(keys)
		n := slices.IndexFunc(keys, func(key store.Key) bool { return key.ID == id })
		if n < 0 {
			return nil, ErrNoKey
		}

		now := k.Now()
		before = describe(keys, n, now)
		if before.State == Sealing {
			return nil, ErrKeySeals
		}
		keys = slices.Delete(keys, n, n+1)

		// Nodes whose clocks are behind may not have switched to the next key yet. Start
		// the keys that are due `skew` earlier, keeping their order.
		start := now.Add(-skew).UTC().Truncate(time.Millisecond)
		for m := len(keys) - 1; m >= 0; m-- {
			if keys[m].NotBefore.After(now) || !keys[m].NotBefore.After(start) {
				continue
			}
			keys[m].NotBefore = start
			start = start.Add(-time.Millisecond)
		}

		setEnds(keys)

		return keys, nil
	})
	if err != nil {
		return before, fmt.Errorf("session: changing the session keys: %w", err)
	}

	return before, nil
}
