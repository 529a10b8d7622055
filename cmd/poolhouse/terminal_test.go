package main

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// The example calls the program in a way that the reader's shell understands.
func TestWelcomeNamesTheProgram(t *testing.T) {
	if name := programName(); name != "poolhouse" { // testscript.Main puts it on the path
		t.Errorf("with the program on the path: %s", name)
	}
	t.Setenv("PATH", t.TempDir())
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	name := programName()
	if strings.Trim(name, "'") != file {
		t.Errorf("without the program on the path: %s, want %s", name, file)
	}
	var out strings.Builder
	welcome{Program: name}.print(&out)

	if !strings.Contains(out.String(), "$("+name+" dev token") {
		t.Errorf("the example does not name it:\n%s", out.String())
	}
}

// Nothing that a client sent reaches a terminal raw.
func TestTracesArePrintable(t *testing.T) {
	const evil = "\x1b[31mRED\x07\r\n  ok      forged: line\u202e"
	step := explain.Step{Provider: evil, Check: evil, Expected: evil, Got: evil, Fix: evil}
	passed := step
	passed.OK = true
	var out strings.Builder
	printTrace(&out, terminal.Palette{}, poolhouse.Trace{
		Operation: "GetId",
		Outcome:   "NotAuthorizedException",
		Message:   evil,
		RequestID: "id",
		Steps:     []explain.Step{step, passed},
	})

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

// A code is shown on one line, whatever a user has as name and address.
func TestPrintCode(t *testing.T) {
	for want, code := range map[string]poolhouse.DevCode{
		"\nCode 123456 to confirm the sign-up, for ann (a@b.example) in user pool shop eu-west-1_x\n": {
			Pool: "eu-west-1_x", PoolName: "shop", Username: "ann", Destination: "a@b.example",
			Purpose: "confirm the sign-up", Code: "123456",
		},
		"\nCode 1 to verify the address, for a\\x1b[31m in user pool x\n": {
			Pool: "x", Username: "a\x1b[31m", Destination: "a\x1b[31m", Purpose: "verify the address", Code: "1",
		},
	} {
		var out strings.Builder
		printCode(&out, terminal.Palette{}, code)
		if out.String() != want {
			t.Errorf("printed %q, want %q", out.String(), want)
		}
	}
}
