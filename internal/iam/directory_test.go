package iam

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	account = "123456789012"
	appARN  = "arn:aws:iam::123456789012:role/app"

	trustPool = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"},
		"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}}]}`
	trustPoolNoAMR = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"}}}]}`
	trustAnyPool = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity"}]}`
	allowRead = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:Describe*",` +
		`"Resource":"*"}]}`
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func role(arn string) RoleConfig { return RoleConfig{ARN: arn, TrustPolicy: trustPool} }

func provider(url string) OIDCProviderConfig {
	return OIDCProviderConfig{URL: url, ClientIDs: []string{"client"}}
}

func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}

	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestDirectory(t *testing.T) {
	bundle := certificate(t)
	d, err := NewDirectory(Config{
		Account: account,
		Roles: []RoleConfig{
			{
				ARN:                 "arn:aws:iam::123456789012:role/team/writer",
				TrustPolicy:         trustPool,
				MaxSessionSeconds:   43200,
				Policies:            map[string]string{"b": allowAll, "a": allowRead},
				PermissionsBoundary: allowRead,
			},
			role(appARN),
			role("arn:aws:iam::999999999999:role/app"),
		},
		OIDCProviders: []OIDCProviderConfig{
			{
				URL:                "https://login.example/realms/App/",
				ClientIDs:          []string{"a", "b"},
				Thumbprints:        []string{strings.Repeat("AB", 20)},
				Algorithms:         []string{"ES256"},
				JWKSURL:            "https://login.example/j",
				CABundle:           bundle,
				EnforceThumbprints: true,
				AllowPrivate:       true,
			},
			{URL: "http://127.0.0.1:8080", ClientIDs: []string{"a"}, AllowHTTP: true, Account: "999999999999"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()

	r, err := d.RoleOf(ctx, "arn:aws:iam::123456789012:role/team/writer")
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "writer" || r.Path != "/team/" || r.Account != account || r.MaxSession != 12*time.Hour {
		t.Errorf("Role = %+v", r)
	}
	if len(r.Policies) != 2 || r.Policies[0].String() != allowRead || r.Boundary.String() != allowRead ||
		r.Trust.String() != trustPool {
		t.Errorf("the role's policies are not those of the settings, in the order of their names")
	}
	if !regexp.MustCompile(`^AROA[A-Z2-7]{17}$`).MatchString(r.ID) {
		t.Errorf("role ID %q", r.ID)
	}

	app, err := d.RoleOf(ctx, appARN)
	if err != nil || app.MaxSession != time.Hour || app.ID == r.ID || app.ID != RoleID(appARN) {
		t.Errorf("Role(%s) = %+v, %v", appARN, app, err)
	}

	for _, arn := range []string{
		"arn:aws:iam::123456789012:role/writer",
		"arn:aws:iam::123456789012:role/App",
		"arn:aws:iam::111111111111:role/app",
		"",
	} {
		if _, err := d.RoleOf(ctx, arn); !errors.Is(err, ErrNotFound) {
			t.Errorf("Role(%q) = %v, want ErrNotFound", arn, err)
		}
	}

	roles, err := d.Roles(ctx, account)
	if err != nil || len(roles) != 2 || roles[0].Name != "app" || roles[1].Name != "writer" {
		t.Errorf("Roles = %+v, %v", roles, err)
	}

	p, err := d.OIDCProvider(ctx, "arn:aws:iam::123456789012:oidc-provider/login.example/realms/App/")
	if err != nil {
		t.Fatal(err)
	}
	if p.URL != "https://login.example/realms/App/" || p.Thumbprints[0] != strings.Repeat("ab", 20) ||
		string(p.CABundle) != bundle ||
		!p.EnforceThumbprints || !p.AllowPrivate || p.AllowHTTP || p.Algorithms[0] != "ES256" || len(p.ClientIDs) != 2 {
		t.Errorf("OIDCProvider = %+v", p)
	}

	if _, err := d.OIDCProvider(
		ctx, "arn:aws:iam::123456789012:oidc-provider/login.example/realms/App",
	); !errors.Is(err, ErrNotFound) {
		t.Errorf("without its trailing slash: %v, want ErrNotFound", err)
	}
	if p, err = d.OIDCProvider(
		ctx, "arn:aws:iam::999999999999:oidc-provider/127.0.0.1:8080",
	); err != nil || p.Account != "999999999999" {
		t.Errorf("the other account's OIDCProvider = %+v, %v", p, err)
	}
	if w := d.Warnings(); len(w) != 1 || !strings.Contains(w[0], "oidc_providers[1]") {
		t.Errorf("Warnings = %q, want one about the provider without TLS", w)
	}
}

func TestDirectoryWarnsOfTrustWithoutAMR(t *testing.T) {
	d, err := NewDirectory(Config{Roles: []RoleConfig{role(appARN), {ARN: appARN + "2", TrustPolicy: trustPoolNoAMR}}})
	if err != nil {
		t.Fatal(err)
	}
	if w := d.Warnings(); len(w) != 1 || !strings.Contains(w[0], "roles[1]") ||
		!strings.Contains(w[0], "cognito-identity.amazonaws.com:amr") {
		t.Errorf("Warnings = %q", w)
	}
}

func TestDirectoryWarnsOfProvidersThatNoPoolCanName(t *testing.T) {
	for length, warns := range map[int]bool{128: false, 129: true} {
		url := "https://login.example/" + strings.Repeat("a", length-len("login.example/"))
		d, err := NewDirectory(Config{Account: account, OIDCProviders: []OIDCProviderConfig{provider(url)}})
		if err != nil {
			t.Fatal(err)
		}
		if w := d.Warnings(); (len(w) == 1 && strings.Contains(w[0], "oidc_providers[0]") &&
			strings.Contains(w[0], "128 characters")) != warns {
			t.Errorf("a key of %d characters: %q", length, w)
		}
	}
}

func TestDirectoryHoldsAHundredProvidersOfEachAccount(t *testing.T) {
	c := Config{Account: account}
	for i := range 100 {
		c.OIDCProviders = append(c.OIDCProviders, provider(fmt.Sprintf("https://%d.example", i)))
		other := provider(fmt.Sprintf("https://%d.example", i))
		other.Account = "999999999999"
		c.OIDCProviders = append(c.OIDCProviders, other)
	}

	d, err := NewDirectory(c)
	if err != nil {
		t.Fatal(err)
	}

	for _, owner := range []string{account, "999999999999"} {
		if _, err := d.OIDCProvider(t.Context(), "arn:aws:iam::"+owner+":oidc-provider/99.example"); err != nil {
			t.Error(err)
		}
	}
	c.OIDCProviders = append(c.OIDCProviders, provider("https://one-more.example"))
	if _, err := NewDirectory(c); err == nil || !strings.Contains(err.Error(), "more than 100 OIDC providers") {
		t.Errorf("101 providers: %v", err)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	with := func(change func(*RoleConfig)) Config {
		r := role(appARN)
		change(&r)
		return Config{Account: account, Roles: []RoleConfig{r}}
	}
	withProvider := func(change func(*OIDCProviderConfig)) Config {
		p := provider("https://login.example")
		change(&p)
		return Config{Account: account, OIDCProviders: []OIDCProviderConfig{p}}
	}
	for _, tc := range []struct {
		name   string
		config Config
		want   []string
	}{
		{"role ARN", with(func(r *RoleConfig) {
			r.ARN = "app"
		}), []string{`roles[0].arn = "app"`, "arn:PARTITION:iam::ACCOUNT:role/NAME"}},
		{"no trust policy", with(func(r *RoleConfig) {
			r.TrustPolicy = ""
		}), []string{"roles[0].trust_policy (" + appARN + "): is missing"}},
		{"trust policy that is no JSON", with(func(r *RoleConfig) {
			r.TrustPolicy = "{"
		}), []string{"roles[0].trust_policy", "before it is complete"}},
		{"trust policy without principal", with(func(r *RoleConfig) {
			r.TrustPolicy = allowAll
		}), []string{"Statement[0]: a trust policy needs a Principal"}},
		{"trust in any pool", with(func(r *RoleConfig) {
			r.TrustPolicy = trustAnyPool
		}), []string{
			"roles[0].trust_policy",
			"A condition block must be present for the Cognito provider",
			`"cognito-identity.amazonaws.com:aud": "REGION:POOL"`,
		}},
		{"inline policy", with(func(r *RoleConfig) {
			r.Policies = map[string]string{"p": trustPool}
		}), []string{`roles[0].policies["p"]`, "only a trust policy has a Principal"}},
		{"inline policy name", with(func(r *RoleConfig) {
			r.Policies = map[string]string{"p q": allowAll}
		}), []string{`roles[0].policies = "p q"`}},
		{"boundary", with(func(r *RoleConfig) {
			r.PermissionsBoundary = "[]"
		}), []string{"roles[0].permissions_boundary", "must be an object"}},
		{"session too short", with(func(r *RoleConfig) {
			r.MaxSessionSeconds = 3599
		}), []string{`roles[0].max_session_duration = "3599"`, "3600 to 43200 seconds"}},
		{"session too long", with(func(r *RoleConfig) { r.MaxSessionSeconds = 43201 }), []string{`"43201"`}},
		{"session negative", with(func(r *RoleConfig) { r.MaxSessionSeconds = -1 }), []string{`"-1"`}},
		{"the same role twice", Config{Roles: []RoleConfig{role(appARN), role(appARN)}}, []string{
			"roles[1].arn", "names the same role as roles[0]",
		}},
		{
			"the same name in another case and path",
			Config{Roles: []RoleConfig{role(appARN), role("arn:aws:iam::123456789012:role/x/APP")}},
			[]string{"names the same role as roles[0]"},
		},

		{"provider without TLS", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "http://login.example"
		}), []string{`oidc_providers[0].url = "http://login.example"`, "has no TLS", "allow_http"}},
		{"provider without scheme", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "login.example"
		}), []string{"does not begin with https://"}},
		{"provider of another scheme", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "file:///etc/passwd"
		}), []string{"does not begin with https://"}},
		{"provider without host", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "https:///x"
		}), []string{"names no host"}},
		{"provider with a port alone", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "https://:443/x"
		}), []string{"names no host"}},
		{"provider with a user", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "https://a:secret@login.example"
		}), []string{`"https://xxxxx@login.example"`, "has a user, a query or a fragment"}},
		{"provider with a query", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "https://login.example?x"
		}), []string{"has a user, a query or a fragment"}},
		{"provider with a fragment", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "https://login.example#"
		}), []string{"has a user, a query or a fragment"}},
		{"provider with a blank", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "https://login.example/a b"
		}), []string{"is not a URL"}},
		{"provider too long", withProvider(func(p *OIDCProviderConfig) {
			p.URL = "https://login.example/" + strings.Repeat("a", 255)
		}), []string{"255 are allowed"}},
		{"provider missing", withProvider(func(p *OIDCProviderConfig) {
			p.URL = ""
		}), []string{"oidc_providers[0].url: is missing"}},
		{"provider account", withProvider(func(p *OIDCProviderConfig) {
			p.Account = "1"
		}), []string{`oidc_providers[0].account = "1"`, "12 digits"}},
		{"no client", withProvider(func(p *OIDCProviderConfig) {
			p.ClientIDs = nil
		}), []string{"oidc_providers[0].client_ids (https://login.example): is empty"}},
		{"empty client", withProvider(func(p *OIDCProviderConfig) {
			p.ClientIDs = []string{"a", ""}
		}), []string{"client_ids[1]", "1 to 255"}},
		{"client twice", withProvider(func(p *OIDCProviderConfig) {
			p.ClientIDs = []string{"a", "a"}
		}), []string{"client_ids[1]", "is listed twice"}},
		{"too many clients", withProvider(func(p *OIDCProviderConfig) {
			p.ClientIDs = nil
			for i := range 101 {
				p.ClientIDs = append(p.ClientIDs, fmt.Sprint(i))
			}
		}), []string{"100 are allowed"}},
		{"symmetric algorithm", withProvider(func(p *OIDCProviderConfig) {
			p.Algorithms = []string{"HS256"}
		}), []string{`allowed_algs[0] = "HS256"`, "use one of RS256"}},
		{"no algorithm at all", withProvider(func(p *OIDCProviderConfig) {
			p.Algorithms = []string{"none"}
		}), []string{`allowed_algs[0] = "none"`}},
		{"thumbprint with colons", withProvider(func(p *OIDCProviderConfig) {
			p.Thumbprints = []string{"AB:CD"}
		}), []string{`thumbprints[0] = "AB:CD"`, "40 hexadecimal"}},
		{"too many thumbprints", withProvider(func(p *OIDCProviderConfig) {
			for range 6 {
				p.Thumbprints = append(p.Thumbprints, strings.Repeat("a", 40))
			}
		}), []string{"5 are allowed"}},
		{"nothing to enforce", withProvider(func(p *OIDCProviderConfig) {
			p.EnforceThumbprints = true
		}), []string{"refuses every certificate"}},
		{"nothing to enforce it on", withProvider(func(p *OIDCProviderConfig) {
			p.URL, p.AllowHTTP, p.EnforceThumbprints, p.Thumbprints = "http://login.example", true, true,
				[]string{strings.Repeat("a", 40)}
		}), []string{"cannot hold without TLS"}},
		{"nothing to enforce it on for the keys", withProvider(func(p *OIDCProviderConfig) {
			p.JWKSURL, p.AllowHTTP, p.EnforceThumbprints, p.Thumbprints = "http://keys.example", true, true,
				[]string{strings.Repeat("a", 40)}
		}), []string{"cannot hold without TLS"}},
		{"nothing to enforce it on for discovery", withProvider(func(p *OIDCProviderConfig) {
			p.DiscoveryURL, p.AllowHTTP, p.EnforceThumbprints, p.Thumbprints = "http://keys.example", true, true,
				[]string{strings.Repeat("a", 40)}
		}), []string{"cannot hold without TLS"}},
		{"discovery beside a key set", withProvider(func(p *OIDCProviderConfig) {
			p.DiscoveryURL, p.JWKSURL = "https://login.example/d", "https://login.example/k"
		}), []string{"oidc_providers[0].discovery_url", "is never asked", "leave one of them out"}},
		{"discovery without TLS", withProvider(func(p *OIDCProviderConfig) {
			p.DiscoveryURL = "http://login.example"
		}), []string{"oidc_providers[0].discovery_url", "has no TLS"}},
		{"key set that is no URL", withProvider(func(p *OIDCProviderConfig) {
			p.JWKSURL = "keys.json"
		}), []string{"oidc_providers[0].jwks_url"}},
		{"bundle of nothing", withProvider(func(p *OIDCProviderConfig) {
			p.CABundle = "none"
		}), []string{"ca_bundle", "has no certificate"}},
		{"bundle of a key", withProvider(func(p *OIDCProviderConfig) {
			p.CABundle = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
		}), []string{`type "PRIVATE KEY"`}},
		{"bundle that is cut", withProvider(func(p *OIDCProviderConfig) {
			p.CABundle = certificate(t) + "-----BEGIN CERTIFICATE-----\nAAAA"
		}), []string{"cannot be read"}},
		{"bundle of a broken certificate", withProvider(func(p *OIDCProviderConfig) {
			p.CABundle = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
		}), []string{"certificate 1 cannot be read"}},
		{"bundle too long", withProvider(func(p *OIDCProviderConfig) {
			p.CABundle = strings.Repeat("a", 1<<19)
		}), []string{"are allowed"}},
		{"the same provider twice", Config{Account: account, OIDCProviders: []OIDCProviderConfig{
			provider("https://login.example"),
			{URL: "http://login.example", AllowHTTP: true, ClientIDs: []string{"a"}},
		}}, []string{"oidc_providers[1].url", "is the same provider as oidc_providers[0]"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := NewDirectory(tc.config)
			if err == nil || d != nil {
				t.Fatalf("NewDirectory = %v, %v, want an error", d, err)
			}

			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
			if n := strings.Count(err.Error(), "\n"); n != 0 {
				t.Errorf("one fault, %d lines:\n%v", n+1, err)
			}
			if _, ok := errors.AsType[*SettingError](err); !ok {
				t.Errorf("%T is no *SettingError", err)
			}
		})
	}
}

func TestDirectoryReportsAllFaultsTogether(t *testing.T) {
	_, err := NewDirectory(Config{
		Account: account,
		Roles: []RoleConfig{
			{ARN: "x", TrustPolicy: "{", MaxSessionSeconds: 1}, role(appARN), {ARN: appARN + "2"},
		},
		OIDCProviders: []OIDCProviderConfig{{}},
	})
	if err == nil {
		t.Fatal("accepted")
	}

	for _, want := range []string{
		"roles[0].arn", "roles[0].trust_policy", "roles[0].max_session_duration", "roles[2].trust_policy",
		"oidc_providers[0].url", "oidc_providers[0].client_ids",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %s:\n%v", want, err)
		}
	}
}
