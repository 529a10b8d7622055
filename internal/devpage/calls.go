package devpage

import (
	"slices"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// keptCalls is the number of calls that the page shows.
const keptCalls = 50

// Call is a call of one of the APIs, as the page shows it. It has no token and no secret.
type Call struct {
	RequestID string
	Start     time.Time
	Duration  time.Duration
	Service   string // signing name of the API
	Operation string
	Pool      string
	Status    int
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
	mu   sync.Mutex
	list []Call // oldest first
}

// Add notes a call that was answered. If Explain has noted why it was refused, that stays.
func (c *Calls) Add(call Call) {
	c.update(call.RequestID, func(kept *Call) {
		call.Message, call.Steps, call.Planned = kept.Message, kept.Steps, kept.Planned
		*kept = call
	})
}

// Explain notes why a call was refused.
func (c *Calls) Explain(requestID, message string, steps []explain.Step, planned []explain.Code) {
	c.update(requestID, func(kept *Call) { kept.Message, kept.Steps, kept.Planned = message, steps, planned })
}

func (c *Calls) update(requestID string, change func(*Call)) {
	c.mu.Lock()
	defer c.mu.Unlock()

	n := slices.IndexFunc(c.list, func(kept Call) bool { return kept.RequestID == requestID })
	if n < 0 {
		if len(c.list) == keptCalls {
			c.list = slices.Delete(c.list, 0, 1)
		}
		n = len(c.list)
		c.list = append(c.list, Call{RequestID: requestID})
	}
	change(&c.list[n])
}

// Newest returns the answered calls, newest first. An explanation alone is no answered call.
func (c *Calls) Newest() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()

	list := slices.DeleteFunc(slices.Clone(c.list), func(call Call) bool { return call.Status == 0 })
	slices.Reverse(list)

	return list
}
