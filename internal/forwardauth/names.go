package forwardauth

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
	if isFolded(name) {
		return name
	}

	folded := []byte(name)
	for n, c := range folded {
		if !isLower(c) && !isUpper(c) && !isDigit(c) {
			folded[n] = '-'
		}
	}
	return http.CanonicalHeaderKey(string(folded))
}

// foldExtension is foldHeader for the names that a request must not have, which all
// begin with X-. It returns "" for others.
func foldExtension(name string) string {
	if name == "" || name[0] != 'X' && name[0] != 'x' {
		return ""
	}
	return foldHeader(name)
}

// isFolded reports whether foldHeader would change nothing. It is asked about every
// header of every request.
func isFolded(name string) bool {
	first := true // of a word
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '-':
			first = true
			continue
		case isDigit(c), first && isUpper(c), !first && isLower(c):
		default:
			return false
		}
		first = false
	}
	return true
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

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
