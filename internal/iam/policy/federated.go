package policy

import "slices"

// Covers reports whether an Allow statement covers r's principal, action and resource,
// regardless of its conditions.
func (d *Document) Covers(r Request) bool {
	sc := newScope(&r)
	return slices.ContainsFunc(d.statements, func(s Statement) bool { return s.allowsFor(&sc) })
}

func (s *Statement) allowsFor(sc *scope) bool {
	return s.Effect == Allow && !sc.sawInvalidText &&
		s.coversPrincipal(sc) && s.coversAction(sc) && s.coversResource(sc) == yes
}

// Named returns the values that r's Allow statements demand of key by StringEquals,
// for example the applications whose tokens a trust policy accepts. It skips values
// with variables.
func (d *Document) Named(r Request, key string) []string {
	sc := newScope(&r)
	var list []string
	for i := range d.statements {
		s := &d.statements[i]
		if !s.allowsFor(&sc) {
			continue
		}

		for _, c := range s.conditions {
			if c.key != asciiLower(key) || c.family != stringFamily || c.comparison != equals ||
				c.negated || c.ifExists {
				continue
			}

			for _, value := range c.written.values {
				if namesSomething(value) && !slices.Contains(list, value) {
					list = append(list, value)
				}
			}
		}
	}

	return list
}
