package identitypool

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Each rule is said to match as it does, up to the one that gives the role.
func TestRuleResults(t *testing.T) {
	up := userPool + ":client"
	is := func(claim, kind, value string) Rule { return Rule{claim, kind, value, roleUser} }
	const later = "not looked at: an earlier rule gives the role"

	for name, c := range map[string]struct {
		rules  []Rule
		claims map[string]any
		custom string
		want   []RuleResult
	}{
		"the first that matches gives the role": {
			rules:  []Rule{is("a", MatchEquals, "2"), is("a", MatchEquals, "1"), is("a", MatchEquals, "1")},
			claims: map[string]any{"a": json.Number("1")},
			want: []RuleResult{
				{LookedAt: true, Why: "a is the number 1, which differs from 2"},
				{LookedAt: true, Matched: true, Why: "a is the number 1, which equals 1"},
				{Why: later},
			},
		},
		"none matches": {
			rules: []Rule{
				is("a", MatchEquals, "y"), is("a", MatchNotEqual, "x"), is("a", MatchStartsWith, "y"),
				is("a", MatchContains, "y"), is("none", MatchNotEqual, "y"), is("object", MatchContains, "y"),
				is("list", MatchEquals, "y"), is("list", MatchContains, "z"), is("null", MatchNotEqual, "y"),
			},
			claims: map[string]any{
				"a": "x", "object": map[string]any{"y": "y"}, "list": []any{"y", "yz"}, "null": nil,
			},
			want: []RuleResult{
				{LookedAt: true, Why: "a is x, which differs from y"},
				{LookedAt: true, Why: "a is x, which equals x"},
				{LookedAt: true, Why: "a is x, which does not begin with y"},
				{LookedAt: true, Why: "a is x, which does not contain y"},
				{LookedAt: true, Why: "there is no claim none"},
				{LookedAt: true, Why: "object is neither text, number, boolean nor list"},
				{LookedAt: true, Why: "list is a list of 2 values, and only Contains looks into lists"},
				{LookedAt: true, Why: "list is [y, yz], which does not contain z"},
				{LookedAt: true, Why: "null is neither text, number, boolean nor list"},
			},
		},
		"CustomRoleArn passes over a match": {
			rules: []Rule{
				is("a", MatchNotEqual, "y"), {"a", MatchStartsWith, "x", roleAdmin}, is("a", MatchContains, "x"),
			},
			claims: map[string]any{"a": "x"},
			custom: roleAdmin,
			want: []RuleResult{
				{LookedAt: true, Matched: true,
					Why: "a is x, which differs from y; but CustomRoleArn asks for another role"},
				{LookedAt: true, Matched: true, Why: "a is x, which begins with x"},
				{Why: later},
			},
		},
		"no rule has CustomRoleArn": {
			rules:  []Rule{is("a", MatchContains, "x")},
			claims: map[string]any{"a": []any{"x"}},
			custom: roleAdmin,
			want: []RuleResult{{LookedAt: true, Matched: true,
				Why: "a is [x], which contains x; but CustomRoleArn asks for another role"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := Pool{RoleMappings: map[string]RoleMapping{up: rules(ResolveDeny, c.rules...)}}
			l := VerifiedLogin{Login: Login{Kind: Public, Provider: userPool}, MappingKey: up, Claims: c.claims}

			got := p.RuleResults(l, c.custom)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}

			// ChooseRole chooses by the last rule that was looked at, if it matched.
			role, err := p.ChooseRole(RoleRequest{Logins: []VerifiedLogin{l}, CustomARN: c.custom}, &explain.Trace{})
			chosen := ""
			for i, r := range got {
				if r.Matched && (c.custom == "" || c.rules[i].RoleARN == c.custom) {
					chosen = c.rules[i].RoleARN
				}
			}
			if role.ARN != chosen || (err == nil) != (chosen != "") {
				t.Errorf("ChooseRole = %q, %v; the results say %q", role, err, chosen)
			}
		})
	}
}

// There are no results where no rules apply.
func TestRuleResultsOfNoRules(t *testing.T) {
	up := userPool + ":client"
	l := VerifiedLogin{Login: Login{Kind: Public, Provider: userPool}, MappingKey: up}
	for name, p := range map[string]Pool{
		"no mapping": {},
		"the token's roles": {RoleMappings: map[string]RoleMapping{up: {
			Type:  MappingToken,
			Rules: []Rule{{"a", MatchEquals, "x", roleUser}},
		}}},
		"another client's rules": {RoleMappings: map[string]RoleMapping{
			userPool + ":other": rules(ResolveDeny, Rule{"a", MatchEquals, "x", roleUser}),
		}},
	} {
		if got := p.RuleResults(l, ""); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
