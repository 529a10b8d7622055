// Package ratelimit refuses calls that come too often: those of one account by operation
// (Accounts), and those of one client address that makes guests or whose logins are
// refused (Addresses). It keeps token buckets in bounded memory, on the node that serves
// the call. Start reading at Accounts.Count and Addresses.
package ratelimit

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// Rate is the speed at which a token bucket fills, and its size. The zero Rate
// limits nothing.
type Rate struct {
	PerSecond float64 `yaml:"rate" setting:"rate" max:"1000000"`
	Burst     int     `yaml:"burst" setting:"burst" max:"1000000"` // 0 = PerSecond, rounded up
}

// Bounds of a Rate. An empty bucket of any Rate is full again in less than 32 years.
const (
	slowest  = 0.001
	fastest  = 1_000_000
	maxBurst = 1_000_000
)

// Validate returns an error if no bucket can have the rate. The error names the part at fault.
func (r Rate) Validate() error {
	if !(slowest <= r.PerSecond && r.PerSecond <= fastest) { // also NaN
		return fmt.Errorf("rate %s: use a number of calls a second from %v to %d",
			decimal(r.PerSecond), slowest, fastest)
	}
	if r.Burst < 0 || r.Burst > maxBurst {
		return fmt.Errorf("burst %d: use a number of calls from 1 to %d, or leave it out", r.Burst, maxBurst)
	}

	return nil
}

// limits reports whether r limits anything.
func (r Rate) limits() bool { return r != Rate{} }

// burst returns the tokens of a full bucket.
func (r Rate) burst() int {
	if r.Burst == 0 {
		return int(math.Ceil(r.PerSecond))
	}
	return r.Burst
}

// bucket returns a full bucket.
func (r Rate) bucket() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.PerSecond), r.burst()) }

// refill returns the time in which an empty bucket fills.
func (r Rate) refill() time.Duration {
	return time.Duration(float64(r.burst()) / r.PerSecond * float64(time.Second))
}

// String returns the rate in the words of traces.
func (r Rate) String() string {
	return fmt.Sprintf("%s a second, %d at once", decimal(r.PerSecond), r.burst())
}

// decimal formats a number, with an exponent only if it is far outside all rates.
func decimal(n float64) string {
	format := byte('f')
	if size := math.Abs(n); size != 0 && (size < 1e-6 || size > 1e15) {
		format = 'g'
	}

	return strconv.FormatFloat(n, format, -1, 64)
}

// wait returns the time until the bucket has a token; 0 = it has one.
func wait(bucket *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - bucket.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return max(time.Duration(missing/float64(bucket.Limit())*float64(time.Second)), 1)
}
