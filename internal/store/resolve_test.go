package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// plan is a decision that is known beforehand.
func plan(p identitypool.Plan) func(identitypool.View) (identitypool.Plan, error) {
	return func(identitypool.View) (identitypool.Plan, error) { return p, nil }
}

func TestResolveShowsTheView(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool, other := addPool(t, s), addPool(t, s)
		a := addLinked(t, s, pool, public("a", "1"), developer("u"))
		b := addLinked(t, s, pool, public("b", "1"))
		addLinked(t, s, other, public("c", "1")) // another pool's login is nobody's here
		guest := addGuest(t, s, pool)
		foreign := addGuest(t, s, other)
		guestRow, _ := s.Identity(t.Context(), guest)

		nobody := public("c", "1")
		for name, test := range map[string]struct {
			target identitypool.IdentityID
			logins []identitypool.Login
			want   identitypool.View
		}{
			"nothing": {want: identitypool.View{}},
			"target":  {target: guest, want: identitypool.View{Target: &guestRow}},
			"known login": {logins: a.Logins[:1],
				want: identitypool.View{Owners: map[identitypool.Login]identitypool.Identity{a.Logins[0]: a}}},
			"unknown login": {logins: []identitypool.Login{nobody}, want: identitypool.View{}},
			"both of one": {logins: a.Logins,
				want: identitypool.View{
					Owners: map[identitypool.Login]identitypool.Identity{a.Logins[0]: a, a.Logins[1]: a},
				}},
			"target's login": {target: b.ID, logins: b.Logins,
				want: identitypool.View{
					Target: &b,
					Owners: map[identitypool.Login]identitypool.Identity{b.Logins[0]: b},
				}},
			"everything": {target: guest, logins: []identitypool.Login{a.Logins[0], b.Logins[0], nobody},
				want: identitypool.View{
					Target: &guestRow,
					Owners: map[identitypool.Login]identitypool.Identity{a.Logins[0]: a, b.Logins[0]: b},
				}},
		} {
			for range 3 { // read, read into the cache, cached
				stop := errors.New("stop")
				var got identitypool.View
				_, err := s.Resolve(t.Context(), pool, test.target, test.logins,
					func(v identitypool.View) (identitypool.Plan, error) {
						got = v
						return identitypool.Plan{}, stop
					})
				if err != stop { //nolint:errorlint // it promises the very error
					t.Errorf("%s: Resolve returned %v, want decide's own error", name, err)
				}

				if test.want.Owners == nil {
					test.want.Owners = map[identitypool.Login]identitypool.Identity{}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		}

		_, err := s.Resolve(t.Context(), pool, foreign, nil, plan(identitypool.Plan{}))
		wantError(t, "Resolve for another pool's identity", err, ErrNotFound)
		_, err = s.Resolve(t.Context(), pool, newIdentityID(), nil, plan(identitypool.Plan{}))
		wantError(t, "Resolve for no identity", err, ErrNotFound)

		_, err = s.Resolve(t.Context(), newPoolID(), "", nil, plan(identitypool.Plan{}))
		wantError(t, "Resolve in no pool", err, ErrNotFound)
	})
}

