package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// growthFloor is how much of the rate may be lost from the smallest store to
// the largest.
const growthFloor = 0.20

// growthScenarios are those whose cost may depend on the store's size.
var growthScenarios = []int{1, 3, 0} // new guests last: they make the stores grow

// growth measures how the rate falls as the store grows. All sizes are served
// at once and take turns, round by round, so that they meet the same machine.
func (b *bench) growth(ctx context.Context, r *results) error {
	progress("signing %d login tokens", b.growthTargets)
	tokens, err := b.issuer.tokens(b.growthTargets)
	if err != nil {
		return err
	}
	var stores []*grown
	for _, size := range b.sizes {
		progress("filling a store with %d identities", size)
		g, err := b.fill(ctx, size, tokens)
		if err != nil {
			return fmt.Errorf("store of %d: %w", size, err)
		}
		stores = append(stores, g)
	}
	r.Growth.Sizes = b.sizes
	for _, n := range growthScenarios {
		s := &scenarios[n]
		if !b.selected(s) {
			continue
		}
		row, err := b.growthOf(ctx, s, stores)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.Growth.Rows = append(r.Growth.Rows, row)
		progress("%s: %.0f, %.1f%% less at %d", s.name, row.Rates, 100*row.Fall, b.sizes[len(b.sizes)-1])
	}
	return nil
}

// grown is a store of some size.
type grown struct {
	size  int
	about *subjects
}

func (b *bench) growthOf(ctx context.Context, s *scenario, stores []*grown) (growthRow, error) {
	rates := make([][]float64, len(stores))
	falls := []float64{}
	for round := range b.growthRounds {
		for k := range stores {
			if round%2 != 0 {
				k = len(stores) - 1 - k
			}
			rate, err := b.growthRound(ctx, s, stores[k])
			if err != nil {
				return growthRow{}, fmt.Errorf("%d identities: %w", stores[k].size, err)
			}
			rates[k] = append(rates[k], rate)
		}
		falls = append(falls, 1-rates[len(stores)-1][round]/rates[0][round])
	}
	row := growthRow{Operation: s.name, Fall: median(falls)}
	for _, list := range rates {
		row.Rates = append(row.Rates, median(list))
	}
	return row, nil
}

// growthRound measures one size on a fresh copy of its store, so that new
// guests of one round are not there in the next.
func (b *bench) growthRound(ctx context.Context, s *scenario, g *grown) (rate float64, err error) {
	d, err := g.about.copyTo(filepath.Join(b.dir, "growing"))
	if err != nil {
		return 0, err
	}
	err = b.serving(ctx, d, func(p *process) error {
		targets, err := s.targets(ctx, p.url, g.about)
		if err != nil {
			return err
		}
		l := newLoad(targets, s.member)
		defer l.close()
		if _, err := l.closedLoop(ctx, b.warmUp); err != nil {
			return err
		}
		o, err := l.closedLoop(ctx, b.round)
		rate = o.rate
		return err
	})
	return rate, err
}

// fillers is how many identities are made at once: as many as one commit takes.
const fillers = 256

// fill makes a store of size identities, every other one a guest, through the
// store's own methods while no server has it. Those that requests will be about
// are spread evenly over it.
func (b *bench) fill(ctx context.Context, size int, tokens []string) (_ *grown, err error) {
	d, err := b.base.copyTo(filepath.Join(b.dir, fmt.Sprintf("grown-%d", size)))
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(d.dir, poolhouse.DatabaseFile), CacheEntries: -1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	pool, err := s.Pool(ctx, identitypool.PoolID(d.pool))
	if err != nil {
		return nil, err
	}
	half := size / 2
	used := min(half, len(tokens))
	about := &subjects{deployment: d, loginKey: b.issuer.loginKey(), tokens: tokens[:used], users: make([]string, used), guests: make([]string, used)}
	provider := pool.Provider(about.loginKey)
	resolver := identitypool.Resolver{MaxLogins: poolhouse.DefaultLimits.LoginsPerIdentity,
		NewID: func() identitypool.IdentityID { return identitypool.IdentityID(region + ":" + uuid.NewString()) }}
	one := func(n int) error {
		guest := identitypool.Identity{ID: resolver.NewID(), PoolID: pool.ID}
		if err := s.CreateIdentity(ctx, guest); err != nil {
			return err
		}
		spacing := half / used
		wanted := n%spacing == 0 && n/spacing < used
		name := fmt.Sprintf("other-%07d", n)
		if wanted {
			name = subject(n / spacing)
		}
		logins := []identitypool.Login{provider.Verified(name, audience).Login}
		user, err := s.Resolve(ctx, pool.ID, "", logins, resolver.FirstSignIn(logins))
		if err != nil {
			return err
		}
		if wanted {
			about.guests[n/spacing], about.users[n/spacing] = string(guest.ID), string(user.ID)
		}
		return nil
	}
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, fillers)
	begin := time.Now()
	for range fillers {
		group.Go(func() {
			for n := next.Add(1) - 1; n < int64(half); n = next.Add(1) - 1 {
				if err := one(int(n)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return nil, err
	}
	progress("%d identities in %v", 2*half, time.Since(begin).Round(time.Millisecond))
	return &grown{size: size, about: about}, nil
}
