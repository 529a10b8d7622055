package saml

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// MaxResponse bounds an encoded Response, in characters (STS API reference,
// SAMLAssertion).
const MaxResponse = 100_000

var responseLimits = scanLimits{tokens: 20_000, depth: 40}

const (
	// maxElements is below what the signature library walks through.
	maxElements   = 900
	statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"
	resend        = "Send the SAMLResponse value exactly as the identity provider posted it."
)

// Read proves an encoded Response and returns what its assertion says. now is
// the time of judgement, skew the tolerated difference of clocks. The checks run
// in a fixed order: the document, what is signed, the signatures, and only then
// the contents, which are read from the signed bytes and nowhere else.
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
		return nil, &Refused{Reason: Unverified, Check: "SAML metadata", Expected: "metadata that is valid today",
			Got: "metadata valid until " + p.ValidUntil.Format(time.RFC3339), Fix: "Replace the provider's metadata document by its current one."}
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

// decode turns base64 into a Response element of a safe document.
func decode(encoded string) (*etree.Element, *Refused) {
	if len(encoded) > MaxResponse {
		return nil, malformed("SAML response size", fmt.Sprintf("at most %d characters", MaxResponse), fmt.Sprintf("%d", len(encoded)),
			"Have the identity provider send fewer attributes.")
	}
	document, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(document) == 0 || strings.ContainsAny(encoded, "\r\n") {
		return nil, malformed("SAML response encoding", "standard base64 with padding, on one line", "something else",
			"Send the SAMLResponse form value as it came, decoded from the URL encoding but not from base64, without line breaks.")
	}
	if err := scan(document, responseLimits); err != nil {
		return nil, malformed("SAML response document", "plain XML without DOCTYPE, comments, CDATA or repeated IDs", err.Error(), resend)
	}
	root, err := parse(document)
	if err != nil {
		return nil, malformed("SAML response document", "well-formed XML", err.Error(), resend)
	}
	if !is(root, protocolNamespace, "Response") {
		return nil, malformed("SAML response", "a SAML 2.0 Response element", "the element "+show(root.Tag),
			"Send the whole Response, not the assertion alone, of a SAML 2.0 sign-in.")
	}
	return root, nil
}

// structure finds the only assertion, and refuses documents in which another
// element could be taken for it or for its signature.
func structure(response *etree.Element) (*etree.Element, *Refused) {
	var elements, assertions, signatures int
	encrypted := ""
	walk(response, func(e *etree.Element) {
		elements++
		switch e.Tag {
		case "Assertion": // in whatever namespace
			assertions++
		case "Signature":
			signatures++
		case "EncryptedAssertion", "EncryptedID", "EncryptedAttribute", "NewEncryptedID", "EncryptedData":
			encrypted = e.Tag
		}
	})
	if elements > maxElements {
		return nil, malformed("SAML response size", fmt.Sprintf("at most %d elements", maxElements), fmt.Sprintf("%d", elements),
			"Have the identity provider send fewer attributes.")
	}
	if encrypted != "" {
		return nil, &Refused{Reason: Unsupported, Check: "SAML encryption", Expected: "an assertion in clear text (TLS protects it)", Got: "an " + encrypted,
			Fix: "Switch assertion encryption off for this application at the identity provider: encrypted assertions are not supported."}
	}
	for _, child := range response.ChildElements() {
		known := is(child, assertionNamespace, "Issuer") || is(child, assertionNamespace, "Assertion") || is(child, signatureNamespace, "Signature") ||
			is(child, protocolNamespace, "Status") || is(child, protocolNamespace, "Extensions")
		if !known {
			return nil, malformed("SAML response", "Issuer, Signature, Extensions, Status and Assertion", "the element "+show(child.Tag), resend)
		}
	}
	direct := all(response, assertionNamespace, "Assertion")
	switch {
	case assertions == 0:
		return nil, malformed("SAML assertion", "one assertion", "none; the status is "+show(status(response)),
			"Look at the identity provider's log: it refused the sign-in or sent no assertion.")
	case assertions > 1 || len(direct) != 1:
		return nil, malformed("SAML assertion", "one assertion, directly in the response", fmt.Sprintf("%d in all, %d of them directly in the response", assertions, len(direct)), resend)
	}
	own := len(all(response, signatureNamespace, "Signature")) + len(all(direct[0], signatureNamespace, "Signature"))
	switch {
	case signatures == 0:
		return nil, unverified("a signed assertion or response", "no signature", "Have the identity provider sign its assertions.")
	case signatures != own:
		return nil, unverified("signatures directly in the response or its assertion", "one elsewhere", resend)
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

// judge holds one Response to what its provider is trusted for.
type judge struct {
	provider *Provider
	now      time.Time
	skew     time.Duration
	a        *Assertion
	request  string // of the Response
}

// requestOf returns the ID of the request that an element answers (InResponseTo),
// "" for none. Some identity providers write an empty one for none, which can be no
// request's ID.
func requestOf(e *etree.Element) string {
	id, _ := attribute(e, "InResponseTo")
	return id
}

// signatures verifies every signature there is and returns response and
// assertion as they were signed. A response that is not itself signed is
// returned as it came: it can only add reasons to refuse.
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
			return nil, nil, unverified("a signed Response", "another element", resend)
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
		return nil, nil, unverified("a signed Assertion", "another element", resend)
	}
	return response, assertion, nil
}

// structureOfSigned finds the assertion in the signed bytes of a response, whose
// own signature is no longer in them.
func structureOfSigned(response *etree.Element) (*etree.Element, *Refused) {
	assertion, n := one(response, assertionNamespace, "Assertion")
	if assertion == nil {
		return nil, unverified("one assertion in the signed response", fmt.Sprintf("%d", n), resend)
	}
	return assertion, nil
}

// envelope checks the Response around the assertion.
func (j *judge) envelope(response *etree.Element) *Refused {
	if version, _ := attribute(response, "Version"); version != "2.0" {
		return malformed("SAML version", "2.0", show(version), "Use SAML 2.0.")
	}
	if code := status(response); code != statusSuccess {
		return &Refused{Reason: Failed, Check: "SAML status", Expected: statusSuccess, Got: show(code),
			Fix: "Look at the identity provider's log for why it refused the sign-in."}
	}
	if issuers := all(response, assertionNamespace, "Issuer"); len(issuers) > 1 {
		return malformed("SAML response issuer", "one Issuer", fmt.Sprintf("%d", len(issuers)), resend)
	} else if len(issuers) == 1 {
		if refused := j.issuer(issuers[0]); refused != nil {
			return refused
		}
	}
	// An empty Destination says nothing (SAML Bindings 3.5.5.2 asks for one only
	// in signed responses).
	if destination, _ := attribute(response, "Destination"); destination != "" && !j.provider.acceptsRecipient(destination) {
		return j.wrongRecipient("SAML destination", destination)
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
		return at, &Refused{Reason: Expired, Check: "SAML issue instant", Expected: "at most " + j.now.Add(j.skew).Format(time.RFC3339),
			Got: at.Format(time.RFC3339), Fix: "Compare this server's clock with the identity provider's: the response is from the future."}
	}
	return at, nil
}
