// Package overload refuses calls before their work if they would wait too long. A server
// that accepts more than it can do answers everybody late; one that refuses the rest at
// once keeps its full rate.
//
// A Queue measures the waiting where the work is done: in the signer, in the store. A
// Guard decides for each class of calls, from the queues and from how long goroutines
// wait for a processor. Start at Guard.Admit.
package overload

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options configures a Guard.
type Options struct {
	// MaxWait is how long calls of a class may wait while more come than can be answered;
	// 0 = no call is refused for waiting.
	MaxWait time.Duration
	// Queues has the queue that each class of calls waits in; nil = only for processors.
	Queues map[Class]*Queue
	// Database is the queue that calls of all classes join now and then; nil = none.
	Database *Queue
	// Delay measures how long goroutines waited for a processor since its last call. Calls
	// of it never overlap.
	Delay  func() time.Duration
	Now    func() time.Time
	Logger *slog.Logger // nil = none
}

// Guard decides which calls to refuse before their work.
//
// A class has two bounds for its waiting:
//
//	3 windows, or 2 with a long wait, in which calls came faster than answers or were refused
//	patient ──────────────────────────────────────────────────────────────────────────► strict
//	10 x MaxWait                                                                       MaxWait
//	        ◄──────────────────────────────────────────────────────────────────────────
//	                        no refusal and no such growth for a second
//
// The longer bound is for clients that wait for answers, and for short bursts: the waiting
// does not grow, and refusing calls would leave the server idle later. The bound is never
// less than one piece of work, or workers would be idle between two calls.
type Guard struct {
	maxWait  time.Duration
	database *Queue
	delay    func() time.Duration
	now      func() time.Time
	origin   time.Time
	logger   *slog.Logger
	classes  [numClasses]classState

	mu       sync.Mutex   // held while a window is closed
	closed   atomic.Int64 // when the last window was closed, in ns since origin
	lateness atomic.Int64 // wait for a processor in the last window, in ns
	reported atomic.Int64 // when refusals were last logged, in ns since origin; 0 = never
}

// classState has the counts and bounds of a class of calls.
type classState struct {
	queue          *Queue
	atMost         int64         // most calls in flight
	maxLateness    time.Duration // bound of the wait for a processor
	extended       bool          // the queue's bound is always the longer one
	databaseFactor int64         // how many times the longer bound a call may wait for the database

	inFlight   atomic.Int64
	refused    [numReasons]atomic.Uint64
	unreported [numReasons]atomic.Int64 // refusals that are not logged yet

	// Counts of the current window.
	came, answered, turnedAway atomic.Int64

	strict         atomic.Bool  // MaxWait is the bound of the queue
	share          atomic.Int64 // this many of shares calls are admitted
	turn           atomic.Int64
	growingWindows int // windows in a row in which more calls came than were answered
	lateWindows    int // windows in a row in which processors were late
	onTimeWindows  int // windows in a row in which they were not
	calm           time.Duration
}

const (
	// window is how long calls are counted before the counts are evaluated.
	window = 20 * time.Millisecond
	// patience is the longer bound of the waiting, in MaxWaits. RSA signatures for 64
	// clients on two processors stay below it.
	patience = 10
	// trendWindows is the number of windows in a row that make a trend; a burst takes one or
	// two.
	trendWindows = 3
	// earlyTrendWindows are enough once the waiting has reached earlyTrendWait times MaxWait:
	// calls admitted until then wait as long, and most bursts fit into one window.
	earlyTrendWindows = 2
	earlyTrendWait    = 3
	// recoveryWindows is the number of windows after which one more share is admitted while
	// processors are nearly late.
	recoveryWindows = 10
	// calmFor is how long no call may be refused before the longer bound applies again.
	calmFor = time.Second
	// shares is the number of steps in which calls are refused when processors are late.
	// One share is always admitted.
	shares = 8
	// slack is how many more calls may come in a window than are answered before that
	// counts as growth, because batches vary.
	slack = 4
	// commits is how many of the database's own commit times a write may always wait: a
	// slow disk is not an overload.
	commits = 4
)

// Bounds of the calls in flight. They bound memory, whatever the calls wait for.
const (
	manyInFlight    = 4096
	signingInFlight = 2048
	proofInFlight   = 2048
	signedInFlight  = 512
)

