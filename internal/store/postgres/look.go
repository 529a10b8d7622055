package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Look calls look with the database of a URL. It prepares, makes and changes nothing.
func Look(ctx context.Context, url string, look func(context.Context, *sql.DB) error) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("database URL: %w", err) // pgx leaves the password out
	}
	db := sql.OpenDB(stdlib.GetConnector(*config))
	defer func() { err = errors.Join(err, db.Close()) }()

	if err := look(ctx, db); err != nil {
		return fmt.Errorf("looking into the PostgreSQL database: %w", advised(err))
	}

	return nil
}
