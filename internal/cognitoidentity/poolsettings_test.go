package cognitoidentity_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const (
	anyUserPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"
	foreignOIDC = "arn:aws:iam::111111111111:oidc-provider/idp.example"
	unknownOIDC = "arn:aws:iam::000000000000:oidc-provider/nobody.example/path"
	freshPool   = "us-east-1:77777777-2222-4333-8444-555555555555"
	theStored   = "us-east-1:88888888-2222-4333-8444-555555555555"
	theDefault  = `"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true`
)

// settingsWorld is a server whose refusals are recorded, and whose store the test can
// write to.
type settingsWorld struct {
	*wiretest.Server
	traces *wiretest.TraceList
	store  *store.Store
}

func startSettings(t *testing.T, change ...func(*poolhouse.Config)) settingsWorld {
	t.Helper()
	dir := t.TempDir()
	w := settingsWorld{traces: &wiretest.TraceList{}}
	w.Server = wiretest.Start(t, append([]func(*poolhouse.Config){func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm, c.OnTrace = dir, wiretest.ProductionMaster, "ES256", w.traces.Add
	}}, change...)...)

	w.store = wiretest.Must(store.Open(t.Context(), store.Options{
		Path:      filepath.Join(dir, poolhouse.DatabaseFile),
		PublicApp: provider.Default().PublicApp,
	}))(t)
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})

	return w
}

// stored gives a pool settings that only an older version took.
func (w settingsWorld) stored(t *testing.T, pool string, change func(*identitypool.Pool)) {
	t.Helper()
	wiretest.Must(w.store.UpdatePool(t.Context(), identitypool.PoolID(pool), func(p *identitypool.Pool) error {
		change(p)
		return nil
	}))(t)

	// A write has the server see at once what others wrote.
	arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + pool
	wiretest.Must(w.Admin().UntagResource(t.Context(),
		&ci.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"none"}}))(t)
}

// refused checks an answer that refuses, with a step that has the code and all texts. An
// empty message is not compared.
func (w settingsWorld) refused(t *testing.T, got wiretest.Answer, code, message string, why explain.Code) {
	t.Helper()
	var body struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
		t.Fatal(err)
	}
	wiretest.Equal(t, "status of "+got.Body, got.Status, 400)
	wiretest.Equal(t, "error of "+got.Body, got.Header.Get("x-amzn-ErrorType"), code+":")
	if message != "" {
		wiretest.Equal(t, "message", body.Message, message)
	}

	trace := w.traces.Last()
	wiretest.Equal(t, "traced request", trace.RequestID, got.Header.Get("x-amzn-RequestId"))

	for _, step := range trace.Steps {
		if step.Code == why && !step.OK {
			if step.Check == "" || step.Expected == "" || step.Got == "" || step.Fix == "" {
				t.Errorf("the step is not complete: %+v", step)
			}
			return
		}
	}

	t.Errorf("no refusal %q in %+v", why, trace.Steps)
}

// writers are the operations that give a pool its configuration; body is the members
// after the name.
func (w settingsWorld) writers(t *testing.T) map[string]func(members string) wiretest.Answer {
	t.Helper()
	pool := *wiretest.Must(w.Admin().CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}))(t).IdentityPoolId

	return map[string]func(string) wiretest.Answer{
		"CreateIdentityPool": func(members string) wiretest.Answer {
			return w.Raw(t, "CreateIdentityPool", `{`+theDefault+members+`}`, true)
		},
		"UpdateIdentityPool": func(members string) wiretest.Answer {
			return w.Raw(t, "UpdateIdentityPool", `{"IdentityPoolId":"`+pool+`",`+theDefault+members+`}`, true)
		},
		"CreateIdentityPoolWithId": func(members string) wiretest.Answer { return w.imported(t, freshPool, members) },
	}
}

// imported makes a pool with an ID that clients know from elsewhere.
func (w settingsWorld) imported(t *testing.T, id, members string) wiretest.Answer {
	t.Helper()
	return w.AdminCall(t, "CreateIdentityPoolWithId", `{"IdentityPoolId":"`+id+`","Pool":{`+theDefault+members+`}}`)
}

// Tags and ServerSideTokenCheck are in every answer that shows a pool.
func TestPoolAnswersHaveTheirMembers(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		userPool := func(more string) string {
			return `"CognitoIdentityProviders":[{"ProviderName":"` + anyUserPool + `","ClientId":"c"` + more + `}]`
		}
		for name, test := range map[string]struct{ sent, want string }{
			"nothing":  {"", `"IdentityPoolTags":{}`},
			"no tags":  {`,"IdentityPoolTags":{}`, `"IdentityPoolTags":{}`},
			"tags":     {`,"IdentityPoolTags":{"a":"b"}`, `"IdentityPoolTags":{"a":"b"}`},
			"no check": {"," + userPool(""), userPool(`,"ServerSideTokenCheck":false`) + `,"IdentityPoolTags":{}`},
			"null check": {"," + userPool(`,"ServerSideTokenCheck":null`),
				userPool(`,"ServerSideTokenCheck":false`) + `,"IdentityPoolTags":{}`},
			"check off": {"," + userPool(`,"ServerSideTokenCheck":false`),
				userPool(`,"ServerSideTokenCheck":false`) + `,"IdentityPoolTags":{}`},
			"check on": {"," + userPool(`,"ServerSideTokenCheck":true`),
				userPool(`,"ServerSideTokenCheck":true`) + `,"IdentityPoolTags":{}`},
			"other members": {`,"SupportedLoginProviders":{},"OpenIdConnectProviderARNs":[],"SamlProviderARNs":[]`,
				`"IdentityPoolTags":{}`},
		} {
			t.Run(name, func(t *testing.T) {
				answered := func(got wiretest.Answer) string {
					t.Helper()
					var pool struct{ IdentityPoolId string }
					if err := json.Unmarshal([]byte(got.Body), &pool); err != nil || got.Status != 200 {
						t.Fatal(err, got.Status, got.Body)
					}
					wiretest.Equal(t, "answer", got.Body,
						`{"IdentityPoolId":"`+pool.IdentityPoolId+`",`+theDefault+","+test.want+`}`)

					return pool.IdentityPoolId
				}

				id := answered(s.Raw(t, "CreateIdentityPool", `{`+theDefault+test.sent+`}`, true))
				describe := `{"IdentityPoolId":"` + id + `"}`
				answered(s.Raw(t, "DescribeIdentityPool", describe, true))
				answered(s.Raw(t, "UpdateIdentityPool", `{"IdentityPoolId":"`+id+`",`+theDefault+test.sent+`}`, true))
				answered(s.Raw(t, "DescribeIdentityPool", describe, true))
				answered(s.AdminCall(t, "CreateIdentityPoolWithId",
					`{"IdentityPoolId":"`+freshPool+`","Pool":{`+theDefault+test.sent+`}}`))

				wiretest.Equal(t, "deleted",
					s.Raw(t, "DeleteIdentityPool", `{"IdentityPoolId":"`+freshPool+`"}`, true).Status, 200)
			})
		}
	})
}

