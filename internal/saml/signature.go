package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Algorithms that signatures may use: none weaker than SHA-256, none symmetric, and
// one canonical form (XML Signature 1.1 and RFC 6931 define their names).
var (
	signatureMethods = map[string]x509.PublicKeyAlgorithm{
		dsig.RSASHA256SignatureMethod:   x509.RSA,
		dsig.RSASHA384SignatureMethod:   x509.RSA,
		dsig.RSASHA512SignatureMethod:   x509.RSA,
		dsig.ECDSASHA256SignatureMethod: x509.ECDSA,
		dsig.ECDSASHA384SignatureMethod: x509.ECDSA,
		dsig.ECDSASHA512SignatureMethod: x509.ECDSA,
	}
	digestMethods = map[string]int{ // to the digest's size in bytes
		"http://www.w3.org/2001/04/xmlenc#sha256":       32,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": 48,
		"http://www.w3.org/2001/04/xmlenc#sha512":       64,
	}
	ncName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,255}$`)
)

const (
	enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// signatureOf returns the signature that is a direct child of e, or nil if there is
// none. It checks that the signature is enveloped and covers exactly e.
func signatureOf(e *etree.Element) (*etree.Element, *Refused) {
	found := all(e, signatureNamespace, "Signature")
	if len(found) == 0 {
		return nil, nil
	}
	if len(found) > 1 {
		return nil, unverified(severalSignatures.With("count", strconv.Itoa(len(found)), "element", e.Tag))
	}

	id, _ := attribute(e, "ID")
	if problem := checkSignature(found[0], id); problem != "" {
		return nil, unverified(signatureShape.With("element", e.Tag, "problem", problem))
	}

	return found[0], nil
}

// checkSignature accepts a Signature element of exactly one shape. It returns the
// problem of any other, and "" for none.
func checkSignature(s *etree.Element, id string) (problem string) {
	if !ncName.MatchString(id) {
		return "a signature in an element without a usable ID"
	}

	parts := s.ChildElements()
	if len(parts) < 2 || len(parts) > 3 || !onlyElements(s) || !is(parts[0], signatureNamespace, "SignedInfo") ||
		!is(parts[1], signatureNamespace, "SignatureValue") ||
		len(parts) == 3 && !is(parts[2], signatureNamespace, "KeyInfo") {
		return "a signature with other parts than SignedInfo, SignatureValue and KeyInfo"
	}
	if value, plain := text(parts[1]); !plain || value == "" {
		return "a signature without value"
	}

	info := parts[0].ChildElements()
	if len(info) != 3 || !onlyElements(parts[0]) || !is(info[0], signatureNamespace, "CanonicalizationMethod") ||
		!is(info[1], signatureNamespace, "SignatureMethod") || !is(info[2], signatureNamespace, "Reference") {
		return "a signature with other contents than one method, one canonicalisation and one reference"
	}
	if algorithm, _ := attribute(info[0], "Algorithm"); algorithm != exclusive || len(info[0].Child) > 0 {
		return "the canonicalisation " + show(algorithm)
	}

	method, _ := attribute(info[1], "Algorithm")
	if _, ok := signatureMethods[method]; !ok || len(info[1].Child) > 0 {
		return "the signature method " + show(method)
	}

	return checkReference(info[2], id)
}

func checkReference(r *etree.Element, id string) (problem string) {
	if uri, _ := attribute(r, "URI"); uri != "#"+id {
		return "a signature over something else than its own element"
	}

	parts := r.ChildElements()
	if len(parts) != 3 || !onlyElements(r) || !is(parts[0], signatureNamespace, "Transforms") ||
		!is(parts[1], signatureNamespace, "DigestMethod") || !is(parts[2], signatureNamespace, "DigestValue") {
		return "a reference with other parts than transforms and digest"
	}

	transforms := parts[0].ChildElements()
	if len(transforms) != 2 || !onlyElements(parts[0]) {
		return fmt.Sprintf("%d transforms", len(transforms))
	}

	for i, want := range []string{enveloped, exclusive} {
		t := transforms[i]
		if algorithm, _ := attribute(t, "Algorithm"); algorithm != want || !is(t, signatureNamespace, "Transform") {
			return "the transform " + show(algorithm)
		}
		inner := t.ChildElements()
		if !onlyElements(t) || len(inner) > i || len(inner) == 1 &&
			(!is(inner[0], exclusiveNamespace, "InclusiveNamespaces") || len(inner[0].Child) > 0) {
			return "a transform with parameters"
		}
	}

	method, _ := attribute(parts[1], "Algorithm")
	size, ok := digestMethods[method]
	if !ok || len(parts[1].Child) > 0 {
		return "the digest method " + show(method)
	}

	value, plain := text(parts[2])
	if digest, err := base64.StdEncoding.DecodeString(value); !plain || err != nil || len(digest) != size {
		return "a digest of another length"
	}

	return ""
}

// verify checks the signature over e with each of the provider's certificates. It
// returns e, parsed from the canonical bytes that were signed, and the algorithm.
// Callers must trust only the returned element.
func (p *Provider) verify(e *etree.Element, now time.Time) (signed *etree.Element, method string, refused *Refused) {
	context, err := etreeutils.NSBuildParentContext(e)
	if err != nil {
		return nil, "", unverified(signatureNamespaces.With())
	}

	// Take e out of its document, with the namespaces that its ancestors declare.
	alone, err := etreeutils.NSDetatch(context, e)
	if err != nil {
		return nil, "", unverified(signatureNamespaces.With())
	}
	signature, _ := one(alone, signatureNamespace, "Signature")
	if signature == nil {
		return nil, "", unverified(unsigned.With())
	}

	// The key that the sender names has no effect.
	if keyInfo, _ := one(signature, signatureNamespace, "KeyInfo"); keyInfo != nil {
		signature.RemoveChild(keyInfo)
	}

	info, _ := one(signature, signatureNamespace, "SignedInfo")
	methodElement, _ := one(info, signatureNamespace, "SignatureMethod")
	method, _ = attribute(methodElement, "Algorithm")
	value, _ := one(signature, signatureNamespace, "SignatureValue")
	written, _ := text(value)
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(written), ""))
	if err != nil {
		return nil, "", unverified(signatureBase64.With())
	}

	tried, outdated := 0, 0
	for _, certificate := range p.Certificates {
		if certificate.PublicKeyAlgorithm != signatureMethods[method] {
			continue
		}
		if !p.AnyCertificateDate && (now.Before(certificate.NotBefore) || now.After(certificate.NotAfter)) {
			outdated++
			continue
		}
		encoded, ok := signatureValue(certificate, raw)
		if !ok {
			continue
		}

		tried++
		value.SetText(base64.StdEncoding.EncodeToString(encoded))
		validation := dsig.ValidationContext{
			CertificateStore: &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}},
			IdAttribute:      "ID",
			Clock:            dsig.NewFakeClockAt(certificate.NotBefore), // the dates are checked above
		}
		if signed, err := validation.Validate(alone); err == nil && signed != nil {
			return signed, method, nil
		}
	}

	return nil, "", unverified(p.at(p.noCertificate(tried, outdated), metadataDocument, "metadata_file"))
}

// noCertificate explains that none of the tried certificates verifies a signature.
// outdated counts those that were not tried because of their dates.
func (p *Provider) noCertificate(tried, outdated int) *explain.Refusal {
	if tried > 0 || outdated == 0 {
		return otherCertificate.With("where", p.metadataAt())
	}
	return outdatedCertificate.With(
		"count", strconv.Itoa(outdated),
		"where", p.metadataAt(),
		"change", p.unlessAPI("switch off enforce_certificate_dates", "enforce_certificate_dates can be off"),
	)
}

// signatureValue converts a signature from its form in XML to the form that the
// library checks: they differ for the two numbers of ECDSA (XML Signature 1.1
// section 6.4.3). It reports whether the size fits the certificate's key.
func signatureValue(c *x509.Certificate, raw []byte) ([]byte, bool) {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return raw, len(raw) == key.Size()
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(raw) != 2*size {
			return nil, false
		}

		encoded, err := asn1.Marshal(struct{ R, S *big.Int }{
			new(big.Int).SetBytes(raw[:size]),
			new(big.Int).SetBytes(raw[size:]),
		})

		return encoded, err == nil
	default:
		return nil, false
	}
}
