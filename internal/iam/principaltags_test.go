package iam

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// taggedRole returns a role with tags, and a session of it with others.
func taggedRole(t *testing.T, statements string, role, session map[string]string) (Role, Caller) {
	t.Helper()
	arn, err := ParseRoleARN("arn:aws:iam::123456789012:role/app")
	if err != nil {
		t.Fatal(err)
	}
	document, err := policy.ParseIdentity(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)
	if err != nil {
		t.Fatal(err)
	}

	keys := policy.Keys{}
	for key, value := range session {
		keys.Set("aws:PrincipalTag/"+key, value)
	}

	return Role{ARN: arn, ID: "AROATEST", Account: account, Policies: []*policy.Document{document}, Tags: role},
		NewSessionCaller(SessionCaller{
			RoleARN: arn, RoleID: "AROATEST", SessionName: "s", Conditions: keys, Facts: SessionFacts{Tags: session},
		})
}

// The tags of a role are principal tags of its sessions: in denials, permissions and variables.
func TestRoleTagsArePrincipalTags(t *testing.T) {
	const all = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	deny := func(condition string) string {
		return all + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{` + condition + `}}`
	}
	blue := deny(`"StringEquals":{"aws:PrincipalTag/team":"blue"}`)
	variable := `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}/*"}`

	type tags = map[string]string
	present, absent := deny(`"Null":{"aws:PrincipalTag/team":"false"}`), deny(`"Null":{"aws:PrincipalTag/team":"true"}`)
	for name, tc := range map[string]struct {
		statements    string
		role, session tags
		allowed       bool
	}{
		"denied by the role's tag":        {blue, tags{"team": "blue"}, nil, false},
		"case does not matter in the key": {blue, tags{"Team": "blue"}, nil, false},
		"another value":                   {blue, tags{"team": "red"}, nil, true},
		"no tag":                          {blue, nil, nil, true},
		"another tag":                     {blue, tags{"teams": "blue"}, nil, true},
		"the session's tag counts first":  {blue, tags{"team": "blue"}, tags{"TEAM": "red"}, true},
		"the session's tag denies":        {blue, tags{"team": "red"}, tags{"team": "blue"}, false},
		"beside a session's tag":          {blue, tags{"team": "blue"}, tags{"job": "1"}, false},
		"two tags of one key":             {blue, tags{"team": "red", "Team": "green"}, nil, false},
		"a variable":                      {variable, tags{"team": "blue"}, nil, true},
		"a variable of another team":      {variable, tags{"team": "red"}, nil, false},
		"a variable without a tag":        {variable, nil, nil, false},
		"an empty tag is there":           {present, tags{"team": ""}, nil, false},
		"no tag is there":                 {present, nil, nil, true},
		"a tag is not absent":             {absent, tags{"team": "x"}, nil, true},
		"an absent tag":                   {absent, nil, nil, false},
	} {
		role, caller := taggedRole(t, tc.statements, tc.role, tc.session)
		a := NewAuthorizer(oneRole{role}, func() time.Time { return time.Unix(0, 0) })
		err := a.Authorize(t.Context(), caller, Access{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/blue/x"})
		if (err == nil) != tc.allowed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// noRole is a RoleSource that fails.
type noRole struct{ err error }

func (n noRole) Role(context.Context, RoleARN) (Role, error) { return Role{}, n.err }

func TestPrincipalTags(t *testing.T) {
	role, caller := taggedRole(t, `{"Effect":"Allow","Action":"*","Resource":"*"}`,
		map[string]string{"Team": "role", "only": "role"}, map[string]string{"team": "session", "job": "1"})
	a := NewAuthorizer(oneRole{role}, nil)
	tags, err := a.PrincipalTags(t.Context(), caller)
	want := map[string]string{"team": "session", "only": "role", "job": "1"}
	if diff := cmp.Diff(want, tags); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff(map[string]string{"Team": "role", "only": "role"}, role.Tags); diff != "" {
		t.Errorf("the role's own map changed: %s", diff)
	}
	if tags, err := a.PrincipalTags(t.Context(), keyCaller(t, "")); err != nil || tags != nil {
		t.Errorf("a key has tags %v, %v", tags, err)
	}

	replaced := role
	replaced.ID = "AROAOTHER"
	for name, source := range map[string]RoleSource{"replaced": oneRole{replaced}, "gone": noRole{ErrNotFound}} {
		a := NewAuthorizer(source, nil)
		if tags, known, err := a.RoleTags(t.Context(), caller); known || err != nil || tags != nil {
			t.Errorf("%s: %v, known %t, %v", name, tags, known, err)
		}
		if _, err := a.PrincipalTags(t.Context(), caller); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}

	broken := NewAuthorizer(noRole{errBroken}, nil)
	if _, known, err := broken.RoleTags(t.Context(), caller); known || !errors.Is(err, errBroken) {
		t.Errorf("known %t, %v", known, err)
	}
}
