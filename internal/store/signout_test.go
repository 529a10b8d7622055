package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// testAccount is the one whose logins are looked at.
const testAccount = "123456789012"

// markOf is a mark that counts for all accounts.
func markOf(kind SignOutKind, provider, value string, notBefore, expires time.Time) SignOut {
	return SignOut{Kind: kind, Provider: provider, Value: value, NotBefore: notBefore, Expires: expires}
}

func TestSignOuts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := newClock().now()
		later := now.Add(time.Hour)
		look := func(step, provider, subject string, sessions []string, at time.Time, want ...SignOut) {
			t.Helper()
			got, err := s.SignOuts(t.Context(), testAccount, provider, subject, sessions, at)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", step, err, diff)
			}
		}

		mark := func(marks ...SignOut) {
			t.Helper()
			wantError(t, "MarkSignOuts", s.MarkSignOuts(t.Context(), marks...), nil)
		}
		look("at first", "p", "alice", nil, now)
		look("at first, remembered", "p", "alice", []string{"s"}, now)

		alice := markOf(SubjectSignOut, "p", "alice", now, later)
		session := markOf(SessionSignOut, "p", "s2", time.Time{}, later)
		unnamed := markOf(UnnamedSignOut, "p", "alice", now, later)
		mark(alice)
		look("a subject", "p", "alice", nil, now, alice)
		look("another subject", "p", "bob", []string{"alice"}, now)
		look("another provider", "q", "alice", nil, now)
		mark(session, unnamed)
		look("all kinds", "p", "alice", []string{"s1", "s2", "s3"}, now, session, alice, unnamed)
		look("session alone", "p", "bob", []string{"s2"}, now, session)
		look("a subject named like a session", "p", "s2", nil, now)

		// The later of two marks holds, whichever comes second.
		mark(markOf(SubjectSignOut, "p", "alice", now.Add(-time.Minute), later.Add(-time.Minute)))
		look("an earlier mark", "p", "alice", nil, now, alice, unnamed)
		alice.NotBefore, alice.Expires = now.Add(time.Minute), later.Add(time.Minute)
		mark(alice)
		look("a later mark", "p", "alice", nil, now, alice, unnamed)
		look("expiry is exclusive", "p", "alice", []string{"s2"}, later, alice)
		look("expired", "p", "alice", nil, later.Add(time.Hour))

		for name, m := range map[string]SignOut{
			"no kind":      markOf("", "p", "v", now, later),
			"no provider":  markOf(SubjectSignOut, "", "v", now, later),
			"no value":     markOf(SubjectSignOut, "p", "", now, later),
			"no end":       markOf(SubjectSignOut, "p", "v", now, time.Time{}),
			"bad provider": markOf(SubjectSignOut, "\x00", "v", now, later),
			"bad account": {Kind: SubjectSignOut, Account: "\x00", Provider: "p", Value: "v", NotBefore: now,
				Expires: later},
		} {
			wantError(t, name,
				s.MarkSignOuts(t.Context(), markOf(SubjectSignOut, "p", "carol", now, later), m), ErrInvalid)
		}

		look("all or none", "p", "carol", nil, now)
		_, err := s.SignOuts(t.Context(), testAccount, "p", "alice", []string{"1", "2", "3", "4"}, now)
		wantError(t, "too many sessions", err, ErrInvalid)
		hostile := markOf(SubjectSignOut, "p", "\x00\xff'\u202e", now, later)
		mark(hostile)
		_, err = s.SignOuts(t.Context(), "", "p", "alice", nil, now)
		wantError(t, "no account", err, ErrInvalid)
		look("any bytes", "p", hostile.Value, nil, now, hostile)
	})
}

// A mark of one account counts there alone, one without an account everywhere,
// whatever was looked up before and in whatever order they came.
func TestSignOutsByAccount(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := newClock().now()
		accounts := []identitypool.AccountID{"111111111111", "222222222222"}
		subject := 0
		for _, kind := range []SignOutKind{SubjectSignOut, SessionSignOut, UnnamedSignOut} {
			for _, of := range [][]identitypool.AccountID{{""}, {accounts[0]}, {accounts[1]}, {accounts[0], ""},
				{"", accounts[1]}, accounts} {
				subject++
				// A provider of its own, so that the cache first learns that it has no marks.
				provider, value := fmt.Sprint("p", subject), fmt.Sprint("v", subject)
				seen := func(account identitypool.AccountID) (found []identitypool.AccountID) {
					marks, err := s.SignOuts(t.Context(), account, provider, value, []string{value}, now)
					if err != nil {
						t.Error(err)
					}

					for _, m := range marks {
						found = append(found, m.Account)
					}

					return found
				}

				var want [2][]identitypool.AccountID
				for _, owner := range of {
					for i, account := range accounts {
						if got := seen(account); !slices.Equal(got, want[i]) {
							t.Errorf("%s mark of %q, before %q: account %s sees %q, want %q",
								kind, of, owner, account, got, want[i])
						}
						if owner == "" || owner == account {
							want[i] = append(want[i], owner)
							slices.Sort(want[i])
						}
					}

					m := markOf(kind, provider, value, now, now.Add(time.Hour))
					m.Account = owner
					wantError(t, "mark", s.MarkSignOuts(t.Context(), m), nil)
				}

				for i, account := range accounts {
					if got := seen(account); !slices.Equal(got, want[i]) {
						t.Errorf("%s mark of %q: account %s sees %q, want %q", kind, of, account, got, want[i])
					}
				}
			}
		}
	})
}

