package devuserpool_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// assume shows a token to STS for a role.
func (a *app) assume(t *testing.T, role, token string) error {
	t.Helper()
	client := sts.New(sts.Options{
		BaseEndpoint:     &a.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      aws.AnonymousCredentials{},
	})
	_, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          aws.String(wiretest.RolePrefix + role),
		RoleSessionName:  aws.String("app"),
		WebIdentityToken: &token,
	})

	return err
}

// lastReason returns the last step of the newest trace.
func (a *app) lastReason() string {
	last := a.traces.Last()
	why := last.Steps[len(last.Steps)-1]

	return string(why.Code) + ": " + why.Expected + "; " + why.Got + "; " + why.Fix
}

// STS takes tokens of a user pool that is registered in IAM under the name that it has at AWS, and
// trust policies use that name, whatever the tokens' issuer. No keys are fetched.
func TestUserPoolTokensAtSTS(t *testing.T) {
	a := startApp(t)
	a.signUp(t, "alice@example.com")
	token := *a.signIn(t, a.checked, "alice@example.com").tokens.IdToken
	other := *a.signIn(t, a.free, "alice@example.com").tokens.IdToken

	arn := "arn:aws:iam::000000000000:oidc-provider/" + a.atAWS()
	trust := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + arn + `"},
			"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + condition + `":"` +
			a.checked + `"}}}]}`
	}
	a.NewIAMRole(t, "ByAWSName", trust(a.atAWS()+":aud"))
	a.NewIAMRole(t, "ByLocalName", trust(a.key+":aud"))

	wiretest.WantError(t, a.assume(t, "ByAWSName", token), "InvalidIdentityToken", "")
	if why := a.lastReason(); !strings.Contains(why, "https://"+a.atAWS()) {
		t.Errorf("before it is registered: %s", why)
	}

	wiretest.Must(a.IAM().CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url:          aws.String("https://" + a.atAWS()),
		ClientIDList: []string{a.checked},
	}))(t)
	if err := a.assume(t, "ByAWSName", token); err != nil {
		t.Errorf("registered: %v", err)
	}
	if a.assume(t, "ByLocalName", token) == nil {
		t.Error("a condition on the local name holds")
	}
	if a.assume(t, "ByAWSName", other) == nil {
		t.Error("a token of a client that is not registered is taken")
	}

	wiretest.Must(a.users.DeleteUserPool(t.Context(), &idp.DeleteUserPoolInput{UserPoolId: &a.userPool}))(t)
	wiretest.WantError(t, a.assume(t, "ByAWSName", token), "InvalidIdentityToken", "")
	if why := a.lastReason(); !strings.Contains(why, "no user pool "+a.userPool) {
		t.Errorf("after it was deleted: %s", why)
	}
}

// A Cognito token of the classic flow ends with the sign-in, too, where the identity pool checks
// the tokens of the user pool.
func TestCognitoTokensEndWithTheSignIn(t *testing.T) {
	a := startApp(t)
	const email = "alice@example.com"
	a.signUp(t, email)
	unchecked := a.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{ProviderName: &a.key, ClientId: &a.checked}}
		in.AllowClassicFlow = aws.Bool(true)
	})
	for pool, role := range map[string]string{a.identity: "Checked", unchecked: "Unchecked"} {
		a.NewIAMRole(t, role, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{`+
			wiretest.FromPool+`},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{`+
			`"cognito-identity.amazonaws.com:aud":"`+pool+`"}}}]}`)
	}
	u := a.signIn(t, a.checked, email)

	cognitoToken := func(pool string) string {
		t.Helper()
		id := a.GetID(t, pool, u.logins)
		return *wiretest.Must(a.Public().GetOpenIdToken(t.Context(),
			&ci.GetOpenIdTokenInput{IdentityId: &id, Logins: u.logins}))(t).Token
	}
	checked, free := cognitoToken(a.identity), cognitoToken(unchecked)
	for role, token := range map[string]string{"Checked": checked, "Unchecked": free} {
		if err := a.assume(t, role, token); err != nil {
			t.Errorf("%s, before: %v", role, err)
		}
	}

	wiretest.Must(a.users.GlobalSignOut(t.Context(), &idp.GlobalSignOutInput{AccessToken: u.tokens.AccessToken}))(t)
	wiretest.WantError(t, a.assume(t, "Checked", checked), "IDPRejectedClaim", "")
	if why := a.lastReason(); !strings.Contains(why, a.userPool) {
		t.Errorf("the reason does not name the user pool: %s", why)
	}
	if err := a.assume(t, "Unchecked", free); err != nil {
		t.Errorf("without the check, after: %v", err)
	}
}
