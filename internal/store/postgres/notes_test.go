package postgres

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// notes is the smallest store on an engine: pools and identities that are IDs.
type notes struct {
	*Engine
	url   string
	limit time.Duration // of a write
}

var errNotFound = errors.New("not found")

// prepareNotes makes the tables. A pool has enough text that its row is cut in two.
func prepareNotes(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS pools (pool_id TEXT PRIMARY KEY, version BIGINT NOT NULL, settings TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS identities (identity_id TEXT PRIMARY KEY);
		CREATE TABLE IF NOT EXISTS write_probe (
			one INTEGER PRIMARY KEY, written BIGINT NOT NULL, filler BYTEA NOT NULL)`)
	return err
}

// openNotes opens an engine with the defaults of a store, and limit for its writes.
func openNotes(ctx context.Context, o Options, limit time.Duration) (*notes, error) {
	if o.ReadConns == 0 {
		o.ReadConns = 8
	}
	if o.WriteQueue == 0 {
		o.WriteQueue = 4096
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.Commits, o.Prepare = &engine.Histogram{}, prepareNotes

	e, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}

	return &notes{Engine: e, url: o.URL, limit: limit}, nil
}

// open opens an engine that is closed at the end of the test.
func open(tb testing.TB, o Options, limit time.Duration) *notes {
	tb.Helper()
	s, err := openNotes(tb.Context(), o, limit)
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})

	return s
}

func newID() string { return uuid.NewString() }

func insertNote(t *engine.Tx, id string) error {
	_, err := t.Exec(`INSERT INTO identities (identity_id) VALUES ($1)`, id)
	return err
}

// add keeps the ID of an identity.
func (s *notes) add(ctx context.Context, id string) error {
	return s.Write(ctx, s.limit, func(t *engine.Tx) error { return insertNote(t, id) })
}

// find looks for an identity. Error: errNotFound.
func (s *notes) find(ctx context.Context, id string) error {
	return s.Read(ctx, func(q engine.Querier) error {
		n, err := scanCount(q, `SELECT count(*) FROM identities WHERE identity_id = $1`, id)
		if err == nil && n == 0 {
			err = errNotFound
		}
		return err
	})
}

// pool returns the version of a pool. Error: errNotFound.
func (s *notes) pool(ctx context.Context, id string) (version int64, err error) {
	err = s.Read(ctx, func(q engine.Querier) (err error) {
		rows, err := q.Query(`SELECT p.version, p.settings FROM pools AS p WHERE p.pool_id = $1`, id)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()

		if !rows.Next() {
			return errors.Join(rows.Err(), errNotFound)
		}
		var settings string

		return errors.Join(rows.Scan(&version, &settings), rows.Err())
	})

	return version, err
}

// snapshot reads all identities at one instant.
func (s *notes) snapshot(ctx context.Context) error {
	return s.Snapshot(ctx, engine.ReadTimeout, func(q engine.Querier) error {
		_, err := scanCount(q, `SELECT count(*) FROM identities`)
		return err
	})
}

func scanCount(q engine.Querier, text string, args ...any) (n int64, err error) {
	rows, err := q.Query(text, args...)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()

	if rows.Next() {
		err = rows.Scan(&n)
	}

	return n, errors.Join(err, rows.Err())
}

// addPool makes a pool and returns its ID.
func addPool(tb testing.TB, s *notes) string {
	tb.Helper()
	id := newID()
	err := s.Write(tb.Context(), s.limit, func(t *engine.Tx) error {
		_, err := t.Exec(`INSERT INTO pools (pool_id, version, settings) VALUES ($1, 1, repeat('x', 1000))`, id)
		return err
	})
	if err != nil {
		tb.Fatalf("addPool: %v", err)
	}

	return id
}

// wantError reports unless err is want (nil for success).
func wantError(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		tb.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
