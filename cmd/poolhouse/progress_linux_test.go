package main

import (
	"os"
	"strings"
	"testing"
)

// readUntilEnd returns what a terminal shows until the word end, or until it is closed.
func readUntilEnd(person *os.File) string {
	var shown strings.Builder
	for text := make([]byte, 256); !strings.HasSuffix(shown.String(), "end"); {
		n, err := person.Read(text)
		if err != nil {
			break
		}
		shown.Write(text[:n])
	}

	return shown.String()
}

// A bar is shown on a terminal that can show one, and nowhere else.
func TestProgressBarOnATerminal(t *testing.T) {
	person, programs := pseudoTerminal(t)
	t.Setenv("TERM", "xterm")
	bar := newProgressBar(programs)
	bar.show(1, 2, "half")
	bar.end()
	if _, err := programs.WriteString("end"); err != nil {
		t.Fatal(err)
	}

	shown := readUntilEnd(person)
	line := "[" + strings.Repeat("#", 12) + strings.Repeat(".", 12) + "] half"
	if want := "\r" + line + "\r" + strings.Repeat(" ", len(line)) + "\rend"; shown != want {
		t.Errorf("shown %q, want %q", shown, want)
	}

	reader, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer pipe.Close()

	if newProgressBar(pipe).w != nil {
		t.Error("a bar is shown on a pipe")
	}
	t.Setenv("TERM", "dumb")
	if newProgressBar(programs).w != nil {
		t.Error("a bar is shown on a terminal that cannot go back in a line")
	}
}
