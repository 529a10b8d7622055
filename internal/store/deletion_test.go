package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
)

// A crash after any step of a deletion leaves a pool that nobody finds, and the
// next start removes the rest; a crash of that is no different.
func TestDeletionSurvivesACrashAfterEachStep(t *testing.T) {
	errCrash := errors.New("crash")
	const identities, batch = 7, 2
	eachOptions(t, func(t *testing.T, o Options) {
		for crash := 1; ; crash++ {
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			reopen := func() {
				if o.Path == "" && o.URL == "" {
					return // the same store goes on, as another node would
				}
				wantError(t, "Close", s.Close(), nil)
				if s, err = Open(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}

			pool, other := addPool(t, s), addPool(t, s)
			kept := addLinked(t, s, other, public("p", "s"))

			var gone []identitypool.IdentityID
			for n := range identities {
				gone = append(gone,
					addLinked(t, s, pool, public("p", numbered("s", n)), developer(numbered("u", n))).ID)
			}

			steps := 0
			crashing := func(string) error {
				if steps++; steps == crash {
					return errCrash
				}
				return nil
			}

			s.deletionBatch, s.testStep = batch, crashing
			err = s.DeletePool(t.Context(), pool)
			finished := err == nil
			if !finished {
				wantError(t, "DeletePool", err, errCrash)
			}

			for again := 1; ; again++ {
				reopen()
				_, err = s.Pool(t.Context(), pool)
				wantError(t, "Pool after the crash", err, ErrNotFound)
				_, err = s.Identity(t.Context(), gone[identities-1])
				wantError(t, "Identity after the crash", err, ErrNotFound)
				wantError(t, "DeletePool after the crash", s.DeletePool(t.Context(), pool), ErrNotFound)

				if !finished && crash < 4 && again == 1 { // before the row itself may be gone
					p := testPool()
					p.ID = pool
					wantError(t, "CreatePool while its deletion runs", s.CreatePool(t.Context(), p, 0), ErrConflict)
				}
				if i, err := s.Identity(t.Context(), kept.ID); err != nil || !i.HasLogin(public("p", "s")) {
					t.Errorf("the other pool's identity: %v, %v", i, err)
				}

				s.deletionBatch, s.testStep = batch, nil
				if again == 1 { // the first resumption crashes, too
					steps = 0
					s.testStep = crashing
				}
				if err = s.ResumeDeletions(t.Context()); err == nil {
					break
				}

				wantError(t, "ResumeDeletions", err, errCrash)
			}

			s.testStep = nil
			wantRows(t, s, 1, 1, 1)
			wantError(t, "DeletePool of the other", s.DeletePool(t.Context(), other), nil)
			wantRows(t, s, 0, 0, 0)
			wantError(t, "Close", s.Close(), nil)

			if o.Path == "" && o.URL == "" {
				o = Options{} // a new one each time
			}
			if finished {
				if crash < 5 {
					t.Errorf("only %d steps", crash)
				}
				return
			}
		}
	})
}

// Creations that race with the deletion of their pool either happen before it
// or are told that there is no pool; none is left behind.
func TestDeletionAgainstCreation(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		for range 3 {
			pool := addPool(t, nodes[0])
			for n := range 20 {
				addLinked(t, nodes[0], pool, public("p", numbered("s", n)))
			}

			var wg sync.WaitGroup
			start := make(chan struct{})
			for g := range 8 {
				s := nodes[g%len(nodes)]
				s.deletionBatch = 3
				wg.Go(func() {
					<-start

					for n := range 20 {
						var err error
						if n%2 == 0 {
							err = s.CreateIdentity(t.Context(),
								identitypool.Identity{ID: newIdentityID(), PoolID: pool})
						} else {
							logins := []identitypool.Login{public("p", numbered("s", n)), developer(numbered("u", g))}
							_, err = s.Resolve(t.Context(), pool, "", logins, grow(logins, newIdentityID()))
						}

						if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, errRefused) {
							t.Errorf("meanwhile: %v", err)
						}
					}
				})
			}

			wg.Go(func() {
				<-start
				wantError(t, "DeletePool", nodes[len(nodes)-1].DeletePool(t.Context(), pool), nil)
			})
			close(start)
			wg.Wait()
			wantRows(t, nodes[0], 0, 0, 0)
		}
	})
}

