package devuserpool

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A server that is down for a long time does not lock anybody out for longer than the longest lock.
func TestLockoutIsBounded(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	l := newLockouts(func() time.Time { return now })
	ada := failing{pool: "p", user: "ada", exists: true}
	for range 100 {
		l.failed(ada)
	}
	if until := l.table.get(ada).until; until.Sub(now) != longestLock {
		t.Errorf("the lock lasts %s", until.Sub(now))
	}
	now = now.Add(failuresReset)
	if l.failed(ada); l.locked(ada) {
		t.Error("failures never lose their weight")
	}
}

// Made-up names make no room for guesses at a user: neither at the password nor at codes.
func TestFailuresOfUsersAreKept(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	passwords, codes := newLockouts(clock), newWrongCodes(clock)
	ada := failing{pool: "p", user: "ada", exists: true}
	for range freeFailures {
		passwords.failed(ada)
		codes.failed(ada)
	}

	for n := range 3 * maxFailingStrangers {
		nobody := failing{pool: "p", user: strconv.Itoa(n)}
		passwords.failed(nobody)
		codes.failed(nobody)
	}
	if !passwords.locked(ada) || !codes.reached(ada) {
		t.Error("the failures of a user were forgotten")
	}
	for name, table := range map[string]*failureTable{"passwords": passwords.table, "codes": codes.table} {
		if n := len(table.strangers); n > maxFailingStrangers || n < maxFailingStrangers/2 {
			t.Errorf("%s: %d made-up names are kept", name, n)
		}
	}
}

// Users are forgotten after their time, and not before.
func TestFailuresOfUsersEnd(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	codes := newWrongCodes(func() time.Time { return now })
	for n := range maxFailingStrangers + 1 {
		codes.failed(failing{user: strconv.Itoa(n), exists: true})
	}
	if n := len(codes.table.users); n != maxFailingStrangers+1 {
		t.Errorf("%d users are kept before their time is over", n)
	}

	now = now.Add(codeFailuresReset)
	for n := range maxFailingStrangers + 1 {
		codes.failed(failing{user: "later" + strconv.Itoa(n), exists: true})
	}
	if n := len(codes.table.users); n > 2*maxFailingStrangers {
		t.Errorf("%d users are kept after the time of most is over", n)
	}
}

// Codes at the same time are as many as one after another, for users and for names of nobody.
func TestWrongCodesAtTheSameTime(t *testing.T) {
	codes := newWrongCodes(func() time.Time { return time.Unix(0, 0) })
	for _, who := range []failing{{user: "ada", exists: true}, {user: "nobody"}} {
		var counted atomic.Int32
		var calls sync.WaitGroup
		for range 50 {
			calls.Go(func() {
				if codes.failed(who) {
					counted.Add(1)
				}
			})
		}
		calls.Wait()

		if n := counted.Load(); n != maxCodeFailures || !codes.reached(who) {
			t.Errorf("%s: %d codes counted", who.user, n)
		}
	}
}

// The lock holds at the API, too, while others send codes for made-up names.
func TestLockoutOutlastsCodesOfOthers(t *testing.T) {
	r := newRig(t, nil, object{"PreventUserExistenceErrors": "ENABLED"})
	r.user("ada", "email", "ada@example.com")
	for range freeFailures {
		r.call("InitiateAuth", r.byPassword("ada", "Wrong-1x"))
	}
	for n := range maxFailingStrangers {
		r.wrongCodes.failed(failing{pool: r.pool, user: strconv.Itoa(n), purpose: purposePassword})
	}
	r.refused("ConfirmForgotPassword", object{"ClientId": r.id, "Username": "nobody", "ConfirmationCode": "wrong",
		"Password": rightPassword}, codeWrongIs)
	r.refused("InitiateAuth", r.byPassword("ada", rightPassword), lockedOut)
}
