package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

func TestLoadIdentity(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		made := newClock().now().Add(-1000 * 3600 * 1e9).UTC()
		want := identitypool.Identity{
			ID:         "us-east-1:loaded",
			PoolID:     pool,
			Logins:     []identitypool.Login{developer("alice")},
			EverLinked: true,
			Created:    made,
			Modified:   made,
		}
		wantError(t, "LoadIdentity", s.LoadIdentity(t.Context(), want), nil)

		got, err := s.Identity(t.Context(), want.ID)
		if err != nil || !got.Created.Equal(made) || !got.HasLogin(developer("alice")) || !got.EverLinked {
			t.Errorf("Identity = %+v, %v", got, err)
		}

		found, err := s.IdentityByLogin(t.Context(), pool, developer("alice"))
		if err != nil || found.ID != want.ID {
			t.Errorf("IdentityByLogin = %+v, %v", found, err)
		}
		again := want
		wantError(t, "the same ID", s.LoadIdentity(t.Context(), again), ErrConflict)

		again.ID = "us-east-1:another"
		wantError(t, "the same login", s.LoadIdentity(t.Context(), again), ErrConflict)
		_, err = s.Identity(t.Context(), again.ID)
		wantError(t, "what was refused", err, ErrNotFound)
		again.PoolID, again.Logins = "us-east-1:nowhere", nil
		wantError(t, "an unknown pool", s.LoadIdentity(t.Context(), again), ErrNotFound)
		again.PoolID, again.Disabled = pool, true

		wantError(t, "a disabled one", s.LoadIdentity(t.Context(), again), ErrInvalid)
	})
}

// TestReplaceIdentities checks that identities take the place of others together, or that all stay as
// they were.
func TestReplaceIdentities(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		row := func(id string, logins ...identitypool.Login) identitypool.Identity {
			return identitypool.Identity{
				ID:         identitypool.IdentityID("us-east-1:" + id),
				PoolID:     pool,
				Logins:     logins,
				EverLinked: len(logins) > 0,
				Created:    fromMillis(1),
				Modified:   fromMillis(1),
			}
		}
		owners := func(want map[string]string) {
			t.Helper()
			for user, id := range want {
				found, err := s.IdentityByLogin(t.Context(), pool, developer(user))
				if err != nil || found.ID != identitypool.IdentityID("us-east-1:"+id) {
					t.Errorf("%s is %s, %v, want %s", user, found.ID, err, id)
				}
			}
		}

		replace := func(identities ...identitypool.Identity) error {
			return s.ReplaceIdentities(t.Context(), identities)
		}
		wantError(t, "new ones", replace(row("a", developer("ann")), row("b", developer("ben")), row("g")), nil)
		wantError(t, "the same login elsewhere", s.LoadIdentity(t.Context(), row("c", developer("cid"))), nil)
		owners(map[string]string{"ann": "a", "ben": "b", "cid": "c"})

		// Two change places.
		wantError(t, "logins of each other", replace(row("a", developer("ben")), row("b", developer("ann"))), nil)
		owners(map[string]string{"ann": "b", "ben": "a"})

		for what, refused := range map[string]struct {
			second identitypool.Identity
			err    error
		}{
			"another's login":       {row("b", developer("cid")), ErrConflict},
			"the first one's login": {row("b", developer("dan")), ErrConflict},
			"the first again":       {row("a"), ErrConflict},
			"a disabled one":        {identitypool.Identity{ID: "b", PoolID: pool, Disabled: true}, ErrInvalid},
			"an unknown pool":       {identitypool.Identity{ID: "b", PoolID: "x"}, ErrNotFound},
		} {
			wantError(t, what, replace(row("a", developer("dan")), refused.second), refused.err)
			owners(map[string]string{"ann": "b", "ben": "a", "cid": "c"})
			_, err := s.IdentityByLogin(t.Context(), pool, developer("dan"))
			wantError(t, what+": the first one's login", err, ErrNotFound)
		}
	})
}

