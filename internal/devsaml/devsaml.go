// Package devsaml is the SAML identity provider of `poolhouse dev`. It has no pages: it signs responses for users
// that the control API names. Start at New.
package devsaml

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Name is the last part of the provider's ARN.
const Name = "poolhouse-dev"

// path is below the server's URL in the provider's entity ID. Nothing is there.
const path = "/dev-saml"

// The names under which AWS receives responses.
const (
	audience  = "urn:amazon:webservices"
	recipient = "https://signin.aws.amazon.com/saml"
)

// Bounds of a response. Lifetimes are in seconds.
const (
	MaxLifetime     = 86400
	DefaultLifetime = 3600

	maxNameID     = 256
	maxAttributes = 100
	maxValues     = 100 // of one attribute
	maxText       = 2048
)

// ErrRequest means that a response cannot be as it was asked for.
var ErrRequest = errors.New("invalid request")

// Provider signs responses with a key that is lost when the process ends.
type Provider struct {
	EntityID string

	key         *ecdsa.PrivateKey
	certificate []byte
	now         func() time.Time
}

// Login describes a response.
type Login struct {
	NameID     string
	Attributes map[string][]string
	Audience   string // "" = AWS's
	Lifetime   int    // in seconds, negative for a response that has expired; 0 = DefaultLifetime
}

// New returns a provider with a new key. now is the clock of its responses; its certificate is good at every time
// that the clock can show.
func New(baseURL string, now func() time.Time) (*Provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: Name},
		NotBefore:    time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}

	return &Provider{EntityID: baseURL + path, key: key, certificate: certificate, now: now}, nil
}

// Metadata returns the provider's metadata document.
func (p *Provider) Metadata() string {
	return `<?xml version="1.0" encoding="UTF-8"?>` +
		`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + escape(p.EntityID) + `">` +
		`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<md:KeyDescriptor use="signing">` + p.keyInfo() + `</md:KeyDescriptor>` +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` +
		escape(p.EntityID) + `"/></md:IDPSSODescriptor></md:EntityDescriptor>`
}

func (p *Provider) keyInfo() string {
	return `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` +
		base64.StdEncoding.EncodeToString(p.certificate) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
}

// Response returns a response in base64, with a signed assertion. Error: ErrRequest.
func (p *Provider) Response(l Login) (string, error) {
	if err := l.check(); err != nil {
		return "", err
	}

	document := etree.NewDocument()
	id := "_" + rand.Text()
	if err := document.ReadFromString(p.unsigned(l, id)); err != nil {
		return "", err
	}
	assertion := document.FindElement("//Assertion")
	signature, err := p.sign(assertion, id)
	if err != nil {
		return "", err
	}
	assertion.InsertChildAt(assertion.ChildElements()[0].Index()+1, signature) // after the Issuer

	text, err := document.WriteToBytes()
	if err != nil {
		return "", err
	}

	return base64.StdEncoding.EncodeToString(text), nil
}

// check refuses what no response can have.
func (l Login) check() error {
	switch {
	case l.NameID == "" || utf8.RuneCountInString(l.NameID) > maxNameID || strings.TrimSpace(l.NameID) != l.NameID:
		return fmt.Errorf("%w: name_id has 1 to %d characters, and no space at its ends", ErrRequest, maxNameID)
	case l.Lifetime > MaxLifetime || l.Lifetime < -MaxLifetime:
		return fmt.Errorf("%w: expires_in is at most %d", ErrRequest, MaxLifetime)
	case len(l.Attributes) > maxAttributes:
		return fmt.Errorf("%w: there are more than %d attributes", ErrRequest, maxAttributes)
	}

	texts := []string{l.NameID, l.Audience}
	for name, values := range l.Attributes {
		if name == "" || len(values) == 0 || len(values) > maxValues {
			return fmt.Errorf("%w: an attribute has a name and 1 to %d values", ErrRequest, maxValues)
		}
		texts = append(append(texts, name), values...)
	}

	for _, text := range texts {
		if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
			return fmt.Errorf("%w: a text has at most %d bytes and no control characters", ErrRequest, maxText)
		}
	}

	return nil
}

// isControl reports whether XML cannot have a character, or changes it.
func isControl(r rune) bool { return r < 0x20 || r == 0x7f || r == 0xfffe || r == 0xffff }

