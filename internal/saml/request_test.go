package saml_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// A Response and the confirmation in its assertion answer the same request, or
// both none, whichever of the two is signed.
func TestResponseAnswersOneRequest(t *testing.T) {
	idp := samltest.New(t, now, 0)
	provider := trusting(t, idp)
	for _, c := range []struct {
		name               string
		response, confirms string // "-" = an empty attribute
		good               bool
	}{
		{"neither", "", "", true},
		{"the same", "_request1", "_request1", true},
		{"another", "_request1", "_request2", false},
		{"in another case", "_request", "_REQUEST", false},
		{"longer", "_request1", "_request12", false},
		{"with a blank", "_request1", "_request1 ", false},
		{"the response only", "_request1", "", false},
		{"the confirmation only", "", "_request1", false},
		{"both empty", "-", "-", true}, // as samlify writes none
		{"the response empty", "-", "", true},
		{"the confirmation empty", "", "-", true},
		{"one empty", "-", "_request1", false},
		{"the other empty", "_request1", "-", false},
	} {
		unsigned := idp.Unsigned(
			samltest.Login{InResponseTo: strings.Trim(c.response, "-"), Confirms: strings.Trim(c.confirms, "-")})
		if c.response == "-" {
			unsigned = strings.Replace(unsigned, ` Destination=`, ` InResponseTo="" Destination=`, 1)
		}
		if c.confirms == "-" {
			unsigned = strings.Replace(unsigned, ` Recipient=`, ` InResponseTo="" Recipient=`, 1)
		}

		onAssertion := idp.Sign(t, unsigned, samltest.AssertionID, samltest.Signing{})
		for signed, document := range map[string]string{
			"assertion": onAssertion,
			"response":  idp.Sign(t, unsigned, samltest.ResponseID, samltest.Signing{}),
			"both":      idp.Sign(t, onAssertion, samltest.ResponseID, samltest.Signing{}),
		} {
			_, refused := provider.Read(samltest.Encode(document), now, skew)
			switch {
			case c.good && refused != nil:
				t.Errorf("%s, %s signed: %v", c.name, signed, refused)
			case !c.good &&
				(refused == nil || refused.Reason.Check != "SAML request" || refused.Kind != saml.Malformed ||
					refused.Fix == ""):
				t.Errorf("%s, %s signed: %+v, want a refusal of the request", c.name, signed, refused)
			}
		}
	}
}
