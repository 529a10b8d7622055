package cognitoidentity_test

import (
	"net"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Each kind of provider signs a user in with a token that its keys prove, and
// with no other: every token is tried under every provider.
func TestProviders(t *testing.T) {
	google, apple, pool, corp := logintest.NewIssuer(t), logintest.NewIssuer(t), logintest.NewIssuer(t),
		logintest.NewIssuer(t)
	at := func(i *logintest.Issuer, issuers ...string) poolhouse.ProviderOverride {
		return poolhouse.ProviderOverride{Issuers: issuers, JWKSURL: i.URL + logintest.KeysPath, AllowHTTP: true,
			AllowPrivate: true}
	}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Providers = map[string]poolhouse.ProviderOverride{
			"accounts.google.com": at(google, "https://accounts.google.com", "accounts.google.com"),
			"appleid.apple.com":   at(apple, "https://appleid.apple.com")}
		c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: at(pool, "https://"+wiretest.UserPool)}
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: corp.URL, ClientIDs: []string{"one", "two"},
			AllowHTTP: true, AllowPrivate: true}}
	})
	corpKey := strings.TrimPrefix(corp.URL, "http://")

	id := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{"accounts.google.com": "google-app",
			"appleid.apple.com": "apple-app"}
		in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + corpKey}

		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
			{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("client1")},
			{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("client2")},
			{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("checked"),
				ServerSideTokenCheck: aws.Bool(true)}}
	})

	tokens := map[string]map[string]string{ // provider to name to token
		"accounts.google.com": {
			"scheme": google.Token(map[string]any{"iss": "https://accounts.google.com", "aud": "google-app",
				"sub": "g"}),
			"no scheme": google.Token(map[string]any{"iss": "accounts.google.com", "aud": "google-app", "sub": "g"}),
			"azp": google.Token(map[string]any{"iss": "accounts.google.com", "aud": "backend",
				"azp": "google-app", "sub": "g"}),
		},
		"appleid.apple.com": {"": apple.Token(map[string]any{"iss": "https://appleid.apple.com", "aud": "apple-app",
			"sub": "001968.a.0733"})},
		wiretest.UserPool: {
			"first client": pool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": "client1",
				"sub": "u", "token_use": "id"}),
			"second client": pool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": "client2",
				"sub": "u", "token_use": "id"}),
		},
		corpKey: {
			"first audience": corp.Token(map[string]any{"aud": "one", "sub": "c"}),
			"list":           corp.Token(map[string]any{"aud": []string{"two", "one"}, "sub": "c"}),
		},
	}

	identities := map[string]string{}
	for owner, list := range tokens {
		for name, token := range list {
			for provider := range tokens {
				out, err := s.Public().GetId(t.Context(),
					&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{provider: token}})
				switch {
				case provider != owner && err == nil:
					t.Errorf("a token of %s (%s) signs in as %s", owner, name, provider)
				case provider == owner && err != nil:
					t.Errorf("%s (%s): %v", owner, name, err)
				case err == nil:
					if have := identities[provider]; have != "" && have != *out.IdentityId {
						t.Errorf("%s (%s): the same user has a second identity", provider, name)
					}
					identities[provider] = *out.IdentityId
				}
			}
		}
	}

	for name, test := range map[string]struct{ provider, token, message string }{
		"access token of a user pool": {wiretest.UserPool,
			pool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "client_id": "client1", "sub": "u",
				"token_use": "access", "aud": nil}), "Invalid login token. Missing a required claim: aud"},
		"other use": {wiretest.UserPool,
			pool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": "client1", "sub": "u",
				"token_use": "access"}), ""},
		"unknown client": {wiretest.UserPool,
			pool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": "client3", "sub": "u",
				"token_use": "id"}), login.MessageUnsupportedProvider},
		"foreign azp": {"accounts.google.com",
			google.Token(map[string]any{"iss": "accounts.google.com", "aud": "google-app", "azp": "other",
				"sub": "g"}), ""},
		"look-alike issuer": {"accounts.google.com",
			google.Token(map[string]any{"iss": "https://accounts.google.com/", "aud": "google-app", "sub": "g"}),
			login.MessageIssuerMismatch},
		"wrong app": {"appleid.apple.com",
			apple.Token(map[string]any{"iss": "https://appleid.apple.com", "aud": "other", "sub": "a"}),
			login.MessageWrongAudience},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{test.provider: test.token}})
			wiretest.WantError(t, err, "NotAuthorizedException", test.message)
		})
	}

	t.Run("the advice names the place", func(t *testing.T) {
		for provider, test := range map[string]struct {
			token map[string]any
			by    *logintest.Issuer
			want  string
		}{
			corpKey: {map[string]any{"aud": "three", "sub": "c"}, corp,
				"client_ids of the provider in oidc_providers"},
			wiretest.UserPool: {map[string]any{"iss": "https://" + wiretest.UserPool, "aud": "client3", "sub": "u",
				"token_use": "id"}, pool, "to the provider in the identity pool"},
			"accounts.google.com": {map[string]any{"iss": "accounts.google.com", "aud": "other", "sub": "g"}, google,
				"set the value of accounts.google.com in SupportedLoginProviders of the identity pool to this " +
					"client ID"},
		} {
			request := wiretest.LastRequest(t, s, id, map[string]string{provider: test.by.Token(test.token)})
			told := s.AdminCall(t, "Explain", `{"RequestId":"`+request+`"}`)

			if !strings.Contains(told.Body, test.want) {
				t.Errorf("%s: the explanation lacks %q: %s", provider, test.want, told.Body)
			}
			if leads := strings.Contains(told.Body, `"Id":"`+id+`"`); leads != (provider != corpKey) {
				t.Errorf("%s: leads to the pool: %v: %s", provider, leads, told.Body)
			}
		}
	})

	t.Run("ServerSideTokenCheck is never skipped", func(t *testing.T) {
		token := pool.Token(map[string]any{"iss": "https://" + wiretest.UserPool, "aud": "checked", "sub": "u",
			"token_use": "id"})
		logins := map[string]string{wiretest.UserPool: token}
		user := s.GetID(t, id, logins) // the check is asked for before tokens and credentials
		wiretest.Equal(t, "identity", user, identities[wiretest.UserPool])
		_, err := s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user, Logins: logins})
		wiretest.WantError(t, err, "NotAuthorizedException", "")
		_, err = s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: logins})
		wiretest.WantError(t, err, "NotAuthorizedException", "")

		_, err = s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &id,
				Logins: map[string]string{wiretest.UserPool: token, "login.my.app": "bob"}})
		wiretest.WantError(t, err, "NotAuthorizedException", "")
	})

	t.Run("several logins in one call", func(t *testing.T) {
		user := identities["accounts.google.com"]
		both := map[string]string{"accounts.google.com": tokens["accounts.google.com"]["scheme"],
			"appleid.apple.com": tokens["appleid.apple.com"][""]}
		out := wiretest.Must(s.Public().GetOpenIdToken(t.Context(),
			&ci.GetOpenIdTokenInput{IdentityId: &user, Logins: both}))(t)
		wiretest.Equal(t, "identity after the merge", *out.IdentityId, user)
		wiretest.Equal(t, "identity of the other login",
			s.GetID(t, id, map[string]string{"appleid.apple.com": both["appleid.apple.com"]}), user)

		described := wiretest.Must(s.Admin().DescribeIdentity(t.Context(),
			&ci.DescribeIdentityInput{IdentityId: &user}))(t)
		wiretest.Equal(t, "providers", strings.Join(described.Logins, " "), "accounts.google.com appleid.apple.com")
		other := google.Token(map[string]any{"iss": "accounts.google.com", "aud": "google-app", "sub": "another user"})

		_, err := s.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user,
			Logins: map[string]string{"accounts.google.com": other, "appleid.apple.com": both["appleid.apple.com"]}})
		wiretest.WantError(t, err, "ResourceConflictException", "")
	})
}

