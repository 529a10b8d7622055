package iamapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// partitionRegions are regions of all partitions, with what pools are called there.
var partitionRegions = []struct{ region, partition, service string }{
	{"us-east-1", "aws", "cognito-identity.amazonaws.com"},
	{"cn-north-1", "aws-cn", "cognito-identity.cn-north-1.amazonaws.com.cn"},
	{"us-gov-west-1", "aws-us-gov", "cognito-identity-us-gov.amazonaws.com"},
	{"us-gov-east-1", "aws-us-gov", "cognito-identity.us-gov-east-1.amazonaws.com"},
	{"eusc-de-east-1", "aws-eusc", "cognito-identity.amazonaws.com"},
}

// wrongFor is a partition that is neither the call's nor the server's.
func wrongFor(partition string) string {
	if partition == "aws-cn" {
		return "aws-us-gov"
	}
	return "aws-cn"
}

// partitionWorld is a server in us-east-1, called for one region.
type partitionWorld struct {
	*wiretest.Server
	region, partition, service string
	idp                        *samltest.IdP
	traces                     *[]poolhouse.Trace
}

func startPartition(
	t *testing.T, region, partition, service string, change ...func(*poolhouse.Config),
) *partitionWorld {
	t.Helper()
	w := &partitionWorld{
		region:    region,
		partition: partition,
		service:   service,
		idp:       samltest.New(t, time.Now().Truncate(time.Second), 0),
		traces:    new([]poolhouse.Trace),
	}
	w.Server = wiretest.Start(t, append(change, func(c *poolhouse.Config) {
		c.AcceptUnknownRoles = false
		c.OnTrace = func(t poolhouse.Trace) { *w.traces = append(*w.traces, t) }
		c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: w.idp.Metadata()}}
	})...)

	return w
}

func (w *partitionWorld) arn(partition, resource string) string {
	return "arn:" + partition + ":iam::000000000000:" + resource
}

// right is an ARN in the partition of the world's region.
func (w *partitionWorld) right(resource string) string { return w.arn(w.partition, resource) }

func (w *partitionWorld) wrong(resource string) string {
	return w.arn(wrongFor(w.partition), resource)
}

func (w *partitionWorld) pools() *ci.Client { return w.SignedBy(w.region, "test", "test", "") }

