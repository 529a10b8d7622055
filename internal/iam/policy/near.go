package policy

import "slices"

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
