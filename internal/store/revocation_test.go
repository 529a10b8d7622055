package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRevocations(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		now := newClock().now()
		later := now.Add(time.Hour)
		const account = "123456789012"
		key := Revocation{AccessKeyRevocation, account, "ASIAX", later, later}
		identity := Revocation{IdentityRevocation, account, "us-east-1:1", now, later}
		look := func(step string, at time.Time, of []Revocation, want ...Revocation) {
			t.Helper()
			got, err := s.Revocations(t.Context(), at, of...)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", step, err, diff)
			}
		}

		both := []Revocation{key, identity}
		look("at first", now, both)
		wantError(t, "key", s.Revoke(t.Context(), key), nil)
		look("a key", now, both, key)
		wantError(t, "identity", s.Revoke(t.Context(), identity), nil)
		look("a key and an identity", now, both, key, identity)
		look("of one kind", now, both[1:], identity)
		look("another account", now, []Revocation{{Kind: AccessKeyRevocation, Account: "210987654321", Value: "ASIAX"}})
		look("another kind", now, []Revocation{{Kind: RoleRevocation, Account: account, Value: "ASIAX"}})
		look("expired", later, both)

		earlier := identity
		earlier.NotBefore = now.Add(-time.Minute)
		wantError(t, "earlier", s.Revoke(t.Context(), earlier), nil)
		look("an earlier mark", now, both[1:], identity)
		identity.NotBefore, identity.Expires = now.Add(time.Minute), later.Add(time.Minute)
		wantError(t, "later", s.Revoke(t.Context(), identity), nil)
		look("a later mark", now, both[1:], identity)

		for name, m := range map[string]Revocation{
			"no kind":    {"", account, "v", now, later},
			"no account": {RoleRevocation, "", "v", now, later},
			"no value":   {RoleRevocation, account, "", now, later},
			"no time":    {RoleRevocation, account, "v", time.Time{}, later},
			"no end":     {RoleRevocation, account, "v", now, time.Time{}},
			"NUL":        {RoleRevocation, account, "\x00", now, later},
			"too long":   {RoleRevocation, account, strings.Repeat("x", maxRevoked+1), now, later},
		} {
			wantError(t, name, s.Revoke(t.Context(), m), ErrInvalid)
		}

		_, err := s.Revocations(t.Context(), now)
		wantError(t, "of nothing", err, ErrInvalid)
		_, err = s.Revocations(t.Context(), now, key, key, key, key, key)
		wantError(t, "of five", err, ErrInvalid)

		for _, want := range []int{1, 0} {
			if n, err := s.RemoveRevocations(t.Context(), later, 10); n != want || err != nil {
				t.Errorf("RemoveRevocations = %d, %v; want %d", n, err, want)
			}
		}
		look("what had not expired", now, both, identity)
	})
}
