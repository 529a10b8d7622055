package store

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Accounts of these tests: owner is that of addPool.
const (
	owner identitypool.AccountID = "123456789012"
	thief identitypool.AccountID = "666666666666"
)

// takePool makes a pool of account under a chosen ID.
func takePool(t *testing.T, s *Store, id identitypool.PoolID, account identitypool.AccountID) error {
	t.Helper()
	p := testPool()
	p.ID, p.Account = id, account
	return s.CreatePool(t.Context(), p, 0)
}

// takeIdentity loads an identity under a chosen ID into a new pool of account.
func takeIdentity(t *testing.T, s *Store, id identitypool.IdentityID, account identitypool.AccountID) error {
	t.Helper()
	pool := newPoolID()
	wantError(t, "CreatePool", takePool(t, s, pool, account), nil)
	return s.LoadIdentity(t.Context(), identitypool.Identity{ID: id, PoolID: pool})
}

// had are IDs that the account had, and how it lost them.
type had struct {
	pools      map[string]identitypool.PoolID
	identities map[string]identitypool.IdentityID
	hidden     map[string]bool // still in a pool that is being removed
}

// loseIDs makes IDs of the account and loses them in every way there is.
func loseIDs(t *testing.T, s *Store) had {
	t.Helper()
	h := had{
		pools:      map[string]identitypool.PoolID{},
		identities: map[string]identitypool.IdentityID{},
		hidden:     map[string]bool{},
	}
	s.deletionBatch = 2

	kept := addPool(t, s)
	h.identities["a guest"] = addGuest(t, s, kept)
	h.identities["a user"] = addLinked(t, s, kept, public("p", "user")).ID
	a, b := addLinked(t, s, kept, public("a", "1")), addLinked(t, s, kept, public("b", "1"))
	if _, err := s.Resolve(t.Context(), kept, a.ID, b.Logins, grow(b.Logins, "")); err != nil {
		t.Fatal(err)
	}

	h.identities["one that others were merged into"], h.identities["one that was merged away"] = a.ID, b.ID
	for name, id := range h.identities {
		wantError(t, "DeleteIdentity of "+name, s.DeleteIdentity(t.Context(), id), nil)
	}

	fill := func(name string) identitypool.PoolID {
		pool := addPool(t, s)
		h.pools[name] = pool
		for n := range 3 {
			h.identities[fmt.Sprintf("guest %d of %s", n, name)] = addGuest(t, s, pool)
			h.identities[fmt.Sprintf("user %d of %s", n, name)] = addLinked(t, s, pool,
				public("p", numbered("s", n))).ID
		}
		return pool
	}

	wantError(t, "DeletePool", s.DeletePool(t.Context(), fill("a deleted pool")), nil)
	crash := errors.New("crash")

	defer func() { s.testStep = nil }()

	for _, resumed := range []bool{true, false} {
		for _, step := range []string{"hidden", "batch"} {
			name := "a pool whose deletion stopped after " + step
			if resumed {
				name = "a pool whose deletion stopped after " + step + " and went on"
			}
			pool := fill(name)
			s.testStep = func(done string) error {
				if done == step {
					return crash
				}
				return nil
			}

			wantError(t, "DeletePool", s.DeletePool(t.Context(), pool), crash)
			if s.testStep = nil; resumed {
				wantError(t, "ResumeDeletions", s.ResumeDeletions(t.Context()), nil)
				continue
			}

			for id := range h.identities {
				h.hidden[id] = h.hidden[id] || strings.HasSuffix(id, " of "+name)
			}
			h.hidden[name] = true
		}
	}

	name := "a pool that an older version hid"
	pool := fill(name)
	err := s.write(t.Context(), func(x *engine.Tx) error {
		x.Touch(poolKey(pool))
		return mustChange(x, `UPDATE pools SET deleting = TRUE WHERE pool_id = $1`, string(pool))
	})
	wantError(t, "hiding", err, nil)

	h.hidden[name] = true
	for id := range h.identities {
		h.hidden[id] = h.hidden[id] || strings.HasSuffix(id, " of "+name)
	}

	return h
}

