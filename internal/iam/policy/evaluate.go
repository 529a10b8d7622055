package policy

import (
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// scope is one request, prepared for the evaluation of statements.
type scope struct {
	request *Request
	action  string // lower case
	caller  Keys   // the request's, in lower case
	valid   bool   // false once a text of the request is not UTF-8

	// variablesIn is the partition of variables that name resources of this server;
	// "" = the stored one.
	variablesIn string
}

func newScope(r *Request) scope {
	sc := scope{request: r, action: asciiLower(r.Action), caller: r.Context.Caller}
	sc.valid = utf8.ValidString(r.Action) && utf8.ValidString(r.Resource)

	folded := true
	for key, values := range r.Context.Caller {
		folded = folded && asciiLower(key) == key

		for _, v := range values {
			sc.valid = sc.valid && utf8.ValidString(v)
		}
	}
	if !folded {
		sc.caller = foldKeys(r.Context.Caller)
	}

	return sc
}

// foldKeys merges keys that differ only in case: all their values count, in an order
// that does not depend on the map's.
func foldKeys(c Keys) Keys {
	lower := make(Keys, len(c))
	for _, key := range slices.Sorted(maps.Keys(c)) {
		k := asciiLower(key)
		lower[k] = append(slices.Clip(lower[k]), c[key]...)
	}
	return lower
}

// lookup returns the values of a key. Without values, the request does not have the
// key if known is true, and may have it if known is false.
func (sc *scope) lookup(key string) (values []string, known bool) {
	values, known = sc.request.Context.find(sc.caller, key)
	for _, v := range values {
		sc.valid = sc.valid && utf8.ValidString(v)
	}

	return values, known || len(values) > 0
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
			case len(values) == 1 && sc.variablesIn != "" && isThingKey(e.text):
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

// Evaluate returns the effect of the document alone on r, and the statement that
// decided. An explicit Deny wins over any Allow. A Deny statement applies unless it
// certainly does not cover r, an Allow statement only if it certainly does;
// Document.Unknown returns the uncertain parts. A request that is not UTF-8 is denied
// without a statement, as patterns may fail to match it.
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

// applies reports whether the statement takes effect. If part of it cannot be
// evaluated, a Deny applies and an Allow does not.
func (s *Statement) applies(sc *scope) bool {
	covers := s.covers(sc)
	return covers == yes || covers == unknown && s.Effect == Deny
}

// covers returns whether every element of the statement covers the request.
func (s *Statement) covers(sc *scope) truth {
	if !s.coversPrincipal(sc) || !s.coversAction(sc) {
		return no
	}

	covers := s.coversResource(sc)
	for i := 0; i < len(s.conditions) && covers != no; i++ {
		covers = min(covers, s.conditions[i].holds(sc))
	}

	return covers
}

func (s *Statement) coversPrincipal(sc *scope) bool {
	return s.principals == nil ||
		s.principals.contains(sc.request, s.wide(s.notPrincipal)) != s.notPrincipal
}

func (s *Statement) coversAction(sc *scope) bool {
	// Actions have no variables, so the result is never unknown.
	return anyMatch(s.actions, sc.action, sc).notIf(s.notAction) == yes
}

func (s *Statement) coversResource(sc *scope) truth {
	if s.resources == nil {
		return yes
	}
	return s.matchResource(sc).notIf(s.notResource)
}

func anyMatch(list []pattern, text string, sc *scope) truth {
	matched := no
	for i := 0; i < len(list) && matched != yes; i++ {
		matched = max(matched, list[i].match(text, sc))
	}
	return matched
}

// Layer is a kind of policy in an evaluation.
type Layer string

// The layers, in the order in which Allowed evaluates them.
const (
	IdentityLayer Layer = "identity policy"
	BoundaryLayer Layer = "permissions boundary"
	SessionLayer  Layer = "session policy"
)

// Decision is the outcome of Allowed.
type Decision struct {
	Allowed bool
	// Explicit means that a Deny statement refused the request, or that the request is
	// not UTF-8; false = nothing allowed it.
	Explicit bool
	// Layer is the layer that decided: that of the Deny, or the first that does not
	// allow. It is IdentityLayer if the request is allowed.
	Layer Layer
	// Statement is the Deny, or the identity policies' Allow; nil = nothing matched.
	Statement *Statement
	// Unknown has, for a request that is not allowed, the condition keys that could not
	// be evaluated: in the deciding Deny, or in the deciding layer's Allow statements.
	Unknown []Unknown
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
		case effect == Deny && statement == nil:
			return Decision{Explicit: true, Layer: l.layer}
		case effect == Deny:
			return Decision{
				Explicit:  true,
				Layer:     l.layer,
				Statement: statement,
				Unknown:   statement.unknown(&sc),
			}
		case effect == Allow && l.layer == IdentityLayer:
			result.Statement = statement
		case effect == NoMatch && result.Allowed && (len(l.documents) > 0 || !l.optional):
			// A later layer may still deny explicitly.
			result = Decision{Layer: l.layer, Unknown: unknownAllows(l.documents, &sc)}
		}
	}

	return result
}

// Has reports whether s is a statement of the document.
func (d *Document) Has(s *Statement) bool {
	for i := range d.statements {
		if &d.statements[i] == s {
			return true
		}
	}
	return false
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
