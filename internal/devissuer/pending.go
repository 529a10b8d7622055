package devissuer

import (
	"maps"
	"sync"
	"time"
)

// Bounds and lifetimes of requests and codes that wait for somebody.
const (
	maxPending = 1000 // of a kind

	requestLifetime = 30 * time.Minute // a person chooses a user
	codeLifetime    = time.Minute      // a client exchanges an authorization code
	deviceLifetime  = 10 * time.Minute // a person enters a device's code
)

// pending keeps values that wait for somebody, for a limited time, by the hash of a secret. If there are
// too many, the oldest goes. It is safe for concurrent use.
//
// cache: development requests
type pending[V any] struct {
	now      func() time.Time
	lifetime time.Duration

	mu  sync.Mutex
	all map[string]waiting[V]
}

type waiting[V any] struct {
	value   V
	expires time.Time
}

func newPending[V any](now func() time.Time, lifetime time.Duration) *pending[V] {
	return &pending[V]{now: now, lifetime: lifetime, all: map[string]waiting[V]{}}
}

// put keeps a value under a secret.
func (p *pending[V]) put(secret string, value V) {
	p.mu.Lock()
	defer p.mu.Unlock()

	now := p.now()
	for key, w := range p.all {
		if !now.Before(w.expires) {
			delete(p.all, key)
		}
	}
	p.all[hash(secret)] = waiting[V]{value, now.Add(p.lifetime)}
	dropFirst(p.all, maxPending, func(w waiting[V]) time.Time { return w.expires })
}

// get returns the value of a secret; false = there is none, or it has expired.
func (p *pending[V]) get(secret string) (value V, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()

	w, found := p.all[hash(secret)]
	if !found || !p.now().Before(w.expires) {
		return value, false
	}

	return w.value, true
}

// take is get for a value that nobody gets a second time.
func (p *pending[V]) take(secret string) (value V, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()

	w, found := p.all[hash(secret)]
	delete(p.all, hash(secret))
	if !found || !p.now().Before(w.expires) {
		return value, false
	}

	return w.value, true
}

// drop removes the values that are gone.
func (p *pending[V]) drop(gone func(V) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()

	maps.DeleteFunc(p.all, func(_ string, w waiting[V]) bool { return gone(w.value) })
}

// change replaces the value of a secret, if it has one.
func (p *pending[V]) change(secret string, edit func(V) V) (value V, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()

	w, found := p.all[hash(secret)]
	if !found || !p.now().Before(w.expires) {
		return value, false
	}
	w.value = edit(w.value)
	p.all[hash(secret)] = w

	return w.value, true
}
