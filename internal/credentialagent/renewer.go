package credentialagent

import (
	"context"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

// patience is how long a renewal is waited for while other credentials are good: SDKs give up after 1 or
// 2 seconds (botocore's ContainerMetadataFetcher.TIMEOUT_SECONDS is 2).
const patience = 700 * time.Millisecond

// Renewer gives credentials in time: it renews in the background, so that an issuer that does not
// answer costs nobody the credentials that are still good.
type Renewer struct {
	// Kept returns credentials that are good, without asking anybody. They are to be renewed unless fresh.
	Kept func(ctx context.Context) (kept clilogin.Credentials, fresh bool, err error)
	// Renew returns new credentials. It may take minutes, and ends if it need not go on when ctx ends.
	Renew  Source
	Now    func() time.Time
	After  func(d time.Duration) <-chan time.Time
	Failed func(error) // hears why a renewal failed

	mu      sync.Mutex
	running *renewal
	// nextTry is when a renewal may begin while others are good, after one that gave nothing fresh.
	nextTry time.Time
}

// renewal is a call of Renew. The result is there when done is closed.
type renewal struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{}
	got    clilogin.Credentials
	err    error
}

// Source returns fresh credentials, or good ones if a renewal takes long. It is a Source. Without good
// ones it waits for the renewal, until ctx ends.
func (r *Renewer) Source(ctx context.Context) (clilogin.Credentials, error) {
	// They are read each time: nothing is given after a logout.
	kept, fresh, err := r.Kept(ctx)
	if err == nil && fresh {
		return kept, nil
	}
	good := err == nil
	current := r.join(ctx, good)
	if current == nil {
		return kept, nil
	}

	var enough <-chan time.Time // nil = never
	if good {
		enough = r.After(max(patience-r.Now().Sub(current.began), 0))
	}

	select {
	case <-current.done:
		return current.got, current.err
	case <-enough:
		return kept, nil
	case <-ctx.Done():
		return clilogin.Credentials{}, ctx.Err()
	}
}

// join returns the renewal that runs, or begins one. It outlives its caller: an answer of the issuer
// that nobody keeps would lose the sign-in. With patient it returns nil soon after one that failed: programs may
// ask at each of their calls, and an issuer in trouble must not get a request for each.
func (r *Renewer) join(ctx context.Context, patient bool) *renewal {
	r.mu.Lock()
	defer r.mu.Unlock()

	if r.running != nil {
		return r.running
	}
	if patient && r.Now().Before(r.nextTry) {
		return nil
	}

	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	current := &renewal{began: r.Now(), cancel: cancel, done: make(chan struct{})}
	r.running = current
	go func() {
		defer cancel()

		current.got, current.err = r.Renew(ctx)
		if current.err != nil && ctx.Err() == nil {
			r.Failed(current.err)
		}

		r.mu.Lock()
		defer r.mu.Unlock()

		r.running = nil
		if current.err != nil || !r.Now().Before(current.got.RenewAt()) {
			r.nextTry = r.Now().Add(retryWait)
		}
		close(current.done)
	}()

	return current
}

// Stop waits for the renewal that runs, until ctx ends. Nobody may call Source any more.
func (r *Renewer) Stop(ctx context.Context) {
	r.mu.Lock()
	current := r.running
	r.mu.Unlock()

	if current == nil {
		return
	}
	current.cancel()

	select {
	case <-current.done:
	case <-ctx.Done():
	}
}
