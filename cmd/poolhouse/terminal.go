package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable is text for a terminal: what clients sent may hold escape sequences
// and line ends, which would rewrite what an operator reads.
func printable(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	quoted := strconv.QuoteToGraphic(text)
	return quoted[1 : len(quoted)-1]
}
