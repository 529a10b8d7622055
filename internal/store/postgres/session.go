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

// connector and dialToConnect let the driver dial for connections and for
// nothing else. When a context ends it would dial to send a cancel request,
// which turns a commit that waits for a standby into a visible one that a
// failover loses; without the request it just closes the connection.
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
		_ = s.Close() // nothing was asked of it
		return nil, fmt.Errorf("preparing a connection: %w", err)
	}
	return s, nil
}

// serverBounds are what the server does to a statement that takes long; 0 = nothing.
// A caller that leaves closes its socket and sends no cancel request, so without
// them the server's process would go on, and wait for a lock as long as somebody
// has it: such processes use up max_connections.
type serverBounds struct {
	lock      time.Duration
	statement time.Duration // not where something commits: it would end the waiting for a standby, too
}

// bound sets the bounds of a new session, and has the server look whether the client
// is still there. The latter needs PostgreSQL 14, and a system that can tell; without
// it the bounds alone end a statement. Not as parameters of the start-up message,
// which a server that does not know one, or PgBouncer, refuses.
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
		return nil // not on this system
	}
	return err
}

// setBounds sets both bounds in milliseconds, $3: for the transaction alone.
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

// dialer notices a server's machine that is gone within about 15 seconds, also
// where a statement may take any time.
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

// unacknowledged is how long what was sent may go without the other machine's
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

// session is a connection of a pool. Before it is used again it finds out whether
// the server has closed it, so that nothing is sent into the void.
type session struct {
	*stdlib.Conn
	pool         *pool
	opened, used int64 // by now
}

// ResetSession is called before each use but the first (driver.SessionResetter).
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
		if ctx.Err() == nil { // otherwise the caller's time was too short to tell
			s.pool.suspect()
		}
		return driver.ErrBadConn
	}
	return nil
}

// IsValid is called when a connection is handed back (driver.Validator). It reports
// whether the connection is open, with no transaction on it.
func (s *session) IsValid() bool {
	s.used = s.pool.now()
	conn := s.Conn.Conn()
	return !conn.IsClosed() && conn.PgConn().TxStatus() == 'I'
}

// Close is called when a connection is given up. One that the driver has closed, since
// a context ended amid a statement, stays open for 15 seconds more for what the server
// may still send; the server then cannot tell that its client is gone.
func (s *session) Close() error {
	conn := s.Conn.Conn()
	if !conn.IsClosed() {
		return s.Conn.Close()
	}
	_ = socketOf(conn.PgConn().Conn()).Close() // which may be closed by now
	return nil
}

// readable reports whether a connection on which nothing is asked has something to
// read: its end, or what the server said before it closed.
func readable(c net.Conn) bool { return hasInput(socketOf(c)) }

func socketOf(c net.Conn) net.Conn {
	if encrypted, ok := c.(*tls.Conn); ok {
		return encrypted.NetConn()
	}
	return c
}