func (w *partitionWorld) iam() *iamclient.Client {
	return iamclient.New(iamclient.Options{
		BaseEndpoint:     &w.URL,
		Region:           w.region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func (w *partitionWorld) sts(id, secret, token string) *sts.Client {
	o := sts.Options{
		BaseEndpoint:     &w.URL,
		Region:           w.region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, token),
	}
	if id == "" {
		o.Credentials = aws.AnonymousCredentials{}
	}

	return sts.New(o)
}

// refusedNaming checks that a call was refused with the right ARN or name in its text,
// and that the trace says so too.
func (w *partitionWorld) refusedNaming(t *testing.T, what string, err error, right string) {
	t.Helper()
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || !strings.Contains(refusal.ErrorMessage(), right) {
		t.Errorf("%s: %v, want a refusal that names %s", what, err, right)
		return
	}
	trace := (*w.traces)[len(*w.traces)-1]
	if n := len(trace.Steps); n == 0 || trace.Steps[n-1].OK || !strings.Contains(trace.Steps[n-1].Fix, right) {
		t.Errorf("%s: the trace does not advise %s: %+v", what, right, trace.Steps)
	}
}

// trust is a trust policy of one statement.
func partitionTrust(kind, principal, action, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"` + kind + `":"` + principal +
		`"},"Action":"` +
		action + `","Condition":{` + condition + `}}]}`
}

// newRole makes a role that trusts the pools of one ID by the name that pools have.
func (w *partitionWorld) newRole(t *testing.T, name, service, pool string) *string {
	t.Helper()
	trust := partitionTrust(
		"Federated", service, "sts:AssumeRoleWithWebIdentity", `"StringEquals":{"`+service+`:aud":"`+pool+`"}`,
	)
	out := wiretest.Must(w.iam().CreateRole(
		t.Context(), &iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust},
	))(t)
	return out.Role.Arn
}

// Each operation of IAM that takes or shows an ARN, in each partition.
func TestPartitionsOfIAM(t *testing.T) {
	for _, p := range partitionRegions {
		t.Run(p.region, func(t *testing.T) {
			w := startPartition(t, p.region, p.partition, p.service)
			c := w.iam()
			allow := wiretest.AccountAll
			made := wiretest.Must(c.CreatePolicy(
				t.Context(), &iamclient.CreatePolicyInput{PolicyName: aws.String("P"), PolicyDocument: &allow},
			))(t)
			wiretest.Equal(t, "CreatePolicy", *made.Policy.Arn, w.right("policy/P"))

			trust := partitionTrust("AWS", w.right("root"), "sts:AssumeRole", "")
			role := wiretest.Must(
				c.CreateRole(t.Context(), &iamclient.CreateRoleInput{
					RoleName: aws.String("R"), AssumeRolePolicyDocument: &trust,
					PermissionsBoundary: aws.String(w.right("policy/P"))}),
			)(t).Role
			wiretest.Equal(t, "CreateRole", *role.Arn, w.right("role/R"))
			wiretest.Equal(t, "its boundary", *role.PermissionsBoundary.PermissionsBoundaryArn, w.right("policy/P"))

			oidc := wiretest.Must(c.CreateOpenIDConnectProvider(
				t.Context(),
				&iamclient.CreateOpenIDConnectProviderInput{
					Url: aws.String("https://idp.example"), ClientIDList: []string{"app"}},
			))(t)
			wiretest.Equal(t, "CreateOpenIDConnectProvider", *oidc.OpenIDConnectProviderArn, w.right(
				"oidc-provider/idp.example",
			))

			metadata := w.idp.Metadata()
			saml := wiretest.Must(c.CreateSAMLProvider(
				t.Context(), &iamclient.CreateSAMLProviderInput{Name: aws.String("S"), SAMLMetadataDocument: &metadata},
			))(t)
			wiretest.Equal(t, "CreateSAMLProvider", *saml.SAMLProviderArn, w.right("saml-provider/S"))

			for _, arn := range []string{
				w.right("policy/P"), "arn:" + p.partition + ":iam::aws:policy/AdministratorAccess",
			} {
				wiretest.Must(c.AttachRolePolicy(
					t.Context(), &iamclient.AttachRolePolicyInput{RoleName: aws.String("R"), PolicyArn: &arn},
				))(t)
			}

			// Shown by every listing.
			attached := wiretest.Must(c.ListAttachedRolePolicies(
				t.Context(), &iamclient.ListAttachedRolePoliciesInput{RoleName: aws.String("R")},
			))(t)
			wiretest.Equal(t, "attached", len(attached.AttachedPolicies), 2)

			for _, a := range attached.AttachedPolicies {
				wiretest.Equal(t, "partition of "+*a.PolicyArn, identitypool.PartitionOf(*a.PolicyArn), p.partition)
			}
			wiretest.Equal(t, "GetRole",
				*wiretest.Must(c.GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("R")}))(t).Role.Arn,
				w.right("role/R"),
			)
			wiretest.Equal(t, "GetUser",
				*wiretest.Must(c.GetUser(t.Context(), &iamclient.GetUserInput{}))(t).User.Arn,
				w.right("root"),
			)

			for _, r := range wiretest.Must(c.ListRoles(t.Context(), &iamclient.ListRolesInput{}))(t).Roles {
				wiretest.Equal(t, "ListRoles", identitypool.PartitionOf(*r.Arn), p.partition)
			}

			for _, one := range wiretest.Must(c.ListPolicies(t.Context(), &iamclient.ListPoliciesInput{}))(t).Policies {
				wiretest.Equal(t, "ListPolicies", identitypool.PartitionOf(*one.Arn), p.partition)
				if *one.PolicyName == "P" {
					wiretest.Equal(t, "AttachmentCount", *one.AttachmentCount, 1)
					wiretest.Equal(t, "PermissionsBoundaryUsageCount", *one.PermissionsBoundaryUsageCount, 1)
				}
			}

			for _, one := range wiretest.Must(c.ListOpenIDConnectProviders(
				t.Context(), &iamclient.ListOpenIDConnectProvidersInput{},
			))(t).OpenIDConnectProviderList {
				wiretest.Equal(t, "ListOpenIDConnectProviders", identitypool.PartitionOf(*one.Arn), p.partition)
			}

			for _, one := range wiretest.Must(c.ListSAMLProviders(
				t.Context(), &iamclient.ListSAMLProvidersInput{},
			))(t).SAMLProviderList {
				wiretest.Equal(t, "ListSAMLProviders", identitypool.PartitionOf(*one.Arn), p.partition)
			}

			all := wiretest.Must(c.GetAccountAuthorizationDetails(
				t.Context(), &iamclient.GetAccountAuthorizationDetailsInput{},
			))(t)
			for _, r := range all.RoleDetailList {
				wiretest.Equal(t, "RoleDetailList", identitypool.PartitionOf(*r.Arn), p.partition)
			}
			wiretest.Equal(t, "ListEntitiesForPolicy", len(wiretest.Must(c.ListEntitiesForPolicy(t.Context(),
				&iamclient.ListEntitiesForPolicyInput{PolicyArn: aws.String(w.right("policy/P"))}))(t).PolicyRoles), 1)

			// What is to be stored has the call's partition.
			for resource, call := range map[string]func(string) error{
				"policy/P of AttachRolePolicy": func(arn string) error {
					_, err := c.AttachRolePolicy(t.Context(), &iamclient.AttachRolePolicyInput{
						RoleName: aws.String("R"), PolicyArn: &arn,
					})
					return err
				},
				"policy/P of PutRolePermissionsBoundary": func(arn string) error {
					_, err := c.PutRolePermissionsBoundary(t.Context(), &iamclient.PutRolePermissionsBoundaryInput{
						RoleName: aws.String("R"), PermissionsBoundary: &arn,
					})
					return err
				},
				"policy/P of CreateRole": func(arn string) error {
					_, err := c.CreateRole(t.Context(), &iamclient.CreateRoleInput{
						RoleName: aws.String("New"), AssumeRolePolicyDocument: &trust, PermissionsBoundary: &arn,
					})
					return err
				},
				"role/R of UpdateAssumeRolePolicy": func(arn string) error {
					_, err := c.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
						RoleName: aws.String("R"), PolicyDocument: aws.String(partitionTrust(
							"AWS", arn, "sts:AssumeRole", "",
						))})
					return err
				},
				"root of UpdateAssumeRolePolicy": func(arn string) error {
					_, err := c.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
						RoleName: aws.String("R"), PolicyDocument: aws.String(partitionTrust(
							"AWS", arn, "sts:AssumeRole", "",
						))})
					return err
				},
				"saml-provider/S of UpdateAssumeRolePolicy": func(arn string) error {
					_, err := c.UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
						RoleName: aws.String("R"), PolicyDocument: aws.String(partitionTrust(
							"Federated", arn, "sts:AssumeRoleWithSAML", "",
						))})
					return err
				},
			} {
				name, _, _ := strings.Cut(resource, " ")
				for _, partition := range []string{"aws", "aws-cn", "aws-us-gov", "aws-eusc"} {
					if partition != p.partition {
						w.refusedNaming(t, resource, call(w.arn(partition, name)), w.right(name))
					}
				}
				if resource != "policy/P of CreateRole" {
					if err := call(w.right(name)); err != nil {
						t.Errorf("%s: %v", resource, err)
					}
				}
			}

			// What is there may also be named as this server wrote it for all regions.
			named := map[string]func(context.Context, string) error{
				"policy/P of GetPolicy": func(ctx context.Context, arn string) error {
					out, err := c.GetPolicy(ctx, &iamclient.GetPolicyInput{PolicyArn: &arn})
					if err == nil {
						wiretest.Equal(t, "GetPolicy", *out.Policy.Arn, w.right("policy/P"))
					}
					return err
				},
				"policy/P of ListPolicyVersions": func(ctx context.Context, arn string) error {
					_, err := c.ListPolicyVersions(ctx, &iamclient.ListPolicyVersionsInput{PolicyArn: &arn})
					return err
				},
				"policy/P of CreatePolicyVersion": func(ctx context.Context, arn string) error {
					_, err := c.CreatePolicyVersion(ctx, &iamclient.CreatePolicyVersionInput{
						PolicyArn: &arn, PolicyDocument: &allow,
					})
					return err
				},
				"policy/P of ListEntitiesForPolicy": func(ctx context.Context, arn string) error {
					_, err := c.ListEntitiesForPolicy(ctx, &iamclient.ListEntitiesForPolicyInput{PolicyArn: &arn})
					return err
				},
				"oidc-provider/idp.example of GetOpenIDConnectProvider": func(ctx context.Context, arn string) error {
					_, err := c.GetOpenIDConnectProvider(ctx, &iamclient.GetOpenIDConnectProviderInput{
						OpenIDConnectProviderArn: &arn,
					})
					return err
				},
				"oidc-provider/idp.example of AddClientIDToOpenIDConnectProvider": func(
					ctx context.Context, arn string,
				) error {
					_, err := c.AddClientIDToOpenIDConnectProvider(
						ctx,
						&iamclient.AddClientIDToOpenIDConnectProviderInput{
							OpenIDConnectProviderArn: &arn, ClientID: aws.String("x"),
						},
					)
					return err
				},
				"saml-provider/S of GetSAMLProvider": func(ctx context.Context, arn string) error {
					_, err := c.GetSAMLProvider(ctx, &iamclient.GetSAMLProviderInput{SAMLProviderArn: &arn})
					return err
				},
				"saml-provider/S of UpdateSAMLProvider": func(ctx context.Context, arn string) error {
					_, err := c.UpdateSAMLProvider(ctx, &iamclient.UpdateSAMLProviderInput{
						SAMLProviderArn: &arn, SAMLMetadataDocument: &metadata,
					})
					return err
				},
			}

			for resource, call := range named {
				name, _, _ := strings.Cut(resource, " ")
				for _, arn := range []string{w.right(name), w.arn("aws", name)} {
					if err := call(t.Context(), arn); err != nil {
						t.Errorf("%s %s: %v", resource, arn, err)
					}
				}
				w.refusedNaming(t, resource, call(t.Context(), w.wrong(name)), w.right(name))
			}

			wiretest.Must(c.DetachRolePolicy(
				t.Context(),
				&iamclient.DetachRolePolicyInput{
					RoleName: aws.String("R"), PolicyArn: aws.String(w.arn("aws", "policy/P")),
				},
			))(t)
			_, err := c.DetachRolePolicy(t.Context(), &iamclient.DetachRolePolicyInput{
				RoleName: aws.String("R"), PolicyArn: aws.String(w.wrong("policy/P")),
			})
			w.refusedNaming(t, "DetachRolePolicy", err, w.right("policy/P"))
		})
	}
}

