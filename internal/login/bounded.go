package login

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// bounded holds a bounded number of values and makes the missing ones; the one
// used longest ago gives way.
//
// cache: (container)
type bounded[K comparable, V any] struct {
	mu    sync.Mutex
	cache *lru.Cache[K, V]
}

func newBounded[K comparable, V any](size int) *bounded[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only for a size below 1, which New excludes
	}
	return &bounded[K, V]{cache: cache}
}

func (b *bounded[K, V]) get(key K, create func() V) V {
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
