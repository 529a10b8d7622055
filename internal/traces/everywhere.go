package traces

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/nodes"
)

// Kinds of questions to other nodes.
const (
	findKind = "refusal"
	listKind = "refusals"
	newsKind = "new refusals"
)

// gather is how long refusals are collected after the first new one, so that many at
// once need few calls.
const gather = 100 * time.Millisecond

// nothing is the answer of a node without the refusal.
const nothing = "{}"

// maxPositions bounds the nodes of a Positions.
const maxPositions = 64

// Everywhere has the refusals of all nodes of a database: it keeps its own, and asks the
// others for theirs when somebody wants to see them.
type Everywhere struct {
	*Kept
	nodes *nodes.Nodes
}

// NewEverywhere returns the refusals of kept and of other nodes, and answers the
// questions of those.
func NewEverywhere(kept *Kept, others *nodes.Nodes) *Everywhere {
	e := &Everywhere{Kept: kept, nodes: others}
	others.Handle(findKind, e.answerFind)
	others.Handle(listKind, e.answerList)
	others.Handle(newsKind, e.answerNews)

	return e
}

// Positions are how far a reader has read, by node. nil = at the newest refusals; a node
// that is missing is read from its first refusal on.
type Positions map[string]Position

// Seen tells whose refusals an answer has.
type Seen struct {
	// Silent names the nodes that did not answer in time.
	Silent []string
	// Alone means that this node cannot reach the others, if there are any.
	Alone bool
}

// List is a page of refusals of all nodes.
type List struct {
	Entries []Entry // oldest first
	Next    Positions
	Skipped uint64        // forgotten since the positions
	Since   time.Time     // of the node that has forgotten most
	Waited  time.Duration // for a refusal
	// Gone is the number of nodes that have left since the positions. What they refused after those is lost.
	Gone int
	Seen
}

// listQuestion is the question for refusals.
type listQuestion struct {
	Query     Query
	Positions Positions
}

// findQuestion is the question for one refusal.
type findQuestion struct {
	Account   string
	Home      bool
	RequestID string
}

// Find returns the part of a refusal that an account may see, of any node. For the home
// account, which belongs to the operator, also that of a call that reached no account.
func (e *Everywhere) Find(ctx context.Context, account string, home bool, requestID string) (Trace, bool, Seen) {
	q := findQuestion{Account: account, Home: home, RequestID: requestID}
	if t, ok := e.find(q); ok {
		return t, true, Seen{}
	}

	answers := e.ask(ctx, findKind, q, 0, func(a nodes.Answer) bool { return string(a.Body) != nothing })
	for _, a := range answers.List {
		var t Trace
		if json.Unmarshal(a.Body, &t) == nil && t.RequestID == requestID {
			return t, true, Seen{}
		}
	}

	return Trace{}, false, Seen{Silent: answers.Silent, Alone: answers.Alone}
}

func (e *Everywhere) find(q findQuestion) (Trace, bool) {
	t, ok := e.Kept.Find(q.Account, q.RequestID)
	if !ok && q.Home {
		t, ok = e.Kept.Find("", q.RequestID)
	}
	t.Node = e.nodes.Name()

	return t, ok
}

// ask asks the other nodes. A question that is too large asks nobody.
func (e *Everywhere) ask(
	ctx context.Context, kind string, q any, wait time.Duration, enough func(nodes.Answer) bool,
) nodes.Answers {
	body, err := json.Marshal(q)
	if err != nil {
		return nodes.Answers{Alone: true}
	}

	return e.nodes.Ask(ctx, nodes.Question{
		Kind:   kind,
		Body:   body,
		Wait:   wait,
		Enough: enough,
	})
}

// ErrTooManyWaits means that there is nothing to read yet, and that too many wait for it already.
var ErrTooManyWaits = errors.New("too many wait for refusals")

// List returns refusals of all nodes after positions, or with nil the newest. If there
// are none it waits for some, at most for wait; it returns at once when the server
// stops. Its answer may still be empty. Error: ErrTooManyWaits.
func (e *Everywhere) List(ctx context.Context, q Query, from Positions, wait time.Duration) (List, error) {
	first := e.list(ctx, q, from)
	if len(first.Entries) > 0 || wait <= 0 {
		return first, nil
	}
	leave, ok := e.admit(q.Account)
	if !ok {
		return List{}, ErrTooManyWaits
	}
	defer leave()

	began := e.nodes.Now()
	e.await(ctx, q, first.Next, wait)
	waited := e.nodes.Now().Sub(began)
	list := e.list(ctx, q, first.Next)
	list.Waited = waited
	list.Skipped += first.Skipped
	list.Gone += first.Gone

	return list, nil
}

// list asks each node once.
func (e *Everywhere) list(ctx context.Context, q Query, from Positions) List {
	asked := listQuestion{Query: q, Positions: from}

	pages := map[string]Page{e.nodes.ID(): e.page(asked)}
	answers := e.ask(ctx, listKind, asked, 0, nil)
	for _, a := range answers.List {
		var page Page
		if json.Unmarshal(a.Body, &page) == nil {
			pages[a.Node] = page
		}
	}

	list := mergePages(q, from, pages)
	list.tellGone(e.nodes.Gone)
	list.Seen = Seen{Silent: answers.Silent, Alone: answers.Alone}

	return list
}

