package awsapi

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// String is what a model demands of a string. Lengths are in characters.
type String struct {
	Min, Max  int // 0 = no bound
	Pattern   *Pattern
	Enum      []string
	Sensitive bool // the value never enters a message
}

// Integer is what a model demands of an integer.
type Integer struct{ Min, Max int }

// List is what a model demands of a list.
type List struct {
	Min, Max int     // number of elements; 0 = no bound
	Element  *String // nil for structures
}

// Map is what a model demands of a map with string keys.
type Map struct {
	Min, Max   int // number of entries; 0 = no bound
	Key, Value *String
}

func (c *String) sensitive() bool { return c != nil && c.Sensitive }

// accepts reports whether s meets every demand.
func (c *String) accepts(s string) bool {
	if c == nil {
		return true
	}
	// The byte length bounds the number of characters from above, and a quarter
	// of it from below: most values need no counting.
	if c.Max > 0 && len(s) > c.Max && utf8.RuneCountInString(s) > c.Max {
		return false
	}
	if c.Min > 0 && (len(s) < c.Min || len(s) < 4*c.Min && utf8.RuneCountInString(s) < c.Min) {
		return false
	}
	return (c.Enum == nil || slices.Contains(c.Enum, s)) && (c.Pattern == nil || c.Pattern.MatchString(s))
}

// demands lists the demands that s breaks.
func (c *String) demands(s string) []string {
	var out []string
	n := utf8.RuneCountInString(s)
	if c.Max > 0 && n > c.Max {
		out = append(out, c.longest())
	}
	if n < c.Min {
		out = append(out, c.shortest())
	}
	if c.Pattern != nil && !c.Pattern.MatchString(s) {
		out = append(out, c.shape())
	}
	if c.Enum != nil && !slices.Contains(c.Enum, s) {
		out = append(out, c.values())
	}
	return out
}

// all lists every demand, as AWS does for the strings in a list or map.
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
