package store

import (
	"context"
	"time"
)

// describeTimeout bounds how long Describe waits for the database.
const describeTimeout = 2 * time.Second

// Description describes a database.
type Description struct {
	Engine        string // sqlite or postgresql
	Reachable     bool   // it answered; the rest is zero otherwise
	Writable      bool   // the last commit or probe succeeded, or there was none
	SchemaVersion int64
	Bytes         int64 // size of the database, without the write-ahead log
}

// Describe asks the database about itself. A database that does not answer within two seconds is not
// reachable.
func (s *Store) Describe(ctx context.Context) Description {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()

	d := Description{Engine: s.Engine(), Writable: s.writable()}
	version, err := readOne(ctx, s, "schema version", scanInt,
		`SELECT max(version_id) FROM `+schemaTable+` WHERE is_applied`)
	if err != nil {
		return d
	}

	size := `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	if d.Engine != "sqlite" {
		size = `SELECT pg_database_size(current_database())`
	}
	if bytes, err := readOne(ctx, s, "size", scanInt, size); err == nil {
		d.Bytes = bytes
	}
	d.Reachable, d.SchemaVersion = true, version

	return d
}
