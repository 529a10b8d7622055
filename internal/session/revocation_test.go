package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	account  = identitypool.AccountID("123456789012")
	pool     = identitypool.PoolID("us-east-1:00000000-0000-4000-8000-000000000001")
	identity = identitypool.IdentityID("us-east-1:00000000-0000-4000-8000-000000000002")
	roleARN  = "arn:aws:iam::123456789012:role/app"
	key      = "ASIAQAAAAAAAAAAAAAAA"
)

// world is one store with two nodes, each with a clock of its own.
type world struct {
	store *store.Store // of the first node
	lists []*Revocations
	roles []*iam.Directory
	id    string // of the role
	now   time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{now: time.Date(2026, 11, 24, 12, 0, 0, 5e8, time.UTC)}
	database := pgtest.URL(t)
	clock := func() time.Time { return w.now }
	for n := range 2 {
		s, err := store.Open(t.Context(), store.Options{URL: database, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if n == 0 {
			w.store = s
		}

		d, err := iam.NewDirectory(iam.Config{Account: account, Store: s, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		w.roles = append(w.roles, d)
		w.lists = append(w.lists, NewRevocations(RevocationOptions{Store: s, Roles: d, SignOuts: true, Now: clock}))
	}

	if err := w.createRole(t); err != nil {
		t.Fatal(err)
	}
	p := identitypool.Pool{ID: pool, Account: account, Region: "us-east-1", Name: "p"}
	if err := w.store.CreatePool(t.Context(), p, 10); err != nil {
		t.Fatal(err)
	}

	if err := w.store.CreateIdentity(t.Context(), identitypool.Identity{ID: identity, PoolID: pool}); err != nil {
		t.Fatal(err)
	}

	return w
}

func (w *world) createRole(t *testing.T) error {
	r, err := w.roles[0].CreateRole(t.Context(), store.Role{Account: account, Name: "app", Path: "/", MaxSession: 3600,
		Trust: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},` +
			`"Action":"sts:AssumeRole"}}`})
	w.id = r.ID
	return err
}

func (w *world) deleteRole(t *testing.T) error {
	return w.roles[0].DeleteRole(t.Context(), account, "app", func(store.Role) error { return nil })
}

// link gives an identity a login, absorbing others.
func (w *world) link(
	t *testing.T, to identitypool.IdentityID, login identitypool.Login, absorbed ...identitypool.IdentityID,
) {
	t.Helper()
	plan := identitypool.Plan{Identity: to, Absorb: absorbed}
	if len(absorbed) == 0 {
		plan.Link = []identitypool.Login{login}
	}
	if _, err := w.store.Resolve(t.Context(), pool, to, []identitypool.Login{login},
		func(identitypool.View) (identitypool.Plan, error) { return plan, nil }); err != nil {
		t.Fatal(err)
	}
}

func (w *world) session() *Session {
	return &Session{
		Account:     account,
		RoleARN:     roleOf(roleARN),
		RoleID:      w.id,
		SessionName: "s",
		IdentityID:  identity,
		PoolID:      pool,
		AMR:         []string{"authenticated", "idp.example.com"},
		Issued:      w.now.Truncate(time.Second),
		Expires:     w.now.Add(time.Hour),
	}
}

// What ends a session ends it on every node once the answers there have become
// old, and never before; on the node that did it, at once.
func TestEveryNodeLearnsInTime(t *testing.T) {
	subject := identitypool.Login{Kind: identitypool.Public, Provider: "idp.example.com", Subject: "alice"}
	for name, test := range map[string]struct {
		end    func(t *testing.T, w *world) error
		atOnce bool
		change func(*Session)
	}{
		"access key": {atOnce: true, end: func(t *testing.T, w *world) error {
			_, err := w.lists[0].Revoke(t.Context(), store.AccessKeyRevocation, account, key)
			return err
		}},
		"identity": {atOnce: true, end: func(t *testing.T, w *world) error {
			_, err := w.lists[0].Revoke(t.Context(), store.IdentityRevocation, account, string(identity))
			return err
		}},
		"pool": {atOnce: true, end: func(t *testing.T, w *world) error {
			_, err := w.lists[0].Revoke(t.Context(), store.PoolRevocation, account, string(pool))
			return err
		}},
		"role": {atOnce: true, end: func(t *testing.T, w *world) error {
			_, err := w.lists[0].Revoke(t.Context(), store.RoleRevocation, account, roleARN)
			return err
		}},
		"deleted identity": {
			end: func(t *testing.T, w *world) error { return w.store.DeleteIdentity(t.Context(), identity) },
		},
		"deleted pool": {end: func(t *testing.T, w *world) error { return w.store.DeletePool(t.Context(), pool) }},
		"deleted pool of a session without an identity": {
			change: func(s *Session) { s.IdentityID = "" },
			end:    func(t *testing.T, w *world) error { return w.store.DeletePool(t.Context(), pool) }},
		"deleted role": {end: func(t *testing.T, w *world) error { return w.deleteRole(t) }},
		"replaced role": {end: func(t *testing.T, w *world) error {
			if err := w.deleteRole(t); err != nil {
				return err
			}
			return w.createRole(t)
		}},
		"signed-out user": {end: func(t *testing.T, w *world) error {
			return w.store.MarkSignOuts(t.Context(), store.SignOut{
				Kind:      store.SubjectSignOut,
				Provider:  subject.Provider,
				Value:     subject.Subject,
				NotBefore: w.now,
				Expires:   w.now.Add(time.Hour),
			})
		}},
		"signed-out user, whose identity became part of another": {end: func(t *testing.T, w *world) error {
			const other = "us-east-1:00000000-0000-4000-8000-000000000003"
			if err := w.store.CreateIdentity(t.Context(), identitypool.Identity{ID: other, PoolID: pool}); err != nil {
				return err
			}
			w.link(t, other, subject, identity)

			return w.store.MarkSignOuts(t.Context(), store.SignOut{
				Kind:      store.SubjectSignOut,
				Provider:  subject.Provider,
				Value:     subject.Subject,
				NotBefore: w.now,
				Expires:   w.now.Add(time.Hour),
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.link(t, identity, subject)
			s := w.session()
			if test.change != nil {
				test.change(s)
			}

			check := func(node int, want bool) {
				t.Helper()
				trace := &explain.Trace{}
				err := w.lists[node].Check(explain.NewContext(t.Context(), trace), key, s)
				if err != nil && !errors.Is(err, ErrRevoked) || (err != nil) != want || trace.Refused() != want {
					t.Errorf("node %d: %v, want revoked %t; %v", node, err, want, trace.Steps())
				}
			}

			check(0, false)
			check(1, false)
			if err := test.end(t, w); err != nil {
				t.Fatal(err)
			}

			check(0, test.atOnce)
			w.now = w.now.Add(revocationFresh - time.Millisecond)
			check(1, false) // the answer is still good: the store is not asked
			w.now = w.now.Add(time.Millisecond)
			check(0, true)
			check(1, true)
		})
	}
}

// A session belongs to the identity and pool of its time: who gets the ID after a
// deletion does not bring it back, on any node, also one that was restarted.
func TestSessionsOfAPredecessor(t *testing.T) {
	const other = identitypool.IdentityID("us-east-1:00000000-0000-4000-8000-000000000003")
	again := func(t *testing.T, w *world, id identitypool.IdentityID) {
		t.Helper()
		bob := identitypool.Login{Kind: identitypool.Public, Provider: "idp.example.com", Subject: "bob"}
		err := w.store.LoadIdentity(t.Context(), identitypool.Identity{ID: id, PoolID: pool, EverLinked: true,
			Logins: []identitypool.Login{bob}, Created: w.now.Add(-1000 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
	}

	deleted := func(t *testing.T, w *world, id identitypool.IdentityID) {
		t.Helper()
		if err := w.store.DeleteIdentity(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}

	poolAgain := func(t *testing.T, w *world) {
		t.Helper()
		if err := w.store.DeletePool(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
		p := identitypool.Pool{ID: pool, Account: account, Region: "us-east-1", Name: "p"}
		if err := w.store.CreatePool(t.Context(), p, 10); err != nil {
			t.Fatal(err)
		}
	}

	for name, test := range map[string]struct {
		poolOnly bool
		change   func(t *testing.T, w *world)
	}{
		"identity loaded again": {change: func(t *testing.T, w *world) {
			deleted(t, w, identity)
			again(t, w, identity)
		}},
		"identity loaded again, an hour later": {change: func(t *testing.T, w *world) {
			deleted(t, w, identity)
			w.now = w.now.Add(time.Hour / 2)
			again(t, w, identity)
		}},
		"pool made again": {change: func(t *testing.T, w *world) {
			poolAgain(t, w)
			again(t, w, identity)
		}},
		"pool made again, session without an identity": {poolOnly: true, change: func(t *testing.T, w *world) {
			poolAgain(t, w)
		}},
		"the identity that it became part of": {change: func(t *testing.T, w *world) {
			deleted(t, w, other)
			again(t, w, other)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.link(t, identity,
				identitypool.Login{Kind: identitypool.Public, Provider: "idp.example.com", Subject: "alice"})

			if err := w.store.CreateIdentity(t.Context(), identitypool.Identity{ID: other, PoolID: pool}); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "the identity") {
				w.link(t, other,
					identitypool.Login{Kind: identitypool.Public, Provider: "idp.example.com", Subject: "alice"},
					identity)
			}

			session := func() *Session {
				s := w.session()
				if test.poolOnly {
					s.IdentityID = ""
				}
				return s
			}

			// Twice: the last deletion counts.
			var old []*Session
			for range 2 {
				old = append(old, session())
				for _, l := range w.lists {
					if err := l.Check(t.Context(), key, old[len(old)-1]); err != nil {
						t.Fatalf("before: %v", err)
					}
				}
				test.change(t, w)
				w.now = w.now.Add(2 * revocationFresh)

				for n, s := range old {
					for node, l := range w.lists {
						if err := l.Check(t.Context(), key, s); !errors.Is(err, ErrRevoked) {
							t.Errorf("session %d, node %d: %v, want %v", n, node, err, ErrRevoked)
						}
					}
					started := NewRevocations(w.lists[0].o)
					if err := started.Check(t.Context(), key, s); !errors.Is(err, ErrRevoked) {
						t.Errorf("session %d after a restart: %v, want %v", n, err, ErrRevoked)
					}
				}

				w.now = w.now.Add(2 * revocationFresh)
			}
		})
	}
}

// The account of the pool and that of the role may each sign a user out.
func TestSignOutByThePoolsAndTheRolesAccount(t *testing.T) {
	const poolsAccount, third = identitypool.AccountID("210987654321"), identitypool.AccountID("333333333333")
	login := identitypool.Login{Kind: identitypool.Public, Provider: "idp.example.com", Subject: "alice"}
	for by, want := range map[identitypool.AccountID]bool{account: true, poolsAccount: true, third: false} {
		w := newWorld(t)
		p := identitypool.Pool{
			ID:      "us-east-1:00000000-0000-4000-8000-000000000009",
			Account: poolsAccount,
			Region:  "us-east-1",
			Name:    "p",
		}
		if err := w.store.CreatePool(t.Context(), p, 10); err != nil {
			t.Fatal(err)
		}

		s := w.session()
		s.PoolID, s.IdentityID = p.ID, "us-east-1:00000000-0000-4000-8000-000000000008"
		err := w.store.LoadIdentity(t.Context(), identitypool.Identity{ID: s.IdentityID, PoolID: p.ID, EverLinked: true,
			Logins: []identitypool.Login{login}, Created: w.now})
		if err != nil {
			t.Fatal(err)
		}

		err = w.store.MarkSignOuts(t.Context(), store.SignOut{
			Kind:      store.SubjectSignOut,
			Account:   by,
			Provider:  login.Provider,
			Value:     login.Subject,
			NotBefore: w.now,
			Expires:   w.now.Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.lists[0].Check(t.Context(), key, s); errors.Is(err, ErrRevoked) != want {
			t.Errorf("signed out by %s: %v, want it revoked: %t", by, err, want)
		}
	}
}

// What a node remembers of roles for its decisions does not count: that would add
// to the time in which every node learns.
func TestDeletedRoleIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	if _, err := w.roles[1].RoleOf(t.Context(), roleARN); err != nil {
		t.Fatal(err)
	}

	s := w.session()
	if err := w.deleteRole(t); err != nil {
		t.Fatal(err)
	}
	if _, err := w.roles[1].RoleOf(t.Context(), roleARN); err != nil {
		t.Fatalf("the role is not remembered, so this shows nothing: %v", err)
	}
	if err := w.lists[1].Check(t.Context(), key, s); !errors.Is(err, ErrRevoked) {
		t.Errorf("%v, want %v", err, ErrRevoked)
	}
}

// Where roles need not be defined, only the deletion of one that was ends sessions.
func TestUnknownRoles(t *testing.T) {
	w := newWorld(t)
	lenient := NewRevocations(RevocationOptions{
		Store:              w.store,
		Roles:              w.roles[0],
		AcceptUnknownRoles: true,
		Now:                func() time.Time { return w.now },
	})

	never := w.session()
	never.RoleARN = roleOf(roleARN + "-never-defined")
	never.RoleID = iam.RoleID(never.RoleARN.String())
	deleted := w.session()
	if err := w.deleteRole(t); err != nil {
		t.Fatal(err)
	}

	if err := lenient.Check(t.Context(), key, never); err != nil {
		t.Errorf("a role that was never defined: %v", err)
	}
	if err := w.lists[0].Check(t.Context(), key, never); !errors.Is(err, ErrRevoked) {
		t.Errorf("the same where roles must be defined: %v", err)
	}
	if err := lenient.Check(t.Context(), "ASIAQOTHER", deleted); !errors.Is(err, ErrRevoked) {
		t.Errorf("a deleted role: %v", err)
	}
}

// What is no concern of a session leaves it alone.
func TestOthersGoOn(t *testing.T) {
	w := newWorld(t)
	w.link(t, identity, identitypool.Login{Kind: identitypool.Public, Provider: "idp.example.com", Subject: "alice"})

	for kind, value := range map[store.RevocationKind]string{store.AccessKeyRevocation: "ASIAQOTHER",
		store.IdentityRevocation: "us-east-1:x",
		store.PoolRevocation:     "us-east-1:y", store.RoleRevocation: roleARN + "x"} {
		if _, err := w.lists[0].Revoke(t.Context(), kind, account, value); err != nil {
			t.Fatal(err)
		}
	}

	for _, kind := range []store.RevocationKind{store.AccessKeyRevocation, store.IdentityRevocation} {
		if _, err := w.lists[0].Revoke(t.Context(), kind, "210987654321",
			map[store.RevocationKind]string{store.AccessKeyRevocation: key,
				store.IdentityRevocation: string(identity)}[kind]); err != nil {
			t.Fatal(err)
		}
	}

	if err := w.store.MarkSignOuts(t.Context(),
		store.SignOut{
			Kind:      store.SubjectSignOut,
			Account:   "210987654321",
			Provider:  "idp.example.com",
			Value:     "alice",
			NotBefore: w.now,
			Expires:   w.now.Add(time.Hour),
		},
		store.SignOut{
			Kind:      store.SubjectSignOut,
			Provider:  "idp.example.com",
			Value:     "bob",
			NotBefore: w.now,
			Expires:   w.now.Add(time.Hour),
		},
		store.SignOut{
			Kind:      store.SubjectSignOut,
			Provider:  "other.example.com",
			Value:     "alice",
			NotBefore: w.now,
			Expires:   w.now.Add(time.Hour),
		}); err != nil {
		t.Fatal(err)
	}

	if err := w.lists[0].Check(t.Context(), key, w.session()); err != nil {
		t.Error(err)
	}

	// Sessions that begin after a revocation are not concerned, but those of the
	// deny list are, even when their clock is ahead.
	if _, err := w.lists[0].Revoke(t.Context(), store.IdentityRevocation, account, string(identity)); err != nil {
		t.Fatal(err)
	}
	s := w.session()
	if err := w.lists[0].Check(t.Context(), key, s); !errors.Is(err, ErrRevoked) {
		t.Errorf("an older session: %v", err)
	}

	s.Issued = s.Issued.Add(time.Second)
	if err := w.lists[1].Check(t.Context(), key, s); err != nil {
		t.Errorf("a younger session: %v", err)
	}
	if _, err := w.lists[1].Revoke(t.Context(), store.AccessKeyRevocation, account, key); err != nil {
		t.Fatal(err)
	}

	s.Issued = s.Issued.Add(time.Minute)
	if err := w.lists[1].Check(t.Context(), key, s); !errors.Is(err, ErrRevoked) {
		t.Errorf("a session on the deny list: %v", err)
	}

	// Marks outlive every session they can concern, and no longer.
	w.now = w.now.Add(revocationKept)
	if _, err := w.lists[0].Revoke(t.Context(), store.PoolRevocation, account, "us-east-1:z"); err != nil {
		t.Fatal(err)
	}
	if n, err := w.store.RemoveRevocations(t.Context(), w.now, 100); n != 0 || err != nil {
		t.Errorf("%d expired marks were left, %v", n, err)
	}
}

// A store that does not answer refuses; a clock set back does not lengthen an answer's life.
func TestUnknownRefuses(t *testing.T) {
	w := newWorld(t)
	s := w.session()
	if err := w.lists[0].Check(t.Context(), key, s); err != nil {
		t.Fatal(err)
	}
	if err := w.store.DeleteIdentity(t.Context(), identity); err != nil {
		t.Fatal(err)
	}

	w.now = w.now.Add(-time.Minute)
	if err := w.lists[0].Check(t.Context(), key, s); !errors.Is(err, ErrRevoked) {
		t.Errorf("after the clock was set back: %v", err)
	}
	_ = w.store.Close()
	if err := w.lists[0].Check(t.Context(), "ASIAQOTHER", s); err == nil || errors.Is(err, ErrRevoked) {
		t.Errorf("without a store: %v", err)
	}
	if _, err := w.lists[0].Revoke(t.Context(), store.AccessKeyRevocation, account, key); err == nil {
		t.Error("a revocation that was not written is reported as done")
	}
}

// countingStore counts the questions about sessions.
type countingStore struct {
	RevocationStore
	asked int
}

func (c *countingStore) Revocations(
	ctx context.Context, now time.Time, of ...store.Revocation,
) ([]store.Revocation, error) {
	c.asked++
	return c.RevocationStore.Revocations(ctx, now, of...)
}

// Revocations by one account do not make this node ask anew about the sessions of
// another; those of its own do.
func TestRevocationsAreOfTheAccount(t *testing.T) {
	w := newWorld(t)
	counted := &countingStore{RevocationStore: w.store}
	l := NewRevocations(RevocationOptions{Store: counted, Roles: w.roles[0], Now: func() time.Time { return w.now }})
	for _, step := range []struct {
		by   identitypool.AccountID
		want int
	}{{"", 1}, {"", 1}, {"210987654321", 1}, {"210987654321", 1}, {account, 2}, {"", 2}} {
		if step.by != "" {
			if _, err := l.Revoke(t.Context(), store.AccessKeyRevocation, step.by, "ASIAQOTHER"); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Check(t.Context(), key, w.session()); err != nil {
			t.Fatal(err)
		}
		if counted.asked != step.want {
			t.Errorf("after a revocation by %q: asked %d times, want %d", step.by, counted.asked, step.want)
		}
	}
}
