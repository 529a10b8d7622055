package store

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// fillWebIdentity makes an enabled and a disabled issuer.
func fillWebIdentity(t *testing.T, s *Store) {
	t.Helper()
	for n, account := range []identitypool.AccountID{"123456789012", "210987654321"} {
		if _, err := s.EnableWebIdentity(t.Context(), account, numbered("issuer", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DisableWebIdentity(t.Context(), "210987654321"); err != nil {
		t.Fatal(err)
	}
}

func TestWebIdentityIssuers(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		const account = "123456789012"
		_, err := s.WebIdentityIssuer(t.Context(), account)
		wantError(t, "before", err, ErrNotFound)
		wantError(t, "disable before", s.DisableWebIdentity(t.Context(), account), ErrNotFound)

		first, err := s.EnableWebIdentity(t.Context(), account, "one")
		if err != nil || first.ID != "one" || !first.Enabled || first.Created.IsZero() {
			t.Fatalf("enabled: %+v, %v", first, err)
		}
		_, err = s.EnableWebIdentity(t.Context(), account, "two")
		wantError(t, "enable again", err, ErrConflict)

		wantError(t, "disable", s.DisableWebIdentity(t.Context(), account), nil)
		wantError(t, "disable again", s.DisableWebIdentity(t.Context(), account), ErrNotFound)
		disabled, err := s.WebIdentityIssuer(t.Context(), account)
		if err != nil || disabled.Enabled || disabled.ID != "one" {
			t.Errorf("disabled: %+v, %v", disabled, err)
		}

		again, err := s.EnableWebIdentity(t.Context(), account, "three")
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("enabled later: %v (-want +got):\n%s", err, diff)
		}
		byID, err := s.WebIdentityIssuerByID(t.Context(), "one")
		if err != nil || byID != again {
			t.Errorf("by ID: %+v, %v", byID, err)
		}
		for _, id := range []string{"three", account, "", "\x00", "ONE"} {
			_, err := s.WebIdentityIssuerByID(t.Context(), id)
			wantError(t, "by ID "+strconv.Quote(id), err, ErrNotFound)
		}

		for _, bad := range []identitypool.AccountID{"", "\x00"} {
			_, err := s.EnableWebIdentity(t.Context(), bad, "x")
			wantError(t, "enable for a bad account", err, ErrInvalid)
			wantError(t, "disable for a bad account", s.DisableWebIdentity(t.Context(), bad), ErrInvalid)
		}
	})
}

// TestEnableWebIdentityAtOnce: of several nodes that enable an account at once, one makes its issuer.
func TestEnableWebIdentityAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		const account = "123456789012"
		var enabled atomic.Int32
		var group sync.WaitGroup
		for n := range 8 {
			group.Go(func() {
				_, err := s.EnableWebIdentity(t.Context(), account, numbered("issuer", n))
				switch {
				case err == nil:
					enabled.Add(1)
				case !errors.Is(err, ErrConflict):
					t.Error(err)
				}
			})
		}
		group.Wait()

		all, err := s.WebIdentityIssuers(t.Context())
		if err != nil || len(all) != 1 || enabled.Load() != 1 {
			t.Errorf("%d calls enabled, %d issuers, %v", enabled.Load(), len(all), err)
		}
	})
}
