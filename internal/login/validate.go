package login

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"maps"
	"slices"
	"strings"
)

// Validate reports every fault that would make the trust refuse all logins, or
// keep its provider from being asked, so that a registration can be refused
// instead of each login. The error names the setting, its value and the fix.
func (t Trust) Validate() error {
	var faults []error
	fault := func(field, value, fix string) {
		faults = append(faults, fmt.Errorf("%s %s: %s", field, value, fix))
	}
	if _, known := protocols[t.Kind]; !known {
		fault("kind", explain.ShownText(string(t.Kind)), "leave it empty for OpenID Connect")
	}
	if t.Kind != OIDC {
		t.validateAPI(fault)
		return errors.Join(faults...)
	}
	if len(t.Issuers) == 0 || slices.Contains(t.Issuers, "") {
		fault("issuers", explain.Shown(anyList(t.Issuers)), "name the provider's issuer, as it stands in the iss claim")
	}
	if len(t.Audiences) == 0 || slices.Contains(t.Audiences, "") {
		fault("client_ids", explain.Shown(anyList(t.Audiences)), "name at least one client ID")
	}
	if t.Algorithms != nil && len(t.Algorithms) == 0 {
		fault("allowed_algs", "[]", "leave it out for RS256, or name at least one")
	}
	for _, algorithm := range t.Algorithms {
		if _, supported := algorithms[algorithm]; !supported {
			fault("allowed_algs", explain.ShownText(algorithm), "use "+strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
		}
	}
	t.validateAddresses(fault)
	if t.EnforceThumbprints && len(t.Thumbprints) == 0 {
		fault("thumbprints", "[]", "register one, or do not enforce thumbprints")
	}
	for _, thumbprint := range t.Thumbprints {
		if raw, err := hex.DecodeString(thumbprint); err != nil || len(raw) != 20 || strings.ToLower(thumbprint) != thumbprint {
			fault("thumbprints", explain.ShownText(thumbprint), "give the certificate's SHA-1 as 40 lower-case hexadecimal digits")
		}
	}
	if len(t.CABundle) > 0 && !x509.NewCertPool().AppendCertsFromPEM(t.CABundle) {
		fault("ca_bundle", fmt.Sprintf("(%d bytes)", len(t.CABundle)), "give PEM certificates")
	}
	return errors.Join(faults...)
}

// validateAPI checks what access tokens are judged by.
func (t Trust) validateAPI(fault func(field, value, fix string)) {
	if len(t.Audiences) == 0 || slices.Contains(t.Audiences, "") {
		fault("client_ids", explain.Shown(anyList(t.Audiences)), "name the application")
	}
	var failed *fetchError
	if _, err := checkURL(t.BaseURL, t.AllowHTTP); errors.As(err, &failed) {
		fault("base_url", failed.what, failed.fix)
	} else if strings.ContainsAny(t.BaseURL, "?#") || strings.HasSuffix(t.BaseURL, "/") {
		fault("base_url", explain.ShownText(t.BaseURL), "leave out the query and the last slash")
	}
	if t.VerifyPath != "" && (t.VerifyPath[0] != '/' || strings.ContainsAny(t.VerifyPath, "?#")) {
		fault("verify_path", explain.ShownText(t.VerifyPath), "begin with a slash, and leave out the query")
	}
	if strings.ContainsAny(t.APIVersion, "/?#") {
		fault("graph_version", explain.ShownText(t.APIVersion), "write it like v25.0")
	}
	if len(t.CABundle) > 0 && !x509.NewCertPool().AppendCertsFromPEM(t.CABundle) {
		fault("ca_bundle", fmt.Sprintf("(%d bytes)", len(t.CABundle)), "give PEM certificates")
	}
	if t.IDTokens != nil {
		if err := t.IDTokens.Validate(); err != nil {
			fault("limited_login", "of "+explain.ShownText(t.Provider), err.Error())
		}
	}
}

// validateAddresses checks the addresses that would be asked.
func (t Trust) validateAddresses(fault func(field, value, fix string)) {
	field, address := "jwks_url", t.JWKSURL
	if address == "" {
		field, address = "discovery_url", t.DiscoveryURL
	}
	if address == "" {
		if len(t.Issuers) == 0 {
			return // said already
		}
		field, address = "issuers", discoveryURL(&t)
	}
	u, err := checkURL(address, t.AllowHTTP)
	var failed *fetchError
	switch {
	case errors.As(err, &failed):
		fault(field, failed.what, failed.fix)
	case u.Scheme != "https" && t.EnforceThumbprints:
		fault(field, explain.ShownText(address), "use https, or do not enforce thumbprints")
	}
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
