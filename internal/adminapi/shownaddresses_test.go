package adminapi_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Whoever tests a provider by its name does not learn the address that the server resolves the name to.
func TestTestProviderTellsNoAddress(t *testing.T) {
	w := wiretest.StartTenants(t, nil)
	closed := httptest.NewServer(nil)
	_, port, err := net.SplitHostPort(closed.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	for _, issuer := range []string{"https://localhost:" + port, "http://localhost:" + port} {
		got := w.Administer(t, wiretest.HomeAccount, "TestProvider", `{"Issuer":"`+issuer+`"}`)
		if !strings.Contains(got.Body, `"Passed":false`) {
			t.Errorf("%s: %d %s", issuer, got.Status, got.Body)
		}
		wantNoAddress(t, issuer, got.Body)
	}
}

// wantNoAddress fails the test if a text has what localhost resolves to.
func wantNoAddress(t *testing.T, of, text string) {
	t.Helper()
	for _, address := range []string{"127.0.0.1", "::1"} {
		if strings.Contains(text, address) {
			t.Errorf("%s tells %s: %s", of, address, text)
		}
	}
}

// Whoever explains a token does not learn it either, whatever fails: the name is not allowed, nobody
// listens there, or what listens is no identity provider.
func TestExplainTokenTellsNoAddress(t *testing.T) {
	atName := func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
	closed, wrong, untrusted := httptest.NewServer(nil), httptest.NewServer(http.NotFoundHandler()),
		httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(wrong.Close)
	t.Cleanup(untrusted.Close)
	closed.Close()
	refused := atName(strings.Replace(closed.URL, "http:", "https:", 1)) + "/private"
	issuers := []string{refused, atName(closed.URL), atName(wrong.URL), atName(untrusted.URL),
		atName(strings.Replace(wrong.URL, "http:", "https:", 1)) + "/plain"}
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		for _, issuer := range issuers {
			c.OIDCProviders = append(c.OIDCProviders, poolhouse.OIDCProviderConfig{
				URL: issuer, ClientIDs: []string{"app"}, AllowHTTP: true, AllowPrivate: issuer != refused,
			})
		}
		c.Providers = map[string]poolhouse.ProviderOverride{
			wiretest.FacebookKey: {BaseURL: atName(closed.URL), AppSecret: "s", AllowHTTP: true, AllowPrivate: true},
		}
	})
	stranger := logintest.NewIssuer(t)

	examine := func(of, token, key, reason string, change func(*ci.CreateIdentityPoolInput)) {
		in := map[string]any{"Token": token, "IdentityPoolIds": []string{s.NewPool(t, change)}}
		if key != "" {
			in["ProviderName"] = key
		}
		answer := s.AdminCall(t, "ExplainToken", encoded(t, in))
		got := decoded[explained](t, answer)
		if len(got.Results) != 1 || got.Results[0].Reason != reason {
			t.Errorf("%s: %s", of, answer.Body)
		}
		wantNoAddress(t, of, answer.Body)
	}
	for _, issuer := range issuers {
		_, name, _ := strings.Cut(issuer, "://")
		token := stranger.Token(map[string]any{"iss": issuer, "sub": "alice", "aud": "app"})
		examine(issuer, token, "", "provider-keys",
			func(in *ci.CreateIdentityPoolInput) {
				in.OpenIdConnectProviderARNs = []string{wiretest.CorpARN + name}
			})
	}
	examine("Facebook", "EAAOfNobody", wiretest.FacebookKey, "provider-answer",
		func(in *ci.CreateIdentityPoolInput) {
			in.SupportedLoginProviders = map[string]string{wiretest.FacebookKey: "112233"}
		})
}
