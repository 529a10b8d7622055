package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable returns text for a terminal. Text from clients may contain escape sequences and line
// ends, which would change what an operator reads.
func printable(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	quoted := strconv.QuoteToGraphic(text)
	return quoted[1 : len(quoted)-1]
}
