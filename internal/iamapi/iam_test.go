package iamapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

func tagText(tags []types.Tag) string {
	var all []string
	for _, t := range tags {
		all = append(all, *t.Key+"="+*t.Value)
	}
	return strings.Join(all, " ")
}

func TestIAMRoles(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		c, ctx := s.IAM(), t.Context()
		made := wiretest.Must(c.CreateRole(ctx, &iamclient.CreateRoleInput{
			RoleName:                 aws.String("App"),
			AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
			Path:                     aws.String("/team/"),
			Description:              aws.String("what it does"),
			MaxSessionDuration:       aws.Int32(7200),
			Tags:                     []types.Tag{wiretest.IAMTag("b", "2"), wiretest.IAMTag("a", "1 ä")},
		}))(t).Role

		got := wiretest.Must(c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: aws.String("app")}))(t).Role
		for step, r := range map[string]*types.Role{"CreateRole": made, "GetRole": got} {
			wiretest.Equal(t, step+": ARN", *r.Arn, wiretest.IAMBase+"role/team/App")
			wiretest.Equal(t, step+": name", *r.RoleName, "App")
			wiretest.Equal(t, step+": path", *r.Path, "/team/")
			wiretest.Equal(
				t, step+": trust policy", wiretest.Decoded(t, r.AssumeRolePolicyDocument), wiretest.AccountTrust,
			)
			wiretest.Equal(t, step+": description", *r.Description, "what it does")
			wiretest.Equal(t, step+": maximum session", *r.MaxSessionDuration, 7200)
			wiretest.Equal(t, step+": tags", tagText(r.Tags), "a=1 ä b=2")
			wiretest.Equal(t, step+": ID", *r.RoleId, *made.RoleId)
			if !strings.HasPrefix(*r.RoleId, "AROA") || len(*r.RoleId) != 21 ||
				time.Since(*r.CreateDate).Abs() > time.Minute ||
				(r.RoleLastUsed == nil) != (step == "CreateRole") {
				t.Errorf("%s: %+v", step, r)
			}
		}

		wiretest.Must(c.UpdateRole(
			ctx, &iamclient.UpdateRoleInput{RoleName: aws.String("App"), MaxSessionDuration: aws.Int32(3600)},
		))(t)
		wiretest.Must(c.UpdateRole(
			ctx, &iamclient.UpdateRoleInput{RoleName: aws.String("App"), Description: aws.String("other")},
		))(t)
		wiretest.Must(c.UpdateRoleDescription(
			ctx, &iamclient.UpdateRoleDescriptionInput{RoleName: aws.String("App"), Description: aws.String("third")},
		))(t)

		trust := strings.ReplaceAll(wiretest.AccountTrust, "root", "role/Other")
		wiretest.Must(c.UpdateAssumeRolePolicy(
			ctx, &iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("App"), PolicyDocument: &trust},
		))(t)
		wiretest.Must(c.TagRole(
			ctx,
			&iamclient.TagRoleInput{
				RoleName: aws.String("App"), Tags: []types.Tag{wiretest.IAMTag("A", "3"), wiretest.IAMTag("c", "")},
			},
		))(t)
		wiretest.Must(c.UntagRole(
			ctx, &iamclient.UntagRoleInput{RoleName: aws.String("App"), TagKeys: []string{"b", "none"}},
		))(t)

		got = wiretest.Must(c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: aws.String("App")}))(t).Role
		wiretest.Equal(t, "updated",
			fmt.Sprint(*got.Description, *got.MaxSessionDuration, tagText(got.Tags), wiretest.Decoded(
				t, got.AssumeRolePolicyDocument,
			)),
			"third3600A=3 c="+trust,
		)

		tags := wiretest.Must(c.ListRoleTags(
			ctx, &iamclient.ListRoleTagsInput{RoleName: aws.String("App"), MaxItems: aws.Int32(1)},
		))(t)
		wiretest.Equal(t, "first page of tags", tagText(tags.Tags), "A=3")

		tags = wiretest.Must(c.ListRoleTags(
			ctx, &iamclient.ListRoleTagsInput{RoleName: aws.String("App"), Marker: tags.Marker},
		))(t)
		wiretest.Equal(t, "second page of tags", tagText(tags.Tags)+fmt.Sprint(tags.IsTruncated), "c=false")
		profiles := wiretest.Must(c.ListInstanceProfilesForRole(
			ctx, &iamclient.ListInstanceProfilesForRoleInput{RoleName: aws.String("App")},
		))(t)
		wiretest.Equal(t, "instance profiles", len(profiles.InstanceProfiles), 0)

		for _, name := range []string{"beta", "Alpha"} {
			s.NewIAMRole(t, name, wiretest.AccountTrust)
		}

		var names []string
		pages := iamclient.NewListRolesPaginator(c, &iamclient.ListRolesInput{MaxItems: aws.Int32(2)})
		for pages.HasMorePages() {
			page := wiretest.Must(pages.NextPage(ctx))(t)
			for _, r := range page.Roles {
				names = append(names, *r.RoleName)
				if r.Tags != nil || r.PermissionsBoundary != nil {
					t.Errorf("a listed role has tags or a boundary: %+v", r)
				}
			}
		}

		wiretest.Equal(t, "roles", strings.Join(names, " "), "Alpha App beta")
		under := wiretest.Must(c.ListRoles(ctx, &iamclient.ListRolesInput{PathPrefix: aws.String("/team/")}))(t)
		if len(under.Roles) != 1 || under.IsTruncated || under.Marker != nil {
			t.Errorf("roles under /team/: %+v", under)
		}
		wiretest.Must(c.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: aws.String("App")}))(t)

		_, err := c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: aws.String("App")})
		wiretest.WantError(t, err, "NoSuchEntity", "The role with name App cannot be found.")
	})
}

