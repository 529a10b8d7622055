package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// database is the store of a command's settings. A server may be using it at the same time,
// unless the command has locked the data folder.
type database struct {
	settings *settings
	store    *store.Store
	lock     *datalock.Lock // nil beside a server, and on PostgreSQL
}

// openDatabase opens the store that a command's settings name. alone is the name of a command
// that must not run beside a server; "" = it may. A path without a database is a mistake. The
// store also opens without the master key; then only what needs the key fails.
func openDatabase(c *cobra.Command, alone string) (_ *database, err error) {
	d, o, err := nameDatabase(c)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = d.close(err)
		}
	}()

	if o.URL == "" {
		if _, err := os.Stat(o.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, d.settings.fault(&d.settings.DataDir,
				"the folder has no %s: check the path; `poolhouse init` creates the file", poolhouse.DatabaseFile)
		}
		if err := checkFolder(d.settings, d.settings.DataDir); err != nil {
			return nil, err
		}
		if err := d.hold(c.Context(), alone); err != nil {
			return nil, err
		}
	}

	if d.store, err = store.Open(c.Context(), o); err != nil {
		return nil, err
	}

	return d, nil
}

// hold locks the data folder for a command that must not run beside a server.
func (d *database) hold(ctx context.Context, command string) (err error) {
	if command == "" {
		return nil
	}

	d.lock, err = datalock.Take(ctx, d.settings.DataDir, datalock.Options{
		Holder: datalock.Holder{Command: "poolhouse " + command, Version: version(), Started: time.Now()},
		NoWait: true,
	})

	return err
}

// nameDatabase reads from a command's settings where the database is. It opens and creates
// nothing.
func nameDatabase(c *cobra.Command) (*database, store.Options, error) {
	s, err := loadSettings(c)
	if err != nil {
		return nil, store.Options{}, err
	}

	o := store.Options{
		URL:    s.DatabaseURL,
		Logger: slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn})),

		PublicApp: provider.Default().PublicApp,
	}
	if o.URL == "" {
		if s.DataDir == "" {
			return nil, store.Options{}, s.fault(&s.DataDir,
				"set it to the data folder, or set database to a postgres:// URL")
		}
		o.Path = filepath.Join(s.DataDir, poolhouse.DatabaseFile)
	}

	d := &database{settings: s}
	if sealer, err := d.sealer(); err == nil {
		o.Sealer = sealer
	}

	return d, o, nil
}

// sealer returns the sealer with the settings' master key.
func (d *database) sealer() (*envelope.Sealer, error) {
	key, err := masterKey(d.settings, false)
	if err != nil {
		return nil, err
	}
	if key == nil {
		if d.settings.DataDir == "" {
			return nil, d.settings.fault(&d.settings.MasterKeyFile,
				"the master key is needed to read and write secrets")
		}
		if key, err = envelope.Load(filepath.Join(d.settings.DataDir, poolhouse.MasterKeyFile)); err != nil {
			return nil, err
		}
	}

	return envelope.New(key)
}

// work is the part of a command that uses the database of its settings.
type work func(c *cobra.Command, args []string, d *database) error

// onDatabase gives a command its work, and the settings that it needs: those of the database,
// and more.
func onDatabase(c *cobra.Command, do work, more ...string) *cobra.Command {
	c.RunE = func(c *cobra.Command, args []string) error { return withDatabase(c, args, "", do) }
	addSettings(c, append(slices.Clone(storeSettings), more...)...)

	return c
}

// withDatabase does the work of a command. alone is the name of a command that must not run
// beside a server; "" = it may.
func withDatabase(c *cobra.Command, args []string, alone string, do work) error {
	d, err := openDatabase(c, alone)
	if err != nil {
		return err
	}
	return d.close(do(c, args, d))
}

// close closes the database after a command that ended with err.
func (d *database) close(err error) error {
	if d.store != nil {
		err = errors.Join(err, d.store.Close())
	}
	if d.lock != nil {
		err = errors.Join(err, d.lock.Release())
	}
	return err
}

func backupCommand() *cobra.Command {
	c := onDatabase(&cobra.Command{
		Use:   "backup FILE",
		Short: "Write one consistent snapshot of the database to a file",
		Long: `Write one consistent snapshot of the database to a file. Servers may run meanwhile.
The file can be restored into SQLite and PostgreSQL. Secrets in it stay encrypted:
keep a copy of the master key, too, but not in the same place.`,
		Example: "  poolhouse backup --data /var/lib/poolhouse backup.gz",
		Args:    cobra.ExactArgs(1),
	}, func(c *cobra.Command, args []string, d *database) error {
		force, _ := c.Flags().GetBool("force")
		err := writeFile(args[0], force, func(f *os.File) error { return d.store.Dump(c.Context(), f) })
		if errors.Is(err, store.ErrNoSealer) {
			_, noKey := d.sealer()
			err = fmt.Errorf("%w: an older version stored it unencrypted; start a server of this version once, "+
				"which encrypts it, or give the master key (%w)", err, noKey)
		}

		return err
	})
	c.Flags().Bool("force", false, "replace FILE if it exists")

	return c
}

func restoreCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Load a backup into an empty database",
		Long: `Load a backup into an empty database. If the file is incomplete or was altered, nothing
is loaded. No server may use the data folder meanwhile. The backup includes the
account: you do not need "poolhouse init".

The backup of an older version may have unencrypted secrets. They are encrypted now if
the command has the master key, otherwise at the first start of the server.`,
		Example: "  poolhouse restore --data /var/lib/poolhouse-new backup.gz",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()

			return restore(c, file)
		},
	}
	addSettings(c, storeSettings...)

	return c
}

// restore loads a backup into the database that a command's settings name. If it fails,
// everything that it created is removed again, the data folder included.
func restore(c *cobra.Command, backup *os.File) (err error) {
	d, o, err := nameDatabase(c)
	if err != nil {
		return err
	}
	if err := store.CheckDump(backup); err != nil {
		return err
	}

	if o.URL == "" {
		folder := d.settings.DataDir

		made := missingFolders(folder)
		defer func() {
			if err != nil {
				removeEmpty(made)
			}
		}()

		if err := makeFolder(d.settings, folder); err != nil {
			return err
		}
		if err := d.hold(c.Context(), "restore"); err != nil {
			return err
		}

		defer func() { err = d.close(err) }() // before the folders are removed
	}

	err = store.Restore(c.Context(), o, backup)
	if errors.Is(err, store.ErrConflict) {
		err = fmt.Errorf("the database is not empty: restore into a new data folder or database (%w)", err)
	}

	return err
}

// missingFolders returns the folders of a path that do not exist, the deepest first.
func missingFolders(path string) (missing []string) {
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return missing
		}
		missing = append(missing, path)
		path = filepath.Dir(path)
	}
}

// removeEmpty removes folders, the deepest first, until one is not empty.
func removeEmpty(folders []string) {
	for _, folder := range folders {
		if os.Remove(folder) != nil {
			return
		}
	}
}

// writeFile writes a file that appears on disk complete or not at all.
func writeFile(path string, replace bool, write func(*os.File) error) error {
	if _, err := os.Lstat(path); err == nil && !replace {
		return fmt.Errorf("%s exists: give another name, or --force to replace it", path)
	}
	return wholefile.Replace(path, write)
}
