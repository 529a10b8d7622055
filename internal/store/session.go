package store

import (
	"context"
	"database/sql"
)

// session is one SQLite connection with its prepared statements. It is used by
// one goroutine at a time. Statements run without a context: each is short, and
// an interrupt costs the driver a goroutine per statement.
type session struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func (s *session) statement(text string) (*sql.Stmt, error) {
	if st, ok := s.prepared[text]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(context.Background(), text)
	if err == nil {
		s.prepared[text] = st
	}
	return st, err
}

func (s *session) query(text string, args ...any) (*sql.Rows, error) {
	st, err := s.statement(text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(context.Background(), args...)
}

func (s *session) exec(text string, args ...any) (int64, error) {
	st, err := s.statement(text)
	if err != nil {
		return 0, err
	}
	result, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// sessions is a fixed set of sessions, lent one at a time.
type sessions struct {
	free   chan *session
	closed chan struct{}
}

func openSessions(ctx context.Context, db *sql.DB, n int) (*sessions, error) {
	db.SetMaxOpenConns(n)
	set := &sessions{free: make(chan *session, n), closed: make(chan struct{})}
	for range n {
		conn, err := db.Conn(ctx)
		if err != nil {
			for len(set.free) > 0 {
				_ = (<-set.free).conn.Close()
			}
			return nil, err
		}
		set.free <- &session{conn: conn, prepared: map[string]*sql.Stmt{}}
	}
	return set, nil
}

// take waits for a free session until ctx ends. ErrClosed: close was called.
func (s *sessions) take(ctx context.Context) (*session, error) {
	select {
	case <-s.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}

	select {
	case one := <-s.free:
		return one, nil
	case <-s.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *sessions) put(one *session) { s.free <- one }

// close waits for every session to come back and closes it.
func (s *sessions) close() {
	close(s.closed)
	for range cap(s.free) {
		one := <-s.free
		for _, st := range one.prepared {
			_ = st.Close()
		}
		_ = one.conn.Close() // the pool's Close reports what matters
	}
}
