package check

import (
	"iter"
	"net/http"
	"strings"
	"unicode"
)

// Services read names of headers and parameters more loosely than they are written.
// Folded names are compared where a request must not have one in any spelling.

// foldHeader returns a header's name as a service may read it: CGI, PHP and WSGI
// take every character but letters and digits for the same.
func foldHeader(name string) string {
	plain := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-'
	}
	for i := range len(name) {
		if plain(name[i]) {
			continue
		}

		folded := []byte(name)
		for n, c := range folded {
			if !plain(c) {
				folded[n] = '-'
			}
		}
		return http.CanonicalHeaderKey(string(folded))
	}
	return http.CanonicalHeaderKey(name)
}

// parameters yields the names and decoded values of the pairs of a query or a form,
// names as they are written. Old servers separate pairs by semicolons, too.
func parameters(pairs string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for pair := range strings.FieldsFuncSeq(pairs, func(r rune) bool { return r == '&' || r == ';' }) {
			name, value, _ := strings.Cut(pair, "=")
			if !yield(name, unescape(strings.ReplaceAll(value, "+", " "))) {
				return
			}
		}
	}
}

// foldParameter returns a parameter's name as a service may read it, in lower case.
// PHP drops leading blanks, takes dots, blanks and brackets for underscores, and
// what follows a bracket for an index; others decode twice, trim, or stop at a NUL.
func foldParameter(name string) string {
	name = strings.ReplaceAll(name, "+", " ")
	for range maxEscapes {
		name = unescape(name)
	}

	name, _, _ = strings.Cut(name, "\x00")
	name = strings.TrimFunc(name, func(r rune) bool { return unicode.IsSpace(r) || isControl(r) })
	if name == "" {
		return ""
	}
	if index := strings.IndexByte(name[1:], '['); index >= 0 {
		name = name[:1+index]
	}

	name = strings.TrimRight(name, "]")
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(".[-", r) || unicode.IsSpace(r) {
			return '_'
		}
		return unicode.ToLower(r)
	}, name)
}
