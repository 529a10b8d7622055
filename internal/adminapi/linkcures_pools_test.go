package adminapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// poolRig makes pools for link cases.
type poolRig struct {
	*wiretest.Server
	arn, key string // of the development issuer
}

// pool makes a pool without guests, with the development issuer.
func (r poolRig) pool(t *testing.T, change ...func(*ci.CreateIdentityPoolInput)) string {
	t.Helper()
	in := &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("p"), OpenIdConnectProviderARNs: []string{r.arn},
	}
	for _, f := range change {
		f(in)
	}
	return *wiretest.Must(r.Admin().CreateIdentityPool(t.Context(), in))(t).IdentityPoolId
}

// getID returns a call that asks a pool for an ID.
func getID(pool, key, token string) wireCall {
	logins := ""
	if key != "" {
		logins = fmt.Sprintf(`,"Logins":{%q:%q}`, key, token)
	}
	return public("GetId", `{"IdentityPoolId":"`+pool+`"`+logins+`}`)
}

// of returns a call about an identity.
func of(operation, identity, more string) wireCall {
	return public(operation, `{"IdentityId":"`+identity+`"`+more+`}`)
}

// login returns the member Logins with a user of the development issuer.
func (r poolRig) login(t *testing.T, change ...func(*poolhouse.DevTokenRequest)) string {
	t.Helper()
	return fmt.Sprintf(`,"Logins":{%q:%q}`, r.key, r.Token(t, "alice", change...))
}

func noProvider(in *ci.CreateIdentityPoolInput) { in.OpenIdConnectProviderARNs = nil }
func withGuests(in *ci.CreateIdentityPoolInput) { in.AllowUnauthenticatedIdentities = true }

func startPoolRig(t *testing.T) poolRig {
	t.Helper()
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.AcceptUnknownRoles, c.TokenAlgorithm = false, "ES256"
		c.Limits.RulesPerMapping, c.Limits.UserPoolProviders, c.Limits.TagsPerPool = 1, 1, 1
	})
	return poolRig{Server: s, arn: wiretest.DevInfo(s).OIDCProviderARN, key: wiretest.DevInfo(s).LoginKey}
}

