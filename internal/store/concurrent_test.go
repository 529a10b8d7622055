package store

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// eachCluster runs a test with every engine and as many nodes as the engine
// admits: PostgreSQL serves several servers, a SQLite file is opened by a server
// and the command line, memory belongs to one.
func eachCluster(t *testing.T, test func(*testing.T, []*Store)) {
	eachOptions(t, func(t *testing.T, o Options) {
		nodes := []*Store{open(t, o)}
		if o.URL != "" {
			nodes = append(nodes, open(t, o), open(t, o))
		} else if o.Path != "" {
			nodes = append(nodes, open(t, o))
		}
		test(t, nodes)
	})
}

// Everybody who signs in for the first time with one login gets one identity.
func TestFirstSignInTogether(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		pool := addPool(t, nodes[0])
		const people, devices = 10, 8

		ids := make([][]identitypool.IdentityID, people)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for p := range people {
			ids[p] = make([]identitypool.IdentityID, devices)
			for d := range devices {
				s := nodes[(p+d)%len(nodes)]
				wg.Go(func() {
					<-start
					logins := []identitypool.Login{public("p", numbered("s", p))}
					i, err := s.Resolve(t.Context(), pool, "", logins, signIn(logins))
					if err != nil {
						t.Errorf("Resolve: %v", err)
					}
					ids[p][d] = i.ID
				})
			}
		}

		close(start)
		wg.Wait()

		for p := range people {
			if slices.ContainsFunc(ids[p], func(id identitypool.IdentityID) bool { return id != ids[p][0] }) {
				t.Errorf("login %d found %d identities", p, len(slices.Compact(slices.Sorted(slices.Values(ids[p])))))
			}
		}
		wantRows(t, nodes[0], 1, people, people)
	})
}

// Several logins at once, supplied by many in different combinations: whoever
// is refused because two identities own them finds nothing half-linked.
func TestOverlappingLogins(t *testing.T) {
	errTwoOwners := errors.New("two owners")
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		pool := addPool(t, nodes[0])
		all := []identitypool.Login{public("a", "1"), public("b", "1"), public("c", "1"), developer("1")}
		var wg sync.WaitGroup
		for g := range 24 {
			s := nodes[g%len(nodes)]
			logins := []identitypool.Login{all[g%4], all[(g+1+g/4%3)%4]}
			wg.Go(func() {
				_, err := s.Resolve(t.Context(), pool, "", logins,
					func(v identitypool.View) (identitypool.Plan, error) {
						p := identitypool.Plan{Link: logins}
						for _, owner := range v.Owners {
							if p.Identity != "" && owner.ID != p.Identity {
								return p, errTwoOwners
							}
							p.Identity = owner.ID
						}

						if p.Identity == "" {
							p.Identity, p.Create = newIdentityID(), true
						}

						return p, nil
					})
				if err != nil && !errors.Is(err, errTwoOwners) {
					t.Errorf("Resolve: %v", err)
				}
			})
		}

		wg.Wait()
		checkInvariants(t, nodes[0], pool)
	})
}

// Two identities reach for one login: one gets it, the other is asked again.
func TestLinkRace(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		pool := addPool(t, nodes[0])
		errTaken := errors.New("taken")
		for round := range 10 {
			login := public("p", numbered("s", round))
			const n = 6

			guests := make([]identitypool.IdentityID, n)
			for i := range guests {
				guests[i] = addGuest(t, nodes[0], pool)
			}

			results := make([]error, n)
			var wg sync.WaitGroup
			for i, guest := range guests {
				s := nodes[i%len(nodes)]
				wg.Go(func() {
					_, results[i] = s.Resolve(t.Context(), pool, guest, []identitypool.Login{login},
						func(v identitypool.View) (identitypool.Plan, error) {
							if _, ok := v.Owners[login]; ok {
								return identitypool.Plan{}, errTaken
							}
							return identitypool.Plan{Identity: guest, Link: []identitypool.Login{login}}, nil
						})
				})
			}
			wg.Wait()

			winners := 0
			for i, err := range results {
				switch {
				case err == nil:
					winners++
					if owner, err := nodes[0].IdentityByLogin(t.Context(), pool, login); err != nil ||
						owner.ID != guests[i] {
						t.Errorf("the winner is not the owner: %v", err)
					}
				case !errors.Is(err, errTaken):
					t.Errorf("Resolve: %v", err)
				}
			}

			if winners != 1 {
				t.Errorf("round %d: %d identities got the login", round, winners)
			}
		}

		checkInvariants(t, nodes[0], pool)
	})
}

