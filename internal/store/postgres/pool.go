package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Timing bounds the waits for PostgreSQL; zero fields are the defaults.
type Timing struct {
	Start   time.Duration // bound of the wait for the first answer
	Connect time.Duration // bound of connecting to one server: dial, TLS, authentication
	Ping    time.Duration // bound of the ping of a connection that was unused for a while
	Read    time.Duration // bound of a read with all its statements
	Turn    time.Duration // bound of the wait for one of the pool's connections
	Lock    time.Duration // bound of a statement's wait for a lock, kept by the server
	Alive   time.Duration // time between the server's checks that a statement's client is there
	Stuck   time.Duration // time after which a pool that moves no connection refuses
	Idle    time.Duration // time after which a connection is pinged before it is used
}

func (t Timing) withDefaults() Timing {
	t.Start = cmp.Or(t.Start, 10*time.Second)
	t.Connect = cmp.Or(t.Connect, 2*time.Second)
	t.Ping = cmp.Or(t.Ping, time.Second)
	t.Read = cmp.Or(t.Read, engine.ReadTimeout)
	t.Turn = cmp.Or(t.Turn, 2*time.Second)
	t.Lock = cmp.Or(t.Lock, engine.ReadTimeout)
	t.Alive = cmp.Or(t.Alive, time.Second)
	t.Stuck = cmp.Or(t.Stuck, time.Second)
	t.Idle = cmp.Or(t.Idle, time.Second)

	return t
}

// pool has the connections for reads or for writes. There are as many turns as
// connections. A caller takes a turn before it asks database/sql for a connection,
// because database/sql would let it wait without a bound.
type pool struct {
	name   string
	db     *sql.DB
	turns  chan struct{} // full while all connections are used
	queue  int64         // number of callers that may wait
	timing Timing
	bounds serverBounds
	clock  func() time.Time
	origin time.Time

	suspected atomic.Int64 // time, by now, when the open connections were last given up
	moved     atomic.Int64 // time, by now, when a turn was last taken or given back
	waiting   atomic.Int64
	waits     atomic.Int64
	waited    atomic.Int64 // nanoseconds
}

// connLifetime limits the age of connections, so that new ones spread over the
// servers of a cluster.
const connLifetime = 30 * time.Minute

func newPool(name string, config pgx.ConnConfig, o Options, timing Timing, bounds serverBounds) *pool {
	p := &pool{
		name:   name,
		turns:  make(chan struct{}, o.ReadConns),
		queue:  int64(o.WriteQueue),
		timing: timing,
		bounds: bounds,
		clock:  o.Clock,
		origin: o.Clock(),
	}
	// A pooler may give this pool the connection on which another client has called LISTEN. The driver would keep what
	// arrives for ever.
	config.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {}
	p.db = sql.OpenDB(connector{Connector: stdlib.GetConnector(config), pool: p})
	p.db.SetMaxOpenConns(o.ReadConns)
	p.db.SetMaxIdleConns(o.ReadConns)
	p.db.SetConnMaxLifetime(connLifetime)

	return p
}

// now returns a monotonic time that fits an atomic integer.
func (p *pool) now() int64 { return int64(p.clock().Sub(p.origin)) }

// use runs fn on a connection. It waits for one until ctx ends or the pool's bound is
// reached.
func (p *pool) use(ctx context.Context, fn func(*sql.Conn) error) error {
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

// errConnectionLost means that the server closed the connection before it answered.
var errConnectionLost = errors.New("the connection to the database was lost")

// isClosed asks the connection. Errors do not show it, because something else that fn
// reads may end, too.
func isClosed(conn *sql.Conn) bool {
	open := false
	err := conn.Raw(func(c any) error {
		open = !c.(*session).Conn.Conn().IsClosed()
		return nil
	})
	return err != nil || !open
}

func (p *pool) take(ctx context.Context) error {
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

func (p *pool) release() {
	p.moved.Store(p.now())
	<-p.turns
}

// await waits for a turn. It ends early when nobody gives one back: then the callers
// that have them wait for a database that does not answer.
func (p *pool) await(ctx context.Context) error {
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

	timer := time.NewTimer(p.timing.Stuck)
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
			left := p.timing.Turn - time.Duration(p.now()-began)
			if left <= 0 || p.stuck() {
				return p.unavailable()
			}
			timer.Reset(min(left, p.timing.Stuck))
		}
	}
}

func (p *pool) stuck() bool { return p.now()-p.moved.Load() > int64(p.timing.Stuck) }

func (p *pool) unavailable() error {
	return fmt.Errorf("%w: all %d connections for a %s are in use", engine.ErrUnavailable, cap(p.turns), p.name)
}

// suspect makes the pool close its idle connections before it uses them again.
func (p *pool) suspect() { p.suspected.Store(p.now()) }

func (p *pool) usage() engine.PoolStats {
	open := p.db.Stats()

	return engine.PoolStats{
		Pool:    p.name,
		Most:    open.MaxOpenConnections,
		InUse:   open.InUse,
		Idle:    open.Idle,
		Waiting: int(p.waiting.Load()),
		Waits:   p.waits.Load(),
		Waited:  time.Duration(p.waited.Load()),
	}
}
