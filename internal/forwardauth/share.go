package forwardauth

import (
	"context"
	"strconv"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
)

// sharesOfAll is into how many parts a bound on all callers is divided: each caller gets
// one part at most, so that none takes the service from the others.
const sharesOfAll = 8

// sharesOfAddresses is the same for clients' addresses. Their part is larger: many users
// may be behind one address, and one user may have many identities.
const sharesOfAddresses = 2

// shares bounds what each caller takes of something that all callers share.
type shares struct {
	most int64 // of one caller

	mu    sync.Mutex
	taken map[string]int64
}

func newShares(most int64) *shares {
	return &shares{
		most:  most,
		taken: map[string]int64{},
	}
}

// limit is what one caller may take, for a reader.
func (s *shares) limit() string { return strconv.FormatInt(s.most, 10) }

// take takes n for a caller, or nothing.
func (s *shares) take(caller string, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[caller]+n > s.most {
		return false
	}
	s.taken[caller] += n

	return true
}

// give gives n back.
func (s *shares) give(caller string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[caller] -= n; s.taken[caller] <= 0 {
		delete(s.taken, caller)
	}
}

// queues lets each caller do a few things at a time; more of them wait.
type queues struct {
	most int // at a time, of one caller

	mu      sync.Mutex
	callers map[string]*queue
}

type queue struct {
	slots chan struct{}
	users int // that wait or are in
}

func newQueues(most int) *queues {
	return &queues{
		most:    most,
		callers: map[string]*queue{},
	}
}

// enter waits for a slot of the caller. Without an error leave is to be called.
func (q *queues) enter(ctx context.Context, caller string) (leave func(), err error) {
	own := q.join(caller)
	select {
	case own.slots <- struct{}{}:
		return func() { <-own.slots; q.part(caller, own) }, nil
	case <-ctx.Done():
		q.part(caller, own)
		return nil, context.Cause(ctx)
	}
}

func (q *queues) join(caller string) *queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	own := q.callers[caller]
	if own == nil {
		own = &queue{slots: make(chan struct{}, q.most)}
		q.callers[caller] = own
	}
	own.users++

	return own
}

func (q *queues) part(caller string, own *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(q.callers, caller)
	}
}

// callerName names who is charged for a request: the identity of the session, of which
// there may be many; for a session without one its access key.
func callerName(o *gate.Session) string {
	if o.Content.IdentityID != "" {
		return "identity " + string(o.Content.IdentityID)
	}
	return "key " + o.Caller.AccessKeyID
}

// unprovenName names who is charged until the signature is known to hold. Whoever has seen
// a token of the session can name it so: the caller's own share is not touched.
func unprovenName(o *gate.Session) string { return "unproven " + callerName(o) }

// addressName names the client's address as one that is charged, or its network, as rate
// limits count it (ratelimit.Source); "" when it is not known.
func addressName(ctx context.Context) string {
	source := ratelimit.Source(awsapi.RecordFrom(ctx).Client.IP)
	if !source.IsValid() {
		return ""
	}
	return "address " + source.String()
}
