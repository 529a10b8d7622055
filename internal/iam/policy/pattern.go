package policy

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Flags of compilePattern: the syntax that it reads in a text.
const (
	wildcards     = 1 << iota // * and ?
	withVariables             // ${key}, ${key, 'default'}, ${*}, ${?}, ${$}
)

type patternMode uint8

const (
	modeExact    patternMode = iota
	modePrefix               // text, then one *
	modeAny                  // *
	modeGlob                 // other wildcards
	modeTemplate             // with variables, which are expanded for each request
)

// pattern is a compiled text of a policy. Only one with variables needs work for each
// request before it can match a value.
type pattern struct {
	mode     patternMode
	text     string    // of modeExact and modePrefix: the literal text
	elements []element // of modeGlob and modeTemplate
	segments []span    // the parts of elements between the stars
}

// span is a range of elements.
type span struct{ from, to int }

type elementKind uint8

const (
	literal  elementKind = iota
	one                  // ?
	many                 // *
	variable             // ${text} or ${text, 'fallback'}
)

type element struct {
	kind        elementKind
	text        string // a literal's text, or a variable's key in lower case
	written     string // a variable's key as the policy has it
	fallback    string
	hasFallback bool
}

// compilePattern turns the text of a policy into a pattern.
func compilePattern(text string, flags int) (pattern, error) {
	elements, err := split(text, flags)
	if err != nil {
		return pattern{}, err
	}
	return newPattern(elements), nil
}

func newPattern(elements []element) pattern {
	if slices.ContainsFunc(elements, func(e element) bool { return e.kind == variable }) {
		return pattern{mode: modeTemplate, elements: elements, segments: segmentsOf(elements)}
	}

	switch {
	case len(elements) == 0:
		return pattern{mode: modeExact}
	case len(elements) == 1 && elements[0].kind == literal:
		return pattern{mode: modeExact, text: elements[0].text}
	case len(elements) == 1 && elements[0].kind == many:
		return pattern{mode: modeAny}
	case len(elements) == 2 && elements[0].kind == literal && elements[1].kind == many:
		return pattern{mode: modePrefix, text: elements[0].text}
	}

	return pattern{mode: modeGlob, elements: elements, segments: segmentsOf(elements)}
}

// split cuts text into literals, wildcards and variables.
func split(text string, flags int) ([]element, error) {
	var list []element
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			list = append(list, element{kind: literal, text: run.String()})
			run.Reset()
		}
	}

	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '$' && flags&withVariables != 0 && strings.HasPrefix(text[i:], "${"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return nil, errors.New("the policy variable has no closing brace")
			}
			v, err := parseVariable(text[i+2 : i+end])
			if err != nil {
				return nil, err
			}
			if v.kind == literal {
				run.WriteString(v.text)
			} else {
				flush()
				list = append(list, v)
			}
			i += end + 1
		case c == '*' && flags&wildcards != 0:
			flush()
			// Two stars in a row match the same as one.
			if n := len(list); n == 0 || list[n-1].kind != many {
				list = append(list, element{kind: many})
			}
			i++
		case c == '?' && flags&wildcards != 0:
			flush()
			list = append(list, element{kind: one})
			i++
		default:
			run.WriteByte(c)
			i++
		}
	}
	flush()

	return list, nil
}

// parseVariable reads the text between ${ and }.
func parseVariable(text string) (element, error) {
	if text == "*" || text == "?" || text == "$" {
		return element{kind: literal, text: text}, nil
	}

	key, rest, hasFallback := strings.Cut(text, ",")
	key = strings.TrimSpace(key)
	v := element{
		kind:        variable,
		text:        asciiLower(key),
		written:     key,
		hasFallback: hasFallback,
	}
	if v.text == "" || strings.ContainsAny(v.text, `${'"*?`) {
		return v, errors.New("the policy variable names no condition key")
	}
	if !hasFallback {
		return v, nil
	}

	rest = strings.TrimSpace(rest)
	if len(rest) < 2 || rest[0] != '\'' || rest[len(rest)-1] != '\'' || strings.Contains(rest[1:len(rest)-1], "'") {
		return v, errors.New("the default of a policy variable must be in single quotes")
	}
	v.fallback = rest[1 : len(rest)-1]

	return v, nil
}

// match returns whether s matches the pattern. A pattern with a variable that has no
// value in the request matches nothing. The value of a variable never counts as a
// wildcard. If the value is unknown, so is the result, unless s cannot match with any
// value.
func (p *pattern) match(s string, sc *scope) truth {
	if p.mode != modeTemplate {
		return truthOf(p.matchFixed(s))
	}

	var room [8]element

	elements, filled := sc.expand(room[:0], p.elements)
	switch filled {
	case yes:
		return truthOf(matchSegments(elements, p.segments, s)) // elements has the same length, so segments fit
	case unknown:
		anyValue := newPattern(elements)
		return min(unknown, truthOf(anyValue.matchFixed(s)))
	default:
		return no
	}
}

