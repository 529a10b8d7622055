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

// signers makes RSA signatures, one at a time on each processor. A signature takes
// as long as everything else of fifty requests: made in turn, on goroutines that
// go from one to the next, they neither hold up all that other requests need nor
// push each other's data out of the caches.
//
// While more are asked for than can be made, they are made apart: on threads that
// give way to all others. Calls are then read, refused and answered at once, and
// what is left of the processors signs. Threads cost some percent of the rate, so
// they are for that time only.
type signers struct {
	line *overload.Line
	now  func() time.Time

	mu      sync.Mutex
	waiting []*signing
	working int
	apart   bool
}

// processors is how many workers there may be.
var processors = runtime.GOMAXPROCS(0)

// newSigners returns signers whose waiting is measured with a clock.
func newSigners(now func() time.Time) *signers {
	return &signers{
		line: overload.NewLine(processors, 1, now).Computing(),
		now:  now,
	}
}

// mostWaiting bounds the signatures that wait: some seconds of work.
const mostWaiting = 4096

// ErrBusy means that as many signatures wait as may.
var ErrBusy = errors.New("too many signatures are waiting")

// SigningLine returns the line in which the RSA signatures of the whole process wait.
func SigningLine() *overload.Line { return rsaSigners.line }

// signing is a signature to be made.
type signing struct {
	private   *rsa.PrivateKey
	hash      crypto.Hash
	digest    []byte
	signature []byte
	err       error
	done      chan struct{}
}

// sign returns the RSASSA-PKCS1-v1_5 signature of a digest; ErrBusy if too many wait.
func (s *signers) sign(private *rsa.PrivateKey, hash crypto.Hash, digest []byte) ([]byte, error) {
	one := &signing{private: private, hash: hash, digest: digest, done: make(chan struct{})}
	if err := s.enqueue(one); err != nil {
		return nil, err
	}

	ticket := s.line.Enter()
	defer s.line.Leave(ticket)
	<-one.done
	return one.signature, one.err
}

// enqueue hands a signature to a worker, a new one if a processor is free.
func (s *signers) enqueue(one *signing) error {
	s.line.Resize(processors)

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

// follow goes apart, or ends that, as the line tells. Apart, Go has half as many threads
// again: those that sign would leave none to the calls, and more would look for work.
func (s *signers) follow() {
	crowded := s.line.Crowded()
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

// workApart is work on a thread that gives way to others, and that ends with it. The
// main thread of the process cannot end, and is left as it is.
func (s *signers) workApart() {
	runtime.LockOSThread()
	if !isMainThread() {
		lowerPriority()
		s.work(true)
		return
	}

	moved := make(chan struct{})
	go func() {
		runtime.LockOSThread() // another one than the main thread, which is taken
		close(moved)
		lowerPriority()
		s.work(true)
	}()
	<-moved
	runtime.UnlockOSThread()
}

// inTurn is how many signatures are made before other work has its turn: some
// milliseconds.
const inTurn = 4

// work signs what waits, and ends when nothing does, or to make room for a worker of
// the other kind.
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

		// The time includes other work that ran between two signatures: it delays the
		// next one as well.
		now := s.now()
		s.line.Worked(now.Sub(began))
		began = now
	}
}

// take returns the next signature for a worker; nil if the worker is to end.
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
		if p := recover(); p != nil { // on a goroutine of its own it would end the server
			one.err = fmt.Errorf("signing panicked: %v", p)
		}
	}()
	one.signature, one.err = rsa.SignPKCS1v15(nil, one.private, one.hash, one.digest)
}
