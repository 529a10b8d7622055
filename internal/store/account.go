package store

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

const (
	insertHomeAccount = `INSERT INTO home_account (one, account) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`
	selectHomeAccount = `SELECT account FROM home_account`
)

// SettleAccount returns the deployment's home account. The first call, from
// any node, makes it the proposed one; later calls change nothing.
// Error: ErrInvalid.
func (s *Store) SettleAccount(ctx context.Context, proposed identitypool.AccountID) (identitypool.AccountID, error) {
	if err := checkID("account", string(proposed)); err != nil {
		return "", err
	}

	return writeResult(ctx, s, func(t *engine.Tx) (identitypool.AccountID, error) {
		if _, err := t.Exec(insertHomeAccount, string(proposed)); err != nil {
			return "", err
		}
		return homeAccount(t)
	})
}

// HomeAccount returns the account that SettleAccount settled. Error: ErrNotFound.
func (s *Store) HomeAccount(ctx context.Context) (identitypool.AccountID, error) {
	return readOne(ctx, s, "home account", scanAccount, selectHomeAccount)
}

func homeAccount(q engine.Querier) (identitypool.AccountID, error) {
	return collectOne(q, "home account", scanAccount, selectHomeAccount)
}

func scanAccount(row scanner) (account identitypool.AccountID, err error) {
	err = row.Scan(&account)
	return account, err
}

// CreateFirstAccessKey adds k if there is no access key at all, and reports
// whether it did. Of several nodes that try at once, one does. It needs a
// settled account. Error: ErrInvalid.
func (s *Store) CreateFirstAccessKey(ctx context.Context, k AccessKey) (bool, error) {
	if err := k.check(); err != nil {
		return false, err
	}
	if k.Created.IsZero() {
		k.Created = s.now()
	}

	return writeResult(ctx, s, func(t *engine.Tx) (bool, error) { return insertFirstAccessKey(t, k) })
}

// insertFirstAccessKey adds k if there is no access key. The home account's row
// makes nodes take turns.
func insertFirstAccessKey(t *engine.Tx, k AccessKey) (made bool, err error) {
	if err := mustFind(t, "home account", `UPDATE home_account SET account = account WHERE one = 1`); err != nil {
		return false, err
	}
	count, err := collect(t, scanInt, `SELECT count(*) FROM access_keys`)
	if err != nil || count[0] > 0 {
		return false, err
	}

	return true, insertAccessKey(t, k)
}