// Each operation of the identity pools that takes or shows an ARN.
func TestPartitionsOfPools(t *testing.T) {
	for _, p := range partitionRegions {
		t.Run(p.region, func(t *testing.T) {
			w := startPartition(t, p.region, p.partition, p.service)
			c := w.pools()
			input := func(saml, oidc string) *ci.CreateIdentityPoolInput {
				return &ci.CreateIdentityPoolInput{
					IdentityPoolName:          aws.String("p"),
					SamlProviderARNs:          []string{saml},
					OpenIdConnectProviderARNs: []string{oidc},
				}
			}

			const saml, oidc = "saml-provider/Corp", "oidc-provider/idp.example"
			pool := wiretest.Must(c.CreateIdentityPool(t.Context(), input(w.right(saml), w.right(oidc))))(t)
			wiretest.Equal(t, "SamlProviderARNs", pool.SamlProviderARNs[0], w.right(saml))
			wiretest.Equal(t, "OpenIdConnectProviderARNs", pool.OpenIdConnectProviderARNs[0], w.right(oidc))

			for _, partition := range []string{"aws", "aws-cn", "aws-us-gov", "aws-eusc"} {
				if partition == p.partition {
					continue
				}
				_, err := c.CreateIdentityPool(t.Context(), input(w.arn(partition, saml), w.right(oidc)))
				w.refusedNaming(t, "SamlProviderARNs", err, w.right(saml))

				_, err = c.CreateIdentityPool(t.Context(), input(w.right(saml), w.arn(partition, oidc)))
				w.refusedNaming(t, "OpenIdConnectProviderARNs", err, w.right(oidc))
				_, err = c.UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
					IdentityPoolId: pool.IdentityPoolId, IdentityPoolName: pool.IdentityPoolName,
					SamlProviderARNs: []string{w.arn(partition, saml)}})
				w.refusedNaming(t, "UpdateIdentityPool", err, w.right(saml))
			}

			wiretest.Equal(t, "DescribeIdentityPool",
				wiretest.Must(c.DescribeIdentityPool(t.Context(),
					&ci.DescribeIdentityPoolInput{IdentityPoolId: pool.IdentityPoolId}))(t).SamlProviderARNs[0],
				w.right(saml),
			)

			roles := func(role, mapped, key string) *ci.SetIdentityPoolRolesInput {
				return &ci.SetIdentityPoolRolesInput{
					IdentityPoolId: pool.IdentityPoolId,
					Roles:          map[string]string{"authenticated": role},
					RoleMappings: map[string]types.RoleMapping{
						key: {
							Type:                    types.RoleMappingTypeRules,
							AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
							RulesConfiguration: &types.RulesConfigurationType{
								Rules: []types.MappingRule{
									{
										Claim:     aws.String("c"),
										MatchType: types.MappingRuleMatchTypeEquals,
										Value:     aws.String("v"),
										RoleARN:   &mapped,
									}},
							},
						},
					},
				}
			}

			wiretest.Must(c.SetIdentityPoolRoles(
				t.Context(), roles(w.right("role/A"), w.right("role/B"), w.right(saml)),
			))(t)
			got := wiretest.Must(c.GetIdentityPoolRoles(
				t.Context(), &ci.GetIdentityPoolRolesInput{IdentityPoolId: pool.IdentityPoolId},
			))(t)
			wiretest.Equal(t, "role", got.Roles["authenticated"], w.right("role/A"))
			wiretest.Equal(t, "mapped role",
				*got.RoleMappings[w.right(saml)].RulesConfiguration.Rules[0].RoleARN,
				w.right("role/B"),
			)

			for _, partition := range []string{"aws", "aws-cn", "aws-us-gov", "aws-eusc"} {
				if partition == p.partition {
					continue
				}
				_, err := c.SetIdentityPoolRoles(t.Context(), roles(
					w.arn(partition, "role/A"), w.right("role/B"), w.right(saml),
				))
				w.refusedNaming(t, "Roles", err, w.right("role/A"))

				_, err = c.SetIdentityPoolRoles(t.Context(), roles(
					w.right("role/A"), w.arn(partition, "role/B"), w.right(saml),
				))
				w.refusedNaming(t, "RoleMappings", err, w.right("role/B"))

				_, err = c.SetIdentityPoolRoles(t.Context(), roles(
					w.right("role/A"), w.right("role/B"), w.arn(partition, saml),
				))
				w.refusedNaming(t, "RoleMappings' key", err, w.right(saml))
				_, err = c.SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{
					IdentityPoolId: pool.IdentityPoolId, IdentityProviderName: aws.String(w.arn(partition, saml)),
					PrincipalTags: map[string]string{"a": "b"}})
				w.refusedNaming(t, "IdentityProviderName", err, w.right(saml))
			}

			wiretest.Must(
				c.SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{
					IdentityPoolId: pool.IdentityPoolId, IdentityProviderName: aws.String(w.right(saml)),
					PrincipalTags: map[string]string{"a": "b"}}),
			)(t)
			tags := wiretest.Must(c.GetPrincipalTagAttributeMap(t.Context(), &ci.GetPrincipalTagAttributeMapInput{
				IdentityPoolId: pool.IdentityPoolId, IdentityProviderName: aws.String(w.right(saml))}))(t)
			wiretest.Equal(t, "principal tag", tags.PrincipalTags["a"], "b")

			poolARN := "arn:" + p.partition + ":cognito-identity:" + p.region + ":000000000000:identitypool/" +
				*pool.IdentityPoolId
			wiretest.Must(c.TagResource(
				t.Context(), &ci.TagResourceInput{ResourceArn: &poolARN, Tags: map[string]string{"k": "v"}},
			))(t)
			wrong := identitypool.InPartition(poolARN, wrongFor(p.partition))
			_, err := c.TagResource(t.Context(), &ci.TagResourceInput{
				ResourceArn: &wrong, Tags: map[string]string{"k": "v"},
			})
			w.refusedNaming(t, "TagResource", err, poolARN)

			userPool := identitypool.UserPoolName(p.region, p.region+"_Ab1")
			wrongHost := strings.NewReplacer(
				".com.cn/", ".com/", ".eu/", ".com/", ".com/", ".com.cn/",
			).Replace(userPool)
			client := func(name string) *ci.CreateIdentityPoolInput {
				return &ci.CreateIdentityPoolInput{
					IdentityPoolName: aws.String("u"),
					CognitoIdentityProviders: []types.CognitoIdentityProvider{{
						ProviderName: &name, ClientId: aws.String("app"),
					}},
				}
			}

			wiretest.Must(c.CreateIdentityPool(t.Context(), client(userPool)))(t)
			_, err = c.CreateIdentityPool(t.Context(), client(wrongHost))
			w.refusedNaming(t, "user pool", err, userPool)
		})
	}
}

