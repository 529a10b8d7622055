package provider

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// Override replaces the addresses of a login provider; the zero value changes nothing.
type Override struct {
	// BaseURL is that of the provider's API: Facebook, Amazon, Twitter, Digits, user pools.
	BaseURL string `yaml:"base_url" shown:"address"`
	// APIVersion is Facebook's version of the Graph API, e.g. v25.0.
	APIVersion string `yaml:"graph_version"`
	// VerifyPath returns the token's user: Twitter, Digits.
	VerifyPath string `yaml:"verify_path"`
	// AppSecret is the secret of the Facebook application. AppSecrets has secrets of single
	// applications by ID. Without a secret, the token itself must show its application.
	AppSecret  explain.Secret            `yaml:"app_secret"`
	AppSecrets map[string]explain.Secret `yaml:"app_secrets"`
	// LimitedLogin accepts the ID tokens of Facebook's Limited Login, too.
	LimitedLogin bool `yaml:"limited_login"`

	Issuers []string `yaml:"issuers" shown:"address"`
	JWKSURL string   `yaml:"jwks_url" shown:"address"`
	// Algorithms are the accepted signature algorithms of ID tokens; nil is RS256.
	Algorithms   []string `yaml:"-"`
	CABundle     string   `yaml:"ca_bundle" file:"certificates"` // PEM
	AllowHTTP    bool     `yaml:"allow_http"`
	AllowPrivate bool     `yaml:"allow_private"`
}

// applyTo replaces the addresses of a trust in ID tokens.
func (o Override) applyTo(t *idtoken.Rule) {
	if len(o.Issuers) > 0 {
		t.Issuers, t.JWKSURL = o.Issuers, ""
	}
	if o.JWKSURL != "" {
		t.JWKSURL = o.JWKSURL
	}
	if len(o.Algorithms) > 0 {
		t.Algorithms = o.Algorithms
	}
	o.applyPolicy(t)
}

// applyPolicy sets the rules for connections to a provider.
func (o Override) applyPolicy(t *idtoken.Rule) {
	t.CABundle, t.AllowHTTP, t.AllowPrivate = o.CABundle, o.AllowHTTP, o.AllowPrivate
}

// trust returns the trust in tokens that the provider issued to one application, as a
// pool's value or a trust policy names it. If no login of the provider can be proved, the
// error contains the reason and the fix.
func (r Row) trust(app string, o Override) (login.Trust, error) {
	if r.Ended != nil && o.BaseURL == "" {
		return login.Trust{}, r.Ended
	}
	client, secret, err := r.application(app, o)
	if err != nil {
		return login.Trust{}, err
	}

	t := login.Trust{
		Kind:      r.Kind,
		AppSecret: secret,
		Rule: idtoken.Rule{
			Provider:   r.Key,
			Audiences:  []string{client},
			Issuers:    r.Issuers,
			JWKSURL:    r.JWKSURL,
			Algorithms: r.Algorithms,
		},
	}
	if r.Kind == login.OIDC {
		o.applyTo(&t.Rule)
		return t, nil
	}

	t.BaseURL = cmp.Or(strings.TrimSuffix(o.BaseURL, "/"), r.BaseURL)
	t.APIVersion = cmp.Or(o.APIVersion, r.APIVersion)
	t.VerifyPath = cmp.Or(o.VerifyPath, r.VerifyPath)
	o.applyPolicy(&t.Rule)
	if r.IDTokens != nil && o.LimitedLogin {
		t.IDTokens = &idtoken.Rule{
			Provider:  r.Key,
			Audiences: []string{client},
			Issuers:   r.IDTokens.Issuers,
			JWKSURL:   r.IDTokens.JWKSURL,
		}
		o.applyTo(t.IDTokens)
	}

	return t, nil
}

// errNotJoined is the fault of a pool's value for a provider with SecretInPool.
var errNotJoined = errors.New("the pool's value for this provider is not a consumer key and its secret, " +
	"joined by one ; : set it to the API key and the API key secret of the application")

// application returns the ID of an application, and its secret if it is known.
func (r Row) application(app string, o Override) (client, secret string, err error) {
	switch r.Secret {
	case SecretInSettings:
		return app, string(cmp.Or(o.AppSecrets[app], o.AppSecret)), nil
	case SecretInPool:
		key, secret, joined := strings.Cut(app, ";")
		if !joined || key == "" || secret == "" || strings.Contains(secret, ";") {
			return "", "", errNotJoined
		}
		return key, secret, nil
	default:
		return app, "", nil
	}
}

// anyApp stands for a pool's application where only the settings are checked.
const anyApp = "1;1"

// checkOverrides refuses overrides of unknown providers, and those that make it impossible
// to prove a login.
func (t Table) checkOverrides(overrides map[string]Override) error {
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(overrides)) {
		row, known := t.ByKey(key)
		if !known {
			faults = append(faults, fmt.Errorf("providers: %q is not known: use %s", key, strings.Join(t.Keys(), ", ")))
			continue
		}

		trust, err := row.trust(anyApp, overrides[key])
		if err != nil && errors.Is(err, row.Ended) {
			continue
		}
		if err == nil {
			err = trust.Validate()
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("providers (%s): %w", key, err))
		}
	}

	return errors.Join(faults...)
}
