package cognitoidentity_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// poolOperations are the signed operations that are about a pool, with a body for
// each.
func poolOperations(account, pool, identity string) map[string]map[string]any {
	arn := identitypool.PoolARN(wiretest.Region, identitypool.AccountID(account), identitypool.PoolID(pool))

	return map[string]map[string]any{
		"DeleteIdentities":     {"IdentityIdsToDelete": []string{identity}},
		"DeleteIdentityPool":   {"IdentityPoolId": pool},
		"DescribeIdentity":     {"IdentityId": identity},
		"DescribeIdentityPool": {"IdentityPoolId": pool},
		"GetIdentityPoolRoles": {"IdentityPoolId": pool},
		"GetOpenIdTokenForDeveloperIdentity": {"IdentityPoolId": pool,
			"Logins": map[string]string{"login.my.app": "u"}},
		"GetPrincipalTagAttributeMap": {"IdentityPoolId": pool, "IdentityProviderName": "x"},
		"ListIdentities":              {"IdentityPoolId": pool, "MaxResults": 1},
		"ListTagsForResource":         {"ResourceArn": arn},
		"LookupDeveloperIdentity":     {"IdentityPoolId": pool, "DeveloperUserIdentifier": "u"},
		"MergeDeveloperIdentities": {"IdentityPoolId": pool, "SourceUserIdentifier": "u",
			"DestinationUserIdentifier": "v",
			"DeveloperProviderName":     "login.my.app"},
		"SetIdentityPoolRoles":        {"IdentityPoolId": pool, "Roles": map[string]string{}},
		"SetPrincipalTagAttributeMap": {"IdentityPoolId": pool, "IdentityProviderName": "x"},
		"TagResource":                 {"ResourceArn": arn, "Tags": map[string]string{"a": "b"}},
		"UnlinkDeveloperIdentity": {"IdentityPoolId": pool, "IdentityId": identity, "DeveloperUserIdentifier": "u",
			"DeveloperProviderName": "login.my.app"},
		"UntagResource":      {"ResourceArn": arn, "TagKeys": []string{"a"}},
		"UpdateIdentityPool": {"IdentityPoolId": pool, "IdentityPoolName": "n", "AllowUnauthenticatedIdentities": true},

		"PoolhouseAdmin.LoadIdentities": {"IdentityPoolId": pool, "Identities": []any{}},
		"PoolhouseAdmin.LookupIdentity": {"IdentityId": identity},
		"PoolhouseAdmin.RevokeSessions": {"IdentityPoolId": pool},
	}
}

// Policies see the tags of the pool in every operation about one, whoever calls.
func TestResourceTagsOfPools(t *testing.T) {
	s := wiretest.StartBound(t)

	// Every signed operation of the API is in the table, but for those about no pool.
	table := poolOperations("", "", "")
	for _, op := range (&cognitoidentity.Service{}).Operations() {
		if _, ok := table[op.Name()]; !ok && op.Signed() && op.Name() != "CreateIdentityPool" &&
			op.Name() != "ListIdentityPools" {
			t.Errorf("%s is not in the table", op.Name())
		}
	}

	const both = "arn:aws:cognito-identity:*:*:identitypool/*"
	for _, policy := range []struct {
		name, statements string
		prod, test, none bool // refused
	}{
		{"Deny of prod",
			wiretest.AllowAllStatement +
				`,{"Effect":"Deny","Action":"*","Resource":"*",` +
				`"Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}`, true, false, false},
		{"Allow of test",
			`{"Effect":"Allow","Action":"*","Resource":["*","` + both +
				`"],"Condition":{"StringEquals":{"aws:resourcetag/ENV":"test"}}}`, true, false, true},
		{"Deny of all but test",
			wiretest.AllowAllStatement +
				`,{"Effect":"Deny","Action":"*","Resource":"*",` +
				`"Condition":{"StringNotEquals":{"aws:ResourceTag/env":"test"}}}`, true, false, true},
	} {
		prod, prodIdentity := s.TaggedPool(t, map[string]string{"env": "prod", "owner": "ops"})
		for kind, key := range s.Callers(t, policy.statements) {
			for operation := range table {
				test, testIdentity := s.TaggedPool(t, map[string]string{"env": "test"})
				none, noneIdentity := s.TaggedPool(t, nil)
				for _, about := range []struct {
					name, pool, identity string
					refused              bool
				}{{"prod", prod, prodIdentity, policy.prod}, {"test", test, testIdentity, policy.test},
					{"untagged", none, noneIdentity, policy.none}} {
					refused, got := s.Call(t, key, operation,
						poolOperations(s.Account(), about.pool, about.identity)[operation])
					if refused != about.refused {
						t.Errorf("%s, %s, %s of the %s pool: %d %s, want refused %t", policy.name, kind, operation,
							about.name, got.Status, got.Body, about.refused)
					}
				}
			}
		}
	}
}

