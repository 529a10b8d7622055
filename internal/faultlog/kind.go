package faultlog

import (
	"crypto/sha256"
	"log/slog"
	"slices"
	"strings"
)

// kind stands for the faults that are equal: a hash, so that a kind costs the same
// however long its texts are.
type kind [sha256.Size]byte

// FaultAttribute is the attribute that names a fault. With it, the texts of a line's
// errors tell nothing more.
const FaultAttribute = "fault"

// texts are the attributes whose text may name the one request that met the fault.
var texts = []string{"error", "err", "reason", "stack"}

// maxText bounds how much of a text tells a fault, in bytes.
const maxText = 2048

// lumpedKind is the kind of what is beyond the bound. It is one for each level, so
// that a flood of warnings hides no error.
func lumpedKind(r slog.Record) kind { return sum("\x00lumped", r.Level.String()) }

// kindOf is what makes a line equal to others.
func (l *Log) kindOf(prefix string, r slog.Record) kind {
	listed, all := l.o.Attributes[r.Message]
	all = !all
	parts := []string{prefix, r.Level.String(), r.Message}
	var told []string // by texts
	named := false
	r.Attrs(func(a slog.Attr) bool {
		value := a.Value.Resolve()
		switch {
		case !all && !slices.Contains(listed, a.Key) || all && measures(value):
		case slices.Contains(texts, a.Key):
			fault, name := l.textOf(value)
			if fault {
				parts = append(parts, FaultAttribute, name)
				named = true
			} else {
				told = append(told, a.Key, name)
			}
		default:
			parts = append(parts, a.Key, value.String())
			named = named || a.Key == FaultAttribute
		}
		return true
	})
	if !named {
		parts = append(parts, told...)
	}
	return sum(parts...)
}

// measures reports whether a value says how much or when rather than what.
func measures(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration, slog.KindTime:
		return true
	}
	return false
}

// textOf returns the name of an error's fault, else the text without what differs from
// request to request.
func (l *Log) textOf(v slog.Value) (fault bool, text string) {
	if err, ok := v.Any().(error); ok && err != nil {
		if name := l.o.FaultOf(err); name != "" {
			return true, name
		}
	}
	return false, stable(v.String())
}

// stable returns a text without numbers, IDs, addresses and what is quoted.
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
		n := sha256.Sum256([]byte(part)) // fixed length: two lists of parts cannot run together
		h.Write(n[:])                    // never fails (hash.Hash)
	}
	var k kind
	h.Sum(k[:0])
	return k
}

// inOrder sorts entries by their beginnings.
func inOrder(entries []*entry) []*entry {
	slices.SortFunc(entries, func(a, b *entry) int { return a.first.Compare(b.first) })
	return entries
}
