package adminapi_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// mapTags gives a provider of a pool a map of principal tags.
func (r poolRig) mapTags(t *testing.T, pool, provider string, tags map[string]string) {
	t.Helper()
	wiretest.Must(r.Admin().SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{
		IdentityPoolId: &pool, IdentityProviderName: &provider, PrincipalTags: tags,
	}))(t)
}

// Links of refused principal tags lead to the maps that made them.
func TestLinksToPrincipalTagsCure(t *testing.T) {
	r := startPoolRig(t)
	issuer := logintest.NewIssuer(t)
	arn, second := r.register(t, issuer.URL), strings.TrimPrefix(issuer.URL, "http://")
	many, long := map[string]string{}, map[string]any{"team": "red"}
	for i := range 20 {
		name := fmt.Sprint("t", i)
		many[name], long[name] = name, strings.Repeat(fmt.Sprintf("%c%d", 'a'+i, i), 80)
	}

	for _, c := range []struct {
		code          string
		first, others map[string]string // tags of the two providers
		claims        map[string]any
	}{
		{"principal-tag-twice", map[string]string{"team": "team"}, map[string]string{"team": "team"},
			map[string]any{"team": "blue"}},
		{"principal-tags-together", map[string]string{"team": "team"}, map[string]string{"Team": "team"},
			map[string]any{"team": "blue"}},
		{"session-token-size-pool", many, map[string]string{"other": "team"}, long},
	} {
		t.Run(c.code, func(t *testing.T) {
			pool := r.pool(t, func(in *ci.CreateIdentityPoolInput) {
				in.OpenIdConnectProviderARNs = []string{r.arn, arn}
			})
			role := *r.NewIAMRole(t, c.code, trustOf(`{"Effect":"Allow",`+
				`"Principal":{"Federated":"cognito-identity.amazonaws.com"},`+
				`"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],`+
				`"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+pool+`"}}}`)).Arn
			setPoolField(t, r.Server, wireLink{Id: pool, Field: "Roles"}, `{"authenticated":"`+role+`"}`)
			r.mapTags(t, pool, r.key, c.first)
			r.mapTags(t, pool, second, c.others)
			logins := map[string]string{
				r.key:  r.Token(t, "alice", func(q *poolhouse.DevTokenRequest) { q.Claims = c.claims }),
				second: issuer.Token(map[string]any{"sub": "alice", "aud": "app", "team": "red"}),
			}
			call := of("GetCredentialsForIdentity", r.GetID(t, pool, logins), `,"Logins":`+encoded(t, logins))
			linkCase{code: c.code, by: root(r.Server), call: call, value: `{}`}.check(t, r.Server)
		})
	}
}

// webIdentity returns a call of AssumeRoleWithWebIdentity.
func webIdentity(role, token string, more ...string) wireCall {
	pairs := append([]string{"RoleArn", role, "RoleSessionName", "s1", "WebIdentityToken", token}, more...)
	return query("sts", "AssumeRoleWithWebIdentity", pairs...)
}

// federated returns a trust policy for tokens of a provider.
func federated(provider, condition string) string {
	return trustOf(`{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},` +
		`"Action":"sts:AssumeRoleWithWebIdentity"` + condition + `}`)
}

// Links of tokens that STS refuses lead to the provider that must be registered.
func TestLinksToProvidersOfTokensCure(t *testing.T) {
	r := startPoolRig(t)
	const atAWS = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Home"
	issuer := logintest.NewIssuer(t)
	r.newUserPool(t, "us-east-1_Home")
	r.register(t, "https://spelled.example")
	spelled := *r.NewIAMRole(t, "Spelled", federated(wiretest.IAMBase+"oidc-provider/spelled.example", "")).Arn
	home := *r.NewIAMRole(t, "Home", federated(wiretest.IAMBase+"oidc-provider/"+atAWS, "")).Arn

	gone := r.register(t, issuer.URL)
	pool := r.pool(t, func(in *ci.CreateIdentityPoolInput) { in.OpenIdConnectProviderARNs = []string{gone} })
	logins := map[string]string{
		strings.TrimPrefix(issuer.URL, "http://"): issuer.Token(map[string]any{"sub": "alice", "aud": "app"}),
	}
	id := r.GetID(t, pool, logins)
	own := *wiretest.Must(r.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &id, Logins: logins}))(t).Token
	ofPool := *r.NewIAMRole(t, "OfPool", federated("cognito-identity.amazonaws.com",
		`,"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+pool+`"}}`)).Arn
	wiretest.Must(r.IAM().DeleteOpenIDConnectProvider(t.Context(),
		&iamclient.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &gone}))(t)

	token := func(iss string) string {
		return issuer.Token(map[string]any{"iss": iss, "sub": "alice", "aud": "app"})
	}
	for _, c := range []linkCase{
		{code: "openid-connect-provider-spelling", call: webIdentity(spelled, token("https://spelled.example/"))},
		{code: "openid-connect-provider-registered-user-pool",
			call: webIdentity(home, token(r.URL+"/us-east-1_Home"))},
		{code: "openid-connect-provider-deleted", call: webIdentity(ofPool, own)},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = root(r.Server)
			c.check(t, r.Server)
		})
	}
}

