package login

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
)

// Validate reports every fault for which the trust would refuse all logins, or could
// not ask its provider. A registration can then be refused, instead of each login.
// The error names the setting, its value and the fix.
func (t Trust) Validate() error {
	if t.Kind == OIDC {
		return t.Rule.Validate()
	}

	var faults []error
	fault := func(field, value, fix string) {
		faults = append(faults, fmt.Errorf("%s %s: %s", field, value, fix))
	}
	if _, known := protocols[t.Kind]; !known {
		fault("kind", explain.ShownText(string(t.Kind)), "leave it empty for OpenID Connect")
	}
	t.validateAPI(fault)

	return errors.Join(append(faults, t.Policy.Validate())...)
}

// validateAPI checks the fields for access tokens.
func (t Trust) validateAPI(fault func(field, value, fix string)) {
	if len(t.Audiences) == 0 || slices.Contains(t.Audiences, "") {
		fault("client_ids", explain.ShownList(t.Audiences), "name the application")
	}

	var failed *outbound.Error
	if _, err := outbound.CheckURL(t.BaseURL, t.AllowHTTP); errors.As(err, &failed) {
		fault("base_url", failed.Problem, failed.Fix)
	} else if strings.ContainsAny(t.BaseURL, "?#") || strings.HasSuffix(t.BaseURL, "/") {
		fault("base_url", explain.ShownText(t.BaseURL), "leave out the query and the last slash")
	}
	if t.VerifyPath != "" && (t.VerifyPath[0] != '/' || strings.ContainsAny(t.VerifyPath, "?#")) {
		fault("verify_path", explain.ShownText(t.VerifyPath), "begin with a slash, and leave out the query")
	}
	if strings.ContainsAny(t.APIVersion, "/?#") {
		fault("graph_version", explain.ShownText(t.APIVersion), "write it like v25.0")
	}

	if t.IDTokens != nil {
		if err := t.IDTokens.Validate(); err != nil {
			fault("limited_login", "of "+explain.ShownText(t.Provider), err.Error())
		}
	}
}