// page is this node's part, without the steps of the refusals.
func (e *Everywhere) page(asked listQuestion) Page {
	q := asked.Query
	if asked.Positions != nil {
		q.After = new(asked.Positions[e.nodes.ID()])
	}

	page := e.Kept.List(q)
	for i := range page.Entries {
		t := &page.Entries[i].Trace
		t.Steps, t.Planned, t.Message = nil, nil, ""
		t.Node = e.nodes.Name()
	}

	return page
}

// placed is an entry of a node, with its place among those of all nodes.
type placed struct {
	Entry
	node string
	at   time.Time
}

// mergePages joins the pages of nodes in the order of time. What does not fit is left
// for the next page.
func mergePages(q Query, from Positions, pages map[string]Page) List {
	list := List{Next: Positions{}}
	var all []placed
	for node, page := range pages {
		var at time.Time
		for _, entry := range page.Entries {
			if entry.Time.After(at) { // else the call began earlier, and lasted longer: a node's order stays
				at = entry.Time
			}
			all = append(all, placed{Entry: entry, node: node, at: at})
		}
		if page.Since.After(list.Since) {
			list.Since = page.Since
		}
	}

	slices.SortStableFunc(all, func(a, b placed) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.node, b.node))
	})

	var left []placed // for the next page
	if from == nil {
		all = all[max(len(all)-q.Max, 0):]
	} else if len(all) > q.Max {
		all, left = all[:q.Max], all[q.Max:]
	}

	for _, entry := range all {
		list.Entries = append(list.Entries, entry.Entry)
	}
	list.advance(from, pages, all, left)

	return list
}

// advance sets where the next page begins, and counts what was skipped until there.
func (l *List) advance(from Positions, pages map[string]Page, taken, left []placed) {
	last, more := map[string]Entry{}, map[string]bool{}
	for _, entry := range taken {
		last[entry.node] = entry.Entry
	}

	for _, entry := range left {
		more[entry.node] = true
	}

	for node, page := range pages {
		switch entry, some := last[node]; {
		case !more[node]:
			l.Next[node] = page.Next
			l.Skipped += page.Skipped
		case some:
			l.Next[node] = entry.At
			l.Skipped += entry.Skipped
		default:
			l.Next[node] = Position{Own: from[node].Own, None: from[node].None}
		}
	}

	for _, node := range slices.Sorted(maps.Keys(from)) { // those that do not answer now
		if _, known := l.Next[node]; !known && len(l.Next) < maxPositions {
			l.Next[node] = from[node]
		}
	}
}

// tellGone counts the nodes that have left, each once: it marks their positions, which stay because a node that was
// only cut off comes back.
func (l *List) tellGone(gone func(node string) bool) {
	for node, at := range l.Next {
		if !at.Gone && gone(node) {
			l.Gone++
			at.Gone = true
			l.Next[node] = at
		}
	}
}

// await returns when a node has a refusal that the query asks for, after the time to
// gather more; or after wait.
func (e *Everywhere) await(ctx context.Context, q Query, from Positions, wait time.Duration) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()

	ending := e.Ending()
	news := make(chan bool, 2)
	asked := listQuestion{Query: q, Positions: from}
	go func() { news <- e.hasNews(waiting, asked) }()
	go func() {
		answers := e.ask(waiting, newsKind, asked, wait, func(nodes.Answer) bool { return true })
		news <- len(answers.List) > 0
	}()

	for some, n := false, 0; !some && n < 2; n++ {
		select {
		case some = <-news:
		case <-ending:
			return
		}
	}

	timer := time.NewTimer(gather)
	defer timer.Stop()

	select {
	case <-timer.C:
	case <-waiting.Done():
	case <-ending:
	}
}

// hasNews waits until this node has a refusal for the question.
func (e *Everywhere) hasNews(ctx context.Context, asked listQuestion) bool {
	q := asked.Query
	q.After, q.Max = new(asked.Positions[e.nodes.ID()]), 1

	return len(e.Kept.Wait(ctx, q).Entries) > 0
}

// answerFind to answerNews answer the questions of other nodes.
func (e *Everywhere) answerFind(_ context.Context, question []byte) []byte {
	var q findQuestion
	if json.Unmarshal(question, &q) != nil {
		return nil
	}
	if t, ok := e.find(q); ok {
		return answerOf(t)
	}

	return []byte(nothing) // so that nobody waits for this node
}

func (e *Everywhere) answerList(_ context.Context, question []byte) []byte {
	var q listQuestion
	if json.Unmarshal(question, &q) != nil {
		return nil
	}

	return answerOf(e.page(q))
}

func (e *Everywhere) answerNews(ctx context.Context, question []byte) []byte {
	var q listQuestion
	if json.Unmarshal(question, &q) != nil || !e.hasNews(ctx, q) {
		return nil
	}

	return []byte(nothing)
}

func answerOf(what any) []byte {
	body, err := json.Marshal(what)
	if err != nil {
		return nil
	}

	return body
}
