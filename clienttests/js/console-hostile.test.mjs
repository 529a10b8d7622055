// Texts that others chose: names, tags, claims, descriptions, addresses, subjects. Whatever the server lets them be, the
// console shows them as text.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import {
  CreateIdentityPoolCommand, GetIdCommand, GetOpenIdTokenForDeveloperIdentityCommand, SetIdentityPoolRolesCommand,
  SetPrincipalTagAttributeMapCommand,
} from "@aws-sdk/client-cognito-identity";

import { ENDPOINT, admin, arn, iam, info, send, tokenFor } from "./console-clients.mjs";
import { faultsIn, hostile, narrowFaults, offer, plain, route, taken, watched } from "./console-texts.mjs";
import { browser, picture, signIn, views, visit } from "./console.mjs";

const { oidc_provider_arn: DEV, login_key: KEY } = info;

after(() => browser.close());

const pool = async (IdentityPoolName, more = {}) => (await send(CreateIdentityPoolCommand, {
  IdentityPoolName, AllowUnauthenticatedIdentities: true, AllowClassicFlow: false, ...more })).IdentityPoolId;
const trust = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { Federated: "cognito-identity.amazonaws.com" },
  Action: "sts:AssumeRoleWithWebIdentity", Condition: { StringEquals: { "cognito-identity.amazonaws.com:aud": "us-east-1:00000000-0000-4000-8000-000000000000" } } }] });

await offer("pool name", plain, (name) => pool(name));
await offer("developer provider name", plain, (name) => pool("developer", { DeveloperProviderName: name }));
await offer("tag key", plain, (key) => pool("tags", { IdentityPoolTags: { [key]: "x" } }));
await offer("tag value", plain, (value) => pool("tags", { IdentityPoolTags: { key: value } }));

// The pool that most of the texts are in.
const shop = await pool("shop", { OpenIdConnectProviderARNs: [DEV], DeveloperProviderName: "backend.example",
  SupportedLoginProviders: { "accounts.google.com": "javascript.alert" } });
const roles = (Rules) => send(SetIdentityPoolRolesCommand, { IdentityPoolId: shop, Roles: { authenticated: arn("role", "User"), unauthenticated: arn("role", "Guest") },
  RoleMappings: { [DEV]: { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules } } } });
const rule = (more) => ({ Claim: "plan", MatchType: "Equals", Value: "x", RoleARN: arn("role", "Pro"), ...more });
await offer("claim of a rule", plain, (Claim) => roles([rule({ Claim })]));
await offer("value of a rule", plain, (Value) => roles([rule({ Value })]));
await roles([...taken["claim of a rule"].map(({ text }) => rule({ Claim: text })), ...taken["value of a rule"].map(({ text }) => rule({ Value: text }))].slice(0, 25));

const tags = (PrincipalTags, IdentityProviderName = DEV) => send(SetPrincipalTagAttributeMapCommand, { IdentityPoolId: shop, IdentityProviderName, UseDefaults: false, PrincipalTags });
await offer("principal tag", plain, (key) => tags({ [key]: "sub" }));
await offer("claim of a principal tag", plain, (claim) => tags({ key: claim }));
// A map has little room, so each provider of the pool has some of the texts.
const short = (place) => taken[place].filter(({ text }) => text.length < 40).slice(0, 12);
await tags(Object.fromEntries(short("principal tag").map(({ text }) => [text, "sub"])));
await tags(Object.fromEntries(short("claim of a principal tag").map(({ text }, n) => [`key${n}`, text])), "accounts.google.com");

let count = 0;
const role = (more, RoleName = `role${++count}`) => iam.createRole({ RoleName, AssumeRolePolicyDocument: trust, ...more }).promise().then(() => RoleName);
await offer("role description", plain, (Description) => role({ Description }));
await offer("role name", plain, (name) => role({}, name.slice(0, 64)));
await offer("role tag", plain, (Value) => role({ Tags: [{ Key: "key", Value }] }));
await offer("statement of a trust policy", hostile, (Sid) => role({ AssumeRolePolicyDocument: trust.replace('"Effect"', `"Sid":${JSON.stringify(Sid.replace(/[^\w]/g, ""))},"Effect"`) }));
await offer("condition of a trust policy", hostile, (value) => role({ AssumeRolePolicyDocument: trust.replace('"Condition":{', () => `"Condition":{"StringLike":{"cognito-identity.amazonaws.com:sub":${JSON.stringify(value)}},`) }));
await offer("policy name", plain, (PolicyName) => iam.putRolePolicy({ RoleName: "role1", PolicyName, PolicyDocument: JSON.stringify({
  Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: `arn:aws:s3:::bucket/${PolicyName}` }] }) }).promise());

