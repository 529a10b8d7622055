package signout

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Limits of an event's age. Providers send a logout token once, at the time of the
// sign-out. They repeat security events until they get through, even after an outage;
// refusing an old event would leave a user signed in. skew allows for the providers'
// clocks; the verifier already refuses events too far in the future.
const (
	maxLogoutAge = 2 * time.Minute
	maxEventAge  = 7 * 24 * time.Hour
	skew         = 5 * time.Minute
)

// replays remembers the accepted events as long as they are fresh. It need not
// survive a restart or be shared between nodes: a mark counts from the event's time, so
// accepting an event twice does not sign out users who have signed in since.
type replays struct {
	mu   sync.Mutex
	seen *lru.Cache[string, time.Time] // cache: taken events; provider, NUL, jti to the end of its freshness
}

const maxReplays = 16384

func newReplays() *replays {
	seen, err := lru.New[string, time.Time](maxReplays)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &replays{seen: seen}
}

func replayKey(provider, id string) string { return provider + "\x00" + id }

// reserve reports whether an event is new. It remembers a new event.
func (r *replays) reserve(provider, id string, now, until time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()

	key := replayKey(provider, id)
	if end, known := r.seen.Get(key); known && !now.After(end) {
		return false
	}
	r.seen.Add(key, until)

	return true
}

// release forgets an event that could not be carried out, so that it can be sent again.
func (r *replays) release(provider, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.seen.Remove(replayKey(provider, id))
}

// limiter limits the events of each provider per second, with a burst.
type limiter struct {
	mu      sync.Mutex
	buckets *lru.Cache[string, *bucket] // cache: event rates
}

type bucket struct {
	tokens float64
	last   time.Time
}

const (
	perSecond  = 50
	burst      = 200
	maxBuckets = 1024
)

func newLimiter() *limiter {
	buckets, err := lru.New[string, *bucket](maxBuckets)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &limiter{buckets: buckets}
}

// allow reports whether one more event of a provider may be carried out.
func (l *limiter) allow(provider string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	b, known := l.buckets.Get(provider)
	if !known {
		b = &bucket{tokens: burst, last: now}
		l.buckets.Add(provider, b)
	}
	if since := now.Sub(b.last); since > 0 {
		b.tokens = min(burst, b.tokens+since.Seconds()*perSecond)
	}
	b.last = now

	if b.tokens < 1 {
		return false
	}
	b.tokens--

	return true
}
