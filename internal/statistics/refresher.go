package statistics

import (
	"context"
	"time"
)

const (
	// refreshEvery is how old what a node has counted may be, when it is read.
	refreshEvery = time.Second
	// refreshPatience is how long a reader waits for a slow database. What it reads then lacks the last half minute.
	refreshPatience = time.Second
)

// Refresher stores what a node has counted before somebody reads it. It is safe for concurrent use.
type Refresher struct {
	store func(context.Context) error
	now   func() time.Time
	turn  chan struct{} // full while a call stores; guards last
	last  time.Time     // when a call last began to store
}

// NewRefresher returns a Refresher that stores counts with a function.
func NewRefresher(flush func(context.Context) error, now func() time.Time) *Refresher {
	return &Refresher{store: flush, now: now, turn: make(chan struct{}, 1)}
}

// Refresh stores what was counted, unless a call began to do so within a second. If one still does, Refresh waits
// for it: two reads side by side find the same. After a failure, too, it waits out the second, to spare a database in
// trouble.
func (r *Refresher) Refresh(ctx context.Context) error {
	// The others that wait want the counts even if this caller leaves.
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshPatience)
	defer cancel()

	select {
	case r.turn <- struct{}{}:
	case <-storing.Done():
		return storing.Err()
	case <-ctx.Done():
		return ctx.Err()
	}

	defer func() { <-r.turn }()

	now := r.now()
	if age := now.Sub(r.last); age >= 0 && age < refreshEvery {
		return nil
	}
	r.last = now

	return r.store(storing)
}
