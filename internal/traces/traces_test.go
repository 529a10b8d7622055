package traces

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// accessKeys are those of the classes of callers.
var accessKeys = [lookupCaller]string{"", "ASIAQAAAAAAAAAAAAAAA", "AKIAQAAAAAAAAAAAAAAA"}

// traceModel keeps traces by the rule alone.
type traceModel struct {
	capacity int
	traces   []Trace // oldest first
}

func (m *traceModel) add(t Trace) {
	m.traces = append(m.traces, t)
	if len(m.traces) <= m.capacity {
		return
	}

	accounts, oldest := map[string]int{}, map[string]int{}
	for n, t := range slices.Backward(m.traces) {
		accounts[t.Account]++
		oldest[t.Account] = n
	}

	var names []string
	for name := range accounts {
		names = append(names, name)
	}
	loser := slices.MinFunc(names, func(a, b string) int {
		return cmp.Or(-cmp.Compare(accounts[a], accounts[b]), cmp.Compare(oldest[a], oldest[b]))
	})

	var classes [numCallerClasses]int
	for _, t := range m.traces {
		if t.Account == loser {
			classes[t.class()]++
		}
	}

	class := unprovenCaller
	for c := range lookupCaller {
		if classes[c] > classes[class] {
			class = c
		}
	}
	if classes[lookupCaller] > accounts[loser]/fewLookups {
		class = lookupCaller
	}

	n := slices.IndexFunc(m.traces, func(t Trace) bool { return t.Account == loser && t.class() == class })
	m.traces = slices.Delete(m.traces, n, n+1)
}

// The rule decides which traces are kept, whichever come, and in whatever order.
func TestTracesAreKeptByTheRule(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0))

		capacity, accounts := 1+random.IntN(60), 1+random.IntN(20)
		s, m := New(capacity, time.Time{}), &traceModel{capacity: capacity}
		loud := random.IntN(accounts) // one account floods the others
		for n := range 600 {
			account := random.IntN(accounts)
			if random.IntN(3) > 0 {
				account = loud
			}
			if random.IntN(50) == 0 {
				loud = random.IntN(accounts)
			}

			trace := Trace{RequestID: fmt.Sprint(n), AccessKeyID: accessKeys[random.IntN(len(accessKeys))]}
			trace.Lookup = random.IntN(4) == 0
			if account > 0 {
				trace.Account = fmt.Sprint(account)
			}
			s.Add(trace)
			m.add(trace)
			if len(s.byID) != len(m.traces) {
				t.Fatalf("seed %d, trace %d: %d are kept, want %d", seed, n, len(s.byID), len(m.traces))
			}

			for _, want := range m.traces {
				if _, kept := s.Find(want.Account, want.RequestID); !kept {
					t.Fatalf("seed %d, trace %d: %+v is not kept", seed, n, want)
				}
			}
		}
	}
}

// A console that is busy with lookups pushes out no refusals, and no reader is told that some were forgotten. Who
// just looked something up finds out why it was refused.
func TestLookupsAreForgottenFirst(t *testing.T) {
	const capacity, refusals = 1000, 990
	s := New(capacity, time.Unix(1, 0))
	for n := range refusals {
		s.Add(Trace{RequestID: fmt.Sprint("refused-", n), Account: "1", Time: time.Unix(2, 0)})
	}
	for n := range 10 * capacity {
		id := fmt.Sprint("lookup-", n)
		s.Add(Trace{RequestID: id, Account: "1", AccessKeyID: accessKeys[keyCaller], Lookup: true})
		if _, kept := s.Find("1", id); !kept {
			t.Fatalf("%s is not kept", id)
		}
	}

	page := s.List(Query{Account: "1", After: &Position{}, Max: 2 * capacity})
	if len(page.Entries) != refusals || page.Skipped != 0 || !page.Since.Equal(time.Unix(1, 0)) {
		t.Errorf("%d entries, %d skipped, since %s", len(page.Entries), page.Skipped, page.Since)
	}
}

