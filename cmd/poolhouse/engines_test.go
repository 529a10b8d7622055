package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse"
)

var update = flag.Bool("update", false, "rewrite golden files")

// contractPool is the pool of docs/engines/aws.md.
const contractPool = "us-east-1:11111111-2222-4333-8444-555555555555"

// What goes to each engine with the settings that its page shows: the whole
// request and the token in it, as a server sends them for a user with a
// principal tag and for a guest. No test runs AWS, SeaweedFS or RustFS: their
// requests follow from their documentation and sources.
func TestEngineContracts(t *testing.T) {
	for _, name := range []string{"aws", "minio", "ceph", "seaweedfs", "rustfs"} {
		t.Run(name, func(t *testing.T) {
			c := pageSettings(t, filepath.Join("..", "..", "docs", "engines", name+".md"))
			engines := slices.Collect(maps.Keys(c.CredentialEngines))
			if len(engines) != 1 {
				t.Fatalf("the page shows the engines %v, want one", engines)
			}
			e := c.CredentialEngines[engines[0]]
			var got strings.Builder
			fmt.Fprintf(&got, "endpoint %q, region %q, private %t\n", e.Endpoint, e.Region, e.AllowPrivate)

			for _, who := range []string{"user", "guest"} {
				fmt.Fprintf(&got, "\n== %s ==\n%s", who, sentFor(t, c, engines[0], who == "guest"))
			}
			path := filepath.Join("testdata", "engines", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("sent to %s (-want +got):\n%s", name, diff)
			}
		})
	}
}

// pageSettings reads the settings that a page shows.
func pageSettings(t *testing.T, page string) poolhouse.Config {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 1 {
		t.Fatalf("%s shows %d settings files, want one", page, len(blocks))
	}

	path := filepath.Join(t.TempDir(), "poolhouse.yaml")
	if err := os.WriteFile(path, blocks[0][1], 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := load(nil, nil, path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := serverConfig(settings)
	if err != nil {
		t.Fatal(err)
	}

	return c
}

// sentFor has credentials made for one identity, and tells what the engine got.
func sentFor(t *testing.T, c poolhouse.Config, engine string, guest bool) string {
	t.Helper()
	type request struct {
		*http.Request
		form url.Values
	}
	sent := make(chan request, 2)
	now := time.Now().Truncate(time.Second)

	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Error(err)
		}

		sent <- request{r.Clone(context.Background()), form}
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>`+
			`<AccessKeyId>k</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>`+
			`</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
			now.Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	defer outside.Close()

	e := c.CredentialEngines[engine]
	e.Endpoint, e.AllowHTTP, e.AllowPrivate = outside.URL, true, true
	c.CredentialEngines, c.CredentialEngine = map[string]poolhouse.CredentialEngineConfig{engine: e}, engine
	c.Dev, c.AcceptUnknownRoles, c.IssuerURL, c.Now, c.DataDir = true, true, "https://id.example.com",
		func() time.Time { return now }, ""
	server, err := poolhouse.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}

	web := httptest.NewServer(server)
	defer func() {
		web.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()

	client := ci.New(ci.Options{BaseEndpoint: &web.URL, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(poolhouse.DevAccessKeyID,
			poolhouse.DevSecretAccessKey, "")})
	identity := signIn(t, client, server.Account(), guest)
	if len(sent) != 1 {
		t.Fatalf("the engine was asked %d times", len(sent))
	}

	r := <-sent
	for _, hop := range []string{"Content-Length", "Accept-Encoding"} {
		r.Header.Del(hop)
	}
	text := describe(t, r.Request, r.form, keys(t, web.URL))

	return strings.NewReplacer(identity, "$IDENTITY", strings.SplitN(identity, ":", 2)[1], "$UUID",
		fmt.Sprintf(`"iat": %d`, now.Unix()), `"iat": $NOW`,
		fmt.Sprintf(`"exp": %d`, now.Add(5*time.Minute).Unix()), `"exp": $NOW + 5m`,
		fmt.Sprintf(`"exp": %d`, now.Add(time.Hour).Unix()), `"exp": $NOW + 1h`).Replace(text)
}

// signIn makes a pool with a role, an identity in it, and asks for credentials.
func signIn(t *testing.T, client *ci.Client, account string, guest bool) (identity string) {
	t.Helper()
	role := "arn:aws:iam::" + account + ":role/User"
	if _, err := client.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("app"),
		AllowUnauthenticatedIdentities: true,
		DeveloperProviderName:          aws.String("login.my.app"),
		IdentityPoolTags:               map[string]string{"_custom_id_": contractPool},
	}); err != nil {
		t.Fatal(err)
	}

	if _, err := client.SetIdentityPoolRoles(t.Context(),
		&ci.SetIdentityPoolRolesInput{IdentityPoolId: aws.String(contractPool),
			Roles: map[string]string{"authenticated": role, "unauthenticated": role}}); err != nil {
		t.Fatal(err)
	}
	var logins map[string]string
	if guest {
		out, err := client.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: aws.String(contractPool)})
		if err != nil {
			t.Fatal(err)
		}
		identity = *out.IdentityId
	} else {
		out, err := client.GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: aws.String(contractPool),
				Logins: map[string]string{"login.my.app": "alice"}, PrincipalTags: map[string]string{"team": "blue"}})
		if err != nil {
			t.Fatal(err)
		}
		identity, logins = *out.IdentityId, map[string]string{"cognito-identity.amazonaws.com": *out.Token}
	}

	if _, err := client.GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &identity, Logins: logins}); err != nil {
		t.Fatal(err)
	}

	return identity
}

func keys(t *testing.T, server string) (set jose.JSONWebKeySet) {
	t.Helper()
	response, err := http.Get(server + "/.well-known/jwks_uri")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}

	return set
}

// describe writes a request down, with the token's header and claims in place of
// the token. Its signature must fit a published key.
func describe(t *testing.T, r *http.Request, form url.Values, keys jose.JSONWebKeySet) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL)

	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.Header[name], " | "))
	}
	token := form.Get("WebIdentityToken")
	form.Set("WebIdentityToken", "$TOKEN")

	for _, name := range slices.Sorted(maps.Keys(form)) {
		fmt.Fprintf(&b, "%s = %s\n", name, strings.Join(form[name], " | "))
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.RS512, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}

	id := signed.Signatures[0].Header.KeyID
	published := keys.Key(id)
	if len(published) != 1 {
		t.Fatalf("%d published keys are called %q", len(published), id)
	}
	if _, err := signed.Verify(published[0].Key); err != nil {
		t.Error(err)
	}

	for n, part := range strings.Split(token, ".")[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, text, "", "  "); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "-- token's %s --\n%s\n", []string{"header", "claims"}[n], pretty.String())
	}

	unique := regexp.MustCompile(`"jti": "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`)

	return strings.ReplaceAll(unique.ReplaceAllString(b.String(), `"jti": "$$UUID4"`), `"kid": "`+id+`"`,
		`"kid": "$KEY"`)
}
