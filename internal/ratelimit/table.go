package ratelimit

import (
	"hash/maphash"
	"sync"
	"time"
)

// shards is the number of parts of a table, each with its lock.
const shards = 64

// table keeps values by key in two generations. A value moves to the young generation
// when it is used. When that is full, or old enough, it replaces the old generation, whose
// values are forgotten. So the table holds at most its capacity, and forgets the values
// that were unused for longest.
//
// A forgotten bucket is full again, but nobody gains by that. After life, the time in
// which an empty bucket fills, it is full anyway. To have it forgotten earlier, a client
// must use capacity/2 other buckets, from as many addresses or accounts, and each use
// takes a token: 32,768 calls that are allowed anyway, for one bucket of 1,000. A secret
// hash spreads keys over the shards, so that nobody can fill one shard alone.
//
// cache: (container)
type table[K comparable, V any] struct {
	seed  maphash.Seed
	half  int           // entries of one generation of a shard
	life  time.Duration // the shortest time for which an unused value is kept, if there is room
	parts [shards]part[K, V]
}

// part is a shard of a table.
type part[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
	began      time.Time // of the young generation
}

func newTable[K comparable, V any](capacity int, life time.Duration) *table[K, V] {
	return &table[K, V]{seed: maphash.MakeSeed(), half: max(capacity/2/shards, 1), life: life}
}

// get returns the value of key; ok is false if there is none.
func (t *table[K, V]) get(now time.Time, key K) (v V, ok bool) {
	p := t.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()

	if v, ok = p.young[key]; ok {
		return v, true
	}
	if v, ok = p.old[key]; ok {
		t.put(p, now, key, v)
	}

	return v, ok
}

// getOrAdd returns the value of key. If there is none, it adds the result of make.
func (t *table[K, V]) getOrAdd(now time.Time, key K, create func() V) V {
	p := t.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()

	if v, ok := p.young[key]; ok {
		return v
	}

	v, ok := p.old[key]
	if !ok {
		v = create()
	}
	t.put(p, now, key, v)

	return v
}

// remove forgets the value of key.
func (t *table[K, V]) remove(key K) {
	p := t.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()

	delete(p.young, key)
	delete(p.old, key)
}

// put adds a value to the young generation.
func (t *table[K, V]) put(p *part[K, V], now time.Time, key K, v V) {
	if p.young == nil || len(p.young) >= t.half || now.Sub(p.began) >= t.life {
		p.old, p.young, p.began = p.young, map[K]V{}, now
	}
	delete(p.old, key)
	p.young[key] = v
}

func (t *table[K, V]) part(key K) *part[K, V] {
	return &t.parts[maphash.Comparable(t.seed, key)%shards]
}

// size returns the number of values in the table.
func (t *table[K, V]) size() int {
	n := 0
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		n += len(p.young) + len(p.old)
		p.mu.Unlock()
	}

	return n
}
