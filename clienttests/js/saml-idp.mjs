// Signs a user in as a SAML identity provider: samlify, driven by saml_test.go.
// It reads a JSON request from standard input and prints metadata and response.
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import samlify from "samlify";

const { IdentityProvider, ServiceProvider, SamlLib, Constants, setSchemaValidator } = samlify;
const request = JSON.parse(readFileSync(0, "utf8"));

// The check of incoming documents; this side makes them only.
setSchemaValidator({ validate: async () => "skipped" });

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const statement = Object.entries(request.attributes)
  .map(
    ([name, values]) =>
      `<saml:Attribute Name="${escape(name)}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">` +
      values.map((value) => `<saml:AttributeValue xsi:type="xs:string">${escape(value)}</saml:AttributeValue>`).join("") +
      "</saml:Attribute>",
  )
  .join("");
const template = SamlLib.defaultLoginResponseTemplate.context
  .replace("{AuthnStatement}", "")
  .replace("{AttributeStatement}", `<saml:AttributeStatement>${statement}</saml:AttributeStatement>`);

const format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const idp = IdentityProvider({
  entityID: request.entity_id,
  privateKey: readFileSync(request.key_file, "utf8"),
  signingCert: readFileSync(request.certificate_file, "utf8"),
  requestSignatureAlgorithm: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
  nameIDFormat: [format],
  isAssertionEncrypted: false,
  singleSignOnService: [{ Binding: Constants.namespace.binding.post, Location: request.entity_id + "/sso" }],
  loginResponseTemplate: { context: template, attributes: [] },
});
const sp = ServiceProvider({
  entityID: request.audience,
  wantAssertionsSigned: request.sign.includes("assertion"),
  wantMessageSigned: request.sign.includes("response"),
  assertionConsumerService: [{ Binding: Constants.namespace.binding.post, Location: request.recipient }],
});

const later = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
const { context } = await idp.createLoginResponse(sp, null, "post", { email: request.subject }, (context) => {
  const id = "_" + randomUUID();
  return {
    id,
    context: SamlLib.replaceTagsByValue(context, {
      ID: id,
      AssertionID: "_" + randomUUID(),
      Destination: request.recipient,
      Audience: request.audience,
      SubjectRecipient: request.recipient,
      NameIDFormat: format,
      NameID: request.subject,
      Issuer: request.entity_id,
      IssueInstant: later(0),
      ConditionsNotBefore: later(-1),
      ConditionsNotOnOrAfter: later(5),
      SubjectConfirmationDataNotOnOrAfter: later(5),
      StatusCode: "urn:oasis:names:tc:SAML:2.0:status:Success",
      InResponseTo: "",
    }),
  };
});
console.log(JSON.stringify({ metadata: idp.getMetadata(), response: context }));
