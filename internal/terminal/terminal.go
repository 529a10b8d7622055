// Package terminal tells what may be written to a terminal and not to a file: colours and
// progress.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Palette has colours. The zero Palette has none.
type Palette struct{ Bold, Red, Green, Reset string }

// PaletteFor returns colours if out is a terminal that has some, unless NO_COLOR is set (no-color.org).
func PaletteFor(out io.Writer) Palette {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !Is(out) {
		return Palette{}
	}
	return Palette{Bold: "\x1b[1m", Red: "\x1b[31m", Green: "\x1b[32m", Reset: "\x1b[0m"}
}

// Is reports whether a reader or writer is a terminal.
func Is(stream any) bool {
	f, isFile := stream.(*os.File)
	return isFile && term.IsTerminal(int(f.Fd()))
}
