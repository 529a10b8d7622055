package idtoken_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// azp, when present, decides alone; else every aud must be accepted.
func TestAuthorizedPartyRule(t *testing.T) {
	const own, other, foreign = logintest.Audience, "second-client", "foreign-client"

	for _, c := range []struct {
		aud, azp any
		client   string // "" is refused
		check    string
	}{
		{own, nil, own, ""},
		{[]string{own}, nil, own, ""},
		{[]string{other, own}, nil, other, ""},
		{own, own, own, ""},
		{foreign, own, own, ""}, // Google's mobile applications: azp is the client, aud its back end
		{[]string{foreign, own}, own, own, ""},
		{own, other, other, ""},
		{foreign, nil, "", "token audience"},
		{[]string{own, foreign}, nil, "", "token audience"},
		{own, foreign, "", "token authorized party"},
		{[]string{own, other}, foreign, "", "token authorized party"},
		{own, own + " ", "", "token authorized party"},
		{own, strings.ToUpper(own), "", "token authorized party"},
		{own, true, "", "token authorized party"},
	} {
		t.Run(fmt.Sprintf("aud %v azp %v", c.aud, c.azp), func(t *testing.T) {
			f := newFixture(t, nil)
			f.trust.Audiences = []string{own, other}
			token := f.issuer.Token(map[string]any{"aud": c.aud, "azp": c.azp})

			if c.client == "" {
				f.refuses(t, f.trust, token, c.check, idtoken.MessageWrongAudience)
				return
			}

			if got := f.accepts(t, token); got.Audience != c.client {
				t.Errorf("Audience = %q, want %q", got.Audience, c.client)
			}
		})
	}
}

// Each algorithm passes where the registration lists it, and nowhere else; a
// registration that lists none accepts RS256 alone.
func TestAlgorithmAllowList(t *testing.T) {
	algorithms := []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384,
		jose.ES512, jose.EdDSA,
	}
	f := newFixture(t, nil)
	tokens := map[jose.SignatureAlgorithm]string{}
	for _, algorithm := range algorithms {
		k := logintest.NewKey(t, algorithm)
		f.issuer.Add(k)
		tokens[algorithm] = k.Sign(nil, f.issuer.Payload(nil))
	}

	for _, signed := range algorithms {
		try := func(trust idtoken.Rule, listed bool) {
			t.Helper()
			if !listed {
				f.refuses(t, trust, tokens[signed], "signature algorithm", idtoken.MessageBadSignature)
			} else if _, _, err := f.verify(t, trust, tokens[signed]); err != nil {
				t.Errorf("%s: %v", signed, err)
			}
		}
		try(f.trust, signed == jose.RS256)

		for _, listed := range algorithms {
			trust := f.trust
			trust.Algorithms = []string{string(listed)}
			try(trust, signed == listed)
		}

		others := f.trust
		for _, listed := range algorithms {
			if listed != signed {
				others.Algorithms = append(others.Algorithms, string(listed))
			}
		}
		try(others, false) // though it passed before, and its key is held
		all := f.trust
		all.Algorithms = append([]string{string(signed)}, others.Algorithms...)
		try(all, true)
	}
}

// Google writes its issuer in two ways; both are Google, and neither is anybody else.
func TestGoogleSpellings(t *testing.T) {
	s := newSecure(t, nil)
	s.issuer.URL = "https://accounts.google.com"
	s.net.name("accounts.google.com", publicAddress)
	s.net.serve(t, publicAddress+":443", s.ca.leaf(t, "accounts.google.com").server(), s.issuer)

	s.trust.Issuers = []string{"https://accounts.google.com", "accounts.google.com"}
	for _, spelling := range s.trust.Issuers {
		if got := s.accepts(t, s.issuer.Token(map[string]any{"iss": spelling})); got.Issuer != spelling {
			t.Errorf("Issuer = %q, want %q", got.Issuer, spelling)
		}
	}

	for _, spelling := range []string{"http://accounts.google.com", "https://accounts.google.com/",
		"Accounts.google.com", "accounts.google.com.evil.test", "//accounts.google.com"} {
		s.refuses(t, s.trust, s.issuer.Token(map[string]any{"iss": spelling}), "token issuer",
			idtoken.MessageIssuerMismatch)
	}

	other := s.trust
	other.Issuers = []string{"https://issuer.test"}
	for _, spelling := range s.trust.Issuers {
		s.refuses(t, other, s.issuer.Token(map[string]any{"iss": spelling}), "token issuer",
			idtoken.MessageIssuerMismatch)
	}
}