func TestResolveCarriesThePlanOut(t *testing.T) {
	c := newClock()
	eachOptions(t, func(t *testing.T, o Options) {
		o.Now = c.now
		s := open(t, o)
		pool := addPool(t, s)
		same := func(step string, want identitypool.Identity) {
			t.Helper()
			got, err := s.Identity(t.Context(), want.ID)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", step, err, diff)
			}
		}

		resolve := func(
			target identitypool.IdentityID, logins []identitypool.Login, p identitypool.Plan,
		) identitypool.Identity {
			t.Helper()
			i, err := s.Resolve(t.Context(), pool, target, logins, plan(p))
			if err != nil {
				t.Fatalf("Resolve: %v", err)
			}
			same("Resolve's answer", i)
			return i
		}

		// Create with logins, which come back in order.
		id := newIdentityID()
		logins := []identitypool.Login{public("b", "1"), developer("u"), public("a", "2")}
		i := resolve("", logins, identitypool.Plan{Identity: id, Create: true, Link: logins})
		want := identitypool.Identity{ID: id, PoolID: pool, EverLinked: true, Created: c.now(), Modified: c.now(),
			Logins: []identitypool.Login{developer("u"), public("a", "2"), public("b", "1")}}
		if diff := cmp.Diff(want, i); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}

		// Nothing to do: nothing moves.
		created := c.now()
		c.advance(time.Minute)
		resolve(id, logins[:1], identitypool.Plan{Identity: id})
		resolve(id, logins[:1], identitypool.Plan{Identity: id, Link: logins[:1]}) // linked already
		same("unchanged", want)

		// Link to a guest: it is one no longer.
		guest := addGuest(t, s, pool)
		c.advance(time.Minute)
		linked := resolve(guest, []identitypool.Login{public("c", "1")},
			identitypool.Plan{Identity: guest, Link: []identitypool.Login{public("c", "1")}})
		if linked.Guest() || !linked.EverLinked || linked.Modified != c.now() ||
			linked.Created != created.Add(time.Minute) {
			t.Errorf("linked guest: %+v", linked)
		}

		// Merge: logins move, the other ends disabled, both are modified.
		c.advance(time.Minute)
		merged := resolve(id, linked.Logins, identitypool.Plan{Identity: id, Absorb: []identitypool.IdentityID{guest}})
		want.Logins = append(want.Logins, public("c", "1"))
		want.Modified = c.now()
		if diff := cmp.Diff(want, merged); diff != "" {
			t.Errorf("merged (-want +got):\n%s", diff)
		}

		linked.Logins, linked.Disabled, linked.MergedTo, linked.Modified = nil, true, id, c.now()
		same("absorbed", linked)
		if owner, err := s.IdentityByLogin(t.Context(), pool, public("c", "1")); err != nil || owner.ID != id {
			t.Errorf("the moved login's owner = %v, %v", owner.ID, err)
		}

		// Merge, link and create at once. The target is looked at, not changed.
		c.advance(time.Minute)
		fresh := newIdentityID()
		all := resolve(guest, []identitypool.Login{public("c", "1"), public("d", "1")},
			identitypool.Plan{
				Identity: fresh,
				Create:   true,
				Link:     []identitypool.Login{public("d", "1")},
				Absorb:   []identitypool.IdentityID{id},
			})
		if len(all.Logins) != 5 || all.Modified != c.now() {
			t.Errorf("merged into a new one: %+v", all)
		}
		same("looked at", linked)

		want.Logins, want.Disabled, want.MergedTo, want.Modified = nil, true, fresh, c.now()
		same("absorbed by the new one", want)

		// A clock set back does not take Modified back.
		c.advance(-time.Hour)
		back := resolve(fresh, []identitypool.Login{public("e", "1")},
			identitypool.Plan{Identity: fresh, Link: []identitypool.Login{public("e", "1")}})
		if back.Modified != all.Modified {
			t.Errorf("Modified went from %v to %v", all.Modified, back.Modified)
		}
		c.advance(time.Hour)
	})
}