// Other ways of naming what the call is about, and a pool that is not there: what
// a caller may not do is answered alike.
func TestResourceTagsOfStrangers(t *testing.T) {
	s := wiretest.StartBound(t)
	prod, identity := s.TaggedPool(t, map[string]string{"env": "prod"})
	twice, twiceIdentity := s.TaggedPool(t, map[string]string{"env": "test", "ENV": "prod"})
	missing := wiretest.Region + ":00000000-0000-4000-8000-000000000000"
	onlyTest := s.Callers(t,
		`{"Effect":"Allow","Action":"*","Resource":"*",`+
			`"Condition":{"StringEquals":{"aws:ResourceTag/env":"test"}}}`)["access key"]

	noProd := s.Callers(t,
		wiretest.AllowAllStatement+
			`,{"Effect":"Deny","Action":"*","Resource":"*",`+
			`"Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}`)["role session"]

	bodies := func(pool, identity string) map[string]map[string]any {
		return map[string]map[string]any{
			"DescribeIdentityPool":          {"IdentityPoolId": pool},
			"DescribeIdentity":              {"IdentityId": identity},
			"PoolhouseAdmin.LookupIdentity": {"IdentityPoolId": pool, "ProviderName": "login.my.app", "Subject": "u"},
			"PoolhouseAdmin.RevokeSessions": {"IdentityId": identity},
		}
	}

	for name, about := range map[string][2]string{"prod": {prod, identity}, "two spellings": {twice, twiceIdentity},
		"missing": {missing, missing}} {
		for operation, body := range bodies(about[0], about[1]) {
			if refused, got := s.Call(t, onlyTest, operation, body); !refused {
				t.Errorf("%s, %s: %d %s", name, operation, got.Status, got.Body)
			}
			if refused, got := s.Call(t, noProd, operation, body); refused != (name != "missing") {
				t.Errorf("%s, %s: %d %s", name, operation, got.Status, got.Body)
			}
		}
	}
}

