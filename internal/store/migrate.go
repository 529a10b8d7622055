package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaTable is where the schema's version is kept.
const schemaTable = "schema_version"

// migrateAttempts bounds how often a start that lost a race for the first
// migration looks again. Only SQLite needs it: PostgreSQL nodes hold a lock.
const migrateAttempts = 5

// migrate brings the schema of db up to the newest version this binary knows
// and returns that version. A newer schema is refused with ErrNewerSchema.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) (version int64, err error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return 0, err
	}
	provider, err := goose.NewProvider(dialect, db, files,
		goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(schemaTable),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return 0, fmt.Errorf("reading the built-in migrations: %w", err)
	}
	for attempt := 1; ; attempt++ {
		current, target, err := provider.GetVersions(ctx)
		switch {
		case err == nil && current > target:
			return 0, fmt.Errorf("%w: its schema is version %d and this binary knows versions up to %d; start the binary that wrote it, or a newer one",
				ErrNewerSchema, current, target)
		case err == nil && current == target:
			return target, nil
		case err == nil:
			_, err = provider.Up(ctx)
		}
		if err == nil {
			return target, nil
		}
		// Another process may have created the tables between our look and our
		// attempt; each migration is one transaction, so looking again is safe.
		if attempt == migrateAttempts || ctx.Err() != nil {
			return 0, fmt.Errorf("migrating the schema: %w", err)
		}
	}
}
