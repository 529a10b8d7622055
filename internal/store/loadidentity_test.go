package store

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

func TestLoadIdentity(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		made := newClock().now().Add(-1000 * 3600 * 1e9).UTC()
		want := identitypool.Identity{ID: "us-east-1:loaded", PoolID: pool, Logins: []identitypool.Login{developer("alice")}, EverLinked: true, Created: made, Modified: made}
		wantError(t, "LoadIdentity", s.LoadIdentity(t.Context(), want), nil)
		got, err := s.Identity(t.Context(), want.ID)
		if err != nil || !got.Created.Equal(made) || !got.HasLogin(developer("alice")) || !got.EverLinked {
			t.Errorf("Identity = %+v, %v", got, err)
		}
		found, err := s.IdentityByLogin(t.Context(), pool, developer("alice"))
		if err != nil || found.ID != want.ID {
			t.Errorf("IdentityByLogin = %+v, %v", found, err)
		}
		again := want
		wantError(t, "the same ID", s.LoadIdentity(t.Context(), again), ErrConflict)
		again.ID = "us-east-1:another"
		wantError(t, "the same login", s.LoadIdentity(t.Context(), again), ErrConflict)
		_, err = s.Identity(t.Context(), again.ID)
		wantError(t, "what was refused", err, ErrNotFound)
		again.PoolID, again.Logins = "us-east-1:nowhere", nil
		wantError(t, "an unknown pool", s.LoadIdentity(t.Context(), again), ErrNotFound)
		again.PoolID, again.Disabled = pool, true
		wantError(t, "a disabled one", s.LoadIdentity(t.Context(), again), ErrInvalid)
	})
}
