// Sign-ins in the console's playground, by every way of a pool: what the cards tell, what stays secret, and how a
// refused one goes on.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import {
  CreateIdentityPoolCommand, DescribeIdentityCommand, SetIdentityPoolRolesCommand,
} from "@aws-sdk/client-cognito-identity";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";

import { ACCOUNT, arn, dev, ENDPOINT, info, makeRole, pools, roleARN, stsAs, trustOf } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views, visit } from "./console.mjs";

after(() => browser.close());

const { login_key: LOGIN, oidc_provider_arn: OIDC, issuer: ISSUER, audience: AUDIENCE } = info;
const SAML = arn("saml-provider", "poolhouse-dev");

// makePool makes a pool that accepts everybody, with a role for users and one for guests.
async function makePool(name, more = {}) {
  const { IdentityPoolId: id } = await pools.send(new CreateIdentityPoolCommand({
    IdentityPoolName: name, AllowUnauthenticatedIdentities: true, AllowClassicFlow: true,
    OpenIdConnectProviderARNs: [OIDC], SamlProviderARNs: [SAML], DeveloperProviderName: "app.example", ...more }));
  const authenticated = await makeRole(`${name}-users`, trustOf(id, "authenticated"));
  const unauthenticated = await makeRole(`${name}-guests`, trustOf(id, "unauthenticated"));
  await pools.send(new SetIdentityPoolRolesCommand({ IdentityPoolId: id, Roles: { authenticated, unauthenticated } }));
  return id;
}

// secretIn finds what an answer of the server has that nobody may see before he asks for it.
const secretIn = /(?:"(?:token|Token|SecretKey|SessionToken|saml_response)":"([^"]+)"|<(?:SecretAccessKey|SessionToken)>([^<]+)<)/g;

// play opens the playground with a pool. leaks tells where a secret of the answers so far is to be seen.
async function play(t, pool, view = views.wide) {
  const shown = await open(ENDPOINT, view);
  t.after(shown.close);
  const { page } = shown;
  const secrets = new Set();
  const addresses = [];
  page.on("framenavigated", (frame) => addresses.push(frame.url()));
  page.on("response", async (answer) => {
    const body = await answer.text().catch(() => "");
    for (const [, json, xml] of body.matchAll(secretIn)) secrets.add(json ?? xml);
  });
  await signIn(page);
  await visit(page, `#/play?pool=${encodeURIComponent(pool)}`);

  const leaks = async () => {
    const kept = await page.evaluate(async () => JSON.stringify([
      { ...localStorage }, { ...sessionStorage }, document.cookie, document.title, history.state, await indexedDB.databases(),
      await caches.keys()]));
    const places = { document: await page.content(), text: await page.locator("body").innerText(), kept, addresses: addresses.join("\n") };
    return Object.entries(places).flatMap(([place, text]) => [...secrets].filter((one) => text.includes(one)).map(() => place));
  };
  return { ...shown, secrets, leaks };
}

const card = (page, operation) => page.getByRole("list", { name: "Steps of the sign-in" }).locator("> li")
  .filter({ has: page.getByRole("heading", { name: new RegExp(`^${operation}\\s*:`) }) });
const stateOf = async (page) => (await page.getByRole("list", { name: "Steps of the sign-in" }).locator("> li > .head h2").allInnerTexts())
  .map((text) => text.replace(/\s+/g, " ").replace(" :", ":"));

// factsOf returns the facts of a card by their names.
const factsOf = (page, operation) => card(page, operation).locator("dl.pairs").evaluate((list) =>
  Object.fromEntries([...list.querySelectorAll("dt")].map((name) =>
    [name.textContent, (name.nextElementSibling.querySelector("code") ?? name.nextElementSibling).textContent.trim()])));

async function run(page, works = "The sign-in works: all") {
  await page.getByRole("button", { name: "Run all steps", exact: true }).click();
  await page.getByRole("status").filter({ hasText: works }).waitFor();
  await settled(page);
}

// secretOf shows a secret, returns it, and hides it again.
async function secretOf(page, operation, name) {
  await card(page, operation).getByRole("button", { name: `Show ${name}`, exact: true }).click();
  const text = (await factsOf(page, operation))[name[0].toUpperCase() + name.slice(1)];
  await card(page, operation).getByRole("button", { name: `Hide ${name}`, exact: true }).click();
  return text;
}

// sessionOf is what the card of the credentials has, as a program uses it, and what STS tells of it.
async function sessionOf(page, operation) {
  const facts = await factsOf(page, operation);
  const minutes = (new Date(facts.Expire) - Date.now()) / 60_000;
  assert.ok(minutes > 50 && minutes <= 61, `the credentials expire in ${minutes} minutes: ${facts.Expire}`);
  const session = {
    accessKeyId: facts["Access key ID"],
    secretAccessKey: await secretOf(page, operation, "secret key"),
    sessionToken: await secretOf(page, operation, "session token"),
  };
  const { Arn, Account } = await stsAs(session).send(new GetCallerIdentityCommand({}));
  return { Role: Arn.split("/")[1], Session: Arn, Account };
}

