package saml_test

import (
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// The issuer is the assertion's, and nothing proves it. A response that could be read in two ways has none.
func TestPeekIssuer(t *testing.T) {
	idp := samltest.New(t, now, 0)
	sign := func(l samltest.Login) string {
		return idp.Sign(t, idp.Unsigned(l), samltest.AssertionID, samltest.Signing{})
	}
	signed := sign(samltest.Login{})
	const other = "https://other.example/saml"
	forged := strings.ReplaceAll(signed, ">alice<", ">mallory<")
	if forged == signed {
		t.Fatalf("the test's response has another form: %s", signed)
	}

	for name, c := range map[string]struct{ document, want string }{
		"signed":             {signed, samltest.EntityID},
		"forged":             {forged, samltest.EntityID},
		"of another's issue": {sign(samltest.Login{Issuer: other}), other},
	} {
		got, refused := saml.PeekIssuer(samltest.Encode(c.document))
		if refused != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got, refused, c.want)
		}
	}
	if _, refused := trusting(t, idp).Read(samltest.Encode(forged), now, skew); refused == nil {
		t.Error("Read accepts the forged response")
	}

	const issuer = "<saml:Issuer>" + samltest.EntityID + "</saml:Issuer>"
	last := strings.LastIndex(signed, issuer)
	if last < 0 {
		t.Fatalf("the test's response has another form: %s", signed)
	}
	start := strings.Index(signed, "<saml:Assertion")
	end := strings.Index(signed, "</saml:Assertion>") + len("</saml:Assertion>")
	for name, encoded := range map[string]string{
		"unsigned":          samltest.Encode(idp.Unsigned(samltest.Login{})),
		"no base64":         "<",
		"empty":             "",
		"another document":  samltest.Encode("<a/>"),
		"without an issuer": samltest.Encode(signed[:last] + signed[last+len(issuer):]),
		"two issuers":       samltest.Encode(signed[:last] + issuer + signed[last:]),
		"two assertions":    samltest.Encode(signed[:end] + signed[start:end] + signed[end:]),
		"too long":          strings.Repeat("A", saml.MaxResponse+4),
	} {
		if got, refused := saml.PeekIssuer(encoded); refused == nil || got != "" {
			t.Errorf("%s: %q, %v", name, got, refused)
		}
	}
}
