package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// failingDisk is a mode of the crash test's child: the kernel refuses its
// writes beyond a file size, in the middle of a commit.
const failingDisk = "has a disk that fails"

// failingDiskChild writes until a commit fails, then checks that nothing more
// is acknowledged, and reports what was.
func failingDiskChild(path string) error {
	ctx := context.Background()
	s, err := openCrashing(ctx, Options{Path: path})
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
	if err := s.Probe(ctx); !errors.Is(err, ErrStopped) {
		return fmt.Errorf("probe after it: %w", err)
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
	s, err := openCrashing(ctx, Options{Path: path})
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
	if s, err = Open(ctx, Options{Path: path, checkpoints: copyOften}); err != nil {
		return err
	}

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
