package nodes

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"time"
)

// MaxWait bounds how long the other nodes hold a question.
const MaxWait = 20 * time.Second

// Question is asked of all other nodes.
type Question struct {
	Kind string // names the handler
	Body []byte // less than 4500 bytes, compressed
	// Wait is how long a node may wait before it answers; 0 = it answers at once. A node
	// that has nothing to tell by then does not answer.
	Wait time.Duration
	// Enough reports whether no more answers are needed; nil = all nodes are waited for.
	Enough func(Answer) bool
}

// Answer is that of one node.
type Answer struct {
	Node, Name string
	Body       []byte
}

// Answers are those of all nodes that answered in time.
type Answers struct {
	List []Answer
	// Silent names the nodes that did not answer, sorted.
	Silent []string
	// Alone means that this node cannot reach the others, if there are any.
	Alone bool
}

// asking is a question that waits for answers.
type asking struct {
	parts map[string][][]byte // by node; nil = its answer is complete
	done  chan Answer
}

// Ask asks the other nodes that are known to be there, and returns their answers.
// Without others it does nothing. It returns after two seconds, or after the question's
// Wait, or when ctx ends.
func (n *Nodes) Ask(ctx context.Context, q Question) Answers {
	id := rand.Text()
	a, expected, result := n.start(ctx, id, q)
	if a == nil {
		return result
	}
	defer n.stop(id)

	limit := answerIn
	if q.Wait > 0 {
		limit = min(q.Wait, MaxWait)
	}

	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	err := n.send(bounded, message{
		Type:     question,
		Kind:     q.Kind,
		Question: id,
		Wait:     q.Wait.Milliseconds(),
		Body:     q.Body,
	})
	if err != nil {
		n.options.Logger.Warn("the other nodes cannot be asked", "error", err)
		result.Alone = true
		return result
	}

	for len(expected) > 0 {
		select {
		case got := <-a.done:
			result.List = append(result.List, got)
			delete(expected, got.Node)
			if q.Enough != nil && q.Enough(got) {
				n.release(ctx, id, expected)
				return result
			}
		case <-bounded.Done():
			if q.Wait > 0 || ctx.Err() != nil {
				n.release(ctx, id, expected)
			} else {
				result.Silent = n.silence(expected)
			}
			return result
		}
	}

	return result
}

// start returns nil if there is nobody to ask. Nodes that did not answer the last
// question are asked, but not waited for.
func (n *Nodes) start(ctx context.Context, id string, q Question) (*asking, map[string]bool, Answers) {
	n.mu.Lock()
	defer n.mu.Unlock()

	var result Answers
	switch {
	case n.options.Carrier == nil:
		return nil, nil, result
	case !n.heard:
		result.Alone = true
		if n.listening && n.options.Now().Sub(n.greeted) > probeEvery {
			n.greet(context.WithoutCancel(ctx))
		}
		return nil, nil, result
	}

	expected := map[string]bool{}
	for _, m := range n.members {
		switch {
		case m.silent.IsZero():
			expected[m.id] = true
		case n.options.Now().Sub(m.silent) > forgetAfter:
			delete(n.members, m.id)
		case q.Wait == 0:
			result.Silent = append(result.Silent, m.name)
		}
	}
	slices.Sort(result.Silent)
	if len(n.members) == 0 {
		return nil, nil, result
	}

	a := &asking{parts: map[string][][]byte{}, done: make(chan Answer, maxMembers)}
	n.waiting[id] = a

	return a, expected, result
}

func (n *Nodes) stop(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()

	delete(n.waiting, id)
}

// release tells nodes that still hold the question that nobody waits any more.
func (n *Nodes) release(ctx context.Context, id string, holding map[string]bool) {
	if len(holding) == 0 {
		return
	}

	n.mu.Lock()
	defer n.mu.Unlock()

	n.do(func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerIn)
		defer cancel()

		_ = n.send(bounded, message{Type: leave, Question: id}) // else they hold it until its time ends
	})
}

// silence notes which nodes did not answer, and returns the names of all such nodes.
func (n *Nodes) silence(expected map[string]bool) (names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()

	for _, m := range n.members {
		if expected[m.id] {
			m.silent = n.options.Now()
		}
		if !m.silent.IsZero() {
			names = append(names, m.name)
		}
	}
	slices.Sort(names)

	return names
}

// collect adds a part to the answer that it belongs to. n.mu is held.
func (n *Nodes) collect(m message) {
	a := n.waiting[m.Question]
	if a == nil {
		return // it came too late
	}

	parts, known := a.parts[m.From]
	if !known {
		if len(a.parts) >= maxMembers {
			return
		}
		parts = make([][]byte, m.Parts)
		a.parts[m.From] = parts
	}
	if m.Part >= len(parts) || parts[m.Part] != nil {
		return // complete, or of another answer
	}

	parts[m.Part] = append([]byte{}, m.Body...)
	if slices.ContainsFunc(parts, func(part []byte) bool { return part == nil }) {
		return
	}
	a.parts[m.From] = nil

	body, err := expand(bytes.Join(parts, nil))
	if err != nil {
		return
	}

	a.done <- Answer{Node: m.From, Name: m.Name, Body: body}
}
