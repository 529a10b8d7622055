package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// read runs fn and counts it in the read queue, from which overload control estimates the
// wait.
func (s *Store) read(ctx context.Context, fn func(engine.Querier) error) error {
	queue := s.engine.Reads()
	ticket := queue.Enter()

	err := s.engine.Read(ctx, fn)
	leaveQueue(s.engine, queue, ticket, err)

	return err
}

// write runs fn in a transaction of at most WriteTimeout, and counts it in the write queue.
func (s *Store) write(ctx context.Context, fn func(*engine.Tx) error) error {
	queue := s.engine.Writes()
	ticket := queue.Enter()

	err := s.engine.Write(ctx, s.options.WriteTimeout, fn)
	leaveQueue(s.engine, queue, ticket, err)

	return err
}

// leaveQueue removes work that ended with err from its queue. Only a reply of the database
// counts as a measurement of its speed; a timeout or a lost connection does not.
func leaveQueue(e engine.Engine, queue *overload.Queue, ticket overload.Ticket, err error) {
	if err == nil || isAnswer(err) || e.IsViolation(err) {
		queue.Leave(ticket)
		return
	}
	queue.Drop(ticket)
}

// isAnswer reports whether err is about the data, so that the database works.
func isAnswer(err error) bool {
	answers := []error{
		ErrNotFound, ErrConflict, ErrLimit, ErrInvalid, ErrNoSealer, ErrOtherSealer, ErrLastKey, errMoved,
	}
	return slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) })
}

// collect runs a query and scans every row. It returns all rows, or an error and none.
func collect[T any](q engine.Querier, scan func(scanner) (T, error), text string, args ...any) (all []T, err error) {
	rows, err := q.Query(text, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, rows.Close()); err != nil {
			all = nil
		}
	}()

	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}

	return all, rows.Err()
}

// collectOne is collect for a query that finds at most one row. Error: ErrNotFound, about
// what, if there is none.
func collectOne[T any](
	q engine.Querier, what string, scan func(scanner) (T, error), text string, args ...any,
) (row T, err error) {
	rows, err := collect(q, scan, text, args...)
	if err == nil && len(rows) == 0 {
		err = notFound(what)
	}
	if err != nil {
		return row, err
	}

	return rows[0], nil
}

// readAll returns the rows of one query.
func readAll[T any](
	ctx context.Context, s *Store, scan func(scanner) (T, error), text string, args ...any,
) (all []T, err error) {
	err = s.read(ctx, func(q engine.Querier) (err error) {
		all, err = collect(q, scan, text, args...)
		return err
	})

	return all, err
}

// readOne is readAll for a query that finds at most one row. Error: ErrNotFound, about
// what, if there is none.
func readOne[T any](
	ctx context.Context, s *Store, what string, scan func(scanner) (T, error), text string, args ...any,
) (row T, err error) {
	err = s.read(ctx, func(q engine.Querier) (err error) {
		row, err = collectOne(q, what, scan, text, args...)
		return err
	})

	return row, err
}

// writeResult is Store.write for a transaction that has a result.
func writeResult[T any](ctx context.Context, s *Store, fn func(*engine.Tx) (T, error)) (T, error) {
	var result, none T // not named results: the write assigns result, maybe after the caller left
	err := s.write(ctx, func(t *engine.Tx) (err error) {
		result, err = fn(t)
		return err
	})
	if err != nil {
		return none, err
	}

	return result, nil
}

// scanner is the row under a cursor.
type scanner interface{ Scan(...any) error }

func scanString(row scanner) (s string, err error) { err = row.Scan(&s); return s, err }
func scanInt(row scanner) (n int64, err error)     { err = row.Scan(&n); return n, err }

// millis and fromMillis convert times to and from the form that rows have. The zero
// time is 0, so a time at the epoch itself reads as zero.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
