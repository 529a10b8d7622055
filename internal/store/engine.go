package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// engine is a database: how it is opened, how reads and writes reach it, and
// what its errors mean. Everything else is one SQL text.
type engine interface {
	name() string
	ping(context.Context) error
	// read runs fn, each of whose statements sees one instant. fn may run again, so
	// that it must not add to what an earlier run left. SQLite waits for a connection
	// for as long as the budget of ctx allows, and does not cut statements.
	read(ctx context.Context, fn func(querier) error) error
	// snapshot runs fn once; all its statements see the same instant. PostgreSQL has
	// limit for it, 0 meaning without end.
	snapshot(ctx context.Context, limit time.Duration, fn func(querier) error) error
	// write runs fn in one transaction and returns nil once it is durable. fn may run
	// again, and also after write has returned an error: what it assigns is read only
	// after nil. The caller waits for limit and the budget of ctx at most, 0 meaning
	// without end.
	write(ctx context.Context, limit time.Duration, fn func(*tx) error) error
	// readLine and writeLine are where reads and writes wait for their turn.
	readLine() *overload.Line
	writeLine() *overload.Line
	// race reports whether err is a unique, foreign key or trigger's violation: the rows a
	// change was based on are no longer what they were.
	race(err error) bool
	// scrub removes what was overwritten or deleted from the database's files, as far
	// as it can reach them. Nothing else should use the database meanwhile.
	scrub(ctx context.Context) error
	// failure returns why writing stopped for good, or nil.
	failure() error
	// present returns ErrGone if the database was not where it was opened when that
	// was looked at last. It does not look itself, because a file system may hang.
	present() error
	// lastCommit knows how the last writes ended.
	lastCommit() *lastCommit
	// usage tells how its connections are used now.
	usage() []PoolStats
	close() error
}

// querier runs SQL text with $1… placeholders.
type querier interface {
	query(text string, args ...any) (*sql.Rows, error)
	exec(text string, args ...any) (rows int64, err error)
}

// tx is a write transaction.
type tx struct {
	querier
	touched []cacheKey // cache keys that commit invalidates
	wrote   bool       // a row was changed, so that the commit has something to make durable
}

func (t *tx) exec(text string, args ...any) (rows int64, err error) {
	rows, err = t.querier.exec(text, args...)
	t.wrote = t.wrote || rows > 0
	return rows, err
}

// touch notes that the transaction changes what the cache may hold under key.
func (t *tx) touch(key cacheKey) { t.touched = append(t.touched, key) }

// errMoved: the row that a guard names is no longer at the revision that the change
// was based on.
var errMoved = errors.New("changed meanwhile")

// mustChange is for statements guarded by a revision: no row changed means that
// somebody else was first.
func (t *tx) mustChange(text string, args ...any) error {
	n, err := t.exec(text, args...)
	if err == nil && n == 0 {
		err = errMoved
	}
	return err
}

// protect runs fn so that a panic fails this write and not the writer.
func protect(fn func(*tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(t)
}

// write is engine.write with the store's limit.
func (s *Store) write(ctx context.Context, fn func(*tx) error) error {
	line := s.engine.writeLine()
	ticket := line.Enter()
	err := s.engine.write(ctx, s.options.WriteTimeout, fn)
	settle(s.engine, line, ticket, err)
	return err
}

// settle takes work that ended with err out of its line. Only an answer of the
// database tells how fast it works and that it does.
func settle(e engine, line *overload.Line, ticket overload.Ticket, err error) {
	if err == nil || isAnswer(err) || e.race(err) {
		line.Leave(ticket)
		return
	}
	line.Drop(ticket)
}

// isAnswer reports whether err is about the data, so that the database works.
func isAnswer(err error) bool {
	answers := []error{ErrNotFound, ErrConflict, ErrLimit, ErrInvalid, ErrNoSealer, ErrOtherSealer, errMoved}
	return slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) })
}

// collect runs a query and scans every row; all of them or, with an error, none.
func collect[T any](q querier, scan func(scanner) (T, error), text string, args ...any) (all []T, err error) {
	rows, err := q.query(text, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, rows.Close()); err != nil {
			all = nil
		}
	}()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// scanner is the row under a cursor.
type scanner interface{ Scan(...any) error }

func scanString(row scanner) (s string, err error) { err = row.Scan(&s); return s, err }
func scanInt(row scanner) (n int64, err error)     { err = row.Scan(&n); return n, err }

// millis and fromMillis convert times to and from what rows hold. The zero time
// is 0, so a time at the epoch itself reads as zero.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
