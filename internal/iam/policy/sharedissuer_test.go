package policy

import (
	"strings"
	"testing"
)

func TestSharedIssuersScoped(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:oidc-provider/"
	for _, test := range []struct {
		name, principal, condition string
		want                       string // the missing key; "" = accepted
	}{
		{"GitHub without a condition", arn + "token.actions.githubusercontent.com", `{}`, "token.actions.githubusercontent.com:sub"},
		{"GitHub by audience alone", arn + "token.actions.githubusercontent.com", `{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`, "token.actions.githubusercontent.com:sub"},
		{"GitHub by any subject", arn + "token.actions.githubusercontent.com", `{"StringLike":{"token.actions.githubusercontent.com:sub":"*"}}`, "token.actions.githubusercontent.com:sub"},
		{"GitHub by one of which any", arn + "token.actions.githubusercontent.com", `{"StringLike":{"token.actions.githubusercontent.com:sub":["repo:a/b:*","*"]}}`, "token.actions.githubusercontent.com:sub"},
		{"GitHub if it exists", arn + "token.actions.githubusercontent.com", `{"StringLikeIfExists":{"token.actions.githubusercontent.com:sub":"repo:a/b:*"}}`, "token.actions.githubusercontent.com:sub"},
		{"GitHub negated", arn + "token.actions.githubusercontent.com", `{"StringNotEquals":{"token.actions.githubusercontent.com:sub":"repo:a/b"}}`, "token.actions.githubusercontent.com:sub"},
		{"GitHub by repository", arn + "token.actions.githubusercontent.com", `{"StringLike":{"Token.Actions.githubusercontent.com:sub":"repo:a/b:*"}}`, ""},
		{"GitLab", arn + "gitlab.com", `{}`, "gitlab.com:sub"},
		{"another GitLab", arn + "gitlab.example.com", `{}`, ""},
		{"Pulumi", arn + "api.pulumi.com/oidc", `{"StringEquals":{"api.pulumi.com/oidc:aud":"org"}}`, ""},
		{"a team of Vercel", arn + "oidc.vercel.com/team", `{}`, "oidc.vercel.com/team:aud"},
		{"Sentinel", arn + "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", `{}`, "sts:RoleSessionName"},
		{"another tenant", arn + "sts.windows.net/00000000-4d64-4f8c-a055-5bdaffd5e33d", `{}`, ""},
		{"without an ARN", "gitlab.com", `{}`, "gitlab.com:sub"},
	} {
		d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + test.principal +
			`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + test.condition + `}}`))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		err = SharedIssuersScoped(d)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), "A condition on "+test.want+" must be present")) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	denied, err := Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"Federated":"` + arn + `gitlab.com"},"Action":"*"}}`))
	if err != nil || SharedIssuersScoped(denied) != nil {
		t.Errorf("a Deny needs no condition: %v, %v", err, SharedIssuersScoped(denied))
	}
}