// A provider that the settings do not know is refused without a packet; one
// that does not answer is ExternalServiceException, never a sign-in.
func TestUnregisteredAndUnreachableProviders(t *testing.T) {
	unregistered := logintest.NewIssuer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + l.Addr().String()
	_ = l.Close()
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{URL: dead, ClientIDs: []string{"app"}, AllowHTTP: true,
			AllowPrivate: true}}
	})

	key := func(url string) string { return strings.TrimPrefix(url, "http://") }
	id := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + key(unregistered.URL), wiretest.CorpARN + key(dead)}
	})
	_, err = s.Public().GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: &id,
			Logins: map[string]string{key(unregistered.URL): unregistered.Token(map[string]any{"aud": "app"})}})
	wiretest.WantError(t, err, "NotAuthorizedException", login.MessageUnsupportedProvider)
	wiretest.Equal(t, "requests to an unregistered issuer", unregistered.Requests(), 0)
	token := unregistered.Token(map[string]any{"iss": dead, "aud": "app", "sub": "x"})

	_, err = s.Public().GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: &id, Logins: map[string]string{key(dead): token}})
	wiretest.WantError(t, err, "ExternalServiceException", "")
	wiretest.Equal(t, "requests to an unregistered issuer", unregistered.Requests(), 0)
}