// The ID of a pool or an identity stays with the account that had it, whichever
// way it lost it, over restarts and in backups.
func TestIDsStayWithTheirAccount(t *testing.T) {
	// refused looks for IDs that another account can have.
	refused := func(t *testing.T, s *Store, h had) {
		t.Helper()

		for name, id := range h.pools {
			wantError(t, name+" taken by another account", takePool(t, s, id, thief), ErrConflict)
			_, err := s.Pool(t.Context(), id)
			wantError(t, name+" after the refusal", err, ErrNotFound)
		}

		for name, id := range h.identities {
			wantError(t, name+" taken by another account", takeIdentity(t, s, id, thief), ErrConflict)
			_, err := s.Identity(t.Context(), id)
			wantError(t, name+" after the refusal", err, ErrNotFound)
		}
		// IDs that nobody had are for everybody: nothing else stood in the way.
		wantError(t, "a new pool ID", takePool(t, s, newPoolID(), thief), nil)
		wantError(t, "a new identity ID", takeIdentity(t, s, newIdentityID(), thief), nil)
	}

	// own takes all of them back.
	own := func(t *testing.T, s *Store, h had, restored bool) {
		t.Helper()

		for name, id := range h.pools {
			want := error(nil)
			if h.hidden[name] && !restored {
				want = ErrConflict
			}
			wantError(t, name+" made again", takePool(t, s, id, owner), want)
		}

		for name, id := range h.identities {
			want := error(nil)
			if h.hidden[name] && !restored {
				// Its row may be gone already.
				if err := takeIdentity(t, s, id, owner); err != nil {
					wantError(t, name+" loaded again", err, ErrConflict)
				}
				continue
			}

			wantError(t, name+" loaded again", takeIdentity(t, s, id, owner), want)
		}
	}

	eachOptions(t, func(t *testing.T, o Options) {
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		h := loseIDs(t, s)
		refused(t, s, h)
		backup := dumpOf(t, s)

		for _, e := range engines {
			t.Run("restored to "+e.name, func(t *testing.T) {
				to := open(t, e.options(t))
				if err := to.Load(t.Context(), bytes.NewReader(backup)); err != nil {
					t.Fatal(err)
				}
				refused(t, to, h)
				own(t, to, h, true)

				// Having it again and losing it again changes nothing.
				for name, id := range h.pools {
					wantError(t, "DeletePool of "+name, to.DeletePool(t.Context(), id), nil)
				}

				for name, id := range h.identities {
					wantError(t, "DeleteIdentity of "+name, to.DeleteIdentity(t.Context(), id), nil)
				}
				refused(t, to, h)
			})
		}

		own(t, s, h, false)
		if o.Path != "" || o.URL != "" {
			wantError(t, "Close", s.Close(), nil)
			s = open(t, o)
		} else {
			t.Cleanup(func() { wantError(t, "Close", s.Close(), nil) })
		}
		wantError(t, "ResumeDeletions", s.ResumeDeletions(t.Context()), nil)

		for name := range h.hidden {
			if id, ok := h.pools[name]; ok && h.hidden[name] {
				wantError(t, name+" taken by another account once it is removed",
					takePool(t, s, id, thief), ErrConflict)
				wantError(t, name+" made again once it is removed", takePool(t, s, id, owner), nil)
			}
		}
	})
}

