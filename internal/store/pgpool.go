package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// pgTiming bounds the waits for PostgreSQL; zero fields are the defaults.
type pgTiming struct {
	start   time.Duration // for the first answer
	connect time.Duration // to one server: dial, TLS, authentication
	ping    time.Duration // of a connection that was not used for a while
	read    time.Duration // a read with all its statements
	turn    time.Duration // for one of the pool's connections
	lock    time.Duration // of a statement for a lock, by the server
	alive   time.Duration // between the server's looks whether the client of a statement is there
	stuck   time.Duration // after which a pool that moves no connection refuses
	idle    time.Duration // after which a connection is pinged before it is used
}

// defaultReadTimeout is within the time that an API call has for the database.
const defaultReadTimeout = 4 * time.Second

func (t pgTiming) withDefaults() pgTiming {
	t.start = cmp.Or(t.start, 10*time.Second)
	t.connect = cmp.Or(t.connect, 2*time.Second)
	t.ping = cmp.Or(t.ping, time.Second)
	t.read = cmp.Or(t.read, defaultReadTimeout)
	t.turn = cmp.Or(t.turn, 2*time.Second)
	t.lock = cmp.Or(t.lock, defaultReadTimeout)
	t.alive = cmp.Or(t.alive, time.Second)
	t.stuck = cmp.Or(t.stuck, time.Second)
	t.idle = cmp.Or(t.idle, time.Second)
	return t
}

// pgPool is the connections for reads or for writes. A caller takes one of as many
// turns as there are connections before it asks database/sql for one, which would
// have it wait without a bound.
type pgPool struct {
	name   string
	db     *sql.DB
	turns  chan struct{} // full while all connections are used
	queue  int64         // how many callers may wait
	timing pgTiming
	bounds pgBounds
	clock  func() time.Time
	origin time.Time

	suspected atomic.Int64 // when connections that were open were last given up, by now
	moved     atomic.Int64 // when a turn was last taken or given back, by now
	waiting   atomic.Int64
	waits     atomic.Int64
	waited    atomic.Int64 // nanoseconds
}

// pgConnLifetime spreads connections anew over the servers of a cluster.
const pgConnLifetime = 30 * time.Minute

func newPgPool(name string, config pgx.ConnConfig, o Options, timing pgTiming, bounds pgBounds) *pgPool {
	p := &pgPool{
		name:   name,
		turns:  make(chan struct{}, o.ReadConns),
		queue:  int64(o.WriteQueue),
		timing: timing,
		bounds: bounds,
		clock:  o.clock,
		origin: o.clock(),
	}
	p.db = sql.OpenDB(pgConnector{Connector: stdlib.GetConnector(config), pool: p})
	p.db.SetMaxOpenConns(o.ReadConns)
	p.db.SetMaxIdleConns(o.ReadConns)
	p.db.SetConnMaxLifetime(pgConnLifetime)
	return p
}

// now is a monotonic time that fits an atomic integer.
func (p *pgPool) now() int64 { return int64(p.clock().Sub(p.origin)) }

// use runs fn on a connection. It waits for one until ctx ends or the pool's bound.
func (p *pgPool) use(ctx context.Context, fn func(*sql.Conn) error) error {
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.release()

	conn, err := p.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("no database connection: %w", err)
	}
	defer func() { _ = conn.Close() }() // hands it back
	err = fn(conn)
	if err != nil && ctx.Err() == nil && isClosed(conn) {
		return fmt.Errorf("%w: %w", errConnectionLost, err)
	}
	return err
}

// errConnectionLost: the server closed the connection before it answered.
var errConnectionLost = errors.New("the connection to the database was lost")

// isClosed asks the connection: errors do not tell, since what fn reads elsewhere
// may end, too.
func isClosed(conn *sql.Conn) bool {
	open := false
	err := conn.Raw(func(c any) error {
		open = !c.(*pgSession).Conn.Conn().IsClosed()
		return nil
	})
	return err != nil || !open
}

func (p *pgPool) take(ctx context.Context) error {
	select {
	case p.turns <- struct{}{}:
	default:
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	p.moved.Store(p.now())
	return nil
}

func (p *pgPool) release() {
	p.moved.Store(p.now())
	<-p.turns
}

// await waits for a turn. It ends early when nobody gives one back: whoever has
// them waits for a database that does not answer.
func (p *pgPool) await(ctx context.Context) error {
	if p.stuck() {
		return p.unavailable()
	}
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > p.queue {
		return p.unavailable()
	}

	began := p.now()
	defer func() {
		p.waits.Add(1)
		p.waited.Add(p.now() - began)
	}()
	timer := time.NewTimer(p.timing.stuck)
	defer timer.Stop()
	for {
		select {
		case p.turns <- struct{}{}:
			return nil
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return p.unavailable() // not the fault of a connection
			}
			return ctx.Err()
		case <-timer.C:
			left := p.timing.turn - time.Duration(p.now()-began)
			if left <= 0 || p.stuck() {
				return p.unavailable()
			}
			timer.Reset(min(left, p.timing.stuck))
		}
	}
}

func (p *pgPool) stuck() bool { return p.now()-p.moved.Load() > int64(p.timing.stuck) }

func (p *pgPool) unavailable() error {
	return fmt.Errorf("%w: all %d connections for a %s are in use", ErrUnavailable, cap(p.turns), p.name)
}

// suspect has the idle connections that are open now closed before they are used.
func (p *pgPool) suspect() { p.suspected.Store(p.now()) }

func (p *pgPool) usage() PoolStats {
	open := p.db.Stats()
	return PoolStats{
		Pool:    p.name,
		Most:    open.MaxOpenConnections,
		InUse:   open.InUse,
		Idle:    open.Idle,
		Waiting: int(p.waiting.Load()),
		Waits:   p.waits.Load(),
		Waited:  time.Duration(p.waited.Load()),
	}
}

func (e *postgreSQLEngine) usage() []PoolStats { return []PoolStats{e.reads.usage(), e.writes.usage()} }

// pgLost reports whether err says that the server had closed the connection.
func pgLost(err error) bool {
	return errors.Is(err, errConnectionLost) || errors.Is(err, driver.ErrBadConn)
}

// pgNoServer reports whether err is about a connection that could not be made.
func pgNoServer(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// pgUnanswered reports whether err says that there was no answer in time, no server,
// or one that takes no statement now.
func pgUnanswered(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) || pgLost(err) || pgNoServer(err) {
		return true
	}
	switch pgCode(err) {
	case "57P03", "53300", "53200", // cannot_connect_now, too_many_connections, out_of_memory
		"55P03", "57014": // lock_not_available and query_canceled: pgBounds
		return true
	}
	return false
}
