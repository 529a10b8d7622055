package policy

import (
	"fmt"
	"slices"
)

// Unknown is a condition key on which a statement depends, but which could not be
// evaluated for a request. If the statement is a Deny, it applies; an Allow does not.
type Unknown struct {
	Statement *Statement
	Key       string // the key as the policy has it
	// Operator is the operator of the condition that depends on the key; "" = a policy
	// variable in the statement's Resource or NotResource depends on it.
	Operator string
	// BadValue means that the request has the key, but with a value that the operator
	// cannot compare, or with several for a policy variable.
	BadValue bool
}

// String returns one line for a log or trace, without values of the request.
func (u Unknown) String() string {
	where := u.Statement.String()
	if u.Operator != "" {
		where += ", " + u.Operator
	}

	if u.BadValue {
		return fmt.Sprintf("%s: the request's value of %s cannot be compared", where, u.Key)
	}

	return fmt.Sprintf("%s: this server cannot know %s here", where, u.Key)
}

// Unknown returns the condition keys that could not be evaluated for r in the
// document's statements, and for which r was not allowed. It explains a refusal;
// Evaluate decides.
func (d *Document) Unknown(r Request) []Unknown {
	sc := newScope(&r)
	var list []Unknown
	for i := range d.statements {
		list = append(list, d.statements[i].unknown(&sc)...)
	}

	return list
}

// unknownAllows returns the condition keys that could not be evaluated in the Allow
// statements of several documents.
func unknownAllows(documents []*Document, sc *scope) []Unknown {
	var list []Unknown
	for _, d := range documents {
		for i := range d.statements {
			if s := &d.statements[i]; s.Effect == Allow {
				list = append(list, s.unknown(sc)...)
			}
		}
	}

	return list
}

// unknown returns the condition keys that make it unknown whether the statement covers
// the request.
func (s *Statement) unknown(sc *scope) []Unknown {
	if s.covers(sc) != unknown {
		return nil
	}

	var list []Unknown
	if s.coversResource(sc) == unknown {
		key, bad := unknownVariable(s.variables, sc)
		list = append(list, Unknown{Statement: s, Key: key, BadValue: bad})
	}

	for i := range s.conditions {
		if c := &s.conditions[i]; c.holds(sc) == unknown {
			u := c.unknown(sc)
			u.Statement = s
			list = append(list, u)
		}
	}

	return list
}

// unknown returns the key that makes the condition unknown.
func (c *condition) unknown(sc *scope) Unknown {
	if values, known := sc.lookup(c.key); len(values) == 0 && !known {
		return Unknown{Key: c.written.key, Operator: c.written.operator}
	}
	if key, bad := unknownVariable(c.variables, sc); key != "" {
		return Unknown{Key: key, Operator: c.written.operator, BadValue: bad}
	}

	return Unknown{Key: c.written.key, Operator: c.written.operator, BadValue: true}
}

// unknownVariable returns the first key, as the policy has it, that has no known value
// or several for a policy variable, and whether it has several; "" if there is none.
func unknownVariable(variables []keyName, sc *scope) (key string, several bool) {
	for _, v := range variables {
		values, known := sc.lookup(v.key)
		if len(values) > 1 || len(values) == 0 && !known {
			return v.written, len(values) > 1
		}
	}
	return "", false
}

// MayConcern reports whether requests to a service, such as s3, can match the
// statement's Action or NotAction.
func (s *Statement) MayConcern(service string) bool {
	matched := slices.ContainsFunc(s.services, func(p pattern) bool { return p.matchFixed(service) })
	return matched != s.notAction
}

// Services returns the services, in lower case, whose actions the statement names
// without wildcards; nil if it can concern any service.
func (s *Statement) Services() []string { return s.named }

// Dependency is a condition key on which a statement depends, in a condition or as a
// policy variable.
type Dependency struct {
	Statement *Statement
	Key       string // in lower case
	Written   string // the key as the document has it
}

// Dependencies returns the condition keys of the document, each once per statement.
func (d *Document) Dependencies() []Dependency {
	var list []Dependency
	for i := range d.statements {
		s := &d.statements[i]
		seen := map[string]bool{}
		add := func(keys ...keyName) {
			for _, k := range keys {
				if !seen[k.key] {
					seen[k.key] = true
					list = append(list, Dependency{Statement: s, Key: k.key, Written: k.written})
				}
			}
		}

		add(s.variables...)

		for _, c := range s.conditions {
			add(keyName{key: c.key, written: c.written.key})
			add(c.variables...)
		}
	}

	return list
}