// Another account that tries to get an ID all the while never does.
func TestIDsAreNotFreeForAMoment(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		first, last := nodes[0], nodes[len(nodes)-1]
		first.deletionBatch = 3
		hideout := newPoolID()
		wantError(t, "CreatePool", takePool(t, last, hideout, thief), nil)

		for range 4 {
			pool := addPool(t, first)
			lone := addGuest(t, first, addPool(t, first))

			ids := []identitypool.IdentityID{lone}
			for range 7 {
				ids = append(ids, addGuest(t, first, pool))
			}

			var wg sync.WaitGroup
			var over atomic.Bool
			try := func(what string, take func(s *Store) error) {
				for _, s := range nodes {
					wg.Go(func() {
						for again := true; again; {
							again = !over.Load() // once more after the end
							if err := take(s); !errors.Is(err, ErrConflict) && !errors.Is(err, ErrBusy) {
								t.Errorf("%s: %v, want ErrConflict", what, err)
								return
							}
						}
					})
				}
			}

			try("the pool's ID", func(s *Store) error { return takePool(t, s, pool, thief) })
			try("identities' IDs", func(s *Store) error {
				var err error
				for _, id := range ids {
					if err = s.LoadIdentity(t.Context(),
						identitypool.Identity{ID: id, PoolID: hideout}); !errors.Is(err, ErrConflict) {
						return err
					}
				}

				return err
			})

			wantError(t, "DeleteIdentity", first.DeleteIdentity(t.Context(), lone), nil)
			wantError(t, "DeletePool", first.DeletePool(t.Context(), pool), nil)
			over.Store(true)
			wg.Wait()
		}
	})
}

// An identity that comes in while its batch is being removed is remembered like
// the others: it waits for the next batch.
func TestIDOfALateIdentityIsRemembered(t *testing.T) {
	url := pgtest.URL(t)
	s := open(t, Options{URL: url})
	pool := addPool(t, s)
	linked, late := addLinked(t, s, pool, public("p", "s")).ID, newIdentityID()

	outside := must(sql.Open("pgx", url))(t)
	defer outside.Close()

	other := must(outside.BeginTx(t.Context(), nil))(t)
	must(other.ExecContext(t.Context(),
		`INSERT INTO identities (identity_id, pool_id, disabled, merged_to, ever_linked, revision, created, modified)
		VALUES ($1, $2, FALSE, '', FALSE, 1, 1, 1)`, string(late), string(pool)))(t)
	must(other.ExecContext(t.Context(), `SELECT 1 FROM logins WHERE identity_id = $1 FOR UPDATE`, string(linked)))(t)
	hide(t, s, pool)
	s.testStep = nil

	removed := make(chan error, 1)
	go func() { removed <- s.removePool(t.Context(), pool) }()
	eventually(t, outside, waitingForLocks, 1)
	wantError(t, "Commit", other.Commit(), nil)
	wantError(t, "removePool", <-removed, nil)
	wantRows(t, s, 0, 0, 0)

	for _, id := range []identitypool.IdentityID{linked, late} {
		wantError(t, "another account takes the ID", takeIdentity(t, s, id, thief), ErrConflict)
	}
}