// A pool of an older version may have an ARN under which no provider can be registered.
func TestLinksToWrongProviderARNsCure(t *testing.T) {
	r := startPoolRig(t)
	const (
		pool  = "us-east-1:5a313000-0000-4000-8000-000000000009"
		wrong = "arn:aws:iam::000000000000:oidc-provider/https://idp.example/a"
	)
	made := r.AdminCall(t, "CreateIdentityPoolWithId", `{"IdentityPoolId":"`+pool+`","Pool":{"IdentityPoolName":"p",`+
		`"AllowUnauthenticatedIdentities":false,"OpenIdConnectProviderARNs":["`+wrong+`"]}}`)
	if made.Status != 200 {
		t.Fatal(made.Body)
	}
	token := logintest.NewIssuer(t).Token(map[string]any{"iss": "https://idp.example/a"})
	linkCase{
		code: "openid-connect-provider-issuer", by: root(r.Server), call: getID(pool, "idp.example/a", token),
		value: `["arn:aws:iam::000000000000:oidc-provider/idp.example/a"]`,
	}.check(t, r.Server)
}

// newUserPool makes a user pool of the development server.
func (r poolRig) newUserPool(t *testing.T, id string) {
	t.Helper()
	body := `{"PoolName":"users","UserPoolTags":{"_custom_id_":"` + id + `"}}`
	made := r.Raw(t, "", body, false, func(request *http.Request) {
		request.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.CreateUserPool")
		wiretest.Sign(t, request, body, "cognito-idp")
	})
	if made.Status != 200 {
		t.Fatal(made.Body)
	}
}

// Links of refused applications lead to the condition of the role, or to the pool, that names them.
func TestLinksToNamedApplicationsCure(t *testing.T) {
	apps := wiretest.NewApps(t)
	apps.Facebook.AddApp("555", "other-secret")
	apps.Facebook.AddToken("EAAForeign", logintest.FacebookToken{App: "555", User: "1"})
	s := wiretest.Start(t, apps.Configure, func(c *poolhouse.Config) { c.AcceptUnknownRoles = false })
	r := poolRig{Server: s, arn: wiretest.DevInfo(s).OIDCProviderARN, key: wiretest.DevInfo(s).LoginKey}

	naming := func(key, app string) string {
		return federated(wiretest.GoogleKey, `,"Condition":{"StringEquals":{"`+key+`":"`+app+`"}}`)
	}
	const audience, client = wiretest.GoogleKey + ":aud", "google-app"
	other := *r.NewIAMRole(t, "Other", naming(audience, "x")).Arn
	nobody := *r.NewIAMRole(t, "Nobody", naming(wiretest.GoogleKey+":sub", "109220063452404746097")).Arn
	pool := r.pool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = nil
		in.SupportedLoginProviders = map[string]string{wiretest.FacebookKey: "112233"}
	})

	for _, c := range []linkCase{
		{code: "application-of-the-token", call: webIdentity(other, apps.Logins[wiretest.GoogleKey]),
			value: naming(audience, client)},
		{code: "application-of-the-token-unnamed", call: webIdentity(nobody, apps.Logins[wiretest.GoogleKey]),
			value: naming(audience, client)},
		{code: "token-application", call: getID(pool, wiretest.FacebookKey, "EAAForeign"),
			value: `{"` + wiretest.FacebookKey + `":"555"}`},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = root(s)
			c.check(t, s)
		})
	}
}

