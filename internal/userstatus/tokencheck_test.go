package userstatus_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The user pool's word is asked for before tokens and credentials, for the
// clients that want it and no others, and nothing but a clear yes will do.
func TestServerSideTokenCheck(t *testing.T) {
	api, issuer := wiretest.NewUserPoolAPI(t), logintest.NewIssuer(t)
	const push = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Push"
	const introspected = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Other"
	const silent = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Silent"
	api.Says("", `{"active":false}`) // asked at the start, before there is a user

	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.UserPools = map[string]poolhouse.ProviderOverride{}
		for _, name := range []string{wiretest.UserPool, push, introspected, silent} {
			c.UserPools[name] = poolhouse.ProviderOverride{Issuers: []string{"https://" + name},
				JWKSURL: issuer.URL + logintest.KeysPath, AllowHTTP: true, AllowPrivate: true}
		}

		c.UserStatus = map[string]poolhouse.UserStatusConfig{
			wiretest.UserPool: {Check: userstatus.AdminGetUser, Endpoint: api.URL, AccessKeyID: "k",
				SecretAccessKey: "s", AllowHTTP: true, AllowPrivate: true},
			push: {Check: userstatus.Push},
		}

		c.UserStatusRegions = map[string]poolhouse.UserStatusConfig{
			"us-east-1": {Check: userstatus.Introspection, Endpoint: api.URL + "/introspect", ClientID: "c",
				ClientSecret: "s", AllowHTTP: true, AllowPrivate: true},
		}
	})

	id := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		for _, name := range []string{wiretest.UserPool, push, introspected, silent} {
			in.CognitoIdentityProviders = append(in.CognitoIdentityProviders,
				types.CognitoIdentityProvider{ProviderName: aws.String(name), ClientId: aws.String("checked"),
					ServerSideTokenCheck: aws.Bool(true)},
				types.CognitoIdentityProvider{ProviderName: aws.String(name), ClientId: aws.String("free"),
					ServerSideTokenCheck: aws.Bool(false)})
		}
	})

	logins := func(provider, client string, age time.Duration) map[string]string {
		return map[string]string{provider: issuer.Token(map[string]any{"iss": "https://" + provider, "aud": client,
			"sub": "alice", "token_use": "id",
			"cognito:username": "alice", "iat": time.Now().Add(-age).Unix()})}
	}
	const fine = `{"Enabled":true,"UserStatus":"CONFIRMED","UserAttributes":[{"Name":"sub","Value":"alice"}]}`
	for _, test := range []struct {
		name, provider, client string
		user, active           string
		code                   string // "" = passes
		asks                   bool
	}{
		{"enabled", wiretest.UserPool, "checked", fine, "", "", true},
		{"disabled", wiretest.UserPool, "checked", `{"Enabled":false,"UserStatus":"CONFIRMED"}`, "",
			"NotAuthorizedException", true},
		{"deleted", wiretest.UserPool, "checked", "!UserNotFoundException", "", "NotAuthorizedException", true},
		{"made anew", wiretest.UserPool, "checked", strings.Replace(fine, "alice", "another", 1), "",
			"NotAuthorizedException", true},
		{"busy", wiretest.UserPool, "checked", "!TooManyRequestsException", "", "ExternalServiceException", true},
		{"wrong keys", wiretest.UserPool, "checked", "!UnrecognizedClientException", "", "ExternalServiceException",
			true},
		{"nonsense", wiretest.UserPool, "checked", "{}", "", "ExternalServiceException", true},
		{"another client", wiretest.UserPool, "free", "!UserNotFoundException", "", "", false},
		{"active", introspected, "checked", "", `{"active":true}`, "", true},
		{"inactive", introspected, "checked", "", `{"active":false}`, "NotAuthorizedException", true},
		{"no ID tokens", introspected, "checked", "", `{"error":"unsupported_token_type"}`, "ExternalServiceException",
			true},
		{"push", push, "checked", "", "", "", false},
		{"no way to ask", silent, "checked", "", "", "NotAuthorizedException", false},
		{"no way to ask, free", silent, "free", "", "", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			api.Says(test.user, test.active)
			before := api.Questions()
			l := logins(test.provider, test.client, time.Hour)
			user := s.GetID(t, id, l)
			wiretest.Equal(t, "questions for GetId", api.Questions(), before)

			_, token := s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user, Logins: l})
			_, credentials := s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: l})
			for _, err := range []error{token, credentials} {
				if test.code == "" && err != nil {
					t.Errorf("refused: %v", err)
				} else if test.code != "" {
					wiretest.WantError(t, err, test.code, "")
				}
			}

			if asked := api.Questions() > before; asked != test.asks {
				t.Errorf("asked = %t, want %t", asked, test.asks)
			}
		})
	}

	t.Run("a client behind azp", func(t *testing.T) {
		api.Says("!UserNotFoundException", "")

		for _, aud := range []any{"checked", []string{"checked"}} {
			l := map[string]string{wiretest.UserPool: issuer.Token(map[string]any{"iss": "https://" +
				wiretest.UserPool, "aud": aud, "azp": "free", "sub": "alice", "token_use": "id"})}
			user := s.GetID(t, id, l)
			_, err := s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: l})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
		}
	})

	t.Run("push is told", func(t *testing.T) {
		l := logins(push, "checked", time.Hour)
		user := &wiretest.SignedIn{Server: s, Identity: s.GetID(t, id, l)}
		wiretest.Equal(t, "before", user.Refusal(t, id, l), "accepted")
		wiretest.Equal(t, "sign-out",
			s.AdminCall(t, "SignOut", `{"ProviderName":"`+push+`","Subject":"alice"}`).Status, 200)
		wiretest.Equal(t, "after", user.Refusal(t, id, l), "refused")
	})
}

