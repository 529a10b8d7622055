package stsapi_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// setMappings gives the pool of w its roles, and role mappings for the keys.
func (w *stsWorld) setMappings(t *testing.T, keys ...string) {
	t.Helper()

	mappings := map[string]types.RoleMapping{}
	for _, key := range keys {
		mappings[key] = types.RoleMapping{
			Type:                    types.RoleMappingTypeToken,
			AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeAuthenticatedRole,
		}
	}

	wiretest.Must(w.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &w.pool,
		Roles: map[string]string{"authenticated": wiretest.RolePrefix + "Authenticated",
			"unauthenticated": wiretest.RolePrefix + "Unauthenticated"},
		RoleMappings: mappings,
	}))(t)
}

// allowClassic sets AllowClassicFlow of the pool of w, which keeps its provider or
// loses it.
func (w *stsWorld) allowClassic(t *testing.T, classic *bool, provider bool) {
	t.Helper()
	in := &ci.UpdateIdentityPoolInput{
		IdentityPoolId:                 &w.pool,
		IdentityPoolName:               aws.String("test pool"),
		AllowUnauthenticatedIdentities: true,
		AllowClassicFlow:               classic,
	}
	if provider {
		in.OpenIdConnectProviderARNs = []string{wiretest.DevInfo(w.Server).OIDCProviderARN}
	}
	wiretest.Must(w.Admin().UpdateIdentityPool(t.Context(), in))(t)
}

// A pool with a role mapping has no classic flow for anybody: it gives no token,
// and STS takes none of its tokens, whoever has them and since when. Tokens for
// developers go on as logins of the enhanced flow.
func TestRoleMappingsCloseTheClassicFlow(t *testing.T) {
	w := startSTS(t)
	key := wiretest.DevInfo(w.Server).LoginKey
	alice := w.Logins(t, "alice")
	user, userToken := w.openIDToken(t, alice)
	guest, guestToken := w.openIDToken(t, nil)
	developer := func() *ci.GetOpenIdTokenForDeveloperIdentityOutput {
		t.Helper()
		return wiretest.Must(w.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &w.pool, Logins: map[string]string{"login.my.app": "bob"}}))(t)
	}

	oldDeveloper := *developer().Token
	openID := func(id string, logins map[string]string) error {
		_, err := w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins})
		return err
	}
	assume := func(role, token string) error {
		_, err := w.anonymous().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(wiretest.RolePrefix + role), RoleSessionName: aws.String("app"),
			WebIdentityToken: &token})
		return err
	}

	for _, mapped := range []string{"no", "yes", "of a provider that is gone", "cleared"} {
		for _, classic := range []*bool{nil, aws.Bool(true), aws.Bool(false)} {
			name := fmt.Sprintf("mappings %s, AllowClassicFlow never set", mapped)
			if classic != nil {
				name = fmt.Sprintf("mappings %s, AllowClassicFlow %t", mapped, *classic)
			}
			t.Run(name, func(t *testing.T) {
				w.allowClassic(t, classic, true)
				w.setMappings(t)

				switch mapped {
				case "yes":
					w.setMappings(t, key)
				case "of a provider that is gone":
					w.setMappings(t, key)
					w.allowClassic(t, classic, false)
				case "cleared":
					w.setMappings(t, key)
					w.setMappings(t)
				}

				closed, text, fix := mapped == "yes" || mapped == "of a provider that is gone",
					wiretest.ClassicFlowMappings, "remove RoleMappings"
				if classic != nil && !*classic {
					closed, text, fix = true, wiretest.ClassicFlowOff, "AllowClassicFlow"
				}

				for who, call := range map[string]func() error{
					"guest":                  func() error { return openID(guest, nil) },
					"user":                   func() error { return openID(user, alice) },
					"user without its login": func() error { return openID(user, nil) },
				} {
					err := call()
					switch {
					case closed:
						wiretest.WantError(t, err, "InvalidParameterException", text)
						w.refusedWith(t, fix)
					case who == "user without its login":
						wiretest.WantError(t, err, "NotAuthorizedException", "")
					case err != nil:
						t.Errorf("GetOpenIdToken by a %s: %v", who, err)
					}
				}

				bob := developer() // given in any case
				for _, token := range []struct{ whose, role, token string }{
					{"a guest's older token", "Unauthenticated", guestToken},
					{"a user's older token", "Authenticated", userToken},
					{"a developer's older token", "Authenticated", oldDeveloper},
					{"a developer's new token", "Authenticated", *bob.Token},
				} {
					err := assume(token.role, token.token)
					switch {
					case closed:
						wiretest.WantError(t, err, "AccessDenied",
							"Not authorized to perform sts:AssumeRoleWithWebIdentity")
						w.refusedWith(t, fix)
					case err != nil:
						t.Errorf("%s: %v", token.whose, err)
					}
				}

				wiretest.Must(w.Public().GetCredentialsForIdentity(t.Context(),
					&ci.GetCredentialsForIdentityInput{IdentityId: bob.IdentityId,
						Logins: map[string]string{"cognito-identity.amazonaws.com": *bob.Token}}))(t)
				wiretest.Must(w.Public().GetCredentialsForIdentity(t.Context(),
					&ci.GetCredentialsForIdentityInput{IdentityId: &guest}))(t)
			})
		}
	}
}
