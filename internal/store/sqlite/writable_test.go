package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// A database that cannot be written is refused in one sentence, which names the path
// and the cure. Root may write whatever the modes are, so the kernel's answers are
// given here.
func TestCheckWritable(t *testing.T) {
	for name, test := range map[string]struct {
		at   string // the path that is refused, beside the folder
		err  syscall.Errno
		want []string
	}{
		"all may be written": {},
		"read-only mount":    {at: ".", err: syscall.EROFS, want: []string{"folder", "read-write"}},
		"folder of another user": {at: ".", err: syscall.EACCES,
			want: []string{"folder", "chmod u+rwx", "chown", "uid"}},
		"database of another user": {at: "test.db", err: syscall.EACCES,
			want: []string{"file", "chmod u+rw", "chown", "uid"}},
		"database mounted read-only": {at: "test.db", err: syscall.EROFS, want: []string{"file", "read-write"}},
		"immutable database":         {at: "test.db", err: syscall.EPERM, want: []string{"file", "chmod u+rw"}},
		"log of another user":        {at: "test.db-wal", err: syscall.EACCES, want: []string{"file", "chmod u+rw"}},
		"index of another user":      {at: "test.db-shm", err: syscall.EACCES, want: []string{"file", "chmod u+rw"}},
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "test.db")
		for _, name := range []string{path, path + "-wal", path + "-shm"} {
			noError(t, os.WriteFile(name, nil, 0o600))
		}
		refused := filepath.Join(folder, test.at)
		err := checkWritable(path, func(asked string, isFolder bool) error {
			if isFolder != (asked == folder) {
				t.Errorf("%s: folder %t", asked, isFolder)
			}
			if test.err != 0 && asked == refused {
				return test.err
			}
			return nil
		})
		if test.err == 0 {
			wantError(t, name, err, nil)
			continue
		}

		wantError(t, name, err, engine.ErrReadOnly)
		wantError(t, name, err, test.err)

		for _, want := range append(test.want, refused) {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, without %q", name, err, want)
			}
		}
	}
}

// The kernel is asked about paths as they are.
func TestMayWrite(t *testing.T) {
	folder := t.TempDir()
	wantError(t, "a folder", mayWrite(folder, true), nil)
	wantError(t, "no folder", mayWrite(filepath.Join(folder, "none"), true), os.ErrNotExist)
	if err := mayWrite("/proc/version", false); err == nil && os.Getuid() != 0 {
		t.Error("a file of the kernel may be written")
	}
}

func TestFolderIsFull(t *testing.T) {
	if folderIsFull(t.TempDir()) {
		t.Error("a folder with room is full")
	}

	for err, want := range map[error]bool{
		syscall.ENOSPC: true,
		syscall.EDQUOT: true,
		syscall.EIO:    false,
		syscall.EROFS:  false,
		nil:            false,
	} {
		if got := isNoSpace(err); got != want {
			t.Errorf("%v: full %t, want %t", err, got, want)
		}
	}
}

// A log without its database is not overwritten by a new one.
func TestLogWithoutItsDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	noError(t, os.WriteFile(path+"-wal", []byte("acknowledged writes"), 0o600))
	_, err := openNotes(t.Context(), Options{Path: path})
	wantError(t, "Open", err, engine.ErrGone)
	if err == nil || !strings.Contains(err.Error(), path+"-wal") {
		t.Errorf("Open: %v, without the log's path", err)
	}
	if got, _ := os.ReadFile(path + "-wal"); string(got) != "acknowledged writes" {
		t.Errorf("the log is %q now", got)
	}
}
