package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Options names the database to use, and bounds its use.
type Options struct {
	URL        string // postgres://…
	ReadConns  int    // number of connections for reads; as many again for writes
	WriteQueue int    // number of writes that may wait; one more gets engine.ErrQueueFull
	Timing     Timing

	// Prepare brings the schema up to date, while no other node does.
	Prepare func(context.Context, *sql.DB) error
	Commits *engine.Histogram // counts the successful commits
	Logger  *slog.Logger
	Clock   func() time.Time // measures waits
}

// Open connects to the servers of a URL, refuses those on which the store's promises
// do not hold, and calls o.Prepare to bring the schema up to date.
// Errors: engine.ErrUnavailable and those of Prepare.
func Open(ctx context.Context, o Options) (_ *Engine, err error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx leaves the password out
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "poolhouse"
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	config.OnNotice = noteUnreplicated

	timing := o.Timing.withDefaults()
	if config.ConnectTimeout <= 0 || config.ConnectTimeout > timing.Connect {
		config.ConnectTimeout = timing.Connect
	}
	config.DialFunc = dialToConnect(dialer().DialContext)

	e := &Engine{
		config:  config,
		address: addressOf(config),
		queue:   int64(o.WriteQueue),
		reading: overload.NewQueue(o.ReadConns, 1, o.Clock),
		writing: overload.NewQueue(o.ReadConns, 1, o.Clock),
		timing:  timing,
		log:     o.Logger,
		commits: o.Commits,
		clock:   o.Clock,
		started: o.Clock(),
		last:    engine.NewLastCommit(o.Clock),
	}
	e.reads = newPool("read", *config, o, timing, serverBounds{lock: timing.Lock, statement: timing.Read})
	e.writes = newPool("write", *config, o, timing, serverBounds{lock: timing.Lock})
	defer func() {
		if err != nil {
			err = errors.Join(err, e.reads.db.Close(), e.writes.db.Close())
		}
	}()

	if err := e.inspect(ctx); err != nil {
		return nil, err
	}

	starting := newPool("start", *config, o, timing, serverBounds{})
	starting.db.SetMaxOpenConns(2) // one for the lock, one for the migrations
	if err := errors.Join(prepareAlone(ctx, starting.db, o.Prepare), starting.db.Close()); err != nil {
		return nil, advised(err)
	}

	return e, nil
}

// inspect refuses servers on which the store's promises do not hold, and logs
// the settings they depend on.
func (e *Engine) inspect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.timing.Start)
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
			engine.ErrUnavailable, e.address, e.timing.Start, err)
	case err != nil:
		return fmt.Errorf("connecting to PostgreSQL at %s: %w", e.address, advised(err))
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
		log = e.log.Warn // only fit for tests, whose servers often run so
	}
	log("PostgreSQL",
		"version", version,
		"fsync", fsync,
		"synchronous_commit", commit,
		"synchronous_standby_names", standbys)

	return nil
}

// migrationLock is the advisory lock with which starting nodes take turns.
const migrationLock = 0x706f6f6c // "pool"

// prepareAlone brings the schema up to date while no other node does, however long
// that takes. A transaction holds the lock: a pooler that changes connections between
// transactions would leave a session's lock behind for good, and brings bounds along
// that other sessions have set.
func prepareAlone(ctx context.Context, db *sql.DB, prepare func(context.Context, *sql.DB) error) (err error) {
	holding, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, holding.Rollback()) }() // it has changed nothing

	if _, err := holding.ExecContext(ctx, `SELECT set_config(name, '0', TRUE) FROM pg_settings
		WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout',
			'transaction_timeout')`); err != nil {
		return err
	}
	if _, err := holding.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, migrationLock); err != nil {
		return fmt.Errorf("waiting for another node's migration: %w", err)
	}

	return prepare(ctx, db)
}
