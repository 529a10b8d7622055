package session

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/store/storetest"
)

// nodeLag is Lag less what package auth remembers (auth.Fresh).
const nodeLag = Lag - 3*time.Second

// A session key that is made, or retired, elsewhere is so on a node within nodeLag: by
// its polls, also when one of them fails or hangs, and without polls by the first call
// that needs the keys. Before that the node goes on with what it has, which is the
// control.
func TestKeysReachEveryNode(t *testing.T) {
	for how, test := range map[string]struct {
		idle    bool // Run is not called
		reads   []storetest.Fault
		changes storetest.Fault
	}{
		"polled":                    {},
		"one poll fails":            {reads: []storetest.Fault{storetest.Fails}},
		"one poll hangs":            {reads: []storetest.Fault{storetest.Hangs}},
		"one fails, the next hangs": {reads: []storetest.Fault{storetest.Fails, storetest.Hangs}},
		"changes hang":              {changes: storetest.Hangs},
		"not polled":                {idle: true},
	} {
		t.Run(how, func(t *testing.T) {
			for phase := range 4 {
				synctest.Test(t, func(t *testing.T) {
					table := &keyTable{}
					db := &storetest.FaultyKeys[store.Key]{Of: table}
					node, err := NewMinter(t.Context(), MinterOptions{Store: db, Sealer: boundSealer{}})
					if err != nil {
						t.Fatal(err)
					}
					if test.changes != storetest.Fine { // every poll of the node wants to add a key
						<-time.After(24 * time.Hour)
						db.Set(test.changes)
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

					db.Set(test.changes, test.reads...)
					<-time.After(nodeLag)
					synctest.Wait()
					if node.Knows(t.Context(), old.SessionToken) || opens(t, node, old) {
						t.Errorf("%s after a key was retired %d ms after a poll its sessions go on", nodeLag, 500*phase)
					}

					fresh, err := node.Mint(t.Context(), ordinary(time.Now()))
					if err != nil || !opens(t, node, fresh) {
						t.Errorf("a session under the key after it: %v", err)
					}
					if test.changes != storetest.Fine && db.Changed() == 0 {
						t.Error("the node changed nothing")
					}
					cancel()
					running.Wait()
				})
			}
		})
	}
}

// After a computer slept, or a clock leapt, several calls find keys that are too old. One
// reads them, and the others wait for it: none is refused.
func TestCallsWaitForKeysThatAreTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &storetest.FaultyKeys[store.Key]{Of: &keyTable{}}
		node, err := NewMinter(t.Context(), MinterOptions{Store: db, Sealer: boundSealer{}})
		if err != nil {
			t.Fatal(err)
		}

		<-time.After(maxUnread)
		before := db.Reads()
		db.Set(storetest.Fine, storetest.Slow)

		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				if _, err := node.Mint(t.Context(), ordinary(time.Now())); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()

		if reads := db.Reads() - before; reads != 1 {
			t.Errorf("%d reads", reads)
		}
	})
}
