package policy

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// PrincipalNames returns the AWS and federated principals of the statement's Principal,
// as the policy has them. It explains a refusal.
func (s *Statement) PrincipalNames() []string {
	if s.principals == nil || s.notPrincipal {
		return nil
	}
	return slices.Concat(s.principals.aws, s.principals.federated)
}

// Failing returns every condition of the statement that does not hold for r; those that
// could not be evaluated come last. It explains a refusal.
func (s *Statement) Failing(r Request) []Mismatch {
	sc := newScope(&r)
	var list []Mismatch
	for _, wanted := range []truth{no, unknown} {
		for i := range s.conditions {
			if c := &s.conditions[i]; c.holds(&sc) == wanted {
				list = append(list, c.mismatch(s, &sc))
			}
		}
	}

	return list
}

// Nearest returns an Allow statement of documents that matches r except for the
// resource, and the resource that it has: of several, the one with the longest common
// start; nil if there is none. It explains a refusal, so it shortens identity IDs, and
// leaves other variables as the policy has them.
func Nearest(r Request, documents []*Document) (statement *Statement, resource string) {
	sc := newScope(&r)
	longest := -1
	for _, d := range documents {
		for i := range d.statements {
			s := &d.statements[i]
			if !s.allowsElsewhere(&sc) {
				continue
			}

			for j := range s.resources {
				elements, filled := sc.expand(nil, s.resources[j].parts())
				if alike := commonStart(elements, r.Resource); filled == yes && alike > longest {
					longest, statement, resource = alike, s, sc.shown(s.resources[j].parts())
				}
			}
		}
	}
	if sc.sawInvalidText {
		return nil, ""
	}

	return statement, resource
}

// allowsElsewhere reports whether the statement allows the request's action on other
// resources.
func (s *Statement) allowsElsewhere(sc *scope) bool {
	if s.Effect != Allow || len(s.resources) == 0 || s.notResource || !s.coversPrincipal(sc) || !s.coversAction(sc) {
		return false
	}
	return !slices.ContainsFunc(s.conditions, func(c condition) bool { return c.holds(sc) != yes })
}

// parts returns the elements of a pattern of any mode.
func (p *pattern) parts() []element {
	switch p.mode {
	case modeExact:
		return []element{{kind: literal, text: p.text}}
	case modePrefix:
		return []element{{kind: literal, text: p.text}, {kind: many}}
	case modeAny:
		return []element{{kind: many}}
	default:
		return p.elements
	}
}

// commonStart returns the length in bytes of the common start of text and a pattern, up
// to the pattern's first wildcard.
func commonStart(elements []element, text string) int {
	n := 0
	for _, e := range elements {
		if e.kind != literal {
			break
		}

		for i := 0; i < len(e.text); i++ {
			if n == len(text) || text[n] != e.text[i] {
				return n
			}
			n++
		}
	}

	return n
}

// maxShown bounds a resource in an explanation, in bytes.
const maxShown = 512

// shown returns a resource for explanations.
func (sc *scope) shown(elements []element) string {
	var b strings.Builder
	for _, e := range elements {
		switch {
		case e.kind == many:
			b.WriteByte('*')
		case e.kind == one:
			b.WriteByte('?')
		case e.kind == literal:
			b.WriteString(e.text)
		default:
			b.WriteString(sc.shownVariable(e))
		}
		if b.Len() > maxShown {
			return strings.ToValidUTF8(b.String()[:maxShown], "") + "…"
		}
	}

	return b.String()
}

// shownVariable returns the start of the caller's identity ID, or the variable's name:
// its value may be personal, and a whole identity ID is all that a guest needs to prove
// who it is.
func (sc *scope) shownVariable(e element) string {
	values, _ := sc.lookup(e.text)
	service, isSubject := strings.CutSuffix(e.text, ":sub")
	if len(values) != 1 || !isSubject || service != CognitoPrincipal && !identitypool.IsServiceName(service) {
		return "${" + e.written + "}"
	}
	region, id, _ := strings.Cut(values[0], ":")
	return region + ":" + id[:min(len(id), 4)] + "…"
}
