package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// fullPool has every field set to something.
func fullPool() identitypool.Pool {
	yes, no := true, false
	p := testPool()
	p.Name = "name with = + , . @ - and ünïcode"
	p.AllowUnauthenticated = true
	p.AllowClassicFlow = &no
	p.SupportedLoginProviders = map[string]string{"accounts.google.com": "app-1", "graph.facebook.com": "app-2"}
	p.DeveloperProviderName = "login.example"
	p.OIDCProviderARNs = []string{"arn:aws:iam::123456789012:oidc-provider/a",
		"arn:aws:iam::123456789012:oidc-provider/b"}
	p.CognitoIdentityProviders = []identitypool.CognitoIdentityProvider{
		{ProviderName: "cognito-idp.us-east-1.amazonaws.com/us-east-1_A", ClientID: "c1", ServerSideTokenCheck: &yes},
		{ProviderName: "cognito-idp.us-east-1.amazonaws.com/us-east-1_A", ClientID: "c2"},
	}

	p.SAMLProviderARNs = []string{"arn:aws:iam::123456789012:saml-provider/s"}
	p.Tags = map[string]string{"team": "a", "empty": "", "nul": "a\x00b"}
	p.Roles = map[string]string{identitypool.Authenticated: "arn:aws:iam::123456789012:role/a"}

	p.RoleMappings = map[string]identitypool.RoleMapping{
		"accounts.google.com": {Type: identitypool.MappingToken, AmbiguousRoleResolution: identitypool.ResolveDeny},
		"graph.facebook.com": {Type: identitypool.MappingRules,
			AmbiguousRoleResolution: identitypool.ResolveAuthenticatedRole, Rules: []identitypool.Rule{
				{Claim: "group", MatchType: identitypool.MatchEquals, Value: "x",
					RoleARN: "arn:aws:iam::123456789012:role/x"},
				{Claim: "group", MatchType: identitypool.MatchContains, Value: "y",
					RoleARN: "arn:aws:iam::123456789012:role/y"},
			}},
	}

	p.PrincipalTags = map[string]identitypool.PrincipalTagMap{
		"accounts.google.com": {UseDefaults: true},
		"graph.facebook.com":  {Tags: map[string]string{"department": "dep"}},
	}
	p.Created = newClock().now()
	p.Updated = p.Created
	p.Version = 1
	p.OwnedSince = 1 // when it is the first pool of its store

	return p
}

func TestPoolIsKeptWhole(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for _, want := range []identitypool.Pool{fullPool(), {
			ID: newPoolID(), Account: "1", Region: testRegion, Name: "bare",
			Created: newClock().now(), Updated: newClock().now(), Version: 1, OwnedSince: 2,
		}} {
			if err := s.CreatePool(t.Context(), want, 0); err != nil {
				t.Fatal(err)
			}

			for range 2 { // read, then cached
				got, err := s.Pool(t.Context(), want.ID)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("Pool (-want +got):\n%s", diff)
				}
				clear(got.Tags) // what a caller does to its copy stays with it
				if len(got.OIDCProviderARNs) > 0 {
					got.OIDCProviderARNs[0] = "changed"
				}
			}

			wantError(t, "CreatePool again", s.CreatePool(t.Context(), want, 0), ErrConflict)
		}
	})
}

func TestPoolRefusesWhatNoEngineKeeps(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		for name, spoil := range map[string]func(*identitypool.Pool){
			"empty ID":           func(p *identitypool.Pool) { p.ID = "" },
			"NUL in ID":          func(p *identitypool.Pool) { p.ID += "\x00" },
			"invalid account":    func(p *identitypool.Pool) { p.Account = "\xff" },
			"long region":        func(p *identitypool.Pool) { p.Region = string(make([]byte, 300)) },
			"name is not UTF-8":  func(p *identitypool.Pool) { p.Name = "a\xffb" },
			"tag is not UTF-8":   func(p *identitypool.Pool) { p.Tags = map[string]string{"k": "\xc3"} },
			"settings too large": func(p *identitypool.Pool) { p.Name = string(make([]byte, maxSettings)) },
		} {
			p := testPool()
			spoil(&p)
			wantError(t, name, s.CreatePool(t.Context(), p, 0), ErrInvalid)
		}

		id := addPool(t, s)
		_, err := s.UpdatePool(t.Context(), id, func(p *identitypool.Pool) error { p.Name = "\xff"; return nil })
		wantError(t, "UpdatePool with a name that is not UTF-8", err, ErrInvalid)
	})
}

