package iam

import (
	"errors"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// TestAnotherResourceIsExplained checks what a session reads whose role has no statement for
// the resource: what its role is for, and no advice that would not help it.
func TestAnotherResourceIsExplained(t *testing.T) {
	const (
		put     = `"Effect":"Allow","Action":"s3:PutObject","Resource":`
		foreign = "arn:aws:s3:::files/us-east-1:11112222-aaaa/a.txt"
		own     = `"arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"`
	)
	for name, test := range map[string]struct {
		statements string
		guest      string // its session policy; "" = no guest
		resource   string
		code       string
		tells      []string
		hides      []string
	}{
		"its own prefix": {
			statements: `{` + put + own + `}`,
			resource:   foreign,
			code:       "policies-none-resource",
			tells: []string{
				"statement 0 of the policy p of role " + appARN + " allows it on arn:aws:s3:::files/us-east-1:a094…/*",
				"if the caller meant its own resources", "allows it for everyone",
			},
			hides: []string{"a0941111", "guest", "call with"},
		},
		"the nearest of several": {
			statements: `{` + put + `["arn:aws:s3:::fil?s","arn:aws:s3:::pictures/*"]},{"Sid":"Own",` + put + own + `}`,
			resource:   foreign,
			code:       "policies-none-resource",
			tells:      []string{`statement "Own"`},
		},
		"a personal variable": {
			statements: `{` + put + `"arn:aws:s3:::files/${aws:PrincipalTag/mail}/?"}`,
			resource:   foreign,
			code:       "policies-none-resource",
			tells:      []string{"files/${aws:PrincipalTag/mail}/?"},
			hides:      []string{"alice@"},
		},
		"a variable without a value": {
			statements: `{` + put + `"arn:aws:s3:::files/${aws:PrincipalTag/none}"}`,
			resource:   foreign,
			code:       "policies-none",
			tells:      []string{"in a policy of role"},
			hides:      []string{"call with"},
		},
		"another action": {
			statements: `{"Effect":"Allow","Action":"s3:GetObject","Resource":` + own +
				`}`, resource: foreign, code: "policies-none",
		},
		"a condition that does not hold": {
			statements: `{` + put + own +
				`,"Condition":{"StringEquals":{"aws:PrincipalTag/mail":"x"}}}`, resource: foreign,
			code: "policies-none",
		},
		"a resource that is excluded": {
			statements: `{"Effect":"Allow","Action":"s3:PutObject","NotResource":"` + foreign +
				`"}`, resource: foreign, code: "policies-none",
		},
		"a guest within its bound": {
			statements: `{` + put + own + `}`,
			guest:      allowAll,
			resource:   foreign,
			code:       "policies-none-resource",
			hides:      []string{"guest"},
		},
		"a guest beyond its bound": {
			statements: `{` + put + own + `}`,
			guest:      allowRead,
			resource:   foreign,
			code:       "policies-none-resource",
			tells:      []string{"guest_policy must allow it, too"},
		},
		"a guest without a statement": {
			statements: `{"Effect":"Allow","Action":"a:b","Resource":"*"}`, guest: GuestPolicy, resource: "*",
			code:  "policies-none",
			hides: []string{"guest_policy"}, // the built-in one allows s3
		},
		"a guest's bound": {
			statements: `{` + put + `"*"}`,
			guest:      allowRead,
			resource:   foreign,
			code:       "policies-session-guest",
			tells:      []string{"guest_policy"},
			hides:      []string{"PolicyArns"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			role := RoleConfig{
				ARN:         appARN,
				TrustPolicy: trustPool,
				Policies:    map[string]string{"p": `{"Version":"2012-10-17","Statement":[` + test.statements + `]}`},
			}
			session := SessionCaller{
				RoleARN:     roleOf(appARN),
				RoleID:      RoleID(appARN),
				SessionName: "s",
				Guest:       test.guest != "",
				Conditions: policy.Keys{
					policy.CognitoSubject:   {"us-east-1:a0941111-bbbb"},
					"aws:principaltag/mail": {"alice@example.com"},
				},
			}
			if test.guest != "" {
				session.Policies = []string{test.guest}
			}

			a := NewAuthorizer(directory(t, role), nil)
			err := a.Authorize(t.Context(), NewSessionCaller(session), Access{
				Action: "s3:PutObject", Resource: test.resource,
			})
			d, ok := errors.AsType[*DeniedError](err)
			if !ok || string(d.Why.Reason.Code) != test.code {
				t.Fatalf("Authorize = %v, want %s", d.Why, test.code)
			}

			text := d.Why.Expected + "\n" + d.Why.Got + "\n" + d.Why.Fix
			for _, want := range test.tells {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}

			for _, not := range test.hides {
				if strings.Contains(text, not) {
					t.Errorf("%q is in\n%s", not, text)
				}
			}
		})
	}
}
