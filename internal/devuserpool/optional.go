package devuserpool

import (
	"reflect"
	"slices"
)

// These functions read optional members of the model, of which nil is an absent one.

// number returns the number of an optional member; 0 if it is absent.
func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// text returns the text of an optional member; "" if it is absent.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// isTrue reports whether an optional member is true.
func isTrue(b *bool) bool { return b != nil && *b }

// isGiven reports whether an optional structure has any member.
func isGiven[T any](s *T) bool { return s != nil && !reflect.ValueOf(*s).IsZero() }

// isValue reports whether an optional text is there and equal.
func isValue(text *string, value string) bool { return text != nil && *text == value }

// orNil returns nil for an empty list: answers leave it out.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}
