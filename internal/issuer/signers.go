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
// go from one to the next, they do not push each other's data out of the caches.
// Their threads give way to all others (lowerPriority): under load, calls are read,
// refused and answered at once, and what is left of the processors signs.
type signers struct {
	line    *overload.Line
	now     func() time.Time
	mu      sync.Mutex
	waiting []*signing
	working int
	idle    int           // workers that wait to be woken
	wake    chan struct{} // wakes them; has room for all
	linger  time.Duration // how long a worker without work stays: a new thread costs time
}

// newSigners returns signers whose waiting is measured with a clock.
func newSigners(now func() time.Time) *signers {
	return &signers{
		line: overload.NewLine(processors, 1, now).Computing(),
		now:  now,
		wake: make(chan struct{}, processors),

		linger: time.Second,
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
	if len(s.waiting) >= mostWaiting {
		return ErrBusy
	}
	s.waiting = append(s.waiting, one)
	switch {
	case s.idle > 0:
		s.idle--
		s.wake <- struct{}{}
	case s.working < processors:
		s.working++
		go s.work()
	}
	return nil
}

// processors is how many workers there may be. The program gives Go more threads
// than processors later.
var processors = runtime.GOMAXPROCS(0)

// work is serve on a thread of lower priority, which ends with it. The main thread of
// the process cannot end, and is left as it is.
func (s *signers) work() {
	runtime.LockOSThread()
	if !isMainThread() {
		lowerPriority()
		s.serve()
		return
	}

	moved := make(chan struct{})
	go func() {
		runtime.LockOSThread() // another one than the main thread, which is taken
		close(moved)
		lowerPriority()
		s.serve()
	}()
	<-moved
	runtime.UnlockOSThread()
}

// serve signs what waits, and ends when nothing has for a while.
func (s *signers) serve() {
	timer := time.NewTimer(s.linger)
	defer timer.Stop()

	for {
		one, stay := s.take()
		switch {
		case one != nil:
			began := s.now()
			one.make()
			s.line.Worked(s.now().Sub(began))
			continue
		case !stay:
			return
		}

		timer.Reset(s.linger)
		select {
		case <-s.wake:
		case <-timer.C:
			if s.leave() {
				return
			}
			<-s.wake
		}
	}
}

// take returns the next signature. When none waits, the worker is idle, or ends if
// it may not stay.
func (s *signers) take() (one *signing, stay bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.waiting) > 0:
		one = s.waiting[0]
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		return one, true
	case s.linger == 0:
		s.working--
		return nil, false
	default:
		s.idle++
		return nil, true
	}
}

// leave reports whether an idle worker may end: nobody has woken it.
func (s *signers) leave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == 0 {
		return false
	}
	s.idle--
	s.working--
	return true
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
