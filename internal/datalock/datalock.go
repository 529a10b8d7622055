// Package datalock lets only one process at a time serve a data folder: two servers
// on one folder would answer the same login differently, because each remembers
// what it has read. Start at Take.
package datalock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// File is the name of the lock file in the data folder.
const File = "poolhouse.lock"

const (
	// Grace is added to the holder's stop time, for closing its database.
	Grace = 10 * time.Second
	// MaxStop bounds the stop time that a lock file can ask others to wait for.
	MaxStop = 25 * time.Second

	poll          = 100 * time.Millisecond
	maxHolderFile = 4 << 10 // bytes
)

// Holder describes the process that holds a folder. It is the content of the lock file.
type Holder struct {
	PID     int       `json:"pid"`  // in the holder's own process namespace
	Host    string    `json:"host"` // the container's name if the holder runs in one
	Command string    `json:"command"`
	Version string    `json:"version,omitempty"`
	Address string    `json:"address,omitempty"`
	Started time.Time `json:"started"`
	// StopSeconds is how long the holder goes on answering after it is told to stop.
	StopSeconds int `json:"stop_seconds"`
}

// Options describes who takes the lock. Only Holder.Command is required: Take fills in
// PID and Host.
type Options struct {
	Holder Holder
	Logger *slog.Logger     // nil = none
	NoWait bool             // refuse at once if somebody holds the folder
	Now    func() time.Time // measures the wait; nil = time.Now

	try func(*flock.Flock) (bool, error) // (*flock.Flock).TryLock except in tests
}

// HeldError means that another process, or this one, holds the folder.
type HeldError struct {
	Folder string
	Holder Holder // the zero value if the lock file does not name it
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("the data folder %s is in use by %s; one process at a time may use it: "+
		"stop that one, or give this one another folder", e.Folder, e.Holder)
}

// String names the holder for people.
func (h Holder) String() string {
	if h.PID == 0 {
		return "a process that its " + File + " does not name"
	}
	text := fmt.Sprintf("%s, process %d on %s", h.Command, h.PID, h.Host)
	if h.Address != "" {
		text += ", at " + h.Address
	}
	if h.Version != "" {
		text += ", version " + h.Version
	}

	return text + ", since " + h.Started.UTC().Format(time.RFC3339)
}

// Lock is a held data folder. It ends with its process, however the process ends.
type Lock struct {
	folder *flock.Flock // nil where the file system locks no folders
	file   *flock.Flock
}

// Take takes the lock of an existing data folder. While another process holds it,
// Take waits for the time that the holder needs to stop, plus Grace. Then it
// returns a *HeldError.
//
// It locks both the folder and the lock file in it. The lock on the folder stays
// when somebody deletes the file or renames the folder, and holds for every path to
// the folder. The one on the file is for file systems, such as NFS, that lock no
// folders.
func Take(ctx context.Context, folder string, o Options) (*Lock, error) {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.try == nil {
		o.try = (*flock.Flock).TryLock
	}

	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}

	begin, told := o.Now(), false
	for {
		lock, err := attempt(folder, o)
		if lock != nil || err != nil {
			return lock, err
		}

		holder := readHolder(folder)
		limit := holder.stopTime() + Grace
		if o.NoWait || o.Now().Sub(begin) >= limit {
			return nil, &HeldError{Folder: folder, Holder: holder}
		}
		if !told {
			told = true
			o.Logger.Warn("another process uses the data folder; waiting for it to end",
				"folder", folder, "holder", holder.String(), "at_most", limit.String())
		}

		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s to free the data folder %s: %w", holder, folder, ctx.Err())
		case <-time.After(poll):
		}
	}
}

// attempt tries once. It returns nil and no error if somebody else holds the folder.
func attempt(folder string, o Options) (_ *Lock, err error) {
	l := &Lock{
		folder: flock.New(folder, flock.SetFlag(os.O_RDONLY)),
		file: flock.New(filepath.Join(folder, File),
			flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600)),
	}
	taken := false
	defer func() {
		if !taken {
			err = errors.Join(err, l.unlock())
		}
	}()

	switch locked, err := o.try(l.folder); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the data folder: %w", err)
	case err != nil:
		l.folder = nil // the lock on the file remains
	case !locked:
		return nil, nil
	}

	switch locked, err := o.try(l.file); {
	case err != nil:
		return nil, fault(l.file.Path(), err)
	case !locked:
		return nil, nil
	}

	// Without a lock on the folder, its last holder may have removed the file that
	// was opened here.
	if !l.holdsPath() {
		return nil, nil
	}

	if err := l.write(o.Holder); err != nil { // a full disk: the lock works without the holder's name
		o.Logger.Warn("the lock file does not name this process", "file", l.file.Path(), "error", err)
	}
	taken = true

	return l, nil
}

// holdsPath reports whether the locked file still has its name.
func (l *Lock) holdsPath() bool {
	held, err := l.file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(l.file.Path())
	return err == nil && os.SameFile(held, named)
}

func (l *Lock) write(h Holder) error {
	h.PID = os.Getpid()
	h.Host, _ = os.Hostname() // without a name the lock works, too
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}

	file, err := os.OpenFile(l.file.Path(), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))

	return errors.Join(err, file.Close())
}

// Release removes the lock file and frees the folder. Calling it again does nothing.
func (l *Lock) Release() error {
	var err error
	if l.file.Locked() && l.holdsPath() {
		err = os.Remove(l.file.Path())
	}
	return errors.Join(err, l.unlock())
}

func (l *Lock) unlock() error {
	err := l.file.Unlock()
	if l.folder != nil {
		err = errors.Join(err, l.folder.Unlock())
	}
	return err
}

// ReadHolder returns who holds a folder, as its lock file tells; false if it tells nothing. A process
// that was killed leaves its file behind.
func ReadHolder(folder string) (Holder, bool) {
	h := readHolder(folder)
	return h, h.PID > 0
}

// readHolder returns the holder of the folder, or the zero value if the file does not
// name it.
func readHolder(folder string) Holder {
	file, err := os.Open(filepath.Join(folder, File))
	if err != nil {
		return Holder{}
	}
	defer file.Close()

	text, err := io.ReadAll(io.LimitReader(file, maxHolderFile))
	if err != nil {
		return Holder{}
	}

	var h Holder
	if json.Unmarshal(text, &h) != nil || h.PID <= 0 {
		return Holder{}
	}

	return h
}

// stopTime returns StopSeconds within its bounds: somebody else could have written
// the file.
func (h Holder) stopTime() time.Duration {
	return time.Duration(min(max(h.StopSeconds, 0), int(MaxStop/time.Second))) * time.Second
}

// fault returns an error that names the file and the cure.
func fault(path string, err error) error {
	folder := filepath.Dir(path)
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK):
		return fmt.Errorf("%s cannot be locked (%w): the file system of %s has no locks, "+
			"so two servers could use it at once; put the data folder on a local disk, "+
			"switch locks on where it is mounted (NFS: without nolock), or use PostgreSQL", path, err, folder)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s cannot be written (%w): mount the file system of %s writable", path, err, folder)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be written (%w): give the folder and the files in it "+
			"to the user of this process (uid %d), with mode 0700 and 0600", path, err, os.Getuid())
	default:
		return fmt.Errorf("locking the data folder by %s: %w", path, err)
	}
}
