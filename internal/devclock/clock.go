// Package devclock is the clock of `poolhouse dev`, which tests move and stop. Start at Clock.
package devclock

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Years in which the clock can be. Certificates and documents of other times are hard to write.
const (
	MinYear = 2000
	MaxYear = 2199
)

// ErrRange means that the clock cannot show a time.
var ErrRange = fmt.Errorf("the clock can show the years %d to %d", MinYear, MaxYear)

// errBoth means that a change names two times.
var errBoth = errors.New("give now or an advance, not both")

// Clock shows the time of another clock, the machine's, until it is moved or stopped. It is safe for
// concurrent use.
type Clock struct {
	machine func() time.Time

	mu     sync.RWMutex
	offset time.Duration // from the machine's time; while the clock stands, of the time when it was stopped
	at     time.Time     // what a stopped clock shows
	still  bool
	skewed bool
}

// State has the time that the clock shows, and how it runs.
type State struct {
	Now     time.Time
	Offset  time.Duration // from the machine's time
	Stopped bool
	Skewed  bool
}

// Change is a change of the clock. The zero Change changes nothing.
type Change struct {
	Now     time.Time     // the time to show; zero = as before
	Advance time.Duration // added to the time, negative to go back; not with Now
	Stopped *bool         // nil = as before
	// Skewed holds signatures and the Date header to this clock alone, as if the clocks of client and
	// server differed; nil = as before. Otherwise signatures may also be of the machine's time, so that
	// clients go on to work when the clock is moved.
	Skewed *bool
}

// New returns a clock that shows the machine's time.
func New(machine func() time.Time) *Clock { return &Clock{machine: machine} }

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()

	return c.now()
}

func (c *Clock) now() time.Time {
	if c.still {
		return c.at
	}
	return c.machine().Add(c.offset)
}

// Machine returns the machine's time, by which waits and durations are measured.
func (c *Clock) Machine() time.Time { return c.machine() }

// Skewed reports whether signatures are held to this clock alone.
func (c *Clock) Skewed() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()

	return c.skewed
}

// Date returns the time for Date headers. SDKs take it for the time to sign at, so that it is the
// machine's unless the clock is skewed.
func (c *Clock) Date() time.Time {
	if c.Skewed() {
		return c.Now()
	}
	return c.machine()
}

// State returns what the clock shows, and how.
func (c *Clock) State() State {
	c.mu.RLock()
	defer c.mu.RUnlock()

	return c.state()
}

func (c *Clock) state() State {
	now := c.now()
	return State{
		Now:     now,
		Offset:  now.Sub(c.machine()),
		Stopped: c.still,
		Skewed:  c.skewed,
	}
}

// Change moves, stops or starts the clock, all at once or not at all. Errors: ErrRange; another if the
// change names two times.
func (c *Clock) Change(change Change) (State, error) {
	if !change.Now.IsZero() && change.Advance != 0 {
		return State{}, errBoth
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	now := c.now().Add(change.Advance)
	if !change.Now.IsZero() {
		now = change.Now
	}
	if year := now.UTC().Year(); year < MinYear || year > MaxYear {
		return State{}, ErrRange
	}

	if change.Stopped != nil {
		c.still = *change.Stopped
	}
	if change.Skewed != nil {
		c.skewed = *change.Skewed
	}
	c.at = now.Round(0) // the machine's monotonic clock goes on
	if change.Advance != 0 && !c.still {
		c.offset += change.Advance // exactly, however long this takes
	}
	if !change.Now.IsZero() || change.Stopped != nil || c.still {
		c.offset = now.Sub(c.machine())
	}

	return c.state(), nil
}

// Advance moves the clock by d; a negative d moves it back. Error: ErrRange.
func (c *Clock) Advance(d time.Duration) error {
	_, err := c.Change(Change{Advance: d})
	return err
}

// Set moves the clock to t. Error: ErrRange.
func (c *Clock) Set(t time.Time) error {
	_, err := c.Change(Change{Now: t})
	return err
}

// Stop makes the clock stand, and Start makes it run on from what it shows.
func (c *Clock) Stop() { c.run(false) }

// Start makes a clock that stands run on from what it shows.
func (c *Clock) Start() { c.run(true) }

func (c *Clock) run(runs bool) {
	stopped := !runs
	_, _ = c.Change(Change{Stopped: &stopped}) // the time is not changed, so that it stays in range
}

// Save returns what makes the clock go on as if nothing had changed it since.
func (c *Clock) Save() (restore func()) {
	c.mu.RLock()
	defer c.mu.RUnlock()

	offset, at, still, skewed := c.offset, c.at, c.still, c.skewed

	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()

		c.offset, c.at, c.still, c.skewed = offset, at, still, skewed
	}
}

// Reset makes the clock show the machine's time again.
func (c *Clock) Reset() State {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.offset, c.still, c.skewed = 0, false, false

	return c.state()
}
