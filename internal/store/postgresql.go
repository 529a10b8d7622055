package store

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
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// postgreSQLEngine is PostgreSQL through database/sql. Writes have their own
// connections, so that reads go on while commits wait for a standby. Many
// nodes may use one database.
type postgreSQLEngine struct {
	reads, writes *pgPool
	address       string // of the servers, for messages
	queue         int64
	timing        pgTiming
	commits       *histogram
	unreplicated  atomic.Bool // a commit met its limit, and may still wait for a standby
	reading       *overload.Line
	writing       *overload.Line
	log           *slog.Logger
	clock         func() time.Time
	started       time.Time
	last          lastCommit

	waiting  atomic.Int64 // writes begun or waiting for a connection
	mu       sync.RWMutex // held while a write begins, so that close is safe
	closed   bool
	underWay sync.WaitGroup
}

// SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	pgUniqueViolation      = "23505"
	pgForeignKeyViolation  = "23503"
	pgSerializationFailure = "40001"
	pgDeadlockDetected     = "40P01"
	pgReadOnlyTransaction  = "25006"
	pgDiskFull             = "53100"
)

const (
	// pgAttempts bounds the repetition of a transaction that the server ended
	// in favour of another one.
	pgAttempts = 20
	// pgLostAttempts bounds the repetition of what met a closed connection before
	// anything was written.
	pgLostAttempts = 3
	// pgMigrationLock is the advisory lock that starting nodes take turns with.
	pgMigrationLock = 0x706f6f6c // "pool"
)

func openPostgreSQL(ctx context.Context, o Options, commits *histogram) (_ *postgreSQLEngine, err error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx leaves the password out
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "poolhouse"
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	config.OnNotice = noteUnreplicated

	timing := o.timing.withDefaults()
	if config.ConnectTimeout <= 0 || config.ConnectTimeout > timing.connect {
		config.ConnectTimeout = timing.connect
	}
	config.DialFunc = dialToConnect(pgDialer().DialContext)

	e := &postgreSQLEngine{
		address: pgAddress(config),
		queue:   int64(o.WriteQueue),
		reading: overload.NewLine(o.ReadConns, 1, o.clock),
		writing: overload.NewLine(o.ReadConns, 1, o.clock),
		timing:  timing,
		log:     o.Logger,
		commits: commits,
		clock:   o.clock,
		started: o.clock(),
		last:    lastCommit{clock: o.clock},
	}
	e.reads = newPgPool("read", *config, o, timing, pgBounds{lock: timing.lock, statement: timing.read})
	e.writes = newPgPool("write", *config, o, timing, pgBounds{lock: timing.lock})
	defer func() {
		if err != nil {
			err = errors.Join(err, e.reads.db.Close(), e.writes.db.Close())
		}
	}()
	if err := e.inspect(ctx); err != nil {
		return nil, err
	}
	starting := newPgPool("start", *config, o, timing, pgBounds{})
	starting.db.SetMaxOpenConns(2) // the lock's and the migrations'
	if err := errors.Join(prepare(ctx, starting.db), starting.db.Close()); err != nil {
		return nil, err
	}
	return e, nil
}

// inspect refuses servers on which the store's promises do not hold, and logs
// the settings they depend on.
func (e *postgreSQLEngine) inspect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.timing.start)
	defer cancel()

	var version, encoding, commit, fsync, standbys string
	var recovering bool
	err := e.writes.db.QueryRowContext(ctx, `SELECT current_setting('server_version'),
		current_setting('server_encoding'), current_setting('synchronous_commit'), current_setting('fsync'),
		current_setting('synchronous_standby_names'), pg_is_in_recovery()`).
		Scan(&version, &encoding, &commit, &fsync, &standbys, &recovering)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: PostgreSQL at %s gave no answer within %s: %w",
			ErrUnavailable, e.address, e.timing.start, err)
	case err != nil:
		return fmt.Errorf("connecting to PostgreSQL at %s: %w", e.address, err)
	case encoding != "UTF8":
		return fmt.Errorf("the PostgreSQL database has encoding %s and must have UTF8: "+
			"create it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	case recovering:
		return errors.New("the PostgreSQL server is a standby and takes no writes: " +
			"name the primary in the database URL, or all servers and target_session_attrs=read-write")
	case commit == "off":
		return errors.New("PostgreSQL has synchronous_commit = off, with which a crash loses acknowledged writes: " +
			"ALTER DATABASE … SET synchronous_commit = on")
	}
	log := e.log.Info
	if fsync != "on" {
		log = e.log.Warn // fit for tests only; their servers often run so
	}
	log("PostgreSQL",
		"version", version,
		"fsync", fsync,
		"synchronous_commit", commit,
		"synchronous_standby_names", standbys)
	return nil
}