await offer("provider address", plain, (text) => iam.createOpenIDConnectProvider({ Url: `https://hostile.example/${text}`, ClientIDList: ["app"] }).promise());
await offer("client ID", plain, (ClientID) => iam.createOpenIDConnectProvider({ Url: `https://client${++count}.example`, ClientIDList: [ClientID] }).promise());
// The certificate of the server's own identity provider serves for others.
const { saml_response: response } = await (await fetch(`${ENDPOINT}/_poolhouse/dev/saml-response`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name_id: "ann" }) })).json();
const [, certificate] = /<(?:ds:)?X509Certificate>([^<]+)</.exec(Buffer.from(response, "base64").toString()) ?? [];
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const metadata = (entity) => `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${escaped(entity)}"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/></IDPSSODescriptor><Organization><OrganizationName xml:lang="en">${escaped(entity)}</OrganizationName><OrganizationDisplayName xml:lang="en">${escaped(entity)}</OrganizationDisplayName><OrganizationURL xml:lang="en">${escaped(entity)}</OrganizationURL></Organization>${" ".repeat(1000)}</EntityDescriptor>`;
await offer("SAML entity ID", plain, (text) => iam.createSAMLProvider({ Name: `saml${++count}`, SAMLMetadataDocument: metadata(text) }).promise());
await offer("SAML provider name", plain, (Name) => iam.createSAMLProvider({ Name, SAMLMetadataDocument: metadata(`urn:${++count}`) }).promise());

await offer("access key description", plain, (Description) => admin("CreateAccessKey", { Description, Policy: JSON.stringify({
  Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "cognito-identity:ListIdentityPools", Resource: "*" }] }) }));
await offer("developer user", plain, async (user) => (await send(GetOpenIdTokenForDeveloperIdentityCommand, { IdentityPoolId: shop, Logins: { "backend.example": user } })).IdentityId);
await offer("subject of a token", plain, async (sub) => (await send(GetIdCommand, { IdentityPoolId: shop, Logins: { [KEY]: await tokenFor(sub) } })).IdentityId);

// A text of each kind that the server takes there and that its page could show wrongly; lists show all of them.
const telling = ["markup", "bidi", "long", "plain long", "script address", "plain address", "control", "prototype"];
const some = (place, most = 3) => telling.flatMap((kind) => taken[place].filter((one) => one.kind === kind)).slice(0, most);
const first = (place) => taken[place].at(0)?.value;
const identity = some("subject of a token", 1)[0]?.value;

// Every page that shows a text of others.
const routes = {
  key: route("key"), overview: route("overview"), pools: route("pools"), "new pool": route("pools", "new", "roles"),
  ...Object.fromEntries(["overview", "providers", "roles", "tags", "identities", "code", "settings"].map((tab) => [`pool, ${tab}`, route("pools", shop, tab)])),
  ...Object.fromEntries(some("pool name").map(({ kind, value }) => [`pool named ${kind}`, route("pools", value, "settings")])),
  ...Object.fromEntries(some("developer provider name", 2).map(({ kind, value }) => [`developer name ${kind}`, route("pools", value, "providers")])),
  ...Object.fromEntries(["tag key", "tag value"].map((place) => [place, route("pools", first(place), "settings")])),
  identities: route("identities"), identity: route("identities", identity ?? ""), explain: route("explain"), "any token": route("explain", "token"),
  playground: route("play"), roles: route("access", "roles"), providers: route("access", "oidc"), SAML: route("access", "saml"),
  keys: route("access", "keys"), engines: route("access", "engines"), server: route("server"), settings: route("server", "settings"),
  ...Object.fromEntries(some("role description").map(({ kind, value }) => [`role described ${kind}`, route("access", "roles", value)])),
  ...Object.fromEntries(some("condition of a trust policy", 2).map(({ kind, value }) => [`role that trusts ${kind}`, route("access", "roles", value)])),
  ...Object.fromEntries(some("provider address").map(({ kind, text }) => [`provider at ${kind}`, route("access", "oidc", `hostile.example/${text}`)])),
  ...Object.fromEntries(some("client ID", 2).map(({ kind, value }) => [`provider with client ${kind}`, route("access", "oidc", value.OpenIDConnectProviderArn.split("oidc-provider/")[1])])),
  ...Object.fromEntries(some("SAML entity ID", 2).map(({ kind, value }) => [`SAML ${kind}`, route("access", "saml", value.SAMLProviderArn.split("/")[1])])),
};
test("the server takes hostile texts, so that there is something to show", (t) => {
  for (const [place, list] of Object.entries(taken)) {
    t.diagnostic(`${place}: ${list.map(({ kind }) => kind).join(", ")}`);
    assert.ok(list.length > 0, `${place} takes none of the texts`);
  }
  assert.ok(identity, "no identity of a hostile subject");
});

for (const [name, view] of Object.entries(views)) {
  test(`hostile texts are shown as text, ${name}`, async (t) => {
    const shown = await watched(view);
    await signIn(shown.page);
    let all = "";
    for (const [title, to] of Object.entries(routes)) {
      // Where there is room, the pages of single things show nothing that is not in their lists.
      if (view === views.wide && /named|described|that trusts|developer name|provider (at|with)|^SAML |^(tag|key|new|any|server|settings)/.test(title)) continue;
      await t.test(title, async () => {
        await visit(shown.page, to);
        all += await shown.page.locator("main").innerText();
        await picture(shown.page, `hostile-${name}-${title}`);
        assert.deepEqual(await (view === views.narrow ? faultsIn : narrowFaults)(shown), []);
      });
    }
    // They are shown, not left out: hidden characters as escapes, markup as it was written.
    await t.test("they are shown", () => {
      for (const text of ["\\u{202e}", "\\u{200b}", "<img src=x onerror=", "{{7*7}}", "=1+1", "javascript:", "__proto__", "W".repeat(60)])
        assert.ok(all.replaceAll("\u00a0", " ").includes(text), `no page has ${text}`);
    });
    await shown.close();
  });
}
