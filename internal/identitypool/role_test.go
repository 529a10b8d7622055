package identitypool

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const (
	roleAuth  = "arn:aws:iam::000000000000:role/Auth"
	roleGuest = "arn:aws:iam::000000000000:role/Guest"
	roleAdmin = "arn:aws:iam::000000000000:role/Admin"
	roleUser  = "arn:aws:iam::000000000000:role/User"
	userPool  = "cognito-idp.us-east-1.amazonaws.com/us-east-1_abc"
	oidcARN   = "arn:aws:iam::000000000000:oidc-provider/idp.example"
)

func rules(resolution string, rules ...Rule) RoleMapping {
	return RoleMapping{Type: MappingRules, AmbiguousRoleResolution: resolution, Rules: rules}
}

func TestChooseRole(t *testing.T) {
	token := RoleMapping{Type: MappingToken, AmbiguousRoleResolution: ResolveDeny}
	tokenDefault := RoleMapping{Type: MappingToken, AmbiguousRoleResolution: ResolveAuthenticatedRole}
	login := func(key string, claims map[string]any) []VerifiedLogin {
		provider := strings.TrimSuffix(key, ":client")
		if key == oidcARN {
			provider = "idp.example"
		}
		return []VerifiedLogin{{Login: Login{Kind: Public, Provider: provider, Subject: "s"}, MappingKey: key,
			Claims: claims}}
	}

	up := userPool + ":client"
	admins := Rule{"cognito:groups", MatchContains, "admin", roleAdmin}

	tests := []struct {
		name     string
		mappings map[string]RoleMapping
		logins   []VerifiedLogin
		own      bool
		custom   string
		want     string
		denied   string // substring of the error
	}{
		{name: "guest", want: roleGuest},
		{name: "guest asks for another role", custom: roleAdmin, denied: "not among"},
		{name: "authenticated", logins: login(googleKey, nil), want: roleAuth},
		{name: "authenticated asks for the default", logins: login(googleKey, nil), custom: roleAuth, want: roleAuth},
		{name: "authenticated asks for another role", logins: login(googleKey, nil), custom: roleAdmin,
			denied: "not among"},
		{name: "own token ignores mappings", own: true,
			mappings: map[string]RoleMapping{"login.my.app": rules(ResolveDeny)}, want: roleAuth},
		{name: "token: one role", mappings: map[string]RoleMapping{up: token},
			logins: login(up, map[string]any{"cognito:roles": []any{roleUser}}), want: roleUser},
		{name: "token: comma string", mappings: map[string]RoleMapping{up: token},
			logins: login(up,
				map[string]any{"cognito:roles": roleUser + ", " + roleAdmin}), custom: roleAdmin, want: roleAdmin},
		{name: "token: preferred", mappings: map[string]RoleMapping{up: token},
			logins: login(up,
				map[string]any{"cognito:roles": []any{roleUser, roleAdmin}, "cognito:preferred_role": roleAdmin}),
			want: roleAdmin},
		{name: "token: several and deny", mappings: map[string]RoleMapping{up: token},
			logins: login(up,
				map[string]any{"cognito:roles": []any{roleUser, roleAdmin}}),
			denied: "The ambiguous role mapping rules for: " + up + " denied this request."},
		{name: "token: several and default", mappings: map[string]RoleMapping{up: tokenDefault},
			logins: login(up, map[string]any{"cognito:roles": []any{roleUser, roleAdmin}}), want: roleAuth},
		{name: "token: none and default", mappings: map[string]RoleMapping{up: tokenDefault}, logins: login(up, nil),
			want: roleAuth},
		{name: "token: custom offered", mappings: map[string]RoleMapping{up: token},
			logins: login(up,
				map[string]any{"cognito:roles": []any{roleUser, roleAdmin}}), custom: roleUser, want: roleUser},
		{name: "token: custom not offered", mappings: map[string]RoleMapping{up: tokenDefault},
			logins: login(up,
				map[string]any{"cognito:roles": []any{roleUser}}), custom: roleAdmin, denied: "not among"},
		{name: "token: custom equals the default but is not offered",
			mappings: map[string]RoleMapping{up: tokenDefault}, logins: login(up, nil), custom: roleAuth,
			denied: "not among"},
		{name: "mapping of another client", mappings: map[string]RoleMapping{userPool + ":other": token},
			logins: login(up, map[string]any{"cognito:roles": []any{roleAdmin}}), want: roleAuth},
		{name: "rules: first match wins",
			mappings: map[string]RoleMapping{up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser},
				Rule{"a", MatchStartsWith, "1", roleAdmin})},
			logins: login(up, map[string]any{"a": "1"}), want: roleUser},
		{name: "rules: no match denies",
			mappings: map[string]RoleMapping{up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser})},
			logins:   login(up, map[string]any{"a": "2"}), denied: "ambiguous"},
		{name: "rules: no match, default",
			mappings: map[string]RoleMapping{up: rules(ResolveAuthenticatedRole,
				Rule{"a", MatchEquals, "1", roleUser})}, logins: login(up, nil), want: roleAuth},
		{name: "rules: custom of a later matching rule",
			mappings: map[string]RoleMapping{up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser},
				Rule{"a", MatchStartsWith, "1", roleAdmin})},
			logins: login(up, map[string]any{"a": "1"}), custom: roleAdmin, want: roleAdmin},
		{name: "rules: custom of a rule that does not match",
			mappings: map[string]RoleMapping{up: rules(ResolveAuthenticatedRole, Rule{"a", MatchEquals, "1", roleUser},
				Rule{"a", MatchEquals, "2", roleAdmin})},
			logins: login(up, map[string]any{"a": "1"}), custom: roleAdmin, denied: "not among"},
		{name: "rules: oidc by ARN", mappings: map[string]RoleMapping{oidcARN: rules(ResolveDeny, admins)},
			logins: login(oidcARN, map[string]any{"cognito:groups": []any{"admin"}}), want: roleAdmin},
		{name: "rules: oidc by name", mappings: map[string]RoleMapping{"idp.example": rules(ResolveDeny, admins)},
			logins: login(oidcARN, map[string]any{"cognito:groups": []any{"admin"}}), want: roleAdmin},
		{name: "two mapped logins disagree", mappings: map[string]RoleMapping{
			up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser}), oidcARN: rules(ResolveDeny,
				Rule{"a", MatchEquals, "1", roleAdmin})},
			logins: append(login(up, map[string]any{"a": "1"}),
				login(oidcARN, map[string]any{"a": "1"})...), denied: "ambiguous"},
		{name: "two mapped logins, custom of the first",
			mappings: map[string]RoleMapping{up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser}),
				oidcARN: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleAdmin})},
			logins: append(login(up, map[string]any{"a": "1"}), login(oidcARN, map[string]any{"a": "1"})...),
			custom: roleUser, want: roleUser},
		{name: "two mapped logins, custom of the second",
			mappings: map[string]RoleMapping{up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser}),
				oidcARN: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleAdmin})},
			logins: append(login(up, map[string]any{"a": "1"}), login(oidcARN, map[string]any{"a": "1"})...),
			custom: roleAdmin, want: roleAdmin},
		{name: "two mapped logins, custom of neither",
			mappings: map[string]RoleMapping{up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser}),
				oidcARN: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleAdmin})},
			logins: append(login(up, map[string]any{"a": "1"}), login(oidcARN, map[string]any{"a": "1"})...),
			custom: roleAuth, denied: "not among"},
		{name: "two mapped logins agree", mappings: map[string]RoleMapping{
			up: rules(ResolveDeny, Rule{"a", MatchEquals, "1", roleUser}), oidcARN: rules(ResolveDeny,
				Rule{"a", MatchEquals, "1", roleUser})},
			logins: append(login(up, map[string]any{"a": "1"}),
				login(oidcARN, map[string]any{"a": "1"})...), want: roleUser},
	}

	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pool := Pool{Roles: map[string]string{Authenticated: roleAuth, Unauthenticated: roleGuest},
				RoleMappings: test.mappings}
			trace := &explain.Trace{}
			got, err := pool.ChooseRole(RoleRequest{test.logins, test.own, test.custom}, trace)
			if test.denied != "" {
				if err == nil || !strings.Contains(err.Error(), test.denied) {
					t.Fatalf("= %q, %v; want an error with %q", got, err, test.denied)
				}
				if !explained(err) {
					t.Error("the refusal has no reason")
				}
				return
			}

			if err != nil || got.ARN != test.want {
				t.Errorf("= %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestNoRole(t *testing.T) {
	var none *NoRoleError
	if _, err := (Pool{}).ChooseRole(RoleRequest{}, nil); !errors.As(err, &none) || none.Kind != Unauthenticated {
		t.Errorf("guest without a role: %v", err)
	}
	pool := Pool{RoleMappings: map[string]RoleMapping{googleKey: rules(ResolveAuthenticatedRole)}}
	if _, err := pool.ChooseRole(RoleRequest{Logins: []VerifiedLogin{{MappingKey: googleKey}}}, nil); !errors.As(err,
		&none) || none.Kind != Authenticated {
		t.Errorf("mapping that falls back to a missing role: %v", err)
	}
}

func TestRuleMatches(t *testing.T) {
	array := []any{"admin", "users", json.Number("7"), map[string]any{}}

	tests := []struct {
		claim any
		match string
		value string
		want  bool
	}{
		{"paid", MatchEquals, "paid", true},
		{"paid", MatchEquals, "Paid", false},
		{"unpaid", MatchContains, "paid", true},
		{"paid-gold", MatchStartsWith, "paid", true},
		{"unpaid", MatchStartsWith, "paid", false},
		{"free", MatchNotEqual, "paid", true},
		{"paid", MatchNotEqual, "paid", false},
		{nil, MatchNotEqual, "paid", false},
		{json.Number("42"), MatchEquals, "42", true},
		{true, MatchEquals, "true", true},
		{false, MatchNotEqual, "true", true},
		{array, MatchContains, "admin", true},
		{array, MatchContains, "adm", false},
		{array, MatchContains, "7", true},
		{array, MatchEquals, "admin", false},
		{array, MatchNotEqual, "nobody", false},
		{[]any{"not-admin"}, MatchContains, "admin", false},
		{map[string]any{"a": "b"}, MatchContains, "a", false},
		{"x", "Matches", "x", false},
	}

	for _, test := range tests {
		claims := map[string]any{"c": test.claim}
		if got := (Rule{"c", test.match, test.value, roleUser}).matches(claims); got != test.want {
			t.Errorf("%v %s %q = %v, want %v", test.claim, test.match, test.value, got, test.want)
		}
	}

	if (Rule{"missing", MatchNotEqual, "x", roleUser}).matches(nil) {
		t.Error("NotEqual matched a missing claim")
	}
}
