package store

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// probeKept is how long an answer of Probe stands for later questions, and how
	// recent a real commit must be to answer in its place.
	probeKept = time.Second
	// probeSize is how many bytes a probe writes on SQLite: nine pages, more than a
	// new guest needs. On a full disk a smaller write can go into space that a larger
	// one, which failed, left in the write-ahead log.
	probeSize = 32 << 10
)

// probes shares one probing write among all who ask.
type probes struct {
	now func() time.Time

	mu      sync.Mutex
	running chan struct{} // closed when the probe under way has ended; nil = none is
	err     error         // of the last probe
	ended   time.Time     // when the last probe ended; zero = there was none
	number  byte          // of the last probe; SQLite does not write a page that stays as it was
}

// Probe reports whether a write can become durable now, by making one: in a table
// that holds nothing else and is in no dump. Everybody who asks shares one probe
// and its answer, which is kept for a second; a commit of the last second answers
// without one. It waits until ctx ends, and for nothing else.
// Errors: ErrDiskFull, ErrReadOnly, ErrGone, ErrStopped, ErrDamaged, ErrQueueFull,
// ErrUnavailable, ErrBusy (the write waited too long for its turn, or ctx ended
// first), ErrIndeterminate (a write that had begun did not finish in time), ErrClosed.
func (s *Store) Probe(ctx context.Context) error {
	if err := s.Failure(); err != nil {
		return err
	}
	if sinceCommit, ok := s.engine.lastCommit().since(); ok && sinceCommit < probeKept {
		return s.engine.present()
	}

	p := &s.probes
	p.mu.Lock()
	if p.running == nil && !p.ended.IsZero() && p.now().Sub(p.ended) < probeKept {
		defer p.mu.Unlock()
		return p.err
	}
	if p.running == nil {
		p.number++
		p.running = make(chan struct{})
		go s.probe(bytes.Repeat([]byte{p.number}, probeSize), p.running)
	}
	running := p.running
	p.mu.Unlock()

	select {
	case <-running:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("%w: a probing write is not finished: %w", ErrBusy, ctx.Err())
	}
}

// probe makes the write, which its askers may leave but not cancel.
func (s *Store) probe(filler []byte, done chan struct{}) {
	err := s.write(context.Background(), func(t *tx) error {
		_, err := t.exec(`INSERT INTO write_probe (one, written, filler) VALUES (1, $1, $2)
			ON CONFLICT (one) DO UPDATE SET written = $1, filler = $2`, s.now().UnixMilli(), filler)
		return err
	})
	if err != nil {
		s.engine.lastCommit().forget() // also of a write that never got its turn
	}

	p := &s.probes
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.ended, p.running = err, p.now(), nil
	close(done)
}

// Readable reports whether the database answers reads, whatever becomes of writes.
func (s *Store) Readable(ctx context.Context) error {
	return s.engine.read(ctx, func(q querier) error {
		_, err := collect(q, scanInt, `SELECT count(*) FROM write_probe`)
		return err
	})
}

// writable reports whether writes may succeed, as far as is known without trying.
func (s *Store) writable() bool {
	return s.Failure() == nil && s.engine.present() == nil && !s.engine.lastCommit().failed.Load()
}

// lastCommit knows when a commit last succeeded. It is safe for concurrent use.
type lastCommit struct {
	clock  func() time.Time
	at     atomic.Pointer[time.Time] // when it ended; nil = there was none, or a write failed since
	failed atomic.Bool               // a write failed since
}

// note is called when a commit has succeeded.
func (c *lastCommit) note() {
	now := c.clock()
	c.at.Store(&now)
	c.failed.Store(false)
}

// forget is called when a write has failed: an earlier success proves nothing any more.
func (c *lastCommit) forget() {
	c.at.Store(nil)
	c.failed.Store(true)
}

// since returns how long ago the commit ended; ok is false if there is none.
func (c *lastCommit) since() (_ time.Duration, ok bool) {
	at := c.at.Load()
	if at == nil {
		return 0, false
	}
	return c.clock().Sub(*at), true
}

// Failed returns a channel that is closed when writing stopped for good; Failure
// then has the cause. The process should end: nothing it does is acknowledged.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Failure returns why writing stopped for good, a *StopError, or nil.
func (s *Store) Failure() error { return s.engine.failure() }
