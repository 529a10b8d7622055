// Texts of those whose calls are refused: anybody can send them, without a key and without a token that is proven. Explain
// shows them as text.
import assert from "node:assert/strict";
import http from "node:http";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand } from "@aws-sdk/client-cognito-identity";

import { ENDPOINT, info, send, unsigned } from "./console-clients.mjs";
import { faultsIn, hostile, offer, route, taken, watched } from "./console-texts.mjs";
import { browser, picture, signIn, views, visit } from "./console.mjs";

const { login_key: KEY } = info;

after(() => browser.close());

const { IdentityPoolId: shop } = await send(CreateIdentityPoolCommand, {
  IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false, OpenIdConnectProviderARNs: [info.oidc_provider_arn] });

// refuse makes a call that is refused, with headers of any bytes, and returns its request ID.
function refuse(input, headers = {}) {
  const bytes = Object.entries({ "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSCognitoIdentityService.GetId", ...headers })
    .map(([name, value]) => [name, Buffer.from(value).toString("latin1")]);
  return new Promise((done, failed) => {
    const request = http.request(ENDPOINT, { method: "POST", headers: Object.fromEntries(bytes) }, (answer) => {
      answer.resume().on("end", () => done(answer.statusCode >= 400 ? answer.headers["x-amzn-requestid"] : undefined));
    });
    request.on("error", failed);
    request.end(JSON.stringify(input));
  });
}
// A header cannot have every text; what the client refuses to send, nobody can choose.
const header = (text) => text.replace(/[\u0000-\u001f\u007f]/g, "");
const now = Math.floor(Date.now() / 1000);
const claims = (more) => unsigned({ iss: info.issuer, sub: "ann", aud: "other-app", iat: now, exp: now + 3600, ...more });
const signature = (key) => `AWS4-HMAC-SHA256 Credential=${key}/20261126/us-east-1/cognito-identity/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`;
const refused = {
  "user agent": (text) => refuse({ IdentityPoolId: "us-east-1:00000000-0000-4000-8000-00000000dead" }, { "User-Agent": `${header(text)} x/1 app/${header(text)}` }),
  operation: (text) => refuse({}, { "X-Amz-Target": `AWSCognitoIdentityService.${header(text)}` }),
  "access key ID": (text) => refuse({ MaxResults: 1 }, { "X-Amz-Target": "AWSCognitoIdentityService.ListIdentityPools", Authorization: signature(header(text).replace(/[\s,/]/g, "")) }),
  "pool ID": (text) => refuse({ IdentityPoolId: text }),
  "login key": (text) => refuse({ IdentityPoolId: shop, Logins: { [text]: "x" } }),
  "login value": (text) => refuse({ IdentityPoolId: shop, Logins: { [KEY]: text } }),
  "client of a token": (text) => refuse({ IdentityPoolId: shop, Logins: { [KEY]: claims({ aud: text }) } }),
  "clients of a token": (text) => refuse({ IdentityPoolId: shop, Logins: { [KEY]: claims({ aud: [text, "x"], azp: text }) } }),
  "issuer of a token": (text) => refuse({ IdentityPoolId: shop, Logins: { [KEY]: claims({ iss: text }) } }),
  "subject of a refused token": (text) => refuse({ IdentityPoolId: shop, Logins: { [KEY]: claims({ sub: text }) } }),
  "key of a token": (text) => refuse({ IdentityPoolId: shop, Logins: { [KEY]: unsigned({ iss: info.issuer, sub: "a", aud: info.audience, iat: now, exp: now + 3600 }, { kid: text }) } }),
  "algorithm of a token": (text) => refuse({ IdentityPoolId: shop, Logins: { [KEY]: unsigned({ iss: info.issuer }, { alg: text }) } }),
};
// A place that takes all of a text shows it at once; the others take some.
const { markup, bidi } = hostile;
const word = "W".repeat(40); // wider than a phone; the server keeps the first 128 bytes
const texts = { all: word + bidi + markup, markup, bidi, word };
for (const [place, make] of Object.entries(refused)) await offer(place, texts, make);

const refusals = Object.entries(taken).flatMap(([place, list]) => {
  const refused = list.filter(({ value }) => value);
  return refused.slice(0, refused[0]?.kind === "all" ? 1 : 3).map(({ kind, value }) => [`${place}: ${kind}`, route("explain", value)]);
});

test("the server keeps hostile texts of refused calls, so that there is something to show", (t) => {
  for (const [place, list] of Object.entries(taken)) {
    t.diagnostic(`${place}: ${list.map(({ kind }) => kind).join(", ")}`);
    assert.ok(list.some(({ value }) => value), `${place} takes none of the texts`);
  }
});

test("hostile texts of refused calls are shown as text", async (t) => {
  const shown = await watched(views.narrow);
  await signIn(shown.page);
  let all = "";
  for (const [title, to] of refusals) {
    await t.test(title, async () => {
      await visit(shown.page, to);
      all += await shown.page.locator("main").innerText();
      await picture(shown.page, `refused-${title}`);
      assert.deepEqual(await faultsIn(shown), []);
    });
  }

  await t.test("they are shown", () => {
    // The server writes hidden characters out itself.
    for (const text of ["<img src=x onerror=", "\\u202e", word]) assert.ok(all.includes(text), `no page has ${text}`);
  });
  await shown.close();
});
