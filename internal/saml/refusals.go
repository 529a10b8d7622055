package saml

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which SAML responses are refused. The API that gets a
// response has the messages for the wire.
var Refusals explain.Catalogue

// Checks are the checks of a response in their order.
var Checks = []explain.Code{
	"saml-response-size", "saml-response-encoding", "saml-response-document", "saml-response", "saml-encryption",
	"saml-assertion", "saml-metadata", "saml-signature", "saml-version", "saml-status", "saml-response-issuer",
	"saml-destination", "saml-time", "saml-issue-instant", "saml-issuer", "saml-subject", "saml-nameid",
	"saml-nameid-qualifier", "saml-subject-confirmation", "saml-recipient", "saml-request", "saml-conditions",
	"saml-validity", "saml-audience", "saml-authentication-instant", "saml-attribute",
}

const resend = "send the SAMLResponse value exactly as the identity provider posted it"

// Reasons that concern the document.
var (
	responseSize = Refusals.Add(explain.Reason{
		Code:     "saml-response-size",
		Check:    "SAML response size",
		Expected: "at most {limit} characters",
		Got:      "{size}",
		Fix:      "have the identity provider send fewer attributes",
	})
	responseElements = Refusals.Add(explain.Reason{
		Code:     "saml-response-size-elements",
		Check:    "SAML response size",
		Expected: "at most {limit} elements",
		Got:      "{count}",
		Fix:      "have the identity provider send fewer attributes",
	})
	responseEncoding = Refusals.Add(explain.Reason{
		Code:     "saml-response-encoding",
		Check:    "SAML response encoding",
		Expected: "standard base64 with padding, on one line",
		Got:      "something else",
		Fix: "send the SAMLResponse form value as it came, decoded from the URL encoding but not from base64, " +
			"without line breaks",
	})
	responseDocument = Refusals.Add(explain.Reason{
		Code:     "saml-response-document",
		Check:    "SAML response document",
		Expected: "plain XML without DOCTYPE, comments, CDATA or repeated IDs",
		Got:      "{problem}",
		Fix:      resend,
	})
	responseNotXML = Refusals.Add(explain.Reason{
		Code:     "saml-response-document-xml",
		Check:    "SAML response document",
		Expected: "well-formed XML",
		Got:      "{problem}",
		Fix:      resend,
	})
	otherElement = Refusals.Add(explain.Reason{
		Code:     "saml-response",
		Check:    "SAML response",
		Expected: "a SAML 2.0 Response element",
		Got:      "the element {element}",
		Fix:      "send the whole Response, not the assertion alone, of a SAML 2.0 sign-in",
	})
	otherChild = Refusals.Add(explain.Reason{
		Code:     "saml-response-element",
		Check:    "SAML response",
		Expected: "Issuer, Signature, Extensions, Status and Assertion",
		Got:      "the element {element}",
		Fix:      resend,
	})
	encryptedAssertion = Refusals.Add(explain.Reason{
		Code:     "saml-encryption",
		Check:    "SAML encryption",
		Expected: "an unencrypted assertion (TLS protects it)",
		Got:      "an {element}",
		Fix: "switch assertion encryption off for this application at the identity provider: encrypted assertions " +
			"are not supported",
	})
	noAssertion = Refusals.Add(explain.Reason{
		Code:     "saml-assertion-none",
		Check:    "SAML assertion",
		Expected: "one assertion",
		Got:      "none; the status is {status}",
		Fix:      "look at the identity provider's log: it refused the sign-in or sent no assertion",
	})
	severalAssertions = Refusals.Add(explain.Reason{
		Code:     "saml-assertion-several",
		Check:    "SAML assertion",
		Expected: "one assertion, directly in the response",
		Got:      "{count} in all, {direct} of them directly in the response",
		Fix:      resend,
	})
	outdatedMetadata = Refusals.Add(explain.Reason{
		Code:     "saml-metadata-outdated",
		Check:    "SAML metadata",
		Expected: "metadata that is valid today",
		Got:      "metadata valid until {until}",
		Fix:      "replace the provider's metadata document by its current one, {where}",
	})
)

