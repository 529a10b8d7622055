package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

func TestCacheFillsOnlyWhatIsCurrent(t *testing.T) {
	c := newCache(100)
	c.Alone()
	key := poolKey("p")
	has := func(want any) {
		t.Helper()
		got, ok := c.get(key)
		if ok != (want != nil) || got != want {
			t.Errorf("get = %v, %t; want %v", got, ok, want)
		}
	}

	before := c.begin(key)
	c.fill(key, before, 1)
	has(1)
	release := c.Hold([]engine.Key{key})
	has(nil) // dropped before the commit begins
	c.fill(key, before, 1)
	has(nil) // read before it

	during := c.begin(key)
	c.fill(key, during, 1)
	has(nil) // read while it runs: either value
	release()
	c.fill(key, during, 1)
	has(nil)

	after := c.begin(key)
	c.fill(key, after, 2)
	has(2)
	late := c.begin(key)
	c.Flush()
	has(nil)
	c.fill(key, late, 2)
	has(nil)

	var none *cache
	none.fill(key, none.begin(key), 1)
	none.Hold([]engine.Key{key})()
	none.Flush()
	if _, ok := none.get(key); ok {
		t.Error("no cache holds something")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(1000)
	c.Alone()

	for n := range 10_000 {
		key := poolKey(identitypool.PoolID(numbered("p", n)))
		c.fill(key, c.begin(key), n)
	}

	held := 0
	for i := range c.stripes {
		held += c.stripes[i].entries.Len()
	}
	if held == 0 || held > 1000+cacheStripes {
		t.Errorf("%d entries in a cache for 1000", held)
	}
}

// What another process writes is seen once the cache's time is up, and until
// then the cache serves: otherwise this would prove nothing.
func TestCacheSeesOtherProcesses(t *testing.T) {
	s := openFile(t)
	ask := s.cache.look
	s.cache.look = func() {} // the test decides when one comes
	other := open(t, Options{Path: s.options.Path, CacheEntries: -1})
	pool := addPool(t, s)
	i := addLinked(t, s, pool, public("p", "s"))
	look := func() {
		t.Helper()
		lookForOthers(t, s, ask)
	}
	warm := func() {
		t.Helper()
		look()

		for range 2 {
			if _, err := s.Identity(t.Context(), i.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := s.IdentityByLogin(t.Context(), pool, public("p", "s")); err != nil {
				t.Fatal(err)
			}
		}

		s.cache.expire.Stop() // the test decides when the time is up
		s.cache.fresh.Store(true)
	}

	warm()
	if err := other.Unlink(t.Context(), i.ID,
		func(i identitypool.Identity) ([]identitypool.Login, error) { return i.Logins, nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Identity(t.Context(), i.ID); err != nil || len(got.Logins) != 1 {
		t.Errorf("within the time: %v, %v; want the cached identity", got, err)
	}

	s.cache.stale()
	if got, err := s.Identity(t.Context(), i.ID); err != nil || len(got.Logins) != 0 {
		t.Errorf("after the time: %v, %v; want the database's", got, err)
	}

	look() // drops what is old
	if got, err := s.Identity(t.Context(), i.ID); err != nil || len(got.Logins) != 0 {
		t.Errorf("after a look: %v, %v", got, err)
	}

	i = addLinked(t, s, pool, public("p", "s"))
	warm()
	if err := other.DeletePool(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	look()
	_, err := s.Identity(t.Context(), i.ID)
	wantError(t, "Identity of a pool that another process deleted", err, ErrNotFound)

	_, err = s.Pool(t.Context(), pool)
	wantError(t, "Pool that another process deleted", err, ErrNotFound)
}

// While there are readers, looks come before the last one is too old; a look
// that does not come is asked for once, and ends the use of entries in time.
func TestCacheIsRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const step = cacheFresh / 10
		c, looks := newCache(10), 0
		c.Watch(func() { looks++ })
		c.Verified()

		for round := range 20 {
			for at := step; looks == round; at += step {
				time.Sleep(step) // the bubble's clock
				if !c.usable() {
					t.Fatalf("round %d: not usable after %s", round, at)
				}
			}

			c.Verified()
		}

		time.Sleep(cacheFresh - step)
		if !c.usable() {
			t.Error("not usable before the time is up")
		}
		time.Sleep(2 * step)

		for range 2 {
			if c.usable() {
				t.Error("usable after the time is up")
			}
		}
		if looks != 21 {
			t.Errorf("%d looks were asked for, not 21", looks)
		}
	})
}

// The cache asks for its look by itself.
func TestCacheRefreshesItself(t *testing.T) {
	s := openFile(t)
	other := open(t, Options{Path: s.options.Path, CacheEntries: -1})
	pool := addPool(t, s)
	for round := range 3 {
		p, err := other.UpdatePool(t.Context(), pool,
			func(p *identitypool.Pool) error { p.Name = numbered("name", round); return nil })
		if err != nil {
			t.Fatal(err)
		}

		deadline := time.After(20 * time.Second) // of cacheFresh and a loaded machine
		tick := time.NewTicker(5 * time.Millisecond)
		hits := 0
		for current := false; !current; {
			got, err := s.Pool(t.Context(), pool)
			if err != nil {
				t.Fatal(err)
			}

			current = got.Name == p.Name
			select {
			case <-tick.C:
				hits++
			case <-deadline:
				t.Fatalf("round %d: still %q after %d reads", round, got.Name, hits)
			}
		}
		tick.Stop()
	}
}

// Reads while others write: what a write acknowledged is seen by every read that
// begins later, and no read goes back behind another one.
func TestReadsAreCoherent(t *testing.T) {
	eachEngine(t, func(t *testing.T, s *Store) {
		pool := addPool(t, s)
		i := addLinked(t, s, pool, public("p", "s"))
		var acknowledged, seen atomic.Int64 // pool versions
		var links atomic.Int64              // developer logins of i
		var writers, readers sync.WaitGroup
		stop := make(chan struct{})
		writers.Go(func() {
			for range 60 {
				p, err := s.UpdatePool(t.Context(), pool, func(p *identitypool.Pool) error { return nil })
				if err != nil {
					t.Errorf("UpdatePool: %v", err)
					return
				}
				acknowledged.Store(p.Version)
			}
		})

		writers.Go(func() {
			for n := range 15 {
				l := developer(numbered("u", n))
				_, err := s.Resolve(t.Context(), pool, i.ID, []identitypool.Login{l},
					plan(identitypool.Plan{Identity: i.ID, Link: []identitypool.Login{l}}))
				if err != nil {
					t.Errorf("Resolve: %v", err)
					return
				}
				links.Store(int64(n + 1))
			}
		})

		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}

					floor := max(acknowledged.Load(), seen.Load())
					p, err := s.Pool(t.Context(), pool)
					if err != nil || p.Version < floor {
						t.Errorf("Pool = version %d, %v, after version %d was acknowledged or seen",
							p.Version, err, floor)
						return
					}

					for {
						old := seen.Load()
						if old >= p.Version || seen.CompareAndSwap(old, p.Version) {
							break
						}
					}

					least := links.Load()
					for _, read := range []func() (identitypool.Identity, error){
						func() (identitypool.Identity, error) { return s.Identity(t.Context(), i.ID) },
						func() (identitypool.Identity, error) {
							return s.IdentityByLogin(t.Context(), pool, public("p", "s"))
						},
						func() (identitypool.Identity, error) {
							return s.Resolve(t.Context(), pool, "", []identitypool.Login{public("p", "s")},
								signIn([]identitypool.Login{public("p", "s")}))
						},
					} {
						got, err := read()
						if err != nil || int64(len(got.Logins)) < 1+least {
							t.Errorf("%d logins, %v, after %d links", len(got.Logins), err, least)
							return
						}
						least = int64(len(got.Logins)) - 1
					}
				}
			})
		}

		writers.Wait()
		close(stop)
		readers.Wait()
	})
}
