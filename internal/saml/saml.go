// Package saml reads SAML 2.0 for a relying party: an identity provider's metadata,
// and the signed Response that identifies a user. It sends no requests, stores
// nothing, and gets the time from its caller. It accepts only the responses of the
// Web Browser SSO profile (SAML Profiles 4.1) that identity providers send to AWS's
// sign-in endpoint, and refuses any document that two XML parsers might read
// differently. Start reading at Provider.Read, then scan.go (the document),
// signature.go, assertion.go and attributes.go (AWS's attributes).
package saml

import (
	"crypto/x509"
	"regexp"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Provider is an identity provider, with the rules for its responses.
type Provider struct {
	Metadata
	// Audiences and Recipients are accepted in addition to AWS's sign-in endpoints.
	Audiences  []string
	Recipients []string
	// PreviousEntityIDs are the identity provider's former entity IDs: its users
	// are the same people. Nil for most providers.
	PreviousEntityIDs []string
	// AnyCertificateDate accepts signatures by certificates that have expired or
	// are not yet valid.
	AnyCertificateDate bool
	// Link leads to the provider, or to its entry in the settings file, for advice; none
	// if its Kind is "".
	Link explain.Link
}

// metadataDocument names the field of the IAM API for a provider's metadata.
const metadataDocument = "SAMLMetadataDocument"

// unlessAPI returns the advice to change a setting of the provider. The IAM API has no
// such field: for a provider made by it, the advice is to define it in the settings.
func (p *Provider) unlessAPI(change, define string) string {
	if p.Link.Source == explain.SourceAPI {
		return "define the provider in saml_providers of the settings instead, where " + define
	}

	return change + " of the provider in saml_providers of the settings"
}

// metadataAt names the place where the provider's metadata is replaced.
func (p *Provider) metadataAt() string {
	if p.Link.Source == explain.SourceAPI {
		return "with UpdateSAMLProvider"
	}

	return "in metadata_file of the provider in saml_providers of the settings"
}

// at links a refusal to a field of the provider, which the settings call setting.
// field is "" if the IAM API does not have it.
func (p *Provider) at(r *explain.Refusal, field, setting string) *explain.Refusal {
	link := p.Link
	switch {
	case link.Source == explain.SourceFile:
		link = link.In(setting)
	case field == "":
		return r
	default:
		link.Field = field
	}

	return r.At(link)
}

// Metadata describes an identity provider, as its metadata document does.
type Metadata struct {
	EntityID     string
	Certificates []*x509.Certificate // for signatures; any of them is accepted
	ValidUntil   time.Time           // end of the document's validity; zero if it has none
}

// AWS's names as a relying party (IAM User Guide, "Configure SAML assertions for the
// authentication response"). They are accepted, so that an application at an
// identity provider that is set up for AWS need not be changed.
var (
	awsAudiences = []string{
		"urn:amazon:webservices",
		"urn:amazon:webservices:govcloud",
		"urn:amazon:webservices:cn-north-1",
		"https://signin.aws.amazon.com/saml",
	}
	awsRecipient = regexp.MustCompile(`^https://(?:(?:[a-z0-9-]{1,32}\.)?` +
		`signin\.(?:aws\.amazon\.com|amazonaws-us-gov\.com|amazonaws\.cn)/saml|` +
		`signin\.aws\.amazon\.com/static/saml)$`)
)

func (p *Provider) acceptsAudience(audience string) bool {
	return slices.Contains(p.Audiences, audience) || slices.Contains(awsAudiences, audience)
}

func (p *Provider) acceptsRecipient(recipient string) bool {
	return slices.Contains(p.Recipients, recipient) || awsRecipient.MatchString(recipient)
}

// Assertion holds the facts that an identity provider vouched for by its signature.
type Assertion struct {
	ID     string
	Issuer string

	NameID          string // the subject; compared byte for byte, never normalised
	NameIDFormat    string // a URI; "" if not given
	NameQualifier   string
	SPNameQualifier string
	Scope           string // the namespace in which NameID is unique: entity ID and qualifiers

	Audience  string // the accepted one
	Recipient string // the accepted one; saml:aud of STS

	IssueInstant time.Time
	// AuthnInstant is the time of the user's sign-in at the provider, the earliest of
	// all statements; zero if not given.
	AuthnInstant time.Time
	// NotOnOrAfter is the earliest end of validity of the assertion's parts.
	NotOnOrAfter time.Time
	// SessionNotOnOrAfter is the end of the provider's session; zero if not given.
	SessionNotOnOrAfter time.Time

	// Attributes maps the Name of each attribute to its texts, in document order. An
	// attribute with a value that is not plain text is left out.
	Attributes map[string][]string
	AWS        AWSAttributes

	Signature string // algorithm of the signature that covers the assertion
}

// Transient reports whether the provider makes a new NameID for each sign-in.
func (a *Assertion) Transient() bool {
	return a.NameIDFormat == "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
}

// Kind is the kind of a refusal. Callers have different messages for each.
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
	// Refusal names the check that did not pass. It quotes no name, no attribute value
	// and no signature.
	*explain.Refusal
	Kind Kind

	NotOnOrAfter time.Time // for Expired: the end of validity; zero if not yet valid
}

// Error returns one line for the log, without personal data.
func (r *Refused) Error() string { return "SAML response refused: " + r.Refusal.Error() }

// Unwrap returns the refusal.
func (r *Refused) Unwrap() error { return r.Refusal }

func malformed(r *explain.Refusal) *Refused { return &Refused{Refusal: r, Kind: Malformed} }

func unverified(r *explain.Refusal) *Refused { return &Refused{Refusal: r, Kind: Unverified} }
