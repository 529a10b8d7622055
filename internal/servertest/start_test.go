package servertest_test

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The root key's secret can be seen once only, so a start that fails must not
// have made it.
func TestFailedFirstStartMakesNoKey(t *testing.T) {
	c := poolhouse.Config{DataDir: t.TempDir(), IssuerURL: "https://id.example", TokenAlgorithm: "ES256"}
	bad := c
	bad.Roles = []poolhouse.RoleConfig{{ARN: "nope"}}
	if _, err := poolhouse.New(t.Context(), bad); err == nil {
		t.Fatal("a start with a bad role worked")
	}

	var account string
	for _, wantKey := range []bool{true, false} {
		server := wiretest.Must(poolhouse.New(t.Context(), c))(t)
		key, made, err := server.FirstKey(t.Context())
		if err != nil || made != wantKey {
			t.Errorf("FirstKey = %t, %v, want %t", made, err, wantKey)
		}
		if made {
			account = key.Account
		}
		wiretest.Equal(t, "account", server.Account(), account)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Roles of the settings are of the server's own account, whether the settings name it
// or the database does. The message names the one.
func TestRolesOfAnotherAccount(t *testing.T) {
	const own, other = "111111111111", "222222222222"
	role := func(account string) poolhouse.RoleConfig {
		return poolhouse.RoleConfig{
			ARN: "arn:aws:iam::" + account + ":role/a/Files",
			TrustPolicy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + own +
				`"},"Action":"sts:AssumeRole"}}`,
		}
	}

	for _, named := range []bool{true, false} {
		c := poolhouse.Config{
			DataDir:        t.TempDir(),
			IssuerURL:      "https://id.example",
			TokenAlgorithm: "ES256",
			Account:        own,
		}
		server := wiretest.Must(poolhouse.New(t.Context(), c))(t)
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if !named {
			c.Account = ""
		}

		c.Roles = []poolhouse.RoleConfig{role(own)}
		server = wiretest.Must(poolhouse.New(t.Context(), c))(t)
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}

		c.Roles = []poolhouse.RoleConfig{role(own), role(other)}
		c.Roles[0].ARN += "Too"
		server, err := poolhouse.New(t.Context(), c)
		if err == nil {
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
			t.Fatal("the server starts with a role of another account")
		}

		for _, want := range []string{"roles[1].arn", own, other, "arn:aws:iam::" + own + ":role/a/Files",
			"account_id"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("account named in the settings: %t: the error lacks %q: %v", named, want, err)
			}
		}

		if strings.Contains(err.Error(), "roles[0]") {
			t.Errorf("the error blames the role of the server's own account: %v", err)
		}
	}
}