// expand appends elements to list, with variables replaced by the request's values.
// It returns no if a variable has no value: AWS calls the result null, which equals
// nothing. It returns unknown if a variable's value is unknown, and replaces it by a *.
// A key with several values counts as unknown.
func (sc *scope) expand(list, elements []element) ([]element, truth) {
	filled := yes
	for _, e := range elements {
		if e.kind == variable {
			values, known := sc.lookup(e.text)
			switch {
			case len(values) == 1 && sc.variablesIn != "" && holdsLocalARN(e.text):
				e = element{kind: literal, text: identitypool.InPartition(values[0], sc.variablesIn)}
			case len(values) == 1:
				e = element{kind: literal, text: values[0]}
			case len(values) > 1 || !known:
				e, filled = element{kind: many}, unknown
			case e.hasFallback:
				e = element{kind: literal, text: e.fallback}
			default:
				return nil, no
			}
		}
		list = append(list, e)
	}

	return list, filled
}

// isAny reports whether the pattern is *.
func (p pattern) isAny() bool { return p.mode == modeAny }

// matchFixed is match for patterns without variables.
func (p *pattern) matchFixed(s string) bool {
	switch p.mode {
	case modeExact:
		return s == p.text
	case modePrefix:
		return strings.HasPrefix(s, p.text)
	case modeAny:
		return true
	default:
		return matchSegments(p.elements, p.segments, s)
	}
}

// equalFold is match for patterns without wildcards, regardless of case.
func (p *pattern) equalFold(s string, sc *scope) truth {
	if p.mode == modeExact {
		return truthOf(strings.EqualFold(s, p.text))
	}

	elements, filled := sc.expand(nil, p.elements)
	if filled != yes {
		return filled
	}

	var whole strings.Builder
	for _, e := range elements {
		whole.WriteString(e.text)
	}

	return truthOf(strings.EqualFold(s, whole.String()))
}

// segment is the part between two stars: literals and question marks.
type segment []element

func segmentsOf(elements []element) []span {
	var list []span
	start := 0
	for i := range elements {
		if elements[i].kind == many {
			list = append(list, span{start, i})
			start = i + 1
		}
	}

	return append(list, span{start, len(elements)})
}

// matchSegments matches the first segment at the start of s, the last at its end, and
// each other at the first place after its predecessor. It never tries a place again,
// so the work is bounded by the sum of the lengths of the pattern and s; with ? in the
// pattern, by a 64th of their product.
func matchSegments(elements []element, list []span, s string) bool {
	at := func(i int) segment { return elements[list[i].from:list[i].to] }

	n, ok := at(0).prefix(s)
	if !ok {
		return false
	}
	if len(list) == 1 {
		return n == len(s)
	}
	s = s[n:]

	n, ok = at(len(list) - 1).suffix(s)
	if !ok {
		return false
	}
	s = s[:n]

	for i := 1; i < len(list)-1; i++ {
		n, ok := at(i).find(s)
		if !ok {
			return false
		}
		s = s[n:]
	}

	return true
}

// prefix returns the length of the segment at the start of s.
func (g segment) prefix(s string) (int, bool) {
	n := 0
	for i := range g {
		if g[i].kind == literal {
			if !strings.HasPrefix(s[n:], g[i].text) {
				return 0, false
			}
			n += len(g[i].text)
			continue
		}
		_, size := utf8.DecodeRuneInString(s[n:])
		if size == 0 {
			return 0, false
		}
		n += size
	}

	return n, true
}

// suffix returns the start of the segment at the end of s.
func (g segment) suffix(s string) (int, bool) {
	n := len(s)
	for i := len(g) - 1; i >= 0; i-- {
		if g[i].kind == literal {
			if !strings.HasSuffix(s[:n], g[i].text) {
				return 0, false
			}
			n -= len(g[i].text)
			continue
		}
		_, size := utf8.DecodeLastRuneInString(s[:n])
		if size == 0 {
			return 0, false
		}
		n -= size
	}

	return n, true
}

// slowSteps bounds the comparisons that find may make without a finder.
const slowSteps = 1 << 12

// find returns the end of the segment's first occurrence in s.
func (g segment) find(s string) (int, bool) {
	// A literal takes linear time. Question marks can force a comparison of every
	// character at every place, and strangers can write both texts: a session policy
	// and a request.
	if len(g) > 1 && len(g)*len(s) > slowSteps {
		if f, ok := newFinder(g); ok {
			return f.find(s)
		}
	}

	return g.findPlainly(s)
}

func (g segment) findPlainly(s string) (int, bool) {
	for from := 0; ; {
		if len(g) > 0 && g[0].kind == literal {
			i := strings.Index(s[from:], g[0].text)
			if i < 0 {
				return 0, false
			}
			from += i
		}
		if n, ok := g.prefix(s[from:]); ok {
			return from + n, true
		}
		_, size := utf8.DecodeRuneInString(s[from:])
		if size == 0 {
			return 0, false
		}
		from += size
	}
}

// asciiLower folds only A to Z: condition keys and actions are ASCII, and folding more
// could make two different keys equal.
func asciiLower(s string) string {
	i := 0
	for i < len(s) && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}

	b := []byte(s)
	for ; i < len(b); i++ {
		if b[i] >= 'A' && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}

	return string(b)
}
