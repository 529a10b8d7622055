package servertest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store/storetest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// awaitReadiness asks until the status is as wanted, half a minute at most.
func awaitReadiness(t *testing.T, s *wiretest.Server, want int) wiretest.Answer {
	t.Helper()

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()

	for began := time.Now(); ; <-tick.C {
		got := s.Get(t, "/readyz")
		if got.Status == want {
			return got
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("/readyz is %d %q, want %d", got.Status, got.Body, want)
		}
	}
}

// newDataFolder makes a data folder that can be moved away.
func newDataFolder(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	return data
}

// Readiness tells the kind of a fault in one line, without the path; reads go on, and
// the process counts as alive.
func TestReadinessWithoutTheDataFolder(t *testing.T) {
	data := newDataFolder(t)
	log := &wiretest.SafeBuffer{}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir = data
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
	pool := s.NewPool(t)
	wiretest.Equal(t, "at first", s.Get(t, "/readyz").Body, "ready\n")

	if err := os.Rename(data, data+"-away"); err != nil {
		t.Fatal(err)
	}
	got := awaitReadiness(t, s, http.StatusServiceUnavailable)
	wiretest.Equal(t, "the reason", got.Body, "no writes: the database file is gone from its folder\n")
	wiretest.Equal(t, "its type", got.Header.Get("Content-Type"), "text/plain; charset=utf-8")
	wiretest.Equal(t, "readiness for reads", s.Get(t, "/readyz?reads").Status, http.StatusOK)
	wiretest.Equal(t, "health", s.Get(t, "/healthz").Status, http.StatusOK)
	wiretest.Equal(t, "writable", s.Figure(t, `poolhouse_database_writable`), 0)

	if _, err := s.Admin().DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}); err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool}); err == nil {
		t.Error("a write was acknowledged")
	}
	if text := log.String(); !strings.Contains(text, data) || strings.Count(text, "not ready") != 1 {
		t.Errorf("the log does not name the folder once:\n%s", text)
	}

	if err := os.Rename(data+"-away", data); err != nil {
		t.Fatal(err)
	}
	awaitReadiness(t, s, http.StatusOK)
	wiretest.Equal(t, "writable again", s.Figure(t, `poolhouse_database_writable`), 1)
	if _, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool}); err != nil {
		t.Errorf("writing again: %v", err)
	}

	select {
	case <-s.Failed():
		t.Errorf("the server gave up: %v", s.Failure())
	default:
	}
}

// Damaged pages end all writing, which those who run a Server hear of.
func TestReadinessOfADamagedDatabase(t *testing.T) {
	data := newDataFolder(t)
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.DataDir = data })
	pool := s.NewPool(t)
	storetest.DamageLog(t, filepath.Join(data, poolhouse.DatabaseFile+"-wal"))

	_, _ = s.Admin().DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool})
	_, _ = s.Admin().ListIdentities(t.Context(),
		&ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(1)})
	select {
	case <-s.Failed():
	case <-time.After(30 * time.Second):
		t.Fatal("the damage was not noticed")
	}

	if err := s.Failure(); !errors.Is(err, poolhouse.ErrStopped) || !strings.Contains(err.Error(), data) ||
		!strings.Contains(err.Error(), "restore") {
		t.Errorf("the cause is %v; want the path and the cure", err)
	}

	got := s.Get(t, "/readyz")
	wiretest.Equal(t, "readiness", got.Status, http.StatusServiceUnavailable)
	wiretest.Equal(t, "the reason", got.Body, "no writes: the database has damaged pages\n")
	wiretest.Equal(t, "writable", s.Figure(t, `poolhouse_database_writable`), 0)
}

// Many may ask at once and get their answer; TestProbeIsShared counts the writes.
func TestReadinessForMany(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		var group sync.WaitGroup
		began := time.Now()

		for range 20 {
			group.Go(func() {
				for range 20 {
					request, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL+"/readyz", nil)
					response, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()

					wiretest.Equal(t, "readiness", response.StatusCode, http.StatusOK)
				}
			})
		}

		group.Wait()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("400 probes took %v", took)
		}
	})
}

// A PostgreSQL server that does not take writes, as a standby, is not ready; it is
// for reads.
func TestReadinessOfReadOnlyPostgreSQL(t *testing.T) {
	url := pgtest.URL(t)
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DatabaseURL = url
		c.MasterKey = bytes.Repeat([]byte{7}, 32)
	})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	for _, statement := range []string{
		`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET ` +
			`default_transaction_read_only = on'; END $$`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> ` +
			`pg_backend_pid()`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}

	got := awaitReadiness(t, s, http.StatusServiceUnavailable)
	for began := time.Now(); !strings.Contains(got.Body, "read-only") && time.Since(began) < 30*time.Second; {
		got = s.Get(t, "/readyz") // connections that the server ended are found out first
	}
	wiretest.Equal(t, "the reason", got.Body, "no writes: the database is read-only\n")
	wiretest.Equal(t, "readiness for reads", s.Get(t, "/readyz?reads").Status, http.StatusOK)
	wiretest.Equal(t, "health", s.Get(t, "/healthz").Status, http.StatusOK)
	wiretest.Equal(t, "writable", s.Figure(t, `poolhouse_database_writable`), 0)
}
