package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// AccessKey is a long-lived access key of an account. Its secret is sealed
// before it reaches the store.
type AccessKey struct {
	ID           string
	Account      identitypool.AccountID
	SealedSecret []byte
	Disabled     bool
	Description  string
	Policy       string
	Created      time.Time // to the millisecond
}

func (k AccessKey) check() error {
	return errors.Join(checkID("access key ID", k.ID), checkID("account", string(k.Account)),
		checkBytes("sealed secret", k.SealedSecret, maxText),
		checkText("description", k.Description, maxText), checkText("policy", k.Policy, maxText))
}

const accessKeyColumns = `access_key_id, account, sealed_secret, disabled, description, policy, created`

func scanAccessKey(row scanner) (k AccessKey, err error) {
	var created int64
	err = row.Scan(&k.ID, &k.Account, &k.SealedSecret, &k.Disabled, &k.Description, &k.Policy, &created)
	k.Created = fromMillis(created)
	return k, err
}

func insertAccessKey(t *engine.Tx, k AccessKey) error {
	_, err := t.Exec(`INSERT INTO access_keys (`+accessKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, string(k.Account), notNil(k.SealedSecret), k.Disabled, k.Description, k.Policy, millis(k.Created))
	return err
}

// notNil returns an empty slice for nil, which would be stored as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// CreateAccessKey adds an access key, created now unless k.Created is set.
// Errors: ErrConflict, ErrInvalid.
func (s *Store) CreateAccessKey(ctx context.Context, k AccessKey) error {
	if err := k.check(); err != nil {
		return err
	}
	if k.Created.IsZero() {
		k.Created = s.now()
	}

	err := s.write(ctx, func(t *engine.Tx) error { return insertAccessKey(t, k) })
	if s.engine.IsViolation(err) {
		return fmt.Errorf("access key %s: %w", k.ID, ErrConflict)
	}

	return err
}

// CreateAccessKeyWithin is CreateAccessKey for an account that may have limit keys. Calls for all
// accounts take turns, as in changeUnlessLast: two that count at once must not both find room.
// Errors: ErrConflict, ErrInvalid, ErrLimit.
func (s *Store) CreateAccessKeyWithin(ctx context.Context, k AccessKey, limit int) error {
	if err := k.check(); err != nil {
		return err
	}
	if k.Created.IsZero() {
		k.Created = s.now()
	}

	err := s.write(ctx, func(t *engine.Tx) error {
		if err := takeTurns(t); err != nil {
			return err
		}
		n, err := collect(t, scanInt, `SELECT count(*) FROM access_keys WHERE account = $1`, string(k.Account))
		if err != nil {
			return err
		}
		if n[0] >= int64(limit) {
			return fmt.Errorf("%w: account %s has %d access keys", ErrLimit, k.Account, n[0])
		}

		return insertAccessKey(t, k)
	})
	if s.engine.IsViolation(err) {
		return fmt.Errorf("access key %s: %w", k.ID, ErrConflict)
	}

	return err
}

// takeTurns makes the transactions that count access keys run one after the other: each first changes a
// row that every database has, also one that was never initialised. Keys are made seldom.
func takeTurns(t *engine.Tx) error {
	_, err := t.Exec(`UPDATE ownership_order SET last = last WHERE one = 1`)
	return err
}

// AccessKey returns an access key. The store never caches it: the next call
// after a key was disabled sees it disabled. Error: ErrNotFound.
func (s *Store) AccessKey(ctx context.Context, id string) (AccessKey, error) {
	if !storable(id, maxID) {
		return AccessKey{}, notFound("access key")
	}

	return readOne(ctx, s, "access key", scanAccessKey,
		`SELECT `+accessKeyColumns+` FROM access_keys WHERE access_key_id = $1`, id)
}

// AccessKeys returns the access keys of an account, of all accounts for "",
// ordered by ID.
func (s *Store) AccessKeys(ctx context.Context, account identitypool.AccountID) ([]AccessKey, error) {
	if account == "" {
		return s.accessKeys(ctx, `ORDER BY access_key_id`)
	}
	if err := checkID("account", string(account)); err != nil {
		return nil, err
	}
	return s.accessKeys(ctx, `WHERE account = $1 ORDER BY access_key_id`, string(account))
}

func (s *Store) accessKeys(ctx context.Context, where string, args ...any) ([]AccessKey, error) {
	return readAll(ctx, s, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys `+where, args...)
}

// SetAccessKeyDisabled disables or enables an access key. Error: ErrNotFound.
func (s *Store) SetAccessKeyDisabled(ctx context.Context, id string, disabled bool) error {
	return s.changeAccessKey(ctx, id, `UPDATE access_keys SET disabled = $2 WHERE access_key_id = $1`, disabled)
}

// DeleteAccessKey removes an access key. Error: ErrNotFound.
func (s *Store) DeleteAccessKey(ctx context.Context, id string) error {
	return s.changeAccessKey(ctx, id, `DELETE FROM access_keys WHERE access_key_id = $1`)
}

func (s *Store) changeAccessKey(ctx context.Context, id, text string, args ...any) error {
	if !storable(id, maxID) {
		return notFound("access key")
	}

	return s.write(ctx, func(t *engine.Tx) error {
		return mustFind(t, "access key", text, append([]any{id}, args...)...)
	})
}

// ErrLastKey means that an account would have no enabled key without a policy left, so that nobody
// could do everything in it. Nothing was written.
var ErrLastKey = errors.New("the account has no other enabled access key without a policy")

// SetAccessKeyDisabledOf is SetAccessKeyDisabled for a key of an account, unless the account needs the
// key. Errors: ErrNotFound, ErrLastKey.
func (s *Store) SetAccessKeyDisabledOf(
	ctx context.Context, account identitypool.AccountID, id string, disabled bool,
) error {
	if !disabled {
		return s.changeAccessKey(ctx, id,
			`UPDATE access_keys SET disabled = $3 WHERE access_key_id = $1 AND account = $2`, string(account), false)
	}
	return s.changeUnlessLast(ctx, account, id,
		`UPDATE access_keys SET disabled = $3 WHERE access_key_id = $1 AND account = $2`, true)
}

// DeleteAccessKeyOf is DeleteAccessKey for a key of an account, unless the account needs the key.
// Errors: ErrNotFound, ErrLastKey.
func (s *Store) DeleteAccessKeyOf(ctx context.Context, account identitypool.AccountID, id string) error {
	return s.changeUnlessLast(ctx, account, id, `DELETE FROM access_keys WHERE access_key_id = $1 AND account = $2`)
}

// changeUnlessLast takes a key out of use, unless it is the account's last one that is enabled and has
// no policy. Two calls that take out one key each must not leave none, so they take turns.
func (s *Store) changeUnlessLast(
	ctx context.Context, account identitypool.AccountID, id, text string, args ...any,
) error {
	if !storable(id, maxID) {
		return notFound("access key")
	}

	return s.write(ctx, func(t *engine.Tx) error {
		if err := takeTurns(t); err != nil {
			return err
		}

		roots, err := collect(t, scanString, `SELECT access_key_id FROM access_keys
			WHERE account = $1 AND policy = '' AND NOT disabled ORDER BY access_key_id LIMIT 2`, string(account))
		if err != nil {
			return err
		}
		if len(roots) == 1 && roots[0] == id {
			return fmt.Errorf("access key %s: %w", id, ErrLastKey)
		}

		return mustFind(t, "access key", text, append([]any{id, string(account)}, args...)...)
	})
}
