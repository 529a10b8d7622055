package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// postgreSQLEngine is PostgreSQL through database/sql. Writes have their own
// connections, so that reads go on while commits wait for a standby. Many
// nodes may use one database.
type postgreSQLEngine struct {
	reads, writes *sql.DB
	queue         int64
	reading       *overload.Line
	writing       *overload.Line
	log           *slog.Logger
	started       time.Time
	committed     atomic.Int64 // when the last commit ended, in nanoseconds since started

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
	// pgConnLifetime spreads connections anew over the servers of a cluster.
	pgConnLifetime = 30 * time.Minute
	// pgAttempts bounds the repetition of a transaction that the server ended
	// in favour of another one.
	pgAttempts = 20
	// pgMigrationLock is the advisory lock that starting nodes take turns with.
	pgMigrationLock = 0x706f6f6c // "pool"
)

func openPostgreSQL(ctx context.Context, o Options) (_ *postgreSQLEngine, err error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx leaves the password out
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "poolhouse"
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	config.OnNotice = noteUnreplicated
	config.DialFunc = dialToConnect(config.DialFunc)

	e := &postgreSQLEngine{
		queue:   int64(o.WriteQueue),
		reading: overload.NewLine(o.ReadConns, 1, time.Now),
		writing: overload.NewLine(o.ReadConns, 1, time.Now),
		log:     o.Logger,
		started: time.Now(),
	}
	connector := connectOnly{stdlib.GetConnector(*config)}
	e.reads, e.writes = sql.OpenDB(connector), sql.OpenDB(connector)
	for _, db := range []*sql.DB{e.reads, e.writes} {
		db.SetMaxOpenConns(o.ReadConns)
		db.SetMaxIdleConns(o.ReadConns)
		db.SetConnMaxLifetime(pgConnLifetime)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.reads.Close(), e.writes.Close())
		}
	}()
	if err := e.inspect(ctx); err != nil {
		return nil, err
	}
	if err := e.prepare(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// inspect refuses servers on which the store's promises do not hold, and logs
// the settings they depend on.
func (e *postgreSQLEngine) inspect(ctx context.Context) error {
	var version, encoding, commit, fsync, standbys string
	var recovering bool
	err := e.writes.QueryRowContext(ctx, `SELECT current_setting('server_version'), current_setting('server_encoding'),
		current_setting('synchronous_commit'), current_setting('fsync'), current_setting('synchronous_standby_names'), pg_is_in_recovery()`).
		Scan(&version, &encoding, &commit, &fsync, &standbys, &recovering)
	switch {
	case err != nil:
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	case encoding != "UTF8":
		return fmt.Errorf("the PostgreSQL database has encoding %s and must have UTF8: create it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	case recovering:
		return errors.New("the PostgreSQL server is a standby and takes no writes: name the primary in the database URL, or all servers and target_session_attrs=read-write")
	case commit == "off":
		return errors.New("PostgreSQL has synchronous_commit = off, with which a crash loses acknowledged writes: ALTER DATABASE … SET synchronous_commit = on")
	}
	log := e.log.Info
	if fsync != "on" {
		log = e.log.Warn // fit for tests only; their servers often run so
	}
	log("PostgreSQL", "version", version, "fsync", fsync, "synchronous_commit", commit, "synchronous_standby_names", standbys)
	return nil
}

// prepare migrates the schema, one node after the other.
func (e *postgreSQLEngine) prepare(ctx context.Context) (err error) {
	conn, err := e.writes.Conn(ctx)
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
	if _, err := migrate(ctx, e.reads, goose.DialectPostgres); err != nil {
		return fmt.Errorf("opening PostgreSQL database: %w", err)
	}
	return nil
}

func (e *postgreSQLEngine) name() string { return "postgresql" }

func (e *postgreSQLEngine) readLine() *overload.Line  { return e.reading }
func (e *postgreSQLEngine) writeLine() *overload.Line { return e.writing }

func (e *postgreSQLEngine) ping(ctx context.Context) error {
	return e.closedError(e.reads.PingContext(ctx))
}

// failure returns nil: what PostgreSQL's disk loses is for its own recovery.
func (e *postgreSQLEngine) failure() error { return nil }

func (e *postgreSQLEngine) present() error { return nil }

func (e *postgreSQLEngine) sinceCommit() (time.Duration, bool) {
	at := e.committed.Load()
	return time.Since(e.started) - time.Duration(at), at > 0
}

// closedError gives what database/sql says of a closed pool its name.
func (e *postgreSQLEngine) closedError(err error) error {
	if err == nil {
		return nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return ErrClosed
	}
	return err
}

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

func (e *postgreSQLEngine) read(ctx context.Context, fn func(querier) error) error {
	ticket := e.reading.Enter()
	defer e.reading.Leave(ticket)
	return e.closedError(fn(pgQuerier{ctx, e.reads}))
}

func (e *postgreSQLEngine) snapshot(ctx context.Context, fn func(querier) error) error {
	t, err := e.reads.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return e.closedError(err)
	}
	defer func() { _ = t.Rollback() }() // nothing was written
	return fn(pgQuerier{ctx, t})
}

// write runs fn on a context that the caller cannot cancel: PostgreSQL makes a
// commit visible when the waiting for a standby is cancelled, and a failover
// would then lose what others have seen.
func (e *postgreSQLEngine) write(ctx context.Context, limit time.Duration, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.begin(); err != nil {
		return err
	}
	detached, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
	if limit > 0 {
		detached, cancel = context.WithTimeout(detached, limit)
	}
	var state atomic.Int32
	done := make(chan error, 1)
	go func() {
		defer e.underWay.Done()
		defer e.waiting.Add(-1)
		defer cancel()
		err := e.transact(detached, &state, fn)
		if errors.Is(err, ErrBusy) || errors.Is(err, ErrReadOnly) || errors.Is(err, ErrIndeterminate) {
			e.committed.Store(0) // an earlier success proves nothing any more
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

// transact runs fn until the server does not end it in favour of another one.
func (e *postgreSQLEngine) transact(ctx context.Context, state *atomic.Int32, fn func(*tx) error) error {
	conn, err := e.writes.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%w: no database connection: %w", ErrBusy, err)
	}
	defer func() { _ = conn.Close() }() // hands it back
	if !state.CompareAndSwap(waiting, taken) {
		return ctx.Err()
	}
	for n := 1; ; n++ {
		err := e.once(ctx, conn, fn)
		switch pgCode(err) {
		case pgSerializationFailure, pgDeadlockDetected:
			if n == pgAttempts {
				return fmt.Errorf("%w: %w", ErrBusy, err)
			}
			if wait := backoff(ctx, n); wait != nil {
				return fmt.Errorf("%w: %w", ErrBusy, err)
			}
			continue
		case pgReadOnlyTransaction: // a failover made this server a standby: connect anew
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
			return fmt.Errorf("%w: %w: %w", ErrReadOnly, ErrBusy, err)
		case pgDiskFull:
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		}
		return err
	}
}

// once is one transaction. What fails before the commit is undone; of what
// fails in it only the server's own refusal says so.
func (e *postgreSQLEngine) once(ctx context.Context, conn *sql.Conn, fn func(*tx) error) error {
	t, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	writing := &tx{querier: pgQuerier{ctx, t}}
	if err := protect(fn, writing); err != nil {
		_ = t.Rollback() // a lost connection has rolled back, too
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
		return err
	}
	err = t.Commit()
	if err == nil && takeUnreplicated(conn) {
		err = errUnreplicated
	}
	if err == nil && writing.wrote {
		e.committed.Store(int64(time.Since(e.started)))
	}
	if err == nil || pgRefusedCommit(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrIndeterminate, err)
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
	return errors.Join(e.reads.Close(), e.writes.Close())
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
		data := c.(*stdlib.Conn).Conn().PgConn().CustomData()
		_, marked = data["unreplicated"]
		delete(data, "unreplicated")
		return nil
	})
	return marked
}

// connectOnly and dialToConnect let the driver dial for connections and for
// nothing else. When a context ends it would dial to send a cancel request,
// which turns a commit that waits for a standby into a visible one that a
// failover loses; without the request it just closes the connection.
type connectOnly struct{ driver.Connector }

type connecting struct{}

func (c connectOnly) Connect(ctx context.Context) (driver.Conn, error) {
	return c.Connector.Connect(context.WithValue(ctx, connecting{}, true))
}

var errNoCancelRequests = errors.New("cancel requests are not sent")

func dialToConnect(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if ctx.Value(connecting{}) == nil {
			return nil, errNoCancelRequests
		}
		return dial(ctx, network, addr)
	}
}

// pgScrubWait bounds how long scrub waits: for transactions that still see the old
// rows, and for each table. Later users of the table wait behind it.
const pgScrubWait = 5 * time.Second

// scrub writes the tables that hold secrets into new files; the server removes the
// old ones. It cannot reach the server's write-ahead log and its archives.
func (e *postgreSQLEngine) scrub(ctx context.Context) (err error) {
	conn, err := e.writes.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := waitForOlder(ctx, conn); err != nil {
		return err
	}

	wait := fmt.Sprint(pgScrubWait.Milliseconds())
	if _, err := conn.ExecContext(ctx, `SELECT set_config('lock_timeout', $1, FALSE)`, wait); err != nil {
		return err
	}
	for _, table := range []string{"pools", "access_keys", "keys"} {
		_, full := conn.ExecContext(ctx, `VACUUM FULL `+table)
		err = errors.Join(err, full)
	}
	_, reset := conn.ExecContext(context.WithoutCancel(ctx), `RESET lock_timeout`)
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
