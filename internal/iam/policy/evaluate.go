package policy

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// scope is one request as the statements see it.
type scope struct {
	request *Request
	action  string  // lower case
	context Context // keys in lower case
	valid   bool    // every text that was looked at is UTF-8
}

func newScope(r *Request) scope {
	sc := scope{request: r, action: asciiLower(r.Action), context: r.Context}
	sc.valid = utf8.ValidString(r.Action) && utf8.ValidString(r.Resource)
	folded := true
	for key, values := range r.Context {
		folded = folded && asciiLower(key) == key
		for _, v := range values {
			sc.valid = sc.valid && utf8.ValidString(v)
		}
	}
	if !folded {
		sc.context = foldKeys(r.Context)
	}
	return sc
}

// foldKeys merges keys that differ by case only: all values count, in an order
// that does not depend on the map's.
func foldKeys(c Context) Context {
	lower := make(Context, len(c))
	for _, key := range slices.Sorted(maps.Keys(c)) {
		k := asciiLower(key)
		lower[k] = append(slices.Clip(lower[k]), c[key]...)
	}
	return lower
}

func (sc *scope) lookup(key string) []string {
	values, ok := sc.context[key]
	if !ok && sc.request.Later != nil {
		values = sc.request.Later(key)
		for _, v := range values {
			sc.valid = sc.valid && utf8.ValidString(v)
		}
	}
	return values
}

// expand appends elements to list with variables replaced by the request's
// values. It reports false when one has no value: AWS calls the result null,
// which equals nothing. A key with several values cannot be a variable.
func (sc *scope) expand(list, elements []element) ([]element, bool) {
	for _, e := range elements {
		if e.kind == variable {
			values := sc.lookup(e.text)
			switch {
			case len(values) == 1:
				e = element{kind: literal, text: values[0]}
			case len(values) == 0 && e.hasFallback:
				e = element{kind: literal, text: e.fallback}
			default:
				return nil, false
			}
		}
		list = append(list, e)
	}
	return list, true
}

// Evaluate says what the document alone says about r, and which statement
// decided. An explicit Deny wins over any Allow. A request that is not UTF-8 is
// denied without a statement: patterns could not be relied on to catch it.
func (d *Document) Evaluate(r Request) (Effect, *Statement) {
	sc := newScope(&r)
	return d.evaluate(&sc)
}

func (d *Document) evaluate(sc *scope) (Effect, *Statement) {
	effect, decided := NoMatch, (*Statement)(nil)
	for i := 0; sc.valid && i < len(d.statements); i++ {
		s := &d.statements[i]
		if s.Effect == Allow && effect == Allow || !s.applies(sc) {
			continue
		}
		effect, decided = s.Effect, s
		if effect == Deny {
			break
		}
	}
	if !sc.valid {
		return Deny, nil
	}
	return effect, decided
}

// applies reports whether every element of the statement covers the request.
func (s *Statement) applies(sc *scope) bool {
	if !s.coversPrincipal(sc) || !s.coversAction(sc) || !s.coversResource(sc) {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(sc) {
			return false
		}
	}
	return true
}

func (s *Statement) coversPrincipal(sc *scope) bool {
	return s.principals == nil || s.principals.contains(&sc.request.Principal) != s.notPrincipal
}

func (s *Statement) coversAction(sc *scope) bool {
	return anyMatch(s.actions, sc.action, sc) != s.notAction
}

func (s *Statement) coversResource(sc *scope) bool {
	return s.resources == nil || anyMatch(s.resources, sc.request.Resource, sc) != s.notResource
}

func anyMatch(list []pattern, text string, sc *scope) bool {
	for i := range list {
		if list[i].match(text, sc) {
			return true
		}
	}
	return false
}

// Layer is a kind of policy in an evaluation.
type Layer string

// The layers, in the order in which Allowed asks them.
const (
	IdentityLayer Layer = "identity policy"
	BoundaryLayer Layer = "permissions boundary"
	SessionLayer  Layer = "session policy"
)

// Decision is the outcome of Allowed.
type Decision struct {
	Allowed bool
	// Explicit tells a request that a Deny statement refused from one that
	// nothing allowed.
	Explicit bool
	// Layer is where it was decided: the layer of the Deny, or the first that
	// allowed nothing. It is IdentityLayer when the request is allowed.
	Layer Layer
	// Statement is the Deny or the identity policies' Allow; nil when nothing
	// matched.
	Statement *Statement
}

// Allowed evaluates the policies that bound a caller (IAM User Guide, "Policy
// evaluation logic"): a Deny in any of them wins; otherwise at least one
// identity policy must allow, and so must the boundary if there is one, and at
// least one session policy if there are any.
func Allowed(r Request, identity []*Document, boundary *Document, session []*Document) Decision {
	sc := newScope(&r)
	layers := [...]struct {
		layer     Layer
		documents []*Document
		optional  bool
	}{
		{IdentityLayer, identity, false},
		{BoundaryLayer, nil, true},
		{SessionLayer, session, true},
	}
	var one [1]*Document
	if boundary != nil {
		one[0] = boundary
		layers[1].documents = one[:]
	}
	result := Decision{Allowed: true, Layer: IdentityLayer}
	for _, l := range layers {
		effect, statement := evaluateUnion(l.documents, &sc)
		switch {
		case effect == Deny:
			return Decision{Explicit: true, Layer: l.layer, Statement: statement}
		case effect == Allow && l.layer == IdentityLayer:
			result.Statement = statement
		case effect == NoMatch && result.Allowed && (len(l.documents) > 0 || !l.optional):
			// A later layer may still deny explicitly.
			result = Decision{Layer: l.layer}
		}
	}
	return result
}

func evaluateUnion(documents []*Document, sc *scope) (Effect, *Statement) {
	effect, decided := NoMatch, (*Statement)(nil)
	for _, d := range documents {
		switch e, s := d.evaluate(sc); {
		case e == Deny:
			return Deny, s
		case e == Allow && effect == NoMatch:
			effect, decided = Allow, s
		}
	}
	return effect, decided
}
