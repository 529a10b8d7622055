// Pages of one thing while the address changes: what belongs to the thing that was left reaches neither the page of the
// next one nor the next one itself.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand, DescribeIdentityPoolCommand, GetIdCommand } from "@aws-sdk/client-cognito-identity";

import { arn, iam, info, metadata, send } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views, visit } from "./console.mjs";

const { endpoint: ENDPOINT } = info;
const route = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");

after(() => browser.close());

const make = async (IdentityPoolName) => (await send(CreateIdentityPoolCommand, {
  IdentityPoolName, AllowUnauthenticatedIdentities: true, AllowClassicFlow: true })).IdentityPoolId;
const [first, second] = [await make("first"), await make("second")];
const trust = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] });
for (const name of ["First", "Second"]) {
  await iam.createRole({ RoleName: name, AssumeRolePolicyDocument: trust, Description: `this is ${name}` }).promise();
  await iam.createOpenIDConnectProvider({ Url: `https://${name}.example`.toLowerCase(), ClientIDList: [`app-of-${name}`], ThumbprintList: ["a".repeat(40)] }).promise();
  await iam.createSAMLProvider({ Name: name, SAMLMetadataDocument: await metadata(`https://${name}.example`) }).promise();
}
const guest = async (IdentityPoolId) => (await send(GetIdCommand, { IdentityPoolId })).IdentityId;
const [one, other] = [await guest(first), await guest(second)];

// Pages of one thing: the first and the second address, what names the first in its call, and what only the second has.
const pages = {
  pool: [route("pools", first, "settings"), route("pools", second, "settings"), first, (page) => page.getByRole("heading", { name: "second", exact: true })],
  role: [route("access", "roles", "First"), route("access", "roles", "Second"), "RoleName=First", (page) => page.getByText("this is Second")],
  provider: [route("access", "oidc", arn("oidc-provider", "first.example")), route("access", "oidc", arn("oidc-provider", "second.example")),
    "first.example", (page) => page.getByText("app-of-Second").first()],
  "SAML provider": [route("access", "saml", arn("saml-provider", "First")), route("access", "saml", arn("saml-provider", "Second")),
    encodeURIComponent("saml-provider/First"), (page) => page.getByText("Metadata valid until")],
  identity: [route("identities", one), route("identities", other), one, (page) => page.getByRole("link", { name: "second" }).first()],
};

async function signedIn(t, view) {
  const shown = await open(ENDPOINT, view);
  t.after(shown.close);
  await signIn(shown.page);
  return shown;
}

// held makes the calls with a text wait until it is released.
async function held(page, text) {
  const waiting = [];
  let arrived;
  const arrival = new Promise((done) => { arrived = done; });
  await page.route(`${ENDPOINT}/`, (route) => {
    if (!(route.request().postData() ?? "").includes(text)) return route.continue();
    waiting.push(route);
    return arrived();
  });

  return { arrival, release: async () => {
    await page.unroute(`${ENDPOINT}/`);
    await Promise.all(waiting.map((one) => one.continue().catch(() => undefined))); // cancelled ones are gone
  } };
}

for (const [kind, [from, to, names, there]] of Object.entries(pages)) {
  test(`another ${kind} is shown while one loads`, async (t) => {
    const { page } = await signedIn(t);
    const { arrival, release } = await held(page, names);
    await page.evaluate((hash) => { location.hash = hash; }, from);
    await arrival;

    await page.evaluate((hash) => { location.hash = hash; }, to);
    await there(page).waitFor();
    await settled(page);
    assert.equal(await page.getByRole("alert").count(), 0, "the wait that ended with the first is told as a failure");
    await release();
    await settled(page);
    assert.ok(await there(page).isVisible(), "the late answer of the first is shown");
  });
}

test("while another pool loads, nobody is told that the wait was cancelled", async (t) => {
  const { page } = await signedIn(t);
  const both = await held(page, '"IdentityPoolId"');
  await page.evaluate((hash) => { location.hash = hash; }, pages.pool[0]);
  await both.arrival;
  await page.evaluate((hash) => { location.hash = hash; }, pages.pool[1]);
  await page.getByText(second).first().waitFor();
  await page.getByText("Loading").first().waitFor({ state: "attached" });
  assert.equal(await page.getByText("You cancelled the wait.").count(), 0);
  await both.release();
});

test("a pool that is being deleted stays the only one, whatever is shown then", async (t) => {
  const { page } = await signedIn(t);
  const doomed = await make("doomed");
  await visit(page, route("pools", doomed, "overview"));
  await page.getByRole("button", { name: "Delete the pool…" }).click();
  await page.getByLabel(/to confirm$/).fill("doomed");
  await page.getByLabel("End its credentials now").check();
  const { arrival, release } = await held(page, `{"IdentityPoolId":"${doomed}"}`);
  await page.getByRole("button", { name: /^Delete (the pool|\d+ identit)/ }).last().click();
  await arrival;

  await page.evaluate((hash) => { location.hash = hash; }, route("pools", second, "overview"));
  await page.getByRole("heading", { name: "second", exact: true }).waitFor();
  const gone = page.waitForResponse((answer) => answer.request().headers()["x-amz-target"]?.endsWith(".DeleteIdentityPool"));
  await release();
  assert.equal(JSON.parse((await gone).request().postData()).IdentityPoolId, doomed);
  await settled(page);
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.ok(await page.getByRole("heading", { name: "second", exact: true }).isVisible(), "the page that was left takes its reader along");
  await send(DescribeIdentityPoolCommand, { IdentityPoolId: second });
});

for (const [name, view] of Object.entries(views)) {
  test(`a pool that does not exist, ${name}`, async (t) => {
    const shown = await signedIn(t, view);
    const { page } = shown;
    await visit(page, route("pools", "us-east-1:00000000-0000-4000-8000-00000000dead", "roles"));
    await page.getByText("This account and region have no pool of this ID.").waitFor();
    assert.equal(await page.getByRole("navigation", { name: "Sections of the pool" }).count(), 0);
    assert.equal(await page.getByRole("link", { name: "Try in playground" }).count(), 0);
    assert.equal(await page.getByRole("button", { name: "Delete the pool…" }).count(), 0);
    await picture(page, `addressed-no-pool-${name}`);
    assert.deepEqual(await faultsOf(shown), []);
    await page.getByRole("link", { name: "Show the pools" }).click();
    await page.getByRole("heading", { level: 1, name: "Pools" }).or(page.getByRole("heading", { level: 1, name: "Identity pools" })).waitFor();
  });
}
