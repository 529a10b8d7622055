package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	uniqueViolation      = "23505"
	foreignKeyViolation  = "23503"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006"
	diskFull             = "53100"
)

// advised tells how a server is used whose pooler changes connections between transactions: the statements that were
// prepared for a connection are not on the next one, or there already.
func advised(err error) error {
	switch sqlState(err) {
	case "42P05", "26000": // duplicate_prepared_statement, invalid_sql_statement_name
		return fmt.Errorf("%w; with PgBouncer use pool_mode = session, or add default_query_exec_mode=exec "+
			"to the database URL", err)
	}

	return err
}

// isLost reports whether err means that the server had closed the connection.
func isLost(err error) bool {
	return errors.Is(err, errConnectionLost) || errors.Is(err, driver.ErrBadConn)
}

// noServer reports whether err is about a connection that could not be made.
func noServer(err error) bool {
	_, ok := errors.AsType[*pgconn.ConnectError](err)
	return ok
}

// unanswered reports whether err means that there was no answer in time, no server,
// or one that takes no statements now.
func unanswered(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) || isLost(err) || noServer(err) {
		return true
	}

	switch sqlState(err) {
	case "57P03", "53300", "53200", // cannot_connect_now, too_many_connections, out_of_memory
		"55P03", "57014": // lock_not_available and query_canceled: bounds
		return true
	}

	return false
}

// refusedCommit reports whether a failed COMMIT certainly did not happen: a
// constraint or the transaction's isolation prevented it.
func refusedCommit(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return true
	}
	code := sqlState(err)
	return code == serializationFailure || code == deadlockDetected || len(code) == 5 && code[:2] == "23"
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}
