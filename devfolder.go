package poolhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// DevFolder is the name of the folder in which `poolhouse dev` keeps its data if no setting names a place.
const DevFolder = ".poolhouse"

// DeleteDevData deletes the files that a development server writes to a folder, those of interrupted writes
// too. With keepKeys the master key and the development issuer's keys stay. The caller holds the folder. It
// deletes nothing if the folder has data of production.
func DeleteDevData(ctx context.Context, folder string, keepKeys bool) error {
	err := CheckDevelopment(ctx, Config{DataDir: folder})
	if errors.Is(err, store.ErrDamaged) && filepath.Base(folder) == DevFolder {
		err = nil // nobody can tell whose it was, but a folder of this name is not production's
	}
	if err != nil {
		return fmt.Errorf("nothing was deleted: %w: if you are sure, delete the folder yourself", err)
	}

	// The log goes before its database, and the issuer's key last: an interrupted reset can be
	// repeated.
	database, userPools := DatabaseFile, DevUserPoolsFolder
	for _, pattern := range []string{
		database + "-*", database, wholefile.TemporaryName, DevUsersFile, DevSignInsFile,
		userPools + "/*_*.json", userPools + "/" + wholefile.TemporaryName, // IDs of user pools have a _
	} {
		if err := deleteFiles(folder, pattern); err != nil {
			return err
		}
	}
	if err := deleteEmptyFolder(filepath.Join(folder, userPools)); err != nil {
		return err
	}

	if keepKeys {
		return nil
	}

	for _, key := range []string{MasterKeyFile, DevIssuerKeyFile} {
		if err := deleteFiles(folder, key); err != nil {
			return err
		}
	}

	return nil
}

// deleteFiles deletes the files of a folder whose names match a pattern (path.Match).
func deleteFiles(folder, pattern string) error {
	files, err := fs.Glob(os.DirFS(folder), pattern)
	if err != nil {
		return err
	}

	for _, name := range files {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
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

	return os.Remove(path)
}
