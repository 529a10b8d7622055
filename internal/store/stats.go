package store

import (
	"sync/atomic"
	"time"
)

// Stats tells how the database is used. It asks the database nothing.
type Stats struct {
	Pools    []PoolStats
	Commits  CommitStats
	Writable bool // the last commit or probe succeeded, or there was none
}

// PoolStats is the use of one kind of connection.
type PoolStats struct {
	Pool    string // read or write
	Most    int    // connections that there may be
	InUse   int
	Idle    int
	Waiting int           // callers that wait for a connection
	Waits   int64         // how often one had to, since the start
	Waited  time.Duration // for how long in all
}

// CommitStats is how long commits took that succeeded, fsync and standbys included.
type CommitStats struct {
	Count   uint64
	Sum     time.Duration
	Buckets map[time.Duration]uint64 // commits that took as long at most
}

// Stats tells how the database is used.
func (s *Store) Stats() Stats {
	return Stats{
		Pools:    s.engine.usage(),
		Commits:  s.commits.stats(),
		Writable: s.writable(),
	}
}

// commitBounds are from a fast disk's fsync to the bound of a call.
var commitBounds = [...]time.Duration{
	250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

// histogram counts durations. It is safe for concurrent use.
type histogram struct {
	counts [len(commitBounds) + 1]atomic.Uint64 // of the durations above the bound before
	sum    atomic.Int64
}

func (h *histogram) observe(d time.Duration) {
	n := 0
	for n < len(commitBounds) && d > commitBounds[n] {
		n++
	}
	h.counts[n].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) stats() CommitStats {
	s := CommitStats{Sum: time.Duration(h.sum.Load()), Buckets: make(map[time.Duration]uint64, len(commitBounds))}
	for n := range h.counts {
		s.Count += h.counts[n].Load()
		if n < len(commitBounds) {
			s.Buckets[commitBounds[n]] = s.Count
		}
	}
	return s
}

func (e *sqliteEngine) usage() []PoolStats {
	of := func(name string, s *sessions) PoolStats {
		idle := len(s.free)
		return PoolStats{Pool: name, Most: cap(s.free), InUse: cap(s.free) - idle, Idle: idle}
	}
	write := of("write", e.writer.sessions)
	write.Waiting = len(e.writer.queue)
	if e.inMemory {
		return []PoolStats{write} // one connection for all
	}
	return []PoolStats{of("read", e.readers), write}
}
