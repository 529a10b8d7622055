package poolhousetest

import (
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse"
)

// Clock is a clock that moves only when the test moves it. It is safe for
// concurrent use.
//
// A signed call fails if the signer's clock differs from the server's by more than
// fifteen minutes. Public calls, such as GetId, have no time.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that shows the present time.
func NewClock() *Clock { return &Clock{now: time.Now()} }

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.now
}

// Advance moves the clock forward by d, or back if d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.now = c.now.Add(d)
}

// AddTo is an option for Start: the server reads the time from this clock.
func (c *Clock) AddTo(config *poolhouse.Config) { config.Now = c.Now }