// Issuers that differ only in their path are different issuers with keys of
// their own, as the realms and tenants of one host are.
func TestPathIssuers(t *testing.T) {
	host := newFixture(t, nil)

	base := host.issuer.URL
	realms := map[string]*logintest.Issuer{}
	trusts := map[string]idtoken.Rule{}
	for _, path := range []string{"/realms/a", "/realms/b", "/realms/A", "/realms/a/b", "/realms/a%2Fb"} {
		realm := logintest.NewIssuerAt(t, base+path)
		realm.SetNow(host.Now)
		realms[path] = realm
		trust := host.trust
		trust.Issuers = []string{realm.URL}
		trusts[path] = trust
	}

	for _, decoded := range []string{"/realms/a", "/realms/b", "/realms/A", "/realms/a/b"} {
		for _, tail := range []string{logintest.DiscoveryPath, logintest.KeysPath} {
			host.issuer.Answer(decoded+tail, func(w http.ResponseWriter, r *http.Request) {
				path, found := strings.CutSuffix(r.URL.EscapedPath(), tail)
				realm := realms[path]
				if !found || realm == nil {
					http.NotFound(w, r)
					return
				}
				r.URL.Path, r.URL.RawPath = tail, ""
				realm.ServeHTTP(w, r)
			})
		}
	}

	for registered, trust := range trusts {
		for signed, realm := range realms {
			_, _, err := host.verify(t, trust, realm.Token(nil))
			if (err == nil) != (registered == signed) {
				t.Errorf("token of %s under %s: %v", signed, registered, err)
			}
			// A realm that claims to be another one has other keys.
			if signed != registered {
				host.refuses(t, trust, realm.Token(map[string]any{"iss": trust.Issuers[0]}), "signing key",
					idtoken.MessageBadSignature)
			}
		}
	}

	// A realm's discovery document that names another realm gives no keys.
	host.issuer.Answer("/realms/c"+logintest.DiscoveryPath,
		text(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, base+"/realms/a", base+"/realms/a/jwks.json")))
	host.trust.Issuers = []string{base + "/realms/c"}
	host.unavailable(t, realms["/realms/a"].Token(map[string]any{"iss": base + "/realms/c"}))
}

// The slash that ends an issuer belongs to it: with and without are two
// issuers, whichever is registered.
func TestTrailingSlashIsPartOfTheIssuer(t *testing.T) {
	for _, path := range []string{"", "/tenant"} {
		for _, slash := range []string{"", "/"} {
			t.Run(path+slash, func(t *testing.T) {
				f := newFixture(t, nil)
				base := f.issuer.URL + path
				f.trust.Issuers = []string{base + slash}
				f.issuer.Answer(path+logintest.DiscoveryPath,
					text(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, base+slash, f.issuer.URL+keys)))
				f.accepts(t, f.issuer.Token(map[string]any{"iss": base + slash}))

				for _, iss := range []string{base, base + "/", base + "//"} {
					if iss != base+slash {
						f.refuses(t, f.trust, f.issuer.Token(map[string]any{"iss": iss}), "token issuer",
							idtoken.MessageIssuerMismatch)
					}
				}

				// Nor does a discovery document in the other spelling do.
				g := newFixture(t, nil)
				wrong := map[string]string{"": "/", "/": ""}[slash]
				g.trust.Issuers = []string{g.issuer.URL + path + slash}
				g.issuer.Answer(path+logintest.DiscoveryPath,
					text(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, g.issuer.URL+path+wrong, g.issuer.URL+keys)))
				g.unavailable(t, g.issuer.Token(map[string]any{"iss": g.issuer.URL + path + slash}))
			})
		}
	}
}

// A registration with two CA bundles' worth of providers keeps them apart: the
// authority of one provider does not vouch for another.
func TestPrivateAuthorityIsPerProvider(t *testing.T) {
	s := newSecure(t, nil)
	foreign := newAuthority(t, nil)
	other := logintest.NewIssuerAt(t, "https://other.test")
	other.SetNow(s.Now)
	s.net.name("other.test", "93.184.215.15")
	s.net.serve(t, "93.184.215.15:443", foreign.leaf(t, "other.test").server(), other)
	s.accepts(t, s.issuer.Token(nil))
	trust := s.trust
	trust.Issuers = []string{other.URL}
	s.trust = trust
	s.unavailable(t, other.Token(nil)) // under the first provider's authority
	s.trust.CABundle = string(foreign.pem())
	s.accepts(t, other.Token(nil))
}
