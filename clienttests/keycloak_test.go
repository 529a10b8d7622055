//go:build extended

package clienttests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// keycloakVersion is the version that scripts/setup-extended.sh installs.
const keycloakVersion = "26.4.5"

// keycloak is a running Keycloak with one realm, main.
type keycloak struct {
	openIDProvider
	base string // URL
}

// startKeycloak runs Keycloak on a database in memory, with users carol and dave.
func startKeycloak(t *testing.T) keycloak {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(cache, "poolhouse-tests", "keycloak-"+keycloakVersion)
	if _, err := os.Stat(filepath.Join(home, "ready")); err != nil {
		missing(t, "Keycloak "+keycloakVersion+" is not installed: run scripts/setup-extended.sh")
	}

	address := listentest.FreeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	startPeer(t, ".", []string{"KC_BOOTSTRAP_ADMIN_USERNAME=admin", "KC_BOOTSTRAP_ADMIN_PASSWORD=admin",
		"JAVA_OPTS_APPEND=-Dkc.home.dir=" + home}, "",
		filepath.Join(home, "bin", "kc.sh"), "start", "--optimized", "--http-enabled=true", "--hostname-strict=false",
		"--http-host=127.0.0.1", "--http-port="+port, "--cache=local")

	k := keycloak{base: "http://" + address}
	for attempt := 0; attempt < 5; attempt++ { // a Java program on a busy machine may take minutes
		if answers(t, k.base+"/realms/master/.well-known/openid-configuration") {
			break
		}
	}
	k.openIDProvider = k.realm(t)

	return k
}

// realm makes the realm main.
func (k keycloak) realm(t *testing.T) openIDProvider {
	t.Helper()
	k.admin(t, http.MethodPost, "/admin/realms", map[string]any{
		"realm": "main", "enabled": true, "sslRequired": "none",
		"users": []any{keycloakUser("carol"), keycloakUser("dave")},
		"clients": []any{map[string]any{
			"clientId": "urn:amazon:webservices", "protocol": "saml",
			"redirectUris": []string{"https://signin.aws.amazon.com/saml"},
			"attributes": map[string]string{"saml.assertion.signature": "true", "saml.server.signature": "false",
				"saml.client.signature":    "false",
				"saml.signature.algorithm": "RSA_SHA256", "saml.force.post.binding": "true",
				"saml.authnstatement":       "true",
				"saml_force_name_id_format": "true", "saml_name_id_format": "persistent",
				"saml_idp_initiated_sso_url_name":  "aws",
				"saml_assertion_consumer_url_post": "https://signin.aws.amazon.com/saml"},
			"protocolMappers": []any{
				samlAttribute("role", roleAttr, "arn:aws:iam::000000000000:role/Ops,"+corpARN),
				samlAttribute("session name", sessionAttr, "keycloak")},
		}},
	})

	return discover(t, k.base+"/realms/main", "http://127.0.0.1:1/callback")
}

// answers waits up to startTimeout for a 200.
func answers(t *testing.T, address string) bool {
	t.Helper()
	deadline := time.After(startTimeout)

	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()

	for {
		select {
		case <-tick.C:
			response, err := http.Get(address)
			if err != nil {
				continue
			}
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return true
			}
		case <-deadline:
			return false
		}
	}
}

func keycloakUser(name string) map[string]any {
	return map[string]any{"username": name, "enabled": true, "email": name + "@example.com", "emailVerified": true,
		"firstName": name, "lastName": "Example",
		"credentials": []any{map[string]any{"type": "password", "value": "pass-of-" + name, "temporary": false}}}
}

func samlAttribute(name, attribute, value string) map[string]any {
	return map[string]any{"name": name, "protocol": "saml", "protocolMapper": "saml-hardcode-attribute-mapper",
		"config": map[string]string{"attribute.name": attribute, "attribute.nameformat": "URI Reference",
			"attribute.value": value}}
}