// SAML providers must be of the pool's account; OpenID Connect providers need not.
func TestProvidersOfAnotherAccount(t *testing.T) {
	w := startSettings(t)
	writers := w.writers(t)
	for _, arn := range []string{
		"arn:aws:iam::111111111111:saml-provider/corp",
		"arn:aws:iam::000000000000:oidc-provider/idp.example",
		"arn:aws:iam::000000000000:role/saml-provider",
		"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/x",
		"corp-corp-corp-corp-corp",
	} {
		for operation, write := range writers {
			t.Run(operation+" with "+arn, func(t *testing.T) {
				w.refused(t, write(`,"SamlProviderARNs":["`+arn+`"]`), "NotAuthorizedException",
					"Identity provider "+arn+" is not valid for account 000000000000", "provider-arn-account")
			})
		}
	}

	for operation, write := range writers {
		t.Run(operation, func(t *testing.T) {
			list := `"OpenIdConnectProviderARNs":["` + foreignOIDC + `","` + unknownOIDC + `"]`
			got := write("," + list)
			if got.Status != 200 || !strings.Contains(got.Body, list) {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
	}
}

// A pool may name the provider of another account. Its logins are refused, also when
// that account has registered it.
func TestLoginsThroughAnotherAccountsProvider(t *testing.T) {
	issuer, nobody := logintest.NewIssuer(t), logintest.NewIssuer(t)
	w := atTenants(t, t.TempDir(), func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{
			URL:          issuer.URL,
			ClientIDs:    []string{"app"},
			AllowHTTP:    true,
			AllowPrivate: true,
		}}
	})

	key := strings.TrimPrefix(issuer.URL, "http://")
	nobodyKey := strings.TrimPrefix(nobody.URL, "http://")
	homes := "arn:aws:iam::" + w.Home.Account + ":oidc-provider/"
	theirs := "arn:aws:iam::" + w.Thief.Account + ":oidc-provider/"

	for name, test := range map[string]struct {
		owner      wiretest.Tenant
		arn, login string
		by         *logintest.Issuer
		why        explain.Code
		fix        string
	}{
		"registered by the other account": {w.Thief, homes + key, key, issuer, "openid-connect-provider-account",
			"in account " + w.Thief.Account},
		"registered by nobody": {w.Home, homes + nobodyKey, nobodyKey, nobody, "",
			"call CreateOpenIDConnectProvider with the URL https://" + nobodyKey},
		"registered by the pool's only": {w.Home, theirs + key, key, issuer, "openid-connect-provider-account",
			"in account " + w.Home.Account},
		"registered by the account": {w.Home, homes + key, key, issuer, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
				OpenIdConnectProviderARNs: []string{test.arn}}
			pool := *wiretest.Must(test.owner.Pools().CreateIdentityPool(t.Context(), in))(t).IdentityPoolId
			_, err := w.Public().GetId(t.Context(), &ci.GetIdInput{
				IdentityPoolId: &pool,
				Logins: map[string]string{test.login: test.by.Token(map[string]any{"aud": "app",
					"sub": "alice"})},
			})
			if test.fix == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}

			wiretest.WantError(t, err, "NotAuthorizedException",
				"Token is not from a supported provider of this identity pool.")
			explained := slices.ContainsFunc(w.Traces.Last().Steps, func(s explain.Step) bool {
				return !s.OK && (test.why == "" || s.Code == test.why) && strings.Contains(s.Fix, test.fix)
			})
			if !explained {
				t.Errorf("no step with the fix %q: %+v", test.fix, w.Traces.Last().Steps)
			}
		})
	}
}