func TestIAMRoleRefusals(t *testing.T) {
	s := wiretest.Start(t)
	c, ctx := s.IAM(), t.Context()
	s.NewIAMRole(t, "App", wiretest.AccountTrust)

	create := func(change func(*iamclient.CreateRoleInput)) error {
		in := &iamclient.CreateRoleInput{
			RoleName: aws.String("New"), AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
		}
		change(in)
		_, err := c.CreateRole(ctx, in)
		return err
	}

	federated := func(principal, condition string) *string {
		return aws.String(
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + principal +
				`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}}`,
		)
	}
	none := aws.String("None")

	var many []types.Tag
	for i := range 51 {
		many = append(many, wiretest.IAMTag(fmt.Sprint(i), ""))
	}
	long := strings.Replace(wiretest.AccountTrust, `:root"`, `:role/`+strings.Repeat("x", 2048)+`"`, 1)
	_, getPolicy := c.GetRolePolicy(ctx, &iamclient.GetRolePolicyInput{RoleName: aws.String("App"), PolicyName: none})
	_, deletePolicy := c.DeleteRolePolicy(ctx, &iamclient.DeleteRolePolicyInput{
		RoleName: aws.String("App"), PolicyName: none,
	})

	_, putPolicy := c.PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{
		RoleName: aws.String("App"), PolicyName: none, PolicyDocument: aws.String(wiretest.AccountTrust),
	})

	_, tooLarge := c.PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{
		RoleName:   aws.String("App"),
		PolicyName: none,
		PolicyDocument: aws.String(strings.Replace(
			wiretest.ReadPools, `"*"`, `"arn:aws:s3:::`+strings.Repeat("x", 10240)+`"`, 1,
		)),
	})
	_, marker := c.ListRoles(ctx, &iamclient.ListRolesInput{Marker: aws.String("!")})
	_, attach := c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("App"), PolicyArn: aws.String(wiretest.IAMBase + "policy/None"),
	})

	_, attachAWS := c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("App"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AmazonS3FullAccess"),
	})
	_, attachOdd := c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("App"), PolicyArn: aws.String(wiretest.IAMBase + "role/App-and-more"),
	})
	_, detach := c.DetachRolePolicy(ctx, &iamclient.DetachRolePolicyInput{
		RoleName: aws.String("App"), PolicyArn: aws.String(wiretest.IAMBase + "policy/None"),
	})

	for _, test := range []struct {
		name          string
		err           error
		code, message string
	}{
		{"the same name", create(func(in *iamclient.CreateRoleInput) {
			in.RoleName = aws.String("aPP")
		}), "EntityAlreadyExists", "Role with name aPP already exists."},
		{
			"bad name",
			create(func(in *iamclient.CreateRoleInput) { in.RoleName = aws.String("a b") }),
			"ValidationError",
			`1 validation error detected: Value 'a b' at 'roleName' failed to satisfy constraint: Member must ` +
				`satisfy regular expression pattern: [\w+=,.@-]+`,
		},
		{"bad path", create(func(in *iamclient.CreateRoleInput) {
			in.Path = aws.String("team")
		}), "ValidationError", ""},
		{"long session", create(func(in *iamclient.CreateRoleInput) {
			in.MaxSessionDuration = aws.Int32(43201)
		}), "ValidationError",
			"1 validation error detected: Value '43201' at 'maxSessionDuration' failed to satisfy " +
				"constraint: Member must have value less than or equal to 43200"},
		{"no JSON", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = aws.String("{")
		}), "MalformedPolicyDocument", ""},
		{"no principal", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = aws.String(wiretest.ReadPools)
		}), "MalformedPolicyDocument", ""},
		{"any pool", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = federated("cognito-identity.amazonaws.com", `{}`)
		}), "MalformedPolicyDocument", ""},
		{"any pool, in words", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = federated(
				"cognito-identity.amazonaws.com", `{"StringLike":{"cognito-identity.amazonaws.com:aud":"*"}}`,
			)
		}), "MalformedPolicyDocument", ""},
		{"pools of GovCloud", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = federated(
				"cognito-identity.us-gov-west-1.amazonaws.com",
				`{"StringEquals":{"cognito-identity-us-gov.amazonaws.com:aud":"us-gov-west-1:1"}}`,
			)
		}), "MalformedPolicyDocument", "Statement[0]: The principal cognito-identity.us-gov-west-1.amazonaws.com " +
			"is not supported: identity pools are cognito-identity-us-gov.amazonaws.com there, " +
			"with the condition keys cognito-identity-us-gov.amazonaws.com:aud, " +
			"cognito-identity-us-gov.amazonaws.com:sub and cognito-identity-us-gov.amazonaws.com:amr"},
		{"pools of China", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = federated(
				"cognito-identity.cn-north-1.amazonaws.com.cn",
				`{"StringEquals":{"cognito-identity.amazonaws.com.cn:aud":"cn-north-1:x"}}`,
			)
		}), "MalformedPolicyDocument", ""},
		{"any repository", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = federated(
				wiretest.IAMBase+"oidc-provider/token.actions.githubusercontent.com",
				`{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`,
			)
		}), "MalformedPolicyDocument", ""},
		{"long trust policy", create(func(in *iamclient.CreateRoleInput) {
			in.AssumeRolePolicyDocument = &long
		}), "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"},
		{"no such boundary", create(func(in *iamclient.CreateRoleInput) {
			in.PermissionsBoundary = aws.String(wiretest.IAMBase + "policy/None")
		}), "NoSuchEntity",
			"Scope ARN: " + wiretest.IAMBase + "policy/None does not exist or is not attachable."},
		{"a tag twice", create(func(in *iamclient.CreateRoleInput) {
			in.Tags = []types.Tag{wiretest.IAMTag("a", ""), wiretest.IAMTag("A", "")}
		}), "InvalidInput",
			"Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		{"a tag of AWS", create(func(in *iamclient.CreateRoleInput) {
			in.Tags = []types.Tag{wiretest.IAMTag("aws:x", "")}
		}), "InvalidInput", ""},
		{"51 tags", create(func(in *iamclient.CreateRoleInput) { in.Tags = many }), "ValidationError", ""},
		{"GetRolePolicy of none", getPolicy, "NoSuchEntity", "The role policy with name None cannot be found."},
		{"DeleteRolePolicy of none", deletePolicy, "NoSuchEntity", "The role policy with name None cannot be found."},
		{"a trust policy as inline policy", putPolicy, "MalformedPolicyDocument", ""},
		{
			"inline policies too large",
			tooLarge,
			"LimitExceeded",
			"Maximum policy size of 10240 bytes exceeded for role App",
		},
		{"a marker of nobody's", marker, "ValidationError", ""},
		{
			"attach none",
			attach,
			"NoSuchEntity",
			"Policy " + wiretest.IAMBase + "policy/None does not exist or is not attachable.",
		},
		{
			"attach an unknown policy of AWS",
			attachAWS,
			"NoSuchEntity",
			"Policy arn:aws:iam::aws:policy/AmazonS3FullAccess does not exist or is not attachable.",
		},
		{"attach no policy", attachOdd, "InvalidInput", ""},
		{"detach none", detach, "NoSuchEntity", "Policy " + wiretest.IAMBase + "policy/None was not found."},
	} {
		t.Run(test.name, func(t *testing.T) { wiretest.WantError(t, test.err, test.code, test.message) })
	}

	missing := "The role with name None cannot be found."
	for name, call := range map[string]func() error{
		"UpdateRole": func() error {
			_, err := c.UpdateRole(ctx, &iamclient.UpdateRoleInput{RoleName: none})
			return err
		},
		"UpdateRoleDescription": func() error {
			_, err := c.UpdateRoleDescription(ctx, &iamclient.UpdateRoleDescriptionInput{
				RoleName: none, Description: none,
			})
			return err
		},
		"UpdateAssumeRolePolicy": func() error {
			_, err := c.UpdateAssumeRolePolicy(ctx, &iamclient.UpdateAssumeRolePolicyInput{
				RoleName: none, PolicyDocument: aws.String(wiretest.AccountTrust),
			})
			return err
		},
		"DeleteRole": func() error {
			_, err := c.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: none})
			return err
		},
		"TagRole": func() error {
			_, err := c.TagRole(ctx, &iamclient.TagRoleInput{RoleName: none, Tags: many[:1]})
			return err
		},
		"UntagRole": func() error {
			_, err := c.UntagRole(ctx, &iamclient.UntagRoleInput{RoleName: none, TagKeys: []string{"a"}})
			return err
		},
		"ListRoleTags": func() error {
			_, err := c.ListRoleTags(ctx, &iamclient.ListRoleTagsInput{RoleName: none})
			return err
		},
		"ListInstanceProfilesForRole": func() error {
			_, err := c.ListInstanceProfilesForRole(ctx, &iamclient.ListInstanceProfilesForRoleInput{RoleName: none})
			return err
		},
		"PutRolePolicy": func() error {
			_, err := c.PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{
				RoleName: none, PolicyName: none, PolicyDocument: aws.String(wiretest.ReadPools),
			})
			return err
		},
		"ListRolePolicies": func() error {
			_, err := c.ListRolePolicies(ctx, &iamclient.ListRolePoliciesInput{RoleName: none})
			return err
		},
		"ListAttachedRolePolicies": func() error {
			_, err := c.ListAttachedRolePolicies(ctx, &iamclient.ListAttachedRolePoliciesInput{RoleName: none})
			return err
		},
		"AttachRolePolicy": func() error {
			_, err := c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{
				RoleName: none, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess"),
			})
			return err
		},
		"DeleteRolePermissionsBoundary": func() error {
			_, err := c.DeleteRolePermissionsBoundary(ctx, &iamclient.DeleteRolePermissionsBoundaryInput{
				RoleName: none,
			})
			return err
		},
	} {
		t.Run(name+" of none", func(t *testing.T) { wiretest.WantError(t, call(), "NoSuchEntity", missing) })
	}
}

