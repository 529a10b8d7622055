package pgtest

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})

	return db
}

func TestDatabasesAreFreshAndOrderLikeALanguage(t *testing.T) {
	a, b := open(t, URL(t)), open(t, URL(t))
	if _, err := a.ExecContext(t.Context(), `CREATE TABLE only_in_a (n INT)`); err != nil {
		t.Fatal(err)
	}
	var there bool
	if err := b.QueryRowContext(t.Context(), `SELECT to_regclass('only_in_a') IS NOT NULL`).Scan(&there); err !=
		nil || there {
		t.Errorf("the second database has the first one's table: %t, %v", there, err)
	}
	var language bool
	if err := a.QueryRowContext(t.Context(), `SELECT 'a' < 'B'`).Scan(&language); err != nil || !language {
		t.Errorf("'a' < 'B' = %t, %v; want a language's order, not the bytes'", language, err)
	}
}

// The server must not outlive the tests. The test runs its own binary as a
// child, which starts a server, reports its folder, and is killed.
func TestServerEndsWithItsProcess(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") == "1" {
		s, err := forTests()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stdout.WriteString("folder " + s.dir + "\n"); err != nil {
			t.Fatal(err)
		}

		select {} // until killed
	}

	URL(t) // skips or fails where PostgreSQL is not installed
	child := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithItsProcess$")
	child.Env = append(os.Environ(), "PGTEST_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}

	buf := make([]byte, 4096)
	n, err := out.Read(buf)
	dir, ok := strings.CutPrefix(strings.TrimSpace(string(buf[:n])), "folder ")
	if err != nil || !ok {
		t.Fatalf("child said %q, %v", buf[:n], err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); err != nil {
		t.Errorf("the child's server does not run: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	_ = child.Wait() // killed
	limit := time.After(30 * time.Second)

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()

	for {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}

		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the server's folder %s is still there", dir)
		}
	}
}

func TestBinariesAreFound(t *testing.T) {
	URL(t)
	t.Setenv("PATH", "/nonexistent")
	if _, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); err != nil {
		t.Fatal(err)
	}
	initdb, postgres, err := binaries()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if err == nil || !strings.Contains(err.Error(), "Debian package postgresql") {
			t.Errorf("binaries() = %q, %q, %v; want an error that names the package", initdb, postgres, err)
		}
		return
	}

	if err != nil || filepath.Dir(initdb) != filepath.Dir(postgres) {
		t.Errorf("binaries() = %q, %q, %v", initdb, postgres, err)
	}
}

// A pooled connection goes to another client after a transaction, or after the session: in one mode LISTEN is
// heard, in the other it is not.
func TestPoolModes(t *testing.T) {
	for mode, want := range map[string]bool{SessionPooling: true, TransactionPooling: false} {
		t.Run(mode, func(t *testing.T) {
			behind := PgBouncer(t, URL(t), mode)
			listener, err := pgx.Connect(t.Context(), behind)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close(t.Context())

			if _, err := listener.Exec(t.Context(), `LISTEN news`); err != nil {
				t.Fatal(err)
			}
			if _, err := open(t, behind).ExecContext(t.Context(), `NOTIFY news`); err != nil {
				t.Fatal(err)
			}
			if _, err := listener.Exec(t.Context(), `SELECT 1`); err != nil { // its answer follows what was heard
				t.Fatal(err)
			}

			ended, end := context.WithCancel(t.Context())
			end()
			_, err = listener.WaitForNotification(ended) // fails if nothing was heard before
			heard := err == nil
			if heard != want {
				t.Errorf("heard: %t, want %t", heard, want)
			}
		})
	}
}