// An attribute map is there from the first time it was set, empty or not.
func TestPrincipalTagMapsNeverSet(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		info := wiretest.DevInfo(s)
		for _, provider := range []string{info.LoginKey, info.OIDCProviderARN} {
			for name, test := range map[string]struct{ sent, want string }{
				"empty":   {`,"PrincipalTags":{}`, `"UseDefaults":false,"PrincipalTags":{}`},
				"nothing": {``, `"UseDefaults":false,"PrincipalTags":{}`},
				"null": {`,"PrincipalTags":null,"UseDefaults":null`,
					`"UseDefaults":false,"PrincipalTags":{}`},
				"defaults":        {`,"UseDefaults":true`, `"UseDefaults":true,"PrincipalTags":{}`},
				"Terraform's end": {`,"UseDefaults":true,"PrincipalTags":{}`, `"UseDefaults":true,"PrincipalTags":{}`},
				"a map": {`,"PrincipalTags":{"team":"dept"}`,
					`"UseDefaults":false,"PrincipalTags":{"team":"dept"}`},
			} {
				t.Run(provider+" "+name, func(t *testing.T) {
					pool := s.NewPool(t)
					members := `"IdentityPoolId":"` + pool + `","IdentityProviderName":"` + provider + `"`
					get := func() wiretest.Answer {
						return s.Raw(t, "GetPrincipalTagAttributeMap", `{`+members+`}`,
							true)
					}
					got := get()
					wiretest.Equal(t, "before", fmt.Sprint(got.Status, got.Header.Get("x-amzn-ErrorType"), got.Body),
						`400ResourceNotFoundException:{"__type":"ResourceNotFoundException",`+
							`"message":"No Principal Tags configured for Provider `+provider+`"}`)

					want := `{` + members + `,` + test.want + `}`
					wiretest.Equal(t, "set",
						s.Raw(t, "SetPrincipalTagAttributeMap", `{`+members+test.sent+`}`, true).Body, want)
					wiretest.Equal(t, "got", get().Body, want)
				})
			}
		}
	})
}

// Settings under a name that no login of the pool comes under are refused, and the
// names under which logins look settings up are taken.
func TestNamesThatLoginsLookUp(t *testing.T) {
	const (
		alias  = "users.example"
		corp   = "arn:aws:iam::000000000000:saml-provider/corp"
		google = "accounts.google.com"
	)

	w := startSettings(t, func(c *poolhouse.Config) {
		c.UserPools = map[string]poolhouse.ProviderOverride{anyUserPool: {Issuers: []string{"https://users.example"},
			JWKSURL: "https://users.example/keys"}}
		c.ProviderAliases = map[string]string{alias: anyUserPool}
	})
	info := wiretest.DevInfo(w.Server)
	pool := w.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{google: "app"}
		in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs, foreignOIDC)
		in.SamlProviderARNs = []string{corp}
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{ProviderName: aws.String(anyUserPool),
			ClientId: aws.String("web")}}
	})

	for name, test := range map[string]struct{ tags, mapping bool }{
		google:                               {true, true},
		info.LoginKey:                        {true, true},
		info.OIDCProviderARN:                 {true, true},
		"idp.example":                        {true, true},
		foreignOIDC:                          {true, true},
		corp:                                 {true, true},
		anyUserPool:                          {true, false},
		anyUserPool + ":web":                 {false, true},
		anyUserPool + ":other":               {false, false},
		"login.my.app":                       {false, false}, // no claims
		alias:                                {false, false},
		alias + ":web":                       {false, false},
		"https://" + google:                  {false, false},
		"graph.facebook.com":                 {false, false},
		"cognito-identity.amazonaws.com":     {false, false},
		"https://idp.example":                {false, false},
		"idp.example/":                       {false, false},
		"IDP.example":                        {false, false},
		unknownOIDC:                          {false, false},
		corp + "2":                           {false, false},
		anyUserPool + ":":                    {false, false},
		strings.ToLower(anyUserPool):         {false, false},
		"arn:aws:iam::000000000000:role/x":   {false, false},
		"us-east-1_AbCdEf":                   {false, false},
		"https://" + anyUserPool:             {false, false},
		strings.Replace(corp, "000", "1", 1): {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.Raw(t, "SetPrincipalTagAttributeMap",
				`{"IdentityPoolId":"`+pool+`","IdentityProviderName":"`+name+`","PrincipalTags":{"a":"b"}}`, true)
			switch {
			case test.tags:
				wiretest.Equal(t, "tags "+got.Body, got.Status, 200)
			default:
				why := explain.Code("principal-tag-map-provider")
				switch name {
				case anyUserPool + ":web":
					why = "principal-tag-map-client"
				case "login.my.app":
					why = "principal-tag-map-developer"
				}

				w.refused(t, got, "InvalidParameterException",
					"("+name+") is not a configured provider of the identity pool.", why)
			}

			got = w.Raw(t, "SetIdentityPoolRoles", `{"IdentityPoolId":"`+pool+`","Roles":{},"RoleMappings":{"`+name+
				`":{"Type":"Token","AmbiguousRoleResolution":"Deny"}}}`, true)
			if test.mapping {
				wiretest.Equal(t, "mapping "+got.Body, got.Status, 200)
				return
			}
			w.refused(t, got, "InvalidParameterException",
				"("+name+") is not a valid RoleMapping ProviderName or is not a configured provider.",
				"role-mapping-provider")
		})
	}

	t.Run("a stored map goes on", func(t *testing.T) {
		for _, name := range []string{anyUserPool + ":web", "login.my.app", "gone.example"} {
			members := `"IdentityPoolId":"` + pool + `","IdentityProviderName":"` + name + `"`
			w.stored(t, pool, func(p *identitypool.Pool) {
				p.PrincipalTags[name] = identitypool.PrincipalTagMap{Tags: map[string]string{"a": "b"}}
			})
			wiretest.Equal(t, "got", w.Raw(t, "GetPrincipalTagAttributeMap", `{`+members+`}`, true).Body,
				`{`+members+`,"UseDefaults":false,"PrincipalTags":{"a":"b"}}`)
			wiretest.Equal(t, "emptied",
				w.Raw(t, "SetPrincipalTagAttributeMap", `{`+members+`,"PrincipalTags":{}}`, true).Status, 200)
		}
	})
}

