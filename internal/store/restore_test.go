package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/postgres"
)

// failingReader fails after some bytes, or ends a context and goes on.
type failingReader struct {
	*bytes.Reader
	after  int
	err    error
	cancel context.CancelFunc
}

func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p[:min(len(p), 512)])
	if r.after -= n; r.after > 0 {
		return n, err
	}
	if r.cancel != nil {
		r.cancel()
		return n, err
	}

	return 0, r.err
}

// left lists what is in a database's folder, or in a PostgreSQL database.
func left(t *testing.T, o Options) (names []string) {
	t.Helper()
	if o.URL == "" {
		entries, err := os.ReadDir(filepath.Dir(o.Path))
		noError(t, err)

		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	db, err := sql.Open("pgx", o.URL)
	noError(t, err)

	defer db.Close()

	rows, err := db.QueryContext(t.Context(), `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
		UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
		UNION ALL SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%'`)
	noError(t, err)

	defer rows.Close()

	for rows.Next() {
		var name string
		noError(t, rows.Scan(&name))
		names = append(names, name)
	}
	noError(t, rows.Err())
	slices.Sort(names)

	return names
}

// eachKept runs a test on every engine that keeps data.
func eachKept(t *testing.T, test func(*testing.T, Options)) {
	for _, e := range engines {
		if o := e.options(t); o.Path != "" && o.CacheEntries == 0 || o.URL != "" {
			t.Run(e.name, func(t *testing.T) { test(t, e.options(t)) })
		}
	}
}

// A restore that fails leaves what was there before: where nothing was, nothing.
func TestFailedRestoreLeavesNothing(t *testing.T) {
	backup, refusals := refusedDumps(t)
	eachKept(t, func(t *testing.T, o Options) {
		if o.URL != "" { // somebody else's table is none of our business
			db, err := sql.Open("pgx", o.URL)
			noError(t, err)

			defer db.Close()

			_, err = db.ExecContext(t.Context(), `CREATE TABLE others (n INTEGER)`)
			noError(t, err)
		}

		before := left(t, o)
		nothing := func(name string) {
			t.Helper()
			if after := left(t, o); !slices.Equal(after, before) {
				t.Fatalf("%s leaves %q, before %q", name, after, before)
			}
		}

		for name, r := range refusals {
			if strings.HasPrefix(name, "cut after ") && len(r.dump)%3 != 0 || o.URL != "" && len(name)%3 != 0 {
				continue // each makes a database: some are enough
			}
			wantError(t, name, Restore(t.Context(), o, bytes.NewReader(r.dump)), r.want)
			nothing(name)
		}

		for _, after := range []int{1, len(backup) - 1} {
			for _, err := range []error{syscall.EIO, syscall.ENOSPC} {
				wantError(t, "a failing disk",
					Restore(t.Context(), o, &failingReader{Reader: bytes.NewReader(backup), after: after, err: err}),
					err)
				nothing("a failing disk")
			}

			ctx, cancel := context.WithCancel(t.Context())
			err := Restore(ctx, o, &failingReader{Reader: bytes.NewReader(backup), after: after, cancel: cancel})
			wantError(t, "a stopped restore", err, context.Canceled)
			nothing("a stopped restore")
		}

		wantError(t, "a whole one", Restore(t.Context(), o, bytes.NewReader(backup)), nil)
		wantError(t, "a second one", Restore(t.Context(), o, bytes.NewReader(backup)), ErrConflict)
		if got, want := lines(t, dumpOf(t, open(t, o))), lines(t, backup); !slices.Equal(got[1:], want[1:]) &&
			len(got) != len(want) {
			t.Errorf("restored %d lines, want %d", len(got), len(want))
		}
	})
}

// A restore into a database that is there, and empty, leaves it there and empty.
func TestFailedRestoreKeepsTheDatabase(t *testing.T) {
	source := open(t, Options{})
	fillEverything(t, source)
	backup := dumpOf(t, source)
	eachKept(t, func(t *testing.T, o Options) {
		s, err := Open(t.Context(), o)
		noError(t, err)
		home, err := s.SettleAccount(t.Context(), "000000000001")
		noError(t, err)
		noError(t, s.Close())
		before := left(t, o)

		wantError(t, "Restore", Restore(t.Context(), o, bytes.NewReader(backup[:len(backup)/2])), errBadDump)
		if after := left(t, o); !slices.Equal(after, before) {
			t.Errorf("left %q, before %q", after, before)
		}
		s = open(t, o)
		if got, err := s.HomeAccount(t.Context()); err != nil || got != home {
			t.Errorf("the account is %q, %v; want %q", got, err, home)
		}

		wantRows(t, s, 0, 0, 0)
	})
}

// What another node wrote meanwhile into tables that a restore made is not removed.
func TestFailedRestoreLeavesWhatOthersWrote(t *testing.T) {
	eachKept(t, func(t *testing.T, o Options) {
		if o.URL == "" {
			return // a file is built apart: nobody else can see it
		}
		before, err := postgres.Names(t.Context(), o.URL)
		noError(t, err)
		s := open(t, o)
		pool := addPool(t, s)
		wantError(t, "Remove", postgres.Remove(t.Context(), o.URL, schemaMade, before), ErrConflict)
		if _, err := s.Pool(t.Context(), pool); err != nil {
			t.Errorf("the other node's pool: %v", err)
		}
	})
}

// A killed restore leaves no database, and the next one removes its remains.
func TestKilledRestore(t *testing.T) {
	source := open(t, Options{})
	fillEverything(t, source)
	backup := dumpOf(t, source)
	path := filepath.Join(t.TempDir(), "test.db")
	remains := filepath.Join(filepath.Dir(path), ".poolhouse-restore-1234")
	noError(t, os.Mkdir(remains, 0o700))
	noError(t, os.WriteFile(filepath.Join(remains, "test.db"), []byte("half"), 0o600))

	noError(t, Restore(t.Context(), Options{Path: path}, bytes.NewReader(backup)))
	if got := left(t, Options{Path: path}); !slices.Equal(got, []string{"test.db"}) {
		t.Errorf("left %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database: %v, %v", info.Mode(), err)
	}
}

// A server that starts while a restore runs keeps its database.
func TestRestoreReplacesNoDatabase(t *testing.T) {
	source := open(t, Options{})
	fillEverything(t, source)
	backup := dumpOf(t, source)
	path := filepath.Join(t.TempDir(), "test.db")
	var pool identitypool.PoolID
	started := &failingReader{Reader: bytes.NewReader(backup), after: len(backup) / 2, cancel: nil}
	started.cancel = func() {
		started.after, started.cancel = len(backup), nil
		s := open(t, Options{Path: path})
		pool = addPool(t, s)
	}
	wantError(t, "Restore", Restore(t.Context(), Options{Path: path}, started), ErrConflict)

	if _, err := open(t, Options{Path: path}).Pool(t.Context(), pool); err != nil {
		t.Errorf("the server's pool: %v", err)
	}
}

func TestCheckDump(t *testing.T) {
	backup, refusals := refusedDumps(t)
	wantError(t, "a whole one", CheckDump(bytes.NewReader(backup)), nil)

	for name, r := range refusals {
		err := CheckDump(bytes.NewReader(r.dump))
		if err == nil && strings.HasPrefix(name, "cut ") {
			t.Errorf("%s: no error", name)
		}
		if err != nil && !errors.Is(err, errBadDump) && !errors.Is(err, errNewerSchema) && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A failed restore may remove exactly the tables that the migrations make.
func TestSchemaTables(t *testing.T) {
	o := Options{URL: pgtest.URL(t)}
	before, err := postgres.Names(t.Context(), o.URL)
	noError(t, err)
	open(t, o)
	made, err := postgres.Names(t.Context(), o.URL)
	noError(t, err)
	made = slices.DeleteFunc(made, func(name string) bool { return slices.Contains(before, name) })
	want := append(slices.Clone(schemaTables), domainOfKeys)
	slices.Sort(made)
	slices.Sort(want)

	if !slices.Equal(made, want) {
		t.Errorf("the migrations make %q, and schemaTables has %q", made, want)
	}
}

// What others made while a restore ran stays, whatever depends on it.
func TestFailedRestoreLeavesWhatOthersMade(t *testing.T) {
	for _, test := range []struct {
		name, others string
		kept         bool // our schema cannot be removed either
	}{
		{"a table", `CREATE TABLE others (n INTEGER)`, false},
		{"a domain", `CREATE DOMAIN others AS text`, false},
		{"a view of our table", `CREATE VIEW others AS SELECT pool_id FROM pools`, true},
		{"a foreign key to our table", `CREATE TABLE others (pool keytext REFERENCES pools (pool_id))`, true},
		{"a column of our domain", `CREATE TABLE others (name keytext)`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Options{URL: pgtest.URL(t)}
			before, err := postgres.Names(t.Context(), o.URL)
			noError(t, err)
			empty := left(t, o)
			noError(t, open(t, o).Close())
			db, err := sql.Open("pgx", o.URL)
			noError(t, err)

			defer db.Close()

			_, err = db.ExecContext(t.Context(), test.others)
			noError(t, err)
			full := left(t, o)
			err = postgres.Remove(t.Context(), o.URL, schemaMade, before)

			after := left(t, o)
			if !slices.Contains(after, "others") {
				t.Error("what others made is gone")
			}
			if test.kept && (err == nil || !slices.Equal(after, full)) {
				t.Errorf("left %q, %v; want everything and an error", after, err)
			}

			ours := slices.DeleteFunc(after, func(name string) bool { return strings.Contains(name, "others") })
			if !test.kept && (err != nil || !slices.Equal(ours, empty)) {
				t.Errorf("left %q, %v; want %q", ours, err, empty)
			}
		})
	}
}
