package forwardauth

import (
	"context"
	"strconv"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
)

// sharesOfAll is the number of parts into which a bound on all callers is divided. Each
// caller gets at most one part, so that none can use up the service alone.
const sharesOfAll = 8

// sharesOfAddresses is the same for clients' addresses. Their parts are larger: many users
// may share one address, and one user may have many identities.
const sharesOfAddresses = 2

// shares bounds the part of each caller in something that all callers share.
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

// limit returns the bound of one caller as text.
func (s *shares) limit() string { return strconv.FormatInt(s.most, 10) }

// take charges n to a caller, or nothing if that exceeds the bound.
func (s *shares) take(caller string, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.taken[caller]+n > s.most {
		return false
	}
	s.taken[caller] += n
	return true
}

// give returns n of a caller.
func (s *shares) give(caller string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.taken[caller] -= n; s.taken[caller] <= 0 {
		delete(s.taken, caller)
	}
}

// queues lets each caller do only a few things at a time; further ones wait.
type queues struct {
	most int // at a time, of one caller

	mu      sync.Mutex
	callers map[string]*queue
}

type queue struct {
	slots chan struct{}
	users int // waiting or in a slot
}

func newQueues(most int) *queues {
	return &queues{
		most:    most,
		callers: map[string]*queue{},
	}
}

// enter waits for a slot of the caller. Without an error, the caller must call leave.
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

// callerName returns the name to which a request is charged: the identity of the session,
// which may have many sessions, or the access key if there is no identity.
func callerName(session *gate.Session) string {
	if session.Content.IdentityID != "" {
		return "identity " + string(session.Content.IdentityID)
	}
	return "key " + session.Caller.AccessKeyID
}

// unprovenName returns the name to which a request is charged before its signature is
// verified. It differs from callerName, because anybody who has seen a session token can
// send it and must not use up the caller's share.
func unprovenName(claimed *gate.Session) string { return "unproven " + callerName(claimed) }

// addressName returns the name under which the client's address, or its network as for rate
// limits (ratelimit.Source), is charged; "" if it is not known.
func addressName(ctx context.Context) string {
	source := ratelimit.Source(awsapi.RecordFrom(ctx).Client.IP)
	if !source.IsValid() {
		return ""
	}
	return "address " + source.String()
}
