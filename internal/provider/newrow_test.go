package provider_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/goccy/go-yaml"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// Providers that nobody has: each is one row.
const (
	withIDTokens     = "login.example.net"
	withAccessTokens = "api.example.org"
	withSecrets      = "secret.example.org"
)

// soleSecret is a pool's value that only the row of withSecrets shows to be a secret.
const soleSecret = "canary.secret.of.an.application"

var newRows = provider.Table{
	{
		Key:       withIDTokens,
		Name:      "Example",
		Setting:   "example",
		Issuers:   []string{"https://login.example.net"},
		Allowed:   []string{provider.SettingJWKSURL},
		Nicknames: []string{"example.net"},
		STS:       provider.STSNames{Client: "aud"},

		SignOutEvents: true,
	},
	{
		Key:        withAccessTokens,
		Name:       "Example API",
		Setting:    "example_api",
		Kind:       login.Amazon,
		VerifyPath: "/auth/o2/tokeninfo",
		Allowed:    []string{provider.SettingBaseURL},
		STS:        provider.STSNames{Client: "app_id", User: "user_id"},
	},
	{
		Key:        withSecrets,
		Name:       "Example with secrets",
		Setting:    "example_secrets",
		Kind:       login.Twitter,
		BaseURL:    "https://secret.example.org",
		VerifyPath: "/2/users/me",
		Secret:     provider.SecretInPool,
	},
}

const roleARN = "arn:aws:iam::000000000000:role/Example"

const trustPolicy = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"login.example.net"},
		"Condition":{"StringEquals":{"login.example.net:aud":"app","login.example.net:sub":"alice"}}},
	{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"api.example.org"},
		"Condition":{"StringEquals":{
			"api.example.org:app_id":"app","api.example.org:user_id":"amzn1.account.ALICE"}}}]}`

// world is a server whose table has the new rows, with a pool that uses them.
type world struct {
	url    string
	issuer *logintest.Issuer
	api    *logintest.Amazon
	folder string // of the database
	pool   string
}

func start(t *testing.T) *world {
	t.Helper()
	table := slices.Concat(provider.Default(), newRows)
	w := &world{issuer: logintest.NewIssuer(t), api: logintest.NewAmazon(t), folder: t.TempDir()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = "http://" + listener.Addr().String()

	server, err := poolhouse.New(t.Context(), poolhouse.Config{
		Dev:           true,
		DataDir:       w.folder,
		IssuerURL:     w.url,
		ProviderTable: table,
		Providers:     w.overrides(t, table),
		SignOut:       map[string]poolhouse.SignOutConfig{withIDTokens: {Audiences: []string{"app"}}},
		Roles:         []poolhouse.RoleConfig{{ARN: roleARN, TrustPolicy: trustPolicy}},
		Logger:        slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}

	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)

		server.Run(ctx)
	}()

	web := &httptest.Server{Listener: listener, Config: &http.Server{Handler: server}} //nolint:gosec // of a test
	web.Start()
	t.Cleanup(func() {
		web.Close()
		stop()
		<-done
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})

	w.pool = w.newPool(t)

	return w
}

// overrides returns what a settings file replaces of the new providers.
func (w *world) overrides(t *testing.T, table provider.Table) map[string]poolhouse.ProviderOverride {
	t.Helper()
	const local = "\n    allow_http: true\n    allow_private: true\n"
	text := "providers:\n" +
		"  example:\n    jwks_url: " + w.issuer.URL + logintest.KeysPath + local +
		"  example_api:\n    base_url: " + w.api.URL + local
	var file struct {
		Providers map[string]provider.Override `yaml:"providers"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}

	if faults := table.CheckSettings(file.Providers); len(faults) > 0 {
		t.Fatal(faults)
	}
	if faults := provider.Default().CheckSettings(file.Providers); len(faults) != 2 {
		t.Errorf("without the rows: %v", faults)
	}

	return table.Overrides(file.Providers)
}

func (w *world) cognito(signer aws.CredentialsProvider) *ci.Client {
	return ci.New(ci.Options{
		BaseEndpoint:     &w.url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      signer,
	})
}

func (w *world) newPool(t *testing.T) string {
	t.Helper()
	in := &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("new"),
		AllowUnauthenticatedIdentities: false,

		SupportedLoginProviders: map[string]string{
			withIDTokens:     "app",
			withAccessTokens: "app",
			withSecrets:      soleSecret,
		},
	}
	signer := credentials.NewStaticCredentialsProvider("test", "test", "")
	out, err := w.cognito(signer).CreateIdentityPool(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}

	return *out.IdentityPoolId
}