// prepare migrates the schema, one node after the other, however long that takes.
func prepare(ctx context.Context, db *sql.DB) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, pgMigrationLock); err != nil {
		return fmt.Errorf("waiting for another node's migration: %w", err)
	}
	defer func() {
		_, unlock := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, pgMigrationLock)
		err = errors.Join(err, unlock)
	}()
	// SQLite has no domains and no collation named C, so this is not in the
	// migrations: text that is compared and ordered as bytes, as SQLite does.
	_, err = conn.ExecContext(ctx, `DO $do$ BEGIN
		IF to_regtype('keytext') IS NULL THEN CREATE DOMAIN keytext AS text COLLATE "C"; END IF;
	END $do$`)
	if err != nil {
		return fmt.Errorf("preparing the database: %w", err)
	}
	if _, err := migrate(ctx, db, goose.DialectPostgres); err != nil {
		return fmt.Errorf("opening PostgreSQL database: %w", err)
	}
	return nil
}

func (e *postgreSQLEngine) name() string { return "postgresql" }

func (e *postgreSQLEngine) readLine() *overload.Line  { return e.reading }
func (e *postgreSQLEngine) writeLine() *overload.Line { return e.writing }

func (e *postgreSQLEngine) ping(ctx context.Context) error {
	return e.read(ctx, func(q querier) error {
		_, err := q.exec(`SELECT 1`)
		return err
	})
}

// failure returns nil: what PostgreSQL's disk loses is for its own recovery.
func (e *postgreSQLEngine) failure() error { return nil }

func (e *postgreSQLEngine) present() error { return nil }

func (e *postgreSQLEngine) lastCommit() *lastCommit { return &e.last }

func (e *postgreSQLEngine) sinceStart() time.Duration { return e.clock().Sub(e.started) }

// pgQuerier runs statements on a pool, a connection or a transaction.
type pgQuerier struct {
	ctx context.Context
	on  interface {
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
		ExecContext(context.Context, string, ...any) (sql.Result, error)
	}
}

func (q pgQuerier) query(text string, args ...any) (*sql.Rows, error) {
	return q.on.QueryContext(q.ctx, text, args...)
}

func (q pgQuerier) exec(text string, args ...any) (int64, error) {
	result, err := q.on.ExecContext(q.ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// read runs fn again on another connection if the server had closed the one it
// began with. It lasts for timing.read at most.
func (e *postgreSQLEngine) read(ctx context.Context, fn func(querier) error) (err error) {
	if !overload.BudgetLeft(ctx) {
		return errBudgetSpent
	}
	ticket := e.reading.Enter()
	defer func() { settle(e, e.reading, ticket, err) }()
	began := e.sinceStart()
	bounded, end := overload.Bound(ctx, e.timing.read)
	defer end()

	for n := 1; ; n++ {
		err := e.reads.use(bounded, func(conn *sql.Conn) error { return fn(pgQuerier{bounded, conn}) })
		if err == nil || n == pgLostAttempts || !pgLost(err) || bounded.Err() != nil {
			return e.explained(ctx, began, err)
		}
		e.suspect()
	}
}

// errBudgetSpent: the call's earlier waits took all the time it had.
var errBudgetSpent = fmt.Errorf("%w: no time is left to this call", ErrUnavailable)

func (e *postgreSQLEngine) snapshot(ctx context.Context, limit time.Duration, fn func(querier) error) error {
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
		return fn(pgQuerier{bounded, t})
	})
	return e.explained(ctx, began, err)
}

// unbound lets the statements of a transaction take any time.
func unbound(ctx context.Context, t *sql.Tx) error {
	_, err := t.ExecContext(ctx, setPgBounds, pgMillis(0), pgMillis(0), true)
	return err
}