// Who gets an ID after a deletion has the time of the last deletion, on every node
// and in backups, also in one that is made while the ID is being removed again.
func TestPredecessors(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		first := nodes[0]
		var fails bool
		for _, s := range nodes {
			s.testStep = func(string) error {
				if fails {
					return errors.New("crash")
				}
				return nil
			}
		}

		pool := addPool(t, first)
		id := addGuest(t, first, pool)
		load := func() {
			t.Helper()
			i := identitypool.Identity{ID: id, PoolID: pool, Created: time.Unix(1, 0)}
			wantError(t, "LoadIdentity", first.LoadIdentity(t.Context(), i), nil)
		}
		remembered := func(s *Store) (deletedPool, deletedIdentity time.Time) {
			t.Helper()
			p := must(s.Pool(t.Context(), pool))(t)
			i := must(s.Identity(t.Context(), id))(t)
			return p.Predecessor.Deleted, i.Predecessor.Deleted
		}

		// Another process learns of a change within 100 ms with SQLite.
		learned := func(s *Store, since time.Time) (deletedPool, deletedIdentity time.Time) {
			t.Helper()

			since = since.Truncate(time.Millisecond)
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
				if p, i := remembered(s); !p.Before(since) && !i.Before(since) {
					return p, i
				}
			}

			return remembered(s)
		}
		atLeast := func(what string, got, want time.Time) {
			t.Helper()
			if got.Before(want.Truncate(time.Millisecond)) || want.IsZero() != got.IsZero() {
				t.Errorf("%s: %s, want %s or later", what, got, want)
			}
		}

		for _, s := range nodes {
			p, i := remembered(s)
			atLeast("a first pool", p, time.Time{})
			atLeast("a first identity", i, time.Time{})
		}

		for range 2 {
			began := first.now()
			wantError(t, "DeleteIdentity", first.DeleteIdentity(t.Context(), id), nil)
			load()

			for _, s := range nodes {
				_, i := learned(s, began)
				atLeast("the identity", i, began)
			}

			began = first.now()
			wantError(t, "DeletePool", first.DeletePool(t.Context(), pool), nil)
			wantError(t, "CreatePool", takePool(t, first, pool, owner), nil)
			load()

			for _, s := range nodes {
				p, i := learned(s, began)
				atLeast("the pool", p, began)
				atLeast("the identity of the pool", i, began)
			}
		}

		restored := func() *Store {
			t.Helper()
			s := open(t, Options{})
			wantError(t, "Load", s.Load(t.Context(), bytes.NewReader(dumpOf(t, first))), nil)
			return s
		}

		wantPool, wantIdentity := remembered(first)
		p, i := remembered(restored())
		equal(t, "the pool in the backup", p, wantPool)
		equal(t, "the identity in the backup", i, wantIdentity)

		began := first.now()
		fails = true
		if err := first.DeletePool(t.Context(), pool); err == nil {
			t.Fatal("the deletion ends")
		}

		s := restored()
		wantError(t, "CreatePool", takePool(t, s, pool, owner), nil)
		wantError(t, "LoadIdentity", s.LoadIdentity(t.Context(), identitypool.Identity{ID: id, PoolID: pool}), nil)
		p, i = remembered(s)
		atLeast("the pool of a backup during its removal", p, began)
		atLeast("the identity of a backup during its removal", i, began)
	})
}

