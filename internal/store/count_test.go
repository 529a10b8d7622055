package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// storedCount returns the number of a pool's identities that was stored.
func storedCount(t *testing.T, s *Store, pool identitypool.PoolID) int64 {
	t.Helper()
	n, known, err := s.IdentityCount(t.Context(), pool)
	noError(t, err)
	if !known {
		t.Errorf("the identities of %s were not counted", pool)
	}
	return n
}

// realCount counts the rows.
func realCount(t *testing.T, s *Store, pool identitypool.PoolID) int64 {
	t.Helper()
	n, err := readOne(t.Context(), s, "count", scanInt,
		`SELECT count(*) FROM identities WHERE pool_id = $1`, string(pool))
	noError(t, err)
	return n
}

func wantCounts(t *testing.T, s *Store, pools []identitypool.PoolID) {
	t.Helper()
	for _, pool := range pools {
		if stored, there := storedCount(t, s, pool), realCount(t, s, pool); stored != there {
			t.Errorf("pool %s: %d identities are stored, there are %d", pool, stored, there)
		}
	}
}

func TestCounts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		pool, other := addPool(t, s), addPool(t, s)
		steps := []struct {
			name string
			do   func() error
			want int64
		}{
			{"a guest", func() error { addGuest(t, s, pool); return nil }, 1},
			{"a sign-in", func() error { addLinked(t, s, pool, public("a.example", "alice")); return nil }, 2},
			{"the same sign-in", func() error { addLinked(t, s, pool, public("a.example", "alice")); return nil }, 2},
			{"a load", func() error {
				return s.LoadIdentity(ctx, identitypool.Identity{ID: newIdentityID(), PoolID: pool, Created: s.now()})
			}, 3},
			{"a load of two, one of which is taken", func() error {
				i := identitypool.Identity{ID: newIdentityID(), PoolID: pool, Created: s.now()}
				_, err := s.LoadIdentities(ctx, pool, []identitypool.Identity{i, i})
				return err
			}, 4},
			{"a replacement and an addition", func() error {
				i := identitypool.Identity{ID: addGuest(t, s, pool), PoolID: pool, Created: s.now()}
				j := identitypool.Identity{ID: newIdentityID(), PoolID: pool, Created: s.now()}
				return s.ReplaceIdentities(ctx, []identitypool.Identity{i, j})
			}, 6},
			{"a refused creation", func() error {
				i := identitypool.Identity{ID: addGuest(t, s, pool), PoolID: pool}
				wantError(t, "again", s.CreateIdentity(ctx, i), ErrConflict)
				return nil
			}, 7},
			{"a deletion", func() error { return s.DeleteIdentity(ctx, addGuest(t, s, pool)) }, 7},
		}

		for _, step := range steps {
			noError(t, step.do())
			noError(t, s.FlushCounts(ctx))
			noError(t, s.FlushCounts(ctx)) // adds nothing twice
			if got := storedCount(t, s, pool); got != step.want || got != realCount(t, s, pool) {
				t.Errorf("after %s: %d identities, want %d", step.name, got, step.want)
			}
		}
		wantCounts(t, s, []identitypool.PoolID{other})

		noError(t, s.DeletePool(ctx, pool))
		rows, err := readAll(ctx, s, scanInt, `SELECT identities FROM pool_counts WHERE pool_id = $1`, string(pool))
		noError(t, err)
		if len(rows) != 0 {
			t.Errorf("the deleted pool's count remains: %v", rows)
		}
	})
}

// What could not be stored is stored later, and by Close at the latest.
func TestCountsSurviveFaults(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		if o.inMemory() {
			return // nothing outlasts Close
		}

		fault := error(nil)
		o.Fault = func(_ context.Context, write bool) (error, error) {
			if write {
				return nil, fault
			}
			return nil, nil
		}
		s, err := Open(t.Context(), o)
		noError(t, err)
		pool := addPool(t, s)
		addGuest(t, s, pool)
		fault = ErrUnavailable
		wantError(t, "a flush during a fault", s.FlushCounts(t.Context()), ErrUnavailable)
		fault = nil
		noError(t, s.Close())

		o.Fault = nil
		wantCounts(t, open(t, o), []identitypool.PoolID{pool})
	})
}

