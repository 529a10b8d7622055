// Refused calls, found in the console, understood and mended by following the page alone: then the same call passes.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand, GetIdCommand, GetOpenIdTokenCommand, SetIdentityPoolRolesCommand } from "@aws-sdk/client-cognito-identity";

import { arn, iam, idp, info, roleARN, roleOf, send, tokenFor, unsigned } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views, visit } from "./console.mjs";

const { endpoint: ENDPOINT, oidc_provider_arn: DEV, login_key: KEY } = info;

after(() => browser.close());

// pool makes a pool whose users get the role User.
async function pool(IdentityPoolName, more = {}, roles = {}) {
  const { IdentityPoolId } = await send(CreateIdentityPoolCommand, {
    IdentityPoolName, AllowUnauthenticatedIdentities: false, AllowClassicFlow: false, ...more });
  await send(SetIdentityPoolRolesCommand, { IdentityPoolId, Roles: { authenticated: roleARN("User") }, ...roles });
  return IdentityPoolId;
}

const dev = { OpenIdConnectProviderARNs: [DEV] };
const trusting = (aud) => JSON.stringify({ Version: "2012-10-17", Statement: [{
  Effect: "Allow", Principal: { Federated: "cognito-identity.amazonaws.com" }, Action: "sts:AssumeRoleWithWebIdentity",
  Condition: { StringEquals: { "cognito-identity.amazonaws.com:aud": aud } } }] });

// A user pool with two apps, and a user who signs in with one of them.
const users = (await idp.createUserPool({ PoolName: "users" }).promise()).UserPool.Id;
async function app(ClientName) {
  const { UserPoolClient } = await idp.createUserPoolClient({
    UserPoolId: users, ClientName, ExplicitAuthFlows: ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] }).promise();
  return UserPoolClient.ClientId;
}
const known = await app("known"), other = await app("other");
const password = "Secret-123";
await idp.signUp({ ClientId: known, Username: "ann", Password: password }).promise();
await idp.adminConfirmSignUp({ UserPoolId: users, Username: "ann" }).promise();
async function userToken(ClientId) {
  const { AuthenticationResult } = await idp.initiateAuth({
    ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "ann", PASSWORD: password } }).promise();
  return AuthenticationResult.IdToken;
}
const users_key = `cognito-idp.us-east-1.amazonaws.com/${users}`;

const issuer = "issuer.example/realm";
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const forged = (iss, aud) => unsigned({ iss: `https://${iss}`, sub: "ann", aud, iat: inAnHour() - 3600, exp: inAnHour() });

const pressed = (page, name) => page.getByRole("button", { name, exact: true }).click();
const told = (page, text) => page.getByRole("status").filter({ hasText: text }).first().waitFor();

async function addToPool(page) {
  await pressed(page.getByRole("dialog"), "Add the provider");
  await told(page, "Added.");
}

