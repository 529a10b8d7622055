package policy

import (
	"strings"
	"testing"
)

func TestSharedIssuersScoped(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:oidc-provider/"
	const github = "token.actions.githubusercontent.com"
	sub := func(operator, value string) string {
		return `{"` + operator + `":{"` + github + `:sub":` + value + `}}`
	}

	for _, test := range []struct {
		name, principal, condition string
		want                       string // the missing key; "" = accepted
	}{
		{
			"GitHub without a condition",
			arn + "token.actions.githubusercontent.com",
			`{}`,
			"token.actions.githubusercontent.com:sub",
		},
		{
			"GitHub by audience alone",
			arn + "token.actions.githubusercontent.com",
			`{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`,
			"token.actions.githubusercontent.com:sub",
		},
		{
			"GitHub by any subject",
			arn + "token.actions.githubusercontent.com",
			`{"StringLike":{"token.actions.githubusercontent.com:sub":"*"}}`,
			"token.actions.githubusercontent.com:sub",
		},
		{
			"GitHub by one of which any",
			arn + "token.actions.githubusercontent.com",
			`{"StringLike":{"token.actions.githubusercontent.com:sub":["repo:a/b:*","*"]}}`,
			"token.actions.githubusercontent.com:sub",
		},
		{
			"GitHub if it exists",
			arn + "token.actions.githubusercontent.com",
			`{"StringLikeIfExists":{"token.actions.githubusercontent.com:sub":"repo:a/b:*"}}`,
			"token.actions.githubusercontent.com:sub",
		},
		{
			"GitHub negated",
			arn + "token.actions.githubusercontent.com",
			`{"StringNotEquals":{"token.actions.githubusercontent.com:sub":"repo:a/b"}}`,
			"token.actions.githubusercontent.com:sub",
		},
		{
			"GitHub by repository",
			arn + "token.actions.githubusercontent.com",
			`{"StringLike":{"Token.Actions.githubusercontent.com:sub":"repo:a/b:*"}}`,
			"",
		},
		{"an organization", arn + github, sub("StringLike", `"repo:octo-org/*"`), ""},
		{"organizations by the beginning of their name", arn + github, sub("StringLike", `"repo:octo-*"`), ""},
		{"an owner", arn + github, sub("StringLike", `"repository_owner:octo-org:*"`), ""},
		{
			"a repository, without wildcards",
			arn + github,
			sub("StringLike", `"repo:octo-org/one:ref:refs/heads/main"`),
			"",
		},
		{
			"a list",
			arn + github,
			sub("StringEquals", `["repo:octo-org/one:ref:refs/heads/main","repo:octo-org/two:ref:refs/heads/main"]`),
			"",
		},
		{"ForAnyValue", arn + github, sub("ForAnyValue:StringLike", `"repo:octo-org/*"`), ""},
		{"any organization", arn + github, sub("StringLike", `"repo:*"`), github + ":sub"},
		{"any organization's repositories", arn + github, sub("StringLike", `"repo:*/*:*"`), github + ":sub"},
		{"a repository of anybody", arn + github, sub("StringLike", `"repo:*/one:*"`), github + ":sub"},
		{"a branch of anybody", arn + github, sub("StringLike", `"repo:*:ref:refs/heads/main"`), github + ":sub"},
		{"a branch of whatever", arn + github, sub("StringLike", `"*:ref:refs/heads/main"`), github + ":sub"},
		{"the beginning of what all have", arn + github, sub("StringLike", `"rep*"`), github + ":sub"},
		{"one character and any", arn + github, sub("StringLike", `"repo:?*"`), github + ":sub"},
		{"an organization behind a wildcard", arn + github, sub("StringLike", `"*octo-org/*"`), github + ":sub"},
		{"an organization by a variable", arn + github, sub("StringLike", `"repo:o${aws:x}/*"`), github + ":sub"},
		{
			"an organization beside any",
			arn + github,
			sub("StringLike", `["repo:octo-org/*","repo:*"]`),
			github + ":sub",
		},
		{"ForAllValues", arn + github, sub("ForAllValues:StringLike", `"repo:octo-org/*"`), github + ":sub"},
		{
			"any organization of Terraform",
			arn + "app.terraform.io",
			`{"StringLike":{"app.terraform.io:sub":"organization:*:project:p:*"}}`,
			"app.terraform.io:sub",
		},
		{
			"an organization of Terraform",
			arn + "app.terraform.io",
			`{"StringLike":{"app.terraform.io:sub":"organization:acme:*"}}`,
			"",
		},
		{
			"any enterprise",
			arn + "oidc-configuration.audit-log.githubusercontent.com",
			`{"StringLike":{"oidc-configuration.audit-log.githubusercontent.com:sub":"https://github.com/*"}}`,
			"oidc-configuration.audit-log.githubusercontent.com:sub",
		},
		{"an enterprise", arn + "oidc-configuration.audit-log.githubusercontent.com",
			`{"StringLike":{"oidc-configuration.audit-log.githubusercontent.com:sub":"https://github.com/acme*"}}`, ""},
		{
			"any workspace of Sentinel",
			arn + "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d",
			`{"StringLike":{"sts:RoleSessionName":"MicrosoftSentinel_*"}}`,
			"sts:RoleSessionName",
		},
		{
			"a workspace of Sentinel",
			arn + "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d",
			`{"StringEquals":{"sts:RoleSessionName":"MicrosoftSentinel_1a"}}`,
			"",
		},
		{"GitLab", arn + "gitlab.com", `{}`, "gitlab.com:sub"},
		{"another GitLab", arn + "gitlab.example.com", `{}`, ""},
		{"Pulumi", arn + "api.pulumi.com/oidc", `{"StringEquals":{"api.pulumi.com/oidc:aud":"org"}}`, ""},
		{"a team of Vercel", arn + "oidc.vercel.com/team", `{}`, "oidc.vercel.com/team:aud"},
		{"Sentinel", arn + "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", `{}`, "sts:RoleSessionName"},
		{"another tenant", arn + "sts.windows.net/00000000-4d64-4f8c-a055-5bdaffd5e33d", `{}`, ""},
		{"without an ARN", "gitlab.com", `{}`, "gitlab.com:sub"},
	} {
		d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` +
			test.principal +
			`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + test.condition + `}}`))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}

		err = sharedIssuersScoped(d)
		if test.want == "" && err != nil ||
			test.want != "" &&
				(err == nil || !strings.Contains(err.Error(), "A condition on "+test.want+" must be present")) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}

	denied, err := Parse([]byte(
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"Federated":"` + arn +
			`gitlab.com"},"Action":"*"}}`,
	))
	if err != nil || sharedIssuersScoped(denied) != nil {
		t.Errorf("a Deny needs no condition: %v, %v", err, sharedIssuersScoped(denied))
	}
}

// A trust policy may rest only on comparisons that are known to name a value.
func TestOnlyKnownComparisonsNarrow(t *testing.T) {
	known := map[comparison]bool{equals: true, equalsIgnoreCase: true, like: true}
	for comparison := equals; comparison <= greaterOrEqual+1; comparison++ { // one that does not exist yet, too
		c := condition{operator: operator{family: stringFamily, comparison: comparison}, key: "issuer:sub"}
		if c.narrowing("issuer:sub") != known[comparison] {
			t.Errorf("narrowing = %t for comparison %d", !known[comparison], comparison)
		}
	}
}
