package poolhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

var (
	// ErrInitialised means that the database has an access key already.
	ErrInitialised = errors.New("initialised already")
	// ErrNotInitialised means that the database has no account yet, or is not there.
	ErrNotInitialised = errors.New("not initialised")
)

// Initialise makes the account and its root access key in a database that has no access
// key: both or neither. With DataDir it also makes the folder and the master key. Account is
// the account's number; if empty, it is random. The key's secret can be seen only this once.
//
// If the database has an access key already, Initialise changes nothing and returns
// ErrInitialised, also if another process was quicker. If the master key is missing or
// another one, it returns that error instead. It completes what an interrupted Initialise
// left. It needs none of the other settings.
func Initialise(ctx context.Context, c Config) (AccessKey, error) {
	c.fill()
	c.RequireInitialised = false // for the master key
	if c.Dev {
		return AccessKey{}, errors.New("a development server makes its account and key by itself")
	}
	if err := errors.Join(c.checkDatabase(), c.checkAccount()); err != nil {
		return AccessKey{}, err
	}
	if err := c.checkUninitialised(ctx); err != nil {
		return AccessKey{}, err
	}

	lock, err := c.lockNewFolder(ctx)
	if err != nil {
		return AccessKey{}, err
	}
	if lock != nil {
		defer func() {
			// Logged only: the key may be made, and must be shown.
			if releasing := lock.Release(); releasing != nil {
				c.Logger.Error("freeing the data folder", "error", releasing)
			}
		}()
	}

	return c.initialise(ctx)
}

// initialise makes account and key. The caller holds the lock of the data folder.
func (c *Config) initialise(ctx context.Context) (key AccessKey, err error) {
	if err := c.checkUninitialised(ctx); err != nil { // somebody may have been quicker
		return AccessKey{}, err
	}

	sealer, err := c.ownSealer(ctx)
	if err != nil {
		return AccessKey{}, err
	}
	db, err := store.Open(ctx, c.storeOptions(sealer))
	if err != nil {
		return AccessKey{}, err
	}

	defer func() {
		// Logged only: the key is made, and must be shown.
		if closing := db.Close(); closing != nil {
			c.Logger.Error("closing the database", "error", closing)
		}
	}()

	keys, err := iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: sealer, Logger: c.Logger, Now: c.Now})
	if err != nil {
		return AccessKey{}, err
	}

	account := c.Account
	if account == "" {
		if account, err = newAccount(); err != nil {
			return AccessKey{}, err
		}
	}

	return c.firstKey(ctx, keys, identitypool.AccountID(account))
}

// firstKey makes account and key. An existing account without a key gets the key: a start of
// an older version can have been interrupted.
func (c *Config) firstKey(
	ctx context.Context, keys *iam.AccessKeys, account identitypool.AccountID,
) (AccessKey, error) {
	for range 2 {
		n := iam.NewAccessKey{Account: account, Description: "root key of the first start"}

		// If ctx ended the write, it could still succeed and its key would never be shown.
		home, k, secret, made, err := keys.Initialise(context.WithoutCancel(ctx), n)
		if err != nil {
			return AccessKey{}, err
		}
		if made {
			return AccessKey{Account: string(k.Account), AccessKeyID: k.ID, SecretAccessKey: secret}, nil
		}

		if home == account {
			break
		}
		account = home
	}

	return AccessKey{}, c.alreadyInitialised()
}

func (c *Config) checkUninitialised(ctx context.Context) error {
	found, err := store.Inspect(ctx, c.storeOptions(nil))
	if err != nil || !found.Keys {
		return err
	}
	if _, err := c.sealerOf(found); err != nil { // a server would not start with this database
		return err
	}
	return c.alreadyInitialised()
}

func (c *Config) alreadyInitialised() error {
	return fmt.Errorf("%s is %w", c.databaseName(), ErrInitialised)
}

// CheckInitialised returns ErrNotInitialised if the settings' database has neither an account
// nor an access key, or does not exist. It creates nothing.
func CheckInitialised(ctx context.Context, c Config) error { return c.checkInitialised(ctx) }

// checkInitialised refuses a database without an account.
func (c *Config) checkInitialised(ctx context.Context) error {
	found, err := store.Inspect(ctx, c.storeOptions(nil))
	if err != nil || found.Account || found.Keys {
		return err
	}
	return fmt.Errorf("%s is %w: %s", c.databaseName(), ErrNotInitialised, c.missing())
}

// CheckDevelopment refuses a database that has production data, as New does in development: it
// has a home account. It creates nothing.
func CheckDevelopment(ctx context.Context, c Config) error {
	found, err := store.Inspect(ctx, c.storeOptions(nil))
	if err == nil && found.Account {
		err = fmt.Errorf("%s holds production data", c.databaseName())
	}
	return err
}

// missing describes what a database that is not initialised lacks.
func (c *Config) missing() string {
	if c.DatabaseURL != "" {
		return "it has no account"
	}
	if _, err := os.Stat(c.DataDir); errors.Is(err, fs.ErrNotExist) {
		if link, target := store.DanglingLink(c.DataDir); link != "" {
			return fmt.Sprintf("%s is a link to %s, which is not there", link, target)
		}
		return "the folder is not there"
	}

	switch info, err := os.Stat(filepath.Join(c.DataDir, DatabaseFile)); {
	case errors.Is(err, fs.ErrNotExist):
		return "the folder holds no " + DatabaseFile
	case err == nil && info.Size() == 0:
		return "its " + DatabaseFile + " is empty"
	default:
		return "its " + DatabaseFile + " has no account"
	}
}

// lockData locks the data folder for a server; nil without a folder.
func (c *Config) lockData(ctx context.Context) (*datalock.Lock, error) {
	command := "poolhouse server"
	if c.Dev {
		command = "poolhouse development server"
	}

	return c.lockFolder(ctx, datalock.Holder{
		Command:     command,
		Address:     c.ListenAddress,
		StopSeconds: int((c.LameDuck + time.Second - 1) / time.Second),
	})
}

// lockNewFolder makes the data folder and locks it; nil without a folder.
func (c *Config) lockNewFolder(ctx context.Context) (*datalock.Lock, error) {
	if c.DatabaseURL == "" {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("making the data folder: %w", err)
		}
	}
	return c.lockFolder(ctx, datalock.Holder{Command: "poolhouse init"})
}

func (c *Config) lockFolder(ctx context.Context, h datalock.Holder) (*datalock.Lock, error) {
	if c.DataDir == "" || c.DatabaseURL != "" {
		return nil, nil
	}
	h.Version, h.Started = c.Version, c.Now()

	// A developer who starts a second server wants to know at once. In production one waits for
	// the server that it replaces.
	return datalock.Take(ctx, c.DataDir, datalock.Options{Holder: h, Logger: c.Logger, NoWait: c.Dev})
}

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
	s = s.latest()
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