// Names of login providers, and lists of them, as new writes may have them; what a pool
// has already and what is brought over goes on.
func TestNamesOfLoginProviders(t *testing.T) {
	w := startSettings(t)

	writers := w.writers(t)
	userPools := func(names ...string) string {
		var list []string
		for _, name := range names {
			list = append(list, `{"ProviderName":"`+name+`","ClientId":"c"}`)
		}
		return `"CognitoIdentityProviders":[` + strings.Join(list, ",") + `]`
	}

	const twoRegions = "cognito-idp.us-east-1.amazonaws.com/eu-west-1_x"
	for members, test := range map[string]struct {
		why      explain.Code
		imported bool // taken from elsewhere
		stored   func(*identitypool.Pool)
	}{
		`"SupportedLoginProviders":{"login.example":"app"}`: {"supported-login-provider", true,
			func(p *identitypool.Pool) {
				p.SupportedLoginProviders = map[string]string{"login.example": "old"}
			}},
		`"SupportedLoginProviders":{"` + anyUserPool + `":"app"}`:          {"supported-login-provider", true, nil},
		`"SupportedLoginProviders":{"Accounts.google.com":"app"}`:          {"supported-login-provider", true, nil},
		`"SupportedLoginProviders":{"https://graph.facebook.com":"1"}`:     {"supported-login-provider", true, nil},
		`"SupportedLoginProviders":{"cognito-identity.amazonaws.com":"1"}`: {"supported-login-provider", true, nil},
		userPools(twoRegions): {"user-pool-provider-regions", true, func(p *identitypool.Pool) {
			p.CognitoIdentityProviders = []identitypool.CognitoIdentityProvider{{ProviderName: twoRegions,
				ClientID: "old"}}
		}},
		userPools("cognito-idp.us-gov-west-1.amazonaws.com/us-east-1_x"): {"user-pool-provider-regions",
			true, nil},
		userPools("users.example"): {"user-pool-provider-form", false,
			nil},
		userPools(anyUserPool, anyUserPool): {"user-pool-provider-twice",
			false, nil},
		`"CognitoIdentityProviders":[{"ClientId":"c"}]`: {"user-pool-provider-member",
			false, nil},
		`"OpenIdConnectProviderARNs":["` + foreignOIDC + `","` + foreignOIDC + `"]`: {"provider-arn-twice", false, nil},
		`"OpenIdConnectProviderARNs":["` + foreignOIDC +
			`","arn:aws:iam::000000000000:oidc-provider/idp.example"]`: {"provider-arn-twice", true,
			func(p *identitypool.Pool) {
				p.OIDCProviderARNs = []string{foreignOIDC, "arn:aws:iam::000000000000:oidc-provider/idp.example"}
			}},
		oidcOf("https://idp.example/a"): {"provider-arn-issuer", true, func(p *identitypool.Pool) {
			p.OIDCProviderARNs = []string{"arn:aws:iam::000000000000:oidc-provider/https://idp.example/a"}
		}},
		oidcOf("HTTPS://idp.example"):       {"provider-arn-issuer", true, nil},
		oidcOf("http://idp.example"):        {"provider-arn-issuer", true, nil},
		oidcOf("https:/idp.example"):        {"provider-arn-issuer", true, nil},
		oidcOf("idp.example?tenant=a"):      {"provider-arn-issuer", true, nil},
		oidcOf("idp.example/a?"):            {"provider-arn-issuer", true, nil},
		oidcOf("idp.example/a#b"):           {"provider-arn-issuer", true, nil},
		oidcOf("idp.example#"):              {"provider-arn-issuer", true, nil},
		oidcOf("user:s3cr3t@idp.example/a"): {"provider-arn-issuer", true, nil},
		oidcOf("/a"):                        {"provider-arn-issuer", true, nil},
		oidcOf(":8443/a"):                   {"provider-arn-issuer", true, nil},
		oidcOf("https://"):                  {"provider-arn-issuer", true, nil},
		oidcOf("idp.example/a b"):           {"provider-arn-form", false, nil},
		`"OpenIdConnectProviderARNs":["arn:aws:iam::000000000000:saml-provider/corp"]`: {
			"provider-arn-form", false, nil,
		},
		`"SamlProviderARNs":["arn:aws:iam::000000000000:saml-provider/a",` +
			`"arn:aws:iam::000000000000:saml-provider/a"]`: {"provider-arn-twice", false, nil},
	} {
		t.Run(members, func(t *testing.T) {
			for operation, write := range writers {
				got := write("," + members)
				if operation == "CreateIdentityPoolWithId" && test.imported {
					wiretest.Equal(t, "imported "+got.Body, got.Status, 200)
					wiretest.Equal(t, "updated as it is",
						w.Raw(t, "UpdateIdentityPool", `{"IdentityPoolId":"`+freshPool+`",`+theDefault+`,`+members+`}`,
							true).Status, 200)
					wiretest.Equal(t, "deleted",
						w.Raw(t, "DeleteIdentityPool", `{"IdentityPoolId":"`+freshPool+`"}`, true).Status, 200)
					continue
				}

				w.refused(t, got, "InvalidParameterException", "", test.why)
				if step, _ := explain.Deciding(w.traces.Last().Steps); step.Link == nil ||
					step.Link.Field == "" || (step.Link.ID == "") == (operation == "UpdateIdentityPool") {
					t.Errorf("%s leads to %+v", operation, step.Link)
				}
			}

			if test.stored == nil {
				return
			}
			w.imported(t, theStored, "")
			w.stored(t, theStored, test.stored)

			got := w.Raw(t, "UpdateIdentityPool", `{"IdentityPoolId":"`+theStored+`",`+theDefault+`,`+members+`}`, true)
			wiretest.Equal(t, "stored "+got.Body, got.Status, 200)
		})
	}

	for _, members := range []string{
		oidcOf("idp.example"), oidcOf("IDP.example:8443/realms/A%20b/"), oidcOf("localhost:8080/a"),
		oidcOf("[::1]:8080/a"),
		userPools("cognito-idp.us-east-1.amazonaws.com/local_2abc"),
		userPools("cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_x"),
		userPools(anyUserPool, "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"),
		`"CognitoIdentityProviders":[{"ProviderName":"` + anyUserPool + `","ClientId":"a"},{"ProviderName":"` +
			anyUserPool + `","ClientId":"b"}]`,
		`"SupportedLoginProviders":{"accounts.google.com":"a","appleid.apple.com":"b","graph.facebook.com":"1",` +
			`"www.amazon.com":"c","api.twitter.com":"k;s","www.digits.com":"k;s"}`,
	} {
		t.Run("taken: "+members, func(t *testing.T) {
			for operation, write := range writers {
				if got := write("," + members); got.Status != 200 {
					t.Errorf("%s: %s", operation, got.Body)
				}
				w.Raw(t, "DeleteIdentityPool", `{"IdentityPoolId":"`+freshPool+`"}`, true)
			}
		})
	}

	t.Run("a user pool of the settings", func(t *testing.T) {
		s := wiretest.Start(t, func(c *poolhouse.Config) {
			c.UserPools = map[string]poolhouse.ProviderOverride{twoRegions: {BaseURL: "https://users.example"}}
			c.UserPoolRegions = map[string]poolhouse.ProviderOverride{"us-west-2": {BaseURL: "https://users.example"}}
		})
		got := s.Raw(t, "CreateIdentityPool",
			`{`+theDefault+`,`+userPools(twoRegions, "cognito-idp.us-west-2.amazonaws.com/us-east-1_x")+`}`, true)
		wiretest.Equal(t, "made "+got.Body, got.Status, 200)
	})
}

