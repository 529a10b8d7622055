package traces

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Bounds of the waits for new refusals. A wait keeps a call open, so a few must not take
// the place of all others.
const (
	MaxWaits        = 64
	MaxAccountWaits = 8
)

// Query selects refusals that an account may see.
type Query struct {
	Account string
	Home    bool   // also see calls that reached no account
	Region  string // and calls whose region was not known
	// PoolID to Operation must be equal; "" = any.
	PoolID, Provider, Reason, Operation string

	// After is the position after which to begin; nil = the newest Max refusals.
	After *Position
	Max   int
}

// Position is how far a reader has read in one Kept: the mark of the last refusal of the
// account, and of those that reached no account.
type Position struct {
	Own  uint64 `json:"o"`
	None uint64 `json:"n,omitempty"`
	// Gone means that the reader was told that the node is gone.
	Gone bool `json:"g,omitempty"`
}

// Entry is one refusal of a Page, without its steps.
type Entry struct {
	Trace
	At Position // the position after it
	// Skipped are the refusals that were forgotten between the query's position and this.
	Skipped uint64
}

// Page is the answer to a Query.
type Page struct {
	Entries []Entry // oldest first
	Next    Position
	Skipped uint64    // refusals that were forgotten before they could be read, whether or not they match
	Since   time.Time // when the oldest kept refusal was, or since when all are kept
}

// matches reports whether the query asks for t, which is no lookup.
func (q *Query) matches(t *Trace) bool {
	equal := func(want, got string) bool { return want == "" || want == got }

	pool := equal(q.PoolID, t.PoolID)
	if start, short := strings.CutSuffix(t.PoolID, Shortened); short && q.PoolID != "" {
		pool = strings.HasPrefix(q.PoolID, start)
	}

	return (t.Region == "" || t.Region == q.Region) && pool && equal(q.Provider, t.Provider) &&
		equal(q.Reason, string(t.Reason)) && equal(q.Operation, t.Operation)
}

// List returns refusals after a position, oldest first, or without a position the newest.
func (s *Kept) List(q Query) Page {
	page := Page{Since: s.since}
	at := Position{}
	if q.After != nil {
		at = *q.After
	}

	own := s.after(q.Account, at.Own, &page)
	none := stretch{start: at.None, last: at.None}
	if q.Home {
		none = s.after("", at.None, &page)
	}
	at = Position{Own: own.start, None: none.start}
	page.Next = Position{Own: own.last, None: none.last}

	read := uint64(0)
	for _, t := range merge(own.traces, none.traces) {
		read++
		if t.Account == "" {
			at.None = t.mark
		} else {
			at.Own = t.mark
		}
		if q.matches(&t.Trace) {
			page.Entries = append(page.Entries, Entry{
				Trace:   t.Trace,
				At:      at,
				Skipped: at.Own - own.start + at.None - none.start - read,
			})
		}
	}
	page.Skipped = page.Next.Own - own.start + page.Next.None - none.start - read

	page.cut(q)

	return page
}

// cut drops what does not fit: the newest entries, or without a position the oldest.
func (p *Page) cut(q Query) {
	if q.After == nil {
		p.Entries = p.Entries[max(len(p.Entries)-q.Max, 0):]
		p.Skipped = 0
		return
	}
	if len(p.Entries) <= q.Max {
		return
	}

	p.Entries = p.Entries[:q.Max]
	last := p.Entries[q.Max-1]
	p.Next, p.Skipped = last.At, last.Skipped
}

// stretch has the traces of an account after a mark, and the marks of both ends.
type stretch struct {
	traces      []*keptTrace // oldest first
	start, last uint64
}

// after returns the traces of an account after a mark. If the account has lost some, the
// page begins with the oldest that is kept. It copies only pointers while others wait.
func (s *Kept) after(account string, mark uint64, page *Page) stretch {
	found := stretch{start: mark, last: mark}
	defer func() {
		slices.SortFunc(found.traces, func(a, b *keptTrace) int { return cmp.Compare(a.mark, b.mark) })
	}()

	s.mu.Lock()
	defer s.mu.Unlock()

	a, known := s.accounts[account]
	if !known {
		return found
	}

	found = stretch{start: max(mark, a.first), last: max(mark, a.last)}
	lost := a.last-a.first > uint64(a.size-a.lookups())
	var oldest *keptTrace
	for class := range lookupCaller {
		if e := a.queues[class].Front(); e != nil && (oldest == nil || e.Value.(*keptTrace).mark < oldest.mark) {
			oldest = e.Value.(*keptTrace)
		}

		for e := a.queues[class].Back(); e != nil && e.Value.(*keptTrace).mark > mark; e = e.Prev() {
			found.traces = append(found.traces, e.Value.(*keptTrace))
		}
	}
	if lost && oldest != nil && oldest.Time.After(page.Since) {
		page.Since = oldest.Time
	}

	return found
}

// merge joins two lists in the order of arrival.
func merge(a, b []*keptTrace) []*keptTrace {
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b *keptTrace) int { return cmp.Compare(a.number, b.number) })

	return all
}

// watcher is somebody who waits for refusals of an account.
type watcher struct {
	account string
	home    bool
	news    chan struct{} // holds one value while there is something new
}

func (w *watcher) notice(account string) {
	if account != w.account && (account != "" || !w.home) {
		return
	}

	select {
	case w.news <- struct{}{}:
	default: // it has not looked yet
	}
}

// admit takes one of the places for waits of an account. It reports false if all are
// taken; else call leave at the end.
func (s *Kept) admit(account string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	total := 0
	for _, n := range s.waits {
		total += n
	}
	if total >= MaxWaits || s.waits[account] >= MaxAccountWaits {
		return nil, false
	}
	s.waits[account]++

	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()

		if s.waits[account]--; s.waits[account] == 0 {
			delete(s.waits, account)
		}
	}, true
}

// Wait is List, but waits until the page has an entry, all waits end, or ctx does.
// Refusals that do not match are skipped on the way.
func (s *Kept) Wait(ctx context.Context, q Query) Page {
	w := &watcher{account: q.Account, home: q.Home, news: make(chan struct{}, 1)}
	s.watch(w, true)
	defer s.watch(w, false)

	ending := s.Ending()
	var skipped uint64
	for {
		page := s.List(q)
		page.Skipped += skipped
		if len(page.Entries) > 0 {
			return page
		}
		q.After, skipped = &page.Next, page.Skipped

		select {
		case <-w.news:
		case <-ending:
			return page
		case <-ctx.Done():
			return page
		}
	}
}

func (s *Kept) watch(w *watcher, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if on {
		s.watchers[w] = true
	} else {
		delete(s.watchers, w)
	}
}

// Stop ends all waits, now and later.
func (s *Kept) Stop() { s.endWaits(true) }

// EndWaits ends the present waits.
func (s *Kept) EndWaits() { s.endWaits(false) }

func (s *Kept) endWaits(final bool) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.final {
		return
	}
	close(s.ending)
	s.final = final
	if !final {
		s.ending = make(chan struct{})
	}
}

// Ending returns a channel that is closed when present waits end.
func (s *Kept) Ending() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.ending
}