// Whole sign-ins: guest, OpenID Connect and SAML logins and developers' users, in the
// enhanced and the classic flow, with the names that the region has.
func TestPartitionsSignIn(t *testing.T) {
	for _, p := range partitionRegions {
		t.Run(p.region, func(t *testing.T) {
			w := startPartition(t, p.region, p.partition, p.service)
			key := strings.TrimPrefix(w.URL, "http://") + devissuer.Path
			saml := w.right("saml-provider/Corp")
			pool := *wiretest.Must(w.pools().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
				IdentityPoolName:               aws.String("p"),
				AllowUnauthenticatedIdentities: true,
				AllowClassicFlow:               aws.Bool(true),
				DeveloperProviderName:          aws.String("login.dev"),
				SamlProviderARNs:               []string{saml},
				OpenIdConnectProviderARNs:      []string{w.right("oidc-provider/" + key)},
			}))(t).IdentityPoolId
			role := *w.newRole(t, "App", p.service, pool)
			wiretest.Equal(t, "role", role, w.right("role/App"))
			wiretest.Must(w.pools().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
				IdentityPoolId: &pool, Roles: map[string]string{"authenticated": role, "unauthenticated": role}}))(t)

			enhanced := func(
				id string, logins map[string]string, custom *string,
			) (*ci.GetCredentialsForIdentityOutput, error) {
				return w.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
					IdentityId: &id, Logins: logins, CustomRoleArn: custom})
			}

			isSession := func(what string, c *types.Credentials) {
				t.Helper()
				who := wiretest.Must(w.sts(*c.AccessKeyId, *c.SecretKey, *c.SessionToken).GetCallerIdentity(
					t.Context(), &sts.GetCallerIdentityInput{},
				))(t)
				wiretest.Equal(
					t,
					what,
					*who.Arn,
					"arn:"+p.partition+":sts::000000000000:assumed-role/App/CognitoIdentityCredentials",
				)
			}

			guest := w.GetID(t, pool, nil)
			isSession("guest", wiretest.Must(enhanced(guest, nil, nil))(t).Credentials)

			logins := map[string]string{key: w.Token(t, "alice")}
			alice := w.GetID(t, pool, logins)
			isSession("OpenID Connect", wiretest.Must(enhanced(alice, logins, &role))(t).Credentials)
			isSession(
				"a client with the ARN from before",
				wiretest.Must(enhanced(alice, logins, aws.String(w.arn("aws", "role/App"))))(t).Credentials,
			)
			_, err := enhanced(alice, logins, aws.String(w.wrong("role/App")))
			w.refusedNaming(t, "CustomRoleArn", err, role)

			response := func() string {
				return w.idp.Response(t, samltest.Login{
					NameID: "bob", Attributes: []samltest.Attribute{samltest.Roles(role + "," + saml)},
				})
			}
			bob := w.GetID(t, pool, map[string]string{saml: response()})
			isSession("SAML", wiretest.Must(enhanced(bob, map[string]string{saml: response()}, nil))(t).Credentials)
			wiretest.Equal(t, "the same user by the name from before",
				w.GetID(t, pool, map[string]string{w.arn("aws", "saml-provider/Corp"): response()}),
				bob,
			)

			_, err = w.Public().GetId(t.Context(), &ci.GetIdInput{
				IdentityPoolId: &pool, Logins: map[string]string{w.wrong("saml-provider/Corp"): response()},
			})
			w.refusedNaming(t, "Logins", err, saml)
			described := wiretest.Must(w.pools().DescribeIdentity(
				t.Context(), &ci.DescribeIdentityInput{IdentityId: &bob},
			))(t)
			wiretest.Equal(t, "DescribeIdentity", described.Logins[0], saml)

			developer := wiretest.Must(w.pools().GetOpenIdTokenForDeveloperIdentity(
				t.Context(),
				&ci.GetOpenIdTokenForDeveloperIdentityInput{
					IdentityPoolId: &pool, Logins: map[string]string{"login.dev": "carol"}},
			))(t)
			for _, name := range []string{p.service, "cognito-identity.amazonaws.com"} {
				out := wiretest.Must(enhanced(*developer.IdentityId, map[string]string{name: *developer.Token}, nil))(t)
				isSession("own token as "+name, out.Credentials)
			}

			linked := map[string]string{"login.dev": "dora", saml: response()}
			developer = wiretest.Must(w.pools().GetOpenIdTokenForDeveloperIdentity(
				t.Context(),
				&ci.GetOpenIdTokenForDeveloperIdentityInput{
					IdentityPoolId: &pool, Logins: linked},
			))(t)
			if !strings.Contains(strings.Join(amrOf(t, *developer.Token), " "), saml+":bob") {
				t.Errorf("amr %q lacks %s", amrOf(t, *developer.Token), saml)
			}

			isSession(
				"own token with a SAML login",
				wiretest.Must(enhanced(
					*developer.IdentityId, map[string]string{p.service: *developer.Token}, nil,
				))(t).Credentials,
			)

			// The classic flow, in which nothing is signed.
			token := wiretest.Must(w.Public().GetOpenIdToken(
				t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &alice, Logins: logins},
			))(t).Token
			assume := func(arn string) (*sts.AssumeRoleWithWebIdentityOutput, error) {
				return w.sts("", "", "").AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
					RoleArn: &arn, RoleSessionName: aws.String("web"), WebIdentityToken: token})
			}
			for _, arn := range []string{role, w.arn("aws", "role/App")} {
				out := wiretest.Must(assume(arn))(t)
				wiretest.Equal(t, "AssumedRoleUser",
					*out.AssumedRoleUser.Arn,
					"arn:"+p.partition+":sts::000000000000:assumed-role/App/web",
				)
				wiretest.Equal(t, "Provider", *out.Provider, p.service)
			}

			_, err = assume(w.wrong("role/App"))
			w.refusedNaming(t, "RoleArn", err, role)

			// A role that does not trust the pool: the advice has the region's name.
			wiretest.Must(
				w.iam().UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
					RoleName: aws.String("App"), PolicyDocument: aws.String(partitionTrust(
						"AWS", w.right("root"), "sts:AssumeRole", "",
					))}),
			)(t)
			if _, err := enhanced(guest, nil, nil); err == nil {
				t.Fatal("the role is given out")
			}
			trace := (*w.traces)[len(*w.traces)-1]

			last := trace.Steps[len(trace.Steps)-1]
			if !strings.Contains(last.Fix, `"`+p.service+`:aud": "`+pool) ||
				strings.Contains(last.Check+last.Subject, "arn:aws:") != (p.partition == "aws") {
				t.Errorf("the advice is of another partition: %+v", last)
			}
		})
	}
}

