package awsapi

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// String lists the model's constraints on a string. Lengths are in characters.
type String struct {
	Min, Max  int // 0 = no bound
	Pattern   *Pattern
	Enum      []string
	Sensitive bool // the value must not enter a message
}

// Integer has the model's bounds of an integer.
type Integer struct{ Min, Max int }

// Number has the bounds of a number that may have a fraction.
type Number struct{ Min, Max float64 }

// List lists the model's constraints on a list.
type List struct {
	Min, Max int     // number of elements; 0 = no bound
	Element  *String // nil for structures
}

// Map lists the model's constraints on a map with string keys.
type Map struct {
	Min, Max   int // number of entries; 0 = no bound
	Key, Value *String
}

func (c *String) sensitive() bool { return c != nil && c.Sensitive }

// accepts reports whether s meets every constraint.
func (c *String) accepts(s string) bool {
	if c == nil {
		return true
	}

	// A string of n bytes has at most n characters and at least n/4, so most values
	// need no counting.
	if c.Max > 0 && len(s) > c.Max && utf8.RuneCountInString(s) > c.Max {
		return false
	}
	if c.Min > 0 && (len(s) < c.Min || len(s) < 4*c.Min && utf8.RuneCountInString(s) < c.Min) {
		return false
	}

	return (c.Enum == nil || slices.Contains(c.Enum, s)) && (c.Pattern == nil || c.Pattern.MatchString(s))
}

// demand is a constraint of the model that a member breaks.
type demand struct {
	text string // in AWS's words
	// expected, got and fix are for people. got has sizes and numbers, but no text of
	// the request.
	expected, got, fix string
}

// demands lists the constraints that s breaks.
func (c *String) demands(s string) []demand {
	var out []demand
	n := utf8.RuneCountInString(s)

	if c.Max > 0 && n > c.Max {
		out = append(out, atMost(c.longest(), n, c.Max, "character"))
	}
	if n < c.Min {
		out = append(out, atLeast(c.shortest(), n, c.Min, "character"))
	}
	if c.Pattern != nil && !c.Pattern.MatchString(s) {
		broken := demand{
			text:     c.shape(),
			expected: "a value of the form " + c.Pattern.String(),
			got:      "a value of " + count(n, "character") + " in another form",
			fix:      "write the value in this form, with no blanks, quotes or line ends around it",
		}
		if strings.Contains(s, explain.Hidden) { // of an exported pool
			broken.got = "a value with " + explain.Hidden + " in the place of a secret"
			broken.fix = "write the secret in the place of " + explain.Hidden
		}
		out = append(out, broken)
	}
	if c.Enum != nil && !slices.Contains(c.Enum, s) {
		out = append(out, demand{
			text:     c.values(),
			expected: "one of " + strings.Join(c.Enum, ", "),
			got:      "a value of " + count(n, "character") + " that is none of them",
			fix:      "use one of " + strings.Join(c.Enum, ", ") + ", in this letter case",
		})
	}

	return out
}

// atMost describes a size above its bound.
func atMost(text string, n, most int, unit string) demand {
	return demand{
		text:     text,
		expected: "at most " + count(most, unit),
		got:      count(n, unit),
		fix:      "send at most " + count(most, unit),
	}
}

// atLeast describes a size below its bound.
func atLeast(text string, n, least int, unit string) demand {
	got := count(n, unit)
	if n == 0 {
		got = "an empty value"
	}

	return demand{
		text:     text,
		expected: "at least " + count(least, unit),
		got:      got,
		fix:      "send at least " + count(least, unit),
	}
}

// between describes a number outside its range.
func between(text, n, least, most string) demand {
	bounds := least + " to " + most
	return demand{
		text:     text,
		expected: "a number from " + bounds,
		got:      n,
		fix:      "use a number from " + bounds,
	}
}

// within describes the first constraint that s breaks; element names what s is, such as
// "each key".
func (c *String) within(text, element, s string) demand {
	d := demand{text: text}
	if broken := c.demands(s); len(broken) > 0 {
		d.expected = "for " + element + ": " + broken[0].expected
		d.got = broken[0].got
		d.fix = "for " + element + ": " + broken[0].fix
	}
	return d
}

// count returns n with its unit, in the plural unless n is 1.
func count(n int, unit string) string {
	switch {
	case n == 1:
		return "1 " + unit
	case unit == "entry":
		return strconv.Itoa(n) + " entries"
	default:
		return strconv.Itoa(n) + " " + unit + "s"
	}
}

// all lists every constraint, as AWS does for strings in a list or map.
func (c *String) all() string {
	var out []string
	if c.Max > 0 {
		out = append(out, c.longest())
		out = append(out, c.shortest())
	}
	if c.Pattern != nil {
		out = append(out, c.shape())
	}
	if c.Enum != nil {
		out = append(out, c.values())
	}

	return "[" + strings.Join(out, ", ") + "]"
}

func (c *String) longest() string {
	return "Member must have length less than or equal to " + strconv.Itoa(c.Max)
}

func (c *String) shortest() string {
	return "Member must have length greater than or equal to " + strconv.Itoa(c.Min)
}

func (c *String) shape() string {
	return "Member must satisfy regular expression pattern: " + c.Pattern.String()
}

func (c *String) values() string {
	return "Member must satisfy enum value set: [" + strings.Join(c.Enum, ", ") + "]"
}

func (c *String) echo(s string) string {
	if c.Sensitive {
		return ""
	}
	return "'" + bound(s) + "' "
}
