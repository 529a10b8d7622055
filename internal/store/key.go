package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Key is a signing key, a key that seals session credentials, or one that seals
// page tokens; Purpose tells them apart. Times are kept to the millisecond.
type Key struct {
	Purpose, ID, Algorithm       string
	Sealed                       []byte // the secret part, sealed before it reaches the store
	Public                       []byte
	Created, NotBefore, NotAfter time.Time // zero NotAfter = no end
	Withdrawn                    time.Time // when it was taken out of use before its end; zero = never
}

func (k Key) check() error {
	return errors.Join(
		checkID("key purpose", k.Purpose), checkID("key ID", k.ID), checkText("algorithm", k.Algorithm, maxID),
		checkBytes("sealed key", k.Sealed, maxText), checkBytes("public key", k.Public, maxText),
	)
}

const keyColumns = `k.purpose, k.key_id, k.algorithm, k.sealed, k.public,
	k.created, k.not_before, k.not_after, k.withdrawn`

func scanKey(row scanner) (k Key, err error) {
	var created, notBefore, notAfter, withdrawn int64
	err = row.Scan(&k.Purpose, &k.ID, &k.Algorithm, &k.Sealed, &k.Public, &created, &notBefore, &notAfter, &withdrawn)
	k.Created, k.NotBefore = fromMillis(created), fromMillis(notBefore)
	k.NotAfter, k.Withdrawn = fromMillis(notAfter), fromMillis(withdrawn)
	return k, err
}

func insertKey(t *engine.Tx, k Key) error {
	_, err := t.Exec(`INSERT INTO keys
		(purpose, key_id, algorithm, sealed, public, created, not_before, not_after, withdrawn)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		k.Purpose, k.ID, k.Algorithm, notNil(k.Sealed), notNil(k.Public),
		millis(k.Created), millis(k.NotBefore), millis(k.NotAfter), millis(k.Withdrawn))
	return err
}

func compareKeys(a, b Key) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) }

func equalKeys(a, b Key) bool {
	return a.ID == b.ID && a.Algorithm == b.Algorithm &&
		bytes.Equal(a.Sealed, b.Sealed) && bytes.Equal(a.Public, b.Public) &&
		a.Created.Equal(b.Created) && a.NotBefore.Equal(b.NotBefore) &&
		a.NotAfter.Equal(b.NotAfter) && a.Withdrawn.Equal(b.Withdrawn)
}

// Keys returns the keys of a purpose, ordered by Created, then ID.
func (s *Store) Keys(ctx context.Context, purpose string) ([]Key, error) {
	keys, _, err := s.readKeys(ctx, purpose)
	return keys, err
}

// readKeys reads the keys of a purpose and their revision, 0 when nobody has
// written any yet.
func (s *Store) readKeys(ctx context.Context, purpose string) (keys []Key, revision int64, err error) {
	if err := checkID("key purpose", purpose); err != nil {
		return nil, 0, err
	}
	err = s.engine.Snapshot(ctx, engine.ReadTimeout, func(q engine.Querier) (err error) {
		revisions, err := collect(q, scanInt, `SELECT revision FROM key_sets WHERE purpose = $1`, purpose)
		if err != nil || len(revisions) == 0 {
			return err
		}
		revision = revisions[0]
		keys, err = collect(q, scanKey,
			`SELECT `+keyColumns+` FROM keys AS k WHERE k.purpose = $1 ORDER BY k.created, k.key_id`, purpose)
		return err
	})

	return keys, revision, err
}

// UpdateKeys replaces the keys of a purpose by those that change returns, and
// returns them, ordered by Created, then ID. If several nodes do it at the same
// time, one is first and change is called again on the others with its result, so
// it must be pure; its error ends the call and is returned as is.
// Errors: ErrInvalid, also for a key of another purpose; ErrBusy.
func (s *Store) UpdateKeys(ctx context.Context, purpose string, change func([]Key) ([]Key, error)) ([]Key, error) {
	var result []Key
	err := s.retryRaces(ctx, func() error {
		before, revision, err := s.readKeys(ctx, purpose)
		if err != nil {
			return err
		}
		after, err := change(slices.Clone(before))
		if err != nil {
			return err
		}

		result = slices.Clone(after)
		seen := map[string]bool{}
		for i, k := range result {
			if k.Purpose != purpose || seen[k.ID] {
				return fmt.Errorf("%w: key %q of purpose %q among the keys for %s",
					ErrInvalid, k.ID, k.Purpose, purpose)
			}
			if err := k.check(); err != nil {
				return err
			}
			seen[k.ID] = true

			r := &result[i]
			for _, at := range []*time.Time{&r.Created, &r.NotBefore, &r.NotAfter, &r.Withdrawn} {
				*at = fromMillis(millis(*at))
			}
		}

		slices.SortFunc(result, compareKeys)
		if slices.EqualFunc(before, result, equalKeys) {
			return nil
		}

		return s.write(ctx, func(t *engine.Tx) error { return replaceKeys(t, purpose, revision, result) })
	})
	if err != nil {
		return nil, err
	}

	return result, nil
}

func replaceKeys(t *engine.Tx, purpose string, revision int64, keys []Key) error {
	if revision == 0 {
		// Two nodes that are both first meet here: the primary key lets one through.
		if _, err := t.Exec(`INSERT INTO key_sets (purpose, revision) VALUES ($1, 1)`, purpose); err != nil {
			return err
		}
	} else if err := mustChange(t, `UPDATE key_sets SET revision = $1 WHERE purpose = $2 AND revision = $3`,
		revision+1, purpose, revision); err != nil {
		return err
	}

	if _, err := t.Exec(`DELETE FROM keys WHERE purpose = $1`, purpose); err != nil {
		return err
	}

	for _, k := range keys {
		if err := insertKey(t, k); err != nil {
			return err
		}
	}

	return nil
}
