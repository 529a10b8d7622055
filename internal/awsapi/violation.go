package awsapi

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Violation is one member that breaks one constraint of the model.
type Violation struct {
	Path       string // e.g. tags.1.member.key
	Value      string // as the message prints it: "null ", "'x' ", or "" if it must not be echoed
	Constraint string // e.g. Member must not be null

	demand demand // for people
}

// nullValue and notNull are Value and Constraint of a missing member. STS leaves the
// value out.
const (
	nullValue = "null "
	notNull   = "Member must not be null"
)

// Bounds of a message made of violations.
const (
	maxListed = 20  // violations spelled out; the count in front covers all
	maxEcho   = 256 // characters of a value
)

// Validator collects the violations of one input. The zero value is ready.
//
// Paths and texts are as AWS's own front end writes them (observed): members in lower
// camel case, list elements as LIST.1.member, map values as MAP.KEY.member. Strings in
// a list or map are judged together.
type Validator struct {
	prefix string
	found  []Violation
}

// Violations returns what was found, in the order of the checks.
func (v *Validator) Violations() []Violation { return v.found }

// String checks a string member. A nil s is absent.
func (v *Validator) String(name string, s *string, c *String, required bool) {
	if s == nil {
		v.absent(name, required)
		return
	}
	if c == nil || c.accepts(*s) {
		return
	}

	for _, d := range c.demands(*s) {
		v.add(name, c.echo(*s), d)
	}
}

// Bool checks a boolean member.
func (v *Validator) Bool(name string, b *bool, required bool) {
	if b == nil {
		v.absent(name, required)
	}
}

// Integer checks an integer member.
func (v *Validator) Integer(name string, n *int, c *Integer, required bool) {
	switch {
	case n == nil:
		v.absent(name, required)
	case c == nil:
	case *n > c.Max || *n < c.Min:
		v.outside(name, *n > c.Max, strconv.Itoa(*n), strconv.Itoa(c.Min), strconv.Itoa(c.Max))
	}
}

// Number checks a member that may have a fraction.
func (v *Validator) Number(name string, n *float64, c *Number, required bool) {
	switch {
	case n == nil:
		v.absent(name, required)
	case !(*n >= c.Min && *n <= c.Max): // also NaN
		text := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
		v.outside(name, *n > c.Max, strconv.FormatFloat(*n, 'g', -1, 64), text(c.Min), text(c.Max))
	}
}

// outside adds a number that is out of its bounds.
func (v *Validator) outside(name string, above bool, n, least, most string) {
	text := "Member must have value greater than or equal to " + least
	if above {
		text = "Member must have value less than or equal to " + most
	}
	v.add(name, "'"+n+"' ", between(text, n, least, most))
}

// List checks a list of strings. A nil list is absent, an empty one is not.
func (v *Validator) List(name string, list []string, c *List, required bool) {
	if list == nil {
		v.absent(name, required)
		return
	}

	value := func() string {
		if c.Element.sensitive() {
			return ""
		}
		return "'" + bound("["+strings.Join(list, ", ")+"]") + "' "
	}
	v.size(name, len(list), c.Min, c.Max, "element", value)

	for _, s := range list {
		if !c.Element.accepts(s) {
			text := "Member must satisfy constraint: " + c.Element.all()
			v.add(name, value(), c.Element.within(text, "each element", s))
			return
		}
	}
}

// Map checks a map of strings. A nil map is absent, an empty one is not.
func (v *Validator) Map(name string, m map[string]string, c *Map, required bool) {
	if m == nil {
		v.absent(name, required)
		return
	}

	value := func() string {
		if c.Key.sensitive() || c.Value.sensitive() {
			return ""
		}

		var b strings.Builder
		for i, k := range slices.Sorted(maps.Keys(m)) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(k + "=" + m[k])
			if b.Len() > 4*maxEcho {
				break
			}
		}

		return "'" + bound("{"+b.String()+"}") + "' "
	}

	v.size(name, len(m), c.Min, c.Max, "entry", value)

	if key, bad := firstBad(maps.Keys(m), c.Key); bad {
		v.add(name, value(), c.Key.within("Map keys must satisfy constraint: "+c.Key.all(), "each key", key))
	}
	if text, bad := firstBad(maps.Values(m), c.Value); bad {
		v.add(name, value(), c.Value.within("Map value must satisfy constraint: "+c.Value.all(), "each value", text))
	}
}

