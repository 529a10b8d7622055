package identitypool

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// The roles in a token count only if they are consistent and of the
// documented form. The rest chooses nothing, whatever AmbiguousRoleResolution is
// and whichever role the caller asks for.
func TestTokenRoleClaims(t *testing.T) {
	many := make([]any, maxTokenRoles+1)
	for n := range many {
		many[n] = fmt.Sprintf("arn:aws:iam::123456789012:role/r%d", n)
	}
	const foreign = "arn:aws:iam::999999999999:role/User"
	const other = "other" // the outcome is that of AmbiguousRoleResolution

	for _, c := range []struct {
		name             string
		roles, preferred any
		want             string // a role; "" = refused
	}{
		{"preferred in the list", []any{roleUser, roleAdmin}, roleAdmin, roleAdmin},
		{"preferred in the text", roleUser + "," + roleAdmin, roleAdmin, roleAdmin},
		{"one role, said twice", []any{roleUser, roleUser}, nil, roleUser},
		{"one role, preferred null", []any{roleUser}, nil, roleUser},
		{"one role, preferred empty", []any{roleUser}, "", roleUser},
		{"preferred of another account, in the list", []any{foreign}, foreign, foreign},
		{"several without preferred", []any{roleUser, roleAdmin}, nil, other},
		{"nothing", nil, nil, other},
		{"empty list", []any{}, nil, other},
		{"as many as allowed", many[1:], many[1], many[1].(string)},

		{"preferred outside the list", []any{roleUser}, roleAdmin, ""},
		{"preferred outside the text", roleUser, roleAdmin, ""},
		{"preferred and no list", nil, roleAdmin, ""},
		{"preferred and an empty list", []any{}, roleAdmin, ""},
		{"preferred and an empty text", "", roleAdmin, ""},
		{"preferred is a part of the text", roleAdmin + "istrator", roleAdmin, ""},
		{"preferred in another case", []any{roleAdmin}, "arn:aws:iam::123456789012:ROLE/Admin", ""},
		{"preferred with a blank", []any{roleAdmin}, roleAdmin + " ", ""},
		{"preferred of another account", []any{roleUser}, foreign, ""},
		{"preferred is a list", []any{roleUser}, []any{roleUser}, ""},
		{"preferred is a number", []any{roleUser}, json.Number("1"), ""},
		{"preferred is false", []any{roleUser}, false, ""},
		{"roles is a number", json.Number("1"), nil, ""},
		{"roles is an object", map[string]any{roleUser: true}, nil, ""},
		{"roles is true", true, nil, ""},
		{"an entry is a number", []any{roleUser, json.Number("1")}, nil, ""},
		{"an entry is null", []any{roleUser, nil}, roleUser, ""},
		{"an entry is a list", []any{roleUser, []any{roleAdmin}}, nil, ""},
		{"too many", many, nil, ""},
	} {
		for _, resolution := range []string{ResolveDeny, ResolveAuthenticatedRole} {
			for _, custom := range []string{"", roleUser} {
				t.Run(c.name+"/"+resolution+"/"+custom, func(t *testing.T) {
					key := userPool + ":client"
					pool := Pool{
						Roles: map[string]string{Authenticated: roleAuth},
						RoleMappings: map[string]RoleMapping{key: {Type: MappingToken,
							AmbiguousRoleResolution: resolution}},
					}
					login := VerifiedLogin{MappingKey: key,
						Claims: map[string]any{"cognito:roles": c.roles, "cognito:preferred_role": c.preferred}}

					trace := &explain.Trace{}
					got, err := pool.ChooseRole(RoleRequest{Logins: []VerifiedLogin{login}, CustomARN: custom}, trace)

					if c.want == "" {
						var refused *AmbiguousRoleError
						if got.ARN != "" || !errors.As(err, &refused) || !explained(err) {
							t.Fatalf("= %q, %v; want a refusal with a trace", got, err)
						}
						return
					}

					want := c.want
					if want == other {
						want = map[string]string{ResolveDeny: "", ResolveAuthenticatedRole: roleAuth}[resolution]
					}
					if custom != "" { // offered, or refused
						said, _ := roleClaims(login.Claims)
						want = ""
						for _, role := range said.roles {
							if role == custom {
								want = custom
							}
						}
					}

					if got.ARN != want || (want == "") != (err != nil) {
						t.Errorf("= %q, %v; want %q", got, err, want)
					}
				})
			}
		}
	}
}
