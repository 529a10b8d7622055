package store

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

const (
	// probeKept is how long Probe returns the same answer, and how recent a real
	// commit must be to replace a probe.
	probeKept = time.Second
	// probeSize is the number of bytes that a probe writes on SQLite: nine pages, more
	// than a new guest needs. On a full disk a smaller write can go into space that a
	// larger one, which failed, left in the write-ahead log.
	probeSize = 32 << 10
)

// probes shares one probing write among all callers of Probe.
//
// cache: write probe
type probes struct {
	now func() time.Time

	mu      sync.Mutex
	running chan struct{} // closed when the probe under way has ended; nil = none is
	err     error         // of the last probe
	ended   time.Time     // when the last probe ended; zero = there was none
	number  byte          // of the last probe; SQLite does not write a page that is unchanged
}

// Probe reports whether a write can become durable now, by making one in a table
// that holds nothing else and is in no dump. All callers share one probe and its
// answer, which is kept for a second; a commit of the last second makes a probe
// unnecessary. Probe waits until ctx ends, and for nothing else.
// Errors: ErrDiskFull, ErrReadOnly, ErrGone, ErrStopped, ErrDamaged, ErrQueueFull,
// ErrUnavailable, ErrBusy (the write waited too long for its turn, or ctx ended
// first), ErrIndeterminate (a write that had begun did not finish in time), ErrClosed.
func (s *Store) Probe(ctx context.Context) error {
	if err := s.Failure(); err != nil {
		return err
	}
	if sinceCommit, ok := s.engine.LastCommit().Since(); ok && sinceCommit < probeKept {
		return s.engine.Present()
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

// probe makes the write. Its callers may leave but cannot cancel it.
func (s *Store) probe(filler []byte, done chan struct{}) {
	err := s.write(context.Background(), func(t *engine.Tx) error {
		_, err := t.Exec(`INSERT INTO write_probe (one, written, filler) VALUES (1, $1, $2)
			ON CONFLICT (one) DO UPDATE SET written = $1, filler = $2`, s.now().UnixMilli(), filler)
		return err
	})
	if err != nil {
		s.engine.LastCommit().Forget() // also of a write that never got its turn
	}

	p := &s.probes
	p.mu.Lock()
	defer p.mu.Unlock()

	p.err, p.ended, p.running = err, p.now(), nil
	close(done)
}

// Readable reports whether the database answers reads, whether or not it takes writes.
func (s *Store) Readable(ctx context.Context) error {
	_, err := readAll(ctx, s, scanInt, `SELECT count(*) FROM write_probe`)
	return err
}

// writable reports whether writes may succeed, as far as is known without trying.
func (s *Store) writable() bool {
	return s.Failure() == nil && s.engine.Present() == nil && !s.engine.LastCommit().Failed()
}

// Failed returns a channel that is closed when writing stopped for good; Failure
// then has the cause. The process should end: nothing it does is acknowledged.
func (s *Store) Failed() <-chan struct{} { return s.engine.Failed() }

// Failure returns why writing stopped for good, a *StopError, or nil.
func (s *Store) Failure() error { return s.engine.Failure() }