// oidcOf is the member that gives a pool a provider.
func oidcOf(issuer string) string {
	return `"OpenIdConnectProviderARNs":["arn:aws:iam::000000000000:oidc-provider/` + issuer + `"]`
}

// A pool that has an ARN under which no provider can be registered goes on, and what is
// told of its logins and settings is the ARN that it should have.
func TestProviderARNWithScheme(t *testing.T) {
	const (
		wrong = "arn:aws:iam::000000000000:oidc-provider/https://idp.example/a"
		right = "arn:aws:iam::000000000000:oidc-provider/idp.example/a"
	)
	w := startSettings(t)
	wiretest.Equal(t, "imported", w.imported(t, theStored, `,"OpenIdConnectProviderARNs":["`+wrong+`"]`).Status, 200)

	issuer := logintest.NewIssuer(t)
	token := issuer.Token(map[string]any{"iss": "https://idp.example/a"})
	for _, key := range []string{"idp.example/a", "https://idp.example/a"} {
		t.Run("login of "+key, func(t *testing.T) {
			got := w.Raw(t, "GetId", `{"IdentityPoolId":"`+theStored+`","Logins":{"`+key+`":"`+token+`"}}`, false)
			w.refused(t, got, "NotAuthorizedException", "", "openid-connect-provider-issuer")
			step, _ := explain.Deciding(w.traces.Last().Steps)
			if !strings.Contains(step.Fix, right) || strings.Contains(step.Fix, "https://") {
				t.Errorf("%+v", step)
			}
		})
	}

	t.Run("settings", func(t *testing.T) {
		pool := w.NewPool(t)
		tags := func(pool string) wiretest.Answer {
			return w.Raw(t, "SetPrincipalTagAttributeMap",
				`{"IdentityPoolId":"`+pool+`","IdentityProviderName":"`+wrong+`","PrincipalTags":{}}`, true)
		}
		roles := func(pool string) wiretest.Answer {
			return w.Raw(t, "SetIdentityPoolRoles", `{"IdentityPoolId":"`+pool+`","Roles":{},"RoleMappings":{"`+wrong+
				`":{"Type":"Token","AmbiguousRoleResolution":"Deny"}}}`, true)
		}

		for _, write := range []func(string) wiretest.Answer{tags, roles} {
			w.refused(t, write(pool), "InvalidParameterException", "", "provider-arn-issuer")
			if step, _ := explain.Deciding(w.traces.Last().Steps); !strings.HasSuffix(step.Fix, right) {
				t.Errorf("%+v", step)
			}
			wiretest.Equal(t, "of the pool that has it", write(theStored).Status, 200)
		}
	})
}