// firstBad returns the text that c does not accept, the first in order if several.
func firstBad(texts iter.Seq[string], c *String) (first string, found bool) {
	for s := range texts {
		if !c.accepts(s) && (!found || s < first) {
			first, found = s, true
		}
	}
	return first, found
}

// Structure checks a structure member; check descends into it when present.
func (v *Validator) Structure(name string, present, required bool, check func(*Validator)) {
	if !present {
		v.absent(name, required)
		return
	}
	v.within(name, check)
}

// Structures checks a list of structures; check descends into one.
func Structures[T any](v *Validator, name string, list []T, c *List, required bool, check func(*T, *Validator)) {
	if list == nil {
		v.absent(name, required)
		return
	}
	v.size(name, len(list), c.Min, c.Max, "element", emptyOnly(len(list), "[]"))

	for i := range list {
		v.within(name+"."+strconv.Itoa(i+1)+".member", func(v *Validator) { check(&list[i], v) })
	}
}

// StructureMap checks a map of structures; check descends into the value of a key.
func StructureMap[T any](v *Validator, name string, m map[string]T, c *Map, required bool, check func(*T, *Validator)) {
	if m == nil {
		v.absent(name, required)
		return
	}
	v.size(name, len(m), c.Min, c.Max, "entry", emptyOnly(len(m), "{}"))

	keys := slices.Sorted(maps.Keys(m))
	for _, k := range keys {
		if !c.Key.accepts(k) {
			v.add(name, "", c.Key.within("Map keys must satisfy constraint: "+c.Key.all(), "each key", k))
			break
		}
	}

	for _, k := range keys {
		v.within(name+"."+bound(k)+".member", func(v *Validator) { check(new(m[k]), v) })
	}
}

func emptyOnly(n int, text string) func() string {
	return func() string {
		if n == 0 {
			return "'" + text + "' "
		}
		return ""
	}
}

func (v *Validator) within(name string, check func(*Validator)) {
	outer := v.prefix
	v.prefix = outer + name + "."
	check(v)
	v.prefix = outer
}

func (v *Validator) size(name string, n, least, most int, unit string, value func() string) {
	if most > 0 && n > most {
		text := "Member must have length less than or equal to " + strconv.Itoa(most)
		v.add(name, value(), atMost(text, n, most, unit))
	}

	if n < least {
		text := "Member must have length greater than or equal to " + strconv.Itoa(least)
		v.add(name, value(), atLeast(text, n, least, unit))
	}
}

func (v *Validator) absent(name string, required bool) {
	if required {
		v.add(name, nullValue, demand{text: notNull})
	}
}

func (v *Validator) add(name, value string, broken demand) {
	v.found = append(v.found, Violation{
		Path:       v.prefix + name,
		Value:      value,
		Constraint: broken.text,
		demand:     broken,
	})
}

// bound cuts s to maxEcho characters.
func bound(s string) string {
	n := 0
	for i := range s {
		if n == maxEcho {
			return s[:i] + "..."
		}
		n++
	}

	return s
}

// Why returns f as a reason, without the value: a secret may be in the wrong member.
func (f Violation) Why() *explain.Refusal {
	if f.Constraint == notNull {
		return inputMissing.With().Of(f.Path)
	}
	return inputConstraint.With("constraint", f.demand.expected, "value", f.demand.got, "fix", f.demand.fix).Of(f.Path)
}

// violationsMessage joins violations as AWS's front end does, with or without values.
func violationsMessage(found []Violation, values bool) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(len(found)))
	b.WriteString(" validation error")
	if len(found) != 1 {
		b.WriteByte('s')
	}
	b.WriteString(" detected: ")

	for i, f := range found[:min(len(found), maxListed)] {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString("Value ")
		if values {
			b.WriteString(f.Value)
		}
		b.WriteString("at '" + f.Path + "' failed to satisfy constraint: " + f.Constraint)
	}

	return b.String()
}