func TestIAMPolicies(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		c, ctx := s.IAM(), t.Context()
		s.NewIAMRole(t, "App", wiretest.AccountTrust)

		role := aws.String("App")
		for _, name := range []string{"b", "a"} {
			wiretest.Must(c.PutRolePolicy(
				ctx,
				&iamclient.PutRolePolicyInput{
					RoleName: role, PolicyName: &name, PolicyDocument: aws.String(wiretest.ReadPools),
				},
			))(t)
		}

		inline := wiretest.Must(c.GetRolePolicy(
			ctx, &iamclient.GetRolePolicyInput{RoleName: role, PolicyName: aws.String("a")},
		))(t)
		wiretest.Equal(t, "inline policy",
			*inline.RoleName+*inline.PolicyName+wiretest.Decoded(t, inline.PolicyDocument),
			"Appa"+wiretest.ReadPools,
		)

		names := wiretest.Must(c.ListRolePolicies(
			ctx, &iamclient.ListRolePoliciesInput{RoleName: role, MaxItems: aws.Int32(1)},
		))(t)
		more := wiretest.Must(c.ListRolePolicies(
			ctx, &iamclient.ListRolePoliciesInput{RoleName: role, Marker: names.Marker},
		))(t)
		wiretest.Equal(t, "inline policies",
			fmt.Sprint(names.PolicyNames, names.IsTruncated, more.PolicyNames, more.IsTruncated),
			"[a] true [b] false",
		)

		_, err := c.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: role})
		wiretest.WantError(t, err, "DeleteConflict", "Cannot delete entity, must delete policies first.")

		for _, name := range []string{"b", "a"} {
			wiretest.Must(c.DeleteRolePolicy(
				ctx, &iamclient.DeleteRolePolicyInput{RoleName: role, PolicyName: &name},
			))(t)
		}

		made := wiretest.Must(c.CreatePolicy(ctx, &iamclient.CreatePolicyInput{
			PolicyName:     aws.String("Read"),
			Path:           aws.String("/team/"),
			PolicyDocument: aws.String(wiretest.ReadPools),
			Description:    aws.String("reads"),
			Tags:           []types.Tag{wiretest.IAMTag("a", "1")},
		}))(t).Policy
		arn := made.Arn
		wiretest.Equal(t, "policy", *arn, wiretest.IAMBase+"policy/team/Read")

		_, err = c.CreatePolicy(ctx, &iamclient.CreatePolicyInput{
			PolicyName: aws.String("READ"), PolicyDocument: aws.String(wiretest.ReadPools),
		})
		wiretest.WantError(
			t, err, "EntityAlreadyExists", "A policy called READ already exists. Duplicate names are not allowed.",
		)

		_, err = c.CreatePolicy(ctx, &iamclient.CreatePolicyInput{
			PolicyName: aws.String("X"), PolicyDocument: aws.String(wiretest.AccountTrust),
		})
		wiretest.WantError(t, err, "MalformedPolicyDocument", "")
		wiretest.Must(c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{RoleName: role, PolicyArn: arn}))(t)
		wiretest.Must(c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{RoleName: role, PolicyArn: arn}))(t)

		admin := aws.String("arn:aws:iam::aws:policy/AdministratorAccess")
		wiretest.Must(c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{RoleName: role, PolicyArn: admin}))(t)
		wiretest.Must(c.PutRolePermissionsBoundary(
			ctx, &iamclient.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: arn},
		))(t)

		attached := wiretest.Must(c.ListAttachedRolePolicies(
			ctx, &iamclient.ListAttachedRolePoliciesInput{RoleName: role, PathPrefix: aws.String("/team/")},
		))(t)
		if len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyName != "Read" ||
			*attached.AttachedPolicies[0].PolicyArn != *arn {
			t.Errorf("attached: %+v", attached.AttachedPolicies)
		}

		got := wiretest.Must(c.GetPolicy(ctx, &iamclient.GetPolicyInput{PolicyArn: arn}))(t).Policy
		wiretest.Equal(t, "policy",
			fmt.Sprint(
				*got.PolicyName,
				*got.Path,
				*got.Description,
				*got.DefaultVersionId,
				*got.AttachmentCount,
				*got.PermissionsBoundaryUsageCount,
				got.IsAttachable,
				tagText(got.Tags),
			),
			"Read/team/readsv11 1 truea=1",
		)
		wiretest.Equal(t, "boundary",
			*wiretest.Must(c.GetRole(
				ctx, &iamclient.GetRoleInput{RoleName: role},
			))(t).Role.PermissionsBoundary.PermissionsBoundaryArn,
			*arn,
		)

		entities := wiretest.Must(c.ListEntitiesForPolicy(
			ctx, &iamclient.ListEntitiesForPolicyInput{PolicyArn: arn},
		))(t)
		if len(entities.PolicyRoles) != 1 || *entities.PolicyRoles[0].RoleName != "App" {
			t.Errorf("entities: %+v", entities.PolicyRoles)
		}
		_, err = c.DeletePolicy(ctx, &iamclient.DeletePolicyInput{PolicyArn: arn})
		wiretest.WantError(t, err, "DeleteConflict", "Cannot delete a policy attached to entities.")
		_, err = c.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: role})
		wiretest.WantError(t, err, "DeleteConflict", "Cannot delete entity, must detach all policies first.")

		second := wiretest.Must(c.CreatePolicyVersion(
			ctx,
			&iamclient.CreatePolicyVersionInput{
				PolicyArn: arn, PolicyDocument: aws.String(wiretest.ReadPools), SetAsDefault: true,
			},
		))(t).PolicyVersion
		wiretest.Equal(t, "version", *second.VersionId+fmt.Sprint(second.IsDefaultVersion), "v2true")

		for range 3 {
			wiretest.Must(c.CreatePolicyVersion(
				ctx,
				&iamclient.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(wiretest.ReadPools)},
			))(t)
		}

		_, err = c.CreatePolicyVersion(ctx, &iamclient.CreatePolicyVersionInput{
			PolicyArn: arn, PolicyDocument: aws.String(wiretest.ReadPools),
		})
		wiretest.WantError(
			t,
			err,
			"LimitExceeded",
			"A managed policy can have up to 5 versions. Before you create a new version, you must delete an "+
				"existing version.",
		)
		wiretest.Must(c.SetDefaultPolicyVersion(
			ctx, &iamclient.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v3")},
		))(t)

		_, err = c.DeletePolicyVersion(ctx, &iamclient.DeletePolicyVersionInput{
			PolicyArn: arn, VersionId: aws.String("v3"),
		})
		wiretest.WantError(t, err, "DeleteConflict", "Cannot delete the default version of a policy.")

		_, err = c.SetDefaultPolicyVersion(ctx, &iamclient.SetDefaultPolicyVersionInput{
			PolicyArn: arn, VersionId: aws.String("v9"),
		})
		wiretest.WantError(t, err, "NoSuchEntity", "")

		for _, v := range []string{"v1", "v2", "v4"} {
			wiretest.Must(c.DeletePolicyVersion(
				ctx, &iamclient.DeletePolicyVersionInput{PolicyArn: arn, VersionId: &v},
			))(t)
		}

		versions := wiretest.Must(c.ListPolicyVersions(
			ctx, &iamclient.ListPolicyVersionsInput{PolicyArn: arn, MaxItems: aws.Int32(1)},
		))(t)
		rest := wiretest.Must(c.ListPolicyVersions(
			ctx, &iamclient.ListPolicyVersionsInput{PolicyArn: arn, Marker: versions.Marker},
		))(t)
		wiretest.Equal(t, "versions",
			fmt.Sprint(
				len(versions.Versions),
				*versions.Versions[0].VersionId,
				len(rest.Versions),
				*rest.Versions[0].VersionId,
			),
			"1v51v3",
		)

		version := wiretest.Must(c.GetPolicyVersion(
			ctx, &iamclient.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v3")},
		))(t).PolicyVersion
		wiretest.Equal(t, "document", wiretest.Decoded(t, version.Document), wiretest.ReadPools)
		wiretest.Must(c.TagPolicy(
			ctx, &iamclient.TagPolicyInput{PolicyArn: arn, Tags: []types.Tag{wiretest.IAMTag("b", "2")}},
		))(t)
		wiretest.Must(c.UntagPolicy(ctx, &iamclient.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"a"}}))(t)
		wiretest.Equal(t, "tags",
			tagText(wiretest.Must(c.ListPolicyTags(ctx, &iamclient.ListPolicyTagsInput{PolicyArn: arn}))(t).Tags),
			"b=2",
		)

		count := func(in iamclient.ListPoliciesInput) (names string) {
			in.MaxItems = aws.Int32(1)

			pages := iamclient.NewListPoliciesPaginator(c, &in)
			for pages.HasMorePages() {
				for _, p := range wiretest.Must(pages.NextPage(ctx))(t).Policies {
					names += *p.PolicyName + " "
				}
			}

			return names
		}

		wiretest.Equal(t, "all policies",
			count(iamclient.ListPoliciesInput{}),
			"AdministratorAccess AmazonCognitoUnAuthedIdentitiesSessionPolicy Read ",
		)
		wiretest.Equal(
			t, "own policies", count(iamclient.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}), "Read ",
		)
		wiretest.Equal(
			t, "attached policies", count(iamclient.ListPoliciesInput{OnlyAttached: true}), "AdministratorAccess Read ",
		)
		wiretest.Equal(t, "boundaries",
			count(iamclient.ListPoliciesInput{PolicyUsageFilter: types.PolicyUsageTypePermissionsBoundary}),
			"Read ",
		)

		_, err = c.TagPolicy(ctx, &iamclient.TagPolicyInput{
			PolicyArn: admin, Tags: []types.Tag{wiretest.IAMTag("b", "2")},
		})
		wiretest.WantError(t, err, "AccessDenied", "")
		wiretest.Must(c.DetachRolePolicy(ctx, &iamclient.DetachRolePolicyInput{RoleName: role, PolicyArn: arn}))(t)
		wiretest.Must(c.DetachRolePolicy(ctx, &iamclient.DetachRolePolicyInput{RoleName: role, PolicyArn: admin}))(t)
		wiretest.Must(c.DeleteRolePermissionsBoundary(
			ctx, &iamclient.DeleteRolePermissionsBoundaryInput{RoleName: role},
		))(t)

		_, err = c.DeletePolicy(ctx, &iamclient.DeletePolicyInput{PolicyArn: arn})
		wiretest.WantError(t, err, "DeleteConflict", "")
		wiretest.Must(c.DeletePolicyVersion(
			ctx, &iamclient.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v5")},
		))(t)
		wiretest.Must(c.DeletePolicy(ctx, &iamclient.DeletePolicyInput{PolicyArn: arn}))(t)
		_, err = c.GetPolicy(ctx, &iamclient.GetPolicyInput{PolicyArn: arn})
		wiretest.WantError(t, err, "NoSuchEntity", "Policy "+*arn+" was not found.")
		wiretest.Must(c.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: role}))(t)
	})
}

