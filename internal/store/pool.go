package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

const poolColumns = `p.pool_id, p.account, p.region, p.settings, p.version, p.created, p.updated, p.owned_since,
	(SELECT f.deleted FROM former_ids AS f WHERE f.kind = 'pool' AND f.id = p.pool_id)`

func scanPoolRow(row scanner) (r storedPool, err error) {
	var settings string
	var created, updated int64
	var formerDeleted sql.NullInt64
	err = row.Scan(&r.ID, &r.Account, &r.Region, &settings, &r.Version, &created, &updated, &r.OwnedSince,
		&formerDeleted)
	if err != nil {
		return r, err
	}

	r.Created, r.Updated = fromMillis(created), fromMillis(updated)
	r.Predecessor = predecessor(formerDeleted)
	err = r.decode(settings)

	return r, err
}

// scanPool reads a pool and opens its sealed secrets.
func (s *Store) scanPool(row scanner) (identitypool.Pool, error) {
	r, err := scanPoolRow(row)
	if err != nil {
		return identitypool.Pool{}, err
	}
	if err := s.openSettings(r.ID, &r); err != nil {
		return identitypool.Pool{}, err
	}
	return r.Pool, nil
}

// poolText checks a pool and returns the text of its settings, with the secrets
// sealed.
func (s *Store) poolText(p identitypool.Pool) (string, error) {
	if err := checkPoolIDs(string(p.ID), string(p.Account), p.Region); err != nil {
		return "", err
	}

	stored := storedPool{Pool: p}
	if err := s.sealSettings(s.options.Sealer, p.ID, &stored); err != nil {
		return "", err
	}

	return encodePool(stored)
}

func checkPoolIDs(id, account, region string) error {
	return errors.Join(checkID("pool ID", id), checkID("account", account), checkID("region", region))
}

const countPools = `SELECT count(*) FROM pools WHERE account = $1 AND region = $2 AND NOT deleting`

// HasPools reports whether an account has at least limit pools in a region, so that CreatePool
// would refuse another one with ErrLimit. A limit of 0 is none.
func (s *Store) HasPools(
	ctx context.Context, account identitypool.AccountID, region string, limit int,
) (bool, error) {
	if limit <= 0 {
		return false, nil
	}
	n, err := readOne(ctx, s, "count of pools", scanInt, countPools, string(account), region)

	return n >= int64(limit), err
}

// CreatePool adds p as version 1, created now unless p.Created is set. A limit
// greater than 0 bounds the pools of p's account and region.
// Errors: ErrConflict when the ID exists, also while its deletion is running, or
// when another account once had it; ErrLimit; ErrInvalid.
func (s *Store) CreatePool(ctx context.Context, p identitypool.Pool, limit int) error {
	if p.Created.IsZero() {
		p.Created = s.now()
	}
	if p.Updated.IsZero() {
		p.Updated = p.Created
	}

	settings, err := s.poolText(p)
	if err != nil {
		return err
	}

	err = s.write(ctx, func(t *engine.Tx) error {
		t.Touch(poolKey(p.ID))
		if limit > 0 {
			if err := lockAccount(t, p.Account, p.Region); err != nil {
				return err
			}
			n, err := collect(t, scanInt, countPools, string(p.Account), p.Region)
			if err != nil {
				return err
			}
			if n[0] >= int64(limit) {
				return fmt.Errorf("%w: account %s has %d identity pools in %s", ErrLimit, p.Account, n[0], p.Region)
			}
		}

		if _, err := t.Exec(`INSERT INTO pools (pool_id, account, region, settings, version, created, updated, deleting)
			VALUES ($1, $2, $3, $4, 1, $5, $6, FALSE)`,
			string(p.ID), string(p.Account), p.Region, settings, millis(p.Created), millis(p.Updated)); err != nil {
			return err
		}

		if err := insertCount(t, p.ID); err != nil {
			return err
		}

		return takePoolID(t, p.ID, p.Account)
	})
	if s.engine.IsViolation(err) {
		return fmt.Errorf("identity pool %s: %w", p.ID, ErrConflict)
	}

	return err
}

// lockAccount makes the transactions that count an account's pools run one
// after the other: each changes the same row first.
func lockAccount(t *engine.Tx, account identitypool.AccountID, region string) error {
	_, err := t.Exec(`INSERT INTO pool_counters (account, region, pools_created) VALUES ($1, $2, 1)
		ON CONFLICT (account, region) DO UPDATE SET pools_created = pool_counters.pools_created + 1`,
		string(account), region)
	return err
}

