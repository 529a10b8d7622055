package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

func TestGuest(t *testing.T) {
	c := newClock()
	eachOptions(t, func(t *testing.T, o Options) {
		o.Now = c.now
		s := open(t, o)

		pool := addPool(t, s)
		id := addGuest(t, s, pool)
		want := identitypool.Identity{ID: id, PoolID: pool, Created: c.now(), Modified: c.now()}
		for range 2 { // read, then cached
			got, err := s.Identity(t.Context(), id)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("Identity: %v (-want +got):\n%s", err, diff)
			}
			if !got.Guest() {
				t.Error("a new guest is no guest")
			}
		}

		at := c.now().Add(-time.Hour)
		given := identitypool.Identity{ID: newIdentityID(), PoolID: pool, Created: at, Modified: at.Add(time.Minute)}
		if err := s.CreateIdentity(t.Context(), given); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Identity(t.Context(), given.ID); cmp.Diff(given, got) != "" {
			t.Errorf("Identity with times given: %v, want %v", got, given)
		}

		guest := identitypool.Identity{ID: newIdentityID(), PoolID: pool}
		for name, test := range map[string]struct {
			spoil func(*identitypool.Identity)
			want  error
		}{
			"same ID":   {func(i *identitypool.Identity) { i.ID = id }, ErrConflict},
			"no pool":   {func(i *identitypool.Identity) { i.PoolID = newPoolID() }, ErrNotFound},
			"empty ID":  {func(i *identitypool.Identity) { i.ID = "" }, ErrInvalid},
			"NUL in ID": {func(i *identitypool.Identity) { i.ID = "a\x00" }, ErrInvalid},
			"with a login": {
				func(i *identitypool.Identity) { i.Logins = []identitypool.Login{public("p", "s")} }, ErrInvalid,
			},
			"disabled":    {func(i *identitypool.Identity) { i.Disabled = true }, ErrInvalid},
			"merged":      {func(i *identitypool.Identity) { i.MergedTo = id }, ErrInvalid},
			"ever linked": {func(i *identitypool.Identity) { i.EverLinked = true }, ErrInvalid},
		} {
			i := guest
			test.spoil(&i)
			wantError(t, "CreateIdentity: "+name, s.CreateIdentity(t.Context(), i), test.want)
		}

		wantRows(t, s, 1, 2, 0)
	})
}

func TestDeleteIdentity(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		i := addLinked(t, s, pool, public("a", "1"), public("b", "1"), developer("u"))
		if _, err := s.Identity(t.Context(), i.ID); err != nil { // fill the cache
			t.Fatal(err)
		}
		wantError(t, "DeleteIdentity", s.DeleteIdentity(t.Context(), i.ID), nil)
		_, err := s.Identity(t.Context(), i.ID)
		wantError(t, "Identity", err, ErrNotFound)

		_, err = s.IdentityByLogin(t.Context(), pool, developer("u"))
		wantError(t, "IdentityByLogin", err, ErrNotFound)
		wantError(t, "DeleteIdentity again", s.DeleteIdentity(t.Context(), i.ID), ErrNotFound)
		wantRows(t, s, 1, 0, 0)
		if again := addLinked(t, s, pool, public("a", "1")); again.ID == i.ID {
			t.Error("the login of a deleted identity found it again")
		}
	})
}

func TestListIdentities(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool, other := addPool(t, s), addPool(t, s)
		addGuest(t, s, other)

		want := map[identitypool.IdentityID]identitypool.Identity{}
		for n := range 12 {
			switch n % 3 {
			case 0:
				id := addGuest(t, s, pool)
				want[id], _ = s.Identity(t.Context(), id)
			case 1:
				i := addLinked(t, s, pool, public("p", numbered("s", n)), public("q", numbered("s", n)))
				want[i.ID] = i
			case 2: // merge two
				a, b := addLinked(t, s, pool, public("p", numbered("s", n))),
					addLinked(t, s, pool, developer(numbered("s", n)))
				i, err := s.Resolve(t.Context(), pool, a.ID, b.Logins,
					func(identitypool.View) (identitypool.Plan, error) {
						return identitypool.Plan{Identity: a.ID, Absorb: []identitypool.IdentityID{b.ID}}, nil
					})
				if err != nil {
					t.Fatal(err)
				}

				want[a.ID] = i
				want[b.ID], _ = s.Identity(t.Context(), b.ID)
			}
		}

		for _, hide := range []bool{false, true} {
			var ids []identitypool.IdentityID
			for id, i := range want {
				if !hide || !i.Disabled {
					ids = append(ids, id)
				}
			}
			slices.SortFunc(ids, func(a, b identitypool.IdentityID) int {
				if c := want[a].Created.Compare(want[b].Created); c != 0 {
					return c
				}
				return strings.Compare(string(a), string(b))
			})

			for _, size := range []int{1, 3, 60} {
				var got []identitypool.IdentityID
				after := Place{}
				for {
					page, err := s.ListIdentities(t.Context(), pool, hide, after, size)
					if err != nil || len(page) > size {
						t.Fatalf("a page of %d has %d identities, %v", size, len(page), err)
					}
					if len(page) == 0 {
						break
					}

					for _, i := range page {
						got = append(got, i.ID)
						if diff := cmp.Diff(want[i.ID], i); diff != "" {
							t.Errorf("listed identity (-want +got):\n%s", diff)
						}
					}

					var err2 error
					if after, err2 = ParsePlace(PlaceOf(page[len(page)-1]).String()); err2 != nil {
						t.Fatal(err2)
					}
				}

				if diff := cmp.Diff(ids, got); diff != "" {
					t.Errorf("hide disabled %t, pages of %d (-want +got):\n%s", hide, size, diff)
				}
			}
		}

		if page, err := s.ListIdentities(t.Context(), pool, false, Place{}, 0); err != nil || len(page) != 0 {
			t.Errorf("ListIdentities with limit 0 = %d, %v", len(page), err)
		}
		_, err := s.ListIdentities(t.Context(), newPoolID(), false, Place{}, 5)
		wantError(t, "ListIdentities of no pool", err, ErrNotFound)

		_, err = s.ListIdentities(t.Context(), pool, false, Place{ID: "\xff"}, 5)
		wantError(t, "ListIdentities after what is no ID", err, ErrInvalid)
	})
}

