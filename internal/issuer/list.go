package issuer

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// State is the phase of a signing key's life.
type State string

// The states of a signing key, in order.
const (
	Upcoming State = "upcoming" // published, does not sign yet
	Signing  State = "signing"
	Retired  State = "retired" // published until its last token has expired
	Ended    State = "ended"   // no longer published, about to be deleted
	// Withdrawn follows Retire, instead of Retired: the key is no longer published, and
	// its tokens are refused.
	Withdrawn State = "withdrawn"
)

// KeyInfo describes a signing key.
type KeyInfo struct {
	ID, Algorithm  string
	State          State
	Created        time.Time // also when it was published
	SignsFrom      time.Time
	SignsUntil     time.Time // zero while no successor is known
	PublishedUntil time.Time // zero while no successor is known
	Withdrawn      time.Time // zero unless Retire took it out of use
}

// List describes the signing keys in a store at a moment, the oldest first. It needs no
// master key.
func List(ctx context.Context, s KeyStore, now time.Time) ([]KeyInfo, error) {
	return list(ctx, s, purpose, now)
}

// List is the function List for an issuer with this profile.
func (p Profile) List(ctx context.Context, s KeyStore, now time.Time) ([]KeyInfo, error) {
	return list(ctx, s, p.Purpose, now)
}

func list(ctx context.Context, s KeyStore, purpose string, now time.Time) ([]KeyInfo, error) {
	rows, err := s.Keys(ctx, purpose)
	if err != nil {
		return nil, err
	}

	infos := make([]KeyInfo, len(rows))
	for n, r := range rows {
		infos[n] = describe(r, rows, now)
	}

	return infos, nil
}

// describe returns the state of r now. rows are all keys: r signs until another one starts.
func describe(r store.Key, rows []store.Key, now time.Time) KeyInfo {
	info := KeyInfo{
		ID:             r.ID,
		Algorithm:      r.Algorithm,
		State:          Signing,
		Created:        r.Created,
		SignsFrom:      r.NotBefore,
		SignsUntil:     successorStart(r, rows),
		PublishedUntil: r.NotAfter,
		Withdrawn:      r.Withdrawn,
	}

	switch {
	case !r.Withdrawn.IsZero():
		info.State, info.PublishedUntil = Withdrawn, r.Withdrawn
	case ended(r, now):
		info.State = Ended
	case now.Before(r.NotBefore):
		info.State = Upcoming
	case !info.SignsUntil.IsZero() && !now.Before(info.SignsUntil):
		info.State = Retired
	}

	return info
}

// successorStart returns when the next key of the same algorithm takes over, or the zero
// time if there is none. A key whose NotBefore is before its creation took over when it
// was created.
func successorStart(r store.Key, rows []store.Key) time.Time {
	var start time.Time
	for _, o := range rows {
		if o.Algorithm != r.Algorithm || !o.Withdrawn.IsZero() || !o.NotBefore.After(r.NotBefore) {
			continue
		}
		takesOver := o.NotBefore
		if o.Created.After(takesOver) {
			takesOver = o.Created
		}
		if start.IsZero() || takesOver.Before(start) {
			start = takesOver
		}
	}

	return start
}