func TestRemoveSignOuts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := newClock().now()
		for n := range 5 {
			m := markOf(SessionSignOut, "p", numbered("s", n), time.Time{}, now.Add(time.Duration(n)*time.Minute))
			wantError(t, "mark", s.MarkSignOuts(t.Context(), m), nil)
		}

		at := now.Add(3 * time.Minute) // 0 to 3 are expired
		for _, want := range []int{3, 1, 0} {
			if n, err := s.RemoveSignOuts(t.Context(), at, 3); n != want || err != nil {
				t.Errorf("RemoveSignOuts = %d, %v; want %d", n, err, want)
			}
		}
		left, err := s.SignOuts(t.Context(), testAccount, "p", "", []string{numbered("s", 3), numbered("s", 4)}, now)
		if err != nil || len(left) != 1 || left[0].Value != numbered("s", 4) {
			t.Errorf("left = %v, %v", left, err)
		}
	})
}

// A mark is seen by everybody once it is acknowledged: at once on PostgreSQL
// and within the process, after the cache's freshness across processes on one file.
func TestSignOutsAcrossNodes(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		a := open(t, o)
		b := a
		if o.URL != "" || o.Path != "" {
			b = open(t, o)
		}

		now := newClock().now()
		for _, s := range []*Store{a, b} { // both learn that there is none
			if marks, err := s.SignOuts(t.Context(), testAccount, "p", "alice", nil, now); err != nil ||
				len(marks) != 0 {
				t.Fatalf("SignOuts = %v, %v", marks, err)
			}
		}

		wantError(t, "mark",
			a.MarkSignOuts(t.Context(), markOf(SubjectSignOut, "p", "alice", now, now.Add(time.Hour))), nil)
		if marks, err := a.SignOuts(t.Context(), testAccount, "p", "alice", nil, now); err != nil || len(marks) != 1 {
			t.Errorf("the marking node sees %v, %v", marks, err)
		}
		deadline := time.Now()
		if o.Path != "" {
			deadline = deadline.Add(2 * time.Second)
		}

		for {
			marks, err := b.SignOuts(t.Context(), testAccount, "p", "alice", nil, now)
			if err == nil && len(marks) == 1 {
				return
			}
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("the other node sees %v, %v", marks, err)
			}
		}
	})
}

// Nodes that mark the same subjects at the same time do not stand in each
// other's way, and lose nothing.
func TestMarkSignOutsConcurrently(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := newClock().now()
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				marks := []SignOut{}
				for i := range 8 {
					marks = append(marks, markOf(SubjectSignOut, "p", fmt.Sprint((i*(2*(n%4)+1))%8),
						now.Add(time.Duration(n)*time.Second), now.Add(time.Hour)))
				}
				if err := s.MarkSignOuts(t.Context(), marks...); err != nil {
					t.Errorf("MarkSignOuts: %v", err)
				}
			})
		}
		wg.Wait()

		for i := range 8 {
			marks, err := s.SignOuts(t.Context(), testAccount, "p", fmt.Sprint(i), nil, now)
			if err != nil || len(marks) != 1 || !marks[0].NotBefore.Equal(now.Add(15*time.Second)) {
				t.Errorf("subject %d: %v, %v", i, marks, err)
			}
		}
	})
}

// BenchmarkSignOuts is the price of the check on each login: of a provider
// without marks, and of one with many.
func BenchmarkSignOuts(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *Store) {
		now := time.Now()
		marks := make([]SignOut, 1000)
		for n := range marks {
			marks[n] = markOf(SubjectSignOut, "marked", fmt.Sprint(n), now, now.Add(time.Hour))
		}
		if err := s.MarkSignOuts(b.Context(), marks...); err != nil {
			b.Fatal(err)
		}

		for _, provider := range []string{"unmarked", "marked"} {
			b.Run(provider, func(b *testing.B) {
				inParallel(b, 8, func(i int64) error {
					_, err := s.SignOuts(b.Context(), testAccount, provider, "alice",
						[]string{"sid", "origin", "jti"}, now)
					return err
				})
			})
		}
	})
}