func TestIAMOIDCProviders(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		c, ctx := s.IAM(), t.Context()
		thumbprint := strings.Repeat("0aB9", 10)
		made := wiretest.Must(c.CreateOpenIDConnectProvider(ctx, &iamclient.CreateOpenIDConnectProviderInput{
			Url:            aws.String("https://issuer.example/Realm/"),
			ClientIDList:   []string{"b", "a", "b"},
			ThumbprintList: []string{thumbprint},
			Tags:           []types.Tag{wiretest.IAMTag("a", "1")},
		}))(t)
		arn := made.OpenIDConnectProviderArn
		wiretest.Equal(
			t, "provider", *arn+tagText(made.Tags), wiretest.IAMBase+"oidc-provider/issuer.example/Realm/a=1",
		)

		get := func() string {
			t.Helper()
			p := wiretest.Must(c.GetOpenIDConnectProvider(
				ctx, &iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn},
			))(t)
			if time.Since(*p.CreateDate).Abs() > time.Minute {
				t.Errorf("created %v", p.CreateDate)
			}
			return fmt.Sprint(*p.Url, p.ClientIDList, p.ThumbprintList, tagText(p.Tags))
		}

		wiretest.Equal(t, "provider", get(), "issuer.example/Realm/[b a] ["+thumbprint+"]a=1")
		wiretest.Must(c.AddClientIDToOpenIDConnectProvider(
			ctx,
			&iamclient.AddClientIDToOpenIDConnectProviderInput{
				OpenIDConnectProviderArn: arn, ClientID: aws.String("c"),
			},
		))(t)
		wiretest.Must(c.AddClientIDToOpenIDConnectProvider(
			ctx,
			&iamclient.AddClientIDToOpenIDConnectProviderInput{
				OpenIDConnectProviderArn: arn, ClientID: aws.String("c"),
			},
		))(t)

		for range 2 {
			wiretest.Must(c.RemoveClientIDFromOpenIDConnectProvider(
				ctx,
				&iamclient.RemoveClientIDFromOpenIDConnectProviderInput{
					OpenIDConnectProviderArn: arn, ClientID: aws.String("b"),
				},
			))(t)
		}

		other := strings.Repeat("f", 40)
		wiretest.Must(c.UpdateOpenIDConnectProviderThumbprint(
			ctx,
			&iamclient.UpdateOpenIDConnectProviderThumbprintInput{
				OpenIDConnectProviderArn: arn, ThumbprintList: []string{other},
			},
		))(t)
		wiretest.Must(c.TagOpenIDConnectProvider(
			ctx,
			&iamclient.TagOpenIDConnectProviderInput{
				OpenIDConnectProviderArn: arn, Tags: []types.Tag{wiretest.IAMTag("b", "2")},
			},
		))(t)
		wiretest.Must(c.UntagOpenIDConnectProvider(
			ctx, &iamclient.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, TagKeys: []string{"a"}},
		))(t)
		wiretest.Equal(t, "changed provider", get(), "issuer.example/Realm/[a c] ["+other+"]b=2")
		wiretest.Equal(t, "tags",
			tagText(
				wiretest.Must(c.ListOpenIDConnectProviderTags(
					ctx, &iamclient.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: arn},
				))(t).Tags,
			),
			"b=2",
		)

		all := wiretest.Must(c.ListOpenIDConnectProviders(
			ctx, &iamclient.ListOpenIDConnectProvidersInput{},
		))(t).OpenIDConnectProviderList
		info, _ := s.DevInfo() // the development issuer is of the settings
		if len(all) != 2 || *all[0].Arn != info.OIDCProviderARN || *all[1].Arn != *arn {
			t.Errorf("%d providers", len(all))
		}

		for url, message := range map[string]string{
			"ftp://issuer.example":       "Invalid Open ID Connect Provider URL. The URL must begin with https://.",
			"https://issuer.example?a=b": "",
			"https://u@issuer.example":   "",
		} {
			_, err := c.CreateOpenIDConnectProvider(ctx, &iamclient.CreateOpenIDConnectProviderInput{Url: &url})
			wiretest.WantError(t, err, "InvalidInput", message)
		}

		_, err := c.CreateOpenIDConnectProvider(ctx, &iamclient.CreateOpenIDConnectProviderInput{
			Url: aws.String("https://issuer.example/Realm/"),
		})
		wiretest.WantError(
			t, err, "EntityAlreadyExists", "Provider with url https://issuer.example/Realm/ already exists.",
		)

		_, err = c.UpdateOpenIDConnectProviderThumbprint(ctx, &iamclient.UpdateOpenIDConnectProviderThumbprintInput{
			OpenIDConnectProviderArn: arn, ThumbprintList: []string{strings.Repeat("g", 40)},
		})
		wiretest.WantError(t, err, "InvalidInput", "")
		_, err = c.UpdateOpenIDConnectProviderThumbprint(ctx, &iamclient.UpdateOpenIDConnectProviderThumbprintInput{
			OpenIDConnectProviderArn: arn, ThumbprintList: []string{other, other, other, other, other, other},
		})
		wiretest.WantError(t, err, "InvalidInput", "Thumbprint list must contain at most 5 entries.")

		_, err = c.DeleteOpenIDConnectProvider(ctx, &iamclient.DeleteOpenIDConnectProviderInput{
			OpenIDConnectProviderArn: &info.OIDCProviderARN,
		})
		wiretest.WantError(
			t,
			err,
			"UnmodifiableEntity",
			"This OpenID Connect provider is defined in the settings file of this server, under oidc_providers, "+
				"and cannot be changed through the API: change it there.",
		)
		wiretest.Must(c.DeleteOpenIDConnectProvider(
			ctx, &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn},
		))(t)
		wiretest.Must(c.DeleteOpenIDConnectProvider(
			ctx, &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn},
		))(t) // as AWS

		_, err = c.GetOpenIDConnectProvider(ctx, &iamclient.GetOpenIDConnectProviderInput{
			OpenIDConnectProviderArn: arn,
		})
		wiretest.WantError(t, err, "NoSuchEntity", "OpenIDConnect Provider not found for arn "+*arn)
	})
}

