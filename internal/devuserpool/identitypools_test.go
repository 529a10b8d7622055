package devuserpool_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	idptypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// app is a development server with a user pool, two clients of it, and an identity pool that trusts
// both and checks the tokens of the first.
type app struct {
	*wiretest.Server
	users              *idp.Client
	traces             *wiretest.TraceList
	userPool, identity string // pools
	checked, free      string // clients
	key                string // in Logins
}

const (
	code     = "123456"
	password = "Correct-horse-1"
)

func startApp(t *testing.T) *app {
	t.Helper()
	traces := &wiretest.TraceList{}
	return newApp(t, wiretest.Start(t, forApp(traces)), traces)
}

// forApp returns the settings of an app's server.
func forApp(traces *wiretest.TraceList) func(*poolhouse.Config) {
	return func(c *poolhouse.Config) { c.DevUserPoolCode, c.OnTrace = code, traces.Add }
}

func newApp(t *testing.T, s *wiretest.Server, traces *wiretest.TraceList) *app {
	t.Helper()
	a := &app{Server: s, traces: traces, users: usersOf(s, "test", "test")}

	a.userPool = *wiretest.Must(a.users.CreateUserPool(t.Context(), &idp.CreateUserPoolInput{
		PoolName:               aws.String("users"),
		UsernameAttributes:     []idptypes.UsernameAttributeType{"email"},
		AutoVerifiedAttributes: []idptypes.VerifiedAttributeType{"email"},
	}))(t).UserPool.Id
	a.checked, a.free = a.client(t, "web"), a.client(t, "ios")
	a.key = strings.TrimPrefix(a.URL, "http://") + "/" + a.userPool

	a.identity = a.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{
			{ProviderName: aws.String(a.atAWS()), ClientId: &a.checked, ServerSideTokenCheck: aws.Bool(true)},
			{ProviderName: &a.key, ClientId: &a.free},
		}
		in.AllowClassicFlow = aws.Bool(true)
	})

	return a
}

// usersOf returns a client of user pools that signs with a key.
func usersOf(s *wiretest.Server, id, secret string) *idp.Client {
	return idp.New(idp.Options{
		BaseEndpoint:     &s.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      credentials.NewStaticCredentialsProvider(id, secret, ""),
	})
}

// atAWS returns the name of the user pool at AWS.
func (a *app) atAWS() string { return "cognito-idp.us-east-1.amazonaws.com/" + a.userPool }

func (a *app) client(t *testing.T, name string) string {
	t.Helper()
	return *wiretest.Must(a.users.CreateUserPoolClient(t.Context(), &idp.CreateUserPoolClientInput{
		UserPoolId:        &a.userPool,
		ClientName:        &name,
		ExplicitAuthFlows: []idptypes.ExplicitAuthFlowsType{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	}))(t).UserPoolClient.ClientId
}

// signUp makes a user, who confirms the address.
func (a *app) signUp(t *testing.T, email string) {
	t.Helper()
	wiretest.Must(a.users.SignUp(t.Context(), &idp.SignUpInput{
		ClientId:       &a.checked,
		Username:       &email,
		Password:       aws.String(password),
		UserAttributes: []idptypes.AttributeType{{Name: aws.String("email"), Value: &email}},
	}))(t)
	wiretest.Must(a.users.ConfirmSignUp(t.Context(), &idp.ConfirmSignUpInput{
		ClientId:         &a.checked,
		Username:         &email,
		ConfirmationCode: aws.String(code),
	}))(t)
}

// signedIn is a user with tokens and credentials.
type signedIn struct {
	a           *app
	tokens      *idptypes.AuthenticationResultType
	id          string
	logins      map[string]string
	credentials *types.Credentials
}

// signIn signs a user in at a client and gets credentials.
func (a *app) signIn(t *testing.T, client, email string) *signedIn {
	t.Helper()
	u := &signedIn{a: a}
	u.tokens = wiretest.Must(a.users.InitiateAuth(t.Context(), &idp.InitiateAuthInput{
		ClientId:       &client,
		AuthFlow:       idptypes.AuthFlowTypeUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": email, "PASSWORD": password},
	}))(t).AuthenticationResult
	u.logins = map[string]string{a.key: *u.tokens.IdToken}
	u.id = a.GetID(t, a.identity, u.logins)
	u.credentials = wiretest.Must(a.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &u.id, Logins: u.logins}))(t).Credentials

	return u
}

