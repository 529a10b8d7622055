package poolhouse

import (
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Trace is the recorded decision of one refused call: what `poolhouse explain`
// shows. It holds no token, secret or assertion.
type Trace struct {
	RequestID string
	Time      time.Time
	Account   string
	Region    string
	Operation string
	Outcome   string // the error type on the wire
	Message   string // the error message on the wire
	Steps     []explain.Step
}

// traceStore keeps the newest traces in memory, at most its capacity; older
// ones are forgotten. What it forgets is still in the log, in one line.
type traceStore struct {
	mu    sync.Mutex
	byID  map[string]Trace
	order []string // ring of request IDs
	next  int
}

func newTraceStore(capacity int) *traceStore {
	return &traceStore{byID: make(map[string]Trace, capacity), order: make([]string, capacity)}
}

func (s *traceStore) add(t Trace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.order[s.next]; old != "" {
		delete(s.byID, old)
	}
	s.order[s.next] = t.RequestID
	s.next = (s.next + 1) % len(s.order)
	s.byID[t.RequestID] = t
}

func (s *traceStore) find(requestID string) (Trace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.byID[requestID]
	return t, ok
}
