package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Looking makes and changes nothing, whatever is there.
func TestInspect(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		if o.Path == "" && o.URL == "" {
			return // memory holds nothing before it is opened
		}
		look := func(what string, account, keys bool) {
			t.Helper()
			got, err := Inspect(t.Context(), o)
			if err != nil || got.Account != account || got.Keys != keys || (len(got.Sealed) > 0) != keys {
				t.Errorf("%s: %+v, %v, want account %t, keys %t", what, got, err, account, keys)
			}
		}

		change := func(do func(s *Store) error) {
			t.Helper()
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(do(s), s.Close()); err != nil {
				t.Fatal(err)
			}
		}
		key := AccessKey{ID: "AKIA1", Account: "111122223333", SealedSecret: []byte("s")}

		before := contents(t, o)
		look("nothing there", false, false)
		if after := contents(t, o); !slices.Equal(after, before) {
			t.Errorf("looking made %v of %v", after, before)
		}

		change(func(*Store) error { return nil })
		before = contents(t, o)
		look("a schema", false, false)
		if after := contents(t, o); !slices.Equal(after, before) {
			t.Errorf("looking made %v of %v", after, before)
		}

		change(func(s *Store) error { return s.CreateAccessKey(t.Context(), key) })
		look("a key", false, true)
		change(func(s *Store) error { return s.DeleteAccessKey(t.Context(), key.ID) })
		look("no key any more", false, false)
		change(func(s *Store) error {
			_, made, err := s.Initialise(t.Context(), key)
			if !made {
				t.Error("no key was made")
			}
			look("beside a server", true, true)
			return err
		})

		look("initialised", true, true)
		change(func(s *Store) error { return s.DeleteAccessKey(t.Context(), key.ID) })
		look("an account without keys", true, false)
	})
}

// contents lists the files, or the tables of PostgreSQL.
func contents(t *testing.T, o Options) (names []string) {
	t.Helper()
	if o.URL == "" {
		files, err := os.ReadDir(filepath.Dir(o.Path))
		if err != nil {
			t.Fatal(err)
		}

		for _, f := range files {
			names = append(names, f.Name())
		}

		return names
	}

	outside, err := sql.Open("pgx", o.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()

	rows, err := outside.QueryContext(t.Context(),
		`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()

	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}

	return names
}

func TestInspectFaults(t *testing.T) {
	for name, content := range map[string]string{"empty": "",
		"garbage": "not a database, but more than a header's sixteen bytes"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "poolhouse.db")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := Inspect(t.Context(), Options{Path: path})
			if found.Account || found.Keys || found.Sealed != nil || (err != nil) != (content != "") {
				t.Errorf("%+v, %v", found, err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != content {
				t.Errorf("looking changed the file to %q, %v", text, err)
			}
		})
	}
}

// Of many that initialise one store, one makes the account and the key.
func TestInitialise(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		var group sync.WaitGroup

		var made atomic.Int32
		var mu sync.Mutex
		homes := map[identitypool.AccountID]bool{}
		for n := range 8 {
			group.Go(func() {
				home, first, err := s.Initialise(t.Context(), AccessKey{
					ID:           fmt.Sprintf("AKIA%d", n),
					Account:      identitypool.AccountID(fmt.Sprintf("%012d", n+1)),
					SealedSecret: []byte("s"),
				})
				if err != nil {
					t.Error(err)
				}
				if first {
					made.Add(1)
				}

				mu.Lock()
				homes[home] = true
				mu.Unlock()
			})
		}

		group.Wait()
		keys, err := s.AccessKeys(t.Context(), "")
		if err != nil || len(keys) != 1 || made.Load() != 1 || len(homes) != 1 || !homes[keys[0].Account] {
			t.Errorf("%d made, accounts %v, keys %+v, %v", made.Load(), slices.Collect(maps.Keys(homes)), keys, err)
		}
	})
}

// What fails makes neither account nor key.
func TestInitialiseIsWhole(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		key := AccessKey{ID: "AKIA1", Account: "111122223333", SealedSecret: []byte("s")}
		if _, _, err := s.Initialise(ctx, key); err == nil {
			t.Error("a call that was given up succeeded")
		}
		key.Account = "\x00"
		_, _, err := s.Initialise(t.Context(), key)
		wantError(t, "an account with NUL", err, ErrInvalid)

		_, err = s.HomeAccount(t.Context())
		wantError(t, "HomeAccount", err, ErrNotFound)
		if keys, err := s.AccessKeys(t.Context(), ""); err != nil || len(keys) != 0 {
			t.Errorf("keys %v, %v", keys, err)
		}
	})
}
