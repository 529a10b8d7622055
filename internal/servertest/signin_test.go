package servertest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const (
	pageVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	pageChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	pageCallback  = "http://localhost:5173/cb"
)

// signInOnPage signs alice in for a client, and returns the ID token.
func signInOnPage(t *testing.T, s *wiretest.Server, client string) string {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	post := func(path string, form url.Values) *http.Response {
		answer, err := browser.PostForm(s.URL+devissuer.Path+path, form)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })

		return answer
	}

	page := s.Get(t, devissuer.Path+"/authorize?"+url.Values{
		"client_id": {client}, "redirect_uri": {pageCallback}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {pageChallenge}, "code_challenge_method": {"S256"}}.Encode())
	found := regexp.MustCompile(`name="request" value="([^"]+)"`).FindStringSubmatch(page.Body)
	if found == nil {
		t.Fatalf("no page: %d %s", page.Status, page.Body)
	}
	back, err := post("/sign-in", url.Values{"request": {found[1]}, "user": {"alice"}}).Location()
	if err != nil {
		t.Fatal(err)
	}

	var got struct {
		IDToken string `json:"id_token"`
	}
	answer := post("/token", url.Values{"client_id": {client}, "grant_type": {"authorization_code"},
		"redirect_uri": {pageCallback}, "code": {back.Query().Get("code")}, "code_verifier": {pageVerifier}})
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.IDToken == "" {
		t.Fatalf("no ID token: %s, %v", answer.Status, err)
	}

	return got.IDToken
}

func withAlice(t *testing.T, s *wiretest.Server) {
	t.Helper()
	if err := s.DevUsers().Put(devuser.User{Name: "alice", Subject: "alice"}); err != nil {
		t.Fatal(err)
	}
}

// A sign-out at the development issuer ends the login at identity pools, and no other one.
func TestSignOutEndsLogins(t *testing.T) {
	var later atomic.Int64
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	withAlice(t, s)
	pool, key := s.NewPool(t), wiretest.DevInfo(s).LoginKey
	ended, kept := signInOnPage(t, s, poolhouse.DevAudience), signInOnPage(t, s, poolhouse.DevAudience)
	identity := s.GetID(t, pool, map[string]string{key: ended})

	later.Store(int64(2 * time.Second)) // logins of the same second stay
	if got := s.Get(t, devissuer.Path+"/end_session?id_token_hint="+ended); got.Status != http.StatusOK {
		t.Fatalf("end_session: %d %s", got.Status, got.Body)
	}
	_, err := s.Public().GetId(t.Context(),
		&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{key: ended}})
	wiretest.WantError(t, err, "NotAuthorizedException", "")
	wiretest.Equal(t, "the identity of the other session", s.GetID(t, pool, map[string]string{key: kept}), identity)
}

// Pools trust tokens for the clients that seeds describe, from then on, and for no other client.
func TestClientsOfSeedsAreTrusted(t *testing.T) {
	s := wiretest.Start(t)
	withAlice(t, s)
	pool, info := s.NewPool(t), wiretest.DevInfo(s)
	logins := map[string]string{info.LoginKey: signInOnPage(t, s, "shop")}
	_, err := s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	wiretest.WantError(t, err, "NotAuthorizedException", "")

	if err := s.DevClients().Put(devissuer.Client{ID: "shop"}); err != nil {
		t.Fatal(err)
	}
	s.GetID(t, pool, logins)
	shown := wiretest.Must(s.IAM().GetOpenIDConnectProvider(t.Context(),
		&iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &info.OIDCProviderARN}))(t)
	if want := []string{poolhouse.DevAudience, "shop"}; !slices.Equal(shown.ClientIDList, want) {
		t.Errorf("IAM shows %v, want %v", shown.ClientIDList, want)
	}
}

// The pages are for this machine: whoever sees them can sign in as anybody.
func TestSignInOfOtherMachines(t *testing.T) {
	s := wiretest.Start(t)
	for _, path := range []string{"/authorize", "/device", "/end_session"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+devissuer.Path+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", "192.0.2.1")
		if got := wiretest.Do(t, request); got.Status != http.StatusForbidden || strings.Contains(got.Body, "<form") {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
		own := s.Get(t, devissuer.Path+path)
		if own.Status == http.StatusForbidden {
			t.Errorf("%s is refused on this machine: %s", path, own.Body)
		}
	}
}
