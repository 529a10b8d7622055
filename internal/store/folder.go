package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/poolhouse-id/poolhouse/internal/store/sqlite"
)

// CheckWritable returns an error that names the path at fault and its cure if the
// SQLite database at path, which need not exist yet, could not be written.
// Error: ErrReadOnly.
func CheckWritable(path string) error { return sqlite.CheckWritable(path) }

// DanglingLink returns the symbolic link, at path or above it, because of which
// path does not exist, and the link's target; both are empty if there is none.
func DanglingLink(path string) (link, target string) {
	for {
		target, err := os.Readlink(path)
		if _, missing := os.Stat(path); err == nil && errors.Is(missing, fs.ErrNotExist) {
			return path, target
		}
		parent := filepath.Dir(path)
		if parent == path {
			return "", ""
		}
		path = parent
	}
}
