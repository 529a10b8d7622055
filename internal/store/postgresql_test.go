package store

import (
	"database/sql"
	"log/slog"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/postgres"
)

// clients are the other clients of this database.
const clients = `pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
	AND backend_type = 'client backend'`

// waitingForLocks counts the clients that wait for a lock.
const waitingForLocks = `SELECT count(*) FROM ` + clients + ` AND wait_event_type = 'Lock'`

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
			t.Fatalf("%s is %d, not %d", query, n, want)
		}
	}
}

// A pool's removal that meets a server that hangs goes on when it answers again.
func TestDeletionGoesOnAfterAFault(t *testing.T) {
	const soon = 4 * time.Second // the bounds below, and what a busy machine adds
	direct := pgtest.URL(t)
	outside, err := sql.Open("pgx", direct)
	noError(t, err)

	defer outside.Close()

	proxy, url := pgtest.NewProxy(t, direct)

	s := open(t, Options{
		URL:          url,
		Logger:       slog.New(slog.DiscardHandler),
		ReadConns:    2,
		WriteTimeout: 1200 * time.Millisecond,
		timing: postgres.Timing{
			Connect: 700 * time.Millisecond,
			Ping:    300 * time.Millisecond,
			Read:    time.Second,
			Turn:    600 * time.Millisecond,
			Stuck:   300 * time.Millisecond,
			Lock:    500 * time.Millisecond,
			Alive:   200 * time.Millisecond,
		},
	})
	s.deletionRest = 10 * time.Millisecond

	pool := addPool(t, s)
	for range 3 {
		id := identitypool.Identity{ID: newIdentityID(), PoolID: pool}
		wantError(t, "an identity", s.CreateIdentity(t.Context(), id), nil)
	}
	proxy.Set(&pgtest.Rule{Client: "DELETE FROM logins", Action: pgtest.Swallow, Times: 1})

	began := time.Now()
	err = s.DeletePool(t.Context(), pool)
	if took := time.Since(began); took > soon {
		t.Errorf("the deletion took %s", took)
	}

	wantError(t, "the deletion", err, ErrUnfinished)
	_, err = s.Pool(t.Context(), pool)
	wantError(t, "a read of the pool", err, ErrNotFound)
	eventually(t, outside, `SELECT (SELECT count(*) FROM identities) + (SELECT count(*) FROM pools)`, 0)
}
