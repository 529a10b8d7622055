package store

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const insertHomeAccount = `INSERT INTO home_account (one, account) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`

// SettleAccount returns the deployment's home account. The first call, of
// whichever node, makes it the proposed one; later calls change nothing.
// Error: ErrInvalid.
func (s *Store) SettleAccount(ctx context.Context, proposed identitypool.AccountID) (settled identitypool.AccountID, err error) {
	if err := checkID("account", string(proposed)); err != nil {
		return "", err
	}
	err = s.write(ctx, func(t *tx) error {
		if _, err := t.exec(insertHomeAccount, string(proposed)); err != nil {
			return err
		}
		settled, err = homeAccount(t)
		return err
	})
	return settled, err
}

// HomeAccount returns the account that SettleAccount settled. Error: ErrNotFound.
func (s *Store) HomeAccount(ctx context.Context) (account identitypool.AccountID, err error) {
	err = s.engine.read(ctx, func(q querier) error {
		account, err = homeAccount(q)
		return err
	})
	return account, err
}

func homeAccount(q querier) (identitypool.AccountID, error) {
	accounts, err := collect(q, func(row scanner) (account identitypool.AccountID, err error) {
		return account, row.Scan(&account)
	}, `SELECT account FROM home_account`)
	switch {
	case err != nil:
		return "", err
	case len(accounts) == 0:
		return "", notFound("home account")
	}
	return accounts[0], nil
}

// CreateFirstAccessKey adds k if there is no access key at all, and reports
// whether it did. Of several nodes that try at once, one does. It needs a
// settled account. Error: ErrInvalid.
func (s *Store) CreateFirstAccessKey(ctx context.Context, k AccessKey) (made bool, err error) {
	if err := k.check(); err != nil {
		return false, err
	}
	if k.Created.IsZero() {
		k.Created = s.now()
	}
	err = s.write(ctx, func(t *tx) (err error) {
		made, err = insertFirstAccessKey(t, k)
		return err
	})
	return made && err == nil, err
}

// insertFirstAccessKey adds k if there is no access key. The home account's row
// makes nodes take turns.
func insertFirstAccessKey(t *tx, k AccessKey) (made bool, err error) {
	n, err := t.exec(`UPDATE home_account SET account = account WHERE one = 1`)
	if err == nil && n == 0 {
		err = notFound("home account")
	}
	if err != nil {
		return false, err
	}

	count, err := collect(t, scanInt, `SELECT count(*) FROM access_keys`)
	if err != nil || count[0] > 0 {
		return false, err
	}
	return true, insertAccessKey(t, k)
}