// What a user pool must not be configured with stops the start, by name.
func TestUserStatusSettings(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*poolhouse.Config)
		want   string
	}{
		"unknown check": {func(c *poolhouse.Config) {
			c.UserStatus = map[string]poolhouse.UserStatusConfig{wiretest.UserPool: {Check: "ask"}}
		}, "user_pools (" + wiretest.UserPool + `).status: check "ask"`},
		"no keys": {func(c *poolhouse.Config) {
			c.UserStatusRegions = map[string]poolhouse.UserStatusConfig{"us-east-1": {Check: userstatus.AdminGetUser}}
		}, "user_pool_regions.us-east-1.status: access_key_id is missing"},
		"AWS's endpoint for a pool elsewhere": {func(c *poolhouse.Config) {
			c.UserStatus = map[string]poolhouse.UserStatusConfig{
				"idp.example/us-east-1_x": {Check: userstatus.AdminGetUser, AccessKeyID: "k", SecretAccessKey: "s"},
			}
		}, "user_pools (idp.example/us-east-1_x).status: endpoint is missing"},
		"a pool without TLS": {func(c *poolhouse.Config) {
			c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: {BaseURL: "http://idp.example"}}
		}, "user_pools (" + wiretest.UserPool + "): jwks_url"},
		"no algorithm": {func(c *poolhouse.Config) {
			c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: {Algorithms: []string{"HS256"}}}
		}, "user_pools (" + wiretest.UserPool + "): allowed_algs HS256: use ES256"},
		"a region without TLS": {func(c *poolhouse.Config) {
			c.UserPoolRegions = map[string]poolhouse.ProviderOverride{"us-east-1": {BaseURL: "http://idp.example"}}
		}, "user_pool_regions.us-east-1: jwks_url"},
		"an alias with a scheme": {func(c *poolhouse.Config) {
			c.ProviderAliases = map[string]string{"http://localhost:9229/x": wiretest.UserPool}
		}, "without its scheme"},
		"an alias of an alias": {func(c *poolhouse.Config) {
			c.ProviderAliases = map[string]string{"a": "b",
				"b": wiretest.UserPool}
		}, "leads to another alias"},
		"Google as an alias": {func(c *poolhouse.Config) {
			c.ProviderAliases = map[string]string{"accounts.google.com": wiretest.UserPool}
		}, "is the name of a provider"},
	} {
		c := poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1"}
		test.change(&c)

		server, err := poolhouse.New(t.Context(), c)
		if err == nil {
			_ = server.Close()
			t.Errorf("%s is accepted", name)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// Clients that derive the Logins key from the token's issuer reach the provider
// that the pool was configured with, and its identities.
func TestProviderAliases(t *testing.T) {
	issuer := logintest.NewIssuer(t)
	base := issuer.URL
	keys := issuer.KeySet()
	const second = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Second"

	pools := []string{wiretest.UserPool, second}
	for _, name := range pools {
		issuer.Answer("/"+name[strings.LastIndexByte(name, '/')+1:]+"/.well-known/jwks.json",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) })
	}

	s := wiretest.Start(t, func(c *poolhouse.Config) {
		at := poolhouse.ProviderOverride{BaseURL: base, AllowHTTP: true, AllowPrivate: true}
		c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: at}
		c.UserPoolRegions = map[string]poolhouse.ProviderOverride{"eu-west-1": at}
		c.ProviderAliases = map[string]string{"pools.example/main": wiretest.UserPool}
	})
	id := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		for _, name := range pools {
			in.CognitoIdentityProviders = append(in.CognitoIdentityProviders,
				types.CognitoIdentityProvider{ProviderName: aws.String(name), ClientId: aws.String("app")})
		}
	})
	for _, name := range pools {
		poolID := name[strings.LastIndexByte(name, '/')+1:]
		derived := strings.TrimPrefix(base, "http://") + "/" + poolID
		token := issuer.Token(map[string]any{"iss": base + "/" + poolID, "aud": "app", "sub": "alice",
			"token_use": "id"})
		asAWS := issuer.Token(map[string]any{"iss": "https://" + name, "aud": "app", "sub": "alice", "token_use": "id"})
		user := s.GetID(t, id, map[string]string{derived: token})
		logins := map[string]map[string]string{"by name": {name: token}, "by name, as AWS issues": {name: asAWS},
			"by issuer, as AWS issues": {derived: asAWS}}
		if name == wiretest.UserPool {
			logins["by alias"] = map[string]string{"pools.example/main": token}
		}

		for how, l := range logins {
			wiretest.Equal(t, "identity "+how, s.GetID(t, id, l), user)
		}
		wiretest.Must(s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: map[string]string{derived: token}}))(t)
		described := wiretest.Must(s.Admin().DescribeIdentity(t.Context(),
			&ci.DescribeIdentityInput{IdentityId: &user}))(t)
		wiretest.Equal(t, "provider of the identity", strings.Join(described.Logins, " "), name)

		_, err := s.Public().GetId(t.Context(),
			&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{derived: token, name: token}})
		wiretest.WantError(t, err, "InvalidParameterException", "")
		_, err = s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{
			derived: issuer.Token(map[string]any{"iss": "https://evil.example", "aud": "app", "sub": "alice",
				"token_use": "id"})}})
		wiretest.WantError(t, err, "NotAuthorizedException", "")

		// strings only: cannot fail
		body, _ := json.Marshal(map[string]string{"ProviderName": derived, "Subject": "nobody"})
		signedOut := s.AdminCall(t, "SignOut", string(body))
		if !strings.Contains(signedOut.Body, `"ProviderName":"`+name+`"`) {
			t.Errorf("a sign-out by alias: %d %s", signedOut.Status, signedOut.Body)
		}

		for _, key := range []string{name, derived} {
			body, _ := json.Marshal(map[string]string{"IdentityPoolId": id, "ProviderName": key, "Subject": "alice"})
			if found := s.AdminCall(t, "LookupIdentity", string(body)); !strings.Contains(found.Body,
				`"IdentityId":"`+user+`"`) {
				t.Errorf("a look-up by %s: %d %s", key, found.Status, found.Body)
			}
		}

		wiretest.Must(s.Public().UnlinkIdentity(t.Context(),
			&ci.UnlinkIdentityInput{IdentityId: &user, Logins: map[string]string{derived: token},
				LoginsToRemove: []string{derived}}))(t)
		described = wiretest.Must(s.Admin().DescribeIdentity(t.Context(),
			&ci.DescribeIdentityInput{IdentityId: &user}))(t)
		wiretest.Equal(t, "logins left", len(described.Logins), 0)
	}
}