func TestIAMSAMLProviders(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		c, ctx := s.IAM(), t.Context()
		now := time.Now().Truncate(time.Second)
		idp, other := samltest.New(t, now, 0), samltest.New(t, now, 1)
		made := wiretest.Must(c.CreateSAMLProvider(
			ctx,
			&iamclient.CreateSAMLProviderInput{
				Name:                 aws.String("Corp"),
				SAMLMetadataDocument: aws.String(other.Metadata()),
				Tags:                 []types.Tag{wiretest.IAMTag("a", "1")},
			},
		))(t)
		arn := made.SAMLProviderArn
		wiretest.Equal(t, "provider", *arn+tagText(made.Tags), wiretest.SAMLARN+"a=1")
		wiretest.Must(c.UpdateSAMLProvider(
			ctx,
			&iamclient.UpdateSAMLProviderInput{SAMLProviderArn: arn, SAMLMetadataDocument: aws.String(idp.Metadata())},
		))(t)
		wiretest.Must(c.TagSAMLProvider(
			ctx, &iamclient.TagSAMLProviderInput{SAMLProviderArn: arn, Tags: []types.Tag{wiretest.IAMTag("b", "2")}},
		))(t)
		wiretest.Must(c.UntagSAMLProvider(
			ctx, &iamclient.UntagSAMLProviderInput{SAMLProviderArn: arn, TagKeys: []string{"a"}},
		))(t)
		wiretest.Equal(t, "tags",
			tagText(
				wiretest.Must(c.ListSAMLProviderTags(
					ctx, &iamclient.ListSAMLProviderTagsInput{SAMLProviderArn: arn},
				))(t).Tags,
			),
			"b=2",
		)

		got := wiretest.Must(c.GetSAMLProvider(ctx, &iamclient.GetSAMLProviderInput{SAMLProviderArn: arn}))(t)
		wiretest.Equal(t, "provider", *got.SAMLMetadataDocument+tagText(got.Tags), idp.Metadata()+"b=2")
		if got.ValidUntil == nil || got.CreateDate == nil || !got.ValidUntil.After(*got.CreateDate) ||
			*got.SAMLProviderUUID == "" {
			t.Errorf("provider = %+v", got)
		}

		list := wiretest.Must(c.ListSAMLProviders(ctx, &iamclient.ListSAMLProvidersInput{}))(t).SAMLProviderList
		if len(list) != 1 || *list[0].Arn != *arn {
			t.Errorf("providers = %+v", list)
		}
		_, err := c.CreateSAMLProvider(ctx, &iamclient.CreateSAMLProviderInput{
			Name: aws.String("Corp"), SAMLMetadataDocument: aws.String(idp.Metadata()),
		})
		wiretest.WantError(t, err, "EntityAlreadyExists", "")

		_, err = c.CreateSAMLProvider(ctx, &iamclient.CreateSAMLProviderInput{
			Name: aws.String("X"), SAMLMetadataDocument: aws.String(strings.Repeat("<a/>", 300)),
		})
		wiretest.WantError(t, err, "InvalidInput", "")
		_, err = c.CreateSAMLProvider(ctx, &iamclient.CreateSAMLProviderInput{
			Name:                    aws.String("X"),
			SAMLMetadataDocument:    aws.String(idp.Metadata()),
			AssertionEncryptionMode: types.AssertionEncryptionModeTypeRequired,
		})
		wiretest.WantError(t, err, "InvalidInput", "Encrypted SAML assertions are not supported by this server.")

		// A login through the provider works at once, and not after its deletion.
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{*arn} })
		logins := map[string]string{*arn: idp.Response(t, samltest.Login{})}
		s.GetID(t, pool, logins)
		wiretest.Must(c.DeleteSAMLProvider(ctx, &iamclient.DeleteSAMLProviderInput{SAMLProviderArn: arn}))(t)
		_, err = s.Public().GetId(ctx, &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
		wiretest.WantError(t, err, "NotAuthorizedException", "")

		_, err = c.GetSAMLProvider(ctx, &iamclient.GetSAMLProviderInput{SAMLProviderArn: arn})
		wiretest.WantError(t, err, "NoSuchEntity", "")
	})
}

