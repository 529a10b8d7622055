package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// scrubWait bounds each wait of Scrub: for transactions that still see the old rows,
// and for each table. Later users of the table wait behind Scrub.
const scrubWait = 5 * time.Second

// Scrub writes tables into new files; the server removes the old ones. It cannot
// reach the server's write-ahead log and its archives.
func (e *Engine) Scrub(ctx context.Context, tables []string) (err error) {
	conn, err := e.writes.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	if err := waitForOlder(ctx, conn); err != nil {
		return err
	}

	bounds := e.writes.bounds
	_, err = conn.ExecContext(ctx, setBounds, inMillis(scrubWait), inMillis(bounds.statement), false)
	if err != nil {
		return err
	}

	for _, table := range tables {
		_, full := conn.ExecContext(ctx, `VACUUM FULL `+pgx.Identifier{table}.Sanitize())
		err = errors.Join(err, full)
	}
	_, reset := conn.ExecContext(context.WithoutCancel(ctx), setBounds,
		inMillis(bounds.lock), inMillis(bounds.statement), false)

	return errors.Join(err, reset)
}

// waitForOlder waits for the transactions that may see rows as they were before
// this moment: VACUUM FULL would copy those rows into the new files, too.
func waitForOlder(ctx context.Context, conn *sql.Conn) error {
	var here string
	if err := conn.QueryRowContext(ctx, `SELECT txid_current()::text`).Scan(&here); err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(ctx, scrubWait)
	defer cancel()

	for n := 1; ; n++ {
		var older int
		err := conn.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
			AND age(backend_xmin) > age((CAST($1 AS BIGINT) % 4294967296)::text::xid)`, here).Scan(&older)
		if err == nil && older == 0 {
			return nil
		}
		if err == nil {
			err = engine.Backoff(ctx, n)
		}
		if err != nil {
			return fmt.Errorf("%d transactions still see the old rows: %w", older, err)
		}
	}
}
