package identitypool

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Logins keys of login providers.
const (
	appleKey    = "appleid.apple.com"
	facebookKey = "graph.facebook.com"
	googleKey   = "accounts.google.com"
	twitterKey  = "api.twitter.com"
)

func TestProvider(t *testing.T) {
	yes := true

	pool := Pool{
		SupportedLoginProviders: map[string]string{googleKey: "google-app", "idp.example": "shadowed"},
		OIDCProviderARNs:        []string{oidcARN, "arn:aws:iam::000000000000:oidc-provider/idp.example/path"},
		CognitoIdentityProviders: []CognitoIdentityProvider{
			{ProviderName: userPool, ClientID: "one"},
			{ProviderName: userPool, ClientID: "two", ServerSideTokenCheck: &yes}},
		SAMLProviderARNs:      []string{"arn:aws:iam::000000000000:saml-provider/corp"},
		DeveloperProviderName: "login.my.app",
	}
	tests := map[string]ProviderConfig{
		googleKey:     {Kind: SocialProvider, Name: googleKey, AppID: "google-app"},
		"idp.example": {Kind: OIDCProviderKind, Name: "idp.example", ARN: oidcARN},
		"idp.example/path": {Kind: OIDCProviderKind, Name: "idp.example/path",
			ARN: "arn:aws:iam::000000000000:oidc-provider/idp.example/path"},
		userPool: {Kind: UserPoolProvider, Name: userPool, ClientIDs: []string{"one", "two"},
			ServerSideTokenCheck: []string{"two"}},
		"arn:aws:iam::000000000000:saml-provider/corp": {Kind: SAMLProviderKind,
			Name: "arn:aws:iam::000000000000:saml-provider/corp", ARN: "arn:aws:iam::000000000000:saml-provider/corp"},
		"login.my.app":        {Kind: DeveloperProviderKind, Name: "login.my.app"},
		"IDP.example":         {Name: "IDP.example"},
		"idp.example/":        {Name: "idp.example/"},
		"https://idp.example": {Name: "https://idp.example"},
		"":                    {},
		oidcARN:               {Name: oidcARN},
	}

	for name, want := range tests {
		if diff := cmp.Diff(want, pool.Provider(name)); diff != "" {
			t.Errorf("Provider(%q) (-want +got):\n%s", name, diff)
		}
	}
}

// The amr shapes that downstream policies match on (contract of the token).
func TestAMR(t *testing.T) {
	pool := Pool{ID: "us-east-1:p", DeveloperProviderName: "login.my.app"}

	tests := []struct {
		login VerifiedLogin
		want  []string
	}{
		{ProviderConfig{Kind: UserPoolProvider, Name: userPool}.Verified("sub", "client"),
			[]string{userPool, userPool + ":CognitoSignIn:sub"}},
		{ProviderConfig{Kind: OIDCProviderKind, Name: "idp.example", ARN: oidcARN}.Verified("sub", "aud"),
			[]string{"idp.example", oidcARN + ":OIDC:sub"}},
		{ProviderConfig{Kind: SocialProvider, Name: facebookKey, AppID: "123"}.Verified("u", "123"),
			[]string{facebookKey, facebookKey + ":123:u"}},
		{ProviderConfig{Kind: SocialProvider, Name: twitterKey}.Verified("u", "key;secret"),
			[]string{twitterKey, twitterKey + ":key:u"}},
		{pool.DeveloperLogin("bob"), []string{"login.my.app", "login.my.app:us-east-1:p:bob"}},
	}

	for _, test := range tests {
		want := append([]string{"authenticated"}, test.want...)
		if diff := cmp.Diff(want, AMR([]VerifiedLogin{test.login})); diff != "" {
			t.Errorf("amr of %s (-want +got):\n%s", test.login.Provider, diff)
		}
	}

	if diff := cmp.Diff([]string{"unauthenticated"}, AMR(nil)); diff != "" {
		t.Errorf("guest (-want +got):\n%s", diff)
	}
}

func TestARNs(t *testing.T) {
	id := PoolID("us-east-1:11111111-2222-3333-4444-555555555555")
	arn := PoolARN("us-east-1", "123456789012", id)
	if want := "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/" + string(id); arn != want {
		t.Errorf("PoolARN = %s, want %s", arn, want)
	}

	region, account, back, ok := ParsePoolARN(arn)
	if !ok || region != "us-east-1" || account != "123456789012" || back != id {
		t.Errorf("ParsePoolARN(%s) = %s, %s, %s, %v", arn, region, account, back, ok)
	}
	if got := PoolARN("cn-north-1", "1",
		"cn-north-1:x"); got != "arn:aws-cn:cognito-identity:cn-north-1:1:identitypool/cn-north-1:x" {
		t.Error(got)
	}

	for _, bad := range []string{"", string(id), "arn:aws:s3:us-east-1:1:identitypool/us-east-1:x",
		"arn:aws:cognito-identity:eu-west-1:1:identitypool/us-east-1:x",
		"arn:aws:cognito-identity:us-east-1:1:userpool/us-east-1:x",
		"arn:aws-cn:cognito-identity:us-east-1:1:identitypool/us-east-1:x"} {
		if _, _, _, ok := ParsePoolARN(bad); ok {
			t.Errorf("ParsePoolARN(%q) accepted", bad)
		}
	}

	for arn, want := range map[string]AccountID{roleAuth: "000000000000",
		"arn:aws:iam::123456789012:role/a/b/Name": "123456789012", "role/x": "",
		"arn:aws:iam::12:role/x": "", "arn:aws:iam::123456789012:user/x": "", "arn:aws:iam::123456789012:role/": ""} {
		if got, ok := RoleAccount(arn); got != want || ok != (want != "") {
			t.Errorf("RoleAccount(%q) = %q, %v", arn, got, ok)
		}
	}
}