// Three nodes do what comes; when each has stored its changes, the numbers are right.
func TestCountsOfThreeNodes(t *testing.T) {
	url := pgtest.URL(t)
	nodes := []*Store{open(t, Options{URL: url}), open(t, Options{URL: url}), open(t, Options{URL: url})}
	w := &countWorld{t: t, nodes: nodes, random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // a fixed sequence
	for range 3 {
		w.pools = append(w.pools, addPool(t, nodes[0]))
	}

	for range 300 {
		w.change(true)
	}
	w.flush()
	wantCounts(t, nodes[1], w.pools)
}

// countWorld changes pools on several nodes at random.
type countWorld struct {
	t      *testing.T
	nodes  []*Store
	pools  []identitypool.PoolID
	random *rand.Rand
	made   []identitypool.IdentityID
}

func (w *countWorld) flush() {
	for _, s := range w.nodes {
		noError(w.t, s.FlushCounts(w.t.Context()))
	}
}

// change makes one random change: with deletions, of identities of any age.
func (w *countWorld) change(deletions bool) {
	s, pool := w.nodes[w.random.IntN(len(w.nodes))], w.pools[w.random.IntN(len(w.pools))]

	switch w.random.IntN(8) {
	case 0:
		if deletions && len(w.made) > 0 {
			n := w.random.IntN(len(w.made))
			noError(w.t, s.DeleteIdentity(w.t.Context(), w.made[n]))
			w.made = append(w.made[:n], w.made[n+1:]...)
		}
	case 1:
		if deletions {
			i := identitypool.Identity{ID: newIdentityID(), PoolID: pool, Created: s.now().Add(-time.Hour)}
			noError(w.t, s.LoadIdentity(w.t.Context(), i))
			w.made = append(w.made, i.ID)
		}
	case 2:
		w.merge(s, pool)
	case 3:
		for _, node := range w.nodes[:w.random.IntN(len(w.nodes)+1)] {
			noError(w.t, node.FlushCounts(w.t.Context()))
		}
	case 4, 5:
		addLinked(w.t, s, pool, public("a.example", fmt.Sprint("user", w.random.IntN(50))))
	default:
		w.made = append(w.made, addGuest(w.t, s, pool))
	}
}

// merge makes two users and merges them: both rows stay.
func (w *countWorld) merge(s *Store, pool identitypool.PoolID) {
	a, b := developer(string(newIdentityID())), developer(string(newIdentityID()))
	kept, gone := addLinked(w.t, s, pool, a), addLinked(w.t, s, pool, b)
	_, err := s.Resolve(w.t.Context(), pool, "", []identitypool.Login{a, b},
		func(identitypool.View) (identitypool.Plan, error) {
			return identitypool.Plan{Identity: kept.ID, Absorb: []identitypool.IdentityID{gone.ID}}, nil
		})
	noError(w.t, err)
}

// A recount corrects numbers while nodes go on, and loses and doubles nothing.
func TestRecount(t *testing.T) {
	for _, deletions := range []bool{false, true} {
		t.Run(fmt.Sprint("deletions ", deletions), func(t *testing.T) {
			at := newClock()
			o := Options{URL: pgtest.URL(t), Now: at.now}
			w := &countWorld{t: t, random: rand.New(rand.NewPCG(3, 4))} //nolint:gosec // a fixed sequence
			for range 3 {
				w.nodes = append(w.nodes, open(t, o))
			}
			s := w.nodes[0]
			for range 3 {
				w.pools = append(w.pools, addPool(t, s))
			}

			for range 200 {
				w.change(true)
				at.advance(100 * time.Millisecond)
			}
			lose(t, s)

			// Changes come at every moment: before, during and after the reads. Those of every age end with
			// the first round.
			waits := 0
			s.recountPage = 7
			s.testStep = func(string) error {
				w.change(deletions && waits < 2)
				at.advance(time.Second)
				return nil
			}
			s.recountWait = func(_ context.Context, d time.Duration) error {
				waits++
				for range 10 {
					w.change(deletions && waits == 1)
					at.advance(d / 10)
				}
				if waits%2 == 0 { // a running server does so by itself
					w.flush()
				}
				return nil
			}
			result, err := s.Recount(t.Context(), RecountOptions{})
			noError(t, err)
			if result.Pools != 3 || result.Corrected != 3 || len(result.Disturbed) != 0 || waits < 2 ||
				deletions != (waits > 2) {
				t.Errorf("%+v after %d waits", result, waits)
			}

			w.change(true)
			w.flush()
			wantCounts(t, s, w.pools)
		})
	}
}

// lose makes the numbers of all pools wrong, as a crash does.
func lose(t *testing.T, s *Store) {
	t.Helper()
	noError(t, s.write(t.Context(), func(tx *engine.Tx) error {
		_, err := tx.Exec(`UPDATE pool_counts SET identities = identities - 1000`)
		return err
	}))
}

// A pool whose identities are deleted during each count gets a number all the same, and is named.
func TestRecountDisturbed(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		at := newClock()
		s.options.Now = at.now
		pool, quiet := addPool(t, s), addPool(t, s)
		addGuest(t, s, pool)
		s.recountWait = func(_ context.Context, d time.Duration) error {
			at.advance(d)
			noError(t, s.DeleteIdentity(t.Context(), addGuest(t, s, pool)))
			return s.FlushCounts(t.Context())
		}

		var last RecountProgress
		result, err := s.Recount(t.Context(), RecountOptions{Progress: func(p RecountProgress) { last = p }})
		noError(t, err)
		if result.Pools != 2 || len(result.Disturbed) != 1 || result.Disturbed[0] != pool {
			t.Errorf("got %+v", result)
		}
		if last.Counted != 2 || last.Pools != 2 || last.Waiting {
			t.Errorf("progress ends with %+v", last)
		}
		wantCounts(t, s, []identitypool.PoolID{quiet})
	})
}