func TestResolveRefusesPlansThatDoNotFit(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		a, b := addLinked(t, s, pool, public("a", "1")), addLinked(t, s, pool, public("a", "2"))

		unseen := addLinked(t, s, pool, public("z", "1"))
		nobody := public("n", "1")

		logins := []identitypool.Login{a.Logins[0], b.Logins[0], nobody}
		for name, p := range map[string]identitypool.Plan{
			"nothing":                    {},
			"an identity not in view":    {Identity: unseen.ID},
			"creates one in view":        {Identity: a.ID, Create: true},
			"links another's login":      {Identity: a.ID, Link: b.Logins},
			"links a login not supplied": {Identity: a.ID, Link: []identitypool.Login{public("m", "1")}},
			"absorbs itself":             {Identity: a.ID, Absorb: []identitypool.IdentityID{a.ID}},
			"absorbs one not in view":    {Identity: a.ID, Absorb: []identitypool.IdentityID{unseen.ID}},
			"absorbs twice": {Identity: newIdentityID(), Create: true,
				Absorb: []identitypool.IdentityID{a.ID, a.ID}},
			"two of a provider by merge": {Identity: a.ID, Absorb: []identitypool.IdentityID{b.ID}},
		} {
			_, err := s.Resolve(t.Context(), pool, "", logins, plan(p))
			wantError(t, name, err, errPlan)
		}

		_, err := s.Resolve(t.Context(), pool, "", logins, plan(identitypool.Plan{Create: true}))
		wantError(t, "creates without ID", err, ErrInvalid)
		_, err = s.Resolve(t.Context(), pool, "", logins, plan(identitypool.Plan{Identity: unseen.ID, Create: true}))
		wantError(t, "creates an ID that is taken", err, ErrConflict)
		two := []identitypool.Login{public("n", "1"), public("n", "2")}
		_, err = s.Resolve(t.Context(), pool, "", two,
			plan(identitypool.Plan{Identity: newIdentityID(), Create: true, Link: two}))
		wantError(t, "two of a provider by link", err, errPlan)
		wantRows(t, s, 1, 3, 3)

		for _, i := range []identitypool.Identity{a, b, unseen} {
			got, err := s.Identity(t.Context(), i.ID)
			if diff := cmp.Diff(i, got); err != nil || diff != "" {
				t.Errorf("after refused plans: %v (-want +got):\n%s", err, diff)
			}
		}

		// Two users of a developer provider are no conflict.
		devs := []identitypool.Login{developer("1"), developer("2")}
		if i := addLinked(t, s, pool, devs...); len(i.Logins) != 2 {
			t.Errorf("developer logins: %v", i.Logins)
		}
	})
}

// What decide does to its View stays with it, and a panic in it harms nobody.
func TestResolveSurvivesItsCallback(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		i := addLinked(t, s, pool, public("a", "1"))
		for range 3 {
			got, err := s.Resolve(t.Context(), pool, i.ID, i.Logins,
				func(v identitypool.View) (identitypool.Plan, error) {
					v.Target.Logins[0].Subject = "spoilt"
					v.Owners[i.Logins[0]].Logins[0].Subject = "spoilt"
					return identitypool.Plan{Identity: v.Target.ID}, nil
				})
			if diff := cmp.Diff(i, got); err != nil || diff != "" {
				t.Errorf("Resolve: %v (-want +got):\n%s", err, diff)
			}
		}

		panics := func(what string, call func()) {
			t.Helper()
			defer func() {
				if p := recover(); p != "mine" {
					t.Errorf("%s: panic %v, want the callback's own", what, p)
				}
			}()

			call()
		}

		panics("Resolve", func() {
			_, _ = s.Resolve(t.Context(), pool, "", i.Logins,
				func(identitypool.View) (identitypool.Plan, error) { panic("mine") })
		})
		panics("Unlink", func() {
			_ = s.Unlink(t.Context(), i.ID, func(identitypool.Identity) ([]identitypool.Login, error) { panic("mine") })
		})
		panics("UpdatePool", func() {
			_, _ = s.UpdatePool(t.Context(), pool, func(*identitypool.Pool) error { panic("mine") })
		})
		panics("UpdateKeys", func() {
			_, _ = s.UpdateKeys(t.Context(), "p", func([]Key) ([]Key, error) { panic("mine") })
		})

		if err := s.write(t.Context(), func(*engine.Tx) error { panic("ours") }); err == nil {
			t.Error("a panic inside a write was acknowledged")
		}
		addGuest(t, s, pool) // writing goes on
	})
}
