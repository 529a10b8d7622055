package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// stalls are the ways in which one caller keeps others from the database. Each
// returns how it ends, and which calls cannot be answered meanwhile.
var stalls = map[string]func(*testing.T, *Store) (release func(), reads, writes bool){
	"a write that does not end": func(t *testing.T, s *Store) (func(), bool, bool) {
		return hold(t, s), s.options.inMemory(), true
	},
	"reads that do not end": func(t *testing.T, s *Store) (func(), bool, bool) {
		began, end := make(chan struct{}), make(chan struct{})
		var group sync.WaitGroup
		for range s.options.ReadConns {
			group.Go(func() {
				err := s.read(context.Background(), func(engine.Querier) error {
					began <- struct{}{}
					<-end
					return nil
				})
				wantError(t, "a read that holds a connection", err, nil)
			})
			<-began
		}

		return func() { close(end); group.Wait() }, true, s.options.inMemory()
	},
}

// Whatever keeps the database from a call, the call is answered within its budget,
// which is for all its reads and writes together.
func TestBudgetBoundsEveryWait(t *testing.T) {
	const limit = 400 * time.Millisecond
	for name, stall := range stalls {
		t.Run(name, func(t *testing.T) {
			eachOptions(t, func(t *testing.T, o Options) {
				o.ReadConns = 1
				o.WriteTimeout = time.Minute
				o.timing.Read, o.timing.Turn = time.Minute, time.Minute
				s := open(t, o)
				pool := addPool(t, s)
				release, reads, writes := stall(t, s)
				release = sync.OnceFunc(release)

				watchdog := time.AfterFunc(20*time.Second, release) // a caller hangs: let it fail
				defer watchdog.Stop()

				ctx := overload.WithBudget(t.Context(), limit, time.Now)
				began := time.Now()

				for range 3 {
					wantStalled(t, "a read", s.Readable(ctx), reads)
					_, _, err := s.readKeys(ctx, "test")
					wantStalled(t, "a snapshot", err, reads)
					err = s.CreateIdentity(ctx, identitypool.Identity{ID: newIdentityID(), PoolID: pool})
					wantStalled(t, "a write", err, writes)
				}

				if took := time.Since(began); took > limit+4*time.Second {
					t.Errorf("the calls took %s", took)
				}

				release()
				addGuest(t, s, pool)
				wantError(t, "a read afterwards",
					s.Readable(overload.WithBudget(t.Context(), time.Minute, time.Now)), nil)
			})
		})
	}
}

// wantStalled reports unless err is the answer of a database that is stalled, or nil
// if it is not. Calls after the one that spent the budget may fail in either case.
func wantStalled(t *testing.T, what string, err error, stalled bool) {
	t.Helper()
	refused := errors.Is(err, ErrUnavailable) || errors.Is(err, ErrBusy) || errors.Is(err, ErrIndeterminate)
	if err != nil && !refused || err == nil && stalled {
		t.Errorf("%s: %v; stalled: %t", what, err, stalled)
	}
}