// codeOf opens the code of a card, and returns it in each language.
async function codeOf(page, operation) {
  const one = card(page, operation);
  await one.locator("summary", { hasText: /^Code$/ }).click();
  const texts = {};
  for (const name of ["CLI", "JavaScript", "Python", "Go", "Java"]) {
    await one.getByRole("tab", { name, exact: true }).click();
    texts[name] = await one.getByRole("tabpanel").innerText();
    assert.equal(await one.locator("mark").count(), 1, `${operation} in ${name} is not marked`);
  }
  await one.locator("summary", { hasText: /^Code$/ }).click();
  return texts;
}

// users are the ways to sign in: how the form is filled, the login that its code names, and who the identity is.
const users = {
  guest: { choose: "A guest", first: "GetId", role: "guests", amr: ["unauthenticated"] },
  "made-up user": {
    choose: "A made-up user", first: "Development token", role: "users", login: LOGIN,
    fill: async (page) => page.getByLabel("Subject", { exact: true }).fill("ann"),
  },
  token: {
    choose: "Somebody with a token", first: "GetId", role: "users", login: LOGIN,
    fill: async (page) => {
      const { token } = await dev("token", { sub: "ben" });
      await page.getByLabel("Token", { exact: true }).fill(token);
      assert.equal(await page.getByLabel("Login key").inputValue(), LOGIN);
      return token;
    },
  },
  "SAML response": {
    choose: "Somebody with a SAML response", first: "GetId", role: "users", login: SAML, enhanced: true,
    fill: async (page) => {
      await page.getByRole("button", { name: "Make a response of a made-up user" }).click();
      await page.waitForFunction(() => [...document.querySelectorAll("input[type=password]")].some((one) => one.value.length > 1000));
    },
  },
  "pasted SAML response": {
    choose: "Somebody with a SAML response", first: "GetId", role: "users", login: SAML, enhanced: true,
    fill: async (page) => {
      const { saml_response } = await dev("saml-response", { name_id: "cem" });
      await page.getByLabel("SAML response", { exact: true }).fill(saml_response);
      return saml_response;
    },
  },
  backend: {
    choose: "A user of my backend", first: "GetOpenIdTokenForDeveloperIdentity", role: "users", login: "app.example",
    fill: async (page) => page.getByLabel("User ID").fill("user 7"),
  },
};

const identity = (facts) => facts.Identity ?? facts.Subject;

async function checkOpenID(page, operation, id, pool, { role, amr }) {
  const facts = await factsOf(page, operation);
  assert.match(facts.Signature, /^Verified in this browser: RS512, key [\w-]+, [\d.]+ ms$/);
  assert.deepEqual([facts.Issuer, facts.Subject, facts.Audience], [ENDPOINT, id, pool]);
  assert.ok(JSON.parse(facts.amr).includes(role === "guests" ? "unauthenticated" : "authenticated"), facts.amr);
  if (amr) assert.deepEqual(JSON.parse(facts.amr), amr);
}

