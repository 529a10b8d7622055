package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSignOuts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := newClock().now()
		later := now.Add(time.Hour)
		look := func(step, provider, subject string, sessions []string, at time.Time, want ...SignOut) {
			t.Helper()
			got, err := s.SignOuts(t.Context(), provider, subject, sessions, at)
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

		alice := SignOut{SubjectSignOut, "p", "alice", now, later}
		session := SignOut{SessionSignOut, "p", "s2", time.Time{}, later}
		unnamed := SignOut{UnnamedSignOut, "p", "alice", now, later}
		mark(alice)
		look("a subject", "p", "alice", nil, now, alice)
		look("another subject", "p", "bob", []string{"alice"}, now)
		look("another provider", "q", "alice", nil, now)
		mark(session, unnamed)
		look("all kinds", "p", "alice", []string{"s1", "s2", "s3"}, now, session, alice, unnamed)
		look("session alone", "p", "bob", []string{"s2"}, now, session)
		look("a subject named like a session", "p", "s2", nil, now)

		// The later of two marks holds, whichever comes second.
		mark(SignOut{SubjectSignOut, "p", "alice", now.Add(-time.Minute), later.Add(-time.Minute)})
		look("an earlier mark", "p", "alice", nil, now, alice, unnamed)
		alice.NotBefore, alice.Expires = now.Add(time.Minute), later.Add(time.Minute)
		mark(alice)
		look("a later mark", "p", "alice", nil, now, alice, unnamed)
		look("expiry is exclusive", "p", "alice", []string{"s2"}, later, alice)
		look("expired", "p", "alice", nil, later.Add(time.Hour))

		for name, m := range map[string]SignOut{
			"no kind":      {"", "p", "v", now, later},
			"no provider":  {SubjectSignOut, "", "v", now, later},
			"no value":     {SubjectSignOut, "p", "", now, later},
			"no end":       {SubjectSignOut, "p", "v", now, time.Time{}},
			"bad provider": {SubjectSignOut, "\x00", "v", now, later},
		} {
			wantError(t, name, s.MarkSignOuts(t.Context(), SignOut{SubjectSignOut, "p", "carol", now, later}, m), ErrInvalid)
		}
		look("all or none", "p", "carol", nil, now)
		_, err := s.SignOuts(t.Context(), "p", "alice", []string{"1", "2", "3", "4"}, now)
		wantError(t, "too many sessions", err, ErrInvalid)
		hostile := SignOut{SubjectSignOut, "p", "\x00\xff'\u202e", now, later}
		mark(hostile)
		look("any bytes", "p", hostile.Value, nil, now, hostile)
	})
}

func TestRemoveSignOuts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := newClock().now()
		for n := range 5 {
			m := SignOut{SessionSignOut, "p", numbered("s", n), time.Time{}, now.Add(time.Duration(n) * time.Minute)}
			wantError(t, "mark", s.MarkSignOuts(t.Context(), m), nil)
		}
		at := now.Add(3 * time.Minute) // 0 to 3 are expired
		for _, want := range []int{3, 1, 0} {
			if n, err := s.RemoveSignOuts(t.Context(), at, 3); n != want || err != nil {
				t.Errorf("RemoveSignOuts = %d, %v; want %d", n, err, want)
			}
		}
		left, err := s.SignOuts(t.Context(), "p", "", []string{numbered("s", 3), numbered("s", 4)}, now)
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
			if marks, err := s.SignOuts(t.Context(), "p", "alice", nil, now); err != nil || len(marks) != 0 {
				t.Fatalf("SignOuts = %v, %v", marks, err)
			}
		}
		wantError(t, "mark", a.MarkSignOuts(t.Context(), SignOut{SubjectSignOut, "p", "alice", now, now.Add(time.Hour)}), nil)
		if marks, err := a.SignOuts(t.Context(), "p", "alice", nil, now); err != nil || len(marks) != 1 {
			t.Errorf("the marking node sees %v, %v", marks, err)
		}
		deadline := time.Now()
		if o.Path != "" {
			deadline = deadline.Add(2 * time.Second)
		}
		for {
			marks, err := b.SignOuts(t.Context(), "p", "alice", nil, now)
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
					marks = append(marks, SignOut{SubjectSignOut, "p", fmt.Sprint((i * (2*(n%4) + 1)) % 8), now.Add(time.Duration(n) * time.Second), now.Add(time.Hour)})
				}
				if err := s.MarkSignOuts(t.Context(), marks...); err != nil {
					t.Errorf("MarkSignOuts: %v", err)
				}
			})
		}
		wg.Wait()
		for i := range 8 {
			marks, err := s.SignOuts(t.Context(), "p", fmt.Sprint(i), nil, now)
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
			marks[n] = SignOut{SubjectSignOut, "marked", fmt.Sprint(n), now, now.Add(time.Hour)}
		}
		if err := s.MarkSignOuts(b.Context(), marks...); err != nil {
			b.Fatal(err)
		}
		for _, provider := range []string{"unmarked", "marked"} {
			b.Run(provider, func(b *testing.B) {
				inParallel(b, 8, func(i int64) error {
					_, err := s.SignOuts(b.Context(), provider, "alice", []string{"sid", "origin", "jti"}, now)
					return err
				})
			})
		}
	})
}
