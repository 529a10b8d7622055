package terminal

import (
	"bytes"
	"io"
	"os"
	"testing"
)

// Colours are for terminals, unless the environment forbids them.
func TestPalette(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()

	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()

	for _, test := range []struct {
		name, noColor, term string
		out                 io.Writer
		coloured            bool
	}{
		{name: "a terminal", out: terminal, term: "xterm", coloured: true},
		{name: "a terminal and NO_COLOR", out: terminal, noColor: "1", term: "xterm"},
		{name: "a dumb terminal", out: terminal, term: "dumb"},
		{name: "a file", out: file, term: "xterm"},
		{name: "memory", out: &bytes.Buffer{}, term: "xterm"},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := PaletteFor(test.out); (got != Palette{}) != test.coloured {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}
