package adminapi_test

import (
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

// wantExplained fails the test unless ExplainToken gives the verdict of a sign-in at a pool. It returns the verdict.
func wantExplained(t *testing.T, s *wiretest.Server, what, pool, provider, token string) verdict {
	t.Helper()
	want := realVerdict(t, s, pool, "", map[string]string{provider: token})
	got := decoded[explained](t, s.AdminCall(t, "ExplainToken", encoded(t, map[string]any{
		"Token": token, "ProviderName": provider, "IdentityPoolIds": []string{pool},
	})))
	if len(got.Results) != 1 || got.Results[0].verdict() != want {
		t.Errorf("%s: ExplainToken %+v\nsign-in      %+v", what, got, want)
	}

	return want
}

// TestExplainOpaqueTokensAgrees compares ExplainToken with sign-ins for the tokens of Facebook, Amazon and X, which
// only these can read. What ExplainToken shows has no secret.
func TestExplainOpaqueTokensAgrees(t *testing.T) {
	apps := wiretest.NewApps(t)
	apps.Facebook.AddApp("445566", "canary-other-secret")
	apps.Facebook.AddToken("EAACanaryOfOther", logintest.FacebookToken{App: "445566", User: "1"})
	apps.Amazon.AddToken("Atza|CanaryOfOther", logintest.AmazonToken{
		Client: "amzn1.application-oa2-client.other", App: "amzn1.application.other", User: "amzn1.account.BOB",
		Expires: time.Now().Add(time.Hour),
	})

	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := apps.Pool(t, s)
		for what, login := range map[string]struct {
			provider, token string
			good            bool
		}{
			"Facebook":                    {wiretest.FacebookKey, apps.Logins[wiretest.FacebookKey], true},
			"Facebook, unknown":           {wiretest.FacebookKey, "EAACanaryOfNobody", false},
			"Facebook, another app":       {wiretest.FacebookKey, "EAACanaryOfOther", false},
			"Amazon":                      {wiretest.AmazonKey, apps.Logins[wiretest.AmazonKey], true},
			"Amazon, unknown":             {wiretest.AmazonKey, "Atza|CanaryOfNobody", false},
			"Amazon, another app":         {wiretest.AmazonKey, "Atza|CanaryOfOther", false},
			"X":                           {wiretest.TwitterKey, apps.Logins[wiretest.TwitterKey], true},
			"X, another secret":           {wiretest.TwitterKey, "1-canarytoken;canary-guess", false},
			"X, no secret":                {wiretest.TwitterKey, "1-canarytoken", false},
			"Amazon's token for X":        {wiretest.TwitterKey, apps.Logins[wiretest.AmazonKey], false},
			"Google":                      {wiretest.GoogleKey, apps.Logins[wiretest.GoogleKey], true},
			"Facebook's token for Google": {wiretest.GoogleKey, apps.Logins[wiretest.FacebookKey], false},
		} {
			if got := wantExplained(t, s, what, pool, login.provider, login.token); (got.reason == "") != login.good {
				t.Errorf("%s: %+v, want accepted: %t", what, got, login.good)
			}

			answer := s.AdminCall(t, "ExplainToken", encoded(t, map[string]any{
				"Token": login.token, "ProviderName": login.provider,
			}))
			for _, secret := range append(apps.Secrets, login.token) {
				if strings.Contains(answer.Body, secret) {
					t.Errorf("%s: the answer has %s", what, secret)
				}
			}
		}

		// Nobody can know which provider gave out a token of this form.
		got := decoded[explained](t, s.AdminCall(t, "ExplainToken",
			encoded(t, map[string]any{"Token": apps.Logins[wiretest.FacebookKey]})))
		if got.Kind != "OpaqueToken" || len(got.Results) != 1 || got.Results[0].Accepted {
			t.Errorf("without ProviderName: %+v", got)
		}
	}, noRates, apps.Configure)
}

// userPoolStatus makes a server ask a stand-in about users of a user pool.
func userPoolStatus(issuer *logintest.Issuer, api *wiretest.UserPoolAPI) func(*poolhouse.Config) {
	return func(c *poolhouse.Config) {
		c.UserPools = map[string]poolhouse.ProviderOverride{wiretest.UserPool: {
			Issuers: []string{"https://" + wiretest.UserPool}, JWKSURL: issuer.URL + logintest.KeysPath,
			AllowHTTP: true, AllowPrivate: true,
		}}
		c.UserStatus = map[string]poolhouse.UserStatusConfig{wiretest.UserPool: {
			Check: userstatus.AdminGetUser, Endpoint: api.URL, AccessKeyID: "k", SecretAccessKey: "s",
			AllowHTTP: true, AllowPrivate: true,
		}}
	}
}

