package outbound

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	breakerThreshold = 3 // failures in a row
	breakerMinPause  = 5 * time.Second
	breakerMaxPause  = time.Minute
)

// breaker stops requests to a host that does not respond: after a few failures in a
// row it allows one request per pause, and the pause grows while that one fails. It
// counts only failures to connect and to respond in time: the content of a response
// concerns one URL, and a host has many. Endpoint.FaultsCount is the exception.
//
// It is not a library's, such as sony/gobreaker, because that reads the wall clock
// and always pauses for the same time.
type breaker struct {
	inFlight atomic.Int32 // requests of Get and Post, which send bounds

	mu       sync.Mutex
	failures int
	pause    time.Duration
	until    time.Time
	trying   bool
}

// allow reports whether the host may be asked now. If so, the caller must call
// done or abandon afterwards.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()

	if b.failures < breakerThreshold {
		return true
	}
	if b.trying || now.Before(b.until) {
		return false
	}
	b.trying = true

	return true
}

// abandon ends an allowed request that proved nothing about the host.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.trying = false
}

// done ends an allowed request, and notes whether the host responded.
func (b *breaker) done(now time.Time, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()

	trial := b.trying
	b.trying = false
	if answered {
		b.failures, b.pause = 0, 0
		return
	}
	b.failures++
	// Requests that were under way when the breaker opened do not lengthen the pause.
	if b.failures == breakerThreshold || trial {
		b.pause = min(max(2*b.pause, breakerMinPause), breakerMaxPause)
		b.until = now.Add(b.pause)
	}
}

// breakerKey names a breaker: that of a host, or of one address of it.
type breakerKey struct {
	host    string
	policy  Policy
	address string // "" = the host's breaker
}

func (c *Client) breaker(k breakerKey) *breaker {
	return c.breakers.Get(k, func() *breaker { return &breaker{} })
}
