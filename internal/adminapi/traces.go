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

// KeptTraces is how many refusals `poolhouse explain` can look back on.
const KeptTraces = 10000

// Trace is the recorded decision of one refused call: what `poolhouse explain`
// shows. It holds no token, secret or assertion.
type Trace struct {
	RequestID string
	Time      time.Time
	Account   string   // that the call reached, or whose key it named; "" = none
	Others    []string // further accounts that the refusal concerns, such as a role's
	Region    string
	Operation string
	Outcome   string // the error type on the wire
	Message   string // the error message on the wire
	Steps     []explain.Step
	// Reason is the code of the step that decided: the last that failed. Planned are
	// the checks that would have followed, had it passed.
	Reason  explain.Code
	Planned []explain.Code

	// AccessKeyID is the key that signed the call; "" when nobody did, or the
	// signature was not proven.
	AccessKeyID string
}

// views returns the trace as each account that it concerns may see it. Calls that
// reached no account are shown whole, to whoever runs the server.
func (t Trace) views() []Trace {
	own := t
	own.Others = nil
	if t.Account != "" {
		own.show(t, t.Account)
	}
	list := []Trace{own}

	for _, account := range t.Others {
		other := own
		other.Account = account
		other.show(t, account)
		other.Region = ""      // of the caller; a role has none
		other.AccessKeyID = "" // nobody of this account signed: its own calls must not make room
		list = append(list, other)
	}

	return list
}

// show leaves of the whole trace what an account may see. Which checks were not
// reached would tell others which of their hidden steps decided.
func (t *Trace) show(whole Trace, account string) {
	t.Steps, t.Planned, t.Reason = explain.Visible(whole.Steps, account), whole.Planned, ""
	if deciding, ok := explain.Deciding(t.Steps); ok {
		t.Reason = deciding.Code
	}

	if deciding, ok := explain.Deciding(whole.Steps); ok && deciding.Scope != nil && deciding.Scope.Account != account {
		t.Planned = nil
	}
}

// callerClass says how much is known of who made a refused call. Strangers can make
// as many calls in an account's name as they like: they only need a pool's ID, or the
// ID of an access key. Guests can make signed ones.
type callerClass int

const (
	unprovenCaller callerClass = iota // no signature, or none that was proven
	sessionCaller                     // temporary credentials, such as a guest's
	keyCaller                         // a long-lived access key
	callerClasses
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

// Traces keeps the newest traces in memory, at most its capacity. What it
// forgets is still in the log, in one line.
//
// No account can make it forget what it keeps for another: when it is full, the
// account with the most traces loses one (of several the one with the oldest
// trace), so that each of n accounts keeps its newest capacity/n. A refusal that
// concerns several accounts counts for each of them. Calls that
// reached no account count as an account. Within an account the same holds for the
// classes of callers: the class with the most traces loses its oldest one.
//
// cache: traces
type Traces struct {
	mu       sync.Mutex
	capacity int
	byID     map[traceID]*list.Element // of one account's queue; its Value is a *keptTrace
	accounts map[string]*accountTraces
	largest  accountHeap
	added    uint64
}

// traceID names an account's view of a refusal.
type traceID struct{ account, request string }

type keptTrace struct {
	Trace
	number uint64 // in the order of coming
}

// accountTraces are the traces of one account.
type accountTraces struct {
	account string
	queues  [callerClasses]list.List // oldest first
	size    int
	index   int // in the heap
}

func NewTraces(capacity int) *Traces {
	return &Traces{
		capacity: capacity,
		byID:     make(map[traceID]*list.Element, capacity+1),
		accounts: map[string]*accountTraces{},
	}
}

// Add keeps a trace, for each account that it concerns.
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

	// Only now, so that an account that has its share makes room itself.
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

// find returns a refusal as account may see it; "" are the calls that reached none.
func (s *Traces) find(account, requestID string) (Trace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	e, ok := s.byID[traceID{account, requestID}]
	if !ok {
		return Trace{}, false
	}

	return e.Value.(*keptTrace).Trace, true
}

// expendable is the oldest trace of the class that has the most; of several the
// one of which less is known.
func (a *accountTraces) expendable() *list.Element {
	most := unprovenCaller
	for class := range a.queues {
		if a.queues[class].Len() > a.queues[most].Len() {
			most = callerClass(class)
		}
	}

	return a.queues[most].Front()
}

// oldest is the number of the oldest trace.
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
