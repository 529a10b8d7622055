package explain

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// TerminalJSON returns JSON that parses to the same values and cannot drive a terminal. Names may come from anybody,
// and JSON leaves DEL, C1 controls and marks of direction as they are.
func TerminalJSON(text []byte) []byte {
	drives := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) } // others are only within texts
	if bytes.IndexFunc(text, drives) < 0 {
		return text
	}

	var b bytes.Buffer
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if drives(r) {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		} else {
			b.Write(text[:size])
		}
		text = text[size:]
	}

	return b.Bytes()
}

// JSONForTerminals returns a writer for an encoder of JSON, which passes TerminalJSON on to w.
func JSONForTerminals(w io.Writer) io.Writer { return terminalWriter{w} }

type terminalWriter struct{ to io.Writer }

// Write implements io.Writer. An encoder writes each value at once.
func (w terminalWriter) Write(text []byte) (int, error) {
	if _, err := w.to.Write(TerminalJSON(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}
