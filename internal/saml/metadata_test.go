package saml_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

func TestMetadata(t *testing.T) {
	first, second := samltest.New(t, now, 0), samltest.New(t, now, 1)
	document := first.Metadata()
	key := func(use string, idp *samltest.IdP) string {
		return "<md:KeyDescriptor" + use + ">" + samltest.KeyInfo(idp.Certificate) + "</md:KeyDescriptor>"
	}

	for name, test := range map[string]struct {
		document string
		keys     int
		until    time.Time
	}{
		"plain":            {document: document, keys: 1},
		"two certificates": {document: first.Metadata(second.Certificate), keys: 2},
		"the same twice":   {document: first.Metadata(first.Certificate), keys: 1},
		"no use":           {document: first.MetadataOf(key("", first)), keys: 1},
		"encryption beside": {document: first.MetadataOf(
			key(` use="signing"`, first) + key(` use="encryption"`, second)), keys: 1},
		"in one KeyInfo": {document: first.MetadataOf(
			strings.Replace(key("", first), "</ds:X509Data>",
				"<ds:X509Certificate>\n  "+base64.StdEncoding.EncodeToString(second.Certificate.Raw)+
					"\n</ds:X509Certificate></ds:X509Data>", 1)), keys: 2},
		"comments": {document: strings.Replace(document, "<md:IDPSSODescriptor",
			"<!-- ours --><md:IDPSSODescriptor", 1), keys: 1},
		"validity": {document: strings.Replace(document, "entityID",
			`validUntil="2031-01-01T00:00:00Z" entityID`, 1), keys: 1,
			until: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)},
		"the earlier of two": {document: strings.Replace(
			strings.Replace(document, "entityID", `validUntil="2031-01-01T00:00:00Z" entityID`, 1), "protocolSupport",
			`validUntil="2030-06-01T00:00:00Z" protocolSupport`, 1), keys: 1,
			until: time.Date(2030, 6, 1, 0, 0, 0, 0, time.UTC)},
		"several protocols": {document: strings.Replace(document, `protocolSupportEnumeration="`,
			`protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol `, 1), keys: 1},
		"with an SP as well": {document: strings.Replace(document, "</md:EntityDescriptor>",
			`<md:SPSSODescriptor protocolSupportEnumeration="x"/></md:EntityDescriptor>`, 1), keys: 1},
		"under other prefixes": {document: strings.NewReplacer("md:", "m:", "xmlns:md", "xmlns:m").Replace(document),
			keys: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := saml.ParseMetadata([]byte(test.document))
			if err != nil {
				t.Fatal(err)
			}
			if m.EntityID != samltest.EntityID || len(m.Certificates) != test.keys || !m.ValidUntil.Equal(test.until) {
				t.Errorf("read %q, %d certificates, until %v", m.EntityID, len(m.Certificates), m.ValidUntil)
			}
		})
	}
}

func TestRefusedMetadata(t *testing.T) {
	idp := samltest.New(t, now, 0)
	document := idp.Metadata()
	replace := func(old, replacement string) string {
		if !strings.Contains(document, old) {
			t.Fatalf("nothing to replace: %s", old)
		}
		return strings.Replace(document, old, replacement, 1)
	}

	certificate := base64.StdEncoding.EncodeToString(idp.Certificate.Raw)
	eleven := make([]*x509.Certificate, 10)
	for i := range eleven {
		eleven[i] = samltest.NewECDSA(t, now).Certificate
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	rsa1024, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	for name, document := range map[string]string{
		"empty":   "",
		"no XML":  "hello",
		"HTML":    "<html></html>",
		"too big": document + strings.Repeat(" ", saml.MaxMetadata),
		"too many elements": strings.Replace(document, "<md:IDPSSODescriptor",
			"<md:Extensions>"+strings.Repeat("<a/>", 500_000)+"</md:Extensions><md:IDPSSODescriptor", 1),
		"DOCTYPE": "<!DOCTYPE x>" +
			strings.TrimPrefix(document, `<?xml version="1.0" encoding="UTF-8"?>`),
		"byte order mark": "\ufeff" + document,
		"UTF-16":          inUTF16(document),
		"Latin-1":         replace("UTF-8", "ISO-8859-1"),
		"several entities": `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` +
			strings.TrimPrefix(document, `<?xml version="1.0" encoding="UTF-8"?>`) + `</md:EntitiesDescriptor>`,
		"another namespace": replace("SAML:2.0:metadata", "SAML:1.0:metadata"),
		"no entity ID":      replace(` entityID="`+samltest.EntityID+`"`, ""),
		"empty entity ID":   replace(`entityID="`+samltest.EntityID+`"`, `entityID=""`),
		"long entity ID":    replace(samltest.EntityID, strings.Repeat("a", 1025)),
		"entity ID twice":   replace("entityID=", `entityID="x" entityID=`),
		"an application's":  strings.ReplaceAll(document, "IDPSSODescriptor", "SPSSODescriptor"),
		"two descriptors": replace("</md:EntityDescriptor>",
			`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>`+
				`</md:EntityDescriptor>`),
		"SAML 1.1 only":       replace("SAML:2.0:protocol", "SAML:1.1:protocol"),
		"no keys":             idp.MetadataOf(""),
		"encryption key only": replace(`use="signing"`, `use="encryption"`),
		"unknown use":         replace(`use="signing"`, `use="Signing"`),
		"no KeyInfo":          idp.MetadataOf("<md:KeyDescriptor/>"),
		"key name only": idp.MetadataOf(
			`<md:KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyName>a</ds:KeyName>` +
				`</ds:KeyInfo></md:KeyDescriptor>`),
		"no base64":                  replace(certificate, "%%%"),
		"no certificate":             replace(certificate, "AAAA"),
		"comment in the certificate": replace(certificate, certificate[:40]+"<!-- -->"+certificate[40:]),
		"eleven certificates":        idp.Metadata(eleven...),
		"RSA of 1024 bits":           samltest.WithKey(t, now, rsa1024).Metadata(),
		"RSA of 512 bits": idp.MetadataOf("<md:KeyDescriptor>" +
			strings.Replace(samltest.KeyInfo(idp.Certificate), certificate, weakRSA, 1) + "</md:KeyDescriptor>"),
		"P-224":   samltest.WithKey(t, now, p224).Metadata(),
		"Ed25519": samltest.WithKey(t, now, edwards).Metadata(),
		"repeated extension": samltest.WithKey(t, now,
			idp.Key).MetadataOf("<md:KeyDescriptor>" +
			strings.Replace(samltest.KeyInfo(idp.Certificate), certificate, repeatedExtension(t, idp), 1) +
			"</md:KeyDescriptor>"),
		"validUntil in words":  replace("entityID", `validUntil="tomorrow" entityID`),
		"validUntil elsewhere": replace("entityID", `validUntil="2031-01-01T00:00:00+02:00" entityID`),
		"duplicate IDs": strings.NewReplacer("<md:IDPSSODescriptor ", `<md:IDPSSODescriptor ID="a" `,
			"<md:EntityDescriptor ", `<md:EntityDescriptor ID="a" `).Replace(document),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := saml.ParseMetadata([]byte(document))
			if err == nil {
				t.Fatalf("read %q", m.EntityID)
			}
			var problem *saml.MetadataError
			if problem, _ = err.(*saml.MetadataError); problem == nil || problem.Problem == "" || problem.Fix == "" {
				t.Errorf("error = %#v", err)
			}
		})
	}
}

