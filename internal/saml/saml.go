// Package saml reads SAML 2.0: an identity provider's metadata, and the signed
// Response by which it says who a user is. It is a relying party's half only:
// it asks nobody, stores nothing, and knows no clock but the one it is given.
//
// The reader is narrower than the standard on purpose. It takes what identity
// providers send in the Web Browser SSO profile (SAML Profiles 4.1) to AWS's
// sign-in endpoint and refuses everything else, first of all any document that
// two XML parsers might understand differently. Start reading at Provider.Read,
// then scan.go (the document), signature.go (what is signed), assertion.go (what
// it says) and attributes.go (AWS's attributes).
package saml

import (
	"crypto/x509"
	"regexp"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Provider is an identity provider with what is accepted from it.
type Provider struct {
	Metadata
	// Audiences and Recipients are accepted besides AWS's sign-in endpoints.
	Audiences  []string
	Recipients []string
	// PreviousEntityIDs are those that the identity provider had before: its users
	// are the same people. Nil for most.
	PreviousEntityIDs []string
	// AnyCertificateDate accepts signatures by certificates that have run out or
	// are not yet valid.
	AnyCertificateDate bool
	// Link leads to where the provider can be changed, for advice. Its Kind "" leads
	// nowhere.
	Link explain.Link
}

// metadataDocument is the field of the IAM API for a provider's metadata.
const metadataDocument = "SAMLMetadataDocument"

// unlessAPI advises to change a setting of the provider, or to have the settings define
// it if the IAM API made it: the API has no such field.
func (p *Provider) unlessAPI(change, define string) string {
	if p.Link.Source == explain.SourceAPI {
		return "define the provider in saml_providers of the settings instead, where " + define
	}

	return change + " of the provider in saml_providers of the settings"
}

// metadataAt names where the metadata of the provider is replaced.
func (p *Provider) metadataAt() string {
	if p.Link.Source == explain.SourceAPI {
		return "with UpdateSAMLProvider"
	}

	return "in metadata_file of the provider in saml_providers of the settings"
}

// at leads a refusal to a field of the provider, setting in the settings. The IAM API
// may not have it.
func (p *Provider) at(r *explain.Refusal, field, setting string) *explain.Refusal {
	link := p.Link
	switch link.Source {
	case explain.SourceFile:
		link.Field = setting
	case explain.SourceAPI:
		link.Field = field
	}
	if link.Kind == "" || link.Field == "" {
		return r
	}

	return r.At(link)
}

// Metadata is what a metadata document says of an identity provider.
type Metadata struct {
	EntityID     string
	Certificates []*x509.Certificate // for signatures; any of them counts
	ValidUntil   time.Time           // of the document; zero = it does not say
}

// The relying party that identity providers know as AWS (IAM User Guide,
// "Configure SAML assertions for the authentication response"): an application
// that is set up for AWS need not be changed.
var (
	awsAudiences = []string{
		"urn:amazon:webservices", "urn:amazon:webservices:govcloud", "urn:amazon:webservices:cn-north-1",
		"https://signin.aws.amazon.com/saml",
	}
	awsRecipient = regexp.MustCompile(`^https://(?:(?:[a-z0-9-]{1,32}\.)?signin\.(?:aws\.amazon\.com|amazonaws-us-gov\.com|amazonaws\.cn)/saml|signin\.aws\.amazon\.com/static/saml)$`)
)

func (p *Provider) acceptsAudience(audience string) bool {
	return slices.Contains(p.Audiences, audience) || slices.Contains(awsAudiences, audience)
}

func (p *Provider) acceptsRecipient(recipient string) bool {
	return slices.Contains(p.Recipients, recipient) || awsRecipient.MatchString(recipient)
}

// Assertion is what an identity provider vouched for with its signature.
type Assertion struct {
	ID     string
	Issuer string

	NameID          string // the subject; compared byte for byte, never normalised
	NameIDFormat    string // a URI; "" = not said
	NameQualifier   string
	SPNameQualifier string
	Scope           string // in which NameID is unique: entity ID and qualifiers

	Audience  string // the accepted one
	Recipient string // the accepted one; what STS calls saml:aud

	IssueInstant time.Time
	// AuthnInstant is when the user signed in at the provider, the earliest of all
	// statements; zero = not said.
	AuthnInstant time.Time
	// NotOnOrAfter is the earliest end of validity of the assertion's parts.
	NotOnOrAfter time.Time
	// SessionNotOnOrAfter is when the provider's own session ends; zero = not said.
	SessionNotOnOrAfter time.Time

	// Attributes are the texts of all attributes by Name, in document order. An
	// attribute whose values are no plain text is left out.
	Attributes map[string][]string
	AWS        AWSAttributes

	Signature string // algorithm of the signature that covers the assertion
}

// Transient reports whether the NameID is made anew for each sign-in.
func (a *Assertion) Transient() bool {
	return a.NameIDFormat == "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
}

// Kind is the kind of a refusal, for callers that answer differently by kind.
type Kind int

// The kinds of refusals of a Response.
const (
	Malformed  Kind = iota // not a Response of the accepted form
	Unverified             // no valid signature
	WrongIssuer
	WrongAudience // or recipient
	Expired       // or not yet valid
	Failed        // the identity provider itself refused
	Unsupported   // encrypted
)

// Refused is the error for a Response that proves nothing.
type Refused struct {
	// Refusal is the check that did not pass. It holds no name, no attribute value and
	// no signature.
	*explain.Refusal
	Kind Kind

	NotOnOrAfter time.Time // of Expired: the moment that passed; zero for what is not yet valid
}

// Error is one line for the log, without personal data.
func (r *Refused) Error() string { return "SAML response refused: " + r.Refusal.Error() }

// Unwrap returns the refusal.
func (r *Refused) Unwrap() error { return r.Refusal }

func malformed(r *explain.Refusal) *Refused { return &Refused{Refusal: r, Kind: Malformed} }

func unverified(r *explain.Refusal) *Refused { return &Refused{Refusal: r, Kind: Unverified} }
