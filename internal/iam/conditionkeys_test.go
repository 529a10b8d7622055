package iam

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

// docs/iam.md lists the keys that the code knows, no more and no fewer.
func TestKnownKeysAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "### Which keys are known\n")
	table, _, _ = strings.Cut(table, "\n- ")

	for where, keys := range map[string]KeySet{
		"everywhere: the caller":        callerKeys,
		"everywhere, and always absent": absentKeys,
		"every call to an API":          requestKeys,
		"the identity pools' API":       serviceKeys[CognitoIdentityAPI],
		"the IAM API":                   serviceKeys[IAMAPI],
		"STS":                           serviceKeys[STSAPI],
		"[forward auth]":                serviceKeys[CheckEndpoint],
		"forward auth, where":           S3Keys,
	} {
		_, row, found := strings.Cut(table, "\n| "+where)
		row, _, _ = strings.Cut(row, "\n")
		_, cell, _ := strings.Cut(row, " | ")
		want := "`" + strings.Join(keys.Names(), "`, `") + "` |"
		if !found || cell != want {
			t.Errorf("%s: documented are\n%s, known are\n%s", where, cell, want)
		}
	}

	if len(serviceKeys[AdminAPI].Names()) > 0 {
		t.Error("the admin API has keys of its own, which are not documented")
	}
}

func TestPlaceKnows(t *testing.T) {
	for _, tc := range []struct {
		place       Place
		action, key string
		known       bool
	}{
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "aws:ResourceTag/env", true},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "aws:ResourceTag/", false},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "s3:prefix", true},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "iam:PassedToService", true},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "cognito-identity:IdentityPoolArn", true},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "cognito-identity:NoSuchKey", false},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "aws:NoSuchKey", false},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "foo:bar", false},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "aws:SourceIp", false},
		{IAMAPI, "iam:PassRole", "iam:PassedToService", true},
		{IAMAPI, "iam:PassRole", "iam:PassedToServise", false},
		{IAMAPI, "iam:GetRole", "sts:ExternalId", true},
		{STSAPI, "sts:AssumeRole", "sts:ExternalId", true},
		{AdminAPI, "poolhouse:LoadIdentities", "aws:ResourceTag/env", true},
		{AdminAPI, "poolhouse:LoadIdentities", "poolhouse:x", false},
		{CheckEndpoint, "s3:ListBucket", "s3:prefix", true},
		{CheckEndpoint, "S3:ListBucket", "s3:prefix", true},
		{CheckEndpoint, "s3:GetObject", "s3:ExistingObjectTag/env", false},
		{CheckEndpoint, "s3:GetObject", "aws:ResourceTag/env", false},
		{CheckEndpoint, "s3:GetObject", "dynamodb:LeadingKeys", false},
		{CheckEndpoint, "execute-api:Invoke", "s3:prefix", false},
		{CheckEndpoint, "execute-api:Invoke", "sts:ExternalId", true},
		{CheckEndpoint, "sts:AssumeRole", "sts:ExternalId", false},

		// Names below the prefixes of this server's APIs that are no keys.
		{CheckEndpoint, "s3:GetObject", "cognito-identity:foo", false},
		{CheckEndpoint, "s3:GetObject", "cognito-identity:IdentityPoolArn", true},
		{CheckEndpoint, "s3:GetObject", "poolhouse:foo", false},
		{CheckEndpoint, "s3:GetObject", "iam:PassedToServise", false},
		{CheckEndpoint, "s3:GetObject", "iam:ResourceTag/env", true},
		{CheckEndpoint, "s3:GetObject", "sts:foo", false},
		{CheckEndpoint, "s3:GetObject", "check:foo", false},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "iam:PassedToServise", false},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "sts:foo", false},
		{CognitoIdentityAPI, "cognito-identity:DeleteIdentityPool", "poolhouse:foo", false},
		{STSAPI, "sts:AssumeRole", "cognito-identity:foo", false},
		{STSAPI, "sts:AssumeRole", "iam:PassedToService", true},
		{IAMAPI, "iam:GetRole", "poolhouse:foo", false},
		{AdminAPI, "poolhouse:LoadIdentities", "iam:foo", false},
	} {
		if got := tc.place.Knows(policy.FoldKey(tc.key), tc.action); got != tc.known {
			t.Errorf("%s, %s, %s: %t", tc.place, tc.action, tc.key, got)
		}
	}
}

func TestCallerKnows(t *testing.T) {
	session := func(provider string) Caller {
		return NewSessionCaller(SessionCaller{
			RoleARN: roleOf(appARN), SessionName: "s", Conditions: policy.Keys{"aws:FederatedProvider": {provider}},
		})
	}

	key, idp := keyCaller(t, allowRead), session("arn:aws:iam::123456789012:oidc-provider/localhost:8080/x")
	byPool, bySAML := session(policy.CognitoPrincipal), session("arn:aws:iam::123456789012:saml-provider/corp")
	for _, tc := range []struct {
		name   string
		caller Caller
		key    string
		known  bool
	}{
		{"key", key, "aws:username", true},
		{"key", key, "aws:PrincipalTag/x", true},
		{"key", key, "aws:MultiFactorAuthPresent", true},
		{"key", key, "aws:NoSuchKey", false},
		{"key", key, "aws:ResourceTag/a.b:c", false},
		{"key", key, "accounts.google.com:aud", true},
		{"key", key, "cognito-identity.amazonaws.com:sub", true},
		{"key", key, "cognito-identity.amazonaws.com:subject", false},
		{"key", key, "saml:aud", true},
		{"provider's", idp, "localhost:8080/x:sub", true},
		{"provider's", idp, "localhost:8080/x:email", false},
		{"provider's", idp, "accounts.google.com:email", true},
		{"pool's", byPool, "cognito-identity.amazonaws.com:aud", true},
		{"pool's", byPool, "cognito-identity.amazonaws.com:email", false},
		{"SAML", bySAML, "saml:iss", true},
		{"SAML", bySAML, "saml:mail", false},
	} {
		if got := tc.caller.Knows(policy.FoldKey(tc.key)); got != tc.known {
			t.Errorf("%s, %s: %t", tc.name, tc.key, got)
		}
	}
}

