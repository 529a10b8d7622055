package idtoken_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
)

func TestCompareIssuers(t *testing.T) {
	const (
		keycloak = "https://idp.example/realms/x"
		local    = "http://127.0.0.1:8080/realms/x"
	)
	for _, test := range []struct {
		named, registered string
		near              idtoken.Nearness
		difference        string
	}{
		{keycloak, keycloak, idtoken.SameIssuer, ""},
		{keycloak + "/", keycloak, idtoken.OtherSpelling, "by the slash at the end"},
		{keycloak, keycloak + "/", idtoken.OtherSpelling, "by the slash at the end"},
		{"https://idp.example/realms/X", keycloak, idtoken.OtherSpelling, "in letter case"},
		{"https://IDP.example/realms/x", keycloak, idtoken.OtherSpelling, "in letter case"},
		{"HTTPS://idp.example/realms/x", keycloak, idtoken.OtherSpelling, "in letter case"},
		{"https://Idp.example/realms/x/", keycloak, idtoken.OtherSpelling,
			"by the slash at the end and in letter case"},
		{"http://idp.example/realms/x", keycloak, idtoken.OtherSpelling, "in the scheme (http, registered https)"},
		{"idp.example/realms/x", keycloak, idtoken.OtherSpelling, "in the scheme (none, registered https)"},
		{"https://idp.example:443/realms/x", keycloak, idtoken.OtherSpelling,
			"by the default port, which only one of them has"},
		{"https://idp.example:8443/realms/x", keycloak, idtoken.OtherSpelling, "in the port (8443, registered none)"},
		{"https://idp.example./realms/x", keycloak, idtoken.OtherSpelling, "by the dot after the host"},
		{"http://localhost:8080/realms/x", local, idtoken.OtherSpelling,
			"in the host (localhost, registered 127.0.0.1)"},
		{"http://[::1]:8080/realms/x", local, idtoken.OtherSpelling, "in the host (::1, registered 127.0.0.1)"},
		{"http://0.0.0.0:8080/realms/x", local, idtoken.OtherSpelling, "in the host (0.0.0.0, registered 127.0.0.1)"},
		{
			"https://LOCALHOST:8081/realms/x/", local, idtoken.OtherSpelling,
			"in the scheme (https, registered http) and in the host (LOCALHOST, registered 127.0.0.1) and " +
				"in the port (8081, registered 8080) and by the slash at the end",
		},
		{"http://localhost/realms/x", "https://localhost/realms/x", idtoken.OtherSpelling,
			"in the scheme (http, registered https)"},

		// Logins keys have no scheme.
		{"localhost:4599/dev-issuer", "127.0.0.1:4599/dev-issuer", idtoken.OtherSpelling,
			"in the host (localhost, registered 127.0.0.1)"},
		{"Accounts.google.com", "accounts.google.com", idtoken.OtherSpelling, "in letter case"},
		{"[::1]/x", "localhost/x", idtoken.OtherSpelling, "in the host (::1, registered localhost)"},

		{"https://idp.example/realms/y", keycloak, idtoken.OtherPath, "in the path (/realms/y, registered /realms/x)"},
		{"https://idp.example", keycloak, idtoken.OtherPath, "in the path (none, registered /realms/x)"},
		{"https://idp.example/realms/x?", keycloak, idtoken.OtherPath,
			"in the path (/realms/x?, registered /realms/x)"},
		{
			"http://localhost:8080/realms/y", local, idtoken.OtherPath,
			"in the host (localhost, registered 127.0.0.1) and in the path (/realms/y, registered /realms/x)",
		},

		{"https://idp.example.evil.test/realms/x", keycloak, idtoken.OtherIssuer, ""},
		{"https://a@idp.example/realms/x", keycloak, idtoken.OtherIssuer, ""},
		{"http://10.0.0.1:8080/realms/x", local, idtoken.OtherIssuer, ""},
		{"", keycloak, idtoken.OtherIssuer, ""},
		{"\x00\n://[", keycloak, idtoken.OtherIssuer, ""},
	} {
		near, difference := idtoken.CompareIssuers(test.named, test.registered)
		if near != test.near || difference != test.difference {
			t.Errorf("%q and %q: %d %q, want %d %q", test.named, test.registered, near, difference, test.near,
				test.difference)
		}
	}
}