// Reasons that concern the signatures.
var (
	unsigned = Refusals.Add(explain.Reason{
		Code:     "saml-signature-none",
		Check:    "SAML signature",
		Expected: "a signed assertion or response",
		Got:      "no signature",
		Fix:      "have the identity provider sign its assertions",
	})
	signatureElsewhere = Refusals.Add(explain.Reason{
		Code:     "saml-signature-elsewhere",
		Check:    "SAML signature",
		Expected: "signatures directly in the response or its assertion",
		Got:      "one elsewhere",
		Fix:      resend,
	})
	signedElement = Refusals.Add(explain.Reason{
		Code:     "saml-signature-element",
		Check:    "SAML signature",
		Expected: "a signed {element}",
		Got:      "another element",
		Fix:      resend,
	})
	signedAssertions = Refusals.Add(explain.Reason{
		Code:     "saml-signature-assertions",
		Check:    "SAML signature",
		Expected: "one assertion in the signed response",
		Got:      "{count}",
		Fix:      resend,
	})
	severalSignatures = Refusals.Add(explain.Reason{
		Code:     "saml-signature-several",
		Check:    "SAML signature",
		Expected: "one signature",
		Got:      "{count} signatures in the {element}",
		Fix:      "have the identity provider sign the assertion once",
	})
	signatureShape = Refusals.Add(explain.Reason{
		Code:     "saml-signature-form",
		Check:    "SAML signature",
		Expected: "an enveloped signature over its own {element}, with RSA or ECDSA and SHA-256 or better",
		Got:      "{problem}",
		Fix: "have the identity provider sign with RSA-SHA256 and exclusive canonicalisation; if it does, the " +
			"response was changed on its way",
	})
	signatureNamespaces = Refusals.Add(explain.Reason{
		Code:     "saml-signature-namespaces",
		Check:    "SAML signature",
		Expected: "an element in its namespaces",
		Got:      "one without",
		Fix:      "send the response exactly as the identity provider issued it",
	})
	signatureBase64 = Refusals.Add(explain.Reason{
		Code:     "saml-signature-base64",
		Check:    "SAML signature",
		Expected: "a signature in base64",
		Got:      "another one",
		Fix:      "send the response exactly as the identity provider issued it",
	})
	outdatedCertificate = Refusals.Add(explain.Reason{
		Code:     "saml-signature-certificate-dates",
		Check:    "SAML signature",
		Expected: "a certificate of the provider that is valid today",
		Got:      "{count} certificates that are not",
		Fix:      "renew the identity provider's certificate, and its metadata {where}, or {change}",
	})
	otherCertificate = Refusals.Add(explain.Reason{
		Code:     "saml-signature",
		Check:    "SAML signature",
		Expected: "a signature by one of the provider's registered certificates",
		Got:      "another one",
		Fix: "register the identity provider's current metadata (its certificate may have changed) {where}, and send " +
			"the response exactly as it was issued",
	})
)

// Reasons that concern the response around the assertion.
var (
	otherVersion = Refusals.Add(explain.Reason{
		Code:     "saml-version",
		Check:    "SAML version",
		Expected: "2.0",
		Got:      "{version}",
		Fix:      "use SAML 2.0",
	})
	failedStatus = Refusals.Add(explain.Reason{
		Code:     "saml-status",
		Check:    "SAML status",
		Expected: statusSuccess,
		Got:      "{status}",
		Fix:      "look at the identity provider's log for why it refused the sign-in",
	})
	responseIssuers = Refusals.Add(explain.Reason{
		Code:     "saml-response-issuer",
		Check:    "SAML response issuer",
		Expected: "one Issuer",
		Got:      "{count}",
		Fix:      resend,
	})
	otherDestination = Refusals.Add(explain.Reason{
		Code:     "saml-destination",
		Check:    "SAML destination",
		Expected: "{recipients}",
		Got:      "{destination}",
		Fix: "set the application's assertion consumer service URL at the identity provider to one of these, or " +
			"{change}",
	})
	futureResponse = Refusals.Add(explain.Reason{
		Code:     "saml-issue-instant",
		Check:    "SAML issue instant",
		Expected: "at most {latest}",
		Got:      "{at}",
		Fix:      "compare this server's clock with the identity provider's: the response is from the future",
	})
	otherTime = Refusals.Add(explain.Reason{
		Code:     "saml-time",
		Check:    "SAML time",
		Expected: "a time like 2030-01-31T12:00:00Z, in UTC",
		Got:      "{value}",
		Fix:      "have the identity provider write times in UTC, with Z",
	})
)

