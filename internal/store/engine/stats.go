package engine

import (
	"sync/atomic"
	"time"
)

// PoolStats describes the use of one kind of connection.
type PoolStats struct {
	Pool    string // read or write
	Most    int    // most connections that there may be
	InUse   int
	Idle    int
	Waiting int           // callers that wait for a connection
	Waits   int64         // number of waits since the start
	Waited  time.Duration // sum of those waits
}

// CommitStats describes how long successful commits took, fsync and standbys included.
type CommitStats struct {
	Count   uint64
	Sum     time.Duration
	Buckets map[time.Duration]uint64 // number of commits that took at most that long
}

// commitBounds range from a fast disk's fsync to the bound of a call.
var commitBounds = [...]time.Duration{
	250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

// Histogram counts durations of commits. It is safe for concurrent use.
type Histogram struct {
	counts [len(commitBounds) + 1]atomic.Uint64 // of the durations above the bound before
	sum    atomic.Int64
}

// Observe counts one commit.
func (h *Histogram) Observe(d time.Duration) {
	n := 0
	for n < len(commitBounds) && d > commitBounds[n] {
		n++
	}
	h.counts[n].Add(1)
	h.sum.Add(int64(d))
}

// Stats returns the counts so far.
func (h *Histogram) Stats() CommitStats {
	s := CommitStats{
		Sum:     time.Duration(h.sum.Load()),
		Buckets: make(map[time.Duration]uint64, len(commitBounds)),
	}
	for n := range h.counts {
		s.Count += h.counts[n].Load()
		if n < len(commitBounds) {
			s.Buckets[commitBounds[n]] = s.Count
		}
	}

	return s
}

// LastCommit records when a commit last succeeded. It is safe for concurrent use.
type LastCommit struct {
	clock  func() time.Time
	at     atomic.Pointer[time.Time] // when it ended; nil = there was none, or a write failed since
	failed atomic.Bool               // a write failed since the last commit
}

// NewLastCommit returns a LastCommit that measures by clock.
func NewLastCommit(clock func() time.Time) *LastCommit { return &LastCommit{clock: clock} }

// Note records that a commit has succeeded.
func (c *LastCommit) Note() {
	now := c.clock()
	c.at.Store(&now)
	c.failed.Store(false)
}

// Forget records that a write has failed: an earlier success proves nothing any more.
func (c *LastCommit) Forget() {
	c.at.Store(nil)
	c.failed.Store(true)
}

// Since returns how long ago the commit ended; ok is false if there is none.
func (c *LastCommit) Since() (_ time.Duration, ok bool) {
	at := c.at.Load()
	if at == nil {
		return 0, false
	}
	return c.clock().Sub(*at), true
}

// Failed reports whether a write failed since the last commit.
func (c *LastCommit) Failed() bool { return c.failed.Load() }
