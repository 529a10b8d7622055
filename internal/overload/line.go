package overload

import (
	"sync/atomic"
	"time"
)

// Line is work that waits for a few workers. It estimates how long one more piece
// of work would wait, from how much is there and how long the last pieces took.
type Line struct {
	workers  atomic.Int64
	batch    int64 // pieces that a worker does at once
	computes bool  // see Computing
	now      func() time.Time
	origin   time.Time

	crowded  atomic.Bool  // see Crowded
	present  atomic.Int64 // pieces that wait or are worked on
	service  atomic.Int64 // smoothed time that a worker needs for a batch, in ns
	progress atomic.Int64 // when work left last, or came while there was none, in ns since origin
}

// NewLine returns a Line for workers that do up to batch pieces at once.
func NewLine(workers, batch int, now func() time.Time) *Line {
	l := &Line{batch: int64(batch), now: now, origin: now()}
	l.workers.Store(int64(workers))
	return l
}

// Computing says that the workers do nothing but compute, and returns the Line. What
// takes long then takes it because this process had no processor for a while, which
// tells nothing about the work after it; and the workers themselves tell how long
// they were with a piece, by Worked.
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

// Crowded reports whether more work comes than is done, as the Guard of the line sees
// it. Workers may then do it in another way.
func (l *Line) Crowded() bool { return l.crowded.Load() }

// SetCrowded is for the Guard, and for tests.
func (l *Line) SetCrowded(crowded bool) { l.crowded.Store(crowded) }

// Ticket is a piece of work in a Line.
type Ticket struct {
	at    int64 // ns since the line's origin
	place int64 // how many pieces were there, with this one
}

// Enter notes that a piece of work has come.
func (l *Line) Enter() Ticket {
	t := Ticket{at: l.clock(), place: l.present.Add(1)}
	if t.place == 1 {
		l.progress.Store(t.at)
	}
	return t
}

// smoothing is the weight of what was, beside one new measurement.
const smoothing = 8

// Leave notes that the piece of work is done.
func (l *Line) Leave(t Ticket) {
	now := l.clock()
	l.present.Add(-1)
	l.progress.Store(now)

	if l.computes {
		return // Worked has told how long it took
	}

	// Work that came in the nth place was n batches' time in the line.
	took := now - t.at
	if capacity := l.capacity(); t.place > capacity {
		took = took * capacity / t.place
	}
	l.smooth(took)
}

// Worked notes how long a worker of a computing Line was with one piece of work.
func (l *Line) Worked(d time.Duration) {
	took := int64(d)
	if before := l.service.Load(); before > 0 {
		took = min(took, 2*before) // it may have stood still in the midst of it
	}
	l.smooth(took)
}

// smooth takes a measurement into account.
func (l *Line) smooth(took int64) {
	before := l.service.Load()
	if before == 0 {
		l.service.Store(took)
		return
	}
	l.service.Store(before + (took-before)/smoothing) // a lost update does no harm
}

// Drop takes work out that was not done: it tells nothing about how long work takes.
func (l *Line) Drop(Ticket) { l.present.Add(-1) }

// Wait estimates how long one more piece of work would wait.
func (l *Line) Wait() time.Duration {
	present, service := l.present.Load(), l.service.Load()
	var wait int64
	if capacity := l.capacity(); present >= capacity {
		wait = (present + 1 - capacity) * service / capacity
	}

	// All workers are busy and nothing is finished for longer than usual: a disk or
	// a server that hangs.
	if !l.computes && present >= l.workers.Load() {
		wait = max(wait, l.clock()-l.progress.Load()-service)
	}
	return time.Duration(wait)
}

// Service returns the smoothed time that a worker needs for what it does at once.
func (l *Line) Service() time.Duration { return time.Duration(l.service.Load()) }

func (l *Line) capacity() int64 { return l.workers.Load() * l.batch }

func (l *Line) clock() int64 { return int64(l.now().Sub(l.origin)) }
