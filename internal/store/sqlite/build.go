package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// buildFolder begins the name of the folder in which Build makes a database, so
// that the database appears under its own name whole or not at all.
const buildFolder = ".poolhouse-restore-"

// Build makes a database file that does not exist yet. It calls fill with a path in a
// hidden folder beside path, and gives the database its name when fill has closed it.
// If it fails, it leaves no new file. A process that is killed leaves the folder,
// which the next Build removes.
// Errors: engine.ErrReadOnly, ErrGone; ErrConflict if path was made meanwhile.
func Build(path string, fill func(path string) error) (err error) {
	if err := CheckWritable(path); err != nil {
		return err
	}
	if err := refuseOrphanedLog(path); err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := removeLeftovers(folder); err != nil {
		return err
	}

	building, err := os.MkdirTemp(folder, buildFolder+"*") // mode 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(building)) }()

	built := filepath.Join(building, filepath.Base(path))
	if err := fill(built); err != nil {
		return err
	}

	return putInPlace(built, path)
}

// removeLeftovers removes the folders of killed builds. A build still running fails.
func removeLeftovers(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, buildFolder+"*"))
	if err != nil {
		return err
	}

	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}

	return nil
}

// putInPlace gives a closed database its name, durably, unless the name is taken.
func putInPlace(built, path string) error {
	switch _, err := os.Stat(built + "-wal"); {
	case err == nil:
		return fmt.Errorf("the write-ahead log of %s could not be copied back", built)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}

	err := os.Link(built, path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s was made meanwhile", engine.ErrConflict, path)
	}
	if err != nil { // some file systems have no links
		err = os.Rename(built, path)
	}
	if err != nil {
		return err
	}

	return syncFolder(filepath.Dir(path))
}
