package store

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// samlBinding names the identity provider that the logins of a SAML provider belong
// to if they were stored without a scope.
type samlBinding struct {
	Provider string // ARN
	EntityID string // "" = unknown
}

func scanBinding(row scanner) (b samlBinding, err error) {
	err = row.Scan(&b.Provider, &b.EntityID)
	return b, err
}

// EntityOf returns the entity ID of a SAML provider, given by its ARN; known is
// false as long as the entity ID cannot be determined.
type EntityOf func(provider string) (entityID string, known bool)

// BindSAMLLogins records the entity ID of each SAML provider that has logins without
// a scope and no binding yet, unless entityOf does not know it. It returns the
// bindings of all providers, by ARN; recorded ones never change. The server calls it
// before it serves requests, so that a provider is bound as it was when the database
// was upgraded.
func (s *Store) BindSAMLLogins(ctx context.Context, entityOf EntityOf) (map[string]string, error) {
	bindings, err := s.samlBindings(ctx)
	if err != nil {
		return nil, err
	}

	for after := "arn:"; ; {
		provider, err := s.scopelessProvider(ctx, after)
		if err != nil {
			return nil, err
		}
		if provider == "" {
			return s.samlBindings(ctx) // another node may have been first
		}
		after = provider

		if _, bound := bindings[provider]; bound {
			continue
		}
		entityID, known := entityOf(provider)
		if !known {
			continue
		}

		err = s.write(ctx, func(t *engine.Tx) error { return insertBinding(t, samlBinding{provider, entityID}) })
		if err != nil {
			return nil, err
		}
	}
}

func (s *Store) samlBindings(ctx context.Context) (map[string]string, error) {
	all, err := readAll(ctx, s, scanBinding, `SELECT provider, entity_id FROM saml_bindings`)

	bindings := make(map[string]string, len(all))
	for _, b := range all {
		bindings[b.Provider] = b.EntityID
	}

	return bindings, err
}

// scopelessProvider returns the first provider behind after, byte by byte, that has
// logins without a scope; "" when there is none. The condition is that of the index
// logins_without_scope, which takes one look-up however many logins there are.
func (s *Store) scopelessProvider(ctx context.Context, after string) (string, error) {
	found, err := readAll(ctx, s, scanString, `SELECT provider FROM logins
		WHERE kind = 'public' AND scope = '' AND provider > 'arn:' AND provider < 'arn;' AND provider > $1
		ORDER BY provider LIMIT 1`, after)
	if err != nil || len(found) == 0 {
		return "", err
	}

	return found[0], nil
}

// insertBinding keeps an existing binding: another node was first.
func insertBinding(t *engine.Tx, b samlBinding) error {
	_, err := t.Exec(`INSERT INTO saml_bindings (provider, entity_id) VALUES ($1, $2)
		ON CONFLICT (provider) DO NOTHING`,
		b.Provider, b.EntityID)
	return err
}

// RescopeLogin gives the login from of a pool the scope of to, which is the same
// login otherwise. It reports false, and changes nothing, when the pool has no
// login from or already has to. The identity does not change otherwise.
// Errors: ErrInvalid, ErrBusy.
func (s *Store) RescopeLogin(ctx context.Context, pool identitypool.PoolID, from, to identitypool.Login) (
	moved bool, err error,
) {
	if err := checkLogin(to); err != nil {
		return false, err
	}

	err = s.retryRaces(ctx, func() error {
		moved = false
		if _, err := s.IdentityByLogin(ctx, pool, to); !errors.Is(err, ErrNotFound) {
			return err
		}

		owner, err := s.IdentityByLogin(ctx, pool, from)
		if errors.Is(err, ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}

		before, err := s.readIdentity(ctx, owner.ID)
		if errors.Is(err, ErrNotFound) || err == nil && !before.HasLogin(from) {
			return errMoved // it changed between the two reads
		} else if err != nil {
			return err
		}

		oldKey, newKey := keyOf(from), keyOf(to)
		err = s.write(ctx, func(t *engine.Tx) error {
			t.Touch(identityKey(before.ID))
			if err := before.advanceRevision(t, before.Modified); err != nil {
				return err
			}
			return mustChange(t, `UPDATE logins SET login_key = $1, scope = $2
				WHERE pool_id = $3 AND login_key = $4 AND identity_id = $5`,
				newKey[:], to.Scope, string(pool), oldKey[:], string(before.ID))
		})
		moved = err == nil

		return err
	})

	return moved, err
}
