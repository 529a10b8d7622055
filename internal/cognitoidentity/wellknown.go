package cognitoidentity

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// wellKnown are the providers of SupportedLoginProviders. A provider is one
// line here: how its trust is made. What differs is data.
var wellKnown = map[string]trustMaker{
	// Google states both issuers, with and without scheme.
	identitypool.Google:   idTokens("", googleIssuers...),
	identitypool.Apple:    idTokens("https://appleid.apple.com/auth/keys", "https://appleid.apple.com"),
	identitypool.Facebook: facebook("https://graph.facebook.com", "v25.0"),
	identitypool.Amazon:   accessTokens(login.Amazon, "https://api.amazon.com", "/auth/o2/tokeninfo"),
	identitypool.Twitter:  consumerKeys("https://api.twitter.com", twitterPath),
	identitypool.Digits:   consumerKeys("", twitterPath), // the service ended in 2017
}

// trustMaker makes a provider's trust from the application that a pool is
// configured with and what the settings replace. The error says why this
// provider's logins cannot be verified, and what to change.
type trustMaker func(app string, o ProviderOverride) (login.Trust, error)

var googleIssuers = []string{"https://accounts.google.com", "accounts.google.com"}

// idTokens is a provider of OpenID Connect ID tokens. The first issuer is the
// one that discovery states; keys "" means by discovery.
func idTokens(keys string, issuers ...string) trustMaker {
	return func(app string, o ProviderOverride) (login.Trust, error) {
		t := login.Trust{Rule: idtoken.Rule{Issuers: issuers, JWKSURL: keys, Audiences: []string{app}}}
		override(&t.Rule, o)
		return t, nil
	}
}

// accessTokens is a provider of access tokens that its API at base judges.
func accessTokens(kind login.Kind, base, path string) trustMaker {
	return func(app string, o ProviderOverride) (login.Trust, error) {
		t := login.Trust{
			Kind:       kind,
			Rule:       idtoken.Rule{Audiences: []string{app}},
			BaseURL:    cmp.Or(o.BaseURL, base),
			VerifyPath: cmp.Or(o.VerifyPath, path),
		}
		override(&t.Rule, o)
		return t, nil
	}
}

// Where Facebook's Limited Login says that its ID tokens come from (Meta,
// "Validating the OIDC token"). The subject is the same as with access tokens.
const limitedLoginKeys = "https://limited.facebook.com/.well-known/oauth/openid/jwks/"

var limitedLoginIssuers = []string{"https://www.facebook.com", "https://limited.facebook.com"}

// facebook takes access tokens and, where the settings say so, the ID tokens of
// Limited Login.
func facebook(base, version string) trustMaker {
	limited := idTokens(limitedLoginKeys, limitedLoginIssuers...)
	return func(app string, o ProviderOverride) (login.Trust, error) {
		t := login.Trust{
			Kind:       login.Facebook,
			Rule:       idtoken.Rule{Audiences: []string{app}},
			BaseURL:    cmp.Or(o.BaseURL, base),
			APIVersion: cmp.Or(o.APIVersion, version),
			AppSecret:  cmp.Or(o.AppSecrets[app], o.AppSecret),
		}
		t.CABundle, t.AllowHTTP, t.AllowPrivate = string(o.CABundle), o.AllowHTTP, o.AllowPrivate
		if o.LimitedLogin {
			ids, err := limited(app, o)
			if err != nil {
				return login.Trust{}, err
			}
			ids.Provider = identitypool.Facebook
			t.IDTokens = &ids.Rule
		}
		return t, nil
	}
}

const twitterPath = "/2/users/me" // the one user look-up that every plan at X has

var errDigits = errors.New("the Digits service ended in 2017: sign these users in through another provider, or set base_url for digits in the settings to a service that answers like X's API")

// consumerKeys is a provider of OAuth 1.0a tokens. Pools hold "key;secret".
func consumerKeys(base, path string) trustMaker {
	signed := accessTokens(login.Twitter, base, path)
	return func(app string, o ProviderOverride) (login.Trust, error) {
		if base == "" && o.BaseURL == "" {
			return login.Trust{}, errDigits
		}
		key, secret, joined := strings.Cut(app, ";")
		if !joined || key == "" || secret == "" || strings.Contains(secret, ";") {
			return login.Trust{}, errors.New("the pool's value for this provider is not a consumer key and its secret, joined by one ; : set it to the API key and the API key secret of the application")
		}
		t, err := signed(key, o)
		t.AppSecret = secret
		return t, err
	}
}

// AppTrust is the trust in tokens that a provider with a fixed name, such as
// graph.facebook.com, issued to one application, with the settings' override.
func AppTrust(provider, app string, o ProviderOverride) (login.Trust, error) {
	makeTrust, known := wellKnown[provider]
	if !known {
		return login.Trust{}, fmt.Errorf("login provider %q is not known", provider)
	}
	t, err := makeTrust(app, o)
	t.Provider = provider
	return t, err
}

// Opaque reports whether the tokens under a Logins key do not say when they were
// issued: those that only their provider can judge, and our own.
func Opaque(provider string) bool {
	makeTrust, known := wellKnown[provider]
	if !known {
		return identitypool.IsServiceName(provider)
	}
	t, err := makeTrust(anyApp, ProviderOverride{})
	return errors.Is(err, errDigits) || t.Kind != login.OIDC
}

// CheckProviders refuses overrides of unknown providers, and those with which
// no login could be verified.
func CheckProviders(overrides map[string]ProviderOverride) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		makeTrust, known := wellKnown[name]
		if !known {
			faults = append(faults, fmt.Errorf("providers: %q is not known: use %s", name,
				strings.Join(slices.Sorted(maps.Keys(wellKnown)), ", ")))
			continue
		}
		t, err := makeTrust(anyApp, overrides[name])
		if errors.Is(err, errDigits) {
			continue
		}
		if err == nil {
			err = t.Validate()
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("providers (%s): %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// anyApp stands for a pool's application where only the settings are looked at.
const anyApp = "1;1"
