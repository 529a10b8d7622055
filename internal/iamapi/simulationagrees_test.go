package iamapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// policyDice draws policies from so few words that they meet the calls of the test.
type policyDice struct{ *rand.Rand }

func one[T any](d policyDice, list ...T) T { return list[d.IntN(len(list))] }

// condition draws an operator, a key and a value.
func (d policyDice) condition() map[string]any {
	if d.IntN(8) == 0 {
		return map[string]any{"IpAddress": map[string]any{"aws:SourceIp": one(d, "127.0.0.0/8", "10.0.0.0/8")}}
	}

	key := one(d, "aws:PrincipalTag/team", "aws:ResourceTag/team", "iam:ResourceTag/team", "aws:SecureTransport",
		"aws:RequestedRegion", "aws:PrincipalArn", "aws:PrincipalType", "aws:username", "s3:prefix", "my:key",
		"aws:MultiFactorAuthPresent", "aws:FederatedProvider", "aws:userid", "aws:PrincipalAccount",
		"aws:ViaAWSService", "aws:ResourceAccount", "aws:PrincipalTag/none")
	if d.IntN(4) == 0 {
		return map[string]any{"Null": map[string]any{key: one(d, "true", "false")}}
	}

	operator := one(d, "", "", "ForAnyValue:", "ForAllValues:") +
		one(d, "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase") +
		one(d, "", "", "IfExists")

	return map[string]any{operator: map[string]any{
		key: one(d, "red", "blue", "*", "${aws:PrincipalTag/team}", "false", "us-east-1", "000000000000",
			"AssumedRole", wiretest.IAMBase+"role/App", "r*"),
	}}
}

func (d policyDice) document() string {
	var statements []any
	for range 1 + d.IntN(3) {
		s := map[string]any{"Effect": one(d, "Allow", "Allow", "Allow", "Deny")}
		s[one(d, "Action", "Action", "Action", "NotAction")] = []string{
			one(d, "*", "iam:*", "iam:Get*", "iam:GetRole", "cognito-identity:*", "cognito-identity:List*", "s3:*"),
			one(d, "sts:*", "iam:?etRole", "cognito-identity:DescribeIdentityPool"),
		}
		s[one(d, "Resource", "Resource", "Resource", "NotResource")] = one(d, "*", "*", wiretest.IAMBase+"role/*",
			wiretest.IAMBase+"role/${aws:PrincipalTag/team}", "arn:aws:cognito-identity:*:*:identitypool/*",
			"arn:aws:s3:::b")
		if d.IntN(3) > 0 {
			s["Condition"] = d.condition()
		}
		statements = append(statements, s)
	}

	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements}) // maps do not fail
	return string(text)
}

