package forwardauth

import (
	"iter"
	"net/http"
	"strings"
	"unicode"
)

// Services accept other spellings of the names of headers and parameters. Where a request
// must not have a name in any spelling, folded names are compared.

// foldHeader returns a header's name as a service may read it: CGI, PHP and WSGI
// treat all characters but letters and digits as the same.
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

// foldExtension is like foldHeader, for the names that a request must not have. They all
// begin with X-; it returns "" for others.
func foldExtension(name string) string {
	if name == "" || name[0] != 'X' && name[0] != 'x' {
		return ""
	}
	return foldHeader(name)
}

// isFolded reports whether foldHeader would change nothing. It saves an allocation for
// every header of every request.
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

// parameters yields the names, as written, and the decoded values of the pairs of a query
// or a form. Semicolons separate pairs too, as on old servers.
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
// PHP drops leading blanks, reads dots, blanks and brackets as underscores, and the
// text after a bracket as an index. Others decode twice, trim, or stop at a NUL.
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
