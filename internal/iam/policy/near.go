package policy

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// PrincipalNames returns the AWS and federated principals that the statement's Principal
// names, as it has them. It is for explaining a refusal.
func (s *Statement) PrincipalNames() []string {
	if s.principals == nil || s.notPrincipal {
		return nil
	}
	return slices.Concat(s.principals.aws, s.principals.federated)
}

// Failing returns every condition of the statement that does not hold for r, the ones that
// could not be evaluated last. It is for explaining a refusal.
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

// Nearest returns the Allow statement of documents that allows r but for its resource, and
// the resource that it has instead: of several the one that is alike for longest. nil =
// there is none. It is for explaining a refusal, so identity IDs are cut short, and other
// variables stay as they are written.
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
	if !sc.valid {
		return nil, ""
	}
	return statement, resource
}

// allowsElsewhere reports whether the statement allows the request but for its resource.
func (s *Statement) allowsElsewhere(sc *scope) bool {
	if s.Effect != Allow || len(s.resources) == 0 || s.notResource || !s.coversPrincipal(sc) || !s.coversAction(sc) {
		return false
	}
	return !slices.ContainsFunc(s.conditions, func(c condition) bool { return c.holds(sc) != yes })
}

// parts are the elements of a pattern, whatever its mode.
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

// commonStart is how many bytes text has in common with the start of a pattern, up to its
// first wildcard.
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

// shown writes a resource for people.
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

// shownVariable is the start of the caller's identity ID, or the variable as it is written:
// its value may be personal, and an identity ID is all that a guest has to prove who it is.
func (sc *scope) shownVariable(e element) string {
	values, _ := sc.lookup(e.text)
	service, isSubject := strings.CutSuffix(e.text, ":sub")
	if len(values) != 1 || !isSubject || service != CognitoPrincipal && !identitypool.IsServiceName(service) {
		return "${" + e.written + "}"
	}
	region, id, _ := strings.Cut(values[0], ":")
	return region + ":" + id[:min(len(id), 4)] + "…"
}
