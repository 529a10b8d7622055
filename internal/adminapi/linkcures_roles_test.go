package adminapi_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// trustOf returns a trust policy with statements.
func trustOf(statements ...string) string { return wiretest.PolicyOf(strings.Join(statements, ",")) }

// homeTrust returns a statement for the home account, with more members.
func homeTrust(effect, action, more string) string {
	return `{"Effect":"` + effect + `","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":[` + action + `]` +
		more + `}`
}

// Links of refused AssumeRole calls to the role's trust policy cure the refusal.
func TestLinksToTrustPoliciesCure(t *testing.T) {
	r := startPoolRig(t)
	const assume, all = `"sts:AssumeRole"`, `"sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"`
	const unknown = `,"Condition":{"StringEquals":{"example:key":"a"}}`
	good := trustOf(homeTrust("Allow", all, ""))
	condition := func(text string) string { return trustOf(homeTrust("Allow", all, `,"Condition":{`+text+`}`)) }

	for code, c := range map[string]struct {
		trust string
		more  []string // of the call
	}{
		"trust-policy-principal": {trust: strings.ReplaceAll(good, "000000000000", "111111111111")},
		"trust-policy-action":    {trust: trustOf(homeTrust("Allow", `"sts:AssumeRoleWithSAML"`, ""))},
		"trust-policy-action-excluded": {
			trust: strings.Replace(good, `"Action":[`+all, `"NotAction":[`+assume, 1),
		},
		"trust-policy-action-tags": {
			trust: trustOf(homeTrust("Allow", assume, "")),
			more:  []string{"Tags.member.1.Key", "a", "Tags.member.1.Value", "b"},
		},
		"trust-policy-action-source-identity": {
			trust: trustOf(homeTrust("Allow", assume, "")),
			more:  []string{"SourceIdentity", "alice"},
		},
		"trust-policy-condition":          {trust: condition(`"StringEquals":{"sts:RoleSessionName":"other"}`)},
		"trust-policy-condition-absent":   {trust: condition(`"StringEquals":{"aws:RequestTag/a":"b"}`)},
		"trust-policy-condition-excluded": {trust: condition(`"StringNotEquals":{"sts:RoleSessionName":"s1"}`)},
		"trust-policy-condition-external-id": {
			trust: condition(`"StringEquals":{"sts:ExternalId":"other"}`),
			more:  []string{"ExternalId", "mine"},
		},
		"trust-policy-condition-unknown": {trust: trustOf(homeTrust("Allow", all, unknown))},
		"trust-policy-deny":              {trust: trustOf(homeTrust("Allow", all, ""), homeTrust("Deny", assume, ""))},
		"trust-policy-deny-unknown": {
			trust: trustOf(homeTrust("Allow", all, ""), homeTrust("Deny", assume, unknown)),
		},
		"trust-policy-empty": {trust: trustOf(homeTrust("Deny", `"sts:SetSourceIdentity"`, ""))},
	} {
		t.Run(code, func(t *testing.T) {
			role := *r.NewIAMRole(t, code, c.trust).Arn
			pairs := append([]string{"RoleArn", role, "RoleSessionName", "s1"}, c.more...)
			call := query("signed-sts", "AssumeRole", pairs...)
			linkCase{code: code, by: root(r.Server), call: call, value: good}.check(t, r.Server)
		})
	}

	longer := query("signed-sts", "AssumeRole", "RoleArn", *r.NewIAMRole(t, "Short", good).Arn, "RoleSessionName", "s1",
		"DurationSeconds", "7200")
	linkCase{code: "session-duration-role", by: root(r.Server), call: longer, value: "7200"}.check(t, r.Server)
	missing := query("signed-sts", "AssumeRole", "RoleArn", wiretest.RolePrefix+"Missing", "RoleSessionName", "s1")
	linkCase{code: "role-missing", by: root(r.Server), call: missing, value: good}.check(t, r.Server)
}

