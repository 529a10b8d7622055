package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// failingDisk is a mode of the crash test's child: the kernel refuses its
// writes beyond a file size, in the middle of a commit.
const failingDisk = "has a disk that fails"

// failingDiskChild writes until a commit fails, then checks that nothing more
// is acknowledged, and reports what was.
func failingDiskChild(path string) error {
	ctx := context.Background()
	s, err := openCrashing(ctx, path)
	if err != nil {
		return err
	}
	wal, err := os.Stat(path + "-wal")
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // the write fails with EFBIG instead
	limit := uint64(wal.Size() + 300_000)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	for {
		id, err := crashGuest(ctx, s)
		if err == nil {
			fmt.Println("guest", id)
			continue
		}
		if !errors.Is(err, ErrIndeterminate) || !errors.Is(err, ErrStopped) {
			return fmt.Errorf("the write whose commit failed: %w", err)
		}
		break
	}
	// Were the limit lifted, a retry could succeed; it must not be tried.
	for range 3 {
		if _, err := crashGuest(ctx, s); !errors.Is(err, ErrStopped) || errors.Is(err, ErrIndeterminate) {
			return fmt.Errorf("a write after it: %w", err)
		}
	}
	if err := s.Ping(ctx); !errors.Is(err, ErrStopped) {
		return fmt.Errorf("ping after it: %w", err)
	}
	if _, err := s.Pool(ctx, crashPool); err != nil {
		return fmt.Errorf("reading after it: %w", err)
	}
	fmt.Println(crashReadySay)
	return nil
}

// failingCopy is a mode in which the database file cannot grow, its log can.
const failingCopy = "has a database that cannot grow"

// failingCopyChild writes until copying the log back has failed, which ends all
// writing: the log would grow for ever.
func failingCopyChild(path string) error {
	ctx := context.Background()
	s, err := openCrashing(ctx, path)
	if err != nil {
		return err
	}
	for range 3000 {
		id, err := crashGuest(ctx, s)
		if err != nil {
			return err
		}
		fmt.Println("guest", id)
	}
	if err := s.Close(); err != nil { // which empties the log
		return err
	}
	if s, err = Open(ctx, Options{Path: path}); err != nil {
		return err
	}
	copyOften(s, 20)
	file, err := os.Stat(path)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	var unlimited syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	limited := syscall.Rlimit{Cur: uint64(file.Size() + 20_000), Max: unlimited.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		return err
	}
	for {
		id, err := crashGuest(ctx, s)
		if err == nil {
			fmt.Println("guest", id)
			continue
		}
		if !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "copying the write-ahead log back") {
			return fmt.Errorf("the first write that failed: %w", err)
		}
		break
	}
	// The disk works again, but what it has lost only the log can tell.
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() == 0 {
		return fmt.Errorf("the log after the store's end: %v, %w", log, err)
	}
	fmt.Println(crashReadySay)
	return nil
}

// noHandles is a mode in which the process can open no more files.
const noHandles = "has all files open that it may"

// noHandlesChild reports an error unless SQLite's refusal to open another file counts
// as one that passes, while files that are open go on being used.
func noHandlesChild(path string) error {
	ctx := context.Background()
	s, err := openCrashing(ctx, path)
	if err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: 3}); err != nil {
		return err
	}

	other, err := sql.Open("sqlite", sqliteDSN(path, true))
	if err != nil {
		return err
	}
	_, err = other.Conn(ctx)
	if sqliteCode(err)&0xff != sqlite3.SQLITE_CANTOPEN || sqliteFault(err, nil) != faultBusy {
		return fmt.Errorf("opening another connection: %w, fault %d", err, sqliteFault(err, nil))
	}
	refuse := func(*tx) error { return codeError(sqlite3.SQLITE_CANTOPEN) }
	if err := s.write(ctx, refuse); !errors.Is(err, ErrBusy) || errors.Is(err, ErrReadOnly) {
		return fmt.Errorf("a write that cannot open a file: %w", err)
	}
	return nil
}

func TestTooManyOpenFiles(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashPath+"="+filepath.Join(t.TempDir(), "handles.db"), crashMode+"="+noHandles)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("the child: %v\n%s", err, out)
	}
}

func TestFailingDisk(t *testing.T) {
	for _, mode := range []string{failingDisk, failingCopy} {
		t.Run(mode, func(t *testing.T) { testFailingDisk(t, mode) })
	}
}

func testFailingDisk(t *testing.T, mode string) {
	path := filepath.Join(t.TempDir(), "disk.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashPath+"="+path, crashMode+"="+mode)
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.Output()
	if err != nil {
		t.Fatalf("the child: %v\n%s", err, complaint.String())
	}
	acks := acknowledged{}
	finished := false
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		if word, id, ok := strings.Cut(lines.Text(), " "); ok {
			acks[identitypool.IdentityID(id)] = word
		} else {
			finished = lines.Text() == crashReadySay
		}
	}
	if !finished || len(acks) < 5 {
		t.Errorf("finished %t, %d acknowledged", finished, len(acks))
	}
	if wrong := findings(t, path, acks); len(wrong) > 0 {
		t.Errorf("after the disk failed:\n%s", strings.Join(wrong, "\n"))
	}
}