// A caller that leaves does not stop the removal; Close does, between batches.
func TestDeletionGoesOnWithoutItsCaller(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}

		pool := addPool(t, s)
		for range 10 {
			addGuest(t, s, pool)
		}
		ctx, cancel := context.WithCancel(t.Context())
		reached, leave := make(chan struct{}), make(chan struct{})
		batches := 0

		s.deletionBatch = 3
		s.testStep = func(step string) error {
			if step == "batch" {
				if batches++; batches == 1 {
					close(reached)
					<-leave
				}
			}

			return nil
		}

		returned := make(chan error, 1)
		go func() { returned <- s.DeletePool(ctx, pool) }()
		<-reached
		cancel()
		wantError(t, "DeletePool whose caller leaves", <-returned, nil)

		if o.Path == "" && o.URL == "" {
			close(leave)
			s.deletions.Wait()
			wantRows(t, s, 0, 0, 0)
			wantError(t, "Close", s.Close(), nil)
			return
		}

		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		<-s.closing
		close(leave)
		wantError(t, "Close", <-closed, nil)
		if batches != 1 {
			t.Errorf("%d batches after Close", batches)
		}

		again := open(t, o)
		wantRows(t, again, 1, 7, 0)
		wantError(t, "ResumeDeletions", again.ResumeDeletions(t.Context()), nil)
		wantRows(t, again, 0, 0, 0)
	})
}

// Two nodes that remove one pool at the same time, as after a restart beside a
// living node, finish it together.
func TestTwoNodesRemoveOnePool(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		nodes := [2]*Store{open(t, o)}
		nodes[1] = nodes[0]
		if o.URL != "" { // two writers of one SQLite file take turns anyway
			nodes[1] = open(t, o)
		}

		pool, other := addPool(t, nodes[0]), addPool(t, nodes[0])
		kept := addGuest(t, nodes[0], other)
		for n := range 60 {
			addLinked(t, nodes[0], pool, public("p", numbered("s", n)))
		}
		hide(t, nodes[0], pool)
		var group sync.WaitGroup

		for _, s := range nodes {
			s.deletionBatch = 3
		}

		for _, s := range nodes {
			group.Go(func() {
				if err := s.removePool(t.Context(), pool); err != nil {
					t.Errorf("removePool: %v", err)
				}
			})
		}

		group.Wait()
		wantRows(t, nodes[0], 1, 1, 0)
		if _, err := nodes[0].Identity(t.Context(), kept); err != nil {
			t.Errorf("another pool's identity: %v", err)
		}
	})
}

// A node whose batch another node has just removed goes on with the rest: it
// removed no row of that batch, which does not mean that none is left.
func TestRemovalGoesOnAfterAnotherNodesBatch(t *testing.T) {
	url := pgtest.URL(t)
	s := open(t, Options{URL: url})
	pool := addPool(t, s)
	for range 20 {
		addGuest(t, s, pool)
	}
	hide(t, s, pool)

	outside, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()

	other, err := outside.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	const firstBatch = `DELETE FROM identities WHERE identity_id IN (SELECT identity_id FROM identities ORDER BY ` +
		`created, identity_id LIMIT 3)`

	if _, err := other.ExecContext(t.Context(), firstBatch); err != nil {
		t.Fatal(err)
	}
	s.deletionBatch = 3
	removed := make(chan error, 1)
	go func() { removed <- s.removePool(t.Context(), pool) }()
	eventually(t, outside, waitingForLocks, 1)
	if err := other.Commit(); err != nil { // and then does nothing more
		t.Fatal(err)
	}

	wantError(t, "removePool", <-removed, nil)
	wantRows(t, s, 0, 0, 0)
}

// hide does the first step of a deletion and no other.
func hide(t *testing.T, s *Store, pool identitypool.PoolID) {
	t.Helper()
	errStop := errors.New("stop")
	s.testStep = func(step string) error {
		if step == "hidden" {
			return errStop
		}
		return nil
	}

	wantError(t, "DeletePool", s.DeletePool(t.Context(), pool), errStop)
}
