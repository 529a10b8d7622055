package stsapi_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// makeRole makes a role with a policy, through the IAM API.
func makeRole(t *testing.T, admin *iamclient.Client, name, trust, statements string, tags ...iamtypes.Tag) string {
	t.Helper()
	out := wiretest.Must(admin.CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName:                 &name,
		AssumeRolePolicyDocument: aws.String(wiretest.PolicyOf(trust)),
		Tags:                     tags,
	}))(t)
	wiretest.Must(admin.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{
		RoleName:       &name,
		PolicyName:     aws.String("p"),
		PolicyDocument: aws.String(wiretest.PolicyOf(statements)),
	}))(t)

	return *out.Role.Arn
}

func assumeAs(t *testing.T, client *sts.Client, role string, tags ...types.Tag) (aws.Credentials, error) {
	t.Helper()
	out, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn:         &role,
		RoleSessionName: aws.String("tagged"),
		Tags:            tags,
	})
	if err != nil {
		return aws.Credentials{}, err
	}

	return aws.Credentials{
		AccessKeyID:     *out.Credentials.AccessKeyId,
		SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken:    *out.Credentials.SessionToken,
	}, nil
}

// A role's tags are principal tags of its sessions: in web identity tokens, in its policies and in the
// trust policies of other roles. A session tag of the same key counts first. Another role does not
// inherit them.
func TestRoleTagsArePrincipalTags(t *testing.T) {
	s := wiretest.Start(t)
	admin, issuerURL := s.IAM(), enableWebTokens(t, s.IAM())
	const mayTag = `"Action":["sts:AssumeRole","sts:TagSession"]`
	account := `"Principal":{"AWS":"arn:aws:iam::` + wiretest.HomeAccount + `:root"}`
	first := makeRole(t, admin, "first", `{"Effect":"Allow",`+account+`,`+mayTag+`}`,
		`{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"iam:ListRoles","Resource":"*",
			"Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}`,
		iamtypes.Tag{Key: aws.String("Team"), Value: aws.String("blue")},
		iamtypes.Tag{Key: aws.String("site"), Value: aws.String("north")})
	next := makeRole(t, admin, "next", `{"Effect":"Allow",`+account+`,`+mayTag+`},
		{"Effect":"Deny",`+account+`,"Action":"sts:AssumeRole",
			"Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}`, mayAsk)

	red := types.Tag{Key: aws.String("team"), Value: aws.String("red")}
	for name, tc := range map[string]struct {
		tags    []types.Tag
		allowed bool
		want    map[string]any
	}{
		"the role's tags":         {nil, false, map[string]any{"Team": "blue", "site": "north"}},
		"a session tag before it": {[]types.Tag{red}, true, map[string]any{"team": "red", "site": "north"}},
	} {
		key, err := assumeAs(t, webTokens(s, root), first, tc.tags...)
		if err != nil {
			t.Fatal(err)
		}

		_, err = s.IAMBy(key.AccessKeyID, key.SecretAccessKey, key.SessionToken).
			ListRoles(t.Context(), &iamclient.ListRolesInput{})
		if (err == nil) != tc.allowed || err != nil && !strings.Contains(err.Error(), "explicit deny") {
			t.Errorf("%s: the role's own policy: %v", name, err)
		}

		token := *wiretest.Must(webTokens(s, key).GetWebIdentityToken(t.Context(), wanted()))(t).WebIdentityToken
		facts, _ := claimsOf(t, issuerURL, outside, token)[claimCaller].(map[string]any)
		if diff := cmp.Diff(tc.want, facts["principal_tags"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}

		chained, err := assumeAs(t, webTokens(s, key), next)
		if (err == nil) != tc.allowed {
			t.Errorf("%s: a trust policy: %v", name, err)
		}
		if err != nil {
			continue
		}
		token = *wiretest.Must(webTokens(s, chained).GetWebIdentityToken(t.Context(), wanted()))(t).WebIdentityToken
		facts, _ = claimsOf(t, issuerURL, outside, token)[claimCaller].(map[string]any)
		if facts["principal_tags"] != nil {
			t.Errorf("%s: the next role has %v", name, facts["principal_tags"])
		}
	}

	// A tag that is taken away counts no more, in the same session.
	key := wiretest.Must(assumeAs(t, webTokens(s, root), first))(t)
	wiretest.Must(admin.UntagRole(t.Context(), &iamclient.UntagRoleInput{
		RoleName: aws.String("first"),
		TagKeys:  []string{"Team"},
	}))(t)
	if _, err := assumeAs(t, webTokens(s, key), next); err != nil {
		t.Errorf("without the tag: %v", err)
	}
}
