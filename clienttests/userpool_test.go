package clienttests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// cognitoLocal is a running cognito-local.
type cognitoLocal string

func startCognitoLocal(t *testing.T) cognitoLocal {
	t.Helper()
	node := client(t, "node", "nodejs")
	address := listentest.FreeAddress(t)
	host, port, _ := strings.Cut(address, ":")
	script := mustAbs(t, "js/node_modules/cognito-local/lib/bin/start.js")
	startPeer(t, t.TempDir(), []string{"HOST=" + host, "PORT=" + port, "CODE=" + code},
		"Cognito Local running on", node, script)
	return cognitoLocal("http://" + address)
}

// call calls an operation of the user pools API.
func (c cognitoLocal) call(t *testing.T, operation string, in map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, string(c)+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	request.Header.Set("Authorization",
		"AWS4-HMAC-SHA256 Credential=local/20260101/local/cognito-idp/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", operation, response.Status, text)
	}

	var out map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%s: %s: %v", operation, text, err)
		}
	}

	return out
}

// member follows names into an answer.
func member[T any](t *testing.T, object map[string]any, names ...string) T {
	t.Helper()

	var value any = object
	for _, name := range names {
		inner, _ := value.(map[string]any)
		value = inner[name]
	}
	found, ok := value.(T)
	if !ok {
		t.Fatalf("no %s in %v", strings.Join(names, "."), object)
	}

	return found
}

const (
	password = "Passw0rd!"
	code     = "123456" // that confirms a sign-up
)

// signUp makes a user as the user's own app does, and confirms the address.
func (c cognitoLocal) signUp(t *testing.T, client, name string) {
	t.Helper()
	out := c.call(t, "SignUp", map[string]any{"ClientId": client, "Username": name, "Password": password,
		"UserAttributes": []map[string]string{{"Name": "email", "Value": name}}})
	if member[bool](t, out, "UserConfirmed") {
		t.Fatalf("%s is confirmed without a code", name)
	}
	c.call(t, "ConfirmSignUp", map[string]any{"ClientId": client, "Username": name, "ConfirmationCode": code})
}

func (c cognitoLocal) signIn(t *testing.T, client, name string) (idToken, accessToken string) {
	t.Helper()
	out := c.call(t, "InitiateAuth", map[string]any{"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": name, "PASSWORD": password}})
	return member[string](t, out, "AuthenticationResult", "IdToken"),
		member[string](t, out, "AuthenticationResult", "AccessToken")
}

// A user pool that is not at AWS, found by its endpoint: its users sign in, also
// under the key that Amplify derives, until the pool disables or deletes them.
func TestCognitoLocal(t *testing.T) {
	peer := startCognitoLocal(t)
	pool := member[string](t, peer.call(t, "CreateUserPool", map[string]any{"PoolName": "users"}), "UserPool", "Id")
	newClient := func(pool string) string {
		return member[string](t,
			peer.call(t, "CreateUserPoolClient", map[string]any{"UserPoolId": pool, "ClientName": "app",
				"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH"}}), "UserPoolClient", "ClientId")
	}
	checked, unchecked, foreign := newClient(pool), newClient(pool), newClient(pool)
	other := member[string](t, peer.call(t, "CreateUserPool", map[string]any{"PoolName": "others"}), "UserPool", "Id")
	otherClient, otherName := newClient(other), "cognito-idp.eu-west-1.amazonaws.com/"+other
	name := "cognito-idp.us-east-1.amazonaws.com/" + pool
	s := startDev(t, "--config", settingsFile(t, fmt.Sprintf(`user_pools:
  - provider_name: %s
    endpoint: %s
    allow_http: true
    allow_private: true
    status: {check: admin_get_user, access_key_id: local, secret_access_key: local}
user_pool_regions:
  eu-west-1:
    endpoint: %s
    allow_http: true
    allow_private: true
    status: {check: admin_get_user, access_key_id: local, secret_access_key: local}
`, name, peer, peer)))
	c := newUserClient(t, s, &ci.CreateIdentityPoolInput{CognitoIdentityProviders: []types.CognitoIdentityProvider{
		{ProviderName: &name, ClientId: &checked, ServerSideTokenCheck: aws.Bool(true)},
		{ProviderName: &name, ClientId: &unchecked, ServerSideTokenCheck: aws.Bool(false)},
		{ProviderName: &otherName, ClientId: &otherClient, ServerSideTokenCheck: aws.Bool(true)}}})

	const alice, bob = "alice@example.org", "bob@example.org"
	peer.signUp(t, checked, alice)
	peer.signUp(t, checked, bob)
	token, access := peer.signIn(t, checked, alice)
	identity := c.accepted(t, "a user of the pool", name, token)
	derived := strings.TrimPrefix(string(peer), "http://") + "/" + pool
	if id := c.accepted(t, "the key derived from the issuer", derived, token); id != identity {
		t.Errorf("it leads to %s, not %s", id, identity)
	}

	elsewhere, _ := peer.signIn(t, unchecked, alice)
	if id := c.accepted(t, "another client", name, elsewhere); id != identity {
		t.Errorf("another client leads to %s, not %s", id, identity)
	}

	bobs, _ := peer.signIn(t, checked, bob)
	if id := c.accepted(t, "another user", name, bobs); id == identity {
		t.Error("two users share an identity")
	}
	c.refused(t, "an access token", name, access, "Missing a required claim: aud")
	foreigner, _ := peer.signIn(t, foreign, alice)
	c.refused(t, "a client that the identity pool does not name", name, foreigner,
		"Token is not from a supported provider")

	peer.call(t, "AdminDisableUser", map[string]any{"UserPoolId": pool, "Username": alice})
	c.refused(t, "a disabled user", name, token, "NotAuthorizedException")
	c.accepted(t, "a disabled user where nobody asks", name, elsewhere)
	peer.call(t, "AdminEnableUser", map[string]any{"UserPoolId": pool, "Username": alice})
	c.accepted(t, "the user enabled again", name, token)
	peer.call(t, "AdminDeleteUser", map[string]any{"UserPoolId": pool, "Username": alice})
	c.refused(t, "a deleted user", name, token, "NotAuthorizedException")
	peer.signUp(t, checked, alice)
	c.refused(t, "a deleted user whose name was given away", name, token, "NotAuthorizedException")

	anew, _ := peer.signIn(t, checked, alice)
	if id := c.accepted(t, "the name's next owner", name, anew); id == identity {
		t.Error("the name's next owner has the deleted user's identity")
	}
	c.accepted(t, "the other user all the while", name, bobs)

	// A pool that is found by its region: the region of the host, not of the ID.
	peer.signUp(t, otherClient, alice)
	token, _ = peer.signIn(t, otherClient, alice)
	c.accepted(t, "a user of the region's pool", otherName, token)
	peer.call(t, "AdminDisableUser", map[string]any{"UserPoolId": other, "Username": alice})
	c.refused(t, "a disabled user of the region's pool", otherName, token, "NotAuthorizedException")
	if out := s.text(); strings.Contains(out, token) || strings.Contains(out, alice) {
		t.Error("a token or user name is in the output")
	}
}