// Reasons that concern the assertion.
var (
	noIssuer = Refusals.Add(explain.Reason{
		Code:     "saml-issuer-none",
		Check:    "SAML issuer",
		Expected: "one Issuer in the assertion",
		Got:      "{count}",
		Fix:      resend,
	})
	otherIssuer = Refusals.Add(explain.Reason{
		Code:     "saml-issuer",
		Check:    "SAML issuer",
		Expected: "{entity}",
		Got:      "{issuer}",
		Fix: "register the metadata of the identity provider that signs users in, or use the Logins key of that " +
			"provider's registration",
	})
	noSubject = Refusals.Add(explain.Reason{
		Code:     "saml-subject",
		Check:    "SAML subject",
		Expected: "one Subject",
		Got:      "{count}",
		Fix:      "have the identity provider name the user in Subject",
	})
	noNameID = Refusals.Add(explain.Reason{
		Code:     "saml-nameid-none",
		Check:    "SAML NameID",
		Expected: "one NameID",
		Got:      "{count}",
		Fix:      "have the identity provider send one NameID, of the format persistent if it can",
	})
	otherNameID = Refusals.Add(explain.Reason{
		Code:     "saml-nameid",
		Check:    "SAML NameID",
		Expected: "1 to {limit} bytes of text without control or invisible characters or surrounding blanks",
		Got:      "{size} bytes of other text",
		Fix:      "have the identity provider send a plain, stable user ID as NameID",
	})
	otherQualifier = Refusals.Add(explain.Reason{
		Code:     "saml-nameid-qualifier",
		Check:    "SAML NameID qualifier",
		Expected: "up to {limit} bytes of text without control or invisible characters or surrounding blanks",
		Got:      "{size} bytes of other text",
		Fix:      "have the identity provider leave NameQualifier and SPNameQualifier out, or send entity IDs",
	})
	noConfirmation = Refusals.Add(explain.Reason{
		Code:     "saml-subject-confirmation",
		Check:    "SAML subject confirmation",
		Expected: "one SubjectConfirmation",
		Got:      "{count}",
		Fix:      "have the identity provider send one bearer confirmation",
	})
	otherMethod = Refusals.Add(explain.Reason{
		Code:     "saml-subject-confirmation-method",
		Check:    "SAML subject confirmation",
		Expected: methodBearer,
		Got:      "{method}",
		Fix:      "have the identity provider confirm the subject as bearer",
	})
	noConfirmationData = Refusals.Add(explain.Reason{
		Code:     "saml-subject-confirmation-data",
		Check:    "SAML subject confirmation",
		Expected: "one SubjectConfirmationData",
		Got:      "{count}",
		Fix:      "have the identity provider send Recipient and NotOnOrAfter",
	})
	endlessConfirmation = Refusals.Add(explain.Reason{
		Code:     "saml-subject-confirmation-end",
		Check:    "SAML subject confirmation",
		Expected: "NotOnOrAfter",
		Got:      "none",
		Fix:      "have the identity provider limit the confirmation in time",
	})
	otherRecipient = Refusals.Add(explain.Reason{
		Code:     "saml-recipient",
		Check:    "SAML recipient",
		Expected: "{recipients}",
		Got:      "{recipient}",
		Fix: "set the application's assertion consumer service URL at the identity provider to one of these, or " +
			"{change}",
	})
	otherRequest = Refusals.Add(explain.Reason{
		Code:     "saml-request",
		Check:    "SAML request",
		Expected: "the same InResponseTo in the response and in its subject confirmation, or in neither",
		Got:      "{response} in the response, {confirmation} in the subject confirmation",
		Fix:      resend,
	})
	noConditions = Refusals.Add(explain.Reason{
		Code:     "saml-conditions",
		Check:    "SAML conditions",
		Expected: "one Conditions element",
		Got:      "{count}",
		Fix:      "have the identity provider restrict the assertion to an audience",
	})
	unknownCondition = Refusals.Add(explain.Reason{
		Code:     "saml-conditions-unknown",
		Check:    "SAML conditions",
		Expected: "AudienceRestriction, OneTimeUse or ProxyRestriction",
		Got:      "{condition}",
		Fix:      "have the identity provider leave the condition out",
	})
	notYetValid = Refusals.Add(explain.Reason{
		Code:     "saml-validity-begin",
		Check:    "SAML validity",
		Expected: "valid by {latest}",
		Got:      "not valid before {begin}",
		Fix:      "compare this server's clock with the identity provider's",
	})
	noLongerValid = Refusals.Add(explain.Reason{
		Code:     "saml-validity-end",
		Check:    "SAML validity",
		Expected: "valid after {earliest}",
		Got:      "valid until {end}",
		Fix:      "sign in again; if the response is fresh, compare this server's clock with the identity provider's",
	})
	noAudience = Refusals.Add(explain.Reason{
		Code:     "saml-audience-none",
		Check:    "SAML audience",
		Expected: "an AudienceRestriction",
		Got:      "none",
		Fix:      "have the identity provider restrict the assertion to an audience",
	})
	otherAudience = Refusals.Add(explain.Reason{
		Code:     "saml-audience",
		Check:    "SAML audience",
		Expected: "{audiences}",
		Got:      "{audience}",
		Fix: "set the application's entity ID (audience) at the identity provider to one of these, or " +
			"{change}",
	})
	futureSignIn = Refusals.Add(explain.Reason{
		Code:     "saml-authentication-instant",
		Check:    "SAML authentication instant",
		Expected: "at most {latest}",
		Got:      "{at}",
		Fix:      "compare this server's clock with the identity provider's: the sign-in is from the future",
	})
)

