package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// writer is SQLite's only writer. It takes all waiting requests, runs them in one
// transaction, and commits: one fsync makes the whole group durable. If a request
// fails, the group runs again with a savepoint for each, so that the request rolls
// back only itself; usually none fails, and savepoints cost time.
type writer struct {
	connections *connections // one connection; in memory the readers use it, too
	cache       Cache
	log         *slog.Logger
	queue       chan *request

	mu     sync.RWMutex // held while sending to queue, so that close is safe
	closed bool
	done   chan struct{}

	path    string                // of the database file; "" in memory
	stop    atomic.Pointer[error] // why writing stopped for good
	failed  chan struct{}         // closed when writing has stopped
	present *presence             // check whether the files are still there; nil in memory
	full    func() bool           // reports whether the folder takes no more bytes
	last    *engine.LastCommit

	clock   func() time.Time
	commit  func(*connection) error // COMMIT; a test may replace it
	commits *engine.Histogram       // durations of the commits
	checks  chan struct{}           // asks for a look at data_version
	version int64                   // data_version at the last look

	checkpoints *checkpointer // nil in memory
	unlooked    int           // commits since the last look at the log's length
}

// maxGroup bounds how much one failed commit rolls back.
const maxGroup = 256

// request is one write. state decides whether its caller may still withdraw it.
type request struct {
	fn    func(*engine.Tx) error
	state atomic.Int32
	err   error
	done  chan struct{}
}

const (
	waiting   = iota // in the queue
	taken            // the writer has begun it
	abandoned        // its caller left first, so the writer drops it
)

// start begins to serve. shared means that other processes may write, too.
func (w *writer) start(shared bool) error {
	w.done = make(chan struct{})
	w.checks = make(chan struct{}, 1)
	if w.commit == nil {
		w.commit = func(s *connection) error { _, err := s.Exec("COMMIT"); return err }
	}
	if shared {
		if err := w.look(); err != nil {
			return err
		}
		w.cache.Watch(func() { leaveWord(w.checks) })
	} else {
		w.cache.Alone()
	}

	go w.run()

	return nil
}

func (w *writer) stopped() error {
	if err := w.stop.Load(); err != nil {
		return *err
	}
	return nil
}

// write queues a request and waits for its end, for limit at most; 0 = without end.
func (w *writer) write(ctx context.Context, limit time.Duration, fn func(*engine.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{fn: fn, done: make(chan struct{})}
	if err := w.enqueue(r); err != nil {
		return err
	}

	var timeout <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()

		timeout = timer.C
	}

	var left error
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		left = ctx.Err()
	case <-timeout:
		left = fmt.Errorf("%w: waited %s", engine.ErrBusy, limit)
	}

	if r.state.CompareAndSwap(waiting, abandoned) {
		return left
	}
	if errors.Is(left, engine.ErrBusy) {
		return fmt.Errorf("%w: not finished after %s", engine.ErrIndeterminate, limit)
	}

	return fmt.Errorf("%w: %w", engine.ErrIndeterminate, left)
}

func (w *writer) enqueue(r *request) error {
	w.mu.RLock()
	defer w.mu.RUnlock()

	if w.closed {
		return engine.ErrClosed
	}
	if err := w.stopped(); err != nil {
		return err
	}

	select {
	case w.queue <- r:
		return nil
	default:
		return fmt.Errorf("%w: %d", engine.ErrQueueFull, cap(w.queue))
	}
}

// close refuses new requests, finishes the waiting ones, and returns.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	close(w.queue)
	w.mu.Unlock()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)

	var rest chan struct{}
	if w.checkpoints != nil {
		rest = w.checkpoints.rest
	}

	group := make([]*request, 0, maxGroup)
	for {
		select {
		case r, open := <-w.queue:
			if !open {
				return
			}
			runtime.Gosched() // requests that are about to write join this group
			group = w.collect(append(group[:0], r))
			w.serve(group)
			clear(group)

		case <-w.checks:
			if err := w.look(); err != nil {
				w.cache.Unverified()
				w.log.Warn("looking for other writers failed", "err", err)
			}

		case <-rest:
			w.copyRest()
		}
	}
}

// collect adds the other waiting requests.
func (w *writer) collect(group []*request) []*request {
	for len(group) < maxGroup {
		select {
		case r, open := <-w.queue:
			if !open {
				return group
			}
			group = append(group, r)
		default:
			return group
		}
	}

	return group
}

// serve runs a group and answers each request.
func (w *writer) serve(group []*request) {
	live := group[:0]
	for _, r := range group {
		if r.state.CompareAndSwap(waiting, taken) {
			live = append(live, r)
		}
	}
	if len(live) == 0 {
		return
	}

	s := <-w.connections.free
	err := w.stopped()
	if err == nil {
		err = w.transact(s, live)
	}
	w.connections.put(s)
	if err != nil {
		w.last.Forget()
	}

	w.unlooked++
	if w.checkpoints != nil && err == nil && w.unlooked >= w.checkpoints.every {
		w.unlooked = 0
		w.checkpoints.look()
	}

	for _, r := range live {
		if err != nil {
			r.err = err
		}
		close(r.done)
	}
}

// copyRest copies the last pages of the log, so that the next write can start it over.
func (w *writer) copyRest() {
	if w.stopped() != nil { // no copy can be trusted any more
		return
	}
	s := <-w.connections.free
	defer w.connections.put(s)

	if _, err := checkpointLog(s, "PASSIVE"); err != nil {
		w.checkpoints.failed(err)
	}
}