// However others flood it, each of a hundred accounts keeps its newest hundred, and
// there are never more than ten thousand.
func TestTracesOfAnAccountAreNotFlushed(t *testing.T) {
	account := func(n int) string { return fmt.Sprintf("%012d", n) }
	for name, flood := range map[string]func(n int) Trace{
		"calls without an account": func(int) Trace { return Trace{} },
		"one account": func(int) Trace {
			return Trace{Account: account(0),
				AccessKeyID: accessKeys[keyCaller]}
		},
		"all other accounts": func(n int) Trace {
			return Trace{Account: account(n % 97),
				AccessKeyID: accessKeys[n%3]}
		},
	} {
		s := New(Capacity, time.Time{})
		for _, victim := range []string{account(99), account(98)} {
			for n := range 100 {
				s.Add(Trace{RequestID: fmt.Sprint(victim, n), Account: victim, AccessKeyID: accessKeys[n%3]})
			}
		}

		for n := range 10_400 + Capacity {
			trace := flood(n)
			trace.RequestID = fmt.Sprint("flood", n)
			if n%50 == 0 {
				trace.Account = "" // it counts as an account
			}
			s.Add(trace)

			if len(s.byID) > Capacity {
				t.Fatalf("%s: %d traces are kept", name, len(s.byID))
			}
		}

		for n := range 100 {
			for _, victim := range []string{account(99), account(98)} {
				if _, kept := s.Find(victim, fmt.Sprint(victim, n)); !kept {
					t.Errorf("%s: trace %d of account %s is gone", name, n, victim)
				}
			}
		}

		if len(s.byID) != Capacity {
			t.Errorf("%s: %d traces are kept, want %d", name, len(s.byID), Capacity)
		}
	}
}

// Strangers who know a pool's ID or a key's, and guests, do not make an account
// forget its administrators' own refusals.
func TestTracesOfAdministratorsAreNotFlushed(t *testing.T) {
	for flooder := range keyCaller {
		s := New(Capacity, time.Time{})
		for n := range 100 {
			s.Add(Trace{RequestID: fmt.Sprint("own", n), Account: "1", AccessKeyID: accessKeys[keyCaller]})
		}

		for n := range 2 * Capacity {
			s.Add(Trace{RequestID: fmt.Sprint("flood", n), Account: "1", AccessKeyID: accessKeys[flooder]})
			s.Add(Trace{
				RequestID:   fmt.Sprint("named", n),
				Account:     "1",
				AccessKeyID: accessKeys[keyCaller], // its signature was refused
				KeyUnproven: true,
			})
			s.Add(Trace{RequestID: fmt.Sprint("other", n), Account: "2", AccessKeyID: accessKeys[n%3]})
		}

		for n := range 100 {
			if _, kept := s.Find("1", fmt.Sprint("own", n)); !kept {
				t.Errorf("class %d flushes trace %d of a key's", flooder, n)
			}
		}
	}
}

// Callers of another account, whose refusals at an account's roles are kept for it
// too, do not make it forget its own.
func TestTracesOfOtherAccountsFlushNothing(t *testing.T) {
	s := New(Capacity, time.Time{})
	for n := range 100 {
		s.Add(Trace{RequestID: fmt.Sprint("own", n), Account: "1", AccessKeyID: accessKeys[n%2+1]})
	}

	for n := range 2 * Capacity {
		s.Add(Trace{
			RequestID:   fmt.Sprint("foreign", n),
			Account:     fmt.Sprint(n%40 + 2),
			Others:      []string{"1"},
			AccessKeyID: accessKeys[n%3],
		})
		if len(s.byID) > Capacity {
			t.Fatalf("%d traces are kept", len(s.byID))
		}
	}

	for n := range 100 {
		if _, kept := s.Find("1", fmt.Sprint("own", n)); !kept {
			t.Errorf("trace %d of the account's own is gone", n)
		}
	}
	last := fmt.Sprint("foreign", 2*Capacity-1)
	if _, kept := s.Find("1", last); !kept {
		t.Error("the account cannot see who was refused by its roles")
	}
}

func BenchmarkTraces(b *testing.B) {
	s := New(Capacity, time.Time{})
	for n := range b.N {
		s.Add(Trace{RequestID: fmt.Sprint(n), Account: fmt.Sprint(n % 200)})
	}
}
