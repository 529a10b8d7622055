package main

import (
	"fmt"
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

// secret names the shapes whose values must not appear in a message or a log.
// The Go SDK's copy of the model drops AWS's "sensitive" marks, which the
// published Smithy model has on the first three. A session token is as secret
// as the key beside it.
var secret = []string{"IdentityProviderToken", "OIDCToken", "SecretKeyString", "SessionTokenString"}

func parse(data []byte) (*model, error) {
	m := new(model)
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

func isSecret(name string) bool {
	for _, s := range secret {
		if s == name {
			return true
		}
	}
	return false
}

// hides reports whether a value of the shape contains a secret anywhere.
func (m *model) hides(name string) bool {
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

	return isSecret(name)
}

// inputs returns the structures that a client can send.
func (m *model) inputs() map[string]bool {
	seen := map[string]bool{}
	var walk func(name string)
	walk = func(name string) {
		s := m.Shapes.values[name]
		switch s.Type {
		case "structure":
			if seen[name] {
				return
			}
			seen[name] = true

			for _, r := range s.Members.values {
				walk(r.Shape)
			}
		case "list":
			walk(s.Member.Shape)
		case "map":
			walk(s.Value.Shape)
		}
	}

	for _, op := range m.Operations.values {
		if op.Input != nil {
			walk(op.Input.Shape)
		}
	}

	return seen
}

// lowerFirst turns a member name into the form that AWS uses in validation messages.
func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