// admin calls Keycloak's administration API.
func (k keycloak) admin(t *testing.T, method, path string, body any) {
	t.Helper()
	response, err := http.PostForm(k.base+"/realms/master/protocol/openid-connect/token",
		url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"},
			"password": {"admin"}})
	if err != nil {
		t.Fatal(err)
	}

	var bearer struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(response.Body).Decode(&bearer)
	_ = response.Body.Close()
	if err != nil || bearer.AccessToken == "" {
		t.Fatalf("no token of the administrator: %s %v", response.Status, err)
	}

	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, k.base+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Authorization", "Bearer "+bearer.AccessToken)
	request.Header.Set("Content-Type", "application/json")
	if response, err = http.DefaultClient.Do(request); err != nil {
		t.Fatal(err)
	}

	defer func() { _ = response.Body.Close() }()

	if response.StatusCode >= 300 {
		var problem bytes.Buffer
		_, _ = problem.ReadFrom(response.Body)
		t.Fatalf("%s %s: %s %s", method, path, response.Status, problem.String())
	}
}

var formAction = regexp.MustCompile(`<form id="kc-form-login"[^>]* action="([^"]+)"`)

// logIn fills in the form of a page and returns what follows.
func (k keycloak) logIn(t *testing.T, b *browser, page, user string) (*url.URL, string) {
	t.Helper()
	found := formAction.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form to sign in: %s", page)
	}
	return b.visit(t, html.UnescapeString(found[1]), url.Values{"username": {user}, "password": {"pass-of-" + user}})
}

// tokens are the provider's answer to a code.
type tokens struct {
	ID     string `json:"id_token"`
	Access string `json:"access_token"`

	browser *browser // that has the session
}

// signIn signs a user in by code flow.
func (k keycloak) signIn(t *testing.T, user string) tokens {
	t.Helper()
	b := newBrowser(t, k.callback)
	_, page := b.visit(t, k.authorize+"?"+
		url.Values{"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"},
			"redirect_uri": {k.callback}, "state": {"s"}, "nonce": {"n"}}.Encode(), nil)
	back, page := k.logIn(t, b, page, user)
	if back == nil || back.Query().Get("code") == "" {
		t.Fatalf("no code: %v %s", back, page)
	}

	got := tokens{browser: b}
	fetchJSON(t, http.MethodPost, k.token,
		url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")},
			"redirect_uri": {k.callback}}, &got)
	if got.ID == "" || got.Access == "" {
		t.Fatal("tokens are missing")
	}

	return got
}

var samlResponse = regexp.MustCompile(`(?i)name="SAMLResponse" value="([^"]+)"`)

// samlSignIn signs a user in at the identity provider and returns the Response
// that the page would post.
func (k keycloak) samlSignIn(t *testing.T, user string) string {
	t.Helper()
	b := newBrowser(t, k.callback)
	_, page := b.visit(t, k.base+"/realms/main/protocol/saml/clients/aws", nil)
	_, page = k.logIn(t, b, page, user)
	found := samlResponse.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no SAML response: %s", page)
	}

	return strings.Join(strings.Fields(html.UnescapeString(found[1])), "")
}

