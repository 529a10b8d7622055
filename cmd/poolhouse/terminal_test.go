package main

import (
	"strings"
	"testing"
	"unicode"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Nothing that a client sent reaches a terminal raw.
func TestTracesArePrintable(t *testing.T) {
	const evil = "\x1b[31mRED\x07\r\n  ok      forged: line\u202e"
	step := explain.Step{Provider: evil, Check: evil, Expected: evil, Got: evil, Fix: evil}
	passed := step
	passed.OK = true
	var out strings.Builder
	printTrace(&out, palette{}, poolhouse.Trace{Operation: "GetId", Outcome: "NotAuthorizedException", Message: evil, RequestID: "id",
		Steps: []explain.Step{step, passed}})
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 6 { // empty, heading, refused, fix, ok, end
		t.Errorf("%d lines:\n%q", len(lines), lines)
	}
	for _, line := range lines {
		if strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("not printable: %q", line)
		}
	}
}