// wants checks whether the ID token still gives tokens and credentials, and whether the credentials
// still work.
func (u *signedIn) wants(t *testing.T, when string, token, session bool) {
	t.Helper()
	_, err := u.a.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &u.id, Logins: u.logins})
	_, err2 := u.a.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &u.id, Logins: u.logins})
	for _, err := range []error{err, err2} {
		if token && err != nil {
			t.Errorf("%s, the token: %v", when, err)
		} else if !token {
			wiretest.WantError(t, err, "NotAuthorizedException", "")
		}
	}
	if !token {
		last := u.a.traces.Last()
		if why := last.Steps[len(last.Steps)-1]; !strings.Contains(why.Got+why.Fix+why.Expected, u.a.userPool) {
			t.Errorf("%s: the reason does not name the user pool: %+v", when, why)
		}
	}

	c := u.credentials
	if _, err := u.a.Whoami(t, *c.AccessKeyId, *c.SecretKey, *c.SessionToken); (err == nil) != session {
		t.Errorf("%s, the credentials work: %v (%v), want %v", when, err == nil, err, session)
	}
}

// A user signs up, in, and gets credentials. What ends the sign-in at the user pool ends token and
// credentials where the identity pool checks the client's tokens, and nothing where it does not; a new
// sign-in counts at once.
func TestEndOfSignIn(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(t *testing.T, a *app, u *signedIn, email string)
		again bool // the user can sign in again
	}{
		"GlobalSignOut": {func(t *testing.T, a *app, u *signedIn, _ string) {
			wiretest.Must(a.users.GlobalSignOut(t.Context(),
				&idp.GlobalSignOutInput{AccessToken: u.tokens.AccessToken}))(t)
		}, true},
		"AdminUserGlobalSignOut": {func(t *testing.T, a *app, _ *signedIn, email string) {
			wiretest.Must(a.users.AdminUserGlobalSignOut(t.Context(),
				&idp.AdminUserGlobalSignOutInput{UserPoolId: &a.userPool, Username: &email}))(t)
		}, true},
		"RevokeToken": {func(t *testing.T, a *app, u *signedIn, _ string) {
			wiretest.Must(a.users.RevokeToken(t.Context(),
				&idp.RevokeTokenInput{ClientId: &a.checked, Token: u.tokens.RefreshToken}))(t)
		}, true},
		"AdminDisableUser": {func(t *testing.T, a *app, _ *signedIn, email string) {
			wiretest.Must(a.users.AdminDisableUser(t.Context(),
				&idp.AdminDisableUserInput{UserPoolId: &a.userPool, Username: &email}))(t)
		}, false},
		"AdminDeleteUser": {func(t *testing.T, a *app, _ *signedIn, email string) {
			wiretest.Must(a.users.AdminDeleteUser(t.Context(),
				&idp.AdminDeleteUserInput{UserPoolId: &a.userPool, Username: &email}))(t)
		}, false},
		"DeleteUser": {func(t *testing.T, a *app, u *signedIn, _ string) {
			wiretest.Must(a.users.DeleteUser(t.Context(),
				&idp.DeleteUserInput{AccessToken: u.tokens.AccessToken}))(t)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := startApp(t)
			const email = "alice@example.com"
			a.signUp(t, email)
			a.signUp(t, "bob@example.com")
			checked, free := a.signIn(t, a.checked, email), a.signIn(t, a.free, email)
			other := a.signIn(t, a.checked, "bob@example.com")
			for _, u := range []*signedIn{checked, free, other} {
				u.wants(t, "before", true, true)
			}

			test.end(t, a, checked, email)
			checked.wants(t, "after", false, false)
			free.wants(t, "after, of a client without the check", true, true)
			other.wants(t, "after, of another user", true, true)

			if test.again {
				again := a.signIn(t, a.checked, email)
				again.wants(t, "after a new sign-in", true, true)
				wiretest.Equal(t, "identity", again.id, checked.id)
				checked.wants(t, "after a new sign-in, with the old one", false, false)
			}
		})
	}
}