// Reasons that concern attributes.
var (
	namelessAttribute = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-name",
		Check:    "SAML attribute",
		Expected: "an attribute with a name",
		Got:      "one without",
		Fix:      "have the identity provider name every attribute",
	})
	repeatedAttribute = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-repeated",
		Check:    "SAML attribute",
		Expected: "the attribute once",
		Got:      "one that is repeated",
		Fix:      "have the identity provider send one attribute with several values",
	})
	elementValue = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-text",
		Check:    "SAML attribute",
		Expected: "texts",
		Got:      "an element as value",
		Fix:      "have the identity provider send plain texts",
	})
	attributeElement = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-element",
		Check:    "SAML attribute",
		Expected: "AttributeValue elements",
		Got:      "the element {element}",
		Fix:      resend,
	})
	manyRoles = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-roles",
		Check:    "SAML attribute",
		Expected: "at most {limit} values",
		Got:      "{count}",
		Fix:      "have the identity provider send the roles of this user only",
	})
	attributeValue = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-value",
		Check:    "SAML attribute",
		Expected: "one value: {want}",
		Got:      "something else",
		Fix:      "correct the attribute at the identity provider, or leave it out",
	})
	tagValues = Refusals.Add(explain.Reason{
		Code:     "saml-attribute-tag",
		Check:    "SAML attribute",
		Expected: "a tag key and one value",
		Got:      "{count} values",
		Fix:      "send one value for each principal tag",
	})
)
