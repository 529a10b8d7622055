package store

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// SAMLBinding says to which identity provider, by its entity ID, the logins of a
// SAML provider belong that were stored without a scope. "" = nobody knows.
type SAMLBinding struct{ Provider, EntityID string }

func scanBinding(row scanner) (b SAMLBinding, err error) {
	err = row.Scan(&b.Provider, &b.EntityID)
	return b, err
}

// BindSAMLLogins records, for each SAML provider that has logins without a scope
// and no binding yet, the entity ID that entityOf returns; known is false while it
// cannot be told, and then nothing is recorded. It returns the bindings of all
// providers, the recorded ones unchanged. The server calls it before it serves, so
// that a provider is bound as it was when the database was upgraded.
func (s *Store) BindSAMLLogins(ctx context.Context, entityOf func(provider string) (entityID string, known bool)) (map[string]string, error) {
	for after := "arn:"; ; {
		next, err := s.scopelessProvider(ctx, after)
		if err != nil {
			return nil, err
		}
		if next == "" {
			break
		}
		after = next
		entityID, known := entityOf(next)
		if !known {
			continue
		}
		err = s.write(ctx, func(t *tx) error { return insertBinding(t, SAMLBinding{next, entityID}) })
		if err != nil {
			return nil, err
		}
	}

	var all []SAMLBinding
	err := s.engine.read(ctx, func(q querier) (err error) {
		all, err = collect(q, scanBinding, `SELECT provider, entity_id FROM saml_bindings`)
		return err
	})
	bindings := make(map[string]string, len(all))
	for _, b := range all {
		bindings[b.Provider] = b.EntityID
	}
	return bindings, err
}

// scopelessProvider returns the first provider behind after, byte by byte, that has
// logins without a scope and no binding; "" when there is none. The condition is
// that of the index logins_without_scope.
func (s *Store) scopelessProvider(ctx context.Context, after string) (string, error) {
	var found []string
	err := s.engine.read(ctx, func(q querier) (err error) {
		found, err = collect(q, scanText, `SELECT l.provider FROM logins AS l
			WHERE l.kind = 'public' AND l.scope = '' AND l.provider > 'arn:' AND l.provider < 'arn;' AND l.provider > $1
			AND NOT EXISTS (SELECT 1 FROM saml_bindings AS b WHERE b.provider = l.provider)
			ORDER BY l.provider LIMIT 1`, after)
		return err
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func scanText(row scanner) (text string, err error) { err = row.Scan(&text); return text, err }

// insertBinding keeps the binding that is there, if any: another node was first.
func insertBinding(t *tx, b SAMLBinding) error {
	_, err := t.exec(`INSERT INTO saml_bindings (provider, entity_id) VALUES ($1, $2) ON CONFLICT (provider) DO NOTHING`, b.Provider, b.EntityID)
	return err
}

// RescopeLogin gives the login from of a pool the scope of to, which is the same
// login otherwise. It reports false, and changes nothing, when the pool has no
// login from or has to already. The identity stays what it is. Errors: ErrInvalid,
// ErrBusy.
func (s *Store) RescopeLogin(ctx context.Context, pool identitypool.PoolID, from, to identitypool.Login) (moved bool, err error) {
	if err := checkLogin(to); err != nil {
		return false, err
	}
	err = s.untilSettled(ctx, func() error {
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
		err = s.write(ctx, func(t *tx) error {
			t.touch(identityKey(before.ID))
			if err := before.claim(t, before.Modified); err != nil {
				return err
			}
			return t.mustChange(`UPDATE logins SET login_key = $1, scope = $2 WHERE pool_id = $3 AND login_key = $4 AND identity_id = $5`,
				newKey[:], to.Scope, string(pool), oldKey[:], string(before.ID))
		})
		moved = err == nil
		return err
	})
	return moved, err
}