// Development starts with such roles, and warns.
func TestRolesOfAnotherAccountInDevelopment(t *testing.T) {
	var log bytes.Buffer
	server := wiretest.Must(poolhouse.New(t.Context(), poolhouse.Config{
		Dev:       true,
		IssuerURL: "http://127.0.0.1:1",
		Logger:    slog.New(slog.NewTextHandler(&log, nil)),
		Roles: []poolhouse.RoleConfig{{
			ARN: "arn:aws:iam::222222222222:role/Files",
			TrustPolicy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},` +
				`"Action":"sts:AssumeRole"}}`,
		}},
	}))(t)
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "222222222222, but this server's account is "+poolhouse.DevAccount) {
		t.Errorf("the log has no warning: %s", &log)
	}
}

func TestConfigValidate(t *testing.T) {
	for name, c := range map[string]poolhouse.Config{
		"account":        {Account: "1"},
		"region":         {Region: "datacenter-frankfurt-1"},
		"algorithm":      {TokenAlgorithm: "HS256"},
		"pool algorithm": {PoolAlgorithms: map[string]string{"us-east-1:x": "RS384"}},
		"guest policy":   {GuestPolicy: "none"},
		"built-in name":  {GuestPolicy: "builtin:guest"},
		"no statement":   {GuestPolicy: `{"Version":"2012-10-17"}`},
		"long policy":    {GuestPolicy: wiretest.GuestPolicy("s3:GetObject", strings.Repeat(" ", 2048))},
		"pool's guests": {
			PoolGuestPolicies: map[string]string{"us-east-1:11111111-2222-3333-4444-555555555555": "{}"},
		},
		"no pool's": {PoolGuestPolicies: map[string]string{"us-east-1:x": "off"}},
		"role":      {Roles: []poolhouse.RoleConfig{{ARN: "nope"}}},
		"provider":  {Providers: map[string]poolhouse.ProviderOverride{"accounts.example": {}}},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%s: no fault found", name)
		}
	}

	if err := new(poolhouse.Config).Validate(); err != nil {
		t.Errorf("nothing set: %v", err)
	}
}

// A production server does not know the development key, not even when somebody
// adds it to the database while it serves.
func TestDevelopmentKeyAddedLater(t *testing.T) {
	p := wiretest.StartProduction(t)
	wiretest.Must(p.Keys.Import(t.Context(), poolhouse.DevAccessKeyID, poolhouse.DevSecretAccessKey,
		iam.NewAccessKey{Account: identitypool.AccountID(p.Account())}))(t)
	_, err := p.Admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	wiretest.WantError(t, err, "UnrecognizedClientException", "")
	wiretest.Must(p.Root.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)}))(t)
}

// What is for development only is not there in production.
func TestNothingOfDevelopmentInProduction(t *testing.T) {
	p := wiretest.StartProduction(t)
	paths := []string{"/", devissuer.Path + "/.well-known/openid-configuration", devissuer.Path + "/jwks",
		devapi.Prefix, devapi.Prefix + "dev/",
		"/us-east-1_Abc/.well-known/jwks.json"}
	paths = append(paths, devissuer.Navigations()...)
	for _, path := range []string{"/token", "/userinfo", "/sign-in", "/sign-out", "/device_authorization"} {
		paths = append(paths, devissuer.Path+path)
	}
	for _, route := range wiretest.Start(t).DevRoutes() {
		_, path, _ := strings.Cut(route, " ")
		paths = append(paths, path)
	}
	if len(paths) < 8 {
		t.Fatalf("the paths of development are %v", paths)
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, p.URL+path,
				strings.NewReader(`{"sub":"alice"}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept", "text/html") // the page at / is for browsers
			request.Header.Set("Content-Type", "application/json")
			if got := wiretest.Do(t, request); got.Status == http.StatusOK || strings.Contains(got.Body, "eyJ") ||
				strings.Contains(got.Body, poolhouse.DevAudience) {
				t.Errorf("%s %s = %d %s", method, path, got.Status, got.Body)
			}
		}
	}

	for _, operation := range []string{"InitiateAuth", "SignUp", "CreateUserPool", "Nothing"} {
		got := wiretest.Do(t, wiretest.JSONCall(t, p.URL, "AWSCognitoIdentityProviderService."+operation, "{}"))
		if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "UnknownOperationException") ||
			!strings.Contains(got.Body, "cognito-idp") || !strings.Contains(got.Body, "user_pools") {
			t.Errorf("%s = %d %s", operation, got.Status, got.Body)
		}
	}
	if pools := p.DevUserPools(1); pools != nil {
		t.Errorf("DevUserPools = %+v", pools)
	}

	if info, there := p.DevInfo(); there {
		t.Errorf("DevInfo = %+v", info)
	}
	if users := p.DevUsers(); users != nil {
		t.Errorf("DevUsers = %+v", users.List())
	}
	if routes := p.DevRoutes(); routes != nil {
		t.Errorf("DevRoutes = %v", routes)
	}
	if clients := p.DevClients(); clients != nil {
		t.Errorf("DevClients = %+v", clients.IDs())
	}
	if p.DevClock() != nil || p.DevFaults() != nil || p.DevCalls() != nil || p.DevSeeder() != nil {
		t.Error("the clock, the faults, the calls or the seeder of development are there")
	}
	if err := p.DevReset(t.Context(), true); err == nil {
		t.Error("DevReset works")
	}
	if pools, err := p.DevPools(t.Context(), 1); err == nil {
		t.Errorf("DevPools = %+v", pools)
	}
	if former := p.FormerDevIssuer(); former != "" {
		t.Errorf("FormerDevIssuer = %q", former)
	}
	for _, pinned := range []string{
		"us-east-1:11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-555555555555", "no ID",
	} {
		pool := wiretest.Must(
			p.Root.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
				IdentityPoolName: aws.String("p"),
				IdentityPoolTags: map[string]string{"_custom_id_": pinned},
			}),
		)(t)
		if strings.Contains(*pool.IdentityPoolId, pinned) || pool.IdentityPoolTags["_custom_id_"] != pinned {
			t.Errorf("the pinned ID is no ordinary tag: pool %s, tags %v", *pool.IdentityPoolId, pool.IdentityPoolTags)
		}
	}

	_, err := poolhouse.New(t.Context(),
		poolhouse.Config{DataDir: t.TempDir(), IssuerURL: "https://id.example", AcceptUnknownRoles: true})
	if err == nil || !strings.Contains(err.Error(), "accepting unknown roles is for development only") {
		t.Errorf("AcceptUnknownRoles without Dev: %v", err)
	}
}

