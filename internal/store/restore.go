package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
)

// CheckDump reads a dump to its end and returns ErrBadDump if it is cut short or
// altered, and ErrNewerSchema if a newer binary wrote it. It needs no database.
func CheckDump(r io.ReadSeeker) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	d, _, err := openDump(r)
	if err != nil {
		return err
	}
	for rows := int64(0); ; rows++ {
		line, err := d.next(json.RejectUnknownMembers(true))
		if err != nil {
			return err
		}
		if line.End != nil {
			return d.end(line.End, rows)
		}
	}
}

// Restore loads a dump, as Load does, into the database that the options name, and
// closes it. After an error there is nothing that was not there before: no file in
// SQLite's folder, no table in PostgreSQL, no row. A process that is killed leaves a
// hidden folder, which the next Restore removes, or PostgreSQL tables without rows.
// Errors: those of Open and Load.
func Restore(ctx context.Context, o Options, r io.ReadSeeker) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if o.URL != "" {
		return restorePostgreSQL(ctx, o, r)
	}
	if _, err := os.Stat(o.Path); !errors.Is(err, fs.ErrNotExist) {
		return openAndLoad(ctx, o, r) // which takes back what it did
	}
	return restoreFile(ctx, o, r)
}

func openAndLoad(ctx context.Context, o Options, r io.Reader) error {
	s, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(s.Load(ctx, r), s.Close())
}

// restoreFolder is the beginning of the name of the folder in which a database is
// built, so that it appears under its name whole or not at all.
const restoreFolder = ".poolhouse-restore-"

// restoreFile makes a SQLite database that does not exist yet.
func restoreFile(ctx context.Context, o Options, r io.Reader) (err error) {
	if err := CheckWritable(o.Path); err != nil {
		return err
	}
	if err := refuseOrphanedLog(o.Path); err != nil {
		return err
	}
	folder := filepath.Dir(o.Path)
	if err := removeLeftovers(folder); err != nil {
		return err
	}
	building, err := os.MkdirTemp(folder, restoreFolder+"*") // mode 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(building)) }()

	built := o
	built.Path = filepath.Join(building, filepath.Base(o.Path))
	if err := openAndLoad(ctx, built, r); err != nil {
		return err
	}
	return putInPlace(built.Path, o.Path)
}

// removeLeftovers removes what killed restores left. One that still runs fails.
func removeLeftovers(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, restoreFolder+"*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// putInPlace gives a closed database its name, durably, unless the name is taken.
func putInPlace(built, path string) error {
	switch _, err := os.Stat(built + "-wal"); {
	case err == nil:
		return fmt.Errorf("the write-ahead log of %s could not be copied back", built)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}

	err := os.Link(built, path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s was made meanwhile", ErrConflict, path)
	}
	if err != nil { // some file systems have no links
		err = os.Rename(built, path)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// undoTimeout bounds the removal of the tables that a failed restore made.
const undoTimeout = 30 * time.Second

// restorePostgreSQL loads into a database and, if it had no schema before, removes
// what was made there after a failure.
func restorePostgreSQL(ctx context.Context, o Options, r io.Reader) error {
	before, err := inspectSchema(ctx, o.URL)
	if err != nil {
		return err
	}

	err = openAndLoad(ctx, o, r)
	if err == nil || slices.Contains(before, schemaTable) {
		return err
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if left := removeSchema(undo, o.URL, before); left != nil {
		left = fmt.Errorf("the tables that were made, which have no rows, could not be removed: %w", left)
		err = errors.Join(err, left)
	}
	return err
}

// inspectSchema returns the names of the tables and domains where the schema would be.
func inspectSchema(ctx context.Context, url string) ([]string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return schemaNames(ctx, conn)
}

func schemaNames(ctx context.Context, q interface {
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

// removeSchema drops the tables and the domain of our schema that are not among
// before, unless another node uses them by now. What others made is left alone: the
// removal fails when something of theirs depends on what it drops.
func removeSchema(ctx context.Context, url string, before []string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, pgMigrationLock); err != nil {
			return err
		}
		names, err := schemaNames(ctx, tx)
		if err != nil {
			return err
		}

		made := func(name string) bool { return slices.Contains(names, name) && !slices.Contains(before, name) }
		var tables []string
		for _, name := range schemaTables {
			if !made(name) {
				continue
			}
			if err := mustBeUnused(ctx, tx, name); err != nil {
				return err
			}
			tables = append(tables, pgx.Identifier{name}.Sanitize())
		}
		if len(tables) > 0 { // in one statement: they refer to each other
			if _, err := tx.Exec(ctx, `DROP TABLE `+strings.Join(tables, ", ")); err != nil {
				return err
			}
		}
		if made(domainOfKeys) {
			_, err = tx.Exec(ctx, `DROP DOMAIN `+domainOfKeys)
		}
		return err
	})
}

// schemaTables are the tables that the migrations leave in PostgreSQL.
var schemaTables = []string{
	"access_keys",
	"clear_secrets",
	"former_ids",
	"home_account",
	"iam_accounts",
	"iam_attachments",
	"iam_resources",
	"identities",
	"key_sets",
	"keys",
	"logins",
	"ownership_order",
	"pool_counters",
	"pools",
	"revocations",
	"saml_bindings",
	schemaTable,
	"settings_trust",
	"sign_outs",
	"write_probe",
}

// domainOfKeys is the type of text that is compared as bytes.
const domainOfKeys = "keytext"

// filledByMigrations are the tables that have rows from the beginning.
var filledByMigrations = []string{schemaTable, "ownership_order"}

// mustBeUnused locks a table and refuses one that has rows: a server began to use it.
func mustBeUnused(ctx context.Context, tx pgx.Tx, name string) error {
	quoted := pgx.Identifier{name}.Sanitize()
	if _, err := tx.Exec(ctx, `LOCK TABLE `+quoted+` IN ACCESS EXCLUSIVE MODE`); err != nil {
		return err
	}
	if slices.Contains(filledByMigrations, name) {
		return nil
	}
	var used bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+quoted+`)`).Scan(&used); err != nil {
		return err
	}
	if used {
		return fmt.Errorf("%w: %s has rows by now", ErrConflict, name)
	}
	return nil
}
