package saml_test

import (
	"crypto/x509"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	_ "crypto/md5"  // for signatures that must be refused
	_ "crypto/sha1" // for signatures that must be refused

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

var now = time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)

const skew = 5 * time.Minute

// trusting returns what a registration of the providers' metadata trusts.
func trusting(t testing.TB, idp *samltest.IdP, more ...*samltest.IdP) *saml.Provider {
	t.Helper()

	var certificates []*x509.Certificate
	for _, m := range more {
		certificates = append(certificates, m.Certificate)
	}
	m, err := saml.ParseMetadata([]byte(idp.Metadata(certificates...)))
	if err != nil {
		t.Fatal(err)
	}

	return &saml.Provider{Metadata: m, Audiences: []string{"https://pools.example.com"},
		Recipients: []string{"https://pools.example.com"}}
}

func TestGoodResponses(t *testing.T) {
	idp, next, ecdsa := samltest.New(t, now, 0), samltest.New(t, now, 1), samltest.NewECDSA(t, now)

	provider := trusting(t, idp, next, ecdsa)
	plain := samltest.Login{}
	assertion, response := samltest.AssertionID, samltest.ResponseID
	for name, document := range map[string]string{
		"assertion signed": idp.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{}),
		"response signed":  idp.Sign(t, idp.Unsigned(plain), response, samltest.Signing{}),
		"both": idp.Sign(t, idp.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{}),
			response, samltest.Signing{}),
		"by the next key": next.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{}),
		"by both keys": idp.Sign(t, next.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{}),
			response, samltest.Signing{}),
		"ECDSA": ecdsa.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{}),
		"SHA-512": idp.Sign(t, idp.Unsigned(plain), assertion,
			samltest.Signing{Method: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
				Digest: "http://www.w3.org/2001/04/xmlenc#sha512"}),
		"SHA-384": idp.Sign(t, idp.Unsigned(plain), response,
			samltest.Signing{Method: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
				Digest: "http://www.w3.org/2001/04/xmldsig-more#sha384"}),
		"without KeyInfo": idp.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{KeyInfo: "-"}),
		"with XML declaration": `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
			idp.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{}),
		"regional recipient": idp.Sign(t,
			idp.Unsigned(samltest.Login{Recipient: "https://eu-west-1.signin.aws.amazon.com/saml"}), assertion,
			samltest.Signing{}),
		"static recipient": idp.Sign(t,
			idp.Unsigned(samltest.Login{Recipient: "https://signin.aws.amazon.com/static/saml"}), assertion,
			samltest.Signing{}),
		"AWS's URL as audience": idp.Sign(t,
			idp.Unsigned(samltest.Login{Audience: "https://signin.aws.amazon.com/saml"}), assertion,
			samltest.Signing{}),
		"our own audience": idp.Sign(t,
			idp.Unsigned(
				samltest.Login{Audience: "https://pools.example.com", Recipient: "https://pools.example.com",
					Destination: "https://pools.example.com"}), assertion, samltest.Signing{}),
		"no destination": idp.Sign(t, idp.Unsigned(samltest.Login{Destination: "-"}), assertion,
			samltest.Signing{}),
		"until the year 9999": idp.Sign(t, idp.Unsigned(samltest.Login{NotOnOrAfter: "9999-12-31T23:59:59Z"}),
			assertion, samltest.Signing{}),
		"fractions of seconds": idp.Sign(t,
			idp.Unsigned(samltest.Login{NotOnOrAfter: "2030-01-31T12:05:00.1234567Z"}), assertion, samltest.Signing{}),
		"within the skew": idp.Sign(t,
			idp.Unsigned(
				samltest.Login{NotOnOrAfter: "2030-01-31T11:56:00Z", IssueInstant: "2030-01-31T12:04:00Z",
					NotBefore: "2030-01-31T12:04:00Z"}), assertion, samltest.Signing{}),
		"no NotBefore": idp.Sign(t, idp.Unsigned(samltest.Login{NotBefore: "-"}), assertion,
			samltest.Signing{}),
		"one audience of several": idp.Sign(t,
			idp.Unsigned(samltest.Login{Audience: "urn:other</saml:Audience><saml:Audience>urn:amazon:webservices"}),
			assertion, samltest.Signing{}),
		"audience twice restricted": idp.Sign(t,
			idp.Unsigned(
				samltest.Login{Audience: "urn:amazon:webservices</saml:Audience></saml:AudienceRestriction>" +
					"<saml:AudienceRestriction><saml:Audience>urn:amazon:webservices"}), assertion, samltest.Signing{}),
		"OneTimeUse": idp.Sign(t,
			strings.Replace(idp.Unsigned(plain), "</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>", 1),
			assertion, samltest.Signing{}),
		"prefixes for inner use": idp.Sign(t,
			idp.Unsigned(
				samltest.Login{Attributes: []samltest.Attribute{{Name: "mail", Values: []string{"a@example.com"}}}}),
			assertion, samltest.Signing{}),
		"character reference": idp.Sign(t, idp.Unsigned(samltest.Login{NameID: "&#97;lice"}), assertion,
			samltest.Signing{}),
		"NameID without format": idp.Sign(t, idp.Unsigned(samltest.Login{Format: "-"}), assertion,
			samltest.Signing{}),
		"transient NameID": idp.Sign(t,
			idp.Unsigned(samltest.Login{Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}), assertion,
			samltest.Signing{}),
		"Extensions without assertion": strings.Replace(idp.Sign(t, idp.Unsigned(plain), assertion, samltest.Signing{}),
			"<samlp:Status>", "<samlp:Extensions/><samlp:Status>", 1),
	} {
		t.Run(name, func(t *testing.T) {
			a, refused := provider.Read(samltest.Encode(document), now, skew)
			if refused != nil {
				t.Fatal(refused)
			}
			if a.NameID != "alice" || a.Issuer != samltest.EntityID || a.ID != assertion || a.NotOnOrAfter.IsZero() ||
				a.Signature == "" {
				t.Errorf("read %+v", a)
			}
		})
	}
}

// variant is a document that must be refused for a reason.
type variant struct {
	document string
	kind     saml.Kind
}

func TestRefusedResponses(t *testing.T) {
	idp, stranger := samltest.New(t, now, 0), samltest.New(t, now, 2)
	provider := trusting(t, idp)
	assertion, response := samltest.AssertionID, samltest.ResponseID
	sign := func(l samltest.Login, s ...samltest.Signing) string {
		return idp.Sign(t, idp.Unsigned(l), assertion, append(s, samltest.Signing{})[0])
	}
	good := sign(samltest.Login{})

	// edit changes a document before it is signed, after changes one that is.
	edit := func(old, replacement string) string {
		changed := strings.Replace(idp.Unsigned(samltest.Login{}), old, replacement, 1)
		if changed == idp.Unsigned(samltest.Login{}) {
			t.Fatalf("nothing to replace: %s", old)
		}
		return idp.Sign(t, changed, assertion, samltest.Signing{})
	}

	after := func(old, replacement string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("nothing to replace: %s", old)
		}
		return strings.Replace(good, old, replacement, 1)
	}

	const (
		confirmation = `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
			`<saml:SubjectConfirmationData NotOnOrAfter="2030-01-31T12:05:00Z" ` +
			`Recipient="https://signin.aws.amazon.com/saml"/></saml:SubjectConfirmation>`
		restriction = `<saml:AudienceRestriction><saml:Audience>urn:amazon:webservices</saml:Audience>` +
			`</saml:AudienceRestriction>`
		evil = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_evil" Version="2.0"/>`
		pem  = "-----BEGIN CERTIFICATE-----\n"
	)

	cases := map[string]variant{
		// Signatures.
		"unsigned": {idp.Unsigned(samltest.Login{}), saml.Unverified},
		"another's key": {stranger.Sign(t, idp.Unsigned(samltest.Login{}), assertion, samltest.Signing{}),
			saml.Unverified},
		"another's key, no KeyInfo": {stranger.Sign(t, idp.Unsigned(samltest.Login{}), assertion,
			samltest.Signing{KeyInfo: "-"}), saml.Unverified},
		"another's key under the provider's KeyInfo": {stranger.Sign(t, idp.Unsigned(samltest.Login{}), assertion,
			samltest.Signing{KeyInfo: samltest.KeyInfo(idp.Certificate)}), saml.Unverified},
		"RSAKeyValue": {stranger.Sign(t, idp.Unsigned(samltest.Login{}), assertion,
			samltest.Signing{KeyInfo: `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyValue>` +
				`<ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue>` +
				`</ds:KeyValue></ds:KeyInfo>`}), saml.Unverified},
		"RetrievalMethod": {stranger.Sign(t, idp.Unsigned(samltest.Login{}), assertion,
			samltest.Signing{KeyInfo: `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` +
				`<ds:RetrievalMethod URI="https://attacker.example/key"/></ds:KeyInfo>`}), saml.Unverified},
		"tampered NameID": {after(">alice<", ">admin<"), saml.Unverified},
		"tampered response": {strings.Replace(
			idp.Sign(t, idp.Unsigned(samltest.Login{}), response, samltest.Signing{}), ">alice<", ">admin<", 1),
			saml.Unverified},
		"tampered under a good inner signature": {strings.Replace(idp.Sign(t, good, response, samltest.Signing{}),
			"<samlp:Status>", "<samlp:Status >\n", 1), saml.Unverified},
		"SHA-1 signature": {sign(samltest.Login{},
			samltest.Signing{Method: "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}), saml.Unverified},
		"SHA-1 digest": {sign(samltest.Login{},
			samltest.Signing{Digest: "http://www.w3.org/2000/09/xmldsig#sha1"}), saml.Unverified},
		"MD5": {sign(samltest.Login{},
			samltest.Signing{Method: "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
				Digest: "http://www.w3.org/2001/04/xmldsig-more#md5"}), saml.Unverified},
		"HMAC with the certificate": {sign(samltest.Login{},
			samltest.Signing{Method: "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
				HMACKey: idp.Certificate.Raw}), saml.Unverified},
		"HMAC with the certificate in base64": {sign(samltest.Login{},
			samltest.Signing{Method: "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
				HMACKey: []byte(pem + base64.StdEncoding.EncodeToString(idp.Certificate.Raw))}), saml.Unverified},
		"HMAC under an RSA name": {sign(samltest.Login{},
			samltest.Signing{HMACKey: idp.Certificate.Raw}), saml.Unverified},
		"another's key type": {sign(samltest.Login{},
			samltest.Signing{Method: "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"}), saml.Unverified},
		"reference to nothing": {sign(samltest.Login{}, samltest.Signing{URI: "#other"}),
			saml.Unverified},
		"empty reference": {strings.Replace(good, `URI="#_assertion"`, `URI=""`, 1),
			saml.Unverified},
		"external reference": {sign(samltest.Login{},
			samltest.Signing{URI: "https://attacker.example/a.xml"}), saml.Unverified},
		"xpointer reference": {sign(samltest.Login{},
			samltest.Signing{URI: "#xpointer(id('_assertion'))"}), saml.Unverified},
		"two references": {sign(samltest.Login{},
			samltest.Signing{InInfo: `<ds:Reference URI="#_assertion"><ds:Transforms>` +
				samltest.Enveloped + samltest.Exclusive +
				`</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>` +
				`<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>`}), saml.Unverified},
		"XSLT": {sign(samltest.Login{},
			samltest.Signing{Transforms: []string{samltest.Enveloped,
				`<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`, samltest.Exclusive}}),
			saml.Unverified},
		"XPath": {sign(samltest.Login{},
			samltest.Signing{Transforms: []string{samltest.Enveloped,
				`<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">` +
					`<ds:XPath>not(//saml:NameID)</ds:XPath></ds:Transform>`}}), saml.Unverified},
		"base64 transform": {sign(samltest.Login{},
			samltest.Signing{Transforms: []string{samltest.Enveloped,
				`<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>`}}), saml.Unverified},
		"no transforms": {sign(samltest.Login{}, samltest.Signing{Transforms: []string{}}),
			saml.Unverified},
		"transforms in disorder": {sign(samltest.Login{},
			samltest.Signing{Transforms: []string{samltest.Exclusive, samltest.Enveloped}}), saml.Unverified},
		"inclusive transform": {sign(samltest.Login{},
			samltest.Signing{Transforms: []string{samltest.Enveloped,
				`<ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>`}}), saml.Unverified},
		"inclusive canonicalisation": {sign(samltest.Login{},
			samltest.Signing{Canonical: "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"}), saml.Unverified},
		"with comments": {sign(samltest.Login{},
			samltest.Signing{Canonical: "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"}), saml.Unverified},
		"Object": {sign(samltest.Login{},
			samltest.Signing{Extra: `<ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`}), saml.Unverified},
		"two SignedInfo": {after("<ds:SignatureValue>", `<ds:SignedInfo/><ds:SignatureValue>`),
			saml.Unverified},
		"two signatures": {idp.Sign(t, good, assertion, samltest.Signing{}), saml.Unverified},
		"comment in the digest": {after("</ds:DigestValue>", "<!-- --></ds:DigestValue>"),
			saml.Malformed},
		"element in the digest": {after("</ds:DigestValue>", "<ds:X/></ds:DigestValue>"),
			saml.Unverified},
		"signature moved to the response": {moved(t, good), saml.Unverified},
		"signature in Extensions":         {inExtensions(t, good), saml.Unverified},
		"ID removed":                      {after(` ID="_assertion"`, ""), saml.Unverified},

		// Documents.
		"DOCTYPE": {`<!DOCTYPE x>` + good, saml.Malformed},
		"entity bomb": {`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>` + good,
			saml.Malformed},
		"external entity": {`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` +
			strings.Replace(good, ">alice<", ">&a;<", 1), saml.Malformed},
		"unknown entity":               {after(">alice<", ">ali&ce;<"), saml.Malformed},
		"comment":                      {after(">alice<", ">al<!-- -->ice<"), saml.Malformed},
		"comment before signing":       {edit(">alice<", ">admin<!-- -->.evil<"), saml.Malformed},
		"comment at the end":           {good + "<!-- -->", saml.Malformed},
		"processing instruction":       {after(">alice<", ">al<?x y?>ice<"), saml.Malformed},
		"CDATA":                        {after(">alice<", "><![CDATA[alice]]><"), saml.Malformed},
		"byte order mark":              {"\ufeff" + good, saml.Malformed},
		"UTF-16":                       {inUTF16(good), saml.Malformed},
		"UTF-7":                        {`<?xml version="1.0" encoding="UTF-7"?>` + good, saml.Malformed},
		"Latin-1":                      {`<?xml version="1.0" encoding="ISO-8859-1"?>` + good, saml.Malformed},
		"invalid UTF-8":                {after(">alice<", ">ali\xffce<"), saml.Malformed},
		"NUL":                          {after(">alice<", ">ali\x00ce<"), saml.Malformed},
		"truncated":                    {good[:len(good)-5], saml.Malformed},
		"two roots":                    {good + good, saml.Malformed},
		"text behind":                  {good + "x", saml.Malformed},
		"text in front":                {"x" + good, saml.Malformed},
		"declaration not at the start": {"\n" + `<?xml version="1.0"?>` + good, saml.Malformed},
		"nested deeply": {after("<samlp:Status>",
			"<samlp:Extensions>"+strings.Repeat("<a>", 50)+strings.Repeat("</a>", 50)+
				"</samlp:Extensions><samlp:Status>"), saml.Malformed},
		"many elements": {after("<samlp:Status>",
			"<samlp:Extensions>"+strings.Repeat("<a/>", 15000)+"</samlp:Extensions><samlp:Status>"), saml.Malformed},
		"mismatched tags": {strings.Replace(good, "</samlp:Status>", "</samlp:status>", 1),
			saml.Malformed},
		"duplicate IDs":       {after("<samlp:Status>", `<samlp:Status ID="_assertion">`), saml.Malformed},
		"two spellings of ID": {after(`ID="_assertion"`, `ID="_assertion" Id="_other"`), saml.Malformed},
		// Attribute pollution, namespace confusion and void canonicalisation
		// (PortSwigger Research, "The Fragile Lock").
		"attribute twice": {after(`ID="_assertion"`, `ID="_assertion" ID="_other"`),
			saml.Malformed},
		"prefixed ID": {after(`ID="_assertion"`, `ID="_assertion" saml:ID="_other"`),
			saml.Malformed},
		"xml:id": {after(`ID="_assertion"`, `ID="_assertion" xml:id="_other"`),
			saml.Malformed},
		"attribute twice by two prefixes": {after(`<samlp:Status>`,
			`<samlp:Status xmlns:a="urn:x" xmlns:b="urn:x" a:v="1" b:v="2">`), saml.Malformed},
		"prefix declared twice": {after(`<samlp:Status>`,
			`<samlp:Status xmlns:a="urn:x" xmlns:a="urn:y">`), saml.Malformed},
		"undeclared prefix": {after("<samlp:Status>", "<nope:Status/><samlp:Status>"),
			saml.Malformed},
		"undeclared attribute prefix": {after("<samlp:Status>", `<samlp:Status nope:a="1">`),
			saml.Malformed},
		"xmlns rebound": {after("<samlp:Status>", `<samlp:Status xmlns:xmlns="urn:x">`),
			saml.Malformed},
		"xml rebound": {after("<samlp:Status>", `<samlp:Status xmlns:xml="urn:x">`),
			saml.Malformed},
		"another prefix for xml": {after("<samlp:Status>",
			`<samlp:Status xmlns:a="http://www.w3.org/XML/1998/namespace">`), saml.Malformed},
		"prefix undeclared": {after("<samlp:Status>", `<samlp:Status xmlns:saml="">`),
			saml.Malformed},
		"relative namespace on the response": {after("<samlp:Response ", `<samlp:Response xmlns:a="1" `),
			saml.Malformed},
		"relative namespace in SignedInfo": {strings.Replace(good, "<ds:SignedInfo ",
			`<ds:SignedInfo xmlns:a="1" `, 1), saml.Malformed},
		"name with two colons": {after("<samlp:Status>", "<samlp:a:b/><samlp:Status>"),
			saml.Malformed},
		"empty prefix": {after("<samlp:Status>", "<:b/><samlp:Status>"), saml.Malformed},
		"Assertion element in place of a Response": {good[strings.Index(good, "<saml:Assertion"):strings.Index(good,
			"</samlp:Response>")], saml.Malformed},
		"SAML 1.1": {`<Response xmlns="urn:oasis:names:tc:SAML:1.0:protocol"/>`,
			saml.Malformed},
		"HTML": {"<html><body>Sign in</body></html>", saml.Malformed},
		"unknown child": {after("<samlp:Status>", "<samlp:Other/><samlp:Status>"),
			saml.Malformed},

		// Assertions.
		"no assertion": {good[:strings.Index(good, "<saml:Assertion")] + "</samlp:Response>",
			saml.Malformed},
		"unsigned beside signed": {after("<saml:Assertion", evil+"<saml:Assertion"), saml.Malformed},
		"unsigned behind signed": {after("</saml:Assertion>", "</saml:Assertion>"+evil), saml.Malformed},
		"unsigned in Extensions": {after("<samlp:Status>",
			"<samlp:Extensions>"+evil+"</samlp:Extensions><samlp:Status>"), saml.Malformed},
		"under another namespace": {after("<samlp:Status>",
			`<samlp:Extensions><Assertion xmlns="urn:x"/></samlp:Extensions><samlp:Status>`), saml.Malformed},
		"two in a signed response": {idp.Sign(t,
			strings.Replace(idp.Unsigned(samltest.Login{}), "<saml:Assertion", evil+"<saml:Assertion", 1), response,
			samltest.Signing{}), saml.Malformed},
		"one put into a signed response": {strings.Replace(
			idp.Sign(t, idp.Unsigned(samltest.Login{}), response, samltest.Signing{}), "</saml:Assertion>",
			"</saml:Assertion>"+evil, 1), saml.Malformed},
		"one exchanged in a signed response": {exchanged(
			idp.Sign(t, idp.Unsigned(samltest.Login{}), response, samltest.Signing{}), evil), saml.Unverified},
		"in Advice": {edit("<saml:AuthnStatement",
			"<saml:Advice>"+evil+"</saml:Advice><saml:AuthnStatement"), saml.Malformed},
		"EncryptedAssertion": {after("<saml:Assertion", "<saml:EncryptedAssertion/><saml:Assertion"),
			saml.Unsupported},
		"EncryptedID": {edit("<saml:Subject>", "<saml:Subject><saml:EncryptedID/>"),
			saml.Unsupported},
		"EncryptedAttribute": {sign(
			samltest.Login{More: "<saml:AttributeStatement><saml:EncryptedAttribute/></saml:AttributeStatement>"}),
			saml.Unsupported},
		"failed status": {sign(
			samltest.Login{Status: "urn:oasis:names:tc:SAML:2.0:status:Requester"}), saml.Failed},
		"no status": {strings.Replace(good,
			`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`, "",
			1), saml.Failed},
		"two statuses": {after("<samlp:Status>",
			`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`+
				`<samlp:Status>`), saml.Failed},
		"version 1.1": {edit(`ID="_assertion" Version="2.0"`, `ID="_assertion" Version="1.1"`),
			saml.Malformed},
		"wrong issuer":      {sign(samltest.Login{Issuer: "https://other.example"}), saml.WrongIssuer},
		"issuer with slash": {sign(samltest.Login{Issuer: samltest.EntityID + "/"}), saml.WrongIssuer},
		"issuer in capitals": {sign(samltest.Login{Issuer: strings.ToUpper(samltest.EntityID)}),
			saml.WrongIssuer},
		"wrong issuer around": {after("<saml:Issuer>"+samltest.EntityID,
			"<saml:Issuer>https://other.example"), saml.WrongIssuer},
		"no issuer":     {without(t, idp, "Issuer"), saml.Malformed},
		"no Subject":    {without(t, idp, "Subject"), saml.Malformed},
		"no Conditions": {without(t, idp, "Conditions"), saml.Malformed},
		"no NameID":     {without(t, idp, "NameID"), saml.Malformed},
		"two NameIDs": {edit("<saml:NameID", "<saml:NameID>admin</saml:NameID><saml:NameID"),
			saml.Malformed},
		"two Subjects": {edit("<saml:Conditions",
			"<saml:Subject><saml:NameID>admin</saml:NameID></saml:Subject><saml:Conditions"), saml.Malformed},
		"BaseID":               {edit("<saml:NameID", "<saml:BaseID/><saml:NameID"), saml.Malformed},
		"empty NameID":         {edit(">alice<", "><"), saml.Malformed},
		"blank NameID":         {edit(">alice<", ">  <"), saml.Malformed},
		"blank before NameID":  {edit(">alice<", "> alice<"), saml.Malformed},
		"newline after NameID": {edit(">alice<", ">alice\n<"), saml.Malformed},
		"element in NameID":    {edit(">alice<", ">al<saml:b/>ice<"), saml.Malformed},
		"invisible in NameID":  {edit(">alice<", ">al\u202eice<"), saml.Malformed},
		"long NameID":          {edit(">alice<", ">"+strings.Repeat("a", 257)+"<"), saml.Malformed},
		"wrong audience":       {sign(samltest.Login{Audience: "urn:other"}), saml.WrongAudience},
		"audience in capitals": {sign(samltest.Login{Audience: "URN:AMAZON:WEBSERVICES"}),
			saml.WrongAudience},
		"audience with blank": {sign(samltest.Login{Audience: " urn:amazon:webservices"}),
			saml.WrongAudience},
		"audience cut by an element": {sign(samltest.Login{Audience: "urn:amazon:webservices<saml:b/>"}),
			saml.WrongAudience},
		"no AudienceRestriction": {sign(samltest.Login{Audience: "-"}), saml.Malformed},
		"second restriction not met": {edit(restriction,
			restriction+
				`<saml:AudienceRestriction><saml:Audience>urn:other</saml:Audience></saml:AudienceRestriction>`),
			saml.WrongAudience},
		"empty restriction": {edit(restriction, restriction+`<saml:AudienceRestriction/>`),
			saml.WrongAudience},
		"unknown condition": {edit(restriction, restriction+`<saml:Condition/>`), saml.Malformed},
		"wrong recipient": {sign(samltest.Login{Recipient: "https://other.example/saml"}),
			saml.WrongAudience},
		"look-alike recipient": {sign(
			samltest.Login{Recipient: "https://signin.aws.amazon.com.evil.example/saml"}), saml.WrongAudience},
		"look-alike region": {sign(
			samltest.Login{Recipient: "https://evil.example#.signin.aws.amazon.com/saml"}), saml.WrongAudience},
		"no recipient": {sign(samltest.Login{Recipient: "-"}), saml.WrongAudience},
		"wrong destination": {sign(samltest.Login{Destination: "https://other.example"}),
			saml.WrongAudience},
		"no SubjectConfirmation":   {edit(confirmation, ""), saml.Malformed},
		"two SubjectConfirmations": {edit(confirmation, confirmation+confirmation), saml.Malformed},
		"no SubjectConfirmationData": {edit(
			`<saml:SubjectConfirmationData NotOnOrAfter="2030-01-31T12:05:00Z" `+
				`Recipient="https://signin.aws.amazon.com/saml"/>`, ""), saml.Malformed},
		"holder of key": {sign(
			samltest.Login{Method: "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}), saml.Malformed},
		"sender vouches": {sign(
			samltest.Login{Method: "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}), saml.Malformed},
		"no NotOnOrAfter": {edit(
			`<saml:SubjectConfirmationData NotOnOrAfter="2030-01-31T12:05:00Z" `, `<saml:SubjectConfirmationData `),
			saml.Malformed},
		"expired": {sign(samltest.Login{NotOnOrAfter: "2030-01-31T11:55:00Z"}),
			saml.Expired},
		"conditions expired": {edit(
			`<saml:Conditions NotBefore="2030-01-31T11:59:00Z" NotOnOrAfter="2030-01-31T12:05:00Z"`,
			`<saml:Conditions NotOnOrAfter="2030-01-31T11:00:00Z"`), saml.Expired},
		"session over":  {sign(samltest.Login{SessionEnd: "2030-01-31T11:00:00Z"}), saml.Expired},
		"not yet valid": {sign(samltest.Login{NotBefore: "2030-01-31T12:06:00Z"}), saml.Expired},
		"confirmation not yet valid": {edit(`<saml:SubjectConfirmationData `,
			`<saml:SubjectConfirmationData NotBefore="2030-01-31T13:00:00Z" `), saml.Expired},
		"from the future": {sign(samltest.Login{IssueInstant: "2030-01-31T12:06:00Z"}),
			saml.Expired},
		"no IssueInstant": {sign(samltest.Login{IssueInstant: "-"}), saml.Malformed},
		"year 10000": {sign(samltest.Login{NotOnOrAfter: "10000-01-01T00:00:00Z"}),
			saml.Malformed},
		"year 0": {sign(samltest.Login{NotOnOrAfter: "0000-01-01T00:00:00Z"}),
			saml.Malformed},
		"negative year": {sign(samltest.Login{NotOnOrAfter: "-2030-01-01T00:00:00Z"}),
			saml.Malformed},
		"time zone": {sign(samltest.Login{NotOnOrAfter: "2030-01-31T14:05:00+02:00"}),
			saml.Malformed},
		"no time zone": {sign(samltest.Login{NotOnOrAfter: "2030-01-31T12:05:00"}),
			saml.Malformed},
		"time with blanks": {sign(samltest.Login{NotOnOrAfter: " 2030-01-31T12:05:00Z"}),
			saml.Malformed},
		"30 February": {sign(samltest.Login{NotOnOrAfter: "2030-02-30T12:05:00Z"}),
			saml.Malformed},
		"midnight as 24:00": {sign(samltest.Login{NotOnOrAfter: "2030-01-31T24:00:00Z"}),
			saml.Malformed},
		"seconds since 1970": {sign(samltest.Login{NotOnOrAfter: "1896091500"}), saml.Malformed},
	}

	for i := range 8 {
		for _, position := range []string{"assertion", "response"} {
			cases["wrapping "+string(rune('1'+i))+", "+position+" signed"] = variant{wrapped(t, idp, i+1, position), -1}
		}
	}

	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			c := cases[name]
			a, refused := provider.Read(samltest.Encode(c.document), now, skew)
			switch {
			case refused == nil:
				t.Fatalf("accepted as %q", a.NameID)
			case c.kind >= 0 && refused.Kind != c.kind:
				t.Errorf("kind %d, want %d: %v", refused.Kind, c.kind, refused)
			}

			if refused.Reason.Check == "" || refused.Expected == "" || refused.Got == "" || refused.Fix == "" {
				t.Errorf("incomplete: %+v", refused)
			}
			if shown := refused.Error() + refused.Fix; strings.Contains(shown, "alice") ||
				strings.Contains(shown, "admin") {
				t.Errorf("names the user: %s", shown)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	idp := samltest.New(t, now, 0)

	provider := trusting(t, idp)
	good := idp.Response(t, samltest.Login{})
	last := good[len(good)-4:]
	for name, encoded := range map[string]string{
		"empty":         "",
		"not base64":    "%%%",
		"XML":           "<samlp:Response/>",
		"URL alphabet":  base64.URLEncoding.EncodeToString([]byte("\xff\xfe\xfd" + good)),
		"line breaks":   good[:76] + "\r\n" + good[76:],
		"newline":       good + "\n",
		"trailing text": good + "AAAA" + last,
		"too long":      strings.Repeat("A", saml.MaxResponse+4),
		"no padding":    strings.TrimRight(samltest.Encode("<a/>"), "="),
		"loose bits":    "PGEvPn==",
	} {
		t.Run(name, func(t *testing.T) {
			if a, refused := provider.Read(encoded, now, skew); refused == nil || refused.Kind != saml.Malformed {
				t.Errorf("read %+v, %v", a, refused)
			}
		})
	}

	if _, refused := provider.Read(good, now, skew); refused != nil {
		t.Error(refused)
	}
}

func TestCertificateDates(t *testing.T) {
	idp := samltest.New(t, now, 0)
	provider := trusting(t, idp)
	later := now.Add(48 * time.Hour)
	idp.Now = later
	login := idp.Response(t, samltest.Login{})
	if _, refused := provider.Read(login, later, skew); refused == nil || refused.Kind != saml.Unverified ||
		!strings.Contains(refused.Fix, "enforce_certificate_dates") {
		t.Errorf("an expired certificate: %v", refused)
	}

	provider.AnyCertificateDate = true
	if _, refused := provider.Read(login, later, skew); refused != nil {
		t.Errorf("an expired certificate that is accepted: %v", refused)
	}
	provider.ValidUntil = now
	if _, refused := provider.Read(login, later, skew); refused == nil || refused.Reason.Check != "SAML metadata" {
		t.Errorf("expired metadata: %v", refused)
	}
}

// The advice names where the provider can be changed: the IAM API has its metadata only.
func TestAdviceNamesThePlace(t *testing.T) {
	const file, api = explain.SourceFile, explain.SourceAPI
	idp := samltest.New(t, now, 0)
	late, other := now.Add(48*time.Hour), samltest.New(t, now, 1)

	idp.Now = late
	lateResponse := idp.Response(t, samltest.Login{})
	idp.Now = now

	for name, test := range map[string]struct {
		response      string
		at            time.Time
		inFile, inAPI string // in the fix
		field, byIAM  string // of the link
	}{
		"recipient": {
			response: idp.Response(t, samltest.Login{Recipient: "https://other.example/acs"}),
			at:       now,
			inFile:   "recipients of the provider in saml_providers",
			inAPI:    "define the provider in saml_providers of the settings instead, where recipients",
			field:    "recipients",
		},
		"audience": {
			response: idp.Response(t, samltest.Login{Audience: "urn:other"}),
			at:       now,
			inFile:   "audiences of the provider in saml_providers",
			inAPI:    "define the provider in saml_providers of the settings instead, where audiences",
			field:    "audiences",
		},
		"certificate": {
			response: other.Response(t, samltest.Login{}),
			at:       now,
			inFile:   "metadata_file of the provider in saml_providers",
			inAPI:    "UpdateSAMLProvider",
			field:    "metadata_file",
			byIAM:    "SAMLMetadataDocument",
		},
		"dates": {
			response: lateResponse,
			at:       late,
			inFile:   "switch off enforce_certificate_dates of the provider in saml_providers",
			inAPI:    "UpdateSAMLProvider, or define the provider in saml_providers",
			field:    "metadata_file",
			byIAM:    "SAMLMetadataDocument",
		},
	} {
		for source, want := range map[string]struct{ fix, field string }{
			file: {test.inFile, test.field},
			api:  {test.inAPI, test.byIAM},
		} {
			provider := trusting(t, idp)
			provider.Link = explain.Link{Kind: explain.LinkSAMLProvider, ID: "arn", Source: source}
			if source == file {
				provider.Link = explain.Setting("saml_providers[0]")
			}

			_, refused := provider.Read(test.response, test.at, skew)
			if refused == nil || !strings.Contains(refused.Fix, want.fix) {
				t.Errorf("%s, %s: %v: no %q in the fix", name, source, refused, want.fix)
				continue
			}

			field := ""
			if refused.Link != nil {
				field = refused.Link.Field + strings.TrimPrefix(refused.Link.ID, "saml_providers[0].")
				field = strings.TrimSuffix(field, "arn")
			}

			if field != want.field {
				t.Errorf("%s, %s: the link leads to %q, want %q", name, source, field, want.field)
			}
		}
	}
}
