package apply

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile are texts that end a quotation, or begin a template or a command, in one of the languages.
var hostile = []string{
	"", "plain", `'`, `''`, `'\''`, `"; rm -rf / #`, "$(touch /tmp/x)", "`id`", "${file(\"/etc/passwd\")}",
	"%{ for x in y }", "$${", "$$${a", "%%%{a", "$", "${", "$$", "%", `\`, `\"`, `\u0022`, "a\nb", "a\r\nb", "\t",
	"\x00", "\u2028", "\u202e", "\ufeff", "😀'", "\U000e0001", "!event", "-x", "é", "a\n}\nresource \"x\" \"y\" {",
}

// unquotedHCL reads a quoted template of HCL, by its specification; false = it is not one literal.
func unquotedHCL(text string) (string, bool) {
	inner, begins := strings.CutPrefix(text, `"`)
	inner, ends := strings.CutSuffix(inner, `"`)
	if !begins || !ends || strings.ContainsAny(inner, "\n\r") {
		return "", false
	}

	var b strings.Builder
	for len(inner) > 0 {
		escape := ""
		for _, mark := range []string{"$${", "%%{"} {
			if strings.HasPrefix(inner, mark) {
				escape = mark
			}
		}
		switch {
		case escape != "":
			b.WriteString(escape[1:])
			inner = inner[len(escape):]
		case strings.HasPrefix(inner, "${"), strings.HasPrefix(inner, "%{"), inner[0] == '"':
			return "", false
		case inner[0] == '\\':
			r, _, rest, err := strconv.UnquoteChar(inner, '"') // HCL's escapes are some of Go's
			if err != nil {
				return "", false
			}
			b.WriteRune(r)
			inner = rest
		default:
			b.WriteByte(inner[0])
			inner = inner[1:]
		}
	}

	return b.String(), true
}

// unquotedShell reads a word of a shell, by POSIX; false = it has more than quotations and escaped
// quotes.
func unquotedShell(word string) (string, bool) {
	var b strings.Builder
	for len(word) > 0 {
		if rest, escaped := strings.CutPrefix(word, `\'`); escaped {
			b.WriteByte('\'')
			word = rest
			continue
		}

		rest, quoted := strings.CutPrefix(word, `'`)
		inner, after, closed := strings.Cut(rest, `'`)
		if !quoted || !closed {
			return "", false
		}
		b.WriteString(inner)
		word = after
	}

	return b.String(), true
}

// No text leaves the quotes that it is written in, in Terraform or in a shell, nor a comment.
func FuzzQuoting(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // is not in JSON
		}

		if got, ok := unquotedHCL(hclQuoted(text)); !ok || got != text {
			t.Errorf("HCL %s of %q is %q", hclQuoted(text), text, got)
		}
		word := shellJSON(map[string]any{text: text})
		plain, ok := unquotedShell(word)
		var got map[string]string
		if err := json.Unmarshal([]byte(plain), &got); err != nil || !ok || got[text] != text {
			t.Errorf("shell %s of %q is %q: %v", word, text, got, err)
		}
		if lines := comments([]string{text}); strings.Count(lines, "\n") != 1 || strings.ContainsAny(lines, "\r\x00") {
			t.Errorf("%q is the comment %q", text, lines)
		}
	})
}

// A real shell reads the words as they were meant.
func TestShellReadsQuotedWords(t *testing.T) {
	for _, text := range hostile {
		if strings.Contains(text, "\x00") {
			continue // JSON escapes it
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellQuoted(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q was read as %q: %v", text, out, err)
		}
	}
}

// The negative control: what quotes badly is found.
func TestBadQuotingIsFound(t *testing.T) {
	for _, bad := range []string{`"${x}"`, `"%{x}"`, `"a"b"`, `a`, "\"a\nb\""} {
		if got, ok := unquotedHCL(bad); ok {
			t.Errorf("HCL %s is read as %q", bad, got)
		}
	}
	for _, bad := range []string{`'a'b'`, `a`, `'a' 'b'`, `"a"`} {
		if got, ok := unquotedShell(bad); ok {
			t.Errorf("shell %s is read as %q", bad, got)
		}
	}
}
