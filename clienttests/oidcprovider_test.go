package clienttests

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// openIDProvider is a provider that a browser can sign in at by code flow, as
// client app with app-secret.
type openIDProvider struct {
	issuer, authorize, token, endSession string
	callback                             string
}

// discover reads a provider's endpoints.
func discover(t *testing.T, issuer, callback string) openIDProvider {
	t.Helper()
	var document struct {
		Authorize  string `json:"authorization_endpoint"`
		Token      string `json:"token_endpoint"`
		EndSession string `json:"end_session_endpoint"`
	}
	fetchJSON(t, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", nil, &document)
	return openIDProvider{issuer, document.Authorize, document.Token, document.EndSession, callback}
}

// fetchJSON asks for JSON, as client app when there is a form.
func fetchJSON(t *testing.T, method, address string, form url.Values, out any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth("app", "app-secret")
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(text, out) != nil {
		t.Fatalf("%s %s: %s %s %v", method, address, response.Status, text, err)
	}
}

// signIn signs user in and returns the ID token.
func (p openIDProvider) signIn(t *testing.T, b *browser, user string) string {
	t.Helper()
	back, page := b.visit(t,
		p.authorize+"?"+url.Values{"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"},
			"redirect_uri": {p.callback}, "state": {"s"}, "nonce": {"n"}, "login_hint": {user}}.Encode(), nil)
	if back == nil || back.Query().Get("code") == "" {
		t.Fatalf("no code: %v %s", back, page)
	}

	var answer struct {
		IDToken string `json:"id_token"`
	}
	fetchJSON(t, http.MethodPost, p.token,
		url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")},
			"redirect_uri": {p.callback}}, &answer)
	if answer.IDToken == "" {
		t.Fatal("no ID token")
	}

	return answer.IDToken
}

// signOut ends the browser's session with the provider, as its pages ask.
func (p openIDProvider) signOut(t *testing.T, b *browser) {
	t.Helper()
	_, page := b.visit(t, p.endSession, nil)
	found := regexp.MustCompile(`name="xsrf" value="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form to confirm: %s", page)
	}
	b.visit(t, p.endSession+"/confirm", url.Values{"xsrf": {found[1]}, "logout": {"yes"}})
}

// claims reads a token without proving it.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c map[string]any
	if err != nil || json.Unmarshal(text, &c) != nil {
		t.Fatalf("claims %s: %v", text, err)
	}
	return c
}

// eventually fails the test unless ok becomes true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(startTimeout)

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()

	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// npm oidc-provider: a user signs in, keys are rotated in between, and what the
// provider's own logout tells ends the session's tokens and no others.
func TestOIDCProvider(t *testing.T) {
	node := client(t, "node", "nodejs")
	address := listentest.FreeAddress(t)
	issuer, key := "http://"+address, address
	s := startDev(t, "--config",
		settingsFile(t,
			fmt.Sprintf("oidc_providers:\n  - {url: %q, client_ids: [app], allow_http: true, allow_private: true}\n",
				issuer)))

	callback := "http://127.0.0.1:1/callback"
	startPeer(t, "js",
		[]string{"ISSUER=" + issuer, "CALLBACK=" + callback,
			"LOGOUT=" + s.info.Endpoint + "/backchannel-logout/" + url.PathEscape(key)},
		"provider listens on", node, "op.mjs")
	p := discover(t, issuer, callback)
	c := newUserClient(t, s,
		&ci.CreateIdentityPoolInput{
			OpenIdConnectProviderARNs: []string{"arn:aws:iam::000000000000:oidc-provider/" + key},
		})

	home, work, others := newBrowser(t, callback), newBrowser(t, callback), newBrowser(t, callback)
	first, second := p.signIn(t, home, "alice"), p.signIn(t, work, "alice")
	bobs := p.signIn(t, others, "bob")
	if claims(t, first)["sid"] == nil || claims(t, first)["sid"] == claims(t, second)["sid"] {
		t.Fatalf("sessions are %v and %v", claims(t, first)["sid"], claims(t, second)["sid"])
	}

	identity := c.accepted(t, "a user", key, first)
	for what, token := range map[string]string{"the other session": second} {
		if id := c.accepted(t, what, key, token); id != identity {
			t.Errorf("%s leads to %s, not %s", what, id, identity)
		}
	}
	c.accepted(t, "another user", key, bobs)

	p.signOut(t, home)
	eventually(t, "the session that was ended is refused", func() bool {
		_, err := c.signIn(t.Context(), key, first)
		return err != nil && strings.Contains(err.Error(), "Token has been revoked")
	})

	c.accepted(t, "the user's other session", key, second)
	c.accepted(t, "another user after it", key, bobs)
	again := p.signIn(t, home, "alice")
	if id := c.accepted(t, "a new sign-in", key, again); id != identity {
		t.Errorf("a new sign-in leads to %s, not %s", id, identity)
	}

	response, err := http.Post(issuer+"/rotate", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	rotated := p.signIn(t, newBrowser(t, callback), "alice")
	if id := c.accepted(t, "a token of the new key", key, rotated); id != identity {
		t.Errorf("a token of the new key leads to %s, not %s", id, identity)
	}

	c.accepted(t, "a token of the former key", key, again)
	c.refused(t, "a changed token", key, rotated[:len(rotated)-8]+"AAAAAAAA", "NotAuthorizedException")
	if strings.Contains(s.text(), first) {
		t.Error("a token is in the output")
	}

	// Its introspection takes no ID tokens, whoever asks: such settings could let
	// nobody in, and stop the start.
	settings := settingsFile(t, fmt.Sprintf(`user_pools:
  - provider_name: op.example/users
    issuer: %s
    jwks_url: %s/jwks
    allow_http: true
    allow_private: true
    status: {check: introspection, endpoint: "%s/token/introspection", client_id: app, client_secret: app-secret}
`, issuer, issuer, issuer))

	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()

	cmd := exec.CommandContext(ctx, binary, "dev", "--memory", "--listen", "127.0.0.1:0", "--config", settings)
	cmd.Env = plainEnvironment(t)

	out, err := cmd.CombinedOutput()
	if err == nil ||
		!strings.Contains(string(out),
			"user_pools (op.example/users).status: the provider does not introspect ID tokens "+
				"(unsupported_token_type)") {
		t.Errorf("with introspection of ID tokens: %v\n%s", err, out)
	}
}