// Tokens of a client without revocation have no origin_jti. They end with their sign-in all the same, not by its
// time: that of the next one may be in the same second.
func TestEndOfSignInWithoutRevocation(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, a *app, u *signedIn){
		"GlobalSignOut": func(t *testing.T, a *app, u *signedIn) {
			wiretest.Must(a.users.GlobalSignOut(t.Context(),
				&idp.GlobalSignOutInput{AccessToken: u.tokens.AccessToken}))(t)
		},
		"revocation on, RevokeToken": func(t *testing.T, a *app, u *signedIn) {
			a.setRevocation(t, true)
			wiretest.Must(a.users.RevokeToken(t.Context(),
				&idp.RevokeTokenInput{ClientId: &a.checked, Token: u.tokens.RefreshToken}))(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := startApp(t)
			const email = "alice@example.com"
			a.signUp(t, email)
			a.setRevocation(t, false)
			former := a.signIn(t, a.checked, email)
			former.wants(t, "before", true, true)

			end(t, a, former)
			former.wants(t, "after", false, false)
			a.signIn(t, a.checked, email).wants(t, "after a new sign-in", true, true)
			former.wants(t, "after a new sign-in, with the old one", false, false)
		})
	}
}

func (a *app) setRevocation(t *testing.T, on bool) {
	t.Helper()
	wiretest.Must(a.users.UpdateUserPoolClient(t.Context(), &idp.UpdateUserPoolClientInput{
		UserPoolId:            &a.userPool,
		ClientId:              &a.checked,
		EnableTokenRevocation: &on,
		ExplicitAuthFlows:     []idptypes.ExplicitAuthFlowsType{"ALLOW_USER_PASSWORD_AUTH"},
	}))(t)
}

// A disabled user who is enabled again needs a new sign-in only if the user pool says so: the token
// counts as the user pool has it.
func TestDisabledAndEnabled(t *testing.T) {
	a := startApp(t)
	const email = "alice@example.com"
	a.signUp(t, email)
	u := a.signIn(t, a.checked, email)
	user := aws.String(email)
	wiretest.Must(a.users.AdminDisableUser(t.Context(),
		&idp.AdminDisableUserInput{UserPoolId: &a.userPool, Username: user}))(t)
	u.wants(t, "disabled", false, false)
	wiretest.Must(a.users.AdminEnableUser(t.Context(),
		&idp.AdminEnableUserInput{UserPoolId: &a.userPool, Username: user}))(t)
	a.signIn(t, a.checked, email).wants(t, "enabled, signed in again", true, true)
}

// Tokens of a deleted client end with it, whether the client could revoke tokens or not: a client that gets the
// ID again is another one.
func TestDeletedClient(t *testing.T) {
	for _, revokes := range []bool{true, false} {
		a := startApp(t)
		a.setRevocation(t, revokes)
		a.signUp(t, "alice@example.com")
		u := a.signIn(t, a.checked, "alice@example.com")
		u.wants(t, "before", true, true)

		wiretest.Must(a.users.DeleteUserPoolClient(t.Context(), &idp.DeleteUserPoolClientInput{
			UserPoolId: &a.userPool,
			ClientId:   &a.checked,
		}))(t)
		u.wants(t, "deleted", false, false)
	}
}

// A deleted user pool ends everything at once, of clients without the check too, as nothing
// proves its tokens any more. Credentials of those stay, as at AWS.
func TestDeletedUserPool(t *testing.T) {
	a := startApp(t)
	a.signUp(t, "alice@example.com")
	checked, free := a.signIn(t, a.checked, "alice@example.com"), a.signIn(t, a.free, "alice@example.com")
	wiretest.Must(a.users.DeleteUserPool(t.Context(), &idp.DeleteUserPoolInput{UserPoolId: &a.userPool}))(t)
	checked.wants(t, "deleted", false, false)
	free.wants(t, "deleted", false, true)
}