// Pools and trust policies have numbers that tell which was first, on whichever
// node and with whichever clock they were made.
func TestOrderOfPoolsAndTrustPolicies(t *testing.T) {
	eachCluster(t, func(t *testing.T, nodes []*Store) {
		last := identitypool.Sequence(0)
		next := func(what string, got identitypool.Sequence) {
			t.Helper()
			if got <= last {
				t.Errorf("%s has the number %d, want more than %d", what, got, last)
			}
			last = got
		}

		node := 0
		s := func() *Store { node++; return nodes[node%len(nodes)] }
		since := func(id identitypool.PoolID) identitypool.Sequence {
			t.Helper()
			return must(s().Pool(t.Context(), id))(t).OwnedSince
		}

		settle := func(documents map[string]string) identitypool.Sequence {
			t.Helper()
			return must(s().SettleTrust(t.Context(), documents))(t)["arn:r"]
		}
		update := func(change func(*Role)) identitypool.Sequence {
			t.Helper()
			must(s().UpdateRole(t.Context(), iamAccount, "R", func(r *Role) error { change(r); return nil }))(t)
			return must(s().Role(t.Context(), iamAccount, "R"))(t).TrustWritten
		}

		pool := addPool(t, s())
		first := since(pool)
		next("a pool", first)
		role := must(s().CreateRole(t.Context(), testRole("R"), 0))(t)
		next("a role", role.TrustWritten)
		next("the settings' trust", settle(map[string]string{"arn:r": `{"a": 1, "b": 2}`}))
		settled := last
		next("another pool", since(addPool(t, s())))

		wantError(t, "DeletePool", s().DeletePool(t.Context(), pool), nil)
		wantError(t, "CreatePool again", takePool(t, s(), pool, owner), nil)
		equal(t, "the pool made again", since(pool), first)
		equal(t, "the role after a change of something else", update(func(r *Role) { r.Description = "x" }),
			role.TrustWritten)
		next("the role with its trust policy written again", update(func(r *Role) { r.WriteTrust(r.Trust) }))
		next("the role with another trust policy", update(func(r *Role) { r.Trust = `{"other":true}` }))
		wantError(t, "DeleteRole", s().DeleteRole(t.Context(), iamAccount, "R", func(Role) error { return nil }), nil)
		next("the role made again", must(s().CreateRole(t.Context(), testRole("R"), 0))(t).TrustWritten)

		equal(t, "the settings' trust at a restart",
			settle(map[string]string{"arn:r": `{"b":2,"a":1}`, "arn:other": `{}`}), settled)
		equal(t, "the number that arn:other took", since(addPool(t, s())), last+2)
		last += 2
		next("the settings' trust with another document", settle(map[string]string{"arn:r": `{"b":3,"a":1}`}))
		equal(t, "the settings' trust with the old document",
			settle(map[string]string{"arn:r": `{"a": 1, "b": 2}`}), settled)

		for _, respelled := range [][2]string{
			{`{"Statement":{"Action":"a"}}`, `{"Statement":[{"Action":["a"]}]}`},
			{`{"Statement":[{"Principal":{"AWS":"1"}},{"Resource":["x","y"]}]}`,
				`{"Statement":[{"Principal":{"AWS":["1"]}},{"Resource":["x","y"]}]}`},
			{`{"Condition":{"StringEquals":{"k":["v"]},"Bool":{"b":true}}}`,
				`{"Condition":{"Bool":{"b":[true]},"StringEquals":{"k":"v"}}}`},
		} {
			before := settle(map[string]string{"arn:r": respelled[0]})
			equal(t, respelled[1], settle(map[string]string{"arn:r": respelled[1]}), before)
			last = before
		}

		next("two values for one", settle(map[string]string{"arn:r": `{"Statement":{"Action":["a","b"]}}`}))
		next("the values the other way round", settle(map[string]string{"arn:r": `{"Statement":{"Action":["b","a"]}}`}))
		equal(t, "of no roles", len(must(s().SettleTrust(t.Context(), nil))(t)), 0)
		_, err := s().SettleTrust(t.Context(), map[string]string{"\x00": `{}`})
		wantError(t, "SettleTrust of NUL", err, ErrInvalid)

		// Nodes that start together agree.
		var wg sync.WaitGroup
		agreed := make([]identitypool.Sequence, 8)
		for n := range agreed {
			wg.Go(func() {
				agreed[n] = must(nodes[n%len(nodes)].SettleTrust(t.Context(),
					map[string]string{"arn:new": `{}`}))(t)["arn:new"]
			})
		}

		wg.Wait()
		if slices.Max(agreed) != slices.Min(agreed) || agreed[0] == 0 {
			t.Errorf("nodes that start together: %v", agreed)
		}
	})
}

// A backup keeps the order, also in a store that a server was started on.
func TestOrderInBackups(t *testing.T) {
	source := open(t, Options{})
	trust := map[string]string{"arn:old": `{"old":true}`}
	pool := addPool(t, source)
	role := must(source.CreateRole(t.Context(), testRole("R"), 0))(t)
	settled := must(source.SettleTrust(t.Context(), trust))(t)["arn:old"]
	wantError(t, "DeletePool", source.DeletePool(t.Context(), pool), nil)
	backup := dumpOf(t, source)

	eachEngine(t, func(t *testing.T, s *Store) {
		must(s.SettleTrust(t.Context(), map[string]string{"arn:old": `{"old":true}`, "arn:more": `{}`}))(t)
		wantError(t, "Load", s.Load(t.Context(), bytes.NewReader(backup)), nil)
		equal(t, "the settings' trust", must(s.SettleTrust(t.Context(), trust))(t)["arn:old"], settled)
		equal(t, "the role", must(s.Role(t.Context(), iamAccount, "R"))(t).TrustWritten, role.TrustWritten)
		wantError(t, "CreatePool again", takePool(t, s, pool, owner), nil)
		equal(t, "the pool made again", must(s.Pool(t.Context(), pool))(t).OwnedSince, 1)
		if since := must(s.Pool(t.Context(), addPool(t, s)))(t).OwnedSince; since <= settled {
			t.Errorf("a new pool has the number %d, and the backup had %d", since, settled)
		}
	})
}

