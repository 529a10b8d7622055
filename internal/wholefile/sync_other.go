//go:build !windows

package wholefile

import (
	"errors"
	"os"
)

// syncNames writes the names in a folder to disk.
func syncNames(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return nil //nolint:nilerr // the change is made; some file systems have no folders to sync
	}

	return errors.Join(folder.Sync(), folder.Close())
}
