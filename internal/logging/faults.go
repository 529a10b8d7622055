package logging

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// FaultOptions configures a Faults. The zero value works.
type FaultOptions struct {
	Now      func() time.Time // nil = time.Now
	Every    time.Duration    // how long equal lines are counted; 0 = a minute
	MaxKinds int              // most kinds of warnings counted at a time, and of errors; 0 = 256

	// Attributes lists, by message, the attributes that identify the fault. For other
	// messages it is all but numbers, times and durations, which measure the fault.
	Attributes map[string][]string
	// Summaries lists messages of lines that are counts themselves: they are not counted.
	Summaries []string
	// FaultOf names the fault of an error, or returns "". Equal names are equal faults,
	// whatever the errors' texts.
	FaultOf func(error) string
}

// Faults counts equal warnings and errors. It writes the first at once; a minute later,
// one line reports how many more there were, with the details of the last. Lines below
// warnings are written as they are, and so are summaries. Two lines are equal if their
// level, message and identifying attributes are (faultkind.go). It is safe for concurrent
// use.
type Faults struct {
	o FaultOptions

	mu     sync.Mutex
	faults [2]map[kind]*entry // cache: counted faults; of warnings, and of errors: many warnings hide no error
	timer  *time.Timer        // sweeps; nil while nothing is counted
	closed bool
}

// entry is one fault, from its first line on.
type entry struct {
	first   time.Time
	more    int          // lines after the first
	last    slog.Record  // the last of these
	handler slog.Handler // of last
}

// NewFaults returns a Faults.
func NewFaults(o FaultOptions) *Faults {
	if o.Now == nil {
		o.Now = time.Now
	}

	o.Every = cmp.Or(o.Every, time.Minute)
	o.MaxKinds = cmp.Or(o.MaxKinds, 256)
	if o.FaultOf == nil {
		o.FaultOf = func(error) string { return "" }
	}

	return &Faults{o: o, faults: [2]map[kind]*entry{{}, {}}}
}

// Handler returns a handler that writes to next. Handlers of one Faults count together.
func (l *Faults) Handler(next slog.Handler) *FaultHandler { return &FaultHandler{log: l, next: next} }

// Close writes the open counts. Later lines are written as they are.
func (l *Faults) Close() error {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}

	var open []*entry
	for _, faults := range l.faults {
		for _, e := range faults {
			open = append(open, e)
		}
		clear(faults)
	}
	l.mu.Unlock()

	return l.tell(open)
}

// of returns the faults of a level.
func (l *Faults) of(level slog.Level) map[kind]*entry {
	if level < slog.LevelError {
		return l.faults[0]
	}
	return l.faults[1]
}

// count counts a line. It returns the entry that the line ends, if any, and whether to
// write the line.
func (l *Faults) count(k kind, r slog.Record, next slog.Handler) (ended *entry, write bool) {
	now := l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.closed {
		return nil, true
	}

	faults := l.of(r.Level)
	e := faults[k]
	if e == nil && len(faults) >= l.o.MaxKinds {
		l.forget(faults, now)
	}
	if e == nil && len(faults) >= l.o.MaxKinds {
		k = lumped
		e = faults[k]
	}

	if e == nil || l.over(e, now) {
		faults[k] = &entry{first: now}
		return e, true
	}

	e.more++
	e.last, e.handler = r.Clone(), next
	if l.timer == nil {
		l.timer = time.AfterFunc(l.o.Every, l.sweep)
	}

	return nil, false
}

// over reports whether the entry's minute has passed. A clock that was set back must not
// extend it.
func (l *Faults) over(e *entry, now time.Time) bool { return now.Sub(e.first).Abs() >= l.o.Every }

// forget drops the faults that are over and have no count to report.
func (l *Faults) forget(faults map[kind]*entry, now time.Time) {
	for k, e := range faults {
		if e.more == 0 && l.over(e, now) {
			delete(faults, k)
		}
	}
}

// sweep reports the faults whose minute has passed, and comes back for the others.
func (l *Faults) sweep() {
	now := l.o.Now()
	l.mu.Lock()

	l.timer = nil

	var ended []*entry
	wait := time.Duration(0)
	for _, faults := range l.faults {
		for k, e := range faults {
			switch left := l.o.Every - now.Sub(e.first).Abs(); {
			case left <= 0:
				ended = append(ended, e)
				delete(faults, k)
			case e.more > 0 && (wait == 0 || left < wait):
				wait = left
			}
		}
	}

	if wait > 0 && !l.closed {
		l.timer = time.AfterFunc(wait, l.sweep)
	}
	l.mu.Unlock()

	_ = l.tell(ended) // a failing log cannot report its failure
}

// tell writes one line for each entry with a count, in the order in which they began.
func (l *Faults) tell(entries []*entry) error {
	var failed error
	for _, e := range inOrder(entries) {
		if e.more == 0 {
			continue
		}
		line := slog.NewRecord(l.o.Now(), e.last.Level, "repeated: "+e.last.Message, e.last.PC)
		line.AddAttrs(slog.Int("times", e.more), slog.Time("since", e.first))
		e.last.Attrs(func(a slog.Attr) bool { line.AddAttrs(a); return true })
		failed = errors.Join(failed, e.handler.Handle(context.Background(), line))
	}

	return failed
}

// FaultHandler is a slog.Handler that counts in a Faults.
type FaultHandler struct {
	log    *Faults
	next   slog.Handler
	prefix string // from WithAttrs and WithGroup, as part of the kind
}

// Enabled reports whether next accepts lines of the level.
func (h *FaultHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle writes the first of equal warnings and errors, and all lines of lower levels.
func (h *FaultHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || slices.Contains(h.log.o.Summaries, r.Message) {
		return h.next.Handle(ctx, r)
	}

	ended, write := h.log.count(h.log.kindOf(h.prefix, r), r, h.next)
	var failed error
	if ended != nil {
		failed = h.log.tell([]*entry{ended})
	}
	if write {
		failed = errors.Join(failed, h.next.Handle(ctx, r))
	}

	return failed
}

// WithAttrs returns a handler that adds attributes to each line and its kind.
func (h *FaultHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	child := *h
	child.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		child.prefix += "\x00" + a.String()
	}
	return &child
}

// WithGroup returns a handler that puts the attributes of each line into a group.
func (h *FaultHandler) WithGroup(name string) slog.Handler {
	child := *h
	child.next = h.next.WithGroup(name)
	child.prefix += "\x00" + name + "."
	return &child
}