// explained gives an error that the database did not make its name. Nothing was
// written. The caller's own leaving stays the context's error. The connections are
// suspect only if the database had the time that a read has, from began on: a call
// that had little left does not show that they lead nowhere.
func (e *postgreSQLEngine) explained(ctx context.Context, began time.Duration, err error) error {
	switch {
	case err == nil || errors.Is(ctx.Err(), context.Canceled):
		return err
	case e.isClosed():
		return ErrClosed
	case !pgUnanswered(err) || errors.Is(err, ErrUnavailable):
		return err
	}

	if errors.Is(err, context.DeadlineExceeded) && e.sinceStart()-began >= e.timing.read {
		e.suspect()
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (e *postgreSQLEngine) isClosed() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.closed
}

// suspect has both pools open new connections: the ones at hand may lead nowhere.
func (e *postgreSQLEngine) suspect() {
	e.reads.suspect()
	e.writes.suspect()
}

// write runs fn on a context that the caller cannot cancel: PostgreSQL makes a
// commit visible when the waiting for a standby is cancelled, and a failover
// would then lose what others have seen. At the limit the connection is closed.
func (e *postgreSQLEngine) write(ctx context.Context, limit time.Duration, fn func(*tx) error) error {
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
		if errors.Is(err, ErrBusy) || errors.Is(err, ErrReadOnly) || errors.Is(err, ErrUnavailable) ||
			errors.Is(err, ErrIndeterminate) {
			e.last.forget()
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
		return fmt.Errorf("%w: %w", ErrIndeterminate, ctx.Err())
	}
}

func (e *postgreSQLEngine) begin() error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return ErrClosed
	}
	if e.waiting.Add(1) > e.queue {
		e.waiting.Add(-1)
		return fmt.Errorf("%w: %d", ErrQueueFull, e.queue)
	}
	e.underWay.Add(1)
	return nil
}

// errAbandoned: the caller left before its turn. Nobody reads it.
var errAbandoned = errors.New("the caller left")

// transact runs fn until the server does not end it in favour of another one, and
// again on another connection if the server had closed the one it began with.
func (e *postgreSQLEngine) transact(ctx context.Context, state *atomic.Int32, fn func(*tx) error) error {
	began, lost := e.sinceStart(), 0
	for n := 1; ; n++ {
		err := e.writes.use(ctx, func(conn *sql.Conn) error {
			if n == 1 && !state.CompareAndSwap(waiting, taken) {
				return errAbandoned
			}
			if err := e.standbyAnswers(ctx, conn); err != nil {
				return err
			}
			return e.once(ctx, conn, fn)
		})
		if err == nil || errors.Is(err, ErrIndeterminate) {
			return err
		}

		switch code := pgCode(err); {
		case code == pgSerializationFailure || code == pgDeadlockDetected:
			if n >= pgAttempts || backoff(ctx, n) != nil {
				return fmt.Errorf("%w: %w", ErrBusy, err)
			}
			continue
		case code == pgDiskFull:
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		case code == pgReadOnlyTransaction: // a failover made this server a standby
			err = fmt.Errorf("%w: %w: %w", ErrBusy, ErrReadOnly, err)
		case ctx.Err() != nil && !errors.Is(err, context.DeadlineExceeded): // such as sql.ErrTxDone
			return fmt.Errorf("%w: %w: %w", ErrUnavailable, ctx.Err(), err)
		case !pgLost(err):
			return e.explained(ctx, began, err)
		}

		if lost++; lost == pgLostAttempts {
			return e.explained(ctx, began, err)
		}
		e.suspect()
	}
}

// once is one transaction. What fails before the commit is sent is undone; of what
// fails after that only the server's own refusal says so.
func (e *postgreSQLEngine) once(ctx context.Context, conn *sql.Conn, fn func(*tx) error) error {
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
	writing := &tx{querier: pgQuerier{ctx, t}}
	if err := protect(fn, writing); err != nil {
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
		e.commits.observe(e.clock().Sub(began))
		if writing.wrote {
			e.last.note()
		}
		return nil
	case pgRefusedCommit(err):
		return err
	}
	if ctx.Err() != nil {
		e.unreplicated.Store(true)
	}
	// Not pgconn.SafeToRetry: it reports that nothing was sent also when the server
	// closed the connection while the commit waited for a standby.
	return fmt.Errorf("%w: %w", ErrIndeterminate, err)
}