// Through a provider and a role that were made through the API, a user signs in
// and does what the role allows; without the role no more.
func TestIAMSignIn(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		c, ctx := s.IAM(), t.Context()
		upstream := wiretest.Start(t) // its development issuer
		up, _ := upstream.DevInfo()
		provider := wiretest.Must(c.CreateOpenIDConnectProvider(
			ctx, &iamclient.CreateOpenIDConnectProviderInput{Url: &up.Issuer, ClientIDList: []string{up.Audience}},
		))(t).OpenIDConnectProviderArn
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs = []string{*provider}
		})
		trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow",
			"Principal":{"Federated":"cognito-identity.amazonaws.com"},
			"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool +
			`"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}}}`
		role := s.NewIAMRole(t, "Signed", trust)
		wiretest.Must(c.PutRolePolicy(
			ctx,
			&iamclient.PutRolePolicyInput{
				RoleName: role.RoleName, PolicyName: aws.String("p"), PolicyDocument: aws.String(wiretest.ReadPools),
			},
		))(t)
		wiretest.Must(s.Admin().SetIdentityPoolRoles(
			ctx,
			&ci.SetIdentityPoolRolesInput{IdentityPoolId: &pool, Roles: map[string]string{"authenticated": *role.Arn}},
		))(t)

		_, key, _ := strings.Cut(up.Issuer, "://")
		logins := map[string]string{key: upstream.Token(t, "alice")}
		id := s.GetID(t, pool, logins)
		sign := func() (*ci.GetCredentialsForIdentityOutput, error) {
			return s.Public().GetCredentialsForIdentity(ctx, &ci.GetCredentialsForIdentityInput{
				IdentityId: &id, Logins: logins,
			})
		}
		creds := wiretest.Must(sign())(t).Credentials
		describe := func() error {
			_, err := s.SignedBy(
				wiretest.Region, *creds.AccessKeyId, *creds.SecretKey, *creds.SessionToken,
			).DescribeIdentityPool(ctx, &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool})
			return err
		}

		who := wiretest.Must(s.Whoami(t, *creds.AccessKeyId, *creds.SecretKey, *creds.SessionToken))(t)
		wiretest.Equal(t, "caller",
			*who.Arn+" "+*who.UserId,
			"arn:aws:sts::000000000000:assumed-role/Signed/CognitoIdentityCredentials "+*role.RoleId+
				":CognitoIdentityCredentials",
		)
		if err := describe(); err != nil {
			t.Errorf("what the role allows: %v", err)
		}

		// The session may not change IAM.
		_, err := s.IAMBy(*creds.AccessKeyId, *creds.SecretKey, *creds.SessionToken).CreateRole(
			ctx,
			&iamclient.CreateRoleInput{
				RoleName: aws.String("Mine"), AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
			},
		)
		wiretest.WantError(
			t,
			err,
			"AccessDenied",
			"User: "+*who.Arn+" is not authorized to perform: iam:CreateRole on resource: "+wiretest.IAMBase+
				"role/Mine",
		)

		wiretest.Must(c.DeleteRolePolicy(
			ctx, &iamclient.DeleteRolePolicyInput{RoleName: role.RoleName, PolicyName: aws.String("p")},
		))(t)
		wiretest.WantError(t, describe(), "AccessDeniedException", "")
		wiretest.Must(c.PutRolePolicy(
			ctx,
			&iamclient.PutRolePolicyInput{
				RoleName: role.RoleName, PolicyName: aws.String("p"), PolicyDocument: aws.String(wiretest.ReadPools),
			},
		))(t)

		if err := describe(); err != nil {
			t.Errorf("with the policy again: %v", err)
		}

		other := strings.ReplaceAll(trust, pool, "us-east-1:00000000-0000-4000-8000-000000000000")
		wiretest.Must(c.UpdateAssumeRolePolicy(
			ctx, &iamclient.UpdateAssumeRolePolicyInput{RoleName: role.RoleName, PolicyDocument: &other},
		))(t)

		_, err = sign()
		wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")
		wiretest.Must(c.DeleteRolePolicy(
			ctx, &iamclient.DeleteRolePolicyInput{RoleName: role.RoleName, PolicyName: aws.String("p")},
		))(t)
		wiretest.Must(c.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: role.RoleName}))(t)
		if err := describe(); err == nil {
			t.Error("a session of a deleted role is allowed what the role was")
		}

		again := s.NewIAMRole(t, "Signed", trust)
		wiretest.Must(c.PutRolePolicy(
			ctx,
			&iamclient.PutRolePolicyInput{
				RoleName: again.RoleName, PolicyName: aws.String("p"), PolicyDocument: aws.String(wiretest.ReadPools),
			},
		))(t)
		if err := describe(); err == nil {
			t.Error("a session of a deleted role is allowed what another role of its name is")
		}

		wiretest.Must(c.DeleteOpenIDConnectProvider(
			ctx, &iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: provider},
		))(t)

		_, err = sign()
		wiretest.WantError(
			t, err, "NotAuthorizedException", "Token is not from a supported provider of this identity pool.",
		)
	})
}

