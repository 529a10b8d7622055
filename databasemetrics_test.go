package poolhouse_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
)

func TestDatabaseMetrics(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		before := s.figure(t, `poolhouse_database_commit_seconds_count`)
		pool := s.newPool(t)
		for range 5 {
			s.getID(t, pool, nil)
		}

		after := s.figures(t)
		commits := after.of(t, `poolhouse_database_commit_seconds_count`)
		if grown := commits - before; grown < 5 {
			t.Errorf("%v commits were counted, want 5 and more", grown)
		}
		if sum := after.of(t, `poolhouse_database_commit_seconds_sum`); sum <= 0 {
			t.Errorf("the commits took %v s", sum)
		}
		equal(t, "the last bucket", after.of(t, `poolhouse_database_commit_seconds_bucket{le="+Inf"}`), commits)
		equal(t, "writable", after.of(t, `poolhouse_database_writable`), 1)

		// One caller and the server's own writes are fewer than the connections.
		equal(t, "waits", after.of(t, `poolhouse_database_waits_total{pool="write"}`), 0)
		equal(t, "time of waits", after.of(t, `poolhouse_database_wait_seconds_total{pool="write"}`), 0)
		used := after.of(t, `poolhouse_database_connections{pool="write",state="in_use"}`)
		idle := after.of(t, `poolhouse_database_connections{pool="write",state="idle"}`)
		most := after.of(t, `poolhouse_database_connections_max{pool="write"}`)
		if used+idle < 1 || used+idle > most {
			t.Errorf("%v connections are used and %v idle of %v", used, idle, most)
		}

		// The server's own may wait for SQLite's only connection at this moment.
		await(t, func() bool { return s.figure(t, `poolhouse_database_waiting{pool="write"}`) == 0 })
	})
}

func TestDatabaseConnections(t *testing.T) {
	s := start(t, func(c *poolhouse.Config) {
		c.DatabaseURL, c.MasterKey = pgtest.URL(t), bytes.Repeat([]byte{7}, 32)
		c.DatabaseConnections = 3
	})
	for _, pool := range []string{"read", "write"} {
		equal(t, pool, s.figure(t, `poolhouse_database_connections_max{pool="`+pool+`"}`), 3)
	}

	for _, test := range []struct {
		connections int
		valid       bool
	}{
		{connections: -1},
		{connections: 0, valid: true},
		{connections: 1, valid: true},
		{connections: poolhouse.MaxDatabaseConnections, valid: true},
		{connections: poolhouse.MaxDatabaseConnections + 1},
	} {
		c := poolhouse.Config{DatabaseConnections: test.connections}
		if err := c.Validate(); (err == nil) != test.valid || err != nil && !strings.Contains(err.Error(), "database_connections") {
			t.Errorf("%d connections: %v", test.connections, err)
		}
	}
}
