package sqlite

import (
	"context"
	"database/sql"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// connection is one SQLite connection with its prepared statements. It is used by
// one goroutine at a time. Statements run without a context: each is short, and
// an interrupt costs the driver a goroutine per statement.
type connection struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt // cache: prepared statements
}

func (c *connection) statement(text string) (*sql.Stmt, error) {
	if st, ok := c.prepared[text]; ok {
		return st, nil
	}
	st, err := c.conn.PrepareContext(context.Background(), text)
	if err == nil {
		c.prepared[text] = st
	}
	return st, err
}

// Query implements engine.Querier.
func (c *connection) Query(text string, args ...any) (*sql.Rows, error) {
	st, err := c.statement(text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(context.Background(), args...)
}

// Exec implements engine.Querier.
func (c *connection) Exec(text string, args ...any) (int64, error) {
	st, err := c.statement(text)
	if err != nil {
		return 0, err
	}
	result, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}

	return result.RowsAffected()
}

// row runs a query and scans its first row.
func (c *connection) row(text string, values ...any) (err error) {
	st, err := c.statement(text)
	if err != nil {
		return err
	}
	return st.QueryRowContext(context.Background()).Scan(values...)
}

// connections is a fixed set of connections, lent one at a time.
type connections struct {
	free   chan *connection
	closed chan struct{}
}

func openConnections(ctx context.Context, db *sql.DB, n int) (*connections, error) {
	db.SetMaxOpenConns(n)

	set := &connections{free: make(chan *connection, n), closed: make(chan struct{})}
	for range n {
		conn, err := db.Conn(ctx)
		if err != nil {
			for len(set.free) > 0 {
				_ = (<-set.free).conn.Close()
			}
			return nil, err
		}

		set.free <- &connection{conn: conn, prepared: map[string]*sql.Stmt{}}
	}

	return set, nil
}

// take waits for a free connection until ctx ends. Error: ErrClosed after close.
func (set *connections) take(ctx context.Context) (*connection, error) {
	select {
	case <-set.closed:
		return nil, engine.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}

	select {
	case one := <-set.free:
		return one, nil
	case <-set.closed:
		return nil, engine.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (set *connections) put(one *connection) { set.free <- one }

// close waits for every connection to come back and closes it.
func (set *connections) close() {
	close(set.closed)

	for range cap(set.free) {
		one := <-set.free
		for _, st := range one.prepared {
			_ = st.Close()
		}
		_ = one.conn.Close() // the pool's Close reports the errors that matter
	}
}