// transact runs a group in one transaction. Its error is the whole group's;
// without one each request has its own. It looks at the files before and after: a
// commit into a file that is gone must not be acknowledged.
func (w *writer) transact(s *connection, group []*request) error {
	if err := w.present.check(); err != nil {
		return err
	}
	if _, err := s.Exec("BEGIN IMMEDIATE"); err != nil {
		return w.undo(s, "beginning a write", err)
	}
	t, changed, err := w.runTogether(s, group)
	if err != nil && w.fault(err) == noFault {
		t, changed, err = w.runApart(s, group)
	}
	if err != nil {
		return w.undo(s, "a write", err)
	}
	if !changed {
		if _, err := s.Exec("ROLLBACK"); err != nil {
			return w.undo(s, "a rollback", errors.Join(group[0].err, err))
		}
		return nil
	}

	release := w.cache.Hold(t.Touched)
	defer release()

	began := w.clock()
	if err := w.commit(s); err != nil {
		return w.commitFailed(s, err)
	}
	if err := w.present.check(); err != nil {
		return fmt.Errorf("%w: %w", engine.ErrIndeterminate, err)
	}
	w.commits.Observe(w.clock().Sub(began))
	if t.Wrote {
		w.last.Note()
	}

	return nil
}

// commitFailed rolls back the rest of a failed COMMIT, and stops all writing unless
// the error certainly came before anything could reach the log.
func (w *writer) commitFailed(s *connection, err error) error {
	f := w.fault(err)
	if f == noFault || f == faultDisk || f == faultDamage {
		stop := stopError("a commit", w.path, f, err)
		w.halt(stop)
		_, _ = s.Exec("ROLLBACK")
		return fmt.Errorf("%w: %w", engine.ErrIndeterminate, stop)
	}
	certain := certainAtCommit(err)
	err = w.undo(s, "a commit", err)
	if !certain {
		err = fmt.Errorf("%w: %w", engine.ErrIndeterminate, err)
	}

	return err
}

// runTogether runs the requests one after the other, up to the first that fails.
func (w *writer) runTogether(s *connection, group []*request) (t *engine.Tx, changed bool, err error) {
	t = &engine.Tx{Querier: s}
	for _, r := range group {
		if r.err = t.Run(r.fn); r.err != nil {
			return t, false, r.err
		}
	}
	return t, true, nil
}

// runApart rolls back runTogether and runs each request in its own savepoint. Its
// error is the whole group's.
func (w *writer) runApart(s *connection, group []*request) (t *engine.Tx, changed bool, err error) {
	t = &engine.Tx{Querier: s}
	if len(group) == 1 {
		return t, false, nil // there is no other request to save
	}
	_, _ = s.Exec("ROLLBACK") // fails when SQLite rolled back by itself
	if _, err := s.Exec("BEGIN IMMEDIATE"); err != nil {
		return nil, false, err
	}

	for _, r := range group {
		touched, wrote := len(t.Touched), t.Wrote
		if r.err = w.runOne(s, t, r); r.err == nil {
			changed = true
			continue
		}
		t.Touched, t.Wrote = t.Touched[:touched], wrote
		if lost, ok := errors.AsType[*lostError](r.err); ok {
			return t, changed, lost.err
		}
	}

	return t, changed, nil
}

// lostError means that the transaction itself is gone, with all its requests so far.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }

func (w *writer) runOne(s *connection, t *engine.Tx, r *request) error {
	if _, err := s.Exec("SAVEPOINT request"); err != nil {
		return &lostError{err}
	}

	err := t.Run(r.fn)
	if err == nil {
		if _, err := s.Exec("RELEASE request"); err != nil {
			return &lostError{err}
		}
		return nil
	}

	if w.fault(err) != noFault {
		return &lostError{err}
	}
	if _, back := s.Exec("ROLLBACK TO request"); back != nil {
		return &lostError{errors.Join(err, back)}
	}
	if _, back := s.Exec("RELEASE request"); back != nil {
		return &lostError{errors.Join(err, back)}
	}

	return err
}

// undo rolls back a transaction that failed before its commit, and returns the
// meaning of the failure: a later try may work, or the file is bad and all writing ends.
func (w *writer) undo(s *connection, doing string, err error) error {
	_, _ = s.Exec("ROLLBACK") // fails when SQLite rolled back by itself

	switch f := w.fault(err); f {
	case faultBusy:
		return fmt.Errorf("%w: %w", engine.ErrBusy, err)
	case faultFull:
		return fmt.Errorf("%w: %w", engine.ErrDiskFull, err)
	case faultReadOnly, faultGone:
		if gone := w.present.check(); gone != nil || f == faultGone {
			return fmt.Errorf("%w: %w", cmp.Or(gone, engine.ErrGone), err)
		}
		return fmt.Errorf("%w: %w", engine.ErrReadOnly, err)
	case faultDisk, faultDamage:
		stop := stopError(doing, w.path, f, err)
		w.halt(stop)
		return stop
	}

	return err
}

func (w *writer) fault(err error) fault { return faultOf(err, w.full) }

// halt ends all writing for good. The first cause is kept.
func (w *writer) halt(err error) {
	if w.stop.CompareAndSwap(nil, &err) {
		w.log.Error("writing stopped for good", "err", err)
		close(w.failed)
	}
}

// look drops the cache if another process has written since the last look.
func (w *writer) look() error {
	s := <-w.connections.free
	defer w.connections.put(s)

	var version int64
	if err := s.row("PRAGMA data_version", &version); err != nil {
		return err
	}
	if version != w.version {
		w.version = version
		w.cache.Flush()
	}
	w.cache.Verified()

	return nil
}
