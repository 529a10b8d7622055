package poolhouse_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse"
)

// traceList collects traces of concurrent calls.
type traceList struct {
	mu   sync.Mutex
	list []poolhouse.Trace
}

func (l *traceList) add(t poolhouse.Trace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, t)
}

func (l *traceList) last() poolhouse.Trace {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list[len(l.list)-1]
}

// text is all traces as JSON.
func (l *traceList) text(t *testing.T) string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(must(json.Marshal(l.list))(t))
}
