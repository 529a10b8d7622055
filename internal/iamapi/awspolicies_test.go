package iamapi_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const readOnlyARN = "arn:aws:iam::aws:policy/service-role/PoolReadOnly"

// awsPoliciesFile is what the AWS CLI prints for two managed policies.
func awsPoliciesFile(statement string) string {
	return fmt.Sprintf(`{"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": [
		{"PolicyName": "PoolReadOnly", "PolicyId": "ANPAABCDEFGHIJKLMNOPQ", "Arn": %[1]q, "Path": "/service-role/",
			"DefaultVersionId": "v7", "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true,
			"CreateDate": "2015-02-06T18:40:58+00:00", "UpdateDate": "2024-01-31T21:00:00+00:00",
			"PolicyVersionList": [{"Document": {"Version": "2012-10-17", "Statement": [%[2]s]}, "VersionId": "v7",
				"IsDefaultVersion": true, "CreateDate": "2024-01-31T21:00:00+00:00"}]},
		{"PolicyName": "Other", "Arn": "arn:aws:iam::aws:policy/Other", "DefaultVersionId": "v1",
			"PolicyVersionList": [{"Document": {"Version": "2012-10-17", "Statement": [%[2]s]}, "VersionId": "v1"}]}]}`,
		readOnlyARN, statement)
}

const listPools = `{"Effect": "Allow", "Action": ["cognito-identity:List*"], "Resource": "*"}`