// standbyAnswers refuses a write while as many earlier ones as there may be
// connections wait for a standby, or for rows that such a commit has. Their callers
// and connections are gone, but each keeps a process of the server, which has
// max_connections for reads too.
func (e *postgreSQLEngine) standbyAnswers(ctx context.Context, conn *sql.Conn) error {
	if !e.unreplicated.Load() {
		return nil
	}

	var waiting int
	err := conn.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND usename = current_user AND (wait_event = 'SyncRep' OR wait_event_type = 'Lock')
		AND state_change < now() - $1 * interval '1 ms'`,
		e.timing.stuck.Milliseconds()).Scan(&waiting)
	switch {
	case err != nil:
		return err
	case waiting >= cap(e.writes.turns):
		return fmt.Errorf("%w: %d writes wait for a standby", ErrUnavailable, waiting)
	case waiting == 0:
		e.unreplicated.Store(false)
	}
	return nil
}

// pgRefusedCommit reports whether a failed COMMIT certainly did not happen: a
// constraint or the transaction's isolation stood against it.
func pgRefusedCommit(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return true
	}
	code := pgCode(err)
	return code == pgSerializationFailure || code == pgDeadlockDetected || len(code) == 5 && code[:2] == "23"
}

func pgCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func (e *postgreSQLEngine) race(err error) bool {
	code := pgCode(err)
	return code == pgUniqueViolation || code == pgForeignKeyViolation
}

func (e *postgreSQLEngine) close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.underWay.Wait()
	return errors.Join(e.reads.db.Close(), e.writes.db.Close())
}

// errUnreplicated: an administrator ended the waiting for a standby.
var errUnreplicated = errors.New("committed on the primary, but not known to be on the standby")

// noteUnreplicated marks a connection whose commit was not replicated. The
// server reports that commit as a success, with a warning that has no code of
// its own; Routine names the place in the server, in any language.
func noteUnreplicated(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()["unreplicated"] = true
	}
}

func takeUnreplicated(conn *sql.Conn) (marked bool) {
	_ = conn.Raw(func(c any) error {
		data := c.(*pgSession).Conn.Conn().PgConn().CustomData()
		_, marked = data["unreplicated"]
		delete(data, "unreplicated")
		return nil
	})
	return marked
}

// pgScrubWait bounds how long scrub waits: for transactions that still see the old
// rows, and for each table. Later users of the table wait behind it.
const pgScrubWait = 5 * time.Second

// scrub writes the tables that hold secrets into new files; the server removes the
// old ones. It cannot reach the server's write-ahead log and its archives.
func (e *postgreSQLEngine) scrub(ctx context.Context) (err error) {
	conn, err := e.writes.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := waitForOlder(ctx, conn); err != nil {
		return err
	}

	bounds := e.writes.bounds
	_, err = conn.ExecContext(ctx, setPgBounds, pgMillis(pgScrubWait), pgMillis(bounds.statement), false)
	if err != nil {
		return err
	}
	for _, table := range []string{"pools", "access_keys", "keys"} {
		_, full := conn.ExecContext(ctx, `VACUUM FULL `+table)
		err = errors.Join(err, full)
	}
	_, reset := conn.ExecContext(context.WithoutCancel(ctx), setPgBounds,
		pgMillis(bounds.lock), pgMillis(bounds.statement), false)
	return errors.Join(err, reset)
}

// waitForOlder waits for the transactions that may see rows as they were before
// this moment: what they see would be written into the new files too.
func waitForOlder(ctx context.Context, conn *sql.Conn) error {
	var here string
	if err := conn.QueryRowContext(ctx, `SELECT txid_current()::text`).Scan(&here); err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(ctx, pgScrubWait)
	defer cancel()
	for n := 1; ; n++ {
		var older int
		err := conn.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
			AND age(backend_xmin) > age((CAST($1 AS BIGINT) % 4294967296)::text::xid)`, here).Scan(&older)
		if err == nil && older == 0 {
			return nil
		}
		if err == nil {
			err = backoff(ctx, n)
		}
		if err != nil {
			return fmt.Errorf("%d transactions still see the old rows: %w", older, err)
		}
	}
}
