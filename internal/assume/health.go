package assume

import (
	"maps"
	"slices"
	"time"
)

// Health describes what this process last heard from a credential engine.
type Health struct {
	Name string
	// Healthy is false if the last request got no usable answer. An engine that was not asked yet is
	// healthy, and so is one that refuses.
	Healthy bool
	// LastError is the latest reason for which it gave no credentials; "" = there was none.
	LastError   string
	LastErrorAt time.Time
}

// healthy notes the outcome of a request; problem is "" if the engine gave credentials.
func (e *RemoteEngine) healthy(answered bool, problem string) {
	before := e.health.Load()
	if before != nil && before.Healthy == answered && problem == "" {
		return
	}

	h := Health{Name: e.name, Healthy: answered}
	switch {
	case problem != "":
		h.LastError, h.LastErrorAt = problem, e.now()
	case before != nil:
		h.LastError, h.LastErrorAt = before.LastError, before.LastErrorAt
	}
	e.health.Store(&h)
}

// Health describes the engines, by name. The server's own is always healthy.
func (r *Router) Health() []Health {
	var list []Health
	for _, name := range slices.Sorted(maps.Keys(r.engines)) {
		h := Health{Name: name, Healthy: true}
		if e, remote := r.engines[name].(*RemoteEngine); remote {
			if last := e.health.Load(); last != nil {
				h = *last
			}
		}
		list = append(list, h)
	}

	return list
}
