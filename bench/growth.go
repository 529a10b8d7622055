package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// growthFloor is the share of the rate that may be lost from the smallest store to the
// largest.
const growthFloor = 0.20

// growthScenarios lists the scenarios whose cost may depend on the store's size.
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
		rows, err := b.growthOf(ctx, s, stores)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}

		r.Growth.Rows = append(r.Growth.Rows, rows...)
		for _, row := range rows {
			progress("%s: %.0f, %.1f%% less at %d", row.Operation, row.Rates, 100*row.Fall, b.sizes[len(b.sizes)-1])
		}
	}

	return nil
}

// grown is a store of some size.
type grown struct {
	size  int
	about *subjects
}

// growthOf measures a scenario twice: with requests that were all made before, so that the
// caches are full, and with the first requests after a start.
func (b *bench) growthOf(ctx context.Context, s *scenario, stores []*grown) (rows []growthRow, err error) {
	rates, firsts := make([][]float64, len(stores)), make([][]float64, len(stores))
	cpu, firstCPU := make([][]float64, len(stores)), make([][]float64, len(stores))
	falls, firstFalls := []float64{}, []float64{}
	for round := range b.growthRounds {
		for k := range stores {
			if round%2 != 0 {
				k = len(stores) - 1 - k
			}
			first, later, err := b.growthOnce(ctx, s, stores[k])
			if err != nil {
				return nil, fmt.Errorf("%d identities: %w", stores[k].size, err)
			}
			rates[k], firsts[k] = append(rates[k], later.rate), append(firsts[k], first.rate)
			cpu[k], firstCPU[k] = append(cpu[k], later.cpu), append(firstCPU[k], first.cpu)
		}

		last := len(stores) - 1
		falls = append(falls, 1-rates[last][round]/rates[0][round])
		firstFalls = append(firstFalls, 1-firsts[last][round]/firsts[0][round])
	}

	rows = append(rows, growthRow{
		Operation: s.name,
		Rates:     medians(rates),
		CPU:       medians(cpu),
		Fall:      median(falls),
		Floor:     growthFloor,
	})
	if firsts[0][0] > 0 {
		rows = append(rows, growthRow{
			Operation: s.name + ", first of each since the start",
			Rates:     medians(firsts),
			CPU:       medians(firstCPU),
			Fall:      median(firstFalls),
		})
	}

	return rows, nil
}

func medians(lists [][]float64) []float64 {
	all := make([]float64, 0, len(lists))
	for _, list := range lists {
		all = append(all, median(list))
	}
	return all
}

// pace is a rate with the server's processor time per request in microseconds.
type pace struct{ rate, cpu float64 }

// paceOf measures do with the processor time of its server.
func paceOf(server *process, do func() (requests int, rate float64, err error)) (pace, error) {
	before, err := server.cpu()
	if err != nil {
		return pace{}, err
	}
	requests, rate, err := do()
	if err != nil {
		return pace{}, err
	}
	after, err := server.cpu()

	return pace{rate: rate, cpu: microsEach(after-before, requests)}, err
}

// growthOnce measures one size on a fresh copy of its store, so that new guests
// of one round are not there in the next. first is 0 where all requests are alike.
func (b *bench) growthOnce(ctx context.Context, s *scenario, g *grown) (first, later pace, err error) {
	d, err := g.about.copyTo(filepath.Join(b.dir, "growing"))
	if err != nil {
		return first, later, err
	}

	err = b.serving(ctx, d, func(p *process) error {
		targets, err := s.targets(ctx, p.url, g.about)
		if err != nil {
			return err
		}

		l := newLoad(targets, s)
		defer l.close()

		if len(targets) > 1 {
			first, err = paceOf(p, func() (int, float64, error) {
				rate, err := firstRequests(ctx, l)
				return len(targets), rate, err
			})
			if err != nil {
				return err
			}
		}
		if _, err := l.closedLoop(ctx, growthWarmUp); err != nil {
			return err
		}
		later, err = paceOf(p, func() (int, float64, error) {
			o, err := l.closedLoop(ctx, b.growthRound)
			return o.requests, o.rate, err
		})

		return err
	})

	return first, later, err
}

// firstRequests sends each target of l once.
func firstRequests(ctx context.Context, l *load) (rate float64, err error) {
	begin := time.Now()

	var wrong atomic.Pointer[error]

	var next atomic.Int64
	var group sync.WaitGroup
	client := &http.Client{Transport: l.transport}
	for range connections {
		group.Go(func() {
			for at := next.Add(1) - 1; at < int64(len(l.targets)) && wrong.Load() == nil &&
				ctx.Err() == nil; at = next.Add(1) - 1 {
				err := once(ctx, client, &l.targets[at], l.member)
				for errors.Is(err, errRefused) && ctx.Err() == nil { // it counts for as long as it takes
					err = once(ctx, client, &l.targets[at], l.member)
				}
				if err != nil {
					wrong.Store(&err)
				}
			}
		})
	}
	group.Wait()
	if err := wrong.Load(); err != nil {
		return 0, *err
	}

	return float64(len(l.targets)) / time.Since(begin).Seconds(), ctx.Err()
}

// once sends a target and checks its answer.
func once(ctx context.Context, client *http.Client, t *vegeta.Target, member []byte) error {
	r, err := t.Request()
	if err != nil {
		return err
	}
	answer, err := client.Do(r.WithContext(ctx))
	if err != nil {
		return err
	}
	defer answer.Body.Close()

	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode == http.StatusTooManyRequests {
		return errRefused
	}
	if err == nil && (answer.StatusCode != http.StatusOK || !bytes.Contains(text, member)) {
		err = fmt.Errorf("an answer is not the one to measure: %s %s", answer.Status, text)
	}

	return err
}

// growthWarmUp lets a server that has just started fill its page caches from a large
// store.
const growthWarmUp = 3 * time.Second

// fillers is the number of identities that are made at once: as many as one commit takes.
const fillers = 256

// postgreSQLFillers is fewer than the connections for writes to a PostgreSQL, each of which makes one at a time.
const postgreSQLFillers = 4

// fill makes a store of size identities, every other one a guest, through the
// store's own methods while no server has it. The identities that requests will use are
// spread evenly over it.
func (b *bench) fill(ctx context.Context, size int, tokens []string) (*grown, error) {
	d, err := b.base.copyTo(filepath.Join(b.dir, fmt.Sprintf("grown-%d", size)))
	if err != nil {
		return nil, err
	}

	return b.fillDeployment(ctx, d, size, tokens)
}

// fillDeployment is fill for a deployment that nobody serves.
func (b *bench) fillDeployment(
	ctx context.Context, d *deployment, size int, tokens []string,
) (_ *grown, err error) {
	s, err := d.store(ctx)
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
	about := &subjects{deployment: d, loginKey: b.issuer.loginKey(), tokens: tokens[:used], users: make([]string, used),
		guests: make([]string, used)}
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

	workers := fillers
	if d.database != "" {
		workers = postgreSQLFillers
	}
	begin := time.Now()
	if err := atOnce(workers, half, one); err != nil {
		return nil, err
	}
	progress("%d identities in %v", 2*half, time.Since(begin).Round(time.Millisecond))

	return &grown{size: size, about: about}, nil
}

// atOnce calls one with each number below all, several at once, until one fails.
func atOnce(workers, all int, one func(int) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, workers)
	for range workers {
		group.Go(func() {
			for n := next.Add(1) - 1; n < int64(all); n = next.Add(1) - 1 {
				if err := one(int(n)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)

	return <-failed
}
