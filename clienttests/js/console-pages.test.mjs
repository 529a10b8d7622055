// The console in Chromium: every page in two views, planted faults that the checks must find, and the tasks of its
// users. With SCREENSHOTS, a picture of every page goes to that folder.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand, GetIdCommand, SetIdentityPoolRolesCommand } from "@aws-sdk/client-cognito-identity";

import { ENDPOINT, pools as client } from "./console-clients.mjs";
import { cold, coldBound, frameBudget, measure, most } from "./console-measure.mjs";
import { browser, faultsOf, open, picture, signIn, views, visit } from "./console.mjs";

after(() => browser.close());

// hostile is a text that a name may have, and that must be shown as text.
const hostile = "a +=,.@-_";

const { IdentityPoolId: POOL } = await client.send(new CreateIdentityPoolCommand({
  IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false }));
const { IdentityPoolId: pool } = await client.send(new CreateIdentityPoolCommand({
  IdentityPoolName: `shop mobile ${hostile}`,
  AllowUnauthenticatedIdentities: true,
  AllowClassicFlow: false,
  DeveloperProviderName: "login.shop.example",
  SupportedLoginProviders: { "accounts.google.com": "123.apps.googleusercontent.com", "api.twitter.com": "xAppKey;xAppSecretThatStaysHidden" },
  IdentityPoolTags: { env: "test", "cost center": "=1+1:@/" },
}));
const role = "arn:aws:iam::000000000000:role/";
await client.send(new SetIdentityPoolRolesCommand({
  IdentityPoolId: pool,
  Roles: { unauthenticated: `${role}Guest`, authenticated: `${role}User` },
  RoleMappings: { "accounts.google.com": { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules: [
    { Claim: "<img/src=x/onerror=alert(1)>", MatchType: "Equals", Value: "<script>alert(1)</script>", RoleARN: `${role}Pro` },
    { Claim: "groups", MatchType: "Contains", Value: "admin", RoleARN: `${role}Admin` }] } } },
}));
const { IdentityId: identity } = await client.send(new GetIdCommand({ IdentityPoolId: POOL }));
await client.send(new GetIdCommand({ IdentityPoolId: POOL, Logins: { "accounts.google.com": "no.token.here" } })).catch(() => undefined);

const of = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");
const routes = {
  key: of("key"),
  overview: of("overview"),
  pools: of("pools"),
  "new pool": of("pools", "new"),
  "new pool, roles": of("pools", "new", "roles"),
  "new pool, providers": of("pools", "new", "providers"),
  "new pool, details": of("pools", "new", "details"),
  "new pool, review": of("pools", "new", "review"),
  pool: of("pools", pool, "overview"),
  "pool, providers": of("pools", pool, "providers"),
  "pool, roles": of("pools", pool, "roles"),
  "pool, tags": of("pools", pool, "tags"),
  "pool, identities": of("pools", POOL, "identities"),
  "pool, code": of("pools", pool, "code"),
  "pool, settings": of("pools", pool, "settings"),
  identities: of("identities"),
  identity: of("identities", identity),
  explain: of("explain"),
  "any token": of("explain", "token"),
  playground: of("play"),
  roles: of("access", "roles"),
  "OpenID Connect providers": of("access", "oidc"),
  "SAML providers": of("access", "saml"),
  "access keys": of("access", "keys"),
  engines: of("access", "engines"),
  server: of("server"),
  settings: of("server", "settings"),
  "no such page": of("nowhere"),
  "no such pool": of("pools", "us-east-1:00000000-0000-4000-8000-00000000dead", "overview"),
};

for (const [name, view] of Object.entries(views)) {
  test(`every page, ${name}`, async (t) => {
    const shown = await open(ENDPOINT, view);
    await t.test("before a key", async () => {
      assert.deepEqual(await faultsOf(shown), []);
    });
    await signIn(shown.page);

    for (const [title, route] of Object.entries(routes)) {
      await t.test(title, async () => {
        await visit(shown.page, route);
        await picture(shown.page, `${name}-${title}`);
        assert.deepEqual(await faultsOf(shown), []);
        assert.ok(!(await shown.page.content()).includes("xAppSecretThatStaysHidden"), "the page has X's secret");
      });
    }
    await shown.close();
  });
}

