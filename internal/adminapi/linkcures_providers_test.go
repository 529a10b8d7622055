package adminapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// register makes a provider by the IAM API, and returns its ARN.
func (r poolRig) register(t *testing.T, url string) string {
	t.Helper()
	in := &iamclient.CreateOpenIDConnectProviderInput{Url: &url, ClientIDList: []string{"app"}}
	return *wiretest.Must(r.IAM().CreateOpenIDConnectProvider(t.Context(), in))(t).OpenIDConnectProviderArn
}

// Links of refused tokens to OpenID Connect providers cure the refusal.
func TestLinksToOIDCProvidersCure(t *testing.T) {
	r := startPoolRig(t)
	issuer, me := logintest.NewIssuer(t), root(r.Server)
	key := strings.TrimPrefix(issuer.URL, "http://")
	token := func(claims map[string]any) string {
		all := map[string]any{"sub": "alice", "aud": "app"}
		for name, value := range claims {
			all[name] = value
		}
		return issuer.Token(all)
	}
	naming := func(arn string) func(*ci.CreateIdentityPoolInput) {
		return func(in *ci.CreateIdentityPoolInput) { in.OpenIdConnectProviderARNs = []string{arn} }
	}
	const nobody = wiretest.IAMBase + "oidc-provider/nobody.example"
	registered := r.pool(t, naming(r.register(t, issuer.URL)))
	r.register(t, "https://spelled.example")
	spelled := r.pool(t, naming(wiretest.IAMBase+"oidc-provider/spelled.example"))
	role := *r.NewIAMRole(t, "Web", trustOf(`{"Effect":"Allow","Principal":{"Federated":"`+nobody+
		`"},"Action":"sts:AssumeRoleWithWebIdentity"}`)).Arn
	ofNobody := token(map[string]any{"iss": "https://nobody.example"})
	foreign := strings.Replace(nobody, "000000000000", "111111111111", 1)

	for _, c := range []linkCase{
		{code: "token-audience", call: getID(registered, key, token(map[string]any{"aud": "other"}))},
		{code: "token-authorized-party",
			call: getID(registered, key, token(map[string]any{"aud": []string{"app", "x"}, "azp": "third"}))},
		{code: "token-audience-list",
			call: getID(registered, key, token(map[string]any{"aud": []string{"app", "fourth"}}))},
		{code: "token-issuer-spelling", partly: true,
			call: getID(spelled, "spelled.example", token(map[string]any{"iss": "https://spelled.example/"}))},
		{code: "openid-connect-provider-registration",
			call: getID(r.pool(t, naming(nobody)), "nobody.example", ofNobody)},
		{code: "openid-connect-provider-account",
			call:  getID(r.pool(t, naming(foreign)), "nobody.example", ofNobody),
			value: `["` + nobody + `"]`},
		{code: "openid-connect-provider",
			call: query("sts", "AssumeRoleWithWebIdentity", "RoleArn", role, "RoleSessionName", "s1",
				"WebIdentityToken", token(map[string]any{"iss": "https://third.example"}))},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = me
			c.check(t, r.Server)
		})
	}
}

// The same for SAML, as far as the IAM API has the setting.
func TestLinksToSAMLProvidersCure(t *testing.T) {
	r := startPoolRig(t)
	idp, other := samltest.New(t, time.Now(), 0), samltest.New(t, time.Now(), 1)
	metadata := idp.Metadata()
	arn := func(name string) string { return wiretest.IAMBase + "saml-provider/" + name }
	pool := func(name string) string {
		return r.pool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{arn(name)} })
	}
	wiretest.Must(r.IAM().CreateSAMLProvider(t.Context(), &iamclient.CreateSAMLProviderInput{
		Name: aws.String("Rolled"), SAMLMetadataDocument: aws.String(other.Metadata()),
	}))(t)
	role := *r.NewIAMRole(t, "Saml", trustOf(fmt.Sprintf(
		`{"Effect":"Allow","Principal":{"Federated":[%q,%q]},"Action":"sts:AssumeRoleWithSAML"}`,
		arn("Gone"), arn("Rolled")))).Arn
	response := idp.Response(t, samltest.Login{})

	for _, c := range []linkCase{
		{code: "saml-provider-registration", call: getID(pool("Absent"), arn("Absent"), response), value: metadata},
		{code: "saml-signature", call: getID(pool("Rolled"), arn("Rolled"), response), value: metadata},
		{code: "saml-provider-missing", call: query("sts", "AssumeRoleWithSAML", "RoleArn", role, "PrincipalArn",
			arn("Gone"), "SAMLAssertion", response), value: metadata},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = root(r.Server)
			c.check(t, r.Server)
		})
	}
}

// Links of refused logins of social providers lead to the pool's application.
func TestLinksToApplicationsCure(t *testing.T) {
	apps := wiretest.NewApps(t)
	s := wiretest.Start(t, apps.Configure)
	r := poolRig{Server: s, arn: wiretest.DevInfo(s).OIDCProviderARN, key: wiretest.DevInfo(s).LoginKey}
	pool := func(key, app string) string {
		return r.pool(t, func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs, in.SupportedLoginProviders = nil, map[string]string{key: app}
		})
	}

	for _, c := range []linkCase{
		{code: "login-provider-consumer-key", call: getID(pool("api.twitter.com", "key"), "api.twitter.com", "a;b"),
			value: `{"api.twitter.com":"key;secret"}`},
		{code: "login-provider-ended", call: getID(pool("www.digits.com", "key;secret"), "www.digits.com", "a;b"),
			value: `{}`},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = root(s)
			c.check(t, s)
		})
	}
}