// weakRSA is a self-signed certificate with an RSA key of 512 bits: Go makes none.
const weakRSA = "MIIBdTCCAR+gAwIBAgIUQyuh5XZpzrtzTzvf8BKFtczGwIswDQYJKoZIhvcNAQELBQAwDzENMAsGA1UEAwwEd2VhazAeFw0y" +
	"NjExMjQxMTQ5MzNaFw0zNjExMjExMTQ5MzNaMA8xDTALBgNVBAMMBHdlYWswXDANBgkqhkiG9w0BAQEFAANLADBIAkEAt5p1" +
	"+ycia7gf0S1tC7Xr0Wc/mAFGH33C1RjZwOrCl9ueAR8ykwsqgNpW6ps9dx2cksdUNwJIsTIq1NRdu4ktsQIDAQABo1MwUTAd" +
	"BgNVHQ4EFgQUBCQlvgeCJHO7bpUPDQKQ/IJgx5UwHwYDVR0jBBgwFoAUBCQlvgeCJHO7bpUPDQKQ/IJgx5UwDwYDVR0TAQH/" +
	"BAUwAwEB/zANBgkqhkiG9w0BAQsFAANBALajCTcV0urwSbHAzhDjXn9ZXp44qZ4emXZMJ4H6IIFAVesshPbRZsE+GAzQFDzI" +
	"gEM6i5Y6153GlWiBSRjMnE8="

// repeatedExtension is the provider's certificate with an extension twice.
func repeatedExtension(t *testing.T, idp *samltest.IdP) string {
	t.Helper()
	extension := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: []byte{5, 0}}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour)}
	template.ExtraExtensions = []pkix.Extension{extension}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, idp.Key.Public(), idp.Key)
	if err != nil {
		t.Fatal(err)
	}

	// CreateCertificate refuses to repeat one, so a copy is put in by hand.
	var outer struct {
		TBS       asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		t.Fatal(err)
	}

	encoded, err := asn1.Marshal(extension)
	if err != nil {
		t.Fatal(err)
	}

	// The extensions are the last part of the body: [3] { SEQUENCE { … } }.
	var parts []asn1.RawValue
	for rest := outer.TBS.Bytes; len(rest) > 0; {
		var part asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &part); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}

	last := &parts[len(parts)-1]
	var list asn1.RawValue
	if _, err := asn1.Unmarshal(last.Bytes, &list); err != nil {
		t.Fatal(err)
	}

	list = asn1.RawValue{Class: list.Class, Tag: list.Tag, IsCompound: true, Bytes: slices.Concat(list.Bytes, encoded)}
	inner, err := asn1.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	*last = asn1.RawValue{Class: last.Class, Tag: last.Tag, IsCompound: true, Bytes: inner}

	var body []byte
	for _, part := range parts {
		one, err := asn1.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		body = append(body, one...)
	}

	outer.TBS = asn1.RawValue{Class: outer.TBS.Class, Tag: outer.TBS.Tag, IsCompound: true, Bytes: body}
	changed, err := asn1.Marshal(outer)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(changed), string(encoded)) != 2 {
		t.Fatalf("the extension is there %d times", strings.Count(string(changed), string(encoded)))
	}

	return base64.StdEncoding.EncodeToString(changed)
}
