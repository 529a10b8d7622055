package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Any text must be read again as it was. So all but the plainest is in quotes.

// pairs is a mapping in order.
type pairs []pair

type pair struct {
	key   string
	value any
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@+*-]*(:+[A-Za-z0-9_./@+*-]+)*$`)
	// What YAML 1.1 or 1.2 takes for something else.
	reserved = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"}
)

// quoted returns text as YAML, on one line.
func quoted(text string) string {
	if plainText.MatchString(text) && !slices.Contains(reserved, strings.ToLower(text)) {
		return text
	}

	var b strings.Builder
	b.WriteByte('"')

	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r): // also controls, and marks of direction, which drive terminals
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')

	return b.String()
}

// writeYAML writes pairs, []any, string, json.Number, bool and nil in block
// style, after a key or a dash.
func writeYAML(b *bytes.Buffer, v any, indent int) {
	margin := strings.Repeat(" ", indent)
	switch v := v.(type) {
	case pairs:
		if len(v) == 0 {
			b.WriteString(" {}\n")
			return
		}

		b.WriteByte('\n')

		for _, p := range v {
			b.WriteString(margin + quoted(p.key) + ":")
			writeYAML(b, p.value, indent+2)
		}
	case []any:
		if len(v) == 0 {
			b.WriteString(" []\n")
			return
		}

		b.WriteByte('\n')

		for _, one := range v {
			var item bytes.Buffer
			writeYAML(&item, one, indent+2)
			b.WriteString(margin + "-")

			// A mapping or a list begins on the line of its dash.
			if text, nested := strings.CutPrefix(item.String(), "\n"+margin+"  "); nested {
				b.WriteString(" " + text)
			} else {
				b.Write(item.Bytes())
			}
		}

	case string:
		b.WriteString(" " + quoted(v) + "\n")
	case json.Number:
		b.WriteString(" " + v.String() + "\n")
	case bool:
		fmt.Fprintf(b, " %t\n", v)
	default:
		b.WriteString(" null\n")
	}
}