// Without AcceptUnknownRoles there are no credentials of a deleted role.
func TestIAMDeletedRole(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.AcceptUnknownRoles = false })
	pool := s.NewPool(t)
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool + `"}}}}`
	s.NewIAMRole(t, "Guest", trust)
	id := s.GetID(t, pool, nil)
	wiretest.Must(s.Public().GetCredentialsForIdentity(
		t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id},
	))(t)
	wiretest.Must(s.IAM().DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("Guest")}))(t)

	_, err := s.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id})
	wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")
}

// The API shows what the settings define, and does not change it.
func TestIAMSettings(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Roles = []poolhouse.RoleConfig{{
			ARN:               wiretest.IAMBase + "role/team/Fixed",
			TrustPolicy:       wiretest.AccountTrust,
			Policies:          map[string]string{"read": wiretest.ReadPools},
			MaxSessionSeconds: 7200,
		}}
	})
	c, ctx := s.IAM(), t.Context()
	name := aws.String("fixed")
	r := wiretest.Must(c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: name}))(t).Role
	wiretest.Equal(t, "role",
		fmt.Sprint(*r.Arn, *r.MaxSessionDuration, wiretest.Decoded(t, r.AssumeRolePolicyDocument)),
		wiretest.IAMBase+"role/team/Fixed7200"+wiretest.AccountTrust,
	)
	wiretest.Equal(t, "policy",
		wiretest.Decoded(
			t,
			wiretest.Must(c.GetRolePolicy(
				ctx, &iamclient.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("read")},
			))(t).PolicyDocument,
		),
		wiretest.ReadPools,
	)
	wiretest.Equal(t, "roles", len(wiretest.Must(c.ListRoles(ctx, &iamclient.ListRolesInput{}))(t).Roles), 1)

	_, update := c.UpdateRole(ctx, &iamclient.UpdateRoleInput{RoleName: name})
	_, put := c.PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{
		RoleName: name, PolicyName: name, PolicyDocument: aws.String(wiretest.ReadPools),
	})

	_, remove := c.DeleteRole(ctx, &iamclient.DeleteRoleInput{RoleName: name})
	for _, err := range []error{update, put, remove} {
		wiretest.WantError(
			t,
			err,
			"UnmodifiableEntity",
			"This role is defined in the settings file of this server, under roles, and cannot be changed through "+
				"the API: change it there.",
		)
	}

	_, err := c.CreateRole(ctx, &iamclient.CreateRoleInput{
		RoleName: name, AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
	})
	wiretest.WantError(t, err, "EntityAlreadyExists", "")
}

// A boundary of the settings is a managed policy that the API shows and does not
// change, so that nobody takes the role for one without a boundary.
func TestIAMSettingsBoundary(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Roles = []poolhouse.RoleConfig{
			{
				ARN:                 wiretest.IAMBase + "role/team/Fixed",
				TrustPolicy:         wiretest.AccountTrust,
				PermissionsBoundary: wiretest.ReadPools,
			},
			{ARN: wiretest.IAMBase + "role/Free", TrustPolicy: wiretest.AccountTrust},
			{
				ARN:                 "arn:aws:iam::111111111111:role/Other",
				TrustPolicy:         wiretest.AccountTrust,
				PermissionsBoundary: wiretest.ReadPools,
			}}
	})
	c, ctx := s.IAM(), t.Context()
	const boundary = wiretest.IAMBase + "policy/settings-boundary-Fixed"
	r := wiretest.Must(c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: aws.String("Fixed")}))(t).Role
	if r.PermissionsBoundary == nil || *r.PermissionsBoundary.PermissionsBoundaryArn != boundary {
		t.Fatalf("boundary = %+v", r.PermissionsBoundary)
	}

	if free := wiretest.Must(c.GetRole(
		ctx, &iamclient.GetRoleInput{RoleName: aws.String("Free")},
	))(t).Role; free.PermissionsBoundary != nil {
		t.Errorf("a role without a boundary has %s", *free.PermissionsBoundary.PermissionsBoundaryArn)
	}

	p := wiretest.Must(c.GetPolicy(ctx, &iamclient.GetPolicyInput{PolicyArn: aws.String(boundary)}))(t).Policy
	wiretest.Equal(t, "policy",
		fmt.Sprint(
			*p.PolicyName,
			*p.Path,
			*p.DefaultVersionId,
			p.IsAttachable,
			*p.AttachmentCount,
			*p.PermissionsBoundaryUsageCount,
		),
		"settings-boundary-Fixed/v1false 0 1",
	)

	v := wiretest.Must(c.GetPolicyVersion(
		ctx, &iamclient.GetPolicyVersionInput{PolicyArn: aws.String(boundary), VersionId: aws.String("v1")},
	))(t).PolicyVersion
	wiretest.Equal(t, "document", wiretest.Decoded(t, v.Document), wiretest.ReadPools)
	users := wiretest.Must(c.ListEntitiesForPolicy(
		ctx, &iamclient.ListEntitiesForPolicyInput{PolicyArn: aws.String(boundary)},
	))(t).PolicyRoles
	if len(users) != 1 || *users[0].RoleName != "Fixed" {
		t.Errorf("users = %+v", users)
	}

	for _, name := range []string{"alpha", "zeta"} {
		wiretest.Must(c.CreatePolicy(
			ctx, &iamclient.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(wiretest.ReadPools)},
		))(t)
	}

	var names []string
	pages := iamclient.NewListPoliciesPaginator(c, &iamclient.ListPoliciesInput{
		Scope: types.PolicyScopeTypeLocal, MaxItems: aws.Int32(1),
	})
	for pages.HasMorePages() {
		for _, p := range wiretest.Must(pages.NextPage(ctx))(t).Policies {
			names = append(names, *p.PolicyName)
		}
	}
	wiretest.Equal(t, "policies", strings.Join(names, " "), "alpha settings-boundary-Fixed zeta")

	_, version := c.CreatePolicyVersion(ctx, &iamclient.CreatePolicyVersionInput{
		PolicyArn: aws.String(boundary), PolicyDocument: aws.String(wiretest.AccountAll), SetAsDefault: true,
	})
	_, remove := c.DeletePolicy(ctx, &iamclient.DeletePolicyInput{PolicyArn: aws.String(boundary)})
	_, tagged := c.TagPolicy(ctx, &iamclient.TagPolicyInput{
		PolicyArn: aws.String(boundary), Tags: []types.Tag{wiretest.IAMTag("a", "1")},
	})

	for _, err := range []error{version, remove, tagged} {
		wiretest.WantError(
			t,
			err,
			"UnmodifiableEntity",
			"This policy is defined in the settings file of this server, under roles, and cannot be changed "+
				"through the API: change it there.",
		)
	}

	_, err := c.CreatePolicy(ctx, &iamclient.CreatePolicyInput{
		PolicyName:     aws.String("Settings-Boundary-fixed"),
		Path:           aws.String("/x/"),
		PolicyDocument: aws.String(wiretest.AccountAll),
	})
	wiretest.WantError(t, err, "EntityAlreadyExists", "")
	s.NewIAMRole(t, "App", wiretest.AccountTrust)

	_, err = c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("App"), PolicyArn: aws.String(boundary),
	})
	wiretest.WantError(t, err, "NoSuchEntity", "Policy "+boundary+" does not exist or is not attachable.")

	_, err = c.GetPolicy(ctx, &iamclient.GetPolicyInput{
		PolicyArn: aws.String(wiretest.IAMBase + "policy/settings-boundary-fixed"),
	})
	wiretest.WantError(t, err, "NoSuchEntity", "")
}

