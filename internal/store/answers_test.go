package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Work counts as done, in the queue it was in, only if the database answered. What it
// did not do tells nothing about how long work takes, and is no progress.
func TestOnlyAnswersCountAsWork(t *testing.T) {
	answers := []error{nil, ErrNotFound, ErrPolicyNotFound, ErrConflict, ErrLimit, ErrInvalid, errMoved}
	faults := []error{
		ErrBusy, ErrQueueFull, ErrDiskFull, ErrReadOnly, ErrGone, ErrUnavailable, ErrIndeterminate,
		ErrStopped, ErrDamaged, ErrClosed, context.Canceled, context.DeadlineExceeded, errors.New("another one"),
		fmt.Errorf("%w: %w", ErrBusy, ErrReadOnly),
	}

	eachEngine(t, func(t *testing.T, s *Store) {
		queues := map[string]struct {
			queue *overload.Queue
			fail  func(error) error
		}{
			"reads": {s.Reads(), func(err error) error {
				return s.read(context.Background(), func(engine.Querier) error { return err })
			}},
			"writes": {s.Writes(), func(err error) error {
				return s.write(context.Background(), func(*engine.Tx) error { return err })
			}},
		}

		for name, q := range queues {
			for _, want := range faults {
				before := q.queue.Service()
				wantError(t, name, q.fail(want), want)
				if q.queue.Service() != before {
					t.Errorf("%s: %v counts as work", name, want)
				}
			}

			if wait := q.queue.Wait(); wait != 0 {
				t.Errorf("%s: one more would wait %s although nothing is there", name, wait)
			}
		}

		for n, err := range append(answers, faults...) {
			at := newClock()
			queue := overload.NewQueue(1, 1, at.now)
			ticket := queue.Enter()
			at.advance(time.Minute)
			leaveQueue(s.engine, queue, ticket, err)
			if worked := queue.Service() == time.Minute; worked != (n < len(answers)) {
				t.Errorf("%v counts as work: %t", err, worked)
			}
		}
	})
}

// twice reads everything a second time, as an engine does whose connection was lost.
type twice struct{ engine.Engine }

// Read implements engine.Engine.
func (e twice) Read(ctx context.Context, fn func(engine.Querier) error) error {
	return e.Engine.Read(ctx, func(q engine.Querier) error {
		if err := fn(q); err != nil {
			return err
		}
		return fn(q)
	})
}

// A read that runs again answers what it answers when it runs once.
func TestReadsMayRunAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		fillEverything(t, s)
		twiceRead := OIDCProvider{Account: iamAccount, URL: "https://twice.example"}
		noError(t, second(s.CreateOIDCProvider(t.Context(), twiceRead, 0)))
		ctx, account := t.Context(), iamAccount
		pools, err := s.ListPools(ctx, testAccount, testRegion, "", 100)
		noError(t, err)

		reads := map[string]func() (any, error){
			"OIDCProviderAccounts": func() (any, error) { return s.OIDCProviderAccounts(ctx, "twice.example") },
			"OIDCProviders":        func() (any, error) { return s.OIDCProviders(ctx, account) },
			"Roles":                func() (any, error) { return s.Roles(ctx, account, "", "", 100) },
			"PolicyUses":           func() (any, error) { return s.PolicyUses(ctx, account) },
			"ListPools":            func() (any, error) { return s.ListPools(ctx, testAccount, testRegion, "", 100) },
			"AccessKeys":           func() (any, error) { return s.AccessKeys(ctx, "") },
			"Keys":                 func() (any, error) { return s.Keys(ctx, "signing") },
			"samlBindings":         func() (any, error) { return s.samlBindings(ctx) },
		}

		for _, pool := range pools {
			reads["ListIdentities "+string(pool.ID)] = func() (any, error) {
				return s.ListIdentities(ctx, pool.ID, false, Place{}, 100)
			}
		}

		once := map[string]any{}
		for name, read := range reads {
			once[name], err = read()
			wantError(t, name, err, nil)
		}
		s.engine = twice{s.engine}

		for name, read := range reads {
			got, err := read()
			if err != nil || !reflect.DeepEqual(got, once[name]) {
				t.Errorf("%s: %+v, %v; want %+v", name, got, err, once[name])
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
