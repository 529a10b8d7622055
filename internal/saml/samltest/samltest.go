// Package samltest is a SAML identity provider for tests: it makes metadata, good
// signed Responses, and malformed ones. Start reading at New and IdP.Response.
package samltest

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// EntityID is the entity ID of every provider, unless a test changes it.
const EntityID = "https://idp.example.com/saml"

// AWS's names as a relying party, and the name of the role attribute.
const (
	Audience  = "urn:amazon:webservices"
	Recipient = "https://signin.aws.amazon.com/saml"
	Role      = "https://aws.amazon.com/SAML/Attributes/Role"
)

// IdP is an identity provider with one key.
type IdP struct {
	EntityID    string
	Key         crypto.Signer
	Certificate *x509.Certificate
	// Now is the time at which responses are issued.
	Now time.Time
}

// keys returns RSA keys that all tests share, since making them is slow.
var keys = sync.OnceValue(func() [3]*rsa.PrivateKey {
	var made [3]*rsa.PrivateKey
	for i := range made {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		made[i] = key
	}

	return made
})

// New returns the n-th provider (0 to 2). They have the same name and different keys.
func New(t testing.TB, now time.Time, n int) *IdP { return WithKey(t, now, keys()[n]) }

// NewECDSA returns a provider with a P-256 key.
func NewECDSA(t testing.TB, now time.Time) *IdP {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	return WithKey(t, now, key)
}

// WithKey returns a provider with a certificate for key, valid around now.
func WithKey(t testing.TB, now time.Time, key crypto.Signer) *IdP {
	t.Helper()
	return WithCertificate(t, now, key, &x509.Certificate{
		NotBefore: now.Add(-time.Hour),
		NotAfter:  now.Add(24 * time.Hour),
	})
}

// WithCertificate returns a provider with a certificate like template.
func WithCertificate(t testing.TB, now time.Time, key crypto.Signer, template *x509.Certificate) *IdP {
	t.Helper()

	template.SerialNumber, template.Subject = big.NewInt(1), pkix.Name{CommonName: "idp"}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}

	return &IdP{
		EntityID:    EntityID,
		Key:         key,
		Certificate: certificate,
		Now:         now,
	}
}

// Metadata returns the provider's document, with more certificates if given.
func (p *IdP) Metadata(more ...*x509.Certificate) string {
	var descriptors strings.Builder
	for _, c := range append([]*x509.Certificate{p.Certificate}, more...) {
		descriptors.WriteString(`<md:KeyDescriptor use="signing">` + KeyInfo(c) + `</md:KeyDescriptor>`)
	}
	return p.MetadataOf(descriptors.String())
}

// MetadataOf returns the document with the given KeyDescriptor elements.
func (p *IdP) MetadataOf(descriptors string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + p.EntityID + `">` +
		`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + descriptors +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" ` +
		`Location="https://idp.example.com/sso"/>` +
		`</md:IDPSSODescriptor></md:EntityDescriptor>`
}

// KeyInfo returns the element of a certificate in signatures and metadata.
func KeyInfo(c *x509.Certificate) string {
	return `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` +
		base64.StdEncoding.EncodeToString(c.Raw) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
}

// Login describes the contents of a Response. A zero field stands for its usual
// value; the text "-" leaves its element or attribute out.
type Login struct {
	NameID       string
	Format       string // of the NameID
	Audience     string
	Recipient    string
	Method       string // of the SubjectConfirmation
	Status       string
	Issuer       string // of the assertion
	Destination  string
	NotBefore    string
	NotOnOrAfter string
	SessionEnd   string    // SessionNotOnOrAfter
	SignedIn     time.Time // AuthnInstant; zero for the IdP's Now
	InResponseTo string    // of the Response; none unless given
	Confirms     string    // InResponseTo of the confirmation; none unless given
	Qualifier    string    // NameQualifier of the NameID; none unless given
	SPQualifier  string    // SPNameQualifier of the NameID; none unless given
	IssueInstant string
	Attributes   []Attribute
	More         string // XML at the end of the assertion
}

// Attribute is one attribute with its values, which are XML.
type Attribute struct {
	Name   string
	Values []string
}

// Roles returns the Role attribute with the pairs.
func Roles(pairs ...string) Attribute { return Attribute{Role, pairs} }

// Time formats a time as SAML does.
func Time(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }

// IDs of the elements that can be signed.
const (
	ResponseID  = "_response"
	AssertionID = "_assertion"
)

