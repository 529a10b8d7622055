package issuer

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// State is where a signing key is in its life.
type State string

// The states of a signing key, in order.
const (
	Upcoming State = "upcoming" // published, does not sign yet
	Signing  State = "signing"
	Retired  State = "retired" // published until its last token has expired
	Ended    State = "ended"   // no longer published, about to be deleted
)

// KeyInfo describes a signing key.
type KeyInfo struct {
	ID, Algorithm  string
	State          State
	Created        time.Time // also when it was published
	SignsFrom      time.Time
	SignsUntil     time.Time // zero while no successor is known
	PublishedUntil time.Time // zero while no successor is known
}

// List describes the signing keys in a store at a moment, the oldest first. It
// needs no master key.
func List(ctx context.Context, s KeyStore, now time.Time) ([]KeyInfo, error) {
	rows, err := s.Keys(ctx, purpose)
	if err != nil {
		return nil, err
	}
	infos := make([]KeyInfo, len(rows))
	for n, r := range rows {
		info := KeyInfo{ID: r.ID, Algorithm: r.Algorithm, State: Signing, Created: r.Created,
			SignsFrom: r.NotBefore, SignsUntil: successorStart(r, rows), PublishedUntil: r.NotAfter}
		switch {
		case ended(r, now):
			info.State = Ended
		case now.Before(r.NotBefore):
			info.State = Upcoming
		case !info.SignsUntil.IsZero() && !now.Before(info.SignsUntil):
			info.State = Retired
		}
		infos[n] = info
	}
	return infos, nil
}

// successorStart is when the next key of the same algorithm takes over, zero
// when there is none.
func successorStart(r store.Key, rows []store.Key) time.Time {
	var start time.Time
	for _, o := range rows {
		if o.Algorithm == r.Algorithm && o.NotBefore.After(r.NotBefore) && (start.IsZero() || o.NotBefore.Before(start)) {
			start = o.NotBefore
		}
	}
	return start
}
