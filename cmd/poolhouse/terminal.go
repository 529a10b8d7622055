package main

import "github.com/poolhouse-id/poolhouse/internal/explain"

// printable is explain.Escaped.
func printable(text string) string {
	return explain.Escaped(text)
}
