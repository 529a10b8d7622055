package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// A pool's configuration holds one kind of secret: the values of login providers
// that are more than the public ID of an application, such as X's "key;secret".
// They are sealed under the master key before they reach the database, so that
// neither its files nor its backups show them. Versions before migration 11 wrote
// them in clear; SealSecrets seals those.

// sealedProvider returns the place that a sealed value is bound to.
func sealedProvider(pool identitypool.PoolID, provider string) string {
	return "login-provider/" + string(pool) + "/" + provider
}

// sealSettings seals the secrets that are in clear. Error: ErrNoSealer.
func (s *Store) sealSettings(sealer Sealer, pool identitypool.PoolID, p *storedPool) error {
	if !s.hasClearSecret(*p) {
		return nil
	}
	if sealer == nil {
		return fmt.Errorf("pool %s: %w", pool, ErrNoSealer)
	}

	open, sealed := map[string]string{}, map[string][]byte{}
	maps.Copy(sealed, p.SealedLoginProviders)

	for provider, app := range p.SupportedLoginProviders {
		if s.options.PublicApp(provider, app) {
			open[provider] = app
		} else {
			sealed[provider] = sealer.Seal([]byte(app), sealedProvider(pool, provider))
		}
	}
	p.SupportedLoginProviders, p.SealedLoginProviders = open, sealed

	return nil
}

// openSettings opens the sealed values and puts them among the others. Errors:
// ErrNoSealer, and those of the Sealer.
func (s *Store) openSettings(pool identitypool.PoolID, p *storedPool) error {
	if len(p.SealedLoginProviders) == 0 {
		return nil
	}
	if s.options.Sealer == nil {
		return fmt.Errorf("pool %s: %w", pool, ErrNoSealer)
	}
	if p.SupportedLoginProviders == nil {
		p.SupportedLoginProviders = map[string]string{}
	}

	for provider, sealed := range p.SealedLoginProviders {
		app, err := s.options.Sealer.Open(sealed, sealedProvider(pool, provider))
		if err != nil {
			return fmt.Errorf("settings of pool %s: %w", pool, err)
		}
		p.SupportedLoginProviders[provider] = string(app)
	}
	p.SealedLoginProviders = nil

	return nil
}

// sealsBeside refuses to seal beside a value that was sealed under another master
// key: once that key is back, it could not open values sealed under this one.
func (s *Store) sealsBeside(sealed []byte) error {
	if !s.options.Sealer.Owns(sealed) {
		return ErrOtherSealer
	}
	return nil
}

func (s *Store) hasClearSecret(p storedPool) bool {
	for provider, app := range p.SupportedLoginProviders {
		if !s.options.PublicApp(provider, app) {
			return true
		}
	}
	return false
}

// secretTables are the tables that hold secrets.
var secretTables = []string{"pools", "access_keys", "keys"}

// sealingBatch is the number of pools that one transaction of SealSecrets changes.
const sealingBatch = 100

