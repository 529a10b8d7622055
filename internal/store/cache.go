package store

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// cache keeps what reads of SQLite found. It is coherent with this process's
// writer: an entry that a commit changes is dropped before that commit begins,
// and nothing is entered that was read while such a commit was under way. So an
// entry of the cache equals the database's row, and reads that use the cache are as
// linearizable as reads that do not.
//
// SQLite's data_version, which the writer looks at, shows other processes'
// commits. No entry is used when the last look is more than cacheFresh ago.
// Readers ask for the next look halfway, because the writer may have other work
// first.
//
// A nil cache holds nothing.
//
// cache: read cache
type cache struct {
	seed    maphash.Seed
	stripes [cacheStripes]stripe
	// owners maps a login to an identity that had it: a hint, which the
	// identity's own entry confirms or refutes.
	owners *lru.Cache[ownerKey, identitypool.IdentityID]

	fresh  atomic.Bool // the last look is recent enough
	wanted atomic.Bool // the next reader asks for a look
	look   func()      // asks for a look; nil when there is nobody else to write
	expire *time.Timer // of fresh
	renew  *time.Timer // sets wanted
}

const (
	cacheStripes = 256
	cacheFresh   = 100 * time.Millisecond
	cacheRenew   = cacheFresh / 2
)

type ownerKey struct {
	pool  identitypool.PoolID
	login loginKey
}

// stripe is a share of the keys. busy counts the commits under way that change
// one of them; each such commit changes generation.
type stripe struct {
	mu         sync.Mutex
	entries    *simplelru.LRU[engine.Key, any] // cache: read cache
	generation uint64
	busy       int
}

// newCache returns a cache of about entries entries, nil for a negative number.
func newCache(entries int) *cache {
	if entries < 0 {
		return nil
	}

	c := &cache{seed: maphash.MakeSeed()}
	for i := range c.stripes {
		// Fails only for sizes < 1.
		c.stripes[i].entries, _ = simplelru.NewLRU[engine.Key, any](entries/cacheStripes+1, nil)
	}
	c.owners, _ = lru.New[ownerKey, identitypool.IdentityID](entries + 1)

	return c
}

func poolKey(id identitypool.PoolID) engine.Key         { return engine.Key{Kind: 'p', ID: string(id)} }
func identityKey(id identitypool.IdentityID) engine.Key { return engine.Key{Kind: 'i', ID: string(id)} }

func (c *cache) stripe(key engine.Key) *stripe {
	return &c.stripes[maphash.String(c.seed, key.ID)%cacheStripes]
}

// get returns the entry of key. Its value is shared: clone before handing it out.
func (c *cache) get(key engine.Key) (any, bool) {
	if !c.usable() {
		return nil, false
	}
	s := c.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.entries.Get(key)
}

// ticket records a stripe's state before a row is read. fill enters the row
// only if no commit has changed that state.
type ticket struct {
	generation uint64
	valid      bool
}

// begin is called before the row of key is read.
func (c *cache) begin(key engine.Key) ticket {
	if c == nil {
		return ticket{}
	}
	s := c.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()

	return ticket{generation: s.generation, valid: s.busy == 0}
}

// fill enters what was read since begin, unless a commit intervened.
func (c *cache) fill(key engine.Key, t ticket, value any) {
	if !t.valid {
		return
	}
	s := c.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.generation == t.generation {
		s.entries.Add(key, value)
	}
}

// Hold drops keys and keeps them out until release is called. The writer calls
// it before a commit and release after.
func (c *cache) Hold(keys []engine.Key) (release func()) {
	if c == nil || len(keys) == 0 {
		return func() {}
	}

	for _, key := range keys {
		s := c.stripe(key)
		s.mu.Lock()
		s.entries.Remove(key)
		s.generation++
		s.busy++
		s.mu.Unlock()
	}

	return func() {
		for _, key := range keys {
			s := c.stripe(key)
			s.mu.Lock()
			s.busy--
			s.mu.Unlock()
		}
	}
}

// Flush drops all entries, and keeps out what reads under way would enter.
func (c *cache) Flush() {
	if c == nil {
		return
	}

	for i := range c.stripes {
		s := &c.stripes[i]
		s.mu.Lock()
		s.entries.Purge()
		s.generation++
		s.mu.Unlock()
	}
	c.owners.Purge()
}

// Alone records that no other process can write.
func (c *cache) Alone() {
	if c != nil {
		c.fresh.Store(true)
	}
}

// Watch sets the function that asks for a look.
func (c *cache) Watch(look func()) {
	if c != nil {
		c.look = look
		c.expire = time.AfterFunc(cacheFresh, c.stale)
		c.renew = time.AfterFunc(cacheRenew, c.want)
		c.want() // at once: the look that began the service does not count
	}
}

// Verified is called after each look.
func (c *cache) Verified() {
	if c != nil && c.expire != nil {
		c.wanted.Store(false)
		c.fresh.Store(true)
		c.expire.Reset(cacheFresh)
		c.renew.Reset(cacheRenew)
	}
}

func (c *cache) stale() { c.fresh.Store(false) }
func (c *cache) want()  { c.wanted.Store(true) }

// Unverified is called when a look failed: the next reader asks again.
func (c *cache) Unverified() {
	if c != nil {
		c.want()
	}
}

// usable reports whether entries may be used, and asks for a look that is wanted.
func (c *cache) usable() bool {
	if c == nil {
		return false
	}
	if c.wanted.Load() && c.wanted.CompareAndSwap(true, false) {
		c.look()
	}
	return c.fresh.Load()
}
