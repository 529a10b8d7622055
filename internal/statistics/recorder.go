// Package statistics counts what the server answers, for administrators: sign-ins, refusals by reason, new
// identities and the time to answer, by account in periods of five minutes and by identity pool in hours. Each node
// counts for itself, in memory, and stores its counts every half minute; a reader adds up those of all nodes.
// Statistics are kept for 14 days.
//
// Start reading at Recorder.Observe and Recorder.Flush.
package statistics

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// The periods of accounts and of pools, and how long they are kept.
const (
	Period     = 5 * time.Minute
	PoolPeriod = store.PoolPeriod
	Kept       = 14 * 24 * time.Hour
)

const (
	flushEvery  = 30 * time.Second
	removeEvery = time.Hour
	// lingering is how long a period that has ended stays in memory, for calls that end with it.
	lingering = 5 * time.Minute
	// unsaved is how long periods are kept that cannot be stored.
	unsaved = 2 * time.Hour

	maxScopes = 1000 // accounts and regions, in each period
	maxPools  = 5000 // pools, in each hour
	shards    = 16
	// maxShard bounds what a shard gathers between two flushes: accounts and pools with their periods.
	maxShard = 2000
)

// Other is the reason of refusals whose reason is not in the catalogues.
const Other = "other"

// key names a row: of a pool, or of an account and region.
type key struct {
	account, region string
	pool            string // "" = the account's row
	period          int64  // its begin, in seconds
}

// overflow is where the counts go that have no room: the row of no account, or of no pool.
func (k key) overflow(pools bool) key {
	if pools {
		return key{account: k.account, region: k.region, pool: otherPool, period: k.period}
	}
	return key{period: k.period}
}

// otherPool names the pools of an account that have no room of their own.
const otherPool = "other"

// Options are the parts of a Recorder.
type Options struct {
	Store *store.Store
	// Operations are the names of the operations whose time is measured.
	Operations []string
	// Reasons are the codes of the catalogues.
	Reasons []string
	Node    string // the name of this process, which no other has
	Now     func() time.Time
	Logger  *slog.Logger
}

// Recorder counts the calls of this node. It is safe for concurrent use.
//
// cache: statistics
type Recorder struct {
	options    Options
	operations map[string]bool
	reasons    map[string]bool
	seed       maphash.Seed
	shards     [shards]shard
	overflowed atomic.Int64

	flushing chan struct{} // full during a flush; guards what follows
	scopes   map[key]*window
	pools    map[key]*window
}

// shard gathers counts until the next flush. Calls spread over the shards, so that they seldom wait for each other.
type shard struct {
	mu     sync.Mutex
	counts map[key]*Counts
	_      [40]byte // the next one is in another cache line
}

// window has the counts of a period.
type window struct {
	counts  Counts
	changed bool // since it was stored
}

// New returns a Recorder.
func New(o Options) *Recorder {
	r := &Recorder{
		options:    o,
		operations: map[string]bool{},
		reasons:    map[string]bool{},
		seed:       maphash.MakeSeed(),
		flushing:   make(chan struct{}, 1),
		scopes:     map[key]*window{},
		pools:      map[key]*window{},
	}
	for _, name := range o.Operations {
		r.operations[name] = true
	}

	for _, code := range o.Reasons {
		r.reasons[code] = true
	}

	return r
}

// Observe counts an answered call of the APIs.
func (r *Recorder) Observe(rec *awsapi.Record) {
	if !r.operations[rec.Operation] {
		return
	}

	ended := rec.Start.Add(rec.Duration).Unix()
	k := key{account: rec.Account, region: rec.Region, period: ended - ended%int64(Period.Seconds())}
	s := &r.shards[maphash.String(r.seed, rec.RequestID)%shards]

	s.mu.Lock()
	defer s.mu.Unlock()

	counts := r.counts(s, k, false)
	r.count(counts, rec)
	if !rec.Throttled {
		counts.latency(rec.Operation).observe(rec.Work())
	}

	// A pool that nobody owns has no row: its name is the caller's text.
	if rec.Pool != "" && rec.Account != "" {
		k.pool, k.period = rec.Pool, ended-ended%int64(PoolPeriod.Seconds())
		r.count(r.counts(s, k, true), rec)
	}
}

// counts returns the shard's counts of k, or of what has no room.
func (r *Recorder) counts(s *shard, k key, pool bool) *Counts {
	c := s.counts[k]
	if c == nil && len(s.counts) >= maxShard {
		r.overflowed.Add(1)
		k = k.overflow(pool)
		c = s.counts[k]
	}
	if c == nil {
		if s.counts == nil {
			s.counts = map[key]*Counts{}
		}
		c = new(Counts)
		s.counts[k] = c
	}

	return c
}

