package policy

import (
	"fmt"
	"slices"
	"strings"
)

// What a simulation asks of documents besides Evaluate. All of it uses the statements' own
// evaluation.

// Applying returns the statements with that effect that apply to r, in the document's order.
// They explain Evaluate: a Deny statement applies unless it certainly does not cover r.
func (d *Document) Applying(r Request, effect Effect) []*Statement {
	sc := newScope(&r)
	var list []*Statement
	for i := range d.statements {
		if s := &d.statements[i]; s.Effect == effect && s.applies(&sc) {
			list = append(list, s)
		}
	}

	return list
}

// Missing returns the condition keys of documents, as they are first written, that r neither has
// nor is known to lack. They are sorted, and each is there once.
func Missing(r Request, documents []*Document) []string {
	sc := newScope(&r)
	return keysOf(documents, func(key string) bool {
		_, known := sc.lookup(key)
		return !known
	})
}

// ContextKeys returns the condition keys of documents, as they are first written. They are sorted,
// and each is there once.
func ContextKeys(documents []*Document) []string {
	return keysOf(documents, func(string) bool { return true })
}

func keysOf(documents []*Document, wanted func(key string) bool) []string {
	seen := map[string]bool{}
	var list []string
	for _, d := range documents {
		for _, dependency := range d.Dependencies() {
			if !seen[dependency.Key] && wanted(dependency.Key) {
				list = append(list, dependency.Written)
			}
			seen[dependency.Key] = true
		}
	}
	slices.Sort(list)

	return list
}

// Concerns reports whether a statement of the document may be about the resource of r.
func (d *Document) Concerns(r Request) bool {
	sc := newScope(&r)
	return slices.ContainsFunc(d.statements, func(s Statement) bool { return s.coversResource(&sc) != no })
}

// ParseResource reads the policy of a resource: every statement needs a Principal, as one without would
// be about everybody. It also refuses what Parse refuses.
func ParseResource(text string) (*Document, error) {
	d, err := Parse([]byte(text))
	if err != nil {
		return nil, err
	}

	for i := range d.statements {
		if d.statements[i].principals == nil {
			return nil, fault(fmt.Sprintf("Statement[%d]", i), "the policy of a resource needs a Principal")
		}
	}

	return d, nil
}

// types has the types of IAM's ContextKeyTypeEnum, each with its test for a value.
var types = map[string]func(value string) bool{
	"string":  func(string) bool { return true },
	"numeric": func(value string) bool { _, ok := parseNumber(value); return ok },
	"boolean": func(value string) bool { _, ok := parseBool(value); return ok },
	"ip":      func(value string) bool { _, ok := parseAddress(value); return ok },
	"binary":  func(value string) bool { _, ok := parseBinary(value); return ok },
	"date":    func(value string) bool { _, ok := parseDate(value); return ok },
}

// CheckValues reports whether values have a type of IAM's ContextKeyTypeEnum, such as numeric or
// numericList. A type that is not a list has one value, or none: then the request is known to lack the key.
func CheckValues(kind string, values []string) bool {
	one, isList := strings.CutSuffix(kind, "List")
	valid, known := types[one]
	if !known || !isList && len(values) > 1 {
		return false
	}

	return !slices.ContainsFunc(values, func(value string) bool { return !valid(value) })
}
