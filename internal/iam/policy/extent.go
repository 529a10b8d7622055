package policy

import (
	"strings"
	"unicode/utf8"
)

// Position is a place in the text of a document. Line and Column count from 1; columns count
// characters.
type Position struct{ Line, Column int }

// extent is the part of a document's text that a statement takes up, in bytes.
type extent struct{ from, to int }

// Extent returns the places just after the first and just after the last brace of a statement of
// the document. IAM's policy simulator names statements by these places (AWS CLI reference,
// examples of simulate-custom-policy and simulate-principal-policy).
func (d *Document) Extent(s *Statement) (start, end Position) {
	from := s.extent.from + strings.IndexByte(d.text[s.extent.from:], '{') + 1
	return d.position(from), d.position(s.extent.to)
}

// position returns the place of a byte of the text.
func (d *Document) position(offset int) Position {
	before := d.text[:offset]
	line := before[strings.LastIndexByte(before, '\n')+1:]

	return Position{
		Line:   1 + strings.Count(before, "\n"),
		Column: 1 + utf8.RuneCountInString(line),
	}
}
