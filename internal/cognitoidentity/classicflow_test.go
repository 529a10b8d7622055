package cognitoidentity

import (
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// What closes the classic flow is answered in one order, whatever the logins, and before
// any of them is proven.
func TestClassicFlowOrder(t *testing.T) {
	const saml, unknown = "arn:aws:iam::1:saml-provider/Corp", "arn:aws:iam::1:saml-provider/Other"
	off := new(bool)

	mappings := map[string]identitypool.RoleMapping{"idp.example": {}}
	one := map[string]string{"accounts.google.com": "x"}
	two := map[string]string{"accounts.google.com": "x", saml: "y"}
	for name, test := range map[string]struct {
		off      *bool
		mappings map[string]identitypool.RoleMapping
		logins   map[string]string
		message  string
		code     explain.Code
	}{
		"open":                     {nil, nil, one, "", ""},
		"open to guests":           {nil, nil, nil, "", ""},
		"off":                      {off, nil, one, messageClassicFlowOff, "classic-flow"},
		"off, SAML":                {off, nil, two, messageClassicFlowOff, "classic-flow"},
		"off, mappings, SAML":      {off, mappings, two, messageClassicFlowOff, "classic-flow-closed"},
		"off, mappings, guest":     {off, mappings, nil, messageClassicFlowOff, "classic-flow-closed"},
		"mappings":                 {nil, mappings, one, messageClassicFlowMappings, "classic-flow-role-mappings"},
		"mappings, SAML":           {nil, mappings, two, messageClassicFlowMappings, "classic-flow-role-mappings"},
		"mappings, guest":          {nil, mappings, nil, messageClassicFlowMappings, "classic-flow-role-mappings"},
		"SAML":                     {nil, nil, two, messageClassicFlowSAML, "classic-flow-saml"},
		"SAML that the pool lacks": {nil, nil, map[string]string{unknown: "y"}, "", ""},
		"SAML, and one that is none": {nil, nil, map[string]string{"a": "b", saml: "y"}, messageClassicFlowSAML,
			"classic-flow-saml"},
	} {
		pool := identitypool.Pool{
			AllowClassicFlow: test.off,
			RoleMappings:     test.mappings,
			SAMLProviderARNs: []string{saml},
		}
		err := classicFlow(pool, test.logins)
		if test.message == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}

		refused, ok := errors.AsType[*awsapi.Error](err)
		if !ok || refused.Code != invalidParameter || refused.Message != test.message ||
			refused.Why.Reason.Code != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.message)
		}
	}
}
