package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
