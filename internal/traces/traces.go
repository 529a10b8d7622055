// Package traces keeps the newest refusals of a node in memory, so that people can ask
// why a call was refused: one by its request ID, or all of an account as they come.
//
// Start reading at Kept.
package traces

import (
	"container/heap"
	"container/list"
	"sync"
	"time"
)

// Capacity is the number of refusals that `poolhouse explain` can look back on.
const Capacity = 10000

// Kept keeps the newest traces in memory, up to its capacity. The log still has one line
// for each forgotten trace.
//
// No account can push out the traces of another. When it is full, the account with the
// most traces loses one (of several such accounts, the one with the oldest trace), so that
// each of n accounts keeps its newest capacity/n. A refusal that concerns several accounts
// counts for each of them. Calls that reached no account count as an account. The classes of
// callers share an account's part by the same rule: the class with the most traces loses its
// oldest one. Lookups go before all classes, but for a few, so that a busy console pushes out no
// refusals.
//
// cache: traces
type Kept struct {
	mu       sync.Mutex
	capacity int
	byID     map[traceID]*list.Element // element of an account's queue; its Value is a *keptTrace
	accounts map[string]*accountTraces
	largest  accountHeap
	added    uint64
	watchers map[*watcher]bool
	waits    map[string]int // waits by account
	ending   chan struct{}  // closed when present waits end
	final    bool           // nobody may wait any more
	since    time.Time
}

// traceID names an account's view of a refusal.
type traceID struct{ account, request string }

type keptTrace struct {
	Trace
	number uint64 // in the order of arrival
	mark   uint64 // in the order of arrival at the account; 0 = a lookup, which no list has
}

// accountTraces are the traces of one account.
type accountTraces struct {
	account string
	queues  [numCallerClasses]list.List // oldest first
	size    int
	first   uint64 // mark before the account's first trace
	last    uint64 // mark of its newest trace
	index   int    // in the heap
}

// New returns a Kept for up to capacity traces, which keeps them from since on.
func New(capacity int, since time.Time) *Kept {
	return &Kept{
		capacity: capacity,
		byID:     make(map[traceID]*list.Element, capacity+1),
		accounts: map[string]*accountTraces{},
		watchers: map[*watcher]bool{},
		waits:    map[string]int{},
		ending:   make(chan struct{}),
		since:    since,
	}
}

// Add keeps a trace for each account that it concerns.
func (s *Kept) Add(t Trace) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, view := range t.views() {
		s.keep(view)
	}
}

func (s *Kept) keep(t Trace) {
	id := traceID{t.Account, t.RequestID}
	if old, known := s.byID[id]; known {
		s.remove(old)
	}

	a, known := s.accounts[t.Account]
	if !known {
		a = &accountTraces{account: t.Account, first: s.added, last: s.added}
		s.accounts[t.Account] = a
		heap.Push(&s.largest, a)
	}

	s.added++
	kept := &keptTrace{Trace: t, number: s.added}
	if !t.Lookup {
		a.last++ // never more than added, so that an account that comes back goes on from there
		kept.mark = a.last

		for w := range s.watchers {
			w.notice(t.Account)
		}
	}
	s.byID[id] = a.queues[t.class()].PushBack(kept)
	a.size++
	heap.Fix(&s.largest, a.index)

	// Only now, so that an account that already has its share loses one of its own traces.
	if len(s.byID) > s.capacity {
		s.remove(s.largest[0].expendable())
	}
}

// remove forgets a trace.
func (s *Kept) remove(e *list.Element) {
	t := e.Value.(*keptTrace)
	a := s.accounts[t.Account]
	a.queues[t.class()].Remove(e)
	delete(s.byID, traceID{t.Account, t.RequestID})

	if a.size--; a.size == 0 {
		heap.Remove(&s.largest, a.index)
		delete(s.accounts, t.Account)
		return
	}
	heap.Fix(&s.largest, a.index)
}

// Find returns the part of a refusal that account may see. "" stands for the calls that
// reached no account.
func (s *Kept) Find(account, requestID string) (Trace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	e, ok := s.byID[traceID{account, requestID}]
	if !ok {
		return Trace{}, false
	}

	return e.Value.(*keptTrace).Trace, true
}

// fewLookups is the part of an account's traces, one in so many, that may be lookups when one must go. These few let
// somebody whose lookup was just refused ask why.
const fewLookups = 100

// lookups returns how many of the traces are lookups.
func (a *accountTraces) lookups() int { return a.queues[lookupCaller].Len() }

// expendable returns the oldest lookup if there are more than a few; else the oldest trace of the class that has the
// most traces; of several such classes, the one whose callers are less known.
func (a *accountTraces) expendable() *list.Element {
	if a.lookups() > a.size/fewLookups {
		return a.queues[lookupCaller].Front()
	}

	most := unprovenCaller
	for class := range lookupCaller {
		if a.queues[class].Len() > a.queues[most].Len() {
			most = class
		}
	}

	return a.queues[most].Front()
}

// oldest returns the number of the oldest trace.
func (a *accountTraces) oldest() uint64 {
	oldest := ^uint64(0)
	for class := range a.queues {
		if e := a.queues[class].Front(); e != nil {
			oldest = min(oldest, e.Value.(*keptTrace).number)
		}
	}

	return oldest
}

// accountHeap has the account that loses the next trace at its top.
type accountHeap []*accountTraces

func (h accountHeap) Len() int { return len(h) }

func (h accountHeap) Less(i, j int) bool {
	if h[i].size != h[j].size {
		return h[i].size > h[j].size
	}

	return h[i].oldest() < h[j].oldest()
}

func (h accountHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *accountHeap) Push(a any) {
	account := a.(*accountTraces)
	account.index = len(*h)
	*h = append(*h, account)
}

func (h *accountHeap) Pop() any {
	last := len(*h) - 1
	account := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]

	return account
}