// A token of an issuer that is nearly the registered one is refused with the difference,
// and with the place where this kind of provider is registered.
func TestNearIssuersAreExplained(t *testing.T) {
	const arn = "arn:aws:iam::000000000000:oidc-provider/x"
	for name, test := range map[string]struct {
		iss      func(url string) string
		register func(*idtoken.Rule)
		code     explain.Code
		got      string
		fix      []string
		not      string // in the fix
	}{
		"slash, in the settings": {
			iss:      func(url string) string { return url + "/" },
			register: func(t *idtoken.Rule) { t.Registered(arn, "oidc_providers[0]") },
			code:     "token-issuer-spelling",
			got:      "differs only by the slash at the end",
			fix:      []string{"exactly as it writes its iss", "oidc_providers"},
			not:      "OpenIDConnectProvider",
		},
		"host, through the API": {
			iss:      func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) },
			register: func(t *idtoken.Rule) { t.Registered(arn, "") },
			code:     "token-issuer-spelling",
			got:      "in the host (localhost, registered 127.0.0.1)",
			fix:      []string{"CreateOpenIDConnectProvider"},
			not:      "oidc_providers",
		},
		"scheme, through the API that takes https only": {
			iss: func(url string) string { return url },
			register: func(t *idtoken.Rule) {
				t.Registered(arn, "")
				t.Issuers = []string{strings.Replace(t.Issuers[0], "http:", "https:", 1)}
				t.AllowHTTP = false
			},
			code: "token-issuer-spelling",
			got:  "in the scheme (http, registered https)",
			fix:  []string{"https:// only", "allow_http"},
			not:  "CreateOpenIDConnectProvider",
		},
		"user pool": {
			iss:      strings.ToUpper,
			register: func(*idtoken.Rule) {},
			code:     "token-issuer-spelling",
			got:      "in letter case",
			fix:      []string{"issuers"},
			not:      "oidc_providers",
		},
		"the nearest of several": {
			iss:      func(url string) string { return url + "/" },
			register: func(t *idtoken.Rule) { t.Issuers = append([]string{"https://other.test"}, t.Issuers...) },
			code:     "token-issuer-spelling",
			got:      "by the slash at the end",
			fix:      []string{"exactly as it writes its iss"},
		},
		"another realm": {
			iss:      func(url string) string { return url + "/realms/b" },
			register: func(t *idtoken.Rule) { t.Registered(arn, "oidc_providers[0]") },
			code:     "token-issuer-path",
			got:      "in the path (/realms/b, registered none)",
			fix:      []string{"realm, tenant or user pool"},
			not:      "oidc_providers",
		},
		"somebody else": {
			iss:      func(string) string { return "https://evil.test" },
			register: func(t *idtoken.Rule) { t.Registered(arn, "oidc_providers[0]") },
			code:     "token-issuer",
			got:      "https://evil.test",
			fix:      []string{"under the Logins key of the provider that issued it"},
			not:      "oidc_providers",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, noNetwork(t))
			test.register(&f.trust)
			token := f.issuer.Token(map[string]any{"iss": test.iss(f.issuer.URL)})
			refused := f.refusal(t, f.trust, token, "token issuer", idtoken.MessageIssuerMismatch)
			if refused.Reason.Code != test.code || !strings.Contains(refused.Got, test.got) {
				t.Errorf("%s: %s", refused.Reason.Code, refused.Got)
			}

			for _, part := range test.fix {
				if !strings.Contains(refused.Fix, part) {
					t.Errorf("the fix %q lacks %q", refused.Fix, part)
				}
			}
			if test.not != "" && strings.Contains(refused.Fix, test.not) {
				t.Errorf("the fix %q has %q", refused.Fix, test.not)
			}
			if link := refused.Link; link != nil &&
				(!strings.HasPrefix(link.ID, strings.TrimSuffix(arn, "x")) && link.ID != "oidc_providers[0].url" ||
					link.Add == "") {
				t.Errorf("the link is %+v", link)
			}
		})
	}
}

// Advice for a client that is not accepted names where this kind of provider has its
// clients, and nothing that is in place.
func TestAdviceForClients(t *testing.T) {
	const arn = "arn:aws:iam::000000000000:oidc-provider/x"
	for name, test := range map[string]struct {
		register  func(*idtoken.Rule)
		fix, not  string
		kind, src string
	}{
		"settings": {
			register: func(t *idtoken.Rule) { t.Registered(arn, "oidc_providers[0]") },
			fix:      "to client_ids of the provider in oidc_providers of the settings",
			not:      "AddClientID",
			kind:     explain.LinkSetting,
			src:      explain.SourceFile,
		},
		"API": {
			register: func(t *idtoken.Rule) { t.Registered(arn, "") },
			fix:      "AddClientIDToOpenIDConnectProvider",
			not:      "oidc_providers",
			kind:     explain.LinkOIDCProvider,
			src:      explain.SourceAPI,
		},
		"pool": {register: func(*idtoken.Rule) {}, fix: "to the provider in the identity pool", not: "oidc_providers"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, noNetwork(t))
			test.register(&f.trust)
			token := f.issuer.Token(map[string]any{"aud": "another-client"})
			refused := f.refusal(t, f.trust, token, "token audience", idtoken.MessageWrongAudience)
			if !strings.Contains(refused.Fix, test.fix) || strings.Contains(refused.Fix, test.not) {
				t.Errorf("the fix is %q", refused.Fix)
			}

			var link explain.Link
			if refused.Link != nil {
				link = *refused.Link
			}

			if link.Kind != test.kind || link.Source != test.src || link.Kind != "" && link.Add != "another-client" {
				t.Errorf("the link is %+v", link)
			}
		})
	}
}

// What advice proposes to add is exactly what the token has, or nothing if people could not read it.
func TestAdviceProposesExactValues(t *testing.T) {
	const arn = "arn:aws:iam::000000000000:oidc-provider/x"
	long := strings.Repeat("a", 200)
	for client, add := range map[string]string{
		"an app": "an app", long: long, "a\u200bb": "", "a\u202eb": "", strings.Repeat("a", 300): "",
	} {
		f := newFixture(t, noNetwork(t))
		f.trust.Registered(arn, "")
		token := f.issuer.Token(map[string]any{"aud": client})
		refused := f.refusal(t, f.trust, token, "token audience", idtoken.MessageWrongAudience)
		if l := refused.Link; l == nil || l.ID != arn || l.Field != "ClientIDList" || l.Add != add {
			t.Errorf("%q: the link is %+v", client, l)
		}
	}

	for _, path := range []string{"\u200b", "/" + strings.Repeat("a", 300)} {
		f := newFixture(t, noNetwork(t))
		f.trust.Registered(arn, "")
		f.trust.AllowHTTP = true
		token := f.issuer.Token(map[string]any{"iss": f.issuer.URL + path})
		refused := f.refusal(t, f.trust, token, "token issuer", idtoken.MessageIssuerMismatch)
		if refused.Link != nil {
			t.Errorf("%q: the link is %+v", path, refused.Link)
		}
	}
}
