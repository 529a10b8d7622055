package saml

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// maxShown bounds a value in an error, in bytes.
const maxShown = 128

// show returns a URI or name of the protocol, made fit for errors. Callers pass no
// personal data.
func show(value string) string {
	if value == "" {
		return "nothing"
	}

	cut := ""
	if len(value) > maxShown {
		value, cut = value[:maxShown], "…"
	}
	if !printable(value) {
		value = strconv.Quote(value)
	}

	return value + cut
}

// printable reports whether text is valid UTF-8 without control, format
// (bidirectional and other invisible) or line-separating characters.
func printable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}

	for _, r := range text {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return false
		}
	}

	return true
}