// A backup of before the order is read as all of one age.
func TestBackupWithoutTheOrder(t *testing.T) {
	source := open(t, Options{})
	pool := addPool(t, source)
	must(source.CreateRole(t.Context(), testRole("R"), 0))(t)

	old := lines(t, dumpOf(t, source))
	for n, line := range old {
		for _, member := range []string{`,"ownedSince":1`, `,"trustWritten":2`, `,"order":2`} {
			line = strings.Replace(line, member, "", 1)
		}
		old[n] = strings.Replace(line, fmt.Sprintf(`"schema":%d`, dumpSchema), `"schema":3`, 1)
		if strings.Contains(old[n], "Since") || strings.Contains(old[n], "trustWritten") {
			t.Fatalf("not as it was: %s", old[n])
		}
	}

	old = old[:len(old)-1]
	old = append(old, endOf(old))

	eachEngine(t, func(t *testing.T, s *Store) {
		wantError(t, "Load", s.Load(t.Context(), bytes.NewReader(pack(t, old...))), nil)
		equal(t, "the pool", must(s.Pool(t.Context(), pool))(t).OwnedSince, 0)
		equal(t, "the role", must(s.Role(t.Context(), iamAccount, "R"))(t).TrustWritten, 0)
		equal(t, "a new pool", must(s.Pool(t.Context(), addPool(t, s)))(t).OwnedSince, 1)
	})
}

// A database of before this order: living pools and trust policies are all of
// one age, and a pool that was being deleted leaves its IDs to its account.
func TestOlderDatabaseKeepsItsIDs(t *testing.T) {
	const lastBefore = 7
	for name, o := range map[string]Options{
		"sqlite":     {Path: filepath.Join(t.TempDir(), "old.db")},
		"postgresql": {URL: pgtest.URL(t)},
	} {
		t.Run(name, func(t *testing.T) {
			driver, source, dialect := "sqlite", "file:"+o.Path+"?_pragma=journal_mode(WAL)&_pragma=foreign_keys(ON)",
				goose.DialectSQLite3
			if o.URL != "" {
				driver, source, dialect = "pgx", o.URL, goose.DialectPostgres
			}
			db := must(sql.Open(driver, source))(t)
			if o.URL != "" {
				must(db.ExecContext(t.Context(), `CREATE DOMAIN keytext AS text COLLATE "C"`))(t)
			}
			must(must(migrations(db, dialect))(t).UpTo(t.Context(), lastBefore))(t)

			for _, text := range []string{
				`INSERT INTO pools VALUES ('r:living', '1', 'r', '{}', 1, 1, 1, FALSE), ('r:hidden', '1', 'r', ` +
					`'{}', 2, 1, 1, TRUE)`,
				`INSERT INTO identities VALUES ('r:i', 'r:hidden', FALSE, '', FALSE, 1, 5, 6)`,
				`INSERT INTO iam_resources VALUES ('1', 'role', 'r', '/', '{"name":"R","path":"/","id":"AROA",` +
					`"trust":"{}","maxSession":3600}', 1)`,
			} {
				must(db.ExecContext(t.Context(), text))(t)
			}
			wantError(t, "Close", db.Close(), nil)

			s := open(t, o)
			wantError(t, "the hidden pool's ID before it is removed", takePool(t, s, "r:hidden", thief), ErrConflict)
			wantError(t, "ResumeDeletions", s.ResumeDeletions(t.Context()), nil)
			wantError(t, "the hidden pool's ID", takePool(t, s, "r:hidden", thief), ErrConflict)
			wantError(t, "the ID of its identity", takeIdentity(t, s, "r:i", thief), ErrConflict)
			wantError(t, "the hidden pool made again", takePool(t, s, "r:hidden", "1"), nil)

			for _, id := range []identitypool.PoolID{"r:living", "r:hidden"} {
				equal(t, string(id), must(s.Pool(t.Context(), id))(t).OwnedSince, 0)
			}
			equal(t, "the role", must(s.Role(t.Context(), "1", "R"))(t).TrustWritten, 0)
			wantError(t, "a new pool", takePool(t, s, "r:new", thief), nil)
			if since := must(s.Pool(t.Context(), "r:new"))(t).OwnedSince; since <= 0 {
				t.Errorf("a new pool has the number %d", since)
			}
		})
	}
}