// amrOf is the amr claim of a token.
func amrOf(t *testing.T, token string) []string {
	t.Helper()
	var claims struct {
		AMR []string `json:"amr"`
	}
	payload := wiretest.Must(base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1]))(t)
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}

	return claims.AMR
}

// The other operations of STS, and policies that name callers.
func TestPartitionsOfSTS(t *testing.T) {
	for _, p := range partitionRegions {
		t.Run(p.region, func(t *testing.T) {
			w := startPartition(t, p.region, p.partition, p.service)
			c, signer := w.iam(), w.sts("test", "test", "")
			who := wiretest.Must(signer.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
			wiretest.Equal(t, "root", *who.Arn, w.right("root"))

			newRole := func(name, kind, principal, action string) {
				t.Helper()
				trust := partitionTrust(kind, principal, action, "")
				wiretest.Must(c.CreateRole(
					t.Context(), &iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust},
				))(t)
			}

			newRole("First", "AWS", w.right("root"), "sts:AssumeRole")
			newRole("Second", "AWS", w.right("role/First"), "sts:AssumeRole")
			newRole("Saml", "Federated", w.right("saml-provider/Corp"), "sts:AssumeRoleWithSAML")
			first := func(arn string, policies ...string) (*sts.AssumeRoleOutput, error) {
				in := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("me")}
				for _, policy := range policies {
					in.PolicyArns = append(in.PolicyArns, ststypes.PolicyDescriptorType{Arn: &policy})
				}
				return signer.AssumeRole(t.Context(), in)
			}

			session := "arn:" + p.partition + ":sts::000000000000:assumed-role/First/me"
			out := wiretest.Must(first(
				w.right("role/First"), "arn:"+p.partition+":iam::aws:policy/AdministratorAccess",
			))(t)
			wiretest.Equal(t, "AssumedRoleUser", *out.AssumedRoleUser.Arn, session)
			wiretest.Equal(t, "by the ARN from before",
				*wiretest.Must(first(w.arn("aws", "role/First")))(t).AssumedRoleUser.Arn,
				session,
			)

			_, err := first(w.wrong("role/First"))
			w.refusedNaming(t, "RoleArn", err, w.right("role/First"))
			wrongManaged := "arn:" + wrongFor(p.partition) + ":iam::aws:policy/AdministratorAccess"
			_, err = first(w.right("role/First"), wrongManaged)
			w.refusedNaming(t, "PolicyArns", err, identitypool.InPartition(wrongManaged, p.partition))

			held := w.sts(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
			wiretest.Equal(t, "GetCallerIdentity",
				*wiretest.Must(held.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t).Arn,
				session,
			)

			second := &sts.AssumeRoleInput{
				RoleArn: aws.String(w.right("role/Second")), RoleSessionName: aws.String("me"),
			}
			_, err = held.AssumeRole(t.Context(), second)
			if err != nil {
				t.Errorf("a role that trusts another: %v", err)
			}

			// The same session, for another region.
			elsewhere := sts.New(sts.Options{
				BaseEndpoint: &w.URL,
				Region:       "cn-northwest-1",
				HTTPClient:   wiretest.Connections,
				Credentials: credentials.NewStaticCredentialsProvider(
					*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken,
				),
			})
			wiretest.Equal(t, "for another region",
				*wiretest.Must(elsewhere.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t).Arn,
				"arn:aws-cn:sts::000000000000:assumed-role/First/me",
			)

			verified := w.AdminCall(t, "VerifySession", `{"AccessKeyId":"`+*out.Credentials.AccessKeyId+
				`","SessionToken":"`+*out.Credentials.SessionToken+
				`","Date":"`+time.Now().UTC().Format("20060102")+`","Region":"`+p.region+`","Service":"execute-api"}`)
			for _, arn := range []string{`"arn":"` + session + `"`, `"roleArn":"` + w.right("role/First") + `"`} {
				if !strings.Contains(verified.Body, arn) {
					t.Errorf("VerifySession lacks %s: %s", arn, verified.Body)
				}
			}

			assertion := func(partition string) *sts.AssumeRoleWithSAMLInput {
				response := w.idp.Response(t, samltest.Login{NameID: "alice", Attributes: []samltest.Attribute{
					samltest.Roles(w.right("role/Saml") + "," + w.right("saml-provider/Corp")),
					{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{"alice"}},
				}})
				return &sts.AssumeRoleWithSAMLInput{
					RoleArn: aws.String(w.right("role/Saml")), PrincipalArn: aws.String(w.arn(
						partition, "saml-provider/Corp",
					)), SAMLAssertion: &response}
			}

			saml := wiretest.Must(w.sts("", "", "").AssumeRoleWithSAML(t.Context(), assertion(p.partition)))(t)
			wiretest.Equal(t, "AssumeRoleWithSAML",
				*saml.AssumedRoleUser.Arn,
				"arn:"+p.partition+":sts::000000000000:assumed-role/Saml/alice",
			)
			_, err = w.sts("", "", "").AssumeRoleWithSAML(t.Context(), assertion(wrongFor(p.partition)))
			w.refusedNaming(t, "PrincipalArn", err, w.right("saml-provider/Corp"))

			// Policies name what a call is about by the ARN that the call shows, or as
			// they had to before.
			for _, test := range []struct {
				name, effect, resource string
				allowed                bool
			}{
				{"right", "Allow", w.right("role/First"), true},
				{"stored", "Allow", w.arn("aws", "role/First"), true},
				{"wrong", "Allow", w.wrong("role/First"), false},
				{"denied", "Deny", w.wrong("role/First"), false},
			} {
				document := `{"Version":"2012-10-17","Statement":[{"Effect":"` + test.effect +
					`","Action":"iam:*","Resource":"` + test.resource + `"}`
				if test.effect == "Deny" {
					document += `,{"Effect":"Allow","Action":"*","Resource":"*"}`
				}

				wiretest.Must(
					c.PutRolePolicy(t.Context(), &iamclient.PutRolePolicyInput{
						RoleName: aws.String("Second"), PolicyName: aws.String("p"),
						PolicyDocument: aws.String(document + "]}")}),
				)(t)
				fresh := wiretest.Must(held.AssumeRole(t.Context(), second))(t).Credentials

				_, err := iamclient.New(iamclient.Options{
					BaseEndpoint:     &w.URL,
					Region:           w.region,
					RetryMaxAttempts: 1,
					HTTPClient:       wiretest.Connections,
					Credentials: credentials.NewStaticCredentialsProvider(
						*fresh.AccessKeyId, *fresh.SecretAccessKey, *fresh.SessionToken,
					),
				}).
					GetRole(t.Context(), &iamclient.GetRoleInput{RoleName: aws.String("First")})
				if (err == nil) != test.allowed {
					t.Errorf("%s: %v, want allowed: %t", test.name, err, test.allowed)
				}
				if err != nil && !strings.Contains(err.Error(), w.right("role/First")) {
					t.Errorf("%s: the refusal has another partition: %v", test.name, err)
				}
			}

			// Sessions end by the ARN that their role has for the caller.
			if revoked := w.AdminCall(
				t, "RevokeSessions", `{"RoleArn":"`+w.right("role/First")+`"}`,
			); !strings.Contains(revoked.Body, `"Known":true`) {
				t.Errorf("RevokeSessions: %s", revoked.Body)
			}
			if _, err := held.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err == nil {
				t.Error("the session goes on")
			}
		})
	}
}

