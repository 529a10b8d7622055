package devuserpool

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"sync"
	"time"
)

// Steps of a sign-in that waits for the client.
const (
	stepPassword    = "PASSWORD_VERIFIER"
	stepNewPassword = "NEW_PASSWORD_REQUIRED"
	stepSelect      = "SELECT_CHALLENGE"
	stepConfirmed   = "confirmed" // ConfirmSignUp lets InitiateAuth go on
)

// signIn is a sign-in that has begun. It is a copy of nothing: the user is looked up again at each step.
type signIn struct {
	step     string
	pool     string // ID
	client   string // ID
	name     string // as the client named the user
	username string // "" = there is no such user
	ends     time.Time
	used     bool

	// Of stepPassword only.
	exchange *srpExchange
	userID   string // USER_ID_FOR_SRP

	// Of stepNewPassword: the verifier that was proven. Another password ends the sign-in.
	proven string
}

// Bounds of sign-ins that have begun, and of users whose failures are counted.
const (
	maxSignIns        = 10_000
	maxFailingUsers   = 10_000
	secretBlockBytes  = 800
	sessionBytes      = 96
	defaultSignInTime = defaultSessionMinutes * time.Minute
)

// signIns keeps the sign-ins that have begun, for the time that a client has for a step, and the failures
// of users. When it is full, the oldest goes.
//
// cache: sign-ins of development user pools
type signIns struct {
	now    func() time.Time
	random io.Reader

	mu       sync.Mutex
	waiting  map[[sha256.Size]byte]*signIn
	order    [][sha256.Size]byte // oldest first; some are gone already
	failures map[string]failures
}

// failures are the wrong passwords of a user.
type failures struct {
	count int
	last  time.Time
	until time.Time // the user is locked out
}

func newSignIns(o Options) *signIns {
	return &signIns{
		now:      o.Now,
		random:   o.Random,
		waiting:  map[[sha256.Size]byte]*signIn{},
		failures: map[string]failures{},
	}
}

// begin keeps a sign-in under a new secret of some bytes, and returns the secret in Base64.
func (s *signIns) begin(one signIn, bytes int) (string, error) {
	secret := make([]byte, bytes)
	if _, err := io.ReadFull(s.random, secret); err != nil {
		return "", fmt.Errorf("a secret for a sign-in: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(secret)

	s.mu.Lock()
	defer s.mu.Unlock()

	for len(s.order) > 0 && (len(s.order) >= maxSignIns || s.ended(s.order[0])) {
		delete(s.waiting, s.order[0])
		s.order = s.order[1:]
	}

	key := sha256.Sum256([]byte(text))
	s.waiting[key] = &one
	s.order = append(s.order, key)

	return text, nil
}

// ended reports whether a sign-in has no time left, or is gone.
func (s *signIns) ended(key [sha256.Size]byte) bool {
	one, found := s.waiting[key]
	return !found || !s.now().Before(one.ends)
}

// Results of a look-up.
type lookup int

const (
	found lookup = iota
	unknown
	expired
	usedUp
)

// find returns a sign-in by its secret, which stays valid.
func (s *signIns) find(secret string) (signIn, lookup) {
	s.mu.Lock()
	defer s.mu.Unlock()

	one, result := s.get(secret)
	if result != found {
		return signIn{}, result
	}
	return *one, found
}

// take returns a sign-in by its secret, which nobody can use again.
func (s *signIns) take(secret string) (signIn, lookup) {
	s.mu.Lock()
	defer s.mu.Unlock()

	one, result := s.get(secret)
	if result != found {
		return signIn{}, result
	}
	taken := *one
	one.used, one.exchange = true, nil

	return taken, found
}

func (s *signIns) get(secret string) (*signIn, lookup) {
	one, exists := s.waiting[sha256.Sum256([]byte(secret))]
	switch {
	case !exists:
		return nil, unknown
	case one.used:
		return nil, usedUp
	case !s.now().Before(one.ends):
		return nil, expired
	default:
		return one, found
	}
}

// Lockout of users after wrong passwords (developer guide, "Lockout behavior for failed sign-in attempts"):
// five are free, then a user waits for a second, and twice as long after each further one.
const (
	freeFailures  = 5
	longestLock   = 15 * time.Minute
	failuresReset = 15 * time.Minute // after the last failure
)

// locked reports whether a user must wait before the next attempt.
func (s *signIns) locked(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.now().Before(s.failures[user].until)
}

// failed counts a wrong password.
func (s *signIns) failed(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	now := s.now()
	f, known := s.failures[user]
	if now.Sub(f.last) >= failuresReset {
		f = failures{}
	}
	if !known && len(s.failures) >= maxFailingUsers {
		s.forget(now)
	}

	f.count, f.last = f.count+1, now
	if over := f.count - freeFailures; over >= 0 {
		f.until = now.Add(min(time.Second<<min(over, 20), longestLock))
	}
	s.failures[user] = f
}

// wrongCode counts a wrong code of somebody, and reports whether there were as many before as a user may send
// in a time.
func (s *signIns) wrongCode(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	now := s.now()
	f, known := s.failures[user]
	if now.Sub(f.last) >= codeFailuresReset {
		f = failures{last: now} // the time runs from the first one
	}
	if f.count >= maxCodeFailures {
		return true
	}
	if !known && len(s.failures) >= maxFailingUsers {
		s.forget(now)
	}
	f.count++
	s.failures[user] = f

	return false
}

// forget makes room for other users: of those whose failures no longer count, else of any tenth.
func (s *signIns) forget(now time.Time) {
	for user, f := range s.failures {
		if now.Sub(f.last) >= failuresReset {
			delete(s.failures, user)
		}
	}

	for user := range s.failures {
		if len(s.failures) <= maxFailingUsers*9/10 {
			return
		}
		delete(s.failures, user)
	}
}

// succeeded forgets the failures of a user.
func (s *signIns) succeeded(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	delete(s.failures, user)
}
