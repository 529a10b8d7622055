package poolhouse

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// databaseName names the setting that says where the data is, for messages.
func (c *Config) databaseName() string {
	switch {
	case c.DatabaseURL != "":
		return `the database that "database" names`
	case c.DataDir != "":
		return fmt.Sprintf(`the database in "data" (%s)`, c.DataDir)
	default:
		return "the database"
	}
}

func (c *Config) storeOptions(sealer *envelope.Sealer) store.Options {
	o := store.Options{URL: c.DatabaseURL, Sealer: sealer, Logger: c.Logger, Now: c.Now}
	if c.DatabaseURL != "" {
		o.ReadConns = c.DatabaseConnections
	}
	if c.DataDir != "" && c.DatabaseURL == "" {
		o.Path = filepath.Join(c.DataDir, DatabaseFile)
	}
	return o
}

// ownSealer returns the seal under the master key, which is the one that the
// database's secrets are sealed under. It looks before anything is written: what
// another key seals beside them would keep the right one from starting the server.
func (c *Config) ownSealer(ctx context.Context) (*envelope.Sealer, error) {
	found, err := store.Inspect(ctx, c.storeOptions(nil))
	if err != nil {
		return nil, err
	}
	return c.sealerOf(found)
}

// sealerOf returns the seal if it owns what was found in the database. Error:
// store.ErrOtherSealer.
func (c *Config) sealerOf(found store.Contents) (*envelope.Sealer, error) {
	sealer, err := c.sealer(!c.RequireInitialised && len(found.Sealed) == 0)
	if err != nil {
		return nil, err
	}
	for _, sealed := range found.Sealed {
		if !sealer.Owns(sealed) {
			return nil, fmt.Errorf("%s: %w in %s; put your copy back", c.masterKeyName(), store.ErrOtherSealer, c.databaseName())
		}
	}
	return sealer, nil
}

// masterKeyName names where the master key comes from, for messages.
func (c *Config) masterKeyName() string {
	if len(c.MasterKey) > 0 {
		return `"master_key_file" or "master_key"`
	}
	return filepath.Join(c.DataDir, MasterKeyFile)
}

// sealer returns the seal under the master key: the one given, that of the data
// folder, which it may make, or a temporary one for data in memory.
func (c *Config) sealer(mayMake bool) (*envelope.Sealer, error) {
	key := c.MasterKey
	switch {
	case len(key) > 0:
	case c.DataDir != "" && !mayMake:
		loaded, err := envelope.Load(filepath.Join(c.DataDir, MasterKeyFile))
		if err != nil {
			return nil, fmt.Errorf("%w: without it nothing opens what the database has sealed; put your copy back", err)
		}
		key = loaded
	case c.DataDir != "":
		loaded, created, err := envelope.LoadOrCreate(filepath.Join(c.DataDir, MasterKeyFile))
		if err != nil {
			return nil, err
		}
		if created {
			c.Logger.Info("made a master key; keep a copy apart from the backups", "file", filepath.Join(c.DataDir, MasterKeyFile))
		}
		key = loaded
	default:
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand)
	}
	return envelope.New(key)
}
