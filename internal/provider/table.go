package provider

import (
	"errors"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/login"
)

// Row is a login provider that every account has without registering it: one of
// SupportedLoginProviders. To add a provider of a known protocol, add a Row to Default.
type Row struct {
	Key     string     // in Logins, in pools and in trust policies, e.g. accounts.google.com
	Name    string     // display name, e.g. Google
	Setting string     // under providers in the settings file, e.g. google
	Kind    login.Kind // protocol

	// For ID tokens. Discovery must state the first issuer. JWKSURL "" means by discovery,
	// Algorithms nil means RS256.
	Issuers    []string
	JWKSURL    string
	Algorithms []string

	// For access tokens: the provider's API without a trailing slash, its version, and the
	// path of the request.
	BaseURL    string
	APIVersion string
	VerifyPath string

	// IDTokens are accepted besides access tokens if the settings have limited_login;
	// nil = the provider issues none.
	IDTokens *IDTokens
	Secret   SecretPlace

	// Allowed names the settings of the provider besides ca_bundle, allow_http and
	// allow_private, which all have.
	Allowed []string
	// Nicknames are names and hosts that people write instead of Key.
	Nicknames []string
	// STS has the condition keys for trust policies. Without a Client, trust policies cannot
	// name the provider by Key: it must be registered in IAM.
	STS STSNames

	// SignOutEvents: the provider signs its logout tokens and security events like its ID
	// tokens. Google's and Apple's messages have other forms, so their rows do not set it.
	SignOutEvents bool

	// Ended is the advice if the service has ended: its logins are refused unless the
	// settings name a replacement. nil = the service exists.
	Ended error
}

// IDTokens are the issuers of the ID tokens that replace access tokens, and their key set.
type IDTokens struct {
	Issuers []string
	JWKSURL string
}

// SecretPlace is the place of an application's secret.
type SecretPlace int

// The places.
const (
	NoSecret         SecretPlace = iota
	SecretInSettings             // app_secret and app_secrets; not needed to prove logins
	SecretInPool                 // the pool's value is "key;secret"
)

// STSNames are the condition keys of a provider's tokens after "Key:", at
// AssumeRoleWithWebIdentity. Access tokens come with the ProviderId Key.
type STSNames struct {
	Client string // the application that the token was issued to
	User   string // access tokens: the user; ID tokens have "sub"
}

// Names of settings in Row.Allowed.
const (
	SettingBaseURL      = "base_url"
	SettingGraphVersion = "graph_version"
	SettingVerifyPath   = "verify_path"
	SettingAppSecret    = "app_secret"
	SettingAppSecrets   = "app_secrets"
	SettingLimitedLogin = "limited_login"
	SettingIssuers      = "issuers"
	SettingJWKSURL      = "jwks_url"
)

const twitterPath = "/2/users/me" // the only user look-up in every plan at X

