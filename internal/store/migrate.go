package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// oneRandomIndex is migration 7, which only SQLite has; PostgreSQL skips the number.
// All other migrations are one text for both database engines.
//
//go:embed migrations/sqlite/0007_one_random_index.sql
var oneRandomIndex string

// schemaTable is the table with the schema's version.
const schemaTable = "schema_version"

// migrateAttempts bounds how often a start tries a migration that fails while the schema
// stays at its version. A start that lost a race for a migration finds a newer version, and
// its attempts begin anew. Only SQLite needs it: PostgreSQL nodes hold a lock.
const migrateAttempts = 5

// migrations returns the migrations of a database engine.
func migrations(db *sql.DB, dialect goose.Dialect) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}

	options := []goose.ProviderOption{
		goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(schemaTable),
		goose.WithLogger(goose.NopLogger()),
	}

	if dialect == goose.DialectSQLite3 {
		options = append(options, goose.WithGoMigrations(goose.NewGoMigration(7, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, oneRandomIndex)
				return err
			}}, nil)))
	}

	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return nil, fmt.Errorf("reading the built-in migrations: %w", err)
	}

	return provider, nil
}

// prepareSQLite brings the schema of a SQLite database up to date, unless it is the
// database of another program. path is used in messages.
func prepareSQLite(ctx context.Context, db *sql.DB, path string) error {
	if err := refuseForeign(ctx, db, path); err != nil {
		return err
	}
	err := migrate(ctx, db, goose.DialectSQLite3)
	return err
}

// domainOfKeys is PostgreSQL's type for text that is compared and ordered as bytes,
// as in SQLite. The migrations do not make it, because SQLite has neither domains
// nor a collation named C.
const domainOfKeys = "keytext"

// preparePostgreSQL brings the schema of a PostgreSQL database up to date.
func preparePostgreSQL(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, `DO $do$ BEGIN
		IF to_regtype('`+domainOfKeys+`') IS NULL THEN CREATE DOMAIN `+domainOfKeys+` AS text COLLATE "C"; END IF;
	END $do$`)
	if err != nil {
		return fmt.Errorf("preparing the database: %w", err)
	}

	if err := migrate(ctx, db, goose.DialectPostgres); err != nil {
		return fmt.Errorf("opening PostgreSQL database: %w", err)
	}

	return nil
}

// errNewerSchema means that a newer binary wrote the database or dump.
var errNewerSchema = errors.New("the database was written by a newer version")

// migrate brings the schema of db up to the newest version this binary knows. A newer schema is
// refused with errNewerSchema.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) error {
	provider, err := migrations(db, dialect)
	if err != nil {
		return err
	}

	reached := int64(-1)
	for attempt := 1; ; attempt++ {
		current, target, err := provider.GetVersions(ctx)
		switch {
		case err == nil && current > target:
			return fmt.Errorf("%w: its schema is version %d and this binary knows versions up to %d; "+
				"start the binary that wrote it, or a newer one",
				errNewerSchema, current, target)
		case err == nil && current == target:
			return nil
		case err == nil:
			_, err = provider.Up(ctx)
		}
		if err == nil {
			return nil
		}

		// Another process may have created the tables between our look and our
		// attempt; each migration is one transaction, so looking again is safe.
		if current > reached {
			reached, attempt = current, 1
		}
		if attempt == migrateAttempts || ctx.Err() != nil {
			return fmt.Errorf("migrating the schema: %w", err)
		}
	}
}
