package poolhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// databaseName names the setting that locates the data, for messages.
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
	table := c.ProviderTable
	if table == nil {
		table = provider.Default()
	}

	o := store.Options{
		URL:       c.DatabaseURL,
		Sealer:    sealer,
		PublicApp: table.PublicApp,
		Logger:    c.Logger,
		Now:       c.Now,
	}
	if c.DatabaseURL != "" {
		o.ReadConns = c.DatabaseConnections
	}
	if c.DataDir != "" && c.DatabaseURL == "" {
		o.Path = filepath.Join(c.DataDir, DatabaseFile)
	}

	return o
}

// ownSealer returns the sealer with the master key that sealed the database's secrets. It
// checks before anything is written: secrets sealed under another key beside them would keep
// the right one from starting the server.
func (c *Config) ownSealer(ctx context.Context) (*envelope.Sealer, error) {
	found, err := store.Inspect(ctx, c.storeOptions(nil))
	if err != nil {
		return nil, err
	}
	return c.sealerOf(found)
}

// sealerOf returns the sealer if its key sealed what was found in the database. Error:
// store.ErrOtherSealer.
func (c *Config) sealerOf(found store.Contents) (*envelope.Sealer, error) {
	sealer, err := c.sealer(!c.RequireInitialised && len(found.Sealed) == 0)
	if err != nil {
		return nil, err
	}

	for _, sealed := range found.Sealed {
		if !sealer.Owns(sealed) {
			return nil, fmt.Errorf(
				"%s: %w in %s; put your copy back", c.masterKeyName(), store.ErrOtherSealer, c.databaseName(),
			)
		}
	}

	return sealer, nil
}

// masterKeyName names the source of the master key, for messages.
func (c *Config) masterKeyName() string {
	if len(c.MasterKey) > 0 {
		return `"master_key_file" or "master_key"`
	}
	return filepath.Join(c.DataDir, MasterKeyFile)
}

// sealer returns the sealer with the master key: the given one, that of the data folder
// (created if mayMake), or a temporary one for data in memory.
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
			c.Logger.Info("made a master key; keep a copy apart from the backups",
				"file", filepath.Join(c.DataDir, MasterKeyFile))
		}
		key = loaded
	default:
		key = make([]byte, 32)
		rand.Read(key) // never fails (crypto/rand)
	}

	return envelope.New(key)
}

// sealSecrets encrypts secrets that an older version left in clear. The database's keys were
// opened before, so the master key is the right one.
func (s *Server) sealSecrets(ctx context.Context) error {
	sealed, err := s.store.SealSecrets(ctx)
	if err != nil && sealed {
		s.config.Logger.Error(
			"the database's files may still hold secrets that were in clear; the next start tries again",
			"error", err,
			"fix", "with SQLite make room for two more copies of the database and close other programs that read it",
		)

		return nil
	}

	return err
}

// bindSAMLLogins binds the SAML logins of a database from before scopes existed to the
// identity providers that are registered now.
func (s *Server) bindSAMLLogins(ctx context.Context, directory *iam.Directory) (map[string]string, error) {
	bindings, err := s.store.BindSAMLLogins(ctx, func(arn string) (entityID string, known bool) {
		registered, err := directory.SAMLProvider(ctx, arn)
		switch {
		case errors.Is(err, iam.ErrNotFound):
			return "", true
		case err != nil:
			s.config.Logger.Error("the logins of a SAML provider are nobody's until its metadata can be read",
				"provider", arn, "error", err)
			return "", false
		}

		return registered.Provider.EntityID, true
	})

	for _, arn := range slices.Sorted(maps.Keys(bindings)) {
		registered, err := directory.SAMLProvider(ctx, arn)
		claimed := err == nil && registered.Provider.Is(iam.UnrecordedEntityID)
		if bindings[arn] == "" && !claimed {
			s.config.Logger.Warn("a SAML provider with users was not registered when this database was upgraded, "+
				"so nobody gets their identities; register it, and name \""+iam.UnrecordedEntityID+
				"\" in its previous_entity_ids if they are its users", "provider", arn)
		}
	}

	return bindings, err
}
