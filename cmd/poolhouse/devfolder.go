package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
)

// devFolder is where `poolhouse dev` keeps its data if no setting names a place.
const devFolder = ".poolhouse"

// chooseDevData sets where a development server keeps its data: nowhere with --memory, else
// where the settings name, else in devFolder.
func chooseDevData(c *cobra.Command, s *settings) error {
	memory, err := c.Flags().GetBool("memory")
	if err != nil {
		return err
	}

	switch {
	case memory && c.Flags().Changed("data"):
		return errors.New("--memory keeps no data, and --data keeps it: give one of them")
	case memory:
		s.DataDir, s.DatabaseURL = "", ""
	case s.DataDir == "" && s.DatabaseURL == "":
		s.DataDir = devFolder
		return makeDevFolder(s)
	case s.DataDir != "":
		return adviseMemory(makeFolder(s, s.DataDir))
	}

	return nil
}

// makeDevFolder makes devFolder with a .gitignore, so that its keys are not committed.
func makeDevFolder(s *settings) error {
	if err := makeFolder(s, devFolder); err != nil {
		return adviseMemory(err)
	}

	ignore := filepath.Join(devFolder, ".gitignore")
	_, err := os.Stat(ignore)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(ignore, []byte("*\n"), 0o600)
	}

	return adviseMemory(err)
}

// adviseMemory adds to a fault of the data folder how to do without one.
func adviseMemory(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\nrun `poolhouse dev --memory` to keep nothing, or name another folder with --data", err)
}

func devResetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reset",
		Short: "Delete what the development server keeps",
		Long: `Delete the data of the development server in .poolhouse, or in the folder of --data: its
pools, identities, roles, access keys and signing keys. No server may use the folder.
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

// resetDevFolder deletes the files of a development server. Only such a server has an issuer's
// key: without one, the folder may be production's.
func resetDevFolder(c *cobra.Command, folder string) error {
	_, err := os.Stat(filepath.Join(folder, poolhouse.DevIssuerKeyFile))
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

	// The issuer's key goes last: until then, an interrupted reset can be repeated.
	database := poolhouse.DatabaseFile
	for _, name := range []string{
		database, database + "-wal", database + "-shm", poolhouse.MasterKeyFile, poolhouse.DevIssuerKeyFile,
	} {
		err := os.Remove(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, lock.Release())
		}
	}

	return lock.Release()
}
