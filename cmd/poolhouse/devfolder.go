package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// devFolder is where `poolhouse dev` keeps its data if no setting names a place.
const devFolder = ".poolhouse"

// chooseDevData sets where a development server keeps its data: nowhere with --memory, else
// where the settings name, else in devFolder. It makes nothing.
func chooseDevData(c *cobra.Command, s *settings) error {
	memory, err := c.Flags().GetBool("memory")
	if err != nil {
		return err
	}

	switch {
	case memory && c.Flags().Changed("data"):
		return errors.New("--memory keeps no data, and --data keeps it: give one of them")
	case memory:
		s.DataDir, s.DatabaseURL, s.MasterKeyFile = "", "", "" // dev would make a missing key file
	case s.DataDir == "" && s.DatabaseURL == "":
		s.DataDir, err = filepath.Abs(devFolder) // messages then tell where it is
		return err
	}

	return nil
}

// makeDevFolder makes the data folder. The one that chooseDevData chose gets a .gitignore, so that
// its keys are not committed.
func makeDevFolder(s *settings, folder string) error {
	if err := makeFolder(s, folder); err != nil {
		return adviseMemory(err)
	}
	if chosen, err := filepath.Abs(devFolder); err != nil || folder != chosen {
		return err
	}

	// O_EXCL also keeps from writing through a link that somebody put there.
	ignore, err := os.OpenFile(filepath.Join(folder, ".gitignore"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return adviseMemory(err)
	}
	_, err = ignore.WriteString("*\n")

	return adviseMemory(errors.Join(err, ignore.Close()))
}

// adviseMemory adds to a fault of the data folder how to do without one.
func adviseMemory(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\nrun `poolhouse dev --memory` to keep nothing, or name another folder with --data", err)
}

// adviseReset adds to a fault of development data how to begin anew.
func adviseReset(err error, folder string) error {
	damaged := []error{
		store.ErrDamaged, envelope.ErrWrongKey, devissuer.ErrKey, devissuer.ErrGrants, devuser.ErrDamaged,
		devuserpool.ErrDamaged,
	}
	if errors.Is(err, store.ErrDamaged) && filepath.Base(folder) != devFolder {
		return err // deleteDevFiles refuses it
	}
	if folder == "" || !slices.ContainsFunc(damaged, func(fault error) bool { return errors.Is(err, fault) }) {
		return err
	}

	command := "poolhouse dev reset"
	if chosen, pathErr := filepath.Abs(devFolder); pathErr != nil || folder != chosen {
		command += " --data " + shellQuoted(folder)
	}

	return fmt.Errorf("%w\nrun `%s` to delete the data of the development server and begin anew", err, command)
}

func devResetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reset",
		Short: "Delete what the development server keeps",
		Long: `Delete the data of the development server in .poolhouse, or in the folder of --data: its
pools, identities, roles, users, user pools, access keys and signing keys. No server may
use the folder.
Nothing else in the folder is touched.`,
		Example: "  poolhouse dev reset",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := loadSettings(c)
			if err != nil {
				return err
			}
			if s.DataDir == "" {
				s.DataDir = devFolder
			}
			if err := resetDevFolder(c, s.DataDir); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "deleted the development data in %s\n", s.DataDir)

			return err
		},
	}
	addSettings(c, "data")

	return c
}

// resetDevFolder deletes the files of a development server. Such a server has an issuer's key,
// and its database has no home account: otherwise the folder may be production's. A first start
// that was interrupted has left no key; then the folder's name tells.
func resetDevFolder(c *cobra.Command, folder string) error {
	_, err := os.Stat(filepath.Join(folder, poolhouse.DevIssuerKeyFile))
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(folder) == devFolder {
		_, err = os.Stat(folder)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no data of a development server: nothing was deleted", folder)
	} else if err != nil {
		return err
	}

	lock, err := datalock.Take(c.Context(), folder, datalock.Options{
		Holder: datalock.Holder{Command: "poolhouse dev reset"},
		NoWait: true,
	})
	if err != nil {
		return err
	}

	return errors.Join(deleteDevFiles(c.Context(), folder), lock.Release())
}

// deleteDevFiles deletes the files that a development server writes, those of interrupted writes
// too. The caller holds the folder.
func deleteDevFiles(ctx context.Context, folder string) error {
	err := poolhouse.CheckDevelopment(ctx, poolhouse.Config{DataDir: folder})
	if errors.Is(err, store.ErrDamaged) && filepath.Base(folder) == devFolder {
		err = nil // nobody can tell whose it was, but a folder of this name is not production's
	}
	if err != nil {
		return fmt.Errorf("nothing was deleted: %w: if you are sure, delete the folder yourself", err)
	}

	// The log goes before its database, and the issuer's key last: an interrupted reset can be
	// repeated.
	database, userPools := poolhouse.DatabaseFile, poolhouse.DevUserPoolsFolder
	for _, pattern := range []string{
		database + "-*", database, poolhouse.MasterKeyFile, wholefile.TemporaryName,
		poolhouse.DevUsersFile, poolhouse.DevSignInsFile,
		userPools + "/*_*.json", userPools + "/" + wholefile.TemporaryName, // IDs of user pools have a _
	} {
		if err := deleteFiles(folder, pattern); err != nil {
			return err
		}
	}
	if err := deleteEmptyFolder(filepath.Join(folder, userPools)); err != nil {
		return err
	}

	return deleteFiles(folder, poolhouse.DevIssuerKeyFile)
}

// deleteFiles deletes the files of a folder whose names match a pattern (path.Match).
func deleteFiles(folder, pattern string) error {
	files, err := fs.Glob(os.DirFS(folder), pattern)
	if err != nil {
		return err
	}

	for _, name := range files {
		if err := wholefile.Remove(filepath.Join(folder, name)); err != nil {
			return err
		}
	}

	return nil
}

// deleteEmptyFolder deletes a folder, unless it has files that the server did not write.
func deleteEmptyFolder(path string) error {
	left, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		return nil
	}
	if err != nil {
		return err
	}

	return wholefile.Remove(path)
}