// Links of refused sign-ins to fields of the pool cure the refusal.
func TestLinksToPoolsCure(t *testing.T) {
	r := startPoolRig(t)
	me, role := root(r.Server), wiretest.RolePrefix+"User"
	r.NewIAMRole(t, "User", wiretest.AccountTrust)

	open := r.pool(t, withGuests)
	guest := r.GetID(t, open, nil)
	developer := r.pool(t, noProvider, func(in *ci.CreateIdentityPoolInput) {
		in.DeveloperProviderName = aws.String("a.b")
	})
	noFlow := r.pool(t, withGuests, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = aws.Bool(false) })
	mapped := r.pool(t, withGuests, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = aws.Bool(true) })
	rule := func(value string) string {
		return fmt.Sprintf(`{%q:{"Type":"Rules","AmbiguousRoleResolution":"Deny","RulesConfiguration":{"Rules":[`+
			`{"Claim":"team","MatchType":"Equals","Value":%q,"RoleARN":%q}]}}}`, r.key, value, role)
	}
	setRoles := func(pool, roles, mappings string) {
		body := `{"IdentityPoolId":"` + pool + `","Roles":` + roles + `,"RoleMappings":` + mappings + `}`
		if a := me.send(t, pools("SetIdentityPoolRoles", body)); a.Status != 200 {
			t.Fatal(a.Body)
		}
	}
	setRoles(mapped, `{}`, rule("ops"))
	off := r.pool(t, withGuests, func(in *ci.CreateIdentityPoolInput) { in.AllowClassicFlow = aws.Bool(false) })
	setRoles(off, `{}`, rule("ops"))

	team := func(q *poolhouse.DevTokenRequest) { q.Claims = map[string]any{"team": "dev", "odd": "a;b"} }
	user := func(pool string) string { return r.GetID(t, pool, r.Logins(t, "alice")) }
	ruled, custom, plain, ghost := r.pool(t), r.pool(t), r.pool(t), r.pool(t)
	setRoles(ruled, `{}`, rule("ops"))
	setRoles(custom, `{}`, rule("ops"))
	setRoles(plain, `{"authenticated":"`+role+`"}`, `{}`)
	setRoles(ghost, `{"authenticated":"`+role+`Gone"}`, `{}`)
	chosen := fmt.Sprintf(`,"CustomRoleArn":%q`, role)
	tagged := r.pool(t)
	setRoles(tagged, `{"authenticated":"`+role+`"}`, `{}`)
	setPoolField(t, r.Server, wireLink{Id: tagged, Field: "PrincipalTags"}, `{"tag":"odd"}`)
	guestOfClosed := r.pool(t, withGuests)
	lapsed := r.GetID(t, guestOfClosed, nil)
	lapsedToken := *wiretest.Must(r.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &lapsed}))(t).Token
	setPoolField(t, r.Server, wireLink{Id: guestOfClosed, Field: "AllowUnauthenticatedIdentities"}, `false`)
	bare, none := r.pool(t, noProvider), r.pool(t, noProvider)
	ofOthers := func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{"arn:aws:iam::000000000000:oidc-provider/idp.example"}
	}
	renamed := strings.Replace(r.key, "127.0.0.1", "localhost", 1)
	twoNames := logintest.NewIssuer(t).Token(map[string]any{"iss": "http://" + renamed})

	for _, c := range []linkCase{
		{code: "guest-access", call: getID(r.pool(t), "", ""), value: "true"},
		{code: "guest-access-only", call: getID(r.pool(t, noProvider), "", ""), value: "true"},
		{code: "guest-access-developer", call: getID(developer, "", ""), value: "true"},
		{code: "guest-access-token", call: query("sts", "AssumeRoleWithWebIdentity", "RoleArn", role,
			"RoleSessionName", "s1", "WebIdentityToken", lapsedToken), value: "true"},
		{code: "classic-flow", call: of("GetOpenIdToken", r.GetID(t, noFlow, nil), ""), value: "true"},
		{code: "classic-flow-role-mappings", call: of("GetOpenIdToken", r.GetID(t, mapped, nil), ""), value: "{}"},
		{code: "classic-flow-closed", call: of("GetOpenIdToken", r.GetID(t, off, nil), ""), value: "{}"},
		{code: "default-role", call: of("GetCredentialsForIdentity", guest, ""),
			value: `{"unauthenticated":"` + role + `"}`},
		{code: "role-mapping-no-role", call: of("GetCredentialsForIdentity", user(ruled), r.login(t, team)),
			value: rule("dev")},
		{code: "customrolearn-rules", call: of("GetCredentialsForIdentity", user(custom), r.login(t, team)+chosen),
			value: rule("dev")},
		{code: "customrolearn-default", call: of("GetCredentialsForIdentity", user(plain),
			r.login(t, team)+`,"CustomRoleArn":"`+wiretest.RolePrefix+`Other"`),
			value: strings.ReplaceAll(rule("dev"), `role/User`, `role/Other`)},
		{code: "role-missing-of-pool", call: of("GetCredentialsForIdentity", user(ghost), r.login(t)),
			value: `{"authenticated":"` + role + `"}`},
		{code: "principal-tag-value", call: of("GetCredentialsForIdentity", user(tagged), r.login(t, team)),
			value: `{"tag":"team"}`},
		{code: "principal-tag-map-none", call: pools("GetPrincipalTagAttributeMap",
			`{"IdentityPoolId":"`+open+`","IdentityProviderName":"`+r.key+`"}`), value: `{}`},
		{code: "developer-provider-unset", call: pools("GetOpenIdTokenForDeveloperIdentity",
			`{"IdentityPoolId":"`+bare+`","Logins":{"a.b":"u"}}`), value: `"a.b"`},
		{code: "login-provider-none", call: getID(none, r.key, r.Token(t, "alice")), value: `["ADD"]`},
		{code: "login-provider", call: getID(r.pool(t, ofOthers), r.key, r.Token(t, "alice")), value: `["ADD"]`},
		{code: "token-issuer-no-providers", call: getID(bare, "idp.example", r.Token(t, "alice")), value: `["ADD"]`},
		{code: "token-issuer-pool", call: getID(r.pool(t, ofOthers), "idp.example", r.Token(t, "alice")),
			value: `["arn:aws:iam::000000000000:oidc-provider/idp.example","ADD"]`},
		{code: "login-provider-two-names", call: getID(open, renamed, twoNames), value: `["ADD"]`},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = me
			c.check(t, r.Server)
		})
	}
}

