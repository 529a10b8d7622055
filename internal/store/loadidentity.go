package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// LoadIdentity adds an identity that was made elsewhere, with its logins, its
// dates and EverLinked. Errors: ErrNotFound when the pool does not exist,
// ErrConflict when the ID does, when another account had it once, or when
// another identity of the pool has one of the logins, ErrInvalid.
func (s *Store) LoadIdentity(ctx context.Context, i identitypool.Identity) error {
	if err := errors.Join(checkID("pool ID", string(i.PoolID)), checkID("identity ID", string(i.ID)), checkLogins(i.Logins)); err != nil {
		return err
	}
	if i.Disabled || i.MergedTo != "" || len(i.Logins) > 0 && !i.EverLinked {
		return fmt.Errorf("%w: a disabled identity, or logins of a guest", ErrInvalid)
	}
	err := s.write(ctx, func(t *tx) error {
		if err := insertIdentity(t, i); err != nil {
			return err
		}
		if err := claimIdentityID(t, i.ID, i.PoolID); err != nil {
			return err
		}
		for _, l := range i.Logins {
			if err := insertLogin(t, i.PoolID, i.ID, l); err != nil {
				return err
			}
		}
		return nil
	})
	if s.engine.race(err) {
		return fmt.Errorf("identity: %w", ErrConflict)
	}
	return err
}
