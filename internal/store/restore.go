package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/store/postgres"
	"github.com/poolhouse-id/poolhouse/internal/store/sqlite"
)

// CheckDump reads a dump to its end and refuses one that is cut short or altered, or
// that a newer binary wrote. It needs no database.
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
// closes it. If it fails, it leaves nothing behind: no file in SQLite's folder, no
// table in PostgreSQL, no row. A process that is killed leaves a hidden folder,
// which the next Restore removes, or PostgreSQL tables without rows.
// Errors: those of Open and Load.
func Restore(ctx context.Context, o Options, r io.ReadSeeker) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if o.URL != "" {
		return restorePostgreSQL(ctx, o, r)
	}
	if _, err := os.Stat(o.Path); !errors.Is(err, fs.ErrNotExist) {
		return openAndLoad(ctx, o, r) // an error rolls back everything
	}

	return sqlite.Build(o.Path, func(path string) error {
		built := o
		built.Path = path
		return openAndLoad(ctx, built, r)
	})
}

func openAndLoad(ctx context.Context, o Options, r io.Reader) error {
	s, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(s.Load(ctx, r), s.Close())
}

// undoTimeout bounds the removal of the tables that a failed restore made.
const undoTimeout = 30 * time.Second

// restorePostgreSQL loads into a database. After a failure it removes the new
// tables if the database had no schema before.
func restorePostgreSQL(ctx context.Context, o Options, r io.Reader) error {
	before, err := postgres.Names(ctx, o.URL)
	if err != nil {
		return err
	}

	err = openAndLoad(ctx, o, r)
	if err == nil || slices.Contains(before, schemaTable) {
		return err
	}

	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()

	if left := postgres.Remove(undo, o.URL, schemaMade, before); left != nil {
		left = fmt.Errorf("the tables that were made, which have no rows, could not be removed: %w", left)
		err = errors.Join(err, left)
	}

	return err
}

// schemaMade has the tables and types that the migrations leave in PostgreSQL.
var schemaMade = postgres.Schema{
	Tables: schemaTables,
	Filled: []string{schemaTable, "ownership_order"},
	Domain: domainOfKeys,
}

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
	"pool_counts",
	"pool_statistics",
	"pools",
	"revocations",
	"saml_bindings",
	schemaTable,
	"settings_trust",
	"sign_outs",
	"statistics",
	"statistics_hours",
	"web_identity_issuers",
	"write_probe",
}
