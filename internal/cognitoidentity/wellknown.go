package cognitoidentity

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// wellKnown are the providers of SupportedLoginProviders. A provider is one
// line here: how its trust is made. What differs is data.
var wellKnown = map[string]trustMaker{
	// Google states both issuers, with and without scheme.
	identitypool.Google: idTokens("", googleIssuers...),
	identitypool.Apple:  idTokens("https://appleid.apple.com/auth/keys", "https://appleid.apple.com"),
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
		t := login.Trust{Issuers: issuers, JWKSURL: keys, Audiences: []string{app}}
		override(&t, o)
		return t, nil
	}
}

// CheckProviders refuses overrides of unknown providers, and those with which
// no login could be verified.
func CheckProviders(overrides map[string]ProviderOverride) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		makeTrust, known := wellKnown[name]
		if !known {
			faults = append(faults, fmt.Errorf("login provider %q is not known: use %s", name,
				strings.Join(slices.Sorted(maps.Keys(wellKnown)), ", ")))
			continue
		}
		t, err := makeTrust(anyApp, overrides[name])
		if err == nil {
			err = t.Validate()
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("login provider %s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// anyApp stands for a pool's application where only the settings are looked at.
const anyApp = "1;1"
