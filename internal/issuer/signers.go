package issuer

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

// signers makes RSA signatures, one at a time on each processor. A signature takes as
// long as everything else of fifty requests. Workers that go from one signature to the
// next do not hold up other requests, and keep their data in the processor's cache.
//
// While more signatures are wanted than can be made, workers run apart: on threads that
// give way to all others. Then calls are read, refused and answered at once, and the
// remaining processor time goes to signatures. Such threads cost a few percent of the
// rate, so they exist only during that time.
type signers struct {
	queue *overload.Queue // measures how long signatures wait
	now   func() time.Time

	mu      sync.Mutex
	waiting []*signing
	working int
	apart   bool
}

// processors is the most workers at a time.
var processors = runtime.GOMAXPROCS(0)

// newSigners returns signers that measure waiting with a clock.
func newSigners(now func() time.Time) *signers {
	return &signers{
		queue: overload.NewQueue(processors, 1, now).Computing(),
		now:   now,
	}
}

// mostWaiting bounds the queue of signatures: some seconds of work.
const mostWaiting = 4096

// ErrBusy means that the queue of signatures is full.
var ErrBusy = errors.New("too many signatures are waiting")

// SigningQueue returns the queue in which the RSA signatures of the whole process wait.
func SigningQueue() *overload.Queue { return rsaSigners.queue }

// signing is a signature that is wanted.
type signing struct {
	private   *rsa.PrivateKey
	hash      crypto.Hash
	digest    []byte
	signature []byte
	err       error
	done      chan struct{}
}

// sign returns the RSASSA-PKCS1-v1_5 signature of a digest, or ErrBusy if the queue is
// full.
func (s *signers) sign(private *rsa.PrivateKey, hash crypto.Hash, digest []byte) ([]byte, error) {
	one := &signing{private: private, hash: hash, digest: digest, done: make(chan struct{})}
	if err := s.enqueue(one); err != nil {
		return nil, err
	}

	ticket := s.queue.Enter()
	defer s.queue.Leave(ticket)

	<-one.done

	return one.signature, one.err
}

// enqueue gives a signature to a worker, to a new one if a processor is free.
func (s *signers) enqueue(one *signing) error {
	s.queue.Resize(processors)

	s.mu.Lock()
	defer s.mu.Unlock()

	s.follow()
	if len(s.waiting) >= mostWaiting {
		return ErrBusy
	}

	s.waiting = append(s.waiting, one)

	if s.working < processors {
		s.working++
		s.start()
	}

	return nil
}

// follow starts or ends running apart, as the queue is crowded or not. While apart, Go gets
// half as many threads more: the signing threads would leave none to the calls, but too
// many would look for work.
func (s *signers) follow() {
	crowded := s.queue.Crowded()
	if crowded == s.apart {
		return
	}
	s.apart = crowded

	threads := processors
	if s.apart {
		threads += max(1, processors/2)
	}
	runtime.GOMAXPROCS(threads)
}

// start starts a worker.
func (s *signers) start() {
	if s.apart {
		go s.workApart()
	} else {
		go s.work(false)
	}
}

// workApart is work on a thread that gives way to others and ends with the worker. The
// process's main thread cannot end, so it is left as it is.
func (s *signers) workApart() {
	runtime.LockOSThread()
	if !isMainThread() {
		lowerPriority()
		s.work(true)
		return
	}

	moved := make(chan struct{})
	go func() {
		runtime.LockOSThread() // on another thread, because the main one is locked
		close(moved)
		lowerPriority()
		s.work(true)
	}()
	<-moved
	runtime.UnlockOSThread()
}

// inTurn is how many signatures are made before other work gets a turn: some
// milliseconds.
const inTurn = 4

// work makes signatures until none is waiting, or until it must make room for a worker
// of the other kind.
func (s *signers) work(apart bool) {
	began := s.now()
	for n := 1; ; n++ {
		if !apart && n%inTurn == 0 {
			runtime.Gosched()
		}

		one := s.take(apart)
		if one == nil {
			return
		}
		one.make()

		// The time includes other work that ran between two signatures, because it delays
		// the next one as well.
		now := s.now()
		s.queue.Worked(now.Sub(began))
		began = now
	}
}

// take returns the next signature for a worker, or nil if the worker must end.
func (s *signers) take(apart bool) *signing {
	s.mu.Lock()
	defer s.mu.Unlock()

	switch {
	case len(s.waiting) == 0:
		s.working--
		return nil
	case s.apart != apart:
		s.start()
		return nil
	}

	one := s.waiting[0]
	s.waiting[0] = nil
	s.waiting = s.waiting[1:]

	return one
}

func (one *signing) make() {
	defer close(one.done)
	defer func() {
		if p := recover(); p != nil { // on this goroutine it would end the server
			one.err = fmt.Errorf("signing panicked: %v", p)
		}
	}()

	one.signature, one.err = rsa.SignPKCS1v15(nil, one.private, one.hash, one.digest)
}
