package iam

import (
	"errors"
	"testing"
	"time"
)

// TestOrderOfAuthorization has calls that two steps of authorize decide differently. The
// reason shows which one came first, so it changes if two steps change places.
func TestOrderOfAuthorization(t *testing.T) {
	const (
		read       = "cognito-identity:DescribeIdentityPool"
		secret     = "iam:CreateRole" // closed to temporary credentials of an access key
		denyAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
		nothing    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}`
		unreadable = "{"
	)
	configure := func(name, identity, boundary string) RoleConfig {
		return RoleConfig{
			ARN:                 appARN + name,
			TrustPolicy:         trustPool,
			Policies:            map[string]string{"p": identity},
			PermissionsBoundary: boundary,
		}
	}
	d := directory(t,
		configure("-open", allowAll, ""),
		configure("-bound", allowAll, nothing),
		configure("-closed", nothing, ""),
		configure("-closed-bound", nothing, nothing),
		configure("-closed-boundary-denies", nothing, denyAll),
		configure("-denies", denyAll, nothing),
	)
	a := NewAuthorizer(d, newClock().Now)

	session := func(name string, policies ...string) Caller {
		arn := appARN + name
		return NewSessionCaller(SessionCaller{
			AccessKeyID: "ASIATEST",
			RoleARN:     roleOf(arn),
			RoleID:      RoleID(arn),
			SessionName: "s",
			Policies:    policies,
		})
	}
	replaced := session("-denies", unreadable)
	replaced.roleID = "AROAOLD"
	temporary := keyCaller(t, "").Temporary("ASIATEST", time.Unix(0, 0))

	for _, tc := range []struct {
		name     string
		caller   Caller
		action   string
		resource string
		says     resourceSays
		want     string // "" = allowed
	}{
		{name: "nobody, another account", action: read, resource: otherARN, want: "policies-nobody"},
		{
			name: "nobody, trusted", action: read, resource: poolARN, says: trustsCaller, want: "policies-nobody",
		},
		{
			name: "temporary, another account", caller: temporary, action: secret, resource: otherARN,
			want: "policies-temporary",
		},
		{
			name: "temporary, root", caller: temporary, action: secret, resource: appARN, want: "policies-temporary",
		},
		{
			name: "temporary, trusted", caller: temporary, action: secret, resource: appARN, says: trustsCaller,
			want: "policies-temporary",
		},
		{
			name: "another account, root", caller: keyCaller(t, ""), action: read, resource: otherARN,
			want: "policies-account",
		},
		{
			name: "another account, a Deny", caller: keyCaller(t, denyAll), action: read, resource: otherARN,
			want: "policies-account",
		},
		{
			name: "another account, no role", caller: session("-none"), action: read, resource: otherARN,
			want: "policies-account",
		},
		{
			name: "no role, a session policy that cannot be read", caller: session("-none", unreadable),
			action: read, resource: poolARN, want: "policies-role-missing",
		},
		{
			name: "a replaced role, a session policy that cannot be read", caller: replaced,
			action: read, resource: poolARN, want: "policies-role-replaced",
		},
		{
			name: "a session policy that cannot be read, a Deny", caller: session("-denies", unreadable),
			action: read, resource: poolARN, want: "policies-session-unreadable",
		},
		{
			name: "a Deny, no Allow in the boundary", caller: session("-denies"), action: read, resource: poolARN,
			want: "policies-deny",
		},
		{
			name: "a Deny of the boundary, no Allow of the identity", caller: session("-closed-boundary-denies"),
			action: read, resource: poolARN, want: "policies-deny",
		},
		{
			name: "a Deny of the session, no Allow of the identity", caller: session("-closed", denyAll),
			action: read, resource: poolARN, want: "policies-deny",
		},
		{
			name: "a Deny of the session, no Allow of the boundary", caller: session("-bound", denyAll),
			action: read, resource: poolARN, want: "policies-deny",
		},
		{
			name: "no Allow of identity, boundary and session", caller: session("-closed-bound", nothing),
			action: read, resource: poolARN, want: "policies-none",
		},
		{
			name: "no Allow of boundary and session", caller: session("-bound", nothing),
			action: read, resource: poolARN, want: "policies-boundary",
		},
		{
			name: "no Allow of the session", caller: session("-open", nothing),
			action: read, resource: poolARN, want: "policies-session",
		},

		// A trust policy that names the caller stands for an identity policy's Allow, and
		// for nothing else.
		{
			name: "trusted, no Allow of the identity", caller: session("-closed"), action: read, resource: appARN,
			says: trustsCaller,
		},
		{
			name: "the account is trusted, no Allow of the identity", caller: session("-closed"), action: read,
			resource: appARN, says: trustsAccount, want: "policies-none",
		},
		{
			name: "trusted, a Deny", caller: session("-denies"), action: read, resource: appARN, says: trustsCaller,
			want: "policies-deny",
		},
		{
			name: "trusted, no Allow of the boundary", caller: session("-closed-bound"), action: read,
			resource: appARN, says: trustsCaller, want: "policies-boundary",
		},
		{
			name: "trusted, no Allow of the session", caller: session("-closed", nothing), action: read,
			resource: appARN, says: trustsCaller, want: "policies-session",
		},
		{
			name: "trusted, no role", caller: session("-none"), action: read, resource: appARN, says: trustsCaller,
			want: "policies-role-missing",
		},
		{
			name: "the account is trusted, another account", caller: keyCaller(t, allowAll), action: read,
			resource: otherARN, says: trustsAccount,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := a.authorize(t.Context(), tc.caller, Access{
				Action: tc.action, Resource: tc.resource,
			}, tc.says)

			got := ""
			if denied, ok := errors.AsType[*DeniedError](err); ok {
				got = string(denied.Why.Reason.Code)
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("the call is refused with %q, want %q", got, tc.want)
			}
		})
	}
}
