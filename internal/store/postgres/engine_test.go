package postgres

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// withAbsentStandby opens a store whose commits wait for a standby that is not
// there, and a second connection to look at the database from outside.
func withAbsentStandby(t *testing.T, limit time.Duration) (s *notes, pool string, outside *sql.DB) {
	t.Helper()
	url := pgtest.URL(t)
	quiet := slog.New(slog.DiscardHandler)
	setup := open(t, Options{URL: url, Logger: quiet}, time.Minute)
	pool = addPool(t, setup)
	outside, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = outside.Close() })
	if _, err := outside.ExecContext(t.Context(),
		`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit `+
			`= on'; END $$`); err != nil {
		t.Fatal(err)
	}
	s, err = openNotes(t.Context(), Options{URL: url, Logger: quiet}, limit)
	if err != nil {
		t.Fatal(err)
	}

	return s, pool, outside
}

// clients are the other clients of this database. An autovacuum worker is none, though
// its commit waits for a standby too where the database alone asks for that.
const clients = `pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
	AND backend_type = 'client backend'`

// waitingCommits counts the clients that wait for a standby.
const waitingCommits = `SELECT count(*) FROM ` + clients + ` AND wait_event = 'SyncRep'`

// waitingForLocks counts the clients that wait for a lock.
const waitingForLocks = `SELECT count(*) FROM ` + clients + ` AND wait_event_type = 'Lock'`

// endWaiting ends the waiting for a standby, which makes the commits visible. It
// counts the clients for whom the server does something, these among them.
const endWaiting = `SELECT count(CASE WHEN wait_event = 'SyncRep' THEN pg_cancel_backend(pid) ELSE TRUE END)
	FROM ` + clients + ` AND state = 'active'`

// eventually polls a count until it is want.
func eventually(t *testing.T, db *sql.DB, query string, want int) {
	t.Helper()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()

	limit := time.After(30 * time.Second)
	for {
		var n int
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}

		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s is %d, not %d\n%s", query, n, want, activity(t, db))
		}
	}
}

// activity shows what the server's processes do, for a test that failed.
func activity(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT concat_ws(' | ', pid, datname, backend_type, state,
			wait_event_type, wait_event, 'blocked by ' || pg_blocking_pids(pid)::text,
			'since ' || (clock_timestamp() - state_change)::text, left(query, 150))
		FROM pg_stat_activity ORDER BY datname IS DISTINCT FROM current_database(), pid`)
	noError(t, err)

	defer rows.Close()

	var lines []string
	for rows.Next() {
		var line string
		noError(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	noError(t, rows.Err())

	return strings.Join(lines, "\n")
}

// A caller that leaves, and the server's own limit, must not make a commit
// visible that no standby has: a failover would lose what others have seen.
func TestLeavingNeverExposesAnUnreplicatedCommit(t *testing.T) {
	s, _, outside := withAbsentStandby(t, 300*time.Millisecond)
	visible := func() (n int) {
		t.Helper()
		if err := outside.QueryRowContext(t.Context(), `SELECT count(*) FROM identities`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		left <- s.add(ctx, newID())
	}()
	eventually(t, outside, waitingCommits, 1)
	cancel()
	err := <-left
	wantError(t, "a caller that left", err, engine.ErrIndeterminate)
	wantError(t, "a caller that left", err, context.Canceled)

	err = s.add(t.Context(), newID())
	wantError(t, "at the limit", err, engine.ErrIndeterminate)
	wantError(t, "Close", s.Close(), nil) // waits for the writes' own ends
	eventually(t, outside, waitingCommits, 2)
	if n := visible(); n != 0 {
		t.Errorf("%d rows are visible that no standby has", n)
	}

	// The control: a cancel request exposes them. Otherwise the test above would prove
	// nothing.
	if _, err := outside.ExecContext(t.Context(), endWaiting); err != nil {
		t.Fatal(err)
	}
	eventually(t, outside, `SELECT count(*) FROM identities`, 2)
}

// An administrator who ends the waiting turns the commit into one that the
// server calls successful. It is not acknowledged.
func TestUnreplicatedCommitIsNotAcknowledged(t *testing.T) {
	s, _, outside := withAbsentStandby(t, time.Minute)
	defer func() { wantError(t, "Close", s.Close(), nil) }()

	done := make(chan error, 1)
	id := newID()
	go func() { done <- s.add(t.Context(), id) }()
	eventually(t, outside, waitingCommits, 1)
	if _, err := outside.ExecContext(t.Context(), endWaiting); err != nil {
		t.Fatal(err)
	}
	err := <-done
	wantError(t, "the write", err, engine.ErrIndeterminate)
	wantError(t, "the write", err, errUnreplicated)
	if err := s.find(t.Context(), id); err != nil {
		t.Errorf("it is there, though not acknowledged: %v", err)
	}

	// The mark is gone with its answer.
	if _, err := outside.ExecContext(t.Context(),
		`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit `+
			`= local'; END $$`); err != nil {
		t.Fatal(err)
	}

	fresh := open(t, Options{URL: s.url}, time.Minute)
	wantError(t, "a later write", fresh.add(t.Context(), newID()), nil)
}