// What an operation is about may be found out by the operation alone. Its tags are
// then unknown, which is not absent: a Deny that depends on them applies, an Allow
// does not.
func TestResourceTagsThatNobodyKnows(t *testing.T) {
	s := wiretest.StartBound(t)
	bodies := map[string][]map[string]any{
		"Explain":              {{"RequestId": "3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55"}},
		"SignOut":              {{"ProviderName": "idp.example", "Subject": "alice"}},
		"ListProviderSettings": {{}},
		"VerifySession":        {{"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SessionToken": "x"}},
		"RevokeSessions": {
			{"AccessKeyId": "ASIAIOSFODNN7EXAMPLE"},
			{"IdentityPoolId": "x", "IdentityId": "y"},
			{},
		},
		"LookupIdentity": {{"ProviderName": "login.my.app", "Subject": "u"},
			{"IdentityPoolId": "x", "IdentityId": "y"}, {}},
		"LoadIdentities": {{"Identities": []any{}}},
	}

	condition := func(effect, test string) string {
		return `{"Effect":"` + effect + `","Action":"*","Resource":"*","Condition":{` + test + `}}`
	}
	for _, policy := range []struct {
		name, statements string
		refused          bool
	}{
		{"nothing about tags", wiretest.AllowAllStatement, false},
		{"Deny of prod",
			wiretest.AllowAllStatement + "," + condition("Deny", `"StringEquals":{"aws:ResourceTag/env":"prod"}`),
			true},
		{"Deny of all but test",
			wiretest.AllowAllStatement + "," + condition("Deny", `"StringNotEquals":{"aws:ResourceTag/env":"test"}`),
			true},
		{"Deny of what has the tag",
			wiretest.AllowAllStatement + "," + condition("Deny", `"Null":{"aws:ResourceTag/env":"false"}`), true},
		{"Deny of what lacks the tag",
			wiretest.AllowAllStatement + "," + condition("Deny", `"Null":{"aws:ResourceTag/env":"true"}`), true},
		{"Allow of test", condition("Allow", `"StringEquals":{"aws:ResourceTag/env":"test"}`), true},
		{"Allow of all but prod", condition("Allow", `"StringNotEquals":{"aws:ResourceTag/env":"prod"}`), true},
		{"Allow of what lacks the tag", condition("Allow", `"Null":{"aws:ResourceTag/env":"true"}`), true},
	} {
		for kind, key := range s.Callers(t, policy.statements) {
			for operation, list := range bodies {
				for _, body := range list {
					if refused, got := s.Call(t, key, "PoolhouseAdmin."+operation, body); refused != policy.refused {
						t.Errorf("%s, %s, %s %v: %d %s", policy.name, kind, operation, body, got.Status, got.Body)
					}
				}
			}
		}
	}
}

// A revocation reaches every region of the account: so do the tags that it is
// judged by.
func TestResourceTagsInOtherRegions(t *testing.T) {
	s := wiretest.StartBound(t)
	prod, prodIdentity := s.TaggedPool(t, map[string]string{"env": "prod"})
	test, testIdentity := s.TaggedPool(t, map[string]string{"env": "test"})

	noProd := wiretest.AllowAllStatement +
		`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}`
	for kind, key := range s.Callers(t, noProd) {
		for _, in := range []string{wiretest.Region, "eu-west-1"} {
			for _, about := range []struct {
				member, id string
				refused    bool
			}{
				{"IdentityPoolId", prod, true},
				{"IdentityId", prodIdentity, true},
				{"IdentityPoolId", test, false},
				{"IdentityId", testIdentity, false},
			} {
				refused, got := wiretest.CallIn(t, s, in, key, "PoolhouseAdmin.RevokeSessions",
					map[string]any{about.member: about.id})
				if refused != about.refused {
					t.Errorf("%s in %s, %s: %d %s", kind, in, about.id, got.Status, got.Body)
				}
			}
		}
	}
}