// SealSecrets seals the secrets that an older version left in clear, and removes
// the old text from the database's files: from SQLite's file and write-ahead log,
// from the files of PostgreSQL's tables (its write-ahead log belongs to the server).
// Call it at each start, before requests are served; if there is nothing to do it
// costs one look through the pools. The next call finishes what a crash interrupts,
// and several nodes may call it at once.
//
// sealed reports whether all secrets are sealed. An error beside true means that
// only the files may still hold old text.
func (s *Store) SealSecrets(ctx context.Context) (sealed bool, err error) {
	if s.options.Sealer == nil {
		return false, ErrNoSealer
	}

	// Delete only marks read here: a later mark may be for text that is replaced after our
	// scrub.
	marks, err := readAll(ctx, s, scanString, `SELECT mark FROM clear_secrets`)
	if err != nil {
		return false, err
	}

	mark := uuid.NewString()
	found, err := s.sealPools(ctx, mark)
	if err != nil {
		return false, fmt.Errorf("sealing the secrets of pools: %w", err)
	}
	if err := s.step("sealed"); err != nil {
		return true, err
	}

	if found {
		marks = append(marks, mark)
	}
	if len(marks) == 0 {
		return true, nil
	}

	if err := s.engine.Scrub(ctx, secretTables); err != nil {
		return true, fmt.Errorf("removing old text from the database's files: %w", err)
	}
	if err := s.step("scrubbed"); err != nil {
		return true, err
	}

	return true, s.write(ctx, func(t *engine.Tx) error {
		for _, m := range marks {
			if _, err := t.Exec(`DELETE FROM clear_secrets WHERE mark = $1`, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// sealPools seals the secrets of all pools, also of those that are being deleted.
// If it finds any, it makes the mark.
func (s *Store) sealPools(ctx context.Context, mark string) (found bool, err error) {
	ids, err := s.clearPools(ctx)
	if err != nil || len(ids) == 0 {
		return false, err
	}

	err = s.engine.Snapshot(ctx, 0, func(q engine.Querier) error {
		return each(ctx, q, func(row scanner) error {
			var sealed []byte
			if err := row.Scan(&sealed); err != nil {
				return err
			}
			return s.sealsBeside(sealed)
		}, `SELECT sealed FROM keys UNION ALL SELECT sealed_secret FROM access_keys`)
	})
	if err != nil {
		return false, err
	}

	// Before the first row changes: after a crash it must be known that old text exists.
	if err := s.write(ctx, func(t *engine.Tx) error { return markClear(t, mark) }); err != nil {
		return false, err
	}
	if err := s.step("marked"); err != nil {
		return true, err
	}

	for batch := range slices.Chunk(ids, sealingBatch) {
		err := s.retryRaces(ctx, func() error {
			return s.write(ctx, func(t *engine.Tx) error {
				for _, id := range batch {
					if err := s.sealPool(t, id); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			return true, err
		}
	}
	s.log.Info("the secrets of pools were sealed", "pools", len(ids))

	return true, nil
}

// clearPools lists the pools that have a secret in clear. The LIKE finds the pools whose
// JSON has the member that may hold a secret, so that the others are not decoded.
func (s *Store) clearPools(ctx context.Context) (ids []identitypool.PoolID, err error) {
	err = s.engine.Snapshot(ctx, 0, func(q engine.Querier) error {
		return each(ctx, q, func(row scanner) error {
			r, err := scanPoolRow(row)
			if err == nil && s.hasClearSecret(r) {
				ids = append(ids, r.ID)
			}
			return err
		}, `SELECT `+poolColumns+` FROM pools AS p WHERE p.settings LIKE '%"supportedLoginProviders":%'`)
	})

	return ids, err
}

// sealPool seals the secrets of one pool, which may be gone or sealed by now. It
// guards the update by the version and not by the old text, which a server's
// statement log might show.
func (s *Store) sealPool(t *engine.Tx, id identitypool.PoolID) error {
	t.Touch(poolKey(id))
	rows, err := collect(t, scanPoolRow, `SELECT `+poolColumns+` FROM pools AS p WHERE p.pool_id = $1`, string(id))
	if err != nil || len(rows) == 0 || !s.hasClearSecret(rows[0]) {
		return err
	}

	r := rows[0]
	if err := s.sealSettings(s.options.Sealer, id, &r); err != nil {
		return err
	}
	text, err := encodePool(r)
	if err != nil {
		return err
	}

	return mustChange(t, `UPDATE pools SET settings = $1, version = version + 1 WHERE pool_id = $2 AND version = $3`,
		text, string(id), r.Version)
}

// markClear records that the database's files hold secrets in clear.
func markClear(t *engine.Tx, mark string) error {
	_, err := t.Exec(`INSERT INTO clear_secrets (mark) VALUES ($1)`, mark)
	return err
}
