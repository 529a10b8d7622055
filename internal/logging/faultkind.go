package logging

import (
	"crypto/sha256"
	"log/slog"
	"slices"
	"strings"
)

// kind stands for all equal faults. It is a hash, so that each kind takes the same
// memory, however long its texts are.
type kind [sha256.Size]byte

// FaultAttribute is the key of the attribute that names a fault. In a line that has it,
// the texts of errors are not part of the kind.
const FaultAttribute = "fault"

// texts lists the attributes whose text may name the one request that met the fault.
var texts = []string{"error", "err", "reason", "stack"}

// maxText bounds how much of a text is part of a kind, in bytes.
const maxText = 2048

// lumped is the kind of all faults beyond the bound.
var lumped = sum("\x00lumped")

// kindOf returns the kind of a line. Equal lines have equal kinds.
func (l *Faults) kindOf(prefix string, r slog.Record) kind {
	listed, isListed := l.o.Attributes[r.Message]
	parts := []string{prefix, r.Level.String(), r.Message}
	var fromTexts []string // parts, unless the fault has a name
	named := false
	r.Attrs(func(a slog.Attr) bool {
		value := a.Value.Resolve()
		switch {
		case isListed && !slices.Contains(listed, a.Key), !isListed && measures(value):
		case slices.Contains(texts, a.Key):
			fault, name := l.textOf(value)
			if fault {
				parts = append(parts, FaultAttribute, name)
				named = true
			} else {
				fromTexts = append(fromTexts, a.Key, name)
			}
		default:
			parts = append(parts, a.Key, value.String())
			named = named || a.Key == FaultAttribute
		}

		return true
	})

	if !named {
		parts = append(parts, fromTexts...)
	}

	return sum(parts...)
}

// measures reports whether a value is a number, a time or a duration. Such a value tells
// how big or old a fault is, not which fault it is.
func measures(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration, slog.KindTime:
		return true
	}
	return false
}

// textOf returns the name of an error's fault; without one, the text without the parts
// that differ from request to request.
func (l *Faults) textOf(v slog.Value) (fault bool, text string) {
	if err, ok := v.Any().(error); ok && err != nil {
		if name := l.o.FaultOf(err); name != "" {
			return true, name
		}
	}
	return false, stable(v.String())
}

// stable returns a text without numbers, IDs, addresses and quoted parts.
func stable(text string) string {
	text = text[:min(len(text), maxText)]

	var out strings.Builder
	for len(text) > 0 {
		if text[0] == '"' {
			if end := strings.IndexByte(text[1:], '"'); end >= 0 {
				out.WriteString(`""`)
				text = text[end+2:]
				continue
			}
		}

		n := 0
		for n < len(text) && isWord(text[n]) {
			n++
		}

		switch {
		case n == 0:
			out.WriteByte(text[0])
			n = 1
		case strings.ContainsAny(text[:n], "0123456789"):
			out.WriteByte('#')
		default:
			out.WriteString(text[:n])
		}
		text = text[n:]
	}

	return out.String()
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func sum(parts ...string) kind {
	h := sha256.New()
	for _, part := range parts {
		n := sha256.Sum256([]byte(part)) // fixed length: different lists cannot give the same input
		h.Write(n[:])                    // never fails (hash.Hash)
	}

	var k kind
	h.Sum(k[:0])

	return k
}

// inOrder sorts entries by when they began.
func inOrder(entries []*entry) []*entry {
	slices.SortFunc(entries, func(a, b *entry) int { return a.first.Compare(b.first) })
	return entries
}
