package cognitoidentity_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A pool that drops a provider, or is deleted, while the provider is asked lets
// nobody in through it: in every operation that takes logins. One whose classic
// flow is closed meanwhile gives no token.
func TestPoolChangesWhileAProviderIsAsked(t *testing.T) {
	for _, operation := range []string{"GetId", "GetOpenIdToken", "GetCredentialsForIdentity",
		"GetOpenIdTokenForDeveloperIdentity", "UnlinkIdentity"} {
		for _, change := range []string{"provider dropped", "pool deleted", "roles mapped", "classic flow off"} {
			if operation != "GetOpenIdToken" && (change == "roles mapped" || change == "classic flow off") {
				continue // closes the classic flow only
			}
			t.Run(operation+" "+change, func(t *testing.T) {
				t.Parallel()
				idp := logintest.NewIssuer(t)
				key := strings.TrimPrefix(idp.URL, "http://")
				asked, answer := make(chan struct{}, 1), make(chan struct{})
				idp.Answer(logintest.KeysPath, func(w http.ResponseWriter, _ *http.Request) {
					asked <- struct{}{}
					<-answer
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write(idp.KeySet())
				})

				traces := make(chan poolhouse.Trace, 1)
				s := wiretest.Start(t, func(c *poolhouse.Config) {
					c.TokenAlgorithm, c.OnTrace = "ES256", func(t poolhouse.Trace) { traces <- t }
					c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: idp.URL, ClientIDs: []string{"app"},
						AllowHTTP: true, AllowPrivate: true}}
				})
				pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
					in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs,
						"arn:aws:iam::000000000000:oidc-provider/"+key)
				})
				guest := s.GetID(t, pool, nil)

				token := idp.Token(map[string]any{"aud": "app", "sub": "alice"})
				logins := map[string]string{key: token}
				outcome := make(chan error, 1)
				go func() {
					var err error
					switch operation {
					case "GetId":
						_, err = s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
					case "GetOpenIdToken":
						_, err = s.Public().GetOpenIdToken(t.Context(),
							&ci.GetOpenIdTokenInput{IdentityId: &guest, Logins: logins})
					case "GetCredentialsForIdentity":
						_, err = s.Public().GetCredentialsForIdentity(t.Context(),
							&ci.GetCredentialsForIdentityInput{IdentityId: &guest, Logins: logins})
					case "GetOpenIdTokenForDeveloperIdentity":
						_, err = s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
							&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool,
								Logins: map[string]string{key: token, "login.my.app": "alice"}})
					case "UnlinkIdentity":
						_, err = s.Public().UnlinkIdentity(t.Context(),
							&ci.UnlinkIdentityInput{IdentityId: &guest, Logins: logins, LoginsToRemove: []string{key}})
					}

					outcome <- err
				}()
				<-asked

				switch change {
				case "pool deleted":
					wiretest.Must(s.Admin().DeleteIdentityPool(t.Context(),
						&ci.DeleteIdentityPoolInput{IdentityPoolId: &pool}))(t)
				case "roles mapped":
					wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(),
						&ci.SetIdentityPoolRolesInput{IdentityPoolId: &pool,
							Roles: map[string]string{"authenticated": wiretest.AuthenticatedRole},
							RoleMappings: map[string]types.RoleMapping{key: {Type: types.RoleMappingTypeToken,
								AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny}}}))(t)
				case "classic flow off":
					wiretest.Must(s.Admin().UpdateIdentityPool(t.Context(),
						&ci.UpdateIdentityPoolInput{IdentityPoolId: &pool, IdentityPoolName: aws.String("p"),
							AllowUnauthenticatedIdentities: true,
							AllowClassicFlow:               aws.Bool(false),
							OpenIdConnectProviderARNs: []string{wiretest.DevInfo(s).OIDCProviderARN,
								"arn:aws:iam::000000000000:oidc-provider/" + key}}))(t)
				default:
					wiretest.Must(s.Admin().UpdateIdentityPool(t.Context(),
						&ci.UpdateIdentityPoolInput{IdentityPoolId: &pool, IdentityPoolName: aws.String("p"),
							AllowUnauthenticatedIdentities: true,
							OpenIdConnectProviderARNs:      []string{wiretest.DevInfo(s).OIDCProviderARN}}))(t)
				}
				close(answer)

				switch err := <-outcome; {
				case change == "roles mapped":
					wiretest.WantError(t, err, "InvalidParameterException", wiretest.ClassicFlowMappings)
				case change == "classic flow off":
					wiretest.WantError(t, err, "InvalidParameterException", wiretest.ClassicFlowOff)
				case change == "provider dropped":
					wiretest.WantError(t, err, "NotAuthorizedException",
						"Token is not from a supported provider of this identity pool.")
				case strings.HasPrefix(operation, "GetId") || strings.HasSuffix(operation, "DeveloperIdentity"):
					wiretest.WantError(t, err, "ResourceNotFoundException", "IdentityPool '"+pool+"' not found.")
				default:
					wiretest.WantError(t, err, "ResourceNotFoundException", "Identity '"+guest+"' not found.")
				}

				if steps := (<-traces).Steps; len(steps) == 0 || steps[len(steps)-1].OK ||
					steps[len(steps)-1].Fix == "" {
					t.Errorf("it is not recorded why: %+v", steps)
				}
			})
		}
	}
}