// Pages read while others write skip and repeat nothing that was there all along.
func TestPaginationUnderWrites(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		pool := addPool(t, nodes[0])
		there := map[identitypool.IdentityID]bool{}
		for n := range 60 {
			there[addLinked(t, nodes[0], pool, public("p", numbered("there", n))).ID] = true
		}

		stop := make(chan struct{})
		var writers sync.WaitGroup
		for w, s := range nodes {
			writers.Go(func() {
				var mine []identitypool.IdentityID
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					if len(mine) > 10 {
						if err := s.DeleteIdentity(t.Context(), mine[0]); err != nil {
							t.Errorf("DeleteIdentity: %v", err)
							return
						}
						mine = mine[1:]
					}

					mine = append(mine, addLinked(t, s, pool, public("p", numbered(numbered("w", w)+"-", n))).ID)
				}
			})
		}

		for round := range 12 {
			s := nodes[round%len(nodes)]
			seen := map[identitypool.IdentityID]bool{}
			last := Place{}
			for {
				page, err := s.ListIdentities(t.Context(), pool, false, last, 7)
				if err != nil {
					t.Fatalf("ListIdentities: %v", err)
				}
				if len(page) == 0 {
					break
				}

				for _, i := range page {
					if c := i.Created.Compare(last.Created); c < 0 || c == 0 && i.ID <= last.ID {
						t.Errorf("%v after %v", PlaceOf(i), last)
					}
					last = PlaceOf(i)
					seen[i.ID] = true
				}
			}

			for id := range there {
				if !seen[id] {
					t.Errorf("round %d: an identity was skipped", round)
				}
			}
		}

		close(stop)
		writers.Wait()
		checkInvariants(t, nodes[0], pool)
	})
}

// checkInvariants reads the tables themselves and compares them with what the
// store answers.
func checkInvariants(t *testing.T, s *Store, pool identitypool.PoolID) {
	t.Helper()
	if s.options.Path != "" && s.cache != nil {
		lookForOthers(t, s, s.cache.look) // what another node wrote may be unseen for cacheFresh
	}

	type loginRow struct {
		key      string
		identity identitypool.IdentityID
		login    identitypool.Login
	}
	var logins []loginRow
	identities := map[identitypool.IdentityID]identitypool.Identity{}
	err := s.engine.Snapshot(t.Context(), 0, func(q engine.Querier) (err error) {
		logins, err = collect(q, func(row scanner) (r loginRow, err error) {
			var key, subject []byte
			err = row.Scan(&key, &r.identity, &r.login.Kind, &r.login.Provider, &subject)
			r.key, r.login.Subject = string(key), string(subject)
			return r, err
		}, `SELECT login_key, identity_id, kind, provider, subject FROM logins WHERE pool_id = $1`, string(pool))
		if err != nil {
			return err
		}
		_, err = collect(q, func(row scanner) (none struct{}, err error) {
			i := identitypool.Identity{PoolID: pool}
			err = row.Scan(&i.ID, &i.Disabled, &i.MergedTo, &i.EverLinked)
			identities[i.ID] = i
			return none, err
		}, `SELECT identity_id, disabled, merged_to, ever_linked FROM identities WHERE pool_id = $1`, string(pool))

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	owners := map[identitypool.Login]identitypool.IdentityID{}
	linked := map[identitypool.IdentityID][]identitypool.Login{}
	for _, l := range logins {
		if key := keyOf(l.login); string(key[:]) != l.key {
			t.Errorf("a login's key is not its own")
		}
		if other, ok := owners[l.login]; ok {
			t.Errorf("login %v belongs to %s and %s", l.login, other, l.identity)
		}
		if _, ok := identities[l.identity]; !ok {
			t.Errorf("login %v is an orphan", l.login)
		}

		owners[l.login] = l.identity
		linked[l.identity] = append(linked[l.identity], l.login)
	}

	for id, i := range identities {
		if i.Disabled != (i.MergedTo != "") || i.Disabled && len(linked[id]) > 0 {
			t.Errorf("identity: disabled %t, merged to %q, %d logins", i.Disabled, i.MergedTo, len(linked[id]))
		}
		if len(linked[id]) > 0 && !i.EverLinked {
			t.Error("an identity with logins was never linked")
		}

		providers := map[string]bool{}
		for _, l := range linked[id] {
			if l.Kind == identitypool.Public && providers[l.Provider] {
				t.Errorf("an identity has two logins of %s", l.Provider)
			}
			providers[l.Provider] = providers[l.Provider] || l.Kind == identitypool.Public
		}

		got, err := s.Identity(t.Context(), id)
		slices.SortFunc(linked[id], compareLogins)
		if err != nil || !slices.Equal(got.Logins, linked[id]) || got.Disabled != i.Disabled ||
			got.MergedTo != i.MergedTo || got.EverLinked != i.EverLinked {
			t.Errorf("Identity = %+v, %v; the tables say %+v with %v", got, err, i, linked[id])
		}
	}

	for l, id := range owners {
		if got, err := s.IdentityByLogin(t.Context(), pool, l); err != nil || got.ID != id {
			t.Errorf("IdentityByLogin = %v, %v; the table says %v", got.ID, err, id)
		}
	}
}