// A pool of China with the ARNs that the version before took: they go on working, are
// shown with the right partition, and their users stay the same when they are written
// anew.
func TestPartitionsUpgrade(t *testing.T) {
	dir := t.TempDir()
	w := startPartition(t, "cn-north-1", "aws-cn", "cognito-identity.cn-north-1.amazonaws.com.cn",
		func(c *poolhouse.Config) {
			c.DataDir = dir
		})
	const old = "arn:aws:iam::000000000000:"
	saml := old + "saml-provider/Corp"
	pool := *wiretest.Must(w.pools().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true}))(t).IdentityPoolId
	w.newRole(t, "App", "cognito-identity.amazonaws.com", pool)

	db := w.openStore(t, dir)
	// write changes the pool behind the server, which may remember it for a moment: the
	// change has come when guests have been shut out, and let in again.
	write := func(change func(*identitypool.Pool) error) {
		t.Helper()

		for _, guests := range []bool{false, true} {
			wiretest.Must(db.UpdatePool(t.Context(), identitypool.PoolID(pool), func(p *identitypool.Pool) error {
				p.AllowUnauthenticated = guests
				return change(p)
			}))(t)
			wiretest.Await(t, func() bool {
				_, err := w.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool})
				return (err == nil) == guests
			})
		}
	}

	write(func(p *identitypool.Pool) error {
		p.Roles = map[string]string{"authenticated": old + "role/App", "unauthenticated": old + "role/App"}
		p.SAMLProviderARNs = []string{saml}
		p.CognitoIdentityProviders = []identitypool.CognitoIdentityProvider{
			{ProviderName: "cognito-idp.cn-north-1.amazonaws.com/cn-north-1_Old", ClientID: "app"}}
		p.RoleMappings = map[string]identitypool.RoleMapping{
			saml: {
				Type: identitypool.MappingRules, AmbiguousRoleResolution: identitypool.ResolveDeny,
				Rules: []identitypool.Rule{{
					Claim:     "https://aws.amazon.com/SAML/Attributes/RoleSessionName",
					MatchType: "Equals",
					Value:     "dan",
					RoleARN:   old + "role/App",
				}}},
		}

		return nil
	})

	check := func(when, key string) string {
		t.Helper()
		guest := w.GetID(t, pool, nil)
		c := wiretest.Must(w.Public().GetCredentialsForIdentity(
			t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &guest},
		))(t).Credentials
		who := wiretest.Must(w.sts(*c.AccessKeyId, *c.SecretKey, *c.SessionToken).GetCallerIdentity(
			t.Context(), &sts.GetCallerIdentityInput{},
		))(t)
		wiretest.Equal(t, when, *who.Arn, "arn:aws-cn:sts::000000000000:assumed-role/App/CognitoIdentityCredentials")

		logins := func() map[string]string {
			return map[string]string{
				key: w.idp.Response(t, samltest.Login{NameID: "dan", Attributes: []samltest.Attribute{
					{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{"dan"}}}}),
			}
		}

		user := w.GetID(t, pool, logins())
		wiretest.Must(w.Public().GetCredentialsForIdentity(
			t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: logins()},
		))(t)

		return user
	}

	before := check("as it was", saml)
	wiretest.Equal(
		t, "the user under the right name", check("by the right name", w.right("saml-provider/Corp")), before,
	)

	described := wiretest.Must(w.pools().DescribeIdentityPool(
		t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &pool},
	))(t)
	wiretest.Equal(t, "SamlProviderARNs", described.SamlProviderARNs[0], w.right("saml-provider/Corp"))
	roles := wiretest.Must(w.pools().GetIdentityPoolRoles(
		t.Context(), &ci.GetIdentityPoolRolesInput{IdentityPoolId: &pool},
	))(t)
	wiretest.Equal(t, "role", roles.Roles["authenticated"], w.right("role/App"))

	// What is shown can be written back.
	wiretest.Must(w.pools().UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
		IdentityPoolId:                 &pool,
		IdentityPoolName:               described.IdentityPoolName,
		AllowUnauthenticatedIdentities: true,
		SamlProviderARNs:               described.SamlProviderARNs,
		CognitoIdentityProviders:       described.CognitoIdentityProviders,
	}))(t)
	wiretest.Must(w.pools().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool, Roles: roles.Roles, RoleMappings: roles.RoleMappings}))(t)
	wiretest.Equal(t, "the user after it", check("written anew", w.right("saml-provider/Corp")), before)

	// What was accepted and dead lives.
	write(func(p *identitypool.Pool) error {
		p.SAMLProviderARNs = []string{w.right("saml-provider/Corp")}
		p.Roles["unauthenticated"] = w.right("role/App")
		return nil
	})
	check("stored with its own partition", w.right("saml-provider/Corp"))
}

