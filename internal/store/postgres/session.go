package postgres

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connector and dialToConnect let the driver dial for connections only. When a
// context ends, the driver would dial to send a cancel request. That turns a commit
// that waits for a standby into a visible one that a failover loses. Without the
// request the driver just closes the connection.
type connector struct {
	driver.Connector
	pool *pool
}

type connecting struct{}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	began := c.pool.now()
	conn, err := c.Connector.Connect(context.WithValue(ctx, connecting{}, true))
	if err != nil {
		return nil, err
	}
	s := &session{
		Conn:   conn.(*stdlib.Conn),
		pool:   c.pool,
		opened: began,
		used:   c.pool.now(),
	}

	ctx, cancel := context.WithTimeout(ctx, c.pool.timing.Connect)
	defer cancel()

	if err := s.bound(ctx); err != nil {
		if s.Conn.Conn().IsClosed() && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", errConnectionLost, err)
		}
		_ = s.Close() // it has no unfinished work
		return nil, fmt.Errorf("preparing a connection: %w", err)
	}

	return s, nil
}

// serverBounds has the bounds after which the server ends a statement; 0 = never.
// A caller that leaves closes its socket and sends no cancel request. Without bounds
// the server's process would go on, and wait for a lock as long as somebody has it.
// Such processes use up max_connections.
type serverBounds struct {
	lock      time.Duration
	statement time.Duration // 0 where something commits: it would end the wait for a standby, too
}

// bound sets the bounds of a new session, and makes the server check whether the
// client is still there. The check needs PostgreSQL 14 and a system that supports it;
// without it only the bounds end a statement. They are not parameters of the start-up
// message, because PgBouncer, or a server that does not know one, refuses those.
func (s *session) bound(ctx context.Context) error {
	conn, bounds := s.Conn.Conn(), s.pool.bounds
	_, err := conn.Exec(ctx, setBounds,
		pgx.QueryExecModeExec, inMillis(bounds.lock), inMillis(bounds.statement), false)
	if err != nil {
		return err
	}

	_, err = conn.Exec(ctx, `SELECT set_config(name, $1, FALSE) FROM pg_settings
		WHERE name = 'client_connection_check_interval' AND setting = '0'`,
		pgx.QueryExecModeExec, inMillis(s.pool.timing.Alive))
	if sqlState(err) != "" {
		return nil // this system does not support it
	}

	return err
}

// setBounds sets both bounds in milliseconds. With $3 they hold for the transaction
// only.
const setBounds = `SELECT set_config('lock_timeout', $1, $3), set_config('statement_timeout', $2, $3)`

func inMillis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

var errNoCancelRequests = errors.New("cancel requests are not sent")

func dialToConnect(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if ctx.Value(connecting{}) == nil {
			return nil, errNoCancelRequests
		}
		return dial(ctx, network, addr)
	}
}

// dialer notices within about 15 seconds that a server's machine is gone, also where
// a statement may take any time.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{
			Enable:   true,
			Idle:     5 * time.Second,
			Interval: 3 * time.Second,
			Count:    3,
		},
		Control: limitUnacknowledged,
	}
}

// unacknowledged bounds how long sent data may go without the other machine's
// acknowledgement (TCP_USER_TIMEOUT).
const unacknowledged = 15 * time.Second

// addressOf names the servers of a URL, without user and password.
func addressOf(c *pgx.ConnConfig) string {
	named := []string{fmt.Sprintf("%s:%d", c.Host, c.Port)}
	for _, f := range c.Fallbacks { // one server may be tried with and without TLS
		if name := fmt.Sprintf("%s:%d", f.Host, f.Port); name != named[len(named)-1] {
			named = append(named, name)
		}
	}
	return strings.Join(named, ", ")
}

// session is a connection of a pool. Before it is used again, it finds out whether
// the server has closed it, so that no statement is lost.
type session struct {
	*stdlib.Conn
	pool         *pool
	opened, used int64 // times by pool.now
}

// ResetSession checks a connection before each use except the first
// (driver.SessionResetter).
func (s *session) ResetSession(ctx context.Context) error {
	idle := time.Duration(s.pool.now() - s.used)
	if !s.IsValid() || s.opened <= s.pool.suspected.Load() {
		return driver.ErrBadConn
	}
	pg := s.Conn.Conn().PgConn()
	if idle < s.pool.timing.Idle && !readable(pg.Conn()) {
		return nil
	}

	bounded, cancel := context.WithTimeout(ctx, s.pool.timing.Ping)
	defer cancel()

	if err := pg.Ping(bounded); err != nil {
		if ctx.Err() == nil { // otherwise the caller's time was too short to know
			s.pool.suspect()
		}
		return driver.ErrBadConn
	}

	return nil
}

// IsValid checks a connection that is handed back (driver.Validator). It reports
// whether the connection is open, with no transaction on it.
func (s *session) IsValid() bool {
	s.used = s.pool.now()
	conn := s.Conn.Conn()
	return !conn.IsClosed() && conn.PgConn().TxStatus() == 'I'
}

// Close ends a connection that is given up. If a context ended amid a statement, the
// driver has closed the connection but keeps its socket open for 15 seconds, for data
// that the server may still send. The server then cannot notice that its client is
// gone, so Close closes the socket.
func (s *session) Close() error {
	conn := s.Conn.Conn()
	if !conn.IsClosed() {
		return s.Conn.Close()
	}
	_ = socketOf(conn.PgConn().Conn()).Close() // it may already be closed
	return nil
}

// readable reports whether a connection without a running statement has something to
// read: its end, or what the server sent before it closed.
func readable(c net.Conn) bool { return hasInput(socketOf(c)) }

func socketOf(c net.Conn) net.Conn {
	if encrypted, ok := c.(*tls.Conn); ok {
		return encrypted.NetConn()
	}
	return c
}
