package devuserpool

import (
	"maps"
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

// maxFailingStrangers bounds the names that no user has, of which some are forgotten when there are too many.
const maxFailingStrangers = 10_000

// failing names somebody whose failures are counted.
type failing struct {
	pool    string // ID
	user    string // key of the user name, or the subject
	purpose string // of a code; "" = passwords
	exists  bool
}

// failures are the wrong passwords of a user, or the wrong codes.
type failures struct {
	count int
	since time.Time // from which their lifetime counts
	until time.Time // the user is locked out
}

// failureTable keeps failures for a time. Those of a user stay for all of it, however many others fail: anybody
// may call with made-up names, and must not make room for more guesses. So they are as many as the users who have
// failed lately.
//
// cache: failures at development user pools
type failureTable struct {
	lifetime time.Duration
	now      func() time.Time

	mu        sync.Mutex
	users     map[failing]failures
	strangers map[failing]failures
	sweepAt   int // number of users at which those are looked for whose time is over
}

func newFailureTable(now func() time.Time, lifetime time.Duration) *failureTable {
	return &failureTable{
		lifetime:  lifetime,
		now:       now,
		users:     map[failing]failures{},
		strangers: map[failing]failures{},
		sweepAt:   maxFailingStrangers,
	}
}

// get returns the failures of somebody that count.
func (t *failureTable) get(who failing) failures {
	t.mu.Lock()
	defer t.mu.Unlock()

	return t.counted(who)
}

// change changes the failures of somebody that count.
func (t *failureTable) change(who failing, edit func(*failures)) {
	t.mu.Lock()
	defer t.mu.Unlock()

	f := t.counted(who)
	edit(&f)
	t.makeRoom()
	t.of(who)[who] = f
}

// forget forgets the failures of somebody.
func (t *failureTable) forget(who failing) {
	t.mu.Lock()
	defer t.mu.Unlock()

	delete(t.of(who), who)
}

func (t *failureTable) of(who failing) map[failing]failures {
	if who.exists {
		return t.users
	}
	return t.strangers
}

func (t *failureTable) counted(who failing) failures {
	f, known := t.of(who)[who]
	if !known || t.over(f) {
		return failures{}
	}
	return f
}

func (t *failureTable) over(f failures) bool { return t.now().Sub(f.since) >= t.lifetime }

// makeRoom forgets what does not count any more once there is much, and any tenth of too many strangers.
func (t *failureTable) makeRoom() {
	isOver := func(_ failing, f failures) bool { return t.over(f) }
	if len(t.users) >= t.sweepAt {
		maps.DeleteFunc(t.users, isOver)
		t.sweepAt = max(maxFailingStrangers, 2*len(t.users))
	}

	if len(t.strangers) < maxFailingStrangers {
		return
	}
	maps.DeleteFunc(t.strangers, isOver)

	for who := range t.strangers {
		if len(t.strangers) <= maxFailingStrangers*9/10 {
			return
		}
		delete(t.strangers, who)
	}
}

// lockouts counts wrong passwords.
type lockouts struct{ table *failureTable }

func newLockouts(now func() time.Time) lockouts {
	return lockouts{newFailureTable(now, failuresReset)}
}

// locked reports whether a user must wait before the next attempt.
func (l lockouts) locked(who failing) bool { return l.table.now().Before(l.table.get(who).until) }

// failed counts a wrong password.
func (l lockouts) failed(who failing) {
	l.table.change(who, func(f *failures) {
		now := l.table.now()
		f.count, f.since = f.count+1, now
		if over := f.count - freeFailures; over >= 0 {
			f.until = now.Add(min(time.Second<<min(over, 20), longestLock))
		}
	})
}

// succeeded forgets the failures of a user.
func (l lockouts) succeeded(who failing) { l.table.forget(who) }

// wrongCodes counts wrong codes. Nothing but time ends a count: a right code, which may have been sent to another
// address, does not.
type wrongCodes struct{ table *failureTable }

func newWrongCodes(now func() time.Time) wrongCodes {
	return wrongCodes{newFailureTable(now, codeFailuresReset)}
}

// reached reports whether there were as many wrong codes as there may be.
func (w wrongCodes) reached(who failing) bool { return w.table.get(who).count >= maxCodeFailures }

// failed counts a wrong code, unless there were as many before as there may be: false. The time runs from the
// first one.
func (w wrongCodes) failed(who failing) (counted bool) {
	w.table.change(who, func(f *failures) {
		if f.count == 0 {
			f.since = w.table.now()
		}
		if f.count < maxCodeFailures {
			f.count++
			counted = true
		}
	})

	return counted
}