// The removal of a pool takes many short turns: whoever writes meanwhile waits
// for one of them.
func TestRemovalLetsOthersWrite(t *testing.T) {
	const identities = 20 * defaultDeletionBatch
	eachEngine(t, func(t *testing.T, s *Store) {
		pool, other := addPool(t, s), addPool(t, s)
		err := s.engine.Write(t.Context(), 0, func(x *engine.Tx) error {
			_, err := x.Exec(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $2)
				INSERT INTO identities
					(identity_id, pool_id, disabled, merged_to, ever_linked, revision, created, modified)
				SELECT 'us-east-1:' || n, $1, FALSE, '', FALSE, 1, n, n FROM c`, string(pool), identities)
			return err
		})
		wantError(t, "filling", err, nil)

		done := make(chan error, 1)
		start := time.Now()

		go func() { done <- s.DeletePool(t.Context(), pool) }()

		var worst time.Duration
		writes, running := 0, true
		for running {
			began := time.Now()
			addGuest(t, s, other)
			worst = max(worst, time.Since(began))
			writes++

			select {
			case err := <-done:
				wantError(t, "DeletePool", err, nil)
				running = false
			default:
			}
		}

		took := time.Since(start)
		if worst > max(time.Second, took/2) || writes < 2 { // a slow machine's turns are longer
			t.Errorf("of %d other writes the slowest took %s of the removal's %s", writes, worst, took)
		}
		wantError(t, "the last identity's ID",
			s.LoadIdentity(t.Context(), identitypool.Identity{
				ID:     identitypool.IdentityID(fmt.Sprint("us-east-1:", identities)),
				PoolID: other,
			}), nil)
	})
}

// Batches become smaller where they take long, and larger again.
func TestBatchesFollowTheTimeTheyTake(t *testing.T) {
	for _, one := range []struct {
		size int
		took time.Duration
		want int
	}{
		{500, 0, 500}, {500, shortBatch, 500}, {500, longBatch, 500}, {500, longBatch + 1, 250}, {500, time.Hour, 250},
		{15, time.Hour, 10}, {10, time.Hour, 10}, {10, 0, 20}, {400, 0, 500}, {250, -time.Hour, 500},
	} {
		equal(t, fmt.Sprint("after ", one.size, " in ", one.took), nextBatch(one.size, one.took, 500), one.want)
	}

	equal(t, "never more than the most", nextBatch(2, time.Hour, 2), 2)
}

// A batch is found by an index, in order: not by a look at the whole pool, nor
// by sorting it.
func TestRemovalFindsItsBatchByIndex(t *testing.T) {
	s := open(t, Options{})
	err := s.read(t.Context(), func(q engine.Querier) error {
		plan, err := collect(q, func(row scanner) (detail string, err error) {
			var id, parent, unused int
			return detail, row.Scan(&id, &parent, &unused, &detail)
		}, `EXPLAIN QUERY PLAN SELECT i.identity_id `+deletionBatchOf, "p", 1)
		text := strings.Join(plan, "\n")
		if !strings.Contains(text, "identities_by_time (pool_id=?)") || strings.Contains(text, "TEMP B-TREE") ||
			strings.Contains(text, "SCAN") {
			t.Errorf("the plan of a batch:\n%s", text)
		}

		return err
	})
	wantError(t, "EXPLAIN", err, nil)
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// endOf is the last line of a dump of these lines.
func endOf(dump []string) string {
	return fmt.Sprintf(`{"end":{"rows":%d,"sha256":"%x"}}`+"\n", len(dump)-1,
		sha256.Sum256([]byte(strings.Join(dump, ""))))
}