// Keycloak as OpenID Connect issuer, as user pool that is introspected, and as
// SAML identity provider, with its own logout telling of sign-outs.
func TestKeycloak(t *testing.T) {
	k := startKeycloak(t)
	dir := t.TempDir()
	response, err := http.Get(k.base + "/realms/main/protocol/saml/descriptor")
	if err != nil {
		t.Fatal(err)
	}

	var metadata bytes.Buffer
	_, err = metadata.ReadFrom(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("metadata: %s %v", response.Status, err)
	}

	const userPool = "keycloak.example/main"
	for name, text := range map[string]string{"idp.xml": metadata.String(),
		"poolhouse.yaml": fmt.Sprintf(`oidc_providers:
  - {url: %[1]s, client_ids: [app], allow_http: true, allow_private: true}
user_pools:
  - provider_name: %[2]s
    issuer: %[1]s
    jwks_url: %[1]s/protocol/openid-connect/certs
    allow_http: true
    allow_private: true
    status:
      check: introspection
      endpoint: "%[1]s/protocol/openid-connect/token/introspect"
      client_id: app
      client_secret: app-secret
saml_providers:
  - {name: Corp, metadata_file: idp.xml}
`, k.issuer, userPool)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	// The client of the introspection has to be there before the server starts.
	client := map[string]any{"clientId": "app", "secret": "app-secret", "publicClient": false,
		"standardFlowEnabled": true,
		"redirectUris":        []string{k.callback}, "id": "5a313000-0000-4000-8000-00000000000a",
		// What a user pool's ID tokens say, and no access token.
		"protocolMappers": []any{
			map[string]any{"name": "token use", "protocol": "openid-connect",
				"protocolMapper": "oidc-hardcoded-claim-mapper",
				"config": map[string]string{"claim.name": "token_use", "claim.value": "id", "jsonType.label": "String",
					"id.token.claim": "true", "access.token.claim": "false", "userinfo.token.claim": "false"}}}}

	k.admin(t, http.MethodPost, "/admin/realms/main/clients", client)
	s := startDev(t, "--config", filepath.Join(dir, "poolhouse.yaml"))
	key := strings.TrimPrefix(k.issuer, "http://")
	client["attributes"] = map[string]string{"backchannel.logout.url": s.info.Endpoint + "/backchannel-logout/" +
		url.PathEscape(key),
		"backchannel.logout.session.required": "true"}
	k.admin(t, http.MethodPut, "/admin/realms/main/clients/5a313000-0000-4000-8000-00000000000a", client)

	pool := newUserClient(t, s, &ci.CreateIdentityPoolInput{
		OpenIdConnectProviderARNs: []string{"arn:aws:iam::000000000000:oidc-provider/" + key},
		CognitoIdentityProviders: []types.CognitoIdentityProvider{
			{ProviderName: aws.String(userPool), ClientId: aws.String("app"), ServerSideTokenCheck: aws.Bool(true)}},
		SamlProviderARNs: []string{corpARN}})

	carol, dave := k.signIn(t, "carol"), k.signIn(t, "dave")
	first := pool.accepted(t, "an ID token", key, carol.ID)
	if pool.accepted(t, "another user's", key, dave.ID) == first {
		t.Error("two users share an identity")
	}
	pool.refused(t, "an access token", key, carol.Access, "NotAuthorizedException")
	pool.accepted(t, "an ID token that is introspected", userPool, carol.ID)

	response1 := k.samlSignIn(t, "carol")
	samlCarol := pool.accepted(t, "a SAML response", corpARN, response1)
	if again := pool.accepted(t, "another of the same user", corpARN, k.samlSignIn(t, "carol")); again != samlCarol {
		t.Error("a user's second SAML sign-in is another identity")
	}
	if pool.accepted(t, "another user's SAML response", corpARN, k.samlSignIn(t, "dave")) == samlCarol {
		t.Error("two users of SAML share an identity")
	}

	// Times are whole seconds: what was issued in the second of the logout stays.
	issued := claims(t, dave.ID)["iat"].(float64)
	eventually(t, "the next second", func() bool { return float64(time.Now().Unix()) > issued })
	carol.browser.visit(t, k.endSession+"?"+url.Values{"id_token_hint": {carol.ID}, "client_id": {"app"}}.Encode(), nil)
	eventually(t, "the logout token arrives", func() bool {
		_, err := pool.signIn(t.Context(), key, carol.ID)
		return err != nil && strings.Contains(err.Error(), "Token has been revoked")
	})

	pool.refused(t, "a token that is no longer active", userPool, carol.ID, "Token has been revoked")
	pool.accepted(t, "another user's token after the logout", key, dave.ID)
	pool.accepted(t, "another user's token after the logout, introspected", userPool, dave.ID)
	pool.accepted(t, "a new sign-in", key, k.signIn(t, "carol").ID)
}