// NewGuard returns a Guard.
func NewGuard(o Options) *Guard {
	g := &Guard{
		maxWait:  o.MaxWait,
		database: o.Database,
		delay:    o.Delay,
		now:      o.Now,
		origin:   o.Now(),
		logger:   cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
	}
	longer := patience * o.MaxWait
	g.classes[Reads] = classState{
		atMost:         manyInFlight,
		maxLateness:    2 * o.MaxWait, // signatures delay others by MaxWait
		databaseFactor: 1,
	}
	g.classes[Writes] = classState{
		atMost:         manyInFlight,
		maxLateness:    2 * o.MaxWait,
		extended:       true, // they wait for processors first, and disks are irregular
		databaseFactor: 1,
	}
	g.classes[Signing] = classState{
		atMost:         signingInFlight,
		maxLateness:    longer, // many refusals make processors late, and signatures must go on then
		databaseFactor: 1,
	}

	// Anybody can make up an access key, and each is looked up in the database. Public
	// calls alone do not reach the bounds of these classes.
	g.classes[Authentication] = classState{
		atMost:         proofInFlight,
		maxLateness:    longer,
		databaseFactor: 2,
	}
	g.classes[Administration] = classState{
		atMost:         signedInFlight,
		maxLateness:    longer,
		extended:       true,
		databaseFactor: 2,
	}

	for c := range g.classes {
		g.classes[c].queue = o.Queues[Class(c)]
		g.classes[c].share.Store(shares)
	}

	return g
}

// Admit reports whether a call that has just come may begin. The caller may still drop the
// call; only Begin counts it.
func (g *Guard) Admit(c Class) bool {
	if g.maxWait <= 0 {
		return true
	}

	now := g.clock()
	g.closeWindow(now)
	reason := g.judge(c)
	if reason == none {
		return true
	}

	g.refuse(c, reason, now)

	return false
}

// Begin notes that a call begins, once all of it has arrived. It reports false if too
// many are in flight. If it reports true, the caller must call End.
func (g *Guard) Begin(c Class) bool {
	k := &g.classes[c]
	if k.inFlight.Add(1) > k.atMost {
		k.inFlight.Add(-1)
		g.refuse(c, InFlight, g.clock())
		return false
	}

	k.came.Add(1)

	return true
}

// End notes that a call has been answered.
func (g *Guard) End(c Class) {
	k := &g.classes[c]
	k.inFlight.Add(-1)
	k.answered.Add(1)
}

// judge decides about one call.
func (g *Guard) judge(c Class) Reason {
	k := &g.classes[c]
	if k.inFlight.Load() >= k.atMost {
		return InFlight
	}
	if k.queue != nil && k.queue.Wait() > g.bound(k) {
		return LongQueue
	}
	if g.database != nil && g.database.Wait() > time.Duration(k.databaseFactor)*g.longer(g.database) {
		return LongQueue
	}
	if share := k.share.Load(); share < shares && k.turn.Add(1)%shares >= share {
		return Processor
	}

	return none
}

// bound returns how long a class may now wait in its queue.
func (g *Guard) bound(k *classState) time.Duration {
	if k.extended {
		return g.longer(k.queue)
	}
	if !k.strict.Load() {
		return patience * g.maxWait
	}

	// The answer will wait for processors too. Half of the bound always remains, so that
	// the queue's workers have work while many calls are refused.
	late := time.Duration(g.lateness.Load())

	return max(g.maxWait-min(late, g.maxWait/2), k.queue.Service())
}

// longer returns the longer bound of waiting in a queue.
func (g *Guard) longer(q *Queue) time.Duration {
	return max(patience*g.maxWait, commits*q.Service())
}

// closeWindow sets the bounds of the classes from the counts of a window that has ended.
func (g *Guard) closeWindow(now time.Duration) {
	if now-time.Duration(g.closed.Load()) < window || !g.mu.TryLock() {
		return
	}
	defer g.mu.Unlock()

	elapsed := now - time.Duration(g.closed.Load())
	if elapsed < window {
		return // another goroutine was first
	}
	g.closed.Store(int64(now))

	late := g.delay()
	if elapsed >= calmFor {
		late = 0 // the measurement is too old, and so are the counts
	}
	g.lateness.Store(int64(late))

	for c := range g.classes {
		k := &g.classes[c]
		if elapsed >= calmFor {
			k.reset()
			continue
		}
		k.setBound(now, g.maxWait)
		k.setShare(late, elapsed)
	}
}

// reset clears the counts.
func (k *classState) reset() {
	k.came.Store(0)
	k.answered.Store(0)
	k.turnedAway.Store(0)
	k.growingWindows, k.lateWindows, k.onTimeWindows = 0, 0, 0
	k.setStrict(false)
	k.share.Store(shares)
}

