package wiretest

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse"
)

// TraceList collects traces of concurrent calls.
type TraceList struct {
	mu   sync.Mutex
	List []poolhouse.Trace
}

// Add implements Config.OnTrace.
func (l *TraceList) Add(t poolhouse.Trace) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.List = append(l.List, t)
}

// Last returns the latest trace.
func (l *TraceList) Last() poolhouse.Trace {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.List[len(l.List)-1]
}

// Text returns all traces as JSON.
func (l *TraceList) Text(t *testing.T) string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()

	return string(Must(json.Marshal(l.List))(t))
}
