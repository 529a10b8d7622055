package identitypool

import (
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// RuleResult tells how a rule of a role mapping judged the claims of a login.
type RuleResult struct {
	Matched  bool
	LookedAt bool   // false for the rules after the one that gives the role
	Why      string // with values of the claims
}

// RuleResults returns the results of the rules by which ChooseRole chooses the role of a login,
// in order; nil if no rules apply to the login.
func (p Pool) RuleResults(l VerifiedLogin, custom string) []RuleResult {
	m, _, mapped := p.mappingOf(l)
	if !mapped || m.Type != MappingRules {
		return nil
	}

	chosen := m.choose(l.Claims, custom)
	results := make([]RuleResult, len(m.Rules))
	for i, rule := range m.Rules {
		if chosen >= 0 && i > chosen {
			results[i].Why = "not looked at: an earlier rule gives the role"
			continue
		}

		results[i] = RuleResult{
			Matched:  rule.matches(l.Claims),
			LookedAt: true,
			Why:      rule.why(l.Claims),
		}
		if results[i].Matched && i != chosen {
			results[i].Why += "; but CustomRoleArn asks for another role"
		}
	}

	return results
}

// why explains to people what matches says.
func (r Rule) why(claims map[string]any) string {
	claim, present := claims[r.Claim]
	name := explain.ShownText(r.Claim)
	items, isList := claim.([]any)
	_, isScalar := scalarText(claim)

	switch {
	case !present:
		return "there is no claim " + name
	case isList && r.MatchType != MatchContains:
		values := explain.Count(len(items), "value")
		return fmt.Sprintf("%s is a list of %s, and only Contains looks into lists", name, values)
	case !isList && !isScalar:
		return name + " is neither text, number, boolean nor list"
	}

	says := map[bool]map[string]string{
		true: {
			MatchEquals: "equals", MatchNotEqual: "differs from", MatchStartsWith: "begins with",
			MatchContains: "contains",
		},
		false: {
			MatchEquals: "differs from", MatchNotEqual: "equals", MatchStartsWith: "does not begin with",
			MatchContains: "does not contain",
		},
	}[r.matches(claims)][r.MatchType]

	return fmt.Sprintf("%s is %s, which %s %s", name, explain.Shown(claim), says, explain.ShownText(r.Value))
}
