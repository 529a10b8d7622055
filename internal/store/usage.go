package store

import "github.com/poolhouse-id/poolhouse/internal/store/engine"

// Stats describes how the database is used.
type Stats struct {
	Pools    []PoolStats
	Commits  CommitStats
	Writable bool // the last commit or probe succeeded, or there was none
}

// PoolStats describes the use of one kind of connection.
type PoolStats = engine.PoolStats

// CommitStats describes how long successful commits took, fsync and standbys included.
type CommitStats = engine.CommitStats

// Stats returns how the database is used. It makes no query.
func (s *Store) Stats() Stats {
	return Stats{
		Pools:    s.engine.Usage(),
		Commits:  s.commits.Stats(),
		Writable: s.writable(),
	}
}
