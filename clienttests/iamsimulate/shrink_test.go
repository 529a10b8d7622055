//go:build extended

package iamsimulate

import (
	"encoding/json"
	"maps"
	"slices"
)

// shrink returns the smallest case on which the evaluators still differ. Explanations look at that, so that nothing
// else in a case can hide a difference.
func shrink(c *simulatedCase, differs func(*simulatedCase) bool) *simulatedCase {
	for smaller := c; smaller != nil; {
		c, smaller = smaller, nil
		for _, candidate := range simpler(c) {
			if differs(candidate) {
				smaller = candidate
				break
			}
		}
	}

	return c
}

// simpler returns copies of a case, each with one thing less.
func simpler(c *simulatedCase) []*simulatedCase {
	var list []*simulatedCase
	with := func(change func(n *simulatedCase)) {
		n := *c
		n.Identity = slices.Clone(c.Identity)
		change(&n)
		list = append(list, &n)
	}

	for i := range c.Identity {
		if len(c.Identity) > 1 {
			with(func(n *simulatedCase) { n.Identity = slices.Delete(n.Identity, i, i+1) })
		}
	}
	if c.Boundary != nil {
		with(func(n *simulatedCase) { n.Boundary = nil })
	}
	if c.ResourcePolicy != nil {
		with(func(n *simulatedCase) { n.ResourcePolicy = nil })
	}

	for i, text := range c.Identity {
		for _, less := range simplerDocuments(text) {
			with(func(n *simulatedCase) { n.Identity[i] = less })
		}
	}
	for _, less := range simplerDocuments(c.Boundary) {
		with(func(n *simulatedCase) { n.Boundary = less })
	}
	for _, less := range simplerDocuments(c.ResourcePolicy) {
		with(func(n *simulatedCase) { n.ResourcePolicy = less })
	}

	return list
}

// simplerDocuments returns copies of a policy, each with one thing less.
func simplerDocuments(text json.RawMessage) []json.RawMessage {
	if text == nil {
		return nil
	}

	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		panic(err)
	}
	statements := document["Statement"].([]any)

	var list []json.RawMessage
	with := func(statements []any) {
		n := maps.Clone(document)
		n["Statement"] = statements
		text, _ := json.Marshal(n) // maps do not fail
		list = append(list, text)
	}

	for i := range statements {
		if len(statements) > 1 {
			with(slices.Delete(slices.Clone(statements), i, i+1))
		}

		for _, less := range simplerStatements(statements[i].(map[string]any)) {
			changed := slices.Clone(statements)
			changed[i] = less
			with(changed)
		}
	}

	return list
}

// simplerStatements returns copies of a statement, each with one thing less.
func simplerStatements(s map[string]any) []map[string]any {
	var list []map[string]any
	with := func(name string, value any) {
		n := maps.Clone(s)
		delete(n, name)
		if value != nil {
			n[name] = value
		}
		list = append(list, n)
	}

	for _, name := range []string{"Action", "NotAction", "Resource", "NotResource"} {
		values, _ := s[name].([]any)
		for i := range values {
			if len(values) > 1 {
				with(name, slices.Delete(slices.Clone(values), i, i+1))
			}
		}
	}

	if s["Resource"] == nil || !slices.Equal(s["Resource"].([]any), []any{"*"}) {
		n := maps.Clone(s)
		delete(n, "NotResource")
		n["Resource"] = []any{"*"}
		list = append(list, n)
	}

	conditions, _ := s["Condition"].(map[string]any)
	if len(conditions) == 0 {
		return list
	}
	with("Condition", nil)
	for operator, keys := range conditions {
		for key, compared := range keys.(map[string]any) {
			values, _ := compared.([]any)
			for i := range values {
				if len(values) > 1 {
					less := slices.Delete(slices.Clone(values), i, i+1)
					with("Condition", map[string]any{operator: map[string]any{key: less}})
				}
			}
		}
	}

	return list
}
