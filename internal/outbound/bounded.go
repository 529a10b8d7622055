package outbound

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Bounded holds a bounded number of values and makes the missing ones. A new value
// replaces the one used longest ago.
//
// cache: (container)
type Bounded[K comparable, V any] struct {
	mu    sync.Mutex
	cache *lru.Cache[K, V]
}

// NewBounded returns a Bounded of at most size values.
func NewBounded[K comparable, V any](size int) *Bounded[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only for a size below 1, a mistake of the caller
	}
	return &Bounded[K, V]{cache: cache}
}

// Get returns the value of key, which create makes if it is missing.
func (b *Bounded[K, V]) Get(key K, create func() V) V {
	if value, held := b.cache.Get(key); held {
		return value
	}

	b.mu.Lock()
	defer b.mu.Unlock()

	if value, held := b.cache.Get(key); held {
		return value
	}
	value := create()
	b.cache.Add(key, value)

	return value
}

// Clear drops all values.
func (b *Bounded[K, V]) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()

	b.cache.Purge()
}

// Len returns the number of values held.
func (b *Bounded[K, V]) Len() int { return b.cache.Len() }
