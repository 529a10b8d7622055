package iam

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// OIDCProviderConfig describes the registration of one OpenID Connect issuer.
type OIDCProviderConfig struct {
	Account identitypool.AccountID `yaml:"-"` // "" = Config.Account
	// URL is the issuer, https://…, exactly as its tokens have it in iss.
	URL string `yaml:"url" shown:"address"`
	// ClientIDs are the accepted audiences, at least one.
	ClientIDs []string `yaml:"client_ids"`
	// Thumbprints are SHA-1 of certificates, 40 hexadecimal characters each.
	Thumbprints        []string `yaml:"thumbprints"`
	EnforceThumbprints bool     `yaml:"enforce_thumbprints"`
	// Algorithms are the accepted signature algorithms; nil = RS256.
	Algorithms []string `yaml:"allowed_algs"`
	// DiscoveryURL is URL/.well-known/openid-configuration if it is "".
	DiscoveryURL string `yaml:"discovery_url" shown:"address"`
	// JWKSURL replaces discovery.
	JWKSURL string `yaml:"jwks_url" shown:"address"`
	// CABundle has PEM certificates to trust instead of the system's.
	CABundle string `yaml:"ca_bundle" file:"certificates"`
	// AllowHTTP accepts URLs without TLS; for development only.
	AllowHTTP bool `yaml:"allow_http"`
	// AllowPrivate accepts loopback and private addresses.
	AllowPrivate bool `yaml:"allow_private"`
	// Development marks the issuer of `poolhouse dev`, which no settings register.
	Development bool `yaml:"-"`
	// MoreClientIDs returns client IDs besides ClientIDs, which seeds add while the server runs;
	// nil = none. For development only.
	MoreClientIDs func() []string `yaml:"-"`
}

// OIDCProvider is the registration of an OpenID Connect issuer. Its slices are
// shared: do not change them.
type OIDCProvider struct {
	ARN                string
	URL                string
	Account            identitypool.AccountID
	ClientIDs          []string
	Thumbprints        []string // lower case
	Algorithms         []string // nil = RS256
	DiscoveryURL       string
	JWKSURL            string
	CABundle           []byte // PEM; nil = system roots
	AllowHTTP          bool
	AllowPrivate       bool
	EnforceThumbprints bool
	InSettings         bool   // registered in the settings file, not through the IAM API
	Setting            string // its place there, such as oidc_providers[0]; "" = it has none
	Development        bool   // registered by the program, for `poolhouse dev`

	moreClientIDs func() []string // nil = none
}

// withMore returns the provider with the client IDs that it has at the moment.
func (p OIDCProvider) withMore() OIDCProvider {
	if p.moreClientIDs != nil {
		p.ClientIDs = slices.Concat(p.ClientIDs, p.moreClientIDs())
	}
	return p
}

// Limits of a provider (IAM API reference, CreateOpenIDConnectProvider; IAM
// quotas).
const (
	maxProviderURL   = 255
	maxClientIDs     = 100
	maxClientID      = 255
	maxThumbprints   = 5
	maxOIDCProviders = 100 // in an account
	maxCABundleBytes = 256 << 10
	maxLoginsKey     = 128 // API model of identity pools, IdentityProviderName
)

var (
	thumbprintPattern = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)

	// Symmetric algorithms and "none" must not be here: whoever can verify such a
	// token can forge one.
	signatureAlgorithms = []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	}
)

// newOIDCProvider checks c and adds its faults to f.
func newOIDCProvider(c OIDCProviderConfig, partition string, f *faults) OIDCProvider {
	if problem, fix := checkURL(c.URL, c.AllowHTTP); problem != "" {
		f.add(".url", explain.ShownAddress(c.URL), problem, fix)
	} else {
		f.entry = c.URL
	}
	if !isAccount(string(c.Account)) {
		f.add(".account", string(c.Account), "is not an account", "use 12 digits")
	}

	for _, u := range []struct{ member, value string }{{".discovery_url", c.DiscoveryURL}, {".jwks_url", c.JWKSURL}} {
		if u.value == "" {
			continue
		}
		if problem, fix := checkURL(u.value, c.AllowHTTP); problem != "" {
			f.add(u.member, explain.ShownAddress(u.value), problem, fix)
		}
	}
	if c.DiscoveryURL != "" && c.JWKSURL != "" {
		f.add(".discovery_url", explain.ShownAddress(c.DiscoveryURL), "is never asked, as jwks_url is set",
			"leave one of them out")
	}

	checkClientIDs(c.ClientIDs, f)

	for i, a := range c.Algorithms {
		if !slices.Contains(signatureAlgorithms, a) {
			f.add(entry(".allowed_algs", i), a, "is not an accepted signature algorithm",
				"use one of "+strings.Join(signatureAlgorithms, ", "))
		}
	}

	p := OIDCProvider{
		ARN:                OIDCProviderARN(partition, c.Account, c.URL),
		URL:                c.URL,
		Account:            c.Account,
		ClientIDs:          slices.Clone(c.ClientIDs),
		Algorithms:         slices.Clone(c.Algorithms),
		DiscoveryURL:       c.DiscoveryURL,
		JWKSURL:            c.JWKSURL,
		AllowHTTP:          c.AllowHTTP,
		AllowPrivate:       c.AllowPrivate,
		EnforceThumbprints: c.EnforceThumbprints,
		InSettings:         true,
		Development:        c.Development,
		moreClientIDs:      c.MoreClientIDs,
	}

	p.Thumbprints = checkThumbprints(c, f)
	if c.CABundle != "" {
		p.CABundle = []byte(c.CABundle)
		if problem := checkCABundle(p.CABundle); problem != "" {
			f.add(".ca_bundle", "", problem, "give PEM certificates")
		}
	}

	return p
}