func (r *Recorder) count(c *Counts, rec *awsapi.Record) {
	switch {
	case rec.Code != "" && r.reasons[string(rec.ReasonCode)]:
		c.refuse(string(rec.ReasonCode), 1)
	case rec.Code != "":
		c.refuse(Other, 1)
	case rec.SignIn == awsapi.UserSignIn:
		c.SignIns++
	case rec.SignIn == awsapi.GuestSignIn:
		c.Guests++
	}
	if rec.Code == "" && rec.NewIdentity {
		c.Identities++
	}
}

// Overflowed returns how many calls were counted without their account or pool, because there were too many.
func (r *Recorder) Overflowed() int64 { return r.overflowed.Load() }

// Flush stores what changed since the last call. What cannot be stored stays for the next call, for two hours.
func (r *Recorder) Flush(ctx context.Context) error {
	select {
	case r.flushing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}

	defer func() { <-r.flushing }()

	r.gather()
	err := r.save(ctx)
	r.forget(r.scopes, Period)
	r.forget(r.pools, PoolPeriod)

	return err
}

// gather moves the counts of the shards to their windows.
func (r *Recorder) gather() {
	for n := range r.shards {
		s := &r.shards[n]
		s.mu.Lock()
		taken := s.counts
		s.counts = nil
		s.mu.Unlock()

		for k, counts := range taken {
			windows, most := r.scopes, maxScopes
			if k.pool != "" {
				windows, most = r.pools, maxPools
			}
			w := windows[k]
			// Of two periods: one may have just ended.
			if w == nil && (len(windows) >= 2*most || r.row(k).Check() != nil) {
				r.overflowed.Add(1)
				k = k.overflow(k.pool != "")
				w = windows[k]
				if w == nil && r.row(k).Check() != nil { // its account cannot be stored either: nobody's row has it
					continue
				}
			}
			if w == nil {
				w = new(window)
				windows[k] = w
			}
			w.counts.Add(counts)
			w.changed = true
		}
	}
}

// save stores the windows that changed. An account's row goes before those of its pools, so that one transaction
// stores them and readers find the same calls in both.
func (r *Recorder) save(ctx context.Context) error {
	var keys []key
	for _, windows := range []map[key]*window{r.scopes, r.pools} {
		for k, w := range windows {
			if w.changed {
				keys = append(keys, k)
			}
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region),
			cmp.Compare(a.pool, b.pool), cmp.Compare(a.period, b.period))
	})

	rows := make([]store.StatisticsRow, 0, len(keys))
	for _, k := range keys {
		c := &r.window(k).counts
		text, err := r.text(c)
		if err != nil {
			return err
		}
		row := r.row(k)
		row.SignIns, row.Refused, row.Counts = c.SignIns+c.Guests, c.RefusedCalls(), text
		rows = append(rows, row)
	}

	stored, err := r.options.Store.SaveStatistics(ctx, rows)
	for _, k := range keys[:stored] {
		r.window(k).changed = false
	}

	return err
}

// window returns the window of a key; nil if there is none.
func (r *Recorder) window(k key) *window {
	if k.pool != "" {
		return r.pools[k]
	}
	return r.scopes[k]
}

// row returns the row of a key, without its counts.
func (r *Recorder) row(k key) store.StatisticsRow {
	return store.StatisticsRow{
		Account: k.account,
		Region:  k.region,
		Period:  time.Unix(k.period, 0),
		Node:    r.options.Node,
		Pool:    identitypool.PoolID(k.pool),
	}
}

// text returns the counts as they are stored. If that is more than a row may have, the rarest operations and reasons
// become one, because one row that is refused would keep all others from being stored.
func (r *Recorder) text(c *Counts) (string, error) {
	for {
		text, err := json.Marshal(c, json.Deterministic(true))
		if err != nil || len(text) <= store.MostStatistics {
			return string(text), err
		}
		calls := c.shrink()
		if calls == 0 {
			return "", fmt.Errorf("counts of %d bytes", len(text))
		}
		r.overflowed.Add(calls)
	}
}

// forget drops periods that have ended.
func (r *Recorder) forget(windows map[key]*window, period time.Duration) {
	now := r.options.Now()
	maps.DeleteFunc(windows, func(k key, w *window) bool {
		age := now.Sub(time.Unix(k.period, 0).Add(period))
		return age > lingering && !w.changed || age > unsaved
	})
}

// Run stores counts every half minute, and removes those of more than 14 days ago, until ctx ends. Call Flush
// afterwards.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()

	failing := false
	var removed time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}

		err := r.Flush(ctx)
		if now := r.options.Now(); err == nil && now.Sub(removed) >= removeEvery {
			removed = now
			err = r.Remove(ctx)
		}
		if err == nil {
			_, err = r.Merge(ctx)
		}
		if err != nil && !failing && ctx.Err() == nil {
			r.options.Logger.Warn("statistics could not be stored, merged or removed; they are kept for two hours",
				"error", err)
		}
		failing = err != nil
	}
}

// Remove removes the statistics of more than 14 days ago, in batches.
func (r *Recorder) Remove(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = r.options.Store.RemoveStatistics(ctx, r.options.Now().Add(-Kept-PoolPeriod)); err != nil {
			return err
		}
	}
	return nil
}
