package poolhousetest

import (
	"fmt"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devclock"
)

// Clock is a clock that a test moves. It is safe for concurrent use.
//
// When the clock of a server moves, tokens, credentials and caches age, and AWS SDKs go on to work: the server
// accepts signatures of the machine's time, too. Skew makes it refuse those.
type Clock struct{ clock *devclock.Clock }

// NewClock returns a clock that stands at the present time, to share between servers and
// providers. A server has one of its own in Server.Clock, which runs.
func NewClock() *Clock {
	c := &Clock{clock: devclock.New(time.Now)}
	c.clock.Stop()

	return c
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time { return c.clock.Now() }

// Advance moves the clock forward by d, or back if d is negative. It panics if the clock would leave the years
// 2000 to 2199.
func (c *Clock) Advance(d time.Duration) { c.change(devclock.Change{Advance: d}) }

// Set moves the clock to a time of the years 2000 to 2199; otherwise it panics.
func (c *Clock) Set(to time.Time) { c.change(devclock.Change{Now: to}) }

// Stop makes the clock stand at what it shows, and Start makes it run on from there.
func (c *Clock) Stop() { c.clock.Stop() }

// Start makes a clock that stands run on from what it shows.
func (c *Clock) Start() { c.clock.Start() }

// Skew moves the clock by d as if the clocks of server and clients differed: a signature of a time that is more
// than five minutes from the server's is refused, and the server's Date header tells its time. Reset ends it.
func (c *Clock) Skew(d time.Duration) {
	skewed := true
	c.change(devclock.Change{Advance: d, Skewed: &skewed})
}

// Reset makes the clock show the machine's time and run.
func (c *Clock) Reset() { c.clock.Reset() }

func (c *Clock) change(change devclock.Change) {
	if _, err := c.clock.Change(change); err != nil {
		panic(fmt.Sprintf("poolhousetest: %v", err))
	}
}

// AddTo is an option for Start: the server reads the time from this clock, as if it were the machine's. Calls
// of SDKs, which sign at the machine's time, fail when the clock is moved by more than five minutes; use
// Server.Clock for those.
func (c *Clock) AddTo(config *poolhouse.Config) { config.Now = c.Now }