// Role mappings and principal tags, through the wire.
func TestRoleMappingAndTags(t *testing.T) {
	s := wiretest.Start(t)
	id, info := s.NewPool(t), wiretest.DevInfo(s)
	const admin = "arn:aws:iam::000000000000:role/Admin"
	wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(),
		&ci.SetIdentityPoolRolesInput{IdentityPoolId: &id,
			Roles: map[string]string{"authenticated": wiretest.AuthenticatedRole},
			RoleMappings: map[string]types.RoleMapping{info.OIDCProviderARN: {Type: types.RoleMappingTypeRules,
				AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
				RulesConfiguration: &types.RulesConfigurationType{Rules: []types.MappingRule{
					{Claim: aws.String("dept"), MatchType: types.MappingRuleMatchTypeEquals, Value: aws.String("ops"),
						RoleARN: aws.String(admin)},
					{Claim: aws.String("dept"), MatchType: types.MappingRuleMatchTypeStartsWith, Value: aws.String("o"),
						RoleARN: aws.String(wiretest.AuthenticatedRole)}}}}}}))(t)
	wiretest.Must(s.Admin().SetPrincipalTagAttributeMap(t.Context(),
		&ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: &id, IdentityProviderName: &info.LoginKey,
			PrincipalTags: map[string]string{"department": "dept"}}))(t)

	credentials := func(dept string, custom *string) (string, error) {
		logins := s.Logins(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Claims = map[string]any{"dept": dept} })
		user := s.GetID(t, id, logins)
		out, err := s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: logins, CustomRoleArn: custom})
		if err != nil {
			return "", err
		}
		who := wiretest.Must(s.Whoami(t, *out.Credentials.AccessKeyId, *out.Credentials.SecretKey,
			*out.Credentials.SessionToken))(t)

		return *who.Arn, nil
	}

	wiretest.Equal(t, "role by the first rule", wiretest.Must(credentials("ops", nil))(t),
		"arn:aws:sts::000000000000:assumed-role/Admin/CognitoIdentityCredentials")
	wiretest.Equal(t, "role by the second rule", wiretest.Must(credentials("office", nil))(t),
		"arn:aws:sts::000000000000:assumed-role/Authenticated/CognitoIdentityCredentials")
	wiretest.Equal(t, "role by choice", wiretest.Must(credentials("ops", aws.String(wiretest.AuthenticatedRole)))(t),
		"arn:aws:sts::000000000000:assumed-role/Authenticated/CognitoIdentityCredentials")

	_, err := credentials("sales", nil)
	wiretest.WantError(t, err, "NotAuthorizedException",
		"The ambiguous role mapping rules for: "+info.OIDCProviderARN+" denied this request.")
	_, err = credentials("office", aws.String(admin))
	wiretest.WantError(t, err, "NotAuthorizedException", "Access to Role '"+admin+"' is forbidden.")

	_, err = credentials("o<p>s", nil)
	wiretest.WantError(t, err, "InvalidIdentityPoolConfigurationException", "")
}

func TestUnlinkRefusals(t *testing.T) {
	s := wiretest.Start(t)

	id := s.NewPool(t)
	alice := s.Logins(t, "alice")
	user := s.GetID(t, id, alice)
	for name, test := range map[string]struct {
		logins map[string]string
		remove []string
		code   string
	}{
		"no logins":    {map[string]string{}, []string{wiretest.DevInfo(s).LoginKey}, "NotAuthorizedException"},
		"another user": {s.Logins(t, "bob"), []string{wiretest.DevInfo(s).LoginKey}, "NotAuthorizedException"},
		"bad token": {map[string]string{wiretest.DevInfo(s).LoginKey: "x"},
			[]string{wiretest.DevInfo(s).LoginKey}, "NotAuthorizedException"},
		"developer provider": {alice, []string{"login.my.app"}, "InvalidParameterException"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Public().UnlinkIdentity(t.Context(),
				&ci.UnlinkIdentityInput{IdentityId: &user, Logins: test.logins, LoginsToRemove: test.remove})
			wiretest.WantError(t, err, test.code, "")
		})
	}

	wiretest.Equal(t, "identity after refusals", s.GetID(t, id, alice), user)
	wiretest.Must(s.Public().UnlinkIdentity(t.Context(),
		&ci.UnlinkIdentityInput{IdentityId: &user, Logins: alice, LoginsToRemove: []string{"accounts.google.com"}}))(t)
	wiretest.Equal(t, "identity after unlinking what is not linked", s.GetID(t, id, alice), user)
}

func TestDeveloperTokenAlone(t *testing.T) {
	s := wiretest.Start(t)
	id := s.NewPool(t)
	bob := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
		&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &id,
			Logins: map[string]string{"login.my.app": "bob"}}))(t)
	logins := s.Logins(t, "alice")
	logins["cognito-identity.amazonaws.com"] = *bob.Token

	_, err := s.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: bob.IdentityId, Logins: logins})
	wiretest.WantError(t, err, "InvalidParameterException", "")
}
