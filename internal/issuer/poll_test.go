package issuer_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/store/storetest"
)

// nodeLag is issuer.Lag less what package auth remembers (auth.Fresh).
const nodeLag = issuer.Lag - 3*time.Second

// changesOfKeys are changes of the signing keys by another node or the command line, each
// with a check whether a node has it.
var changesOfKeys = map[string]struct {
	change func(t *testing.T, other *issuer.Issuer, token string)
	seen   func(t *testing.T, node, other *issuer.Issuer, token string) bool
}{
	"a published key": {
		change: func(t *testing.T, other *issuer.Issuer, _ string) { ok(t, other.Rotate(t.Context())) },
		seen: func(t *testing.T, node, other *issuer.Issuer, _ string) bool {
			has, _ := fetch(t, node)
			should, _ := fetch(t, other)
			return slices.Equal(kids(has), kids(should))
		},
	},
	"a key that signs at once": {
		change: func(t *testing.T, other *issuer.Issuer, _ string) { ok(t, other.RotateNow(t.Context())) },
		seen: func(t *testing.T, node, _ *issuer.Issuer, token string) bool {
			return kid(t, signed(t, node)) != kid(t, token)
		},
	},
	"a retired key": {
		change: func(t *testing.T, other *issuer.Issuer, token string) {
			ok(t, other.RotateNow(t.Context()))
			_, err := other.Retire(t.Context(), kid(t, token))
			ok(t, err)
		},
		seen: func(t *testing.T, node, _ *issuer.Issuer, token string) bool {
			_, err := node.Verify(t.Context(), token)
			return errors.Is(err, issuer.ErrKeyRetired)
		},
	},
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func signed(t *testing.T, i *issuer.Issuer) string {
	t.Helper()
	now := time.Now() // the bubble's
	token, err := i.Sign(t.Context(), "", issuer.Claims{
		Subject: "s", Audience: "a", IssuedAt: now, Expires: now.Add(time.Hour)})
	ok(t, err)
	return token
}

// A change reaches a node within nodeLag: by its polls, also when one of them fails
// or hangs and at whatever moment between them the change comes; and without polls
// by the first call that needs the keys. Without either the node goes on with what it
// has, which is the control.
func TestChangesReachEveryNode(t *testing.T) {
	for name, kind := range changesOfKeys {
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
			t.Run(name+", "+how, func(t *testing.T) {
				for phase := range 4 {
					synctest.Test(t, func(t *testing.T) {
						f := newFixtureInMemory(t)
						own := func(o *issuer.Options) { o.Now = nil } // the bubble's clock
						other := f.issuer(t, own)
						db := &storetest.FaultyKeys[store.Key]{Of: f.store}
						node := f.issuer(t, own, func(o *issuer.Options) { o.Store = db })
						if test.changes != storetest.Fine { // every poll of the node wants to erase a private key
							ok(t, other.RotateNow(t.Context()))
							<-time.After(time.Hour)
							db.Set(test.changes)
						}

						ctx, cancel := context.WithCancel(t.Context())
						var running sync.WaitGroup
						if !test.idle {
							running.Go(func() { node.Run(ctx) })
						}

						<-time.After(time.Minute + time.Duration(phase)*500*time.Millisecond + time.Millisecond)
						token := signed(t, node)
						kind.change(t, other, token)
						if kind.seen(t, node, other, token) {
							t.Error("the node knows of the change before it can")
						}

						db.Set(test.changes, test.reads...)
						before := db.Reads()
						<-time.After(nodeLag)
						synctest.Wait()

						polled := db.Reads() > before
						if !kind.seen(t, node, other, token) {
							t.Errorf("%s after a change %d ms after a poll the node does not know of it",
								nodeLag, 500*phase)
						}
						if test.changes != storetest.Fine && db.Changed() == 0 {
							t.Error("the node changed nothing")
						}
						if polled == test.idle {
							t.Errorf("polled: %t", polled)
						}

						cancel()
						running.Wait()
					})
				}
			})
		}
	}
}

// Polls are enough: no call has to read the keys beside them, also when one of them
// fails.
func TestPolledKeysAreNotAskedFor(t *testing.T) {
	for _, idle := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixtureInMemory(t)
			db := &storetest.FaultyKeys[store.Key]{Of: f.store}
			node := f.issuer(t, func(o *issuer.Options) { o.Now, o.Store = nil, db })
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			if !idle {
				running.Go(func() { node.Run(ctx) })
			}

			asked := 0
			for n := range 60 {
				if n%10 == 5 {
					db.Set(storetest.Fine, storetest.Fails)
				}
				<-time.After(time.Second + time.Millisecond)
				synctest.Wait()
				before := db.Reads()
				signed(t, node)
				asked += db.Reads() - before
			}

			if (asked > 0) != idle {
				t.Errorf("polled: %t; calls read the keys %d times", !idle, asked)
			}
			cancel()
			running.Wait()
		})
	}
}

// After a computer slept, or a clock leapt, several calls find keys that are too old. One
// reads them, and the others wait for it: none is refused.
func TestCallsWaitForKeysThatAreTooOld(t *testing.T) {
	for _, unread := range []time.Duration{5 * time.Minute, time.Hour} {
		t.Run(unread.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixtureInMemory(t)
				db := &storetest.FaultyKeys[store.Key]{Of: f.store}
				node := f.issuer(t, func(o *issuer.Options) { o.Now, o.Store = nil, db })

				<-time.After(unread)
				token := signed(t, f.issuer(t, func(o *issuer.Options) { o.Now = nil }))
				before := db.Reads()
				db.Set(storetest.Fine, storetest.Slow)

				var calls sync.WaitGroup
				for range 8 {
					calls.Go(func() {
						if _, err := node.Verify(t.Context(), token); err != nil {
							t.Error(err)
						}
					})
				}
				calls.Wait()

				if reads := db.Reads() - before; reads != 1 {
					t.Errorf("%d reads", reads)
				}
			})
		})
	}
}