// The roles of a user's groups are in the token, and the identity pool chooses by them.
func TestGroupRoles(t *testing.T) {
	a := startApp(t)
	const email, roles = "alice@example.com", "arn:aws:iam::000000000000:role/"
	a.signUp(t, email)
	wiretest.Must(a.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &a.identity,
		Roles:          map[string]string{"authenticated": roles + "default"},
		RoleMappings: map[string]types.RoleMapping{a.key + ":" + a.checked: {
			Type:                    types.RoleMappingTypeToken,
			AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeAuthenticatedRole,
		}},
	}))(t)

	role := func() string {
		t.Helper()
		tokens := wiretest.Must(a.users.InitiateAuth(t.Context(), &idp.InitiateAuthInput{
			ClientId:       &a.checked,
			AuthFlow:       idptypes.AuthFlowTypeUserPasswordAuth,
			AuthParameters: map[string]string{"USERNAME": email, "PASSWORD": password},
		}))(t).AuthenticationResult
		logins := map[string]string{a.atAWS(): *tokens.IdToken}
		id := a.GetID(t, a.identity, logins)
		c := wiretest.Must(a.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}))(t).Credentials
		who := wiretest.Must(a.Whoami(t, *c.AccessKeyId, *c.SecretKey, *c.SessionToken))(t)

		return strings.Split(*who.Arn, "/")[1]
	}
	wiretest.Equal(t, "without a group", role(), "default")

	for n, name := range []string{"readers", "editors"} {
		wiretest.Must(a.users.CreateGroup(t.Context(), &idp.CreateGroupInput{
			UserPoolId: &a.userPool,
			GroupName:  aws.String(name),
			RoleArn:    aws.String(roles + name),
			Precedence: aws.Int32(int32(10 - n)),
		}))(t)
		wiretest.Must(a.users.AdminAddUserToGroup(t.Context(), &idp.AdminAddUserToGroupInput{
			UserPoolId: &a.userPool,
			GroupName:  aws.String(name),
			Username:   aws.String(email),
		}))(t)
		wiretest.Equal(t, "the preferred role", role(), name)
	}
}

// As at AWS, an identity pool may trust a user pool of another account. Sign-outs there end what it
// gave.
func TestUserPoolOfAnotherAccount(t *testing.T) {
	traces := &wiretest.TraceList{}
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, forApp(traces))
	a := newApp(t, w.Server, traces)
	const email = "alice@example.com"
	a.signUp(t, email)

	theirs := wiretest.Must(w.Pools(wiretest.Stranger).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("theirs"),
		CognitoIdentityProviders: []types.CognitoIdentityProvider{
			{ProviderName: &a.key, ClientId: &a.checked, ServerSideTokenCheck: aws.Bool(true)}},
	}))(t)
	wiretest.Must(w.Pools(wiretest.Stranger).SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: theirs.IdentityPoolId,
		Roles:          map[string]string{"authenticated": "arn:aws:iam::" + wiretest.Stranger + ":role/app"},
	}))(t)

	a.identity = *theirs.IdentityPoolId
	u := a.signIn(t, a.checked, email)
	u.wants(t, "before", true, true)
	wiretest.Must(a.users.AdminUserGlobalSignOut(t.Context(),
		&idp.AdminUserGlobalSignOutInput{UserPoolId: &a.userPool, Username: aws.String(email)}))(t)
	u.wants(t, "after", false, false)
}

// Users cannot give themselves the claims by which identity pools choose roles and tags.
func TestAttributesAreNoClaimsOfTheServer(t *testing.T) {
	a := startApp(t)
	for _, name := range []string{"cognito:roles", "cognito:groups", "cognito:preferred_role", "aud", "iss", "sub"} {
		email := "mallory@example.com"
		_, err := a.users.SignUp(t.Context(), &idp.SignUpInput{
			ClientId: &a.checked,
			Username: &email,
			Password: aws.String(password),
			UserAttributes: []idptypes.AttributeType{
				{Name: aws.String("email"), Value: &email},
				{Name: &name, Value: aws.String("arn:aws:iam::000000000000:role/admin")},
			},
		})
		if err == nil {
			t.Errorf("a user has the attribute %s", name)
		}
	}
}
