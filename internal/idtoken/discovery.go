package idtoken

import (
	"errors"
	"fmt"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

const (
	wellKnown         = "/.well-known/openid-configuration"
	maxDiscoveryDepth = 8
)

// discoveryURL returns the address of a provider's discovery document (OpenID
// Connect Discovery 1.0 section 4: a slash that ends the issuer is dropped first).
func discoveryURL(r *Rule) string {
	if r.DiscoveryURL != "" {
		return r.DiscoveryURL
	}
	return strings.TrimSuffix(r.Issuers[0], "/") + wellKnown
}

// parseDiscovery returns the address of a provider's keys. The document must
// name the registered issuer exactly (section 4.3), or it may be another
// provider's. The keys may be on another host, as they are at real providers;
// the same rules for connecting apply there.
func parseDiscovery(body []byte, issuer string, allowHTTP bool) (string, error) {
	document, err := outbound.ParseObject(body, maxDiscoveryDepth, "jwks_uri")
	if err != nil {
		return "", fmt.Errorf("the discovery document is %w", err)
	}
	if stated, _ := document["issuer"].(string); stated != issuer {
		return "", fmt.Errorf("the discovery document states the issuer %s, not %s",
			explain.Shown(document["issuer"]), explain.ShownText(issuer))
	}

	address, isString := document["jwks_uri"].(string)
	if !isString {
		return "", errors.New("the discovery document has no jwks_uri")
	}
	if _, err := outbound.CheckURL(address, allowHTTP); err != nil {
		return "", fmt.Errorf("the discovery document's jwks_uri: %w", err)
	}

	return address, nil
}