// A provider without TLS, which only a development server has, is not shown as
// one with it.
func TestIAMProviderWithoutTLS(t *testing.T) {
	s := wiretest.Start(t)
	for url, want := range map[string]string{
		"http://a.example/x": "http://a.example/x", "https://b.example/x": "b.example/x",
	} {
		made := wiretest.Must(s.IAM().CreateOpenIDConnectProvider(
			t.Context(), &iamclient.CreateOpenIDConnectProviderInput{Url: &url},
		))(t)
		p := wiretest.Must(s.IAM().GetOpenIDConnectProvider(
			t.Context(),
			&iamclient.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: made.OpenIDConnectProviderArn},
		))(t)
		wiretest.Equal(t, url, *p.Url, want)
	}
}

// What clients see of the protocol, and who they are told that they are.
func TestIAMProtocol(t *testing.T) {
	s := wiretest.Start(t)
	user := wiretest.Must(s.IAM().GetUser(t.Context(), &iamclient.GetUserInput{}))(t).User
	wiretest.Equal(t, "user", *user.Arn+*user.UserId, wiretest.IAMBase+"root000000000000")

	_, err := s.IAM().GetUser(t.Context(), &iamclient.GetUserInput{UserName: aws.String("alice")})
	wiretest.WantError(t, err, "NoSuchEntity", "The user with name alice cannot be found.")
	wiretest.Equal(t, "aliases",
		len(
			wiretest.Must(s.IAM().ListAccountAliases(
				t.Context(), &iamclient.ListAccountAliasesInput{},
			))(t).AccountAliases,
		),
		0,
	)

	_, err = s.IAMBy("test", "wrong", "").ListRoles(t.Context(), &iamclient.ListRolesInput{})
	wiretest.WantError(t, err, "SignatureDoesNotMatch", "")
	_, err = s.IAM().CreateGroup(t.Context(), &iamclient.CreateGroupInput{GroupName: aws.String("g")})
	wiretest.WantError(t, err, "InvalidAction", "Could not find operation CreateGroup for version 2010-05-08")

	body := "Action=ListRoles&Version=2010-05-08"
	a := s.Raw(t, "", body, false, func(r *http.Request) {
		r.Header.Del("X-Amz-Target")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		wiretest.Sign(t, r, body, "iam")
	})
	id := a.Header.Get("X-Amzn-Requestid")
	wiretest.Equal(t, "answer", a.Body, `<ListRolesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`+
		`<ListRolesResult><Roles></Roles><IsTruncated>false</IsTruncated></ListRolesResult>`+
		`<ResponseMetadata><RequestId>`+id+`</RequestId></ResponseMetadata></ListRolesResponse>`)
	wiretest.Equal(t, "type", a.Header.Get("Content-Type"), "text/xml")
}

// An access key with a policy may do what that allows, on what it allows.
func TestIAMAuthorisation(t *testing.T) {
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.DataDir, c.MasterKey = dir, master })
	ctx := t.Context()

	db := wiretest.Must(store.Open(ctx, store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()

	keys := wiretest.Must(iam.NewAccessKeys(
		iam.AccessKeyOptions{Store: db, Sealer: wiretest.Must(envelope.New(master))(t)},
	))(t)
	key, secret, err := keys.Create(ctx, iam.NewAccessKey{
		Account: "000000000000",
		Policy: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:*","Resource":"` + wiretest.IAMBase + `role/team/*"},
		{"Effect":"Deny","Action":"iam:AttachRolePolicy","Resource":"*",
			"Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AdministratorAccess"}}},
		{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/env":"prod"}}}]}`,
	})
	if err != nil {
		t.Fatal(err)
	}

	c := s.IAMBy(key.ID, secret, "")
	create := func(name, path, env string) error {
		_, err := c.CreateRole(ctx, &iamclient.CreateRoleInput{
			RoleName:                 &name,
			Path:                     &path,
			AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
			Tags:                     []types.Tag{wiretest.IAMTag("env", env)},
		})
		return err
	}

	if err := create("App", "/team/", "test"); err != nil {
		t.Errorf("within the path: %v", err)
	}
	s.NewIAMRole(t, "Other", wiretest.AccountTrust)

	get := func(name string) error {
		_, err := c.GetRole(ctx, &iamclient.GetRoleInput{RoleName: &name})
		return err
	}
	if err := get("app"); err != nil {
		t.Errorf("GetRole: %v", err)
	}

	_, attach := c.AttachRolePolicy(ctx, &iamclient.AttachRolePolicyInput{
		RoleName: aws.String("App"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess"),
	})
	_, list := c.ListRoles(ctx, &iamclient.ListRolesInput{})
	_, details := c.GetAccountAuthorizationDetails(ctx, &iamclient.GetAccountAuthorizationDetailsInput{})
	for name, err := range map[string]error{
		"another path":               create("New", "/", "test"),
		"a tag":                      create("New", "/team/", "prod"),
		"another role":               get("Other"),
		"a role that does not exist": get("None"),
		"a denied policy":            attach,
		"a listing":                  list,
		"the whole account":          details,
	} {
		t.Run(name, func(t *testing.T) { wiretest.WantError(t, err, "AccessDenied", "") })
	}

	_, err = s.IAM().GetOpenIDConnectProvider(ctx, &iamclient.GetOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: aws.String("arn:aws:iam::111111111111:oidc-provider/issuer.example"),
	})
	wiretest.WantError(t, err, "AccessDenied", "")
}
