package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// CheckWritable returns an error that names the path at fault and its cure if the
// SQLite database at path, which need not exist yet, could not be written. The
// folder must allow new files, and the database, its log and the log's index,
// where they exist, must take writes. Error: ErrReadOnly.
func CheckWritable(path string) error { return checkWritable(path, mayWrite) }

// checkWritable calls may for each path, which returns nil or the system's refusal.
func checkWritable(path string, may func(path string, folder bool) error) error {
	folder := filepath.Dir(path)
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		if err := may(folder, true); err != nil {
			return notWritable("folder", folder, "chmod u+rwx", err)
		}
	}

	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := may(name, false); err != nil {
			return notWritable("file", name, "chmod u+rw", err)
		}
	}

	return nil
}

// notWritable returns one sentence with the path, the system's reason and the cure.
func notWritable(kind, path, chmod string, err error) error {
	var cure string
	switch {
	case isReadOnlyFileSystem(err):
		cure = "mount its file system read-write, or name another data folder"
	default:
		cure = fmt.Sprintf("run `%s %s` as its owner, or `chown` it to the user that runs poolhouse (%s)",
			chmod, path, runningAs())
	}

	return fmt.Errorf("%w: the %s %s cannot be written (%w): %s", engine.ErrReadOnly, kind, path, err, cure)
}

func runningAs() string {
	if uid := os.Getuid(); uid >= 0 {
		return fmt.Sprintf("uid %d", uid)
	}
	return "this one"
}

// fullTrial is the number of bytes that folderIsFull writes: more than a file system
// keeps in an inode, and little enough to be no burden.
const fullTrial = 64 << 10

// folderIsFull reports whether the disk or the quota has no room for a small file.
func folderIsFull(folder string) bool {
	file, err := os.CreateTemp(folder, ".poolhouse-room-*")
	if err != nil {
		return isNoSpace(err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // nothing depends on it

	_, err = file.Write(make([]byte, fullTrial))
	if err == nil {
		err = file.Sync()
	}

	return isNoSpace(errors.Join(err, file.Close()))
}
