package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

const (
	// maxAttempts bounds how often a transaction runs that the server ends in favour
	// of another one.
	maxAttempts = 20
	// maxLostAttempts bounds how often work runs that meets a closed connection before
	// anything was written.
	maxLostAttempts = 3
)

// The states of a write decide whether its caller may still withdraw it.
const (
	waiting   = iota // for a connection
	taken            // it has begun
	abandoned        // its caller left first, so it is dropped
)

// Write runs fn on a context that the caller cannot cancel: PostgreSQL makes a
// commit visible when the wait for a standby is cancelled, and a failover would
// then lose data that others have seen. At the limit it closes the connection.
func (e *Engine) Write(ctx context.Context, limit time.Duration, fn func(*engine.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !overload.BudgetLeft(ctx) {
		return errBudgetSpent
	}
	if err := e.begin(); err != nil {
		return err
	}

	limit, end := overload.StartWait(ctx, limit)
	defer end()

	detached, cancel := overload.Within(context.WithoutCancel(ctx), limit)
	var state atomic.Int32
	done := make(chan error, 1)
	go func() {
		defer e.underWay.Done()
		defer e.waiting.Add(-1)
		defer cancel()

		err := e.transact(detached, &state, fn)
		if errors.Is(err, engine.ErrBusy) || errors.Is(err, engine.ErrReadOnly) ||
			errors.Is(err, engine.ErrUnavailable) || errors.Is(err, engine.ErrIndeterminate) {
			e.last.Forget()
		}

		done <- err
	}()

	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", engine.ErrIndeterminate, ctx.Err())
	}
}

func (e *Engine) begin() error {
	e.mu.RLock()
	defer e.mu.RUnlock()

	if e.closed {
		return engine.ErrClosed
	}
	if e.waiting.Add(1) > e.queue {
		e.waiting.Add(-1)
		return fmt.Errorf("%w: %d", engine.ErrQueueFull, e.queue)
	}
	e.underWay.Add(1)

	return nil
}

// errAbandoned means that the caller left before its turn. Nobody reads it.
var errAbandoned = errors.New("the caller left")

// transact runs fn again if the server ended the transaction in favour of another
// one, and on another connection if the server had closed the first one.
func (e *Engine) transact(ctx context.Context, state *atomic.Int32, fn func(*engine.Tx) error) error {
	began, lost := e.sinceStart(), 0
	for n := 1; ; n++ {
		err := e.writes.use(ctx, func(conn *sql.Conn) error {
			if !state.CompareAndSwap(waiting, taken) && state.Load() == abandoned {
				return errAbandoned
			}
			if err := e.standbyAnswers(ctx, conn); err != nil {
				return err
			}
			return e.once(ctx, conn, fn)
		})
		if err == nil || errors.Is(err, engine.ErrIndeterminate) {
			return err
		}

		switch code := sqlState(err); {
		case code == serializationFailure || code == deadlockDetected:
			if n >= maxAttempts || engine.Backoff(ctx, n) != nil {
				return fmt.Errorf("%w: %w", engine.ErrBusy, err)
			}
			continue
		case code == diskFull:
			return fmt.Errorf("%w: %w", engine.ErrDiskFull, err)
		case code == readOnlyTransaction: // a failover made this server a standby
			err = fmt.Errorf("%w: %w: %w", engine.ErrBusy, engine.ErrReadOnly, err)
		case ctx.Err() != nil && !errors.Is(err, context.DeadlineExceeded): // for example sql.ErrTxDone
			return fmt.Errorf("%w: %w: %w", engine.ErrUnavailable, ctx.Err(), err)
		case !isLost(err):
			return e.explained(ctx, began, err)
		}

		if lost++; lost == maxLostAttempts {
			return e.explained(ctx, began, err)
		}
		e.suspect()
	}
}

// once runs one transaction. A failure before the commit is sent undoes it; after
// that, only the server's own refusal shows that it is undone.
func (e *Engine) once(ctx context.Context, conn *sql.Conn, fn func(*engine.Tx) error) error {
	t, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	if _, limited := ctx.Deadline(); !limited {
		if err := unbound(ctx, t); err != nil {
			_ = t.Rollback()
			return err
		}
	}

	writing := &engine.Tx{Querier: querier{ctx: ctx, on: t}}
	if err := writing.Run(fn); err != nil {
		_ = t.Rollback() // a lost connection has rolled back, too
		return err
	}
	if err := ctx.Err(); err != nil {
		_ = t.Rollback()
		return err
	}

	began := e.clock()
	err = t.Commit()
	if err == nil && takeUnreplicated(conn) {
		err = errUnreplicated
	}

	switch {
	case err == nil:
		e.commits.Observe(e.clock().Sub(began))
		if writing.Wrote {
			e.last.Note()
		}
		return nil
	case refusedCommit(err):
		return err
	}
	if ctx.Err() != nil {
		e.unreplicated.Store(true)
	}
	// Not pgconn.SafeToRetry: it reports that nothing was sent also when the server
	// closed the connection while the commit waited for a standby.
	return fmt.Errorf("%w: %w", engine.ErrIndeterminate, err)
}

// standbyAnswers refuses a write if as many earlier ones as there are connections
// wait for a standby, or for rows that such a commit has locked. Their callers
// and connections are gone, but each keeps a process of the server, which needs
// max_connections for reads too.
func (e *Engine) standbyAnswers(ctx context.Context, conn *sql.Conn) error {
	if !e.unreplicated.Load() {
		return nil
	}

	var waiting int
	err := conn.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND usename = current_user AND (wait_event = 'SyncRep' OR wait_event_type = 'Lock')
		AND state_change < now() - $1 * interval '1 ms'`,
		e.timing.Stuck.Milliseconds()).Scan(&waiting)
	switch {
	case err != nil:
		return err
	case waiting >= cap(e.writes.turns):
		return fmt.Errorf("%w: %d writes wait for a standby", engine.ErrUnavailable, waiting)
	case waiting == 0:
		e.unreplicated.Store(false)
	}

	return nil
}

// errUnreplicated means that an administrator ended the wait for a standby.
var errUnreplicated = errors.New("committed on the primary, but not known to be on the standby")

// noteUnreplicated marks a connection whose commit was not replicated. The
// server reports that commit as a success, with a warning that has no separate
// code. Routine names the place in the server's source, in any language.
func noteUnreplicated(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()["unreplicated"] = true
	}
}

func takeUnreplicated(conn *sql.Conn) (marked bool) {
	_ = conn.Raw(func(c any) error {
		data := c.(*session).Conn.Conn().PgConn().CustomData()
		_, marked = data["unreplicated"]
		delete(data, "unreplicated")
		return nil
	})
	return marked
}
