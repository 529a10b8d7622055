package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Callbacks run between the read and the write of a change, so a test can put
// another change exactly there. The first one must then start over with what the
// other one left, for every pair of changes.
func TestChangesThatMeet(t *testing.T) {
	// a and b have a login each; free is nobody's, spare is b's second one.
	type world struct {
		s     *Store
		pool  identitypool.PoolID
		a, b  identitypool.Identity
		free  identitypool.Login
		spare identitypool.Login
	}
	resolve := func(
		t *testing.T, w world, target identitypool.IdentityID, logins []identitypool.Login, p identitypool.Plan,
	) {
		t.Helper()
		if _, err := w.s.Resolve(t.Context(), w.pool, target, logins, plan(p)); err != nil {
			t.Errorf("the change in between: %v", err)
		}
	}

	between := map[string]func(*testing.T, world){
		"link to b": func(t *testing.T, w world) {
			l := []identitypool.Login{developer("in between")}
			resolve(t, w, w.b.ID, l, identitypool.Plan{Identity: w.b.ID, Link: l})
		},
		"link the free login to a": func(t *testing.T, w world) {
			l := []identitypool.Login{w.free}
			resolve(t, w, w.a.ID, l, identitypool.Plan{Identity: w.a.ID, Link: l})
		},
		"the free login signs in": func(t *testing.T, w world) { addLinked(t, w.s, w.pool, w.free) },
		"merge b into a": func(t *testing.T, w world) {
			resolve(t, w, w.a.ID, w.b.Logins,
				identitypool.Plan{Identity: w.a.ID, Absorb: []identitypool.IdentityID{w.b.ID}})
		},
		"merge a into b": func(t *testing.T, w world) {
			resolve(t, w, w.b.ID, w.a.Logins,
				identitypool.Plan{Identity: w.b.ID, Absorb: []identitypool.IdentityID{w.a.ID}})
		},
		"unlink from b": func(t *testing.T, w world) {
			err := w.s.Unlink(t.Context(), w.b.ID, func(identitypool.Identity) ([]identitypool.Login, error) {
				return []identitypool.Login{w.spare}, nil
			})
			wantError(t, "the change in between", err, nil)
		},
		"delete b": func(t *testing.T, w world) {
			wantError(t, "the change in between", w.s.DeleteIdentity(t.Context(), w.b.ID), nil)
		},
		"delete the pool": func(t *testing.T, w world) {
			wantError(t, "the change in between", w.s.DeletePool(t.Context(), w.pool), nil)
		},
	}

	// Each change tells meanwhile that it has read, and reports the error it got.
	errStop := errors.New("seen enough")
	changes := map[string]func(w world, meanwhile func() (again bool)) error{
		"link to b": func(w world, meanwhile func() bool) error {
			logins := []identitypool.Login{w.b.Logins[0], w.free}
			_, err := w.s.Resolve(context.Background(), w.pool, w.b.ID, logins,
				func(identitypool.View) (identitypool.Plan, error) {
					if meanwhile() {
						return identitypool.Plan{}, errStop
					}
					return identitypool.Plan{Identity: w.b.ID, Link: []identitypool.Login{w.free}}, nil
				})

			return err
		},
		"merge b into a": func(w world, meanwhile func() bool) error {
			logins := slices.Concat(w.a.Logins, w.b.Logins)
			_, err := w.s.Resolve(context.Background(), w.pool, w.a.ID, logins,
				func(identitypool.View) (identitypool.Plan, error) {
					if meanwhile() {
						return identitypool.Plan{}, errStop
					}
					return identitypool.Plan{Identity: w.a.ID, Absorb: []identitypool.IdentityID{w.b.ID}}, nil
				})

			return err
		},
		"link to a new one, with b in view": func(w world, meanwhile func() bool) error {
			logins := []identitypool.Login{w.b.Logins[0], w.free}
			_, err := w.s.Resolve(context.Background(), w.pool, "", logins,
				func(identitypool.View) (identitypool.Plan, error) {
					if meanwhile() {
						return identitypool.Plan{}, errStop
					}
					return identitypool.Plan{
						Identity: newIdentityID(),
						Create:   true,
						Link:     []identitypool.Login{w.free},
					}, nil
				})

			return err
		},
		"unlink from b": func(w world, meanwhile func() bool) error {
			return w.s.Unlink(context.Background(), w.b.ID, func(identitypool.Identity) ([]identitypool.Login, error) {
				if meanwhile() {
					return nil, errStop
				}
				return w.b.Logins, nil
			})
		},
	}

	// Those that touch nothing the change rests on leave it alone.
	harmless := map[[2]string]bool{
		{"unlink from b", "link the free login to a"}: true,
		{"unlink from b", "the free login signs in"}:  true,
		{"merge b into a", "the free login signs in"}: true,
	}

	eachEngine(t, func(t *testing.T, s *Store) {
		for change, run := range changes {
			for other, meet := range between {
				t.Run(change+", meanwhile "+other, func(t *testing.T) {
					w := world{s: s, pool: addPool(t, s), free: public("free", "1"), spare: developer("spare")}

					w.a, w.b = addLinked(t, s, w.pool, public("a", "1")),
						addLinked(t, s, w.pool, public("b", "1"), w.spare)
					calls := 0
					err := run(w, func() bool {
						if calls++; calls == 1 {
							meet(t, w)
						}
						return calls > 1
					})
					switch {
					case harmless[[2]string{change, other}]:
						wantError(t, change, err, nil)
					case errors.Is(err, ErrNotFound) && (other == "delete b" || other == "delete the pool"):
						// The identity or the pool is gone, which the second read told.
					default:
						wantError(t, change, err, errStop) // asked again
						if calls != 2 {
							t.Errorf("asked %d times", calls)
						}
					}

					if other != "delete the pool" {
						checkInvariants(t, s, w.pool)
					}
				})
			}
		}
	})
}