// Links of SAML responses lead to the metadata that is no longer valid, and to the pool that has
// no provider for them.
func TestLinksToOutdatedMetadataCure(t *testing.T) {
	r := startPoolRig(t)
	now := time.Now()
	idp := samltest.New(t, now, 0)
	expired := samltest.WithCertificate(t, now, idp.Key, &x509.Certificate{
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-24 * time.Hour),
	})
	until := strings.Replace(idp.Metadata(), "<md:EntityDescriptor ",
		`<md:EntityDescriptor validUntil="2020-01-01T00:00:00Z" `, 1)
	with := func(name, metadata string) string {
		out := wiretest.Must(r.IAM().CreateSAMLProvider(t.Context(), &iamclient.CreateSAMLProviderInput{
			Name: &name, SAMLMetadataDocument: &metadata,
		}))(t)

		return *out.SAMLProviderArn
	}
	login := func(arn string, i *samltest.IdP) wireCall {
		pool := r.pool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{arn} })
		return getID(pool, arn, i.Response(t, samltest.Login{}))
	}
	found := with("Found", idp.Metadata())
	explain := wireCall{"poolhouse", "ExplainToken", encoded(t, map[string]any{
		"SamlResponse": idp.Response(t, samltest.Login{}), "IdentityPoolIds": []string{r.pool(t)},
	})}

	for _, c := range []linkCase{
		{code: "saml-metadata-outdated", call: login(with("Until", until), idp), value: idp.Metadata()},
		{code: "saml-signature-certificate-dates", call: login(with("Expired", expired.Metadata()), expired),
			value: idp.Metadata()},
		{code: "examined-provider", call: explain, value: `["` + found + `"]`},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = root(r.Server)
			c.check(t, r.Server)
		})
	}
}

// A pool's user pool of this server has two names; others of it are refused, and so is a developer
// provider that has no claims.
func TestLinksToNamesOfUserPoolsCure(t *testing.T) {
	r := startPoolRig(t)
	r.newUserPool(t, "us-east-1_Home")
	named := func(name string) wireCall {
		return pools("CreateIdentityPool", `{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":false,`+
			`"CognitoIdentityProviders":[{"ProviderName":"`+name+`","ClientId":"web"}]}`)
	}
	linkCase{
		code: "user-pool-provider-local", by: root(r.Server), call: named("elsewhere.example/us-east-1_Home"),
		again: named("cognito-idp.us-east-1.amazonaws.com/us-east-1_Home"),
	}.check(t, r.Server)

	pool := r.pool(t)
	r.mapTags(t, pool, r.key, map[string]string{"team": "team"})
	read := func(provider string) wireCall {
		return pools("GetPrincipalTagAttributeMap",
			`{"IdentityPoolId":"`+pool+`","IdentityProviderName":"`+provider+`"}`)
	}
	linkCase{
		code: "principal-tag-map-none-provider", by: root(r.Server), call: read("nobody.example"),
		again: read(r.key),
	}.check(t, r.Server)
}

// A role that a rule names is linked to at the rule, and one that a login names is no field of the pool.
func TestLinksToRolesOfRulesCure(t *testing.T) {
	r := startPoolRig(t)
	role := *r.NewIAMRole(t, "User", trustOf(homeTrust("Allow", `"sts:AssumeRole"`, ""))).Arn
	pool := r.pool(t)
	rule := func(arn string) string {
		return fmt.Sprintf(`{%q:{"Type":"Rules","AmbiguousRoleResolution":"Deny","RulesConfiguration":{"Rules":[`+
			`{"Claim":"sub","MatchType":"Equals","Value":"alice","RoleARN":%q}]}}}`, r.key, arn)
	}
	setPoolField(t, r.Server, wireLink{Id: pool, Field: "RoleMappings"}, rule(role+"Gone"))
	call := of("GetCredentialsForIdentity", r.GetID(t, pool, r.Logins(t, "alice")), r.login(t))
	linkCase{code: "role-missing-of-pool", by: root(r.Server), call: call, value: rule(role)}.check(t, r.Server)

	setPoolField(t, r.Server, wireLink{Id: pool, Field: "RoleMappings"},
		`{"`+r.key+`":{"Type":"Token","AmbiguousRoleResolution":"Deny"}}`)
	offered := wireLink{Kind: "role", Id: role + "Offered", Source: "api"}
	for named, want := range map[string]struct {
		reason string
		link   wireLink
	}{
		"app":                                 {reason: "role-arn-of-pool"},
		"arn:aws:iam::111111111111:role/User": {reason: "role-account"},
		offered.Id:                            {"role-missing-of-pool", offered},
	} {
		claims := map[string]any{"cognito:roles": []string{named}}
		token := r.login(t, func(q *poolhouse.DevTokenRequest) { q.Claims = claims })
		call := of("GetCredentialsForIdentity", r.GetID(t, pool, r.Logins(t, "alice")), token)
		reason, link, answer := reasonOf(t, root(r.Server), call)
		if reason != want.reason || link != want.link {
			t.Errorf("%s: refused for %s, with a link to %+v: %s", named, reason, link, answer.Body)
		}
	}
}