for (const [name, user] of Object.entries(users)) {
  for (const classic of user.enhanced ? [false] : [false, true]) {
    const title = `${name}, ${classic ? "classic" : "enhanced"}`;
    test(title, async (t) => {
      const label = title.replace(/\W+/g, "-");
      const pool = await makePool(label);
      const shown = await play(t, pool);
      const { page, secrets, leaks } = shown;
      await page.getByLabel(user.choose, { exact: true }).check();
      if (classic) await page.getByRole("checkbox", { name: /Classic flow/ }).check();
      const pasted = await user.fill?.(page);
      if (pasted) secrets.add(pasted);
      await settled(page);
      await run(page);

      // What the cards tell is what the server knows.
      const took = classic ? "AssumeRoleWithWebIdentity" : "GetCredentialsForIdentity";
      const developer = name === "backend";
      const states = await stateOf(page);
      assert.deepEqual(states, [
        ...(user.first === "Development token" ? ["Development token"] : []),
        developer ? user.first : "GetId", ...(developer || user.enhanced ? [] : ["GetOpenIdToken"]), took, "GetCallerIdentity",
      ].map((one) => `${one}: Passed`));
      assert.ok(secrets.size >= (user.enhanced ? 3 : 2), `${secrets.size} secrets came`);
      assert.deepEqual(await leaks(), []);

      const id = identity(await factsOf(page, developer ? user.first : "GetId"));
      const { Logins } = await pools.send(new DescribeIdentityCommand({ IdentityId: id }));
      assert.deepEqual(Logins, user.login ? [user.login] : undefined);
      if (!user.enhanced) await checkOpenID(page, developer ? user.first : "GetOpenIdToken", id, pool, user);
      const caller = await factsOf(page, "GetCallerIdentity");
      assert.deepEqual(caller, await sessionOf(page, took));
      assert.deepEqual([caller.Role, caller.Account], [`${label}-${user.role}`, ACCOUNT]);
      if (name === "made-up user") {
        const { Token, ...facts } = await factsOf(page, "Development token");
        assert.deepEqual(facts, { "Login key": LOGIN, Issuer: ISSUER, Subject: "ann", Audience: AUDIENCE });
      }
      assert.deepEqual(await leaks(), []);

      // The request and the answer have no secret before they are asked for it.
      const details = card(page, took);
      await details.locator("summary", { hasText: "Request and answer" }).click();
      assert.deepEqual(await leaks(), []);
      await details.getByRole("button", { name: "Show secrets" }).click();
      assert.ok((await leaks()).includes("document"), "no secret is shown, so its absence proves nothing");
      assert.ok(!(await leaks()).some((place) => place === "kept" || place === "addresses"));
      await details.getByRole("button", { name: "Show secrets" }).click();
      assert.deepEqual(await leaks(), []);

      for (const operation of states.map((one) => one.split(":")[0]).filter((one) => one !== "Development token")) {
        for (const [language, text] of Object.entries(await codeOf(page, operation))) {
          const expected = [pool, "us-east-1", ENDPOINT, user.login ?? "", classic ? roleARN(`${label}-${user.role}`) : ""];
          for (const value of expected) assert.ok(text.includes(value), `${operation} in ${language} lacks ${value}:\n${text}`);
          assert.doesNotMatch(text, /__[A-Z_]+__/);
        }
      }
      assert.deepEqual(await leaks(), []);
      await picture(page, `play-${title}`);
      assert.deepEqual(await faultsOf(shown), []);
    });
  }
}

// A refused step shows the checks and the way to the setting; when the cause is gone it runs again.
test("a refused step goes on when its cause is mended", async (t) => {
  const pool = await makePool("mended");
  const roles = { authenticated: roleARN("mended-users"), unauthenticated: roleARN("mended-guests") };
  await pools.send(new SetIdentityPoolRolesCommand({ IdentityPoolId: pool, Roles: { unauthenticated: roles.unauthenticated } }));
  const shown = await play(t, pool, views.narrow);
  const { page, leaks } = shown;
  await run(page, "GetCredentialsForIdentity was refused. 3 of 5 steps passed.");
  assert.deepEqual(await stateOf(page), ["Development token: Passed", "GetId: Passed", "GetOpenIdToken: Passed",
    "GetCredentialsForIdentity: Refused", "GetCallerIdentity: Not reached"]);

  const refused = card(page, "GetCredentialsForIdentity");
  assert.match(await refused.innerText(), /InvalidIdentityPoolConfigurationException/);
  const rungs = (await refused.locator(".ladder li").allInnerTexts()).map((text) => text.replace(/\s+/g, " ").split(":")[0]);
  assert.equal(rungs.filter((state) => state === "Refused").length, 1, rungs.join());
  assert.ok(rungs.indexOf("Passed") < rungs.indexOf("Refused") && rungs.includes("Passed"), rungs.join());
  const toSetting = refused.locator(`a[href^="#/pools/${encodeURIComponent(pool)}/roles"]`);
  assert.equal(await toSetting.count(), 1);
  const wait = card(page, "GetCallerIdentity").getByRole("button", { name: /^Run step/ });
  assert.equal(await wait.getAttribute("aria-disabled"), "true");
  await wait.click({ force: true });
  assert.match((await stateOf(page)).at(-1), /Not reached$/);
  await picture(page, "play-refused");
  assert.deepEqual(await faultsOf(shown), []);

  // The way to the setting leads to its field, and back to the same choice.
  await toSetting.click();
  await page.waitForFunction(() => document.activeElement?.matches("main input, main select, main textarea"));
  await page.goBack();
  await settled(page);
  assert.ok(await page.getByLabel("A made-up user", { exact: true }).isChecked());
  await run(page, "GetCredentialsForIdentity was refused.");

  await pools.send(new SetIdentityPoolRolesCommand({ IdentityPoolId: pool, Roles: roles }));
  await refused.getByRole("button", { name: /^Run again/ }).click();
  await page.getByRole("heading", { name: /^GetCredentialsForIdentity\s*: Passed/ }).waitFor();
  await card(page, "GetCallerIdentity").getByRole("button", { name: /^Run step/ }).click();
  await page.getByRole("status").filter({ hasText: "The sign-in works: all 5 steps passed." }).waitFor();
  assert.deepEqual(await leaks(), []);
});
