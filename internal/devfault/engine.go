package devfault

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Engine keeps the faults that somebody wants, and decides which of them come true. Of the faults that match,
// the oldest that is due counts. It is safe for concurrent use.
//
// cache: faults
type Engine struct {
	after func(time.Duration) (<-chan time.Time, func() bool)

	mu      sync.Mutex
	faults  []*active                   // oldest first
	last    int                         // number in the newest ID
	known   Operations                  // nil = any
	forget  func()                      // drops what is known of login providers
	isOwn   func(userAgent string) bool // recognises the server's own calls; nil = there are none
	held    bool
	stopped bool
}

// active is a fault that somebody wants.
type active struct {
	Fault

	seen  int           // how often it matched
	ended chan struct{} // closed when it is deleted
	also  map[string]bool
}

// New returns an engine without faults. Its waits last as long as timers of after, which returns the channel of
// a timer and the function that stops it; nil = the machine's timers.
func New(after func(time.Duration) (<-chan time.Time, func() bool)) *Engine {
	if after == nil {
		after = func(d time.Duration) (<-chan time.Time, func() bool) {
			timer := time.NewTimer(d)
			return timer.C, timer.Stop
		}
	}

	return &Engine{after: after}
}

// Serve tells the engine which operations there are, and how to drop what is known of login providers: a
// fault of a provider, and its end, count at once, and not when kept documents have become old. Calls of user
// agents for which isOwn is true are the server's own: no fault is about them.
func (e *Engine) Serve(known Operations, forget func(), isOwn func(userAgent string) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()

	e.known, e.forget, e.isOwn = known, forget, isOwn
}

// Hold ends the waits that faults have caused. The faults stay, but none comes true until release is called.
func (e *Engine) Hold() (release func()) {
	e.mu.Lock()
	defer e.mu.Unlock()

	e.held = true
	for _, f := range e.faults {
		close(f.ended)
		f.ended = make(chan struct{})
	}

	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()

		e.held = false
		for _, f := range e.faults {
			e.changed(f.Fault) // documents of providers were good meanwhile
		}
	})
}

// Add makes a fault and returns it with its ID. Errors: ErrInvalid, ErrTooMany.
func (e *Engine) Add(f Fault) (Fault, error) {
	if err := f.check(); err != nil {
		return Fault{}, err
	}
	f.Provider = strings.ToLower(f.Provider)

	e.mu.Lock()
	defer e.mu.Unlock()

	if err := e.checkNames(f); err != nil {
		return Fault{}, err
	}
	if len(e.faults) >= MaxFaults {
		return Fault{}, ErrTooMany
	}

	e.last++
	f.ID, f.Hits = "fault-"+strconv.Itoa(e.last), 0
	e.faults = append(e.faults, &active{Fault: f, ended: make(chan struct{}), also: map[string]bool{}})
	e.changed(f)

	return f, nil
}

// checkNames refuses an operation that no API has, and an error that the operation does not answer.
func (e *Engine) checkNames(f Fault) error {
	if f.Operation == "" || e.known == nil {
		return nil
	}

	var all, errors []string
	for service, operations := range e.known {
		if f.Service != "" && f.Service != service {
			continue
		}

		for operation, names := range operations {
			all = append(all, operation)
			if f.Operation == Any || f.Operation == operation {
				errors = append(errors, names...)
			}
		}
	}

	switch {
	case len(all) == 0:
		return invalid("the server has no API with the signing name %q", f.Service)
	case len(errors) == 0:
		return invalid("there is no operation %q%s", f.Operation, nearest(f.Operation, all))
	case f.Error != "" && !slices.Contains(errors, f.Error):
		return invalid("%s does not answer with the error %q%s", f.Operation, f.Error, nearest(f.Error, errors))
	default:
		return nil
	}
}

// nearest proposes a name.
func nearest(name string, names []string) string {
	slices.Sort(names)
	if near := explain.Nearest(name, slices.Compact(names)); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// changed makes a fault that was made or deleted count at once. The caller holds mu.
func (e *Engine) changed(f Fault) {
	if f.Provider != "" && e.forget != nil {
		e.forget()
	}
}

// List returns all faults, oldest first, with their hits.
func (e *Engine) List() []Fault {
	e.mu.Lock()
	defer e.mu.Unlock()

	list := make([]Fault, len(e.faults)) // not nil: its JSON is a list
	for n, f := range e.faults {
		list[n] = f.Fault
	}

	return list
}

// Get returns a fault with its hits. Error: ErrNotFound.
func (e *Engine) Get(id string) (Fault, error) {
	e.mu.Lock()
	defer e.mu.Unlock()

	for _, f := range e.faults {
		if f.ID == id {
			return f.Fault, nil
		}
	}

	return Fault{}, ErrNotFound
}

// Delete ends a fault, and the waits that it has caused, and returns it with its hits. Error: ErrNotFound.
func (e *Engine) Delete(id string) (Fault, error) {
	e.mu.Lock()
	defer e.mu.Unlock()

	for n, f := range e.faults {
		if f.ID == id {
			e.faults = slices.Delete(e.faults, n, n+1)
			close(f.ended)
			e.changed(f.Fault)

			return f.Fault, nil
		}
	}

	return Fault{}, ErrNotFound
}

// Clear ends all faults, and the waits that they have caused, and returns them.
func (e *Engine) Clear() []Fault {
	e.mu.Lock()
	defer e.mu.Unlock()

	ended := make([]Fault, len(e.faults))
	for n, f := range e.faults {
		ended[n] = f.Fault
		close(f.ended)
		e.changed(f.Fault)
	}
	e.faults = nil

	return ended
}

// Stop ends all faults for good: a server that stops waits for nothing.
func (e *Engine) Stop() {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()

	e.Clear()
}

// take counts a match and returns the fault that comes true; nil = none.
func (e *Engine) take(matches func(*active) bool) *active {
	e.mu.Lock()
	defer e.mu.Unlock()

	if e.stopped || e.held {
		return nil
	}

	for _, f := range e.faults {
		if f.Times > 0 && f.Hits >= f.Times || !matches(f) {
			continue
		}
		f.seen++
		if f.seen <= f.After {
			continue
		}
		f.Hits++
		// A copy: others count on.
		return &active{Fault: f.Fault, ended: f.ended, also: f.also}
	}

	return nil
}

// wait waits for d, until the fault is deleted, or ctx ends.
func (e *Engine) wait(ctx context.Context, f *active, d time.Duration) {
	if d <= 0 {
		return
	}

	timer, stop := e.after(d)
	defer stop()

	select {
	case <-timer:
	case <-f.ended:
	case <-ctx.Done():
	}
}
