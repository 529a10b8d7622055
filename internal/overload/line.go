package overload

import (
	"sync/atomic"
	"time"
)

// Line is work that waits for a few workers. It estimates how long one more piece of work
// would wait, from how many there are and how long the last ones took.
type Line struct {
	workers  atomic.Int64
	batch    int64 // pieces that a worker does at a time
	computes bool  // see Computing
	now      func() time.Time
	origin   time.Time

	crowded  atomic.Bool  // see Crowded
	present  atomic.Int64 // pieces that wait or are worked on
	service  atomic.Int64 // smoothed time that a worker needs for a batch, in ns
	progress atomic.Int64 // when work last left, or came to an empty line, in ns since origin
}

// NewLine returns a Line for workers that do up to batch pieces at a time.
func NewLine(workers, batch int, now func() time.Time) *Line {
	l := &Line{batch: int64(batch), now: now, origin: now()}
	l.workers.Store(int64(workers))
	return l
}

// Computing marks a Line whose workers only compute, and returns it. If a piece takes long
// there, the process had no processor for a while, which does not predict the next pieces.
// The workers measure themselves how long they took for a piece, and report it by Worked.
func (l *Line) Computing() *Line {
	l.computes = true
	return l
}

// Resize sets the number of workers.
func (l *Line) Resize(workers int) {
	if n := int64(workers); l.workers.Load() != n {
		l.workers.Store(n)
	}
}

// Crowded reports whether more work comes than gets done, as the Guard of the line sees
// it. Workers may then work in another way.
func (l *Line) Crowded() bool { return l.crowded.Load() }

// SetCrowded sets Crowded. It is for the Guard, and for tests.
func (l *Line) SetCrowded(crowded bool) { l.crowded.Store(crowded) }

// Ticket is a piece of work in a Line.
type Ticket struct {
	at    int64 // ns since the line's origin
	place int64 // number of pieces in the line, including this one
}

// Enter notes that a piece of work has come.
func (l *Line) Enter() Ticket {
	t := Ticket{at: l.clock(), place: l.present.Add(1)}
	if t.place == 1 {
		l.progress.Store(t.at)
	}
	return t
}

// smoothing is the weight of the past against a new measurement, which has 1.
const smoothing = 8

// Leave notes that the piece of work is done.
func (l *Line) Leave(t Ticket) {
	now := l.clock()
	l.present.Add(-1)
	l.progress.Store(now)
	if l.computes {
		return // Worked has reported the time
	}

	// Work in the nth place spent the time of n batches in the line.
	took := now - t.at
	if capacity := l.capacity(); t.place > capacity {
		took = took * capacity / t.place
	}
	l.smooth(took)
}

// Worked notes how long a worker of a computing Line took for one piece of work.
func (l *Line) Worked(d time.Duration) {
	took := int64(d)
	if before := l.service.Load(); before > 0 {
		took = min(took, 2*before) // the process may have been stopped meanwhile
	}
	l.smooth(took)
}

// smooth adds a measurement to the smoothed time.
func (l *Line) smooth(took int64) {
	before := l.service.Load()
	if before == 0 {
		l.service.Store(took)
		return
	}
	l.service.Store(before + (took-before)/smoothing) // a lost update does no harm
}

// Drop removes work that was not done, and so does not count as a measurement.
func (l *Line) Drop(Ticket) { l.present.Add(-1) }

// Wait estimates how long one more piece of work would wait.
func (l *Line) Wait() time.Duration {
	present, service := l.present.Load(), l.service.Load()

	var wait int64
	if capacity := l.capacity(); present >= capacity {
		wait = (present + 1 - capacity) * service / capacity
	}

	// All workers are busy, and nothing has finished for longer than usual: a disk or a
	// server hangs.
	if !l.computes && present >= l.workers.Load() {
		wait = max(wait, l.clock()-l.progress.Load()-service)
	}

	return time.Duration(wait)
}

// Service returns the smoothed time that a worker needs for a batch.
func (l *Line) Service() time.Duration { return time.Duration(l.service.Load()) }

func (l *Line) capacity() int64 { return l.workers.Load() * l.batch }

func (l *Line) clock() int64 { return int64(l.now().Sub(l.origin)) }
