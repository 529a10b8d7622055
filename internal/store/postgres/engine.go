package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Engine is PostgreSQL through database/sql. Writes have their own
// connections, so that reads go on while commits wait for a standby. Many
// nodes may use one database.
type Engine struct {
	reads, writes *pool
	config        *pgx.ConnConfig
	address       string // of the servers, for messages
	queue         int64
	timing        Timing
	commits       *engine.Histogram
	unreplicated  atomic.Bool // a commit met its limit, and may still wait for a standby
	reading       *overload.Queue
	writing       *overload.Queue
	log           *slog.Logger
	clock         func() time.Time
	started       time.Time
	last          *engine.LastCommit

	waiting  atomic.Int64 // writes begun or waiting for a connection
	mu       sync.RWMutex // held while a write begins, so that close is safe
	closed   bool
	underWay sync.WaitGroup
}

// querier runs statements on a pool, a connection or a transaction.
type querier struct {
	ctx context.Context
	on  interface {
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
		ExecContext(context.Context, string, ...any) (sql.Result, error)
	}
}

// Query implements engine.Querier.
func (q querier) Query(text string, args ...any) (*sql.Rows, error) {
	return q.on.QueryContext(q.ctx, text, args...)
}

// Exec implements engine.Querier.
func (q querier) Exec(text string, args ...any) (int64, error) {
	result, err := q.on.ExecContext(q.ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Name returns "postgresql".
func (e *Engine) Name() string { return "postgresql" }

// Reads returns the queue in which reads wait.
func (e *Engine) Reads() *overload.Queue { return e.reading }

// Writes returns the queue in which writes wait.
func (e *Engine) Writes() *overload.Queue { return e.writing }

// Failure returns nil: PostgreSQL recovers from losses of its disk by itself.
func (e *Engine) Failure() error { return nil }

// Failed returns nil: a PostgreSQL engine never stops writing for good.
func (e *Engine) Failed() <-chan struct{} { return nil }

// Present returns nil: the files are the server's business.
func (e *Engine) Present() error { return nil }

// LastCommit returns the record of how the last writes ended.
func (e *Engine) LastCommit() *engine.LastCommit { return e.last }

// Usage returns how the connections are used now.
func (e *Engine) Usage() []engine.PoolStats {
	return []engine.PoolStats{e.reads.usage(), e.writes.usage()}
}

func (e *Engine) sinceStart() time.Duration { return e.clock().Sub(e.started) }

// Read runs fn again on another connection if the server has closed the first one.
// It lasts for Timing.Read at most.
func (e *Engine) Read(ctx context.Context, fn func(engine.Querier) error) error {
	if !overload.BudgetLeft(ctx) {
		return errBudgetSpent
	}
	began := e.sinceStart()

	bounded, end := overload.Bound(ctx, e.timing.Read)
	defer end()

	for n := 1; ; n++ {
		err := e.reads.use(bounded, func(conn *sql.Conn) error { return fn(querier{ctx: bounded, on: conn}) })
		if err == nil || n == maxLostAttempts || !isLost(err) || bounded.Err() != nil {
			return e.explained(ctx, began, err)
		}
		e.suspect()
	}
}

// errBudgetSpent means that the call's earlier waits took all its time.
var errBudgetSpent = fmt.Errorf("%w: no time is left to this call", engine.ErrUnavailable)

// Snapshot runs fn once, in one REPEATABLE READ transaction.
func (e *Engine) Snapshot(ctx context.Context, limit time.Duration, fn func(engine.Querier) error) error {
	if !overload.BudgetLeft(ctx) {
		return errBudgetSpent
	}
	began := e.sinceStart()

	limit, end := overload.StartWait(ctx, limit)
	defer end()

	bounded, cancel := overload.Within(ctx, limit)
	defer cancel()

	err := e.reads.use(bounded, func(conn *sql.Conn) error {
		t, err := conn.BeginTx(bounded, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return err
		}
		defer func() { _ = t.Rollback() }() // nothing was written

		if limit <= 0 {
			if err := unbound(bounded, t); err != nil {
				return err
			}
		}

		return fn(querier{ctx: bounded, on: t})
	})

	return e.explained(ctx, began, err)
}

// unbound removes the time limits from the statements of a transaction.
func unbound(ctx context.Context, t *sql.Tx) error {
	_, err := t.ExecContext(ctx, setBounds, inMillis(0), inMillis(0), true)
	return err
}

// explained names errors that do not come from the database; nothing was written.
// If the caller left, the context's error stays. The connections are suspected only
// if the database had as long as a read may take, counted from began: a call that
// had little time left does not show that they are dead.
func (e *Engine) explained(ctx context.Context, began time.Duration, err error) error {
	switch {
	case err == nil || errors.Is(ctx.Err(), context.Canceled):
		return err
	case e.isClosed():
		return engine.ErrClosed
	case !unanswered(err) || errors.Is(err, engine.ErrUnavailable):
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) && e.sinceStart()-began >= e.timing.Read {
		e.suspect()
	}

	return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
}

func (e *Engine) isClosed() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()

	return e.closed
}

// suspect makes both pools open new connections: the present ones may be dead.
func (e *Engine) suspect() {
	e.reads.suspect()
	e.writes.suspect()
}

// IsViolation reports whether err is a violation of a unique or foreign key.
func (e *Engine) IsViolation(err error) bool {
	code := sqlState(err)
	return code == uniqueViolation || code == foreignKeyViolation
}

// Close finishes the writes under way and closes the connections.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.underWay.Wait()
	return errors.Join(e.reads.db.Close(), e.writes.db.Close())
}
