package credentialagent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

const (
	// mark begins a file that an agent wrote. The checksum of the rest follows it.
	mark     = "# Written by `poolhouse agent`, which replaces it. Do not edit.\n"
	checksum = "# Checksum: "
	// maxFile bounds a file that is looked at before it is replaced, in bytes.
	maxFile = 1 << 20
)

// ForeignFileError means that a file is not an agent's, or that somebody has changed it since.
type ForeignFileError struct {
	Path    string
	Changed bool
}

func (e *ForeignFileError) Error() string {
	if e.Changed {
		return e.Path + " was changed after `poolhouse agent` wrote it, and is left as it is, with credentials that " +
			"the agent may have written: remove it, or give the agent another file"
	}
	return e.Path + " was not written by `poolhouse agent`, and is not replaced: give another file"
}

// InUseError means that another agent keeps a file.
type InUseError struct{ Path string }

func (e *InUseError) Error() string {
	return "another agent keeps " + e.Path + ": give another file, or stop that agent"
}

// OwnFile is a text file that an agent keeps. It never replaces or removes the text of somebody else: an
// agent's file has a checksum, and lines that begin with # are comments in it.
type OwnFile struct {
	Path  string
	Locks string // folder of the user in which agents lock their files

	lock    *flock.Flock
	written string
}

// Prepare takes the file for this process, and makes its folder. Errors: *InUseError, *ForeignFileError,
// those of the package os.
func (f *OwnFile) Prepare() error {
	path, err := filepath.Abs(f.Path)
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.MkdirAll(f.Locks, 0o700))
	}
	if err != nil {
		return err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path)) // one lock, whatever its names
	if err != nil {
		return err
	}
	f.Path = filepath.Join(folder, filepath.Base(path))

	name := sha256.Sum256([]byte(f.Path))
	lock := flock.New(filepath.Join(f.Locks, hex.EncodeToString(name[:16])+".lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = &InUseError{Path: f.Path}
	}
	if err != nil {
		return err
	}

	if err := f.check(); err != nil {
		return errors.Join(err, lock.Unlock())
	}
	f.lock = lock

	return nil
}

// check returns an error if the file has a text that may be somebody else's.
func (f *OwnFile) check() error {
	text, err := wholefile.Read(f.Path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case f.written != "" && string(text) != f.written:
		return &ForeignFileError{Path: f.Path, Changed: true}
	}

	rest, marked := strings.CutPrefix(string(text), mark)
	line, body, _ := strings.Cut(rest, "\n")
	if !marked {
		return &ForeignFileError{Path: f.Path}
	}
	if line != checksumOf(body) {
		return &ForeignFileError{Path: f.Path, Changed: true}
	}

	return nil
}

func checksumOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return checksum + hex.EncodeToString(sum[:])
}

// Write replaces the file, with the mode 0600. It is complete whenever a program reads it. Errors:
// *ForeignFileError if somebody has changed it, those of the package os.
func (f *OwnFile) Write(body string) error {
	if err := f.check(); err != nil {
		return err
	}

	text := mark + checksumOf(body) + "\n" + body
	if err := wholefile.ReplaceText(f.Path, []byte(text)); err != nil {
		return err
	}
	f.written = text

	return nil
}

// Remove removes the file, and lets other agents have it. Error: *ForeignFileError if somebody has
// changed it: it stays.
func (f *OwnFile) Remove() error {
	if f.lock == nil {
		return nil
	}

	err := f.check()
	if err == nil && f.written != "" {
		err = os.Remove(f.Path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}

	return errors.Join(err, f.lock.Unlock())
}
