package explain_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// A refusal is told with all that helps, and in colour where the reader has it.
func TestText(t *testing.T) {
	steps := []explain.Step{
		{Code: "pool", Check: "pool", OK: true, Got: "found"},
		{
			Code:     "role-account",
			Check:    "role account",
			Subject:  "arn:x",
			Provider: "p",
			Expected: "a",
			Got:      "b",
			Fix:      "c",
			Detail:   "one\ntwo",
			Link:     &explain.Link{Kind: explain.LinkSetting, ID: "a[0].b", Add: "y", Source: explain.SourceFile},
		},
	}
	planned := []explain.Code{"first", "second"}

	const want = `ok      pool: found
refused p: role account of arn:x: expected a; got b
        | one
        | two
        fix: c
        at: setting a[0].b: add y
not reached: first, second
reason: role-account`
	if got := explain.Text(steps, planned, nil); got != want {
		t.Errorf("%s", got)
	}
	coloured := explain.Text(steps, planned, func(word string) string { return "<" + word + ">" })
	if !strings.Contains(coloured, "<ok     > pool") || !strings.Contains(coloured, "\n<refused> p: role") {
		t.Errorf("%s", coloured)
	}
	if got := explain.Text(nil, nil, nil); got != "" {
		t.Errorf("a call that was not refused has the text %q", got)
	}
}

// No text of a client makes a line of its own.
func TestTextIsPrintable(t *testing.T) {
	const evil = "\x1b[31mRED\x07\r\nok      forged: line\u202e"
	step := explain.Step{Code: evil, Provider: evil, Check: evil, Subject: evil, Expected: evil, Got: evil, Fix: evil}
	passed := step
	passed.OK = true

	text := explain.Text([]explain.Step{step, passed}, []explain.Code{evil}, nil)
	if lines := strings.Count(text, "\n") + 1; lines != 5 { // refused, fix, ok, not reached, reason
		t.Errorf("%d lines:\n%q", lines, text)
	}
	if strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 {
		t.Errorf("not printable: %q", text)
	}
}
