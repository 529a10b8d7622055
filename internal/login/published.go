package login

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

const (
	minRetryPause = time.Second
	maxRetryPause = 30 * time.Second
	// maxWaiting bounds the calls that wait for one provider at a time.
	maxWaiting = 256
	// maxBackground bounds the refreshes that run beside the calls.
	maxBackground = 8
)

var (
	errClosed = errors.New("the login verifier is closed")
	errBusy   = errors.New("too many calls wait for this provider already")
)

// published is one document of a provider, at one URL, held with its age. It is
// fresh for as long as Cache-Control says, within bounds. In the last fifth of
// that time it is served while it is refreshed in the background; past it calls
// wait for the refresh, so that no login rests on a key that was withdrawn
// longer ago. While the provider fails, it is used all the same up to MaxStale;
// past that it is not used.
//
// At most one fetch is under way. After a failure the next one waits for a
// growing pause, in which calls that need it fail at once; and while a provider
// is known to fail, one call tries and the others do not wait for it.
type published[T any] struct {
	v      *Verifier
	url    string
	policy policy
	parse  func(body []byte) (T, error)

	current atomic.Pointer[edition[T]]
	flights singleflight.Group
	waiting atomic.Int32

	mu         sync.Mutex
	refreshing bool // in the background
	fetching   bool
	failures   int // in a row
	retryAt    time.Time
	lastErr    error
}

// edition is what a provider published at one time. It does not change.
type edition[T any] struct {
	value     T
	etag      string
	agedAt    time.Time // from then on it is refreshed in the background
	overdueAt time.Time // from then on calls wait for the refresh
	deadAt    time.Time
}

// held returns the edition if it may be used without waiting for the provider.
func (p *published[T]) held(now time.Time) (*edition[T], bool) {
	e := p.current.Load()
	if e == nil || !now.Before(e.overdueAt) {
		return nil, false
	}
	if !now.Before(e.agedAt) {
		p.refresh(now)
	}
	return e, true
}

// get returns the edition, asking the provider if none may be used without.
func (p *published[T]) get(ctx context.Context, now time.Time) (*edition[T], error) {
	if e, usable := p.held(now); usable {
		return e, nil
	}
	err := p.failing(now)
	if err == nil {
		err = p.wait(ctx, "get", func() error {
			if _, usable := p.held(now); usable {
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

// failing returns the latest error while the provider is known to fail and is
// not to be asked, or waited for, by one more call.
func (p *published[T]) failing(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures > 0 && (p.fetching || now.Before(p.retryAt)) {
		return p.lastErr
	}
	return nil
}

// refresh fetches in the background, unless that is under way or failed lately.
func (p *published[T]) refresh(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refreshing || now.Before(p.retryAt) {
		return
	}
	p.refreshing = p.v.inBackground(func() {
		_, _, _ = p.flights.Do("fetch", func() (any, error) { return nil, p.fetch() }) // fetch notes its error
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refreshing = false
	})
}

// wait runs work, or joins the call that runs it under the same name, until ctx
// ends. The work goes on without its callers.
func (p *published[T]) wait(ctx context.Context, name string, work func() error) error {
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
			return &fetchError{what: "the caller stopped waiting for " + explain.ShownText(p.url), cause: ctx.Err(), fix: "try again"}
		}
		return &fetchError{what: explain.ShownText(p.url) + " did not answer in time", cause: ctx.Err(), fix: "check that it is up and reachable from this server"}
	}
}

// fetch asks the provider and keeps what it answers. flights holds it to one at a time.
func (p *published[T]) fetch() error {
	if !p.v.begin() {
		return errClosed
	}
	defer p.v.end()
	p.mu.Lock()
	p.fetching = true
	p.mu.Unlock()

	now := p.v.now() // before the exchange: an answer is never younger than its request
	next, err := p.exchange(now)

	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetching = false
	if err != nil {
		p.failures++
		p.lastErr = err
		p.retryAt = p.v.now().Add(min(minRetryPause<<min(p.failures-1, 10), maxRetryPause))
		p.v.log.Warn("login provider could not be asked", slog.String("url", p.url), slog.Int("failures", p.failures), slog.String("reason", err.Error()))
		return err
	}
	p.failures, p.lastErr, p.retryAt = 0, nil, time.Time{}
	p.current.Store(next)
	return nil
}

// exchange asks once. A document that makes the parser panic must not end the
// process, which serves other providers' users too.
func (p *published[T]) exchange(now time.Time) (next *edition[T], err error) {
	defer func() {
		if r := recover(); r != nil {
			next, err = nil, &fetchError{what: explain.ShownText(p.url) + " answers with a document that cannot be read", reached: true,
				cause: fmt.Errorf("panic: %v", r), fix: "report this, with the document"}
		}
	}()
	former := p.current.Load()
	etag := ""
	if former != nil {
		etag = former.etag
	}
	a, err := p.v.fetcher.get(p.v.root, p.policy, p.url, etag)
	if err != nil {
		return nil, err
	}
	fresh := min(max(a.maxAge, p.v.o.FreshMin), p.v.o.FreshMax)
	next = &edition[T]{etag: a.etag, agedAt: now.Add(fresh / 5 * 4), overdueAt: now.Add(fresh), deadAt: now.Add(p.v.o.MaxStale)}
	if a.unchanged {
		next.value, next.etag = former.value, former.etag
		return next, nil
	}
	if next.value, err = p.parse(a.body); err != nil {
		return nil, &fetchError{what: explain.ShownText(p.url) + " answers with a document that is not valid", reached: true, cause: err,
			fix: "open this address: it must serve the provider's document; correct the address or the provider"}
	}
	return next, nil
}
