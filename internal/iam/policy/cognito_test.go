package policy

import (
	"strings"
	"testing"
)

func TestCognitoTrustScoped(t *testing.T) {
	statement := func(rest string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},` +
			`"Action":"sts:AssumeRoleWithWebIdentity"` + rest + `}`
	}
	with := func(operator, value string) string {
		return statement(`,"Condition":{"` + operator + `":{"cognito-identity.amazonaws.com:aud":` + value + `}}`)
	}

	for _, tc := range []struct {
		name, statements string
		ok               bool
	}{
		{"StringEquals", with("StringEquals", `"us-east-1:1"`), true},
		{"a list", with("StringEquals", `["us-east-1:1","us-east-1:2"]`), true},
		{"StringLike of an ID", with("StringLike", `"us-east-1:1"`), true},
		{"StringEqualsIgnoreCase", with("StringEqualsIgnoreCase", `"us-east-1:1"`), true},
		{"ForAnyValue", with("ForAnyValue:StringEquals", `"us-east-1:1"`), true},
		{"the ID of AWS's guides", with("StringEquals", `"us-east-1:12345678-dead-beef-cafe-123456790ab"`), true},
		{
			"a pool and, also, a pattern",
			statement(
				`,"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"},` +
					`"StringLike":{"cognito-identity.amazonaws.com:aud":"us-*"}}`,
			),
			true,
		},
		{"a pool and patterns of the user",
			statement(`,"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"},
			"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"auth*"},
			"StringLike":{"cognito-identity.amazonaws.com:sub":"us-east-1:*"}}`), true},
		{"every pool of a region", with("StringLike", `"us-east-1:*"`), false},
		{"every pool of some regions", with("StringLike", `"us-*"`), false},
		{"all but a part of an ID", with("StringLike", `"us-east-1:1111????-0000-4000-8000-000000000000"`), false},
		{"an ID and a star", with("StringLike", `"us-east-1:11111111-0000-4000-8000-000000000000*"`), false},
		{"a pattern beside an ID", with("StringLike", `["us-east-1:1","us-east-1:*"]`), false},
		{"a pattern that StringEquals takes literally", with("StringEquals", `"us-east-1:*"`), false},
		{"a pattern of ForAnyValue", with("ForAnyValue:StringLike", `"us-east-1:*"`), false},
		{"ForAllValues, which holds without the key", with("ForAllValues:StringEquals", `"us-east-1:1"`), false},
		{"ForAllValues with IfExists", with("ForAllValues:StringEqualsIfExists", `"us-east-1:1"`), false},
		{"ForAnyValue with IfExists", with("ForAnyValue:StringEqualsIfExists", `"us-east-1:1"`), false},
		{"no pool's ID", with("StringEquals", `"my pool"`), false},
		{
			"an ARN",
			with("StringEquals", `"arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:1"`),
			false,
		},
		{"letters that IDs do not have", with("StringEquals", `"us-east-1:xyz"`), false},
		{"an ID that is too long", with("StringEquals", `"us-east-1:`+strings.Repeat("1", 46)+`"`), false},
		{"an ID and a line end", with("StringEquals", `"us-east-1:1\n"`), false},
		{"look-alike digits", with("StringEquals", `"us-east-1:１"`), false},
		{"an escaped star", with("StringLike", `"us-east-1:${*}"`), false},
		{
			"key in another case",
			statement(`,"Condition":{"StringEquals":{"Cognito-Identity.Amazonaws.Com:AUD":"us-east-1:1"}}`),
			true,
		},
		{"no condition", statement(""), false},
		{"empty condition", statement(`,"Condition":{}`), false},
		{
			"only amr",
			statement(`,"Condition":{"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}`),
			false,
		},
		{
			"only sub",
			statement(`,"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:sub":"us-east-1:1"}}`),
			false,
		},
		{"star", with("StringLike", `"*"`), false},
		{"star that StringEquals takes literally", with("StringEquals", `"*"`), false},
		{"wildcards only", with("StringLike", `"?*:*-*"`), false},
		{"empty value", with("StringEquals", `""`), false},
		{"a wide value beside a real one", with("StringLike", `["us-east-1:1","*"]`), false},
		{"the key itself", with("StringEquals", `"${cognito-identity.amazonaws.com:aud}"`), false},
		{"a variable with a default", with("StringLike", `"${aws:x,'us-east-1:1'}"`), false},
		{"a variable behind a real beginning", with("StringEquals", `"us-east-1:${aws:RequestTag/pool}"`), false},
		{"negated", with("StringNotEquals", `"us-east-1:1"`), false},
		{"negated like", with("StringNotLike", `"us-east-1:1"`), false},
		{"IfExists", with("StringEqualsIfExists", `"us-east-1:1"`), false},
		{"Null", with("Null", `"false"`), false},
		{"another family", with("ArnLike", `"arn:aws:a:b:c:d"`), false},
		{"second statement open", with("StringEquals", `"us-east-1:1"`) + "," + statement(""), false},
		{
			"open statement for TagSession",
			with("StringEquals", `"us-east-1:1"`) + "," +
				strings.Replace(statement(""), "AssumeRoleWithWebIdentity", "TagSession", 1),
			false,
		},
		{
			"Deny needs none",
			`{"Effect":"Deny","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:*"}`,
			true,
		},
		{
			"among others",
			`{"Effect":"Allow","Principal":{"Federated":["accounts.google.com","cognito-identity.amazonaws.com"]},` +
				`"Action":"sts:*"}`,
			false,
		},
		{
			"another provider",
			`{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:*"}`,
			true,
		},
		{"everyone, the action pools use", `{"Effect":"Allow","Principal":"*","Action":"sts:Assume*"}`, false},
		{"everyone as AWS", `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*"}`, false},
		{"everyone, another action", `{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`, true},
		{"everyone but", `{"Effect":"Allow","NotPrincipal":{"AWS":"123456789012"},"Action":"sts:*"}`, false},
		{
			"everyone but Cognito",
			`{"Effect":"Allow","NotPrincipal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:*"}`,
			true,
		},
		{"every action but", `{"Effect":"Allow","Principal":"*","NotAction":"s3:*"}`, false},
		{"no principal", `{"Effect":"Allow","Action":"sts:*"}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := cognitoTrustScoped(mustParse(t, `{"Version":"2012-10-17","Statement":[`+tc.statements+`]}`))
			if (err == nil) != tc.ok {
				t.Fatalf("cognitoTrustScoped = %v, want ok %v", err, tc.ok)
			}

			if err != nil &&
				!strings.Contains(err.Error(), "A condition block must be present for the Cognito provider") {
				t.Errorf("error %q is not IAM's text", err)
			}
		})
	}
}

func TestCognitoTrustNamesAMR(t *testing.T) {
	if !CognitoTrustNamesAMR(mustParse(t, cognitoTrust)) {
		t.Error("false for a policy that asks for amr")
	}
	open := `{"Statement":{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"}}}}`
	if CognitoTrustNamesAMR(mustParse(t, open)) {
		t.Error("true for a policy that does not ask for amr")
	}

	other := `{"Statement":{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},` +
		`"Action":"sts:AssumeRoleWithWebIdentity"}}`
	if !CognitoTrustNamesAMR(mustParse(t, other)) {
		t.Error("false for a policy that Cognito cannot use")
	}
}

// A statement about a name that identity pools have in no region would decide nothing,
// so it is refused, as Allow and as Deny, with the right name.
func TestCognitoTrustLocal(t *testing.T) {
	for name, right := range map[string]string{
		"cognito-identity.amazonaws.com":                    "",
		"cognito-identity-us-gov.amazonaws.com":             "",
		"cognito-identity.us-gov-east-1.amazonaws.com":      "",
		"cognito-identity.cn-north-1.amazonaws.com.cn":      "",
		"cognito-identity.cn-north-1.amazonaws.com":         "cognito-identity.cn-north-1.amazonaws.com.cn",
		"cognito-identity.us-gov-west-1.amazonaws.com":      "cognito-identity-us-gov.amazonaws.com",
		"cognito-identity-fips.us-gov-east-1.amazonaws.com": "cognito-identity.us-gov-east-1.amazonaws.com",
		"cognito-identity.us-east-1.amazonaws.com":          "cognito-identity.amazonaws.com",
		"cognito-identity.amazonaws.com.cn":                 "cognito-identity.cn-north-1.amazonaws.com.cn",
		"cognito-identity.eusc-de-east-1.amazonaws.eu":      "cognito-identity.amazonaws.com",
		"Cognito-Identity.Amazonaws.Com":                    "cognito-identity.amazonaws.com",
		"accounts.google.com":                               "",
		"cognito-identity.amazonaws.com.example":            "",

		"arn:aws:iam::123456789012:oidc-provider/cognito-identity.example":            "",
		"arn:aws:iam::123456789012:oidc-provider/x/cognito-identity.amazonaws.com.cn": "",
	} {
		for _, statement := range []string{
			`{"Effect":"Allow","Principal":{"Federated":"` + name + `"},"Action":"sts:AssumeRoleWithWebIdentity"}`,
			`{"Effect":"Deny","Principal":{"Federated":["accounts.google.com","` + name + `"]},"Action":"*"}`,
			`{"Effect":"Allow","NotPrincipal":{"Federated":"` + name + `"},"Action":"sts:AssumeRole"}`,
		} {
			err := cognitoTrustLocal(mustParse(t, `{"Version":"2012-10-17","Statement":[`+statement+`]}`))
			if (err == nil) != (right == "") {
				t.Errorf("%s: %v", statement, err)
			}
			if err != nil &&
				(!strings.Contains(err.Error(), name+" is not supported") ||
					!strings.Contains(err.Error(), right+" there")) {
				t.Errorf("%s: %v, want %s", statement, err, right)
			}
		}
	}

	for statement, right := range map[string]string{
		regional(
			"cognito-identity.cn-north-1.amazonaws.com.cn",
			"cognito-identity.cn-north-1.amazonaws.com.cn:aud",
		): "",
		regional(
			"cognito-identity.cn-north-1.amazonaws.com.cn",
			"cognito-identity.amazonaws.com:aud",
		): "",
		regional(
			"cognito-identity.amazonaws.com",
			"cognito-identity.cn-north-1.amazonaws.com.cn:aud",
		): "",
		regional(
			"cognito-identity-us-gov.amazonaws.com",
			"cognito-identity.us-gov-east-1.amazonaws.com:aud",
		): "cognito-identity-us-gov.amazonaws.com:aud",
	} {
		d := mustParse(t, statement)
		err := cognitoTrustLocal(d)
		if (err == nil) != (right == "") || err != nil && !strings.Contains(err.Error(), right) {
			t.Errorf("%s: %v, want %q", statement, err, right)
		}
		if err := cognitoTrustScoped(d); err != nil {
			t.Error(err)
		}

		if CognitoTrustNamesAMR(d) {
			t.Errorf("%s: asks for amr", statement)
		}
	}

	for _, open := range []string{
		strings.Replace(
			regional("cognito-identity-us-gov.amazonaws.com", "cognito-identity-us-gov.amazonaws.com:aud"),
			"StringEquals",
			"StringLike",
			1,
		),
		regional("cognito-identity-us-gov.amazonaws.com", "cognito-identity-us-gov.amazonaws.com:sub"),
	} {
		open = strings.Replace(open, "x-1:1", "x-*", 1)
		if err := cognitoTrustScoped(mustParse(t, open)); err == nil ||
			!strings.Contains(err.Error(), "cognito-identity-us-gov.amazonaws.com:aud") {
			t.Errorf("%s: %v", open, err)
		}
	}

	if err := cognitoTrustLocal(mustParse(
		t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`,
	)); err != nil {
		t.Error(err)
	}
}

// regional is a trust policy for identity pools by a name and an audience key.
func regional(principal, key string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + principal + `"},` +
		`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + key + `":"x-1:1"}}}]}`
}
