package explain

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxShown bounds one value in an error or trace, in bytes.
const maxShown = 128

// Shown makes an issuer, audience or header value fit for errors, logs and traces: short
// and on one line. Use Masked for personal values.
func Shown(value any) string {
	switch x := value.(type) {
	case nil:
		return "nothing"
	case string:
		return ShownText(x)
	case json.Number:
		return "the number " + ShownText(x.String())
	case bool:
		return strconv.FormatBool(x)
	case []any:
		const most = 5

		var parts []string
		for _, element := range x[:min(len(x), most)] {
			if _, nested := element.([]any); nested {
				parts = append(parts, "a list")
				continue
			}

			parts = append(parts, Shown(element))
		}

		if len(x) > most {
			parts = append(parts, fmt.Sprintf("and %d more", len(x)-most))
		}

		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return "an object"
	}
}

// ShownList is Shown for a list of texts.
func ShownList(texts []string) string {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return Shown(list)
}

// ShownText is Shown for a text.
func ShownText(text string) string {
	if text == "" {
		return "an empty string"
	}
	return OneLine(text, maxShown)
}

// OneLine cuts text to about limit bytes, and quotes it if it has unprintable characters.
func OneLine(text string, limit int) string {
	short := text
	if len(short) > limit {
		short = short[:limit]
		for !utf8.ValidString(short) && len(short) > limit-utf8.UTFMax {
			short = short[:len(short)-1]
		}
		short += fmt.Sprintf("… (%d bytes)", len(text))
	}

	if !Printable(short) {
		short = strconv.Quote(short)
	}

	return short
}

// Masked shows enough of a subject or other personal value for its owner to recognise it,
// and no more.
func Masked(value any) string {
	text, isString := value.(string)
	switch {
	case !isString:
		return fmt.Sprintf("a value of type %s", jsonType(value))
	case text == "":
		return "an empty string"
	case len(text) < 12 || !Printable(text):
		return fmt.Sprintf("… (%d bytes)", len(text))
	}

	_, size := utf8.DecodeRuneInString(text)
	_, second := utf8.DecodeRuneInString(text[size:])

	return fmt.Sprintf("%s… (%d bytes)", text[:size+second], len(text))
}

func jsonType(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	default:
		return "object"
	}
}

// Printable reports whether text is valid UTF-8 without control characters, format
// characters (bidirectional and other invisible ones) or line separators.
func Printable(text string) bool {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size <= 1 {
				return false
			}
		}
		if r < ' ' || r >= 0x7f && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			return false
		}
	}

	return true
}