// A developer provider must not take the name of a login provider, whose users it would
// lock out for ever. Pools that have such a name, and those brought over, go on.
func TestDeveloperProviderNames(t *testing.T) {
	const alias = "users.example"
	w := startSettings(t, func(c *poolhouse.Config) {
		c.UserPools = map[string]poolhouse.ProviderOverride{"own-pool": {Issuers: []string{"https://users.example"},
			JWKSURL: "https://users.example/keys"}}
		c.ProviderAliases = map[string]string{alias: "own-pool"}
	})
	create := func(members string) wiretest.Answer {
		return w.Raw(t, "CreateIdentityPool", `{`+theDefault+members+`}`, true)
	}

	update := func(pool, members string) wiretest.Answer {
		return w.Raw(t, "UpdateIdentityPool", `{"IdentityPoolId":"`+pool+`",`+theDefault+members+`}`, true)
	}
	idOf := func(got wiretest.Answer) string {
		var out struct{ IdentityPoolId string }
		if err := json.Unmarshal([]byte(got.Body), &out); err != nil || got.Status != 200 {
			t.Fatal(got.Status, got.Body)
		}
		return out.IdentityPoolId
	}

	for _, name := range []string{
		"accounts.google.com", "graph.facebook.com", "www.amazon.com", "api.twitter.com", "www.digits.com",
		"appleid.apple.com",
		"cognito-identity.amazonaws.com", "cognito-identity-us-gov.amazonaws.com",
		"cognito-identity.us-gov-east-1.amazonaws.com",
		"cognito-identity.cn-north-1.amazonaws.com.cn", "own-pool", alias,
	} {
		t.Run(name, func(t *testing.T) {
			set := `,"DeveloperProviderName":"` + name + `"`
			text := "The developer provider name '" + name + "' is the name of a public login provider."
			w.refused(t, create(set), "InvalidParameterException", text, "developer-provider-name-taken")
			bare := idOf(create(""))
			w.refused(t, update(bare, set), "InvalidParameterException", text, "developer-provider-name-taken")

			if name != identitypool.OwnProvider {
				idOf(w.imported(t, freshPool, set))
				idOf(update(freshPool, set))
				idOf(update(freshPool, ""))
				wiretest.Equal(t, "deleted",
					w.Raw(t, "DeleteIdentityPool", `{"IdentityPoolId":"`+freshPool+`"}`, true).Status, 200)
			}

			w.stored(t, bare, func(p *identitypool.Pool) { p.DeveloperProviderName = name })
			idOf(update(bare, set))
			idOf(update(bare, ""))
			got := w.Raw(t, "GetOpenIdTokenForDeveloperIdentity",
				`{"IdentityPoolId":"`+bare+`","Logins":{"`+name+`":"bob"}}`, true)
			wiretest.Equal(t, "a developer's token "+got.Body, got.Status, 200)
		})
	}

	t.Run("an OpenID Connect provider of the pool", func(t *testing.T) {
		oidc := `,"OpenIdConnectProviderARNs":["` + foreignOIDC + `"]`
		set := `,"DeveloperProviderName":"idp.example"`
		w.refused(t, create(set+oidc), "InvalidParameterException", "", "developer-provider-name-taken")
		w.refused(t, update(idOf(create(oidc)), set+oidc), "InvalidParameterException", "",
			"developer-provider-name-taken")
		pool := idOf(create(set))
		w.refused(t, update(pool, oidc), "InvalidParameterException", "", "developer-provider-name-shared")

		w.stored(t, pool, func(p *identitypool.Pool) { p.OIDCProviderARNs = []string{foreignOIDC} })
		idOf(update(pool, oidc))
	})

	t.Run("another name", func(t *testing.T) {
		pool := idOf(create(`,"DeveloperProviderName":"login.my.app"`))
		w.refused(t, update(pool, `,"DeveloperProviderName":"login.other"`), "InvalidParameterException", "",
			"developer-provider-name-change")
	})
}

// No list or map of any operation takes null as an element.
func TestNullInListsAndMaps(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)

	identity := s.GetID(t, pool, nil)
	service := reflect.TypeFor[*cognitoidentity.Service]()
	tried := 0
	for operation, call := range wiretest.Operations {
		method, found := service.MethodByName(operation)
		if !found {
			t.Fatalf("no method %s", operation)
		}

		body := strings.NewReplacer("POOL", pool, "IDENTITY", identity).Replace(call.Input)
		for _, members := range withNull(method.Type.In(method.Type.NumIn() - 1).Elem()) {
			var all map[string]any
			if err := json.Unmarshal([]byte(body), &all); err != nil {
				t.Fatal(err)
			}

			maps.Copy(all, members)
			sent := string(wiretest.Must(json.Marshal(all))(t))
			got := s.Raw(t, operation, sent, call.Signed)
			if got.Status != 400 || got.Header.Get("x-amzn-ErrorType") != "SerializationException:" {
				t.Errorf("%s %s: %d %s", operation, sent, got.Status, got.Body)
			}
			tried++
		}
	}
	wiretest.Equal(t, "lists and maps", tried, 24)

	for _, body := range []string{
		`{"IdentityPoolId":"` + pool + `","Identities":[null]}`,
		`{"IdentityPoolId":"` + pool + `","Identities":[{"IdentityId":"` + freshPool + `","Logins":[null]}]}`,
	} {
		wiretest.Equal(t, body, s.AdminCall(t, "LoadIdentities", body).Header.Get("x-amzn-ErrorType"),
			"SerializationException:")
	}
}

// withNull returns the members of a structure that have null inside a list or map, one at
// a time.
func withNull(structure reflect.Type) (all []map[string]any) {
	for i := range structure.NumField() {
		field := structure.Field(i)
		add := func(value any) { all = append(all, map[string]any{field.Name: value}) }
		switch of := field.Type; of.Kind() {
		case reflect.Pointer:
			if of.Elem().Kind() == reflect.Struct {
				for _, members := range withNull(of.Elem()) {
					add(members)
				}
			}
		case reflect.Slice:
			add([]any{nil})
			if of.Elem().Kind() == reflect.Struct {
				for _, members := range withNull(of.Elem()) {
					add([]any{members})
				}
			}
		case reflect.Map:
			add(map[string]any{"authenticated": nil})
			if of.Elem().Kind() == reflect.Struct {
				for _, members := range withNull(of.Elem()) {
					add(map[string]any{"x": members})
				}
			}
		}
	}

	return all
}