func TestKeysAndPoolsThatMeet(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		at := newClock().now()
		add := func(id string, meanwhile func()) {
			t.Helper()
			calls := 0
			_, err := s.UpdateKeys(t.Context(), "signing", func(keys []Key) ([]Key, error) {
				if calls++; calls == 1 {
					meanwhile()
				}
				return append(keys, testKey(id, at)), nil
			})
			wantError(t, "UpdateKeys", err, nil)
		}

		add("a", func() { add("b", func() {}) }) // both are first
		add("c", func() { add("d", func() {}) })
		if keys, err := s.Keys(t.Context(), "signing"); err != nil || len(keys) != 4 {
			t.Errorf("%d keys, %v; want all four", len(keys), err)
		}

		pool := addPool(t, s)
		tag := func(key string, meanwhile func()) error {
			calls := 0
			_, err := s.UpdatePool(t.Context(), pool, func(p *identitypool.Pool) error {
				if calls++; calls == 1 {
					meanwhile()
				}

				tags := map[string]string{key: ""}
				for k, v := range p.Tags {
					tags[k] = v
				}
				p.Tags = tags

				return nil
			})

			return err
		}

		wantError(t, "UpdatePool",
			tag("a", func() { wantError(t, "UpdatePool inside", tag("b", func() {}), nil) }), nil)
		if p, err := s.Pool(t.Context(), pool); err != nil || len(p.Tags) != 2 {
			t.Errorf("tags %v, %v; want both", p.Tags, err)
		}
		err := tag("c", func() { wantError(t, "DeletePool inside", s.DeletePool(t.Context(), pool), nil) })
		wantError(t, "UpdatePool of a pool deleted meanwhile", err, ErrNotFound)
	})
}

// A caller that leaves while its write is under way does not stop it.
func TestWritesOutliveTheirCallers(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		ctx, cancel := context.WithCancel(t.Context())

		id := newIdentityID()
		began, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		left := make(chan error, 1)
		go func() {
			left <- s.write(ctx, func(t *engine.Tx) error {
				defer close(ended)

				close(began)
				<-end
				return insertIdentity(t, identitypool.Identity{ID: id, PoolID: pool})
			})
		}()

		<-began
		cancel()
		err := <-left
		wantError(t, "the caller that left", err, ErrIndeterminate)
		wantError(t, "the caller that left", err, context.Canceled)
		close(end)
		<-ended

		limit := time.After(30 * time.Second)
		for { // its commit is a moment away
			_, err := s.Identity(t.Context(), id)
			if err == nil {
				return
			}

			select {
			case <-limit:
				t.Fatalf("the write that its caller left: %v", err)
			default:
			}
		}
	})
}
