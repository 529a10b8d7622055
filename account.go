package poolhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// These values are the same for every `poolhouse dev`. A server without Config.Dev does not
// start on a database that has the key, and does not accept the key if it is added later.
const (
	DevAccount         = "000000000000"
	DevRegion          = "us-east-1"
	DevAccessKeyID     = iam.DevAccessKeyID
	DevSecretAccessKey = "test"
	DevAudience        = "poolhouse-dev"
)

// AccessKey is an account's access key with its secret.
type AccessKey struct {
	Account         string
	AccessKeyID     string
	SecretAccessKey string
}

// settleAccount finds the account of the settings' roles and providers: the one that the
// settings name, else the deployment's home account.
func (s *Server) settleAccount(ctx context.Context) error {
	existing, err := s.keys.List(ctx, "")
	if err != nil {
		return err
	}
	if s.config.Dev {
		return s.settleDevAccount(ctx, existing)
	}

	for _, k := range existing {
		if k.ID == DevAccessKeyID {
			return fmt.Errorf("%s holds the development key %q: delete it with `poolhouse keys delete %s`, "+
				"or use another database", s.config.databaseName(), k.ID, k.ID)
		}
	}

	proposed := s.config.Account
	if proposed == "" && s.config.RequireInitialised && len(existing) > 0 {
		proposed = string(existing[0].Account) // an old backup does not name its home account
	}
	if proposed == "" {
		if proposed, err = newAccount(); err != nil {
			return err
		}
	}

	home, err := s.store.SettleAccount(ctx, identitypool.AccountID(proposed))
	if err != nil {
		return err
	}
	if s.config.Account == "" {
		s.config.Account = string(home)
	}
	s.warnOfForeignHome(home, existing)

	return nil
}

// settleDevAccount gives the development account its well-known key, unless the database
// has production data.
func (s *Server) settleDevAccount(ctx context.Context, existing []iam.AccessKey) error {
	switch home, err := s.store.HomeAccount(ctx); {
	case err == nil:
		return fmt.Errorf(
			"%s holds the production data of account %s: development would add its well-known key %q to it; "+
				"use another database for development, or none to keep data in memory",
			s.config.databaseName(), home, DevAccessKeyID,
		)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}

	if s.config.Account == "" {
		s.config.Account = DevAccount
	}
	if slices.ContainsFunc(existing, func(k iam.AccessKey) bool { return k.ID == DevAccessKeyID }) {
		return nil
	}

	_, err := s.keys.Import(ctx, DevAccessKeyID, DevSecretAccessKey, iam.NewAccessKey{
		Account:     identitypool.AccountID(s.config.Account),
		Description: "development",
	})

	return err
}

// warnOfForeignHome warns if the settings' account is not the database's home account and
// has no access key: then nobody can manage what it owns.
func (s *Server) warnOfForeignHome(home identitypool.AccountID, existing []iam.AccessKey) {
	own := identitypool.AccountID(s.config.Account)
	hasKey := slices.ContainsFunc(existing, func(k iam.AccessKey) bool { return k.Account == own })
	if own == home || hasKey || len(existing) == 0 {
		return
	}
	s.config.Logger.Warn("account_id is not the account that the database was initialised with, and has no access key",
		"account_id", own, "initialised_with", home, "fix", "poolhouse keys create --account "+string(own))
}

// newAccount returns a random twelve-digit account number that does not begin with 0.
func newAccount() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(9e11))
	if err != nil {
		return "", err
	}
	return fmt.Sprint(n.Int64() + 1e11), nil
}

// FirstKey makes a root access key of the account if there is no access key at all. This is
// the only time that its secret can be seen, so call it when nothing else can prevent
// serving. made is false if there is a key already, or another node has just made one.
func (s *Server) FirstKey(ctx context.Context) (key AccessKey, made bool, err error) {
	k, secret, made, err := s.keys.CreateFirst(ctx, iam.NewAccessKey{
		Account:     identitypool.AccountID(s.config.Account),
		Description: "root key of the first start",
	})
	if err != nil || !made {
		return AccessKey{}, false, err
	}
	return AccessKey{Account: string(k.Account), AccessKeyID: k.ID, SecretAccessKey: secret}, true, nil
}

// hasAccount reports whether the account exists on this server: it owns the settings' roles
// or has an access key.
func (s *Server) hasAccount(ctx context.Context, account identitypool.AccountID) (bool, error) {
	ofSettings := func(r RoleConfig) bool {
		arn, err := iam.ParseRoleARN(r.ARN)
		return err == nil && arn.Account == account
	}
	if string(account) == s.config.Account || slices.ContainsFunc(s.config.Roles, ofSettings) {
		return true, nil
	}
	keys, err := s.keys.List(ctx, account)

	return len(keys) > 0, err
}
