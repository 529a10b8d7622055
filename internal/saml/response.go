package saml

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// MaxResponse bounds an encoded Response, in characters (STS API reference,
// SAMLAssertion).
const MaxResponse = 100_000

var responseLimits = scanLimits{tokens: 20_000, depth: 40}

const (
	// maxElements is less than the signature library's limit.
	maxElements   = 900
	statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"
)

// Read proves an encoded Response and returns its assertion. now is the present
// time, skew the tolerated difference of clocks. The checks run in a fixed order:
// the document, its structure, the signatures, and only then the contents, which
// are read only from the signed bytes.
func (p *Provider) Read(encoded string, now time.Time, skew time.Duration) (*Assertion, *Refused) {
	response, refused := decode(encoded)
	if refused != nil {
		return nil, refused
	}
	assertion, refused := structure(response)
	if refused != nil {
		return nil, refused
	}

	if !p.ValidUntil.IsZero() && !now.Before(p.ValidUntil.Add(skew)) {
		why := outdatedMetadata.With("until", p.ValidUntil.Format(time.RFC3339), "where", p.metadataAt())
		return nil, unverified(p.at(why, metadataDocument, "metadata_file"))
	}

	j := &judge{provider: p, now: now, skew: skew, a: &Assertion{}}
	response, assertion, refused = j.signatures(response, assertion)
	if refused != nil {
		return nil, refused
	}
	if refused := j.envelope(response); refused != nil {
		return nil, refused
	}
	if refused := j.assertion(assertion); refused != nil {
		return nil, refused
	}

	return j.a, nil
}

// PeekIssuer reads the issuer of a response's assertion, and proves nothing. A caller may use it
// only to choose the provider that judges the response.
func PeekIssuer(encoded string) (string, *Refused) {
	response, refused := decode(encoded)
	if refused != nil {
		return "", refused
	}
	assertion, refused := structure(response)
	if refused != nil {
		return "", refused
	}

	issuer, n := one(assertion, assertionNamespace, "Issuer")
	if issuer == nil {
		return "", malformed(noIssuer.With("count", strconv.Itoa(n)))
	}
	name, _ := text(issuer)

	return name, nil
}

// decode returns the Response element of an encoded document that is safe to parse.
func decode(encoded string) (*etree.Element, *Refused) {
	if len(encoded) > MaxResponse {
		return nil, malformed(responseSize.With("limit", strconv.Itoa(MaxResponse), "size", strconv.Itoa(len(encoded))))
	}

	document, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(document) == 0 || strings.ContainsAny(encoded, "\r\n") {
		return nil, malformed(responseEncoding.With())
	}
	if err := scan(document, responseLimits); err != nil {
		return nil, malformed(responseDocument.With("problem", err.Error()))
	}

	root, err := parse(document)
	if err != nil {
		return nil, malformed(responseNotXML.With("problem", err.Error()))
	}
	if !is(root, protocolNamespace, "Response") {
		return nil, malformed(otherElement.With("element", show(root.Tag)))
	}

	return root, nil
}

// structure finds the only assertion. It refuses documents in which another element
// could be mistaken for it or for its signature.
func structure(response *etree.Element) (*etree.Element, *Refused) {
	var elements, assertions, signatures int
	encrypted := ""
	walk(response, func(e *etree.Element) {
		elements++

		switch e.Tag {
		case "Assertion": // in any namespace
			assertions++
		case "Signature":
			signatures++
		case "EncryptedAssertion", "EncryptedID", "EncryptedAttribute", "NewEncryptedID", "EncryptedData":
			encrypted = e.Tag
		}
	})
	if elements > maxElements {
		return nil, malformed(responseElements.With(
			"limit", strconv.Itoa(maxElements),
			"count", strconv.Itoa(elements),
		))
	}
	if encrypted != "" {
		return nil, &Refused{Refusal: encryptedAssertion.With("element", encrypted), Kind: Unsupported}
	}

	for _, child := range response.ChildElements() {
		known := is(child, assertionNamespace, "Issuer") || is(child, assertionNamespace, "Assertion") ||
			is(child, signatureNamespace, "Signature") || is(child, protocolNamespace, "Status") ||
			is(child, protocolNamespace, "Extensions")
		if !known {
			return nil, malformed(otherChild.With("element", show(child.Tag)))
		}
	}

	direct := all(response, assertionNamespace, "Assertion")
	switch {
	case assertions == 0:
		return nil, malformed(noAssertion.With("status", show(status(response))))
	case assertions > 1 || len(direct) != 1:
		return nil, malformed(severalAssertions.With(
			"count", strconv.Itoa(assertions),
			"direct", strconv.Itoa(len(direct)),
		))
	}

	own := len(all(response, signatureNamespace, "Signature")) + len(all(direct[0], signatureNamespace, "Signature"))
	switch {
	case signatures == 0:
		return nil, unverified(unsigned.With())
	case signatures != own:
		return nil, unverified(signatureElsewhere.With())
	}

	return direct[0], nil
}

