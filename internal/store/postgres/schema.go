package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Schema names the tables and types that the store makes in a database.
type Schema struct {
	Tables []string
	Filled []string // those of Tables that have rows from the beginning
	Domain string
}

// Names returns the names of the tables and domains in the place of the store's
// schema.
func Names(ctx context.Context, url string) ([]string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))

	return names(ctx, conn)
}

func names(ctx context.Context, q interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}) ([]string, error) {
	rows, err := q.Query(ctx, `SELECT relname::text FROM pg_class
			WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
		UNION ALL SELECT typname::text FROM pg_type
			WHERE typtype = 'd' AND typnamespace = current_schema()::regnamespace`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Remove drops the tables and the domain of a schema that are not among before, the
// result of an earlier call of Names. It leaves other tables alone, and fails if one
// of them depends on a table that it would drop.
// Error: engine.ErrConflict if another node uses a table by now.
func Remove(ctx context.Context, url string, schema Schema, before []string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)

	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, migrationLock); err != nil {
			return err
		}
		now, err := names(ctx, tx)
		if err != nil {
			return err
		}

		made := func(name string) bool { return slices.Contains(now, name) && !slices.Contains(before, name) }
		var tables []string
		for _, name := range schema.Tables {
			if !made(name) {
				continue
			}
			if err := mustBeUnused(ctx, tx, name, slices.Contains(schema.Filled, name)); err != nil {
				return err
			}
			tables = append(tables, pgx.Identifier{name}.Sanitize())
		}

		if len(tables) > 0 { // in one statement: they refer to each other
			if _, err := tx.Exec(ctx, `DROP TABLE `+strings.Join(tables, ", ")); err != nil {
				return err
			}
		}
		if made(schema.Domain) {
			_, err = tx.Exec(ctx, `DROP DOMAIN `+pgx.Identifier{schema.Domain}.Sanitize())
		}

		return err
	})
}

// mustBeUnused locks a table. It refuses a table that has rows, unless it has rows
// from the beginning.
func mustBeUnused(ctx context.Context, tx pgx.Tx, name string, filled bool) error {
	quoted := pgx.Identifier{name}.Sanitize()
	if _, err := tx.Exec(ctx, `LOCK TABLE `+quoted+` IN ACCESS EXCLUSIVE MODE`); err != nil {
		return err
	}
	if filled {
		return nil
	}
	var used bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+quoted+`)`).Scan(&used); err != nil {
		return err
	}
	if used {
		return fmt.Errorf("%w: %s has rows by now", engine.ErrConflict, name)
	}

	return nil
}