// Policies see the tags that a call sets and removes.
func TestRequestTagsOfPools(t *testing.T) {
	s := wiretest.StartBound(t)
	pool, _ := s.TaggedPool(t, map[string]string{"env": "test", "keep": "1"})
	arn := identitypool.PoolARN(wiretest.Region, identitypool.AccountID(s.Account()), identitypool.PoolID(pool))
	create := func(tags map[string]string) map[string]any {
		return map[string]any{"IdentityPoolName": "n", "AllowUnauthenticatedIdentities": false,
			"IdentityPoolTags": tags}
	}
	withID := func(tags map[string]string) map[string]any {
		s.Made++
		return map[string]any{"IdentityPoolId": fmt.Sprintf("%s:00000000-0000-4000-8000-%012d", wiretest.Region,
			s.Made), "Pool": create(tags)}
	}

	update := func(tags map[string]string) map[string]any {
		body := create(tags)
		body["IdentityPoolId"] = pool
		return body
	}
	tag := func(tags map[string]string) map[string]any { return map[string]any{"ResourceArn": arn, "Tags": tags} }
	setters := map[string]func(map[string]string) map[string]any{"CreateIdentityPool": create,
		"PoolhouseAdmin.CreateIdentityPoolWithId": withID,
		"UpdateIdentityPool":                      update, "TagResource": tag}

	type ask struct {
		tags    map[string]string
		refused bool
	}
	for name, test := range map[string]struct {
		statements string
		asks       []ask
	}{
		"Deny of a value": {wiretest.AllowAllStatement +
			`,{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"StringEquals":{"aws:RequestTag/env":"prod"}}}`, []ask{
			{map[string]string{"env": "prod", "keep": "1"}, true},
			{map[string]string{"Env": "prod", "keep": "1"}, true},
			{map[string]string{"env": "dev", "ENV": "prod", "keep": "1"}, true},
			{map[string]string{"env": "test", "keep": "1"}, false},
			{map[string]string{"other": "prod", "keep": "1"}, false},
		}},
		"Allow of a value": {`{"Effect":"Allow","Action":"*","Resource":"*",
			"Condition":{"StringEquals":{"aws:RequestTag/env":"test"}}},
			{"Effect":"Allow","Action":"cognito-identity:UntagResource","Resource":"*"}`, []ask{
			{map[string]string{"env": "test", "keep": "1"}, false},
			{map[string]string{"env": "prod", "keep": "1"}, true},
			{map[string]string{"env": "test", "ENV": "prod", "keep": "1"}, true},
			{map[string]string{"keep": "1"}, true},
		}},
		"Deny of a key": {wiretest.AllowAllStatement +
			`,{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["secret"]}}}`, []ask{
			{map[string]string{"secret": "x", "env": "test", "keep": "1"}, true},
			{map[string]string{"env": "test", "keep": "1"}, false},
		}},
		"Allow of some keys": {`{"Effect":"Allow","Action":"*","Resource":"*",` +
			`"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["env","keep"]}}}`, []ask{
			{map[string]string{"env": "test", "keep": "1"}, false},
			{map[string]string{"env": "test", "keep": "1", "more": "x"}, true},
		}},
	} {
		for kind, key := range s.Callers(t, test.statements) {
			for operation, body := range setters {
				for _, ask := range test.asks {
					wiretest.Must(s.Admin().TagResource(t.Context(),
						&ci.TagResourceInput{ResourceArn: &arn,
							Tags: map[string]string{"env": "test", "keep": "1"}}))(t)
					if refused, got := s.Call(t, key, operation, body(ask.tags)); refused != ask.refused {
						t.Errorf("%s, %s, %s with %v: %d %s, want refused %t", name, kind, operation, ask.tags,
							got.Status, got.Body, ask.refused)
					}
				}
			}
		}
	}

	// What is removed, also by an update that leaves a tag out.
	for kind, key := range s.Callers(t,
		wiretest.AllowAllStatement+
			`,{"Effect":"Deny","Action":"cognito-identity:UntagResource","Resource":"*",`+
			`"Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"keep"}}}`) {
		wiretest.Must(s.Admin().TagResource(t.Context(),
			&ci.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"env": "test", "keep": "1"}}))(t)

		for _, ask := range []struct {
			operation string
			body      map[string]any
			refused   bool
		}{
			{"UntagResource", map[string]any{"ResourceArn": arn, "TagKeys": []string{"keep"}}, true},
			{"UntagResource", map[string]any{"ResourceArn": arn, "TagKeys": []string{"x"}}, false},
			{"UpdateIdentityPool", update(map[string]string{"env": "test"}), true},
			{"UpdateIdentityPool", update(map[string]string{"keep": "2"}), false},
		} {
			if refused, got := s.Call(t, key, ask.operation, ask.body); refused != ask.refused {
				t.Errorf("%s, %s %v: %d %s, want refused %t", kind, ask.operation, ask.body, got.Status, got.Body,
					ask.refused)
			}
		}
	}
}

