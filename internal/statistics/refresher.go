package statistics

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// refreshEvery is how old what a node has counted may be, when it is read.
	refreshEvery = time.Second
	// refreshPatience is how long a reader waits for a slow database. What it reads then lacks the last half minute.
	refreshPatience = time.Second
)

// Refresher stores what a node has counted before somebody reads it. It is safe for concurrent use.
type Refresher struct {
	store   func(context.Context) error
	now     func() time.Time
	flights singleflight.Group // one at a time: two reads side by side find the same
	last    time.Time          // when a flight last began to store; only flights use it
}

// NewRefresher returns a Refresher that stores counts with a function.
func NewRefresher(flush func(context.Context) error, now func() time.Time) *Refresher {
	return &Refresher{store: flush, now: now}
}

// Refresh stores what was counted, unless a call began to do so within a second. If one still does, Refresh waits
// for it and returns its error. After a failure, too, it waits out the second, to spare a database in trouble.
func (r *Refresher) Refresh(ctx context.Context) error {
	// The others that wait want the counts even if this caller leaves.
	shared := context.WithoutCancel(ctx)
	flight := r.flights.DoChan("", func() (any, error) { return nil, r.refresh(shared) })

	select {
	case done := <-flight:
		return done.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Refresher) refresh(ctx context.Context) error {
	now := r.now()
	if age := now.Sub(r.last); age >= 0 && age < refreshEvery {
		return nil
	}
	r.last = now

	ctx, cancel := context.WithTimeout(ctx, refreshPatience)
	defer cancel()

	return r.store(ctx)
}