// Pools of an older version are counted once: by the first of several nodes.
func TestRecountOfOlderPools(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, at := t.Context(), newClock()
		s.options.Now = at.now
		pool, known := addPool(t, s), addPool(t, s)
		addGuest(t, s, pool)
		noError(t, s.FlushCounts(ctx))
		noError(t, s.write(ctx, func(tx *engine.Tx) error {
			_, err := tx.Exec(`DELETE FROM pool_counts WHERE pool_id = $1`, string(pool))
			return err
		}))
		if _, counted, err := s.IdentityCount(ctx, pool); counted || err != nil {
			t.Errorf("counted: %t, %v", counted, err)
		}

		s.recountWait = func(_ context.Context, d time.Duration) error {
			at.advance(d)
			waiting := s.recountWait
			s.recountWait = func(context.Context, time.Duration) error { return errors.New("a second count began") }
			second, err := s.Recount(ctx, RecountOptions{Uncounted: true})
			s.recountWait = waiting
			if second.Pools != 0 || err != nil {
				t.Errorf("meanwhile: %+v, %v", second, err)
			}
			return nil
		}
		result, err := s.Recount(ctx, RecountOptions{Uncounted: true})
		noError(t, err)
		if result.Pools != 1 || result.Identities != 1 {
			t.Errorf("got %+v", result)
		}
		wantCounts(t, s, []identitypool.PoolID{pool, known})
	})
}

// A restored database has its numbers.
func TestRestoredCounts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		from := open(t, Options{})
		pool := addPool(t, from)
		addGuest(t, from, pool)
		addLinked(t, from, pool, public("a.example", "alice"))
		var dump strings.Builder
		noError(t, from.Dump(t.Context(), &dump))
		noError(t, s.Load(t.Context(), strings.NewReader(dump.String())))
		wantCounts(t, s, []identitypool.PoolID{pool})
	})
}
