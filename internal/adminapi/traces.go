package adminapi

import (
	"container/heap"
	"container/list"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// KeptTraces is the number of refusals that `poolhouse explain` can look back on.
const KeptTraces = 10000

// Trace is the recorded decision of one refused call, which `poolhouse explain` shows. It
// contains no token, secret or assertion.
type Trace struct {
	RequestID string
	Time      time.Time
	Account   string   // the account that the call reached, or whose key it named; "" = none
	Others    []string // other accounts that the refusal concerns, such as a role's
	Region    string
	Operation string
	Outcome   string // the error type on the wire
	Message   string // the error message on the wire
	Steps     []explain.Step
	// Reason is the code of the deciding step: the last that failed. Planned are
	// the checks that would have followed it.
	Reason  explain.Code
	Planned []explain.Code

	// AccessKeyID is the key that signed the call; "" if no key did, or if the
	// signature was not proven.
	AccessKeyID string
}

// views returns the parts of the trace that each account concerned may see. The operator
// sees the whole trace of a call that reached no account.
func (t Trace) views() []Trace {
	own := t
	own.Others = nil
	if t.Account != "" {
		own.show(t, t.Account)
	}

	views := []Trace{own}
	for _, account := range t.Others {
		other := own
		other.Account = account
		other.show(t, account)
		other.Region = ""      // the caller's; a role has none
		other.AccessKeyID = "" // else these traces could push out those of the account's calls
		views = append(views, other)
	}

	return views
}

// show reduces the whole trace to the part that an account may see. If a hidden step
// decided, it drops the planned checks, which would reveal that step.
func (t *Trace) show(whole Trace, account string) {
	t.Steps, t.Planned, t.Reason = explain.Visible(whole.Steps, account), whole.Planned, ""
	if deciding, ok := explain.Deciding(t.Steps); ok {
		t.Reason = deciding.Code
	}
	if deciding, ok := explain.Deciding(whole.Steps); ok && deciding.Scope != nil && deciding.Scope.Account != account {
		t.Planned = nil
	}
}

// callerClass is how well the caller of a refused call is known. Strangers can
// make as many calls in an account's name as they like: they only need a pool's ID, or the
// ID of an access key. Guests can make signed calls.
type callerClass int

const (
	unprovenCaller callerClass = iota // no proven signature
	sessionCaller                     // temporary credentials, such as a guest's
	keyCaller                         // a long-lived access key
	numCallerClasses
)

func (t *Trace) class() callerClass {
	switch {
	case t.AccessKeyID == "":
		return unprovenCaller
	case strings.HasPrefix(t.AccessKeyID, iam.SessionPrefix):
		return sessionCaller
	default:
		return keyCaller
	}
}

// Traces keeps the newest traces in memory, up to its capacity. The log still has one line
// for each forgotten trace.
//
// No account can push out the traces of another. When Traces is full, the account with the
// most traces loses one (of several such accounts, the one with the oldest trace), so that
// each of n accounts keeps its newest capacity/n. A refusal that concerns several accounts
// counts for each of them. Calls that reached no account count as an account. The classes of
// callers share an account's part by the same rule: the class with the most traces loses its
// oldest one.
//
// cache: traces
type Traces struct {
	mu       sync.Mutex
	capacity int
	byID     map[traceID]*list.Element // element of an account's queue; its Value is a *keptTrace
	accounts map[string]*accountTraces
	largest  accountHeap
	added    uint64
}

// traceID names an account's view of a refusal.
type traceID struct{ account, request string }

type keptTrace struct {
	Trace
	number uint64 // in the order of arrival
}

// accountTraces are the traces of one account.
type accountTraces struct {
	account string
	queues  [numCallerClasses]list.List // oldest first
	size    int
	index   int // in the heap
}

// NewTraces returns Traces that keeps up to capacity traces.
func NewTraces(capacity int) *Traces {
	return &Traces{
		capacity: capacity,
		byID:     make(map[traceID]*list.Element, capacity+1),
		accounts: map[string]*accountTraces{},
	}
}

// Add keeps a trace for each account that it concerns.
func (s *Traces) Add(t Trace) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, view := range t.views() {
		s.keep(view)
	}
}

func (s *Traces) keep(t Trace) {
	id := traceID{t.Account, t.RequestID}
	if old, known := s.byID[id]; known {
		s.remove(old)
	}

	a, known := s.accounts[t.Account]
	if !known {
		a = &accountTraces{account: t.Account}
		s.accounts[t.Account] = a
		heap.Push(&s.largest, a)
	}

	s.added++
	s.byID[id] = a.queues[t.class()].PushBack(&keptTrace{Trace: t, number: s.added})
	a.size++
	heap.Fix(&s.largest, a.index)

	// Only now, so that an account that already has its share loses one of its own traces.
	if len(s.byID) > s.capacity {
		s.remove(s.largest[0].expendable())
	}
}

// remove forgets a trace.
func (s *Traces) remove(e *list.Element) {
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

// find returns the part of a refusal that account may see. "" stands for the calls that
// reached no account.
func (s *Traces) find(account, requestID string) (Trace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	e, ok := s.byID[traceID{account, requestID}]
	if !ok {
		return Trace{}, false
	}

	return e.Value.(*keptTrace).Trace, true
}

// expendable returns the oldest trace of the class that has the most traces; of several
// such classes, the one whose callers are less known.
func (a *accountTraces) expendable() *list.Element {
	most := unprovenCaller
	for class := range a.queues {
		if a.queues[class].Len() > a.queues[most].Len() {
			most = callerClass(class)
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
