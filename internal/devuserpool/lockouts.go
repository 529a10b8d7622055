package devuserpool

import (
	"sync"
	"time"
)

// Lockout of users after wrong passwords (developer guide, "Lockout behavior for failed sign-in attempts"):
// five are free, then a user waits for a second, and twice as long after each further one.
const (
	freeFailures  = 5
	longestLock   = 15 * time.Minute
	failuresReset = 15 * time.Minute // after the last failure
)

const maxFailingUsers = 10_000

// lockouts counts the wrong passwords and codes of users. When it is full, it forgets some.
//
// cache: failures at development user pools
type lockouts struct {
	now func() time.Time

	mu    sync.Mutex
	users map[string]failures
}

// failures are the wrong passwords of a user, or the wrong codes.
type failures struct {
	count int
	last  time.Time
	until time.Time // the user is locked out
}

func newLockouts(now func() time.Time) *lockouts {
	return &lockouts{now: now, users: map[string]failures{}}
}

// locked reports whether a user must wait before the next attempt.
func (l *lockouts) locked(user string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.now().Before(l.users[user].until)
}

// failed counts a wrong password.
func (l *lockouts) failed(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()

	now := l.now()
	f, known := l.users[user]
	if now.Sub(f.last) >= failuresReset {
		f = failures{}
	}
	if !known && len(l.users) >= maxFailingUsers {
		l.forget(now)
	}

	f.count, f.last = f.count+1, now
	if over := f.count - freeFailures; over >= 0 {
		f.until = now.Add(min(time.Second<<min(over, 20), longestLock))
	}
	l.users[user] = f
}

// wrongCode counts a wrong code of somebody, and reports whether there were as many before as a user may send
// in a time.
func (l *lockouts) wrongCode(user string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	now := l.now()
	f, known := l.users[user]
	if now.Sub(f.last) >= codeFailuresReset {
		f = failures{last: now} // the time runs from the first one
	}
	if f.count >= maxCodeFailures {
		return true
	}
	if !known && len(l.users) >= maxFailingUsers {
		l.forget(now)
	}
	f.count++
	l.users[user] = f

	return false
}

// forget makes room for other users: of those whose failures no longer count, else of any tenth.
func (l *lockouts) forget(now time.Time) {
	for user, f := range l.users {
		if now.Sub(f.last) >= failuresReset {
			delete(l.users, user)
		}
	}

	for user := range l.users {
		if len(l.users) <= maxFailingUsers*9/10 {
			return
		}
		delete(l.users, user)
	}
}

// succeeded forgets the failures of a user.
func (l *lockouts) succeeded(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()

	delete(l.users, user)
}