// Loading many at once has the outcomes and the result of loading one after the
// other, wherever a transaction ends.
func TestLoadIdentitiesIsLoadIdentity(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		s := open(t, o)
		random := rand.New(rand.NewPCG(1, 2))
		for round := range 6 {
			many, single := addPool(t, s), addPool(t, s)

			row := func(n int) identitypool.Identity {
				i := identitypool.Identity{
					ID:         identitypool.IdentityID(fmt.Sprintf("us-east-1:%d-%d", round, n)),
					EverLinked: true,
					Created:    fromMillis(int64(1 + n)),
					Modified:   fromMillis(int64(1 + n)),
				}
				for range random.IntN(4) {
					l := public(fmt.Sprint("p", random.IntN(3)), fmt.Sprint(random.IntN(150)))
					if random.IntN(2) == 0 {
						l = developer(fmt.Sprint(random.IntN(150)))
					}
					i.Logins = append(i.Logins, l)
				}

				switch random.IntN(25) {
				case 0:
					i.Disabled = true
				case 1:
					i.Logins = append(i.Logins, developer(""))
				case 2:
					i.Logins = nil
					for k := range maxLogins - 2 {
						i.Logins = append(i.Logins, developer(fmt.Sprint("of many", n, k)))
					}
				}

				return i
			}

			var rows []identitypool.Identity
			for n := range 120 {
				rows = append(rows, row(n-n%7/6)) // some IDs twice
			}

			in := func(pool identitypool.PoolID, prefix string) []identitypool.Identity {
				list := slices.Clone(rows)
				for n := range list {
					list[n].PoolID, list[n].ID = pool,
						identitypool.IdentityID(strings.Replace(string(list[n].ID), ":", ":"+prefix, 1))
				}
				return list
			}

			one := in(single, "s")
			if random.IntN(2) == 0 { // some are there already
				for _, i := range []identitypool.Identity{one[5], in(many, "m")[5]} {
					i.Disabled, i.Logins = false, []identitypool.Login{developer("7")}
					wantError(t, "LoadIdentity", s.LoadIdentity(t.Context(), i), nil)
				}
			}

			got, err := s.LoadIdentities(t.Context(), many, in(many, "m"))
			if err != nil {
				t.Fatal(err)
			}

			for n, i := range one {
				want := s.LoadIdentity(t.Context(), i)
				for _, kind := range []error{ErrConflict, ErrInvalid, ErrNotFound} {
					if errors.Is(got[n], kind) != errors.Is(want, kind) || (got[n] == nil) != (want == nil) {
						t.Errorf("round %d, row %d (%+v): %v, want %v", round, n, i, got[n], want)
					}
				}
			}

			x, err := s.ListIdentities(t.Context(), many, false, Place{}, 1000)
			y, err2 := s.ListIdentities(t.Context(), single, false, Place{}, 1000)
			for n := range x {
				x[n].PoolID, x[n].ID = single, identitypool.IdentityID(strings.Replace(string(x[n].ID), ":m", ":s", 1))
			}
			if diff := cmp.Diff(y, x); err != nil || err2 != nil || diff != "" {
				t.Errorf("round %d: %v, %v (-one by one +many):\n%s", round, err, err2, diff)
			}
		}

		gone, err := s.LoadIdentities(t.Context(), "us-east-1:nowhere",
			[]identitypool.Identity{{ID: "us-east-1:x", PoolID: "us-east-1:nowhere"},
				{ID: "us-east-1:y", PoolID: addPool(t, s)}})
		if err != nil || !errors.Is(gone[0], ErrNotFound) || !errors.Is(gone[1], ErrInvalid) {
			t.Errorf("an unknown pool, and another one: %v, %v", gone, err)
		}
	})
}

// countingEngine watches the transactions of loads.
type countingEngine struct {
	engine.Engine
	under atomic.Int32 // transactions under way
	most  atomic.Int32 // rows of one
	both  atomic.Bool  // two were under way at once
	after func()       // runs after each transaction
}

type countingQuerier struct {
	engine.Querier
	rows *int32
}

// Exec implements engine.Querier.
func (q countingQuerier) Exec(text string, args ...any) (int64, error) {
	*q.rows++
	return q.Querier.Exec(text, args...)
}

