// Package engine has what the store shares with SQLite and PostgreSQL: the interface
// of a database engine, the transaction that it lends to the store, its errors, and
// the statistics of its use. Start reading at Engine.
//
// The store calls an engine with functions that run its SQL text. The engine
// decides on which connection and in which transaction they run, and how often.
package engine

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// Engine is a database engine. It decides how reads and writes reach the database,
// and what its errors mean.
type Engine interface {
	// Name returns "sqlite" or "postgresql".
	Name() string

	// Read runs fn, each of whose statements sees one instant. fn may run again, so it
	// must not add to the result of an earlier run. SQLite waits for a connection for
	// as long as the budget of ctx allows, and does not interrupt statements.
	Read(ctx context.Context, fn func(Querier) error) error

	// Snapshot runs fn once; all its statements see the same instant. PostgreSQL
	// allows limit for it; 0 means no limit.
	Snapshot(ctx context.Context, limit time.Duration, fn func(Querier) error) error

	// Write runs fn in one transaction and returns nil once it is durable. fn may run
	// again, also after Write has returned an error, so the caller may read values
	// that fn assigned only after nil. The caller waits for limit and the budget of
	// ctx at most; a limit of 0 means no limit.
	Write(ctx context.Context, limit time.Duration, fn func(*Tx) error) error

	// Reads and Writes return the queues in which reads and writes wait for their turn.
	Reads() *overload.Queue
	Writes() *overload.Queue

	// IsViolation reports whether err is a violation of a unique key, a foreign key or a
	// trigger's rule. Another change was first, so that the rows are no longer those that
	// this change was based on.
	IsViolation(err error) bool

	// Scrub removes overwritten and deleted rows of tables from the files of the
	// database, as far as the engine can reach them. Nothing else should use the
	// database meanwhile.
	Scrub(ctx context.Context, tables []string) error

	// Failure returns why writing stopped for good, a *StopError, or nil.
	Failure() error
	// Failed returns a channel that is closed when writing stopped for good. It is nil
	// for an engine that never stops.
	Failed() <-chan struct{}
	// Present returns ErrGone if the database was missing from its place at the last
	// look. It does not look itself, because a file system may hang.
	Present() error
	// LastCommit returns the record of how the last writes ended.
	LastCommit() *LastCommit
	// Usage returns how the connections are used now.
	Usage() []PoolStats

	Close() error
}

// ReadTimeout bounds a read with all its statements. It is less than the time that
// an API call has for the database.
const ReadTimeout = 4 * time.Second

// Querier runs SQL text with $1… placeholders.
type Querier interface {
	Query(text string, args ...any) (*sql.Rows, error)
	Exec(text string, args ...any) (rows int64, err error)
}

// Tx is a write transaction.
type Tx struct {
	Querier
	Touched []Key // entries of the cache that the commit makes invalid
	Wrote   bool  // a row was changed, so the commit has something to make durable
}

// Key names an entry of the store's read cache: the kind of row, and its ID.
type Key struct {
	Kind byte
	ID   string
}

// Exec runs a statement and returns the number of rows that it changed.
func (t *Tx) Exec(text string, args ...any) (rows int64, err error) {
	rows, err = t.Querier.Exec(text, args...)
	t.Wrote = t.Wrote || rows > 0
	return rows, err
}

// Touch records that the transaction changes the row that the cache may hold under key.
func (t *Tx) Touch(key Key) { t.Touched = append(t.Touched, key) }

// Run calls fn. If fn panics, Run returns an error: the write fails and the writer goes on.
func (t *Tx) Run(fn func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()

	return fn(t)
}

// Backoff waits before attempt n+1: not at all at first, then for a random time that
// grows with n to at most 50 ms. It returns the error of ctx if ctx ends first.
func Backoff(ctx context.Context, n int) error {
	if n <= 2 {
		return ctx.Err()
	}

	most := min(time.Duration(n)*time.Millisecond, 50*time.Millisecond)

	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()

	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
