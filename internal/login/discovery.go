package login

import (
	"errors"
	"fmt"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"strings"
)

const (
	wellKnown         = "/.well-known/openid-configuration"
	maxDiscoveryDepth = 8
)

// discoveryURL is where a provider describes itself (OpenID Connect Discovery
// 1.0 section 4: a slash that ends the issuer is dropped first).
func discoveryURL(t *Trust) string {
	if t.DiscoveryURL != "" {
		return t.DiscoveryURL
	}
	return strings.TrimSuffix(t.Issuers[0], "/") + wellKnown
}

// parseDiscovery returns the address of a provider's keys. The document must
// name the registered issuer exactly (section 4.3), or it may be another
// provider's; its keys may be on another host, as they are at real providers,
// but under the same rules for connecting.
func parseDiscovery(body []byte, issuer string, allowHTTP bool) (string, error) {
	document, err := parseObject(body, maxDiscoveryDepth, "jwks_uri")
	if err != nil {
		return "", fmt.Errorf("the discovery document is %w", err)
	}
	if stated, _ := document["issuer"].(string); stated != issuer {
		return "", fmt.Errorf("the discovery document states the issuer %s, not %s", explain.Shown(document["issuer"]), explain.ShownText(issuer))
	}
	address, isString := document["jwks_uri"].(string)
	if !isString {
		return "", errors.New("the discovery document has no jwks_uri")
	}
	if _, err := checkURL(address, allowHTTP); err != nil {
		return "", fmt.Errorf("the discovery document's jwks_uri: %w", err)
	}
	return address, nil
}
