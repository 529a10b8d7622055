package iamapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The whole account in one listing: roles with their policies, managed policies
// with their versions, in pages of any size, and by kind.
func TestIAMAccountAuthorizationDetails(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Roles = []poolhouse.RoleConfig{{
			ARN:               wiretest.IAMBase + "role/Fixed",
			TrustPolicy:       wiretest.AccountTrust,
			Policies:          map[string]string{"read": wiretest.ReadPools},
			MaxSessionSeconds: 7200,
		}}
	})
	c, ctx := s.IAM(), t.Context()
	arn := wiretest.Must(c.CreatePolicy(ctx, &iamclient.CreatePolicyInput{
		PolicyName:     aws.String("Read"),
		Path:           aws.String("/team/"),
		PolicyDocument: aws.String(wiretest.ReadPools),
		Description:    aws.String("reads"),
	}))(t).Policy.Arn
	wiretest.Must(c.CreatePolicyVersion(
		ctx,
		&iamclient.CreatePolicyVersionInput{
			PolicyArn: arn, PolicyDocument: aws.String(sized(t, 200)), SetAsDefault: true,
		},
	))(t)
	wiretest.Must(c.CreatePolicy(
		ctx, &iamclient.CreatePolicyInput{PolicyName: aws.String("a"), PolicyDocument: aws.String(wiretest.ReadPools)},
	))(t)

	for _, name := range []string{"beta", "Alpha"} {
		wiretest.Must(c.CreateRole(ctx, &iamclient.CreateRoleInput{
			RoleName:                 &name,
			Path:                     aws.String("/p/"),
			AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
			PermissionsBoundary:      arn,
			Tags:                     []types.Tag{wiretest.IAMTag("k", "v")},
		}))(t)

		for _, inline := range []string{"two", "one"} {
			wiretest.Must(c.PutRolePolicy(
				ctx,
				&iamclient.PutRolePolicyInput{
					RoleName: &name, PolicyName: &inline, PolicyDocument: aws.String(wiretest.ReadPools),
				},
			))(t)
		}

		wiretest.Must(c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{RoleName: &name, PolicyArn: arn}))(t)
	}

	whole := wiretest.Must(c.GetAccountAuthorizationDetails(ctx, &iamclient.GetAccountAuthorizationDetailsInput{}))(t)
	wiretest.Equal(t, "truncated", whole.IsTruncated, false)
	if len(whole.RoleDetailList) != 3 || len(whole.Policies) != 4 ||
		len(whole.UserDetailList)+len(whole.GroupDetailList) != 0 {
		t.Fatalf("%d roles, %d policies", len(whole.RoleDetailList), len(whole.Policies))
	}

	r := whole.RoleDetailList[0]
	wiretest.Equal(t, "role",
		fmt.Sprint(*r.RoleName, *r.Path, *r.Arn, wiretest.Decoded(t, r.AssumeRolePolicyDocument), tagText(r.Tags)),
		"Alpha/p/"+wiretest.IAMBase+"role/p/Alpha"+wiretest.AccountTrust+"k=v",
	)
	wiretest.Equal(t, "role's ID",
		*r.RoleId,
		*wiretest.Must(c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: r.RoleName}))(t).Role.RoleId,
	)
	wiretest.Equal(t, "boundary",
		string(r.PermissionsBoundary.PermissionsBoundaryType)+*r.PermissionsBoundary.PermissionsBoundaryArn,
		"Policy"+*arn,
	)
	wiretest.Equal(t, "attached",
		fmt.Sprint(
			len(r.AttachedManagedPolicies),
			*r.AttachedManagedPolicies[0].PolicyName,
			*r.AttachedManagedPolicies[0].PolicyArn,
		),
		"1Read"+*arn,
	)
	wiretest.Equal(t, "inline",
		fmt.Sprint(
			len(r.RolePolicyList),
			*r.RolePolicyList[0].PolicyName,
			*r.RolePolicyList[1].PolicyName,
			wiretest.Decoded(t, r.RolePolicyList[0].PolicyDocument),
		),
		"2onetwo"+wiretest.ReadPools,
	)
	if r.CreateDate == nil || r.RoleLastUsed == nil || len(r.InstanceProfileList) != 0 {
		t.Errorf("role %+v", r)
	}

	fixed := whole.RoleDetailList[2]
	wiretest.Equal(t, "role of the settings", *fixed.RoleName+*fixed.RolePolicyList[0].PolicyName, "Fixedread")
	p := whole.Policies[3]
	wiretest.Equal(t, "policy",
		fmt.Sprint(
			*p.PolicyName,
			*p.Path,
			*p.Arn,
			*p.DefaultVersionId,
			*p.AttachmentCount,
			*p.PermissionsBoundaryUsageCount,
			*p.Description,
			p.IsAttachable,
		),
		"Read/team/"+*arn+"v22 2readstrue",
	)
	wiretest.Equal(t, "versions",
		fmt.Sprint(
			len(p.PolicyVersionList),
			*p.PolicyVersionList[0].VersionId,
			p.PolicyVersionList[0].IsDefaultVersion,
			wiretest.Decoded(t, p.PolicyVersionList[1].Document),
		),
		"2v2true"+wiretest.ReadPools,
	)

	all := []string{
		"Alpha", "beta", "Fixed", "AdministratorAccess", "AmazonCognitoUnAuthedIdentitiesSessionPolicy", "a", "Read",
	}
	list := func(size int32, kinds ...types.EntityType) (names []string) {
		pages := iamclient.NewGetAccountAuthorizationDetailsPaginator(c, &iamclient.GetAccountAuthorizationDetailsInput{
			MaxItems: &size, Filter: kinds,
		})
		for pages.HasMorePages() {
			page := wiretest.Must(pages.NextPage(ctx))(t)
			if n := len(page.RoleDetailList) + len(page.Policies); n > int(size) || n < int(size) && page.IsTruncated {
				t.Errorf("%d entries on a page of %d", n, size)
			}

			for _, r := range page.RoleDetailList {
				names = append(names, *r.RoleName)
			}

			for _, p := range page.Policies {
				names = append(names, *p.PolicyName)
			}
		}

		return names
	}

	for size := range 8 {
		if got := list(int32(size + 1)); !slices.Equal(got, all) {
			t.Errorf("in pages of %d: %v", size+1, got)
		}
	}

	for _, test := range []struct {
		kinds []types.EntityType
		want  []string
	}{
		{[]types.EntityType{"Role"}, all[:3]},
		{[]types.EntityType{"AWSManagedPolicy"}, all[3:5]},
		{[]types.EntityType{"LocalManagedPolicy"}, all[5:]},
		{[]types.EntityType{"LocalManagedPolicy", "Role"}, slices.Concat(all[:3], all[5:])},
		{[]types.EntityType{"User", "Group"}, nil},
	} {
		for _, size := range []int32{1, 2, 100} {
			if got := list(size, test.kinds...); !slices.Equal(got, test.want) {
				t.Errorf("%v in pages of %d: %v", test.kinds, size, got)
			}
		}
	}

	_, err := c.GetAccountAuthorizationDetails(ctx, &iamclient.GetAccountAuthorizationDetailsInput{
		Filter: []types.EntityType{"Robot"},
	})
	wiretest.WantError(t, err, "ValidationError", "")
	_, err = c.GetAccountAuthorizationDetails(ctx, &iamclient.GetAccountAuthorizationDetailsInput{
		Marker: aws.String("!"),
	})
	wiretest.WantError(t, err, "ValidationError", "The marker is not one that this API returned.")
}

