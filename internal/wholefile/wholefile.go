// Package wholefile reads and writes whole files. What it writes is complete whenever it can be seen
// under its name, even after a power cut: it is written under a temporary name in the same folder first.
package wholefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// RefusedError tells why a file is not read, or not written.
type RefusedError struct {
	Path   string
	Reason string // such as "it is no regular file"
}

func (e *RefusedError) Error() string { return e.Path + ": " + e.Reason }

// Read returns the content of a regular file of at most limit bytes. Errors: *RefusedError if the path
// is that of something else, or the file is longer; those of the package os.
func Read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe or a device could wait for ever
		return nil, &RefusedError{Path: path, Reason: "it is no regular file"}
	}

	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, &RefusedError{Path: path, Reason: fmt.Sprintf("it has more than %d bytes", limit)}
	}

	return text, err
}

// TemporaryName is the pattern of a file's name while it is written. A file with such a name is
// left by a process that was killed.
const TemporaryName = ".poolhouse-new-*"

// RemoveTemporary removes what killed processes have left in a folder. Nobody else may write to the folder.
func RemoveTemporary(folder string) error {
	names, err := fs.Glob(os.DirFS(folder), TemporaryName)
	for _, name := range names {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			return err
		}
	}

	return err
}

// Create writes a new file with the mode 0600. When it returns without an error, the file and
// its name are on disk. The error wraps fs.ErrExist if the name is taken; the file that has it
// stays as it is. The file system must support hard links.
func Create(path string, write func(*os.File) error) error {
	temporary, err := writeTemporary(path, write)
	if err != nil {
		return err
	}

	// Unlike a rename, a link fails if another process has taken the name meanwhile.
	err = os.Link(temporary, path)
	if err := errors.Join(err, os.Remove(temporary)); err != nil {
		return err
	}

	return syncFolder(filepath.Dir(path))
}

// Replace is like Create, but replaces a file of the same name, and needs no hard links. In a
// folder that cannot be opened, a power cut may still bring back the state before.
func Replace(path string, write func(*os.File) error) error {
	temporary, err := writeTemporary(path, write)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}

	return syncFolder(filepath.Dir(path))
}

// Remove removes a file or an empty folder. When it returns without an error, a power cut does not bring it back,
// except in a folder that cannot be opened. Errors are those of os.Remove.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// MakeFolder makes a folder with the mode 0700, unless it is there, and what lacks above it. Like those of
// Replace, its name is on disk then.
func MakeFolder(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder writes the names in a folder to disk. It is a variable for tests: nothing but a power cut shows
// what it does.
var syncFolder = syncNames

// ReplaceText is Replace with the whole text of the file.
func ReplaceText(path string, text []byte) error {
	return Replace(path, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

// ReplaceWithin is ReplaceText for a file that is read with a limit in bytes: it writes no text that Read
// would refuse. Error: *RefusedError.
func ReplaceWithin(path string, text []byte, limit int64) error {
	if int64(len(text)) > limit {
		return &RefusedError{Path: path, Reason: fmt.Sprintf("it would have more than %d bytes", limit)}
	}
	return ReplaceText(path, text)
}

// writeTemporary writes a file beside path, and returns its name. If it fails, it removes the
// file.
func writeTemporary(path string, write func(*os.File) error) (name string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), TemporaryName) // mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()

	err = write(file)
	if err == nil {
		err = file.Sync()
	}

	return file.Name(), errors.Join(err, file.Close())
}
