package store_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

func TestDatabaseMetrics(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		before := s.Figure(t, `poolhouse_database_commit_seconds_count`)
		pool := s.NewPool(t)
		for range 5 {
			s.GetID(t, pool, nil)
		}

		after := s.Figures(t)
		commits := after.Of(t, `poolhouse_database_commit_seconds_count`)
		if grown := commits - before; grown < 5 {
			t.Errorf("%v commits were counted, want 5 and more", grown)
		}
		if sum := after.Of(t, `poolhouse_database_commit_seconds_sum`); sum <= 0 {
			t.Errorf("the commits took %v s", sum)
		}

		wiretest.Equal(t, "the last bucket",
			after.Of(t, `poolhouse_database_commit_seconds_bucket{le="+Inf"}`), commits)
		wiretest.Equal(t, "writable", after.Of(t, `poolhouse_database_writable`), 1)

		// One caller and the server's own writes are fewer than the connections.
		wiretest.Equal(t, "waits", after.Of(t, `poolhouse_database_waits_total{pool="write"}`), 0)
		wiretest.Equal(t, "time of waits", after.Of(t, `poolhouse_database_wait_seconds_total{pool="write"}`), 0)
		used := after.Of(t, `poolhouse_database_connections{pool="write",state="in_use"}`)
		idle := after.Of(t, `poolhouse_database_connections{pool="write",state="idle"}`)
		most := after.Of(t, `poolhouse_database_connections_max{pool="write"}`)
		if used+idle < 1 || used+idle > most {
			t.Errorf("%v connections are used and %v idle of %v", used, idle, most)
		}

		// The server's own may wait for SQLite's only connection at this moment.
		wiretest.Await(t, func() bool { return s.Figure(t, `poolhouse_database_waiting{pool="write"}`) == 0 })
	})
}

func TestDatabaseConnections(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DatabaseURL, c.MasterKey = pgtest.URL(t), bytes.Repeat([]byte{7}, 32)
		c.DatabaseConnections = 3
	})
	for _, pool := range []string{"read", "write"} {
		wiretest.Equal(t, pool, s.Figure(t, `poolhouse_database_connections_max{pool="`+pool+`"}`), 3)
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
		if err := c.Validate(); (err == nil) != test.valid ||
			err != nil && !strings.Contains(err.Error(), "database_connections") {
			t.Errorf("%d connections: %v", test.connections, err)
		}
	}
}
