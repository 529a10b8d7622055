package overload

import (
	"sync/atomic"
	"time"
)

// Queue is work that waits for a few workers. It estimates how long one more piece of work
// would wait, from how many there are and how long the last ones took.
type Queue struct {
	workers  atomic.Int64
	batch    int64 // pieces that a worker does at a time
	computes bool  // see Computing
	now      func() time.Time
	origin   time.Time

	crowded  atomic.Bool  // see Crowded
	present  atomic.Int64 // pieces that wait or are worked on
	service  atomic.Int64 // smoothed time that a worker needs for a batch, in ns
	progress atomic.Int64 // when work last left, or came to an empty queue, in ns since origin
}

// NewQueue returns a Queue for workers that do up to batch pieces at a time.
func NewQueue(workers, batch int, now func() time.Time) *Queue {
	q := &Queue{batch: int64(batch), now: now, origin: now()}
	q.workers.Store(int64(workers))
	return q
}

// Computing marks a Queue whose workers only compute, and returns it. If a piece takes long
// there, the process had no processor for a while, which does not predict the next pieces.
// The workers measure themselves how long they took for a piece, and report it by Worked.
func (q *Queue) Computing() *Queue {
	q.computes = true
	return q
}

// Resize sets the number of workers.
func (q *Queue) Resize(workers int) {
	if n := int64(workers); q.workers.Load() != n {
		q.workers.Store(n)
	}
}

// Crowded reports whether more work comes than gets done, as the Guard of the queue sees
// it. Workers may then work in another way.
func (q *Queue) Crowded() bool { return q.crowded.Load() }

// SetCrowded sets Crowded. It is for the Guard, and for tests.
func (q *Queue) SetCrowded(crowded bool) { q.crowded.Store(crowded) }

// Ticket is a piece of work in a Queue.
type Ticket struct {
	at    int64 // ns since the queue's origin
	place int64 // number of pieces in the queue, including this one
}

// Enter notes that a piece of work has come.
func (q *Queue) Enter() Ticket {
	t := Ticket{at: q.clock(), place: q.present.Add(1)}
	if t.place == 1 {
		q.progress.Store(t.at)
	}
	return t
}

// smoothing is the divisor of a new measurement: it counts 1/8, and the past counts 7/8.
const smoothing = 8

// Leave notes that the piece of work is done.
func (q *Queue) Leave(t Ticket) {
	now := q.clock()
	q.present.Add(-1)
	q.progress.Store(now)
	if q.computes {
		return // Worked has reported the time
	}

	// Work in the nth place was in the queue for n/capacity batches, or for one if a worker
	// was free.
	took := now - t.at
	if capacity := q.capacity(); t.place > capacity {
		took = took * capacity / t.place
	}
	q.smooth(took)
}

// Worked notes how long a worker of a computing Queue took for one piece of work.
func (q *Queue) Worked(d time.Duration) {
	took := int64(d)
	if before := q.service.Load(); before > 0 {
		took = min(took, 2*before) // the process may have been stopped meanwhile
	}
	q.smooth(took)
}

// smooth adds a measurement to the smoothed time.
func (q *Queue) smooth(took int64) {
	before := q.service.Load()
	if before == 0 {
		q.service.Store(took)
		return
	}
	q.service.Store(before + (took-before)/smoothing) // a lost update does no harm
}

// Drop removes work that was not done, and so does not count as a measurement.
func (q *Queue) Drop(Ticket) { q.present.Add(-1) }

// Wait estimates how long one more piece of work would wait.
func (q *Queue) Wait() time.Duration {
	present, service := q.present.Load(), q.service.Load()

	var wait int64
	if capacity := q.capacity(); present >= capacity {
		wait = (present + 1 - capacity) * service / capacity
	}

	// All workers are busy, and nothing has finished for longer than usual: a disk or a
	// server hangs.
	if !q.computes && present >= q.workers.Load() {
		wait = max(wait, q.clock()-q.progress.Load()-service)
	}

	return time.Duration(wait)
}

// Service returns the smoothed time that a worker needs for a batch.
func (q *Queue) Service() time.Duration { return time.Duration(q.service.Load()) }

func (q *Queue) capacity() int64 { return q.workers.Load() * q.batch }

func (q *Queue) clock() int64 { return int64(q.now().Sub(q.origin)) }
