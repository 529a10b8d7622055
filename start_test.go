package poolhouse_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
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
// or the database does. The message says which that is.
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
	for _, path := range []string{poolhouse.DevInfoPath, poolhouse.DevTokenPath, "/",
		issuer.DevPath + "/.well-known/openid-configuration"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, p.URL+path,
				strings.NewReader(`{"sub":"alice"}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Accept", "text/html") // the page at / is for browsers
			if got := wiretest.Do(t, request); got.Status == http.StatusOK || strings.Contains(got.Body, "eyJ") ||
				strings.Contains(got.Body, poolhouse.DevAudience) {
				t.Errorf("%s %s = %d %s", method, path, got.Status, got.Body)
			}
		}
	}

	if info, there := p.DevInfo(); there {
		t.Errorf("DevInfo = %+v", info)
	}
	if users := p.DevUsers(); users != nil {
		t.Errorf("DevUsers = %+v", users.List())
	}
	if pools, err := p.DevPools(t.Context(), 1); err == nil {
		t.Errorf("DevPools = %+v", pools)
	}
	if err := p.SeedIdentities(t.Context(), nil); err == nil {
		t.Error("SeedIdentities works")
	}
	const pinned = "us-east-1:11111111-2222-3333-4444-555555555555"
	pool := wiretest.Must(
		p.Root.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String("p"),
			IdentityPoolTags: map[string]string{"_custom_id_": pinned},
		}),
	)(t)
	if *pool.IdentityPoolId == pinned || pool.IdentityPoolTags["_custom_id_"] != pinned {
		t.Errorf("the pinned ID is no ordinary tag: pool %s, tags %v", *pool.IdentityPoolId, pool.IdentityPoolTags)
	}

	_, err := poolhouse.New(t.Context(),
		poolhouse.Config{DataDir: t.TempDir(), IssuerURL: "https://id.example", AcceptUnknownRoles: true})
	if err == nil || !strings.Contains(err.Error(), "accepting unknown roles is for development only") {
		t.Errorf("AcceptUnknownRoles without Dev: %v", err)
	}
}
