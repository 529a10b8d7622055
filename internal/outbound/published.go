package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"golang.org/x/sync/singleflight"
)

// Lifetimes of published documents.
const (
	freshMin = 5 * time.Minute // shortest, even if Cache-Control states less
	freshMax = time.Hour       // longest
	maxStale = 24 * time.Hour  // age from which a document is no longer used
	// freshOwn is for documents of this process itself: reading them again costs next to nothing, and
	// a key that was withdrawn must be refused within seconds (issuer.Lag).
	freshOwn = 3 * time.Second
)

const (
	minRetryPause = time.Second
	maxRetryPause = 30 * time.Second
	// maxWaiting bounds the calls that wait for one provider at a time.
	maxWaiting = 256
)

var errBusy = errors.New("too many calls wait for this provider already")

// Published is one document of a provider, at one URL, held with its age. It is
// fresh for the time that Cache-Control states, within bounds. In the last fifth
// of that time it is still used, and refreshed in the background. After that time
// calls wait for the refresh, so that no login rests on a key that was withdrawn
// longer ago. While the provider fails, the document is used up to maxStale.
//
// At most one fetch is under way. After a failure the next one waits for a
// growing pause, in which calls that need the document fail at once. While a
// provider is known to fail, one call tries and the others do not wait for it.
type Published[T any] struct {
	client *Client
	url    string
	policy Policy
	parse  func(body []byte) (T, error)

	current atomic.Pointer[Edition[T]]
	flights singleflight.Group
	waiting atomic.Int32

	mu         sync.Mutex
	refreshing bool // in the background
	fetching   bool
	failures   int // in a row
	retryAt    time.Time
	lastErr    error

	// Only Newer uses these; its work runs once at a time.
	againAt  time.Time // when the next fetch for something missing may start
	againErr error     // of the latest one
}

// NewPublished returns the document at url, which parse reads. The document is
// fetched when it is first needed.
func NewPublished[T any](c *Client, url string, p Policy, parse func(body []byte) (T, error)) *Published[T] {
	return &Published[T]{client: c, url: url, policy: p, parse: parse}
}

// Edition is one version of a provider's document. It does not change.
type Edition[T any] struct {
	Value     T
	etag      string
	agedAt    time.Time // from then on it is refreshed in the background
	overdueAt time.Time // from then on calls wait for the refresh
	deadAt    time.Time
}

// Held returns the edition if it may be used without waiting for the provider.
func (p *Published[T]) Held(now time.Time) (*Edition[T], bool) {
	e := p.current.Load()
	if e == nil || !now.Before(e.overdueAt) {
		return nil, false
	}
	if !now.Before(e.agedAt) {
		p.refresh(now)
	}
	return e, true
}

// Get returns the edition. It asks the provider if Held would return none.
func (p *Published[T]) Get(ctx context.Context, now time.Time) (*Edition[T], error) {
	if e, usable := p.Held(now); usable {
		return e, nil
	}
	err := p.failing(now)
	if err == nil {
		err = p.wait(ctx, "get", func() error {
			if _, usable := p.Held(now); usable {
				return nil // fetched since this call looked
			}
			_, err, _ := p.flights.Do("fetch", func() (any, error) { return nil, p.fetch() })
			return err
		})
	}

	e := p.current.Load()
	if err != nil && (e == nil || !now.Before(e.deadAt)) {
		return nil, err
	}

	return e, nil
}

// Current returns the edition held, of any age; nil if there is none.
func (p *Published[T]) Current() *Edition[T] { return p.current.Load() }

// Newer fetches the document even if it is fresh, because the edition seen lacks
// something; but at most once per pause, whoever asks. It returns seen itself if
// there is no other edition now. It returns an error if the provider could not be
// asked.
func (p *Published[T]) Newer(ctx context.Context, seen *Edition[T], pause time.Duration) (*Edition[T], error) {
	err := p.wait(ctx, "look again", func() error {
		now := p.client.o.Now()
		if p.current.Load() != seen {
			return nil
		}
		if now.Before(p.againAt) {
			return p.againErr
		}
		if err := p.failing(now); err != nil {
			return err
		}

		p.againAt = now.Add(pause)
		_, p.againErr, _ = p.flights.Do("fetch", func() (any, error) { return nil, p.fetch() })

		return p.againErr
	})
	if err != nil {
		return nil, err
	}

	return p.current.Load(), nil
}

