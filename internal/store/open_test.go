package store

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

func TestEngineAndPing(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		want := "sqlite"
		if o.URL != "" {
			want = "postgresql"
		}
		if s.Engine() != want {
			t.Errorf("Engine() = %q, want %q", s.Engine(), want)
		}
		wantError(t, "Ping", s.Ping(t.Context()), nil)

		pool := addPool(t, s)
		wantError(t, "Close", s.Close(), nil)
		wantError(t, "Close again", s.Close(), nil)
		wantError(t, "Ping closed", s.Ping(t.Context()), ErrClosed)
		_, err = s.Identity(t.Context(), newIdentityID())
		wantError(t, "Identity closed", err, ErrClosed)

		_, err = s.Keys(t.Context(), "p")
		wantError(t, "Keys closed", err, ErrClosed)
		wantError(t, "CreatePool closed", s.CreatePool(t.Context(), testPool(), 0), ErrClosed)
		wantError(t, "DeletePool closed", s.DeletePool(t.Context(), pool), ErrClosed)
	})
}

// What was written is there when the database is opened again.
func TestReopen(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		if o.Path == "" && o.URL == "" {
			return // in memory there is nothing to open again
		}
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		pool := addPool(t, s)
		i := addLinked(t, s, pool, public("p", "s"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		again := open(t, o)
		if got, err := again.IdentityByLogin(t.Context(), pool, public("p", "s")); err != nil || got.ID != i.ID {
			t.Errorf("after reopening: %v, %v", got, err)
		}
	})
}

// Several nodes start at once on an empty database: all of them succeed.
func TestNodesStartTogether(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		o.Logger = slog.New(slog.DiscardHandler)
		stores := make([]*Store, 8)
		var wg sync.WaitGroup
		for n := range stores {
			wg.Go(func() {
				s, err := Open(t.Context(), o)
				if err != nil {
					t.Errorf("Open: %v", err)
					return
				}
				stores[n] = s
			})
		}
		wg.Wait()

		for n, s := range stores {
			if s == nil {
				continue
			}
			p := testPool()
			wantError(t, "CreatePool", s.CreatePool(t.Context(), p, 0), nil)

			if o.Path != "" || o.URL != "" {
				if other := stores[(n+1)%len(stores)]; other != nil {
					_, err := other.Pool(t.Context(), p.ID)
					wantError(t, "Pool on another node", err, nil)
				}
			}
		}

		for _, s := range stores {
			if s != nil {
				wantError(t, "Close", s.Close(), nil)
			}
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		if o.Path == "" && o.URL == "" {
			return // nobody else has written to it
		}
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}

		err = s.write(t.Context(), func(t *engine.Tx) error {
			_, err := t.Exec(`INSERT INTO ` + schemaTable + ` (version_id, is_applied) VALUES (9000, TRUE)`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		_, err = Open(t.Context(), o)
		wantError(t, "Open", err, errNewerSchema)
		if err != nil && !strings.Contains(err.Error(), "9000") {
			t.Errorf("the error does not name the version: %v", err)
		}
	})
}

func TestSQLiteFileErrors(t *testing.T) {
	_, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "no", "such", "folder", "x.db")})
	if err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("in a folder that is not there: %v", err)
	}
	path := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}

	_, err = Open(t.Context(), Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is no database: %v, want an error that names it", err)
	}
}

func TestPostgreSQLSettings(t *testing.T) {
	exec := func(t *testing.T, url, statement string) {
		t.Helper()
		db, err := sql.Open("pgx", url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()

		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}

	for name, test := range map[string]struct{ statement, want string }{
		"commits that a crash loses": {
			`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$`,
			"synchronous_commit = on",
		},
	} {
		url := pgtest.URL(t)
		exec(t, url, test.statement)
		_, err := Open(t.Context(), Options{URL: url})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, test.want)
		}
	}

	url := pgtest.URL(t)
	exec(t, url, `CREATE DATABASE sql_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`)
	defer exec(t, url, `DROP DATABASE sql_ascii WITH (FORCE)`)

	at := strings.Index(url, "?")
	ascii := url[:strings.LastIndex(url[:at], "/")+1] + "sql_ascii" + url[at:]
	_, err := Open(t.Context(), Options{URL: ascii})
	if err == nil || !strings.Contains(err.Error(), "UTF8") {
		t.Errorf("a database that is not UTF8: %v", err)
	}
	_, err = Open(t.Context(), Options{URL: "postgres://u:geheim@127.0.0.1:1/x?connect_timeout=1"})
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("no server: %v; want an error without the password", err)
	}

	_, err = Open(t.Context(), Options{URL: "postgres://u:geheim@:port/x"})
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("no URL: %v; want an error without the password", err)
	}
}

// A cancelled context ends the waiting for a connection or a turn.
func TestCancelledCalls(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.ListIdentities(ctx, pool, false, Place{}, 5)
		if s.Engine() == "postgresql" { // SQLite does not ask: the read takes microseconds
			wantError(t, "ListIdentities", err, context.Canceled)
		}

		wantError(t, "CreateIdentity",
			s.CreateIdentity(ctx, identitypool.Identity{ID: newIdentityID(), PoolID: pool}), context.Canceled)
		wantRows(t, s, 1, 0, 0)
	})
}
