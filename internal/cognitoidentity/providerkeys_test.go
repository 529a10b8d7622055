package cognitoidentity_test

import (
	"maps"
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

// withLogins are the operations that take Logins, on a guest's identity.
func withLogins(t *testing.T, s *wiretest.Server, pool string) map[string]func(logins map[string]string) error {
	t.Helper()
	guest := s.GetID(t, pool, nil)

	return map[string]func(map[string]string) error{
		"GetId": func(logins map[string]string) error {
			_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
			return err
		},
		"GetOpenIdToken": func(logins map[string]string) error {
			_, err := s.Public().GetOpenIdToken(t.Context(),
				&ci.GetOpenIdTokenInput{IdentityId: &guest, Logins: logins})
			return err
		},
		"GetCredentialsForIdentity": func(logins map[string]string) error {
			in := &ci.GetCredentialsForIdentityInput{IdentityId: &guest, Logins: logins}
			_, err := s.Public().GetCredentialsForIdentity(t.Context(), in)
			return err
		},
		"GetOpenIdTokenForDeveloperIdentity": func(logins map[string]string) error {
			all := maps.Clone(logins)
			all["login.my.app"] = "alice"
			in := &ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, Logins: all}
			_, err := s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(), in)
			return err
		},
		"UnlinkIdentity": func(logins map[string]string) error {
			in := &ci.UnlinkIdentityInput{IdentityId: &guest, Logins: logins,
				LoginsToRemove: []string{wiretest.GoogleKey}}
			_, err := s.Public().UnlinkIdentity(t.Context(), in)
			return err
		},
	}
}