func TestPoolLimit(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var created, limited int
		for range 16 {
			wg.Go(func() {
				err := s.CreatePool(t.Context(), testPool(), 5)
				mu.Lock()
				defer mu.Unlock()

				switch {
				case err == nil:
					created++
				case errors.Is(err, ErrLimit):
					limited++
				default:
					t.Errorf("CreatePool: %v", err)
				}
			})
		}

		wg.Wait()
		if created != 5 || limited != 11 {
			t.Errorf("created %d, refused %d; want 5 and 11", created, limited)
		}
		other := testPool()
		other.Region = "eu-west-1"
		wantError(t, "CreatePool in another region", s.CreatePool(t.Context(), other, 5), nil)

		pools, err := s.ListPools(t.Context(), "123456789012", testRegion, "", 100)
		if err != nil || len(pools) != 5 {
			t.Fatalf("ListPools = %d pools, %v", len(pools), err)
		}
		wantError(t, "DeletePool", s.DeletePool(t.Context(), pools[0].ID), nil)
		wantError(t, "CreatePool after a deletion", s.CreatePool(t.Context(), testPool(), 5), nil)
	})
}

func TestUpdatePool(t *testing.T) {
	c := newClock()
	eachOptions(t, func(t *testing.T, o Options) {
		o.Now = c.now
		s := open(t, o)
		before := fullPool()
		before.Created = c.now()
		before.Updated = before.Created
		if err := s.CreatePool(t.Context(), before, 0); err != nil {
			t.Fatal(err)
		}

		c.advance(time.Minute)
		after, err := s.UpdatePool(t.Context(), before.ID, func(p *identitypool.Pool) error {
			if diff := cmp.Diff(before, *p); diff != "" {
				t.Errorf("change sees (-want +got):\n%s", diff)
			}
			p.Name, p.Tags, p.AllowClassicFlow = "renamed", map[string]string{}, nil
			p.ID, p.Account, p.Region, p.Version = "x", "y", "z", 99 // not change's to set
			p.Created, p.Updated, p.OwnedSince = time.Time{}, time.Time{}, 99
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}

		want := clonePool(before)
		want.Name, want.Tags, want.AllowClassicFlow, want.Version, want.Updated = "renamed", nil, nil, 2, c.now()
		if diff := cmp.Diff(want, after); diff != "" {
			t.Errorf("UpdatePool (-want +got):\n%s", diff)
		}

		got, err := s.Pool(t.Context(), before.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Pool after it: %v (-want +got):\n%s", err, diff)
		}

		mine := errors.New("mine")
		_, err = s.UpdatePool(t.Context(), before.ID, func(p *identitypool.Pool) error { p.Name = "no"; return mine })
		if err != mine { //nolint:errorlint // it promises the very error
			t.Errorf("UpdatePool returned %v, want change's own error", err)
		}
		if got, _ := s.Pool(t.Context(), before.ID); got.Version != 2 || got.Name != "renamed" {
			t.Errorf("a change that failed left version %d, name %q", got.Version, got.Name)
		}

		_, err = s.UpdatePool(t.Context(), newPoolID(), func(*identitypool.Pool) error { return nil })
		wantError(t, "UpdatePool of nothing", err, ErrNotFound)
	})
}

func TestUpdatePoolLosesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		id := addPool(t, s)
		const writers, updates = 8, 10
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := range updates {
					_, err := s.UpdatePool(t.Context(), id, func(p *identitypool.Pool) error {
						if p.Tags == nil {
							p.Tags = map[string]string{}
						}
						p.Tags[numbered("tag", w*updates+n)] = "set"
						return nil
					})
					if err != nil {
						t.Errorf("UpdatePool: %v", err)
					}
				}
			})
		}

		wg.Wait()
		p, err := s.Pool(t.Context(), id)
		if err != nil || len(p.Tags) != writers*updates || p.Version != 1+writers*updates {
			t.Errorf("after %d updates: %d tags, version %d, %v", writers*updates, len(p.Tags), p.Version, err)
		}
	})
}