// checkURL returns the problem of an issuer's or a key set's URL, and its fix; "" if
// it has none.
func checkURL(text string, allowHTTP bool) (problem, fix string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "is missing", "give the issuer's URL"
	case len(text) > maxProviderURL:
		return fmt.Sprintf("has %d characters", len(text)), fmt.Sprintf("%d are allowed", maxProviderURL)
	case err != nil || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "is not a URL", "write it as the provider's tokens have it in iss"
	case u.Scheme == "http" && !allowHTTP:
		return "has no TLS", "use https, or set allow_http for development"
	case u.Scheme != "https" && u.Scheme != "http":
		return "does not begin with https://", "write it as the provider's tokens have it in iss"
	case u.Host == "" || u.Hostname() == "":
		return "names no host", "write it as the provider's tokens have it in iss"
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "has a user, a query or a fragment", "leave only scheme, host and path"
	}

	return "", ""
}

func checkClientIDs(ids []string, f *faults) {
	if len(ids) == 0 {
		f.add(".client_ids", "", "is empty: no token could be accepted",
			"list the client IDs (aud or azp of the tokens)")
	}
	if len(ids) > maxClientIDs {
		f.add(".client_ids", strconv.Itoa(len(ids))+" entries", "are too many",
			fmt.Sprintf("%d are allowed", maxClientIDs))
	}

	for i, id := range ids {
		if id == "" || len(id) > maxClientID {
			f.add(entry(".client_ids", i), id, "has the wrong length",
				fmt.Sprintf("use 1 to %d characters", maxClientID))
		} else if slices.Contains(ids[:i], id) {
			f.add(entry(".client_ids", i), id, "is listed twice", "remove one")
		}
	}
}

func checkThumbprints(c OIDCProviderConfig, f *faults) []string {
	var list []string
	for i, t := range c.Thumbprints {
		if !thumbprintPattern.MatchString(t) {
			f.add(entry(".thumbprints", i), t, "is not a certificate's SHA-1 thumbprint",
				"use 40 hexadecimal characters without colons")
		}
		list = append(list, strings.ToLower(t))
	}

	if len(list) > maxThumbprints {
		f.add(".thumbprints", strconv.Itoa(len(list))+" entries", "are too many",
			fmt.Sprintf("%d are allowed", maxThumbprints))
	}
	if c.EnforceThumbprints && len(list) == 0 {
		f.add(".enforce_thumbprints", "true", "refuses every certificate, as there are no thumbprints",
			"list thumbprints, or remove it")
	}
	if c.EnforceThumbprints &&
		slices.ContainsFunc([]string{c.URL, c.DiscoveryURL, c.JWKSURL}, func(u string) bool {
			return strings.HasPrefix(u, "http:")
		}) {
		f.add(".enforce_thumbprints", "true", "cannot hold without TLS",
			"use https for url, discovery_url and jwks_url, or remove it")
	}

	return list
}

func checkCABundle(bundle []byte) (problem string) {
	if len(bundle) > maxCABundleBytes {
		return fmt.Sprintf("has %d bytes, %d are allowed", len(bundle), maxCABundleBytes)
	}

	n := 0
	for rest := bundle; ; n++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			if strings.Contains(string(rest), "-----BEGIN") {
				return "has a PEM block that cannot be read"
			}
			break
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Sprintf("has a PEM block of type %q", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Sprintf("certificate %d cannot be read: %v", n+1, err)
		}
	}
	if n == 0 {
		return "has no certificate"
	}

	return ""
}