// Write implements engine.Engine.
func (e *countingEngine) Write(ctx context.Context, limit time.Duration, fn func(*engine.Tx) error) error {
	if e.under.Add(1) > 1 {
		e.both.Store(true)
	}
	defer e.under.Add(-1)

	err := e.Engine.Write(ctx, limit, func(t *engine.Tx) error {
		var rows int32

		plain := t.Querier
		t.Querier = countingQuerier{plain, &rows}
		defer func() { t.Querier = plain }()

		err := fn(t)
		e.most.Store(max(e.most.Load(), rows))

		return err
	})
	e.after()

	return err
}

// However many loads are under way, one small transaction of them is, and
// others write between any two.
func TestLoadsLeaveRoom(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool, others := addPool(t, s), addPool(t, s)
		plain := s.engine
		var between atomic.Int32
		watched := &countingEngine{Engine: plain}
		watched.after = func() {
			guest := identitypool.Identity{
				ID:       newIdentityID(),
				PoolID:   others,
				Created:  fromMillis(1),
				Modified: fromMillis(1),
			}
			if err := plain.Write(t.Context(), time.Minute,
				func(t *engine.Tx) error { return insertIdentity(t, guest) }); err != nil {
				t.Errorf("a guest between two transactions of a load: %v", err)
			}
			between.Add(1)
		}

		s.engine = watched
		defer func() { s.engine = plain }()

		const loads, rows = 3, 100
		var wg sync.WaitGroup
		for range loads {
			wg.Go(func() {
				var list []identitypool.Identity
				for n := range rows {
					id := newIdentityID()
					list = append(list, identitypool.Identity{
						ID:         id,
						PoolID:     pool,
						EverLinked: true,
						Created:    fromMillis(1),
						Modified:   fromMillis(1),
						Logins:     []identitypool.Login{developer(string(id)), public("p", string(id))}[:n%3],
					})
				}

				outcomes, err := s.LoadIdentities(t.Context(), pool, list)
				if err := errors.Join(append(outcomes, err)...); err != nil {
					t.Errorf("LoadIdentities: %v", err)
				}
			})
		}

		wg.Wait()
		if watched.both.Load() || watched.most.Load() > loadRows {
			t.Errorf("two transactions at once: %t; rows of the largest: %d, want at most %d",
				watched.both.Load(), watched.most.Load(), loadRows)
		}
		if least := int32(loads * rows * 2 / loadRows); between.Load() < least {
			t.Errorf("%d writes came in between, want at least %d", between.Load(), least)
		}
	})
}

// A write that comes while loads wait for the writer does not wait for the loads.
func TestWritesDoNotQueueBehindLoads(t *testing.T) {
	s := openFile(t)
	pool, others := addPool(t, s), addPool(t, s)

	release := hold(t, s)
	defer release()

	var wg, started sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 8 {
		started.Add(1)
		wg.Go(func() {
			var list []identitypool.Identity
			for range 500 {
				list = append(list, identitypool.Identity{
					ID:         newIdentityID(),
					PoolID:     pool,
					EverLinked: true,
					Created:    fromMillis(1),
					Modified:   fromMillis(1),
				})
			}

			started.Done()
			_, _ = s.LoadIdentities(ctx, pool, list) // ended below
		})
	}

	started.Wait()
	queued(t, s, 1)

	served := make(chan int)
	guest := identitypool.Identity{ID: newIdentityID(), PoolID: others, Created: fromMillis(1), Modified: fromMillis(1)}
	go func() {
		loaded := -1
		err := s.write(t.Context(), func(t *engine.Tx) error {
			found, err := collect(t, scanInt, `SELECT count(*) FROM identities WHERE pool_id = $1`, string(pool))
			if err != nil {
				return err
			}
			loaded = int(found[0])
			return insertIdentity(t, guest)
		})
		if err != nil {
			t.Error(err)
		}

		served <- loaded
	}()

	queued(t, s, 2)
	if waiting := waitingWrites(s); waiting != 2 {
		t.Errorf("%d writes wait, want one of the loads and the guest's", waiting)
	}
	release()
	if loaded := <-served; loaded > loadRows {
		t.Errorf("the guest came after %d rows of the loads, want at most %d", loaded, loadRows)
	}
	stop()
	wg.Wait()
}