// Each kind of refusal: its headline, the pool, the call, the button of the page, where that leads, the field that has
// the focus there, the value that is proposed, what is left to do, and what the call gives in the end.
const refusals = [
  { kind: "the client of another app, at a user pool", headline: "The token was made for another client",
    make: (name) => pool(name, { CognitoIdentityProviders: [{ ProviderName: users_key, ClientId: known, ServerSideTokenCheck: true }] }),
    call: async (id) => roleOf(id, { [users_key]: await userToken(other) }),
    button: `Add ${other} to the provider`, path: (id) => ["pools", id, "providers"],
    field: "App client ID", proposed: other, mend: addToPool, gives: "User" },
  { kind: "a provider that the pool does not have", headline: "The pool does not accept this provider",
    make: (name) => pool(name, { SupportedLoginProviders: { "accounts.google.com": "app" } }),
    call: async (id) => roleOf(id, { [KEY]: await tokenFor("ann") }),
    button: "Add the provider to the pool", path: (id) => ["pools", id, "providers"],
    field: "Provider", proposed: DEV, mend: addToPool, gives: "User" },
  { kind: "a pool without any provider", headline: "The pool has no login providers",
    make: (name) => pool(name),
    call: async (id) => roleOf(id, { [KEY]: await tokenFor("ann") }),
    button: "Add the provider to the pool", path: (id) => ["pools", id, "providers"],
    field: "Provider", proposed: DEV, mend: addToPool, gives: "User" },
  { kind: "no rule that matches", headline: "No role rule matches this user",
    make: (name) => pool(name, { ...dev, SupportedLoginProviders: { "accounts.google.com": "app" } }, { RoleMappings: {
      "accounts.google.com": { Type: "Token", AmbiguousRoleResolution: "Deny" },
      [DEV]: { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules: [
        { Claim: "plan", MatchType: "Equals", Value: "pro", RoleARN: roleARN("Pro") }] } } } }),
    call: async (id) => roleOf(id, { [KEY]: await tokenFor("ann", { claims: { plan: "free" } }) }),
    button: "Open the role rules", path: (id) => ["pools", id, "roles"],
    field: "Provider", holds: DEV,
    async mend(page) {
      await page.getByLabel("Value of rule 1").fill("free");
      await page.getByText("with unsaved changes").waitFor();
      await pressed(page, "Save rules");
      await told(page, "Saved.");
    }, gives: "Pro" },
  { kind: "a role that trusts another pool", headline: "The role trusts another pool",
    async make(name) {
      await iam.createRole({ RoleName: "Other", AssumeRolePolicyDocument: trusting("us-east-1:00000000-0000-4000-8000-000000000000") }).promise();
      return pool(name, dev, { Roles: { authenticated: roleARN("Other") } });
    },
    call: async (id) => roleOf(id, { [KEY]: await tokenFor("ann") }),
    button: "Open the trust policy", path: () => ["access", "roles", "Other"],
    field: "Who may take the role",
    async mend(page, id) {
      await page.getByLabel("Who may take the role").fill(trusting(id));
      await pressed(page, "Save the trust policy");
      await told(page, "Saved.");
    }, gives: "Other" },
  { kind: "the classic flow", headline: "The pool does not allow the classic flow",
    make: (name) => pool(name, dev),
    async call(IdentityPoolId) {
      const Logins = { [KEY]: await tokenFor("ann") };
      const { IdentityId } = await send(GetIdCommand, { IdentityPoolId, Logins });
      return (await send(GetOpenIdTokenCommand, { IdentityId, Logins })).Token.split(".").length;
    },
    button: "Open the flow settings of the pool", path: (id) => ["pools", id, "settings"],
    field: "Allow the classic flow",
    async mend(page) {
      await page.getByLabel("Allow the classic flow").check();
      await pressed(page, "Save settings");
      await told(page, "Saved.");
    }, gives: 3 },
  { kind: "guests", headline: "The pool does not let guests in",
    make: (name) => pool(name, dev, { Roles: { unauthenticated: roleARN("Guest") } }),
    call: (id) => roleOf(id),
    button: "Open guest access of the pool", path: (id) => ["pools", id, "settings"],
    field: "Allow guests",
    async mend(page) {
      await page.getByLabel("Allow guests").check();
      await pressed(page, "Save settings");
      await told(page, "Saved.");
    }, gives: "Guest" },
  { kind: "a pool without a role for users", headline: "The pool has no role for this user",
    make: (name) => pool(name, dev, { Roles: {} }),
    call: async (id) => roleOf(id, { [KEY]: await tokenFor("ann") }),
    button: "Choose a role", path: (id) => ["pools", id, "roles"],
    field: "Signed-in users",
    async mend(page) {
      await page.getByLabel("Signed-in users").fill(roleARN("User"));
      await pressed(page, "Save rules");
      await told(page, "Saved.");
    }, gives: "User" },
];

// refused makes a call that must be refused.
async function refused(call) {
  const error = await call().then(() => null, (failed) => failed);
  assert.ok(error?.$metadata?.requestId, `the call was not refused: ${error}`);
  return error.$metadata.requestId;
}

// opened shows a refusal as somebody finds it: in the list, by its headline and its pool.
async function opened(page, headline, name) {
  await visit(page, "#/explain");
  await page.mouse.move(0, 0); // the list stands still under the pointer
  const row = page.locator("[data-refusals] a").filter({ hasText: headline }).filter({ hasText: name });
  await row.first().click();
  await page.locator("article h2").filter({ hasText: headline }).waitFor();
  await settled(page);
}

// focused waits until a control has the focus, and returns it.
async function focused(page, name) {
  const control = page.getByLabel(name, { exact: true }).and(page.locator(":focus"));
  await control.waitFor().catch(async () => assert.fail(`not ${name} has the focus, but ${
    await page.evaluate(() => document.activeElement.outerHTML.slice(0, 200))}`));
  return control;
}