func TestListPools(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		// IDs whose order differs between bytes and a natural language.
		ids := []identitypool.PoolID{"a:1", "A:2", "b-1:0", "b:1", "B:1", "Z", "a", "é", "zz"}
		for _, id := range ids {
			p := testPool()
			p.ID = id
			if err := s.CreatePool(t.Context(), p, 0); err != nil {
				t.Fatal(err)
			}
		}

		other := testPool()
		other.Account = "999999999999"
		if err := s.CreatePool(t.Context(), other, 0); err != nil {
			t.Fatal(err)
		}
		slices.Sort(ids)

		for _, size := range []int{1, 2, 4, 100} {
			var got []identitypool.PoolID
			after := identitypool.PoolID("")
			for {
				page, err := s.ListPools(t.Context(), "123456789012", testRegion, after, size)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				if len(page) > size {
					t.Fatalf("a page of %d has %d pools", size, len(page))
				}

				for _, p := range page {
					got = append(got, p.ID)
				}
				after = got[len(got)-1]
			}

			if diff := cmp.Diff(ids, got); diff != "" {
				t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
			}
		}

		for _, limit := range []int{0, -1} {
			if page, err := s.ListPools(t.Context(), "123456789012", testRegion, "", limit); err != nil ||
				len(page) != 0 {
				t.Errorf("ListPools with limit %d = %d pools, %v", limit, len(page), err)
			}
		}

		_, err := s.ListPools(t.Context(), "123456789012", testRegion, "a\x00", 5)
		wantError(t, "ListPools after an ID with NUL", err, ErrInvalid)
	})
}

func TestDeletePool(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		id, other := addPool(t, s), addPool(t, s)

		guest := addGuest(t, s, id)
		linked := addLinked(t, s, id, public("p", "s"))
		kept := addLinked(t, s, other, public("p", "s"))
		for _, i := range []identitypool.IdentityID{guest, linked.ID, kept.ID} { // fill the cache
			if _, err := s.Identity(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.DeletePool(t.Context(), id); err != nil {
			t.Fatal(err)
		}

		ctx := t.Context()
		_, err := s.Pool(ctx, id)
		wantError(t, "Pool", err, ErrNotFound)
		_, err = s.Identity(ctx, guest)
		wantError(t, "Identity", err, ErrNotFound)

		_, err = s.IdentityByLogin(ctx, id, public("p", "s"))
		wantError(t, "IdentityByLogin", err, ErrNotFound)
		_, err = s.ListIdentities(ctx, id, false, Place{}, 10)
		wantError(t, "ListIdentities", err, ErrNotFound)

		_, err = s.Resolve(ctx, id, "", []identitypool.Login{public("p", "s")},
			signIn([]identitypool.Login{public("p", "s")}))
		wantError(t, "Resolve", err, ErrNotFound)
		wantError(t, "CreateIdentity",
			s.CreateIdentity(ctx, identitypool.Identity{ID: newIdentityID(), PoolID: id}), ErrNotFound)
		wantError(t, "DeleteIdentity", s.DeleteIdentity(ctx, guest), ErrNotFound)
		wantError(t, "DeletePool again", s.DeletePool(ctx, id), ErrNotFound)
		if i, err := s.Identity(ctx, kept.ID); err != nil || !i.HasLogin(public("p", "s")) {
			t.Errorf("the other pool's identity: %v, %v", i, err)
		}
		wantRows(t, s, 1, 1, 1)

		// Should the ID ever be used again, nothing of the old pool shows.
		p := testPool()
		p.ID = id
		wantError(t, "CreatePool with the old ID", s.CreatePool(ctx, p, 0), nil)

		_, err = s.Identity(ctx, guest)
		wantError(t, "Identity of the old pool", err, ErrNotFound)
	})
}

// wantRows counts what the tables really hold.
func wantRows(t *testing.T, s *Store, pools, identities, logins int64) {
	t.Helper()

	got := map[string]int64{}
	for _, table := range []string{"pools", "identities", "logins"} {
		err := s.read(context.Background(), func(q engine.Querier) error {
			n, err := collect(q, scanInt, `SELECT count(*) FROM `+table)
			if err == nil {
				got[table] = n[0]
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	want := map[string]int64{"pools": pools, "identities": identities, "logins": logins}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
