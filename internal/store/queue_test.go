package store

import (
	"context"
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// As many writes wait as may; more are refused at once, with an error of their own,
// and reads go on. What waits is done when its turn comes.
func TestFullQueueRefuses(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		const room, many = 5, 30
		o.WriteQueue, o.ReadConns = room, 1
		s := open(t, o)
		pool := addPool(t, s)

		release := hold(t, s)
		defer release()

		results := make(chan error, many)
		for range many {
			go func() {
				results <- s.CreateIdentity(context.Background(),
					identitypool.Identity{ID: newIdentityID(), PoolID: pool})
			}()
		}

		for range many - room {
			if err := <-results; !errors.Is(err, ErrQueueFull) || !errors.Is(err, ErrBusy) {
				t.Fatalf("one too many: %v, want ErrQueueFull", err)
			}
		}
		if s.Engine() == "postgresql" || o.Path != "" { // in memory, all share one connection
			if _, err := s.SharedPool(t.Context(), pool); err != nil {
				t.Errorf("reading while the queue is full: %v", err)
			}
		}
		release()

		done := 0
		for range room {
			err := <-results
			if err == nil {
				done++
			} else if !errors.Is(err, ErrQueueFull) { // PostgreSQL counts the write that held the connection
				t.Errorf("one that waited: %v", err)
			}
		}

		if done < room-1 {
			t.Errorf("%d were done, want those that waited", done)
		}
		if s.Writes().Service() == 0 || s.Writes().Wait() != 0 {
			t.Errorf("a write takes %s, and one more would wait %s", s.Writes().Service(), s.Writes().Wait())
		}
	})
}
