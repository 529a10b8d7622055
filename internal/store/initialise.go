package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
	"github.com/poolhouse-id/poolhouse/internal/store/postgres"
	"github.com/poolhouse-id/poolhouse/internal/store/sqlite"
)

// inspectTimeout bounds how long Inspect waits for the database.
const inspectTimeout = 10 * time.Second

// Contents describes what a database holds.
type Contents struct {
	Account bool // there is a home account
	Keys    bool // there is an access key
	// Sealed has values under the master key, some of each kind that there is.
	Sealed [][]byte
}

// Inspect looks into the database that the options name. It creates and changes
// neither file nor schema, and works beside a server. A database that does not
// exist holds nothing. Errors: ErrDamaged; ErrGone for a write-ahead log without
// its database.
func Inspect(ctx context.Context, o Options) (Contents, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()

	var found Contents
	var err error
	if o.URL != "" {
		err = postgres.Look(ctx, o.URL, func(ctx context.Context, db *sql.DB) (err error) {
			found, err = inspect(ctx, db, `SELECT to_regclass($1) IS NOT NULL`)
			return err
		})
	} else {
		err = sqlite.Look(ctx, o.Path, o.withDefaults().Logger, func(ctx context.Context, db *sql.DB) (err error) {
			if err := refuseForeign(ctx, db, o.Path); err != nil {
				return err
			}
			found, err = inspect(ctx, db,
				`SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)`)
			return err
		})
	}
	if err != nil {
		return Contents{}, err
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

// refuseForeign refuses the database of another program: Poolhouse would take over
// its file.
func refuseForeign(ctx context.Context, db *sql.DB, path string) error {
	var table string
	err := db.QueryRowContext(ctx, foreignTable).Scan(&table)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}

	return fmt.Errorf("%s is the database of another program (it has a table %q): name another data folder",
		path, table)
}

// inspect looks for rows in the tables, which may not exist yet. exists is the
// query whether there is a table of a name.
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
// database are under one master key, so a few are enough to recognize it.
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
// or neither. It returns the home account; if another one was settled first, it
// makes nothing. If there is an access key already, it does not make k.
// Error: ErrInvalid.
func (s *Store) Initialise(ctx context.Context, k AccessKey) (identitypool.AccountID, bool, error) {
	if err := errors.Join(k.check(), checkID("account", string(k.Account))); err != nil {
		return "", false, err
	}
	if k.Created.IsZero() {
		k.Created = s.now()
	}

	var home identitypool.AccountID // no named results, as in writeResult
	made := false
	err := s.write(ctx, func(t *engine.Tx) (err error) {
		made = false
		if _, err := t.Exec(insertHomeAccount, string(k.Account)); err != nil {
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
