package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// model is the part of AWS's api-2.json that the generator needs.
type model struct {
	Metadata struct {
		APIVersion   string `json:"apiVersion"`
		TargetPrefix string `json:"targetPrefix"`
		SigningName  string `json:"endpointPrefix"`
	} `json:"metadata"`
	Operations ordered[operation] `json:"operations"`
	Shapes     ordered[shape]     `json:"shapes"`

	secret []string
}

type operation struct {
	Input    *ref   `json:"input"`
	Output   *ref   `json:"output"`
	Errors   []ref  `json:"errors"`
	AuthType string `json:"authtype"`
}

type ref struct {
	Shape string `json:"shape"`
}

type shape struct {
	Type      string       `json:"type"`
	Min       *int         `json:"min"`
	Max       *int         `json:"max"`
	Pattern   string       `json:"pattern"`
	Enum      []string     `json:"enum"`
	Members   ordered[ref] `json:"members"`
	Required  []string     `json:"required"`
	Member    *ref         `json:"member"`
	Key       *ref         `json:"key"`
	Value     *ref         `json:"value"`
	Exception bool         `json:"exception"`
	Sensitive bool         `json:"sensitive"`
}

func (s shape) requires(member string) bool {
	for _, r := range s.Required {
		if r == member {
			return true
		}
	}
	return false
}

// ordered is a JSON object that keeps the order of its members: AWS lists violations in
// the model's order.
type ordered[T any] struct {
	names  []string
	values map[string]T
}

func (o *ordered[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}

	o.values = map[string]T{}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		o.names = append(o.names, name.String())

		var v T
		if err := json.UnmarshalDecode(dec, &v); err != nil {
			return err
		}
		o.values[o.names[len(o.names)-1]] = v
	}
	_, err := dec.ReadToken()

	return err
}

// parse reads a model. secret names shapes that are sensitive although the model has no mark.
func parse(data []byte, secret []string) (*model, error) {
	m := &model{secret: secret}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, err
	}

	for _, name := range secret {
		if m.Shapes.values[name].Type != "string" {
			return nil, fmt.Errorf("the model has no string shape %s to keep secret", name)
		}
	}

	return m, nil
}

// keep removes the structures that only other operations need. The operations themselves stay, so that
// a service can refuse by name those that it does not have.
func (m *model) keep(operations []string) error {
	needed := map[string]bool{}
	for _, name := range operations {
		op, found := m.Operations.values[name]
		if !found {
			return fmt.Errorf("the model has no operation %s", name)
		}

		for _, r := range []*ref{op.Input, op.Output} {
			if r != nil {
				m.walk(r.Shape, needed)
			}
		}
	}

	m.Shapes.names = slices.DeleteFunc(m.Shapes.names, func(name string) bool { return !needed[name] })

	return nil
}

// walk adds to seen the shape and all that it contains.
func (m *model) walk(name string, seen map[string]bool) {
	if seen[name] {
		return
	}
	seen[name] = true

	s := m.Shapes.values[name]
	for _, r := range s.Members.values {
		m.walk(r.Shape, seen)
	}

	for _, r := range []*ref{s.Member, s.Key, s.Value} {
		if r != nil {
			m.walk(r.Shape, seen)
		}
	}
}

// isSecret reports whether the values of a shape must not appear in a message or a log.
func (m *model) isSecret(name string) bool {
	return m.Shapes.values[name].Sensitive || slices.Contains(m.secret, name)
}

// hides reports whether a value of the shape contains a secret anywhere.
func (m *model) hides(name string) bool {
	if m.isSecret(name) {
		return true
	}

	s := m.Shapes.values[name]
	switch s.Type {
	case "structure":
		for _, n := range s.Members.names {
			if m.hides(s.Members.values[n].Shape) {
				return true
			}
		}
	case "list":
		return m.hides(s.Member.Shape)
	case "map":
		return m.hides(s.Key.Shape) || m.hides(s.Value.Shape)
	}

	return false
}

// inputs returns the structures that a client can send.
func (m *model) inputs() map[string]bool {
	seen := map[string]bool{}
	for _, op := range m.Operations.values {
		if op.Input != nil {
			m.walk(op.Input.Shape, seen)
		}
	}

	return seen
}

// lowerFirst turns a member name into the form that AWS uses in validation messages.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