// The simulator's decisions about a role are the server's about calls of the role's sessions.
func TestSimulationAgreesWithCalls(t *testing.T) {
	s := wiretest.Start(t)
	c, ctx, dice := s.IAM(), t.Context(), policyDice{rand.New(rand.NewPCG(15, 5))}

	for name, team := range map[string]string{"App": "red", "red": "blue"} {
		wiretest.Must(c.CreateRole(ctx, &iamclient.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
			Tags: []types.Tag{wiretest.IAMTag("team", team)},
		}))(t)
	}
	app := wiretest.Must(c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: aws.String("App")}))(t).Role
	pool := s.NewPool(t)

	session := wiretest.Must(sts.New(sts.Options{
		BaseEndpoint: &s.URL, Region: wiretest.Region,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: app.Arn, RoleSessionName: aws.String("me")}))(t).Credentials
	roles := s.IAMBy(*session.AccessKeyId, *session.SecretAccessKey, *session.SessionToken)
	pools := s.SignedBy(wiretest.Region, *session.AccessKeyId, *session.SecretAccessKey, *session.SessionToken)

	const poolARNs = "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/"
	calls := []struct {
		action, resource string
		team             string // the resource's tag
		call             func() error
	}{
		{"iam:GetRole", *app.Arn, "red", func() error {
			_, err := roles.GetRole(ctx, &iamclient.GetRoleInput{RoleName: aws.String("App")})
			return err
		}},
		{"iam:GetRole", wiretest.IAMBase + "role/red", "blue", func() error {
			_, err := roles.GetRole(ctx, &iamclient.GetRoleInput{RoleName: aws.String("red")})
			return err
		}},
		{"iam:ListRoles", wiretest.IAMBase + "role/", "", func() error {
			_, err := roles.ListRoles(ctx, &iamclient.ListRolesInput{})
			return err
		}},
		{"cognito-identity:ListIdentityPools", poolARNs + "*", "", func() error {
			_, err := pools.ListIdentityPools(ctx, &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
			return err
		}},
		{"cognito-identity:DescribeIdentityPool", poolARNs + pool, "", func() error {
			_, err := pools.DescribeIdentityPool(ctx, &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool})
			return err
		}},
	}

	counts := map[string]int{}
	for number := range 200 {
		document, boundary := dice.document(), ""
		wiretest.Must(c.PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{
			RoleName: app.RoleName, PolicyName: aws.String("p"), PolicyDocument: &document,
		}))(t)
		if dice.IntN(3) == 0 {
			boundary = dice.document()
			bindRole(t, c, fmt.Sprint("b", number), boundary)
		}

		for _, call := range calls {
			facts := factsOfCall(app, call.action, call.resource, call.team)
			in := &iamclient.SimulatePrincipalPolicyInput{
				PolicySourceArn: app.Arn,
				ActionNames:     []string{call.action},
				ResourceArns:    []string{call.resource},
				ContextEntries:  facts,
			}
			ofRole := wiretest.Must(c.SimulatePrincipalPolicy(ctx, in))(t).EvaluationResults[0].EvalDecision

			custom := &iamclient.SimulateCustomPolicyInput{
				PolicyInputList: []string{document},
				ActionNames:     in.ActionNames,
				ResourceArns:    in.ResourceArns,
				ContextEntries: append(facts, entry("aws:PrincipalTag/team", "string", "red"),
					entry("aws:PrincipalArn", "string", *app.Arn), entry("aws:PrincipalType", "string", "AssumedRole"),
					entry("aws:PrincipalAccount", "string", "000000000000"), entry("aws:username", "string")),
			}
			if boundary != "" {
				custom.PermissionsBoundaryPolicyInputList = []string{boundary}
			}
			ofText := wiretest.Must(c.SimulateCustomPolicy(ctx, custom))(t).EvaluationResults[0].EvalDecision

			really, err := "allowed", call.call()
			if api, ok := errors.AsType[smithy.APIError](err); ok && isDenied(api) {
				really = "denied"
			} else if err != nil {
				t.Fatal(err)
			}
			if (ofRole == "allowed") != (really == "allowed") || ofText != ofRole {
				t.Errorf("%s on %s: really %s, of the role %s, of the text %s\npolicy: %s\nboundary: %s",
					call.action, call.resource, really, ofRole, ofText, document, boundary)
			}
			counts[string(ofRole)]++
		}

		if boundary != "" {
			wiretest.Must(c.DeleteRolePermissionsBoundary(ctx, &iamclient.DeleteRolePermissionsBoundaryInput{
				RoleName: app.RoleName,
			}))(t)
		}
	}

	t.Log(counts)
	for _, decision := range []string{"allowed", "explicitDeny", "implicitDeny"} {
		if counts[decision] < 100 {
			t.Errorf("only %d of the decisions are %s", counts[decision], decision)
		}
	}
}

func isDenied(err smithy.APIError) bool {
	return err.ErrorCode() == "AccessDenied" || err.ErrorCode() == "AccessDeniedException" ||
		err.ErrorCode() == "NotAuthorizedException"
}

// bindRole gives the role App a new permissions boundary.
func bindRole(t *testing.T, c *iamclient.Client, name, document string) {
	t.Helper()
	made := wiretest.Must(c.CreatePolicy(t.Context(), &iamclient.CreatePolicyInput{
		PolicyName: &name, PolicyDocument: &document,
	}))(t)
	wiretest.Must(c.PutRolePermissionsBoundary(t.Context(), &iamclient.PutRolePermissionsBoundaryInput{
		RoleName: aws.String("App"), PermissionsBoundary: made.Policy.Arn,
	}))(t)
}

// factsOfCall are the condition keys of a call that differ from call to call.
func factsOfCall(app *types.Role, action, resource, team string) []types.ContextEntry {
	present := func(value string) []string {
		if value == "" {
			return nil
		}
		return []string{value}
	}

	list := []types.ContextEntry{
		entry("aws:SourceIp", "ip", "127.0.0.1"),
		entry("aws:SecureTransport", "boolean", "false"),
		entry("aws:RequestedRegion", "string", "us-east-1"),
		entry("aws:ResourceAccount", "string", "000000000000"),
		entry("aws:FederatedProvider", "string"),
		entry("aws:PrincipalTag/none", "string"),
		entry("aws:userid", "string", *app.RoleId+":me"),
		entry("aws:ResourceTag/team", "string", present(team)...),
	}
	if action[:3] == "iam" {
		list = append(list, entry("iam:ResourceTag/team", "string", present(team)...))
	}

	return list
}
