package iam

import (
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// keyCache keeps recently used access keys for a bounded time. It keeps only keys
// that work: a flood of unknown IDs must not push them out.
//
// cache: access keys
type keyCache struct {
	entries  *lru.Cache[string, cachedKey]
	lifetime time.Duration
	// generation counts changes made by this process. A read that began before
	// a change must not be kept after it.
	generation atomic.Uint64
}

type cachedKey struct {
	caller Caller
	secret string
	read   time.Time // when the store was asked
}

func newKeyCache(entries int, lifetime time.Duration) (*keyCache, error) {
	c, err := lru.New[string, cachedKey](entries)
	return &keyCache{entries: c, lifetime: lifetime}, err
}

func (c *keyCache) get(id string, now time.Time) (cachedKey, bool) {
	k, ok := c.entries.Get(id)
	if !ok {
		return cachedKey{}, false
	}
	// If the clock was set back, an entry must not live longer.
	if age := now.Sub(k.read); age < 0 || age >= c.lifetime {
		c.entries.Remove(id)
		return cachedKey{}, false
	}

	return k, true
}

func (c *keyCache) put(id string, k cachedKey, generation uint64) {
	c.entries.Add(id, k)
	if c.generation.Load() != generation {
		c.entries.Remove(id)
	}
}

func (c *keyCache) forget(id string) {
	c.generation.Add(1)
	c.entries.Remove(id)
}