// A development server whose tokens name another address than it listens on verifies them without
// reaching that address, and publishes documents with the name.
func TestDevIssuerOfAnotherName(t *testing.T) {
	const name = "http://poolhouse.invalid:4599"
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DevEndpoint, c.IssuerURL = c.IssuerURL, name
		c.DevHosts = nil
	})
	info := wiretest.DevInfo(s)
	wiretest.Equal(t, "endpoint", info.Endpoint, s.URL)
	wiretest.Equal(t, "issuer", info.Issuer, name+"/dev-issuer")
	wiretest.Equal(t, "login key", info.LoginKey, "poolhouse.invalid:4599/dev-issuer")

	pool := s.NewPool(t)
	logins := s.Logins(t, "alice")
	alice := s.GetID(t, pool, logins)
	wiretest.Equal(t, "the identity at the second call", s.GetID(t, pool, logins), alice)

	token := wiretest.Must(s.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &alice, Logins: logins}))(t)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(*token.Token, ".")[1])
	if err != nil || !strings.Contains(string(payload), `"iss":"`+name+`"`) {
		t.Errorf("the Cognito token has %s, %v", payload, err)
	}

	for path, want := range map[string]string{
		"/.well-known/openid-configuration":                  `"issuer":"` + name + `"`,
		devissuer.Path + "/.well-known/openid-configuration": `"jwks_uri":"` + name + `/dev-issuer/jwks"`,
		poolhouse.DevInfoPath:                                `"endpoint":"` + s.URL + `"`,
	} {
		if got := s.Get(t, path); got.Status != http.StatusOK || !strings.Contains(got.Body, want) {
			t.Errorf("%s: %d %s, want %s", path, got.Status, got.Body, want)
		}
	}

	// The name is one that the server answers to, without another setting.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "poolhouse.invalid:4599"
	wiretest.Equal(t, "status by the issuer's name", wiretest.Do(t, request).Status, http.StatusOK)
}

// A data folder whose issuer had another name is warned of.
func TestDevIssuerChangesItsName(t *testing.T) {
	var log bytes.Buffer
	c := poolhouse.Config{
		Dev:       true,
		DataDir:   t.TempDir(),
		IssuerURL: "http://127.0.0.1:4599",
		Logger:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	start := func() string {
		t.Helper()
		log.Reset()
		server := wiretest.Must(poolhouse.New(t.Context(), c))(t)
		keys := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/dev-issuer/jwks", nil)
		server.ServeHTTP(httptest.NewRecorder(), keys) // waits until the key is made
		if err := server.Close(); err != nil {
			t.Error(err)
		}

		return log.String()
	}

	for range 2 {
		if text := start(); strings.Contains(text, "issuer") {
			t.Errorf("the same name is warned of: %s", text)
		}
	}
	c.IssuerURL = "http://poolhouse:4599"
	if text := start(); !strings.Contains(text, "its users get new identities") ||
		!strings.Contains(text, "--issuer-url http://127.0.0.1:4599") {
		t.Errorf("another name is not warned of: %s", text)
	}
}
