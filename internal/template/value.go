package template

import (
	"encoding/json"
	"strconv"
)

// Evaluated values are nil, bool, json.Number, OddNumber, string, []any, map[string]any and
// *Reference.

// OddNumber is a number of YAML that is none of JSON, such as 0x10 or 007, as the file has it.
type OddNumber string

// Reference stands for text that is known when other resources are there.
type Reference struct {
	Line  int
	Parts []Part
}

// Part is text, an attribute of a resource or pseudo parameter, or a piece of such text.
type Part struct {
	Text, Resource, Attribute string
	Piece                     *Piece
}

// Piece is one element of a text that is split: Fn::Select of Fn::Split.
type Piece struct {
	Of        []Part
	Delimiter string
	Index     int
}

// Names yields the resources and pseudo parameters that a part needs, with the attribute.
func (p Part) Names(yield func(resource, attribute string)) {
	if p.Resource != "" {
		yield(p.Resource, p.Attribute)
	}
	if p.Piece != nil {
		for _, one := range p.Piece.Of {
			one.Names(yield)
		}
	}
}

// noValue is the value of AWS::NoValue: what has it is left out.
type noValue struct{}

// splitText is the result of Fn::Split while its text is not known.
type splitText struct {
	of        []Part
	delimiter string
}

// textOf returns a scalar as text.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case OddNumber:
		return string(v), true
	case bool:
		return strconv.FormatBool(v), true
	}

	return "", false
}

// partsOf returns a scalar or reference as parts of a text.
func partsOf(v any) ([]Part, bool) {
	if ref, ok := v.(*Reference); ok {
		return ref.Parts, true
	}
	text, ok := textOf(v)

	return []Part{{Text: text}}, ok
}

// joined returns parts as one text: a string if nothing in it is unknown.
func joined(line int, parts []Part) any {
	var merged []Part
	for _, p := range parts {
		last := len(merged) - 1
		switch {
		case p.Resource != "" || p.Piece != nil:
			merged = append(merged, p)
		case p.Text == "":
		case last >= 0 && merged[last].Resource == "" && merged[last].Piece == nil:
			merged[last].Text += p.Text
		default:
			merged = append(merged, p)
		}
	}

	switch {
	case len(merged) == 0:
		return ""
	case len(merged) == 1 && merged[0].Resource == "" && merged[0].Piece == nil:
		return merged[0].Text
	default:
		return &Reference{Line: line, Parts: merged}
	}
}
