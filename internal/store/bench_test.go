package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// benchEngines are the engines that keep what they acknowledge, fsync included.
func benchEngines(b *testing.B, run func(*testing.B, *Store)) {
	for _, e := range engines {
		if e.name != "sqlite-memory" {
			b.Run(e.name, func(b *testing.B) { run(b, open(b, e.options(b))) })
		}
	}
}

// inParallel runs b.N operations on n goroutines.
func inParallel(b *testing.B, n int, op func(i int64) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()

	for range n {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := op(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}

	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// BenchmarkCreateIdentity64 is 64 callers that each create guests, durably.
func BenchmarkCreateIdentity64(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *Store) {
		pool := addPool(b, s)
		inParallel(b, 64, func(int64) error {
			now := time.Now() // identities are listed by it: without it one more index would be written at random
			return s.CreateIdentity(b.Context(), identitypool.Identity{
				ID:       newIdentityID(),
				PoolID:   pool,
				Created:  now,
				Modified: now,
			})
		})
	})
}

// BenchmarkFirstSignIn64 is 64 callers whose logins are new: an identity and a
// login in one durable transaction.
func BenchmarkFirstSignIn64(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *Store) {
		pool := addPool(b, s)
		inParallel(b, 64, func(i int64) error {
			logins := []identitypool.Login{public("accounts.google.com", fmt.Sprint(i))}
			_, err := s.Resolve(b.Context(), pool, "", logins, signIn(logins))
			return err
		})
	})
}

const benchIdentities = 10_000

// addMany fills a pool with identities that have a login each.
func addMany(b *testing.B, s *Store) (identitypool.PoolID, []identitypool.IdentityID) {
	pool := addPool(b, s)
	ids := make([]identitypool.IdentityID, benchIdentities)
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < benchIdentities; i += 64 {
				ids[i] = addLinked(b, s, pool, public("accounts.google.com", fmt.Sprint(i))).ID
			}
		})
	}
	wg.Wait()

	return pool, ids
}

func BenchmarkIdentity(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *Store) {
		_, ids := addMany(b, s)
		inParallel(b, 8, func(int64) error {
			_, err := s.Identity(b.Context(), ids[rand.IntN(len(ids))])
			return err
		})
	})
}

func BenchmarkPool(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *Store) {
		p := fullPool()
		if err := s.CreatePool(b.Context(), p, 0); err != nil {
			b.Fatal(err)
		}
		inParallel(b, 8, func(int64) error {
			_, err := s.Pool(b.Context(), p.ID)
			return err
		})
	})
}

// BenchmarkResolveKnownLogin is a sign-in of somebody who has signed in before.
func BenchmarkResolveKnownLogin(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *Store) {
		pool, _ := addMany(b, s)
		inParallel(b, 8, func(int64) error {
			logins := []identitypool.Login{public("accounts.google.com", fmt.Sprint(rand.IntN(benchIdentities)))}
			_, err := s.Resolve(b.Context(), pool, "", logins, signIn(logins))
			return err
		})
	})
}

func BenchmarkListIdentities60(b *testing.B) {
	benchEngines(b, func(b *testing.B, s *Store) {
		pool, _ := addMany(b, s)
		all, err := s.ListIdentities(b.Context(), pool, false, Place{}, benchIdentities)
		if err != nil {
			b.Fatal(err)
		}
		inParallel(b, 2, func(int64) error {
			_, err := s.ListIdentities(b.Context(), pool, false, PlaceOf(all[rand.IntN(len(all))]), 60)
			return err
		})
	})
}

func BenchmarkOpenMemory(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.Context(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
