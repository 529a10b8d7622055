package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

// Limits of a metadata document (IAM API reference, CreateSAMLProvider).
const (
	MaxMetadata     = 10_000_000 // bytes
	maxEntityID     = 1024       // characters (SAML Core 8.3.6)
	maxCertificates = 10
)

var metadataLimits = scanLimits{tokens: 500_000, depth: 40, comments: true}

// Bounds on RSA keys, in bits, the same as for JSON Web Keys.
const minRSABits, maxRSABits = 2048, 8192

// MetadataError is the error for a metadata document that cannot be used.
type MetadataError struct{ Problem, Fix string }

// Error returns one line.
func (e *MetadataError) Error() string { return e.Problem + "; " + e.Fix }

const exportAgain = "export the metadata of the SAML 2.0 identity provider again, as an EntityDescriptor"

// ParseMetadata reads the metadata document of one identity provider. Its error
// is a *MetadataError.
func ParseMetadata(document []byte) (Metadata, error) {
	m, problem := parseMetadata(document)
	if problem != nil {
		return Metadata{}, problem
	}
	return m, nil
}

func parseMetadata(document []byte) (m Metadata, problem *MetadataError) {
	fail := func(fix, format string, args ...any) (Metadata, *MetadataError) {
		return Metadata{}, &MetadataError{fmt.Sprintf(format, args...), fix}
	}

	if len(document) == 0 || len(document) > MaxMetadata {
		return fail(exportAgain, "the document has %d bytes; 1 to %d are allowed", len(document), MaxMetadata)
	}
	if err := scan(document, metadataLimits); err != nil {
		return fail("save it as plain UTF-8 XML, without byte order mark and DOCTYPE",
			"the document cannot be read: %v", err)
	}

	root, err := parse(document)
	if err != nil {
		return fail(exportAgain, "the document cannot be read: %v", err)
	}
	if is(root, metadataNamespace, "EntitiesDescriptor") {
		return fail("take the EntityDescriptor of the one identity provider out of it",
			"the document describes several entities")
	}
	if !is(root, metadataNamespace, "EntityDescriptor") {
		return fail(exportAgain, "the document is %s, not SAML 2.0 metadata", show(root.Tag))
	}

	m.EntityID, _ = attribute(root, "entityID")
	if !plainEntityID(m.EntityID) {
		return fail(exportAgain, "the entityID is missing, too long or not printable")
	}

	descriptor, n := one(root, metadataNamespace, "IDPSSODescriptor")
	if descriptor == nil {
		return fail("use the metadata of the identity provider, not of an application",
			"the document has %d IDPSSODescriptor elements, not one", n)
	}
	if protocols, _ := attribute(
		descriptor, "protocolSupportEnumeration",
	); !containsField(protocols, protocolNamespace) {
		return fail("use a SAML 2.0 identity provider", "the identity provider does not support SAML 2.0")
	}

	for _, e := range []*etree.Element{root, descriptor} {
		value, given := attribute(e, "validUntil")
		if !given {
			continue
		}
		at, ok := instant(value)
		if !ok {
			return fail("write it in UTC, like 2030-01-31T12:00:00Z", "validUntil is %s", show(value))
		}
		if m.ValidUntil.IsZero() || at.Before(m.ValidUntil) {
			m.ValidUntil = at
		}
	}

	m.Certificates, problem = signingCertificates(descriptor)

	return m, problem
}

func containsField(list, want string) bool {
	for field := range strings.FieldsSeq(list) {
		if field == want {
			return true
		}
	}
	return false
}

// signingCertificates returns the certificates of the keys for signing, each once:
// providers may list the same one for several uses.
func signingCertificates(descriptor *etree.Element) (list []*x509.Certificate, problem *MetadataError) {
	for _, key := range all(descriptor, metadataNamespace, "KeyDescriptor") {
		switch use, given := attribute(key, "use"); {
		case given && use == "encryption":
			continue
		case given && use != "signing":
			return nil, &MetadataError{"a KeyDescriptor has the use " + show(use), "let it be signing or encryption"}
		}

		info, _ := one(key, signatureNamespace, "KeyInfo")
		if info == nil {
			return nil, &MetadataError{"a KeyDescriptor has no KeyInfo", exportAgain}
		}

		for _, data := range all(info, signatureNamespace, "X509Data") {
			for _, e := range all(data, signatureNamespace, "X509Certificate") {
				certificate, problem := signingCertificate(e)
				if problem != nil {
					return nil, problem
				}
				if !contains(list, certificate) {
					list = append(list, certificate)
				}
			}
		}
	}

	switch {
	case len(list) == 0:
		return nil, &MetadataError{
			"the document has no signing certificate",
			"have the identity provider publish its signing certificate",
		}
	case len(list) > maxCertificates:
		return nil, &MetadataError{
			fmt.Sprintf("the document has %d signing certificates; %d are allowed", len(list), maxCertificates),
			"remove those that are no longer used",
		}
	}

	return list, nil
}

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, have := range list {
		if have.Equal(c) {
			return true
		}
	}
	return false
}

func signingCertificate(e *etree.Element) (*x509.Certificate, *MetadataError) {
	encoded, plain := text(e)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if !plain || err != nil {
		return nil, &MetadataError{"a signing certificate is not base64", exportAgain}
	}

	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, &MetadataError{
			"a signing certificate cannot be read: " + err.Error(),
			"have the identity provider make a new certificate",
		}
	}
	if weakness := weakKey(certificate); weakness != "" {
		return nil, &MetadataError{
			"a signing certificate has " + weakness,
			"have the identity provider make a new one, RSA with 2048 bits or more, or ECDSA",
		}
	}

	return certificate, nil
}

func weakKey(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Sprintf("an RSA key of %d bits; %d to %d are allowed", bits, minRSABits, maxRSABits)
		}
		if key.E < 3 || key.E%2 == 0 {
			return "an RSA key with a useless exponent"
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return fmt.Sprintf("an ECDSA key of %d bits; 256 are the least", bits)
		}
	default:
		return "a key that is neither RSA nor ECDSA"
	}

	return ""
}