// What is listed twice for removal counts once.
func TestListedTwiceForRemoval(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	guest, alice := s.GetID(t, pool, nil), s.GetID(t, pool, s.Logins(t, "alice"))
	deleted := wiretest.Must(s.Admin().DeleteIdentities(t.Context(),
		&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{guest, guest}}))(t)
	wiretest.Equal(t, "unprocessed", len(deleted.UnprocessedIdentityIds), 0)
	key := wiretest.DevInfo(s).LoginKey
	wiretest.Must(s.Public().UnlinkIdentity(t.Context(),
		&ci.UnlinkIdentityInput{IdentityId: &alice, Logins: s.Logins(t, "alice"),
			LoginsToRemove: []string{key, key}}))(t)
	arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + pool
	wiretest.Must(s.Admin().UntagResource(t.Context(),
		&ci.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a", "a"}}))(t)
}

// A NextToken goes on when what a page shows changes, and is of no use in another list.
func TestPagesGoOn(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool, other := s.NewPool(t), s.NewPool(t)
		users := map[string]string{}
		for _, user := range []string{"a", "b", "c", "d", "e"} {
			out := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
				&ci.GetOpenIdTokenForDeveloperIdentityInput{
					IdentityPoolId: &pool, Logins: map[string]string{"login.my.app": user}}))(t)
			users[user] = *out.IdentityId
		}

		merged := wiretest.Must(s.Admin().MergeDeveloperIdentities(t.Context(),
			&ci.MergeDeveloperIdentitiesInput{IdentityPoolId: &pool,
				DeveloperProviderName: aws.String("login.my.app"), SourceUserIdentifier: aws.String("d"),
				DestinationUserIdentifier: aws.String("a")}))(t)

		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprint("ListIdentities, HideDisabled ", first), func(t *testing.T) {
				in := &ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(2), HideDisabled: first}

				page := wiretest.Must(s.Admin().ListIdentities(t.Context(), in))(t)
				var got []string
				for _, i := range page.Identities {
					got = append(got, *i.IdentityId)
				}
				in.NextToken, in.HideDisabled, in.MaxResults = page.NextToken, !first, aws.Int32(60)

				rest := wiretest.Must(s.Admin().ListIdentities(t.Context(), in))(t)
				for _, i := range rest.Identities {
					got = append(got, *i.IdentityId)
				}
				want := []string{users["a"], users["b"], users["c"], users["d"], users["e"]}
				if !first { // the second page hides
					want = slices.DeleteFunc(want, func(id string) bool { return id == users["d"] })
				}
				wiretest.Equal(t, "identities", strings.Join(got, " "), strings.Join(want, " "))

				in.IdentityPoolId = &other
				_, err := s.Admin().ListIdentities(t.Context(), in)
				wiretest.WantError(t, err, "InvalidParameterException", "Invalid NextToken.")
			})
		}

		t.Run("LookupDeveloperIdentity", func(t *testing.T) {
			in := &ci.LookupDeveloperIdentityInput{IdentityPoolId: &pool, IdentityId: merged.IdentityId,
				MaxResults: aws.Int32(1)}
			page := wiretest.Must(s.Admin().LookupDeveloperIdentity(t.Context(), in))(t)
			in.NextToken, in.MaxResults = page.NextToken, nil
			in.IdentityId, in.DeveloperUserIdentifier = nil, aws.String("a")

			rest := wiretest.Must(s.Admin().LookupDeveloperIdentity(t.Context(), in))(t)
			wiretest.Equal(t, "users", fmt.Sprint(page.DeveloperUserIdentifierList, rest.DeveloperUserIdentifierList),
				"[a] [d]")
		})

		t.Run("ListIdentityPools", func(t *testing.T) {
			in := &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}
			page := wiretest.Must(s.Admin().ListIdentityPools(t.Context(), in))(t)
			in.NextToken, in.MaxResults = page.NextToken, aws.Int32(60)
			rest := wiretest.Must(s.Admin().ListIdentityPools(t.Context(), in))(t)
			wiretest.Equal(t, "pools", len(page.IdentityPools)+len(rest.IdentityPools), 2)
			wiretest.Equal(t, "further pages", rest.NextToken == nil, true)
		})
	})
}

