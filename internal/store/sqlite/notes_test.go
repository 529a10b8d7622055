package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// notes is the smallest store on an engine: a table of IDs.
type notes struct {
	*Engine
	limit time.Duration // of a write
}

var errNotFound = errors.New("not found")

// noCache is a store's cache that holds nothing.
type noCache struct{}

func (noCache) Hold([]engine.Key) func() { return func() {} }
func (noCache) Flush()                   {}
func (noCache) Alone()                   {}
func (noCache) Watch(func())             {}
func (noCache) Verified()                {}
func (noCache) Unverified()              {}

// openNotes opens an engine with the defaults of a store.
func openNotes(ctx context.Context, o Options) (*notes, error) {
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

	o.Cache, o.Commits = noCache{}, &engine.Histogram{}
	o.Prepare = func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY)`)
		return err
	}

	e, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}

	return &notes{Engine: e, limit: 10 * time.Second}, nil
}

// open opens an engine that logs to the test and is closed at its end.
func open(tb testing.TB, o Options) *notes {
	tb.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(tb.Output(), nil))
	}
	s, err := openNotes(tb.Context(), o)
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

// openWriter opens a file and hands out its writer. Tests may change the writer only
// while it is idle.
func openWriter(t *testing.T, o Options) (*notes, *writer) {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "test.db")
	s := open(t, o)
	return s, s.writer
}

func newID() string { return uuid.NewString() }

func insertNote(t *engine.Tx, id string) error {
	_, err := t.Exec(`INSERT INTO notes (id) VALUES ($1)`, id)
	return err
}

// add keeps an ID. Error: engine.ErrConflict.
func (s *notes) add(ctx context.Context, id string) error {
	err := s.Write(ctx, s.limit, func(t *engine.Tx) error { return insertNote(t, id) })
	if s.IsViolation(err) {
		return engine.ErrConflict
	}
	return err
}

// find looks for an ID. Error: errNotFound.
func (s *notes) find(ctx context.Context, id string) error {
	n, err := s.count(ctx, `SELECT count(*) FROM notes WHERE id = $1`, id)
	if err == nil && n == 0 {
		err = errNotFound
	}
	return err
}

// Readable reads.
func (s *notes) Readable(ctx context.Context) error {
	_, err := s.count(ctx, `SELECT count(*) FROM notes`)
	return err
}

// Probe tries to write, unless writing has stopped.
func (s *notes) Probe(ctx context.Context) error {
	if err := s.Failure(); err != nil {
		return err
	}
	return s.add(ctx, newID())
}

func (s *notes) count(ctx context.Context, text string, args ...any) (n int64, err error) {
	err = s.Read(ctx, func(q engine.Querier) (err error) {
		n, err = scanCount(q, text, args...)
		return err
	})
	return n, err
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

func addNote(tb testing.TB, s *notes) string {
	tb.Helper()
	id := newID()
	if err := s.add(tb.Context(), id); err != nil {
		tb.Fatalf("add: %v", err)
	}
	return id
}

func wantNotes(t *testing.T, s *notes, want int64) {
	t.Helper()
	n, err := s.count(t.Context(), `SELECT count(*) FROM notes`)
	if err != nil || n != want {
		t.Errorf("%d rows, %v; want %d", n, err, want)
	}
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
