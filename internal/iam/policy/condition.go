package policy

import (
	"slices"
	"strings"
)

// writtenCondition is one operator and one key as the document has them.
type writtenCondition struct {
	where    string
	operator string
	key      string
	values   []string
}

// condition is one operator, one key and the values that satisfy it. All
// conditions of a statement must hold.
type condition struct {
	operator
	qualifier    qualifier
	ifExists     bool
	key          string // lower case
	matches      matcher
	variables    []keyName // the policy variables in the values
	wantNull     bool      // the value of the Null operator
	anyPartition bool      // see Statement.anyPartition
	written      *writtenCondition
}

// conditions reads a Condition element: operator to key to values.
func (p *parser) conditions(where string) ([]writtenCondition, error) {
	var list []writtenCondition
	err := p.object(where, func(operator string) error {
		at := where + "." + operator
		if _, _, _, ok := parseOperator(operator); !ok {
			return fault(where, "unknown condition operator %q", operator)
		}

		var keys []string
		err := p.object(at, func(key string) error {
			if prefix, name, ok := strings.Cut(key, ":"); !ok || prefix == "" || name == "" {
				return fault(at, "condition key %q must be PREFIX:NAME", key)
			}
			if slices.Contains(keys, asciiLower(key)) {
				return fault(at, "condition key %q is given twice; case does not matter", key)
			}
			keys = append(keys, asciiLower(key))

			values, err := p.scalars(at + "." + key)
			list = append(list, writtenCondition{
				where:    at + "." + key,
				operator: operator,
				key:      key,
				values:   values,
			})

			return err
		})
		if err == nil && len(keys) == 0 {
			err = fault(at, "names no condition key")
		}

		return err
	})

	return list, err
}

// ExternalID is the condition key of AssumeRole's ExternalId, in lower case. Its
// values are secrets of two accounts: no message, trace or log may show them.
const ExternalID = "sts:externalid"

func (w *writtenCondition) compile(variables bool) (condition, error) {
	c := condition{key: asciiLower(w.key), written: w}
	c.operator, c.qualifier, c.ifExists, _ = parseOperator(w.operator)

	if c.family == nullFamily {
		for _, v := range w.values {
			b, ok := parseBool(v)
			if !ok || len(w.values) > 1 {
				return c, fault(w.where, "must be one of true (the key is absent) and false (it is present)")
			}
			c.wantNull = b
		}
		return c, nil
	}

	var err error
	c.matches, err = compileValues(c.operator, w.values, variables)
	switch {
	case err != nil && c.key == ExternalID: // refusals are logged, and the value is a secret
		return c, fault(w.where, "a value is not of the operator's type")
	case err != nil:
		return c, fault(w.where, "%v", err)
	}
	if variables && (c.family == stringFamily || c.family == arnFamily) {
		c.variables = variablesIn(w.values)
	}

	return c, nil
}

// keyName is the name of a condition key in a policy.
type keyName struct {
	key     string // in lower case
	written string // as the policy has it
}

// variablesIn returns the keys of the policy variables in texts that have compiled.
func variablesIn(texts []string) []keyName {
	var keys []keyName
	for _, text := range texts {
		if !strings.Contains(text, "${") {
			continue
		}

		elements, _ := split(text, withVariables)
		for _, e := range elements {
			if e.kind == variable && !slices.ContainsFunc(keys, func(k keyName) bool { return k.key == e.text }) {
				keys = append(keys, keyName{key: e.text, written: e.written})
			}
		}
	}

	return keys
}

// holds evaluates the condition for a request (IAM User Guide, "Condition operators"
// and "Multivalued context keys"):
//
//   - An absent key satisfies only negated operators, ForAllValues and IfExists;
//     ForAnyValue always needs a value.
//   - Without a qualifier, a key with several values matches if any of them does; a
//     negated operator is the opposite of that.
//   - An unknown key, or a value that the operator cannot compare, makes the result
//     unknown, unless the other values decide.
func (c *condition) holds(sc *scope) truth {
	values, known := sc.lookup(c.key)
	switch {
	case len(values) == 0 && !known:
		return unknown
	case c.family == nullFamily:
		return truthOf(c.wantNull == (len(values) == 0))
	case len(values) == 0:
		return truthOf(c.satisfiedByNone())
	}

	switch c.qualifier {
	case forAllValues:
		// For IAM, a set of only empty strings is a null data set.
		if !slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			return yes
		}

		all := yes
		for i := 0; i < len(values) && all != no; i++ {
			all = min(all, c.matchInPartitions(values[i], sc).notIf(c.negated))
		}

		return all
	case forAnyValue:
		some := no
		for i := 0; i < len(values) && some != yes; i++ {
			some = max(some, c.matchInPartitions(values[i], sc).notIf(c.negated))
		}
		return some
	default:
		some := no
		for i := 0; i < len(values) && some != yes; i++ {
			some = max(some, c.matchInPartitions(values[i], sc))
		}
		return some.notIf(c.negated)
	}
}

// satisfiedByNone reports whether a request without the key satisfies c.
func (c *condition) satisfiedByNone() bool {
	switch c.qualifier {
	case forAllValues:
		return true
	case forAnyValue:
		return false
	default:
		return c.ifExists || c.negated
	}
}
