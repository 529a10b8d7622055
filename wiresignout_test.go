package poolhouse_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/signout"
)

// signedIn is one user of one provider who has signed in.
type signedIn struct {
	*testServer
	identity string
}

// refusal is a sentence that says how the three operations took a login.
func (u *signedIn) refusal(t *testing.T, pool string, logins map[string]string) string {
	t.Helper()
	_, getID := u.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	_, token := u.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &u.identity, Logins: logins})
	_, credentials := u.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &u.identity, Logins: logins})
	_, unlink := u.public().UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{IdentityId: &u.identity, Logins: logins, LoginsToRemove: []string{}})
	for _, err := range []error{getID, token, credentials, unlink} {
		if (err == nil) != (getID == nil) {
			t.Errorf("operations disagree: %v; %v; %v; %v", getID, token, credentials, unlink)
		}
		if err != nil {
			wantError(t, err, "NotAuthorizedException", signout.MessageSignedOut)
		}
	}
	if getID != nil {
		return "refused"
	}
	return "accepted"
}

func post(t *testing.T, address, media, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", media)
	return do(t, request)
}

func (s *testServer) backChannelLogout(t *testing.T, key, token string) answer {
	return post(t, s.URL+"/backchannel-logout/"+url.PathEscape(key), "application/x-www-form-urlencoded", url.Values{"logout_token": {token}}.Encode())
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// event signs a token by which i tells of something.
func event(i *logintest.Issuer, typ, jti string, claims map[string]any) string {
	all := map[string]any{"jti": jti, "sub": nil, "exp": nil}
	for name, value := range claims {
		all[name] = value
	}
	return i.Key().Sign(map[string]any{"typ": typ}, i.Payload(all))
}

// lastRequest makes a refused call and returns its request ID.
func lastRequest(t *testing.T, s *testServer, pool string, logins map[string]string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"IdentityPoolId": pool, "Logins": logins})
	if err != nil {
		t.Fatal(err)
	}
	return s.raw(t, "GetId", string(body), false).header.Get("X-Amzn-Requestid")
}