// Policies see the tags of the role that is passed or assumed, and of what the IAM
// API is asked about.
func TestResourceTagsOfIAM(t *testing.T) {
	s := wiretest.StartBound(t)
	pool, _ := s.TaggedPool(t, nil)
	arn := identitypool.PoolARN(wiretest.Region, identitypool.AccountID(s.Account()), identitypool.PoolID(pool))
	trust := wiretest.PolicyOf(`{"Effect":"Allow","Principal":{"AWS":"` + s.Account() +
		`"},"Action":["sts:AssumeRole","sts:TagSession"]}`)

	tagged := func(value string) (role, policy *string) {
		tags := []types.Tag{wiretest.IAMTag("env", value)}
		r := wiretest.Must(s.IAM().CreateRole(t.Context(),
			&iamclient.CreateRoleInput{RoleName: aws.String("r-" + value), AssumeRolePolicyDocument: &trust,
				Tags: tags}))(t)
		p := wiretest.Must(s.IAM().CreatePolicy(t.Context(),
			&iamclient.CreatePolicyInput{PolicyName: aws.String("p-" + value),
				PolicyDocument: aws.String(wiretest.PolicyOf(wiretest.AllowAllStatement)), Tags: tags}))(t)
		return r.Role.Arn, p.Policy.Arn
	}

	roles, policies := map[string]*string{}, map[string]*string{}
	for _, value := range []string{"prod", "test"} {
		roles[value], policies[value] = tagged(value)
	}

	deny := func(key string) string {
		return wiretest.AllowAllStatement +
			`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"` + key + `":"prod"}}}`
	}
	for _, statements := range []string{deny("aws:ResourceTag/env"), deny("iam:ResourceTag/env"),
		`{"Effect":"Allow","Action":["cognito-identity:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:*",` +
			`"sts:*"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"test"}}}`} {
		for kind, key := range s.Callers(t, statements) {
			provider := credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken)
			for value, role := range roles {
				want := value == "prod"
				if refused, got := s.Call(t, key, "SetIdentityPoolRoles",
					map[string]any{"IdentityPoolId": pool,
						"Roles": map[string]string{"authenticated": *role}}); refused != want &&
					(got.Status != http.StatusOK) != want {
					t.Errorf("%s, PassRole of %s: %d %s", kind, value, got.Status, got.Body)
				}

				_, err := sts.New(sts.Options{Region: wiretest.Region, BaseEndpoint: &s.URL,
					Credentials: provider}).AssumeRole(t.Context(),
					&sts.AssumeRoleInput{RoleArn: role, RoleSessionName: aws.String("s2")})
				if (err != nil) != want {
					t.Errorf("%s, AssumeRole of %s: %v", kind, value, err)
				}

				if _, err := s.IAMBy(key.AccessKeyID, key.SecretAccessKey, key.SessionToken).GetPolicy(t.Context(),
					&iamclient.GetPolicyInput{PolicyArn: policies[value]}); (err != nil) != want {
					t.Errorf("%s, GetPolicy of %s: %v", kind, value, err)
				}
				if _, err := s.IAMBy(key.AccessKeyID, key.SecretAccessKey, key.SessionToken).GetRole(t.Context(),
					&iamclient.GetRoleInput{RoleName: aws.String("r-" + value)}); (err != nil) != want {
					t.Errorf("%s, GetRole of %s: %v", kind, value, err)
				}
			}
		}
	}

	// The pool that the role is for.
	for condition, want := range map[string]bool{arn: true, arn + "x": false} {
		key := s.Callers(t,
			wiretest.AllowAllStatement+
				`,{"Effect":"Deny","Action":"iam:PassRole","Resource":"*",`+
				`"Condition":{"ArnEquals":{"iam:AssociatedResourceArn":"`+condition+`"}}}`)["access key"]
		if _, got := s.Call(t, key, "SetIdentityPoolRoles",
			map[string]any{"IdentityPoolId": pool,
				"Roles": map[string]string{"authenticated": *roles["test"]}}); (got.Status != http.StatusOK) != want {
			t.Errorf("PassRole for %s: %d %s", condition, got.Status, got.Body)
		}
	}
}
