package explain

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Outcomes of a step in Text, as wide as each other.
const (
	passedWord  = "ok     "
	refusedWord = "refused"
)

// Text tells why a call was refused, in lines: its checks in their order, with what to change; the checks that were
// not reached; the code of the reason. What clients sent breaks no line and changes no terminal. colour returns the
// word ok or refused in colour; nil = without.
func Text(steps []Step, planned []Code, colour func(word string) string) string {
	if colour == nil {
		colour = func(word string) string { return word }
	}

	var b strings.Builder
	for _, s := range steps {
		s.write(&b, colour)
	}

	if len(planned) > 0 {
		names := make([]string, len(planned))
		for i, code := range planned {
			names[i] = string(code)
		}
		fmt.Fprintf(&b, "not reached: %s\n", Escaped(strings.Join(names, ", ")))
	}
	if deciding, _ := Deciding(steps); deciding.Code != "" {
		fmt.Fprintf(&b, "reason: %s\n", Escaped(string(deciding.Code)))
	}

	return strings.TrimSuffix(b.String(), "\n")
}

// write writes the lines of one step.
func (s Step) write(b *strings.Builder, colour func(word string) string) {
	check := s.Title()
	if s.Provider != "" {
		check = s.Provider + ": " + check
	}
	if s.OK {
		fmt.Fprintf(b, "%s %s: %s\n", colour(passedWord), Escaped(check), Escaped(s.Got))
		return
	}

	fmt.Fprintf(b, "%s %s: expected %s; got %s\n", colour(refusedWord), Escaped(check),
		Escaped(s.Expected), Escaped(s.Got))
	further := func(mark, text string) { fmt.Fprintf(b, "        %s %s\n", mark, Escaped(text)) }
	if s.Detail != "" {
		for line := range strings.SplitSeq(s.Detail, "\n") {
			further("|", line)
		}
	}
	if s.Fix != "" {
		further("fix:", s.Fix)
	}
	if s.Link != nil {
		further("at:", s.Link.place())
	}
}

// place describes where a link leads.
func (l Link) place() string {
	place := l.Kind
	for _, part := range []struct{ separator, text string }{{" ", l.ID}, {", ", l.Field}, {": add ", l.Add}} {
		if part.text != "" {
			place += part.separator + part.text
		}
	}

	return place
}

// Escaped returns text for a terminal or a log, with control characters escaped. Text from clients may contain them and
// line ends, which would change what is read there.
func Escaped(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	quoted := strconv.QuoteToGraphic(text)

	return quoted[1 : len(quoted)-1]
}