// A token's issuer is compared with its Logins key before the pool's providers are
// looked at, and the explanation names what is wrong with the key.
func TestIssuerAndKey(t *testing.T) {
	const (
		mismatch    = login.MessageIssuerMismatch
		unsupported = login.MessageUnsupportedProvider
		notOIDC     = login.MessageNotOIDC
	)
	corp, stranger, traces := logintest.NewIssuer(t), logintest.NewIssuer(t), &wiretest.TraceList{}
	at := func(issuers ...string) poolhouse.ProviderOverride {
		return poolhouse.ProviderOverride{
			Issuers:      issuers,
			JWKSURL:      corp.URL + logintest.KeysPath,
			AllowHTTP:    true,
			AllowPrivate: true,
		}
	}

	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{
			URL:          corp.URL,
			ClientIDs:    []string{"app"},
			AllowHTTP:    true,
			AllowPrivate: true,
		}}

		c.Providers = map[string]poolhouse.ProviderOverride{wiretest.GoogleKey: at("https://accounts.google.com",
			"accounts.google.com")}
		c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: at("https://elsewhere.example/pool")}
		c.ProviderAliases = map[string]string{"alias.example": wiretest.UserPool}
		c.OnTrace = traces.Add
	})

	host := strings.TrimPrefix(corp.URL, "http://")
	local, other := strings.Replace(host, "127.0.0.1", "localhost", 1), strings.TrimPrefix(stranger.URL, "http://")
	full := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{wiretest.GoogleKey: "app", wiretest.FacebookKey: "112233"}
		in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + host}
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{
			ProviderName: aws.String(wiretest.UserPool),
			ClientId:     aws.String("app"),
		}}
		in.AllowClassicFlow = aws.Bool(true)
	})

	small := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.SupportedLoginProviders = map[string]string{wiretest.FacebookKey: "112233"}
		in.OpenIdConnectProviderARNs = nil
		in.AllowClassicFlow = aws.Bool(true)
	})
	bare := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = nil
		in.AllowClassicFlow = aws.Bool(true)
	})

	dead := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + "unregistered.example"}
		in.AllowClassicFlow = aws.Bool(true)
	})
	of := func(issuer any) string {
		return corp.Token(map[string]any{"iss": issuer, "sub": "alice", "aud": "app"})
	}
	google, ours, theirs := of("https://accounts.google.com"), of(corp.URL), stranger.Token(nil)
	none := "Identity pool - " + bare + " does not have identity providers configured."

	type row struct{ name, pool, key, token, message, code, fix string }
	rows := []row{
		{"scheme", full, "https://accounts.google.com", google, mismatch, "token-issuer-key",
			"the key has the scheme https://; write accounts.google.com"},
		{"slash", full, "accounts.google.com/", google, mismatch, "token-issuer-key",
			"the key has a slash at the end; write accounts.google.com"},
		{"letter case", full, "Accounts.Google.com", google, mismatch, "token-issuer-key",
			"the key differs in letter case; write accounts.google.com"},
		{"blank", full, " accounts.google.com", google, mismatch, "token-issuer-key",
			"the key has a blank; write accounts.google.com"},
		{"www", full, "www.accounts.google.com", google, mismatch, "token-issuer-key",
			"the key has www.; write accounts.google.com"},
		{"nickname", full, "google", google, mismatch, "token-issuer-key", "write accounts.google.com"},
		{"variable's name", full, "loginKey", google, mismatch, "token-issuer-key", "write accounts.google.com"},
		{"localhost", full, local, ours, mismatch, "token-issuer-key",
			"the key has localhost and not 127.0.0.1; write " + host},
		{"port", full, "127.0.0.1", ours, mismatch, "token-issuer-key", "; write " + host},
		{"path", full, host + "/realms/app", ours, mismatch, "token-issuer-key",
			"the key has the path /realms/app; write " + host},
		{"ARN", full, wiretest.CorpARN + host, ours, mismatch, "token-issuer-key",
			"the key is the ARN of the provider; write " + host},
		{"client", full, wiretest.UserPool + ":app", of("https://elsewhere.example/pool"), mismatch,
			"token-issuer-key", "the key has the app client's ID after a colon; write " + wiretest.UserPool},
		{"region", full, strings.Replace(wiretest.UserPool, "us-east-1", "eu-west-1", 1),
			of("https://elsewhere.example/pool"), mismatch, "token-issuer-key",
			"the key has the region eu-west-1 and not us-east-1; write " + wiretest.UserPool},
		{"underscores", full, "cognito-idp.us_east_1.amazonaws.com/us-east-1_A", of("https://elsewhere.example/pool"),
			mismatch, "token-issuer-key", "write " + wiretest.UserPool},
		{"null", full, "(null)/us-east-1_A", of("https://elsewhere.example/pool"), mismatch, "token-issuer-key",
			"write " + wiretest.UserPool},
		{"another's key", full, "idp.example", theirs, mismatch, "token-issuer-pool",
			"send a token of one of the pool's providers"},
		{"two names of one issuer", full, "idp.example", of("http://" + local), mismatch, "token-issuer-names",
			"have the identity provider issue tokens as " + corp.URL},
		{"pool without it", small, "accounts.google.com", ours, mismatch, "token-issuer-pool",
			"the pool does not have the token's issuer"},
		{"pool without any", bare, "idp.example", ours, mismatch, "token-issuer-no-providers",
			"add that provider to the identity pool, which has none"},
		{"settings' issuer", small, wiretest.UserPool, of("https://" + wiretest.UserPool), mismatch,
			"token-issuer-pool", ""},
		{"alias with another's token", small, "alias.example", ours, mismatch, "token-issuer-pool", ""},
		{"no issuer", small, "idp.example", of(nil), "Invalid login token. Missing a required claim: iss",
			"token-claims-issuer", "send the provider's ID token"},
		{"issuer of another type", small, "idp.example", of([]string{"https://idp.example"}), mismatch,
			"token-issuer-pool", ""},

		{"right key", full, other, theirs, unsupported, "login-provider", "OpenIdConnectProviderARNs"},
		{"Google", small, wiretest.GoogleKey, google, unsupported, "login-provider", "SupportedLoginProviders"},
		{"Google's other spelling", small, wiretest.GoogleKey, of("accounts.google.com"), unsupported,
			"login-provider", "SupportedLoginProviders"},
		{"user pool with an issuer of its own", small, wiretest.UserPool, of("https://elsewhere.example/pool"),
			unsupported, "login-provider", "CognitoIdentityProviders"},
		{"alias", small, "alias.example", of("https://elsewhere.example/pool"), unsupported, "login-provider",
			"CognitoIdentityProviders"},
		{"right key, other name", full, local, of("http://" + local), unsupported, "login-provider-two-names",
			"sign in at the identity provider under the address that the pool has, " + host},
		{"right key, no providers", bare, other, theirs, none, "login-provider-none", "OpenIdConnectProviderARNs"},
		{"provider that is not registered", dead, "unregistered.example", of("https://unregistered.example"),
			unsupported, "openid-connect-provider-registration", "CreateOpenIDConnectProvider"},
		{"and another's token", dead, "unregistered.example", ours, mismatch, "token-issuer-pool", ""},

		{"opaque", small, wiretest.AmazonKey, "Atza|x", unsupported, "login-provider", "SupportedLoginProviders"},
		{"opaque, near", full, "facebook.com", "EAAx", unsupported, "login-provider-spelling",
			"write graph.facebook.com"},
		{"SAML", full, wiretest.SAMLARN, "PHg+", unsupported, "login-provider", "SamlProviderARNs"},
		{"developer's", full, "login.other", "alice", unsupported, "login-provider", ""},
		{"developer's, no providers", bare, "login.other", "alice", none, "login-provider-none", ""},
		{"swapped", full, "eyJhbGciOiJub25lIn0.e30.c2ln", wiretest.GoogleKey, unsupported, "login-provider-swapped",
			"swap the two"},
		{"no JWT", small, wiretest.GoogleKey, "ya29.access", notOIDC, "token-form-key", "send the provider's ID token"},
		{"no JWT, near", full, strings.Replace(wiretest.UserPool, "us-east-1", "eu-west-1", 1), "x", notOIDC,
			"token-form-spelling", "write " + wiretest.UserPool},
	}

	operations := map[string]map[string]func(map[string]string) error{}
	for _, pool := range []string{full, small, bare, dead} {
		operations[pool] = withLogins(t, s, pool)
	}

	for _, test := range rows {
		for operation, call := range operations[test.pool] {
			t.Run(test.name+"/"+operation, func(t *testing.T) {
				wiretest.WantError(t, call(map[string]string{test.key: test.token}), "NotAuthorizedException",
					test.message)
				steps := traces.Last().Steps
				step := steps[len(steps)-1]
				if step.OK || string(step.Code) != test.code || !strings.Contains(step.Fix, test.fix) {
					t.Errorf("explained by %+v\nwant %s: %s", step, test.code, test.fix)
				}
				if test.code == "login-provider" && test.fix != "" &&
					(step.Link == nil || step.Link.Field != test.fix) {
					t.Errorf("the link is %+v, want the field %s", step.Link, test.fix)
				}
				if strings.Contains(step.Got+step.Expected+step.Fix, "eyJ") {
					t.Errorf("the explanation shows a token: %+v", step)
				}
			})
		}
	}
	wiretest.Equal(t, "requests to an issuer that the pool lacks", stranger.Requests(), 0)

	// Login by login, in the order of the names; one whose provider the pool has waits.
	for name, test := range map[string]struct {
		logins  map[string]string
		message string
	}{
		"the first mistyped": {map[string]string{"a.example": ours, "z.example": of("https://z.example")},
			mismatch},
		"the second mistyped":  {map[string]string{other: theirs, "z.example": ours}, unsupported},
		"a wrong token before": {map[string]string{host: google, "z.example": of("https://z.example")}, mismatch},
		"good ones before": {map[string]string{host: ours, wiretest.GoogleKey: google, "z.example": ours},
			mismatch},
		"both right, none there": {map[string]string{"a.example": of("https://a.example"), other: theirs}, unsupported},
	} {
		for operation, call := range operations[full] {
			t.Run(name+"/"+operation, func(t *testing.T) {
				wiretest.WantError(t, call(test.logins), "NotAuthorizedException", test.message)
			})
		}
	}
}