// Every reason for which an operation on pools refuses is reached, and explained with all
// of its texts.
func TestPoolRefusalsAreExplained(t *testing.T) {
	w := startSettings(t, func(c *poolhouse.Config) {
		c.Limits.RulesPerMapping, c.Limits.UserPoolProviders, c.Limits.TagsPerPool, c.Limits.Pools = 1, 1, 2, 3
	})
	pool := w.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"a": "b"} })
	oidc, key := wiretest.DevInfo(w.Server).OIDCProviderARN, wiretest.DevInfo(w.Server).LoginKey
	taken := w.NewPool(t)
	client := func(name string) string { return `{"ProviderName":"` + anyUserPool + `","ClientId":"` + name + `"}` }
	const (
		rule  = `{"Claim":"a","MatchType":"Equals","Value":"b","RoleARN":"arn:aws:iam::000000000000:role/x"}`
		token = `"Type":"Token","AmbiguousRoleResolution":"Deny"`
		rules = `"Type":"Rules","AmbiguousRoleResolution":"Deny"`
		many  = `{"b":"","c":"","d":""}`
	)
	roles := func(members string) string { return `{"IdentityPoolId":"POOL",` + members + `}` }
	mapping := func(members string) string {
		return roles(`"Roles":{},"RoleMappings":{"` + oidc + `":{` + members + `}}`)
	}

	tagMap := func(tags string) string {
		return `{"IdentityPoolId":"POOL","IdentityProviderName":"` + key + `","PrincipalTags":` + tags + `}`
	}
	arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + pool
	tags := func(of, list string) string { return `{"ResourceArn":"` + of + `","Tags":` + list + `}` }
	update := func(members string) string { return `{"IdentityPoolId":"POOL",` + theDefault + `,` + members + `}` }

	for _, test := range []struct {
		operation, body, code string
		why                   explain.Code
	}{
		{"CreateIdentityPool", `{` + theDefault + `,"IdentityPoolTags":{"_custom_id_":"x"}}`,
			"InvalidParameterException", "pool-id-form-of-the-tag"},
		{"UpdateIdentityPool", update(`"CognitoIdentityProviders":[` + client("a") + `,` + client("b") + `]`),
			"LimitExceededException", "user-pool-provider-limit"},
		{"UpdateIdentityPool", update(`"IdentityPoolTags":` + many), "LimitExceededException", "pool-tags-limit"},
		{"TagResource", tags(arn, many), "InvalidParameterException", "pool-tags-limit"},
		{"TagResource", tags(arn, `{"AWS:x":"y"}`), "InvalidParameterException", "pool-tags-reserved"},
		{"TagResource", tags(arn, `{"a":"<"}`), "InvalidParameterException", "pool-tags-alphabet"},
		{"TagResource", tags(pool, `{}`), "InvalidParameterException", "pool-arn"},
		{"UntagResource", `{"ResourceArn":"` + pool + `","TagKeys":[]}`, "InvalidParameterException", "pool-arn"},
		{"ListTagsForResource", `{"ResourceArn":"` + pool + `"}`, "InvalidParameterException", "pool-arn"},
		{"SetPrincipalTagAttributeMap",
			tagMap(`{"` + strings.Repeat("k", 128) + `":"` + strings.Repeat("v", 256) + `","` + strings.Repeat("l",
				77) + `":"x"}`),
			"InvalidParameterException", "principal-tag-map-size"},
		{"SetPrincipalTagAttributeMap", tagMap(`{"a":"x","A":"y"}`), "InvalidParameterException",
			"principal-tag-map-keys"},
		{"GetPrincipalTagAttributeMap", `{"IdentityPoolId":"POOL","IdentityProviderName":"` + key + `"}`,
			"ResourceNotFoundException", "principal-tag-map-none"},
		{"GetPrincipalTagAttributeMap", `{"IdentityPoolId":"POOL","IdentityProviderName":"nobody.example"}`,
			"ResourceNotFoundException",
			"principal-tag-map-none-provider"},
		{"GetPrincipalTagAttributeMap", `{"IdentityPoolId":"POOL","IdentityProviderName":"login.my.app"}`,
			"ResourceNotFoundException",
			"principal-tag-map-none-provider"},
		{"SetIdentityPoolRoles", mapping(`"Type":"Token"`), "InvalidParameterException", "role-mapping-resolution"},
		{"SetIdentityPoolRoles", mapping(rules), "InvalidParameterException", "role-mapping-rules-missing"},
		{"SetIdentityPoolRoles", mapping(token + `,"RulesConfiguration":{"Rules":[` + rule + `]}`),
			"InvalidParameterException", "role-mapping-rules-of-token"},
		{"SetIdentityPoolRoles", mapping(rules + `,"RulesConfiguration":{"Rules":[` + rule + `,` + rule + `]}`),
			"InvalidParameterException", "role-mapping-rules-limit"},
		{"SetIdentityPoolRoles",
			roles(`"Roles":{},"RoleMappings":{"` + oidc + `":{` + token + `},"` + key + `":{` + token + `}}`),
			"InvalidParameterException", "role-mapping-twice"},
		{"SetIdentityPoolRoles", roles(`"Roles":{"authenticated":"aaaaaaaaaaaaaaaaaaaaa"}`), "NotAuthorizedException",
			"role-form"},
		{"SetIdentityPoolRoles", roles(`"Roles":{"authenticated":"arn:aws:iam::111111111111:role/x"}`),
			"NotAuthorizedException", "role-of-another-account"},
		{"ListIdentityPools", `{"MaxResults":1,"NextToken":"x"}`, "InvalidParameterException", "page-token"},
		{"ListIdentities", `{"IdentityPoolId":"POOL","MaxResults":1,"NextToken":"x"}`, "InvalidParameterException",
			"page-token"},
		{"PoolhouseAdmin.CreateIdentityPoolWithId", `{"IdentityPoolId":"` + taken + `","Pool":{` + theDefault + `}}`,
			"ResourceConflictException", "pool-id-taken"},
		{"PoolhouseAdmin.CreateIdentityPoolWithId",
			`{"IdentityPoolId":"eu-west-1:77777777-2222-4333-8444-555555555555","Pool":{` + theDefault + `}}`,
			"InvalidParameterException", "pool-id-form"},
		{"PoolhouseAdmin.LoadIdentities", `{"Identities":[]}`, "InvalidParameterException", "load-pool"},
		{"PoolhouseAdmin.LoadIdentities",
			`{"IdentityPoolId":"POOL","Identities":[` + strings.Repeat("{},", 500) + `{}]}`,
			"InvalidParameterException", "load-limit"},
	} {
		t.Run(test.operation+" "+string(test.why), func(t *testing.T) {
			body := strings.ReplaceAll(test.body, "POOL", pool)
			if name, admins := strings.CutPrefix(test.operation, "PoolhouseAdmin."); admins {
				w.refused(t, w.AdminCall(t, name, body), test.code, "", test.why)
			} else {
				w.refused(t, w.Raw(t, test.operation, body, true), test.code, "", test.why)
			}
		})
	}

	w.NewPool(t)
	w.refused(t, w.Raw(t, "CreateIdentityPool", `{`+theDefault+`}`, true), "LimitExceededException", "", "pool-limit")

	for name, why := range map[string]explain.Code{"my-datacentre-frankfurt": "region-length", "1st": "region-form"} {
		body := `{` + theDefault + `}`
		got := w.Raw(t, "CreateIdentityPool", body, false, func(r *http.Request) {
			wiretest.SignWith(t, r, body, "cognito-identity", name, "test", "test")
		})
		w.refused(t, got, "InvalidParameterException", "", why)
	}

	described := wiretest.Must(w.Admin().DescribeIdentityPool(t.Context(),
		&ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
	wiretest.Equal(t, "tags after refusals", fmt.Sprint(described.IdentityPoolTags), "map[a:b]")
}
