package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Engine is SQLite in WAL mode: one connection that writes, owned by the
// writer, one that copies the write-ahead log back, and several that read. In
// memory there is one connection for all.
type Engine struct {
	readDB, copyDB, writeDB *sql.DB
	readers                 *connections
	writer                  *writer
	inMemory                bool
	ended                   chan struct{} // closed at the end
	leave                   func()        // ends the count of this store; nil in memory
	reading, writing        *overload.Queue
}

// Name returns "sqlite".
func (e *Engine) Name() string { return "sqlite" }

// Reads returns the queue in which reads wait.
func (e *Engine) Reads() *overload.Queue { return e.reading }

// Writes returns the queue in which writes wait.
func (e *Engine) Writes() *overload.Queue { return e.writing }

// Read waits for a reader for as long as the budget of ctx allows. The time
// that fn takes counts too, but fn is not cut short: SQLite reads local files.
func (e *Engine) Read(ctx context.Context, fn func(engine.Querier) error) error {
	bounded, end := overload.Bound(ctx, 0)
	defer end()

	s, err := e.readers.take(bounded)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("%w: all %d connections for a read are in use", engine.ErrUnavailable, cap(e.readers.free))
	}
	if err != nil {
		return err
	}
	defer e.readers.put(s)

	err = fn(s)
	if f := faultOf(err, nil); f == faultDamage {
		e.writer.halt(stopError("reading", e.writer.path, f, err))
	}

	return err
}

// Failure returns why writing stopped for good, or nil.
func (e *Engine) Failure() error { return e.writer.stopped() }

// Failed returns a channel that is closed when writing stopped for good.
func (e *Engine) Failed() <-chan struct{} { return e.writer.failed }

// Present returns ErrGone if the files were missing at the last look.
func (e *Engine) Present() error { return e.writer.present.last() }

// LastCommit returns the record of how the last writes ended.
func (e *Engine) LastCommit() *engine.LastCommit { return e.writer.last }

// Snapshot runs fn once, in one read transaction. It has no limit: SQLite reads local files.
func (e *Engine) Snapshot(ctx context.Context, _ time.Duration, fn func(engine.Querier) error) (err error) {
	return e.Read(ctx, func(q engine.Querier) error {
		// With DEFERRED, the first read fixes the instant.
		if _, err := q.Exec("BEGIN DEFERRED"); err != nil {
			return err
		}
		defer func() { _, _ = q.Exec("ROLLBACK") }() // nothing was written

		return fn(q)
	})
}

// Write lets the writer run fn in its next transaction.
func (e *Engine) Write(ctx context.Context, limit time.Duration, fn func(*engine.Tx) error) error {
	limit, end := overload.StartWait(ctx, limit)
	defer end()

	return e.writer.write(ctx, limit, fn)
}

// Close finishes the waiting writes and closes the database.
func (e *Engine) Close() error {
	e.writer.close()
	close(e.ended)
	e.closeConnections()

	if e.writer.stopped() != nil || e.writer.present.check() != nil {
		// Closing it would copy the rest of the log and delete the log. But pages that
		// were copied before may not have reached the disk, or the log at that path
		// may belong to another database. The next start does not trust the copies and
		// needs the log.
		e.writeDB, e.leave = nil, nil
	}

	return e.closeDBs()
}

func (e *Engine) closeConnections() {
	e.readers.close()
	if !e.inMemory {
		e.writer.connections.close()
	}
	if e.writer.checkpoints != nil {
		e.writer.checkpoints.close()
	}
}

// closeDBs closes the writing side last: the last connection to close copies
// the write-ahead log back, which a read-only one may not.
func (e *Engine) closeDBs() error {
	var errs []error
	for _, db := range []*sql.DB{e.readDB, e.copyDB, e.writeDB} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if e.leave != nil {
		e.leave()
	}

	return errors.Join(errs...)
}

// IsViolation reports whether err is a violation of a key or of a trigger's rule.
func (e *Engine) IsViolation(err error) bool {
	switch resultCode(err) {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE,
		sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_TRIGGER:
		return true
	}
	return false
}

// Scrub rebuilds the file, which leaves no free page and no remains within pages,
// then copies the write-ahead log back and cuts it to nothing.
func (e *Engine) Scrub(context.Context, []string) error {
	if e.inMemory {
		return nil
	}
	s := <-e.writer.connections.free
	defer e.writer.connections.put(s)

	if err := vacuum(s); err != nil {
		return err
	}

	l, err := checkpointLog(s, "TRUNCATE")
	if err == nil && l.busy {
		err = errors.New("another process reads the database, so the write-ahead log could not be emptied")
	}

	return err
}

// vacuum rebuilds the file through a temporary file, because memory may be too small
// for it.
func vacuum(s *connection) (err error) {
	if _, err := s.Exec("PRAGMA temp_store = FILE"); err != nil {
		return err
	}
	defer func() {
		_, back := s.Exec("PRAGMA temp_store = MEMORY")
		err = errors.Join(err, back)
	}()

	_, err = s.Exec("VACUUM")

	return err
}

// Usage returns how the connections are used now.
func (e *Engine) Usage() []engine.PoolStats {
	of := func(name string, set *connections) engine.PoolStats {
		idle := len(set.free)
		return engine.PoolStats{Pool: name, Most: cap(set.free), InUse: cap(set.free) - idle, Idle: idle}
	}
	write := of("write", e.writer.connections)
	write.Waiting = len(e.writer.queue)
	if e.inMemory {
		return []engine.PoolStats{write} // one connection for all
	}

	return []engine.PoolStats{of("read", e.readers), write}
}