// setStrict sets whether MaxWait is the bound, and informs the queue's workers.
func (k *classState) setStrict(strict bool) {
	k.strict.Store(strict)
	if k.queue != nil {
		k.queue.SetCrowded(strict)
	}
}

// setBound decides which bound of waiting in its queue the class has next.
func (k *classState) setBound(now, maxWait time.Duration) {
	came, answered, turnedAway := k.came.Swap(0), k.answered.Swap(0), k.turnedAway.Swap(0)

	k.growingWindows = inRow(k.growingWindows, turnedAway > 0 || came > answered+answered/8+slack)
	longWait := k.queue != nil && k.queue.Wait() > earlyTrendWait*maxWait
	grows := k.growingWindows >= trendWindows || longWait && k.growingWindows >= earlyTrendWindows
	if grows {
		k.setStrict(true)
	}

	switch {
	case grows || turnedAway > 0:
		k.calm = now + calmFor
	case now >= k.calm:
		k.setStrict(false)
	}
}

// setShare decides how many calls of the class are admitted next. late is how late
// processors were during elapsed.
func (k *classState) setShare(late, elapsed time.Duration) {
	k.lateWindows = inRow(k.lateWindows, late > k.maxLateness)
	k.onTimeWindows = inRow(k.onTimeWindows, late <= k.maxLateness)

	share := k.share.Load()
	switch {
	case k.lateWindows >= trendWindows:
		share--
	case late <= k.maxLateness/2:
		share += int64(elapsed / window)
	case k.onTimeWindows >= recoveryWindows:
		k.onTimeWindows = 0
		share++
	}

	k.share.Store(min(max(share, 1), shares))
}

// inRow returns n + 1 if it happened again, else 0.
func inRow(n int, again bool) int {
	if again {
		return n + 1
	}
	return 0
}

// refuse counts a refusal.
func (g *Guard) refuse(c Class, reason Reason, now time.Duration) {
	k := &g.classes[c]
	k.refused[reason].Add(1)
	k.unreported[reason].Add(1)
	k.turnedAway.Add(1)
	k.came.Add(1)

	// The first is logged at once, the others once a minute.
	last := g.reported.Load()
	if last == 0 || now-time.Duration(last) >= reportEvery {
		if g.reported.CompareAndSwap(last, max(int64(now), 1)) {
			g.report()
		}
	}
}

// reportEvery is the least time between two log lines about refusals.
const reportEvery = time.Minute

// Run logs once a minute how many calls were refused, until ctx ends.
func (g *Guard) Run(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			g.report()
			return
		case <-ticker.C:
			if now := g.clock(); g.report() { // else the next refusal is a first one
				g.reported.Store(max(int64(now), 1))
			}
		}
	}
}

// RefusalsMessage is the message of log lines that sum up refusals.
const RefusalsMessage = "calls are refused: the server is overloaded"

// report logs one line with the number of calls refused since the last line, and reports
// whether there were any.
func (g *Guard) report() bool {
	var attrs []slog.Attr
	for c := range g.classes {
		var counts []any
		for r := range g.classes[c].unreported {
			if n := g.classes[c].unreported[r].Swap(0); n > 0 {
				counts = append(counts, slog.Int64(Reason(r).String(), n))
			}
		}
		if len(counts) > 0 {
			attrs = append(attrs, slog.Group(Class(c).String(), counts...))
		}
	}

	if len(attrs) == 0 {
		return false
	}

	g.logger.LogAttrs(context.Background(), slog.LevelWarn, RefusalsMessage, attrs...)

	return true
}

// Wait estimates how long a call of the class would wait now.
func (g *Guard) Wait(c Class) time.Duration {
	var wait time.Duration
	if g.clock()-time.Duration(g.closed.Load()) < calmFor { // else the measurement is too old
		wait = time.Duration(g.lateness.Load())
	}
	if queue := g.classes[c].queue; queue != nil {
		wait += queue.Wait()
	}
	return wait
}

// InFlight returns how many calls of the class are in flight.
func (g *Guard) InFlight(c Class) int64 { return g.classes[c].inFlight.Load() }

// Refused returns how many calls of the class were refused for a reason.
func (g *Guard) Refused(c Class, r Reason) uint64 { return g.classes[c].refused[r].Load() }

// clock returns the time since NewGuard.
func (g *Guard) clock() time.Duration { return g.now().Sub(g.origin) }
