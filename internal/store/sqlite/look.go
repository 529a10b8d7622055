package sqlite

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

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Look calls look with the database file at path, read-only. It creates and changes
// neither file nor schema, and works beside a server. It does not call look if there
// is no database at path. look may be called twice.
// Errors: engine.ErrDamaged; ErrGone for a write-ahead log without its database.
func Look(ctx context.Context, path string, log *slog.Logger, look func(context.Context, *sql.DB) error) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return refuseOrphanedLog(path)
	case err != nil:
		return err
	case info.Mode().IsRegular() && info.Size() == 0:
		return refuseOrphanedLog(path)
	}

	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}

	leave := enterPath(path, log) // reports what SQLite is about to drop from a damaged log
	defer leave()

	query := url.Values{
		"mode": {"ro"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
			"trusted_schema(OFF)",
			"cell_size_check(ON)",
		},
	}
	// Without a write-ahead log the file is complete, and SQLite would create a log.
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return lookInto(ctx, path, query, look)
	}

	still := maps.Clone(query)
	still.Set("immutable", "1")
	err = lookInto(ctx, path, still, look)
	if err == nil {
		return nil
	}
	if _, missing := os.Stat(path + "-wal"); missing != nil {
		return err
	}

	return lookInto(ctx, path, query, look) // a server was started, and the file was changing
}

func lookInto(ctx context.Context, path string, query url.Values,
	look func(context.Context, *sql.DB) error,
) (err error) {
	db, err := sql.Open("sqlite", fileURL(path, query))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	err = look(ctx, db)
	if faultOf(err, nil) == faultDamage {
		return explainOpening(path, err)
	}
	if err != nil {
		return fmt.Errorf("looking into SQLite database %q: %w", path, err)
	}

	return nil
}

// refuseOrphanedLog refuses to make a database beside another database's log. The log
// holds acknowledged writes, and SQLite would delete it, or copy it into a database
// that is put there later.
func refuseOrphanedLog(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	log, err := os.Stat(path + "-wal")
	if err != nil || log.Size() == 0 {
		return nil
	}

	return fmt.Errorf("%w: its write-ahead log %s-wal is there with %d bytes and %s is not, or is empty: "+
		"put the database file back, or move the log away", engine.ErrGone, path, log.Size(), path)
}