// hostileSubjects are texts that engines, encodings and collations trip over.
var hostileSubjects = []string{
	"a", "A", "a ", " a", "á", "a\u0301", "ß", "ss", "İ", "i", "\u200b", "\u200ba", "1", "01", "1.0", "1e0",
	"\x00", "a\x00", "a\x00b", "\xff", "\xc3", "a\xffb", "'", "';--", "%", "_", `\`, `\x61`, "\n", "😀",
	strings.Repeat("x", 1024), strings.Repeat("😀", 1024), strings.Repeat("\x00", maxSubject),
}

func TestSubjectsAreBytes(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		owners := map[identitypool.Login]identitypool.IdentityID{}
		for _, subject := range hostileSubjects {
			for _, l := range []identitypool.Login{public("p", subject), developer(subject),
				{Kind: identitypool.Public, Provider: "login.example", Subject: subject}} {
				owners[l] = addLinked(t, s, pool, l).ID
			}
		}

		seen := map[identitypool.IdentityID]bool{}
		for l, id := range owners {
			got, err := s.IdentityByLogin(t.Context(), pool, l)
			if err != nil || got.ID != id || len(got.Logins) != 1 || got.Logins[0] != l {
				t.Errorf("IdentityByLogin(%q) = %v, %v; want %v", l, got, err, id)
			}
			if seen[id] {
				t.Errorf("%q shares its identity", l)
			}
			seen[id] = true
		}

		for name, l := range map[string]identitypool.Login{
			"empty subject":    public("p", ""),
			"empty provider":   public("", "s"),
			"provider NUL":     public("p\x00", "s"),
			"provider bytes":   public("\xff", "s"),
			"long provider":    public(strings.Repeat("p", maxProvider+1), "s"),
			"long subject":     public("p", strings.Repeat("s", maxSubject+1)),
			"kind of nothing":  {Provider: "p", Subject: "s"},
			"kind of its own":  {Kind: "other", Provider: "p", Subject: "s"},
			"kind with a NUL":  {Kind: "public\x00", Provider: "p", Subject: "s"},
			"kind upper-cased": {Kind: "PUBLIC", Provider: "p", Subject: "s"},
		} {
			_, err := s.Resolve(t.Context(), pool, "", []identitypool.Login{l}, signIn([]identitypool.Login{l}))
			wantError(t, "Resolve: "+name, err, ErrInvalid)
			_, err = s.IdentityByLogin(t.Context(), pool, l)
			wantError(t, "IdentityByLogin: "+name, err, ErrNotFound)
		}

		wantRows(t, s, 1, int64(len(owners)), int64(len(owners)))
	})
}

// Whatever comes as an ID is at worst not found, on every engine.
func TestHostileIDs(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		addGuest(t, s, pool)

		ctx := t.Context()
		for _, id := range append(hostileSubjects, "") {
			_, err := s.Pool(ctx, identitypool.PoolID(id))
			wantError(t, "Pool", err, ErrNotFound)
			_, err = s.UpdatePool(ctx, identitypool.PoolID(id), func(*identitypool.Pool) error { return nil })
			wantError(t, "UpdatePool", err, ErrNotFound)
			wantError(t, "DeletePool", s.DeletePool(ctx, identitypool.PoolID(id)), ErrNotFound)
			_, err = s.ListIdentities(ctx, identitypool.PoolID(id), false, Place{}, 5)
			wantError(t, "ListIdentities", err, ErrNotFound)

			_, err = s.Identity(ctx, identitypool.IdentityID(id))
			wantError(t, "Identity", err, ErrNotFound)
			wantError(t, "DeleteIdentity", s.DeleteIdentity(ctx, identitypool.IdentityID(id)), ErrNotFound)
			err = s.Unlink(ctx, identitypool.IdentityID(id),
				func(identitypool.Identity) ([]identitypool.Login, error) { return nil, nil })
			wantError(t, "Unlink", err, ErrNotFound)

			_, err = s.DeveloperUserIDs(ctx, identitypool.IdentityID(id), "p", "", 5)
			wantError(t, "DeveloperUserIDs", err, ErrNotFound)
			_, err = s.IdentityByLogin(ctx, identitypool.PoolID(id), public("p", "s"))
			wantError(t, "IdentityByLogin", err, ErrNotFound)

			never := func(identitypool.View) (identitypool.Plan, error) {
				t.Error("decide called")
				return identitypool.Plan{}, nil
			}
			_, err = s.Resolve(ctx, identitypool.PoolID(id), "", nil, never)
			wantError(t, "Resolve in a pool", err, ErrNotFound)
			if id != "" {
				_, err = s.Resolve(ctx, pool, identitypool.IdentityID(id), nil, never)
				wantError(t, "Resolve of a target", err, ErrNotFound)
			}

			_, err = s.AccessKey(ctx, id)
			wantError(t, "AccessKey", err, ErrNotFound)
			wantError(t, "SetAccessKeyDisabled", s.SetAccessKeyDisabled(ctx, id, true), ErrNotFound)
			wantError(t, "DeleteAccessKey", s.DeleteAccessKey(ctx, id), ErrNotFound)
		}

		wantRows(t, s, 1, 1, 0)
	})
}
