package iam

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

const (
	poolARN  = "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:1"
	otherARN = "arn:aws:cognito-identity:us-east-1:999999999999:identitypool/us-east-1:2"
)

func keyCaller(t testing.TB, document string) Caller {
	t.Helper()
	if document == "" {
		return newKeyCaller("aws", "AKIATEST", account, nil)
	}
	return newKeyCaller("aws", "AKIATEST", account, mustParse(document))
}

func directory(t testing.TB, roles ...RoleConfig) *Directory {
	t.Helper()
	d, err := NewDirectory(Config{Account: account, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAuthorize(t *testing.T) {
	const describe = "cognito-identity:DescribeIdentityPool"
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	app := RoleConfig{
		ARN:         appARN,
		TrustPolicy: trustPool,
		Policies: map[string]string{
			"own": statement(
				`{"Effect":"Allow","Action":["cognito-identity:*","s3:*","iam:*"],"Resource":"*"},{"Sid":"keep",` +
					`"Effect":"Deny","Action":"cognito-identity:Delete*","Resource":"*"}`,
			),
			"tags": statement(
				`{"Effect":"Allow","Action":"sqs:*",` +
					`"Resource":"arn:aws:sqs:us-east-1:123456789012:${aws:PrincipalTag/team}"}`,
			),
		},
	}

	bounded := RoleConfig{
		ARN:                 appARN + "2",
		TrustPolicy:         trustPool,
		Policies:            map[string]string{"all": allowAll},
		PermissionsBoundary: allowRead,
	}

	bare := RoleConfig{ARN: appARN + "3", TrustPolicy: trustPool}
	a := NewAuthorizer(directory(t, app, bounded, bare), newClock().Now)
	session := func(role string, policies ...string) Caller {
		return NewSessionCaller(SessionCaller{
			AccessKeyID: "ASIATEST",
			RoleARN:     roleOf(role),
			RoleID:      RoleID(role),
			SessionName: "s",
			Policies:    policies,
			Conditions: policy.Keys{
				"aws:PrincipalTag/team": {"red"}, "aws:PrincipalArn": {"arn:aws:iam::123456789012:root"},
			},
		})
	}

	for _, tc := range []struct {
		name             string
		caller           Caller
		action, resource string
		conditions       policy.Keys
		want             string // of the reason; "" = allowed
		explicit         bool
	}{
		{name: "root on its pool", caller: keyCaller(t, ""), action: describe, resource: poolARN},
		{
			name:     "root on no resource",
			caller:   keyCaller(t, ""),
			action:   "cognito-identity:CreateIdentityPool",
			resource: "*",
		},
		{
			name:     "root on a resource without account",
			caller:   keyCaller(t, ""),
			action:   "s3:GetObject",
			resource: "arn:aws:s3:::b",
		},
		{
			name:     "root on another account",
			caller:   keyCaller(t, ""),
			action:   describe,
			resource: otherARN,
			want:     "belongs to account 999999999999",
		},
		{
			name:     "nobody",
			caller:   Caller{Account: account, ARN: "arn:aws:iam::123456789012:root"},
			action:   describe,
			resource: poolARN,
			want:     "no caller",
		},
		{name: "session of no role", caller: session("app"), action: describe, resource: poolARN, want: "no caller"},

		{name: "user allowed", caller: keyCaller(t, allowRead), action: describe, resource: poolARN},
		{
			name:     "user not allowed",
			caller:   keyCaller(t, allowRead),
			action:   "cognito-identity:DeleteIdentityPool",
			resource: poolARN,
			want:     "no identity policy allows it",
		},
		{
			name:     "user on another account",
			caller:   keyCaller(t, allowAll),
			action:   describe,
			resource: otherARN,
			want:     "belongs to account",
		},
		{
			name: "user denied",
			caller: keyCaller(t, statement(
				`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"`+
					poolARN+`"}`,
			)),
			action:   describe,
			resource: poolARN,
			want:     "statement 1 of the identity policy denies it",
			explicit: true,
		},
		{
			name: "user's own name",
			caller: keyCaller(t, statement(
				`{"Effect":"Allow","Action":"*","Resource":"*",`+
					`"Condition":{"StringEquals":{"aws:username":"AKIATEST","aws:PrincipalType":"User",`+
					`"aws:PrincipalAccount":"123456789012",`+
					`"aws:PrincipalArn":"arn:aws:iam::123456789012:user/poolhouse/AKIATEST"},`+
					`"StringLike":{"aws:userid":"AIDA*"}}}`,
			)),
			action:   describe,
			resource: poolARN,
		},
		{
			name: "a condition of the request",
			caller: keyCaller(t, statement(
				`{"Effect":"Allow","Action":"*","Resource":"*",`+
					`"Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`,
			)),
			action:     describe,
			resource:   poolARN,
			conditions: policy.Keys{"aws:sourceip": {"203.0.113.1"}},
		},
		{
			name: "a condition the request does not meet",
			caller: keyCaller(t, statement(
				`{"Effect":"Allow","Action":"*","Resource":"*",`+
					`"Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`,
			)),
			action:     describe,
			resource:   poolARN,
			conditions: policy.Keys{"aws:SourceIp": {"198.51.100.1"}},
			want:       "no identity policy allows it",
		},
		{
			name: "the clock",
			caller: keyCaller(t, statement(
				`{"Effect":"Allow","Action":"*","Resource":"*",`+
					`"Condition":{"DateLessThan":{"aws:CurrentTime":"2026-11-24"},`+
					`"NumericGreaterThan":{"aws:EpochTime":1795427999}}}`,
			)),
			action:   describe,
			resource: poolARN,
		},
		{
			name: "the request cannot pose as the caller",
			caller: keyCaller(t, statement(
				`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"root"}}}`,
			)),
			action:     describe,
			resource:   poolARN,
			conditions: policy.Keys{"AWS:UserName": {"root"}},
			want:       "no identity policy allows it",
		},

		{name: "session allowed", caller: session(appARN), action: describe, resource: poolARN},
		{
			name:     "session denied",
			caller:   session(appARN),
			action:   "cognito-identity:DeleteIdentityPool",
			resource: poolARN,
			want:     `statement "keep" of the identity policy denies it`,
			explicit: true,
		},
		{
			name:     "session not allowed",
			caller:   session(appARN),
			action:   "ec2:RunInstances",
			resource: "*",
			want:     "no identity policy allows it",
		},
		{
			name:     "session's tag",
			caller:   session(appARN),
			action:   "sqs:SendMessage",
			resource: "arn:aws:sqs:us-east-1:123456789012:red",
		},
		{
			name:     "session's tag, another queue",
			caller:   session(appARN),
			action:   "sqs:SendMessage",
			resource: "arn:aws:sqs:us-east-1:123456789012:blue",
			want:     "no identity policy",
		},
		{name: "session of a bounded role", caller: session(appARN + "2"), action: describe, resource: poolARN},
		{
			name:     "session beyond its boundary",
			caller:   session(appARN + "2"),
			action:   "cognito-identity:DeleteIdentityPool",
			resource: poolARN,
			want:     "no permissions boundary allows it",
		},
		{
			name:     "session of a role without policies",
			caller:   session(appARN + "3"),
			action:   describe,
			resource: poolARN,
			want:     "no identity policy",
		},
		{
			name:     "session of an unknown role",
			caller:   session(appARN + "9"),
			action:   describe,
			resource: poolARN,
			want:     "does not exist",
		},
		{
			name:     "session policy narrows",
			caller:   session(appARN, allowRead),
			action:   "cognito-identity:CreateIdentityPool",
			resource: "*",
			want:     "no session policy allows it",
		},
		{name: "session policy allows", caller: session(appARN, allowRead), action: describe, resource: poolARN},
		{
			name:     "guest within scope",
			caller:   session(appARN, GuestPolicy),
			action:   "s3:GetObject",
			resource: "arn:aws:s3:::b/x",
		},
		{
			name:     "guest beyond scope",
			caller:   session(appARN, GuestPolicy),
			action:   "iam:PassRole",
			resource: appARN,
			want:     "no session policy allows it",
		},
		{
			name:     "session policy unknown",
			caller:   session(appARN, "builtin:none"),
			action:   describe,
			resource: poolARN,
			want:     `session policy "builtin:none" is unknown`,
		},
		{
			name:     "session policy malformed",
			caller:   session(appARN, "{"),
			action:   describe,
			resource: poolARN,
			want:     "session policy:",
		},
		{
			name:     "not UTF-8",
			caller:   session(appARN),
			action:   describe,
			resource: "*\xff",
			want:     "not valid UTF-8",
			explicit: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			given := policy.Keys{}
			for key, values := range tc.conditions {
				given.Set(key, values...)
			}
			find := func(key string) ([]string, bool) { values, ok := given[key]; return values, ok }
			err := a.Authorize(t.Context(), tc.caller, Access{
				Action: tc.action, Resource: tc.resource, Context: policy.RequestContext{Client: find, Service: find},
			})
			if tc.want == "" {
				if err != nil {
					t.Fatalf("Authorize = %v", err)
				}
				return
			}

			d, ok := errors.AsType[*DeniedError](err)
			if !ok || !errors.Is(err, ErrDenied) {
				t.Fatalf("Authorize = %v, want a *DeniedError", err)
			}
			if !strings.Contains(d.Reason, tc.want) || d.Explicit != tc.explicit {
				t.Errorf("reason %q, explicit %v", d.Reason, d.Explicit)
			}
		})
	}
}

func TestDeniedErrorIsAWSsText(t *testing.T) {
	a := NewAuthorizer(directory(t), time.Now)
	for document, want := range map[string]string{
		allowRead: "User: arn:aws:iam::123456789012:user/poolhouse/AKIATEST is not authorized to " +
			"perform: cognito-identity:DeleteIdentityPool on resource: " + poolARN,
		`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`: "User: " +
			"arn:aws:iam::123456789012:user/poolhouse/AKIATEST is not authorized to " +
			"perform: cognito-identity:DeleteIdentityPool on resource: " + poolARN + " with an explicit deny",
	} {
		if err := a.Authorize(t.Context(), keyCaller(t, document), Access{
			Action: "cognito-identity:DeleteIdentityPool", Resource: poolARN,
		}); err == nil || err.Error() != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	}

	if err := a.Authorize(t.Context(), Caller{}, Access{
		Action: "a:b", Resource: "*",
	}); err == nil || !strings.HasPrefix(err.Error(), "User: anonymous is not authorized") {
		t.Errorf("nobody: %v", err)
	}
}

type brokenRoles struct{}

var errBroken = errors.New("no database")

func (brokenRoles) Role(context.Context, RoleARN) (Role, error) { return Role{}, errBroken }

func TestAuthorizeFailsClosedWithoutRoles(t *testing.T) {
	caller := NewSessionCaller(SessionCaller{RoleARN: roleOf(appARN), SessionName: "s"})
	err := NewAuthorizer(brokenRoles{}, nil).Authorize(t.Context(), caller, Access{Action: "a:b", Resource: "*"})
	if !errors.Is(err, errBroken) || errors.Is(err, ErrDenied) {
		t.Errorf("Authorize = %v, want the store's error", err)
	}
}

func TestSessionCallerIdentity(t *testing.T) {
	c := NewSessionCaller(SessionCaller{
		AccessKeyID: "ASIATEST",
		RoleARN:     roleOf("arn:aws:iam::123456789012:role/a/b/app"),
		RoleID:      "AROATEST",
		SessionName: "s",
	})
	if c.ARN != "arn:aws:sts::123456789012:assumed-role/app/s" || c.UserID != "AROATEST:s" ||
		c.Account != account || c.AccessKeyID != "ASIATEST" {
		t.Errorf("caller = %+v", c)
	}
}

// TestGuestPolicy holds the built-in policy to what AWS lists for guests.
func TestGuestPolicy(t *testing.T) {
	documents, err := SessionPolicies([]string{GuestPolicy})
	if err != nil {
		t.Fatal(err)
	}

	for action, want := range map[string]bool{
		"dynamodb:GetItem": true, "s3:PutObject": true, "lambda:InvokeFunction": true, "execute-api:Invoke": true,
		"appsync:GraphQL":        true,
		"cognito-identity:GetId": true, "sagemaker:InvokeEndpoint": true, "textract:AnalyzeDocument": true,
		"rum:PutRumEvents": true,
		"geo:GetMapTile":   true, "geo:ListMaps": true, "geo:BatchPutGeofence": true,
		"geo:BatchUpdateDevicePosition": true, "kms:Decrypt": true,
		"cognito-identity:GetOpenIdTokenForDeveloperIdentity": false, "cognito-identity:DescribeIdentity": false,
		"iam:PassRole": false, "sts:AssumeRole": false, "ec2:RunInstances": false, "kms:ScheduleKeyDeletion": false,
		"sagemaker:CreateModel":          false,
		"textract:StartDocumentAnalysis": false, "rum:DeleteAppMonitor": false, "geo:DeleteMap": false,
		"secretsmanager:GetSecretValue": false,
	} {
		d := policy.Allowed(
			policy.Request{Action: action, Resource: "arn:aws:x:::y"},
			[]*policy.Document{mustParse(allowAll)},
			nil,
			documents,
		)
		if d.Allowed != want {
			t.Errorf("a guest and %s: %v, want %v", action, d.Allowed, want)
		}
	}
}

func BenchmarkAuthorizeSession(b *testing.B) {
	a := NewAuthorizer(
		directory(b, RoleConfig{ARN: appARN, TrustPolicy: trustPool, Policies: map[string]string{"all": allowAll}}),
		nil,
	)
	caller := NewSessionCaller(SessionCaller{
		RoleARN:     roleOf(appARN),
		RoleID:      RoleID(appARN),
		SessionName: "s",
		Policies:    []string{GuestPolicy},
	})
	b.ReportAllocs()

	for b.Loop() {
		if err := a.Authorize(b.Context(), caller, Access{
			Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x",
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// roleOf reads the ARN of a role; the zero ARN if the text is none.
func roleOf(text string) RoleARN {
	arn, _ := ParseRoleARN(text)
	return arn
}