// failing returns the latest error while the provider is known to fail and one more
// call should neither ask it nor wait for it.
func (p *Published[T]) failing(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.failures > 0 && (p.fetching || now.Before(p.retryAt)) {
		return p.lastErr
	}
	return nil
}

// refresh fetches in the background, unless that is under way or failed lately.
func (p *Published[T]) refresh(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.refreshing || now.Before(p.retryAt) {
		return
	}
	p.refreshing = p.client.inBackground(func() {
		_, _, _ = p.flights.Do("fetch", func() (any, error) { return nil, p.fetch() }) // fetch keeps its error

		p.mu.Lock()
		defer p.mu.Unlock()

		p.refreshing = false
	})
}

// wait runs work, or joins the call that runs it under the same name, until ctx
// ends. The work continues after its callers have left.
func (p *Published[T]) wait(ctx context.Context, name string, work func() error) error {
	if p.waiting.Add(1) > maxWaiting {
		p.waiting.Add(-1)
		return errBusy
	}
	defer p.waiting.Add(-1)

	done := p.flights.DoChan(name, func() (any, error) { return nil, work() })
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return &Error{
				Problem: "the caller stopped waiting for " + explain.ShownText(p.url),
				Cause:   ctx.Err(),
				Fix:     "try again",
			}
		}

		return &Error{
			Problem: explain.ShownText(p.url) + " did not answer in time",
			Cause:   ctx.Err(),
			Fix:     "check that it is up and reachable from this server",
		}
	}
}

// fetch asks the provider and keeps its document. Callers run it through flights,
// one at a time.
func (p *Published[T]) fetch() error {
	if !p.client.begin() {
		return errClosed
	}
	defer p.client.running.Done()

	p.mu.Lock()
	p.fetching = true
	p.mu.Unlock()

	now := p.client.o.Now() // before the exchange: no document is taken for younger than it is
	next, err := p.exchange(now)

	p.mu.Lock()
	defer p.mu.Unlock()

	p.fetching = false
	if err != nil {
		p.failures++
		p.lastErr = err
		p.retryAt = p.client.o.Now().Add(min(minRetryPause<<min(p.failures-1, 10), maxRetryPause))
		p.client.o.Logger.Warn("login provider could not be asked",
			slog.String("url", p.url),
			slog.Int("failures", p.failures),
			slog.String("reason", err.Error()))

		return err
	}

	p.failures, p.lastErr, p.retryAt = 0, nil, time.Time{}
	p.current.Store(next)

	return nil
}

// exchange sends one request. A document that makes the parser panic must not end
// the process, which serves other providers' users too.
func (p *Published[T]) exchange(now time.Time) (next *Edition[T], err error) {
	defer func() {
		if r := recover(); r != nil {
			next, err = nil, &Error{
				Problem: explain.ShownText(p.url) + " answers with a document that cannot be read",
				Reached: true,
				Cause:   fmt.Errorf("panic: %v", r),
				Fix:     "report this, with the document",
			}
		}
	}()

	former := p.current.Load()
	etag := ""
	if former != nil {
		etag = former.etag
	}
	d, err := p.client.get(p.client.root, p.policy, p.url, etag)
	if err != nil {
		return nil, err
	}

	fresh := min(max(d.maxAge, freshMin), freshMax)
	if d.own {
		fresh = freshOwn
	}
	next = &Edition[T]{
		etag:      d.etag,
		agedAt:    now.Add(fresh / 5 * 4),
		overdueAt: now.Add(fresh),
		deadAt:    now.Add(maxStale),
	}
	if d.unchanged {
		next.Value, next.etag = former.Value, former.etag
		return next, nil
	}
	if next.Value, err = p.parse(d.body); err != nil {
		return nil, &Error{
			Problem: explain.ShownText(p.url) + " answers with a document that is not valid",
			Reached: true,
			Cause:   err,
			Fix:     "open this address: it must serve the provider's document; correct the address or the provider",
		}
	}

	return next, nil
}
