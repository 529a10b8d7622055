// Package devcalls remembers the newest calls that clients made to a `poolhouse dev`, with the reasons of
// refusals. Start at Calls.
package devcalls

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Kept is the number of calls that are remembered.
const Kept = 1000

// Call is a call of one of the APIs. It has no token and no secret.
type Call struct {
	// ID counts the answered calls from 1; 0 = not answered yet.
	ID        uint64
	RequestID string
	Start     time.Time
	Duration  time.Duration
	Service   string // signing name of the API
	Operation string
	Pool      string
	Status    int    // HTTP status; 0 = a fault cut the connection, or the client left
	Outcome   string // error type on the wire; "" = success
	Message   string // error message on the wire
	Steps     []explain.Step
	Planned   []explain.Code // checks that the deciding step kept from being made
}

// Deciding returns the step that refused the call; nil if none did.
func (c Call) Deciding() *explain.Step {
	step, ok := explain.Deciding(c.Steps)
	if !ok {
		return nil
	}
	return &step
}

// Calls remembers the newest calls. It is safe for concurrent use.
//
// cache: newest calls
type Calls struct {
	mu      sync.Mutex
	list    []Call // oldest answer first
	last    uint64
	reasons []Call        // of calls that are not answered yet, oldest first, at most maxReasons
	own     []Call        // refused ones of the server itself, oldest first, at most maxReasons
	change  chan struct{} // closed at the next answer; nil = nobody waits
}

const maxReasons = 100

// Add notes a call that was answered, and gives it its ID. If Explain has noted why it was refused, that stays.
func (c *Calls) Add(call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if n := indexOf(c.reasons, call.RequestID); n >= 0 {
		call.Message, call.Steps, call.Planned = c.reasons[n].Message, c.reasons[n].Steps, c.reasons[n].Planned
		c.reasons = slices.Delete(c.reasons, n, n+1)
	}
	if len(c.list) == Kept {
		c.list = slices.Delete(c.list, 0, 1)
	}
	c.last++
	call.ID = c.last
	c.list = append(c.list, call)

	if c.change != nil {
		close(c.change)
		c.change = nil
	}
}

// Explain notes why a call was refused.
func (c *Calls) Explain(requestID, message string, steps []explain.Step, planned []explain.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if n := indexOf(c.list, requestID); n >= 0 {
		c.list[n].Message, c.list[n].Steps, c.list[n].Planned = message, steps, planned
		return
	}
	if len(c.reasons) == maxReasons {
		c.reasons = slices.Delete(c.reasons, 0, 1)
	}
	c.reasons = append(c.reasons, Call{RequestID: requestID, Message: message, Steps: steps, Planned: planned})
}

// ExplainOwn notes why a call of the server itself was refused, such as one of a seed. It is not among the calls of
// clients.
func (c *Calls) ExplainOwn(requestID, message string, steps []explain.Step, planned []explain.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if len(c.own) == maxReasons {
		c.own = slices.Delete(c.own, 0, 1)
	}
	c.own = append(c.own, Call{RequestID: requestID, Message: message, Steps: steps, Planned: planned})
}

// Own returns a refused call of the server itself; false = it is not among the newest.
func (c *Calls) Own(requestID string) (Call, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()

	n := indexOf(c.own, requestID)
	if n < 0 {
		return Call{}, false
	}

	return c.own[n], true
}

func indexOf(list []Call, requestID string) int {
	return slices.IndexFunc(list, func(call Call) bool { return call.RequestID == requestID })
}

// Newest returns at most limit calls, newest first.
func (c *Calls) Newest(limit int) []Call {
	c.mu.Lock()
	defer c.mu.Unlock()

	list := slices.Clone(c.list[max(0, len(c.list)-limit):])
	slices.Reverse(list)

	return list
}

// Since returns the first calls after one, oldest first, at most limit, and the ID of the newest call
// of all.
func (c *Calls) Since(after uint64, limit int) (list []Call, last uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.since(after, limit), c.last
}

func (c *Calls) since(after uint64, limit int) []Call {
	first := sort.Search(len(c.list), func(n int) bool { return c.list[n].ID > after })
	list := c.list[first:]

	return slices.Clone(list[:min(len(list), limit)])
}

// Forget drops all calls. IDs go on to count.
func (c *Calls) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.list = nil
}

// Wait waits for the first call after one that matches, until ctx ends. Then it returns false.
func (c *Calls) Wait(ctx context.Context, after uint64, matches func(Call) bool) (Call, bool) {
	for {
		c.mu.Lock()
		for _, call := range c.since(after, Kept) {
			if matches(call) {
				c.mu.Unlock()
				return call, true
			}
			after = call.ID
		}
		if c.change == nil {
			c.change = make(chan struct{})
		}
		change := c.change
		c.mu.Unlock()

		select {
		case <-change:
		case <-ctx.Done():
			return Call{}, false
		}
	}
}