// A refused setting of a pool links to its field: with another value there, the call passes.
func TestLinksToPoolSettingsCure(t *testing.T) {
	r := startPoolRig(t)
	me, corp := root(r.Server), "arn:aws:iam::000000000000:saml-provider/corp"
	const userPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Home"
	named := r.pool(t, func(in *ci.CreateIdentityPoolInput) { in.DeveloperProviderName = aws.String("idp.example") })
	client := func(name, id string) string { return fmt.Sprintf(`{"ProviderName":%q,"ClientId":%q}`, name, id) }

	create := func(field, value string) wireCall {
		return pools("CreateIdentityPool",
			fmt.Sprintf(`{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":false,%q:%s}`, field, value))
	}
	update := func(field, value string) wireCall {
		return pools("UpdateIdentityPool", fmt.Sprintf(
			`{"IdentityPoolId":%q,"IdentityPoolName":"p","AllowUnauthenticatedIdentities":false,%q:%s}`,
			named, field, value))
	}
	roled := r.pool(t, func(in *ci.CreateIdentityPoolInput) {
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
			{ProviderName: aws.String(userPool), ClientId: aws.String("web")},
		}
	})
	roles := func(value string) wireCall {
		return pools("SetIdentityPoolRoles", `{"IdentityPoolId":"`+roled+`","Roles":`+value+`}`)
	}
	mappings := func(key, mapping string) wireCall {
		return pools("SetIdentityPoolRoles",
			fmt.Sprintf(`{"IdentityPoolId":%q,"Roles":{},"RoleMappings":{%q:%s}}`, roled, key, mapping))
	}
	tags := func(provider, value string) wireCall {
		return pools("SetPrincipalTagAttributeMap",
			fmt.Sprintf(`{"IdentityPoolId":%q,"IdentityProviderName":%q,"PrincipalTags":%s}`, roled, provider, value))
	}
	const rule = `{"Claim":"a","MatchType":"Equals","Value":"b","RoleARN":"arn:aws:iam::000000000000:role/x"}`
	rules := func(list string) string {
		return `{"Type":"Rules","AmbiguousRoleResolution":"Deny","RulesConfiguration":{"Rules":[` + list + `]}}`
	}
	goodMapping, arn := mappings(r.key, rules(rule)), wiretest.RolePrefix+"x"
	goodMap, goodRoles := tags(r.key, `{"a":"b"}`), roles(`{"authenticated":"`+arn+`"}`)

	for _, c := range []linkCase{
		{code: "provider-arn-form", call: create("OpenIdConnectProviderARNs", `["`+corp+`"]`),
			again: create("OpenIdConnectProviderARNs", `["`+r.arn+`"]`)},
		{code: "provider-arn-twice", call: create("SamlProviderARNs", `["`+corp+`","`+corp+`"]`),
			again: create("SamlProviderARNs", `["`+corp+`"]`)},
		{code: "provider-arn-account",
			call:  create("SamlProviderARNs", `["arn:aws:iam::111111111111:saml-provider/corp"]`),
			again: create("SamlProviderARNs", `["`+corp+`"]`)},
		{code: "provider-partition",
			call:  create("SamlProviderARNs", `["arn:aws-cn:iam::000000000000:saml-provider/corp"]`),
			again: create("SamlProviderARNs", `["`+corp+`"]`)},
		{code: "provider-arn-issuer",
			call: create("OpenIdConnectProviderARNs",
				`["arn:aws:iam::000000000000:oidc-provider/HTTPS://idp.example"]`),
			again: create("OpenIdConnectProviderARNs", `["arn:aws:iam::000000000000:oidc-provider/idp.example"]`)},
		{code: "supported-login-provider", call: create("SupportedLoginProviders", `{"idp.example":"app"}`),
			again: create("SupportedLoginProviders", `{"accounts.google.com":"app"}`)},
		{code: "user-pool-provider-member", call: create("CognitoIdentityProviders", `[{"ClientId":"web"}]`),
			again: create("CognitoIdentityProviders", `[`+client(userPool, "web")+`]`)},
		{code: "user-pool-provider-form", call: create("CognitoIdentityProviders", `[`+client("x/", "web")+`]`),
			again: create("CognitoIdentityProviders", `[`+client(userPool, "web")+`]`)},
		{code: "user-pool-provider-regions",
			call: create("CognitoIdentityProviders",
				`[`+client(strings.Replace(userPool, "idp.us-east-1", "idp.eu-west-1", 1), "web")+`]`),
			again: create("CognitoIdentityProviders", `[`+client(userPool, "web")+`]`)},
		{code: "user-pool-host",
			call: create("CognitoIdentityProviders",
				`[`+client(strings.Replace(userPool, "amazonaws.com", "amazonaws.com.cn", 1), "web")+`]`),
			again: create("CognitoIdentityProviders", `[`+client(userPool, "web")+`]`)},
		{code: "user-pool-provider-twice",
			call:  create("CognitoIdentityProviders", `[`+client(userPool, "web")+`,`+client(userPool, "web")+`]`),
			again: create("CognitoIdentityProviders", `[`+client(userPool, "web")+`]`)},
		{code: "user-pool-provider-limit",
			call:  create("CognitoIdentityProviders", `[`+client(userPool, "web")+`,`+client(userPool, "app")+`]`),
			again: create("CognitoIdentityProviders", `[`+client(userPool, "web")+`]`)},
		{code: "developer-provider-name-taken", call: create("DeveloperProviderName", `"accounts.google.com"`),
			again: create("DeveloperProviderName", `"login.my.app"`)},
		{code: "developer-provider-name-change", call: update("DeveloperProviderName", `"login.other"`),
			again: update("DeveloperProviderName", `"idp.example"`)},
		{code: "developer-provider-name-shared",
			call:  update("OpenIdConnectProviderARNs", `["arn:aws:iam::000000000000:oidc-provider/idp.example"]`),
			again: update("OpenIdConnectProviderARNs", `["`+r.arn+`"]`)},
		{code: "pool-tags-limit", call: create("IdentityPoolTags", `{"a":"b","c":"d"}`),
			again: create("IdentityPoolTags", `{"a":"b"}`)},
		{code: "pool-tags-reserved", call: create("IdentityPoolTags", `{"aws:a":"b"}`),
			again: create("IdentityPoolTags", `{"a":"b"}`)},
		{code: "pool-tags-alphabet", call: create("IdentityPoolTags", `{"a;":"b"}`),
			again: create("IdentityPoolTags", `{"a":"b"}`)},
		{code: "role-form", call: roles(`{"authenticated":"arn:aws:iam::000000000000:user/x"}`), again: goodRoles},
		{code: "role-of-another-account", call: roles(`{"authenticated":"arn:aws:iam::111111111111:role/x"}`),
			again: goodRoles},
		{code: "role-partition", call: roles(`{"authenticated":"arn:aws-cn:iam::000000000000:role/x"}`),
			again: goodRoles},
		{code: "role-mapping-provider", call: mappings("https://idp.example", rules(rule)), again: goodMapping},
		{code: "role-mapping-resolution", call: mappings(r.key, `{"Type":"Token"}`), again: goodMapping},
		{code: "role-mapping-rules-limit", call: mappings(r.key, rules(rule+`,`+rule)), again: goodMapping},
		{code: "role-mapping-rules-missing",
			call: mappings(r.key, `{"Type":"Rules","AmbiguousRoleResolution":"Deny"}`), again: goodMapping},
		{code: "role-mapping-rules-of-token",
			call:  mappings(r.key, strings.Replace(rules(rule), `"Rules"`, `"Token"`, 1)),
			again: goodMapping},
		{code: "principal-tag-map-provider", call: tags("https://idp.example", `{"a":"b"}`), again: goodMap},
		{code: "principal-tag-map-keys", call: tags(r.key, `{"aws:a":"b"}`), again: goodMap},
		{code: "principal-tag-map-size", call: tags(r.key, `{"`+strings.Repeat("k", 128)+`":"`+
			strings.Repeat("v", 256)+`","`+strings.Repeat("l", 77)+`":"x"}`), again: goodMap},
		{code: "role-mapping-twice",
			call: pools("SetIdentityPoolRoles", fmt.Sprintf(
				`{"IdentityPoolId":%q,"Roles":{},"RoleMappings":{%q:%s,%q:%s}}`, roled, r.key, rules(rule), r.arn,
				rules(rule))),
			again: goodMapping},
		{code: "role-form", call: mappings(r.key, rules(strings.Replace(rule, "role/x", "user/x", 1))),
			again: goodMapping},
		{code: "role-of-another-account",
			call: mappings(r.key, rules(strings.Replace(rule, "000000000000", "111111111111", 1))), again: goodMapping},
		{code: "role-partition", call: mappings(r.key, rules(strings.Replace(rule, "arn:aws:", "arn:aws-cn:", 1))),
			again: goodMapping},
		{code: "principal-tag-map-client", call: tags(userPool+":web", `{"a":"b"}`), again: goodMap},
	} {
		t.Run(c.code, func(t *testing.T) {
			c.by = me
			c.check(t, r.Server)
		})
	}
}