// What the warnings name, where.
func TestPolicyWarnings(t *testing.T) {
	statement := func(effect, action, key string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `",` + action +
			`,"Resource":"*","Condition":{"StringNotEquals":{"` + key + `":"x"}}}}`
	}
	for _, tc := range []struct {
		document string
		want     []string // parts of the only warning; none = there is none
	}{
		{statement("Deny", `"Action":"s3:*"`, "s3:ExistingObjectTag/env"), []string{
			"statement 0 (Deny)", "s3:ExistingObjectTag/env", "in forward auth", "it denies then",
		}},
		{statement("Allow", `"Action":"s3:*"`, "s3:ExistingObjectTag/env"), []string{"it does not allow then"}},
		{statement("Deny", `"Action":"s3:ListBucket"`, "s3:prefix"), nil},
		{statement("Deny", `"Action":"*"`, "aws:ResourceTag/env"), []string{
			"aws:ResourceTag/env", "cannot know in forward auth",
		}},
		{statement("Deny", `"Action":["cognito-identity:*","iam:*"]`, "aws:ResourceTag/env"), nil},
		{statement("Deny", `"NotAction":["cognito-identity:*"]`, "aws:TagKeys"), []string{"in forward auth"}},
		{statement("Deny", `"Action":"iam:*"`, "iam:PassedToServise"), []string{"in calls of iam"}},
		{statement("Allow", `"Action":"iam:*"`, "aws:NoSuchKey"), []string{"in calls of iam"}},
		{statement("Allow", `"Action":"cognito-identity:*"`, "s3:prefix"), nil},
		{statement("Allow", `"Action":"*"`, "aws:MultiFactorAuthPresent"), nil},
		{statement("Allow", `"Action":"*"`, "aws:SourceIp"), nil},
		{statement("Allow", `"Action":"sqs:*"`, "idp.example.com:email"), []string{"idp.example.com:email"}},
		{statement("Allow", `"Action":"sqs:*"`, "idp.example.com:sub"), nil},
		{
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",` +
				`"Resource":"arn:aws:s3:::${aws:ResourceTag/a}"}}`,
			[]string{"aws:ResourceTag/a"},
		},
		{statement("Deny", `"Action":"s3:*"`, "S3:existingObjectTAG/Env"), []string{
			"depends on S3:existingObjectTAG/Env,",
		}},
		{`{`, nil},
	} {
		got := IdentityPolicyWarnings(tc.document, false)
		if (len(got) == 1) != (tc.want != nil) || len(got) > 1 {
			t.Errorf("%s: %q", tc.document, got)
			continue
		}

		for _, part := range tc.want {
			if !strings.Contains(got[0], part) {
				t.Errorf("%s: %q has no %q", tc.document, got[0], part)
			}
		}
	}

	if got := IdentityPolicyWarnings(statement("Allow", `"Action":"s3:*"`, "aws:SourceIp"), true); len(got) != 1 {
		t.Errorf("an address that is not known: %q", got)
	}

	// Access keys are not accepted in forward auth.
	for document, want := range map[string]bool{
		statement("Deny", `"Action":"*"`, "aws:ResourceTag/env"):             false,
		statement("Deny", `"NotAction":["iam:*"]`, "aws:TagKeys"):            false,
		statement("Allow", `"Action":"s3:*"`, "s3:ExistingObjectTag/env"):    false,
		statement("Allow", `"Action":"*"`, "aws:SecureTransport"):            false,
		statement("Deny", `"Action":"*"`, "aws:NoSuchKey"):                   true,
		statement("Deny", `"Action":"iam:*"`, "iam:PassedToServise"):         true,
		statement("Deny", `"Action":"cognito-identity:*"`, "poolhouse:nope"): true,
	} {
		got := AccessKeyPolicyWarnings(document)
		if (len(got) > 0) != want || strings.Contains(strings.Join(got, ""), "forward auth") {
			t.Errorf("an access key's policy %s: %q", document, got)
		}
	}

	trust := func(key string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"x"},` +
			`"Action":"sts:*","Condition":{"StringNotEquals":{"` + key + `":"x"}}}}`
	}
	for key, want := range map[string]bool{
		"idp.example.com:anything": false, "saml:mail": false, "saml:nosuch": true,
		"cognito-identity.amazonaws.com:aud":      false,
		"cognito-identity.amazonaws.com:audience": true, "sts:ExternalId": false, "aws:NoSuchKey": true,
		"aws:ResourceTag/x": false, "foo:bar": true, "aws:SourceIp": false,
	} {
		if got := TrustPolicyWarnings(trust(key)); (len(got) > 0) != want {
			t.Errorf("%s: %q", key, got)
		}
	}

	many := `{"Version":"2012-10-17","Statement":[` +
		strings.TrimSuffix(
			strings.Repeat(
				`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"foo:bar":"true"}}},`, 100,
			),
			",",
		) + `]}`
	if got := IdentityPolicyWarnings(many, false); len(got) != maxWarnings+1 || !slices.Contains(got, "and more") {
		t.Errorf("%d warnings", len(got))
	}
}
