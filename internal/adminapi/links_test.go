package adminapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A link to a provider of the API leads to a change that the server makes, and that
// cures the refusal. A provider of the settings file has no such link, and the API
// refuses the change; nor has the development issuer.
func TestLinksToProvidersCanBeFollowed(t *testing.T) {
	const a = "111111111111"
	registered, inFile := logintest.NewIssuer(t), logintest.NewIssuer(t)
	w := wiretest.StartTenants(t, []string{a}, func(c *poolhouse.Config) {
		c.OIDCProviders = []poolhouse.OIDCProviderConfig{{
			URL:          inFile.URL,
			ClientIDs:    []string{"app"},
			AllowHTTP:    true,
			AllowPrivate: true,
		}}
	})
	ofAPI := w.Joins(t, a, registered, "app")
	fileARN := wiretest.CorpARN + strings.TrimPrefix(inFile.URL, "http://")
	ofFile := *wiretest.Must(w.Pools(wiretest.HomeAccount).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("p"), OpenIdConnectProviderARNs: []string{fileARN},
	}))(t).IdentityPoolId

	signIn := func(pool string, issuer *logintest.Issuer) (status int, request string) {
		token := issuer.Token(map[string]any{"aud": "other-app", "sub": "alice"})
		body := fmt.Sprintf(`{"IdentityPoolId":%q,"Logins":{%q:%q}}`, pool,
			strings.TrimPrefix(issuer.URL, "http://"), token)
		answer := w.Raw(t, "GetId", body, false)
		return answer.Status, answer.Header.Get("X-Amzn-Requestid")
	}
	type link struct{ Kind, Id, Field, Add, Source string }
	linkOf := func(account, request string) (l link, client string) {
		var out struct {
			Client string
			Steps  []struct {
				OK   bool
				Link link
			}
		}
		answer := w.Administer(t, account, "Explain", `{"RequestId":"`+request+`"}`)
		if err := json.Unmarshal([]byte(answer.Body), &out); err != nil || len(out.Steps) == 0 {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		return out.Steps[len(out.Steps)-1].Link, out.Client
	}
	follow := func(account string, l link) error {
		_, err := w.Roles(account).AddClientIDToOpenIDConnectProvider(t.Context(),
			&iamclient.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &l.Id, ClientID: &l.Add})
		return err
	}

	status, request := signIn(ofAPI.Pool, registered)
	l, client := linkOf(a, request)
	if status == http.StatusOK || l.Source != "api" || l.Field != "ClientIDList" || l.Add != "other-app" ||
		client != "other-app" {
		t.Errorf("%d, %+v", status, l)
	}
	if err := follow(a, l); err != nil {
		t.Errorf("the server refuses what it advised: %v", err)
	}
	if status, _ := signIn(ofAPI.Pool, registered); status != http.StatusOK {
		t.Errorf("the advised change does not help: %d", status)
	}

	_, request = signIn(ofFile, inFile)
	l, _ = linkOf(wiretest.HomeAccount, request)
	if want := (link{"setting", "oidc_providers[0].client_ids", "", "other-app", "file"}); l != want {
		t.Errorf("of the settings file: %+v", l)
	}
	l.Id = fileARN
	wiretest.WantError(t, follow(wiretest.HomeAccount, l), "UnmodifiableEntity", "")

	pool := w.NewPool(t)
	token := w.Token(t, "alice", func(r *poolhouse.DevTokenRequest) { r.Audience = "other-app" })
	if l, _ = linkOf(wiretest.HomeAccount, refuse(t, w.Server, pool, token)); l.Source == "api" {
		t.Errorf("of the development issuer: %+v", l)
	}
}