// TestExplainTokenChecksUsers compares ExplainToken with sign-ins at a pool with ServerSideTokenCheck: both ask the
// user pool whether it still has the user. A client without the check is the negative control.
func TestExplainTokenChecksUsers(t *testing.T) {
	issuer, api := logintest.NewIssuer(t), wiretest.NewUserPoolAPI(t)
	user := func(enabled string) string {
		return `{"Enabled":` + enabled + `,"UserStatus":"CONFIRMED","UserAttributes":[{"Name":"sub","Value":"alice"}]}`
	}

	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
				{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("app")},
				{
					ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("checked"),
					ServerSideTokenCheck: aws.Bool(true),
				},
			}
		})

		for _, c := range []struct {
			what, answer  string
			good, checked bool
		}{
			{what: "enabled", answer: user("true"), good: true, checked: true},
			{what: "disabled", answer: user("false"), checked: true},
			{what: "deleted", answer: "!UserNotFoundException", checked: true},
			{what: "does not answer", answer: "!InternalErrorException", checked: true},
			{what: "disabled, not checked", answer: user("false"), good: true},
		} {
			api.Says(c.answer, "")
			client := map[bool]string{true: "checked", false: "app"}[c.checked]
			token := issuer.Token(map[string]any{
				"iss": "https://" + wiretest.UserPool, "aud": client, "sub": "alice", "token_use": "id",
				"cognito:username": "alice", "jti": c.what,
			})

			asked := api.Questions()
			got := wantExplained(t, s, c.what, pool, wiretest.UserPool, token)
			if (got.reason == "") != c.good || (api.Questions() > asked) != c.checked {
				t.Errorf("%s: %+v, want accepted: %t; %d questions", c.what, got, c.good, api.Questions()-asked)
			}
		}
	}, noRates, userPoolStatus(issuer, api))
}

// A Cognito token of a pool in another region is good at no pool of the call's region, and its pool stays unknown
// there. In its own region ExplainToken gives the verdict of the sign-in.
func TestExplainTokenOfAnotherRegion(t *testing.T) {
	const own, region = "cognito-identity.amazonaws.com", "eu-west-1"
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		here := s.NewPool(t)
		there := *wiretest.Must(s.SignedBy(region, "test", "test", "").CreateIdentityPool(t.Context(),
			&ci.CreateIdentityPoolInput{
				IdentityPoolName: aws.String("there"), DeveloperProviderName: aws.String("login.my.app"),
			}))(t).IdentityPoolId
		wiretest.Must(s.SignedBy(region, "test", "test", "").SetIdentityPoolRoles(t.Context(),
			&ci.SetIdentityPoolRolesInput{
				IdentityPoolId: &there,
				Roles:          map[string]string{"authenticated": "arn:aws:iam::000000000000:role/User"},
			}))(t)
		made := wiretest.Must(s.SignedBy(region, "test", "test", "").GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{
				IdentityPoolId: &there, Logins: map[string]string{"login.my.app": "bob"},
			}))(t)
		explain := func(in string, pools ...string) wiretest.Answer {
			body := encoded(t, map[string]any{"Token": *made.Token, "IdentityPoolIds": pools})
			return s.Raw(t, "", body, false, func(r *http.Request) {
				r.Header.Set("X-Amz-Target", "PoolhouseAdmin.ExplainToken")
				wiretest.SignWith(t, r, body, "poolhouse", in, "test", "test")
			})
		}

		got := decoded[explained](t, explain(wiretest.Region))
		if got.Kind != "CognitoToken" || len(got.Results) != 1 || got.Results[0].IdentityPoolId != here ||
			got.Results[0].Accepted || got.Results[0].Reason == "" {
			t.Errorf("in another region: %+v", got)
		}
		guest := decoded[struct{ IdentityId string }](t, s.Raw(t, "GetId", `{"IdentityPoolId":"`+here+`"}`, false))
		if v := credentialsOf(t, s, guest.IdentityId, "", map[string]string{own: *made.Token}); v.reason == "" {
			t.Errorf("the sign-in of another region is accepted: %+v", v)
		}
		wantRefused(t, "a pool of another region", explain(wiretest.Region, there), "not found", there)

		got = decoded[explained](t, explain(region))
		want := credentialsOf(t, s, *made.IdentityId, "", map[string]string{own: *made.Token})
		if len(got.Results) != 1 || got.Results[0].IdentityPoolId != there || got.Results[0].verdict() != want {
			t.Errorf("in its region: ExplainToken %+v\nsign-in %+v", got, want)
		}
	}, noRates)
}

// A token of a user pool in another region is refused for what a sign-in is refused for.
func TestExplainTokenOfAnotherRegionsUserPool(t *testing.T) {
	issuer := logintest.NewIssuer(t)
	const stranger = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other"
	s := wiretest.Start(t, noRates, userPoolStatus(issuer, wiretest.NewUserPoolAPI(t)))
	pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
			{ProviderName: aws.String(wiretest.UserPool), ClientId: aws.String("app")},
		}
	})
	token := issuer.Token(map[string]any{
		"iss": "https://" + stranger, "aud": "app", "sub": "alice", "token_use": "id", "cognito:username": "alice",
	})

	for _, provider := range []string{stranger, wiretest.UserPool} {
		if got := wantExplained(t, s, provider, pool, provider, token); got.reason == "" {
			t.Errorf("%s: accepted", provider)
		}
	}
}