// A server that goes away during a commit leaves its outcome unknown, before it
// nothing; and the store works again when the server does.
func TestLostConnections(t *testing.T) {
	s, pool, outside := withAbsentStandby(t, time.Minute)
	defer func() { wantError(t, "Close", s.Close(), nil) }()

	const terminate = `SELECT pg_terminate_backend(pid) FROM ` + clients

	done := make(chan error, 1)
	go func() {
		done <- s.add(t.Context(), newID())
	}()
	eventually(t, outside, waitingCommits, 1)
	if _, err := outside.ExecContext(t.Context(), terminate); err != nil {
		t.Fatal(err)
	}
	wantError(t, "a write whose commit was cut off", <-done, engine.ErrIndeterminate)

	err := s.Write(t.Context(), s.limit, func(q *engine.Tx) error {
		if _, err := outside.ExecContext(t.Context(), terminate); err != nil {
			t.Fatal(err)
		}
		return insertNote(q, newID())
	})
	if err == nil || errors.Is(err, engine.ErrIndeterminate) {
		t.Errorf("a write that was cut off before its commit: %v", err)
	}
	if _, err := s.pool(t.Context(), pool); err != nil {
		if _, err = s.pool(t.Context(), pool); err != nil { // the first one may meet the dead connection
			t.Errorf("reading again: %v", err)
		}
	}
}

// Transactions that the server ends in favour of others are run again.
func TestDeadlocksAreRunAgain(t *testing.T) {
	s := open(t, Options{URL: pgtest.URL(t)}, time.Minute)
	a, b := addPool(t, s), addPool(t, s)
	touch := func(t *engine.Tx, id string) error {
		_, err := t.Exec(`UPDATE pools SET version = version + 1 WHERE pool_id = $1`, id)
		return err
	}

	met := make(chan struct{}, 2)
	both := make(chan struct{})
	go func() {
		<-met
		<-met
		close(both)
	}()

	done := make(chan error, 2)
	for _, order := range [][2]string{{a, b}, {b, a}} {
		first := true
		go func() {
			done <- s.Write(t.Context(), s.limit, func(q *engine.Tx) error {
				if err := touch(q, order[0]); err != nil {
					return err
				}
				if first { // each holds one row before either reaches for the other
					first = false

					met <- struct{}{}
					<-both
				}

				return touch(q, order[1])
			})
		}()
	}

	for range 2 {
		wantError(t, "a transaction of a deadlock", <-done, nil)
	}

	for _, id := range []string{a, b} {
		if version, err := s.pool(t.Context(), id); err != nil || version != 3 {
			t.Errorf("version %d, %v; want 3", version, err)
		}
	}
}

