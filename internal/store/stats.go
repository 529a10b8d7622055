package store

import "github.com/poolhouse-id/poolhouse/internal/store/engine"

// Stats tells how the database is used. It asks the database nothing.
type Stats struct {
	Pools    []PoolStats
	Commits  CommitStats
	Writable bool // the last commit or probe succeeded, or there was none
}

// PoolStats is the use of one kind of connection.
type PoolStats = engine.PoolStats

// CommitStats is how long commits took that succeeded, fsync and standbys included.
type CommitStats = engine.CommitStats

// Stats tells how the database is used.
func (s *Store) Stats() Stats {
	return Stats{
		Pools:    s.engine.Usage(),
		Commits:  s.commits.Stats(),
		Writable: s.writable(),
	}
}