// Reasons and advice name ARNs, pools and user pools as the call's region does.
func TestPartitionsOfRefusals(t *testing.T) {
	for _, p := range partitionRegions {
		t.Run(p.region, func(t *testing.T) {
			w := startPartition(t, p.region, p.partition, p.service)
			c, signer := w.pools(), w.sts("test", "test", "")
			pool := *wiretest.Must(c.CreateIdentityPool(
				t.Context(),
				&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
					AllowUnauthenticatedIdentities: true, DeveloperProviderName: aws.String("login.dev")},
			))(t).IdentityPoolId

			role := *w.newRole(t, "App", p.service, p.region+":11111111-2222-4333-8444-555555555555")
			wiretest.Must(c.SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
				IdentityPoolId: &pool, Roles: map[string]string{"authenticated": role, "unauthenticated": role}}))(t)
			guest := w.GetID(t, pool, nil)
			developer := wiretest.Must(c.GetOpenIdTokenForDeveloperIdentity(
				t.Context(),
				&ci.GetOpenIdTokenForDeveloperIdentityInput{
					IdentityPoolId: &pool, Logins: map[string]string{"login.dev": "carol"}},
			))(t)

			noRights := partitionTrust("AWS", w.right("root"), "sts:AssumeRole", "")
			wiretest.Must(w.iam().CreateRole(
				t.Context(),
				&iamclient.CreateRoleInput{RoleName: aws.String("Bare"), AssumeRolePolicyDocument: &noRights},
			))(t)

			bare := wiretest.Must(signer.AssumeRole(
				t.Context(),
				&sts.AssumeRoleInput{RoleArn: aws.String(w.right("role/Bare")), RoleSessionName: aws.String("me")},
			))(t).Credentials
			held := w.SignedBy(p.region, *bare.AccessKeyId, *bare.SecretAccessKey, *bare.SessionToken)
			userPool := identitypool.UserPoolName(p.region, p.region+"_Ab1")

			create := func(change func(*ci.CreateIdentityPoolInput)) func() error {
				return func() error {
					in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("q")}
					change(in)
					_, err := c.CreateIdentityPool(t.Context(), in)
					return err
				}
			}

			enhanced := func(id string, logins map[string]string) func() error {
				return func() error {
					_, err := w.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
						IdentityId: &id, Logins: logins,
					})
					return err
				}
			}

			assume := func(arn string) func() error {
				return func() error {
					_, err := signer.AssumeRole(t.Context(), &sts.AssumeRoleInput{
						RoleArn: &arn, RoleSessionName: aws.String("me"),
					})
					return err
				}
			}

			foreign := "arn:" + p.partition + ":iam::111111111111:"
			for what, test := range map[string]struct {
				call func() error
				want string // in the last step or the answer
			}{
				"SAML provider of another account": {create(func(in *ci.CreateIdentityPoolInput) {
					in.SamlProviderARNs = []string{foreign + "saml-provider/S"}
				}), "Identity provider " + foreign + "saml-provider/S is not valid for account"},
				"no provider": {create(func(in *ci.CreateIdentityPoolInput) {
					in.OpenIdConnectProviderARNs = []string{w.right("role/R")}
				}), "'" + w.right("role/R") + "' is not the ARN"},
				"OpenID Connect provider of another account": {create(func(in *ci.CreateIdentityPoolInput) {
					in.OpenIdConnectProviderARNs = []string{
						"arn:" + wrongFor(p.partition) + ":iam::111111111111:oidc-provider/idp.example",
					}
				}), foreign + "oidc-provider/idp.example"},
				"form of a user pool": {create(func(in *ci.CreateIdentityPoolInput) {
					in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{
						ProviderName: aws.String("users"), ClientId: aws.String("c"),
					}}
				}), identitypool.UserPoolName(p.region, p.region+"_ID")},
				"user pool of two regions": {create(func(in *ci.CreateIdentityPoolInput) {
					name := strings.Replace(userPool, "."+p.region+".", ".eu-west-1.", 1)
					in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{
						ProviderName: &name, ClientId: aws.String("c"),
					}}
				}), userPool},
				"trust policy for a pool": {enhanced(guest, nil), p.service + ":aud"},
				"own token of another server": {enhanced(*developer.IdentityId, map[string]string{p.service: "x.y.z"}),
					"under " + p.service},
				"own token beside others": {
					enhanced(*developer.IdentityId, map[string]string{
						p.service: *developer.Token, "accounts.google.com": "x",
					}),
					"A token of " + p.service,
				},
				"developer provider": {
					enhanced(*developer.IdentityId, map[string]string{"login.dev": "carol"}), "under " + p.service,
				},
				"trust policy for a caller": {
					assume(role), "for " + w.right("root") + " that allows sts:AssumeRole on " + role,
				},
				"form of a role": {
					assume("arn:" + p.partition + ":iam::role/NAME"),
					w.arn(p.partition, "role/NAME")[:len("arn:"+p.partition+":iam::")],
				},
				"policies": {func() error {
					_, err := held.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
					return err
				}, "role " + w.right("role/Bare")},
			} {
				err := test.call()
				if err == nil {
					t.Errorf("%s: it is not refused", what)
					continue
				}

				trace := (*w.traces)[len(*w.traces)-1]
				last := trace.Steps[len(trace.Steps)-1]
				said := strings.Join(
					[]string{err.Error(), last.Check, last.Subject, last.Expected, last.Got, last.Fix}, "\n",
				)
				if last.Link != nil {
					said += "\n" + last.Link.ID
				}

				if !strings.Contains(said, test.want) {
					t.Errorf("%s: %s lacks %s", what, said, test.want)
				}
				if p.partition != "aws" && strings.Contains(said, "arn:aws:") {
					t.Errorf("%s: it names another partition: %s", what, said)
				}
			}

			// Providers of another account are taken, and shown as they were given.
			oidc := foreign + "oidc-provider/idp.example"
			made := wiretest.Must(c.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
				IdentityPoolName: aws.String("q"), OpenIdConnectProviderARNs: []string{oidc}}))(t)
			wiretest.Equal(t, "OpenIdConnectProviderARNs", made.OpenIdConnectProviderARNs[0], oidc)

			// A pool is brought over with the ARNs that the version before wrote.
			body := `{"IdentityPoolId":"` + p.region +
				`:22222222-2222-4333-8444-555555555555","Pool":{"IdentityPoolName":"q",` +
				`"AllowUnauthenticatedIdentities":false,"SamlProviderARNs":["` +
				w.arn("aws", "saml-provider/Corp") + `"]}}`
			brought := w.Raw(t, "", body, false, func(r *http.Request) {
				r.Header.Set("X-Amz-Target", "PoolhouseAdmin.CreateIdentityPoolWithId")
				wiretest.SignWith(t, r, body, "poolhouse", p.region, "test", "test")
			})
			if brought.Status != 200 || !strings.Contains(brought.Body, w.right("saml-provider/Corp")) {
				t.Errorf("a pool that is brought over: %d %s", brought.Status, brought.Body)
			}
		})
	}
}

// openStore opens the database of a running server beside it.
func (w *partitionWorld) openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: dir + "/" + poolhouse.DatabaseFile}))(t)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