func (w *world) getID(t *testing.T, key, token string) error {
	t.Helper()
	in := &ci.GetIdInput{IdentityPoolId: &w.pool, Logins: map[string]string{key: token}}
	_, err := w.cognito(aws.AnonymousCredentials{}).GetId(t.Context(), in)

	return err
}

func (w *world) assumeRole(
	t *testing.T, providerID *string, token string,
) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	t.Helper()
	client := sts.New(sts.Options{
		BaseEndpoint:     &w.url,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})

	return client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          aws.String(roleARN),
		RoleSessionName:  aws.String("s1"),
		WebIdentityToken: &token,
		ProviderId:       providerID,
	})
}

// signOut sends a logout token of the issuer (OpenID Connect Back-Channel Logout 1.0).
func (w *world) signOut(t *testing.T, subject string) int {
	t.Helper()
	const event = "http://schemas.openid.net/event/backchannel-logout"
	token := w.issuer.Key().Sign(map[string]any{"typ": "logout+jwt"}, w.issuer.Payload(map[string]any{
		"iss":    "https://" + withIDTokens,
		"aud":    "app",
		"sub":    subject,
		"jti":    "1",
		"exp":    nil,
		"events": map[string]any{event: map[string]any{}},
	}))

	address := w.url + "/backchannel-logout/" + withIDTokens
	response, err := http.PostForm(address, url.Values{"logout_token": {token}}) //nolint:noctx // of a test
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	return response.StatusCode
}

// A new provider of a known protocol is one row: its logins work in the settings, in pools,
// at STS and at sign-out.
func TestANewProviderIsOneRow(t *testing.T) {
	w := start(t)
	token := w.issuer.Token(map[string]any{
		"iss": "https://" + withIDTokens,
		"aud": "app",
		"sub": "alice",
		"iat": time.Now().Add(-time.Hour).Unix(),
	})
	w.api.AddToken("Atza|new", logintest.AmazonToken{
		Client:  "app",
		App:     "app",
		User:    "amzn1.account.ALICE",
		Expires: time.Now().Add(time.Hour),
	})

	for key, credential := range map[string]string{withIDTokens: token, withAccessTokens: "Atza|new"} {
		if err := w.getID(t, key, credential); err != nil {
			t.Errorf("GetId with %s: %v", key, err)
		}
		if err := w.getID(t, "accounts.google.com", credential); err == nil {
			t.Errorf("a credential of %s is one of Google", key)
		}
	}

	out, err := w.assumeRole(t, nil, token)
	if err != nil {
		t.Errorf("STS with an ID token: %v", err)
	} else if *out.SubjectFromWebIdentityToken != "alice" || *out.Audience != "app" {
		t.Errorf("STS proved %s for %s", *out.SubjectFromWebIdentityToken, *out.Audience)
	}
	if _, err := w.assumeRole(t, aws.String(withAccessTokens), "Atza|new"); err != nil {
		t.Errorf("STS with an access token: %v", err)
	}

	if status := w.signOut(t, "alice"); status != http.StatusOK {
		t.Fatalf("sign-out: status %d", status)
	}
	if err := w.getID(t, withIDTokens, token); err == nil {
		t.Error("GetId takes the login after the sign-out")
	}
	if _, err := w.assumeRole(t, nil, token); err == nil {
		t.Error("STS takes the login after the sign-out")
	}

	if found := w.kept(t, withSecrets); !found {
		t.Error("the database does not have the pool, so its secret proves nothing")
	}
	if w.kept(t, soleSecret) {
		t.Error("the database has a secret of an application in clear")
	}
}

// kept reports whether a file of the database holds a text.
func (w *world) kept(t *testing.T, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.folder, poolhouse.DatabaseFile+"*"))
	if err != nil {
		t.Fatal(err)
	}

	return slices.ContainsFunc(files, func(name string) bool {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(content, []byte(text))
	})
}

// Without the rows nobody knows the providers.
func TestTheDefaultTableHasNoNewRows(t *testing.T) {
	for _, row := range newRows {
		if _, known := provider.Default().ByKey(row.Key); known {
			t.Errorf("%s is known", row.Key)
		}
	}
}
