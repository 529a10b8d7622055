package template

import (
	"encoding/json"
	"maps"
	"slices"
)

// condition is a named condition. It is evaluated once.
type condition struct {
	line  int
	node  *node
	state conditionState
}

type conditionState int

const (
	unevaluated conditionState = iota
	evaluating
	met
	notMet
)

// isMet evaluates a condition by its name.
func (t *Template) isMet(line int, name string) bool {
	c := t.conditions[name]
	switch {
	case c == nil && len(t.conditions) == 0:
		t.Fault(line, "unknown condition %q: the file has no Conditions", name)
		return false
	case c == nil:
		t.Unknown(line, "condition", name, slices.Collect(maps.Keys(t.conditions)))
		return false
	case c.state == evaluating:
		t.Fault(c.line, "the condition %s refers to itself", name)
		return false
	case c.state == unevaluated:
		c.state = evaluating
		if t.truth(c.node, 0) {
			c.state = met
		} else {
			c.state = notMet
		}
	}

	return c.state == met
}

// truth evaluates the functions of conditions.
func (t *Template) truth(n *node, depth int) bool {
	if depth > MaxDepth {
		t.Fault(n.line, "nested too deeply")
		return false
	}

	function, argument, ok := n.call()
	if !ok && n.kind == kindMapping && len(n.entries) == 1 {
		function, argument = n.entries[0].key, n.entries[0].value
	}

	switch function {
	case "Condition":
		if name, ok := argument.scalar(); ok {
			return t.isMet(n.line, name)
		}
	case "Fn::Equals":
		if len(argument.list) == 2 {
			a, aOK := t.constant(argument.list[0], function, place{})
			b, bOK := t.constant(argument.list[1], function, place{})
			return aOK && bOK && same(a, b)
		}
	case "Fn::Contains":
		if len(argument.list) == 2 {
			list, _ := t.constant(argument.list[0], function, place{})
			one, ok := t.constant(argument.list[1], function, place{})
			all, isList := list.([]any)
			return ok && isList && slices.ContainsFunc(all, func(v any) bool { return same(v, one) })
		}
	case "Fn::Not":
		if len(argument.list) == 1 {
			return !t.truth(argument.list[0], depth+1)
		}
	case "Fn::And", "Fn::Or":
		if len(argument.list) > 0 {
			return t.each(function, argument.list, depth)
		}
	}
	t.Fault(n.line, "a condition needs Fn::Equals, Fn::And, Fn::Or, Fn::Not, Fn::Contains or Condition, "+
		"with its arguments as a list")

	return false
}

// each evaluates all operands, so that faults in any are told.
func (t *Template) each(function string, operands []*node, depth int) bool {
	all, one := true, false
	for _, o := range operands {
		if t.truth(o, depth+1) {
			one = true
		} else {
			all = false
		}
	}
	if function == "Fn::And" {
		return all
	}

	return one
}

// same compares values as CloudFormation does: scalars by their text, case counts.
func same(a, b any) bool {
	x, isText := textOf(a)
	y, too := textOf(b)
	if isText || too {
		return isText && too && x == y
	}
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)

	return string(left) == string(right)
}

// bootstrapRule is CDK's: its bootstrap stack, which is only at AWS, must be new enough.
const bootstrapRule = "CheckBootstrapVersion"

// uncheckable are the functions of rules that look at what is only at AWS.
var uncheckable = []string{
	"Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll", "Fn::EachMemberEquals", "Fn::EachMemberIn",
}

// checkRules checks the assertions of rules.
func (t *Template) checkRules(rules []entry) {
	for _, rule := range rules {
		if rule.key == bootstrapRule {
			t.note("the rule %s is taken as met: it asks for CDK's bootstrap stack, which Poolhouse does not need",
				rule.key)
			continue
		}
		if function := find(rule.value, uncheckable); function != "" {
			t.note("the rule %s is not checked: it needs %s", rule.key, function)
			continue
		}

		parts := t.entries(rule.value, rule.key)
		if when := rule.value.get("RuleCondition"); when != nil && !t.truth(when, 0) {
			continue
		}

		for _, part := range parts {
			switch part.key {
			case "RuleCondition":
			case "Assertions":
				t.checkAssertions(rule.key, part.value)
			default:
				t.Unknown(part.line, "attribute of the rule "+rule.key, part.key,
					[]string{"RuleCondition", "Assertions"})
			}
		}
	}
}

func (t *Template) checkAssertions(rule string, n *node) {
	if n.kind != kindList {
		t.Fault(n.line, "%s.Assertions must be a list", rule)
	}

	for _, a := range n.list {
		assert := a.get("Assert")
		if assert == nil {
			t.Fault(a.line, "%s: an assertion needs Assert", rule)
			continue
		}
		before := t.faultCount()
		if t.truth(assert, 0) || t.faultCount() > before {
			continue
		}

		why := "its assertion does not hold"
		if d := a.get("AssertDescription"); d != nil && d.kind == kindText {
			why = d.text
		}
		t.Fault(a.line, "the rule %s: %s", rule, why)
	}
}

// find returns the first of some functions that a node calls, "" if it calls none.
func find(n *node, functions []string) string {
	function, argument, isCall := n.call()
	if isCall && slices.Contains(functions, function) {
		return function
	}
	if isCall {
		return find(argument, functions)
	}

	for _, one := range n.list {
		if f := find(one, functions); f != "" {
			return f
		}
	}

	for _, e := range n.entries {
		if f := find(e.value, functions); f != "" {
			return f
		}
	}

	return ""
}

// lookup finds a value in a mapping, nil if it is not there.
func (t *Template) lookup(names [3]string) *node {
	n := t.mappings[names[0]]
	for _, key := range names[1:] {
		if n == nil || n.kind != kindMapping {
			return nil
		}
		n = n.get(key)
	}

	return n
}
