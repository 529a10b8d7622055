package wiretest

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

// SignedIn is a user who has signed in at one provider.
type SignedIn struct {
	*Server
	Identity string
}

// Refusal returns whether the operations accept or refuse a login, and fails the test if they
// disagree.
func (u *SignedIn) Refusal(t *testing.T, pool string, logins map[string]string) string {
	t.Helper()
	_, getID := u.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	_, token := u.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &u.Identity, Logins: logins})
	_, credentials := u.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
		IdentityId: &u.Identity,
		Logins:     logins,
	})
	_, unlink := u.Public().UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{
		IdentityId:     &u.Identity,
		Logins:         logins,
		LoginsToRemove: []string{},
	})

	for _, err := range []error{getID, token, credentials, unlink} {
		if (err == nil) != (getID == nil) {
			t.Errorf("operations disagree: %v; %v; %v; %v", getID, token, credentials, unlink)
		}
		if err != nil {
			WantError(t, err, "NotAuthorizedException", signout.MessageSignedOut)
		}
	}

	if getID != nil {
		return "refused"
	}

	return "accepted"
}

// Post sends body with a media type.
func Post(t *testing.T, address, media, body string) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", media)
	return Do(t, request)
}

// BackChannelLogout sends a logout token as the provider with the Logins key.
func (s *Server) BackChannelLogout(t *testing.T, key, token string) Answer {
	return Post(
		t, s.URL+"/backchannel-logout/"+url.PathEscape(key), "application/x-www-form-urlencoded",
		url.Values{"logout_token": {token}}.Encode(),
	)
}

// LogoutEvent is the event of a logout token.
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Event signs a token in which i reports an event.
func Event(i *logintest.Issuer, typ, jti string, claims map[string]any) string {
	all := map[string]any{"jti": jti, "sub": nil, "exp": nil}
	for name, value := range claims {
		all[name] = value
	}
	return i.Key().Sign(map[string]any{"typ": typ}, i.Payload(all))
}

// LastRequest makes a refused call and returns its request ID.
func LastRequest(t *testing.T, s *Server, pool string, logins map[string]string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"IdentityPoolId": pool, "Logins": logins})
	if err != nil {
		t.Fatal(err)
	}
	return s.Raw(t, "GetId", string(body), false).Header.Get("X-Amzn-Requestid")
}
