package store

import (
	"cmp"
	"context"
	"crypto/sha256"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// loginKey is logins.login_key: SHA-256 of kind, NUL, provider, NUL, subject; of
// kind, "+scope", NUL, provider, NUL, scope, NUL, subject where there is a scope.
// Only the subject can hold a NUL, so no two logins share the input.
type loginKey [sha256.Size]byte

func keyOf(l identitypool.Login) loginKey {
	buf := make([]byte, 0, 160)
	buf = append(buf, l.Kind...)
	if l.Scope != "" {
		buf = append(buf, "+scope"...)
	}

	buf = append(buf, 0)
	buf = append(buf, l.Provider...)
	buf = append(buf, 0)
	if l.Scope != "" {
		buf = append(buf, l.Scope...)
		buf = append(buf, 0)
	}
	buf = append(buf, l.Subject...)

	return sha256.Sum256(buf)
}

// compareLogins orders logins as the database does: byte by byte.
func compareLogins(a, b identitypool.Login) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Scope, b.Scope))
}

func insertLogin(t *engine.Tx, pool identitypool.PoolID, id identitypool.IdentityID, l identitypool.Login) error {
	key := keyOf(l)
	_, err := t.Exec(`INSERT INTO logins (pool_id, login_key, identity_id, kind, provider, subject, scope)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		string(pool), key[:], string(id), string(l.Kind), l.Provider, []byte(l.Subject), l.Scope)
	return err
}

// Unlink removes from an identity the logins that choose returns, which must be
// linked to it; EverLinked stays. choose must be pure: if the identity changes
// meanwhile, it is called again. Its error ends the call and is returned as is.
// Errors: ErrNotFound (the identity, or a chosen login is not linked to it), ErrBusy.
func (s *Store) Unlink(
	ctx context.Context, id identitypool.IdentityID,
	choose func(identitypool.Identity) ([]identitypool.Login, error),
) error {
	return s.retryRaces(ctx, func() error {
		before, err := s.readIdentity(ctx, id)
		if err != nil {
			return err
		}

		logins, err := choose(cloneIdentity(before.Identity))
		if err != nil || len(logins) == 0 {
			return err
		}

		for _, l := range logins {
			if !before.HasLogin(l) {
				return notFound("login")
			}
		}

		return s.write(ctx, func(t *engine.Tx) error {
			t.Touch(identityKey(id))
			if err := before.advanceRevision(t, later(before.Modified, s.now())); err != nil {
				return err
			}

			for _, l := range logins {
				key := keyOf(l)
				if _, err := t.Exec(`DELETE FROM logins WHERE pool_id = $1 AND login_key = $2 AND identity_id = $3`,
					string(before.PoolID), key[:], string(id)); err != nil {
					return err
				}
			}

			return nil
		})
	})
}

// IdentityByLogin returns the identity that a login of a pool belongs to.
// Error: ErrNotFound.
func (s *Store) IdentityByLogin(
	ctx context.Context, pool identitypool.PoolID, l identitypool.Login,
) (identitypool.Identity, error) {
	if checkID("pool ID", string(pool)) != nil || checkLogin(l) != nil {
		return identitypool.Identity{}, notFound("login")
	}
	if v, ok := s.cachedView(ctx, pool, "", []identitypool.Login{l}); ok {
		return cloneIdentity(v.rows[0].Identity), nil
	}

	v, err := s.readView(ctx, pool, "", []identitypool.Login{l})
	if err != nil {
		return identitypool.Identity{}, err
	}
	if len(v.rows) == 0 {
		return identitypool.Identity{}, notFound("login")
	}

	return v.rows[0].Identity, nil
}

// DeveloperUserIDs returns at most limit user identifiers that an identity has
// with a developer provider, ordered byte by byte, beginning with the first one
// greater than after ("" = from the start). Error: ErrNotFound.
func (s *Store) DeveloperUserIDs(
	ctx context.Context, id identitypool.IdentityID, provider string, after string, limit int,
) ([]string, error) {
	if err := checkText("provider", provider, maxProvider); err != nil {
		return nil, err
	}
	i, err := s.Identity(ctx, id)
	if err != nil {
		return nil, err
	}

	var subjects []string
	for _, l := range i.Logins { // they are in order and few
		if l.Kind == identitypool.Developer && l.Provider == provider && l.Subject > after && len(subjects) < limit {
			subjects = append(subjects, l.Subject)
		}
	}

	return subjects, nil
}
