package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Mismatch is the reason for which an Allow statement did not apply to a request.
type Mismatch struct {
	Statement *Statement
	Element   string   // Principal, Action, Resource, Condition, NotPrincipal, NotAction or NotResource
	Operator  string   // of a Condition
	Key       string   // of a Condition
	Wanted    []string // of a Condition: the policy's values
	Got       []string // of a Condition: the request's values; none = the key is absent
	// Unknown is the condition key for which the statement does not apply, because it
	// could not be evaluated; "" = that is not the reason.
	Unknown string
}

// String returns one line for a log or trace.
func (m Mismatch) String() string {
	switch {
	case m.Unknown != "" && m.Operator == "":
		return fmt.Sprintf("%s: its %s depends on %s, which cannot be evaluated here",
			m.Statement, m.Element, m.Unknown)
	case m.Unknown != "":
		return fmt.Sprintf("%s: %s %s wants %s, and %s cannot be evaluated here",
			m.Statement, m.Operator, m.Key, strings.Join(m.Wanted, " or "), m.Unknown)
	case m.Operator == "":
		return fmt.Sprintf("%s: its %s does not match", m.Statement, m.Element)
	}

	got := "the request does not have that key"
	if len(m.Got) > 0 {
		got = "the request has " + strings.Join(m.Got, ", ")
	}

	return fmt.Sprintf("%s: %s %s wants %s, %s", m.Statement, m.Operator, m.Key, strings.Join(m.Wanted, " or "), got)
}

// Mismatches returns, for each Allow statement that does not apply to r, the first
// element that does not match. It explains a refusal; Evaluate decides.
func (d *Document) Mismatches(r Request) []Mismatch {
	sc := newScope(&r)
	var list []Mismatch
	for i := range d.statements {
		s := &d.statements[i]
		if s.Effect != Allow {
			continue
		}
		if m, ok := s.mismatch(&sc); ok {
			list = append(list, m)
		}
	}

	return list
}

func (s *Statement) mismatch(sc *scope) (Mismatch, bool) {
	named := func(name string, not bool) (Mismatch, bool) {
		return Mismatch{Statement: s, Element: elementName(name, not)}, true
	}

	covered := s.coversResource(sc)
	switch {
	case !s.coversPrincipal(sc):
		return named("Principal", s.notPrincipal)
	case !s.coversAction(sc):
		return named("Action", s.notAction)
	case covered == no:
		return named("Resource", s.notResource)
	}

	// A condition that does not hold comes before those that cannot be evaluated: it
	// refuses in any case.
	for _, wanted := range []truth{no, unknown} {
		if covered == wanted {
			m, _ := named("Resource", s.notResource)
			m.Unknown, _ = unknownVariable(s.variables, sc)
			return m, true
		}

		for i := range s.conditions {
			if c := &s.conditions[i]; c.holds(sc) == wanted {
				return c.mismatch(s, sc), true
			}
		}
	}

	return Mismatch{}, false
}

func (c *condition) mismatch(s *Statement, sc *scope) Mismatch {
	m := Mismatch{
		Statement: s,
		Element:   "Condition",
		Operator:  c.written.operator,
		Key:       c.written.key,
		Wanted:    c.written.values,
	}
	m.Got, _ = sc.lookup(c.key)
	if holdsLocalARN(c.key) {
		m.Got = slices.Clone(m.Got)
		for i, value := range m.Got {
			m.Got[i] = identitypool.InPartition(value, sc.request.Partition)
		}
	}
	if c.holds(sc) == unknown {
		m.Unknown = c.unknown(sc).Key
	}

	return m
}
