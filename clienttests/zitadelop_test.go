package clienttests

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
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

// zitadelOP is the provider in zitadelop, whose sign-in is a page with a form.
type zitadelOP struct{ openIDProvider }

func (p zitadelOP) signIn(t *testing.T, user string) string {
	t.Helper()
	b := newBrowser(t, p.callback)
	_, page := b.visit(t, p.authorize+"?"+
		url.Values{"client_id": {"app"}, "response_type": {"code"}, "scope": {"openid"},
			"redirect_uri": {p.callback}, "state": {"s"}, "nonce": {"n"}}.Encode(), nil)
	found := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form to sign in: %s", page)
	}

	back, page := b.visit(t, strings.TrimSuffix(p.issuer, "/")+"/login/username",
		url.Values{"id": {found[1]}, "username": {user}, "password": {"verysecure"}})
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

// logIn signs a user in with the command line: a client with a secret and a fixed redirect URI.
func (p zitadelOP) logIn(t *testing.T, person *person, pool string) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, "app-secret\n")
	callback, err := url.Parse(p.callback)
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), binary, "login", "--profile", "zitadel",
		"--no-browser", "--flow", "browser",
		"--endpoint", person.info.Endpoint, "--identity-pool", pool, "--issuer", p.issuer, "--client-id", "app",
		"--client-secret-file", secret, "--callback-port", callback.Port())
	cmd.Env = person.environment
	address := person.start(t, cmd, regexp.MustCompile(`http\S+code_challenge=\S+`))

	b := newBrowser(t, p.callback)
	_, page := b.visit(t, address[0], nil)
	found := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form to sign in: %s", page)
	}
	back, page := b.visit(t, strings.TrimSuffix(p.issuer, "/")+"/login/username",
		url.Values{"id": {found[1]}, "username": {"test-user2"}, "password": {"verysecure"}})
	if back == nil {
		t.Fatalf("no way back: %s", page)
	}
	if _, page = b.visit(t, back.String(), nil); !strings.Contains(page, "Signed in") {
		t.Errorf("the page is %s", page)
	}

	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if who := person.succeeds(t, "poolhouse", "whoami", "--profile", "zitadel"); !strings.Contains(who, "id2") {
		t.Errorf("whoami prints %s", who)
	}
	if renewed := person.expire(t, "zitadel"); renewed["refresh_token"] != nil {
		person.succeeds(t, "poolhouse", "credentials", "--profile", "zitadel")
	}
}

// do posts to one of the provider's own addresses.
func (p zitadelOP) do(t *testing.T, path string) string {
	t.Helper()
	response, err := http.Post(strings.TrimSuffix(p.issuer, "/")+path, "", nil)
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", path, response.Status, text)
	}

	return string(text)
}

// A provider on zitadel/oidc, taken as a user pool and, by discovery, as an
// OpenID Connect provider: its issuer ends with a slash, its introspection is
// asked for one client, its logout tokens have the type that the library gives
// them, and it rotates keys.
func TestZitadelOIDC(t *testing.T) {
	program := filepath.Join(t.TempDir(), "zitadelop")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "zitadelop"
	build.Env = append(os.Environ(), "GOWORK=off") // a module outside the workspace: its libraries are no client's
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build in zitadelop: %v\n%s", err, out)
	}

	address := listentest.FreeAddress(t)
	issuer, name := "http://"+address+"/", "zitadel.example/users"
	base := strings.TrimSuffix(issuer, "/")
	s := startDev(t, "--config", settingsFile(t, fmt.Sprintf(`user_pools:
  - provider_name: %s
    issuer: %s
    jwks_url: %s/keys
    allow_http: true
    allow_private: true
    status: {check: introspection, endpoint: "%s/oauth/introspect", client_id: app, client_secret: app-secret}
    sign_out: {audiences: [app]}
oidc_providers:
  - {url: %q, client_ids: [app], allow_http: true, allow_private: true}
`, name, issuer, base, base, issuer)))

	callback := "http://" + listentest.FreeAddress(t) + "/callback"
	startPeer(t, ".",
		[]string{"ISSUER=" + issuer, "CALLBACK=" + callback,
			"LOGOUT=" + s.info.Endpoint + "/backchannel-logout/" + url.PathEscape(name)},
		"provider starts on", program)
	eventually(t, "the provider answers", func() bool {
		response, err := http.Get(base + "/.well-known/openid-configuration")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil
	})

	p := zitadelOP{discover(t, issuer, callback)}
	pool := func(check bool) userClient {
		return newUserClient(t, s,
			&ci.CreateIdentityPoolInput{CognitoIdentityProviders: []types.CognitoIdentityProvider{
				{ProviderName: &name, ClientId: aws.String("app"), ServerSideTokenCheck: aws.Bool(check)}}})
	}
	checked, unchecked := pool(true), pool(false)

	first := p.signIn(t, "test-user@127.0.0.1")
	second := p.signIn(t, "test-user2")
	checked.accepted(t, "a user", name, first)
	unchecked.accepted(t, "a user where nobody asks", name, first)

	key := address + "/" // the issuer without its scheme, slash and all
	discovered := newUserClient(t, s,
		&ci.CreateIdentityPoolInput{
			OpenIdConnectProviderARNs: []string{"arn:aws:iam::000000000000:oidc-provider/" + key},
		})
	identity := discovered.accepted(t, "a user by discovery", key, first)
	if discovered.accepted(t, "another user by discovery", key, second) == identity {
		t.Error("two users share an identity")
	}

	discovered.refused(t, "the key without its slash", address, first, "Issuer doesn't match providerName")
	p.do(t, "/rotate")
	discovered.accepted(t, "a token of the new key, by discovery", key, p.signIn(t, "test-user2"))
	checked.accepted(t, "a token of the former key", name, first)
	checked.accepted(t, "a token of the new key", name, p.signIn(t, "test-user2"))

	p.logIn(t, newPerson(t, s), discovered.pool)

	p.do(t, "/end?sub=id1")
	checked.refused(t, "a user whose token is no longer active", name, first, "Token has been revoked")
	unchecked.accepted(t, "a user whose token is no longer active where nobody asks", name, first)

	// Times are whole seconds: what was issued in the second of the logout stays.
	issued := claims(t, second)["auth_time"].(float64)
	eventually(t, "the next second", func() bool { return float64(time.Now().Unix()) > issued })
	if answer := p.do(t, "/logout?sub=id2"); !strings.HasPrefix(answer, "200 ") {
		t.Fatalf("the logout token was answered with %s", answer)
	}
	unchecked.refused(t, "a token from before the logout", name, second, "Token has been revoked")
	unchecked.accepted(t, "a new sign-in", name, p.signIn(t, "test-user2"))
	unchecked.accepted(t, "another user after it", name, first)
}
