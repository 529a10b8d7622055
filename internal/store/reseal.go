package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Places returns the text that a sealed value is bound to. Only the packages that
// seal the values know it.
type Places struct {
	AccessKey func(AccessKey) string
	Key       func(Key) (string, error) // depends on the key's purpose
}

// Reseal seals every secret of the database under another master key: all of them,
// or none when one does not open under Options.Sealer. Stop the servers on the
// database first: they cannot read their keys afterwards. The next SealSecrets
// removes the old values from the database's files. Reseal returns the number of
// values. Errors: ErrNoSealer, and those of the Sealer.
func (s *Store) Reseal(ctx context.Context, next Sealer, places Places) (int, error) {
	if s.options.Sealer == nil {
		return 0, ErrNoSealer
	}

	values := 0 // not a named result: the write counts, maybe after the caller left
	again := func(sealed []byte, place string) ([]byte, error) {
		plain, err := s.options.Sealer.Open(sealed, place)
		if err != nil {
			return nil, err
		}
		values++
		return next.Seal(plain, place), nil
	}

	err := s.engine.Write(ctx, 0, func(t *engine.Tx) error {
		values = 0 // it may run again
		if err := markClear(t, uuid.NewString()); err != nil {
			return err
		}
		if err := resealAccessKeys(t, places, again); err != nil {
			return err
		}
		if err := resealKeys(t, places, again); err != nil {
			return err
		}

		return s.resealPools(t, next, again)
	})
	if err != nil {
		return 0, fmt.Errorf("sealing under another master key: %w", err)
	}

	return values, nil
}

// resealer opens a value that is bound to place, and seals it under the next
// master key.
type resealer func(sealed []byte, place string) ([]byte, error)

func resealAccessKeys(t *engine.Tx, places Places, again resealer) error {
	all, err := collect(t, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys`)
	if err != nil {
		return err
	}

	for _, k := range all {
		sealed, err := again(k.SealedSecret, places.AccessKey(k))
		if err != nil {
			return err
		}

		err = mustChange(t, `UPDATE access_keys SET sealed_secret = $1 WHERE access_key_id = $2`, sealed, k.ID)
		if err != nil {
			return err
		}
	}

	return nil
}

func resealKeys(t *engine.Tx, places Places, again resealer) error {
	all, err := collect(t, scanKey, `SELECT `+keyColumns+` FROM keys AS k`)
	if err != nil {
		return err
	}

	for _, k := range all {
		place, err := places.Key(k)
		if err != nil {
			return err
		}
		sealed, err := again(k.Sealed, place)
		if err != nil {
			return err
		}

		err = mustChange(t, `UPDATE keys SET sealed = $1 WHERE purpose = $2 AND key_id = $3`, sealed, k.Purpose, k.ID)
		if err != nil {
			return err
		}
	}

	_, err = t.Exec(`UPDATE key_sets SET revision = revision + 1`)

	return err
}

func (s *Store) resealPools(t *engine.Tx, next Sealer, again resealer) error {
	all, err := collect(t, scanPoolRow, `SELECT `+poolColumns+` FROM pools AS p`)
	if err != nil {
		return err
	}

	for _, r := range all {
		values := r.SealedLoginProviders
		for provider, sealed := range values {
			if values[provider], err = again(sealed, sealedProvider(r.ID, provider)); err != nil {
				return err
			}
		}

		if err := s.sealSettings(next, r.ID, &r); err != nil { // an older version left secrets in clear
			return err
		}
		if len(r.SealedLoginProviders) == 0 {
			continue
		}

		text, err := encodePool(r)
		if err != nil {
			return err
		}
		t.Touch(poolKey(r.ID))
		err = mustChange(t, `UPDATE pools SET settings = $1, version = version + 1
			WHERE pool_id = $2 AND version = $3`, text, string(r.ID), r.Version)
		if err != nil {
			return err
		}
	}

	return nil
}
