package awsapi

import (
	"errors"
	"regexp"
	"strings"
	"sync"
)

// Pattern is a regular expression of an AWS model. AWS evaluates it with Java's engine
// against the whole value. Pattern uses RE2 and gives the same answers.
type Pattern struct {
	text    string
	compile func() (*regexp.Regexp, error)
}

// NewPattern returns the pattern with the model's text. It is compiled at first use, so
// that a process pays only for the patterns it needs.
func NewPattern(text string) *Pattern {
	return &Pattern{text: text, compile: sync.OnceValues(func() (*regexp.Regexp, error) {
		re2, err := javaToRE2(text)
		if err != nil {
			return nil, err
		}
		return regexp.Compile("^(?:" + re2 + ")$")
	})}
}

// Check reports whether the pattern compiles; if not, MatchString refuses every value.
// Generators and tests call it.
func (p *Pattern) Check() error {
	_, err := p.compile()
	return err
}

// String returns the model's text.
func (p *Pattern) String() string { return p.text }

// MatchString reports whether the whole of s matches.
func (p *Pattern) MatchString(s string) bool {
	re, err := p.compile()
	return err == nil && re.MatchString(s)
}

// Java's \s includes the vertical tab, RE2's does not. Java's dot excludes more line
// ends. \w, \d and \p{…} agree.
const (
	space    = `\t-\r `
	nonSpace = `\x00-\x08\x0e-\x1f!-\x{10ffff}`
	dot      = `[^\n\r\x{85}\x{2028}\x{2029}]`
)

// javaToRE2 rewrites syntax that means something else in RE2. It fails on syntax that
// RE2 would silently misread.
func javaToRE2(text string) (string, error) {
	var b strings.Builder
	inClass := false

	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			i += escape(&b, text[i:], inClass)
		case inClass && (c == '[' || strings.HasPrefix(text[i:], "&&")):
			return "", errors.New("classes inside classes are not supported: " + text)
		case c == '.' && !inClass:
			b.WriteString(dot)
		default:
			inClass = c == '[' || inClass && c != ']'
			b.WriteByte(c)
		}
	}

	return b.String(), nil
}

// escape writes the escape at the start of text, which lacks its backslash. It returns
// how many bytes it consumed after the first.
func escape(b *strings.Builder, text string, inClass bool) int {
	set := ""
	switch text[0] {
	case 's':
		set = space
	case 'S':
		set = nonSpace
	case 'u':
		if len(text) >= 5 {
			b.WriteString(`\x{` + text[1:5] + `}`)
			return 4
		}
	}

	switch {
	case set == "":
		b.WriteString(`\` + text[:1])
	case inClass:
		b.WriteString(set)
	default:
		b.WriteString("[" + set + "]")
	}

	return 0
}
