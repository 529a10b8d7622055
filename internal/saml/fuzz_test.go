package saml_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

// The responses were signed once and stored, so that what the fuzzer finds can
// be found again: keys are made anew for each run. To write them again, run
// TestFixture with POOLHOUSE_WRITE_FIXTURES=1.
const fixture = "testdata/"

// A changed signed response has the signed contents, or is refused.
func FuzzResponse(f *testing.F) {
	metadata, err := os.ReadFile(fixture + "metadata.xml")
	if err != nil {
		f.Fatal(err)
	}
	m, err := saml.ParseMetadata(metadata)
	if err != nil {
		f.Fatal(err)
	}
	provider := &saml.Provider{Metadata: m}

	for _, name := range []string{"assertion.xml", "response.xml", "both.xml"} {
		document, err := os.ReadFile(fixture + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(document))

		for _, change := range [][2]string{
			{">alice<", ">admin<"}, {">alice<", ">al<!-- -->ice<"}, {">alice<", "><![CDATA[alice]]><"},
			{`ID="_assertion"`, `ID="_assertion" ID="x"`},
			{"<samlp:Status>", `<samlp:Extensions><saml:Assertion ID="_assertion"/></samlp:Extensions><samlp:Status>`},
			{"<samlp:Response ", `<samlp:Response xmlns:a="1" `},
			{"</saml:Assertion>", `</saml:Assertion><saml:Assertion ID="x"/>`},
			{"<saml:NameID ", `<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" `},
		} {
			f.Add(strings.Replace(string(document), change[0], change[1], 1))
		}
	}

	f.Add("<a/>")
	f.Add("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
	f.Fuzz(func(t *testing.T, document string) {
		a, refused := provider.Read(base64.StdEncoding.EncodeToString([]byte(document)), now, skew)
		switch {
		case refused == nil &&
			(a.NameID != "alice" || a.Issuer != samltest.EntityID || len(a.AWS.Roles) != 1 ||
				a.AWS.Roles[0].Role != admin):
			t.Fatalf("accepted as %+v", a)
		case refused != nil && (refused.Reason.Check == "" || refused.Got == "" || refused.Fix == ""):
			t.Fatalf("incomplete: %+v", refused)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	metadata, err := os.ReadFile(fixture + "metadata.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(metadata))
	f.Add(strings.Replace(string(metadata), "entityID", `validUntil="2031-01-01T00:00:00Z" entityID`, 1))
	f.Add(`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"/>`)
	f.Fuzz(func(t *testing.T, document string) {
		m, err := saml.ParseMetadata([]byte(document))
		if err == nil && (m.EntityID == "" || len(m.Certificates) == 0) {
			t.Fatalf("read %+v", m)
		}
	})
}

// The stored responses are good ones.
func TestFixture(t *testing.T) {
	if os.Getenv("POOLHOUSE_WRITE_FIXTURES") == "1" {
		writeFixture(t)
	}
	metadata, err := os.ReadFile(fixture + "metadata.xml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := saml.ParseMetadata(metadata)
	if err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"assertion.xml", "response.xml", "both.xml"} {
		document, err := os.ReadFile(fixture + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, refused := (&saml.Provider{Metadata: m}).Read(samltest.Encode(string(document)), now,
			skew); refused != nil {
			t.Errorf("%s: %v", name, refused)
		}
	}
}

func writeFixture(t *testing.T) {
	idp := samltest.New(t, now, 0)
	login := idp.Unsigned(samltest.Login{Attributes: []samltest.Attribute{samltest.Roles(admin + "," + idpARN)}})
	assertion := idp.Sign(t, login, samltest.AssertionID, samltest.Signing{})
	for name, document := range map[string]string{
		"metadata.xml":  idp.Metadata(),
		"assertion.xml": assertion,
		"response.xml":  idp.Sign(t, login, samltest.ResponseID, samltest.Signing{}),
		"both.xml":      idp.Sign(t, assertion, samltest.ResponseID, samltest.Signing{}),
	} {
		if err := os.WriteFile(fixture+name, []byte(document), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