// Policies of managed_policies_file are read, attached and evaluated as AWS's, and nobody
// can change them.
func TestManagedPoliciesFile(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.ManagedPolicies = awsPoliciesFile(listPools) })
	c, ctx := s.IAM(), t.Context()

	p := wiretest.Must(c.GetPolicy(ctx, &iamclient.GetPolicyInput{PolicyArn: aws.String(readOnlyARN)}))(t).Policy
	wiretest.Equal(t, "policy", fmt.Sprint(*p.PolicyName, *p.PolicyId, *p.Path, *p.DefaultVersionId, *p.AttachmentCount,
		p.IsAttachable, p.CreateDate.Year(), p.UpdateDate.Year()),
		"PoolReadOnly"+"ANPAABCDEFGHIJKLMNOPQ"+"/service-role/"+"v7"+"0 true 2015 2024")
	version := wiretest.Must(c.GetPolicyVersion(ctx, &iamclient.GetPolicyVersionInput{
		PolicyArn: aws.String(readOnlyARN), VersionId: aws.String("v7"),
	}))(t).PolicyVersion
	wiretest.Equal(t, "document", wiretest.Decoded(t, version.Document),
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cognito-identity:List*"],"Resource":"*"}]}`)

	var names []string
	pages := iamclient.NewListPoliciesPaginator(c, &iamclient.ListPoliciesInput{
		Scope: types.PolicyScopeTypeAws, MaxItems: aws.Int32(1),
	})
	for pages.HasMorePages() {
		for _, p := range wiretest.Must(pages.NextPage(ctx))(t).Policies {
			names = append(names, *p.PolicyName)
		}
	}
	wiretest.Equal(t, "policies of AWS", strings.Join(names, " "),
		"AdministratorAccess AmazonCognitoUnAuthedIdentitiesSessionPolicy Other PoolReadOnly")

	s.NewIAMRole(t, "Reader", wiretest.AccountTrust)
	wiretest.Must(c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("Reader"), PolicyArn: aws.String(readOnlyARN),
	}))(t)
	attached := wiretest.Must(c.ListAttachedRolePolicies(ctx, &iamclient.ListAttachedRolePoliciesInput{
		RoleName: aws.String("Reader"), PathPrefix: aws.String("/service-role/"),
	}))(t).AttachedPolicies
	if len(attached) != 1 || *attached[0].PolicyName != "PoolReadOnly" {
		t.Errorf("attached: %+v", attached)
	}

	changes := map[string]error{}
	_, changes["DeletePolicy"] = c.DeletePolicy(ctx, &iamclient.DeletePolicyInput{PolicyArn: aws.String(readOnlyARN)})
	_, changes["CreatePolicyVersion"] = c.CreatePolicyVersion(ctx, &iamclient.CreatePolicyVersionInput{
		PolicyArn: aws.String(readOnlyARN), PolicyDocument: aws.String(wiretest.PolicyOf(wiretest.AllowAllStatement)),
	})
	_, changes["SetDefaultPolicyVersion"] = c.SetDefaultPolicyVersion(ctx, &iamclient.SetDefaultPolicyVersionInput{
		PolicyArn: aws.String(readOnlyARN), VersionId: aws.String("v7"),
	})
	_, changes["DeletePolicyVersion"] = c.DeletePolicyVersion(ctx, &iamclient.DeletePolicyVersionInput{
		PolicyArn: aws.String(readOnlyARN), VersionId: aws.String("v7"),
	})
	_, changes["TagPolicy"] = c.TagPolicy(ctx, &iamclient.TagPolicyInput{
		PolicyArn: aws.String(readOnlyARN), Tags: []types.Tag{wiretest.IAMTag("a", "b")},
	})
	for name, err := range changes {
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a role with a policy of the file may do follows the file of the present start. Without
// the policy it may do nothing.
func TestManagedPoliciesFileDecides(t *testing.T) {
	dir, log := t.TempDir(), &wiretest.SafeBuffer{}
	start := func(file string) *wiretest.Server {
		return wiretest.Start(t, func(c *poolhouse.Config) {
			c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, make([]byte, 32), "ES256"
			c.ManagedPolicies, c.Logger = file, slog.New(slog.NewTextHandler(log, nil))
		})
	}
	may := func(s *wiretest.Server) bool {
		c := wiretest.Must(sts.New(sts.Options{
			Region:       wiretest.Region,
			BaseEndpoint: &s.URL,
			Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		}).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: aws.String(wiretest.IAMBase + "role/Reader"), RoleSessionName: aws.String("s1"),
		}))(t).Credentials
		_, err := s.SignedBy(wiretest.Region, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken).
			ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
		if err != nil {
			wiretest.WantError(t, err, "AccessDeniedException", "")
		}
		return err == nil
	}

	s := start(awsPoliciesFile(listPools))
	s.NewIAMRole(t, "Reader", wiretest.AccountTrust)
	if may(s) {
		t.Error("a role without policies may list pools")
	}
	wiretest.Must(s.IAM().AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("Reader"), PolicyArn: aws.String(readOnlyARN),
	}))(t)
	if !may(s) {
		t.Error("a role with AWS's policy may not do what it allows")
	}
	s.Stop()
	log.Take("")

	const denied = `{"Effect": "Deny", "Action": "cognito-identity:List*", "Resource": "*",` +
		`"Condition": {"StringEquals": {"aws:misspelt": "a"}}},`
	s = start(awsPoliciesFile(denied + listPools))
	if lines := log.Take("aws:misspelt"); len(lines) != 1 || !strings.Contains(lines[0], readOnlyARN) {
		t.Errorf("warnings: %q", lines)
	}
	if may(s) {
		t.Error("a Deny of the new file does not count")
	}
	s.Stop()

	s = start("")
	if lines := log.Take("a role may do nothing"); len(lines) != 1 || !strings.Contains(lines[0], readOnlyARN) {
		t.Errorf("log: %q", lines)
	}
	if may(s) {
		t.Error("a role may list pools although the content of its policy is not known")
	}
	_, err := s.IAM().GetPolicy(t.Context(), &iamclient.GetPolicyInput{PolicyArn: aws.String(readOnlyARN)})
	wiretest.WantError(t, err, "NoSuchEntity", "Policy "+readOnlyARN+" was not found.")
	wiretest.Must(s.IAM().DetachRolePolicy(t.Context(), &iamclient.DetachRolePolicyInput{
		RoleName: aws.String("Reader"), PolicyArn: aws.String(readOnlyARN),
	}))(t)
}

// Attaching a policy of AWS names the condition keys that cannot be evaluated.
func TestManagedPoliciesFileWarns(t *testing.T) {
	log := &wiretest.SafeBuffer{}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.ManagedPolicies = awsPoliciesFile(
			`{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:misspelt": "a"}}}`)
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
	if lines := log.Take("aws:misspelt"); len(lines) > 0 {
		t.Errorf("a policy that no role has is named: %q", lines)
	}

	s.NewIAMRole(t, "Reader", wiretest.AccountTrust)
	wiretest.Must(s.IAM().AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("Reader"), PolicyArn: aws.String(readOnlyARN),
	}))(t)
	if lines := log.Take("aws:misspelt"); len(lines) != 1 || !strings.Contains(lines[0], readOnlyARN) {
		t.Errorf("warnings: %q", lines)
	}
}
