package policy

// Evaluate returns the effect of the document alone on r, and the statement that
// decided. An explicit Deny wins over any Allow. A Deny statement applies unless it
// certainly does not cover r, an Allow statement only if it certainly does;
// Document.Unknown returns the uncertain parts. A request that is not UTF-8 is denied
// without a statement, as patterns may fail to match it.
func (d *Document) Evaluate(r Request) (Effect, *Statement) {
	sc := newScope(&r)
	return d.evaluate(&sc)
}

// evaluate is Evaluate with a prepared request. Deny without a statement means that a text
// of the request is not UTF-8.
func (d *Document) evaluate(sc *scope) (Effect, *Statement) {
	if sc.sawInvalidText {
		return Deny, nil
	}

	effect, decided := NoMatch, (*Statement)(nil)
	for i := range d.statements {
		s := &d.statements[i]
		if s.Effect == Allow && effect == Allow {
			continue // one Allow is enough
		}

		applies := s.applies(sc)
		switch {
		case sc.sawInvalidText: // in a value that applies looked up
			return Deny, nil
		case applies && s.Effect == Deny:
			return Deny, s
		case applies:
			effect, decided = Allow, s
		}
	}

	return effect, decided
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

	type layer struct {
		name      Layer
		documents []*Document
	}
	layers, n := [3]layer{{name: IdentityLayer, documents: identity}}, 1 // append would allocate
	if boundary != nil {
		layers[n] = layer{name: BoundaryLayer, documents: []*Document{boundary}}
		n++
	}
	if len(session) > 0 {
		layers[n] = layer{name: SessionLayer, documents: session}
		n++
	}

	result := Decision{Allowed: true, Layer: IdentityLayer}
	for _, l := range layers[:n] {
		effect, statement := evaluateUnion(l.documents, &sc)
		switch {
		case effect == Deny && statement == nil: // a text of the request is not UTF-8
			return Decision{Explicit: true, Layer: l.name}
		case effect == Deny:
			return Decision{
				Explicit:  true,
				Layer:     l.name,
				Statement: statement,
				Unknown:   statement.unknown(&sc),
			}
		case effect == Allow && l.name == IdentityLayer:
			result.Statement = statement
		case effect == NoMatch && result.Allowed:
			// A later layer may still deny explicitly.
			result = Decision{Layer: l.name, Unknown: unknownAllows(l.documents, &sc)}
		}
	}

	return result
}

// evaluateUnion returns the effect of several documents of one layer, as evaluate does.
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

// applies reports whether the statement takes effect. If part of it cannot be
// evaluated, a Deny applies and an Allow does not. It may set sc.sawInvalidText; the result
// means nothing then.
func (s *Statement) applies(sc *scope) bool {
	covers := s.covers(sc)
	return covers == yes || covers == unknown && s.Effect == Deny
}

// covers returns whether every element of the statement covers the request. It may set
// sc.sawInvalidText, as applies does.
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
		s.principals.contains(sc.request, s.anyPartition(s.notPrincipal)) != s.notPrincipal
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

// Has reports whether s is a statement of the document.
func (d *Document) Has(s *Statement) bool {
	for i := range d.statements {
		if &d.statements[i] == s {
			return true
		}
	}
	return false
}
