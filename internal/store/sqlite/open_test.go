package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// handlesPath is set in a child process that TestTooManyOpenFiles starts: the file.
const handlesPath = "POOLHOUSE_TEST_HANDLES_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(handlesPath); path != "" {
		if err := noHandlesChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}

	os.Exit(m.Run())
}

func TestSQLiteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a b?c#d%41.db") // no character of a path means anything else
	s := open(t, Options{Path: path})
	addNote(t, s)

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("files: %v, want the database and its two side files", entries)
	}

	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "a b?c#d%41.db") {
			t.Errorf("a file named %q", e.Name())
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v; want 0600", e.Name(), info.Mode(), err)
		}
	}

	// On every connection that writes, as on those that read.
	for _, set := range []*connections{s.readers, s.writer.connections} {
		one, err := set.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		for pragma, want := range map[string]string{
			"synchronous":  "2",
			"journal_mode": "wal",
			"foreign_keys": "1",
			"busy_timeout": "5000",
			"temp_store":   "2",
		} {
			var got string
			if err := one.row("PRAGMA "+pragma, &got); err != nil || got != want {
				t.Errorf("PRAGMA %s = %v, %v; want %s", pragma, got, err, want)
			}
		}

		set.put(one)
	}

	err = s.Read(t.Context(), func(q engine.Querier) error {
		_, err := q.Exec(`DELETE FROM notes`)
		return err
	})
	if err == nil {
		t.Error("a reading connection wrote")
	}
}

// noHandlesChild reports an error unless SQLite's refusal to open another file counts
// as temporary, while files that are open go on being used.
func noHandlesChild(path string) error {
	ctx := context.Background()
	s, err := openNotes(ctx, Options{Path: path})
	if err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: 3}); err != nil {
		return err
	}

	other, err := sql.Open("sqlite", dsn(path, true))
	if err != nil {
		return err
	}
	_, err = other.Conn(ctx)
	if resultCode(err)&0xff != sqlite3.SQLITE_CANTOPEN || faultOf(err, nil) != faultBusy {
		return fmt.Errorf("opening another connection: %w, fault %d", err, faultOf(err, nil))
	}
	refuse := func(*engine.Tx) error { return codeError(sqlite3.SQLITE_CANTOPEN) }
	if err := s.Write(ctx, s.limit, refuse); !errors.Is(err, engine.ErrBusy) || errors.Is(err, engine.ErrReadOnly) {
		return fmt.Errorf("a write that cannot open a file: %w", err)
	}

	return nil
}

func TestTooManyOpenFiles(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), handlesPath+"="+filepath.Join(t.TempDir(), "handles.db"))
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("the child: %v\n%s", err, out)
	}
}
