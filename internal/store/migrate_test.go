package store

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// olderDatabase makes a SQLite file with the schema of an older version. The caller
// closes it before the store opens it.
func olderDatabase(t *testing.T, version int64) (path string, db *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "old.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=foreign_keys(ON)")
	if err != nil {
		t.Fatal(err)
	}

	provider, err := migrations(db, goose.DialectSQLite3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}

	return path, db
}

// A database of an older version keeps its logins when SQLite's copy of them is
// built anew, and its rows are guarded as before.
func TestOlderDatabaseKeepsItsLogins(t *testing.T) {
	path, db := olderDatabase(t, 5)
	l := public("a", "1")
	key := keyOf(l)
	for _, statement := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO pools VALUES ('r:p', '1', 'r', '{}', 1, 1, 1, FALSE), ('r:q', '1', 'r', '{}', 1, 1, ` +
			`1, FALSE)`, nil},
		{`INSERT INTO identities VALUES ('r:i', 'r:p', FALSE, '', TRUE, 1, 5, 6), ('r:g', 'r:p', FALSE, '', ` +
			`FALSE, 1, 4, 4)`, nil},
		{`INSERT INTO logins VALUES ('r:p', $1, 'r:i', $2, $3, $4)`,
			[]any{key[:], string(l.Kind), l.Provider, []byte(l.Subject)}},
	} {
		if _, err := db.ExecContext(t.Context(), statement.text, statement.args...); err != nil {
			t.Fatal(err)
		}
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s := open(t, Options{Path: path})
	got, err := s.ListIdentities(t.Context(), "r:p", false, Place{}, 10)

	want := []identitypool.Identity{
		{ID: "r:g", PoolID: "r:p", Created: fromMillis(4), Modified: fromMillis(4)},
		{ID: "r:i", PoolID: "r:p", EverLinked: true, Created: fromMillis(5), Modified: fromMillis(6),
			Logins: []identitypool.Login{l}},
	}

	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("identities after the migration: %v (-want +got)\n%s", err, diff)
	}
	if owner, err := s.Resolve(t.Context(), "r:p", "", []identitypool.Login{l},
		signIn([]identitypool.Login{l})); err != nil || owner.ID != "r:i" {
		t.Errorf("the login leads to %q, %v", owner.ID, err)
	}

	for name, fn := range map[string]func(*engine.Tx) error{
		"another pool": func(t *engine.Tx) error { return insertLogin(t, "r:q", "r:i", public("x", "1")) },
		"no identity":  func(t *engine.Tx) error { return insertLogin(t, "r:p", "r:none", public("x", "1")) },
		"twice":        func(t *engine.Tx) error { return insertLogin(t, "r:p", "r:g", l) },
	} {
		if err := s.write(t.Context(), fn); !s.engine.IsViolation(err) {
			t.Errorf("a login of %s: %v, want a constraint's refusal", name, err)
		}
	}
}

// A mark from before marks had accounts goes on counting for all accounts, and a
// later mark for all accounts takes its place.
func TestOlderSignOutsCountEverywhere(t *testing.T) {
	path, db := olderDatabase(t, 7)
	now := newClock().now()
	m := markOf(SubjectSignOut, "accounts.google.com", "alice", now, now.Add(time.Hour))
	key := keyOf(identitypool.Login{Kind: "subject", Provider: m.Provider, Subject: m.Value}) // as that version made it
	if _, err := db.ExecContext(t.Context(), `INSERT INTO sign_outs VALUES ($1, $2, $3, $4, $5, $6)`,
		key[:], string(m.Kind), m.Provider, []byte(m.Value), millis(m.NotBefore), millis(m.Expires)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s := open(t, Options{Path: path})
	check := func(want SignOut) {
		t.Helper()

		for _, account := range []identitypool.AccountID{"111111111111", "222222222222"} {
			got, err := s.SignOuts(t.Context(), account, m.Provider, m.Value, nil, now)
			if diff := cmp.Diff([]SignOut{want}, got); err != nil || diff != "" {
				t.Errorf("account %s: %v (-want +got)\n%s", account, err, diff)
			}
		}
	}

	check(m)
	m.NotBefore = now.Add(time.Minute)
	wantError(t, "mark", s.MarkSignOuts(t.Context(), m), nil)
	check(m)
}
