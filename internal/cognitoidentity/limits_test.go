package cognitoidentity_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

func numberedTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprint("k", i)] = "v"
	}
	return tags
}

// A quota lets exactly its number through, and one more is refused with the
// error that the model declares for the operation.
func TestLimits(t *testing.T) {
	for name, limit := range map[string]int{"AWS's": 0, "of the settings": 3} {
		t.Run("tags and rules, "+name, func(t *testing.T) {
			s := wiretest.Start(t,
				func(c *poolhouse.Config) { c.Limits.TagsPerPool, c.Limits.RulesPerMapping = limit, limit })
			tags, rules := 50, 25
			if limit > 0 {
				tags, rules = limit, limit
			}

			create := func(n int) (*ci.CreateIdentityPoolOutput, error) {
				return s.Admin().CreateIdentityPool(t.Context(),
					&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), IdentityPoolTags: numberedTags(n),
						OpenIdConnectProviderARNs: []string{wiretest.DevInfo(s).OIDCProviderARN}})
			}
			pool := wiretest.Must(create(tags))(t).IdentityPoolId
			_, err := create(tags + 1)
			wiretest.WantError(t, err, "LimitExceededException",
				fmt.Sprintf("The identity pool would have %d tags; the limit is %d.", tags+1, tags))

			update := func(n int) error {
				_, err := s.Admin().UpdateIdentityPool(t.Context(),
					&ci.UpdateIdentityPoolInput{IdentityPoolId: pool, IdentityPoolName: aws.String("p"),
						IdentityPoolTags:          numberedTags(n),
						OpenIdConnectProviderARNs: []string{wiretest.DevInfo(s).OIDCProviderARN}})
				return err
			}

			wiretest.WantError(t, update(tags+1), "LimitExceededException", "")
			if err := update(tags); err != nil {
				t.Error(err)
			}
			arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + *pool
			_, err = s.Admin().TagResource(t.Context(),
				&ci.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"more": "v"}})
			wiretest.WantError(t, err, "InvalidParameterException", "") // the operation declares no other
			wiretest.Must(s.Admin().TagResource(t.Context(),
				&ci.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"k0": "w"}}))(t)

			set := func(n int) error {
				mapping := types.RoleMapping{Type: types.RoleMappingTypeRules,
					AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
					RulesConfiguration:      &types.RulesConfigurationType{}}
				for i := range n {
					mapping.RulesConfiguration.Rules = append(mapping.RulesConfiguration.Rules,
						types.MappingRule{Claim: aws.String("c"), MatchType: types.MappingRuleMatchTypeEquals,
							Value: aws.String(fmt.Sprint(i)), RoleARN: aws.String(wiretest.AuthenticatedRole)})
				}

				_, err := s.Admin().SetIdentityPoolRoles(t.Context(),
					&ci.SetIdentityPoolRolesInput{IdentityPoolId: pool, Roles: map[string]string{},
						RoleMappings: map[string]types.RoleMapping{wiretest.DevInfo(s).OIDCProviderARN: mapping}})

				return err
			}

			if err := set(rules); err != nil {
				t.Error(err)
			}
			wiretest.WantError(t, set(rules+1), "InvalidParameterException",
				fmt.Sprintf("The role mapping of %s has %d rules; the limit is %d.",
					wiretest.DevInfo(s).OIDCProviderARN, rules+1, rules))
		})
	}

	t.Run("logins of an identity", func(t *testing.T) {
		first, second := logintest.NewIssuer(t), logintest.NewIssuer(t)
		traces := make(chan poolhouse.Trace, 2)
		recorded := func() {
			t.Helper()
			steps := (<-traces).Steps
			if last := steps[len(steps)-1]; last.OK || last.Expected != "at most 2 logins on one identity" ||
				!strings.Contains(last.Fix, "limits.logins_per_identity") {
				t.Errorf("recorded: %+v", steps)
			}
		}

		s := wiretest.Start(t, func(c *poolhouse.Config) {
			c.Limits.LoginsPerIdentity, c.OnTrace = 2, func(t poolhouse.Trace) { traces <- t }
			for _, i := range []*logintest.Issuer{first, second} {
				c.OIDCProviders = append(c.OIDCProviders,
					poolhouse.OIDCProviderConfig{URL: i.URL, ClientIDs: []string{"app"}, AllowHTTP: true,
						AllowPrivate: true})
			}
		})

		name := func(i *logintest.Issuer) string { return strings.TrimPrefix(i.URL, "http://") }
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
			for _, i := range []*logintest.Issuer{first, second} {
				in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs,
					"arn:aws:iam::000000000000:oidc-provider/"+name(i))
			}
		})

		logins := s.Logins(t, "alice")
		logins[name(first)] = first.Token(map[string]any{"aud": "app", "sub": "alice"})
		id := s.GetID(t, pool, logins)
		more := maps.Clone(logins)
		more[name(second)] = second.Token(map[string]any{"aud": "app", "sub": "alice"})
		_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: more})
		wiretest.WantError(t, err, "LimitExceededException", "The identity would have more than 2 logins.")
		recorded()

		_, err = s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: more})
		wiretest.WantError(t, err, "ResourceConflictException", "") // declares no LimitExceededException
		recorded()

		wiretest.Equal(t, "identity afterwards", s.GetID(t, pool, logins), id)
	})

	t.Run("bytes of a token", func(t *testing.T) {
		idp := logintest.NewIssuer(t)
		token := idp.Token(map[string]any{"aud": "app", "sub": "alice"})
		for _, limit := range []int{len(token), len(token) - 1} {
			s := wiretest.Start(t, func(c *poolhouse.Config) {
				c.Limits.TokenBytes = limit
				c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: idp.URL, ClientIDs: []string{"app"},
					AllowHTTP: true, AllowPrivate: true}}
			})

			key := strings.TrimPrefix(idp.URL, "http://")
			pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
				in.OpenIdConnectProviderARNs = []string{"arn:aws:iam::000000000000:oidc-provider/" + key}
			})
			_, err := s.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{key: token}})
			if limit < len(token) {
				wiretest.WantError(t, err, "NotAuthorizedException", fmt.Sprintf(
					"Invalid login token. Not a valid OpenId Connect identity token. It has %d bytes; "+
						"at most %d are accepted.",
					len(token), limit))
			} else if err != nil {
				t.Error(err)
			}
		}
	})
}
