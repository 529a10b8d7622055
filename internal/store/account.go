package store

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

const insertHomeAccount = `INSERT INTO home_account (one, account) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`

// SettleAccount returns the deployment's home account. The first call, from
// any node, makes it the proposed one; later calls change nothing.
// Error: ErrInvalid.
func (s *Store) SettleAccount(ctx context.Context, proposed identitypool.AccountID) (identitypool.AccountID, error) {
	if err := checkID("account", string(proposed)); err != nil {
		return "", err
	}

	var settled identitypool.AccountID // no named result: the write assigns it, maybe after the caller left
	err := s.write(ctx, func(t *engine.Tx) (err error) {
		if _, err := t.Exec(insertHomeAccount, string(proposed)); err != nil {
			return err
		}
		settled, err = homeAccount(t)
		return err
	})
	if err != nil {
		return "", err
	}

	return settled, nil
}

// HomeAccount returns the account that SettleAccount settled. Error: ErrNotFound.
func (s *Store) HomeAccount(ctx context.Context) (account identitypool.AccountID, err error) {
	err = s.read(ctx, func(q engine.Querier) (err error) {
		account, err = homeAccount(q)
		return err
	})
	return account, err
}

func homeAccount(q engine.Querier) (identitypool.AccountID, error) {
	accounts, err := collect(q, scanAccount, `SELECT account FROM home_account`)
	switch {
	case err != nil:
		return "", err
	case len(accounts) == 0:
		return "", notFound("home account")
	}
	return accounts[0], nil
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

	made := false // no named result, as in SettleAccount
	err := s.write(ctx, func(t *engine.Tx) (err error) {
		made, err = insertFirstAccessKey(t, k)
		return err
	})
	if err != nil {
		return false, err
	}

	return made, nil
}

// insertFirstAccessKey adds k if there is no access key. The home account's row
// makes nodes take turns.
func insertFirstAccessKey(t *engine.Tx, k AccessKey) (made bool, err error) {
	n, err := t.Exec(`UPDATE home_account SET account = account WHERE one = 1`)
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