// unsigned returns the document of a response, whose assertion has an ID.
func (p *Provider) unsigned(l Login, id string) string {
	now := p.now()
	lifetime := DefaultLifetime
	if l.Lifetime != 0 {
		lifetime = l.Lifetime
	}
	ends := now.Add(time.Duration(lifetime) * time.Second)
	begins := now.Add(-time.Minute)
	if !begins.Before(ends) {
		begins = ends.Add(-time.Minute)
	}
	to := l.Audience
	if to == "" {
		to = audience
	}

	var b strings.Builder
	fmt.Fprintf(&b, `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" `+
		`xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_%s" Version="2.0" IssueInstant="%s" `+
		`Destination="%s"><saml:Issuer>%s</saml:Issuer>`, rand.Text(), instant(now), recipient, escape(p.EntityID))
	b.WriteString(`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`)
	fmt.Fprintf(&b, `<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" `+
		`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="%s" Version="2.0" IssueInstant="%s">`+
		`<saml:Issuer>%s</saml:Issuer>`, id, instant(now), escape(p.EntityID))
	fmt.Fprintf(&b, `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">%s`+
		`</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">`+
		`<saml:SubjectConfirmationData NotOnOrAfter="%s" Recipient="%s"/></saml:SubjectConfirmation></saml:Subject>`,
		escape(l.NameID), instant(ends), recipient)
	fmt.Fprintf(&b, `<saml:Conditions NotBefore="%s" NotOnOrAfter="%s"><saml:AudienceRestriction><saml:Audience>%s`+
		`</saml:Audience></saml:AudienceRestriction></saml:Conditions>`, instant(begins), instant(ends), escape(to))
	fmt.Fprintf(&b, `<saml:AuthnStatement AuthnInstant="%s"><saml:AuthnContext><saml:AuthnContextClassRef>`+
		`urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>`+
		`</saml:AuthnStatement>`, instant(now))
	writeAttributes(&b, l.Attributes)
	b.WriteString(`</saml:Assertion></samlp:Response>`)

	return b.String()
}

func writeAttributes(b *strings.Builder, attributes map[string][]string) {
	if len(attributes) == 0 {
		return
	}

	b.WriteString(`<saml:AttributeStatement>`)

	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		b.WriteString(`<saml:Attribute Name="` + escape(name) + `">`)

		for _, value := range attributes[name] {
			b.WriteString(`<saml:AttributeValue xsi:type="xs:string">` + escape(value) + `</saml:AttributeValue>`)
		}
		b.WriteString(`</saml:Attribute>`)
	}
	b.WriteString(`</saml:AttributeStatement>`)
}

// sign returns the signature of an element by its ID (XML Signature 1.1; RFC 6931, section 2.3.6). The library's
// own signatures with such a key have another form than the specification.
func (p *Provider) sign(e *etree.Element, id string) (*etree.Element, error) {
	content, err := canonical(e)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(content)

	const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	info := `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` +
		`<ds:CanonicalizationMethod Algorithm="` + exclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="` + dsig.ECDSASHA256SignatureMethod + `"/>` +
		`<ds:Reference URI="#` + id + `"><ds:Transforms>` +
		`<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>` +
		`<ds:Transform Algorithm="` + exclusive + `"/></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>` +
		base64.StdEncoding.EncodeToString(digest[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	signed := etree.NewDocument()
	if err := signed.ReadFromString(info); err != nil {
		return nil, err
	}
	if content, err = canonical(signed.Root()); err != nil {
		return nil, err
	}

	sum := sha256.Sum256(content)
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		return nil, err
	}
	value := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)

	signature := etree.NewDocument()
	err = signature.ReadFromString(`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + info +
		`<ds:SignatureValue>` + base64.StdEncoding.EncodeToString(value) + `</ds:SignatureValue>` + p.keyInfo() +
		`</ds:Signature>`)

	return signature.Root(), err
}

// canonical returns the exclusive canonical form of an element.
func canonical(e *etree.Element) ([]byte, error) {
	context, err := etreeutils.NSBuildParentContext(e)
	if err != nil {
		return nil, err
	}
	alone, err := etreeutils.NSDetatch(context, e)
	if err != nil {
		return nil, err
	}

	return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(alone)
}

func instant(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder never fails
	return b.String()
}
