package sts

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// nodeLag is Lag less what package auth remembers (auth.Fresh).
const nodeLag = Lag - 3*time.Second

// A fault of a statement.
type fault int

const (
	fine  fault = iota
	fails       // an error at once
	hangs       // no answer
)

func (f fault) of(ctx context.Context) error {
	switch f {
	case fails:
		return errors.New("the database refuses")
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// faulty is a store whose next reads, and all whose changes, have faults.
type faulty struct {
	*keyTable
	mu      sync.Mutex
	faults  []fault // of the next reads
	changes fault
	changed int
}

func (f *faulty) Keys(ctx context.Context, purpose string) ([]store.Key, error) {
	f.mu.Lock()
	next := fine
	if len(f.faults) > 0 {
		next, f.faults = f.faults[0], f.faults[1:]
	}
	f.mu.Unlock()

	if err := next.of(ctx); err != nil {
		return nil, err
	}
	return f.keyTable.Keys(ctx, purpose)
}

func (f *faulty) UpdateKeys(
	ctx context.Context, purpose string, change func([]store.Key) ([]store.Key, error),
) ([]store.Key, error) {
	f.mu.Lock()
	f.changed++
	fault := f.changes
	f.mu.Unlock()

	if err := fault.of(ctx); err != nil {
		return nil, err
	}
	return f.keyTable.UpdateKeys(ctx, purpose, change)
}

func (f *faulty) set(changes fault, reads ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes, f.faults = changes, reads
}

// A session key that is made, or retired, elsewhere is so on a node within nodeLag: by
// its polls, also when one of them fails or hangs, and without polls by the first call
// that needs the keys. Before that the node goes on with what it has, which is the
// control.
func TestKeysReachEveryNode(t *testing.T) {
	for how, test := range map[string]struct {
		idle    bool // Run is not called
		reads   []fault
		changes fault
	}{
		"polled":                    {},
		"one poll fails":            {reads: []fault{fails}},
		"one poll hangs":            {reads: []fault{hangs}},
		"one fails, the next hangs": {reads: []fault{fails, hangs}},
		"changes hang":              {changes: hangs},
		"not polled":                {idle: true},
	} {
		t.Run(how, func(t *testing.T) {
			for phase := range 4 {
				synctest.Test(t, func(t *testing.T) {
					table := &keyTable{}
					db := &faulty{keyTable: table}
					node, err := NewMinter(t.Context(), MinterOptions{Store: db, Sealer: boundSealer{}})
					if err != nil {
						t.Fatal(err)
					}
					if test.changes != fine { // every poll of the node wants to add a key
						<-time.After(24 * time.Hour)
						db.set(test.changes)
					}
					ctx, cancel := context.WithCancel(t.Context())
					var running sync.WaitGroup
					if !test.idle {
						running.Go(func() { node.Run(ctx) })
					}

					<-time.After(time.Minute + time.Duration(phase)*500*time.Millisecond + time.Millisecond)
					old, err := node.Mint(t.Context(), ordinary(time.Now())) // the bubble's clock
					if err != nil {
						t.Fatal(err)
					}
					keys := Keys{Store: table, Sealer: boundSealer{}, Now: time.Now}
					leaked := table.keys[0].ID
					if err := keys.Rotate(t.Context(), true); err != nil {
						t.Fatal(err)
					}
					if _, err := keys.Retire(t.Context(), leaked); err != nil {
						t.Fatal(err)
					}
					if !opens(t, node, old) || !node.Knows(t.Context(), old.SessionToken) {
						t.Error("the node knows of the change before it can")
					}

					db.set(test.changes, test.reads...)
					<-time.After(nodeLag)
					synctest.Wait()
					if node.Knows(t.Context(), old.SessionToken) || opens(t, node, old) {
						t.Errorf("%s after a key was retired %d ms after a poll its sessions go on", nodeLag, 500*phase)
					}
					fresh, err := node.Mint(t.Context(), ordinary(time.Now()))
					if err != nil || !opens(t, node, fresh) {
						t.Errorf("a session under the key after it: %v", err)
					}
					if test.changes != fine && db.changed == 0 {
						t.Error("the node changed nothing")
					}
					cancel()
					running.Wait()
				})
			}
		})
	}
}
