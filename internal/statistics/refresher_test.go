package statistics

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Who reads while another stores waits for the same counts, whatever becomes of the other.
func TestRefreshWaitsForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stored := atomic.Int64{}
		r := NewRefresher(func(ctx context.Context) error {
			select {
			case <-time.After(refreshPatience / 2): // the bubble's clock
				stored.Add(1)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, time.Now)

		leaving, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for n := range 5 {
			group.Go(func() {
				if n == 0 {
					if err := r.Refresh(leaving); !errors.Is(err, context.Canceled) {
						t.Errorf("the reader that left got %v", err)
					}
					return
				}
				if err := r.Refresh(t.Context()); err != nil || stored.Load() != 1 {
					t.Errorf("reader %d returned with %d stored: %v", n, stored.Load(), err)
				}
			})
			synctest.Wait()
		}
		leave()
		group.Wait()

		for _, step := range []struct {
			wait time.Duration
			want int64
		}{{0, 1}, {refreshEvery, 2}} {
			time.Sleep(step.wait)
			if err := r.Refresh(t.Context()); err != nil || stored.Load() != step.want {
				t.Errorf("after %s: stored %d times, want %d: %v", step.wait, stored.Load(), step.want, err)
			}
		}
	})
}

// A clock that is set back does not keep counts from being stored.
func TestRefreshAfterTheClockWentBack(t *testing.T) {
	now, stored := time.Unix(1_000_000, 0), 0
	r := NewRefresher(func(context.Context) error { stored++; return nil }, func() time.Time { return now })
	for range 2 {
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(-time.Hour)
	}
	if stored != 2 {
		t.Errorf("stored %d times, want 2", stored)
	}
}

// Readers wait a second at most for a database that hangs, together.
func TestRefreshIsPatientForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := atomic.Int64{}
		r := NewRefresher(func(ctx context.Context) error {
			tries.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}, time.Now)

		began := time.Now()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if err := r.Refresh(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if waited := time.Since(began); waited != refreshPatience || tries.Load() != 1 {
			t.Errorf("%d tries took %s", tries.Load(), waited)
		}
	})
}

// A flush stores the calls of an account and of its pools at once: no reader sees those of one of the two.
func TestFlushStoresAccountsWithTheirPools(t *testing.T) {
	writes := 0
	s, err := store.Open(t.Context(), store.Options{Fault: func(_ context.Context, write bool) (error, error) {
		if write {
			writes++
		}
		return nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now := time.Unix(1_000_000, 0)
	r := New(Options{Store: s, Operations: []string{"GetId"}, Node: "a", Now: func() time.Time { return now }})
	for _, pool := range []string{"r:p", "r:q"} {
		r.Observe(&awsapi.Record{
			RequestID: "1", Operation: "GetId", Account: "1", Region: "r", Pool: pool, Start: now,
			SignIn: awsapi.UserSignIn,
		})
	}

	writes = 0
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if writes != 1 {
		t.Errorf("%d transactions stored an account with two pools", writes)
	}
	for pool, want := range map[string]int64{"": 2, "r:p": 1, "r:q": 1} {
		if got := readPool(t, r, pool, now).SignIns; got != want {
			t.Errorf("%q has %d sign-ins, want %d", pool, got, want)
		}
	}
}

// Who waits for a flush of another waits as long as it likes.
func TestFlushWaitsNoLongerThanAsked(t *testing.T) {
	r := New(Options{})
	r.flushing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