// Outside development only the administrator's aliases count.
func TestAliasesAreNamedInProduction(t *testing.T) {
	issuer := logintest.NewIssuer(t)
	at := poolhouse.ProviderOverride{Issuers: []string{issuer.URL + "/pool"}, JWKSURL: issuer.URL + logintest.KeysPath,
		AllowHTTP: true, AllowPrivate: true}

	derived := strings.TrimPrefix(issuer.URL, "http://") + "/pool"
	for _, named := range []bool{false, true} {
		s := wiretest.Start(t, func(c *poolhouse.Config) {
			c.Dev, c.AcceptUnknownRoles, c.DataDir, c.Region = false, false, t.TempDir(), wiretest.Region
			c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: at}
			if named {
				c.ProviderAliases = map[string]string{derived: wiretest.UserPool}
			}
		})
		first, made, err := s.FirstKey(t.Context())
		if err != nil || !made {
			t.Fatalf("no first key: %v", err)
		}

		created := wiretest.Must(s.SignedBy(wiretest.Region, first.AccessKeyID, first.SecretAccessKey,
			"").CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: false,
			CognitoIdentityProviders: []types.CognitoIdentityProvider{{ProviderName: aws.String(wiretest.UserPool),
				ClientId: aws.String("app")}}}))(t)

		token := issuer.Token(map[string]any{"iss": issuer.URL + "/pool", "aud": "app", "sub": "alice",
			"token_use": "id"})
		_, err = s.Public().GetId(t.Context(),
			&ci.GetIdInput{IdentityPoolId: created.IdentityPoolId, Logins: map[string]string{derived: token}})
		if named && err != nil {
			t.Errorf("the administrator's alias: %v", err)
		} else if !named {
			wiretest.WantError(t, err, "NotAuthorizedException", "")
		}
	}
}
