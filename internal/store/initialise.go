package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// inspectTimeout bounds how long Inspect waits for the database.
const inspectTimeout = 10 * time.Second

// Contents tells what a database holds.
type Contents struct {
	Account bool // there is a home account
	Keys    bool // there is an access key
	// Sealed are values under the master key, some of each kind that there is.
	Sealed [][]byte
}

// Inspect looks into the database that the options name. It makes and changes
// nothing, neither file nor schema, and works beside a server. What does not
// exist holds nothing. Errors: ErrDamaged; ErrGone for a write-ahead log without
// its database.
func Inspect(ctx context.Context, o Options) (Contents, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()

	if o.URL != "" {
		return inspectPostgreSQL(ctx, o.URL)
	}
	switch info, err := os.Stat(o.Path); {
	case errors.Is(err, fs.ErrNotExist):
		return Contents{}, refuseOrphanedLog(o.Path)
	case err != nil:
		return Contents{}, err
	case info.Mode().IsRegular() && info.Size() == 0:
		return Contents{}, refuseOrphanedLog(o.Path)
	}
	return inspectSQLite(ctx, o.Path, o.withDefaults().Logger)
}

func inspectSQLite(ctx context.Context, path string, log *slog.Logger) (found Contents, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return Contents{}, err
	}
	leave := enterPath(path, log) // SQLite is about to drop what a damaged log lacks
	defer leave()

	query := url.Values{
		"mode": {"ro"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", sqliteBusy.Milliseconds()),
			"trusted_schema(OFF)",
			"cell_size_check(ON)",
		},
	}
	// Without a write-ahead log the file is complete, and SQLite would make a log.
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return lookIntoSQLite(ctx, path, query)
	}
	still := maps.Clone(query)
	still.Set("immutable", "1")
	found, err = lookIntoSQLite(ctx, path, still)
	if err == nil {
		return found, nil
	}
	if _, missing := os.Stat(path + "-wal"); missing != nil {
		return found, err
	}
	return lookIntoSQLite(ctx, path, query) // a server was started, and the file did not lie still
}

func lookIntoSQLite(ctx context.Context, path string, query url.Values) (found Contents, err error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path // C:/… on Windows
	}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return Contents{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	if err = refuseForeign(ctx, db, path); err == nil {
		found, err = inspect(ctx, db, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)`)
	}
	if sqliteFault(err, nil) == faultDamage {
		return Contents{}, explainOpening(path, err)
	}
	if err != nil {
		return Contents{}, fmt.Errorf("looking into SQLite database %q: %w", path, err)
	}
	return found, nil
}

// foreignTable finds a table in a SQLite database that has tables, but not those of
// the first migration. The table of versions alone is a first start cut short.
const foreignTable = `SELECT name FROM sqlite_schema
	WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_' AND name <> '` + schemaTable + `'
		AND (SELECT count(*) FROM sqlite_schema
			WHERE type = 'table' AND name IN ('` + schemaTable + `', 'pools', 'access_keys')) < 3
	ORDER BY name LIMIT 1`

// refuseForeign refuses the database of another program, whose file would become ours.
func refuseForeign(ctx context.Context, db *sql.DB, path string) error {
	var table string
	err := db.QueryRowContext(ctx, foreignTable).Scan(&table)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is the database of another program (it has a table %q): name another data folder",
		path, table)
}

func inspectPostgreSQL(ctx context.Context, address string) (found Contents, err error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return Contents{}, fmt.Errorf("database URL: %w", err) // pgx leaves the password out
	}
	db := sql.OpenDB(stdlib.GetConnector(*config))
	defer func() { err = errors.Join(err, db.Close()) }()

	found, err = inspect(ctx, db, `SELECT to_regclass($1) IS NOT NULL`)
	if err != nil {
		return Contents{}, fmt.Errorf("looking into the PostgreSQL database: %w", err)
	}
	return found, nil
}

// inspect looks for rows in the tables, which may not be there yet. exists
// asks whether there is a table of a name.
func inspect(ctx context.Context, db *sql.DB, exists string) (found Contents, err error) {
	if found.Account, err = hasRows(ctx, db, exists, "home_account"); err != nil {
		return Contents{}, err
	}
	if found.Keys, err = hasRows(ctx, db, exists, "access_keys"); err != nil {
		return Contents{}, err
	}
	if found.Sealed, err = sealedSamples(ctx, db, exists); err != nil {
		return Contents{}, err
	}
	return found, nil
}

func hasRows(ctx context.Context, db *sql.DB, exists, table string) (found bool, err error) {
	err = db.QueryRowContext(ctx, exists, table).Scan(&found)
	if err != nil || !found {
		return false, err
	}
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+table+`)`).Scan(&found)
	return found, err
}

// sealedSamples returns sealed values of each table that has any. All values of a
// database are under one master key, so a few show which.
func sealedSamples(ctx context.Context, db *sql.DB, exists string) (samples [][]byte, err error) {
	for _, from := range []struct{ table, query string }{
		{"access_keys", `SELECT sealed_secret FROM access_keys ORDER BY created DESC LIMIT 100`},
		{"keys", `SELECT sealed FROM keys ORDER BY created DESC LIMIT 100`},
	} {
		if there, err := hasRows(ctx, db, exists, from.table); err != nil {
			return nil, err
		} else if !there {
			continue
		}
		found, err := sealedColumn(ctx, db, from.query)
		if err != nil {
			return nil, err
		}
		samples = append(samples, found...)
	}

	there, err := hasRows(ctx, db, exists, "pools")
	if err != nil || !there {
		return samples, err
	}
	texts, err := sealedColumn(ctx, db, `SELECT settings FROM pools
		WHERE settings LIKE '%"sealedLoginProviders":%' LIMIT 10`)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		var p struct {
			Sealed map[string][]byte `json:"sealedLoginProviders"`
		}
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, fmt.Errorf("settings of a pool: %w", err)
		}
		samples = slices.AppendSeq(samples, maps.Values(p.Sealed))
	}
	return samples, nil
}

func sealedColumn(ctx context.Context, db *sql.DB, query string) (values [][]byte, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()

	for rows.Next() {
		var value []byte
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

// Initialise makes k.Account the home account, and k its first access key: both
// or neither. It returns the home account, which is another one if somebody was
// quicker; then nothing was made. An access key that is there already is left
// alone, and k is not made. Error: ErrInvalid.
func (s *Store) Initialise(ctx context.Context, k AccessKey) (identitypool.AccountID, bool, error) {
	if err := errors.Join(k.check(), checkID("account", string(k.Account))); err != nil {
		return "", false, err
	}
	if k.Created.IsZero() {
		k.Created = s.now()
	}

	var home identitypool.AccountID // no named results, as in SettleAccount
	made := false
	err := s.write(ctx, func(t *tx) (err error) {
		made = false
		if _, err := t.exec(insertHomeAccount, string(k.Account)); err != nil {
			return err
		}
		if home, err = homeAccount(t); err != nil || home != k.Account {
			return err
		}
		made, err = insertFirstAccessKey(t, k)
		return err
	})
	if err != nil {
		return "", false, err
	}
	return home, made, nil
}