func status(response *etree.Element) string {
	s, _ := one(response, protocolNamespace, "Status")
	if s == nil {
		return ""
	}
	code, _ := one(s, protocolNamespace, "StatusCode")
	if code == nil {
		return ""
	}
	value, _ := attribute(code, "Value")

	return value
}

// judge checks one Response by the rules of its provider.
type judge struct {
	provider *Provider
	now      time.Time
	skew     time.Duration
	a        *Assertion
	request  string // InResponseTo of the Response
}

// requestOf returns the ID of the request that an element answers (InResponseTo); ""
// if it answers none. Some identity providers write an empty ID for none.
func requestOf(e *etree.Element) string {
	id, _ := attribute(e, "InResponseTo")
	return id
}

// signatures verifies all signatures and returns response and assertion, read from
// the signed bytes. It returns a response that is not itself signed unchanged: such
// a response can only add reasons to refuse.
func (j *judge) signatures(response, assertion *etree.Element) (*etree.Element, *etree.Element, *Refused) {
	onResponse, refused := signatureOf(response)
	if refused != nil {
		return nil, nil, refused
	}
	onAssertion, refused := signatureOf(assertion)
	if refused != nil {
		return nil, nil, refused
	}

	if onResponse != nil {
		var signed *etree.Element
		if signed, j.a.Signature, refused = j.provider.verify(response, j.now); refused != nil {
			return nil, nil, refused
		}
		if response = signed; !is(response, protocolNamespace, "Response") {
			return nil, nil, unverified(signedElement.With("element", "Response"))
		}
		if assertion, refused = structureOfSigned(response); refused != nil {
			return nil, nil, refused
		}
	}

	if onAssertion != nil {
		var signed *etree.Element
		if signed, j.a.Signature, refused = j.provider.verify(assertion, j.now); refused != nil {
			return nil, nil, refused
		}
		assertion = signed
	}
	if !is(assertion, assertionNamespace, "Assertion") {
		return nil, nil, unverified(signedElement.With("element", "Assertion"))
	}

	return response, assertion, nil
}

// structureOfSigned finds the assertion in the signed bytes of a response, whose
// own signature is no longer in them.
func structureOfSigned(response *etree.Element) (*etree.Element, *Refused) {
	assertion, n := one(response, assertionNamespace, "Assertion")
	if assertion == nil {
		return nil, unverified(signedAssertions.With("count", strconv.Itoa(n)))
	}
	return assertion, nil
}

// envelope checks the Response around the assertion.
func (j *judge) envelope(response *etree.Element) *Refused {
	if version, _ := attribute(response, "Version"); version != "2.0" {
		return malformed(otherVersion.With("version", show(version)))
	}
	if code := status(response); code != statusSuccess {
		return &Refused{Refusal: failedStatus.With("status", show(code)), Kind: Failed}
	}

	if issuers := all(response, assertionNamespace, "Issuer"); len(issuers) > 1 {
		return malformed(responseIssuers.With("count", strconv.Itoa(len(issuers))))
	} else if len(issuers) == 1 {
		if refused := j.issuer(issuers[0]); refused != nil {
			return refused
		}
	}

	// Destination may be empty (SAML Bindings 3.5.5.2 requires it only in signed
	// responses).
	if destination, _ := attribute(response, "Destination"); destination != "" &&
		!j.provider.acceptsRecipient(destination) {
		return &Refused{
			Refusal: j.provider.at(otherDestination.With(
				"recipients", j.recipients(),
				"destination", show(destination),
				"change", j.provider.unlessAPI("add its present one to recipients", "recipients can have more"),
			), "", "recipients"),
			Kind: WrongAudience,
		}
	}

	j.request = requestOf(response)
	_, refused := j.issued(response)

	return refused
}

// issued reads IssueInstant, which may not be in the future.
func (j *judge) issued(e *etree.Element) (time.Time, *Refused) {
	value, _ := attribute(e, "IssueInstant")
	at, ok := instant(value)
	if !ok {
		return at, j.noInstant("IssueInstant of the "+e.Tag, value)
	}
	if at.After(j.now.Add(j.skew)) {
		return at, &Refused{
			Refusal: futureResponse.With(
				"latest", j.now.Add(j.skew).Format(time.RFC3339),
				"at", at.Format(time.RFC3339),
			),
			Kind: Expired,
		}
	}

	return at, nil
}