// Default returns the login providers of Poolhouse.
func Default() Table {
	return Table{
		{
			Key:       "accounts.google.com",
			Name:      "Google",
			Setting:   "google",
			Issuers:   []string{"https://accounts.google.com", "accounts.google.com"}, // tokens have either
			Allowed:   []string{SettingIssuers, SettingJWKSURL},
			Nicknames: []string{"google", "google.com"},
			STS:       STSNames{Client: "aud"},
		},
		{
			Key:       "appleid.apple.com",
			Name:      "Apple",
			Setting:   "apple",
			Issuers:   []string{"https://appleid.apple.com"},
			JWKSURL:   "https://appleid.apple.com/auth/keys",
			Allowed:   []string{SettingIssuers, SettingJWKSURL},
			Nicknames: []string{"apple", "apple.com"},
		},
		{
			Key:        "www.amazon.com",
			Name:       "Login with Amazon",
			Setting:    "amazon",
			Kind:       login.Amazon,
			BaseURL:    "https://api.amazon.com",
			VerifyPath: "/auth/o2/tokeninfo",
			Allowed:    []string{SettingBaseURL},
			Nicknames:  []string{"amazon", "api.amazon.com"},
			STS:        STSNames{Client: "app_id", User: "user_id"},
		},
		{
			Key:        "graph.facebook.com",
			Name:       "Facebook",
			Setting:    "facebook",
			Kind:       login.Facebook,
			BaseURL:    "https://graph.facebook.com",
			APIVersion: "v25.0",
			// Limited Login (Meta, "Validating the OIDC token"). The subject is the same
			// as with access tokens.
			IDTokens: &IDTokens{
				Issuers: []string{"https://www.facebook.com", "https://limited.facebook.com"},
				JWKSURL: "https://limited.facebook.com/.well-known/oauth/openid/jwks/",
			},
			Secret: SecretInSettings,
			Allowed: []string{
				SettingBaseURL, SettingGraphVersion, SettingAppSecret, SettingAppSecrets, SettingLimitedLogin,
				SettingIssuers, SettingJWKSURL,
			},
			Nicknames: []string{"facebook", "facebook.com", "limited.facebook.com"},
			STS:       STSNames{Client: "app_id", User: "id"},
		},
		{
			Key:        "api.twitter.com",
			Name:       "X",
			Setting:    "twitter",
			Kind:       login.Twitter,
			BaseURL:    "https://api.twitter.com",
			VerifyPath: twitterPath,
			Secret:     SecretInPool,
			Allowed:    []string{SettingBaseURL, SettingVerifyPath},
			Nicknames:  []string{"twitter", "twitter.com", "x.com", "api.x.com"},
		},
		{
			Key:        "www.digits.com",
			Name:       "Digits",
			Setting:    "digits",
			Kind:       login.Twitter,
			VerifyPath: twitterPath,
			Secret:     SecretInPool,
			Allowed:    []string{SettingBaseURL, SettingVerifyPath},
			Ended: errors.New("the Digits service ended in 2017: sign these users in through another provider, " +
				"or set base_url for digits in the settings to a service that answers like X's API"),
		},
	}
}

// Table lists the login providers that every account has. It must not be changed.
type Table []Row

func (t Table) find(match func(*Row) bool) (Row, bool) {
	for i := range t {
		if match(&t[i]) {
			return t[i], true
		}
	}

	return Row{}, false
}

// ByKey returns the provider of a Logins key.
func (t Table) ByKey(key string) (Row, bool) {
	return t.find(func(r *Row) bool { return r.Key == key })
}

// BySetting returns the provider with a name in the settings file.
func (t Table) BySetting(name string) (Row, bool) {
	return t.find(func(r *Row) bool { return r.Setting == name })
}

// ByIssuer returns the provider that issues ID tokens under an issuer's name.
func (t Table) ByIssuer(issuer string) (Row, bool) {
	return t.find(func(r *Row) bool { return r.Kind == login.OIDC && slices.Contains(r.Issuers, issuer) })
}

// byNickname returns the Logins key that a name or host probably means; "" = none.
func (t Table) byNickname(name string) string {
	name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "www.")
	row, _ := t.find(func(r *Row) bool { return slices.Contains(r.Nicknames, name) })
	return row.Key
}

// Keys returns the Logins keys, sorted.
func (t Table) Keys() []string { return t.sorted(func(r Row) string { return r.Key }) }

// Settings returns the names in the settings file, sorted.
func (t Table) Settings() []string { return t.sorted(func(r Row) string { return r.Setting }) }

func (t Table) sorted(name func(Row) string) []string {
	names := make([]string, 0, len(t))
	for _, row := range t {
		names = append(names, name(row))
	}
	slices.Sort(names)

	return names
}

// AtSTS returns the providers whose access tokens AssumeRoleWithWebIdentity accepts, with
// their Key as ProviderId.
func (t Table) AtSTS() []string {
	var keys []string
	for _, row := range t {
		if row.Kind != login.OIDC && row.STS.Client != "" {
			keys = append(keys, row.Key)
		}
	}

	return keys
}
