package store

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// operation is one call that concerns one login: a sign-in that returned id, or
// the deletion of identity id, which found it or not. Times are a counter's.
type operation struct {
	signIn       bool
	id           identitypool.IdentityID
	found        bool
	called, done int64
}

// after returns the owner of a login after o, and whether o can happen while the owner is
// owner.
func (o operation) after(owner identitypool.IdentityID) (identitypool.IdentityID, bool) {
	switch {
	case o.signIn && owner == "": // creates
		return o.id, true
	case o.signIn:
		return owner, o.id == owner
	case o.found:
		return "", o.id == owner
	}

	return owner, o.id != owner
}

// linearizable reports whether the operations have an order in which each could
// have happened at one instant between its call and its answer: the search of
// Wing and Gong, which remembers where it has been.
func linearizable(history []operation) bool {
	slices.SortFunc(history, func(a, b operation) int { return cmp.Compare(a.called, b.called) })
	failed := map[string]bool{}
	taken := make([]bool, len(history))
	var search func(owner identitypool.IdentityID, left int) bool
	search = func(owner identitypool.IdentityID, left int) bool {
		if left == 0 {
			return true
		}
		state := fmt.Sprint(taken, owner)
		if failed[state] {
			return false
		}

		// The next one must have been called before every other one was done.
		first := int64(1 << 62)
		for i, o := range history {
			if !taken[i] {
				first = min(first, o.done)
			}
		}

		for i, o := range history {
			if taken[i] || o.called > first {
				continue
			}
			if next, ok := o.after(owner); ok {
				taken[i] = true
				if search(next, left-1) {
					return true
				}
				taken[i] = false
			}
		}
		failed[state] = true

		return false
	}

	return search("", len(history))
}

// The check must be able to fail.
func TestLinearizableTellsHistoriesApart(t *testing.T) {
	for name, test := range map[string]struct {
		history []operation
		want    bool
	}{
		"one after the other":         {[]operation{{true, "a", true, 1, 2}, {true, "a", true, 3, 4}}, true},
		"two identities":              {[]operation{{true, "a", true, 1, 2}, {true, "b", true, 3, 4}}, false},
		"two identities, overlapping": {[]operation{{true, "a", true, 1, 4}, {true, "b", true, 2, 3}}, false},

		"deleted between": {
			[]operation{{true, "a", true, 1, 2}, {false, "a", true, 3, 4}, {true, "b", true, 5, 6}}, true,
		},
		"deleted while signing in": {
			[]operation{{true, "a", true, 1, 2}, {false, "a", true, 3, 9}, {true, "b", true, 4, 5}}, true,
		},
		"deleted too late": {
			[]operation{{true, "a", true, 1, 2}, {true, "b", true, 3, 4}, {false, "a", true, 5, 6}}, false,
		},
		"seen after deletion": {
			[]operation{{true, "a", true, 1, 2}, {false, "a", true, 3, 4}, {true, "a", true, 7, 8},
				{true, "b", true, 5, 6}}, false,
		},
		"back to the old one": {
			[]operation{{true, "a", true, 1, 2}, {false, "a", true, 3, 8}, {true, "b", true, 4, 5},
				{true, "a", true, 6, 7}}, false,
		},

		"not found though it was there": {
			[]operation{{true, "a", true, 1, 2}, {false, "a", false, 3, 4}, {true, "a", true, 5, 6}}, false,
		},
		"deleted twice": {
			[]operation{{true, "a", true, 1, 2}, {false, "a", true, 3, 5}, {false, "a", true, 4, 6}}, false,
		},
		"deleted once of twice": {
			[]operation{{true, "a", true, 1, 2}, {false, "a", true, 3, 5}, {false, "a", false, 4, 6}}, true,
		},
	} {
		if got := linearizable(test.history); got != test.want {
			t.Errorf("%s: linearizable = %t, want %t", name, got, test.want)
		}
	}
}

// One login, one identity, as an outside observer with a clock would check it:
// sign-ins and deletions of many clients on all nodes, each login on its own.
func TestOneLoginOneIdentityIsLinearizable(t *testing.T) {
	eachOptions(t, func(t *testing.T, o Options) {
		nodes := []*Store{open(t, o)}
		if o.URL != "" { // a SQLite file has one server
			nodes = append(nodes, open(t, o), open(t, o))
		}
		pool := addPool(t, nodes[0])
		const logins, clients, calls = 6, 5, 8

		var counter atomic.Int64
		histories := make([][]operation, logins)
		var wg sync.WaitGroup
		for l := range logins {
			login := []identitypool.Login{public("p", numbered("s", l))}
			var mu sync.Mutex
			var last identitypool.IdentityID
			for c := range clients {
				s := nodes[c%len(nodes)]
				wg.Go(func() {
					for range calls {
						o := operation{signIn: rand.IntN(3) > 0, called: counter.Add(1)}
						if mu.Lock(); last == "" {
							o.signIn = true
						}

						o.id = last
						mu.Unlock()
						if o.signIn {
							i, err := s.Resolve(t.Context(), pool, "", login, signIn(login))
							if err != nil {
								t.Errorf("Resolve: %v", err)
								return
							}
							o.id, o.found = i.ID, true
						} else {
							err := s.DeleteIdentity(t.Context(), o.id)
							if err != nil && !errors.Is(err, ErrNotFound) {
								t.Errorf("DeleteIdentity: %v", err)
								return
							}
							o.found = err == nil
						}

						o.done = counter.Add(1)
						mu.Lock()
						last = o.id
						histories[l] = append(histories[l], o)
						mu.Unlock()
					}
				})
			}
		}
		wg.Wait()

		for l, history := range histories {
			if !linearizable(history) {
				t.Errorf("login %d: no order explains %+v", l, history)
			}
		}
		checkInvariants(t, nodes[0], pool)
	})
}
