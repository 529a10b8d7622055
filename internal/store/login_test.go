package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

func TestUnlink(t *testing.T) {
	c := newClock()
	eachOptions(t, func(t *testing.T, o Options) {
		o.Now = c.now
		s := open(t, o)
		pool := addPool(t, s)
		want := addLinked(t, s, pool, public("a", "1"), public("b", "1"), developer("u"))
		choose := func(logins ...identitypool.Login) func(identitypool.Identity) ([]identitypool.Login, error) {
			return func(i identitypool.Identity) ([]identitypool.Login, error) {
				if diff := cmp.Diff(want, i); diff != "" {
					t.Errorf("choose sees (-want +got):\n%s", diff)
				}
				clear(i.Logins) // its own copy
				return logins, nil
			}
		}

		same := func(step string) {
			t.Helper()
			got, err := s.Identity(t.Context(), want.ID)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", step, err, diff)
			}
		}

		c.advance(time.Minute)
		wantError(t, "Unlink nothing", s.Unlink(t.Context(), want.ID, choose()), nil)
		same("nothing")
		wantError(t, "Unlink another's",
			s.Unlink(t.Context(), want.ID, choose(public("a", "1"), public("a", "2"))), ErrNotFound)
		same("another's")

		mine := errors.New("mine")
		if err := s.Unlink(t.Context(), want.ID,
			func(identitypool.Identity) ([]identitypool.Login, error) { return want.Logins, mine },
		); err != mine { //nolint:errorlint // it promises the very error
			t.Errorf("Unlink returned %v, want choose's own error", err)
		}
		same("failed")

		wantError(t, "Unlink two", s.Unlink(t.Context(), want.ID, choose(public("a", "1"), developer("u"))), nil)
		want.Logins, want.Modified = []identitypool.Login{public("b", "1")}, c.now()
		same("two unlinked")
		_, err := s.IdentityByLogin(t.Context(), pool, developer("u"))
		wantError(t, "IdentityByLogin of an unlinked login", err, ErrNotFound)

		c.advance(time.Minute)
		wantError(t, "Unlink the last", s.Unlink(t.Context(), want.ID, choose(public("b", "1"))), nil)
		want.Logins, want.Modified = nil, c.now()
		same("all unlinked")
		if got, _ := s.Identity(t.Context(), want.ID); got.Guest() || !got.EverLinked {
			t.Error("an identity whose last login was unlinked became a guest")
		}
		if again := addLinked(t, s, pool, public("a", "1")); again.ID == want.ID {
			t.Error("an unlinked login still finds its identity")
		}
	})
}

func TestDeveloperUserIDs(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)

		users := []string{"a", "B", "á", "z\x00", "z", "\xff", "😀", "10", "9"}
		logins := []identitypool.Login{public("login.example", "a public one of that name"),
			{Kind: identitypool.Developer, Provider: "another", Subject: "a"}}
		for _, u := range users {
			logins = append(logins, developer(u))
		}
		i := addLinked(t, s, pool, logins...)
		slices.Sort(users)

		for _, size := range []int{1, 2, 60} {
			var got []string
			after := ""
			for {
				page, err := s.DeveloperUserIDs(t.Context(), i.ID, "login.example", after, size)
				if err != nil || len(page) > size {
					t.Fatalf("a page of %d = %q, %v", size, page, err)
				}
				if len(page) == 0 {
					break
				}
				got = append(got, page...)
				after = page[len(page)-1]
			}

			if diff := cmp.Diff(users, got); diff != "" {
				t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
			}
		}

		if page, err := s.DeveloperUserIDs(t.Context(), i.ID, "unknown", "", 5); err != nil || len(page) != 0 {
			t.Errorf("of an unknown provider = %q, %v", page, err)
		}
		_, err := s.DeveloperUserIDs(t.Context(), newIdentityID(), "login.example", "", 5)
		wantError(t, "of no identity", err, ErrNotFound)
	})
}

// The rows themselves hold the rules, whatever the code above them does.
func TestSchemaRefusesForksAndOrphans(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool, other := addPool(t, s), addPool(t, s)
		a, b := addLinked(t, s, pool, public("a", "1")), addLinked(t, s, pool, developer("u"))
		for name, fn := range map[string]func(*engine.Tx) error{
			"a login of two identities": func(t *engine.Tx) error {
				return insertLogin(t, pool, b.ID, public("a", "1"))
			},
			"two logins of a public provider": func(t *engine.Tx) error {
				return insertLogin(t, pool, a.ID, public("a", "2"))
			},
			"a login of no identity": func(t *engine.Tx) error {
				return insertLogin(t, pool, newIdentityID(), public("x", "1"))
			},
			"a login in another pool": func(t *engine.Tx) error {
				return insertLogin(t, other, a.ID, public("x", "1"))
			},
			"an identity without its pool": func(t *engine.Tx) error {
				_, err := t.Exec(`DELETE FROM pools WHERE pool_id = $1`, string(pool))
				return err
			},
			"a login without its identity": func(t *engine.Tx) error {
				_, err := t.Exec(`DELETE FROM identities WHERE identity_id = $1`, string(a.ID))
				return err
			},
			"an identity of two pools": func(t *engine.Tx) error {
				_, err := t.Exec(`UPDATE identities SET pool_id = $1`, string(other))
				return err
			},
			"two identities of one ID": func(t *engine.Tx) error {
				return insertIdentity(t, identitypool.Identity{ID: a.ID, PoolID: other})
			},
			"a key of a set that is not there": func(t *engine.Tx) error {
				return insertKey(t, Key{Purpose: "none", ID: "k"})
			},
		} {
			if err := s.write(t.Context(), fn); !s.engine.IsViolation(err) {
				t.Errorf("%s: %v, want a constraint's refusal", name, err)
			}
		}

		wantRows(t, s, 2, 2, 2)
		if err := s.write(t.Context(),
			func(t *engine.Tx) error { return insertLogin(t, pool, b.ID, developer("u2")) }); err != nil {
			t.Errorf("a second developer login: %v", err)
		}
		if err := s.write(t.Context(), func(t *engine.Tx) error {
			return insertLogin(t, pool, b.ID, public(strings.Repeat("p", maxProvider), "s"))
		}); err != nil {
			t.Errorf("the longest provider: %v", err)
		}
	})
}
