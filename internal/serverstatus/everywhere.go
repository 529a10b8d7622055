package serverstatus

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/nodes"
)

// kind is that of the question to other nodes.
const kind = "status"

// Everywhere reports the status of all nodes of a database.
type Everywhere struct {
	*Reporter
	nodes *nodes.Nodes
}

// NewEverywhere returns what reports the status of this node and of others, and answers
// the questions of those.
func NewEverywhere(r *Reporter, others *nodes.Nodes) *Everywhere {
	e := &Everywhere{Reporter: r, nodes: others}
	others.Handle(kind, e.answer)

	return e
}

// NamedNode is the status of one node.
type NamedNode struct {
	Name string // of its machine, and the start of its ID
	Node
}

// All is the status of all nodes that answered.
type All struct {
	Nodes []NamedNode // this node, then the others by name
	// Silent names the nodes that did not answer in time.
	Silent []string
	// Alone means that this node cannot reach the others, if there are any.
	Alone bool
}

// All returns the status of this node, and of the others that answer within two seconds.
func (e *Everywhere) All(ctx context.Context) All {
	asked := make(chan nodes.Answers, 1)
	go func() { asked <- e.nodes.Ask(ctx, nodes.Question{Kind: kind}) }() // meanwhile the database may be slow

	own := NamedNode{Name: e.nodes.Name(), Node: e.Node(ctx)}
	answers := <-asked

	var others []NamedNode
	for _, a := range answers.List {
		other := NamedNode{Name: a.Name}
		if json.Unmarshal(a.Body, &other.Node) == nil {
			others = append(others, other)
		}
	}
	slices.SortFunc(others, func(a, b NamedNode) int { return cmp.Compare(a.Name, b.Name) })

	return All{
		Nodes:  append([]NamedNode{own}, others...),
		Silent: answers.Silent,
		Alone:  answers.Alone,
	}
}

// answer answers the question of another node.
func (e *Everywhere) answer(ctx context.Context, _ []byte) []byte {
	body, err := json.Marshal(e.Node(ctx))
	if err != nil {
		return nil
	}

	return body
}