// The checks above must find a fault where there is one.
const planted = {
  "an inline style": [/policy: style-src/, () => document.querySelector("main h1").setAttribute("style", "color: red")],
  "text as HTML": [/policy: require-trusted-types-for/, () => { try { document.querySelector("main h1").innerHTML = "<b>x</b>"; } catch { /* refused */ } }],
  "a script of another place": [/policy: script-src/, () => import("https://elsewhere.example/x.js").catch(() => undefined)],
  "an attribute that is a script": [/policy: require-trusted-types-for/, () => {
    try { document.querySelector("main h1").setAttribute("onclick", "window.planted = true"); } catch { /* refused */ }
  }],
  "a call to another place": [/policy: connect-src/, () => fetch("https://elsewhere.example/").catch(() => undefined)],
  "low contrast": [/axe: color-contrast/, () => {
    const text = Object.assign(document.createElement("p"), { textContent: "barely seen" });
    text.style.color = "#f0f0f0";
    text.style.background = "#ffffff";
    document.querySelector("main").append(text);
  }],
  "a field without a name": [/axe: label/, () => document.querySelector("main").append(document.createElement("input"))],
  "a wide element": [/overflow: /, () => {
    const wide = document.createElement("div");
    wide.style.width = "3000px";
    wide.textContent = "wide";
    document.querySelector("main").append(wide);
  }],
  "an error of a script": [/error: planted/, () => { setTimeout(() => { throw new Error("planted"); }); }],
};

test("planted faults are found", async (t) => {
  for (const [name, [expected, plant]] of Object.entries(planted)) {
    await t.test(name, async () => {
      const shown = await open(ENDPOINT, views.narrow);
      await shown.page.evaluate(plant);
      await shown.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const faults = await faultsOf(shown);
      assert.ok(faults.some((fault) => expected.test(fault)), `not found; found: ${faults.join("\n")}`);
      await shown.close();
    });
  }
});

test("a key is kept only where its user wants it", async () => {
  const { page, close } = await open(ENDPOINT);
  await page.getByLabel("Access key ID").fill("test");
  await page.getByLabel("Secret access key").fill("test");
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.locator("header .who", { hasText: "test" }).waitFor();
  assert.deepEqual(await page.evaluate(() => [sessionStorage.length, localStorage.length, document.cookie]), [0, 0, ""]);

  await page.reload();
  await page.getByRole("button", { name: "Use the development key" }).waitFor();

  await page.getByLabel("Access key ID").fill("test");
  await page.getByLabel("Secret access key").fill("wrong");
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByRole("alert").waitFor();

  await page.getByLabel("Secret access key").fill("test");
  await page.getByLabel("Keep the key until this tab closes").check();
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.locator("header .who", { hasText: "test" }).waitFor();
  await page.reload();
  await page.locator("header .who", { hasText: "test" }).waitFor();

  await visit(page, "#/key");
  await page.getByRole("button", { name: "Forget the key" }).click();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await close();
});

test("the first load of every page is small", async (t) => {
  const { rows, frame } = await measure(ENDPOINT, POOL);
  assert.ok(frame > 10 && frame <= frameBudget, `the frame has ${frame} kB`);
  for (const row of rows) {
    await t.test(row.title, () => {
      assert.ok(row.kB > frame && row.kB <= most.kB, `${row.kB} kB of ${most.kB}: ${JSON.stringify(row.files)}`);
      assert.ok(row.requests <= most.requests, `${row.requests} requests: ${JSON.stringify(row.files)}`);
    });
  }
});

test("the overview of a server that has just started is there soon", async () => {
  const times = await cold();
  assert.equal(times.length, 5);
  assert.ok(times[0] > 0 && times[0] <= coldBound, `${times.map(Math.round)} ms; the fastest may take ${coldBound}`);
});