// The same for identities, whose conditions are explained in other words.
func TestLinksToTrustPoliciesOfIdentitiesCure(t *testing.T) {
	r := startPoolRig(t)
	const federated = `"Principal":{"Federated":"cognito-identity.amazonaws.com"}`
	const aud, amr, sub = `"cognito-identity.amazonaws.com:aud"`, `"cognito-identity.amazonaws.com:amr"`,
		`"cognito-identity.amazonaws.com:sub"`

	for code, c := range map[string]struct {
		statement string // POOL stands for the pool's ID
		guest     bool
	}{
		"trust-policy-principal-pool": {statement: homeTrust("Allow", `"sts:AssumeRole"`, "")},
		"trust-policy-empty-pool":     {statement: homeTrust("Deny", `"sts:AssumeRole"`, "")},
		"trust-policy-condition-pool": {
			statement: `{"Effect":"Allow",` + federated + `,"Action":"sts:AssumeRoleWithWebIdentity",` +
				`"Condition":{"StringEquals":{` + aud + `:"us-east-1:00000000-0000-4000-8000-000000000000"}}}`,
		},
		"trust-policy-condition-amr": {
			statement: `{"Effect":"Allow",` + federated + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
				`"StringEquals":{` + aud + `:"POOL"},"ForAnyValue:StringEquals":{` + amr + `:"unauthenticated"}}}`,
		},
		"trust-policy-condition-guest": {
			statement: `{"Effect":"Allow",` + federated + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
				`"StringEquals":{` + aud + `:"POOL"},"ForAnyValue:StringEquals":{` + amr + `:"authenticated"}}}`,
			guest: true,
		},
		"trust-policy-condition-identity": {
			statement: `{"Effect":"Allow",` + federated + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
				`"StringEquals":{` + aud + `:"POOL",` + sub + `:"us-east-1:other"}}}`,
		},
		"trust-policy-condition-guest-identity": {
			statement: `{"Effect":"Allow",` + federated + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
				`"StringEquals":{` + aud + `:"POOL",` + sub + `:"us-east-1:other"}}}`,
			guest: true,
		},
		"trust-policy-action-principal-tags": {
			statement: `{"Effect":"Allow",` + federated + `,"Action":"sts:AssumeRoleWithWebIdentity",` +
				`"Condition":{"StringEquals":{` + aud + `:"POOL"}}}`,
		},
		"trust-policy-condition-principal-tags": {
			statement: `{"Effect":"Allow",` + federated +
				`,"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{` +
				`"StringEquals":{` + aud + `:"POOL","aws:RequestTag/team":"ops"}}}`,
		},
		"trust-policy-condition-spelling": {
			statement: `{"Effect":"Allow",` + federated + `,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
				`"StringEquals":{` + aud + `:"POOL"},"ForAnyValue:StringEquals":{` + amr + `:"Authenticated"}}}`,
		},
	} {
		t.Run(code, func(t *testing.T) {
			pool := r.pool(t, withGuests)
			role := *r.NewIAMRole(t, code, trustOf(strings.ReplaceAll(c.statement, "POOL", pool))).Arn
			wiretest.Must(r.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
				IdentityPoolId: &pool, Roles: map[string]string{"authenticated": role, "unauthenticated": role},
			}))(t)
			if strings.Contains(code, "principal-tags") {
				setPoolField(t, r.Server, wireLink{Id: pool, Field: "PrincipalTags"}, `{"team":"sub"}`)
			}

			call := of("GetCredentialsForIdentity", r.GetID(t, pool, r.Logins(t, "alice")), r.login(t))
			if c.guest {
				call = of("GetCredentialsForIdentity", r.GetID(t, pool, nil), "")
			}
			good := trustOf(`{"Effect":"Allow",` + federated + `,"Action":["sts:AssumeRoleWithWebIdentity",` +
				`"sts:TagSession"],"Condition":{"StringEquals":{` + aud + `:"` + pool + `"}}}`)
			linkCase{code: code, by: root(r.Server), call: call, value: good}.check(t, r.Server)
		})
	}
}

// The same for ID tokens at STS.
func TestLinksToTrustPoliciesOfTokensCure(t *testing.T) {
	r := startPoolRig(t)
	trust := func(arn, condition string) string {
		return trustOf(`{"Effect":"Allow","Principal":{"Federated":"` + arn + `"},` +
			`"Action":"sts:AssumeRoleWithWebIdentity"` + condition + `}`)
	}
	localhost := func(text string) string { return strings.Replace(text, "127.0.0.1", "localhost", 1) }
	for code, bad := range map[string]string{
		"trust-policy-principal-spelling": trust(localhost(r.arn), ""),
		"trust-policy-condition-key": trust(r.arn,
			`,"Condition":{"StringEquals":{"`+localhost(r.key)+`:sub":"alice"}}`),
	} {
		role := *r.NewIAMRole(t, code, bad).Arn
		call := query("sts", "AssumeRoleWithWebIdentity", "RoleArn", role, "RoleSessionName", "s1",
			"WebIdentityToken", r.Token(t, "alice"))
		linkCase{code: code, by: root(r.Server), call: call, value: trust(r.arn, "")}.check(t, r.Server)
	}
}

// session returns a caller with a session of a role.
func (r poolRig) session(t *testing.T, role string) caller {
	t.Helper()
	answer := root(r.Server).send(t, query("signed-sts", "AssumeRole", "RoleArn", role, "RoleSessionName", "s1"))
	var out struct {
		Key    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	if err := xml.Unmarshal([]byte(answer.Body), &out); err != nil || out.Token == "" {
		t.Fatal(answer.Body)
	}

	return caller{r.Server, aws.Credentials{
		AccessKeyID: out.Key, SecretAccessKey: out.Secret, SessionToken: out.Token,
	}}
}

// Links of refused permissions lead to the role's policies, or to an access key that another
// one must replace.
func TestLinksToPermissionsCure(t *testing.T) {
	r := startPoolRig(t)
	pool := r.pool(t)
	me, anything := root(r.Server), wiretest.AccountAll
	list := pools("ListIdentityPools", `{"MaxResults":10}`)
	describe := pools("DescribeIdentityPool", `{"IdentityPoolId":"`+pool+`"}`)
	const unknown = `,"Condition":{"StringEquals":{"example:key":"a"}}`
	statement := func(effect, action, resource, more string) string {
		return fmt.Sprintf(`{"Effect":%q,"Action":%q,"Resource":%q%s}`, effect, action, resource, more)
	}
	arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/"
	pass := pools("SetIdentityPoolRoles",
		`{"IdentityPoolId":"`+pool+`","Roles":{"authenticated":"`+wiretest.RolePrefix+`x"}}`)

	refused := []struct {
		code, policy string
		call         wireCall
	}{
		{"policies-none", trustless(statement("Allow", "s3:GetObject", "*", "")), list},
		{"policies-none-resource", trustless(statement("Allow", "cognito-identity:*", arn+"other", "")), describe},
		{"policies-deny",
			trustless(wiretest.AllowAllStatement, statement("Deny", "cognito-identity:*", "*", "")), list},
		{"policies-deny-unknown",
			trustless(wiretest.AllowAllStatement, statement("Deny", "cognito-identity:*", "*", unknown)), list},
		{"policies-none-unknown", trustless(statement("Allow", "cognito-identity:*", "*", unknown)), list},
		{"role-pass", trustless(statement("Allow", "cognito-identity:*", "*", "")), pass},
	}
	for _, c := range refused {
		t.Run(c.code, func(t *testing.T) {
			role := *r.NewIAMRole(t, c.code, wiretest.AccountTrust).Arn
			follow(t, r.Server, wireLink{Kind: "role", Id: role, Field: "Policies"}, c.policy)
			linkCase{code: c.code, by: r.session(t, role), call: c.call, value: anything}.check(t, r.Server)
		})
	}

	for _, c := range refused[2:] {
		code := map[string]string{"policies-deny": "policies-key-deny"}[c.code]
		if code == "" {
			code = c.code
		}
		t.Run(code+" of a key", func(t *testing.T) {
			by := replaceKey(t, r.Server, wireLink{Kind: "access-key"}, c.policy)
			linkCase{code: code, by: by, call: c.call, policy: anything}.check(t, r.Server)
		})
	}
	bounded := replaceKey(t, r.Server, wireLink{Kind: "access-key"}, refused[0].policy)
	linkCase{code: "policies-key-none", by: bounded, call: list, policy: anything}.check(t, r.Server)

	disabled := replaceKey(t, r.Server, wireLink{Kind: "access-key"}, anything)
	off := wireLink{Kind: "access-key", Id: disabled.key.AccessKeyID, Field: "Status"}
	follow(t, r.Server, off, "Inactive")
	linkCase{code: "access-key-disabled", by: disabled, call: list, value: "Active"}.check(t, r.Server)
	wrong := replaceKey(t, r.Server, wireLink{Kind: "access-key"}, anything)
	wrong.key.SecretAccessKey += "x"
	linkCase{code: "request-signature-mismatch", by: wrong, call: list, policy: anything}.check(t, r.Server)

	role := *r.NewIAMRole(t, "Bounded", wiretest.AccountTrust).Arn
	follow(t, r.Server, wireLink{Kind: "role", Id: role, Field: "Policies"}, anything)
	me.send(t, query("iam", "CreatePolicy", "PolicyName", "bound", "PolicyDocument", refused[0].policy))
	me.send(t, query("iam", "CreatePolicy", "PolicyName", "wide", "PolicyDocument", anything))
	follow(t, r.Server, wireLink{Kind: "role", Id: role, Field: "PermissionsBoundary"}, wiretest.IAMBase+"policy/bound")
	linkCase{
		code: "policies-boundary", by: r.session(t, role), call: list, value: wiretest.IAMBase + "policy/wide",
	}.check(t, r.Server)
}

// trustless returns a policy with statements.
func trustless(statements ...string) string { return wiretest.PolicyOf(strings.Join(statements, ",")) }

// Links of refused changes of a role lead to what stands in the way.
func TestLinksToPartsOfRolesCure(t *testing.T) {
	r := startPoolRig(t)
	me := root(r.Server)
	role := func(name string) string { return *r.NewIAMRole(t, name, wiretest.AccountTrust).Arn }
	put := func(name, policy, document string) wireCall {
		return query("iam", "PutRolePolicy", "RoleName", name, "PolicyName", policy, "PolicyDocument", document)
	}
	attach := func(name, policy string) wireCall {
		return query("iam", "AttachRolePolicy", "RoleName", name, "PolicyArn", wiretest.IAMBase+"policy/"+policy)
	}
	long := trustless(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` +
		strings.Repeat("a", 6000) + `"}`)

	follow(t, r.Server, wireLink{Kind: "role", Id: role("Inline"), Field: "Policies"}, long)
	role("Attached")
	for i := range 11 {
		me.send(t, query("iam", "CreatePolicy", "PolicyName", fmt.Sprint("m", i),
			"PolicyDocument", wiretest.AccountAll))
		if i < 10 {
			me.send(t, attach("Attached", fmt.Sprint("m", i)))
		}
	}
	role("One")
	me.send(t, attach("One", "m1"))

	for _, c := range []linkCase{
		{code: "inline-policies-size", call: put("Inline", "q", long)}, // its cure removes the other policy
		{code: "role-in-use-inline", call: query("iam", "DeleteRole", "RoleName", "Inline")},
		{code: "attached-policy-quota", call: attach("Attached", "m10"), value: wiretest.IAMBase + "policy/m0"},
		{code: "role-in-use-attached", call: query("iam", "DeleteRole", "RoleName", "One"),
			value: wiretest.IAMBase + "policy/m1"},
	} {
		t.Run(c.code, func(t *testing.T) {
			if c.code == "role-in-use-inline" { // the policy that follow deletes
				me.send(t, query("iam", "DeleteRolePolicy", "RoleName", "Inline", "PolicyName", "q"))
				me.send(t, put("Inline", "p", wiretest.AccountAll))
			}
			c.by = me
			c.check(t, r.Server)
		})
	}
}