// A node that starts while another one migrates waits for it.
func TestMigrationsTakeTurns(t *testing.T) {
	url := pgtest.URL(t)
	outside, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()

	other, err := outside.Conn(t.Context())

	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		s, err := openNotes(t.Context(), Options{URL: url}, time.Minute)
		if err == nil {
			err = s.Close()
		}

		opened <- err
	}()

	eventually(t, outside, waitingForLocks, 1)
	eventually(t, outside, `SELECT count(*) FROM pg_tables WHERE tablename = 'pools'`, 0)
	if _, err := other.ExecContext(t.Context(), `SELECT pg_advisory_unlock($1)`, migrationLock); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Open after the other one is done", <-opened, nil)
}

// A start through a pooler that changes connections between transactions leaves no lock behind: the next node would
// wait for it for ever.
func TestMigrationLeavesNoLock(t *testing.T) {
	url := pgtest.URL(t)
	behind := pgtest.PgBouncer(t, url, pgtest.TransactionPooling) + "&default_query_exec_mode=exec"
	busy, err := sql.Open("pgx", behind)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()

	o := Options{
		URL:       behind,
		ReadConns: 2,
		Logger:    slog.New(slog.DiscardHandler),
		Clock:     time.Now,
		Commits:   &engine.Histogram{},
	}
	var others []*sql.Tx
	o.Prepare = func(ctx context.Context, _ *sql.DB) error {
		for range 8 { // other clients take the connections that are free
			tx, err := busy.BeginTx(t.Context(), nil)
			if err == nil {
				_, err = tx.ExecContext(ctx, `SELECT 1`)
			}
			if err != nil {
				return err
			}
			others = append(others, tx)
		}
		return nil
	}
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, tx := range others {
		wantError(t, "Rollback", tx.Rollback(), nil)
	}

	outside, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()

	eventually(t, outside, `SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
		WHERE locktype = 'advisory' AND d.datname = current_database()`, 0)
	wantError(t, "Close", e.Close(), nil)
}

// Without the setting for it, a start behind transaction pooling says what to do.
func TestPreparedBehindAPooler(t *testing.T) {
	behind := pgtest.PgBouncer(t, pgtest.URL(t), pgtest.TransactionPooling)
	look := func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, `SELECT $1::int`, 1)
		return err
	}
	wantError(t, "the first client", Look(t.Context(), behind, look), nil)
	if err := Look(t.Context(), behind, look); err == nil || // its statement has the name of the first one's
		!strings.Contains(err.Error(), "add default_query_exec_mode=exec to the database URL") {
		t.Errorf("the second client: %v", err)
	}
	wantError(t, "with the setting", Look(t.Context(), behind+"&default_query_exec_mode=exec", look), nil)
}

// A connection of a pool keeps no notifications, which nobody would read.
func TestPoolsKeepNoNotifications(t *testing.T) {
	s := open(t, Options{URL: pgtest.URL(t)}, time.Minute)
	conn, err := s.reads.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	for _, text := range []string{`LISTEN news`, `NOTIFY news`, `SELECT 1`} {
		if _, err := conn.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	err = conn.Raw(func(c any) error {
		_, err := c.(*session).Conn.Conn().WaitForNotification(ended) // fails if nothing is kept
		return err
	})
	if err == nil {
		t.Error("a notification is kept")
	}
}

// The injected clock measures, so that no answer depends on when a test runs.
func TestPostgreSQLMeasuresByItsClock(t *testing.T) {
	var ahead atomic.Int64 // of a fixed time
	clock := func() time.Time { return time.UnixMilli(1767323045678).Add(time.Duration(ahead.Load())) }
	s := open(t, Options{URL: pgtest.URL(t), Clock: clock}, time.Minute)
	ahead.Add(int64(time.Hour))
	addPool(t, s)
	ahead.Add(int64(time.Minute))
	if since, ok := s.LastCommit().Since(); !ok || since != time.Minute {
		t.Errorf("the last commit was %s ago, %t", since, ok)
	}
}