for (const [view, n] of [[views.wide, "wide"], [views.narrow, "narrow"]]) {
  test(`a refused call is mended by following the page, ${n}`, async (t) => {
    // A role of the last view would be there already.
    await iam.deleteRole({ RoleName: "Other" }).promise().catch(() => undefined);
    const shown = await open(ENDPOINT, view);
    const { page } = shown;
    await signIn(page);

    for (const { kind, headline, make, call, button, path, field, proposed, holds, mend, gives } of refusals) {
      await t.test(kind, async () => {
        const name = `${kind.replace(/[^\w ]/g, "")} ${n}`;
        const id = await make(name);
        await refused(() => call(id));

        await opened(page, headline, name);
        await picture(page, `refusals-${n}-${kind}`);
        assert.deepEqual(await faultsOf(shown), []);

        await page.getByRole("link", { name: button, exact: true }).click();
        const control = await focused(page, field);
        assert.equal(new URL(page.url()).hash.split("?")[0], `#/${path(id).map(encodeURIComponent).join("/")}`);
        if (holds) assert.equal(await control.inputValue(), holds);
        if (proposed) {
          assert.equal(await control.inputValue(), proposed);
          assert.match(await control.evaluate((one) => one.parentElement.innerText), /not saved/);
        }
        await settled(page);
        await picture(page, `refusals-${n}-${kind}-mend`);
        assert.deepEqual(await faultsOf(shown), []);
        await refused(() => call(id)); // nothing is saved yet

        await mend(page, id);
        assert.equal(await call(id), gives);
      });
    }
    await shown.close();
  });
}

test("the client of another app, at a provider of the account", async () => {
  const shown = await open(ENDPOINT);
  const { page } = shown;
  await iam.createOpenIDConnectProvider({ Url: `https://${issuer}`, ClientIDList: ["one"] }).promise();
  const id = await pool("registered", { OpenIdConnectProviderARNs: [arn("oidc-provider", issuer)] });
  await refused(() => roleOf(id, { [issuer]: forged(issuer, "two") }));

  await signIn(page);
  await opened(page, "The token was made for another client", "registered");
  await page.getByText("is named by a token that was not proven").waitFor();
  await page.getByRole("link", { name: "Add two to the provider" }).click();
  const control = await focused(page, "New client ID");
  assert.equal(await control.inputValue(), "two");
  assert.match(await control.evaluate((one) => one.parentElement.innerText), /not saved/);
  await pressed(page, "Add the client ID");
  await told(page, "two was added.");

  // The client is accepted now; that nobody signed the token, no page can mend.
  await refused(() => roleOf(id, { [issuer]: forged(issuer, "two") }));
  await opened(page, "The provider's keys cannot be read", "registered");
  assert.equal(await page.locator("article a.button").count(), 0);
  await shown.close();
});

test("what the console cannot mend has no button to a page", async (t) => {
  const shown = await open(ENDPOINT);
  const { page } = shown;
  await signIn(page);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);

  await t.test("an expired token is only explained", async () => {
    const id = await pool("expired", dev);
    await refused(async () => roleOf(id, { [KEY]: await tokenFor("ann", { expires_in: -7200 }) }));
    await opened(page, "The token has expired", "expired");
    await page.getByText("What to change:").waitFor();
    assert.equal(await page.locator("article a.button").count(), 0);
    assert.deepEqual(await faultsOf(shown), []);
  });

  await t.test("a client of the development issuer is only explained", async () => {
    const id = await pool("development", dev);
    await refused(async () => roleOf(id, { [KEY]: await tokenFor("ann", { aud: "other-app" }) }));
    await opened(page, "The token was made for another client", "development");
    await page.getByText("What to change:").waitFor();
    assert.equal(await page.locator("article a.button").count(), 0);
  });

  await t.test("a provider of the settings file gives the line for the file", async () => {
    const key = "file.example/realm";
    const id = await pool("filed", { OpenIdConnectProviderARNs: [arn("oidc-provider", key)] });
    await refused(() => roleOf(id, { [key]: forged(key, "other-app") }));
    await opened(page, "The token was made for another client", "filed");
    await picture(page, "refusals-file");
    assert.equal(await page.locator("article a.button").count(), 0);
    await page.getByRole("button", { name: "Copy the line for the settings file" }).click();
    const line = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(line, /^# add to oidc_providers\S*client_ids\n- "other-app"$/);
    assert.deepEqual(await faultsOf(shown), []);

    // Nor has the page of the provider anything to change.
    await visit(page, `#/access/oidc/${encodeURIComponent(key)}?field=ClientIDList&add=other-app`);
    await page.getByText("Proposed, but to be added in the settings file").waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Add the client|Delete|Remove)/ }).count(), 0);
    assert.deepEqual(await faultsOf(shown), []);
  });
  await shown.close();
});