// A page has no more documents than an answer should, whatever is asked for.
func TestIAMAccountAuthorizationDetailsAreBounded(t *testing.T) {
	s := wiretest.Start(t)

	c, ctx := s.IAM(), t.Context()
	document := strings.ReplaceAll(sized(t, 6144), "xx", "+/") // which encode to three times their size
	const policies = 20
	for i := range policies {
		made := wiretest.Must(c.CreatePolicy(
			ctx,
			&iamclient.CreatePolicyInput{PolicyName: aws.String(fmt.Sprintf("p%02d", i)), PolicyDocument: &document},
		))(t)
		for range 4 {
			wiretest.Must(c.CreatePolicyVersion(
				ctx, &iamclient.CreatePolicyVersionInput{PolicyArn: made.Policy.Arn, PolicyDocument: &document},
			))(t)
		}
	}

	var names []string
	pages := iamclient.NewGetAccountAuthorizationDetailsPaginator(c, &iamclient.GetAccountAuthorizationDetailsInput{
		MaxItems: aws.Int32(1000), Filter: []types.EntityType{"LocalManagedPolicy"},
	})
	for count := 1; pages.HasMorePages(); count++ {
		page := wiretest.Must(pages.NextPage(ctx))(t)
		size := 0
		for _, p := range page.Policies {
			names = append(names, *p.PolicyName)
			for _, v := range p.PolicyVersionList {
				size += len(*v.Document)
			}
		}

		if size > 1<<20 || size < 1<<19 && page.IsTruncated || count == 1 && !page.IsTruncated {
			t.Errorf("page %d has %d bytes of documents", count, size)
		}
	}

	if len(names) != policies || !slices.IsSorted(names) {
		t.Errorf("listed %v", names)
	}
}
