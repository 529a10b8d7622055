package iam

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// A federated user may do what both its access key and a session policy allow, and
// nothing that AWS keeps from such credentials.
func TestFederatedUsersMay(t *testing.T) {
	a := NewAuthorizer(directory(t), newClock().Now)
	statements := func(s ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(s, ",") + `]}`
	}
	allow := func(action, condition string) string {
		return `{"Effect":"Allow","Action":` + action + `,"Resource":"*"` + condition + `}`
	}
	everyAction := statements(allow(`"*"`, ""))
	pools := statements(allow(`"cognito-identity:*"`, ""))

	for name, tc := range map[string]struct {
		key, session, action string
		want                 explain.Code // of the refusal; "" = allowed
	}{
		"both allow":              {pools, everyAction, "cognito-identity:ListIdentityPools", ""},
		"of a root key":           {"", pools, "cognito-identity:ListIdentityPools", ""},
		"not the session":         {everyAction, pools, "s3:GetObject", "policies-session"},
		"not the session of root": {"", pools, "s3:GetObject", "policies-session"},
		"not the key":             {pools, everyAction, "s3:GetObject", "policies-key-none"},
		"the key denies": {statements(allow(`"*"`, ""), `{"Effect":"Deny","Action":"s3:*","Resource":"*"}`),
			everyAction, "s3:GetObject", "policies-key-deny"},
		"the session denies": {everyAction, statements(allow(`"*"`, ""),
			`{"Effect":"Deny","Action":"s3:*","Resource":"*"}`), "s3:GetObject", "policies-deny"},
		"no session policy":         {everyAction, "", "s3:GetObject", "policies-federated"},
		"no session policy of root": {"", "", "s3:GetObject", "policies-federated"},
		"IAM":                       {"", everyAction, "iam:ListRoles", "policies-temporary"},
		"passing a role":            {"", everyAction, "iam:PassRole", "policies-temporary"},
		"AssumeRole":                {"", everyAction, "sts:AssumeRole", "policies-temporary"},
		"TagSession":                {"", everyAction, "sts:TagSession", "policies-temporary"},
		"GetSessionToken":           {"", everyAction, "sts:GetSessionToken", "policies-temporary"},
		"another letter case":       {"", everyAction, "STS:assumerole", "policies-temporary"},
		"admin API":                 {pools, everyAction, "poolhouse:RevokeSessions", "policies-key-none"},
		"a tag": {everyAction, statements(allow(`"*"`,
			`,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}`)), "s3:GetObject", ""},
		"another tag": {everyAction, statements(allow(`"*"`,
			`,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`)), "s3:GetObject", "policies-session"},
		"its keys": {everyAction, statements(allow(`"*"`, `,"Condition":{"StringEquals":{`+
			`"aws:PrincipalType":"FederatedUser","aws:userid":"123456789012:bob",`+
			`"aws:PrincipalArn":"arn:aws:sts::123456789012:federated-user/bob",`+
			`"aws:TokenIssueTime":"2026-11-23T10:00:00Z"},`+
			`"Null":{"aws:username":"true","aws:FederatedProvider":"true","aws:SourceIdentity":"true"}}`)),
			"s3:GetObject", ""},
		"not the key's name": {everyAction, statements(allow(`"*"`,
			`,"Condition":{"StringEquals":{"aws:username":"AKIATEST"}}`)), "s3:GetObject", "policies-session"},
	} {
		t.Run(name, func(t *testing.T) {
			u := FederatedUser{
				AccessKeyID: "ASIATEST",
				Name:        "bob",
				Tags:        map[string]string{"team": "red"},
				Issued:      time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
			}
			if tc.session != "" {
				u.Policies = []string{tc.session}
			}
			who := keyCaller(t, tc.key).Federated(u)

			err := a.Authorize(t.Context(), who, Access{Action: tc.action, Resource: "*"})
			denied, _ := errors.AsType[*DeniedError](err)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (denied == nil || denied.Why.Reason.Code != tc.want):
				t.Errorf("%v, want a refusal because of %s", err, tc.want)
			}
		})
	}
}

func TestFederatedUserIs(t *testing.T) {
	who := keyCaller(t, "").Federated(FederatedUser{AccessKeyID: "ASIATEST", Name: "bob"})
	if who.ARN != "arn:aws:sts::123456789012:federated-user/bob" || who.UserID != "123456789012:bob" ||
		who.AccessKeyID != "ASIATEST" || who.Account != "123456789012" {
		t.Errorf("a federated user is %+v", who)
	}
	if !who.IsTemporary() || who.Root() || who.AssumedRole() || who.Nobody() {
		t.Error("a federated user counts as another kind of caller")
	}
	if in := who.In("aws-cn"); in.ARN != "arn:aws-cn:sts::123456789012:federated-user/bob" {
		t.Errorf("in China: %s", in.ARN)
	}

	for name, from := range map[string]Caller{
		"a federated user": who,
		"a session token":  keyCaller(t, "").Temporary("ASIATEST", time.Time{}),
		"a role": NewSessionCaller(SessionCaller{
			RoleARN: roleOf(appARN), RoleID: RoleID(appARN), SessionName: "s",
		}),
		"nobody": {},
	} {
		if made := from.Federated(FederatedUser{Name: "eve", Policies: []string{allowEverything}}); !made.Nobody() {
			t.Errorf("%s made %s", name, made.ARN)
		}
	}
}

func TestFederatedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"bob": true, "b+o=b,@x.y-z_1": true, strings.Repeat("a", 32): true,
		"": false, "b": false, strings.Repeat("a", 33): false, "a b": false, "a/b": false, "a:b": false, "bób": false,
	} {
		if IsFederatedName(name) != want {
			t.Errorf("IsFederatedName(%q) = %v", name, !want)
		}
	}
}