// Unsigned returns the Response for a login, without signature.
func (p *IdP) Unsigned(l Login) string {
	or := func(value, standard string) string {
		if value == "" {
			return standard
		}
		return value
	}

	put := func(name, value string) string {
		if value == "-" || value == "" {
			return ""
		}
		return " " + name + `="` + value + `"`
	}

	issued := or(l.IssueInstant, Time(p.Now))
	ends := or(l.NotOnOrAfter, Time(p.Now.Add(5*time.Minute)))
	audience := or(l.Audience, Audience)
	if audience == "-" {
		audience = ""
	} else {
		audience = "<saml:AudienceRestriction><saml:Audience>" + audience +
			"</saml:Audience></saml:AudienceRestriction>"
	}

	var b strings.Builder
	b.WriteString(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ` +
		`xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="` +
		ResponseID + `" Version="2.0"` +
		put("IssueInstant", issued) + put("Destination", or(l.Destination, Recipient)) +
		put("InResponseTo", l.InResponseTo) + `>` +
		`<saml:Issuer>` + p.EntityID + `</saml:Issuer>` +
		`<samlp:Status><samlp:StatusCode Value="` +
		or(l.Status, "urn:oasis:names:tc:SAML:2.0:status:Success") + `"/></samlp:Status>` +
		`<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" ` +
		`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="` +
		AssertionID + `" Version="2.0"` + put("IssueInstant", issued) + `>` +
		`<saml:Issuer>` + or(l.Issuer, p.EntityID) + `</saml:Issuer>` +
		`<saml:Subject><saml:NameID` +
		put("Format", or(l.Format, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")) +
		put("NameQualifier", l.Qualifier) + put("SPNameQualifier", l.SPQualifier) + `>` +
		or(l.NameID, "alice") + `</saml:NameID>` +
		`<saml:SubjectConfirmation Method="` + or(l.Method, "urn:oasis:names:tc:SAML:2.0:cm:bearer") + `">` +
		`<saml:SubjectConfirmationData` + put("NotOnOrAfter", ends) +
		put("Recipient", or(l.Recipient, Recipient)) + put("InResponseTo", l.Confirms) +
		`/></saml:SubjectConfirmation></saml:Subject>` +
		`<saml:Conditions` + put("NotBefore", or(l.NotBefore, Time(p.Now.Add(-time.Minute)))) +
		put("NotOnOrAfter", ends) + `>` + audience + `</saml:Conditions>` +
		`<saml:AuthnStatement AuthnInstant="` + Time(cmp.Or(l.SignedIn, p.Now)) + `"` +
		put("SessionNotOnOrAfter", l.SessionEnd) + `><saml:AuthnContext>` +
		`<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>` +
		`</saml:AuthnContext></saml:AuthnStatement>`)

	if len(l.Attributes) > 0 {
		b.WriteString("<saml:AttributeStatement>")

		for _, a := range l.Attributes {
			b.WriteString(`<saml:Attribute Name="` + a.Name + `">`)

			for _, v := range a.Values {
				b.WriteString(`<saml:AttributeValue xsi:type="xs:string">` + v + `</saml:AttributeValue>`)
			}
			b.WriteString("</saml:Attribute>")
		}

		b.WriteString("</saml:AttributeStatement>")
	}
	b.WriteString(l.More + "</saml:Assertion></samlp:Response>")

	return b.String()
}

// Response returns the encoded Response for a login, with its assertion signed.
func (p *IdP) Response(t testing.TB, l Login) string {
	t.Helper()
	return Encode(p.Sign(t, p.Unsigned(l), AssertionID, Signing{}))
}

// Encode returns a document in base64, as browsers post it.
func Encode(document string) string { return base64.StdEncoding.EncodeToString([]byte(document)) }

// Escape escapes text for use in XML.
func Escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder never fails
	return b.String()
}

// Signing describes how a signature differs from a good one.
type Signing struct {
	Method     string   // "" = RSA-SHA256 or ECDSA-SHA256, by the key
	Digest     string   // "" = SHA-256
	Transforms []string // XML elements; nil = enveloped, exclusive
	URI        string   // "" = # and the ID
	HMACKey    []byte   // if set, an HMAC replaces the signature
	KeyInfo    string   // "" = the certificate's, "-" = none
	Extra      string   // XML after KeyInfo
	InInfo     string   // XML at the end of SignedInfo
	Canonical  string   // "" = exclusive
}

// Transforms of a good signature.
const (
	Enveloped = `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`
	Exclusive = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
)

var digests = map[string]crypto.Hash{
	"http://www.w3.org/2000/09/xmldsig#sha1":        crypto.SHA1,
	"http://www.w3.org/2001/04/xmldsig-more#md5":    crypto.MD5,
	"http://www.w3.org/2001/04/xmlenc#sha256":       crypto.SHA256,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
}

func hashOf(method string) crypto.Hash {
	for suffix, h := range map[string]crypto.Hash{
		"sha1":   crypto.SHA1,
		"md5":    crypto.MD5,
		"sha256": crypto.SHA256,
		"sha384": crypto.SHA384,
		"sha512": crypto.SHA512,
	} {
		if strings.HasSuffix(method, suffix) {
			return h
		}
	}

	return crypto.SHA256
}

// Sign adds a signature over the element with that ID to the document, after the
// element's Issuer.
func (p *IdP) Sign(t testing.TB, document, id string, s Signing) string {
	t.Helper()

	tree := etree.NewDocument()
	if err := tree.ReadFromString(document); err != nil {
		t.Fatal(err)
	}
	element := tree.FindElement("//*[@ID='" + id + "']")
	if element == nil {
		t.Fatalf("no element with the ID %s", id)
	}

	if s.Digest == "" {
		s.Digest = "http://www.w3.org/2001/04/xmlenc#sha256"
	}
	if s.Method == "" {
		s.Method = dsig.RSASHA256SignatureMethod
		if _, ok := p.Key.(*ecdsa.PrivateKey); ok {
			s.Method = dsig.ECDSASHA256SignatureMethod
		}
	}

	if s.Transforms == nil {
		s.Transforms = []string{Enveloped, Exclusive}
	}
	if s.URI == "" {
		s.URI = "#" + id
	}
	if s.Canonical == "" {
		s.Canonical = "http://www.w3.org/2001/10/xml-exc-c14n#"
	}
	if s.KeyInfo == "" {
		s.KeyInfo = KeyInfo(p.Certificate)
	} else if s.KeyInfo == "-" {
		s.KeyInfo = ""
	}

	digest := sum(digests[s.Digest], canonical(t, element))
	info := `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="` +
		s.Canonical + `"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="` + s.Method + `"></ds:SignatureMethod><ds:Reference URI="` + s.URI +
		`"><ds:Transforms>` + strings.Join(s.Transforms, "") + `</ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + s.Digest + `"></ds:DigestMethod><ds:DigestValue>` +
		base64.StdEncoding.EncodeToString(digest) + `</ds:DigestValue></ds:Reference>` + s.InInfo + `</ds:SignedInfo>`

	infoTree := etree.NewDocument()
	if err := infoTree.ReadFromString(info); err != nil {
		t.Fatal(err)
	}

	value := p.signature(t, s, canonical(t, infoTree.Root()))
	signature := etree.NewDocument()
	if err := signature.ReadFromString(`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` +
		info + `<ds:SignatureValue>` +
		base64.StdEncoding.EncodeToString(value) + `</ds:SignatureValue>` + s.KeyInfo + s.Extra +
		`</ds:Signature>`); err != nil {
		t.Fatal(err)
	}

	at := 0
	if len(element.ChildElements()) > 0 && element.ChildElements()[0].Tag == "Issuer" {
		at = element.ChildElements()[0].Index() + 1
	}
	element.InsertChildAt(at, signature.Root())
	out, err := tree.WriteToString()
	if err != nil {
		t.Fatal(err)
	}

	return out
}

func sum(h crypto.Hash, data []byte) []byte {
	hash := h.New()
	hash.Write(data)
	return hash.Sum(nil)
}

func canonical(t testing.TB, e *etree.Element) []byte {
	t.Helper()

	context, err := etreeutils.NSBuildParentContext(e)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := etreeutils.NSDetatch(context, e)
	if err != nil {
		t.Fatal(err)
	}
	out, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(alone)
	if err != nil {
		t.Fatal(err)
	}

	return out
}

func (p *IdP) signature(t testing.TB, s Signing, info []byte) []byte {
	t.Helper()

	hash := hashOf(s.Method)
	if s.HMACKey != nil {
		mac := hmac.New(hash.New, s.HMACKey)
		mac.Write(info)
		return mac.Sum(nil)
	}

	if key, ok := p.Key.(*ecdsa.PrivateKey); ok {
		r, v, err := ecdsa.Sign(rand.Reader, key, sum(hash, info))
		if err != nil {
			t.Fatal(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...)
	}

	value, err := p.Key.Sign(rand.Reader, sum(hash, info), hash)
	if err != nil {
		t.Fatal(err)
	}

	return value
}

// Text returns the text of the first NameID of an encoded Response.
func Text(encoded string) (string, error) {
	document, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", err
	}
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(document); err != nil {
		return "", err
	}
	name := tree.FindElement("//NameID")
	if name == nil {
		return "", fmt.Errorf("no NameID")
	}

	return name.Text(), nil
}