// Pool returns a pool. Error: ErrNotFound, also from the moment its deletion began.
func (s *Store) Pool(ctx context.Context, id identitypool.PoolID) (identitypool.Pool, error) {
	p, err := s.pool(ctx, id)
	if err != nil {
		return identitypool.Pool{}, err
	}
	return clonePool(*p), nil
}

// SharedPool is Pool for callers that only read: its maps and lists are shared
// with other readers and must not be changed.
func (s *Store) SharedPool(ctx context.Context, id identitypool.PoolID) (identitypool.Pool, error) {
	p, err := s.pool(ctx, id)
	if err != nil {
		return identitypool.Pool{}, err
	}
	return *p, nil
}

// pool returns the cache's entry, or reads the pool. The result must not be changed.
func (s *Store) pool(ctx context.Context, id identitypool.PoolID) (*identitypool.Pool, error) {
	key := poolKey(id)
	if v, ok := s.cache.get(key); ok {
		return v.(*identitypool.Pool), nil
	}

	ticket := s.cache.begin(key)
	p, err := s.readPool(ctx, id)
	if err != nil {
		return nil, err
	}
	s.cache.fill(key, ticket, &p)

	return &p, nil
}

func (s *Store) readPool(ctx context.Context, id identitypool.PoolID) (identitypool.Pool, error) {
	if !storable(string(id), maxID) {
		return identitypool.Pool{}, notFound("identity pool")
	}

	return readOne(ctx, s, "identity pool", s.scanPool, `SELECT `+poolColumns+` FROM pools AS p
		WHERE p.pool_id = $1 AND NOT p.deleting`, string(id))
}

// notFound names a kind of row but never its ID: whoever has a guest's identity
// ID can act as the guest, so the ID stays out of error text.
func notFound(what string) error { return fmt.Errorf("%s: %w", what, ErrNotFound) }

// UpdatePool changes a pool: it reads it, calls change, and writes the result
// unless somebody else wrote meanwhile, in which case it starts over. change
// must be pure; its error ends the update and is returned as is. change cannot
// set ID, Account, Region, OwnedSince, Created, Updated and Version.
// Errors: ErrNotFound, ErrInvalid, ErrBusy.
func (s *Store) UpdatePool(
	ctx context.Context, id identitypool.PoolID, change func(*identitypool.Pool) error,
) (identitypool.Pool, error) {
	var result identitypool.Pool
	err := s.retryRaces(ctx, func() error {
		before, err := s.readPool(ctx, id)
		if err != nil {
			return err
		}

		after := clonePool(before)
		if err := change(&after); err != nil {
			return err
		}

		after.ID, after.Account, after.Region, after.Created = before.ID, before.Account, before.Region, before.Created
		after.OwnedSince = before.OwnedSince
		after.Updated, after.Version = later(before.Updated, s.now()), before.Version+1

		settings, err := s.poolText(after)
		if err != nil {
			return err
		}
		result = clonePool(after) // as the next read will show it

		return s.write(ctx, func(t *engine.Tx) error {
			t.Touch(poolKey(id))
			return mustChange(t, `UPDATE pools SET settings = $1, version = $2, updated = $3
				WHERE pool_id = $4 AND version = $5 AND NOT deleting`,
				settings, after.Version, millis(after.Updated), string(id), before.Version)
		})
	})
	if err != nil {
		return identitypool.Pool{}, err
	}

	return result, nil
}

// ListPools returns at most limit pools of an account in a region, ordered by
// ID, beginning with the first ID greater than after ("" = from the start).
// Error: ErrInvalid when after is not text that an ID could be.
func (s *Store) ListPools(
	ctx context.Context, account identitypool.AccountID, region string, after identitypool.PoolID, limit int,
) ([]identitypool.Pool, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := errors.Join(
		checkText("account", string(account), maxID),
		checkText("region", region, maxID),
		checkText("after", string(after), maxID),
	); err != nil {
		return nil, err
	}

	return readAll(ctx, s, s.scanPool, `SELECT `+poolColumns+` FROM pools AS p
		WHERE p.account = $1 AND p.region = $2 AND p.pool_id > $3 AND NOT p.deleting ORDER BY p.pool_id LIMIT $4`,
		string(account), region, string(after), limit)
}
